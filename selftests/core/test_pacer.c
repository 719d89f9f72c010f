// SPDX-License-Identifier: GPL-2.0
/* The leaky bucket: bursts, refill, no hoarding. */
#include "test.h"
#include "pacer.h"

#define MS(n)	((u64)(n) * NSEC_PER_MSEC)
#define SEC(n)	((u64)(n) * NSEC_PER_SEC)
#define MSS	1200

static void pacer__off(void **state)
{
	struct quic_pacer p = {};

	assert_int_equal(quic_pacer_budget(&p, MSS, 5), U32_MAX);
	quic_pacer_sent(&p, MSS, 60000, 5);
	assert_int_equal(p.next, 0);
	assert_true(quic_pacer_deadline(&p) == U64_MAX);
	quic_pacer_set_rate(&p, 1000);
	quic_pacer_set_rate(&p, 0);
	assert_int_equal(quic_pacer_budget(&p, MSS, 5), U32_MAX);
}

static void pacer__burst_size(void **state)
{
	struct quic_pacer p = {};

	/* 12.5 MB/s: a 1024th of it */
	quic_pacer_set_rate(&p, 12500000);
	assert_int_equal(quic_pacer_budget(&p, MSS, MS(1)), 12207);
	/* at least two datagrams */
	quic_pacer_set_rate(&p, 100000);
	assert_int_equal(quic_pacer_budget(&p, MSS, MS(1)), 2 * MSS);
	assert_int_equal(quic_pacer_budget(&p, 32736, MS(1)), 2 * 32736);
	/* at most 64 KB */
	quic_pacer_set_rate(&p, 10ull * 1000 * 1000 * 1000);
	assert_int_equal(quic_pacer_budget(&p, MSS, MS(1)), 65536);
}

static void pacer__next(void **state)
{
	struct quic_pacer p = {};
	u64 now = MS(1000);

	quic_pacer_set_rate(&p, 1000000);	/* 1 us a byte */
	quic_pacer_sent(&p, MSS, 2400, now);
	/* idle before: half of the 2.4 ms were saved up */
	assert_int_equal(p.next, now + 1200000);
	assert_int_equal(quic_pacer_budget(&p, MSS, now), 0);
	assert_int_equal(quic_pacer_budget(&p, MSS, p.next - 1), 0);
	assert_int_equal(quic_pacer_budget(&p, MSS, p.next), 2 * MSS);
	assert_int_equal(quic_pacer_deadline(&p), p.next);
	/* on time: the full 2.4 ms */
	now = p.next;
	quic_pacer_sent(&p, MSS, 2400, now);
	assert_int_equal(p.next, now + 2400000);
	/* 0.5 ms late: made up for */
	quic_pacer_sent(&p, MSS, 2400, p.next + 500000);
	assert_int_equal(p.next, now + 4800000);
}

/* Where the device takes no trains, a burst leaves packet by packet. */
static void pacer__pieces(void **state)
{
	struct quic_pacer p = {};
	u64 now = MS(1000);
	unsigned int i;

	quic_pacer_set_rate(&p, 12 * 1024 * 1000);	/* 10 datagrams a burst */
	p.next = now;
	for (i = 10; i > 0; i--) {
		assert_int_equal(quic_pacer_budget(&p, MSS, now), i * MSS);
		quic_pacer_sent(&p, MSS, MSS, now);
	}
	assert_int_equal(quic_pacer_budget(&p, MSS, now), 0);
	assert_in_range(p.next, now + 970000, now + 980000);
	/* what was not used then is not added later */
	quic_pacer_sent(&p, MSS, MSS, p.next);
	assert_int_equal(quic_pacer_budget(&p, MSS, p.next - 1), 0);
	assert_int_equal(quic_pacer_budget(&p, MSS, p.next), 10 * MSS);
	/* nor does a last piece smaller than a datagram leave */
	now = p.next;
	quic_pacer_sent(&p, MSS, 9 * MSS + 1, now);
	assert_int_equal(quic_pacer_budget(&p, MSS, now), 0);
	/* after idling half a burst was saved up, whatever the first piece's size */
	now += MS(1000);
	quic_pacer_sent(&p, MSS, MSS, now);
	assert_int_equal(quic_pacer_budget(&p, MSS, now), 9 * MSS);
	quic_pacer_sent(&p, MSS, 9 * MSS, now);
	assert_in_range(p.next, now + 485000, now + 490000);
}

/* RFC 9002, 7.7: an initial window may be a burst; then it goes on as if nothing had been. */
static void pacer__rested(void **state)
{
	struct quic_pacer p = {};
	u64 now = MS(1000);

	quic_pacer_set_rate(&p, 1000000);
	p.next = now + MS(5);
	quic_pacer_rested(&p, 10 * MSS);
	assert_int_equal(quic_pacer_budget(&p, MSS, now), 10 * MSS);
	quic_pacer_sent(&p, MSS, 3 * MSS, now);
	assert_int_equal(quic_pacer_budget(&p, MSS, now + MS(1)), 7 * MSS);
	quic_pacer_sent(&p, MSS, 7 * MSS, now + MS(1));
	assert_int_equal(quic_pacer_budget(&p, MSS, now + MS(1)), 0);
	assert_int_equal(quic_pacer_deadline(&p), now + MS(5));
	assert_int_equal(quic_pacer_budget(&p, MSS, now + MS(5)), 2 * MSS);

	/* It is no less than what the rate allows. */
	quic_pacer_set_rate(&p, 1 << 30);
	quic_pacer_rested(&p, 10 * MSS);
	now += MS(10);
	assert_int_equal(quic_pacer_budget(&p, MSS, now), QUIC_PACER_BURST_MAX);
	quic_pacer_sent(&p, MSS, QUIC_PACER_BURST_MAX, now);
	assert_int_equal(quic_pacer_budget(&p, MSS, now), 0);
}

/* Where something below keeps the times, bursts are built before them, and are no faster. */
static void pacer__ahead(void **state)
{
	struct quic_pacer p = {};
	u64 now = MS(1000), start = now, at = 0, sent = 0;

	quic_pacer_set_rate(&p, 12 * 1024 * 1000);	/* 10 datagrams a burst, each 98 us */
	p.next = now;
	quic_pacer_sent(&p, MSS, 10 * MSS, now);
	quic_pacer_set_ahead(&p, MSS, 500000);
	assert_int_equal(quic_pacer_deadline(&p), p.next - 500000);
	assert_int_equal(quic_pacer_budget(&p, MSS, p.next - 500001), 0);
	assert_int_equal(quic_pacer_budget(&p, MSS, p.next - 500000), 10 * MSS);
	/* never by more than a burst */
	quic_pacer_set_ahead(&p, MSS, SEC(100));
	assert_in_range(p.next - quic_pacer_deadline(&p), 970000, 980000);
	for (now = quic_pacer_deadline(&p); now < start + SEC(1); now = quic_pacer_deadline(&p)) {
		at = quic_pacer_departure(&p, MSS);
		assert_in_range(at - now, 970000, 980000);
		assert_int_equal(quic_pacer_budget(&p, MSS, now), 10 * MSS);
		quic_pacer_sent(&p, MSS, 10 * MSS, now);
		sent += 10 * MSS;
	}
	assert_in_range(sent * NSEC_PER_SEC / (at - start), 12165000, 12411000);
	/* what is not paced waits for nothing */
	quic_pacer_rested(&p, 10 * MSS);
	assert_int_equal(quic_pacer_departure(&p, MSS), 0);
	quic_pacer_set_ahead(&p, MSS, 0);
	assert_int_equal(quic_pacer_deadline(&p), p.next);
}

/* Over a second the rate is kept within a percent, with timers up to 0.3 ms late. */
static void pacer__long_run(void **state)
{
	static const u64 rates[] = { 50000, 1250000, 12500000, 125000000, 1250000000 };
	u64 seed = 7;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rates); i++) {
		struct quic_pacer p = {};
		u64 start = MS(5000), now = start, sent = 0, want;

		quic_pacer_set_rate(&p, rates[i]);
		p.next = now;
		while (now < start + NSEC_PER_SEC) {
			u32 b = quic_pacer_budget(&p, MSS, now);

			assert_true(b > 0);
			sent += b;
			quic_pacer_sent(&p, MSS, b, now);
			now = quic_pacer_deadline(&p);
			if (rates[i] < 50000000)
				now += rnd(&seed) % 300000;
		}
		want = rates[i] * (now - start) / NSEC_PER_SEC;
		assert_in_range(sent, want - want / 50 - 2 * MSS, want + want / 100 + 2 * MSS);
	}
}

static void pacer__extremes(void **state)
{
	struct quic_pacer p = {};

	quic_pacer_set_rate(&p, 1);
	quic_pacer_sent(&p, MSS, 65536, 1);
	assert_true(p.next > 30000ull * NSEC_PER_SEC && p.next < 66000ull * NSEC_PER_SEC);
	quic_pacer_set_rate(&p, 1ull << 60);
	p.next = 0;
	quic_pacer_sent(&p, MSS, 65536, 100);
	assert_int_equal(p.next, 100);
}

static const struct CMUnitTest tests[] = {
	TEST(pacer__off),
	TEST(pacer__burst_size),
	TEST(pacer__next),
	TEST(pacer__pieces),
	TEST(pacer__rested),
	TEST(pacer__ahead),
	TEST(pacer__long_run),
	TEST(pacer__extremes),
};

TEST_MAIN(tests)
