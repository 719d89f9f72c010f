// SPDX-License-Identifier: GPL-2.0
/*
 * Loss detection and congestion control when another path comes into use
 * (RFC 9000, 9.4). What is out stays out: it can still be acknowledged, or be
 * lost and sent again. But it leaves bytes_in_flight, and tells nothing of the
 * new path any more: neither RTT nor congestion.
 *
 * To leave is free once a PTO. A peer that goes to and fro more often would get a whole window
 * each time, however full the network is: what it leaves behind from the second time on counts
 * against the window until that PTO is over.
 */
#include "loss.h"

static void note_away(struct quic_loss *l, u64 now)
{
	if (now < l->away_until) {
		l->away += l->bytes_in_flight;
		return;
	}
	l->away = 0;
	l->away_until = now + quic_loss_pto(l);
}

void quic_loss_leave(struct quic_loss *l, u64 now)
{
	struct quic_sent *s = &l->app.sent;
	struct quic_sent_packet *p;
	u64 pn;

	note_away(l, now);
	for (pn = quic_sent_seek(s, s->first); pn < s->next; pn = quic_sent_seek(s, pn + 1)) {
		p = quic_sent_slot(s, pn);
		if (p->flags & QUIC_PKT_F_LOST) {
			quic_sent_done(p, pn + 1);
			continue;
		}
		if (p->flags & QUIC_PKT_F_IN_FLIGHT)
			l->bytes_in_flight -= p->size;
		p->flags &= ~(QUIC_PKT_F_IN_FLIGHT | QUIC_PKT_F_MTU_PROBE);
		p->flags |= QUIC_PKT_F_OFF_PATH;
	}
	quic_sent_advance(s);
	l->undo_left = 0;
	l->rescue = false;
	l->pto_count = 0;
	l->last_progress = now;
}

void quic_loss_save(const struct quic_loss *l, struct quic_loss_est *e)
{
	e->rtt = l->rtt;
	e->cc = l->cc;
	e->pacer = l->pacer;
	e->reorder_threshold = l->reorder_threshold;
	e->reorder_window = l->reorder_window;
	e->ecn = l->ecn;
}

void quic_loss_load(struct quic_loss *l, const struct quic_loss_est *e)
{
	const struct quic_cc_ops *ops = l->cc.ops;

	if (e) {
		l->rtt = e->rtt;
		l->cc = e->cc;
		l->pacer = e->pacer;
		l->reorder_threshold = e->reorder_threshold;
		l->reorder_window = e->reorder_window;
		l->ecn = e->ecn;
		/* Chosen meanwhile */
		if (l->cc.ops != ops)
			quic_cc_switch(&l->cc, ops);
	} else {
		quic_rtt_init(&l->rtt, l->initial_rtt);
		memset(&l->pacer, 0, sizeof(l->pacer));
		l->reorder_threshold = QUIC_LOSS_THRESHOLD;
		l->reorder_window = 0;
		memset(&l->ecn, 0, sizeof(l->ecn));	/* validated anew: RFC 9000, 9.4 */
		memset(&l->cc.delivery, 0, sizeof(l->cc.delivery));
	}
	l->reorder_calm = 0;
}
