/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A set of u64 as sorted, disjoint, non-adjacent half-open ranges [start, end).
 *
 * Used for packet numbers received (ACK frames) and for byte ranges of a
 * stream (received out of order, acknowledged, lost). The caller serialises.
 * The first two ranges are inline: a set without holes allocates nothing.
 */
#ifndef QUIC_CORE_RANGES_H
#define QUIC_CORE_RANGES_H

#include "os.h"

struct quic_range {
	u64 start;
	u64 end;	/* one past the last */
};

struct quic_ranges {
	struct quic_range *r;	/* ascending; points to inl or to an allocation */
	u32 n;
	u32 cap;
	struct quic_range inl[2];
};

void quic_ranges_init(struct quic_ranges *rs);
void quic_ranges_free(struct quic_ranges *rs);	/* leaves it empty and usable */

/*
 * Add [start, end). @max bounds the number of ranges afterwards.
 * Return: 1 if anything was new, 0 if all was there already, -ENOSPC when a
 * new range would exceed @max, -ENOMEM. On error the set is unchanged.
 */
int quic_ranges_add(struct quic_ranges *rs, u64 start, u64 end, u32 max, gfp_t gfp);
/* Remove [start, end); may split a range. Return: 0, -ENOSPC (over @max), -ENOMEM. */
int quic_ranges_del(struct quic_ranges *rs, u64 start, u64 end, u32 max, gfp_t gfp);
/* Drop everything below @floor; never fails. */
void quic_ranges_trim(struct quic_ranges *rs, u64 floor);
/* Drop the lowest range (an ACK set that is full forgets its oldest). */
void quic_ranges_pop_first(struct quic_ranges *rs);
bool quic_ranges_has(const struct quic_ranges *rs, u64 v);
/* Is all of [start, end) in the set? */
bool quic_ranges_covers(const struct quic_ranges *rs, u64 start, u64 end);
/*
 * First part of [start, end) that is NOT in the set.
 * Return: false if there is none; else *gap is the maximal missing piece.
 */
bool quic_ranges_gap(const struct quic_ranges *rs, u64 start, u64 end, struct quic_range *gap);

static inline bool quic_ranges_empty(const struct quic_ranges *rs)
{
	return !rs->n;
}

static inline struct quic_range *quic_ranges_first(struct quic_ranges *rs)
{
	return rs->n ? &rs->r[0] : NULL;
}

static inline struct quic_range *quic_ranges_last(struct quic_ranges *rs)
{
	return rs->n ? &rs->r[rs->n - 1] : NULL;
}

#endif
