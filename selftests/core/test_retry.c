// SPDX-License-Identifier: GPL-2.0
/* Retry and tokens between two connections, and what a client makes of bad ones. */
#include "test.h"
#include "sim.h"
#include "crypto_gnutls.h"

#define RTT	MS(20)

static bool confirmed(struct sim *s)
{
	return s->c->conn.confirmed && s->s->conn.confirmed;
}

static bool client_retried(struct sim *s)
{
	return s->c->conn.retried;
}

static struct sim *asks(bool retry)
{
	struct sim_cfg cfg;

	sim_config(&cfg);
	cfg.crypto = &quic_crypto_gnutls;
	cfg.retry = retry;
	return sim_new(&cfg);
}

static void set_token(struct sim_ep *ep, const u8 *token, u32 len)
{
	ep->conn.token = kmemdup(token, len, GFP_KERNEL);
	ep->conn.token_len = len;
}

static void assert_retried(struct sim *s)
{
	const struct quic_tparams *tp = &s->s->said;

	assert_true(s->c->conn.retried && s->s->conn.retried);
	assert_true(s->s->conn.path->validated);
	/* 7.3 */
	assert_true(tp->has_retry_scid && tp->has_original_dcid);
	assert_true(quic_cid_eq(&tp->retry_scid, s->c->conn.retry_scid.id, QUIC_CID_LEN));
	assert_true(quic_cid_eq(&tp->original_dcid, s->c->conn.odcid.id, QUIC_CID_LEN));
	assert_false(quic_cid_eq(&tp->original_dcid, s->c->conn.retry_scid.id, QUIC_CID_LEN));
}

/* 17.2.5.3: the same ClientHello, and numbers go on */
static void retry__one_more_rtt(void **state)
{
	struct sim *s = asks(true);

	assert_int_equal(sim_connect(s), 0);
	assert_true(sim_run(s, SEC(1), client_retried));
	assert_int_equal(quic_loss_space(&s->c->conn.loss, QUIC_PNS_INITIAL)->sent.next, 2);
	/* RFC 9002, 6.3: what was sent is forgotten, and tells the round trip time */
	assert_int_equal(s->c->conn.loss.packets_lost, 0);
	assert_int_equal(s->c->conn.loss.rtt.latest, RTT);
	assert_true(sim_run(s, SEC(1), confirmed));
	assert_in_range(s->c->t_established - s->start, 2 * RTT, 2 * RTT + MS(1));
	assert_int_equal(s->s->n_retries, 1);
	assert_retried(s);
	sim_free(s);
}

static void retry__hello_in_two(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.retry = true;
	cfg.ch_len = 1700;
	cfg.apply_delay = MS(3);
	s = sim_new(&cfg);
	sim_handshake(s);
	/* Each datagram got its answer; the second was too late. */
	assert_int_equal(s->s->n_retries, 2);
	assert_retried(s);
	sim_free(s);
}

static u64 drop_from_server, drop_from_client;

static bool drop(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	return n == (from->server ? drop_from_server : drop_from_client);
}

static void retry__one_lost(void **state)
{
	unsigned int i;

	for (i = 0; i < 12; i++) {
		struct sim *s = asks(true);

		drop_from_server = i & 1 ? i / 2 : U64_MAX;
		drop_from_client = i & 1 ? U64_MAX : i / 2;
		s->c->link.drop = drop;
		s->s->link.drop = drop;
		assert_int_equal(sim_connect(s), 0);
		assert_true(sim_run(s, SEC(5), confirmed));
		assert_retried(s);
		sim_free(s);
	}
}

static void retry__bad_network(void **state)
{
	unsigned int seed;

	for (seed = 1; seed <= 60; seed++) {
		struct sim_cfg cfg;
		struct sim *s;

		sim_config(&cfg);
		cfg.seed = seed;
		cfg.retry = true;
		cfg.ch_len = seed & 1 ? 1700 : 300;
		cfg.apply_delay = seed & 2 ? MS(15) : 0;
		s = sim_new(&cfg);
		sim_bad_network(s);
		sim_handshake(s);
		assert_retried(s);
		sim_free(s);
	}
}

/* 8.1.3: the token of one connection spares the next the round trip. */
static void retry__new_token(void **state)
{
	struct sim *s = asks(true), *t;
	u8 token[QUIC_TOKEN_LEN];

	sim_handshake(s);
	sim_token(s, QUIC_TOKEN_NEW, NULL, s->now, token);
	assert_int_equal(quic_conn_set_token(&s->s->conn, token, sizeof(token)), 0);
	/* Lost once: sent again */
	drop_from_server = s->s->link.offered;
	s->s->link.drop = drop;
	sim_pump(s->s);
	sim_run(s, SEC(2), NULL);
	assert_in_range(s->c->tokens, 1, 2);
	assert_int_equal(s->c->token_len, sizeof(token));
	assert_memory_equal(s->c->token, token, sizeof(token));

	t = asks(true);
	set_token(t->c, s->c->token, s->c->token_len);
	sim_handshake(t);
	assert_int_equal(t->s->n_retries, 0);
	assert_true(t->s->conn.path->validated);
	assert_false(t->c->conn.retried || t->s->said.has_retry_scid);
	assert_in_range(t->c->t_established - t->start, RTT, RTT + MS(1));
	sim_free(s);
	sim_free(t);
}

/* Validated at once: no limit of three times, so a flight of 9000 bytes takes no more round trips. */
static void retry__no_amplification_limit(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.retry = true;
	cfg.flight_len = 9000;
	s = sim_new(&cfg);
	sim_handshake(s);
	assert_in_range(s->c->t_established - s->start, 2 * RTT, 2 * RTT + MS(1));
	sim_free(s);
}

/* Not ours, or too old: as if there were none */
static void retry__useless_token(void **state)
{
	u8 token[QUIC_TOKEN_LEN];
	unsigned int i;

	for (i = 0; i < 4; i++) {
		struct sim *s = asks(i & 1);

		s->now += 2 * QUIC_TOKEN_NEW_LIFE;
		sim_token(s, QUIC_TOKEN_NEW, NULL,
			  i & 2 ? s->now : s->now - QUIC_TOKEN_NEW_LIFE - 1, token);
		if (i & 2)
			token[30] ^= 1;
		set_token(s->c, token, sizeof(token));
		sim_handshake(s);
		assert_int_equal(s->s->n_retries, i & 1);
		assert_int_equal(s->c->conn.retried, i & 1);
		sim_free(s);
	}
}

/* 8.1.2: a Retry's token that is not for this packet */
static void retry__invalid_token(void **state)
{
	struct sim *s = asks(true);
	struct quic_cid id = { .len = 8 };
	u8 token[QUIC_TOKEN_LEN];

	sim_token(s, QUIC_TOKEN_RETRY, &id, s->now, token);
	set_token(s->c, token, sizeof(token));
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->s->n_refused, 1);
	assert_int_equal(s->s->n_retries, 0);
	assert_false(s->s->live);
	assert_true(s->c->conn.state >= QUIC_CONN_DRAINING);
	assert_true(s->c->conn.close.remote && !s->c->conn.close.app);
	assert_int_equal(s->c->conn.close.code, QUIC_ERR_INVALID_TOKEN);
	sim_free(s);
}

/* --- what a client gets to see --- */

struct bad {
	const char *name;
	u32 token_len;
	bool flip_tag, flip_token, flip_odcid, other_dcid, same_scid, v2, taken;
};

static const struct bad bad[] = {
	{ "good", 20, .taken = true },
	{ "token of 1", 1, .taken = true },
	{ "longest token", QUIC_RETRY_TOKEN_MAX, .taken = true },
	{ "no token", 0 },
	{ "token too long", QUIC_RETRY_TOKEN_MAX + 1 },
	{ "wrong tag", 20, .flip_tag = true },
	{ "token changed", 20, .flip_token = true },
	{ "answers another ID", 20, .flip_odcid = true },
	{ "for another client", 20, .other_dcid = true },
	{ "the ID it answers", 20, .same_scid = true },
	{ "another version", 20, .v2 = true },
};

/* A Retry for the client of @s, right but for what @b says. Return: length */
static int forge(struct sim *s, const struct bad *b, u8 *buf, u32 cap)
{
	struct quic_conn *c = &s->c->conn;
	struct quic_cid odcid = c->odcid, dcid = c->cids.local[0].cid, scid = { 8, "newplace" };
	struct quic_packet in = {
		.version = b->v2 ? QUIC_V2 : QUIC_V1,
		.dcid = odcid.id, .dcid_len = 8, .scid = dcid.id, .scid_len = 8,
	};
	u8 token[QUIC_RETRY_TOKEN_MAX + 1];
	int len;

	memset(token, 0x77, sizeof(token));
	odcid.id[0] ^= b->flip_odcid;
	dcid.id[0] ^= b->other_dcid;
	if (b->same_scid)
		scid = odcid;
	len = quic_retry_build(c->prot.ops, &in, &scid, token, b->token_len, 0, buf, cap);
	assert_true(len > 0);
	buf[len - 1] ^= b->flip_tag;
	buf[len - QUIC_AEAD_TAG - 1] ^= b->flip_token;
	return len;
}

static void retry__what_is_taken(void **state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct sim *s = asks(false);
		u8 buf[1200];
		int len;

		assert_int_equal(sim_connect(s), 0);
		len = forge(s, &bad[i], buf, sizeof(buf));
		sim_receive(s->c, buf, len);
		if (!s->c->conn.retry != !bad[i].taken)
			fail_msg("%s", bad[i].name);
		sim_run(s, MS(1), NULL);
		assert_int_equal(s->c->conn.retried, bad[i].taken);
		if (bad[i].taken) {
			assert_int_equal(s->c->conn.token_len, bad[i].token_len);
			assert_true(quic_cid_eq(quic_cid_remote(&s->c->conn), (u8 *)"newplace", 8));
			/* One only (17.2.5.2) */
			sim_receive(s->c, buf, len);
			assert_null(s->c->conn.retry);
		}
		sim_free(s);
	}
}

/* While it waits for process context nothing else is heard, and any end is clean. */
static void retry__pending(void **state)
{
	struct sim *s = asks(false);
	u8 buf[1200];
	int len;

	assert_int_equal(sim_connect(s), 0);
	s->cfg.apply_delay = SEC(100);
	len = forge(s, &bad[0], buf, sizeof(buf));
	sim_receive(s->c, buf, len);
	sim_receive(s->c, buf, len);
	assert_int_equal(s->c->n_event[QUIC_CEV_RETRY], 1);
	sim_run(s, SEC(2), NULL);
	assert_false(s->c->conn.peer_scid_set);
	assert_int_equal(quic_retry_apply(&s->c->conn, s->now), 0);
	assert_int_equal(quic_retry_apply(&s->c->conn, s->now), 0);
	assert_true(s->c->conn.retried);
	sim_free(s);

	s = asks(false);
	assert_int_equal(sim_connect(s), 0);
	s->cfg.apply_delay = SEC(1);
	len = forge(s, &bad[0], buf, sizeof(buf));
	sim_receive(s->c, buf, len);
	quic_conn_close(&s->c->conn, false, 0, 0, NULL, 0, s->now);
	sim_run(s, SEC(3), NULL);
	assert_false(s->c->conn.retried);
	sim_free(s);
}

/* A server's packet came first: no Retry any more */
static void retry__too_late(void **state)
{
	struct sim *s = asks(false);
	u8 buf[1200];
	int len;

	sim_connect(s);
	len = forge(s, &bad[0], buf, sizeof(buf));
	sim_run(s, RTT + MS(1), NULL);
	assert_true(s->c->conn.peer_scid_set);
	sim_receive(s->c, buf, len);
	assert_null(s->c->conn.retry);
	/* and a server takes none at all */
	sim_receive(s->s, buf, len);
	assert_null(s->s->conn.retry);
	sim_free(s);
}

/* 7.3: parameters have to tell of the Retry there was, and of no other */
static void retry__parameters(void **state)
{
	unsigned int i;

	for (i = 0; i < 5; i++) {
		struct sim *s = asks(i < 3);
		struct quic_tparams tp;
		u8 buf[1024];
		int len;

		sim_handshake(s);
		tp = s->s->said;
		if (i == 1)
			tp.has_retry_scid = false;
		else if (i == 2)
			tp.retry_scid.id[3] ^= 1;
		else if (i == 3)
			tp.has_retry_scid = true;
		len = quic_tparam_encode(&tp, true, 5, buf, sizeof(buf));
		assert_true(len > 0);
		/* As if they came only now */
		s->c->conn.state = QUIC_CONN_HANDSHAKE;
		s->c->conn.peer_tp_set = false;
		s->c->conn.hs = kzalloc(sizeof(*s->c->conn.hs), GFP_KERNEL);
		quic_version_all(&s->c->conn.hs->versions, QUIC_V1);
		s->c->conn.hs->peer_scid = s->s->conn.cids.local[0].cid;
		assert_int_equal(quic_conn_remote_params(&s->c->conn, buf, len, s->now),
				 i == 0 || i == 4 ? 0 : -EPROTO);
		s->c->conn.state = QUIC_CONN_CLOSED;
		sim_free(s);
	}
}

static void retry__no_memory(void **state)
{
	unsigned long n;

	for (n = 1; n < 60; n++) {
		struct sim_cfg cfg;
		struct sim *s;

		sim_config(&cfg);
		cfg.retry = true;
		s = sim_new(&cfg);
		s->loose = true;
		os_alloc_fail_after(n);
		if (!sim_connect(s)) {
			sim_run(s, MS(100), NULL);
			os_alloc_fail_after(0);
			s->loose = false;
			assert_true(sim_run(s, SEC(20), confirmed));
		}
		os_alloc_fail_after(0);
		sim_free(s);
	}
}

/* The refusal opens with the keys of the ID the client used, and is small. */
static void retry__refusal(void **state)
{
	struct quic_cid dcid = { 8, "somebody" }, scid = { 20, "abcdefghijklmnopqrs" };
	struct quic_crypto_ops const *ops = &quic_crypto_gnutls;
	u8 buf[QUIC_RETRY_ROOM];
	struct quic_packet h;
	int len;

	len = quic_retry_refuse(ops, QUIC_V1, &dcid, &scid, QUIC_ERR_INVALID_TOKEN, buf, sizeof(buf));
	assert_true(len > 0);
	assert_int_equal(quic_packet_parse(buf, len, 8, &h), 0);
	assert_int_equal(h.type, QUIC_PKT_INITIAL);
	assert_int_equal(h.len, len);
	assert_true(quic_cid_eq(&scid, h.dcid, h.dcid_len) && quic_cid_eq(&dcid, h.scid, h.scid_len));
	scid.len = dcid.len = QUIC_CID_MAX;
	assert_true(quic_retry_refuse(ops, QUIC_V2, &dcid, &scid, 0x3fff, buf, sizeof(buf)) > 0);
	assert_int_equal(quic_retry_refuse(ops, 5, &dcid, &scid, 0, buf, sizeof(buf)), -EINVAL);
	for (len = 0; len < 70; len++)
		assert_true(quic_retry_refuse(ops, QUIC_V1, &dcid, &scid, 0, buf, len) < 0);
}

static const struct CMUnitTest tests[] = {
	TEST(retry__one_more_rtt),
	TEST(retry__hello_in_two),
	TEST(retry__one_lost),
	TEST(retry__bad_network),
	TEST(retry__new_token),
	TEST(retry__no_amplification_limit),
	TEST(retry__useless_token),
	TEST(retry__invalid_token),
	TEST(retry__what_is_taken),
	TEST(retry__pending),
	TEST(retry__too_late),
	TEST(retry__parameters),
	TEST(retry__no_memory),
	TEST(retry__refusal),
};

TEST_MAIN(tests)
