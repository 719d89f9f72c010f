// SPDX-License-Identifier: GPL-2.0
/*
 * Sorted, disjoint, non-adjacent half-open ranges: r[i].end < r[i + 1].start.
 * Most additions extend or follow the last range; the rest are found by
 * bisection. An array that grew goes back to the inline one when it is nearly
 * empty again.
 */
#include "ranges.h"

#define FIRST_CAP	8	/* first allocation, ranges */
#define KEEP_CAP	32	/* larger ones are given back */

static u32 inline_cap(const struct quic_ranges *rs)
{
	return ARRAY_SIZE(rs->inl);
}

void quic_ranges_init(struct quic_ranges *rs)
{
	rs->r = rs->inl;
	rs->n = 0;
	rs->cap = inline_cap(rs);
}

void quic_ranges_free(struct quic_ranges *rs)
{
	if (rs->r != rs->inl)
		kfree(rs->r);
	quic_ranges_init(rs);
}

/* Index of the first range that ends at @v or above; n if none does. */
static u32 find(const struct quic_ranges *rs, u64 v)
{
	u32 lo = 0, hi = rs->n;

	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (rs->r[mid].end < v)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void shrink(struct quic_ranges *rs)
{
	struct quic_range *old = rs->r;

	if (likely(rs->cap <= KEEP_CAP) || rs->n > inline_cap(rs))
		return;
	memcpy(rs->inl, old, rs->n * sizeof(*old));
	rs->r = rs->inl;
	rs->cap = inline_cap(rs);
	kfree(old);
}

static int grow(struct quic_ranges *rs, gfp_t gfp)
{
	u32 cap = max_t(u32, rs->cap * 2, FIRST_CAP);
	struct quic_range *r;

	r = kmalloc_array(cap, sizeof(*r), gfp | __GFP_NOWARN | __GFP_ACCOUNT);
	if (!r)
		return -ENOMEM;
	memcpy(r, rs->r, rs->n * sizeof(*r));
	if (rs->r != rs->inl)
		kfree(rs->r);
	rs->r = r;
	rs->cap = cap;
	return 0;
}

/* Open a slot at @i for a new range. */
static int insert(struct quic_ranges *rs, u32 i, u64 start, u64 end, u32 max, gfp_t gfp)
{
	struct quic_range *r;

	if (rs->n >= max)
		return -ENOSPC;
	if (rs->n == rs->cap) {
		int err = grow(rs, gfp);

		if (err)
			return err;
	}
	r = &rs->r[i];
	memmove(r + 1, r, (rs->n - i) * sizeof(*r));
	r->start = start;
	r->end = end;
	rs->n++;
	return 0;
}

/* Close the slots [i, j). */
static void erase(struct quic_ranges *rs, u32 i, u32 j)
{
	if (i == j)
		return;
	memmove(&rs->r[i], &rs->r[j], (rs->n - j) * sizeof(*rs->r));
	rs->n -= j - i;
	shrink(rs);
}

int quic_ranges_add(struct quic_ranges *rs, u64 start, u64 end, u32 max, gfp_t gfp)
{
	struct quic_range *r;
	u32 i, j;
	int err;

	if (start >= end)
		return 0;
	/* In order: the last range grows at its end. */
	i = rs->n;
	if (likely(i)) {
		r = &rs->r[i - 1];
		if (start >= r->start && start <= r->end) {
			if (end <= r->end)
				return 0;
			r->end = end;
			return 1;
		}
		if (start < r->start)
			i = find(rs, start);
	}
	r = &rs->r[i];
	if (i == rs->n || end < r->start) {
		err = insert(rs, i, start, end, max, gfp);
		return err ? err : 1;
	}
	if (start >= r->start && end <= r->end)
		return 0;
	/* Swallow every range that [start, end) touches. */
	for (j = i + 1; j < rs->n && rs->r[j].start <= end; j++)
		;
	r->start = min(start, r->start);
	r->end = max(end, rs->r[j - 1].end);
	erase(rs, i + 1, j);
	return 1;
}

int quic_ranges_del(struct quic_ranges *rs, u64 start, u64 end, u32 max, gfp_t gfp)
{
	struct quic_range *r;
	u32 i, j;

	if (start >= end)
		return 0;
	i = find(rs, start + 1);	/* no overflow: start < end */
	if (i == rs->n)
		return 0;
	r = &rs->r[i];
	if (r->start < start) {
		if (r->end > end) {
			u64 tail = r->end;
			int err = insert(rs, i + 1, end, tail, max, gfp);

			if (err)
				return err;
			rs->r[i].end = start;	/* the array may have moved */
			return 0;
		}
		r->end = start;
		i++;
	}
	for (j = i; j < rs->n && rs->r[j].end <= end; j++)
		;
	if (j < rs->n && rs->r[j].start < end)
		rs->r[j].start = end;
	erase(rs, i, j);
	return 0;
}

void quic_ranges_trim(struct quic_ranges *rs, u64 floor)
{
	u32 i;

	if (!rs->n || floor <= rs->r[0].start)
		return;
	i = find(rs, floor);
	if (i < rs->n && rs->r[i].end == floor)
		i++;
	if (i < rs->n && rs->r[i].start < floor)
		rs->r[i].start = floor;
	erase(rs, 0, i);
}

void quic_ranges_pop_first(struct quic_ranges *rs)
{
	if (rs->n)
		erase(rs, 0, 1);
}

/* The range that holds @v, or NULL. */
static const struct quic_range *lookup(const struct quic_ranges *rs, u64 v)
{
	const struct quic_range *r;
	u32 i;

	if (v == U64_MAX)	/* never inside: ends are exclusive */
		return NULL;
	i = find(rs, v + 1);
	if (i == rs->n)
		return NULL;
	r = &rs->r[i];
	return r->start <= v ? r : NULL;
}

bool quic_ranges_has(const struct quic_ranges *rs, u64 v)
{
	return lookup(rs, v);
}

bool quic_ranges_covers(const struct quic_ranges *rs, u64 start, u64 end)
{
	const struct quic_range *r;

	if (start >= end)
		return true;
	r = lookup(rs, start);
	return r && end <= r->end;
}

bool quic_ranges_gap(const struct quic_ranges *rs, u64 start, u64 end, struct quic_range *gap)
{
	u32 i;

	if (start >= end)
		return false;
	i = find(rs, start + 1);
	if (i < rs->n && rs->r[i].start <= start)
		start = rs->r[i++].end;
	if (start >= end)
		return false;
	gap->start = start;
	gap->end = i < rs->n ? min(end, rs->r[i].start) : end;
	return true;
}
