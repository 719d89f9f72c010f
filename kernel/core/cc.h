/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Congestion control as a table of functions (RFC 9002, 7). One file an
 * algorithm: cc_newreno.c, cc_cubic.c, cc_bbr.c. Sizes in bytes, times in ns.
 */
#ifndef QUIC_CORE_CC_H
#define QUIC_CORE_CC_H

#include "delivery.h"
#include "rtt.h"

#define QUIC_CC_NAME_MAX	16
#define QUIC_CC_CWND_MAX	BIT_ULL(30)
#define QUIC_CC_PRIV		32	/* u64 words of an algorithm's own state */

struct quic_cc;

struct quic_cc_ack {
	u64 bytes;		/* newly acked, in flight, sent after recovery_start: for growth */
	u64 largest_time;	/* when the last sent of the newly acked packets was sent */
	u64 in_flight;		/* before these were taken off */
	u64 in_flight_now;
	bool app_limited;	/* RFC 9002, 7.8: do not grow */
};

struct quic_cc_lost {		/* a packet */
	u32 size;
	u32 in_flight;		/* when it left, with it */
	u32 lost;		/* bytes lost since then, with it */
	bool app_limited;	/* when it left */
	bool begins_run;	/* the one before was not lost now */
};

struct quic_cc_ops {
	char name[QUIC_CC_NAME_MAX];
	u8 id;			/* QUIC_CONG_ALG_* of the ABI */
	void (*init)(struct quic_cc *cc);	/* priv is zeroed, the rest of cc is set */
	/* @bytes leave; @in_flight: before they were added. NULL: not interested */
	void (*on_sent)(struct quic_cc *cc, u64 bytes, u64 in_flight, u64 now);
	void (*on_ack)(struct quic_cc *cc, const struct quic_cc_ack *a,
		       const struct quic_rtt *rtt, u64 now);
	/*
	 * Every packet declared lost, before on_congestion() is told of all of them. NULL: not
	 * interested
	 */
	void (*on_lost)(struct quic_cc *cc, const struct quic_cc_lost *p, u64 now);
	/*
	 * Loss or CE mark of a packet sent at @sent_time; at most one reduction a round trip.
	 * Reducing sets recovery_start to @now: that is how loss.c knows.
	 */
	void (*on_congestion)(struct quic_cc *cc, u64 sent_time, u64 now);
	void (*on_persistent)(struct quic_cc *cc);	/* RFC 9002, 7.6 */
	/* Every loss of the last reduction turned out spurious: take it and its recovery back */
	void (*undo)(struct quic_cc *cc);
	/* Bytes per second; NULL: 5/4 (2 in slow start) of cwnd / smoothed rtt; RFC 9002, 7.7 */
	u64 (*rate)(const struct quic_cc *cc, const struct quic_rtt *rtt);
};

struct quic_cc {
	const struct quic_cc_ops *ops;
	u64 cwnd;
	u64 ssthresh;		/* U64_MAX: none yet */
	u64 recovery_start;	/* sent at or before: part of the last reduction; 0: never */
	u32 mss;		/* max datagram size, bytes */
	struct quic_delivery delivery;	/* kept by loss.c; outlives a change of algorithm */
	u64 priv[QUIC_CC_PRIV];
};

extern const struct quic_cc_ops quic_cc_newreno;
extern const struct quic_cc_ops quic_cc_bbr;	/* draft-ietf-ccwg-bbr: BBRv3 */
extern const struct quic_cc_ops quic_cc_cubic;	/* RFC 9438, with HyStart++ (RFC 9406) */

/* By name, or NULL. */
const struct quic_cc_ops *quic_cc_find(const char *name);
const struct quic_cc_ops *quic_cc_find_id(u8 id);
u32 quic_cc_initial_window(u32 mss);	/* RFC 9002, 7.2 */
/* With that window */
void quic_cc_init(struct quic_cc *cc, const struct quic_cc_ops *ops, u32 mss);
/* Another algorithm takes over the window as it is. */
void quic_cc_switch(struct quic_cc *cc, const struct quic_cc_ops *ops);
/* The path's datagram size changed. RFC 9002, 7.2 */
void quic_cc_set_mss(struct quic_cc *cc, u32 mss);
u64 quic_cc_rate(const struct quic_cc *cc, const struct quic_rtt *rtt);

static inline u64 quic_cc_min_window(const struct quic_cc *cc)
{
	return 2 * (u64)cc->mss;	/* RFC 9002, 7.2 */
}

/* Was a packet sent at @sent_time sent before the last reduction? RFC 9002, B.5 */
static inline bool quic_cc_in_recovery(const struct quic_cc *cc, u64 sent_time)
{
	return cc->recovery_start && sent_time <= cc->recovery_start;
}

static inline bool quic_cc_slow_start(const struct quic_cc *cc)
{
	return cc->cwnd < cc->ssthresh;
}

#endif
