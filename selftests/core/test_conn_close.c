// SPDX-License-Identifier: GPL-2.0
/* The ends of connections: RFC 9000, 10.2 and 10.3. */
#include "test.h"
#include "sim.h"

#define RTT	MS(20)

static void conn_close__application(void **state)
{
	struct sim *s = sim_up_plain();
	u64 until, offered;

	quic_conn_close(&s->c->conn, true, 4711, 0, (const u8 *)"bye", 3, s->now);
	assert_int_equal(s->c->conn.state, QUIC_CONN_CLOSING);
	assert_int_equal(s->c->n_event[QUIC_CEV_CLOSED], 1);
	until = s->c->conn.close_until;
	assert_int_equal(until, s->now + 3 * quic_loss_pto(&s->c->conn.loss));
	offered = s->c->link.offered;
	sim_pump(s->c);
	assert_int_equal(s->c->link.offered, offered + 1);
	sim_run(s, RTT / 2, NULL);
	assert_int_equal(s->s->conn.state, QUIC_CONN_DRAINING);
	assert_int_equal(s->s->conn.close.code, 4711);
	assert_true(s->s->conn.close.app);
	assert_true(s->s->conn.close.remote);
	assert_int_equal(s->s->conn.close.reason_len, 3);
	assert_memory_equal(s->s->conn.close.reason, "bye", 3);
	assert_int_equal(s->s->n_event[QUIC_CEV_CLOSED], 1);
	/* 10.2.2: draining says nothing */
	offered = s->s->link.offered;
	sim_run(s, until - s->now - 1, NULL);
	assert_int_equal(s->s->link.offered, offered);
	assert_int_equal(s->c->conn.state, QUIC_CONN_CLOSING);
	sim_run(s, 1, NULL);
	assert_int_equal(s->c->conn.state, QUIC_CONN_CLOSED);
	/* What it was stays readable. */
	assert_int_equal(s->c->conn.close.code, 4711);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->s->conn.state, QUIC_CONN_CLOSED);
	assert_int_equal(s->s->conn.close.code, 4711);
	assert_int_equal(s->s->n_event[QUIC_CEV_CLOSED], 1);
	sim_free(s);
}

/* The peer did not hear: its packets are answered less and less (10.2.1). */
static void conn_close__answers_thin_out(void **state)
{
	static const u8 ping[] = { 1, 0, 0, 0 };
	struct sim *s = sim_up_plain();
	u64 offered;
	unsigned int i;

	s->c->link.down = true;
	quic_conn_close(&s->c->conn, true, 1, 0, NULL, 0, s->now);
	sim_pump(s->c);
	offered = s->c->link.offered;
	for (i = 0; i < 100; i++) {
		sim_inject(s->s, QUIC_LEVEL_APP, ping, sizeof(ping));
		sim_pump(s->c);
	}
	/* After 1, 2, 4, ... further packets */
	assert_int_equal(s->c->link.offered - offered, 6);
	assert_int_equal(s->c->conn.state, QUIC_CONN_CLOSING);
	/* and the last one is heard */
	s->c->link.down = false;
	for (i = 0; i < 64; i++) {
		sim_inject(s->s, QUIC_LEVEL_APP, ping, sizeof(ping));
		sim_pump(s->c);
	}
	sim_run(s, RTT, NULL);
	assert_int_equal(s->s->conn.state, QUIC_CONN_DRAINING);
	sim_free(s);
}

static void conn_close__both_at_once(void **state)
{
	struct sim *s = sim_up_plain();

	quic_conn_close(&s->c->conn, true, 1, 0, NULL, 0, s->now);
	quic_conn_close(&s->s->conn, true, 2, 0, NULL, 0, s->now);
	sim_pump(s->c);
	sim_pump(s->s);
	sim_run(s, RTT, NULL);
	/* The first reason is the one reported. */
	assert_int_equal(s->c->conn.state, QUIC_CONN_DRAINING);
	assert_int_equal(s->s->conn.state, QUIC_CONN_DRAINING);
	assert_int_equal(s->c->conn.close.code, 1);
	assert_false(s->c->conn.close.remote);
	assert_int_equal(s->s->conn.close.code, 2);
	assert_int_equal(s->c->n_event[QUIC_CEV_CLOSED], 1);
	sim_free(s);
}

/* While closing, nothing of the peer's is handed on. */
static void conn_close__no_data(void **state)
{
	static const u8 data[] = { 0x0a, 0, 1, 0, 0 };
	struct sim *s = sim_up_plain();

	quic_conn_close(&s->s->conn, true, 1, 0, NULL, 0, s->now);
	sim_inject(s->c, QUIC_LEVEL_APP, data, sizeof(data));
	assert_int_equal(s->s->n_opened, 0);
	assert_int_equal(s->s->rx_bytes, 0);
	assert_int_equal(quic_conn_crypto_send(&s->s->conn, QUIC_LEVEL_APP, data, 1), -EINVAL);
	sim_free(s);
}

/* 10.2.3: an application's words stay secret before 1-RTT. */
static void conn_close__in_handshake(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.flight_len = 12000;
	s = sim_new(&cfg);
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, MS(21), NULL);
	assert_int_equal(s->c->conn.state, QUIC_CONN_HANDSHAKE);
	assert_true(quic_protect_can_send(&s->c->conn.prot, QUIC_LEVEL_HANDSHAKE));
	quic_conn_close(&s->c->conn, true, 42, 0, (const u8 *)"secret", 6, s->now);
	sim_pump(s->c);
	sim_run(s, RTT / 2, NULL);
	assert_int_equal(s->s->conn.state, QUIC_CONN_DRAINING);
	assert_int_equal(s->s->conn.close.code, QUIC_ERR_APPLICATION);
	assert_false(s->s->conn.close.app);
	assert_int_equal(s->s->conn.close.reason_len, 0);
	sim_free(s);
}

/* A client that has Initial keys only is told at that level; so is a server. */
static void conn_close__in_initial(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.tls_delay = SEC(1);		/* nobody answers yet */
	s = sim_new(&cfg);
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, MS(15), NULL);
	assert_int_equal(s->s->conn.state, QUIC_CONN_HANDSHAKE);
	quic_conn_close(&s->s->conn, false, QUIC_ERR_CONNECTION_REFUSED, 0, NULL, 0, s->now);
	sim_pump(s->s);
	sim_run(s, RTT / 2, NULL);
	assert_int_equal(s->c->conn.state, QUIC_CONN_DRAINING);
	assert_int_equal(s->c->conn.close.code, QUIC_ERR_CONNECTION_REFUSED);
	sim_free(s);

	s = sim_new(&cfg);
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, MS(15), NULL);
	quic_conn_close(&s->c->conn, false, QUIC_ERR_CRYPTO + 42, QUIC_FT_CRYPTO, NULL, 0, s->now);
	sim_pump(s->c);
	sim_run(s, RTT / 2, NULL);
	assert_int_equal(s->s->conn.state, QUIC_CONN_DRAINING);
	assert_int_equal(s->s->conn.close.code, QUIC_ERR_CRYPTO + 42);
	sim_free(s);
}

/* The server has finished, the client does not know: it is told at a level it can read. */
static void conn_close__right_after_handshake(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = sim_new(&cfg);
	assert_int_equal(sim_connect(s), 0);
	/* Its Finished is lost; the close that follows must be readable without. */
	s->c->link.down = true;
	sim_run(s, MS(20), NULL);
	s->c->link.down = false;
	assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
	assert_false(s->c->conn.confirmed);
	quic_conn_close(&s->c->conn, true, 42, 0, (const u8 *)"x", 1, s->now);
	sim_pump(s->c);
	sim_run(s, MS(15), NULL);
	assert_int_equal(s->s->conn.state, QUIC_CONN_DRAINING);
	assert_int_equal(s->s->conn.close.code, QUIC_ERR_APPLICATION);
	sim_free(s);
}

static void conn_close__long_reason(void **state)
{
	struct sim *s = sim_up_plain();
	u8 reason[200];

	memset(reason, 'x', sizeof(reason));
	quic_conn_close(&s->c->conn, false, QUIC_ERR_INTERNAL, 0x1234, reason, sizeof(reason),
			s->now);
	sim_pump(s->c);
	sim_run(s, RTT, NULL);
	assert_int_equal(s->s->conn.close.reason_len, QUIC_CLOSE_REASON_MAX);
	assert_int_equal(s->s->conn.close.frame_type, 0x1234);
	sim_free(s);
}

/* 10.3: the last 16 bytes of a datagram that means nothing else */
static void make_reset(struct sim *s, u8 *buf, u32 len, u8 first)
{
	const struct quic_cid *id = quic_cid_remote(&s->c->conn);
	u32 i;

	for (i = 0; i < len; i++)
		buf[i] = i * 37;
	buf[0] = first;
	memcpy(buf + 1, s->c->cid[0].cid.id, QUIC_CID_LEN);
	s->s->conn.ops->reset_token(&s->s->conn, id, buf + len - QUIC_TOKEN_RESET_LEN);
}

static void conn_close__stateless_reset(void **state)
{
	static const u32 len[] = { 21, 22, 28, 29, 30, 31, 43, 100, 1200 };
	unsigned int i, way;
	u8 buf[1200];

	for (way = 0; way < 4; way++) {
		for (i = 0; i < ARRAY_SIZE(len); i++) {
			struct quic_rx_seg seg = { .vec = 0, .nvec = 2, .len = len[i] };
			struct quic_vec v[2];
			struct quic_rx_train t = { .vec = v, .seg = &seg, .nseg = 1 };
			struct sim *s = sim_up_plain();

			/* Either key phase, whole or in pieces */
			make_reset(s, buf, len[i], way & 1 ? 0x44 : 0x40);
			if (way & 2) {
				v[0] = (struct quic_vec){ buf, len[i] - 5 };
				v[1] = (struct quic_vec){ buf + len[i] - 5, 5 };
				quic_rx_train(&s->c->conn, &t, s->now);
				sim_glue_drop_bufs(s->c);
			} else {
				sim_receive(s->c, buf, len[i]);
			}
			assert_int_equal(s->c->conn.state, QUIC_CONN_DRAINING);
			assert_true(s->c->conn.close.silent);
			assert_true(s->c->conn.close.remote);
			assert_int_equal(s->c->n_event[QUIC_CEV_CLOSED], 1);
			sim_pump(s->c);
			sim_run(s, SEC(1), NULL);
			assert_int_equal(s->c->conn.state, QUIC_CONN_CLOSED);
			sim_free(s);
		}
	}
}

static void conn_close__no_reset(void **state)
{
	struct sim *s = sim_up_plain();
	u8 buf[1200];

	make_reset(s, buf, 20, 0x40);
	sim_receive(s->c, buf, 20);
	make_reset(s, buf, 100, 0x40);
	buf[90] ^= 1;
	sim_receive(s->c, buf, 100);
	assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
	/* RFC 9000, 10.3: what looks like a long header may be one */
	make_reset(s, buf, 100, 0xc0);
	sim_receive(s->c, buf, 100);
	assert_int_equal(s->c->conn.state, QUIC_CONN_DRAINING);
	sim_free(s);
}

static const struct CMUnitTest tests[] = {
	TEST(conn_close__application),
	TEST(conn_close__answers_thin_out),
	TEST(conn_close__both_at_once),
	TEST(conn_close__no_data),
	TEST(conn_close__in_handshake),
	TEST(conn_close__in_initial),
	TEST(conn_close__right_after_handshake),
	TEST(conn_close__long_reason),
	TEST(conn_close__stateless_reset),
	TEST(conn_close__no_reset),
};

TEST_MAIN(tests)
