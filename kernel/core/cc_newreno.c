// SPDX-License-Identifier: GPL-2.0
/* NewReno: RFC 9002, 7.3 and appendix B. */
#include "cc.h"

struct newreno {
	u64 acked;		/* bytes acked in avoidance that have not grown cwnd yet */
	u64 undo_cwnd;		/* before the last reduction; 0: nothing to take back */
	u64 undo_ssthresh;
	u64 undo_recovery;
};

static struct newreno *state(struct quic_cc *cc)
{
	BUILD_BUG_ON(sizeof(struct newreno) > sizeof(cc->priv));
	return (struct newreno *)cc->priv;
}

static void init(struct quic_cc *cc)
{
}

static void on_ack(struct quic_cc *cc, const struct quic_cc_ack *a, const struct quic_rtt *rtt,
		   u64 now)
{
	struct newreno *r = state(cc);

	if (a->app_limited || quic_cc_in_recovery(cc, a->largest_time))
		return;
	if (quic_cc_slow_start(cc)) {
		cc->cwnd += a->bytes;
	} else {
		/* RFC 9002, B.5, by counting as RFC 3465, 2.1: one datagram a window acked */
		r->acked += a->bytes;
		if (r->acked >= cc->cwnd) {
			r->acked -= cc->cwnd;
			cc->cwnd += cc->mss;
		}
	}
	cc->cwnd = min(cc->cwnd, QUIC_CC_CWND_MAX);
}

static void on_congestion(struct quic_cc *cc, u64 sent_time, u64 now)
{
	struct newreno *r = state(cc);

	if (quic_cc_in_recovery(cc, sent_time))
		return;
	r->undo_cwnd = cc->cwnd;
	r->undo_ssthresh = cc->ssthresh;
	r->undo_recovery = cc->recovery_start;
	r->acked = 0;
	cc->recovery_start = now;
	cc->ssthresh = max(cc->cwnd / 2, quic_cc_min_window(cc));
	cc->cwnd = cc->ssthresh;
}

static void on_persistent(struct quic_cc *cc)
{
	struct newreno *r = state(cc);

	r->undo_cwnd = 0;
	r->acked = 0;
	cc->cwnd = quic_cc_min_window(cc);
	cc->recovery_start = 0;
}

static void undo(struct quic_cc *cc)
{
	struct newreno *r = state(cc);

	if (!r->undo_cwnd)
		return;
	cc->cwnd = max(cc->cwnd, r->undo_cwnd);
	cc->ssthresh = r->undo_ssthresh;
	cc->recovery_start = r->undo_recovery;
	r->undo_cwnd = 0;
}

const struct quic_cc_ops quic_cc_newreno = {
	.name		= "newreno",
	.id		= 0,		/* QUIC_CONG_ALG_RENO */
	.init		= init,
	.on_ack		= on_ack,
	.on_congestion	= on_congestion,
	.on_persistent	= on_persistent,
	.undo		= undo,
};
