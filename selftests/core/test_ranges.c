// SPDX-License-Identifier: GPL-2.0
/* Range sets, against a bitmap that does the same the slow way. */
#include "test.h"
#include "ranges.h"

#define SIZE	200	/* values of the model */

struct model {
	struct quic_ranges rs;
	bool bit[SIZE];
};

static u32 model_count(const struct model *m)
{
	u32 n = 0, i;

	for (i = 0; i < SIZE; i++)
		n += m->bit[i] && (!i || !m->bit[i - 1]);
	return n;
}

/* Every invariant of the structure, and the same content as the bitmap. */
static void model_check(struct model *m)
{
	u32 i, j = 0;

	assert_int_equal(m->rs.n, model_count(m));
	assert_true(m->rs.n <= m->rs.cap);
	for (i = 0; i < m->rs.n; i++) {
		const struct quic_range *r = &m->rs.r[i];

		assert_true(r->start < r->end);
		assert_true(!i || r[-1].end < r->start);
		for (; j < r->start; j++)
			assert_false(m->bit[j]);
		for (; j < r->end; j++)
			assert_true(m->bit[j]);
	}
	for (; j < SIZE; j++)
		assert_false(m->bit[j]);
}

static void model_queries(struct model *m, u32 start, u32 end)
{
	struct quic_range gap;
	u32 a = start, b;

	assert_int_equal(quic_ranges_has(&m->rs, start), m->bit[start]);
	while (a < end && m->bit[a])
		a++;
	for (b = a; b < end && !m->bit[b]; b++)
		;
	assert_int_equal(quic_ranges_covers(&m->rs, start, end), a >= end);
	assert_int_equal(quic_ranges_gap(&m->rs, start, end, &gap), a < end);
	if (a < end) {
		assert_int_equal(gap.start, a);
		assert_int_equal(gap.end, b);
	}
}

static void model_step(struct model *m, u64 *seed, u32 max)
{
	u32 op = rnd(seed) % 16, start = rnd(seed) % SIZE, i, n;
	u32 end = min_t(u32, SIZE, start + (rnd(seed) % 4 ? rnd(seed) % 8 : rnd(seed) % SIZE));
	struct model next = { .rs = { .n = 0 } };
	bool any = false;
	int ret;

	if (rnd(seed) % 8 == 0)
		os_alloc_fail_after(1);
	memcpy(next.bit, m->bit, sizeof(next.bit));
	for (i = start; i < end; i++) {
		any |= !m->bit[i];
		next.bit[i] = op < 9;
	}
	n = model_count(&next);
	if (op < 9) {
		ret = quic_ranges_add(&m->rs, start, end, max, GFP_ATOMIC);
	} else if (op < 14) {
		ret = quic_ranges_del(&m->rs, start, end, max, GFP_ATOMIC);
	} else if (op == 14) {
		quic_ranges_trim(&m->rs, start / 4);
		memset(m->bit, 0, start / 4);
		ret = -1;
	} else {
		if (m->rs.n)
			memset(m->bit, 0, m->rs.r[0].end);
		quic_ranges_pop_first(&m->rs);
		ret = -1;
	}
	os_alloc_fail_after(0);
	if (op < 14 && ret >= 0) {
		assert_int_equal(ret, op < 9 && any);
		memcpy(m->bit, next.bit, sizeof(m->bit));
	} else if (op < 14) {
		assert_true(ret == -ENOMEM || (ret == -ENOSPC && n > max));
	}
	if (n > max)
		assert_true(op >= 14 || ret < 0);
	model_check(m);
	model_queries(m, start, end);
}

static void ranges__as_a_bitmap(void **state)
{
	static const u32 max[] = { 1, 2, 3, 5, 8, 40, 1000 };
	unsigned int i, round;
	u64 seed = 1;

	for (round = 0; round < 40; round++) {
		for (i = 0; i < ARRAY_SIZE(max); i++) {
			struct model m = { .rs = { .n = 0 } };
			int step;

			quic_ranges_init(&m.rs);
			for (step = 0; step < 150; step++)
				model_step(&m, &seed, max[i]);
			quic_ranges_free(&m.rs);
			assert_true(quic_ranges_empty(&m.rs));
		}
	}
}

static void add__in_order_allocates_nothing(void **state)
{
	unsigned long before = os_alloc_tried();
	struct quic_ranges rs;
	u64 i;

	quic_ranges_init(&rs);
	for (i = 0; i < 1000; i++)
		assert_int_equal(quic_ranges_add(&rs, i, i + 1, 1, GFP_ATOMIC), 1);
	assert_int_equal(rs.n, 1);
	assert_int_equal(quic_ranges_add(&rs, 10, 20, 1, GFP_ATOMIC), 0);
	assert_int_equal(quic_ranges_add(&rs, 1001, 1002, 2, GFP_ATOMIC), 1);
	assert_int_equal(quic_ranges_add(&rs, 1000, 1001, 2, GFP_ATOMIC), 1);
	assert_int_equal(rs.n, 1);
	assert_int_equal(os_alloc_tried(), before);
	quic_ranges_free(&rs);
}

static void add__empty_range_is_nothing(void **state)
{
	struct quic_ranges rs;

	quic_ranges_init(&rs);
	assert_int_equal(quic_ranges_add(&rs, 5, 5, 0, GFP_ATOMIC), 0);
	assert_int_equal(quic_ranges_add(&rs, 6, 5, 0, GFP_ATOMIC), 0);
	assert_true(quic_ranges_empty(&rs));
	assert_null(quic_ranges_first(&rs));
	assert_null(quic_ranges_last(&rs));
}

static void add__full_or_out_of_memory_changes_nothing(void **state)
{
	struct quic_ranges rs;

	quic_ranges_init(&rs);
	assert_int_equal(quic_ranges_add(&rs, 10, 20, 2, GFP_ATOMIC), 1);
	assert_int_equal(quic_ranges_add(&rs, 30, 40, 2, GFP_ATOMIC), 1);
	assert_int_equal(quic_ranges_add(&rs, 50, 60, 2, GFP_ATOMIC), -ENOSPC);
	assert_int_equal(quic_ranges_del(&rs, 12, 13, 2, GFP_ATOMIC), -ENOSPC);
	os_alloc_fail_after(1);
	assert_int_equal(quic_ranges_add(&rs, 50, 60, 3, GFP_ATOMIC), -ENOMEM);
	assert_int_equal(quic_ranges_del(&rs, 12, 13, 3, GFP_ATOMIC), -ENOMEM);
	assert_int_equal(rs.n, 2);
	assert_int_equal(rs.r[0].start, 10);
	assert_int_equal(rs.r[0].end, 20);
	/* joining needs no memory even then */
	assert_int_equal(quic_ranges_add(&rs, 20, 30, 2, GFP_ATOMIC), 1);
	assert_int_equal(rs.n, 1);
	assert_int_equal(rs.r[0].end, 40);
	quic_ranges_free(&rs);
}

static void add__edges_of_u64(void **state)
{
	struct quic_range gap;
	struct quic_ranges rs;

	quic_ranges_init(&rs);
	assert_int_equal(quic_ranges_add(&rs, U64_MAX - 1, U64_MAX, 9, GFP_ATOMIC), 1);
	assert_int_equal(quic_ranges_add(&rs, 0, 1, 9, GFP_ATOMIC), 1);
	assert_true(quic_ranges_has(&rs, 0));
	assert_true(quic_ranges_has(&rs, U64_MAX - 1));
	assert_false(quic_ranges_has(&rs, U64_MAX));
	assert_true(quic_ranges_gap(&rs, 0, U64_MAX, &gap));
	assert_int_equal(gap.start, 1);
	assert_int_equal(gap.end, U64_MAX - 1);
	assert_int_equal(quic_ranges_add(&rs, 0, U64_MAX, 9, GFP_ATOMIC), 1);
	assert_int_equal(rs.n, 1);
	assert_false(quic_ranges_gap(&rs, 0, U64_MAX, &gap));
	quic_ranges_trim(&rs, U64_MAX);
	assert_true(quic_ranges_empty(&rs));
}

static void del__splits(void **state)
{
	struct quic_ranges rs;

	quic_ranges_init(&rs);
	quic_ranges_add(&rs, 0, 100, 9, GFP_ATOMIC);
	assert_int_equal(quic_ranges_del(&rs, 10, 20, 9, GFP_ATOMIC), 0);
	assert_int_equal(quic_ranges_del(&rs, 50, 60, 9, GFP_ATOMIC), 0);
	assert_int_equal(rs.n, 3);
	assert_true(quic_ranges_covers(&rs, 20, 50));
	assert_false(quic_ranges_covers(&rs, 20, 51));
	assert_int_equal(quic_ranges_del(&rs, 5, 55, 9, GFP_ATOMIC), 0);
	assert_int_equal(rs.n, 2);
	assert_int_equal(rs.r[0].end, 5);
	assert_int_equal(rs.r[1].start, 60);
	quic_ranges_free(&rs);
}

/* A set that was large and emptied does not keep its memory. */
static void trim__gives_memory_back(void **state)
{
	struct quic_ranges rs;
	u64 i;

	quic_ranges_init(&rs);
	for (i = 0; i < 2000; i++)
		assert_int_equal(quic_ranges_add(&rs, 2 * i, 2 * i + 1, 2000, GFP_ATOMIC), 1);
	assert_int_equal(quic_ranges_add(&rs, 2 * i, 2 * i + 1, 2000, GFP_ATOMIC), -ENOSPC);
	assert_int_equal(os_alloc_live() - (long)*state, 1);
	quic_ranges_trim(&rs, 2 * 1999);
	assert_int_equal(rs.n, 1);
	assert_int_equal(rs.r[0].start, 2 * 1999);
	assert_int_equal(os_alloc_live() - (long)*state, 0);
}

static void pop_first__lowest_goes(void **state)
{
	struct quic_ranges rs;

	quic_ranges_init(&rs);
	quic_ranges_pop_first(&rs);
	quic_ranges_add(&rs, 1, 2, 9, GFP_ATOMIC);
	quic_ranges_add(&rs, 5, 6, 9, GFP_ATOMIC);
	quic_ranges_pop_first(&rs);
	assert_int_equal(rs.n, 1);
	assert_int_equal(quic_ranges_first(&rs)->start, 5);
	assert_int_equal(quic_ranges_last(&rs)->end, 6);
}

static const struct CMUnitTest tests[] = {
	TEST(add__in_order_allocates_nothing),
	TEST(add__empty_range_is_nothing),
	TEST(add__full_or_out_of_memory_changes_nothing),
	TEST(add__edges_of_u64),
	TEST(del__splits),
	TEST(trim__gives_memory_back),
	TEST(pop_first__lowest_goes),
	TEST(ranges__as_a_bitmap),
};

TEST_MAIN(tests)
