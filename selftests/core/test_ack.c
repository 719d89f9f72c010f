// SPDX-License-Identifier: GPL-2.0
/*
 * When packets are acknowledged, as the peer asked (draft-ietf-quic-ack-frequency), and what we
 * ask of it. What RFC 9000 alone says is tested in test_conn_rx.c.
 */
#include "test.h"
#include "sim.h"

#define RTT	MS(20)

static struct quic_space *space(struct sim_ep *ep)
{
	return &ep->conn.app;
}

/* The client asks; @us of delay */
static void ask(struct sim *s, u64 seq, u64 threshold, u64 us, u64 reorder)
{
	u8 b[40];

	sim_inject(s->c, QUIC_LEVEL_APP, b,
		   quic_frame_put_ack_freq(b, b + sizeof(b), seq, threshold, us, reorder) - b);
	space(s->s)->ack_now = true;
	sim_pump(s->s);
}

static void ping(struct sim *s, u64 pn)
{
	static const u8 pay[4] = { QUIC_FT_PING };

	sim_inject_pn(s->c, QUIC_LEVEL_APP, pn, 0, pay, sizeof(pay));
}

/* 6.2.1: the examples */
static void ack__reordering_thresholds(void **state)
{
	static const struct { u64 reorder; u8 pn[12]; const char *ack; } t[] = {
		{ 3, { 0, 1, 3, 4, 5, 8, 9, 10 }, "NNNNYNYY" },
		{ 5, { 0, 1, 3, 5, 6, 7, 8, 9 }, "NNNNNYNY" },
		/* 6.2, second condition: 7 was reported missing by the ACK of 10, 8 was not */
		{ 3, { 0, 1, 2, 3, 4, 5, 6, 9, 10, 7, 8 }, "NNNNNNNNYYN" },
		{ 0, { 0, 5, 3, 9, 1, 7 }, "NNNNNN" },
		{ 1, { 0, 1, 3, 4, 2, 6 }, "NNYNYY" },
		{ 2, { 0, 2, 3, 1 }, "NNYY" },
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		struct sim *s = sim_up_plain();
		u64 base;

		ask(s, 0, 1000, 25000, t[i].reorder);
		base = s->c->conn.loss.app.sent.next;
		for (j = 0; t[i].ack[j]; j++) {
			ping(s, base + t[i].pn[j]);
			if (space(s->s)->ack_now != (t[i].ack[j] == 'Y'))
				fail_msg("case %u, packet %u", i, t[i].pn[j]);
			sim_pump(s->s);
			assert_false(space(s->s)->ack_now);
		}
		sim_free(s);
	}
}

/* 6: after more than the threshold, or the delay */
static void ack__threshold_and_delay(void **state)
{
	static const u64 thresholds[] = { 0, 1, 2, 10, 63 };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(thresholds); i++) {
		struct sim *s = sim_up_plain();
		u64 pn;

		ask(s, 0, thresholds[i], 7000, 1);
		pn = s->c->conn.loss.app.sent.next;
		for (j = 0; j <= thresholds[i]; j++) {
			assert_false(space(s->s)->ack_now);
			ping(s, pn++);
			if (!j)
				assert_int_equal(space(s->s)->ack_deadline, s->now + MS(7));
		}
		assert_true(space(s->s)->ack_now);
		sim_pump(s->s);
		if (thresholds[i]) {
			ping(s, pn++);
			assert_false(space(s->s)->ack_now);
			sim_run(s, MS(7) - 1, NULL);
			assert_int_equal(space(s->s)->eliciting, 1);
			sim_run(s, 1, NULL);
			assert_int_equal(space(s->s)->eliciting, 0);
		}
		sim_free(s);
	}
}

/* 4: only what is newer counts; 5: at once; 6.1: after a pause soon */
static void ack__order_of_wishes(void **state)
{
	static const u8 now[4] = { QUIC_FT_IMMEDIATE_ACK };
	struct sim *s = sim_up_plain();
	u64 pn;

	ask(s, 5, 10, 20000, 3);
	ask(s, 4, 20, 10000, 4);
	ask(s, 5, 20, 10000, 4);
	assert_int_equal(s->s->conn.ack.threshold, 10);
	assert_int_equal(s->s->conn.ack.max_delay, MS(20));
	assert_int_equal(s->s->conn.ack.reorder, 3);
	ask(s, 6, 20, 10000, 4);
	assert_int_equal(s->s->conn.ack.threshold, 20);
	sim_inject(s->c, QUIC_LEVEL_APP, now, sizeof(now));
	assert_true(space(s->s)->ack_now);
	sim_pump(s->s);
	pn = s->c->conn.loss.app.sent.next;
	ping(s, pn);
	assert_false(space(s->s)->ack_now);
	sim_run(s, MS(100), NULL);
	ping(s, pn + 1);
	assert_true(space(s->s)->ack_now);
	sim_free(s);
}

/* 6.1: a round trip below the clocks' granularity (RFC 9002, 6.1.2) does not make pauses */
static void ack__short_round_trip(void **state)
{
	static const u8 now[4] = { QUIC_FT_IMMEDIATE_ACK };
	struct sim *s = sim_up_plain();
	u64 pn;

	ask(s, 0, 20, 20000, 4);
	sim_inject(s->c, QUIC_LEVEL_APP, now, sizeof(now));
	sim_pump(s->s);
	pn = s->c->conn.loss.app.sent.next;
	s->s->conn.loss.rtt.smoothed = MS(1) / 20;
	sim_run(s, MS(1), NULL);
	ping(s, pn);
	assert_false(space(s->s)->ack_now);
	sim_run(s, 1, NULL);
	ping(s, pn + 1);
	assert_true(space(s->s)->ack_now);
	sim_free(s);
}

/* 6.4: the first mark in a row, if ACKs are few; RFC 9000, 13.2.1: else each */
static void ack__ce(void **state)
{
	static const u8 ecn[] = { 2, 3, 3, 3, 2, 3, 0, 3 };
	static const char few[] = "NYNNNYNY";
	unsigned int i, j;

	for (i = 0; i < 2; i++) {
		struct sim *s = sim_up_plain();
		u64 pn;

		ask(s, 0, i ? 1 : 100, 25000, 1);
		pn = s->c->conn.loss.app.sent.next;
		for (j = 0; few[j]; j++) {
			s->ecn = ecn[j];
			space(s->s)->eliciting = 0;
			ping(s, pn++);
			assert_int_equal(space(s->s)->ack_now, i ? ecn[j] == 3 : few[j] == 'Y');
			sim_pump(s->s);
		}
		sim_free(s);
	}
}

/* 6: ranges are told before there are too many to keep */
static void ack__ranges_are_told(void **state)
{
	struct sim *s = sim_up_plain();
	unsigned int i, acks = 0;
	u64 pn, sent;

	ask(s, 0, 1u << 30, 16000000, 0);
	pn = s->c->conn.loss.app.sent.next;
	for (i = 0; i < 1000; i++) {
		sent = s->s->conn.stats.packets_sent;
		ping(s, pn + 2 * i);
		sim_pump(s->s);
		acks += s->s->conn.stats.packets_sent - sent;
		assert_true(space(s->s)->eliciting < QUIC_ACK_RANGES_MAX);
	}
	assert_true(acks > 0);
	sim_free(s);
}

/* As if the server had not offered it */
static void deny(struct sim *s)
{
	s->c->conn.remote.has_min_ack_delay = false;
	s->c->conn.ack.wanted = false;
}

static struct sim *bulk(bool extension, u64 *took)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.delay = MS(20);
	cfg.rate = 12500000;
	cfg.queue = 600000;
	s = sim_new(&cfg);
	s->s->conn.local.max_data = 16 << 20;
	s->s->conn.local.max_stream_data_bidi_remote = 16 << 20;
	sim_handshake(s);
	sim_run(s, MS(500), NULL);
	s->start = s->now;
	if (!extension)
		deny(s);
	sim_write(s->c, sim_open(s->c, false), 10000000, true);
	sim_want(0, 0, 10000000, 1);
	assert_true(sim_run(s, SEC(10), sim_all_here));
	*took = sim_elapsed(s);
	return s;
}

/* Our wish: fewer ACKs for a large window, and the transfer takes no longer. */
static void ack__asks_for_fewer(void **state)
{
	u64 with, without, few, many;
	struct sim *s;

	s = bulk(false, &without);
	assert_int_equal(s->c->conn.ack.tx_seq, 0);
	assert_false(s->s->conn.ack.asked);
	many = s->s->link.offered;
	sim_free(s);
	s = bulk(true, &with);
	assert_true(s->s->conn.ack.asked);
	assert_true(s->s->conn.ack.threshold > 4);
	assert_int_equal(s->s->conn.ack.max_delay, s->c->conn.ack.tx_delay);
	assert_int_equal(s->s->conn.ack.threshold, s->c->conn.ack.tx_threshold);
	assert_true(s->c->conn.loss.max_ack_delay < MS(25));
	assert_true(s->c->conn.ack.tx_seq < 40);
	few = s->s->link.offered;
	sim_free(s);
	print_message("%llu ACKs and %llu us without, %llu and %llu with\n",
		      (unsigned long long)many, (unsigned long long)without / 1000,
		      (unsigned long long)few, (unsigned long long)with / 1000);
	assert_true(few * 2 < many);
	assert_true(with <= without + without / 50);
}

static unsigned int dropped;

static bool drop_three(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	return dropped && dropped--;
}

/* 7: the longer delay counts while one is on its way; lost, it is asked again. */
static void ack__asks_again(void **state)
{
	struct sim *s = sim_up_plain();
	struct quic_ack *a = &s->c->conn.ack;

	assert_true(s->c->conn.remote.has_min_ack_delay);
	s->c->link.drop = drop_three;
	/* ACKs of the handshake made us want it; nothing is sent for that alone. What asks is lost. */
	assert_true(a->wanted);
	assert_int_equal(a->tx_seq, 0);
	dropped = 1;
	sim_write(s->c, sim_open(s->c, true), 100, true);
	assert_true(a->out);
	assert_int_equal(a->tx_seq, 1);
	assert_int_equal(a->tx_delay, RTT / 4);
	assert_int_equal(s->c->conn.loss.max_ack_delay, MS(25));
	assert_false(s->s->conn.ack.asked);
	sim_run(s, MS(300), NULL);
	sim_write(s->c, sim_open(s->c, true), 100, true);
	sim_run(s, MS(300), NULL);
	assert_false(a->out);
	assert_int_equal(a->tx_seq, 2);
	assert_true(s->s->conn.ack.asked);
	assert_int_equal(s->s->conn.ack.max_delay, RTT / 4);
	assert_int_equal(s->c->conn.loss.max_ack_delay, RTT / 4);
	assert_int_equal(s->s->n_fin, 2);
	sim_free(s);
}

/* A peer without the extension is asked nothing, and probed with PING. */
static void ack__peer_without(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = sim_up(&cfg);
	deny(s);
	sim_write(s->c, sim_open(s->c, true), 1000000, true);
	sim_run(s, SEC(3), NULL);
	assert_int_equal(s->c->conn.ack.tx_seq, 0);
	assert_int_equal(s->s->n_fin, 1);
	sim_assert_clean(s);
	sim_free(s);
}

static bool found_mtu(struct sim *s)
{
	return s->c->conn.pmtu.cur == 1452;
}

/* 8.3: the ACK of a probe of the MTU, or of a PTO, takes a round trip and no delay. */
static void ack__probes_at_once(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	u64 pto;

	sim_config(&cfg);
	s = sim_new(&cfg);
	sim_handshake(s);
	assert_true(sim_run(s, RTT + MS(1), found_mtu));
	sim_run(s, MS(500), NULL);
	/* the only packet is lost; the probes' ACK is there a round trip later */
	dropped = 1;
	s->c->link.drop = drop_three;
	s->start = s->now;
	pto = quic_loss_pto(&s->c->conn.loss);
	sim_write(s->c, sim_open(s->c, true), 100, true);
	while (s->c->conn.loss.bytes_in_flight && sim_elapsed(s) < SEC(1))
		sim_run(s, MS(1), NULL);
	assert_int_equal(s->s->n_fin, 1);
	assert_true(sim_elapsed(s) < pto + RTT + MS(10));
	sim_free(s);
}

static const struct CMUnitTest tests[] = {
	TEST(ack__reordering_thresholds),
	TEST(ack__threshold_and_delay),
	TEST(ack__order_of_wishes),
	TEST(ack__short_round_trip),
	TEST(ack__ce),
	TEST(ack__ranges_are_told),
	TEST(ack__asks_for_fewer),
	TEST(ack__asks_again),
	TEST(ack__peer_without),
	TEST(ack__probes_at_once),
};

TEST_MAIN(tests)
