// SPDX-License-Identifier: GPL-2.0
/*
 * Packets declared lost that arrive after all: what the thresholds learn from them, and when a
 * reduction of the window is taken back: once all of its losses have turned out so.
 */
#include "loss.h"

#define REORDER_MAX		128u		/* or the packets in flight, if more */
#define REORDER_FORGET		16		/* reductions, as RFC 8985, 6.2 */

void quic_loss_congestion(struct quic_loss *l, u64 sent_time, u32 packets, u64 now)
{
	u64 before = l->cc.recovery_start;

	l->cc.ops->on_congestion(&l->cc, sent_time, now);
	if (l->cc.recovery_start != before) {
		l->rescue = true;
		l->undo_left = packets;
		if (++l->reorder_calm >= REORDER_FORGET) {
			l->reorder_calm = 0;
			l->reorder_threshold = QUIC_LOSS_THRESHOLD;
			l->reorder_window = 0;
		}
	} else if (!packets) {
		l->undo_left = 0;	/* marked while in recovery: that was real */
	} else if (l->undo_left) {
		l->undo_left += packets;
	}
}

/*
 * Each threshold learns only if it was the one to blame; the time one up to where a PTO would
 * probe anyway.
 */
void quic_loss_late(struct quic_loss *l, enum quic_pns pns, u64 pn, u64 largest, u64 now)
{
	const struct quic_sent *s = &quic_loss_space(l, pns)->sent;
	const struct quic_sent_packet *p = quic_sent_slot(s, pn);
	u64 rtt = max(l->rtt.latest, l->rtt.smoothed), limit = max(2 * rtt, quic_loss_pto(l));
	u64 took = now - p->time, far = largest - pn + 1;

	l->packets_spurious++;
	l->reorder_calm = 0;
	if (far > l->reorder_threshold) {
		far = min_t(u64, far, max_t(u64, REORDER_MAX, s->next - s->live));
		l->reorder_threshold = max_t(u32, l->reorder_threshold, far);
	}
	if (took > quic_loss_delay(l))
		l->reorder_window = max(l->reorder_window, min(took + took / 8, limit) - rtt);
	/* Does it belong to the last reduction? */
	if (l->undo_left && p->lost_at >= l->cc.recovery_start && !--l->undo_left) {
		l->cc.ops->undo(&l->cc);
		l->rescue = false;
	}
}
