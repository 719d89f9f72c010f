// SPDX-License-Identifier: GPL-2.0
/*
 * Which frames go into the next packet of a level, and in what order:
 * ACK; CRYPTO; what unblocks the peer; IDs and paths; then stream data and
 * datagrams, in turns.
 *
 * Each writer below puts its frame at w->p, notes it in the sent ring and
 * clears the wish that led to it; a frame that does not fit leaves its wish
 * for the next packet. Payload of streams, if not short, is left as a gap in
 * the buffer for the glue's bytes.
 */
#include "conn.h"
#include "tx.h"

#define PATH_FRAME	9	/* bytes of PATH_CHALLENGE */
#define AGAIN_MAX	1000	/* bytes of CRYPTO that a second probe repeats: they fit */

struct writer {
	struct quic_conn *c;
	struct quic_plan *plan;
	struct quic_sent *sent;
	u8 *buf;		/* of the datagram */
	u8 *p;
	const u8 *end;		/* room for the tag lies behind */
	u8 nframes, max_frames;
	bool eliciting;
	bool full_size;		/* the datagram can have 1200 bytes */
};

static bool full(const struct writer *w)
{
	return w->nframes >= w->max_frames;
}

/* @q: where a frame writer ended, NULL if it did not fit. */
static bool put(struct writer *w, u8 *q, enum quic_sent_type type, struct quic_stream *s,
		u64 off, u32 len, bool fin)
{
	if (!q)
		return false;
	w->p = q;
	w->nframes++;
	w->eliciting |= type != QUIC_SENT_ACK;
	if (s)
		quic_stream_get(s);
	quic_sent_add(w->sent, type, s, off, len, fin);
	return true;
}

static void put_ack(struct writer *w, struct quic_space *sp, bool app, u64 now)
{
	unsigned int exp = w->c->local.ack_delay_exponent;
	u64 delay = app ? div64_u64(now - min(now, sp->largest_time), NSEC_PER_USEC) >> exp : 0;
	bool ecn = sp->ecn[0] | sp->ecn[1] | sp->ecn[2];

	if (!sp->rcvd.n)
		sp->ack_now = false;
	if (!sp->rcvd.n || full(w))
		return;
	if (!put(w, quic_frame_put_ack(w->p, w->end, &sp->rcvd, delay, ecn ? sp->ecn : NULL),
		 QUIC_SENT_ACK, NULL, sp->largest, 0, false))
		return;
	quic_ack_sent(sp, now);
	/* RFC 9000, 13.2.4: one who only acknowledges must be acknowledged at times to forget. */
	if (app && sp->rcvd.n > QUIC_ACK_RANGES_KEEP &&
	    !w->c->loss.app.eliciting)
		sp->ping_wanted = true;
}

static void put_crypto(struct writer *w, enum quic_level level)
{
	struct quic_conn *c = w->c;
	u64 off;
	u32 len;
	u8 *q;

	while (!full(w) && quic_crypto_stream_next(c, level, &off, &len)) {
		q = quic_frame_put_crypto(w->p, w->end, off, &len);
		if (!q)
			return;
		memcpy(q, c->crypto[level]->tx + (off - c->crypto[level]->tx_base), len);
		w->plan->again |= off < c->crypto[level]->tx_next;
		quic_crypto_stream_sent(c, level, off, len);
		put(w, q + len, QUIC_SENT_CRYPTO, NULL, off, len, false);
	}
	quic_crypto_stream_settle(c);
}

static void put_close(struct writer *w, enum quic_level level)
{
	const struct quic_close_info *ci = &w->c->close;
	bool app = ci->app;
	u64 code = ci->code;
	u8 *q;

	/* RFC 9000, 10.2.3: an application's reason stays secret until 1-RTT */
	if (app && level != QUIC_LEVEL_APP) {
		q = quic_frame_put_close(w->p, w->end, false, QUIC_ERR_APPLICATION, 0, NULL, 0);
	} else {
		q = quic_frame_put_close(w->p, w->end, app, code, ci->frame_type, ci->reason,
					 ci->reason_len);
	}
	if (!q)
		return;
	w->p = q;
	w->nframes++;
}

static void put_limits(struct writer *w)
{
	struct quic_conn *c = w->c;
	unsigned int k;

	if (c->max_data_wanted && !full(w) &&
	    put(w, quic_frame_put_v1(w->p, w->end, QUIC_FT_MAX_DATA, quic_flow_grant(&c->rx_flow)),
		QUIC_SENT_MAX_DATA, NULL, 0, 0, false))
		c->max_data_wanted = false;
	for (k = 0; k < 2; k++) {
		struct quic_streams *st = &c->streams.kind[k];

		if (st->max_wanted && !full(w)) {
			st->peer_max = min(st->peer_closed + st->peer_window, QUIC_STREAMS_MAX);
			if (put(w, quic_frame_put_v1(w->p, w->end, QUIC_FT_MAX_STREAMS_BIDI + k,
						     st->peer_max),
				QUIC_SENT_MAX_STREAMS, NULL, 0, k, false))
				st->max_wanted = false;
		}
		if (st->blocked_wanted && !full(w) &&
		    put(w, quic_frame_put_v1(w->p, w->end, QUIC_FT_STREAMS_BLOCKED_BIDI + k,
					     st->local_max),
			QUIC_SENT_STREAMS_BLOCKED, NULL, 0, k, false))
			st->blocked_wanted = false;
	}
	if (c->data_blocked_wanted && !full(w) &&
	    put(w, quic_frame_put_v1(w->p, w->end, QUIC_FT_DATA_BLOCKED, c->tx_max),
		QUIC_SENT_DATA_BLOCKED, NULL, 0, 0, false))
		c->data_blocked_wanted = false;
}

static void put_new_cid(struct writer *w, struct quic_cid_local *l)
{
	u64 prior_to = min(w->c->cids.local_prior, l->seq);
	u8 token[QUIC_TOKEN_RESET_LEN];

	w->c->ops->reset_token(w->c, &l->cid, token);
	if (put(w, quic_frame_put_new_cid(w->p, w->end, l->seq, prior_to, l->cid.id, l->cid.len,
					  token),
		QUIC_SENT_NEW_CID, NULL, l->seq, 0, false)) {
		l->announce = false;
		w->c->cids.local_sent = max(w->c->cids.local_sent, l->seq + 1);
	}
}

static void put_cids(struct writer *w)
{
	struct quic_cids *d = &w->c->cids;
	unsigned int i;

	for (i = 0; d->announce && i < quic_cid_locals(d); i++) {
		struct quic_cid_local *l = quic_cid_local_at(d, i);

		if (!l->used || !l->announce)
			continue;
		if (full(w))
			return;
		put_new_cid(w, l);
		if (l->announce)
			return;
	}
	d->announce = false;
	for (i = 0; i < d->n_retire && !full(w); i++) {
		struct quic_cid_retired *r = quic_cid_retire_at(d, i);

		if (r->pending &&
		    put(w, quic_frame_put_v1(w->p, w->end, QUIC_FT_RETIRE_CONNECTION_ID, r->seq),
			QUIC_SENT_RETIRE_CID, NULL, r->seq, 0, false))
			r->pending = false;
	}
}

static void put_path(struct writer *w)
{
	struct quic_path *p = w->c->path;

	if (p->wanted && !full(w) && w->end - w->p >= PATH_FRAME) {
		put(w, quic_frame_put_path(w->p, w->end, QUIC_FT_PATH_CHALLENGE,
					   quic_path_challenge(w->c, p, w->full_size)),
		    QUIC_SENT_OTHER, NULL, 0, 0, false);
		w->plan->pad = true;
	}
	/* RFC 9000, 8.2.2: once for each challenge, never again when lost */
	while (p->n_responses && !full(w)) {
		if (!put(w, quic_frame_put_path(w->p, w->end, QUIC_FT_PATH_RESPONSE,
						p->talk->response[0]),
			 QUIC_SENT_OTHER, NULL, 0, 0, false))
			return;
		w->plan->pad = true;
		quic_path_responded(p);
	}
}

static void put_done_and_token(struct writer *w)
{
	struct quic_conn *c = w->c;

	if (c->handshake_done_wanted && !full(w) &&
	    put(w, quic_frame_put_type(w->p, w->end, QUIC_FT_HANDSHAKE_DONE),
		QUIC_SENT_HANDSHAKE_DONE, NULL, 0, 0, false))
		c->handshake_done_wanted = false;
	if (c->token_wanted && c->server && !full(w) &&
	    put(w, quic_frame_put_token(w->p, w->end, c->token, c->token_len),
		QUIC_SENT_NEW_TOKEN, NULL, 0, 0, false))
		c->token_wanted = false;
}

static bool put_reset(struct writer *w, struct quic_stream *s)
{
	bool at = s->tx.state != QUIC_SEND_RESET_SENT;
	u64 reliable = at ? s->tx.reliable : 0;
	u8 *q;

	if (at)
		q = quic_frame_put_reset_at(w->p, w->end, s->id, s->tx.reset_code, s->tx.next,
					    reliable);
	else
		q = quic_frame_put_reset(w->p, w->end, s->id, s->tx.reset_code, s->tx.next);
	return put(w, q, QUIC_SENT_RESET_STREAM, s, reliable, 0, at);
}

/* false: the packet is full */
static bool put_stream_control(struct writer *w, struct quic_stream *s)
{
	if (quic_stream_reset_due(s)) {
		if (full(w) || !put_reset(w, s))
			return false;
		quic_stream_reset_sent(s);
	}
	if (s->rx.stop_wanted) {
		if (full(w) || !put(w, quic_frame_put_stop(w->p, w->end, s->id, s->rx.stop_code),
				    QUIC_SENT_STOP_SENDING, s, 0, 0, false))
			return false;
		s->rx.stop_wanted = false;
	}
	if (s->rx.max_wanted) {
		if (full(w) || !put(w, quic_frame_put_v2(w->p, w->end, QUIC_FT_MAX_STREAM_DATA,
							 s->id, quic_flow_grant(&s->rx.flow)),
				    QUIC_SENT_MAX_STREAM_DATA, s, 0, 0, false))
			return false;
		s->rx.max_wanted = false;
	}
	if (s->tx.blocked_wanted) {
		if (full(w) || !put(w, quic_frame_put_v2(w->p, w->end,
							 QUIC_FT_STREAM_DATA_BLOCKED, s->id,
							 s->tx.max),
				    QUIC_SENT_STREAM_DATA_BLOCKED, s, 0, 0, false))
			return false;
		s->tx.blocked_wanted = false;
	}
	return true;
}

static bool put_stream_data(struct writer *w, struct quic_stream *s)
{
	struct quic_plan *plan = w->plan;
	struct quic_plan_range *r;
	u64 off, left;
	bool fin;
	u32 len;
	u8 *q;

	while (quic_stream_next(w->c, s, &off, &left, &fin)) {
		if (full(w))
			return false;
		len = min_t(u64, left, QUIC_DGRAM_MAX);
		fin = fin && len == left;
		q = quic_frame_put_stream(w->p, w->end, s->id, off, &len, &fin, true);
		if (!q || (len >= QUIC_TX_COPY && plan->nranges == QUIC_PLAN_RANGES))
			return false;
		if (len >= QUIC_TX_COPY) {
			r = &plan->range[plan->nranges++];
			r->stream = s;
			r->off = off;
			r->len = len;
			r->at = q - w->buf;
		} else if (len) {
			/* No piece for the sealer, so that there may be many. */
			w->c->ops->stream_copy(w->c, s, off, len, q);
		}
		put(w, q + len, QUIC_SENT_STREAM, s, off, len, fin);
		plan->again |= off < s->tx.next;
		quic_stream_sent(w->c, s, off, len, fin);
		if (unlikely(plan->level == QUIC_LEVEL_EARLY))
			w->c->stats.bytes_early += len;
		if (w->p == w->end)
			return false;
	}
	return true;
}

static void put_datagrams(struct writer *w)
{
	struct quic_plan *plan = w->plan;
	struct quic_plan_range *r;
	struct quic_datagram *d;
	u8 *q;

	while (!full(w) && plan->nranges < QUIC_PLAN_RANGES) {
		d = quic_datagram_next(w->c);
		q = d ? quic_frame_put_datagram(w->p, w->end, d->len) : NULL;
		if (!q)
			return;
		r = &plan->range[plan->nranges++];
		r->stream = NULL;
		r->datagram = d;
		r->len = d->len;
		r->at = q - w->buf;
		list_del(&d->list);
		put(w, q + d->len, QUIC_SENT_OTHER, NULL, 0, 0, false);
	}
}

static void put_streams(struct writer *w)
{
	struct quic_conn *c = w->c;
	struct quic_stream *s;
	unsigned int turns = 2 * c->streams.count;

	/* A stream may come twice: for its control frames, and for its data. */
	while (turns-- && (s = quic_sched_first(c))) {
		bool control_only = s->place == QUIC_SCHED_CONTROL, room;

		room = put_stream_control(w, s) && (control_only || put_stream_data(w, s));
		quic_stream_activate(c, s);
		if (!room) {
			/* Its turn is over; others go first in the next packet. */
			quic_sched_rotate(c, s);
			return;
		}
	}
}

/*
 * RFC 9287, 3.1: to a peer that takes either, the QUIC Bit says nothing. Only what it said in this
 * connection counts, not what a client remembers.
 */
void quic_conn_grease_bit(struct quic_conn *c, u8 *first)
{
	if (likely(!c->remote.grease_quic_bit || !c->peer_tp_set))
		return;
	if (!c->grease_left) {
		c->ops->random(&c->grease, sizeof(c->grease));
		c->grease_left = 64;
	}
	if (c->grease & 1)
		*first &= ~QUIC_HDR_FIXED;
	c->grease >>= 1;
	c->grease_left--;
}

static bool start_header(struct writer *w, enum quic_level level, u32 start, u32 cap)
{
	struct quic_conn *c = w->c;
	struct quic_loss_space *ls = quic_loss_space(&c->loss, quic_level_pns(level));
	u64 pn = ls->sent.next;
	unsigned int pn_len = quic_packet_pn_len(pn, ls->largest_acked);
	struct quic_plan *plan = w->plan;
	const u8 *end = w->buf + cap;
	u8 *p = w->buf + start;

	plan->pn = pn;
	plan->level = level;
	plan->flags = 0;
	plan->again = false;
	plan->nranges = 0;
	plan->pad = false;
	plan->start = start;
	plan->len_off = 0;
	if (level == QUIC_LEVEL_EARLY) {
		p = quic_packet_put_long(p, end, QUIC_PKT_0RTT, c->original, quic_cid_remote(c),
					 &c->cids.local[0].cid, NULL, 0, pn, pn_len,
					 &plan->len_off, &plan->pn_off);
	} else if (level == QUIC_LEVEL_APP) {
		p = quic_packet_put_short(p, end, quic_cid_remote(c), c->prot.tx_phase, false, pn,
					  pn_len, &plan->pn_off);
	} else {
		bool initial = level == QUIC_LEVEL_INITIAL;

		p = quic_packet_put_long(p, end,
					 initial ? QUIC_PKT_INITIAL : QUIC_PKT_HANDSHAKE,
					 c->version, quic_cid_remote(c), &c->cids.local[0].cid,
					 initial && !c->server ? c->token : NULL,
					 initial && !c->server ? c->token_len : 0, pn, pn_len,
					 &plan->len_off, &plan->pn_off);
	}
	/* Room for the tag and for what header protection needs to sample. */
	if (!p || end - p < QUIC_AEAD_TAG + 4)
		return false;
	quic_conn_grease_bit(c, w->buf + start);
	plan->payload = p - w->buf;
	w->p = p;
	w->end = end - QUIC_AEAD_TAG;
	w->max_frames = quic_sent_room(w->sent);
	return true;
}

/* Whoever began the last packet that both had something for lets the other begin this one. */
static void put_data(struct writer *w)
{
	struct quic_conn *c = w->c;
	bool streams = c->streams.ready, datagrams = quic_datagram_pending(c);

	if (!datagrams || !c->datagram_last || !streams) {
		if (datagrams)
			put_datagrams(w);
		if (streams)
			put_streams(w);
	} else {
		put_streams(w);
		put_datagrams(w);
	}
	if (streams && datagrams)
		c->datagram_last = !c->datagram_last;
}

/* Not worth a packet: with data only. */
static void put_ack_frequency(struct writer *w, u64 now)
{
	struct quic_conn *c = w->c;
	u8 *q;

	if (!c->ack.wanted || full(w) ||
	    (!c->streams.ready && !quic_datagram_pending(c)))
		return;
	q = quic_ack_put(c, w->p, w->end, now);
	put(w, q, QUIC_SENT_ACK_FREQUENCY, NULL, c->ack.tx_seq - 1, 0, false);
}

/* Frames that congestion control may hold back. */
static void put_eliciting(struct writer *w, enum quic_level level, u64 now)
{
	if (level != QUIC_LEVEL_EARLY)
		put_crypto(w, level);
	if (quic_level_pns(level) != QUIC_PNS_APP)
		return;
	if (level != QUIC_LEVEL_EARLY)
		put_path(w);
	put_done_and_token(w);
	put_limits(w);
	/* RFC 9000, 12.5: RETIRE_CONNECTION_ID is not for 0-RTT, nor a response. */
	if (level != QUIC_LEVEL_EARLY) {
		put_cids(w);
		put_ack_frequency(w, now);
	}
	put_data(w);
}

static void put_type(struct writer *w, enum quic_frame_type type)
{
	put(w, quic_frame_put_type(w->p, w->end, type), QUIC_SENT_OTHER, NULL, 0, 0, false);
}

/* The next of two probes says what the first did: either may be lost (RFC 9002, 6.2.4). */
static void put_crypto_again(struct writer *w, enum quic_level level)
{
	struct quic_crypto_stream *cs = w->c->crypto[level];

	if (!cs || cs->tx_base == cs->tx_next)
		return;
	quic_crypto_stream_lost(w->c, level, cs->tx_base,
				min_t(u64, cs->tx_next - cs->tx_base, AGAIN_MAX));
	put_crypto(w, level);
}

static void put_probe(struct writer *w, enum quic_pns pns)
{
	struct quic_loss_space *ls = quic_loss_space(&w->c->loss, pns);
	struct quic_space *sp = quic_conn_space(w->c, pns);

	/* The ACK of a probe should not be delayed (draft-ietf-quic-ack-frequency, 7). */
	if (ls->probes && w->plan->level == QUIC_LEVEL_APP && w->c->remote.has_min_ack_delay &&
	    !full(w))
		put_type(w, QUIC_FT_IMMEDIATE_ACK);
	if (!w->eliciting && ls->probes && pns != QUIC_PNS_APP)
		put_crypto_again(w, w->plan->level);
	/* A probe elicits, whatever there was to say (RFC 9002, 6.2.4). */
	if (!w->eliciting && (ls->probes || sp->ping_wanted) && !full(w))
		put_type(w, QUIC_FT_PING);
	if (!w->eliciting)
		return;
	sp->ping_wanted = false;
}

bool quic_conn_plan(struct quic_conn *c, struct quic_plan *plan, u8 *buf, u32 start, u32 cap,
		    enum quic_level level, u32 budget, u64 now)
{
	enum quic_pns pns = quic_level_pns(level);
	struct quic_space *sp = quic_conn_space(c, pns);
	struct writer w = {
		.c = c, .plan = plan, .buf = buf, .sent = &quic_loss_space(&c->loss, pns)->sent,
		.full_size = cap >= QUIC_DGRAM_MIN,
	};
	bool data = budget || quic_loss_space(&c->loss, pns)->probes;

	if (!quic_pending_ack(c, level) && c->state != QUIC_CONN_CLOSING &&
	    !(data && quic_pending(c, level)))
		return false;
	if (quic_loss_reserve(&c->loss, pns, GFP_ATOMIC)) {
		quic_conn_retry(c, now);
		return false;
	}
	if (!start_header(&w, level, start, cap))
		return false;
	if (c->state == QUIC_CONN_CLOSING) {
		put_close(&w, level);
	} else {
		/* Never an ACK for its own sake before it is due (13.2.1). */
		if ((sp->ack_now || sp->eliciting) && level != QUIC_LEVEL_EARLY)
			put_ack(&w, sp, level == QUIC_LEVEL_APP, now);
		if (data) {
			put_eliciting(&w, level, now);
			put_probe(&w, pns);
		}
	}
	if (!w.nframes) {
		quic_sent_cancel(w.sent);
		return false;
	}
	if (w.eliciting)
		plan->flags = QUIC_PKT_F_ELICITING | QUIC_PKT_F_IN_FLIGHT;
	/* RFC 9001, 5.4.2: the sample starts 4 bytes after the packet number does */
	while (w.p - buf < start + plan->pn_off + 4)
		*w.p++ = QUIC_FT_PADDING;
	plan->end = w.p - buf;
	return true;
}

bool quic_conn_plan_mtu_probe(struct quic_conn *c, struct quic_plan *plan, u8 *buf, u32 size)
{
	struct writer w = {
		.c = c, .plan = plan, .buf = buf, .sent = &c->loss.app.sent,
	};

	if (quic_loss_reserve(&c->loss, QUIC_PNS_APP, GFP_ATOMIC) ||
	    !start_header(&w, QUIC_LEVEL_APP, 0, size))
		return false;
	/* The next size waits for the answer, and so may data: the draft's 8.3 */
	put_type(&w, c->remote.has_min_ack_delay ? QUIC_FT_IMMEDIATE_ACK : QUIC_FT_PING);
	memset(w.p, QUIC_FT_PADDING, w.end - w.p);
	plan->end = w.end - buf;
	plan->flags = QUIC_PKT_F_ELICITING | QUIC_PKT_F_IN_FLIGHT | QUIC_PKT_F_MTU_PROBE;
	return true;
}
