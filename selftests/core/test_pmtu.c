// SPDX-License-Identifier: GPL-2.0
/* The search, driven against a path of a known size. */
#include "test.h"
#include "pmtu.h"

#define SEC(n)	((u64)(n) * NSEC_PER_SEC)

/* Probe until there is nothing to do at @now. Return: probes sent */
static unsigned int search(struct quic_pmtu *m, u16 path, u64 now)
{
	unsigned int n = 0;
	u16 size;

	while ((size = quic_pmtu_want(m, now))) {
		assert_true(size > m->cur && size <= m->max);
		quic_pmtu_sent(m, size);
		assert_int_equal(quic_pmtu_want(m, now), 0);
		assert_true(quic_pmtu_deadline(m) == U64_MAX);
		assert_int_equal(quic_pmtu_result(m, size, size <= path, now), size <= path);
		assert_true(++n < 200);
	}
	return n;
}

static void pmtu__starts_idle(void **state)
{
	struct quic_pmtu m;

	quic_pmtu_init(&m, 1200);
	assert_int_equal(m.cur, 1200);
	assert_int_equal(quic_pmtu_want(&m, SEC(1)), 0);
	assert_true(quic_pmtu_deadline(&m) == U64_MAX);
}

static void pmtu__max_works_at_once(void **state)
{
	struct quic_pmtu m;

	quic_pmtu_init(&m, 1200);
	quic_pmtu_set_max(&m, 1452, SEC(1));
	assert_int_equal(quic_pmtu_deadline(&m), SEC(1));
	assert_int_equal(quic_pmtu_want(&m, SEC(1)), 1452);
	assert_int_equal(search(&m, 1452, SEC(1)), 1);
	assert_int_equal(m.cur, 1452);
	assert_true(quic_pmtu_deadline(&m) == U64_MAX);
}

static void pmtu__binary_search(void **state)
{
	u16 path;

	for (path = 1200; path < 9000; path += 7) {
		struct quic_pmtu m;
		unsigned int n;

		quic_pmtu_init(&m, 1200);
		quic_pmtu_set_max(&m, 8972, SEC(1));
		n = search(&m, path, SEC(1));
		assert_true(m.cur <= min_t(u16, path, 8972));
		assert_true(m.cur + QUIC_MTU_SEARCH_STEP >= min_t(u16, path, 8972));
		/* 3 losses of the maximum, then at most 9 sizes */
		assert_true(n <= 30);
		if (m.cur < 8972)
			assert_int_equal(quic_pmtu_deadline(&m), SEC(601));
	}
}

static void pmtu__three_losses(void **state)
{
	struct quic_pmtu m;
	unsigned int i;

	quic_pmtu_init(&m, 1200);
	quic_pmtu_set_max(&m, 1452, SEC(1));
	for (i = 0; i < 3; i++) {
		assert_int_equal(quic_pmtu_want(&m, SEC(1)), 1452);
		quic_pmtu_sent(&m, 1452);
		assert_false(quic_pmtu_result(&m, 1452, false, SEC(1)));
	}
	assert_int_equal(quic_pmtu_want(&m, SEC(1)), 1326);
	/* a late ACK of the given-up size counts after all */
	assert_true(quic_pmtu_result(&m, 1452, true, SEC(1)));
	assert_int_equal(m.cur, 1452);
	assert_int_equal(quic_pmtu_want(&m, SEC(1)), 0);
}

/* ... and if it is not the largest possible, the search goes on above it. */
static void pmtu__late_ack_reopens(void **state)
{
	struct quic_pmtu m;
	unsigned int i;

	quic_pmtu_init(&m, 1200);
	quic_pmtu_set_max(&m, 9000, SEC(1));
	for (i = 0; i < 6; i++) {
		quic_pmtu_sent(&m, quic_pmtu_want(&m, SEC(1)));
		quic_pmtu_result(&m, m.probe, false, SEC(1));
	}
	assert_int_equal(m.ceil, 5100);
	assert_true(quic_pmtu_result(&m, 5100, true, SEC(1)));
	assert_int_equal(m.ceil, 9001);
	assert_int_equal(quic_pmtu_want(&m, SEC(1)), 9000);
}

static void pmtu__raise(void **state)
{
	struct quic_pmtu m;

	quic_pmtu_init(&m, 1200);
	quic_pmtu_set_max(&m, 1452, SEC(1));
	search(&m, 1300, SEC(1));
	assert_in_range(m.cur, 1280, 1300);
	assert_int_equal(quic_pmtu_want(&m, SEC(600)), 0);
	assert_int_equal(quic_pmtu_want(&m, SEC(601)), 1452);
	search(&m, 1452, SEC(601));
	assert_int_equal(m.cur, 1452);
}

static void pmtu__max_shrinks(void **state)
{
	struct quic_pmtu m;

	quic_pmtu_init(&m, 1200);
	quic_pmtu_set_max(&m, 8972, SEC(1));
	search(&m, 8972, SEC(1));
	quic_pmtu_set_max(&m, 1400, SEC(2));
	assert_int_equal(m.cur, 1400);
	assert_int_equal(quic_pmtu_want(&m, SEC(2)), 0);
	/* a stale result above the bound does not raise it */
	assert_false(quic_pmtu_result(&m, 8972, true, SEC(2)));
	assert_int_equal(m.cur, 1400);
	quic_pmtu_set_max(&m, 100, SEC(2));
	assert_int_equal(m.max, QUIC_DGRAM_MIN);
	quic_pmtu_set_max(&m, 65535, SEC(2));
	assert_int_equal(m.max, QUIC_DGRAM_MAX);
	assert_int_equal(quic_pmtu_want(&m, SEC(2)), QUIC_DGRAM_MAX);
}

static void pmtu__black_hole(void **state)
{
	struct quic_pmtu m;

	quic_pmtu_init(&m, 1200);
	quic_pmtu_set_max(&m, 1452, SEC(1));
	search(&m, 1452, SEC(1));
	assert_false(quic_pmtu_progress(&m, false, SEC(2)));
	assert_false(quic_pmtu_progress(&m, false, SEC(3)));
	quic_pmtu_progress(&m, true, SEC(4));		/* three in a row are needed */
	assert_false(quic_pmtu_progress(&m, false, SEC(5)));
	assert_false(quic_pmtu_progress(&m, false, SEC(6)));
	assert_true(quic_pmtu_progress(&m, false, SEC(7)));
	assert_int_equal(m.cur, 1200);
	/* no probing while nothing gets through, then at once */
	assert_int_equal(quic_pmtu_want(&m, SEC(8)), 0);
	assert_false(quic_pmtu_progress(&m, true, SEC(9)));
	assert_int_equal(quic_pmtu_want(&m, SEC(9)), 1452);
	search(&m, 1452, SEC(9));
	assert_int_equal(m.cur, 1452);
	quic_pmtu_progress(&m, true, SEC(10));
	assert_int_equal(quic_pmtu_want(&m, SEC(10)), 0);
}

/* RFC 9000, 14.2.1: ICMP gives the search a place to start, and nothing to rely on. */
static void pmtu__told(void **state)
{
	struct quic_pmtu m;

	quic_pmtu_init(&m, 1200);
	quic_pmtu_set_max(&m, 8972, SEC(1));
	assert_int_equal(quic_pmtu_want(&m, SEC(1)), 8972);
	quic_pmtu_sent(&m, 8972);
	assert_false(quic_pmtu_too_big(&m, 1452, SEC(1)));
	assert_int_equal(m.cur, 1200);
	assert_int_equal(quic_pmtu_want(&m, SEC(1)), 1452);
	assert_int_equal(search(&m, 1452, SEC(1)), 1);
	assert_int_equal(m.cur, 1452);
	/* then the raise timer */
	assert_int_equal(quic_pmtu_want(&m, SEC(600)), 0);
	assert_int_equal(quic_pmtu_want(&m, SEC(602)), 8972);
}

/* What was confirmed passes no more: down to what must pass (RFC 8899, 5.2), and up again */
static void pmtu__told_less(void **state)
{
	struct quic_pmtu m;

	quic_pmtu_init(&m, 1200);
	quic_pmtu_set_max(&m, 8972, SEC(1));
	search(&m, 8972, SEC(1));
	assert_true(quic_pmtu_too_big(&m, 1372, SEC(2)));
	assert_int_equal(m.cur, 1200);
	assert_false(quic_pmtu_too_big(&m, 1372, SEC(2)));
	assert_int_equal(search(&m, 1372, SEC(2)), 1);
	assert_int_equal(m.cur, 1372);
	/* A lie: three probes of its size, then the search without it */
	assert_true(quic_pmtu_too_big(&m, 1360, SEC(3)));
	search(&m, 1300, SEC(3));
	assert_in_range(m.cur, 1280, 1300);
}

static void pmtu__told_nonsense(void **state)
{
	static const u16 sizes[] = { 0, 1, 1199, 1452, 8972, 65535 };
	struct quic_pmtu m, was;
	unsigned int i;

	quic_pmtu_init(&m, 1200);
	quic_pmtu_set_max(&m, 8972, SEC(1));
	search(&m, 1452, SEC(1));
	quic_pmtu_set_max(&m, 8970, SEC(1));
	m.cur = 1452;
	m.max = 8972;
	was = m;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		assert_false(quic_pmtu_too_big(&m, sizes[i], SEC(2)));
		assert_memory_equal(&m, &was, sizeof(m));
	}
}

static const struct CMUnitTest tests[] = {
	TEST(pmtu__told),
	TEST(pmtu__told_less),
	TEST(pmtu__told_nonsense),
	TEST(pmtu__starts_idle),
	TEST(pmtu__max_works_at_once),
	TEST(pmtu__binary_search),
	TEST(pmtu__three_losses),
	TEST(pmtu__late_ack_reopens),
	TEST(pmtu__raise),
	TEST(pmtu__max_shrinks),
	TEST(pmtu__black_hole),
};

TEST_MAIN(tests)
