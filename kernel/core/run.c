// SPDX-License-Identifier: GPL-2.0
/*
 * Bulk data the short way: while all there is to send is new data of one stream, the packets of a
 * burst differ in packet number, offset and bytes. What they share is laid out once.
 *
 * Invariant: a run lasts for the burst it was begun in, since only what is received or written
 * changes what there is to say. A packet that would not be full, or could be the stream's last,
 * is left to conn_plan.c.
 */
#include "conn.h"
#include "tx.h"

static struct quic_stream *only_stream(const struct quic_conn *c)
{
	struct quic_stream *s;

	s = quic_sched_only(c);
	if (!s || c->state != QUIC_CONN_ESTABLISHED ||
	    quic_pending_control(c, QUIC_LEVEL_APP) || c->app.eliciting)
		return NULL;
	return quic_stream_only_new(s) ? s : NULL;
}

void quic_run_begin(struct quic_run *r, const struct quic_conn *c, u32 size)
{
	const struct quic_cid *dcid = quic_cid_remote(c);
	struct quic_stream *s = only_stream(c);
	u64 left;

	r->stream = NULL;
	/* The first byte of the stream would go without Offset. */
	if (!s || !s->tx.next)
		return;
	left = min(min(s->tx.written, s->tx.max) - s->tx.next, c->tx_max - c->tx_data);
	if (left < size)
		return;
	r->stream = s;
	r->last = s->tx.next + left - size;
	r->head[0] = QUIC_HDR_FIXED | (c->prot.tx_phase ? QUIC_HDR_KEY_PHASE : 0);
	memcpy(r->head + 1, dcid->id, sizeof(dcid->id));
	r->head_len = 1 + dcid->len;
	r->frame[0] = QUIC_FT_STREAM | QUIC_STREAM_BIT_OFF;
	r->frame_len = quic_varint_put(r->frame + 1, s->id) - r->frame;
}

/* All but the bytes and what follows them. Return: where the frame begins; *text: the bytes */
static u8 *put_headers(struct quic_burst *b, u8 *buf, u64 pn, u64 off, u8 **text)
{
	const struct quic_run *r = &b->run;
	unsigned int pn_len;
	u8 *frame, *p;

	pn_len = quic_packet_pn_len(pn, b->conn->loss.app.largest_acked);
	if (likely(r->head_len == 1 + QUIC_CID_LEN))
		memcpy(buf, r->head, 1 + QUIC_CID_LEN);
	else
		memcpy(buf, r->head, r->head_len);
	*buf |= pn_len - 1;
	quic_conn_grease_bit(b->conn, buf);
	frame = quic_packet_put_pn(buf + r->head_len, pn, pn_len);
	if (likely(r->frame_len == 2)) {
		memcpy(frame, r->frame, 2);
		p = frame + 2;
	} else {
		memcpy(frame, r->frame, r->frame_len);
		p = frame + r->frame_len;
	}
	*text = quic_varint_put(p, off);
	return frame;
}

static int seal(struct quic_burst *b, u8 *buf, u8 *frame, u8 *text, u64 pn, u64 off, u32 len)
{
	struct quic_conn *c = b->conn;
	struct quic_hp_item *hp = &b->hp[b->nhp];
	unsigned int n;
	int err;

	b->vec[0].base = frame;
	b->vec[0].len = text - frame;
	b->vec[0].lent = 0;
	n = c->ops->stream_vecs(c, b->run.stream, off, len, &b->vec[1], QUIC_TX_VECS - 1);
	if (unlikely(!n)) {
		c->ops->stream_copy(c, b->run.stream, off, len, text);
		b->vec[0].len += len;
	}
	err = quic_protect_seal(&c->prot, QUIC_LEVEL_APP, pn, buf, frame - buf, b->vec, n + 1,
				text - frame + len);
	if (unlikely(err))
		return err;
	hp->pn_off = b->run.head_len;
	hp->sample = buf + b->run.head_len + 4;
	b->nhp++;
	return 0;
}

int quic_run_datagram(struct quic_burst *b, u8 *buf)
{
	struct quic_conn *c = b->conn;
	struct quic_stream *s = b->run.stream;
	struct quic_sent *sent = &c->loss.app.sent;
	u64 pn = sent->next, off = s->tx.next;
	u8 *frame, *text;
	u32 len;
	int err;

	if (unlikely(off > b->run.last || quic_sent_packets_full(sent) ||
		     quic_sent_frames_full(sent)))
		return 0;
	frame = put_headers(b, buf, pn, off, &text);
	len = buf + b->size - QUIC_AEAD_TAG - text;
	err = seal(b, buf, frame, text, pn, off, len);

	quic_sent_put(sent, QUIC_SENT_STREAM, s, off, len, false);
	s->refs++;
	s->tx.next += len;
	c->tx_data += len;
	quic_loss_sent(&c->loss, QUIC_PNS_APP, b->size, QUIC_PKT_F_ELICITING |
		       QUIC_PKT_F_IN_FLIGHT | (b->ect ? QUIC_PKT_F_ECT0 : 0), b->now);
	c->stats.packets_sent++;
	b->budget -= b->size;
	b->paced += b->size;
	if (unlikely(!c->eliciting_sent_since_rx))
		quic_conn_touch_tx(c, b->now);
	return likely(!err) ? b->size : err;
}
