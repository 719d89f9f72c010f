// SPDX-License-Identifier: GPL-2.0
/*
 * BBRv3: draft-ietf-ccwg-bbr, whose names of states and steps are in the comments. The states,
 * and what leaves; cc_bbr_model.c has the path's model. A CE mark counts as a loss in its round.
 * Randomness comes from the time: the core has no other.
 */
#include "cc_bbr.h"

#define PROBE_RTT_DURATION	(200 * NSEC_PER_MSEC)
#define STARTUP_LOSSES		6	/* runs of lost packets in a round that end Startup */
#define PROBE_ROUNDS_MAX	63

static const u16 pacing_gain[] = { 277, 50, 90, 100, 100, 125, 100 };	/* of 100 */
static const u16 cwnd_gain[] = { 200, 200, 200, 200, 200, 225, 50 };

static struct quic_bbr *state(struct quic_cc *cc)
{
	BUILD_BUG_ON(sizeof(struct quic_bbr) > sizeof(cc->priv));
	return (struct quic_bbr *)cc->priv;
}

static u64 min_pipe(const struct quic_cc *cc)
{
	return 4 * (u64)cc->mss;
}

static u64 initial_cwnd(const struct quic_cc *cc)
{
	return 10 * (u64)cc->mss;
}

/* BDPMultiple; @gain of 100 */
static u64 bdp(const struct quic_cc *cc, const struct quic_bbr *b, u64 rate, u32 gain)
{
	u64 v;

	if (b->min_rtt == U64_MAX)
		return initial_cwnd(cc);
	v = mul_u64_u64_div_u64(rate, b->min_rtt, NSEC_PER_SEC);
	return div_u64(min(v, QUIC_CC_CWND_MAX) * gain, 100);
}

/* QuantizationBudget: two bursts of the pacer, as one may wait for its time below us */
static u64 quantize(const struct quic_cc *cc, const struct quic_bbr *b, u64 v)
{
	u64 burst = clamp_t(u64, b->pacing >> 10, 2 * cc->mss, 65536);

	v = max(max(v, 2 * burst), min_pipe(cc));
	if (b->state == QUIC_BBR_UP)
		v += 2 * cc->mss;
	return v;
}

static u64 inflight(const struct quic_cc *cc, const struct quic_bbr *b, u64 rate)
{
	return quantize(cc, b, bdp(cc, b, rate, 100));
}

static u64 target_inflight(const struct quic_cc *cc, const struct quic_bbr *b)
{
	return min(bdp(cc, b, quic_bbr_bw(b), 100), cc->cwnd);
}

static u64 with_headroom(const struct quic_cc *cc, const struct quic_bbr *b)
{
	u64 room;

	if (b->inflight_long == QUIC_BBR_NONE)
		return U64_MAX;
	room = max_t(u64, cc->mss, div_u64(b->inflight_long * 15ull, 100));
	return max(b->inflight_long - min_t(u64, room, b->inflight_long), min_pipe(cc));
}

/* --- states --- */

static void reset_short_term(struct quic_bbr *b)
{
	b->bw_short = U64_MAX;
	b->inflight_short = QUIC_BBR_NONE;
}

/* PickProbeWait: 2 to 3 s, and a round more or less */
static void pick_wait(struct quic_bbr *b, u64 now)
{
	u64 r = (now ^ b->extra_from) * 0x9e3779b97f4a7c15ull;

	b->rounds_since_probe = r >> 63;
	b->probe_wait = 2ull * NSEC_PER_SEC + ((r >> 32) * NSEC_PER_SEC >> 32);
}

static void start_down(const struct quic_cc *cc, struct quic_bbr *b, u64 now)
{
	b->loss_in_round = false;
	b->bw_latest = 0;
	b->inflight_latest = 0;
	b->up_per_inc = QUIC_BBR_NONE;
	pick_wait(b, now);
	b->cycle_at = now;
	b->ack_phase = QUIC_BBR_ACKS_STOPPING;
	quic_cc_bbr_start_round(cc, b);
	b->state = QUIC_BBR_DOWN;
}

static void start_refill(const struct quic_cc *cc, struct quic_bbr *b)
{
	reset_short_term(b);
	b->up_rounds = 0;
	b->up_acked = 0;
	b->precautionary = false;
	b->ack_phase = QUIC_BBR_ACKS_REFILLING;
	quic_cc_bbr_start_round(cc, b);
	b->state = QUIC_BBR_REFILL;
}

/* RaiseInflightLongtermSlope: one datagram more a round, then 2, 4, ... */
static void raise_slope(const struct quic_cc *cc, struct quic_bbr *b)
{
	b->up_per_inc = max_t(u64, cc->cwnd >> b->up_rounds, cc->mss);
	b->up_rounds = min(b->up_rounds + 1, 30);
}

static void start_up(const struct quic_cc *cc, struct quic_bbr *b)
{
	b->ack_phase = QUIC_BBR_ACKS_STARTING;
	quic_cc_bbr_start_round(cc, b);
	quic_cc_bbr_reset_full(b, cc->delivery.rs.rate);
	b->state = QUIC_BBR_UP;
	raise_slope(cc, b);
}

static void save_cwnd(const struct quic_cc *cc, struct quic_bbr *b)
{
	u64 known = b->loss_in_round || b->state == QUIC_BBR_PROBE_RTT ? b->prior_cwnd : 0;

	b->prior_cwnd = max(known, cc->cwnd);
}

static void restore_cwnd(struct quic_cc *cc, const struct quic_bbr *b)
{
	cc->cwnd = max_t(u64, cc->cwnd, b->prior_cwnd);
}

/* --- loss --- */

/* NoteLoss: the first of a round saves what an undo restores. */
static void note_loss(const struct quic_cc *cc, struct quic_bbr *b)
{
	if (!b->loss_in_round) {
		b->loss_round_end = cc->delivery.delivered;
		save_cwnd(cc, b);
		b->undo_state = QUIC_BBR_STATES;
		b->undo_bw_short = b->bw_short;
		b->undo_short = b->inflight_short;
		b->undo_long = b->inflight_long;
	}
	b->loss_in_round = true;
}

/* HandleInflightTooHigh */
static void inflight_too_high(const struct quic_cc *cc, struct quic_bbr *b, u64 in_flight,
			      bool limited, u64 now)
{
	b->too_high = true;
	b->probe_sample = false;	/* react once a probe */
	if (!limited)
		b->inflight_long = max(in_flight, div_u64(target_inflight(cc, b) * 7, 10));
	if (b->state == QUIC_BBR_UP) {
		b->undo_state = QUIC_BBR_UP;
		start_down(cc, b, now);
	}
}

/* InflightAtLoss: what was in flight when the losses crossed the threshold */
static u64 inflight_at_loss(const struct quic_cc_lost *p)
{
	u64 prev = p->in_flight - p->size, lost = p->lost - p->size;
	u64 allowed = div_u64(prev, QUIC_BBR_LOSS_THRESH);

	if (lost >= allowed)
		return prev;
	return prev + div_u64((allowed - lost) * QUIC_BBR_LOSS_THRESH, QUIC_BBR_LOSS_THRESH - 1);
}

static void on_lost(struct quic_cc *cc, const struct quic_cc_lost *p, u64 now)
{
	struct quic_bbr *b = state(cc);

	note_loss(cc, b);
	if (p->begins_run && b->losses < U8_MAX)
		b->losses++;
	if (b->probe_sample && quic_cc_bbr_loss_too_high(cc, b, p->lost, p->in_flight))
		inflight_too_high(cc, b, inflight_at_loss(p), p->app_limited, now);
}

static void on_congestion(struct quic_cc *cc, u64 sent_time, u64 now)
{
	note_loss(cc, state(cc));
	if (!quic_cc_in_recovery(cc, sent_time))
		cc->recovery_start = now;
}

/* RFC 9002, 7.6. The model stays; the window grows back by what is acknowledged. */
static void on_persistent(struct quic_cc *cc)
{
	struct quic_bbr *b = state(cc);

	note_loss(cc, b);
	cc->cwnd = quic_cc_min_window(cc);
	cc->recovery_start = 0;
}

/* HandleSpuriousLossDetection */
static void undo(struct quic_cc *cc)
{
	struct quic_bbr *b = state(cc);

	restore_cwnd(cc, b);
	cc->recovery_start = 0;
	b->loss_in_round = false;
	quic_cc_bbr_reset_full(b, 0);
	b->bw_short = max(b->bw_short, b->undo_bw_short);
	b->inflight_short = max(b->inflight_short, b->undo_short);
	b->inflight_long = max(b->inflight_long, b->undo_long);
	if (b->undo_state == QUIC_BBR_STARTUP && b->state != QUIC_BBR_STARTUP) {
		b->full_reached = false;
		if (b->state != QUIC_BBR_PROBE_RTT)
			b->state = QUIC_BBR_STARTUP;
	} else if (b->undo_state == QUIC_BBR_UP && b->state != QUIC_BBR_UP &&
		   b->state != QUIC_BBR_PROBE_RTT) {
		start_refill(cc, b);
	}
	b->undo_state = QUIC_BBR_STATES;
}

/* --- Startup and probing for bandwidth, with every ACK --- */

/*
 * CheckStartupDone, CheckStartupHighLoss, CheckDrainDone. Losses end Startup only when the
 * bandwidth did not grow in the round: at random they come from the first on.
 */
static void check_startup(struct quic_cc *cc, struct quic_bbr *b, u64 in_flight, u64 now)
{
	const struct quic_delivery_sample *rs = &cc->delivery.rs;

	if (b->state == QUIC_BBR_STARTUP && !b->full_reached && b->loss_round_start &&
	    b->full_count && b->losses >= STARTUP_LOSSES &&
	    quic_cc_bbr_loss_too_high(cc, b, rs->lost, rs->in_flight)) {
		b->undo_state = QUIC_BBR_STARTUP;
		b->full_reached = true;
		b->inflight_long = max_t(u64, bdp(cc, b, quic_bbr_bw(b), 100), b->inflight_latest);
	}
	if (b->loss_round_start)
		b->losses = 0;
	if (b->state == QUIC_BBR_STARTUP && b->full_reached) {
		b->state = QUIC_BBR_DRAIN;
		b->drain_round = b->rounds;
	}
	if (b->state == QUIC_BBR_DRAIN &&
	    (in_flight <= inflight(cc, b, quic_bbr_bw(b)) || b->rounds > b->drain_round + 3))
		start_down(cc, b, now);
}

/* ProbeInflightLongtermUpward */
static void probe_upward(const struct quic_cc *cc, struct quic_bbr *b)
{
	u32 n;

	if (!(b->limited || b->limited_before) || cc->cwnd < b->inflight_long)
		return;
	b->up_acked += min_t(u64, cc->delivery.rs.acked, QUIC_BBR_NONE / 2);
	if (b->up_acked >= b->up_per_inc) {
		n = b->up_acked / b->up_per_inc;
		b->up_acked -= n * b->up_per_inc;
		b->inflight_long = min(b->inflight_long + (u64)n * cc->mss, QUIC_CC_CWND_MAX);
	}
	if (b->round_start)
		raise_slope(cc, b);
}

/* AdaptLongTermModel. Return: it decided on the next state */
static bool adapt_long_term(const struct quic_cc *cc, struct quic_bbr *b)
{
	const struct quic_delivery_sample *rs = &cc->delivery.rs;

	if (b->ack_phase == QUIC_BBR_ACKS_STARTING && b->round_start)
		b->ack_phase = QUIC_BBR_ACKS_FEEDBACK;
	if (b->ack_phase == QUIC_BBR_ACKS_STOPPING && b->round_start) {
		b->probe_sample = false;
		b->ack_phase = QUIC_BBR_ACKS_INIT;
		if (quic_bbr_in_probe_bw(b) && !rs->limited) {
			b->bw_max[0] = b->bw_max[1];
			b->bw_max[1] = 0;
		}
		if (quic_bbr_in_probe_bw(b) && b->precautionary && !b->too_high) {
			start_refill(cc, b);
			return true;
		}
	}
	if (b->inflight_long == QUIC_BBR_NONE ||
	    quic_cc_bbr_loss_too_high(cc, b, rs->lost, rs->in_flight))
		return false;
	b->inflight_long = max(b->inflight_long, rs->in_flight);
	if (b->state == QUIC_BBR_UP)
		probe_upward(cc, b);
	return false;
}

/* IsTimeToProbeBW */
static bool time_to_probe(const struct quic_cc *cc, const struct quic_bbr *b, u64 now)
{
	u64 rounds = min_t(u64, div_u64(target_inflight(cc, b), cc->mss), PROBE_ROUNDS_MAX);

	return now > b->cycle_at + b->probe_wait || b->rounds_since_probe >= rounds;
}

/* IsTimeToGoDown */
static bool time_to_go_down(const struct quic_cc *cc, struct quic_bbr *b, u64 in_flight)
{
	if (b->too_high && in_flight >= b->inflight_long) {
		b->precautionary = true;
		return true;
	}
	if ((b->limited || b->limited_before) && cc->cwnd >= b->inflight_long) {
		quic_cc_bbr_reset_full(b, cc->delivery.rs.rate);
		return false;
	}
	return b->full_now;
}

/* UpdateProbeBWCyclePhase */
static void update_cycle(const struct quic_cc *cc, struct quic_bbr *b, u64 in_flight, u64 now)
{
	if (!b->full_reached || adapt_long_term(cc, b))
		return;
	switch (b->state) {
	case QUIC_BBR_DOWN:
		if (time_to_probe(cc, b, now))
			start_refill(cc, b);
		else if (in_flight <= with_headroom(cc, b) &&
			 in_flight <= inflight(cc, b, quic_bbr_max_bw(b)))
			b->state = QUIC_BBR_CRUISE;
		break;
	case QUIC_BBR_CRUISE:
		if (time_to_probe(cc, b, now))
			start_refill(cc, b);
		break;
	case QUIC_BBR_REFILL:
		if (b->round_start) {
			b->probe_sample = true;
			start_up(cc, b);
		}
		break;
	case QUIC_BBR_UP:
		if (time_to_go_down(cc, b, in_flight)) {
			b->too_high = false;
			start_down(cc, b, now);
		}
		break;
	}
}

/* --- the lowest RTT --- */

static u64 probe_rtt_cwnd(const struct quic_cc *cc, const struct quic_bbr *b)
{
	return max(bdp(cc, b, quic_bbr_bw(b), cwnd_gain[QUIC_BBR_PROBE_RTT]), min_pipe(cc));
}

/* CheckProbeRTTDone, ExitProbeRTT */
static void probe_rtt_done(struct quic_cc *cc, struct quic_bbr *b, u64 now)
{
	if (!b->probe_done_at || now <= b->probe_done_at)
		return;
	b->probe_min_at = now;
	restore_cwnd(cc, b);
	reset_short_term(b);
	b->state = QUIC_BBR_STARTUP;
	if (b->full_reached) {
		start_down(cc, b, now);
		b->state = QUIC_BBR_CRUISE;
	}
}

/* CheckProbeRTT, HandleProbeRTT */
static void check_probe_rtt(struct quic_cc *cc, struct quic_bbr *b, u64 in_flight, u64 now)
{
	if (b->state != QUIC_BBR_PROBE_RTT && b->probe_rtt_expired && !b->idle_restart) {
		save_cwnd(cc, b);
		b->state = QUIC_BBR_PROBE_RTT;
		b->probe_done_at = 0;
		b->ack_phase = QUIC_BBR_ACKS_STOPPING;
		quic_cc_bbr_start_round(cc, b);
	}
	b->idle_restart = false;
	if (b->state != QUIC_BBR_PROBE_RTT)
		return;
	quic_delivery_limited(&cc->delivery, in_flight);	/* ignore the low rates */
	if (!b->probe_done_at) {
		if (in_flight > probe_rtt_cwnd(cc, b))
			return;
		b->probe_done_at = now + PROBE_RTT_DURATION;
		b->probe_rtt_round = false;
		quic_cc_bbr_start_round(cc, b);
		return;
	}
	b->probe_rtt_round |= b->round_start;
	if (b->probe_rtt_round)
		probe_rtt_done(cc, b, now);
}

/* --- output --- */

static u64 nominal_rate(const struct quic_cc *cc, const struct quic_rtt *rtt)
{
	u64 v = mul_u64_u64_div_u64(cc->cwnd, NSEC_PER_SEC, max_t(u64, rtt->smoothed, 1));

	return max_t(u64, div_u64(v * pacing_gain[QUIC_BBR_STARTUP], 100), 1);
}

/* SetPacingRateWithGain: 1 % below */
static void set_pacing(struct quic_bbr *b, u32 gain)
{
	u64 rate = div_u64(quic_bbr_bw(b) * gain * 99, 10000);

	if (rate && (b->full_reached || rate > b->pacing))
		b->pacing = rate;
}

/* SetCwnd, BoundCwndForProbeRTT, BoundCwndForModel */
static void set_cwnd(struct quic_cc *cc, struct quic_bbr *b)
{
	u64 most = bdp(cc, b, quic_bbr_bw(b), cwnd_gain[b->state]) + max(b->extra[0], b->extra[1]);
	u64 grown = cc->cwnd + cc->delivery.rs.acked, cap = U64_MAX;

	most = quantize(cc, b, most);
	if (b->full_reached)
		cc->cwnd = min(grown, most);
	else if (cc->cwnd < most || cc->delivery.delivered < initial_cwnd(cc))
		cc->cwnd = grown;
	if (b->state == QUIC_BBR_PROBE_RTT)
		cc->cwnd = min(cc->cwnd, probe_rtt_cwnd(cc, b));
	if (b->state == QUIC_BBR_PROBE_RTT || b->state == QUIC_BBR_CRUISE)
		cap = with_headroom(cc, b);
	else if (quic_bbr_in_probe_bw(b) && b->inflight_long != QUIC_BBR_NONE)
		cap = b->inflight_long;
	if (b->inflight_short != QUIC_BBR_NONE)
		cap = min_t(u64, cap, b->inflight_short);
	cc->cwnd = clamp(min(cc->cwnd, cap), min_pipe(cc), QUIC_CC_CWND_MAX);
}

static void on_ack(struct quic_cc *cc, const struct quic_cc_ack *a, const struct quic_rtt *rtt,
		   u64 now)
{
	struct quic_bbr *b = state(cc);

	if (!b->pacing) {
		b->pacing = nominal_rate(cc, rtt);
		b->extra_from = now;
	}
	quic_cc_bbr_rounds(cc, b);
	quic_cc_bbr_bandwidth(cc, b);
	quic_cc_bbr_aggregation(cc, b, now);
	quic_cc_bbr_check_full(cc, b);
	check_startup(cc, b, a->in_flight_now, now);
	update_cycle(cc, b, a->in_flight_now, now);
	quic_cc_bbr_min_rtt(cc, b, now);
	check_probe_rtt(cc, b, a->in_flight_now, now);
	if (b->loss_round_start) {
		b->bw_latest = cc->delivery.rs.rate;
		b->inflight_latest = cc->delivery.rs.delivered;
	}
	set_pacing(b, pacing_gain[b->state]);
	set_cwnd(cc, b);
}

/* HandleRestartFromIdle; and does the window hold us back? */
static void on_sent(struct quic_cc *cc, u64 bytes, u64 in_flight, u64 now)
{
	struct quic_bbr *b = state(cc);

	if (in_flight + bytes + cc->mss > cc->cwnd)
		b->limited = true;
	if (in_flight || !cc->delivery.limited)
		return;
	b->idle_restart = true;
	b->extra_from = now;
	b->extra_acked = 0;
	if (quic_bbr_in_probe_bw(b))
		set_pacing(b, 100);
	else if (b->state == QUIC_BBR_PROBE_RTT)
		probe_rtt_done(cc, b, now);
}

static u64 rate(const struct quic_cc *cc, const struct quic_rtt *rtt)
{
	const struct quic_bbr *b = (const struct quic_bbr *)cc->priv;

	return b->pacing ?: nominal_rate(cc, rtt);
}

static void init(struct quic_cc *cc)
{
	struct quic_bbr *b = state(cc);

	cc->ssthresh = U64_MAX;
	b->min_rtt = U64_MAX;
	b->round_rtt = U64_MAX;
	b->probe_min_rtt = U64_MAX;
	b->bw_short = U64_MAX;
	b->inflight_short = QUIC_BBR_NONE;
	b->inflight_long = QUIC_BBR_NONE;
	b->up_per_inc = QUIC_BBR_NONE;
	b->undo_state = QUIC_BBR_STATES;
	b->undo_bw_short = U64_MAX;
	b->undo_short = QUIC_BBR_NONE;
	b->undo_long = QUIC_BBR_NONE;
}

const struct quic_cc_ops quic_cc_bbr = {
	.name		= "bbr",
	.id		= 64,		/* QUIC_CONG_ALG_BBR */
	.init		= init,
	.on_sent	= on_sent,
	.on_ack		= on_ack,
	.on_lost	= on_lost,
	.on_congestion	= on_congestion,
	.on_persistent	= on_persistent,
	.undo		= undo,
	.rate		= rate,
};
