/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pacing (RFC 9002, 7.7) as a leaky bucket: bursts of about 1 ms of the rate,
 * at least two datagrams, at most 64 KB; the time of the next burst follows.
 * With nothing in flight an initial window is not paced.
 */
#ifndef QUIC_CORE_PACER_H
#define QUIC_CORE_PACER_H

#include "os.h"

#define QUIC_PACER_BURST_MAX	65536u	/* bytes */

struct quic_pacer {
	u64 next;	/* earliest departure of the next burst, ns */
	u64 rate;	/* bytes per second; 0: no pacing yet. Set by quic_pacer_set_rate() */
	u64 inverse;	/* ns a byte, scaled: no division when sending */
	u64 burst_at;	/* when the burst that left last began, ns */
	u32 burst_left;	/* bytes it may still take, then and only then */
	u32 unpaced;	/* bytes that may leave whenever they like */
	u32 ahead;	/* ns: bursts are asked for so much before they may leave */
};

void quic_pacer_set_rate(struct quic_pacer *p, u64 rate);

/*
 * Bytes that may leave at @now: 0 if it is too early, U32_MAX if not pacing. A burst may
 * leave in pieces, all at the same @now.
 */
u32 quic_pacer_budget(const struct quic_pacer *p, u32 mss, u64 now);
/*
 * @bytes left at @now. To make up for late timers, half the time a burst takes
 * may lie in the past: after idling that is all that was saved up.
 */
void quic_pacer_sent(struct quic_pacer *p, u32 mss, u32 bytes, u64 now);
/* Nothing is in flight: @bytes need not wait (RFC 9002, 7.7: an initial window). */
static inline void quic_pacer_rested(struct quic_pacer *p, u32 bytes)
{
	p->unpaced = bytes;
}

/*
 * Who asks has a clock of his own below and tells it next, for its departure: bursts may be
 * built up to @ns earlier, at most the time of one. 0: they leave when they are built.
 */
void quic_pacer_set_ahead(struct quic_pacer *p, u32 mss, u64 ns);
/* When the burst that may be built now may leave */
static inline u64 quic_pacer_departure(const struct quic_pacer *p, u32 mss)
{
	return p->unpaced >= mss ? 0 : p->next;
}

/* When to try again; U64_MAX if not pacing. */
static inline u64 quic_pacer_deadline(const struct quic_pacer *p)
{
	return p->rate ? p->next - min_t(u64, p->next, p->ahead) : U64_MAX;
}

#endif
