// SPDX-License-Identifier: GPL-2.0
/* Delivery rate samples: draft-ietf-ccwg-bbr, "Delivery Rate Samples". */
#include "test.h"
#include "delivery.h"

#define MS(n)	((u64)(n) * NSEC_PER_MSEC)
#define N	16

struct flight {
	struct quic_delivery d;
	struct quic_delivery_mark mark[N];
	u64 prior[N], at[N];
	u64 out;
	bool limited[N];
};

static void leave(struct flight *f, unsigned int i, u64 now)
{
	f->limited[i] = f->d.limited;
	f->at[i] = now;
	f->prior[i] = quic_delivery_sent(&f->d, &f->mark[i], 1000, f->out, now);
	f->out += 1000;
}

static void ack(struct flight *f, unsigned int from, unsigned int to, u64 now)
{
	unsigned int i;

	quic_delivery_begin(&f->d);
	for (i = from; i <= to; i++) {
		quic_delivery_acked(&f->d, &f->mark[i], f->prior[i], f->at[i], 1000, f->limited[i],
				    now);
		f->out -= 1000;
	}
	quic_delivery_end(&f->d, MS(10), now);
}

/* One packet each 1 ms, each acknowledged 10 ms later: 1 MB/s */
static void delivery__steady(void **state)
{
	struct flight f = {};
	unsigned int i;

	for (i = 0; i < N; i++) {
		if (i >= 10) {
			ack(&f, i - 10, i - 10, MS(100 + i));
			assert_int_equal(f.d.rs.acked, 1000);
			assert_int_equal(f.d.rs.rtt, MS(10));
		}
		leave(&f, i, MS(100 + i));
	}
	assert_int_equal(f.d.delivered, 6000);
	ack(&f, 6, 15, MS(120));
	/* the newest left at 115, when the sixth was delivered, which had left at 105 */
	assert_int_equal(f.d.rs.prior, 6000);
	assert_int_equal(f.d.rs.delivered, 10000);
	assert_int_equal(f.d.rs.rate, 1000000);	/* they took 10 ms to send */
	assert_int_equal(f.d.rs.acked, 10000);
}

/* Sent at once, acknowledged over 20 ms: the slower of the two counts. And the other way round. */
static void delivery__slower_side(void **state)
{
	struct flight f = {};

	leave(&f, 0, MS(100));
	leave(&f, 1, MS(100));
	ack(&f, 0, 0, MS(110));
	ack(&f, 1, 1, MS(130));
	assert_in_range(f.d.rs.rate, 66660, 66670);	/* 2000 bytes in 30 ms */

	memset(&f, 0, sizeof(f));
	leave(&f, 0, MS(100));
	leave(&f, 1, MS(140));
	ack(&f, 0, 1, MS(150));
	assert_in_range(f.d.rs.rate, 39990, 40010);	/* 2000 bytes in 50 ms, from the first's departure */
	assert_int_equal(f.d.rate, f.d.rs.rate);
}

/* Samples of packets sent while the application had no more are marked until those are through. */
static void delivery__app_limited(void **state)
{
	struct flight f = {};

	leave(&f, 0, MS(100));
	quic_delivery_limited(&f.d, f.out);
	leave(&f, 1, MS(101));
	ack(&f, 0, 0, MS(115));
	assert_false(f.d.rs.limited);
	ack(&f, 1, 1, MS(116));
	assert_true(f.d.rs.limited);
	assert_int_equal(f.d.limited, 0);
	leave(&f, 2, MS(120));
	ack(&f, 2, 2, MS(135));
	assert_false(f.d.rs.limited);
}

/* What was lost while a packet was out, over the wrap of 32 bits too */
static void delivery__lost_since(void **state)
{
	struct flight f = { .d.lost = U32_MAX - 500 };

	leave(&f, 0, MS(100));
	f.d.lost += 3000;
	ack(&f, 0, 0, MS(120));
	assert_int_equal(f.d.rs.lost, 3000);
	assert_int_equal(f.d.rs.in_flight, 1000);
}

/* A packet that was out for longer than a mark can say gives a low rate, not a wrong one. */
static void delivery__long_ago(void **state)
{
	struct flight f = {};

	leave(&f, 0, 1);
	leave(&f, 1, 1000ULL * NSEC_PER_SEC);
	ack(&f, 0, 1, 1001ULL * NSEC_PER_SEC);
	assert_in_range(f.d.rs.rate, 1, 10);
}

static const struct CMUnitTest tests[] = {
	TEST(delivery__steady),
	TEST(delivery__slower_side),
	TEST(delivery__app_limited),
	TEST(delivery__lost_since),
	TEST(delivery__long_ago),
};

TEST_MAIN(tests)
