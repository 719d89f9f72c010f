// SPDX-License-Identifier: GPL-2.0
/*
 * The receiving part of a stream (RFC 9000, 3.2): limits, final size,
 * what is new in each frame.
 *
 * Invariant: the glue is given every byte at most once, and the connection's
 * consumed count grows by each byte exactly once: when read, or at once when the
 * stream is stopped or reset.
 */
#include "conn.h"

static bool rx_receiving(const struct quic_stream *s)
{
	return s->rx.state == QUIC_RECV_RECV || s->rx.state == QUIC_RECV_SIZE_KNOWN;
}

static void conn_consume(struct quic_conn *c, u64 bytes, u64 now)
{
	if (bytes && quic_flow_consume(&c->rx_flow, bytes, c->loss.rtt.smoothed, now))
		c->max_data_wanted = true;
}

/* The peer used the stream up to @end: RFC 9000, 4.1 and 4.5. Return: 0 or error code */
static u64 account(struct quic_conn *c, struct quic_stream *s, u64 end, u64 now)
{
	struct quic_flow *f = &s->rx.flow;
	u64 more;

	if (end <= f->used)
		return 0;
	more = end - f->used;
	if (end > f->limit || more > c->rx_flow.limit - c->rx_flow.used)
		return QUIC_ERR_FLOW_CONTROL;
	f->used = end;
	c->rx_flow.used += more;
	if (s->rx.stopped)
		conn_consume(c, more, now);
	return 0;
}

static u64 check_final(const struct quic_stream *s, u64 end, bool fin)
{
	/* RFC 9000, 4.5 */
	if (s->rx.final_size != U64_MAX &&
	    (end > s->rx.final_size || (fin && end != s->rx.final_size)))
		return QUIC_ERR_FINAL_SIZE;
	if (fin && end < s->rx.flow.used)
		return QUIC_ERR_FINAL_SIZE;
	return 0;
}

/* Give the glue what is new of [off, off + len) and note it. false: no memory */
static bool deliver(struct quic_conn *c, struct quic_stream *s, u64 off, const u8 *data, u32 len)
{
	u64 end = off + len, pos = max(off, s->rx.contig);
	struct quic_range gap, *r;

	if (pos >= end)
		return true;
	if (pos == s->rx.contig && !s->rx.ooo.n) {
		if (c->ops->stream_data(c, s, pos, data + (pos - off), end - pos))
			return false;
		s->rx.contig = end;
		return true;
	}
	while (pos < end && quic_ranges_gap(&s->rx.ooo, pos, end, &gap)) {
		/* Each may move all that lie behind: a packet of crumbs moves so many, no more. */
		c->rx_scatter += s->rx.ooo.n;
		if (unlikely(c->rx_scatter > QUIC_SCATTER_MAX))
			return false;
		/* Noted first: a range refused for want of room must not be delivered. */
		if (quic_ranges_add(&s->rx.ooo, gap.start, gap.end, QUIC_STREAM_RANGES_MAX,
				    GFP_ATOMIC) < 0)
			return false;
		if (c->ops->stream_data(c, s, gap.start, data + (gap.start - off),
					gap.end - gap.start)) {
			quic_ranges_del(&s->rx.ooo, gap.start, gap.end, U32_MAX, GFP_ATOMIC);
			return false;
		}
		pos = gap.end;
	}
	r = quic_ranges_first(&s->rx.ooo);
	if (r && r->start <= s->rx.contig) {
		s->rx.contig = r->end;
		quic_ranges_trim(&s->rx.ooo, s->rx.contig);
	}
	return true;
}

/* Reset, and all that the peer promised to deliver is here. */
static void complete_reset(struct quic_conn *c, struct quic_stream *s, u64 now)
{
	s->rx.readable = s->rx.reliable ? s->rx.contig : s->rx.flow.consumed;
	if (!s->rx.stopped)
		conn_consume(c, s->rx.final_size - s->rx.readable, now);
	s->rx.state = QUIC_RECV_RESET_RECVD;
	s->rx.stop_wanted = false;
	quic_ranges_free(&s->rx.ooo);
	quic_stream_activate(c, s);
	c->ops->stream_event(c, s, QUIC_SEV_RESET);
}

/* The size is known, or @news: is there more to come? */
static void check_complete(struct quic_conn *c, struct quic_stream *s, bool news, u64 now)
{
	if (s->rx.state != QUIC_RECV_SIZE_KNOWN)
		return;
	if (s->rx.reset && s->rx.contig >= s->rx.reliable) {
		complete_reset(c, s, now);
	} else if (s->rx.stopped) {
		/* Nobody waits for the rest (3.5). */
		s->rx.state = QUIC_RECV_READ;
		s->rx.stop_wanted = false;
		quic_stream_activate(c, s);
		quic_stream_settle(c, s);
	} else if (s->rx.contig == s->rx.final_size) {
		s->rx.state = QUIC_RECV_RECVD;
		s->rx.max_wanted = false;
		quic_stream_activate(c, s);
		c->ops->stream_event(c, s, QUIC_SEV_FIN);
	} else if (news) {
		c->ops->stream_event(c, s, QUIC_SEV_SIZE_KNOWN);
	}
}

/* Return: was it not known before? */
static bool size_known(struct quic_conn *c, struct quic_stream *s, u64 size)
{
	bool news = s->rx.state == QUIC_RECV_RECV;

	s->rx.final_size = size;
	s->rx.state = QUIC_RECV_SIZE_KNOWN;
	s->rx.max_wanted = false;
	quic_stream_activate(c, s);
	return news;
}

u64 quic_stream_rx_data(struct quic_conn *c, u64 id, u64 off, const u8 *data, u32 len, bool fin,
			u64 now)
{
	struct quic_stream *s = c->streams.last;
	bool news = false;
	u64 err, before;

	if (unlikely(!s || s->id != id || !s->rx.exists)) {
		err = quic_stream_of_peer(c, id, false, &s);
		if (err || !s)
			return err;
	}
	err = check_final(s, off + len, fin);
	if (!err)
		err = account(c, s, off + len, now);
	if (err || !rx_receiving(s))
		return err;
	before = s->rx.contig;
	if (!s->rx.stopped && !deliver(c, s, off, data, len))
		return QUIC_RX_DROP;
	if (fin)
		news = size_known(c, s, off + len);
	if (s->rx.contig != before)
		c->ops->stream_contig(c, s);
	check_complete(c, s, news, now);
	return 0;
}

/* RFC 9000, 19.4; draft-ietf-quic-reliable-stream-reset, 5 */
u64 quic_stream_rx_reset(struct quic_conn *c, u64 id, u64 code, u64 final_size, u64 reliable,
			 u64 now)
{
	struct quic_stream *s;
	u64 err;

	err = quic_stream_of_peer(c, id, false, &s);
	if (err || !s)
		return err;
	err = check_final(s, final_size, true);
	if (!err && s->rx.reset && code != s->rx.reset_code)
		err = QUIC_ERR_STREAM_STATE;
	if (!err)
		err = account(c, s, final_size, now);
	/* One that promises more than the last one was overtaken by it. */
	if (err || !rx_receiving(s) || (s->rx.reset && reliable > s->rx.reliable))
		return err;
	s->rx.reset = true;
	s->rx.reset_code = code;
	s->rx.reliable = s->rx.stopped ? 0 : reliable;
	check_complete(c, s, size_known(c, s, final_size), now);
	return 0;
}

u64 quic_stream_rx_blocked(struct quic_conn *c, u64 id)
{
	struct quic_stream *s;

	return quic_stream_of_peer(c, id, false, &s);
}

void quic_stream_consumed(struct quic_conn *c, struct quic_stream *s, u64 len, u64 now)
{
	if (s->rx.stopped)
		return;
	if (s->rx.state >= QUIC_RECV_RESET_RECVD) {
		/* The rest was returned when the reset was complete. */
		len = min(len, s->rx.readable - s->rx.flow.consumed);
		s->rx.flow.consumed += len;
		conn_consume(c, len, now);
		return;
	}
	if (quic_flow_consume(&s->rx.flow, len, c->loss.rtt.smoothed, now) &&
	    s->rx.state == QUIC_RECV_RECV) {
		s->rx.max_wanted = true;
		quic_stream_activate(c, s);
	}
	conn_consume(c, len, now);
}

void quic_stream_read_end(struct quic_conn *c, struct quic_stream *s)
{
	if (s->rx.state == QUIC_RECV_RECVD)
		s->rx.state = QUIC_RECV_READ;
	else if (s->rx.state == QUIC_RECV_RESET_RECVD)
		s->rx.state = QUIC_RECV_RESET_READ;
	quic_stream_settle(c, s);
}

int quic_stream_stop(struct quic_conn *c, struct quic_stream *s, u64 code)
{
	if (!s->rx.exists || !rx_receiving(s))
		return -EINVAL;
	if (s->rx.stopped)
		return -EAGAIN;
	s->rx.stopped = true;
	s->rx.stop_code = code;
	s->rx.stop_wanted = s->rx.state == QUIC_RECV_RECV;
	s->rx.max_wanted = false;
	conn_consume(c, s->rx.flow.used - s->rx.flow.consumed, c->last_activity);
	quic_stream_activate(c, s);
	check_complete(c, s, false, c->last_activity);
	return 0;
}
