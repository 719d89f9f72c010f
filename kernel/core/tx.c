// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams and bursts: plan packets into a buffer, pad, seal each from where
 * the stream bytes lie, and mask all headers of the burst at the end.
 *
 * A burst is datagrams of one size on one path. One with a long header, a
 * close or a MTU probe goes alone.
 */
#include "conn.h"
#include "tx.h"

#define AMP_LEAST	128	/* bytes worth a datagram */

u32 quic_tx_max_size(const struct quic_conn *c)
{
	return max(c->pmtu.cur, quic_pmtu_want(&c->pmtu, U64_MAX));
}

u32 quic_tx_text_off(const struct quic_conn *c)
{
	const struct quic_loss_space *ls = &c->loss.app;

	return 1 + quic_cid_remote(c)->len + quic_packet_pn_len(ls->sent.next, ls->largest_acked);
}

/*
 * What anti-amplification leaves of @cap for a server's next datagram, 0 if
 * nothing of use (RFC 9000, 8.1). One with an Initial needs its full size (14.1).
 */
static u32 amp_cap(const struct quic_conn *c, u32 cap)
{
	const struct quic_path *p = c->path;
	u32 left = quic_path_allowance(c, p, cap), least = AMP_LEAST;

	if (likely(left == cap))
		return cap;
	if (p->wanted || p->n_responses)
		least = QUIC_PATH_PROBE_MIN;
	if (left < least)
		return 0;
	if (c->state != QUIC_CONN_CLOSING && quic_pending(c, QUIC_LEVEL_INITIAL))
		return 0;
	return left;
}

u64 quic_tx_probe_at(const struct quic_conn *c)
{
	const struct quic_loss *l = &c->loss;

	if (!c->confirmed || c->state != QUIC_CONN_ESTABLISHED || c->handshake_done_wanted ||
	    !quic_loss_window(l) || !c->path->validated)
		return U64_MAX;
	/* It leaves room for data, unless there is none to send or under way. */
	if ((l->bytes_in_flight || c->streams.ready) &&
	    2ull * quic_pmtu_want(&c->pmtu, U64_MAX) > l->cc.cwnd)
		return U64_MAX;
	return quic_pmtu_deadline(&c->pmtu);
}

void quic_tx_begin(struct quic_burst *b, struct quic_conn *c, u64 now)
{
	u64 window = quic_loss_window(&c->loss);

	/* RFC 9001, 6.6 */
	if (unlikely(c->confirmed && quic_protect_wants_update(&c->prot)))
		quic_conn_key_update(c, now);
	b->conn = c;
	b->path = quic_path_speaker(c) ?: c->path;
	b->now = now;
	b->budget = min_t(u64, window, quic_pacer_budget(&c->loss.pacer, c->pmtu.cur, now));
	b->size = 0;
	b->n = 0;
	b->ect = quic_ecn_mark(&c->loss.ecn) && b->path == c->path;
	b->closed = c->state >= QUIC_CONN_DRAINING;
	b->bytes = 0;
	b->paced = 0;
	b->nhp = 0;
	b->run.stream = NULL;
}

static void add_vec(struct quic_burst *b, u8 *base, u32 len)
{
	if (!len)
		return;
	b->vec[b->nvec].base = base;
	b->vec[b->nvec].lent = 0;
	b->vec[b->nvec++].len = len;
}

/* The range's payload as pieces at @v, at most @max. Return: 0: it was copied to its place */
static unsigned int range_vecs(struct quic_conn *c, const struct quic_plan_range *r, u8 *buf,
			       struct quic_vec *v, int max)
{
	unsigned int n = 0;

	if (!r->stream) {
		if (r->len >= QUIC_TX_COPY && max > 0) {
			v->base = (void *)r->datagram->data;
			v->len = r->len;
			v->lent = r->datagram->lent;
			return 1;
		}
		memcpy(buf + r->at, r->datagram->data, r->len);
		return 0;
	}
	if (r->len >= QUIC_TX_COPY && max > 1)
		n = c->ops->stream_vecs(c, r->stream, r->off, r->len, v, max);
	if (!n)
		c->ops->stream_copy(c, r->stream, r->off, r->len, buf + r->at);
	return n;
}

/* The pieces of the packet's plaintext in order: our bytes in place, the streams' where they are */
static void gather(struct quic_burst *b, const struct quic_plan *p, u8 *buf)
{
	u32 pos = p->payload;
	unsigned int i, n;

	b->nvec = 0;
	for (i = 0; i < p->nranges; i++) {
		const struct quic_plan_range *r = &p->range[i];

		/* Keep room for a piece of ours before and after. */
		n = range_vecs(b->conn, r, buf, &b->vec[b->nvec + 1], QUIC_TX_VECS - b->nvec - 2);
		if (!n)
			continue;
		b->vec[b->nvec].base = buf + pos;
		b->vec[b->nvec].len = r->at - pos;
		b->vec[b->nvec].lent = 0;
		b->nvec += 1 + n;
		pos = r->at + r->len;
	}
	add_vec(b, buf + pos, p->end - pos);
}

static int seal(struct quic_burst *b, struct quic_plan *p, u8 *buf)
{
	struct quic_conn *c = b->conn;
	u8 *pkt = buf + p->start;
	struct quic_hp_item *hp;
	int err;

	/* RFC 9000, 17.2: Length counts packet number, payload and tag */
	if (p->len_off)
		quic_varint_put2(pkt + p->len_off,
				 p->end + QUIC_AEAD_TAG - p->start - p->pn_off);
	gather(b, p, buf);
	err = quic_protect_seal(&c->prot, p->level, p->pn, pkt, p->payload - p->start, b->vec,
				b->nvec, p->end - p->payload);
	if (err)
		return err;
	hp = &b->hp[b->nhp];
	hp->sample = pkt + p->pn_off + 4;
	hp->pn_off = p->pn_off;
	if (p->level == QUIC_LEVEL_APP) {
		b->nhp++;
		return 0;
	}
	return quic_protect_hide(&c->prot, p->level, hp, 1);
}

static void record(struct quic_burst *b, const struct quic_plan *p)
{
	struct quic_conn *c = b->conn;
	u32 size = p->end + QUIC_AEAD_TAG - p->start;
	unsigned int i;

	for (i = 0; i < p->nranges; i++)
		if (!p->range[i].stream)
			c->ops->datagram_done(c, p->range[i].datagram);
	quic_loss_sent(&c->loss, quic_level_pns(p->level), size,
		       p->flags | (b->ect ? QUIC_PKT_F_ECT0 : 0), b->now);
	c->stats.packets_sent++;
	c->stats.packets_retransmitted += p->again;
	if (p->flags & QUIC_PKT_F_IN_FLIGHT) {
		b->budget -= min(b->budget, size);
		/* A probe takes nothing from the data's rate. */
		if (!(p->flags & QUIC_PKT_F_MTU_PROBE))
			b->paced += size;
	}
	if (p->flags & QUIC_PKT_F_ELICITING)
		quic_conn_touch_tx(c, b->now);
}

/* A packet that could not be sealed is sent as far as the core is concerned. Return: @err */
static int failed(struct quic_burst *b, int err)
{
	if (err == -EKEYEXPIRED)
		quic_conn_fail(b->conn, QUIC_ERR_AEAD_LIMIT_REACHED, 0, b->now);
	return err;
}

/* Record and seal a planned packet. Return: the datagram's length after it, or error. */
static int finish(struct quic_burst *b, struct quic_plan *p, u8 *buf)
{
	struct quic_conn *c = b->conn;
	int err = seal(b, p, buf);

	record(b, p);
	if (unlikely(err))
		return failed(b, err);
	/* RFC 9001, 4.9.1: a client's first Handshake packet ends its Initial keys */
	if (!c->server && p->level == QUIC_LEVEL_HANDSHAKE)
		quic_conn_discard(c, QUIC_LEVEL_INITIAL);
	return p->end + QUIC_AEAD_TAG;
}

/*
 * RFC 9000, 14.1: datagrams with a client's Initial, or with an ack-eliciting
 * one of a server, have at least 1200 bytes; the last packet is padded.
 */
static void pad(struct quic_plan *p, u8 *buf, u32 cap)
{
	u32 want = min_t(u32, cap, QUIC_DGRAM_MIN) - QUIC_AEAD_TAG;

	if (p->end >= want)
		return;
	memset(buf + p->end, QUIC_FT_PADDING, want - p->end);
	p->end = want;
	p->flags |= QUIC_PKT_F_IN_FLIGHT;
}

/* Packets of every level that has something to say, coalesced (RFC 9000, 12.2). */
static int coalesce(struct quic_burst *b, u8 *buf, u32 cap)
{
	static const u8 order[] = {
		QUIC_LEVEL_INITIAL, QUIC_LEVEL_EARLY, QUIC_LEVEL_HANDSHAKE, QUIC_LEVEL_APP,
	};
	struct quic_conn *c = b->conn;
	struct quic_plan *last = NULL, *p = &b->plan[0];
	bool padded = false;
	unsigned int i;
	u32 budget, start;
	int len = 0;

	for (i = likely(c->confirmed) ? ARRAY_SIZE(order) - 1 : 0; i < ARRAY_SIZE(order); i++) {
		if (!quic_protect_can_send(&c->prot, order[i]) ||
		    (order[i] == QUIC_LEVEL_EARLY && quic_early_level(c) != QUIC_LEVEL_EARLY))
			continue;
		/* What is in flight must fit whole: no tiny packets at the window's edge. */
		budget = b->budget >= cap ? b->budget : 0;
		start = last ? last->end + QUIC_AEAD_TAG : 0;
		if (cap < len + 64u ||
		    !quic_conn_plan(c, p, buf, start, cap, order[i], budget, b->now))
			continue;
		if (order[i] == QUIC_LEVEL_INITIAL &&
		    (!c->server || (p->flags & QUIC_PKT_F_ELICITING)))
			padded = true;
		padded |= p->pad;
		if (last) {
			len = finish(b, last, buf);
			if (len < 0) {
				/* What @p carries is noted already: it is lost, too. */
				record(b, p);
				return len;
			}
		}
		last = p;
		p = p == &b->plan[0] ? &b->plan[1] : &b->plan[0];
		len = last->end + QUIC_AEAD_TAG;
	}
	if (!last)
		return 0;
	if (padded)
		pad(last, buf, cap);
	if (last->level != QUIC_LEVEL_APP || last->start)
		b->closed = true;
	return finish(b, last, buf);
}

/* Path validation on a path that is not in use: frames for nothing else, a datagram alone */
static int probe_path(struct quic_burst *b, u8 *buf, u32 cap)
{
	b->closed = true;
	if (!quic_path_plan(b->conn, b->path, &b->plan[0], buf, cap)) {
		quic_conn_retry(b->conn, b->now);
		return 0;
	}
	return finish(b, &b->plan[0], buf);
}

static int mtu_probe(struct quic_burst *b, u8 *buf, u32 cap)
{
	struct quic_conn *c = b->conn;
	u16 size;

	if (b->n || quic_pmtu_deadline(&c->pmtu) > b->now || quic_tx_probe_at(c) > b->now)
		return 0;
	size = quic_pmtu_want(&c->pmtu, b->now);
	/* What is due and does not leave would be due again at once. */
	if (size > cap)
		quic_conn_retry(c, b->now);
	if (!size || size > cap)
		return 0;
	if (!quic_conn_plan_mtu_probe(c, &b->plan[0], buf, size)) {
		quic_conn_retry(c, b->now);
		return 0;
	}
	quic_pmtu_sent(&c->pmtu, size);
	b->closed = true;
	return finish(b, &b->plan[0], buf);
}

static void count(struct quic_burst *b, unsigned int n, u32 bytes)
{
	b->n += n;
	b->bytes += bytes;
	b->path->tx_bytes += bytes;
	b->conn->stats.bytes_sent += bytes;
}

unsigned int quic_tx_run(struct quic_burst *b, u8 *buf, u32 cap, unsigned int max)
{
	unsigned int n;
	int len;

	if (!b->run.stream || b->closed)
		return 0;
	max = min(max, min(cap / b->size, QUIC_BURST_MAX - (u32)b->n));
	for (n = 0; n < max && b->budget >= b->size; n++) {
		len = quic_run_datagram(b, buf + n * b->size);
		if (unlikely(len <= 0)) {
			if (len)
				failed(b, len);
			break;
		}
	}
	count(b, n, n * b->size);
	return n;
}

int quic_tx_datagram(struct quic_burst *b, u8 *buf, u32 cap)
{
	struct quic_conn *c = b->conn;
	bool closing = c->state == QUIC_CONN_CLOSING;
	int len;

	if (b->closed || b->n == QUIC_BURST_MAX || (closing && !c->close_wanted))
		return 0;
	if (likely(b->run.stream) && b->budget >= b->size && cap >= b->size) {
		len = quic_run_datagram(b, buf);
		if (likely(len > 0))
			goto out;
		if (len)
			return failed(b, len);
	}
	if (unlikely(b->path != c->path))
		len = probe_path(b, buf, cap);
	else
		len = mtu_probe(b, buf, cap);
	if (!len && b->path == c->path) {
		cap = min_t(u32, cap, b->n ? b->size : c->pmtu.cur);
		cap = amp_cap(c, cap);
		c->loss.at_amp_limit = !cap;
		if (!cap)
			return 0;
		len = coalesce(b, buf, cap);
	}
	if (closing) {
		c->close_wanted = false;
		b->closed = true;
	}
	if (len > 0 && !b->n) {
		b->size = len;
		/* Only what comes from outside changes that during the burst. */
		if (b->path == c->path && b->path->validated)
			quic_run_begin(&b->run, c, len);
	}
	/* Datagrams of one size may make a burst of smaller packets. */
	if (len > 0 && (len < b->size || (len < c->pmtu.cur && (!quic_datagram_pending(c) ||
								c->streams.ready))))
		b->closed = true;
out:
	if (len > 0)
		count(b, 1, len);
	return len;
}

int quic_tx_end(struct quic_burst *b)
{
	struct quic_conn *c = b->conn;

	if (b->paced)
		quic_pacer_sent(&c->loss.pacer, c->pmtu.cur, b->paced, b->now);
	/* Room in the window and nothing to fill it: the application limits (RFC 9002, 7.8). */
	c->loss.app_limited = quic_loss_window(&c->loss) >= c->pmtu.cur &&
			      !quic_pending(c, quic_early_level(c));
	b->dry = c->loss.app_limited && c->confirmed &&
		 (likely(c->paths.n < 2) || !quic_path_speaker(c));
	if (c->loss.app_limited)
		quic_delivery_limited(&c->loss.cc.delivery, c->loss.bytes_in_flight);
	if (!b->nhp)
		return 0;
	return quic_protect_hide(&c->prot, QUIC_LEVEL_APP, b->hp, b->nhp);
}

/* Do window and pacer let a full datagram go? */
static bool room(const struct quic_conn *c, u64 now)
{
	return quic_loss_window(&c->loss) >= c->pmtu.cur &&
	       quic_pacer_budget(&c->loss.pacer, c->pmtu.cur, now);
}

bool quic_tx_pending(const struct quic_conn *c, u64 now)
{
	bool wish = false, at_once = false;
	enum quic_level level;
	unsigned int i;

	if (unlikely(quic_path_speaker(c)))
		return true;
	if (c->state >= QUIC_CONN_DRAINING)
		return false;
	if (c->state == QUIC_CONN_CLOSING)
		return c->close_wanted && amp_cap(c, c->pmtu.cur);
	/* Mostly there is nothing: look at that before what would let it go. */
	for (i = 0; i < quic_conn_spaces(c); i++) {
		level = i == QUIC_PNS_APP ? quic_early_level(c) : i;
		if (!quic_pending(c, level))
			continue;
		wish = true;
		at_once |= quic_pending_ack(c, level) || quic_loss_space(&c->loss, i)->probes;
	}
	if (wish && (at_once || room(c, now)) && amp_cap(c, c->pmtu.cur))
		return true;
	return quic_pmtu_deadline(&c->pmtu) <= now && quic_tx_probe_at(c) <= now &&
	       amp_cap(c, c->pmtu.cur);
}
