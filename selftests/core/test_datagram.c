// SPDX-License-Identifier: GPL-2.0
/* DATAGRAM frames (RFC 9221) over a simulated network. */
#include "test.h"
#include "sim.h"

static struct sim *up_with(const struct sim_cfg *cfg, u64 limit)
{
	struct sim *s = sim_new(cfg);

	s->c->conn.local.max_datagram_frame_size = limit;
	s->s->conn.local.max_datagram_frame_size = limit;
	sim_handshake(s);
	sim_run(s, MS(500) + 8 * cfg->delay, NULL);
	s->start = s->now;
	return s;
}

static struct sim *up(u64 limit)
{
	struct sim_cfg cfg;

	sim_config(&cfg);
	return up_with(&cfg, limit);
}

/* 3: the limit counts the frame's header too */
static void datagram__limits(void **state)
{
	static const struct { u64 limit; int max; } t[] = {
		{ 0, -1 }, { 1, -1 }, { 2, 0 }, { 3, 1 }, { 65, 63 }, { 66, 63 }, { 67, 64 },
		{ 100, 97 }, { 1000, 997 }, { 65535, 1452 - 13 - 16 - 1 },
		{ QUIC_VARINT_MAX, 1452 - 13 - 16 - 1 },
	};
	struct quic_datagram d = { };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		struct sim *s = up(t[i].limit);

		assert_int_equal(s->c->conn.pmtu.cur, 1452);
		assert_int_equal(quic_datagram_max(&s->c->conn), t[i].max);
		d.len = t[i].max + 1;
		assert_int_equal(quic_datagram_send(&s->c->conn, &d),
				 t[i].limit ? -EMSGSIZE : -EINVAL);
		if (t[i].max >= 0) {
			assert_int_equal(sim_datagram(s->c, t[i].max), 0);
			sim_pump(s->c);
			sim_run(s, MS(100), NULL);
			assert_int_equal(s->s->n_datagrams, 1);
			assert_int_equal(s->s->datagram_bytes, t[i].max);
		}
		sim_assert_clean(s);
		sim_free(s);
	}
}

static void datagram__each_size_in_order(void **state)
{
	struct sim *s = up(65535);
	int max = quic_datagram_max(&s->c->conn), len;
	u64 bytes = 0;

	for (len = 0; len <= max; len++) {
		assert_int_equal(sim_datagram(s->c, len), 0);
		assert_int_equal(sim_datagram(s->s, max - len), 0);
		bytes += len;
		if (len % 8)
			continue;
		sim_pump(s->c);
		sim_pump(s->s);
		sim_run(s, MS(5), NULL);
	}
	sim_run(s, SEC(10), NULL);
	assert_int_equal(s->s->n_datagrams, max + 1);
	assert_int_equal(s->c->n_datagrams, max + 1);
	assert_int_equal(s->s->datagram_bytes, bytes);
	assert_int_equal(s->s->datagrams_late + s->c->datagrams_late, 0);
	assert_int_equal(s->c->n_datagrams_done, max + 1);
	sim_assert_clean(s);
	sim_assert_settled(s);
	sim_free(s);
}

/* 5.2: never again; and nothing else suffers */
static void datagram__lost_is_lost(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	u64 lost;
	unsigned int i;

	sim_config(&cfg);
	s = up_with(&cfg, 65535);
	s->c->link.loss = 100;
	s->c->link.reorder = 50;
	s->c->link.reorder_by = MS(5);
	s->c->link.dup = 50;
	for (i = 0; i < 1000; i++)
		assert_int_equal(sim_datagram(s->c, 600), 0);
	sim_write(s->c, sim_open(s->c, true), 500000, true);
	sim_run(s, SEC(60), NULL);
	assert_int_equal(s->s->n_fin, 1);
	assert_int_equal(s->s->rx_bytes, 500000);
	lost = 1000 - s->s->n_datagrams;
	assert_in_range(lost, 50, 200);
	assert_true(s->s->datagrams_late > 0);
	assert_int_equal(s->c->n_datagrams_done, 1000);
	assert_int_equal(s->s->datagram_bytes, 600 * s->s->n_datagrams);
	sim_assert_settled(s);
	sim_free(s);
}

static bool drop_all(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	return true;
}

/* 5.2: the probe for one that may be lost is a PING */
static void datagram__probe(void **state)
{
	struct sim *s = up(65535);
	u64 sent;

	s->c->link.drop = drop_all;
	assert_int_equal(sim_datagram(s->c, 100), 0);
	sim_pump(s->c);
	s->c->link.drop = NULL;
	sent = s->c->conn.stats.packets_sent;
	sim_run(s, SEC(1), NULL);
	assert_true(s->c->conn.stats.packets_sent > sent);
	assert_int_equal(s->c->conn.loss.bytes_in_flight, 0);
	assert_int_equal(s->s->n_datagrams, 0);
	assert_int_equal(s->c->n_datagrams_done, 1);
	sim_free(s);
}

/* 5.4: no more at once than the window, and the rest follows */
static void datagram__congestion_controlled(void **state)
{
	struct sim *s = up(65535);
	unsigned int i;

	for (i = 0; i < 200; i++)
		assert_int_equal(sim_datagram(s->c, 1000), 0);
	sim_pump(s->c);
	assert_true(s->c->conn.loss.bytes_in_flight <= s->c->conn.loss.cc.cwnd);
	assert_in_range(s->c->n_datagrams_done, 1, 40);
	assert_false(quic_conn_quiet(&s->c->conn));
	sim_run(s, SEC(2), NULL);
	assert_int_equal(s->s->n_datagrams, 200);
	assert_true(quic_conn_quiet(&s->c->conn));
	sim_assert_clean(s);
	sim_free(s);
}

/* Alone they go in bursts of one size, although packets are not full. */
static void datagram__bursts(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	unsigned int i;

	sim_config(&cfg);
	s = up_with(&cfg, 65535);
	s->s->trains_rx = 0;
	s->s->dgrams_rx = 0;
	for (i = 0; i < 400; i++)
		assert_int_equal(sim_datagram(s->c, 1200), 0);
	sim_pump(s->c);
	sim_run(s, SEC(2), NULL);
	assert_int_equal(s->s->n_datagrams, 400);
	assert_in_range(s->s->dgrams_rx, 400, 420);
	assert_true(s->s->trains_rx * 2 < s->s->dgrams_rx);
	sim_free(s);
}

static bool either_done(struct sim *s)
{
	return s->s->n_fin || s->s->n_datagrams == 2000;
}

/* Neither starves the other. */
static void datagram__shares_with_streams(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	unsigned int i;

	sim_config(&cfg);
	cfg.rate = 1250000;
	cfg.queue = 50000;
	s = up_with(&cfg, 65535);
	for (i = 0; i < 2000; i++)
		assert_int_equal(sim_datagram(s->c, 1300), 0);
	sim_write(s->c, sim_open(s->c, true), 2600000, true);
	assert_true(sim_run(s, SEC(60), either_done));
	assert_true(s->s->rx_bytes > s->s->datagram_bytes / 3);
	assert_true(s->s->datagram_bytes > s->s->rx_bytes / 3);
	sim_free(s);
}

/* Small ones share packets, and those with stream data. */
static void datagram__packed(void **state)
{
	struct sim *s = up(65535);
	u64 sent = s->c->conn.stats.packets_sent;
	unsigned int i;

	for (i = 0; i < 10; i++)
		assert_int_equal(sim_datagram(s->c, 20), 0);
	sim_write(s->c, sim_open(s->c, true), 500, true);
	assert_int_equal(s->c->conn.stats.packets_sent, sent + 1);
	sim_run(s, MS(100), NULL);
	assert_int_equal(s->s->n_datagrams, 10);
	assert_int_equal(s->s->n_fin, 1);
	sim_free(s);
}

/* The path takes smaller packets by now: what fits no more is given back, what follows goes. */
static void datagram__path_shrinks(void **state)
{
	struct sim *s = up(65535);
	unsigned int i;

	s->c->link.drop = drop_all;
	for (i = 0; i < 50; i++)
		assert_int_equal(sim_datagram(s->c, 1400), 0);
	assert_int_equal(sim_datagram(s->c, 100), 0);
	sim_pump(s->c);
	assert_true(s->c->n_datagrams_done < 50);
	quic_conn_set_mtu(&s->c->conn, 1200, s->now);
	s->c->link.drop = NULL;
	sim_run(s, SEC(5), NULL);
	assert_true(list_empty(&s->c->conn.datagrams));
	assert_int_equal(s->s->n_datagrams, 1);
	assert_int_equal(s->s->datagram_bytes, 100);
	assert_int_equal(quic_datagram_max(&s->c->conn), 1200 - 13 - 16 - 1);
	sim_free(s);
}

/* 3: what we may be sent: nothing when not offered, and nothing larger than offered */
static void datagram__refused(void **state)
{
	static const struct { u64 limit; u8 pay[16]; u8 len; bool bad; } t[] = {
		{ 0, { 0x30 }, 1, true }, { 0, { 0x31, 0, 0, 0 }, 4, true },
		{ 1, { 0, 0, 0, 0x30 }, 4, false }, { 1, { 0x31, 0, 0, 0 }, 4, true },
		{ 2, { 0x31, 0, 0, 0 }, 4, false }, { 2, { 0x31, 0x40, 0, 0 }, 4, true },
		{ 5, { 0x30, 1, 2, 3, 4 }, 5, false }, { 5, { 0x30, 1, 2, 3, 4, 5 }, 6, true },
		{ 5, { 0x31, 3, 1, 2, 3 }, 5, false }, { 5, { 0x31, 4, 1, 2, 3, 4 }, 6, true },
	};
	unsigned int i;

	for (i = 0; i < 2 * ARRAY_SIZE(t); i++) {
		struct sim *s = up(t[i / 2].limit);
		struct sim_ep *from = i % 2 ? s->c : s->s;
		u8 pay[16];

		s->hostile = true;
		memcpy(pay, t[i / 2].pay, sizeof(pay));
		sim_inject(from, QUIC_LEVEL_APP, pay, t[i / 2].len < 4 ? 4 : t[i / 2].len);
		assert_int_equal(from->peer->conn.state,
				 t[i / 2].bad ? QUIC_CONN_CLOSING : QUIC_CONN_ESTABLISHED);
		assert_int_equal(from->peer->n_datagrams, !t[i / 2].bad);
		if (t[i / 2].bad)
			assert_int_equal(from->peer->conn.close.code, QUIC_ERR_PROTOCOL_VIOLATION);
		sim_free(s);
	}
}

/* A packet that counts as never received hands over nothing; when it comes again, once. */
static void datagram__of_a_dropped_packet(void **state)
{
	static const u8 pay[] = { 0x31, 2, 'a', 'b', 0x0a, 0, 1, 'x', 0x31, 1, 'c' };
	struct sim *s = up(65535);
	u64 pn = s->c->conn.loss.app.sent.next;

	s->hostile = true;
	os_alloc_fail_after(1);
	sim_inject_pn(s->c, QUIC_LEVEL_APP, pn, 0, pay, sizeof(pay));
	os_alloc_fail_after(0);
	assert_int_equal(s->s->n_datagrams, 0);
	assert_int_equal(s->s->n_opened, 0);
	sim_inject_pn(s->c, QUIC_LEVEL_APP, pn, 0, pay, sizeof(pay));
	assert_int_equal(s->s->n_datagrams, 2);
	assert_int_equal(s->s->datagram_bytes, 3);
	assert_int_equal(s->s->n_opened, 1);
	sim_inject_pn(s->c, QUIC_LEVEL_APP, pn, 0, pay, sizeof(pay));
	assert_int_equal(s->s->n_datagrams, 2);
	sim_free(s);
}

/* The queue goes back with the connection. */
static void datagram__flush(void **state)
{
	struct sim *s = up(65535);
	unsigned int i;

	for (i = 0; i < 50; i++)
		assert_int_equal(sim_datagram(s->c, 1000), 0);
	sim_pump(s->c);
	assert_false(list_empty(&s->c->conn.datagrams));
	quic_datagram_flush(&s->c->conn);
	assert_int_equal(s->c->n_datagrams_done, 50);
	assert_int_equal(sim_datagram(s->c, 1000), 0);
	sim_free(s);
}

static const struct CMUnitTest tests[] = {
	TEST(datagram__limits),
	TEST(datagram__each_size_in_order),
	TEST(datagram__lost_is_lost),
	TEST(datagram__probe),
	TEST(datagram__congestion_controlled),
	TEST(datagram__bursts),
	TEST(datagram__shares_with_streams),
	TEST(datagram__packed),
	TEST(datagram__path_shrinks),
	TEST(datagram__refused),
	TEST(datagram__of_a_dropped_packet),
	TEST(datagram__flush),
};

TEST_MAIN(tests)
