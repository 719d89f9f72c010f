/* SPDX-License-Identifier: GPL-2.0 */
/* Round-trip time estimate (RFC 9002, 5). All times in nanoseconds. */
#ifndef QUIC_CORE_RTT_H
#define QUIC_CORE_RTT_H

#include "os.h"

#define QUIC_RTT_GRANULARITY	NSEC_PER_MSEC	/* kGranularity */
#define QUIC_RTT_INITIAL	(333 * NSEC_PER_MSEC)	/* kInitialRtt */

struct quic_rtt {
	u64 latest;
	u64 smoothed;
	u64 var;
	u64 min;
	u64 first_sample_at;	/* 0: none yet; RFC 9002, 7.6.2 */
};

void quic_rtt_init(struct quic_rtt *rtt, u64 initial);
/*
 * A sample of @latest; @ack_delay is what the peer reported, already limited
 * to its max_ack_delay where 5.3 says so (the caller knows the handshake state).
 */
void quic_rtt_update(struct quic_rtt *rtt, u64 latest, u64 ack_delay, u64 now);
/* smoothed + max(4 * var, granularity), without ack delay or backoff (6.2.1) */
static inline u64 quic_rtt_pto(const struct quic_rtt *rtt)
{
	return rtt->smoothed + max_t(u64, 4 * rtt->var, QUIC_RTT_GRANULARITY);
}

#endif
