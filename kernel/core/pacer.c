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

u32 quic_pacer_budget(const struct quic_pacer *p, u32 mss, u64 now)
{
	u64 burst;

	if (!p->rate)
		return U32_MAX;
	if (now < p->next)
		return 0;
	burst = min_t(u64, p->rate >> BURST_SHIFT, QUIC_PACER_BURST_MAX);
	return max_t(u32, burst, 2 * mss);
}

void quic_pacer_sent(struct quic_pacer *p, u32 bytes, u64 now)
{
	u64 t = (bytes * p->inverse) >> INVERSE_SHIFT;

	if (!p->rate)
		return;
	p->next = p->next + t / 2 > now ? p->next + t : now + t - t / 2;
}

u64 quic_pacer_deadline(const struct quic_pacer *p)
{
	return p->rate ? p->next : U64_MAX;
}
