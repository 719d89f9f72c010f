/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A sender with unlimited data, one bottleneck, a receiver: virtual time, seeded chance.
 *
 *	sender --> [queue, rate] --> delay, jitter, overtaking --> receiver
 *	       <------------------------ delay <------------------ ACKs
 *
 * The sender is loss.c with congestion control and pacer; nothing else of the core.
 */
#ifndef SELFTESTS_CORE_LINK_H
#define SELFTESTS_CORE_LINK_H

#include "test.h"
#include "loss.h"

#define MS(n)	((u64)(n) * NSEC_PER_MSEC)
#define SEC(n)	((u64)(n) * NSEC_PER_SEC)

struct link {
	u64 rate;		/* bytes a second */
	u64 delay;		/* one way, ns */
	u64 queue;		/* bytes; 0: one bandwidth-delay product */
	u64 jitter;		/* up to this much more, uniform, each packet on its own */
	u64 early;		/* overtaking packets arrive so much earlier ... */
	u32 early_pct;		/* ... this many of 100 */
	u32 loss_ppm;
	u64 dark_from, dark_to;	/* everything is lost meanwhile */
	u64 seed;
};

struct link_result {
	u64 bytes;		/* received once, after the warm-up */
	double use;		/* share of the rate */
	u64 sent, lost, spurious, dropped;
	u64 done_at;		/* when the last byte asked for was there; 0: it was not */
	u64 cwnd_min, cwnd_max;	/* after the warm-up */
	u64 srtt;
};

/*
 * Run until @end; count from @warm. @total: bytes to transfer, 0 without limit.
 */
struct link_result link_run(const struct link *ln, const struct quic_cc_ops *cc, u64 warm, u64 end,
			    u64 total);

#endif
