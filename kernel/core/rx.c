// SPDX-License-Identifier: GPL-2.0
/*
 * From datagrams to opened packets. Two ways lead to open_packet():
 *
 * train:    1-RTT packets in pieces of someone's memory; header protection masks
 *           of the whole train come from one request, then packet by packet.
 * datagram: everything else, in linear memory, one packet at a time; packets
 *           whose keys are not there yet are kept (RFC 9001, 5.7).
 *
 * Nothing here changes state before a packet has been opened, except counters.
 */
#include "negotiate.h"
#include "retry.h"
#include "rx.h"
#include "tx.h"

#define SHORT_MIN	(1 + QUIC_CID_LEN + 4 + QUIC_HP_SAMPLE)

bool quic_rx_peek(const u8 *buf, u32 len, const u8 **dcid, u8 *dcid_len, bool *long_hdr)
{
	if (!len)
		return false;
	*long_hdr = buf[0] & QUIC_HDR_LONG;
	if (!*long_hdr) {
		if (len < 1 + QUIC_CID_LEN)
			return false;
		*dcid = buf + 1;
		*dcid_len = QUIC_CID_LEN;
		return true;
	}
	/* RFC 8999, 5.1 */
	if (len < 7 || buf[5] > len - 7)
		return false;
	*dcid = buf + 6;
	*dcid_len = buf[5];
	return true;
}

/* The pieces of one protected packet, and where its number is. */
struct sealed {
	const struct quic_vec *vec;
	unsigned int nvec;
	u32 len;
	u32 pn_off;
	u8 level;
	u8 keys;		/* the level's, or QUIC_KEYS_ALT */
	u8 ecn;
	u64 pto;
	const struct quic_cid *dcid;
};

static void copy_out(const struct sealed *s, u8 *to, u32 len)
{
	const struct quic_vec *v = s->vec;

	while (len) {
		u32 n = min(len, v->len);

		memcpy(to, v->base, n);
		to += n;
		len -= n;
		v++;
	}
}

/* Ciphertext pieces: the packet without its first @skip bytes. */
static unsigned int body_vecs(const struct sealed *s, u32 skip, struct quic_vec *out)
{
	unsigned int i, n = 0;

	if (likely(s->nvec == 1)) {
		out->base = s->vec->base + skip;
		out->len = s->vec->len - skip;
		return 1;
	}
	for (i = 0; i < s->nvec; i++) {
		if (skip >= s->vec[i].len) {
			skip -= s->vec[i].len;
			continue;
		}
		out[n].base = (u8 *)s->vec[i].base + skip;
		out[n++].len = s->vec[i].len - skip;
		skip = 0;
	}
	return n;
}

#define SEALED_VECS	20

static void open_failed(struct quic_conn *c, int err, u64 now)
{
	c->stats.packets_dropped++;
	if (err == -EKEYEXPIRED)
		quic_conn_fail(c, QUIC_ERR_AEAD_LIMIT_REACHED, 0, now);
	else if (err == -EPROTO)
		quic_conn_fail(c, QUIC_ERR_KEY_UPDATE, 0, now);
	else if (err == -EAGAIN)
		c->ops->event(c, QUIC_CEV_PREPARE_KEYS, 0);
}

/* First-byte bits that must be zero once protection is off (RFC 9000, 17.2 and 17.3.1) */
static bool reserved_set(u8 first)
{
	return first & (first & QUIC_HDR_LONG ? QUIC_HDR_LONG_RESERVED : QUIC_HDR_SHORT_RESERVED);
}

/* What a packet that opened proves, before its frames are looked at. */
static void opened(struct quic_conn *c, enum quic_level level, unsigned int keys, u64 now)
{
	c->stats.packets_received++;
	if (unlikely(keys == QUIC_KEYS_ALT))
		quic_negotiate_opened(c);
	if (unlikely(level == QUIC_LEVEL_APP && quic_protect_can_recv(&c->prot, QUIC_LEVEL_EARLY)))
		quic_early_opened(c, now);
	if (c->server && level == QUIC_LEVEL_HANDSHAKE) {
		/* RFC 9000, 8.1 and RFC 9001, 4.9.1 */
		c->path->validated = true;
		c->loss.at_amp_limit = false;
		if (quic_protect_can_recv(&c->prot, QUIC_LEVEL_INITIAL))
			quic_conn_discard(c, QUIC_LEVEL_INITIAL);
	}
}

/* Where in @buf a packet may begin so that no cipher block lies across a page's end. */
static u8 *align_text(u8 *buf, u32 pn_off, u8 first)
{
	uintptr_t text = (uintptr_t)buf + pn_off + (first & QUIC_HDR_PN_LEN) + 1;

	return buf + (-text & (QUIC_CIPHER_BLOCK - 1));
}

/* As much as there is in front of the text if the packet number has 4 bytes */
static void copy_header(const struct sealed *s, u8 *to)
{
	if (likely(s->pn_off == 1 + QUIC_CID_LEN && s->vec->len >= SHORT_MIN))
		memcpy(to, s->vec->base, 1 + QUIC_CID_LEN + 4);
	else
		copy_out(s, to, s->pn_off + 4);
}

/* To the ID that the last one on this path was to, so that nothing is news to the path. */
static bool usual_path(const struct quic_conn *c, const struct quic_cid *dcid)
{
	const struct quic_path *p = c->paths.rx;

	return p && p->from.len == QUIC_CID_LEN && dcid->len == QUIC_CID_LEN &&
	       !memcmp(p->from.id, dcid->id, QUIC_CID_LEN);
}

/*
 * RFC 9000, 5.2: a short header belongs to us by its ID. One with another came to be looked at as a
 * stateless reset; to open it would have strangers count for the limit of forgeries, which ends the
 * connection (RFC 9001, 6.6).
 */
static bool to_us(const struct quic_conn *c, const struct quic_cid *dcid)
{
	return likely(usual_path(c, dcid)) || quic_cid_is_local(c, dcid->id, dcid->len);
}

/* Return: was it accepted? */
static bool open_packet(struct quic_conn *c, const struct sealed *s, const u8 *mask, u64 now)
{
	enum quic_pns pns = quic_level_pns(s->level);
	struct quic_vec body[SEALED_VECS] QUIC_NO_INIT;
	struct quic_rx_info info = { .level = s->level, .ecn = s->ecn, .dcid = s->dcid };
	unsigned int pn_len, nbody;
	bool updated = false;
	u32 truncated, hdr_len;
	u8 *dst;
	int err;

	dst = c->ops->rx_buf(c, s->len - QUIC_AEAD_TAG + QUIC_CIPHER_BLOCK - 1);
	if (!dst)
		return false;
	dst = align_text(dst, s->pn_off, *(u8 *)s->vec->base ^ mask[0]);
	copy_header(s, dst);
	pn_len = quic_protect_unhide(dst, s->pn_off, mask, &truncated);
	hdr_len = s->pn_off + pn_len;
	info.pn = quic_packet_pn_decode(quic_conn_space(c, pns)->largest, truncated, pn_len);
	if (unlikely((s64)info.pn <= quic_conn_space(c, pns)->largest) &&
	    quic_conn_rx_dup(c, pns, info.pn)) {
		c->stats.packets_duplicate++;
		return false;
	}
	nbody = body_vecs(s, hdr_len, body);
	err = quic_protect_open(&c->prot, s->keys, info.pn, dst, hdr_len, body, nbody,
				s->len - hdr_len, now, s->pto, &updated);
	if (err) {
		open_failed(c, err, now);
		return false;
	}
	if (c->state > QUIC_CONN_ESTABLISHED && c->state != QUIC_CONN_CLOSING)
		return false;
	if (s->level == QUIC_LEVEL_APP && unlikely(!usual_path(c, s->dcid)) &&
	    !quic_path_opened(c, s->dcid))
		return false;
	opened(c, s->level, s->keys, now);
	if (updated) {
		c->stats.key_updates++;
		c->ops->event(c, QUIC_CEV_KEY_UPDATE, c->prot.rx_phase);
		c->ops->event(c, QUIC_CEV_PREPARE_KEYS, 0);
	}
	if (reserved_set(dst[0])) {
		quic_conn_fail(c, QUIC_ERR_PROTOCOL_VIOLATION, 0, now);
		return false;
	}
	info.payload = dst + hdr_len;
	info.len = s->len - hdr_len - QUIC_AEAD_TAG;
	return !quic_conn_rx(c, &info, now);
}

/* --- one datagram, linear --- */

static bool hold(struct quic_conn *c, enum quic_level level, const u8 *pkt, u32 len, u8 ecn,
		 u64 now)
{
	struct quic_held *h;

	if (c->held_count >= QUIC_HELD_PACKETS || c->held_bytes + len > QUIC_HELD_BYTES)
		return false;
	h = kmalloc(sizeof(*h) + len, GFP_ATOMIC | __GFP_NOWARN);
	if (!h)
		return false;
	h->at = now;
	h->len = len;
	h->level = level;
	h->ecn = ecn;
	memcpy(h->data, pkt, len);
	list_add_tail(&h->list, &c->held);
	c->held_count++;
	c->held_bytes += len;
	return true;
}

/* Keys of @level that are missing may still come. */
static bool may_come(struct quic_conn *c, enum quic_level level, u32 version)
{
	if (c->state != QUIC_CONN_HANDSHAKE)
		return false;
	if (level == QUIC_LEVEL_INITIAL)
		return quic_negotiate_maybe(c, version);
	if (level == QUIC_LEVEL_HANDSHAKE)
		return !quic_loss_discarded(&c->loss, QUIC_PNS_HANDSHAKE) &&
		       (version == c->version || quic_negotiate_maybe(c, version));
	if (level == QUIC_LEVEL_EARLY)
		return version == c->original && quic_early_may_come(c);
	return level == QUIC_LEVEL_APP;
}

/* RFC 9000, 7.2: the server's choice of an ID, from its first packet */
static void note_source(struct quic_conn *c, const struct quic_packet *h)
{
	if (c->peer_scid_set || h->type == QUIC_PKT_1RTT)
		return;
	quic_cid_set(&c->hs->peer_scid, h->scid, h->scid_len);
	c->peer_scid_set = true;
	quic_cid_set_remote(c, h->scid, h->scid_len);
}

static bool rx_one(struct quic_conn *c, const struct quic_packet *h, enum quic_level level,
		   const u8 *pkt, u8 ecn, u64 now)
{
	struct quic_vec v = { .base = (void *)pkt, .len = h->len };
	struct sealed s = {
		.vec = &v, .nvec = 1, .len = h->len, .pn_off = h->pn_off, .level = level,
		.ecn = ecn, .pto = quic_loss_pto(&c->loss),
	};
	struct quic_hp_item hp = { .sample = pkt + h->pn_off + 4 };
	struct quic_cid dcid;
	int keys = quic_negotiate_keys(c, level, h->version);

	quic_cid_set(&dcid, h->dcid, h->dcid_len);
	if (level == QUIC_LEVEL_APP && !to_us(c, &dcid)) {
		c->stats.packets_dropped++;
		return false;
	}
	if (keys < 0 || !quic_protect_can_recv(&c->prot, keys)) {
		if (!may_come(c, level, h->version) || !hold(c, level, pkt, h->len, ecn, now))
			c->stats.packets_dropped++;
		else if (level == QUIC_LEVEL_INITIAL)
			quic_negotiate_want(c, h->version);
		return false;
	}
	s.keys = keys;
	s.dcid = &dcid;
	if (quic_protect_masks(&c->prot, keys, &hp, 1) || !open_packet(c, &s, hp.mask, now))
		return false;
	note_source(c, h);
	return true;
}

static int long_level(const struct quic_packet *h)
{
	switch (h->type) {
	case QUIC_PKT_INITIAL:
		return QUIC_LEVEL_INITIAL;
	case QUIC_PKT_HANDSHAKE:
		return QUIC_LEVEL_HANDSHAKE;
	case QUIC_PKT_0RTT:
		return QUIC_LEVEL_EARLY;
	case QUIC_PKT_1RTT:
		return QUIC_LEVEL_APP;
	default:
		return -1;
	}
}

/* Is the header one this connection can use? RFC 9000, 7.2, 14.1, 17.2.2 */
static bool acceptable(struct quic_conn *c, const struct quic_packet *h, u32 datagram_len)
{
	/* RFC 9287, 3 */
	if (!h->fixed && !c->local.grease_quic_bit)
		return false;
	if (h->type == QUIC_PKT_1RTT)
		return true;
	/* Retry was the first thing heard: what the server said else it said to another. */
	if (c->retry)
		return false;
	if (c->hs && c->peer_scid_set && !quic_cid_eq(&c->hs->peer_scid, h->scid, h->scid_len))
		return false;
	if (h->type == QUIC_PKT_INITIAL) {
		if (c->server && datagram_len < QUIC_DGRAM_MIN)
			return false;
		return c->server || !h->token_len;
	}
	return true;
}

/*
 * A datagram nothing of which was accepted, whatever for: is it a stateless reset?
 * It need not be long enough for a packet, and any header will do. RFC 9000, 10.3 and 10.3.1
 */
static void check_reset(struct quic_conn *c, const struct sealed *s, u64 now)
{
	const struct quic_vec *v = s->vec;
	u8 token[QUIC_TOKEN_RESET_LEN];
	u32 skip, i = 0;

	if (s->len < 5 + sizeof(token))
		return;
	for (skip = s->len - sizeof(token); skip >= v->len; v++)
		skip -= v->len;
	for (; i < sizeof(token); skip = 0, v++)
		while (skip < v->len && i < sizeof(token))
			token[i++] = ((u8 *)v->base)[skip++];
	if (!quic_cid_is_reset(c, token))
		return;
	if (c->state <= QUIC_CONN_ESTABLISHED) {
		quic_conn_close_reset(&c->close);
		c->close.remote = true;
		c->close.silent = true;
	}
	quic_conn_enter_draining(c, now);
}

static unsigned int datagram(struct quic_conn *c, const u8 *buf, u32 len, u8 ecn, u64 now)
{
	const struct quic_vec v = { .base = (void *)buf, .len = len };
	const struct sealed whole = { .vec = &v, .nvec = 1, .len = len };
	struct quic_packet h, first = {};
	unsigned int ok = 0;
	u32 off = 0;
	int level;

	if (c->state == QUIC_CONN_CLOSING)
		quic_conn_close_rx(c);
	if (c->state >= QUIC_CONN_DRAINING)
		return 0;
	c->stats.bytes_received += len;
	quic_path_rx_bytes(c, len);
	while (off < len &&
	       !quic_packet_parse(buf + off, len - off, quic_cid_own_len(&c->cids), &h)) {
		if (!off)
			first = h;
		/* RFC 9000, 12.2: all of one datagram go to one connection, others are ignored */
		if (h.dcid_len != first.dcid_len || memcmp(h.dcid, first.dcid, h.dcid_len)) {
			off += h.len;
			continue;
		}
		if (h.type == QUIC_PKT_VERSION_NEG)
			quic_negotiate_rx_vn(c, &h, buf + off, now);
		else if (h.type == QUIC_PKT_RETRY)
			quic_retry_rx(c, &h, buf + off, now);
		level = long_level(&h);
		if (level < 0)
			break;
		if (acceptable(c, &h, len) && rx_one(c, &h, level, buf + off, ecn, now))
			ok++;
		off += h.len;
	}
	if (!ok)
		check_reset(c, &whole, now);
	return ok;
}

void quic_rx_replay(struct quic_conn *c, enum quic_level level)
{
	struct quic_held *h, *tmp;
	struct quic_packet pkt;
	LIST_HEAD(mine);

	/* RFC 9000, 9: wherever they came from, it was the path of the handshake. */
	c->paths.rx = c->path;

	list_for_each_entry_safe(h, tmp, &c->held, list) {
		if (h->level != level)
			continue;
		list_move_tail(&h->list, &mine);
		c->held_count--;
		c->held_bytes -= h->len;
	}
	list_for_each_entry_safe(h, tmp, &mine, list) {
		/* It came when it came: our delay is told to the peer (RFC 9000, 13.2.5). */
		if (c->state <= QUIC_CONN_ESTABLISHED &&
		    !quic_packet_parse(h->data, h->len, quic_cid_own_len(&c->cids), &pkt) &&
		    acceptable(c, &pkt, QUIC_DGRAM_MIN))
			rx_one(c, &pkt, level, h->data, h->ecn, h->at);
		kfree(h);
	}
	quic_ack_train(c);
}

void quic_rx_drop_level(struct quic_conn *c, enum quic_level level)
{
	struct quic_held *h, *tmp;

	list_for_each_entry_safe(h, tmp, &c->held, list) {
		if (level != QUIC_LEVELS && h->level != level)
			continue;
		list_del(&h->list);
		c->held_count--;
		c->held_bytes -= h->len;
		kfree(h);
	}
}

void quic_rx_drop_held(struct quic_conn *c)
{
	quic_rx_drop_level(c, QUIC_LEVELS);
}

unsigned int quic_rx_datagram(struct quic_conn *c, const u8 *buf, u32 len, u8 ecn, u64 now)
{
	unsigned int ok = datagram(c, buf, len, ecn, now);

	quic_ack_train(c);
	return ok;
}

/* --- trains --- */

#define BATCH	32

/* May this datagram take the fast path: one 1-RTT packet with its sample in one piece? */
static bool regular(const struct quic_conn *c, const struct quic_rx_train *t,
		    const struct quic_rx_seg *seg)
{
	const struct quic_vec *v = &t->vec[seg->vec];
	const u8 *p = v->base;
	u8 want = c->local.grease_quic_bit ? 0 : QUIC_HDR_FIXED;

	return c->state == QUIC_CONN_ESTABLISHED && seg->len >= SHORT_MIN + 1 &&
	       seg->nvec <= SEALED_VECS && v->len >= SHORT_MIN &&
	       (p[0] & (QUIC_HDR_LONG | want)) == want;
}

/* The slow way for a datagram in pieces: make it linear. */
static unsigned int irregular(struct quic_conn *c, const struct quic_rx_train *t,
			      const struct quic_rx_seg *seg, u64 now)
{
	const struct quic_vec *v = &t->vec[seg->vec];
	struct sealed s = { .vec = v, .nvec = seg->nvec };
	unsigned int ok;
	u8 *buf;

	if (seg->nvec == 1)
		return datagram(c, v->base, seg->len, t->ecn, now);
	buf = kmalloc(seg->len, GFP_ATOMIC | __GFP_NOWARN);
	if (!buf)
		return 0;
	copy_out(&s, buf, seg->len);
	ok = datagram(c, buf, seg->len, t->ecn, now);
	kfree(buf);
	return ok;
}

/* Return: was it accepted? */
static bool regular_one(struct quic_conn *c, struct sealed *s, const struct quic_rx_train *t,
			const struct quic_rx_seg *seg, const u8 *mask, u64 now)
{
	s->vec = &t->vec[seg->vec];
	s->nvec = seg->nvec;
	s->len = seg->len;
	c->stats.bytes_received += seg->len;
	if (likely(c->paths.rx && c->paths.rx->validated))
		c->paths.rx->rx_bytes += seg->len;
	else
		quic_path_rx_bytes(c, seg->len);
	if (unlikely(!to_us(c, s->dcid)))
		c->stats.packets_dropped++;
	else if (likely(open_packet(c, s, mask, now)))
		return true;
	check_reset(c, s, now);
	return false;
}

static unsigned int batch(struct quic_conn *c, const struct quic_rx_train *t, unsigned int from,
			  unsigned int n, u64 now)
{
	struct quic_hp_item hp[BATCH] QUIC_NO_INIT;
	unsigned int i, m = 0, ok = 0;
	struct quic_cid dcid = { .len = quic_cid_own_len(&c->cids) };
	struct sealed s = {
		.pn_off = 1 + dcid.len, .level = QUIC_LEVEL_APP, .keys = QUIC_LEVEL_APP,
		.ecn = t->ecn, .pto = quic_loss_pto(&c->loss), .dcid = &dcid,
	};
	const u8 *id;
	u32 fast = 0;

	for (i = 0; i < n; i++) {
		const struct quic_rx_seg *seg = &t->seg[from + i];

		if (!regular(c, t, seg))
			continue;
		fast |= 1u << i;
		hp[m++].sample = (u8 *)t->vec[seg->vec].base + s.pn_off + 4;
	}
	if (m && quic_protect_masks(&c->prot, QUIC_LEVEL_APP, hp, m))
		return 0;
	for (i = 0, m = 0; i < n; i++) {
		const struct quic_rx_seg *seg = &t->seg[from + i];

		if (!(fast & 1u << i)) {
			ok += irregular(c, t, seg, now);
			continue;
		}
		/* The one before may have closed the connection. */
		if (c->state != QUIC_CONN_ESTABLISHED) {
			ok += irregular(c, t, seg, now);
			m++;
			continue;
		}
		/* Trains are to one ID. */
		id = t->vec[seg->vec].base + 1;
		if (likely(dcid.len) && unlikely(memcmp(dcid.id, id, QUIC_CID_LEN)))
			memcpy(dcid.id, id, QUIC_CID_LEN);
		ok += regular_one(c, &s, t, seg, hp[m++].mask, now);
	}
	return ok;
}

unsigned int quic_rx_train(struct quic_conn *c, const struct quic_rx_train *t, u64 now)
{
	unsigned int i, n, ok = 0;

	for (i = 0; i < t->nseg; i += n) {
		n = min_t(unsigned int, t->nseg - i, BATCH);
		ok += batch(c, t, i, n, now);
	}
	quic_ack_train(c);
	return ok;
}
