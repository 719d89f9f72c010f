// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 9002, 6, 7 and appendix A.
 *
 * Within a space both packet numbers and send times ascend, so the packets that
 * meet either loss threshold are the oldest ones: detection starts at sent.live
 * and stops at the first packet that meets neither, whose time threshold is the
 * space's loss_time. Each packet is passed once.
 *
 * bytes_in_flight and eliciting count packets that are neither LOST nor DONE.
 */
#include "loss.h"

#define PERSISTENT_THRESHOLD	3		/* RFC 9002, 7.6.1 */
#define PTO_SHIFT_MAX		20
#define PTO_PROBES		2
#define LINGER_PTOS		2		/* how long LOST packets wait for a late ACK */
#define IDLE_TRIM		NSEC_PER_SEC	/* rings that ever grew go after this */

void quic_loss_init(struct quic_loss *l, const struct quic_loss_cb *cb,
		    const struct quic_cc_ops *cc, bool server, u32 mss, u64 initial_rtt,
		    struct quic_loss_space *first)
{
	unsigned int i;

	memset(l, 0, sizeof(*l));
	memset(first, 0, QUIC_PNS_EARLY * sizeof(*first));
	l->first = first;
	l->cb = cb;
	l->server = server;
	l->peer_validated = server;
	l->reorder_threshold = QUIC_LOSS_THRESHOLD;
	l->initial_rtt = initial_rtt;
	quic_rtt_init(&l->rtt, initial_rtt);
	quic_cc_init(&l->cc, cc, mss);
	for (i = 0; i < QUIC_PNS_COUNT; i++)
		quic_loss_space(l, i)->largest_acked = -1;
}

void quic_loss_sent(struct quic_loss *l, enum quic_pns pns, u16 size, u8 flags, u64 now)
{
	struct quic_loss_space *sp = quic_loss_space(l, pns);
	struct quic_sent_packet *p;

	if (l->cc.delivery.limited)
		flags |= QUIC_PKT_F_APP_LIMITED;
	p = quic_sent_commit(&sp->sent, now, size, flags);
	p->delivered = quic_delivery_sent(&l->cc.delivery, &p->mark, size, l->bytes_in_flight, now);
	if (flags & QUIC_PKT_F_ECT0)
		quic_ecn_sent(&l->ecn, &sp->ecn);
	if (flags & QUIC_PKT_F_ELICITING) {
		sp->eliciting++;
		sp->last_eliciting = now;
		l->last_progress = now;
		if (sp->probes)
			sp->probes--;
	}
	if (flags & QUIC_PKT_F_IN_FLIGHT) {
		if (l->cc.ops->on_sent)
			l->cc.ops->on_sent(&l->cc, size, l->bytes_in_flight, now);
		l->bytes_in_flight += size;
		l->rescue = false;
	}
}

u64 quic_loss_window(const struct quic_loss *l)
{
	u64 used = l->bytes_in_flight + l->away;
	u64 left = l->cc.cwnd > used ? l->cc.cwnd - used : 0;

	if (left >= l->cc.mss)
		return left;
	return l->rescue ? l->cc.mss : 0;
}

static void settle_frames(struct quic_loss *l, enum quic_pns pns, struct quic_sent_packet *p,
			  void (*fn)(struct quic_loss *l, enum quic_pns pns,
				     const struct quic_sent_frame *f))
{
	struct quic_sent *s = &quic_loss_space(l, pns)->sent;
	unsigned int i, n = p->nframes;

	p->nframes = 0;
	for (i = 0; i < n; i++)
		fn(l, pns, quic_sent_frame(s, p, i));
}

/* @p is neither LOST nor DONE, and about to become one of them. */
static void leave_flight(struct quic_loss *l, struct quic_loss_space *sp,
			 const struct quic_sent_packet *p)
{
	if (p->flags & QUIC_PKT_F_ELICITING)
		sp->eliciting--;
	if (p->flags & QUIC_PKT_F_IN_FLIGHT)
		l->bytes_in_flight -= p->size;
}

static void update_rate(struct quic_loss *l)
{
	/* RFC 9002, 7.7: before the first sample the initial window may leave at once. */
	if (!l->rtt.first_sample_at)
		return;
	quic_pacer_set_rate(&l->pacer, quic_cc_rate(&l->cc, &l->rtt));
	if (!l->bytes_in_flight)
		quic_pacer_rested(&l->pacer, quic_cc_initial_window(l->cc.mss));
}

u64 quic_loss_pto(const struct quic_loss *l)
{
	return quic_rtt_pto(&l->rtt) + l->max_ack_delay;
}

/* Loss detection: RFC 9002, 6.1, A.10, B.8 */

struct lost {
	u64 latest;		/* send time of the last packet lost; 0: none that matters */
	u64 run_start;		/* send time of the first in an unbroken run; 0: none */
	u64 run;		/* longest time between two in a run: RFC 9002, 7.6.2 */
	u64 bytes;
	u64 next;		/* packet number behind the last one lost */
	u32 packets;
};

static void lose_bytes(struct quic_loss *l, const struct quic_sent_packet *p, bool begins_run,
		       u64 now)
{
	struct quic_cc_lost lost = {
		.size = p->size,
		.in_flight = p->mark.in_flight,
		.app_limited = p->flags & QUIC_PKT_F_APP_LIMITED,
		.begins_run = begins_run,
	};

	l->cc.delivery.lost += p->size;
	lost.lost = quic_delivery_lost_since(&l->cc.delivery, &p->mark);
	if (l->cc.ops->on_lost)
		l->cc.ops->on_lost(&l->cc, &lost, now);
	if (p->flags & QUIC_PKT_F_ECT0)
		quic_ecn_lost(&l->ecn);
}

static void lose_packet(struct quic_loss *l, enum quic_pns pns, u64 pn, struct lost *lost,
			u64 now)
{
	struct quic_loss_space *sp = quic_loss_space(l, pns);
	struct quic_sent_packet *p = quic_sent_slot(&sp->sent, pn);

	leave_flight(l, sp, p);
	settle_frames(l, pns, p, l->cb->lost);
	if (!(p->flags & QUIC_PKT_F_IN_FLIGHT) || p->flags & QUIC_PKT_F_MTU_PROBE) {
		quic_sent_done(p, pn + 1);
		if (p->flags & QUIC_PKT_F_MTU_PROBE)
			l->cb->probe(l, p->size, false);
		return;
	}
	lose_bytes(l, p, pn != lost->next, now);
	lost->next = pn + 1;
	p->flags |= QUIC_PKT_F_LOST;
	p->lost_at = now;
	lost->packets++;
	lost->bytes += p->size;
	lost->latest = max(lost->latest, p->time);
	if (!(p->flags & QUIC_PKT_F_ELICITING) || !l->rtt.first_sample_at ||
	    p->time <= l->rtt.first_sample_at)
		return;
	if (!lost->run_start)
		lost->run_start = p->time;
	lost->run = max(lost->run, p->time - lost->run_start);
}

/*
 * The oldest packets that nobody owes an ACK for are given up: an endpoint that
 * only receives sends nothing else for long.
 */
static void drop_unowed(struct quic_loss *l, enum quic_pns pns)
{
	struct quic_sent *s = &quic_loss_space(l, pns)->sent;
	struct lost none = {};

	while (s->live < s->next &&
	       !(quic_sent_slot(s, s->live)->flags & QUIC_PKT_F_IN_FLIGHT)) {
		lose_packet(l, pns, s->live, &none, 0);
		quic_sent_advance(s);
	}
}

int quic_loss_reserve(struct quic_loss *l, enum quic_pns pns, gfp_t gfp)
{
	struct quic_sent *s = &quic_loss_space(l, pns)->sent;

	if (unlikely(quic_sent_packets_full(s)))
		drop_unowed(l, pns);
	return quic_sent_reserve(s, gfp);
}

/*
 * What nobody owes us an ACK for holds up neither the timer nor the ring. The old path may be
 * slower than the new one: what is overtaken there is not lost.
 */
static bool may_be_late(const struct quic_loss *l, const struct quic_loss_space *sp,
			const struct quic_sent_packet *p, u64 pn)
{
	if (unlikely(p->flags & QUIC_PKT_F_OFF_PATH))
		return p->flags & QUIC_PKT_F_ELICITING;
	return (p->flags & QUIC_PKT_F_IN_FLIGHT) &&
	       (u64)sp->largest_acked < pn + l->reorder_threshold;
}

/* From @pn on, which is not DONE */
static void find_lost(struct quic_loss *l, enum quic_pns pns, u64 pn, struct lost *lost, u64 now)
{
	struct quic_loss_space *sp = quic_loss_space(l, pns);
	struct quic_sent *s = &sp->sent;
	u64 delay = quic_loss_delay(l);
	struct quic_sent_packet *p;

	while ((s64)pn <= sp->largest_acked && pn < s->next) {
		p = quic_sent_slot(s, pn);
		if (p->flags & QUIC_PKT_F_DONE) {
			pn = p->skip;
			lost->run_start = 0;
			continue;
		}
		if (p->time + delay > now && may_be_late(l, sp, p, pn)) {
			sp->loss_time = p->time + delay;
			break;
		}
		lose_packet(l, pns, pn++, lost, now);
	}
}

/* Return: true if that is persistent congestion */
static bool lose(struct quic_loss *l, enum quic_pns pns, u64 pn, u64 now)
{
	struct lost lost = {};

	find_lost(l, pns, pn, &lost, now);
	if (!lost.packets)
		return false;
	l->packets_lost += lost.packets;
	l->bytes_lost += lost.bytes;
	quic_loss_congestion(l, lost.latest, lost.packets, now);
	if (lost.run <= PERSISTENT_THRESHOLD * quic_loss_pto(l))
		return false;
	l->cc.ops->on_persistent(&l->cc);
	l->undo_left = 0;
	l->rtt.min = l->rtt.latest;	/* RFC 9002, 5.2 */
	return true;
}

/* Mostly all up to the largest acknowledged is. Return: as lose() */
static bool detect_lost(struct quic_loss *l, enum quic_pns pns, u64 now)
{
	struct quic_loss_space *sp = quic_loss_space(l, pns);
	const struct quic_sent_packet *p;
	u64 pn = sp->sent.live;

	sp->loss_time = 0;
	while ((s64)pn <= sp->largest_acked && pn < sp->sent.next) {
		p = quic_sent_slot(&sp->sent, pn);
		if (!(p->flags & QUIC_PKT_F_DONE))
			return lose(l, pns, pn, now);
		pn = p->skip;
	}
	return false;
}

/* Acknowledgments: RFC 9002, A.7 */

struct acked {
	u64 now;
	u64 largest;		/* the frame's */
	u64 reduced_at;		/* start of the recovery before this frame */
	u64 bytes;		/* newly acked, in flight */
	u64 grown;		/* of these, sent after reduced_at */
	u64 latest;		/* send time of the last one sent */
	u64 rtt_from;		/* when the frame's largest was sent; 0: not newly acked */
	u32 packets;
	u32 eliciting;		/* of these */
	u32 ect;		/* that left with ECT(0) */
	bool late;		/* some had been declared lost */
};

static void ack_packet(struct quic_loss *l, enum quic_pns pns, u64 pn,
		       struct quic_sent_packet *p, struct acked *a)
{
	u32 size = p->flags & QUIC_PKT_F_IN_FLIGHT ? p->size : 0;

	if (unlikely(p->flags & QUIC_PKT_F_LOST)) {
		l->cc.delivery.delivered += size;
		a->late = true;
		quic_loss_late(l, pns, pn, a->largest, a->now);
		return;
	}
	if (size)
		quic_delivery_acked(&l->cc.delivery, &p->mark, p->delivered, p->time, size,
				    p->flags & QUIC_PKT_F_APP_LIMITED, a->now);
	a->packets++;
	a->bytes += size;
	a->latest = max(a->latest, p->time);
	if (p->time > a->reduced_at)
		a->grown += size;
	if ((p->flags & (QUIC_PKT_F_ECT0 | QUIC_PKT_F_OFF_PATH)) == QUIC_PKT_F_ECT0)
		a->ect++;
	if (p->flags & QUIC_PKT_F_ELICITING)
		a->eliciting++;
	settle_frames(l, pns, p, l->cb->acked);
	if (unlikely(p->flags & QUIC_PKT_F_MTU_PROBE))
		l->cb->probe(l, p->size, true);
}

/* Acknowledge [pn, end), which was sent; the part below first is long settled. */
static void ack_range(struct quic_loss *l, enum quic_pns pns, u64 pn, u64 end, struct acked *a)
{
	struct quic_sent *s = &quic_loss_space(l, pns)->sent;
	struct quic_sent_packet *p;

	pn = max(pn, s->first);
	while (pn < end) {
		p = quic_sent_slot(s, pn);
		if (p->flags & QUIC_PKT_F_DONE) {
			pn = quic_sent_seek(s, pn);
			continue;
		}
		ack_packet(l, pns, pn, p, a);
		quic_sent_done(p, end);
		pn++;
	}
}

/* Tell congestion control. @in_flight: before this ACK and the losses it revealed */
static void grow(struct quic_loss *l, const struct acked *a, u64 in_flight)
{
	struct quic_cc_ack ack = {
		.bytes = a->grown,
		.largest_time = a->latest,
		.in_flight = in_flight,
		.in_flight_now = l->bytes_in_flight,
	};

	/*
	 * A slow start that used half the window is validated (RFC 9002, 7.8; RFC 7661,
	 * 4.3): an application that writes in pieces is not held back by its gaps.
	 */
	ack.app_limited = l->app_limited &&
			  !(quic_cc_slow_start(&l->cc) && 2 * in_flight >= l->cc.cwnd);
	l->cc.ops->on_ack(&l->cc, &ack, &l->rtt, a->now);
}

static void on_newly_acked(struct quic_loss *l, enum quic_pns pns, struct quic_loss_space *sp,
			   const struct quic_frame_ack *ack, struct acked *a, u64 delay)
{
	bool raised = (s64)ack->largest > sp->largest_acked;
	u64 in_flight = l->bytes_in_flight;

	l->bytes_in_flight -= a->bytes;
	sp->eliciting -= a->eliciting;
	sp->largest_acked = max_t(s64, sp->largest_acked, ack->largest);
	if (a->rtt_from && a->eliciting) {
		/* RFC 9002, 5.3 */
		if (l->confirmed)
			delay = min(delay, l->max_ack_delay);
		quic_rtt_update(&l->rtt, a->now - a->rtt_from, delay, a->now);
	}
	quic_delivery_end(&l->cc.delivery, l->rtt.min, a->now);
	/* RFC 9002, B.7 */
	if (raised && quic_ecn_acked(&l->ecn, &sp->ecn, ack, a->ect))
		quic_loss_congestion(l, a->rtt_from, 0, a->now);
	if (!detect_lost(l, pns, a->now) && a->bytes)
		grow(l, a, in_flight);
	if (pns == QUIC_PNS_HANDSHAKE)
		l->peer_validated = true;
	else if (pns == QUIC_PNS_APP)
		l->early = false;
	if (l->peer_validated)
		l->pto_count = 0;
	sp->probes = 0;
	l->last_progress = a->now;
}

int quic_loss_on_ack(struct quic_loss *l, enum quic_pns pns, const struct quic_frame_ack *ack,
		     u64 delay, u64 now)
{
	struct acked a = {
		.largest = ack->largest,
		.reduced_at = l->cc.recovery_start,
	};
	struct quic_loss_space *sp;
	struct quic_sent_packet *p;
	struct quic_ack_iter it;
	struct quic_sent *s;

	if (quic_loss_discarded(l, pns))
		return 0;
	sp = quic_loss_space(l, pns);
	s = &sp->sent;
	if (ack->largest >= s->next)
		return -EPROTO;
	p = quic_sent_get(s, ack->largest);
	/* One that waited for its keys came earlier (quic_rx_replay): time does not go back. */
	now = max(now, l->last_progress);
	if (p)
		now = max(now, p->time);
	a.now = now;
	if (p && !(p->flags & (QUIC_PKT_F_DONE | QUIC_PKT_F_LOST | QUIC_PKT_F_OFF_PATH)))
		a.rtt_from = p->time;
	quic_delivery_begin(&l->cc.delivery);
	quic_ack_iter_init(&it, ack);
	do {
		ack_range(l, pns, it.r.start, it.r.end, &a);
	} while (it.r.start > s->first && quic_ack_iter_next(&it));
	if (!a.packets && !a.late)
		return 0;
	if (a.packets)
		on_newly_acked(l, pns, sp, ack, &a, delay);
	quic_sent_expire(s, now - min(now, LINGER_PTOS * quic_loss_pto(l)));
	update_rate(l);
	return 0;
}

/* Timer: RFC 9002, A.8, A.9 */

static u64 first_loss_time(const struct quic_loss *l)
{
	u64 t = U64_MAX;
	unsigned int i;

	if (likely(!l->first))
		return l->app.loss_time ?: U64_MAX;
	for (i = 0; i < quic_loss_spaces(l); i++)
		if (quic_loss_space(l, i)->loss_time)
			t = min(t, quic_loss_space(l, i)->loss_time);
	return t;
}

/* When the PTO fires, and for which space; U64_MAX: it is not armed. */
static u64 pto_time(const struct quic_loss *l, enum quic_pns *pns)
{
	static const u8 order[] = { QUIC_PNS_INITIAL, QUIC_PNS_HANDSHAKE, QUIC_PNS_APP };
	unsigned int i, shift = min_t(u32, l->pto_count, PTO_SHIFT_MAX);
	u64 period = quic_rtt_pto(&l->rtt) << shift, t = U64_MAX, end;

	/* With every packet: only one space is left. */
	if (likely(!l->first && l->confirmed)) {
		*pns = QUIC_PNS_APP;
		return l->app.eliciting ? l->app.last_eliciting + period +
					  ((u64)l->max_ack_delay << shift) : U64_MAX;
	}
	for (i = ARRAY_SIZE(order) - quic_loss_spaces(l); i < ARRAY_SIZE(order); i++) {
		const struct quic_loss_space *sp = quic_loss_space(l, order[i]);

		end = sp->last_eliciting + period;
		if (order[i] == QUIC_PNS_APP) {
			if (!l->confirmed)
				break;
			end += l->max_ack_delay << shift;
		}
		if (sp->eliciting && end < t) {
			t = end;
			*pns = order[i];
		}
	}
	/*
	 * RFC 9002, 6.2.2.1: a client has to unblock the server even with nothing in flight. And
	 * itself, when 0-RTT packets fill the window in front of what the handshake has to say; so
	 * has a server, whose 1-RTT packets nobody acknowledges before lost TLS bytes are repeated.
	 */
	if (t == U64_MAX && (!l->peer_validated || l->early || l->crypto_lost) && !l->confirmed &&
	    l->last_progress) {
		t = l->last_progress + period;
		*pns = l->has_handshake_keys ? QUIC_PNS_HANDSHAKE : QUIC_PNS_INITIAL;
	}
	return t;
}

/* With nothing in flight for a while, what a busy time allocated is given back. */
static u64 trim_time(const struct quic_loss *l)
{
	unsigned int i;

	if (l->bytes_in_flight)
		return U64_MAX;
	for (i = 0; i < quic_loss_spaces(l); i++)
		if (quic_sent_large(&quic_loss_space(l, i)->sent))
			return l->last_progress + IDLE_TRIM;
	return U64_MAX;
}

static void trim(struct quic_loss *l, u64 now)
{
	unsigned int i;

	for (i = 0; i < quic_loss_spaces(l); i++) {
		drop_unowed(l, i);
		quic_sent_trim(&quic_loss_space(l, i)->sent);
	}
	l->last_progress = now;
}

void quic_loss_rest(struct quic_loss *l)
{
	unsigned int i;

	for (i = 0; i < quic_loss_spaces(l); i++) {
		drop_unowed(l, i);
		quic_sent_rest(&quic_loss_space(l, i)->sent);
	}
}

u64 quic_loss_deadline(const struct quic_loss *l, u64 now)
{
	u64 t = first_loss_time(l), away = l->away ? l->away_until : U64_MAX;
	enum quic_pns pns;

	if (t == U64_MAX && !(l->server && l->at_amp_limit)) {
		t = pto_time(l, &pns);
		if (t == U64_MAX)
			t = trim_time(l);
	}
	return min(t, away);
}

/* The next PTO counts from here, should the probes not get away. */
static void probe(struct quic_loss *l, enum quic_pns pns, u64 now)
{
	unsigned int i;

	for (i = 0; i < quic_loss_spaces(l); i++) {
		struct quic_loss_space *sp = quic_loss_space(l, i);
		u8 n = i == pns ? PTO_PROBES : 1;

		if (!sp->eliciting)
			continue;
		sp->probes = max(sp->probes, n);
		sp->last_eliciting = now;
	}
	quic_loss_space(l, pns)->probes = max_t(u8, quic_loss_space(l, pns)->probes, 1);
	l->pto_count++;
	quic_ecn_pto(&l->ecn);
	l->last_progress = now;
}

void quic_loss_timeout(struct quic_loss *l, u64 now)
{
	u64 t = first_loss_time(l);
	enum quic_pns pns;
	unsigned int i;

	if (now >= l->away_until)
		l->away = 0;
	if (t != U64_MAX) {
		if (t > now)
			return;
		for (i = 0; i < quic_loss_spaces(l); i++) {
			struct quic_loss_space *sp = quic_loss_space(l, i);

			if (!sp->loss_time || sp->loss_time > now)
				continue;
			detect_lost(l, i, now);
			quic_sent_advance(&sp->sent);
		}
		update_rate(l);
		return;
	}
	if (l->server && l->at_amp_limit)
		return;
	if (pto_time(l, &pns) <= now)
		probe(l, pns, now);
	else if (trim_time(l) <= now)
		trim(l, now);
}

/* Discarding: RFC 9002, 6.4, A.11 */

void quic_loss_forget(struct quic_loss *l, enum quic_pns pns)
{
	struct quic_loss_space *sp = quic_loss_space(l, pns);
	struct quic_sent *s = &sp->sent;
	struct quic_sent_packet *p;
	u64 pn;

	quic_sent_cancel(s);
	for (pn = quic_sent_seek(s, s->first); pn < s->next; pn = quic_sent_seek(s, pn + 1)) {
		p = quic_sent_slot(s, pn);
		if (!(p->flags & QUIC_PKT_F_LOST))
			leave_flight(l, sp, p);
		settle_frames(l, pns, p, l->cb->lost);
	}
	quic_sent_clear(s);
	sp->loss_time = 0;
	sp->last_eliciting = 0;
	sp->probes = 0;
	l->pto_count = 0;
}

void quic_loss_discard(struct quic_loss *l, enum quic_pns pns)
{
	if (quic_loss_discarded(l, pns))
		return;
	quic_loss_space(l, pns)->discarded = true;
	quic_loss_forget(l, pns);
	quic_sent_free(&quic_loss_space(l, pns)->sent);
}

void quic_loss_end_first(struct quic_loss *l)
{
	quic_loss_discard(l, QUIC_PNS_INITIAL);
	quic_loss_discard(l, QUIC_PNS_HANDSHAKE);
	l->first = NULL;
}

void quic_loss_free(struct quic_loss *l)
{
	quic_loss_end_first(l);
	quic_loss_discard(l, QUIC_PNS_APP);
}
