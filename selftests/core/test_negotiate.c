// SPDX-License-Identifier: GPL-2.0
/* Which version a connection comes to: RFC 9000, 6; RFC 9368; RFC 9369, 4; RFC 9287 */
#include "test.h"
#include "sim.h"
#include "crypto_gnutls.h"

#define RTT	MS(20)
#define VN_HEAD	(1 + 4 + 1 + QUIC_CID_LEN + 1 + QUIC_CID_LEN)

static const struct quic_versions v1 = { 1, { QUIC_V1 } }, v2 = { 1, { QUIC_V2 } };
static const struct quic_versions v12 = { 2, { QUIC_V1, QUIC_V2 } };
static const struct quic_versions v21 = { 2, { QUIC_V2, QUIC_V1 } };

static bool confirmed(struct sim *s)
{
	return s->c->conn.confirmed && s->s->conn.confirmed;
}

static bool over(struct sim *s)
{
	return s->c->t_closed;
}

static void config(struct sim_cfg *cfg, u32 version, const struct quic_versions *client,
		   const struct quic_versions *server)
{
	sim_config(cfg);
	cfg->crypto = &quic_crypto_gnutls;
	cfg->version = version;
	if (client)
		cfg->versions[0] = *client;
	if (server)
		cfg->versions[1] = *server;
}

/* What long headers said on the way: of each end, versions of Initial and of Handshake packets */
static struct {
	u32 initial[2][4096], handshake[2][4096];
	unsigned int n[2], m[2];
} seen;

static void tap(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	unsigned int who = from->server;
	struct quic_packet h;
	u32 off;

	for (off = 0; off < len; off += h.len) {
		if (quic_packet_parse(buf + off, len - off, QUIC_CID_LEN, &h))
			break;
		if (h.type == QUIC_PKT_INITIAL && seen.n[who] < 4096)
			seen.initial[who][seen.n[who]++] = h.version;
		if (h.type == QUIC_PKT_HANDSHAKE && seen.m[who] < 4096)
			seen.handshake[who][seen.m[who]++] = h.version;
	}
}

static struct sim *watched(const struct sim_cfg *cfg)
{
	struct sim *s = sim_new(cfg);

	memset(&seen, 0, sizeof(seen));
	s->c->link.tap = tap;
	s->s->link.tap = tap;
	return s;
}

static void assert_both(struct sim *s, u32 version, u32 original)
{
	unsigned int i, k;

	for (i = 0; i < 2; i++) {
		const struct quic_conn *c = &s->ep[i].conn;

		assert_int_equal(c->version, version);
		assert_int_equal(c->original, original);
		assert_int_equal(c->prot.version, version);
		assert_int_equal(c->remote.version_chosen, i ? original : version);
		/* RFC 9369, 4.1: Handshake packets in the negotiated version only */
		for (k = 0; k < seen.m[i]; k++)
			assert_int_equal(seen.handshake[i][k], version);
		assert_true(seen.m[i]);
	}
	assert_int_equal(seen.initial[0][0], original);
	/* the server's CRYPTO, and what the client says after it, too */
	assert_int_equal(seen.initial[1][seen.n[1] - 1], version);
}

static void assert_transfer(struct sim *s)
{
	struct sim_stream *st = sim_open(s->c, true);

	sim_write(s->c, st, 30000, true);
	sim_run(s, SEC(60), NULL);
	assert_int_equal(s->s->rx_bytes, 30000);
	if (!s->c->link.loss)
		sim_assert_settled(s);
}

/* --- compatible negotiation --- */

static const struct compatible {
	u32 first;
	const struct quic_versions *client, *server;
	bool no_client, no_server;
	u32 result;
} compatible[] = {
	{ 0, NULL, NULL, .result = QUIC_V1 },
	{ QUIC_V1, NULL, NULL, .result = QUIC_V1 },
	{ QUIC_V2, NULL, NULL, .result = QUIC_V2 },
	/* the client's wish, unless the server has an order of its own */
	{ QUIC_V1, &v21, NULL, .result = QUIC_V2 },
	{ QUIC_V2, &v12, NULL, .result = QUIC_V1 },
	{ QUIC_V1, &v12, &v21, .result = QUIC_V2 },
	{ QUIC_V2, &v21, &v12, .result = QUIC_V1 },
	{ QUIC_V1, &v21, &v12, .result = QUIC_V1 },
	{ QUIC_V1, NULL, &v21, .result = QUIC_V2 },
	{ QUIC_V1, &v21, &v1, .result = QUIC_V1 },
	{ QUIC_V1, &v1, &v21, .result = QUIC_V1 },
	{ QUIC_V2, &v2, &v12, .result = QUIC_V2 },
	/* RFC 9368, 2.3: either side can do without */
	{ QUIC_V1, &v21, &v21, .no_client = true, .result = QUIC_V1 },
	{ QUIC_V1, &v21, &v21, .no_server = true, .result = QUIC_V1 },
	{ QUIC_V2, &v12, NULL, .no_client = true, .result = QUIC_V2 },
};

static void compatible__who_decides(void **state)
{
	unsigned int i, retry;

	for (i = 0; i < ARRAY_SIZE(compatible); i++) {
		const struct compatible *k = &compatible[i];
		struct sim_cfg cfg;
		struct sim *s;

		for (retry = 0; retry < 2; retry++) {
			config(&cfg, k->first, k->client, k->server);
			cfg.no_compatible[0] = k->no_client;
			cfg.no_compatible[1] = k->no_server;
			/* RFC 9369, 4.1: Retry and what follows it are of the first version */
			cfg.retry = retry;
			s = watched(&cfg);
			sim_handshake(s);
			assert_both(s, k->result, k->first ? k->first : QUIC_V1);
			/* no round trip is lost by it, no timer needed */
			assert_int_equal(s->c->t_established - s->start, (1 + retry) * RTT);
			assert_int_equal(s->c->conn.loss.packets_lost, 0);
			assert_int_equal(s->c->conn.retried, retry);
			assert_int_equal(s->s->n_vn, 0);
			assert_transfer(s);
			sim_free(s);
		}
	}
}

/* The ClientHello comes in two: what the server says before it has both is of the first version. */
static void compatible__ack_before_the_choice(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	unsigned int i;

	config(&cfg, QUIC_V1, &v21, NULL);
	cfg.ch_len = 1700;
	s = watched(&cfg);
	/* the second one late */
	s->c->link.reorder = 0;
	s->c->link.rate = 100000;	/* 12 ms between the two */
	assert_int_equal(sim_connect(s), 0);
	assert_true(sim_run(s, SEC(2), confirmed));
	assert_both(s, QUIC_V2, QUIC_V1);
	assert_int_equal(seen.initial[1][0], QUIC_V1);
	assert_int_equal(s->s->conn.loss.packets_lost, 0);
	for (i = 1; i < seen.n[1] && seen.initial[1][i] == QUIC_V1; i++)
		;
	assert_true(i < seen.n[1]);
	for (; i < seen.n[1]; i++)
		assert_int_equal(seen.initial[1][i], QUIC_V2);
	sim_free(s);
}

static u64 drop_client, drop_server;

static bool drop_nth(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	return n == (from->server ? drop_server : drop_client);
}

static bool drop_two(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	return n == (from->server ? drop_server : drop_client) ||
	       n == (from->server ? drop_server : drop_client) + 1;
}

/* Any datagram of the exchange gets lost, on both sides, one or two in a row. */
static void compatible__losses(void **state)
{
	unsigned int i, j, two, shape;

	for (shape = 0; shape < 4; shape++)
		for (i = 0; i < 6; i++)
			for (j = 0; j < 6; j++)
				for (two = 0; two < 2; two++) {
					struct sim_cfg cfg;
					struct sim *s;

					config(&cfg, QUIC_V1, &v21, NULL);
					cfg.crypto = shape & 1 ? &quic_crypto_gnutls : cfg.crypto;
					cfg.ch_len = shape & 1 ? 1700 : 300;
					cfg.apply_delay = shape & 2 ? MS(3) : 0;
					s = watched(&cfg);
					drop_client = i;
					drop_server = j;
					s->c->link.drop = two ? drop_two : drop_nth;
					s->s->link.drop = two ? drop_two : drop_nth;
					assert_int_equal(sim_connect(s), 0);
					assert_true(sim_run(s, SEC(20), confirmed));
					assert_both(s, QUIC_V2, QUIC_V1);
					sim_free(s);
				}
}

static void compatible__bad_network(void **state)
{
	unsigned int seed, i;

	for (seed = 1; seed <= 150; seed++) {
		struct sim_cfg cfg;
		struct sim *s;

		config(&cfg, seed & 1 ? QUIC_V1 : QUIC_V2, seed & 1 ? &v21 : &v12,
		       seed & 2 ? &v21 : NULL);
		cfg.seed = seed;
		cfg.ch_len = seed & 4 ? 1700 : 300;
		cfg.retry = seed & 8;
		cfg.apply_delay = seed & 16 ? MS(25) : 0;
		s = sim_new(&cfg);
		for (i = 0; i < 2; i++) {
			s->ep[i].link.loss = 250;
			s->ep[i].link.dup = 100;
			s->ep[i].link.corrupt = 50;
			s->ep[i].link.reorder = 200;
			s->ep[i].link.reorder_by = MS(15);
		}
		assert_int_equal(sim_connect(s), 0);
		assert_true(sim_run(s, SEC(120), confirmed));
		assert_int_equal(s->c->conn.version, s->s->conn.version);
		assert_int_equal(s->c->conn.version, seed & 2 || seed & 1 ? QUIC_V2 : QUIC_V1);
		assert_transfer(s);
		sim_free(s);
	}
}

/* Packets before their keys and in both versions: bounded, and none is lost for it. */
static void compatible__keys_come_late(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	config(&cfg, QUIC_V1, &v21, NULL);
	cfg.apply_delay = MS(7);
	cfg.flight_len = 3000;
	s = watched(&cfg);
	assert_int_equal(sim_connect(s), 0);
	assert_true(sim_run(s, SEC(1), confirmed));
	assert_int_equal(s->c->t_established - s->start, RTT + MS(7));
	assert_int_equal(s->c->n_event[QUIC_CEV_VERSION], 1);
	assert_int_equal(s->c->conn.stats.packets_dropped, 0);
	assert_int_equal(s->s->conn.loss.packets_lost, 0);
	sim_free(s);
}

/* RFC 9369, 4.1: old Initial keys go with the Initial space, not before; 0-RTT's stay the first's. */
static void compatible__keys_of_both(void **state)
{
	static const u8 ping[] = { 1, 0, 0, 0 };
	static const u8 secret[32] = { 7 };
	struct quic_protect first;
	struct sim_cfg cfg;
	struct sim *s;
	u64 got;

	config(&cfg, QUIC_V1, &v21, NULL);
	s = watched(&cfg);
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, MS(11), NULL);
	assert_int_equal(s->s->conn.version, QUIC_V2);
	assert_int_equal(s->s->conn.prot.alt, QUIC_V1);
	assert_int_equal(s->c->conn.version, QUIC_V1);
	got = s->s->conn.stats.packets_received;
	sim_inject(s->c, QUIC_LEVEL_INITIAL, ping, sizeof(ping));
	assert_int_equal(s->s->conn.stats.packets_received, got + 1);
	/* the key is the one of version 1 */
	quic_protect_init(&first, cfg.crypto);
	assert_int_equal(quic_protect_initial(&first, QUIC_V1, &s->c->conn.odcid, true), 0);
	assert_int_equal(quic_protect_install(&first, QUIC_LEVEL_EARLY, false,
					      QUIC_CIPHER_AES_GCM_128, secret, 32), 0);
	assert_int_equal(quic_protect_install(&s->s->conn.prot, QUIC_LEVEL_EARLY, false,
					      QUIC_CIPHER_AES_GCM_128, secret, 32), 0);
	assert_memory_equal(first.rx[QUIC_LEVEL_EARLY]->iv,
			    s->s->conn.prot.rx[QUIC_LEVEL_EARLY]->iv, 12);
	quic_protect_free(&first);
	assert_true(sim_run(s, SEC(1), confirmed));
	assert_int_equal(s->s->conn.prot.alt, 0);
	assert_null(s->s->conn.prot.rx[QUIC_KEYS_ALT]);
	assert_null(s->c->conn.prot.rx[QUIC_KEYS_ALT]);
	sim_free(s);
}

/* CRYPTO in the first version: that is the choice. Another one then is nobody's. */
static void compatible__settled_by_crypto(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	config(&cfg, QUIC_V1, NULL, NULL);
	cfg.flight_len = 30000;		/* it takes the server a while to say all */
	s = watched(&cfg);
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, RTT + MS(1), NULL);
	assert_true(s->c->conn.version_settled);
	assert_int_equal(s->c->conn.state, QUIC_CONN_HANDSHAKE);
	assert_false(quic_negotiate_maybe(&s->c->conn, QUIC_V2));
	assert_int_equal(quic_negotiate_keys(&s->c->conn, QUIC_LEVEL_HANDSHAKE, QUIC_V2), -1);
	assert_int_equal(quic_negotiate_keys(&s->c->conn, QUIC_LEVEL_INITIAL, QUIC_V2), -1);
	assert_true(sim_run(s, SEC(2), confirmed));
	assert_int_equal(s->c->n_event[QUIC_CEV_VERSION], 0);
	sim_free(s);
}

/* An attacker who saw our Initial makes one up in another version: the handshake says no. */
static void forge_initial(struct sim *s, u32 version, const u8 *payload, u32 len)
{
	struct quic_conn *c = &s->c->conn;
	u8 buf[1300], *p, data[1200] = { 0 };
	struct quic_cid scid = { 8, "forged.." };
	struct quic_vec v = { data, sizeof(data) - 100 };
	struct quic_protect prot;
	struct quic_hp_item hp;
	u32 len_off, pn_off;

	memcpy(data, payload, len);
	quic_protect_init(&prot, s->cfg.crypto);
	assert_int_equal(quic_protect_initial(&prot, version, &c->odcid, true), 0);
	p = quic_packet_put_long(buf, buf + sizeof(buf), QUIC_PKT_INITIAL, version,
				 &c->cids.local[0].cid, &scid, NULL, 0, 0, 4, &len_off, &pn_off);
	quic_varint_put2(buf + len_off, p - buf - pn_off + v.len + QUIC_AEAD_TAG);
	assert_int_equal(quic_protect_seal(&prot, QUIC_LEVEL_INITIAL, 0, buf, p - buf, &v, 1,
					   v.len), 0);
	hp.sample = buf + pn_off + 4;
	hp.pn_off = pn_off;
	assert_int_equal(quic_protect_hide(&prot, QUIC_LEVEL_INITIAL, &hp, 1), 0);
	quic_protect_free(&prot);
	sim_receive(s->c, buf, p - buf + v.len + QUIC_AEAD_TAG);
}

static void compatible__other_version_is_not_enough(void **state)
{
	static const u8 ping[] = { 1 };
	struct sim_cfg cfg;
	struct sim *s;
	u8 junk[1200] = { 0xd0 };

	/* noise in another version's clothes: keys are made, nothing opens, all goes on */
	config(&cfg, QUIC_V1, NULL, NULL);
	s = watched(&cfg);
	assert_int_equal(sim_connect(s), 0);
	put_unaligned_be32(QUIC_V2, junk + 1);
	junk[5] = QUIC_CID_LEN;
	memcpy(junk + 6, s->c->conn.cids.local[0].cid.id, QUIC_CID_LEN);
	quic_varint_put2(junk + 6 + QUIC_CID_LEN + 2, 1100);
	sim_receive(s->c, junk, sizeof(junk));
	assert_int_equal(s->c->conn.held_count, 1);
	assert_int_equal(s->c->n_event[QUIC_CEV_VERSION], 1);
	assert_true(sim_run(s, SEC(1), confirmed));
	assert_both(s, QUIC_V1, QUIC_V1);
	assert_int_equal(s->c->conn.held_count, 0);
	sim_free(s);

	/* one that opens: to the client it is the server's choice, and the server is none */
	config(&cfg, QUIC_V1, NULL, NULL);
	s = watched(&cfg);
	assert_int_equal(sim_connect(s), 0);
	forge_initial(s, QUIC_V2, ping, sizeof(ping));
	sim_run(s, MS(1), NULL);
	assert_int_equal(s->c->conn.version, QUIC_V2);
	assert_false(sim_run(s, SEC(5), confirmed));
	assert_false(s->c->t_established);
	sim_free(s);

	/* who wants no other looks at none */
	config(&cfg, QUIC_V1, NULL, NULL);
	cfg.no_compatible[0] = true;
	s = watched(&cfg);
	assert_int_equal(sim_connect(s), 0);
	forge_initial(s, QUIC_V2, ping, sizeof(ping));
	assert_int_equal(s->c->conn.held_count, 0);
	assert_int_equal(s->c->n_event[QUIC_CEV_VERSION], 0);
	assert_true(sim_run(s, SEC(1), confirmed));
	sim_free(s);
}

/* --- Version Information --- */

static const struct info {
	const char *name;
	bool server;		/* who reads it */
	u32 version;		/* the connection's */
	bool acted;		/* Version Negotiation was */
	const char *param;
	u64 error;		/* 0: fine */
} infos[] = {
	{ "server: absent", true, QUIC_V1, false, "", 0 },
	{ "server: right", true, QUIC_V1, false, "110800000001 00000001", 0 },
	{ "server: not what the header says", true, QUIC_V1, false, "11086b3343cf 6b3343cf",
	  QUIC_ERR_VERSION_NEGOTIATION },
	{ "server: chosen is reserved", true, QUIC_V1, false, "1108 1a2a3a4a 1a2a3a4a",
	  QUIC_ERR_VERSION_NEGOTIATION },
	{ "server: chosen not listed", true, QUIC_V1, false, "110800000001 6b3343cf",
	  QUIC_ERR_TRANSPORT_PARAMETER },
	{ "server: chosen zero", true, QUIC_V1, false, "1108 00000000 00000000",
	  QUIC_ERR_TRANSPORT_PARAMETER },
	{ "server: listed zero", true, QUIC_V1, false, "110c00000001 00000001 00000000",
	  QUIC_ERR_TRANSPORT_PARAMETER },
	{ "server: short", true, QUIC_V1, false, "1103000000", QUIC_ERR_TRANSPORT_PARAMETER },
	{ "server: not in fours", true, QUIC_V1, false, "110900000001 00000001 00",
	  QUIC_ERR_TRANSPORT_PARAMETER },
	{ "client: absent", false, QUIC_V1, false, "", 0 },
	{ "client: right, none listed", false, QUIC_V1, false, "110400000001", 0 },
	{ "client: right, others listed", false, QUIC_V1, false, "110800000001 6b3343cf", 0 },
	{ "client: not what the header says", false, QUIC_V1, false, "11086b3343cf 6b3343cf",
	  QUIC_ERR_VERSION_NEGOTIATION },
	{ "client: never offered", false, QUIC_V1, false, "1108 00000002 00000002",
	  QUIC_ERR_VERSION_NEGOTIATION },
	{ "client: chosen zero", false, QUIC_V1, false, "110400000000",
	  QUIC_ERR_TRANSPORT_PARAMETER },
	{ "client: empty", false, QUIC_V1, false, "1100", QUIC_ERR_TRANSPORT_PARAMETER },
	/* RFC 9368, 4: after a Version Negotiation packet it has to be there and to agree */
	{ "acted: absent", false, QUIC_V2, true, "", QUIC_ERR_VERSION_NEGOTIATION },
	/* RFC 9368, 8: but who speaks version 1 only may not know that it exists */
	{ "acted, version 1: absent", false, QUIC_V1, true, "", 0 },
	{ "acted, version 1: none listed", false, QUIC_V1, true, "110400000001",
	  QUIC_ERR_VERSION_NEGOTIATION },
	{ "acted: none listed", false, QUIC_V2, true, "11046b3343cf",
	  QUIC_ERR_VERSION_NEGOTIATION },
	{ "acted: only this one", false, QUIC_V2, true, "11086b3343cf 6b3343cf", 0 },
	{ "acted: and one we do not know", false, QUIC_V2, true, "11086b3343cf 00000002", 0 },
	{ "acted: the better one was there", false, QUIC_V2, true,
	  "110c6b3343cf 6b3343cf 00000001", QUIC_ERR_VERSION_NEGOTIATION },
	{ "acted: the worse one was there", false, QUIC_V1, true,
	  "110c00000001 6b3343cf 00000001", 0 },
};

static void info__errors(void **state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(infos); i++) {
		const struct info *k = &infos[i];
		struct sim_cfg cfg;
		struct sim_ep *ep;
		struct sim *s;
		u8 buf[256];
		size_t n = 0;
		int err;

		config(&cfg, k->version, &v12, NULL);
		s = sim_new(&cfg);
		ep = k->server ? s->s : s->c;
		cfg.tls_delay = SEC(100);
		s->cfg.tls_delay = SEC(100);	/* nobody but us sets parameters */
		assert_int_equal(sim_connect(s), 0);
		sim_run(s, RTT, NULL);
		ep->conn.vn_acted = k->acted;
		ep->conn.peer_scid_set = true;
		quic_cid_set(&ep->conn.peer_scid, (u8 *)"ab", 2);
		n = hex(buf, sizeof(buf), "0f026162");
		if (!k->server) {
			buf[n++] = 0;
			buf[n++] = ep->conn.odcid.len;
			memcpy(buf + n, ep->conn.odcid.id, ep->conn.odcid.len);
			n += ep->conn.odcid.len;
		}
		n += hex(buf + n, sizeof(buf) - n, k->param);
		err = quic_conn_remote_params(&ep->conn, buf, n, s->now);
		if (err != (k->error ? -EPROTO : 0) || ep->conn.close.code != k->error)
			fail_msg("%s: %d, error 0x%llx", k->name, err,
				 (unsigned long long)ep->conn.close.code);
		sim_free(s);
	}
}

/* No memory for the chosen version's keys: TLS may try again, and nothing is half done. */
static void info__no_memory(void **state)
{
	unsigned int fail;

	for (fail = 1; fail < 12; fail++) {
		struct sim_cfg cfg;
		struct sim *s;

		config(&cfg, QUIC_V1, &v21, NULL);
		cfg.tls_delay = MS(1);
		s = sim_new(&cfg);
		s->loose = true;
		assert_int_equal(sim_connect(s), 0);
		sim_run(s, MS(10) + NSEC_PER_USEC, NULL);
		os_alloc_fail_after(fail);
		sim_run(s, MS(1), NULL);
		os_alloc_fail_after(0);
		s->c->link.loss = 0;
		assert_true(sim_run(s, SEC(20), confirmed));
		assert_int_equal(s->c->conn.version, QUIC_V2);
		assert_int_equal(s->s->conn.version, QUIC_V2);
		sim_free(s);
	}
}

/* --- Version Negotiation packets --- */

static const struct incompatible {
	u32 first;
	const struct quic_versions *client, *server;
	u32 second;		/* 0: it fails */
	u32 result;
} incompatible[] = {
	{ QUIC_V1, NULL, &v2, QUIC_V2, QUIC_V2 },
	{ QUIC_V2, NULL, &v1, QUIC_V1, QUIC_V1 },
	{ QUIC_V1, &v1, &v2, 0, 0 },
	{ QUIC_V2, &v2, &v1, 0, 0 },
	/* a version made for it (RFC 9000, 6.3): the client's best */
	{ 0x1a2a3a4a, NULL, NULL, QUIC_V1, QUIC_V1 },
	{ 0xfafafafa, &v21, NULL, QUIC_V2, QUIC_V2 },
	{ 0x0a0a0a0a, &v21, &v1, QUIC_V1, QUIC_V1 },
	{ 0x0a0a0a0a, &v2, &v1, 0, 0 },
	/* and a compatible choice after it: RFC 9368, 2.3 */
	{ 0x1a2a3a4a, &v12, &v21, QUIC_V1, QUIC_V2 },
};

static void vn__second_start(void **state)
{
	unsigned int i, retry, first;

	for (i = 0; i < ARRAY_SIZE(incompatible); i++) {
		const struct incompatible *k = &incompatible[i];
		struct sim_cfg cfg;
		struct sim *s;

		for (retry = 0; retry < 2; retry++) {
			config(&cfg, k->first, k->client, k->server);
			cfg.retry = retry;
			cfg.ch_len = retry ? 1700 : 300;
			s = watched(&cfg);
			assert_int_equal(sim_connect(s), 0);
			if (!k->second) {
				assert_true(sim_run(s, SEC(1), over));
				assert_int_equal(s->c->conn.close.code,
						 QUIC_ERR_VERSION_NEGOTIATION);
				assert_int_equal(s->c->n_event[QUIC_CEV_RESTART], 0);
				assert_int_equal(s->c->t_closed - s->start, RTT);
				sim_free(s);
				continue;
			}
			assert_true(sim_run(s, SEC(5), confirmed));
			assert_int_equal(s->c->n_event[QUIC_CEV_RESTART], 1);
			assert_int_equal(s->s->n_vn, 1 + retry);
			/* those of a reserved version do not parse as Initials */
			first = quic_version_reserved(k->first) ? 0 : 1 + retry;
			assert_int_equal(seen.initial[0][first], k->second);
			assert_int_equal(s->c->conn.original, k->second);
			assert_int_equal(s->c->conn.version, k->result);
			assert_int_equal(s->s->conn.version, k->result);
			assert_int_equal(s->c->t_established - s->start, (2 + retry) * RTT);
			/* what was lost by it is no loss of the network's */
			assert_int_equal(s->c->conn.loss.packets_lost, 0);
			assert_transfer(s);
			sim_free(s);
		}
	}
}

/* RFC 9368, 2.5: another connection: a new ID, a new ClientHello; tokens are of the first version */
static void vn__starts_anew(void **state)
{
	struct quic_cid odcid;
	struct sim_cfg cfg;
	struct sim *s;

	config(&cfg, QUIC_V1, NULL, &v2);
	s = watched(&cfg);
	s->c->conn.token = kmemdup("a token", 7, GFP_KERNEL);
	s->c->conn.token_len = 7;
	assert_int_equal(sim_connect(s), 0);
	odcid = s->c->conn.odcid;
	assert_true(s->c->conn.local_tp_used);
	sim_run(s, RTT - 1, NULL);
	s->c->link.down = true;
	sim_run(s, 2, NULL);
	assert_int_equal(s->c->n_event[QUIC_CEV_RESTART], 1);
	assert_false(quic_cid_eq(&s->c->conn.odcid, odcid.id, odcid.len));
	assert_true(quic_cid_eq(quic_cid_remote(&s->c->conn), s->c->conn.odcid.id, QUIC_CID_LEN));
	assert_int_equal(s->c->conn.token_len, 0);
	assert_int_equal(s->c->conn.local.version_chosen, QUIC_V2);
	assert_true(s->c->conn.vn_acted);
	/* lost again: it is repeated in the new version */
	sim_run(s, SEC(1), NULL);
	assert_int_equal(seen.initial[0][seen.n[0] - 1], QUIC_V2);
	s->c->link.down = false;
	assert_true(sim_run(s, SEC(5), confirmed));
	sim_free(s);
}

static u32 build_vn(const struct sim *s, u8 *buf, const struct quic_cid *scid, u32 a, u32 b)
{
	const struct quic_versions list = { b ? 2 : 1, { a, b } };
	const struct quic_cid *dcid = &s->c->conn.cids.local[0].cid;
	struct quic_packet in = {
		.scid = dcid->id, .scid_len = dcid->len, .dcid = scid->id, .dcid_len = scid->len,
	};

	return quic_packet_build_vn(buf, 200, &in, &list, 0x12345678);
}

/* RFC 9000, 6.2; RFC 9368, 4 */
static void vn__ignored(void **state)
{
	struct quic_cid other = { 8, "another" };
	struct sim_cfg cfg;
	struct sim *s;
	u8 buf[200];
	u32 len;

	config(&cfg, QUIC_V1, NULL, NULL);
	s = watched(&cfg);
	s->c->link.down = true;
	assert_int_equal(sim_connect(s), 0);
	/* it lists what we tried; it answers somebody else */
	len = build_vn(s, buf, &s->c->conn.odcid, QUIC_V2, QUIC_V1);
	sim_receive(s->c, buf, len);
	len = build_vn(s, buf, &other, QUIC_V2, 0);
	sim_receive(s->c, buf, len);
	len = build_vn(s, buf, &s->c->conn.odcid, QUIC_V2, 0);
	buf[6] ^= 1;
	sim_receive(s->c, buf, len);
	/* no list at all */
	buf[6] ^= 1;
	sim_receive(s->c, buf, VN_HEAD);
	sim_receive(s->c, buf, len - 1);
	assert_int_equal(s->c->conn.vn_version, 0);
	/* the first that counts; then no other, not even one that lists nothing of ours */
	sim_receive(s->c, buf, len);
	assert_int_equal(s->c->conn.vn_version, QUIC_V2);
	len = build_vn(s, buf, &s->c->conn.odcid, 0x7f000001, 0);
	sim_receive(s->c, buf, len);
	sim_run(s, MS(1), NULL);
	assert_int_equal(s->c->conn.version, QUIC_V2);
	len = build_vn(s, buf, &s->c->conn.odcid, QUIC_V1, 0);
	sim_receive(s->c, buf, len);
	len = build_vn(s, buf, &s->c->conn.odcid, 0x7f000001, 0);
	sim_receive(s->c, buf, len);
	sim_run(s, MS(1), NULL);
	assert_int_equal(s->c->conn.state, QUIC_CONN_HANDSHAKE);
	assert_int_equal(s->c->conn.version, QUIC_V2);
	assert_int_equal(s->c->n_event[QUIC_CEV_RESTART], 1);
	sim_free(s);

	/* a server looks at none, a client after any other packet neither */
	config(&cfg, QUIC_V1, NULL, NULL);
	s = watched(&cfg);
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, RTT, NULL);
	len = build_vn(s, buf, &s->c->conn.odcid, QUIC_V2, 0);
	sim_receive(s->c, buf, len);
	memcpy(buf + 6, s->s->conn.cids.local[0].cid.id, QUIC_CID_LEN);
	sim_receive(s->s, buf, len);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->c->conn.version, QUIC_V1);
	assert_int_equal(s->c->n_event[QUIC_CEV_RESTART], 0);
	assert_true(s->c->conn.confirmed && s->s->conn.confirmed);
	sim_free(s);
}

/* Something real came before process context got to it: the packet was a lie. */
static void vn__overtaken(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	u8 buf[200];
	u32 len;

	config(&cfg, QUIC_V1, NULL, NULL);
	cfg.apply_delay = RTT + MS(5);
	s = watched(&cfg);
	assert_int_equal(sim_connect(s), 0);
	len = build_vn(s, buf, &s->c->conn.odcid, QUIC_V2, 0);
	sim_receive(s->c, buf, len);
	assert_int_equal(s->c->conn.vn_version, QUIC_V2);
	assert_true(sim_run(s, SEC(2), confirmed));
	sim_run(s, SEC(1), NULL);
	assert_both(s, QUIC_V1, QUIC_V1);
	assert_int_equal(s->c->n_event[QUIC_CEV_RESTART], 0);
	sim_free(s);
}

/* RFC 9368, 4: a forged packet makes a client fall back, and the handshake tells on it. */
static void vn__downgrade_is_found(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	u8 buf[200];
	u32 len;

	config(&cfg, QUIC_V2, NULL, NULL);
	s = watched(&cfg);
	drop_client = 0;
	s->c->link.drop = drop_nth;
	assert_int_equal(sim_connect(s), 0);
	len = build_vn(s, buf, &s->c->conn.odcid, QUIC_V1, 0);
	sim_receive(s->c, buf, len);
	assert_true(sim_run(s, SEC(2), over));
	assert_int_equal(s->c->conn.close.code, QUIC_ERR_VERSION_NEGOTIATION);
	assert_false(s->c->conn.close.remote);
	assert_int_equal(s->c->t_established, 0);
	sim_run(s, SEC(1), NULL);
	sim_free(s);
}

static void vn__bad_network(void **state)
{
	unsigned int seed, i;

	for (seed = 1; seed <= 100; seed++) {
		struct sim_cfg cfg;
		struct sim *s;

		config(&cfg, seed & 1 ? 0x1a2a3a4a : QUIC_V2, seed & 2 ? &v21 : NULL,
		       seed & 1 ? NULL : &v1);
		cfg.seed = seed;
		cfg.ch_len = seed & 4 ? 1700 : 300;
		cfg.retry = seed & 8;
		cfg.apply_delay = seed & 16 ? MS(25) : 0;
		s = sim_new(&cfg);
		for (i = 0; i < 2; i++) {
			s->ep[i].link.loss = 250;
			s->ep[i].link.dup = 100;
			s->ep[i].link.reorder = 200;
			s->ep[i].link.reorder_by = MS(15);
		}
		assert_int_equal(sim_connect(s), 0);
		assert_true(sim_run(s, SEC(120), confirmed));
		assert_int_equal(s->c->conn.version, seed & 2 && seed & 1 ? QUIC_V2 : QUIC_V1);
		assert_transfer(s);
		sim_free(s);
	}
}

/* No memory, at each of the allocations of a second start in turn: nothing leaks, all goes on. */
static void vn__no_memory(void **state)
{
	unsigned int fail;

	for (fail = 1; fail < 12; fail++) {
		struct sim_cfg cfg;
		struct sim *s;

		config(&cfg, QUIC_V1, NULL, &v2);
		s = sim_new(&cfg);
		s->loose = true;
		assert_int_equal(sim_connect(s), 0);
		sim_run(s, RTT - 1, NULL);
		os_alloc_fail_after(fail);
		sim_run(s, MS(5), NULL);
		os_alloc_fail_after(0);
		assert_true(sim_run(s, SEC(20), confirmed));
		assert_int_equal(s->c->conn.version, QUIC_V2);
		sim_free(s);
	}
}

/* --- the QUIC Bit --- */

static u64 cleared[2], set[2], too_early;

static void tap_bits(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	struct quic_packet h;
	u32 off;

	for (off = 0; off < len; off += h.len) {
		if (quic_packet_parse(buf + off, len - off, QUIC_CID_LEN, &h))
			break;
		if (h.fixed)
			set[from->server]++;
		else if (!from->conn.peer_tp_set)
			too_early++;
		else
			cleared[from->server]++;
	}
}

/* RFC 9287, 3: cleared at random for whoever offered to take that, and for nobody else */
static void grease__bit(void **state)
{
	unsigned int k;

	for (k = 0; k < 4; k++) {
		struct sim_cfg cfg;
		struct sim *s;

		config(&cfg, QUIC_V1, NULL, NULL);
		cfg.grease[0] = k & 1;
		cfg.grease[1] = k & 2;
		s = sim_new(&cfg);
		memset(cleared, 0, sizeof(cleared));
		memset(set, 0, sizeof(set));
		too_early = 0;
		s->c->link.tap = tap_bits;
		s->s->link.tap = tap_bits;
		sim_handshake(s);
		assert_int_equal(s->s->conn.remote.grease_quic_bit, k & 1);
		sim_write(s->c, sim_open(s->c, true), 100000, true);
		sim_write(s->s, sim_open(s->s, true), 100000, true);
		sim_run(s, SEC(2), NULL);
		assert_int_equal(s->s->rx_bytes, 100000);
		assert_int_equal(s->c->rx_bytes, 100000);
		assert_int_equal(too_early, 0);
		assert_int_equal(s->c->conn.loss.packets_lost + s->s->conn.loss.packets_lost, 0);
		/* about half, or none */
		assert_in_range(cleared[0], k & 2 ? set[0] / 3 : 0, k & 2 ? 3 * set[0] : 0);
		assert_in_range(cleared[1], k & 1 ? set[1] / 3 : 0, k & 1 ? 3 * set[1] : 0);
		sim_free(s);
	}
}

/* RFC 9000, 17.2 and 17.3: without the offer such a packet is dropped. */
static void grease__not_offered(void **state)
{
	static const u8 ping[] = { 1, 0, 0, 0 };
	static const u8 levels[] = { QUIC_LEVEL_HANDSHAKE, QUIC_LEVEL_APP };
	unsigned int i, k;

	for (k = 0; k < 2; k++) {
		for (i = 0; i < ARRAY_SIZE(levels); i++) {
			struct sim_cfg cfg;
			struct sim *s;
			u64 got;

			sim_config(&cfg);
			cfg.flight_len = 12000;
			cfg.grease[1] = k;
			s = sim_new(&cfg);
			assert_int_equal(sim_connect(s), 0);
			sim_run(s, i ? SEC(1) : RTT + MS(1), NULL);
			got = s->s->conn.stats.packets_received;
			sim_inject_pn(s->c, levels[i], 900, QUIC_HDR_FIXED, ping, sizeof(ping));
			assert_int_equal(s->s->conn.stats.packets_received, got + k);
			sim_inject_pn(s->c, levels[i], 901, 0, ping, sizeof(ping));
			assert_int_equal(s->s->conn.stats.packets_received, got + k + 1);
			sim_free(s);
		}
	}
}

static const struct CMUnitTest tests[] = {
	TEST(compatible__who_decides),
	TEST(compatible__ack_before_the_choice),
	TEST(compatible__losses),
	TEST(compatible__bad_network),
	TEST(compatible__keys_come_late),
	TEST(compatible__keys_of_both),
	TEST(compatible__settled_by_crypto),
	TEST(compatible__other_version_is_not_enough),
	TEST(info__errors),
	TEST(info__no_memory),
	TEST(vn__second_start),
	TEST(vn__starts_anew),
	TEST(vn__ignored),
	TEST(vn__overtaken),
	TEST(vn__downgrade_is_found),
	TEST(vn__bad_network),
	TEST(vn__no_memory),
	TEST(grease__bit),
	TEST(grease__not_offered),
};

TEST_MAIN(tests)
