// SPDX-License-Identifier: GPL-2.0
/* Which version a connection comes to without a second start: RFC 9368, 2.3; RFC 9369, 4 */
#include "negotiate_help.h"

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
		quic_cid_set(&ep->conn.hs->peer_scid, (u8 *)"ab", 2);
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
};

TEST_MAIN(tests)
