// SPDX-License-Identifier: GPL-2.0
/* Losses that turn out not to be: undo, and reordering that is learned and forgotten. */
#include "loss_help.h"

#define APP	QUIC_PNS_APP

static struct owner *confirmed(const struct quic_cc_ops *cc)
{
	struct owner *o = owner_new(cc, true);

	o->l.confirmed = true;
	o->l.max_ack_delay = MS(25);
	return o;
}

static void loss__spurious_undo(void **state)
{
	static const char *const names[] = { "newreno", "cubic" };
	unsigned int i, k;

	for (k = 0; k < 2; k++) {
		struct owner *o = confirmed(quic_cc_find(names[k]));
		u64 cwnd;

		for (i = 0; i < 8; i++)
			owner_send(o, APP, MS(1000));
		owner_ack(o, APP, 4, 5, MS(1020));	/* 0, 1, 2 lost; 3 is two behind */
		assert_int_equal(o->l.packets_lost, 3);
		assert_true(o->l.cc.cwnd < 10 * MSS);
		assert_int_equal(o->l.bytes_in_flight, 3 * MSS);
		owner_ack(o, APP, 1, 5, MS(1022));
		assert_int_equal(o->l.packets_spurious, 2);
		assert_int_equal(o->l.cc.delivery.delivered, 5 * MSS);
		cwnd = o->l.cc.cwnd;
		assert_true(cwnd < 10 * MSS);
		/* the last of them: as if nothing had happened */
		owner_ack(o, APP, 0, 5, MS(1023));
		assert_int_equal(o->l.packets_spurious, 3);
		assert_int_equal(o->l.packets_lost, 3);
		assert_true(o->l.cc.cwnd >= 10 * MSS);
		assert_true(o->l.cc.ssthresh == U64_MAX);
		assert_int_equal(o->l.cc.recovery_start, 0);
		/* 5 - 0 apart is tolerated from now on, and 23 ms */
		assert_int_equal(o->l.reorder_threshold, 6);
		assert_true(o->l.reorder_window > 0);
		assert_int_equal(o->l.app.sent.first, 6);
		owner_free(o);
	}
}

static void loss__real_loss_is_not_undone(void **state)
{
	struct owner *o = confirmed(&quic_cc_cubic);
	u64 cwnd, i;

	for (i = 0; i < 11; i++)
		owner_send(o, APP, MS(1000));
	owner_ack(o, APP, 4, 7, MS(1020));
	cwnd = o->l.cc.cwnd;
	owner_ack(o, APP, 1, 10, MS(1022));
	/* 1-3 came late, 0 is gone; its memory goes two PTOs later */
	assert_int_equal(o->l.packets_spurious, 3);
	assert_int_equal(o->l.cc.cwnd, cwnd);
	assert_int_equal(o->l.app.sent.first, 0);
	i = owner_send(o, APP, MS(1022) + 2 * quic_loss_pto(&o->l));
	owner_ack(o, APP, i, i, MS(1050) + 2 * quic_loss_pto(&o->l));
	assert_int_equal(o->l.app.sent.first, i + 1);
	owner_ack(o, APP, 0, i, MS(1051) + 2 * quic_loss_pto(&o->l));
	assert_int_equal(o->l.packets_spurious, 3);
	owner_free(o);
}

static void loss__reordering_is_forgotten(void **state)
{
	struct owner *o = confirmed(&quic_cc_newreno);
	u64 now = MS(1000), pn, i;

	o->l.reorder_threshold = 50;
	o->l.reorder_window = MS(5);
	for (i = 0; i < 16; i++) {
		assert_int_equal(o->l.reorder_threshold, 50);
		owner_send(o, APP, now);
		pn = owner_send(o, APP, now + 1);
		owner_ack(o, APP, pn, pn, now + MS(20));
		quic_loss_timeout(&o->l, now + MS(100));
		assert_int_equal(o->l.packets_lost, i + 1);
		now += MS(2000);
	}
	assert_int_equal(o->l.reorder_threshold, 3);
	assert_int_equal(o->l.reorder_window, 0);
	owner_free(o);
}

static const struct CMUnitTest tests[] = {
	TEST(loss__spurious_undo),
	TEST(loss__real_loss_is_not_undone),
	TEST(loss__reordering_is_forgotten),
};

TEST_MAIN(tests)
