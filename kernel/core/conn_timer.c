// SPDX-License-Identifier: GPL-2.0
/*
 * The one deadline of a connection. It is the earliest of:
 *   loss detection and PTO		loss.c
 *   the end of an ACK's delay		conn_rx.c
 *   path validation			path_check.c
 *   pacing, while there is data	pacer.c
 *   MTU probe				pmtu.c
 *   keep-alive and idle timeout	here
 *   being held back by flow control	here
 *   the end of closing or draining	conn_close.c
 *   the end of a server's 0-RTT keys	early.c
 *   another try after memory was short	here
 */
#include "conn.h"
#include "tx.h"

#define RETRY_NS	(2 * NSEC_PER_MSEC)
#define BLOCKED_NS	(10ull * NSEC_PER_SEC)	/* between two frames that say so, at most */

void quic_conn_set_idle(struct quic_conn *c)
{
	u64 timeout = c->idle_timeout;

	/* Whatever was chosen: a handshake that nobody answers ends, as TCP's does. */
	if (c->state == QUIC_CONN_HANDSHAKE && (!timeout || timeout > QUIC_HANDSHAKE_IDLE_NS))
		timeout = QUIC_HANDSHAKE_IDLE_NS;
	c->idle_at = U64_MAX;
	if (timeout)
		c->idle_at = c->last_activity + max(timeout, 3 * quic_loss_pto(&c->loss));
}

void quic_conn_touch_rx(struct quic_conn *c, u64 now)
{
	c->last_activity = now;
	c->eliciting_sent_since_rx = false;
	quic_conn_set_idle(c);
}

void quic_conn_touch_tx(struct quic_conn *c, u64 now)
{
	/* RFC 9000, 10.1: only the first ack-eliciting packet since one was received */
	if (c->eliciting_sent_since_rx)
		return;
	c->eliciting_sent_since_rx = true;
	c->last_activity = now;
	quic_conn_set_idle(c);
}

void quic_conn_set_intervals(struct quic_conn *c, u64 keepalive, u64 pmtu_raise)
{
	if (keepalive)
		c->keepalive = keepalive;
	if (pmtu_raise)
		c->pmtu.interval = pmtu_raise;
}

static u64 keepalive_at(const struct quic_conn *c)
{
	if (!c->keepalive || !c->confirmed)
		return U64_MAX;
	return c->last_activity + c->keepalive;
}

/*
 * RFC 9000, 4.1: one who is held back by flow control with nothing in flight says so from time to
 * time, so that the connection is not taken for idle. Three times before it would be.
 */
static u64 blocked_at(const struct quic_conn *c)
{
	u64 interval = BLOCKED_NS;

	if (c->loss.app.eliciting || likely(!quic_stream_held_back(&c->streams)) ||
	    c->state != QUIC_CONN_ESTABLISHED)
		return U64_MAX;
	if (c->idle_timeout)
		interval = min(interval, div_u64(c->idle_timeout, 3));
	return c->last_activity + max(interval, quic_loss_pto(&c->loss));
}

static bool waits_for_pacer(const struct quic_conn *c, u64 now)
{
	unsigned int i;

	if (!quic_loss_window(&c->loss) || quic_pacer_budget(&c->loss.pacer, c->pmtu.cur, now))
		return false;
	for (i = 0; i < quic_conn_spaces(c); i++)
		if (quic_pending(c, i == QUIC_PNS_APP ? quic_early_level(c) : i))
			return true;
	return false;
}

void quic_conn_retry(struct quic_conn *c, u64 now)
{
	c->retry_at = min(c->retry_at, now + RETRY_NS);
}

u64 quic_conn_deadline(const struct quic_conn *c, u64 now)
{
	u64 at = U64_MAX, paced;
	unsigned int i;

	if (c->state == QUIC_CONN_CLOSED)
		return at;
	if (c->state > QUIC_CONN_ESTABLISHED)
		return min(c->close_until, c->retry_at);
	at = min(quic_loss_deadline(&c->loss, now), c->idle_at);
	for (i = 0; i < quic_conn_spaces(c); i++)
		at = min(at, quic_conn_space(c, i)->ack_deadline);
	at = min(at, keepalive_at(c));
	at = min(at, blocked_at(c));
	at = min(at, c->early.until);
	at = min(at, likely(c->paths.n == 1) ? c->path->at : quic_path_deadline(c));
	/* Without memory nothing leaves: what could go now is tried again then. */
	if (c->retry_at != U64_MAX)
		return min(at, c->retry_at);
	/* What decides costs more than what would be decided: look at that first. */
	if (quic_pmtu_deadline(&c->pmtu) < at)
		at = min(at, quic_tx_probe_at(c));
	paced = quic_pacer_deadline(&c->loss.pacer);
	if (paced > now && paced < at && waits_for_pacer(c, now))
		at = paced;
	return at;
}

/*
 * A PTO fired in a space: what the oldest packets carried goes out again, so that
 * the probe is useful whatever was lost (RFC 9002, 6.2.4). Return: was one of them
 * larger than any path must take?
 */
static bool requeue_oldest(struct quic_conn *c, enum quic_pns pns)
{
	struct quic_sent *sent = &quic_loss_space(&c->loss, pns)->sent;
	unsigned int want = quic_loss_space(&c->loss, pns)->probes, i;
	bool large = false;
	u64 pn;

	for (pn = sent->live; pn < sent->next && want; pn++) {
		struct quic_sent_packet *p = quic_sent_get(sent, pn);

		if (!p || (p->flags & (QUIC_PKT_F_DONE | QUIC_PKT_F_LOST)) ||
		    !(p->flags & QUIC_PKT_F_ELICITING))
			continue;
		for (i = 0; i < p->nframes; i++)
			quic_conn_frame_requeue(c, pns, quic_sent_frame(sent, p, i));
		large |= p->size > QUIC_DGRAM_MIN && !(p->flags & QUIC_PKT_F_MTU_PROBE);
		want--;
	}
	return large;
}

static void loss_timeout(struct quic_conn *c, u64 now)
{
	u32 before = c->loss.pto_count;
	bool large = false;
	unsigned int i;

	quic_loss_timeout(&c->loss, now);
	if (c->loss.pto_count == before)
		return;
	/*
	 * RFC 9002, 6.2.4: 0-RTT data has no timer of its own and shares the ClientHello's, until
	 * the server is heard: acknowledgments will tell then what was lost.
	 */
	if (!c->peer_scid_set && quic_early_level(c) == QUIC_LEVEL_EARLY &&
	    c->loss.app.eliciting)
		c->loss.app.probes = 2;
	for (i = 0; i < quic_conn_spaces(c); i++) {
		u8 *probes = &quic_loss_space(&c->loss, i)->probes;

		/*
		 * The peer cannot acknowledge what fills the window without what was lost of an
		 * earlier level: that goes first, whatever is in flight (RFC 9002, 7).
		 */
		if (!*probes && i != QUIC_PNS_APP && quic_protect_can_send(&c->prot, i) &&
		    quic_pending(c, i))
			*probes = 1;
		if (*probes)
			large |= requeue_oldest(c, i);
	}
	if (large && quic_pmtu_progress(&c->pmtu, false, now))
		quic_cc_set_mss(&c->loss.cc, c->pmtu.cur);
}

void quic_conn_timeout(struct quic_conn *c, u64 now)
{
	unsigned int i;

	if (now >= c->retry_at)
		c->retry_at = U64_MAX;
	if (c->state > QUIC_CONN_ESTABLISHED) {
		if (now >= c->close_until)
			quic_conn_set_closed(c);
		return;
	}
	if (now >= c->idle_at) {
		quic_conn_set_closed(c);
		return;
	}
	for (i = 0; i < quic_conn_spaces(c); i++) {
		struct quic_space *sp = quic_conn_space(c, i);

		if (now >= sp->ack_deadline) {
			sp->ack_deadline = U64_MAX;
			sp->ack_now = true;
		}
	}
	quic_early_timeout(c, now);
	if (now >= blocked_at(c)) {
		c->last_activity = now;
		quic_stream_repeat_blocked(c);
	}
	if (now >= keepalive_at(c)) {
		c->last_activity = now;
		quic_conn_ping(c);
	}
	if (now >= quic_loss_deadline(&c->loss, now))
		loss_timeout(c, now);
	if (now >= quic_path_deadline(c))
		quic_path_timeout(c, now);
}
