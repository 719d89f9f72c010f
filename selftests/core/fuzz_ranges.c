// SPDX-License-Identifier: GPL-2.0
/* A program of additions and removals on a range set, against a bitmap. */
#include "fuzz.h"
#include "ranges.h"

#define SIZE	256

static void check(const struct quic_ranges *rs, const u8 *map)
{
	struct quic_range gap;
	u32 i, j = 0;

	for (i = 0; i < rs->n; i++) {
		must(rs->r[i].start < rs->r[i].end && rs->r[i].end <= SIZE);
		must(!i || rs->r[i - 1].end < rs->r[i].start);
		for (; j < rs->r[i].start; j++)
			must(!map[j]);
		for (; j < rs->r[i].end; j++)
			must(map[j]);
	}
	for (; j < SIZE; j++)
		must(!map[j]);
	for (j = 0; quic_ranges_gap(rs, j, SIZE, &gap); j = gap.end)
		must(gap.start >= j && gap.end > gap.start && !quic_ranges_has(rs, gap.start) &&
		     !quic_ranges_has(rs, gap.end - 1));
	must(quic_ranges_covers(rs, j, SIZE));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	long live = os_alloc_live();
	struct quic_ranges rs;
	u8 map[SIZE] = { 0 };
	u32 max, a, b;

	if (!size || size > 4096)
		return 0;
	quic_ranges_init(&rs);
	max = *data++;
	for (size--; size >= 3; size -= 3, data += 3) {
		a = data[1];
		b = min_t(u32, a + data[2], SIZE);
		os_alloc_fail_after(data[0] & 0x80 ? 1 : 0);
		switch (data[0] & 3) {
		case 0:
		case 1:
			if (quic_ranges_add(&rs, a, b, max, GFP_ATOMIC) >= 0)
				memset(map + a, 1, b - a);
			must(rs.n <= max);
			break;
		case 2:
			if (!quic_ranges_del(&rs, a, b, max, GFP_ATOMIC))
				memset(map + a, 0, b - a);
			must(rs.n <= max);
			break;
		default:
			if (data[0] & 4) {
				a = rs.n ? rs.r[0].end : 0;
				quic_ranges_pop_first(&rs);
			} else {
				quic_ranges_trim(&rs, a);
			}
			memset(map, 0, a);
		}
		check(&rs, map);
	}
	os_alloc_fail_after(0);
	quic_ranges_free(&rs);
	must(os_alloc_live() == live);
	return 0;
}
