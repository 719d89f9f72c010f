// SPDX-License-Identifier: GPL-2.0
/*
 * CUBIC: RFC 9438 with beta 0.7, C 0.4 and fast convergence; the first slow
 * start is HyStart++ (RFC 9406). Windows in bytes. Time on the curve is counted
 * in ticks of 2^16 ns and stops at TICKS_MAX (137 s), so that its cube fits 64
 * bits; an epoch of 0 means that the next growth starts one.
 */
#include "cc.h"

#define TICK_SHIFT	16
#define TICKS_MAX	BIT_ULL(21)
/* Ticks cubed for one datagram of growth: 1 / (C * (2^16 ns)^3) = 2.5e27 / 2^48 */
#define TICKS3_PER_MSS	8881784197001ull

/* RFC 9406, 4.3 */
#define HYSTART_MIN_THRESH	(4 * NSEC_PER_MSEC)
#define HYSTART_MAX_THRESH	(16 * NSEC_PER_MSEC)
#define HYSTART_RTT_DIVISOR	8
#define HYSTART_SAMPLES		8
#define HYSTART_CSS_DIVISOR	4
#define HYSTART_CSS_ROUNDS	5

struct curve {
	u64 w_max;		/* plateau; 0: none known */
	u64 prior;		/* cwnd when ssthresh was set last */
	u64 est;		/* what Reno would have (RFC 9438, 4.3) */
	u64 k;			/* ticks from epoch to the plateau */
	u64 epoch;		/* begin of this avoidance, moved past idle times; 0: not begun */
};

struct hystart {
	u64 round_start;	/* the round ends with the ACK of a packet sent since */
	u64 round_min;		/* lowest RTT of this round, U64_MAX: no sample */
	u64 last_min;		/* and of the one before; in CSS, of the one before CSS began */
	u64 block_min;		/* lowest of the samples counted below */
	u32 samples;
	u16 css_rounds;
	bool css;		/* conservative slow start */
	bool delayed;		/* this round saw a block of samples above the threshold */
};

struct cubic {
	struct curve c;
	struct hystart hy;
	u64 acc;		/* growth below one byte: on the curve, times cwnd */
	u64 est_acc;		/* and of est, times 17 * cwnd */
	u64 limited_since;	/* app-limited since; 0: not */
	u64 last_ack;
	struct curve undo;	/* before the last reduction */
	u64 undo_cwnd;		/* 0: nothing to take back */
	u64 undo_ssthresh;
	u64 undo_recovery;
};

static struct cubic *state(struct quic_cc *cc)
{
	BUILD_BUG_ON(sizeof(struct cubic) > sizeof(cc->priv));
	return (struct cubic *)cc->priv;
}

static void init(struct quic_cc *cc)
{
	struct cubic *c = state(cc);

	c->hy.round_min = U64_MAX;
	c->hy.last_min = U64_MAX;
	c->hy.block_min = U64_MAX;
}

static void hystart_round(struct quic_cc *cc, struct hystart *hy, u64 now)
{
	if (hy->css && !hy->delayed)
		hy->css = false;
	else if (hy->css && ++hy->css_rounds >= HYSTART_CSS_ROUNDS)
		cc->ssthresh = cc->cwnd;
	if (!hy->css)
		hy->last_min = hy->round_min;
	hy->round_min = U64_MAX;
	hy->block_min = U64_MAX;
	hy->samples = 0;
	hy->delayed = false;
	hy->round_start = now;
}

/*
 * RFC 9406, 4.2, except that the lowest of any eight samples in a row counts, not only of those
 * from the round's beginning. We pace a window of slow start over half a round trip, and the
 * queue that it builds is gone when the next begins, until the window is twice what fits the
 * path. For the same reason a whole round without delay ends CSS, not a single sample.
 */
static void hystart_sample(struct quic_cc *cc, struct hystart *hy, u64 sent_time, u64 rtt, u64 now)
{
	u64 thresh;

	if (sent_time >= hy->round_start)
		hystart_round(cc, hy, now);
	hy->round_min = min(hy->round_min, rtt);
	hy->block_min = min(hy->block_min, rtt);
	if (++hy->samples < HYSTART_SAMPLES)
		return;
	hy->samples = 0;
	thresh = clamp_t(u64, hy->last_min / HYSTART_RTT_DIVISOR, HYSTART_MIN_THRESH,
			 HYSTART_MAX_THRESH);
	if (hy->last_min != U64_MAX && hy->block_min >= hy->last_min + thresh) {
		hy->delayed = true;
		if (!hy->css)
			hy->css_rounds = 0;
		hy->css = true;
	}
	hy->block_min = U64_MAX;
}

/* Largest r with r^3 <= @v; @v < 2^63. */
static u64 cube_root(u64 v)
{
	u64 r = 0, bit, t;

	for (bit = TICKS_MAX >> 1; bit; bit >>= 1) {
		t = r | bit;
		if (t * t * t <= v)
			r = t;
	}
	return r;
}

/* RFC 9438, 4.2, figure 1: the window @t ns after the epoch */
static u64 w_cubic(const struct curve *c, u32 mss, u64 t)
{
	u64 ticks = min(t >> TICK_SHIFT, TICKS_MAX);
	u64 d = ticks > c->k ? ticks - c->k : c->k - ticks;
	u64 delta = mul_u64_u64_div_u64(d * d * d, mss, TICKS3_PER_MSS);

	if (ticks >= c->k)
		return c->w_max + delta;
	return c->w_max - min(delta, c->w_max);
}

static void start_epoch(struct quic_cc *cc, struct cubic *c, u64 now)
{
	c->c.epoch = now;
	c->c.est = cc->cwnd;
	c->acc = 0;
	c->est_acc = 0;
	if (!c->c.w_max)
		c->c.prior = cc->cwnd;	/* RFC 9438, 4.10: left slow start without a loss */
	if (cc->cwnd < c->c.w_max) {
		c->c.k = cube_root(mul_u64_u64_div_u64(c->c.w_max - cc->cwnd, TICKS3_PER_MSS,
						       cc->mss));
	} else {
		c->c.k = 0;
		c->c.w_max = cc->cwnd;
	}
}

static void avoidance(struct quic_cc *cc, struct cubic *c, u64 bytes, u64 srtt, u64 now)
{
	u64 target;

	if (!c->c.epoch)
		start_epoch(cc, c, now);
	else if (c->limited_since)
		c->c.epoch += now - c->limited_since;	/* RFC 9438, 5.8 */
	c->limited_since = 0;

	target = w_cubic(&c->c, cc->mss, now - c->c.epoch + srtt);
	target = clamp(target, cc->cwnd, cc->cwnd + cc->cwnd / 2);
	c->acc += (target - cc->cwnd) * bytes;
	/* RFC 9438, 4.3: alpha is 3 * 0.3 / 1.7 = 9/17, and 1 once the old window is reached. */
	c->est_acc += bytes * cc->mss * (c->c.est < c->c.prior ? 9 : 17);
	c->c.est += div64_u64_rem(c->est_acc, 17 * cc->cwnd, &c->est_acc);
	target = cc->cwnd + div64_u64_rem(c->acc, cc->cwnd, &c->acc);
	cc->cwnd = min(max(target, c->c.est), QUIC_CC_CWND_MAX);
}

static void on_sent(struct quic_cc *cc, u64 bytes, u64 in_flight, u64 now)
{
	struct cubic *c = state(cc);

	/* The time without anything in flight does not count. RFC 9438, 5.8 */
	if (!in_flight && c->c.epoch && !c->limited_since) {
		c->c.epoch += now - c->last_ack;
		c->last_ack = now;
	}
}

static void on_ack(struct quic_cc *cc, const struct quic_cc_ack *a, const struct quic_rtt *rtt,
		   u64 now)
{
	struct cubic *c = state(cc);

	c->last_ack = now;
	if (cc->ssthresh == U64_MAX)
		hystart_sample(cc, &c->hy, a->largest_time, rtt->latest, now);
	if (a->app_limited) {
		if (!c->limited_since)
			c->limited_since = now;
		return;
	}
	if (quic_cc_in_recovery(cc, a->largest_time))
		return;
	if (!quic_cc_slow_start(cc)) {
		avoidance(cc, c, a->bytes, rtt->smoothed, now);
		return;
	}
	c->limited_since = 0;
	cc->cwnd += c->hy.css ? a->bytes / HYSTART_CSS_DIVISOR : a->bytes;
	cc->cwnd = min(cc->cwnd, QUIC_CC_CWND_MAX);
}

static void on_congestion(struct quic_cc *cc, u64 sent_time, u64 now)
{
	struct cubic *c = state(cc);

	if (quic_cc_in_recovery(cc, sent_time))
		return;
	c->undo = c->c;
	c->undo_cwnd = cc->cwnd;
	c->undo_ssthresh = cc->ssthresh;
	c->undo_recovery = cc->recovery_start;

	/* RFC 9438, 4.7: fast convergence, (1 + beta) / 2 */
	c->c.w_max = cc->cwnd < c->c.w_max ? div_u64(cc->cwnd * 17, 20) : cc->cwnd;
	c->c.prior = cc->cwnd;
	c->c.epoch = 0;
	c->limited_since = 0;
	c->hy.css = false;
	cc->recovery_start = now;
	cc->ssthresh = max(div_u64(cc->cwnd * 7, 10), quic_cc_min_window(cc));
	cc->cwnd = cc->ssthresh;
}

static void on_persistent(struct quic_cc *cc)
{
	struct cubic *c = state(cc);

	/* RFC 9438, 4.8: the next avoidance starts at its own plateau */
	c->c.w_max = 0;
	c->c.epoch = 0;
	c->undo_cwnd = 0;
	cc->cwnd = quic_cc_min_window(cc);
	cc->recovery_start = 0;
}

/* RFC 9438, 4.9.2 */
static void undo(struct quic_cc *cc)
{
	struct cubic *c = state(cc);

	if (!c->undo_cwnd)
		return;
	cc->recovery_start = c->undo_recovery;
	if (cc->cwnd < c->c.prior) {
		cc->cwnd = c->undo_cwnd;
		cc->ssthresh = c->undo_ssthresh;
		c->c = c->undo;
	}
	c->undo_cwnd = 0;
}

const struct quic_cc_ops quic_cc_cubic = {
	.name		= "cubic",
	.id		= 1,		/* QUIC_CONG_ALG_CUBIC */
	.init		= init,
	.on_sent	= on_sent,
	.on_ack		= on_ack,
	.on_congestion	= on_congestion,
	.on_persistent	= on_persistent,
	.undo		= undo,
};
