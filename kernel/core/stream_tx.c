// SPDX-License-Identifier: GPL-2.0
/*
 * The sending part of a stream (RFC 9000, 3.1): what to send next, what came
 * through, what was lost.
 *
 * Invariant: acked <= next <= written; lost ranges lie in [acked, next) and
 * hold nothing acknowledged; new data goes only up to tx.max and the
 * connection's tx_max, lost data needs no credit. After RESET_STREAM_AT nothing at or above
 * .reliable is sent again; .fin is set, but what ends the stream is the reset.
 */
#include "conn.h"

static bool tx_open(const struct quic_stream *s)
{
	return s->tx.exists && s->tx.state <= QUIC_SEND_SENT;
}

static void count_busy(struct quic_conn *c, struct quic_stream *s)
{
	bool busy = s->tx.state == QUIC_SEND_RESET_SENT ||
		    (tx_open(s) && (s->tx.acked != s->tx.written || s->tx.fin));

	c->streams.busy += busy - s->tx.busy;
	s->tx.busy = busy;
}

int quic_stream_wrote(struct quic_conn *c, struct quic_stream *s, u32 len, bool fin)
{
	if (!tx_open(s) || s->tx.fin)
		return -EINVAL;
	s->tx.written += len;
	s->tx.fin = fin;
	if (s->tx.state == QUIC_SEND_READY)
		s->tx.state = QUIC_SEND_SEND;
	count_busy(c, s);
	quic_stream_activate(c, s);
	return 0;
}

u64 quic_stream_credit(const struct quic_conn *c, const struct quic_stream *s)
{
	u64 stream, conn, queued = s->tx.written - s->tx.next;

	stream = s->tx.max > s->tx.written ? s->tx.max - s->tx.written : 0;
	conn = c->tx_max - c->tx_data;
	return min(stream, conn > queued ? conn - queued : 0);
}

static bool new_data(const struct quic_stream *s)
{
	return s->tx.next < s->tx.written && s->tx.next < s->tx.max;
}

static bool lone_fin(const struct quic_stream *s)
{
	return s->tx.fin && !s->tx.reset_at && s->tx.next == s->tx.written &&
	       (!s->tx.fin_sent || s->tx.fin_lost);
}

static bool wants_control(const struct quic_stream *s)
{
	return quic_stream_reset_due(s) || s->tx.blocked_wanted || s->rx.max_wanted ||
	       s->rx.stop_wanted;
}

bool quic_stream_has_data(const struct quic_conn *c, const struct quic_stream *s)
{
	if (!tx_open(s))
		return false;
	return s->tx.lost.n || lone_fin(s) || (new_data(s) && c->tx_data < c->tx_max);
}

bool quic_stream_only_new(const struct quic_stream *s)
{
	return tx_open(s) && new_data(s) && !s->tx.lost.n && !wants_control(s);
}

bool quic_stream_next(const struct quic_conn *c, const struct quic_stream *s, u64 *off, u64 *len,
		      bool *fin)
{
	if (!quic_stream_has_data(c, s))
		return false;
	if (s->tx.lost.n) {
		*off = s->tx.lost.r[0].start;
		*len = s->tx.lost.r[0].end - *off;
	} else {
		*off = s->tx.next;
		*len = min(s->tx.written, s->tx.max) - *off;
		*len = min(*len, c->tx_max - c->tx_data);
	}
	*fin = s->tx.fin && !s->tx.reset_at && *off + *len == s->tx.written;
	return true;
}

void quic_stream_sent(struct quic_conn *c, struct quic_stream *s, u64 off, u32 len, bool fin)
{
	if (off < s->tx.next) {
		/* Cuts the front of the first range: needs no memory. */
		quic_ranges_del(&s->tx.lost, off, off + len, U32_MAX, GFP_ATOMIC);
		c->stats.bytes_retransmitted += len;
	} else {
		s->tx.next += len;
		c->tx_data += len;
	}
	if (fin) {
		s->tx.fin_sent = true;
		s->tx.fin_lost = false;
		if (s->tx.state == QUIC_SEND_SEND)
			s->tx.state = QUIC_SEND_SENT;
	}
}

static bool at_limit(const struct quic_stream *s)
{
	return tx_open(s) && s->tx.next < s->tx.written && s->tx.next == s->tx.max;
}

/* RFC 9000, 4.1: say that the limit is what holds us back, once for each limit */
static void note_blocked(struct quic_stream *s)
{
	if (at_limit(s) && s->tx.blocked_at != s->tx.max) {
		s->tx.blocked_at = s->tx.max;
		s->tx.blocked_wanted = true;
	}
}

static void park(struct quic_conn *c, struct quic_stream *s, enum quic_stream_parked where)
{
	struct quic_stream_table *t = &c->streams;

	if (s->parked == where)
		return;
	quic_sched_del(c, s);
	list_add_tail(&s->active, where == QUIC_PARKED_BLOCKED ? &t->blocked : &t->stalled);
	s->parked = where;
}

void quic_stream_activate(struct quic_conn *c, struct quic_stream *s)
{
	bool control;

	note_blocked(s);
	control = wants_control(s);
	if (unlikely(s->barred)) {
		quic_sched_del(c, s);
	} else if (control || quic_stream_has_data(c, s)) {
		quic_sched_add(c, s, control);
	} else if (tx_open(s) && new_data(s)) {
		park(c, s, QUIC_PARKED_BLOCKED);
		if (c->tx_blocked_at != c->tx_max) {
			c->tx_blocked_at = c->tx_max;
			c->data_blocked_wanted = true;
		}
	} else if (at_limit(s)) {
		park(c, s, QUIC_PARKED_STALLED);
	} else if (!list_empty(&s->active)) {
		quic_sched_del(c, s);
	}
}

/* One frame says what is to be said, however many streams wait: in turns. */
void quic_stream_repeat_blocked(struct quic_conn *c)
{
	struct quic_stream *s;

	if (!list_empty(&c->streams.blocked)) {
		c->data_blocked_wanted = true;
		return;
	}
	if (list_empty(&c->streams.stalled))
		return;
	s = list_first_entry(&c->streams.stalled, struct quic_stream, active);
	s->tx.blocked_wanted = true;
	quic_stream_activate(c, s);
}

void quic_stream_unblock(struct quic_conn *c)
{
	struct quic_stream *s, *tmp;

	list_for_each_entry_safe(s, tmp, &c->streams.blocked, active)
		quic_stream_activate(c, s);
}

static void check_all_acked(struct quic_conn *c, struct quic_stream *s)
{
	bool reset = s->tx.reset_acked && s->tx.acked >= s->tx.reliable;

	if (!reset && (!s->tx.fin_acked || s->tx.acked != s->tx.written))
		return;
	/* The application learns that its reset came through; else as after FIN. */
	s->tx.state = reset ? QUIC_SEND_RESET_RECVD : QUIC_SEND_RECVD;
	s->tx.reset_wanted = false;
	quic_ranges_free(&s->tx.lost);
	count_busy(c, s);
	c->ops->stream_event(c, s, QUIC_SEV_SENT_ALL);
	quic_stream_activate(c, s);
	quic_stream_settle(c, s);
}

void quic_stream_acked(struct quic_conn *c, struct quic_stream *s, u64 off, u32 len, bool fin)
{
	u64 end = off + len, before = s->tx.acked;
	struct quic_range *r;

	if (!tx_open(s))
		return;
	if (fin)
		s->tx.fin_acked = true;
	if (off <= s->tx.acked && end > s->tx.acked) {
		s->tx.acked = end;
		r = quic_ranges_first(&s->tx.acks);
		if (r && r->start <= end) {
			s->tx.acked = max(end, r->end);
			quic_ranges_trim(&s->tx.acks, s->tx.acked);
		}
	} else if (off > s->tx.acked && quic_ranges_add(&s->tx.acks, off, end,
							 QUIC_STREAM_RANGES_MAX,
							 GFP_ATOMIC) < 0) {
		/* Cannot note it: as if lost, it goes out again. */
		quic_stream_lost(c, s, off, len, false);
		return;
	}
	/* A probe may have made it lost before its time: not again, then. */
	if (s->tx.lost.n) {
		quic_ranges_del(&s->tx.lost, off, end, QUIC_STREAM_RANGES_MAX, GFP_ATOMIC);
		quic_ranges_trim(&s->tx.lost, s->tx.acked);
		quic_stream_activate(c, s);
	}
	if (s->tx.acked != before) {
		count_busy(c, s);
		c->ops->stream_acked(c, s);
	}
	check_all_acked(c, s);
}

/* Note [start, end) as lost; without memory, note more than was lost rather than less. */
static void add_lost(struct quic_stream *s, u64 start, u64 end)
{
	struct quic_ranges *l = &s->tx.lost;
	u64 lo, hi;

	if (quic_ranges_add(l, start, end, QUIC_STREAM_RANGES_MAX, GFP_ATOMIC) >= 0)
		return;
	lo = min(start, quic_ranges_first(l)->start);
	hi = max(end, quic_ranges_last(l)->end);
	quic_ranges_free(l);
	quic_ranges_add(l, lo, hi, 1, GFP_ATOMIC);
}

void quic_stream_lost(struct quic_conn *c, struct quic_stream *s, u64 off, u32 len, bool fin)
{
	struct quic_range gap;
	u64 end = off + len;

	if (!tx_open(s))
		return;
	if (fin && !s->tx.fin_acked)
		s->tx.fin_lost = true;
	off = max(off, s->tx.acked);
	if (s->tx.reset_at)
		end = min(end, s->tx.reliable);
	while (off < end && quic_ranges_gap(&s->tx.acks, off, end, &gap)) {
		add_lost(s, gap.start, gap.end);
		off = gap.end;
	}
	quic_stream_activate(c, s);
}

int quic_stream_reset(struct quic_conn *c, struct quic_stream *s, u64 code)
{
	if (!tx_open(s) || (s->tx.reset_at && code != s->tx.reset_code))
		return -EINVAL;
	s->tx.state = QUIC_SEND_RESET_SENT;
	s->tx.reset_code = code;
	s->tx.reset_wanted = true;
	s->tx.blocked_wanted = false;
	quic_ranges_free(&s->tx.lost);
	quic_ranges_free(&s->tx.acks);
	/* Nothing is sent again: the glue may drop all of it. */
	s->tx.acked = s->tx.written;
	count_busy(c, s);
	c->ops->stream_acked(c, s);
	quic_stream_activate(c, s);
	return 0;
}

/* draft-ietf-quic-reliable-stream-reset, 5 */
int quic_stream_reset_at(struct quic_conn *c, struct quic_stream *s, u64 code, u64 reliable)
{
	if (!c->remote.reset_stream_at)
		return -EOPNOTSUPP;
	if (!tx_open(s) || reliable > s->tx.written ||
	    (s->tx.reset_at && (code != s->tx.reset_code || reliable > s->tx.reliable)))
		return -EINVAL;
	s->tx.reset_at = true;
	s->tx.reset_code = code;
	s->tx.reliable = reliable;
	s->tx.reset_wanted = true;
	s->tx.reset_acked = false;
	s->tx.fin = true;
	/* What was sent counts for the final size, what was not and need not is forgotten. */
	s->tx.written = max(s->tx.next, reliable);
	if (s->tx.next == s->tx.written)
		s->tx.blocked_wanted = false;
	if (s->tx.state == QUIC_SEND_READY)
		s->tx.state = QUIC_SEND_SEND;
	quic_ranges_del(&s->tx.lost, reliable, U64_MAX, U32_MAX, GFP_ATOMIC);
	count_busy(c, s);
	c->ops->stream_acked(c, s);
	quic_stream_activate(c, s);
	return 0;
}

/* Its Final Size must be within the limits, as must the bytes below: those first. */
bool quic_stream_reset_due(const struct quic_stream *s)
{
	return s->tx.reset_wanted &&
	       (s->tx.state == QUIC_SEND_RESET_SENT || s->tx.next == s->tx.written);
}

void quic_stream_reset_sent(struct quic_stream *s)
{
	s->tx.reset_wanted = false;
	if (s->tx.state == QUIC_SEND_SEND)
		s->tx.state = QUIC_SEND_SENT;
}

void quic_stream_reset_lost(struct quic_stream *s)
{
	s->tx.reset_wanted = s->tx.state == QUIC_SEND_RESET_SENT ||
			     (tx_open(s) && s->tx.reset_at && !s->tx.reset_acked);
}

void quic_stream_reset_acked(struct quic_conn *c, struct quic_stream *s, bool at, u64 reliable)
{
	if (at && tx_open(s) && reliable == s->tx.reliable) {
		s->tx.reset_acked = true;
		s->tx.reset_wanted = false;
		check_all_acked(c, s);
		return;
	}
	if (at || s->tx.state != QUIC_SEND_RESET_SENT)
		return;
	s->tx.state = QUIC_SEND_RESET_RECVD;
	s->tx.reset_wanted = false;
	count_busy(c, s);
	c->ops->stream_event(c, s, QUIC_SEV_SENT_ALL);
	quic_stream_activate(c, s);
	quic_stream_settle(c, s);
}

/* STOP_SENDING: RFC 9000, 3.5: the answer is a reset with the same code */
u64 quic_stream_rx_stop(struct quic_conn *c, u64 id, u64 code)
{
	struct quic_stream *s;
	u64 err = quic_stream_of_peer(c, id, true, &s);

	if (err || !s)
		return err;
	/* Not another one than RESET_STREAM_AT gave (its draft's 5.2) */
	if (!quic_stream_reset(c, s, s->tx.reset_at ? s->tx.reset_code : code))
		c->ops->stream_event(c, s, QUIC_SEV_STOPPED);
	return 0;
}

u64 quic_stream_rx_max(struct quic_conn *c, u64 id, u64 max)
{
	struct quic_stream *s;
	u64 err = quic_stream_of_peer(c, id, true, &s);

	if (err || !s || max <= s->tx.max)
		return err;
	s->tx.max = max;
	s->tx.blocked_wanted = false;
	quic_stream_activate(c, s);
	c->ops->stream_event(c, s, QUIC_SEV_MAX_DATA);
	return 0;
}
