// SPDX-License-Identifier: GPL-2.0
/*
 * next is the time up to which what was sent has used the rate: a burst may
 * leave once it has come, and moves it on by the time its bytes take.
 */
#include "pacer.h"

#define INVERSE_SHIFT	12	/* 64 KB at one byte a second still fit 64 bits */
#define BURST_SHIFT	10	/* a burst is rate / 1024: about 1 ms of it */

void quic_pacer_set_rate(struct quic_pacer *p, u64 rate)
{
	p->rate = rate;
	p->inverse = rate ? div64_u64((u64)NSEC_PER_SEC << INVERSE_SHIFT, rate) : 0;
}

static u32 burst_size(const struct quic_pacer *p, u32 mss)
{
	u64 burst = min_t(u64, p->rate >> BURST_SHIFT, QUIC_PACER_BURST_MAX);

	return max_t(u32, burst, 2 * mss);
}

static u64 duration(const struct quic_pacer *p, u32 bytes)
{
	return (bytes * p->inverse) >> INVERSE_SHIFT;
}

static u32 paced(const struct quic_pacer *p, u32 mss, u64 now)
{
	if (now == p->burst_at && p->burst_left >= mss)
		return p->burst_left;
	return now + p->ahead >= p->next ? burst_size(p, mss) : 0;
}

u32 quic_pacer_budget(const struct quic_pacer *p, u32 mss, u64 now)
{
	if (!p->rate)
		return U32_MAX;
	/* What need not be paced is no less than what may leave by its rate. */
	return max(p->unpaced >= mss ? p->unpaced : 0, paced(p, mss, now));
}

void quic_pacer_sent(struct quic_pacer *p, u32 mss, u32 bytes, u64 now)
{
	u32 budget = quic_pacer_budget(p, mss, now);
	u64 saved = duration(p, burst_size(p, mss)) / 2;

	if (!p->rate)
		return;
	if (p->unpaced >= mss && p->unpaced == budget) {
		p->unpaced -= min(p->unpaced, bytes);
		return;
	}
	p->unpaced = 0;
	if (p->next + saved < now)
		p->next = now - saved;
	p->next += duration(p, bytes);
	p->burst_at = now;
	p->burst_left = budget - min(budget, bytes);
}

void quic_pacer_set_ahead(struct quic_pacer *p, u32 mss, u64 ns)
{
	ns = min_t(u64, ns, NSEC_PER_SEC);
	p->ahead = ns ? min_t(u64, ns, duration(p, burst_size(p, mss))) : 0;
}
