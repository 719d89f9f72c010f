// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams: sent in order and once, never again when lost (RFC 9221, 5.2), under congestion
 * control as all else (5.4). One that came is handed over when its packet is sure to count as
 * received, so that none comes twice.
 */
#include "conn.h"

/* A frame's type, and its Length, before @len bytes of payload. */
static u64 frame_size(u64 len)
{
	return 1 + quic_varint_len(len) + len;
}

int quic_datagram_max(const struct quic_conn *c)
{
	u64 limit = min_t(u64, c->remote.max_datagram_frame_size, U16_MAX), len;
	/* What a 1-RTT packet holds with the longest packet number, and no Length */
	u32 path = c->pmtu.cur - (1 + quic_cid_remote(c)->len + 4) - QUIC_AEAD_TAG - 1;

	if (likely(limit >= frame_size(path)))
		return path;
	if (limit < frame_size(0))
		return -1;
	/* The Length of the payload may be shorter than that of the limit. */
	len = limit - min_t(u64, limit, frame_size(limit) - limit);
	while (frame_size(len + 1) <= limit)
		len++;
	return min_t(u64, len, path);
}

int quic_datagram_send(struct quic_conn *c, struct quic_datagram *d)
{
	if (!c->remote.max_datagram_frame_size)
		return -EINVAL;
	if ((int)d->len > quic_datagram_max(c))
		return -EMSGSIZE;
	list_add_tail(&d->list, &c->datagrams);
	return 0;
}

static void give_back(struct quic_conn *c, struct quic_datagram *d)
{
	list_del(&d->list);
	c->ops->datagram_done(c, d);
}

void quic_datagram_flush(struct quic_conn *c)
{
	while (!list_empty(&c->datagrams))
		give_back(c, list_first_entry(&c->datagrams, struct quic_datagram, list));
}

bool quic_datagram_pending(const struct quic_conn *c)
{
	/* A server's credit before that (RFC 9000, 8.1) may be too little for one. */
	return !list_empty(&c->datagrams) && c->path->validated;
}

struct quic_datagram *quic_datagram_next(struct quic_conn *c)
{
	struct quic_datagram *d;

	while (quic_datagram_pending(c)) {
		d = list_first_entry(&c->datagrams, struct quic_datagram, list);
		if ((int)d->len <= quic_datagram_max(c))
			return d;
		give_back(c, d);
	}
	return NULL;
}

u64 quic_datagram_rx_check(const struct quic_conn *c, const struct quic_frame *f)
{
	/* RFC 9221, 3: more than we offered, which may be nothing */
	return f->datagram.size <= c->local.max_datagram_frame_size ? 0 :
	       QUIC_ERR_PROTOCOL_VIOLATION;
}

void quic_datagram_rx(struct quic_conn *c, const u8 *p, const u8 *end)
{
	struct quic_frame f;

	while (p < end && !quic_frame_parse(&p, end, &f))
		if ((f.type & ~1ull) == QUIC_FT_DATAGRAM)
			c->ops->datagram(c, f.datagram.data, f.datagram.len);
}
