/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How fast the path delivers: a sample with every ACK (draft-ietf-ccwg-bbr, "Delivery Rate
 * Samples"). loss.c feeds it, congestion control reads the sample; both under its caller's lock.
 * Bytes and nanoseconds. Each sent packet keeps a struct quic_delivery_mark, taken as it left.
 */
#ifndef QUIC_CORE_DELIVERY_H
#define QUIC_CORE_DELIVERY_H

#include "os.h"

#define QUIC_DELIVERY_SHIFT	6	/* times in marks are in 64 ns: up to 4 minutes */

struct quic_delivery_mark {
	u32 acked_ago;		/* when it left: since the last delivery ... */
	u32 sent_ago;		/* ... and since what was delivered last had left; 64 ns */
	u32 lost;		/* bytes lost so far, low bits */
	u32 in_flight;		/* with this packet */
};

/* What one ACK says. rate is 0 where there is no reliable sample. */
struct quic_delivery_sample {
	u64 rate;		/* bytes a second */
	u64 prior;		/* delivered when the newest packet acknowledged had left */
	u64 delivered;		/* since then */
	u64 acked;		/* by this ACK */
	u64 rtt;		/* of the newest packet, ns */
	u32 in_flight;		/* when it left */
	u32 lost;		/* between then and now */
	bool limited;		/* the application had nothing more to send then */
};

struct quic_delivery {
	u64 delivered;		/* bytes acknowledged, in flight ones */
	u64 at;			/* when that last grew */
	u64 sent_at;		/* when the newest packet delivered had left */
	u64 lost;		/* bytes declared lost */
	u64 limited;		/* application-limited until delivered exceeds this; 0: is not */
	u64 rate;		/* last reliable sample, for QUIC_INFO */
	/* the ACK being taken in */
	struct quic_delivery_sample rs;
	u64 newest;		/* send time of its newest packet; 0: none yet */
	u64 interval;		/* longer one of its send and ACK times */
};

/* A packet of @size leaves; @in_flight: bytes before it. Return: delivered, to be kept with it */
u64 quic_delivery_sent(struct quic_delivery *d, struct quic_delivery_mark *m, u32 size,
		       u64 in_flight, u64 now);
/* An ACK frame: begin, every packet newly acknowledged (and not lost before), end. */
void quic_delivery_begin(struct quic_delivery *d);
void quic_delivery_acked(struct quic_delivery *d, const struct quic_delivery_mark *m, u64 prior,
			 u64 sent_at, u32 size, bool limited, u64 now);
void quic_delivery_end(struct quic_delivery *d, u64 min_rtt, u64 now);
/* Nothing more to send while the window has room for it, with @in_flight bytes out */
static inline void quic_delivery_limited(struct quic_delivery *d, u64 in_flight)
{
	d->limited = max_t(u64, d->delivered + in_flight, 1);
}

/* Bytes lost since the packet with @m left */
static inline u32 quic_delivery_lost_since(const struct quic_delivery *d,
					   const struct quic_delivery_mark *m)
{
	return (u32)d->lost - m->lost;
}

#endif
