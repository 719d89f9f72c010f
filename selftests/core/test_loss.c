// SPDX-License-Identifier: GPL-2.0
/* Loss detection, PTO and persistent congestion with the numbers of RFC 9002 by hand. */
#include <time.h>
#include "loss_help.h"

#define APP	QUIC_PNS_APP
#define INITIAL	QUIC_PNS_INITIAL
#define HS	QUIC_PNS_HANDSHAKE

static struct owner *confirmed(const struct quic_cc_ops *cc)
{
	struct owner *o = owner_new(cc, true);

	o->l.confirmed = true;
	o->l.max_ack_delay = MS(25);
	return o;
}

static void loss__packet_threshold(void **state)
{
	struct owner *o = confirmed(&quic_cc_newreno);
	u64 i;

	for (i = 0; i < 4; i++)
		owner_send(o, APP, MS(1000 + i));
	assert_int_equal(owner_ack(o, APP, 3, 3, MS(1103)), 0);
	/* 0 is three behind; 1 and 2 wait for 9/8 of 100 ms */
	assert_int_equal(o->lost[0], 1);
	assert_int_equal(o->nlost, 1);
	assert_int_equal(o->acked[3], 1);
	assert_int_equal(o->l.packets_lost, 1);
	assert_int_equal(o->l.bytes_in_flight, 2 * MSS);
	assert_int_equal(o->l.cc.delivery.delivered, MSS);
	assert_int_equal(o->l.cc.cwnd, 6000);
	assert_int_equal(quic_loss_deadline(&o->l, MS(1103)), MS(1001) + 112500000);
	quic_loss_timeout(&o->l, MS(1113));
	assert_int_equal(o->nlost, 1);
	quic_loss_timeout(&o->l, MS(1001) + 112500000);
	assert_int_equal(o->lost[1], 1);
	assert_int_equal(o->nlost, 2);
	assert_int_equal(quic_loss_deadline(&o->l, MS(1114)), MS(1002) + 112500000);
	quic_loss_timeout(&o->l, MS(1200));
	assert_int_equal(o->nlost, 3);
	assert_int_equal(o->l.bytes_in_flight, 0);
	/* one reduction for all of them, and no PTO without packets */
	assert_int_equal(o->l.cc.cwnd, 6000);
	assert_true(quic_loss_deadline(&o->l, MS(1200)) == U64_MAX);
	owner_free(o);
}

static void loss__granularity(void **state)
{
	struct owner *o = confirmed(&quic_cc_newreno);

	owner_send(o, APP, MS(1000));
	owner_send(o, APP, MS(1000));
	owner_ack(o, APP, 1, 1, MS(1000) + 50000);	/* 50 us */
	assert_int_equal(quic_loss_deadline(&o->l, MS(1000)), MS(1001));
	owner_free(o);
}

static void loss__never_sent(void **state)
{
	struct owner *o = confirmed(&quic_cc_newreno);

	assert_int_equal(owner_ack(o, APP, 0, 0, MS(1)), -EPROTO);
	owner_send(o, APP, MS(1));
	assert_int_equal(owner_ack(o, APP, 0, 1, MS(2)), -EPROTO);
	assert_int_equal(o->nacked, 0);
	assert_int_equal(owner_ack(o, HS, 0, 0, MS(1)), -EPROTO);
	assert_int_equal(owner_ack(o, APP, 0, 0, MS(2)), 0);
	assert_int_equal(o->nacked, 1);
	/* again: nothing new */
	assert_int_equal(owner_ack(o, APP, 0, 0, MS(99)), 0);
	assert_int_equal(o->l.rtt.latest, MS(1));
	owner_free(o);
}

/* An ACK that waited for its keys came before what was sent and heard since (RFC 9001, 5.7). */
static void loss__ack_from_the_past(void **state)
{
	struct owner *o = confirmed(&quic_cc_newreno);

	owner_send(o, APP, MS(1000));
	owner_send(o, APP, MS(1200));
	assert_int_equal(owner_ack(o, APP, 0, 0, MS(1250)), 0);
	assert_int_equal(o->l.rtt.latest, MS(250));
	assert_int_equal(owner_ack(o, APP, 1, 1, MS(1100)), 0);
	assert_int_equal(o->l.rtt.latest, MS(50));
	assert_int_equal(o->l.last_progress, MS(1250));
	/* Only an ACK: not what the timers count from */
	owner_send(o, APP, MS(1300));
	owner_send_flags(o, APP, 100, 0, MS(1400));
	assert_int_equal(owner_ack(o, APP, 2, 3, MS(1390)), 0);
	assert_int_equal(o->l.rtt.latest, 1);
	assert_int_equal(o->l.last_progress, MS(1400));
	owner_free(o);
}

static void loss__rtt_samples(void **state)
{
	struct quic_range r = { 0, 1 };
	struct owner *o = confirmed(&quic_cc_newreno);
	struct ack_build b;

	owner_send(o, APP, MS(1000));
	owner_send(o, APP, MS(1010));
	owner_send_flags(o, APP, 50, 0, MS(1020));
	/* only packets without an ACK duty are newly acked: no sample */
	owner_ack(o, APP, 2, 2, MS(1050));
	assert_int_equal(o->l.rtt.first_sample_at, 0);
	assert_int_equal(o->l.pacer.rate, 0);
	/* the largest in the frame was acked before: no sample */
	owner_ack(o, APP, 1, 2, MS(1060));
	assert_int_equal(o->l.rtt.first_sample_at, 0);
	owner_send(o, APP, MS(1100));
	owner_ack(o, APP, 3, 3, MS(1200));
	assert_int_equal(o->l.rtt.smoothed, MS(100));
	assert_int_equal(o->l.pacer.rate, quic_cc_rate(&o->l.cc, &o->l.rtt));
	/* confirmed: at most max_ack_delay of the claimed delay is believed */
	owner_send(o, APP, MS(1300));
	r.start = 4;
	r.end = 5;
	ack_build(&b, &r, 1);
	quic_loss_on_ack(&o->l, APP, &b.ack, MS(60), MS(1480));
	assert_int_equal(o->l.rtt.smoothed, (7 * MS(100) + MS(155)) / 8);
	owner_free(o);

	o = owner_new(&quic_cc_newreno, true);
	o->l.max_ack_delay = MS(25);
	owner_send(o, APP, MS(1000));
	owner_ack(o, APP, 0, 0, MS(1100));
	owner_send(o, APP, MS(1300));
	r.start = 1;
	r.end = 2;
	ack_build(&b, &r, 1);
	quic_loss_on_ack(&o->l, APP, &b.ack, MS(60), MS(1480));
	assert_int_equal(o->l.rtt.smoothed, (7 * MS(100) + MS(120)) / 8);
	owner_free(o);
}

static void loss__pto_backoff(void **state)
{
	struct owner *o = confirmed(&quic_cc_newreno);
	u64 t = MS(1000), i;

	owner_send(o, APP, t);
	/* 333 + 4 * 166.5 + 25 */
	assert_int_equal(quic_loss_deadline(&o->l, t), t + MS(1024));
	owner_ack(o, APP, 0, 0, MS(1100));
	assert_true(quic_loss_deadline(&o->l, t) == U64_MAX);
	t = MS(2000);
	owner_send(o, APP, t);
	/* 100 + 4 * 50 + 25, doubled each time */
	for (i = 0; i < 8; i++) {
		u64 at = t + (MS(325) << i);

		assert_int_equal(quic_loss_deadline(&o->l, t), at);
		quic_loss_timeout(&o->l, at - 1);
		assert_int_equal(o->l.pto_count, i);
		quic_loss_timeout(&o->l, at);
		assert_int_equal(o->l.pto_count, i + 1);
		assert_int_equal(o->l.app.probes, 2);
		assert_int_equal(o->nlost, 0);
		t = at + MS(1);
		owner_send(o, APP, t);
		assert_int_equal(o->l.app.probes, 1);
		owner_send(o, APP, t);
		assert_int_equal(o->l.app.probes, 0);
	}
	owner_ack(o, APP, 17, 17, t + MS(100));
	assert_int_equal(o->l.pto_count, 0);
	owner_free(o);
}

/* RFC 9002, 6.2.1: no PTO for 1-RTT until confirmed, no ack delay for the others */
static void loss__pto_spaces(void **state)
{
	struct owner *o = owner_new(&quic_cc_newreno, true);

	o->l.max_ack_delay = MS(25);
	owner_send(o, APP, MS(900));
	assert_true(quic_loss_deadline(&o->l, MS(900)) == U64_MAX);
	owner_send(o, HS, MS(1000));
	assert_int_equal(quic_loss_deadline(&o->l, MS(1000)), MS(1999));
	owner_send(o, INITIAL, MS(990));
	assert_int_equal(quic_loss_deadline(&o->l, MS(1000)), MS(1989));
	/* blocked by anti-amplification: nothing is armed; then it is overdue */
	o->l.at_amp_limit = true;
	assert_true(quic_loss_deadline(&o->l, MS(1000)) == U64_MAX);
	quic_loss_timeout(&o->l, MS(5000));
	assert_int_equal(o->l.pto_count, 0);
	o->l.at_amp_limit = false;
	quic_loss_timeout(&o->l, MS(5000));
	assert_int_equal(o->l.pto_count, 1);
	/* the other spaces with something out get a packet each */
	assert_int_equal(quic_loss_space(&o->l, INITIAL)->probes, 2);
	assert_int_equal(quic_loss_space(&o->l, HS)->probes, 1);
	assert_int_equal(o->l.app.probes, 1);
	/* and should none get away, the next PTO counts from here */
	assert_int_equal(quic_loss_deadline(&o->l, MS(5000)), MS(5000) + MS(1998));
	quic_loss_discard(&o->l, INITIAL);
	assert_int_equal(o->l.pto_count, 0);
	assert_int_equal(quic_loss_deadline(&o->l, MS(5000)), MS(5999));
	owner_free(o);
}

/* RFC 9002, 6.2.2.1 */
static void loss__client_anti_deadlock(void **state)
{
	struct owner *o = owner_new(&quic_cc_newreno, false);

	assert_true(quic_loss_deadline(&o->l, MS(1)) == U64_MAX);
	owner_send(o, INITIAL, MS(1000));
	quic_loss_timeout(&o->l, MS(1999));
	assert_int_equal(o->l.pto_count, 1);
	assert_int_equal(quic_loss_space(&o->l, INITIAL)->probes, 2);
	owner_ack(o, INITIAL, 0, 0, MS(2100));
	/* an ACK in Initial does not reset the backoff: 1100 + 4 * 550, doubled */
	assert_int_equal(o->l.pto_count, 1);
	assert_int_equal(quic_loss_deadline(&o->l, MS(2100)), MS(2100) + MS(6600));
	/* also with 0-RTT packets out, which arm nothing */
	owner_send(o, APP, MS(2200));
	assert_int_equal(quic_loss_deadline(&o->l, MS(2300)), MS(2200) + MS(6600));
	o->l.has_handshake_keys = true;
	quic_loss_timeout(&o->l, MS(8800));
	assert_int_equal(quic_loss_space(&o->l, HS)->probes, 1);
	assert_int_equal(o->l.pto_count, 2);
	assert_int_equal(quic_loss_deadline(&o->l, MS(8800)), MS(8800) + MS(13200));
	/* an ACK in Handshake ends it */
	owner_send(o, HS, MS(8801));
	assert_int_equal(quic_loss_space(&o->l, HS)->probes, 0);
	owner_ack(o, HS, 0, 0, MS(8900));
	assert_true(o->l.peer_validated);
	assert_int_equal(o->l.pto_count, 0);
	assert_true(quic_loss_deadline(&o->l, MS(8900)) == U64_MAX);
	owner_free(o);
}

static void loss__discard_and_forget(void **state)
{
	struct owner *o = owner_new(&quic_cc_newreno, false);
	u64 i;

	for (i = 0; i < 20; i++)
		owner_send(o, INITIAL, MS(1000 + i));
	owner_send(o, APP, MS(1100));
	owner_ack(o, INITIAL, 10, 12, MS(1100));
	assert_int_equal(o->lost[0] + o->lost[9], 2);
	assert_int_equal(o->nlost, 10);		/* 0-9: by number or time */
	quic_loss_forget(&o->l, APP);
	assert_int_equal(o->lost[20], 1);
	assert_int_equal(o->l.bytes_in_flight, 7 * MSS);
	assert_int_equal(owner_send(o, APP, MS(1101)), 1);
	assert_int_equal(owner_ack(o, APP, 0, 0, MS(1102)), 0);
	assert_int_equal(o->l.bytes_in_flight, 8 * MSS);
	quic_loss_discard(&o->l, INITIAL);
	quic_loss_discard(&o->l, INITIAL);
	assert_int_equal(o->l.bytes_in_flight, MSS);
	assert_int_equal(quic_loss_space(&o->l, INITIAL)->loss_time, 0);
	assert_int_equal(owner_ack(o, INITIAL, 19, 25, MS(1110)), 0);
	owner_free(o);
}

/* Steady 200 ms, so that 0.2 + 0.001 + max_ack_delay is the period wanted */
static struct owner *steady(u64 period)
{
	struct owner *o = confirmed(&quic_cc_cubic);

	o->l.max_ack_delay = period - MS(201);
	owner_send(o, APP, MS(10000));			/* RFC 9002, 7.6.3: #1 at t = 0 */
	owner_send(o, APP, MS(11000));
	owner_ack(o, APP, 0, 0, MS(11000));
	o->l.rtt.smoothed = MS(200);
	o->l.rtt.latest = MS(200);
	o->l.rtt.var = 0;
	return o;
}

/* RFC 9002, 7.6.3, its example: t = 0 is 10 s, packet #1 is 0 */
static void example(struct owner *o)
{
	static const u32 at[] = { 12000, 13000, 14000, 15000, 16000, 18000, 22000 };
	unsigned int i;

	o->l.rtt.first_sample_at = MS(10999);	/* before #2, as in the text */
	for (i = 0; i < ARRAY_SIZE(at); i++)
		owner_send(o, APP, MS(at[i]));
}

static void loss__persistent_congestion(void **state)
{
	struct owner *o = steady(MS(2000));

	example(o);
	o->l.cc.cwnd = 100 * MSS;
	owner_ack(o, APP, 8, 8, MS(22200));
	assert_int_equal(o->nlost, 7);
	assert_int_equal(o->l.cc.cwnd, 2 * MSS);
	assert_int_equal(o->l.cc.recovery_start, 0);
	assert_int_equal(o->l.rtt.min, MS(200));
	owner_free(o);

	/* 7 s lost, 3 * 2.4 s needed */
	o = steady(MS(2400));
	example(o);
	o->l.cc.cwnd = 100 * MSS;
	owner_ack(o, APP, 8, 8, MS(22200));
	assert_int_equal(o->nlost, 7);
	assert_int_equal(o->l.cc.cwnd, 70 * MSS);
	owner_free(o);
}

static void loss__no_persistent_congestion(void **state)
{
	struct quic_range r[] = { { 8, 9 }, { 4, 5 } };
	struct owner *o = steady(MS(2000));
	struct ack_build b;

	/* one packet in the middle arrived */
	example(o);
	o->l.cc.cwnd = 100 * MSS;
	ack_build(&b, r, 2);
	quic_loss_on_ack(&o->l, APP, &b.ack, 0, MS(22200));
	assert_int_equal(o->nlost, 6);
	assert_int_equal(o->l.cc.cwnd, 70 * MSS);
	owner_free(o);

	/* no RTT sample when the first was sent: 18 - 12 is not more than 6 */
	o = steady(MS(2000));
	example(o);
	o->l.rtt.first_sample_at = MS(11000);
	o->l.cc.cwnd = 100 * MSS;
	owner_ack(o, APP, 8, 8, MS(22200));
	assert_int_equal(o->l.cc.cwnd, 70 * MSS);
	owner_free(o);
}

static void loss__mtu_probe(void **state)
{
	struct owner *o = confirmed(&quic_cc_newreno);
	u8 flags = QUIC_PKT_F_ELICITING | QUIC_PKT_F_IN_FLIGHT;
	u64 i;

	owner_send_flags(o, APP, 1452, flags | QUIC_PKT_F_MTU_PROBE, MS(1000));
	for (i = 0; i < 3; i++)
		owner_send(o, APP, MS(1001));
	owner_ack(o, APP, 1, 3, MS(1100));
	assert_int_equal(o->probe_lost, 1452);
	assert_int_equal(o->l.packets_lost, 0);
	assert_int_equal(o->l.bytes_in_flight, 0);
	assert_int_equal(o->l.cc.recovery_start, 0);
	/* it arrives after all: nobody cares */
	owner_ack(o, APP, 0, 3, MS(1110));
	assert_int_equal(o->l.packets_spurious, 0);
	owner_send_flags(o, APP, 1500, flags | QUIC_PKT_F_MTU_PROBE, MS(1200));
	owner_ack(o, APP, 4, 4, MS(1300));
	assert_int_equal(o->probe_acked, 1500);
	owner_free(o);
}

/* Packets nobody must acknowledge arm no timer and are no loss. */
static void loss__ack_only(void **state)
{
	struct owner *o = confirmed(&quic_cc_newreno);

	owner_send_flags(o, APP, 50, 0, MS(1000));
	assert_true(quic_loss_deadline(&o->l, MS(1000)) == U64_MAX);
	assert_int_equal(o->l.bytes_in_flight, 0);
	owner_send(o, APP, MS(1001));
	owner_ack(o, APP, 1, 1, MS(1100));
	assert_true(quic_loss_deadline(&o->l, MS(1100)) == U64_MAX);
	assert_int_equal(o->l.packets_lost, 0);
	assert_int_equal(o->lost[0], 1);
	assert_int_equal(o->l.app.sent.first, 2);
	owner_free(o);
}

/* RFC 9002, 7.3.2: entering recovery lets one packet out at once */
static void loss__rescue(void **state)
{
	struct owner *o = confirmed(&quic_cc_newreno);
	u64 i;

	for (i = 0; i < 10; i++)
		owner_send(o, APP, MS(1000));
	assert_int_equal(quic_loss_window(&o->l), 0);
	owner_ack(o, APP, 3, 3, MS(1100));
	assert_int_equal(o->l.cc.cwnd, 5 * MSS);
	assert_int_equal(o->l.bytes_in_flight, 8 * MSS);
	assert_int_equal(quic_loss_window(&o->l), MSS);
	owner_send(o, APP, MS(1100));
	assert_int_equal(quic_loss_window(&o->l), 0);
	owner_free(o);

	/* no crumbs: less than a datagram is not worth opening */
	o = confirmed(&quic_cc_newreno);
	assert_int_equal(quic_loss_window(&o->l), 12000);
	owner_send_flags(o, APP, 801, QUIC_PKT_F_IN_FLIGHT, MS(1000));
	for (i = 0; i < 9; i++)
		owner_send(o, APP, MS(1000));
	assert_int_equal(quic_loss_window(&o->l), 0);
	owner_free(o);
}

static void loss__app_limited(void **state)
{
	struct owner *o = confirmed(&quic_cc_newreno);
	u64 i;

	o->l.app_limited = true;
	quic_delivery_limited(&o->l.cc.delivery, 0);
	for (i = 0; i < 4; i++)
		owner_send(o, APP, MS(1000));
	assert_true(quic_sent_get(&o->l.app.sent, 0)->flags & QUIC_PKT_F_APP_LIMITED);
	owner_ack(o, APP, 0, 3, MS(1020));
	assert_int_equal(o->l.cc.cwnd, 10 * MSS);
	/* half the window in use is validation enough for slow start */
	for (i = 0; i < 5; i++)
		owner_send(o, APP, MS(1100));
	owner_ack(o, APP, 4, 8, MS(1120));
	assert_int_equal(o->l.cc.cwnd, 15 * MSS);
	owner_free(o);
}

/* An endpoint that only receives: thousands of ACK-only packets fit the first ring. */
static void loss__ack_only_ring_stays_small(void **state)
{
	struct owner *o = confirmed(&quic_cc_newreno);
	u64 pn, i;

	for (i = 0; i < 5000; i++)
		owner_send_flags(o, APP, 50, 0, MS(1000 + i));
	assert_int_equal(o->l.app.sent.pkt_cap, QUIC_SENT_FIRST);
	/* one in flight keeps those after it, so that an ACK of them gives an RTT */
	pn = owner_send(o, APP, MS(6000));
	for (i = 0; i < 40; i++)
		owner_send_flags(o, APP, 50, 0, MS(6000 + i));
	assert_int_equal(o->l.app.sent.pkt_cap, 64);
	owner_ack(o, APP, 4000, pn + 20, MS(6030));
	assert_int_equal(o->l.rtt.latest, MS(6030) - MS(6019));
	assert_int_equal(o->l.packets_lost, 0);
	owner_free(o);
}

static void loss__idle_gives_memory_back(void **state)
{
	struct owner *o = confirmed(&quic_cc_cubic);
	u64 pn = 0, i;

	for (i = 0; i < 1000; i++)
		pn = owner_send(o, APP, MS(1000));
	assert_true(o->l.app.sent.pkt_cap >= 1000);
	owner_ack(o, APP, 5, pn, MS(1100));		/* 0-4 lost and waiting for a late ACK */
	owner_send_flags(o, APP, 50, 0, MS(1100));
	assert_int_equal(quic_loss_deadline(&o->l, MS(1100)), MS(2100));
	quic_loss_timeout(&o->l, MS(2099));
	assert_true(o->l.app.sent.pkt_cap >= 1000);
	quic_loss_timeout(&o->l, MS(2100));
	assert_int_equal(o->l.app.sent.pkt_cap, 0);
	assert_int_equal(os_alloc_live() - (long)*state, 0);
	assert_true(quic_loss_deadline(&o->l, MS(2100)) == U64_MAX);
	assert_int_equal(o->l.pto_count, 0);
	/* and on it goes */
	assert_int_equal(owner_send(o, APP, MS(9000)), 1001);
	owner_ack(o, APP, 0, 1001, MS(9020));
	assert_int_equal(o->l.rtt.latest, MS(20));
	owner_free(o);
}

static void loss__alloc_failure(void **state)
{
	struct owner *o = confirmed(&quic_cc_cubic);

	os_alloc_fail_after(1);
	assert_int_equal(quic_loss_reserve(&o->l, APP, GFP_ATOMIC), -ENOMEM);
	os_alloc_fail_after(0);
	owner_send(o, APP, MS(1));
	owner_free(o);
}

/* 60,000 settled packets behind one that is missing: later ACKs do not walk them again. */
static void loss__settled_costs_nothing(void **state)
{
	struct quic_range r = { 1, 0 };
	struct owner *o = confirmed(&quic_cc_newreno);
	struct ack_build b;
	clock_t start;
	u64 i, n = 60000;

	o->l.reorder_threshold = U32_MAX;
	for (i = 0; i < n; i++)
		owner_send(o, APP, MS(1000) + i);
	r.end = n;
	ack_build(&b, &r, 1);
	quic_loss_on_ack(&o->l, APP, &b.ack, 0, MS(1100));
	start = clock();
	for (i = 0; i < 20000; i++) {
		owner_send(o, APP, MS(1101));
		r.end = o->l.app.sent.next;
		ack_build(&b, &r, 1);
		assert_int_equal(quic_loss_on_ack(&o->l, APP, &b.ack, 0, MS(1101)), 0);
		if (o->l.app.sent.next == QUIC_SENT_MAX)
			break;
	}
	/* walking would take 3e8 steps */
	assert_true(clock() - start < CLOCKS_PER_SEC);
	assert_int_equal(o->l.app.sent.first, 0);
	owner_free(o);
}

static const struct CMUnitTest tests[] = {
	TEST(loss__packet_threshold),
	TEST(loss__granularity),
	TEST(loss__never_sent),
	TEST(loss__ack_from_the_past),
	TEST(loss__rtt_samples),
	TEST(loss__pto_backoff),
	TEST(loss__pto_spaces),
	TEST(loss__client_anti_deadlock),
	TEST(loss__discard_and_forget),
	TEST(loss__persistent_congestion),
	TEST(loss__no_persistent_congestion),
	TEST(loss__mtu_probe),
	TEST(loss__ack_only),
	TEST(loss__rescue),
	TEST(loss__app_limited),
	TEST(loss__ack_only_ring_stays_small),
	TEST(loss__idle_gives_memory_back),
	TEST(loss__alloc_failure),
	TEST(loss__settled_costs_nothing),
};

TEST_MAIN(tests)
