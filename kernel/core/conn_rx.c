// SPDX-License-Identifier: GPL-2.0
/*
 * The frames of one opened packet: where each goes, and what a packet means
 * for acknowledgment (RFC 9000, 12.4, 13 and 19).
 *
 * Every handler returns 0, a transport error code to close with, or
 * QUIC_RX_DROP: no memory, the packet counts as never received and comes again.
 */
#include "negotiate.h"

/* Fewest packets below the largest acknowledged that we still tell apart from duplicates. */
#define ACK_HISTORY	256

bool quic_conn_rx_dup(const struct quic_conn *c, enum quic_pns pns, u64 pn)
{
	const struct quic_space *sp = quic_conn_space(c, pns);

	return pn < sp->ack_floor || quic_ranges_has(&sp->rcvd, pn);
}

/* --- fate of what we sent --- */

static void put_stream(struct quic_conn *c, const struct quic_sent_frame *f)
{
	if (f->stream)
		quic_stream_put(c, f->stream);
}

/* The peer has our ACK: it needs the old ranges no more (13.2.4). */
static void ack_acked(struct quic_space *sp, u64 largest)
{
	u64 floor = largest > ACK_HISTORY ? largest - ACK_HISTORY : 0;

	if (sp->rcvd.n <= 2)
		return;
	if (sp->rcvd.n > QUIC_ACK_RANGES_KEEP)
		floor = largest + 1;
	quic_ranges_trim(&sp->rcvd, floor);
	sp->ack_floor = max(sp->ack_floor, floor);
}

/* What was gathered of an ACK goes to its stream. */
static void flush_acked(struct quic_conn *c)
{
	struct quic_acked_run *run = &c->acked_run;
	struct quic_stream *s = run->stream;

	if (!s)
		return;
	run->stream = NULL;
	quic_stream_acked(c, s, run->off, run->len, run->fin);
	quic_stream_put(c, s);
}

/* Frames that follow each other in their stream are one to it. The first one's reference stays. */
static void stream_acked(struct quic_conn *c, const struct quic_sent_frame *f)
{
	struct quic_acked_run *run = &c->acked_run;

	if (likely(f->stream == run->stream && f->off == run->off + run->len && !run->fin &&
		   run->len <= U32_MAX - f->len)) {
		run->len += f->len;
		run->fin = f->fin;
		f->stream->refs--;
		return;
	}
	flush_acked(c);
	run->stream = f->stream;
	run->off = f->off;
	run->len = f->len;
	run->fin = f->fin;
}

static void frame_acked(struct quic_loss *l, enum quic_pns pns, const struct quic_sent_frame *f)
{
	enum quic_level level = (enum quic_level)pns;	/* the same numbers */
	struct quic_conn *c = quic_conn_of_loss(l);

	switch (f->type) {
	case QUIC_SENT_ACK:
		ack_acked(quic_conn_space(c, pns), f->off);
		break;
	case QUIC_SENT_STREAM:
		c->mtu_works |= f->len >= QUIC_DGRAM_MIN || c->pmtu.cur <= QUIC_DGRAM_MIN;
		stream_acked(c, f);
		return;
	case QUIC_SENT_CRYPTO:
		quic_crypto_stream_acked(c, level, f->off, f->len);
		quic_crypto_stream_settle(c);
		break;
	case QUIC_SENT_RESET_STREAM:
		quic_stream_reset_acked(c, f->stream, f->fin, f->off);
		break;
	case QUIC_SENT_RETIRE_CID:
		quic_cid_retire_acked(c, f->off);
		break;
	case QUIC_SENT_ACK_FREQUENCY:
		quic_ack_put_acked(c, f->off);
		break;
	}
	put_stream(c, f);
}

void quic_conn_frame_requeue(struct quic_conn *c, enum quic_pns pns,
			     const struct quic_sent_frame *f)
{
	enum quic_level level = (enum quic_level)pns;
	struct quic_stream *s = f->stream;

	switch (f->type) {
	case QUIC_SENT_STREAM:
		quic_stream_lost(c, s, f->off, f->len, f->fin);
		break;
	case QUIC_SENT_CRYPTO:
		quic_crypto_stream_lost(c, level, f->off, f->len);
		break;
	case QUIC_SENT_RESET_STREAM:
		quic_stream_reset_lost(s);
		break;
	case QUIC_SENT_STOP_SENDING:
		s->rx.stop_wanted = s->rx.stopped && s->rx.state == QUIC_RECV_RECV;
		break;
	case QUIC_SENT_MAX_STREAM_DATA:
		s->rx.max_wanted = !s->rx.stopped && s->rx.state == QUIC_RECV_RECV;
		break;
	case QUIC_SENT_STREAM_DATA_BLOCKED:
		s->tx.blocked_wanted = s->tx.state <= QUIC_SEND_SEND &&
				       s->tx.blocked_at == s->tx.max;
		break;
	case QUIC_SENT_MAX_DATA:
		c->max_data_wanted = true;
		break;
	case QUIC_SENT_MAX_STREAMS:
		c->streams.kind[f->len].max_wanted = true;
		break;
	case QUIC_SENT_DATA_BLOCKED:
		c->data_blocked_wanted = c->tx_blocked_at == c->tx_max;
		break;
	case QUIC_SENT_STREAMS_BLOCKED:
		c->streams.kind[f->len].blocked_wanted =
			c->streams.kind[f->len].blocked_at == c->streams.kind[f->len].local_max;
		break;
	case QUIC_SENT_NEW_CID:
		quic_cid_announce_lost(c, f->off);
		break;
	case QUIC_SENT_RETIRE_CID:
		quic_cid_retire_lost(c, f->off);
		break;
	case QUIC_SENT_ACK_FREQUENCY:
		quic_ack_put_lost(c, f->off);
		break;
	case QUIC_SENT_NEW_TOKEN:
		c->token_wanted = true;
		break;
	case QUIC_SENT_HANDSHAKE_DONE:
		c->handshake_done_wanted = true;
		break;
	}
	if (s)
		quic_stream_activate(c, s);
}

static void frame_lost(struct quic_loss *l, enum quic_pns pns, const struct quic_sent_frame *f)
{
	struct quic_conn *c = quic_conn_of_loss(l);

	if (f->type == QUIC_SENT_CRYPTO && pns != QUIC_PNS_APP && !quic_loss_discarded(l, pns))
		l->crypto_lost = true;
	quic_conn_frame_requeue(c, pns, f);
	put_stream(c, f);
}

static void probe_fate(struct quic_loss *l, u16 size, bool acked)
{
	struct quic_conn *c = quic_conn_of_loss(l);

	if (quic_pmtu_result(&c->pmtu, size, acked, c->last_activity))
		quic_cc_set_mss(&l->cc, c->pmtu.cur);
}

const struct quic_loss_cb quic_conn_loss_cb = {
	.acked = frame_acked,
	.lost = frame_lost,
	.probe = probe_fate,
};

/* --- frames --- */

/* RFC 9001, 4.6.2: nothing can acknowledge a 0-RTT packet that was refused */
static bool early_acks_ok(const struct quic_conn *c, const struct quic_frame_ack *ack)
{
	struct quic_ack_iter it;

	quic_ack_iter_init(&it, ack);
	do {
		if (!quic_early_ack_ok(c, it.r.start))
			return false;
	} while (quic_ack_iter_next(&it));
	return true;
}

static u64 rx_ack(struct quic_conn *c, const struct quic_frame *f, enum quic_level level, u64 now)
{
	unsigned int exp = c->remote.ack_delay_exponent;
	u64 delay = 0;

	if (level == QUIC_LEVEL_APP) {
		/* Microseconds shifted by the exponent; a silly delay is a large one. */
		delay = min_t(u64, f->ack.delay, U64_MAX >> 32) << exp;
		delay *= NSEC_PER_USEC;
	}
	if (unlikely(c->early.end_pn) && level == QUIC_LEVEL_APP && !early_acks_ok(c, &f->ack))
		return QUIC_ERR_PROTOCOL_VIOLATION;
	if (quic_loss_on_ack(&c->loss, quic_level_pns(level), &f->ack, delay, now))
		return QUIC_ERR_PROTOCOL_VIOLATION;
	flush_acked(c);
	if (!c->server && level == QUIC_LEVEL_HANDSHAKE)
		c->loss.peer_validated = true;
	if (level == QUIC_LEVEL_APP) {
		if (c->mtu_works)
			quic_pmtu_progress(&c->pmtu, true, now);
		c->mtu_works = false;
		quic_protect_acked(&c->prot, f->ack.largest);
		quic_ack_ask(c, now);
	}
	return 0;
}

static u64 rx_max_data(struct quic_conn *c, u64 max)
{
	if (max <= c->tx_max)
		return 0;
	c->tx_max = max;
	c->data_blocked_wanted = false;
	quic_stream_unblock(c);
	c->ops->event(c, QUIC_CEV_MAX_DATA, max);
	return 0;
}

static u64 rx_close(struct quic_conn *c, const struct quic_frame *f, u64 now)
{
	struct quic_close_info *ci = &c->close;

	if (c->state <= QUIC_CONN_ESTABLISHED) {
		quic_conn_close_reset(ci);
		ci->remote = true;
		ci->app = f->type == QUIC_FT_CONNECTION_CLOSE_APP;
		ci->code = f->close.code;
		ci->frame_type = ci->app ? 0 : f->close.frame_type;
		quic_conn_close_reason(ci, f->close.reason, f->close.reason_len);
	}
	quic_conn_enter_draining(c, now);
	return 0;
}

static u64 rx_server_only(struct quic_conn *c, const struct quic_frame *f, u64 now)
{
	/* RFC 9000, 19.7 and 19.20 */
	if (c->server)
		return QUIC_ERR_PROTOCOL_VIOLATION;
	if (f->type == QUIC_FT_HANDSHAKE_DONE)
		quic_conn_confirm(c, now);
	else
		c->ops->token(c, f->token.data, f->token.len);
	return 0;
}

static u64 rx_stream_frame(struct quic_conn *c, const struct quic_frame *f,
			   const struct quic_rx_info *pkt, u64 now)
{
	struct quic_stream *s;
	u64 err;

	err = quic_stream_rx_data(c, f->stream.id, f->stream.off, f->stream.data,
				  f->stream.len, f->stream.fin, now);
	if (likely(pkt->level != QUIC_LEVEL_EARLY) || err)
		return err;
	c->stats.bytes_early += f->stream.len;
	s = quic_stream_find(c, f->stream.id);
	if (s)
		s->rx.early = max(s->rx.early, f->stream.off + f->stream.len);
	return 0;
}

static u64 rx_frame(struct quic_conn *c, const struct quic_frame *f,
		    const struct quic_rx_info *pkt, u64 now)
{
	switch (f->type) {
	case QUIC_FT_PADDING:
	case QUIC_FT_PING:
		return 0;
	case QUIC_FT_ACK:
	case QUIC_FT_ACK_ECN:
		return rx_ack(c, f, pkt->level, now);
	case QUIC_FT_CRYPTO:
		quic_negotiate_settle(c);
		return quic_crypto_stream_rx(c, pkt->level, f->crypto.off, f->crypto.data,
					     f->crypto.len);
	case QUIC_FT_STREAM ... QUIC_FT_STREAM + 7:
		return rx_stream_frame(c, f, pkt, now);
	case QUIC_FT_RESET_STREAM:
	case QUIC_FT_RESET_STREAM_AT:
		return quic_stream_rx_reset(c, f->reset.id, f->reset.code, f->reset.final_size,
					    f->reset.reliable, now);
	case QUIC_FT_STOP_SENDING:
		return quic_stream_rx_stop(c, f->stop.id, f->stop.code);
	case QUIC_FT_MAX_DATA:
		return rx_max_data(c, f->max.max);
	case QUIC_FT_MAX_STREAM_DATA:
		return quic_stream_rx_max(c, f->max.id, f->max.max);
	case QUIC_FT_MAX_STREAMS_BIDI:
	case QUIC_FT_MAX_STREAMS_UNI:
		quic_stream_rx_max_streams(c, f->type == QUIC_FT_MAX_STREAMS_UNI, f->max.max);
		return 0;
	case QUIC_FT_STREAM_DATA_BLOCKED:
		return quic_stream_rx_blocked(c, f->max.id);
	case QUIC_FT_DATA_BLOCKED:
	case QUIC_FT_STREAMS_BLOCKED_BIDI:
	case QUIC_FT_STREAMS_BLOCKED_UNI:
		return 0;
	case QUIC_FT_NEW_CONNECTION_ID:
		return quic_cid_rx_new(c, f->new_cid.seq, f->new_cid.prior_to, f->new_cid.id,
				       f->new_cid.len, f->new_cid.reset_token, now);
	case QUIC_FT_RETIRE_CONNECTION_ID:
		/* RFC 9000, 12.5: it answers a 1-RTT packet */
		if (pkt->level == QUIC_LEVEL_EARLY)
			return QUIC_ERR_PROTOCOL_VIOLATION;
		return quic_cid_rx_retire(c, f->retire.seq, pkt->dcid);
	case QUIC_FT_PATH_CHALLENGE:
		quic_path_rx_challenge(c, f->path, now);
		return 0;
	case QUIC_FT_PATH_RESPONSE:
		quic_path_rx_response(c, f->path, now);
		return 0;
	case QUIC_FT_CONNECTION_CLOSE:
	case QUIC_FT_CONNECTION_CLOSE_APP:
		return rx_close(c, f, now);
	case QUIC_FT_HANDSHAKE_DONE:
	case QUIC_FT_NEW_TOKEN:
		return rx_server_only(c, f, now);
	case QUIC_FT_DATAGRAM:
	case QUIC_FT_DATAGRAM_LEN:
		return quic_datagram_rx_check(c, f);
	case QUIC_FT_IMMEDIATE_ACK:
		c->app.ack_now = true;
		return 0;
	case QUIC_FT_ACK_FREQUENCY:
		return quic_ack_rx_frequency(c, f);
	default:
		return QUIC_ERR_FRAME_ENCODING;	/* what parses and is not above */
	}
}

/* --- acknowledging --- */

static bool note_received(struct quic_space *sp, u64 pn)
{
	int ret = quic_ranges_add(&sp->rcvd, pn, pn + 1, QUIC_ACK_RANGES_MAX, GFP_ATOMIC);

	if (ret == -ENOSPC) {
		/* Full of holes: the lowest range is the least worth telling (13.2.3). */
		sp->ack_floor = max(sp->ack_floor, quic_ranges_first(&sp->rcvd)->end);
		quic_ranges_pop_first(&sp->rcvd);
		ret = quic_ranges_add(&sp->rcvd, pn, pn + 1, QUIC_ACK_RANGES_MAX, GFP_ATOMIC);
	}
	return ret >= 0;
}

/* RFC 9000, 9.1 */
static bool is_probing(u64 type)
{
	return type == QUIC_FT_PADDING || type == QUIC_FT_NEW_CONNECTION_ID ||
	       type == QUIC_FT_PATH_CHALLENGE || type == QUIC_FT_PATH_RESPONSE;
}

/* Its frames were taken, or @err says why not. @datagrams: the first DATAGRAM, they go to @end */
static u64 taken(struct quic_conn *c, const struct quic_rx_info *pkt, u64 type, u64 err,
		 bool eliciting, bool probing, const u8 *datagrams, u64 now)
{
	enum quic_pns pns = quic_level_pns(pkt->level);
	struct quic_space *sp;

	/* It may have been the last of the handshake. */
	if (pns >= quic_conn_spaces(c))
		return err;
	sp = quic_conn_space(c, pns);
	if (!err && c->state <= QUIC_CONN_ESTABLISHED && !note_received(sp, pkt->pn))
		err = QUIC_RX_DROP;
	if (err) {
		quic_conn_fail(c, err, type, now);
		return err;
	}
	if (c->state > QUIC_CONN_ESTABLISHED)
		return 0;
	quic_ack_packet(c, pkt, eliciting, now);
	if (datagrams)
		quic_datagram_rx(c, datagrams, pkt->payload + pkt->len);
	/* Once a train is enough. */
	if (c->last_activity != now || c->eliciting_sent_since_rx || !c->confirmed)
		quic_conn_touch_rx(c, now);
	if (pkt->level == QUIC_LEVEL_APP)
		quic_path_rx_packet(c, pkt->pn, probing, now);
	return 0;
}

/* Most of all packets: a STREAM frame without Length, so nothing behind it. */
static bool is_bulk(const struct quic_conn *c, const struct quic_rx_info *pkt)
{
	return pkt->level == QUIC_LEVEL_APP && c->state == QUIC_CONN_ESTABLISHED && pkt->len &&
	       (*pkt->payload & ~(QUIC_STREAM_BIT_OFF | QUIC_STREAM_BIT_FIN)) == QUIC_FT_STREAM;
}

static u64 rx_bulk(struct quic_conn *c, const struct quic_rx_info *pkt, u64 now)
{
	const u8 *p = pkt->payload, *end = p + pkt->len;
	u64 id, off = 0, err = QUIC_ERR_FRAME_ENCODING;
	u8 type = *p++;

	c->rx_scatter = 0;
	if (likely(quic_varint_get(&p, end, &id) &&
		   (!(type & QUIC_STREAM_BIT_OFF) || quic_varint_get(&p, end, &off)) &&
		   off + (end - p) <= QUIC_VARINT_MAX))
		err = quic_stream_rx_data(c, id, off, p, end - p, type & QUIC_STREAM_BIT_FIN, now);
	if (likely(!err && quic_ack_next(c, pkt, now)))
		return 0;
	return taken(c, pkt, type, err, true, false, NULL, now);
}

static u64 rx_frames(struct quic_conn *c, const struct quic_rx_info *pkt, u64 now)
{
	const u8 *p = pkt->payload, *end = p + pkt->len, *frame, *datagrams = NULL;
	bool closing = c->state == QUIC_CONN_CLOSING, eliciting = false, probing = true;
	struct quic_frame f;
	u64 err = 0;

	f.type = 0;
	c->rx_scatter = 0;
	/* RFC 9000, 12.4: a packet without frames */
	if (!pkt->len)
		err = QUIC_ERR_PROTOCOL_VIOLATION;
	while (!err && p < end) {
		frame = p;
		err = quic_frame_parse(&p, end, &f);
		if (!err && !quic_frame_allowed(f.type, pkt->level))
			err = QUIC_ERR_PROTOCOL_VIOLATION;
		if (err)
			break;
		/* RFC 9000, 10.2.1: while closing only the peer's own close matters */
		if (closing && f.type != QUIC_FT_CONNECTION_CLOSE &&
		    f.type != QUIC_FT_CONNECTION_CLOSE_APP)
			continue;
		eliciting |= quic_frame_eliciting(f.type);
		probing &= is_probing(f.type);
		if (!datagrams && (f.type & ~1ull) == QUIC_FT_DATAGRAM)
			datagrams = frame;
		err = rx_frame(c, &f, pkt, now);
		if (c->state >= QUIC_CONN_DRAINING)
			return 0;
	}
	return taken(c, pkt, f.type, err, eliciting, probing, datagrams, now);
}

u64 quic_conn_rx(struct quic_conn *c, const struct quic_rx_info *pkt, u64 now)
{
	return likely(is_bulk(c, pkt)) ? rx_bulk(c, pkt, now) : rx_frames(c, pkt, now);
}
