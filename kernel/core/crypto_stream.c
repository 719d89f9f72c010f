// SPDX-License-Identifier: GPL-2.0
/*
 * CRYPTO data (RFC 9000, 7.5 and 19.6): one ordered byte stream a level,
 * without flow control, so bounded here.
 *
 * Sent bytes are kept until all of them are acknowledged or the level's keys
 * are dropped. Received ones go to the glue in order; out-of-order ones wait in
 * a ring of at most QUIC_CRYPTO_BUF_MAX, each at its offset modulo the size, so
 * that nothing is moved when the start of it is handed over.
 */
#include "conn.h"

static struct quic_crypto_stream *get(struct quic_conn *c, enum quic_level level)
{
	struct quic_crypto_stream *cs = c->crypto[level];

	if (cs)
		return cs;
	cs = kzalloc(sizeof(*cs), GFP_ATOMIC | __GFP_NOWARN);
	if (!cs)
		return NULL;
	quic_ranges_init(&cs->tx_lost);
	quic_ranges_init(&cs->tx_acks);
	quic_ranges_init(&cs->rx_ooo);
	c->crypto[level] = cs;
	return cs;
}

void quic_crypto_stream_free(struct quic_conn *c, enum quic_level level)
{
	struct quic_crypto_stream *cs = c->crypto[level];

	if (!cs)
		return;
	c->crypto[level] = NULL;
	quic_ranges_free(&cs->tx_lost);
	quic_ranges_free(&cs->tx_acks);
	quic_ranges_free(&cs->rx_ooo);
	kfree(cs->tx);
	kfree(cs->rx);
	kfree(cs);
}

/* Make *buf hold @need bytes, keeping @used of them. */
static int grow(u8 **buf, u32 *cap, u32 used, u32 need)
{
	u32 want = max_t(u32, *cap, 1024);
	u8 *p;

	if (need <= *cap)
		return 0;
	if (need > QUIC_CRYPTO_BUF_MAX)
		return -EMSGSIZE;
	while (want < need)
		want *= 2;
	p = kzalloc(want, GFP_ATOMIC | __GFP_NOWARN);
	if (!p)
		return -ENOMEM;
	if (used)
		memcpy(p, *buf, used);
	kfree(*buf);
	*buf = p;
	*cap = want;
	return 0;
}

int quic_conn_crypto_send(struct quic_conn *c, enum quic_level level, const u8 *data, u32 len)
{
	struct quic_crypto_stream *cs;
	u32 used;
	int err;

	if (c->state > QUIC_CONN_ESTABLISHED || level == QUIC_LEVEL_EARLY ||
	    !quic_protect_can_send(&c->prot, level))
		return -EINVAL;
	cs = get(c, level);
	if (!cs)
		return -ENOMEM;
	used = cs->tx_end - cs->tx_base;
	if (len > QUIC_CRYPTO_BUF_MAX - used)
		return -EMSGSIZE;
	err = grow(&cs->tx, &cs->tx_cap, used, used + len);
	if (err)
		return err;
	if (len)
		memcpy(cs->tx + used, data, len);
	cs->tx_end += len;
	return 0;
}

bool quic_crypto_stream_next(const struct quic_conn *c, enum quic_level level, u64 *off, u32 *len)
{
	const struct quic_crypto_stream *cs = c->crypto[level];

	if (!cs)
		return false;
	if (cs->tx_lost.n) {
		*off = cs->tx_lost.r[0].start;
		*len = cs->tx_lost.r[0].end - *off;
		return true;
	}
	*off = cs->tx_next;
	*len = cs->tx_end - cs->tx_next;
	return *len;
}

bool quic_crypto_stream_pending(const struct quic_conn *c, enum quic_level level)
{
	u64 off;
	u32 len;

	return quic_crypto_stream_next(c, level, &off, &len);
}

void quic_crypto_stream_settle(struct quic_conn *c)
{
	c->loss.crypto_lost = c->loss.crypto_lost &&
			      (quic_crypto_stream_pending(c, QUIC_LEVEL_INITIAL) ||
			       quic_crypto_stream_pending(c, QUIC_LEVEL_HANDSHAKE));
}

void quic_crypto_stream_sent(struct quic_conn *c, enum quic_level level, u64 off, u32 len)
{
	struct quic_crypto_stream *cs = c->crypto[level];

	if (off < cs->tx_next)
		quic_ranges_del(&cs->tx_lost, off, off + len, U32_MAX, GFP_ATOMIC);
	else
		cs->tx_next += len;
}

void quic_crypto_stream_acked(struct quic_conn *c, enum quic_level level, u64 off, u32 len)
{
	struct quic_crypto_stream *cs = c->crypto[level];

	if (!cs)
		return;
	/* Without memory it merely may be sent once more. */
	quic_ranges_add(&cs->tx_acks, off, off + len, QUIC_STREAM_RANGES_MAX, GFP_ATOMIC);
	quic_ranges_del(&cs->tx_lost, off, off + len, U32_MAX, GFP_ATOMIC);
	if (!quic_ranges_covers(&cs->tx_acks, cs->tx_base, cs->tx_end))
		return;
	kfree_sensitive(cs->tx);
	cs->tx = NULL;
	cs->tx_cap = 0;
	cs->tx_base = cs->tx_end;
	quic_ranges_free(&cs->tx_acks);
}

void quic_crypto_stream_lost(struct quic_conn *c, enum quic_level level, u64 off, u32 len)
{
	struct quic_crypto_stream *cs = c->crypto[level];
	u64 end = off + len;
	struct quic_range gap;

	if (!cs)
		return;
	off = max(off, cs->tx_base);
	while (off < end && quic_ranges_gap(&cs->tx_acks, off, end, &gap)) {
		if (quic_ranges_add(&cs->tx_lost, gap.start, gap.end, QUIC_STREAM_RANGES_MAX,
				    GFP_ATOMIC) < 0) {
			/* Rather all of it again than a hole that never closes. */
			quic_ranges_free(&cs->tx_lost);
			quic_ranges_add(&cs->tx_lost, cs->tx_base, cs->tx_next, 1, GFP_ATOMIC);
			return;
		}
		off = gap.end;
	}
}

/* Bytes at @off to their places in the ring. */
static void ring_put(u8 *ring, u32 cap, u64 off, const u8 *data, u32 len)
{
	u32 pos = off & (cap - 1), n = min(len, cap - pos);

	memcpy(ring + pos, data, n);
	memcpy(ring, data + n, len - n);
}

static int ring_grow(struct quic_crypto_stream *cs, u32 need)
{
	u8 *old = cs->rx, *ring = NULL;
	u32 cap = cs->rx_cap, skip;
	int err;

	err = need > cap ? grow(&ring, &cap, 0, need) : 0;
	if (err || !ring)
		return err;
	if (old) {
		skip = cs->rx_contig & (cs->rx_cap - 1);
		ring_put(ring, cap, cs->rx_contig, old + skip, cs->rx_cap - skip);
		ring_put(ring, cap, cs->rx_contig + cs->rx_cap - skip, old, skip);
	}
	kfree(old);
	cs->rx = ring;
	cs->rx_cap = cap;
	return 0;
}

static u64 hold(struct quic_crypto_stream *cs, u64 off, const u8 *data, u32 len)
{
	u64 at = off - cs->rx_contig;

	/* RFC 9000, 7.5 */
	if (at + len > QUIC_CRYPTO_BUF_MAX)
		return QUIC_ERR_CRYPTO_BUFFER_EXCEEDED;
	if (ring_grow(cs, at + len) ||
	    quic_ranges_add(&cs->rx_ooo, off, off + len, QUIC_CRYPTO_RANGES_MAX, GFP_ATOMIC) < 0)
		return QUIC_RX_DROP;
	ring_put(cs->rx, cs->rx_cap, off, data, len);
	return 0;
}

static u64 give(struct quic_conn *c, enum quic_level level, const u8 *data, u32 len)
{
	int ret = c->ops->crypto_data(c, level, data, len);

	return ret < 0 ? QUIC_RX_DROP : (u64)ret;
}

/* Hand over what has become contiguous in the buffer: two pieces if it goes round its end. */
static u64 release(struct quic_conn *c, enum quic_level level, struct quic_crypto_stream *cs)
{
	struct quic_range *r;
	u32 pos, n;
	u64 err;

	while ((r = quic_ranges_first(&cs->rx_ooo)) && r->start <= cs->rx_contig) {
		pos = cs->rx_contig & (cs->rx_cap - 1);
		n = min_t(u64, r->end - cs->rx_contig, cs->rx_cap - pos);
		err = give(c, level, cs->rx + pos, n);
		if (err)
			return err;
		cs->rx_contig += n;
		quic_ranges_trim(&cs->rx_ooo, cs->rx_contig);
	}
	if (!cs->rx_ooo.n) {
		kfree(cs->rx);
		cs->rx = NULL;
		cs->rx_cap = 0;
	}
	return 0;
}

/* TLS reads nothing of @level any more. */
static bool is_over(const struct quic_conn *c, enum quic_level level)
{
	if (level == QUIC_LEVEL_INITIAL)
		return quic_protect_can_recv(&c->prot, QUIC_LEVEL_HANDSHAKE);
	return level == QUIC_LEVEL_HANDSHAKE && c->tls_done;
}

bool quic_crypto_stream_unread(const struct quic_conn *c, enum quic_level level)
{
	return c->crypto[level] && c->crypto[level]->rx_ooo.n;
}

u64 quic_crypto_stream_rx(struct quic_conn *c, enum quic_level level, u64 off, const u8 *data,
			  u32 len)
{
	struct quic_crypto_stream *cs = get(c, level);
	u64 end = off + len, err;

	if (!cs)
		return QUIC_RX_DROP;
	if (end <= cs->rx_contig)
		return 0;
	/* RFC 9001, 4.1.3: nothing new of a level that was left */
	if (unlikely(is_over(c, level)))
		return QUIC_ERR_PROTOCOL_VIOLATION;
	if (off < cs->rx_contig) {
		data += cs->rx_contig - off;
		off = cs->rx_contig;
	}
	/* The usual case needs no buffer. */
	if (off == cs->rx_contig && !cs->rx_ooo.n) {
		err = give(c, level, data, end - off);
		if (!err)
			cs->rx_contig = end;
		return err;
	}
	err = hold(cs, off, data, end - off);
	return err ? err : release(c, level, cs);
}
