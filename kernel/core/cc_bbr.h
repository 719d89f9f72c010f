/* SPDX-License-Identifier: GPL-2.0 */
/*
 * BBRv3's state, shared by cc_bbr.c (states, output) and cc_bbr_model.c (what the path can do):
 * two bandwidths (the most of two probing cycles; a bound since the last loss), two volumes in
 * flight likewise, and the lowest RTT. It lives in struct quic_cc, under its caller's lock.
 */
#ifndef QUIC_CORE_CC_BBR_H
#define QUIC_CORE_CC_BBR_H

#include "cc.h"

#define QUIC_BBR_NONE		U32_MAX	/* the draft's infinity */
#define QUIC_BBR_LOSS_THRESH	50	/* one part of so many: 2 % */

enum quic_bbr_state {
	QUIC_BBR_STARTUP, QUIC_BBR_DRAIN, QUIC_BBR_DOWN, QUIC_BBR_CRUISE, QUIC_BBR_REFILL,
	QUIC_BBR_UP, QUIC_BBR_PROBE_RTT, QUIC_BBR_STATES
};

enum quic_bbr_ack_phase {
	QUIC_BBR_ACKS_INIT, QUIC_BBR_ACKS_REFILLING, QUIC_BBR_ACKS_STARTING,
	QUIC_BBR_ACKS_FEEDBACK, QUIC_BBR_ACKS_STOPPING
};

struct quic_bbr {
	/* the model; bytes a second, bytes, ns */
	u64 bw_max[2];		/* last probing cycle, this one */
	u64 bw_short;		/* U64_MAX: none */
	u64 bw_latest;		/* best of this round */
	u64 min_rtt, min_rtt_at;	/* U64_MAX: none */
	u32 inflight_long, inflight_short, inflight_latest;
	u32 extra[2];		/* aggregation: most of the rounds before, of these */
	u64 extra_acked, extra_from;
	/*
	 * Losses without a queue, which no window of ours causes: their share, how long the
	 * shortest RTT of this round was, and whether the last round was one without a queue.
	 */
	u64 round_rtt;
	u32 noise;
	bool no_queue;
	/* output */
	u64 pacing;		/* 0: not set yet */
	/* rounds end when a packet sent since is acknowledged: its prior reaches these */
	u64 round_end, loss_round_end;
	u32 rounds, drain_round, rounds_since_probe;
	/* probing */
	u64 full_bw;
	u64 cycle_at, probe_wait;
	u32 up_acked, up_per_inc;
	u64 probe_min_rtt, probe_min_at, probe_done_at;
	/* undo */
	u64 undo_bw_short;
	u32 undo_short, undo_long, prior_cwnd;
	u8 undo_state;

	u8 state, ack_phase, full_count, up_rounds, extra_rounds, losses;
	bool full_reached, full_now, round_start, loss_round_start, loss_in_round;
	bool probe_sample, too_high, precautionary, idle_restart;
	bool probe_rtt_expired, probe_rtt_round;
	bool limited, limited_before;	/* by cwnd: in this round, in the last */
};

static inline bool quic_bbr_in_probe_bw(const struct quic_bbr *b)
{
	return b->state >= QUIC_BBR_DOWN && b->state <= QUIC_BBR_UP;
}

static inline bool quic_bbr_probing(const struct quic_bbr *b)
{
	return b->state == QUIC_BBR_STARTUP || b->state == QUIC_BBR_REFILL ||
	       b->state == QUIC_BBR_UP;
}

static inline u64 quic_bbr_max_bw(const struct quic_bbr *b)
{
	return max(b->bw_max[0], b->bw_max[1]);
}

static inline u64 quic_bbr_bw(const struct quic_bbr *b)
{
	return min(quic_bbr_max_bw(b), b->bw_short);
}

static inline void quic_cc_bbr_start_round(const struct quic_cc *cc, struct quic_bbr *b)
{
	b->round_end = cc->delivery.delivered;
}

/* Look for a plateau of the bandwidth from @base on. */
static inline void quic_cc_bbr_reset_full(struct quic_bbr *b, u64 base)
{
	b->full_bw = base;
	b->full_count = 0;
	b->full_now = false;
}

/* The steps of an ACK, in this order */
void quic_cc_bbr_rounds(struct quic_cc *cc, struct quic_bbr *b);
void quic_cc_bbr_bandwidth(struct quic_cc *cc, struct quic_bbr *b);
void quic_cc_bbr_aggregation(struct quic_cc *cc, struct quic_bbr *b, u64 now);
void quic_cc_bbr_check_full(const struct quic_cc *cc, struct quic_bbr *b);
void quic_cc_bbr_min_rtt(const struct quic_cc *cc, struct quic_bbr *b, u64 now);
/* Is losing @lost bytes with @in_flight of them out more than the path does by itself? */
bool quic_cc_bbr_loss_too_high(const struct quic_cc *cc, const struct quic_bbr *b, u64 lost,
			       u64 in_flight);

#endif
