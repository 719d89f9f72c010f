// SPDX-License-Identifier: GPL-2.0
/*
 * BBRv3's model of the path, from delivery rate samples (draft-ietf-ccwg-bbr, "Updating Network
 * Path Model Parameters").
 *
 * Where we leave the draft: it takes every loss for congestion, so that beyond its threshold of
 * 2 % at random, or after long cruising below it, little is left of the bandwidth. A round whose
 * shortest RTT shows no queue did not lose what it lost by what we had in flight: up to a tenth
 * and two datagrams such losses lower no bound, and their share and one datagram, which may be a
 * tenth of a small window, are added to the threshold.
 */
#include "cc_bbr.h"

#define MIN_RTT_WINDOW		(10ull * NSEC_PER_SEC)
#define PROBE_RTT_INTERVAL	(5ull * NSEC_PER_SEC)
#define NOISE_SHIFT		16
#define NOISE_MAX		(BIT_ULL(NOISE_SHIFT) / 10)
#define EXTRA_ROUNDS		5	/* half the window of extra_acked */

/* IsInflightTooHigh; what is lost without a queue, too, does not count */
bool quic_cc_bbr_loss_too_high(const struct quic_cc *cc, const struct quic_bbr *b, u64 lost,
			       u64 in_flight)
{
	u64 noise = (in_flight * b->noise >> NOISE_SHIFT) * 3 / 2 + cc->mss;

	return lost > noise && (lost - noise) * QUIC_BBR_LOSS_THRESH > in_flight;
}

static void note_noise(const struct quic_cc *cc, struct quic_bbr *b)
{
	const struct quic_delivery_sample *rs = &cc->delivery.rs;
	u64 share = div_u64((u64)rs->lost << NOISE_SHIFT, max_t(u32, rs->in_flight, 1));
	u64 datagram = div64_u64((u64)cc->mss * NSEC_PER_SEC,
				 max_t(u64, quic_bbr_max_bw(b), 1));	/* its time on the link */

	b->no_queue = b->round_rtt <= b->min_rtt + b->min_rtt / 8 + datagram &&
		      rs->lost <= (rs->in_flight * NOISE_MAX >> NOISE_SHIFT) + 2 * cc->mss;
	b->round_rtt = U64_MAX;
	if (b->no_queue && !quic_bbr_probing(b))
		b->noise = (7 * (u64)b->noise + share) / 8;
}

/* UpdateLatestDeliverySignals, UpdateRound */
void quic_cc_bbr_rounds(struct quic_cc *cc, struct quic_bbr *b)
{
	const struct quic_delivery_sample *rs = &cc->delivery.rs;

	b->round_rtt = min(b->round_rtt, rs->rtt);
	b->bw_latest = max(b->bw_latest, rs->rate);
	b->inflight_latest = max_t(u64, b->inflight_latest, rs->delivered);
	b->loss_round_start = rs->prior >= b->loss_round_end;
	if (b->loss_round_start)
		b->loss_round_end = cc->delivery.delivered;
	b->round_start = rs->prior >= b->round_end;
	if (!b->round_start)
		return;
	note_noise(cc, b);
	quic_cc_bbr_start_round(cc, b);
	b->rounds++;
	b->rounds_since_probe++;
	b->limited_before = b->limited;
	b->limited = false;
}

/* UpdateMaxBw, AdaptLowerBoundsFromCongestion */
void quic_cc_bbr_bandwidth(struct quic_cc *cc, struct quic_bbr *b)
{
	const struct quic_delivery_sample *rs = &cc->delivery.rs;

	if (rs->rate && (rs->rate >= quic_bbr_max_bw(b) || !rs->limited))
		b->bw_max[1] = max(b->bw_max[1], rs->rate);
	if (!b->loss_round_start)
		return;
	if (b->loss_in_round && !quic_bbr_probing(b) && !b->no_queue) {
		if (b->bw_short == U64_MAX)
			b->bw_short = quic_bbr_max_bw(b);
		if (b->inflight_short == QUIC_BBR_NONE)
			b->inflight_short = cc->cwnd;
		b->bw_short = max(b->bw_latest, div_u64(b->bw_short, 10) * 7);
		b->inflight_short = max_t(u64, b->inflight_latest,
					  div_u64(b->inflight_short * 7ull, 10));
	}
	b->loss_in_round = false;
}

/* UpdateACKAggregation */
void quic_cc_bbr_aggregation(struct quic_cc *cc, struct quic_bbr *b, u64 now)
{
	u64 expected = mul_u64_u64_div_u64(quic_bbr_bw(b), now - b->extra_from, NSEC_PER_SEC);
	u64 extra;

	if (b->extra_acked <= expected) {
		b->extra_acked = 0;
		b->extra_from = now;
		expected = 0;
	}
	b->extra_acked += cc->delivery.rs.acked;
	extra = min(b->extra_acked - expected, cc->cwnd);
	if (b->round_start && ++b->extra_rounds >= (b->full_reached ? EXTRA_ROUNDS : 1)) {
		b->extra_rounds = 0;
		b->extra[0] = b->extra[1];
		b->extra[1] = 0;
	}
	b->extra[1] = max_t(u64, b->extra[1], extra);
}

/* CheckFullBWReached */
void quic_cc_bbr_check_full(const struct quic_cc *cc, struct quic_bbr *b)
{
	const struct quic_delivery_sample *rs = &cc->delivery.rs;

	if (b->full_now || !b->round_start || rs->limited)
		return;
	if (rs->rate >= b->full_bw + b->full_bw / 4) {
		quic_cc_bbr_reset_full(b, rs->rate);
		return;
	}
	b->full_now = ++b->full_count >= 3;
	b->full_reached |= b->full_now;
}

void quic_cc_bbr_min_rtt(const struct quic_cc *cc, struct quic_bbr *b, u64 now)
{
	u64 rtt = max_t(u64, cc->delivery.rs.rtt, 1);

	b->probe_rtt_expired = b->probe_min_at && now > b->probe_min_at + PROBE_RTT_INTERVAL;
	if (rtt < b->probe_min_rtt || b->probe_rtt_expired) {
		b->probe_min_rtt = rtt;
		b->probe_min_at = now;
	}
	if (b->probe_min_rtt < b->min_rtt || now > b->min_rtt_at + MIN_RTT_WINDOW) {
		b->min_rtt = b->probe_min_rtt;
		b->min_rtt_at = b->probe_min_at;
	}
}
