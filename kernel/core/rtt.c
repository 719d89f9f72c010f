// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 9002, 5: smoothed and minimum round-trip time of the current path.
 * Before the first sample, smoothed and var come from the initial RTT and
 * first_sample_at is 0.
 */
#include "rtt.h"

void quic_rtt_init(struct quic_rtt *rtt, u64 initial)
{
	if (!initial)
		initial = QUIC_RTT_INITIAL;
	memset(rtt, 0, sizeof(*rtt));
	rtt->smoothed = initial;
	rtt->var = initial / 2;
}

void quic_rtt_update(struct quic_rtt *rtt, u64 latest, u64 ack_delay, u64 now)
{
	u64 adjusted, diff;

	latest = max_t(u64, latest, 1);
	rtt->latest = latest;
	if (!rtt->first_sample_at) {
		rtt->min = latest;
		rtt->smoothed = latest;
		rtt->var = latest / 2;
		rtt->first_sample_at = now;
		return;
	}
	/* RFC 9002, 5.2: the minimum ignores what the peer says about its delay. */
	rtt->min = min(rtt->min, latest);
	adjusted = latest;
	if (latest - rtt->min >= ack_delay)
		adjusted -= ack_delay;
	/* RFC 9002, A.7: the variation is against the old smoothed value. */
	diff = rtt->smoothed > adjusted ? rtt->smoothed - adjusted : adjusted - rtt->smoothed;
	rtt->var = (3 * rtt->var + diff) / 4;
	rtt->smoothed = (7 * rtt->smoothed + adjusted) / 8;
}
