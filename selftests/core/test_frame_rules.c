// SPDX-License-Identifier: GPL-2.0
/*
 * Every frame type in every kind of packet at either end: taken, or refused with the code
 * that RFC 9000, 12.4 and table 3, RFC 9221 and the extensions' drafts name.
 */
#include "test.h"
#include "sim.h"

#define OK	0
#define PV	QUIC_ERR_PROTOCOL_VIOLATION
#define FE	QUIC_ERR_FRAME_ENCODING
#define PEER	1000001		/* stands for the first stream of the sender */

static const struct row {
	const char *name;
	u64 frame[34];		/* varints */
	u8 n;			/* how many */
	const char *where;	/* of I H 0 1, as in table 3 */
	u64 server, client;	/* what the one who gets it says where it is allowed */
} rows[] = {
	{ "PADDING", { 0x00 }, 1, "IH01" },
	{ "PING", { 0x01 }, 1, "IH01" },
	{ "ACK", { 0x02, 0, 0, 0, 0 }, 5, "IH1" },
	{ "ACK_ECN", { 0x03, 0, 0, 0, 0, 0, 0, 0 }, 8, "IH1" },
	{ "RESET_STREAM", { 0x04, PEER, 0, 0 }, 4, "01" },
	{ "STOP_SENDING", { 0x05, PEER, 0 }, 3, "01" },
	{ "CRYPTO", { 0x06, 0, 0 }, 3, "IH1" },
	{ "NEW_TOKEN", { 0x07, 1, 7 }, 3, "1", PV, OK },
	{ "STREAM", { 0x08, PEER, 7 }, 3, "01" },
	{ "STREAM", { 0x09, PEER, 7 }, 3, "01" },
	{ "STREAM", { 0x0a, PEER, 1, 7 }, 4, "01" },
	{ "STREAM", { 0x0b, PEER, 1, 7 }, 4, "01" },
	{ "STREAM", { 0x0c, PEER, 4, 7 }, 4, "01" },
	{ "STREAM", { 0x0d, PEER, 4, 7 }, 4, "01" },
	{ "STREAM", { 0x0e, PEER, 4, 1, 7 }, 5, "01" },
	{ "STREAM", { 0x0f, PEER, 4, 1, 7 }, 5, "01" },
	{ "MAX_DATA", { 0x10, 9 }, 2, "01" },
	{ "MAX_STREAM_DATA", { 0x11, PEER, 9 }, 3, "01" },
	{ "MAX_STREAMS, bidi", { 0x12, QUIC_STREAMS_MAX }, 2, "01" },
	{ "MAX_STREAMS, uni", { 0x13, QUIC_STREAMS_MAX }, 2, "01" },
	{ "MAX_STREAMS over 2^60", { 0x12, QUIC_STREAMS_MAX + 1 }, 2, "IH01", FE, FE },
	{ "MAX_STREAMS over 2^60", { 0x13, QUIC_STREAMS_MAX + 1 }, 2, "IH01", FE, FE },
	{ "DATA_BLOCKED", { 0x14, 9 }, 2, "01" },
	{ "STREAM_DATA_BLOCKED", { 0x15, PEER, 9 }, 3, "01" },
	{ "STREAMS_BLOCKED, bidi", { 0x16, QUIC_STREAMS_MAX }, 2, "01" },
	{ "STREAMS_BLOCKED, uni", { 0x17, QUIC_STREAMS_MAX }, 2, "01" },
	{ "STREAMS_BLOCKED over 2^60", { 0x17, QUIC_STREAMS_MAX + 1 }, 2, "IH01", FE, FE },
	{ "NEW_CONNECTION_ID", { 0x18, 30, 30, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8,
				 9, 10, 11, 12, 13, 14, 15, 16 }, 28, "01" },
	{ "NEW_CONNECTION_ID, empty", { 0x18, 30, 30, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
					14, 15, 16 }, 20, "IH01", FE, FE },
	{ "RETIRE_CONNECTION_ID", { 0x19, 1 }, 2, "1" },	/* 12.5: a server may refuse it in 0-RTT */
	{ "PATH_CHALLENGE", { 0x1a, 1, 2, 3, 4, 5, 6, 7, 8 }, 9, "01" },
	{ "PATH_RESPONSE", { 0x1b, 1, 2, 3, 4, 5, 6, 7, 8 }, 9, "1" },
	{ "CONNECTION_CLOSE", { 0x1c, 0, 0, 0 }, 4, "IH01" },
	{ "CONNECTION_CLOSE, application's", { 0x1d, 0, 0 }, 3, "01" },
	{ "HANDSHAKE_DONE", { 0x1e }, 1, "1", PV, OK },
	{ "IMMEDIATE_ACK", { 0x1f }, 1, "1" },
	{ "RESET_STREAM_AT", { 0x24, PEER, 0, 5, 0 }, 5, "01" },
	{ "RESET_STREAM_AT, too reliable", { 0x24, PEER, 0, 5, 6 }, 5, "IH01", FE, FE },
	{ "DATAGRAM", { 0x31, 1, 7 }, 3, "01" },
	{ "DATAGRAM", { 0x30, 7, 7, 7, 7 }, 5, "01" },
	{ "DATAGRAM, larger than offered", { 0x31, 3, 7, 7, 7 }, 5, "IH01", OK, OK },
	{ "ACK_FREQUENCY", { 0xaf, 0, 1, 25000, 1 }, 5, "1" },
	{ "ACK_FREQUENCY below min_ack_delay", { 0xaf, 0, 1, 999, 1 }, 5, "1", PV, PV },
	{ "ACK_FREQUENCY of 2^14 ms", { 0xaf, 0, 1, 16384000, 1 }, 5, "1", PV, PV },
	{ "empty NEW_TOKEN", { 0x07, 0 }, 2, "IH01", FE, FE },
};

static struct sim *start(bool handshake, u64 datagrams)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = sim_new(&cfg);
	s->hostile = true;
	s->c->conn.local.max_datagram_frame_size = datagrams;
	s->s->conn.local.max_datagram_frame_size = datagrams;
	if (!handshake) {
		sim_handshake(s);
		sim_run(s, MS(500), NULL);
		return s;
	}
	assert_int_equal(sim_connect(s), 0);
	return s;
}

static const char *level_name(u8 level)
{
	static const char *const names[] = { "1", "I", "H", "0" };

	return names[level];
}

/* What the end of @server says to the payload in a packet of @level */
static u64 give(const u8 *pay, u32 len, u8 level, bool server, u64 datagrams)
{
	bool handshake = level == QUIC_LEVEL_INITIAL || level == QUIC_LEVEL_HANDSHAKE;
	struct sim *s = start(handshake, datagrams);
	struct sim_ep *ep = server ? s->s : s->c;
	struct quic_rx_info info = { .pn = 1 << 20, .len = len, .level = level };
	u8 *copy = exact(pay, len);
	u64 err;

	/* A server that waits for Finished; a client that waits for HANDSHAKE_DONE */
	if (handshake)
		sim_run(s, server ? MS(11) : MS(21), NULL);
	assert_false(handshake && ep->conn.confirmed);
	info.payload = copy;
	info.dcid = &ep->conn.cids.local[0].cid;
	err = quic_conn_rx(&ep->conn, &info, s->now);
	if (err) {
		assert_int_equal(ep->conn.state, QUIC_CONN_CLOSING);
		assert_int_equal(ep->conn.close.code, err);
	}
	sim_glue_drop_bufs(ep);
	free(copy);
	sim_free(s);
	return err;
}

static u32 build(const struct row *r, bool server, u8 *pay)
{
	u8 *p = pay, i;

	for (i = 0; i < r->n; i++)
		p = quic_varint_put(p, r->frame[i] == PEER ? !server : r->frame[i]);
	return p - pay;
}

static bool is_datagram(const struct row *r)
{
	return (r->frame[0] & ~1ull) == QUIC_FT_DATAGRAM;
}

static void frame_rules__type_by_level_by_role(void **state)
{
	unsigned int i, n = 0;
	u8 level, pay[300];

	for (i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i / 2];
		bool server = i % 2;
		u32 len = build(r, server, pay);

		for (level = 0; level < QUIC_LEVELS; level++) {
			bool allowed = strstr(r->where, level_name(level));
			u64 want = !allowed ? PV : server ? r->server : r->client, got;
			/* What is sent is as large as what is offered, but in the one row. */
			u64 offered = strstr(r->name, "larger") ? 4 : 5;

			if (level == QUIC_LEVEL_EARLY && !server)
				continue;	/* no client gets one */
			if (is_datagram(r) && offered == 4)
				want = PV;
			got = give(pay, len, level, server, offered);
			if (got != want)
				fail_msg("%s in %s at a %s: %llx, not %llx", r->name,
					 level_name(level), server ? "server" : "client", got, want);
			n++;
			/* RFC 9221, 3: nothing offered */
			if (is_datagram(r))
				assert_int_equal(give(pay, len, level, server, 0), PV);
		}
	}
	assert_int_equal(n, 7 * ARRAY_SIZE(rows));
}

/* 12.4: of no type we know */
static void frame_rules__unknown_types(void **state)
{
	static const u64 more[] = { 0x40, 0x41, 0xae, 0xb0, 0xff, 0x3fff, 0x4000, 0xbaba00, 0xbaba01,
				    1ull << 30, QUIC_VARINT_MAX };
	u8 pay[64] = {}, level;
	unsigned int i;

	for (i = 0; i < 0x40 + ARRAY_SIZE(more); i++) {
		u64 type = i < 0x40 ? i : more[i - 0x40];

		if (type <= 0x1f || type == 0x24 || type == 0x30 || type == 0x31)
			continue;
		quic_varint_put(pay, type);
		for (level = 0; level < QUIC_LEVELS; level++)
			assert_int_equal(give(pay, sizeof(pay), level, i % 2, 100), FE);
	}
}

/* 12.4: in more bytes than it takes */
static void frame_rules__types_not_shortest(void **state)
{
	unsigned int i, width;
	u8 pay[300];

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];

		for (width = 2; width <= 8; width *= 2) {
			u8 *p = pay;
			u32 len;

			if (width <= quic_varint_len(r->frame[0]))
				continue;
			if (width == 2)
				put_unaligned_be16(0x4000 | r->frame[0], p);
			else if (width == 4)
				put_unaligned_be32(0x80000000 | r->frame[0], p);
			else
				put_unaligned_be64(0xc000000000000000 | r->frame[0], p);
			len = build(r, true, p + width - quic_varint_len(r->frame[0]));
			/* The type that build() wrote lies under the wide one's end. */
			if (width == 2)
				put_unaligned_be16(0x4000 | r->frame[0], p);
			else if (width == 4)
				put_unaligned_be32(0x80000000 | r->frame[0], p);
			else
				put_unaligned_be64(0xc000000000000000 | r->frame[0], p);
			len += width - quic_varint_len(r->frame[0]);
			assert_int_equal(give(pay, len, QUIC_LEVEL_APP, i % 2, 100), PV);
		}
	}
}

/* --- blocked: said once for each limit, where the RFC says so (4.1, 4.6, 19.12 to 19.14) --- */

static struct { u8 type; u64 id, max; } heard[64];
static unsigned int nheard;
static u64 next_pn;

/* Take note of what the packets sent since tell of limits, as the sender recorded it. */
static void listen_in(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	struct quic_conn *c = &from->conn;
	struct quic_sent *sent = &c->loss.app.sent;
	unsigned int i;

	for (; next_pn < sent->next; next_pn++) {
		struct quic_sent_packet *p = quic_sent_get(sent, next_pn);

		for (i = 0; p && i < p->nframes && nheard < ARRAY_SIZE(heard); i++) {
			struct quic_sent_frame *f = quic_sent_frame(sent, p, i);

			heard[nheard].type = f->type;
			heard[nheard].id = f->stream ? f->stream->id : f->len;
			heard[nheard].max = f->type == QUIC_SENT_DATA_BLOCKED ? c->tx_max :
					    f->stream ? f->stream->tx.max :
					    c->streams.kind[f->len & 1].local_max;
			nheard += f->type == QUIC_SENT_DATA_BLOCKED ||
				  f->type == QUIC_SENT_STREAM_DATA_BLOCKED ||
				  f->type == QUIC_SENT_STREAMS_BLOCKED;
		}
	}
}

static unsigned int count_heard(u8 type, u64 id, u64 max)
{
	unsigned int i, n = 0;

	for (i = 0; i < nheard; i++)
		n += heard[i].type == type && heard[i].id == id && heard[i].max == max;
	return n;
}

static void frame_rules__blocked_frames(void **state)
{
	struct sim_cfg cfg;
	struct sim_stream *a, *b;
	struct sim *s;
	int err, i;

	sim_config(&cfg);
	s = sim_new(&cfg);
	s->s->conn.local.max_data = 20000;
	s->s->conn.local.max_stream_data_uni = 8000;
	s->s->conn.local.max_stream_data_bidi_remote = 30000;
	s->s->conn.local.max_streams_uni = 1;
	s->s->conn.local.max_streams_bidi = 1;
	sim_handshake(s);
	sim_run(s, MS(500), NULL);
	nheard = 0;
	next_pn = s->c->conn.loss.app.sent.next;
	s->c->link.tap = listen_in;
	s->s->no_read = true;
	a = sim_open(s->c, true);
	b = sim_open(s->c, false);
	sim_write(s->c, a, 9000, false);
	sim_run(s, MS(200), NULL);
	assert_int_equal(count_heard(QUIC_SENT_STREAM_DATA_BLOCKED, 2, 8000), 1);
	assert_int_equal(count_heard(QUIC_SENT_DATA_BLOCKED, 0, 20000), 0);
	sim_write(s->c, b, 20000, false);
	sim_run(s, MS(200), NULL);
	assert_int_equal(count_heard(QUIC_SENT_DATA_BLOCKED, 0, 20000), 1);
	for (i = 0; i < 3; i++) {
		assert_null(quic_stream_open(&s->c->conn, true, &err));
		assert_null(quic_stream_open(&s->c->conn, false, &err));
		sim_pump(s->c);
		sim_run(s, MS(100), NULL);
	}
	assert_int_equal(count_heard(QUIC_SENT_STREAMS_BLOCKED, 0, 1), 1);
	assert_int_equal(count_heard(QUIC_SENT_STREAMS_BLOCKED, 1, 1), 1);
	assert_int_equal(nheard, 4);
	/* and once more for the next limit */
	s->s->no_read = false;
	sim_read_all(s->s);
	sim_run(s, MS(500), NULL);
	assert_int_equal(s->s->rx_bytes, 29000);
	s->s->no_read = true;
	sim_write(s->c, a, 100000, false);
	sim_run(s, MS(500), NULL);
	assert_int_equal(count_heard(QUIC_SENT_STREAM_DATA_BLOCKED, 2, a->qs.tx.max) +
			 count_heard(QUIC_SENT_DATA_BLOCKED, 0, s->c->conn.tx_max), 1);
	sim_free(s);
}

static const struct CMUnitTest tests[] = {
	TEST(frame_rules__type_by_level_by_role),
	TEST(frame_rules__unknown_types),
	TEST(frame_rules__types_not_shortest),
	TEST(frame_rules__blocked_frames),
};

TEST_MAIN(tests)
