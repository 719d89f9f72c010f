// SPDX-License-Identifier: GPL-2.0
/*
 * Every transport parameter as a connection takes it: legal values are accepted, any other
 * ends it with TRANSPORT_PARAMETER_ERROR, which the peer hears. RFC 9000, 7.3, 7.4 and 18.2;
 * RFC 9221, 3; RFC 9287, 3; RFC 9368, 4
 */
#include "test.h"
#include "sim.h"

#define TOKEN	"000102030405060708090a0b0c0d0e0f"
#define MAX8	"ffffffffffffffff"	/* 2^62-1 */
#define ADDRS	"7f000001 1151 00000000000000000000000000000002 1152"

enum who { BOTH, SERVER };	/* who may send it */

static const struct param {
	const char *name;
	u16 id;
	enum who from;
	const char *legal[5];		/* values, in hexadecimal; "" is an empty one */
	const char *illegal[6];
} params[] = {
	{ "max_idle_timeout", 0x01, BOTH, { "00", "01", "40ff", MAX8 }, { "", "40", "0000" } },
	{ "stateless_reset_token", 0x02, SERVER, { TOKEN },
	  { "", "00", "000102030405060708090a0b0c0d0e", TOKEN "10" } },
	{ "max_udp_payload_size", 0x03, BOTH, { "44b0", "8000fff7", MAX8 },
	  { "", "00", "44af", "44b000", "c0" } },
	{ "initial_max_data", 0x04, BOTH, { "00", MAX8 }, { "", "40", "0000" } },
	{ "initial_max_stream_data_bidi_local", 0x05, BOTH, { "00", MAX8 }, { "", "40", "0000" } },
	{ "initial_max_stream_data_bidi_remote", 0x06, BOTH, { "00", MAX8 }, { "", "40", "0000" } },
	{ "initial_max_stream_data_uni", 0x07, BOTH, { "00", MAX8 }, { "", "40", "0000" } },
	{ "initial_max_streams_bidi", 0x08, BOTH, { "00", "d000000000000000" },
	  { "", "40", "0000", "d000000000000001", MAX8 } },
	{ "initial_max_streams_uni", 0x09, BOTH, { "00", "d000000000000000" },
	  { "", "40", "0000", "d000000000000001", MAX8 } },
	{ "ack_delay_exponent", 0x0a, BOTH, { "00", "03", "14" }, { "", "15", "40", MAX8 } },
	{ "max_ack_delay", 0x0b, BOTH, { "00", "7fff" }, { "", "80004000", MAX8, "0000" } },
	{ "disable_active_migration", 0x0c, BOTH, { "" }, { "00", "01", "0000" } },
	{ "preferred_address", 0x0d, SERVER, { ADDRS "01aa" TOKEN, ADDRS "14" TOKEN "aabbccdd" TOKEN },
	  { "", ADDRS, ADDRS "00" TOKEN, ADDRS "15" TOKEN "aabbccddee" TOKEN, ADDRS "02aa" TOKEN } },
	{ "active_connection_id_limit", 0x0e, BOTH, { "02", "08", MAX8 },
	  { "", "00", "01", "0200" } },
	{ "version_information", 0x11, BOTH, { "00000001 00000001", "00000001 6b3343cf 00000001" },
	  { "", "00", "000000", "00000001 00", "00000000 00000001", "00000001 00000001 00000000" } },
	{ "max_datagram_frame_size", 0x20, BOTH, { "00", "01", "8000ffff", MAX8 },
	  { "", "40", "0000" } },
	{ "grease_quic_bit", 0x2ab2, BOTH, { "" }, { "00", "01" } },
	{ "reserved", 0x1b, BOTH, { "", "00", MAX8 MAX8 }, { NULL } },
	{ "unknown", 0x3ff0, BOTH, { "", "ff", "0000" }, { NULL } },
};

/* A connection that waits for its peer's parameters, with only us to give them. */
static struct sim *waiting(bool server)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.tls_delay = SEC(100);
	s = sim_new(&cfg);
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, MS(15), NULL);
	assert_true(s->s->live);
	if (!server) {
		/* as if the server's first packet had come */
		quic_cid_set(&s->c->conn.hs->peer_scid, s->s->conn.cids.local[0].cid.id, QUIC_CID_LEN);
		s->c->conn.peer_scid_set = true;
	}
	return s;
}

static size_t put(u8 *buf, size_t cap, u16 id, const u8 *value, size_t len)
{
	u8 *p = quic_varint_put(quic_varint_put(buf, id), len);

	assert_true(p + len <= buf + cap);
	memcpy(p, value, len);
	return p + len - buf;
}

/* The connection IDs that 7.3 asks for. */
static size_t ids(const struct sim *s, bool server, u8 *buf, size_t cap)
{
	const struct sim_ep *from = server ? s->c : s->s;
	const struct quic_cid *scid = &from->conn.cids.local[0].cid;
	size_t n = put(buf, cap, QUIC_TP_INITIAL_SCID, scid->id, scid->len);

	if (!server)
		n += put(buf + n, cap - n, QUIC_TP_ORIGINAL_DCID, s->c->conn.odcid.id,
			 s->c->conn.odcid.len);
	return n;
}

static void give(const struct param *p, const char *value, bool server, unsigned int times,
		 bool legal)
{
	struct sim *s = waiting(server);
	struct sim_ep *ep = server ? s->s : s->c;
	u8 buf[512], raw[128];
	size_t n = ids(s, server, buf, sizeof(buf)), len = hex(raw, sizeof(raw), value);
	int err;

	while (times--)
		n += put(buf + n, sizeof(buf) - n, p->id, raw, len);
	err = quic_conn_remote_params(&ep->conn, buf, n, s->now);
	if (err != (legal ? 0 : -EPROTO) ||
	    ep->conn.close.code != (legal ? 0 : QUIC_ERR_TRANSPORT_PARAMETER))
		fail_msg("%s \"%s\" to the %s: %d, error 0x%llx", p->name, value,
			 server ? "server" : "client", err,
			 (unsigned long long)ep->conn.close.code);
	if (!legal) {
		/* RFC 9000, 7.4: on the wire */
		sim_pump(ep);
		sim_run(s, MS(50), NULL);
		assert_int_equal(ep->peer->conn.close.code, QUIC_ERR_TRANSPORT_PARAMETER);
		assert_true(ep->peer->conn.close.remote);
		assert_false(ep->peer->conn.close.app);
	}
	sim_free(s);
}

static void params__legal_and_not(void **state)
{
	unsigned int i, k, server;

	for (i = 0; i < ARRAY_SIZE(params); i++) {
		const struct param *p = &params[i];

		for (server = 0; server < 2; server++) {
			bool may = p->from == BOTH || !server;

			for (k = 0; k < ARRAY_SIZE(p->legal) && p->legal[k]; k++)
				give(p, p->legal[k], server, 1, may);
			for (k = 0; k < ARRAY_SIZE(p->illegal) && p->illegal[k]; k++)
				give(p, p->illegal[k], server, 1, false);
		}
	}
}

/* RFC 9000, 7.4: no parameter twice; those we do not know we do not look at */
static void params__twice(void **state)
{
	unsigned int i, server;

	for (i = 0; i < ARRAY_SIZE(params); i++)
		for (server = 0; server < 2; server++)
			give(&params[i], params[i].legal[0], server, 2, !params[i].illegal[0]);
}

/* RFC 9000, 7.3: IDs that are absent, wrong, or there without a reason */
static void params__ids(void **state)
{
	static const char *const other[] = { "", "00", "0011223344556677", TOKEN "aabbccdd",
					     TOKEN "aabbccddee" };
	static const u16 which[] = { QUIC_TP_INITIAL_SCID, QUIC_TP_ORIGINAL_DCID,
				     QUIC_TP_RETRY_SCID };
	unsigned int i, k, server;
	u8 buf[128], raw[32];

	for (server = 0; server < 2; server++) {
		for (i = 0; i < ARRAY_SIZE(which); i++) {
			for (k = 0; k <= ARRAY_SIZE(other); k++) {
				struct sim *s = waiting(server);
				struct quic_conn *c = &s->ep[server].conn;
				const struct quic_cid *scid = &s->ep[!server].conn.cids.local[0].cid;
				size_t n = 0, len = 0;

				if (k < ARRAY_SIZE(other))
					len = hex(raw, sizeof(raw), other[k]);
				/* all but this one, then this one wrong, or (last) not at all */
				if (which[i] != QUIC_TP_INITIAL_SCID)
					n += put(buf + n, 128 - n, QUIC_TP_INITIAL_SCID, scid->id,
						 scid->len);
				if (which[i] != QUIC_TP_ORIGINAL_DCID && !server)
					n += put(buf + n, 128 - n, QUIC_TP_ORIGINAL_DCID,
						 c->odcid.id, c->odcid.len);
				if (k < ARRAY_SIZE(other))
					n += put(buf + n, 128 - n, which[i], raw, len);
				else if (which[i] == QUIC_TP_RETRY_SCID || (server && i))
					buf[0] ^= 1;	/* those may be absent: spoil the rest */
				assert_int_equal(quic_conn_remote_params(c, buf, n, s->now),
						 -EPROTO);
				assert_int_equal(c->close.code, QUIC_ERR_TRANSPORT_PARAMETER);
				sim_free(s);
			}
		}
	}
}

/* RFC 9000, 18.1: one that is reserved goes out with every set, ours decode at the peer. */
static void params__ours(void **state)
{
	unsigned int i, seen = 0;
	struct quic_tparams tp;
	const u8 *p, *end;
	u8 buf[512];
	u64 id, len;
	int n;

	for (i = 0; i < 200; i++) {
		struct sim *s = waiting(true);

		n = quic_conn_local_params(&s->ep[i & 1].conn, buf, sizeof(buf));
		assert_in_range(n, 1, 256);
		assert_int_equal(quic_tparam_decode(&tp, i & 1, buf, n), 0);
		assert_int_equal(tp.version_chosen, QUIC_V1);
		for (p = buf, end = buf + n; p < end; p += len) {
			assert_true(quic_varint_get(&p, end, &id) && quic_varint_get(&p, end, &len));
			seen += id % 31 == 27;
		}
		sim_free(s);
	}
	assert_true(seen >= 200);
}

/* What an application wants is offered as far as we can keep it. */
static void params__offer(void **state)
{
	struct sim *s = waiting(true);
	struct quic_conn *c = &s->c->conn;
	struct quic_tparams tp, told;
	u8 buf[512];
	int n;

	quic_tparam_defaults(&tp);
	tp.terms.max_data = QUIC_VARINT_MAX;
	tp.terms.max_stream_data_uni = 5000;
	tp.terms.max_stream_data_bidi_local = 5001;
	tp.terms.max_stream_data_bidi_remote = QUIC_VARINT_MAX;
	tp.terms.max_streams_bidi = QUIC_STREAMS_MAX;
	tp.terms.max_streams_uni = 3;
	tp.terms.max_udp_payload_size = QUIC_VARINT_MAX;
	tp.terms.max_idle_timeout = SEC(7);
	tp.terms.disable_1rtt_encryption = true;
	quic_conn_offer(c, &tp, 5000, false);
	n = quic_conn_local_params(c, buf, sizeof(buf));
	assert_true(n > 0);
	assert_int_equal(quic_tparam_decode(&told, false, buf, n), 0);
	assert_int_equal(told.terms.max_data, 5000);
	assert_int_equal(told.terms.max_stream_data_uni, 5000);
	assert_int_equal(told.terms.max_stream_data_bidi_local, 5000);
	assert_int_equal(told.terms.max_stream_data_bidi_remote, 5000);
	assert_int_equal(told.terms.max_streams_bidi, QUIC_STREAMS_LOCAL_MAX);
	assert_int_equal(told.terms.max_streams_uni, 3);
	assert_int_equal(told.terms.max_udp_payload_size, QUIC_DGRAM_MAX);
	assert_false(told.terms.disable_1rtt_encryption);
	/* And that is what holds, as it is what was told. */
	assert_int_equal(c->rx_flow.limit, 5000);
	assert_int_equal(c->rx_flow.window_max, 5000);
	assert_int_equal(c->streams.kind[0].peer_max, QUIC_STREAMS_LOCAL_MAX);
	assert_int_equal(c->streams.kind[1].peer_window, 3);
	assert_int_equal(c->idle_timeout, SEC(7));
	assert_false(c->compatible);
	sim_free(s);
}

static const struct CMUnitTest tests[] = {
	TEST(params__legal_and_not),
	TEST(params__twice),
	TEST(params__ids),
	TEST(params__ours),
	TEST(params__offer),
};

TEST_MAIN(tests)
