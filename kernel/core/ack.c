// SPDX-License-Identifier: GPL-2.0
/*
 * ACK policy. Of the application's packets every second one is acknowledged, or as the peer
 * asked, decided once a train; those out of order and of the handshake are at once.
 *
 * Our own wish follows the window: 16 ACKs a window are plenty (HyStart++ wants 8 samples:
 * RFC 9406, 4.3), so a large one asks for fewer; and where the round trip is short against the
 * peer's max_ack_delay, for earlier ones. It travels with data, at most once a round trip, and
 * one at a time.
 */
#include "conn.h"

#define WINDOW_ACKS	16	/* ACKs a congestion window, once it has twice as many packets */
#define THRESHOLD_MAX	64	/* packets: as a train is acknowledged anyway */
#define RTT_DELAYS	4	/* ACK delays in a round trip */
#define REORDER_MAX	1024
#define RANGES_UNTOLD	(QUIC_ACK_RANGES_MAX / 2)	/* none is forgotten before it was told */

void quic_ack_init(struct quic_conn *c)
{
	memset(&c->ack, 0, sizeof(c->ack));
	c->ack.threshold = 1;
	c->ack.reorder = 1;
	c->ack.tx_threshold = 1;
	c->ack.tx_reorder = 1;
}

/* --- our ACKs --- */

static u64 max_delay(const struct quic_conn *c)
{
	return c->ack.asked ? c->ack.max_delay : c->local.max_ack_delay;
}

/*
 * draft-ietf-quic-ack-frequency, 6.2: does @pn complete a gap as large as the peer takes for a
 * loss, or has it come after it was taken for lost?
 */
static bool reordered(const struct quic_conn *c, const struct quic_space *sp, u64 pn)
{
	u64 window = c->ack.reorder, from = sp->ack_floor;
	struct quic_range gap;

	if (!window)
		return false;
	if (sp->acked >= 0 && (u64)sp->acked >= window) {
		if (pn <= (u64)sp->acked - window)
			return true;
		from = max(from, (u64)sp->acked - window + 1);
	}
	/* Nothing is missing from there on: as a rule. */
	if (likely(sp->rcvd.n && sp->rcvd.r[sp->rcvd.n - 1].start <= from))
		return false;
	return quic_ranges_gap(&sp->rcvd, from, sp->largest_eliciting, &gap) &&
	       sp->largest_eliciting - gap.start >= window;
}

/*
 * The draft's 6.1: no ACK left for a round trip. One shorter than clocks are fine (RFC 9002, 6.1.2)
 * is no pause: each message would get an ACK of its own instead of one with the answer.
 */
static bool paused(const struct quic_conn *c, const struct quic_space *sp, u64 now)
{
	return now - sp->ack_sent_at > max_t(u64, c->loss.rtt.smoothed, QUIC_RTT_GRANULARITY);
}

static void note_ecn(struct quic_conn *c, struct quic_space *sp, u8 ecn, bool eliciting)
{
	bool ce = ecn == 3;

	if (ecn)
		sp->ecn[ecn == 2 ? 0 : ecn == 1 ? 1 : 2]++;
	/* RFC 9000, 13.2.1; the draft's 6.4: with fewer ACKs only the first in a row */
	if (ce && eliciting && (c->ack.threshold <= 1 || !sp->ce_last))
		sp->ack_now = true;
	sp->ce_last = ce;
	sp->ecn_last = ecn;
}

void quic_ack_packet(struct quic_conn *c, const struct quic_rx_info *pkt, bool eliciting, u64 now)
{
	struct quic_space *sp = quic_conn_space(c, quic_level_pns(pkt->level));
	bool ordered = (s64)pkt->pn == sp->largest + 1;
	bool app = quic_level_pns(pkt->level) == QUIC_PNS_APP;

	if ((s64)pkt->pn > sp->largest) {
		sp->largest = pkt->pn;
		sp->largest_time = now;
	}
	note_ecn(c, sp, pkt->ecn, eliciting);
	if (!eliciting)
		return;
	sp->largest_eliciting = max(sp->largest_eliciting, pkt->pn);
	sp->eliciting++;
	/* RFC 9000, 13.2.1: out of order, or during the handshake: at once */
	if (!app || (c->ack.reorder == 1 && !ordered) ||
	    (c->ack.reorder != 1 && reordered(c, sp, pkt->pn)))
		sp->ack_now = true;
	/* And the draft's 6: ranges are told before they are forgotten */
	if (c->ack.asked && (paused(c, sp, now) || sp->rcvd.n > RANGES_UNTOLD))
		sp->ack_now = true;
	if (sp->ack_deadline == U64_MAX)
		sp->ack_deadline = now + (app ? max_delay(c) : c->local.max_ack_delay);
}

bool quic_ack_next(struct quic_conn *c, const struct quic_rx_info *pkt, u64 now)
{
	struct quic_space *sp = &c->app;
	struct quic_range *r;

	/* The one before it came with the same train and settled all that is the same for both. */
	if (sp->largest + 1 != (s64)pkt->pn || !sp->rcvd.n || sp->largest_time != now ||
	    sp->largest_eliciting + 1 != pkt->pn || sp->ack_deadline == U64_MAX ||
	    pkt->ecn != sp->ecn_last || pkt->ecn == 3 || !c->confirmed ||
	    c->last_activity != now || c->eliciting_sent_since_rx ||
	    c->paths.rx != c->path || c->paths.largest != sp->largest)
		return false;
	r = &sp->rcvd.r[sp->rcvd.n - 1];
	if (r->end != pkt->pn)
		return false;
	/* See reordered(): nothing is missing that a further packet may make a loss. */
	if (c->ack.reorder > 1 && r->start > sp->ack_floor &&
	    (s64)(r->start + c->ack.reorder) > sp->acked + 1)
		return false;
	r->end++;
	sp->largest = pkt->pn;
	sp->largest_eliciting = pkt->pn;
	sp->eliciting++;
	c->paths.largest = pkt->pn;
	if (pkt->ecn)
		sp->ecn[pkt->ecn == 2 ? 0 : 1]++;
	return true;
}

void quic_ack_train(struct quic_conn *c)
{
	struct quic_space *sp = &c->app;

	/* RFC 9000, 13.2.2: at least every second packet; or as the peer asked */
	if (sp->eliciting > c->ack.threshold)
		sp->ack_now = true;
}

void quic_ack_sent(struct quic_space *sp, u64 now)
{
	sp->ack_now = false;
	sp->eliciting = 0;
	sp->ack_deadline = U64_MAX;
	sp->acked = sp->largest;
	sp->ack_sent_at = now;
}

u64 quic_ack_rx_frequency(struct quic_conn *c, const struct quic_frame *f)
{
	struct quic_ack *a = &c->ack;
	u64 us = f->ack_freq.delay;

	/* draft-ietf-quic-ack-frequency, 4 */
	if (us >= QUIC_ACK_DELAY_LIMIT / NSEC_PER_USEC ||
	    us * NSEC_PER_USEC < c->local.min_ack_delay)
		return QUIC_ERR_PROTOCOL_VIOLATION;
	if (a->asked && f->ack_freq.seq <= a->rx_seq)
		return 0;
	a->asked = true;
	a->rx_seq = f->ack_freq.seq;
	a->threshold = f->ack_freq.threshold;
	a->max_delay = us * NSEC_PER_USEC;
	a->reorder = f->ack_freq.reorder;
	return 0;
}

/* --- the peer's --- */

static u64 want_threshold(const struct quic_conn *c)
{
	u64 packets = div64_u64(c->loss.cc.cwnd, c->loss.cc.mss);

	return packets < 2 * WINDOW_ACKS ? 1 : min_t(u64, packets / WINDOW_ACKS, THRESHOLD_MAX);
}

static u64 want_delay(const struct quic_conn *c)
{
	const struct quic_terms *tp = &c->remote;
	u64 ns = max_t(u64, c->loss.rtt.smoothed / RTT_DELAYS, NSEC_PER_MSEC);

	ns = div_u64(ns, NSEC_PER_USEC) * NSEC_PER_USEC;	/* as it is told */
	return min(max(ns, tp->min_ack_delay), tp->max_ack_delay);
}

/* 6.2 and 8: told later than we would take it for a loss it would come too late. */
static u64 want_reorder(const struct quic_conn *c)
{
	return want_threshold(c) == 1 ? 1 : min_t(u64, c->loss.reorder_threshold, REORDER_MAX);
}

/* Twice or half is a difference. */
static bool differs(u64 is, u64 want)
{
	return want >= 2 * is || 2 * want <= is;
}

void quic_ack_ask(struct quic_conn *c, u64 now)
{
	struct quic_ack *a = &c->ack;
	u64 threshold, delay, is_delay;
	bool collapsed;

	if (!c->remote.has_min_ack_delay || !c->confirmed || a->out || a->wanted)
		return;
	threshold = want_threshold(c);
	delay = want_delay(c);
	is_delay = a->tx_seq ? a->tx_delay : c->remote.max_ack_delay;
	/* A window that fell below what is asked for would wait for the delay each time. */
	collapsed = 2 * threshold <= a->tx_threshold;
	if (a->tx_seq && !collapsed && now - a->tx_at < c->loss.rtt.smoothed)
		return;
	a->wanted = collapsed || differs(a->tx_threshold, threshold) ||
		    (delay != is_delay && differs(is_delay, delay)) ||
		    (threshold > 1 && a->tx_reorder != want_reorder(c));
}

u8 *quic_ack_put(struct quic_conn *c, u8 *p, const u8 *end, u64 now)
{
	struct quic_ack *a = &c->ack;
	u64 delay = want_delay(c);

	p = quic_frame_put_ack_freq(p, end, a->tx_seq, want_threshold(c),
				    div_u64(delay, NSEC_PER_USEC), want_reorder(c));
	if (!p)
		return NULL;
	a->tx_seq++;
	a->tx_at = now;
	a->tx_threshold = want_threshold(c);
	a->tx_reorder = want_reorder(c);
	a->tx_delay = delay;
	a->wanted = false;
	a->out = true;
	/* 7: until it is known to have come, the longer of both counts */
	c->loss.max_ack_delay = max(c->loss.max_ack_delay, delay);
	return p;
}

void quic_ack_put_acked(struct quic_conn *c, u64 seq)
{
	if (seq + 1 != c->ack.tx_seq)
		return;
	c->ack.out = false;
	c->loss.max_ack_delay = c->ack.tx_delay;
}

void quic_ack_put_lost(struct quic_conn *c, u64 seq)
{
	if (seq + 1 != c->ack.tx_seq || !c->ack.out)
		return;
	c->ack.out = false;
	c->ack.wanted = true;
}
