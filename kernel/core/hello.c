// SPDX-License-Identifier: GPL-2.0
/*
 * The ClientHello of a connection attempt. Its bytes lie at their offsets in one buffer of at
 * most QUIC_HELLO_MAX; what came last of a byte that came twice is what counts.
 */
#include "frame.h"
#include "hello.h"
#include "tls.h"

#define RANGES_MAX	64	/* pieces of a ClientHello that are not together yet */

int quic_hello_init(struct quic_hello *h, const struct quic_crypto_ops *ops, u32 version,
		    const struct quic_cid *dcid)
{
	memset(h, 0, sizeof(*h));
	h->version = version;
	h->dcid = *dcid;
	h->largest = -1;
	quic_ranges_init(&h->got);
	quic_protect_init(&h->prot, ops);
	return quic_protect_initial(&h->prot, version, dcid, true);
}

void quic_hello_free(struct quic_hello *h)
{
	quic_protect_free(&h->prot);
	quic_ranges_free(&h->got);
	kfree(h->text);
	h->text = NULL;
}

bool quic_hello_opened(const struct quic_hello *h)
{
	return h->largest >= 0;
}

static bool grow(struct quic_hello *h, u32 need)
{
	u32 cap = max_t(u32, h->cap, 1024);
	u8 *p;

	if (need <= h->cap)
		return true;
	while (cap < need)
		cap *= 2;
	p = kzalloc(cap, GFP_KERNEL);
	if (!p)
		return false;
	if (h->cap)
		memcpy(p, h->text, h->cap);
	kfree(h->text);
	h->text = p;
	h->cap = cap;
	return true;
}

/* Return: is some of it new? */
static bool keep(struct quic_hello *h, u64 off, const u8 *data, u32 len)
{
	int ret;

	if (!len || off >= QUIC_HELLO_MAX || len > QUIC_HELLO_MAX - off || !grow(h, off + len))
		return false;
	ret = quic_ranges_add(&h->got, off, off + len, RANGES_MAX, GFP_KERNEL);
	if (ret >= 0)
		memcpy(h->text + off, data, len);
	return ret > 0;
}

static bool frames(struct quic_hello *h, const u8 *p, const u8 *end)
{
	struct quic_frame f;
	bool more = false;

	while (p < end) {
		if (quic_frame_parse(&p, end, &f) ||
		    !quic_frame_allowed(f.type, QUIC_LEVEL_INITIAL))
			return true;	/* the connection has something to say about it */
		if (f.type == QUIC_FT_CRYPTO)
			more |= keep(h, f.crypto.off, f.crypto.data, f.crypto.len);
	}
	return more;
}

static bool packet(struct quic_hello *h, const struct quic_packet *pkt, const u8 *buf, u8 *room)
{
	struct quic_hp_item hp = { .sample = buf + pkt->pn_off + 4 };
	u32 truncated, hdr_len;
	bool updated, first = h->largest < 0;
	struct quic_vec body;
	u64 pn;

	if (quic_protect_masks(&h->prot, QUIC_LEVEL_INITIAL, &hp, 1))
		return false;
	memcpy(room, buf, pkt->pn_off + 4);
	hdr_len = pkt->pn_off + quic_protect_unhide(room, pkt->pn_off, hp.mask, &truncated);
	pn = quic_packet_pn_decode(h->largest, truncated, hdr_len - pkt->pn_off);
	body.base = (void *)(buf + hdr_len);
	body.len = pkt->len - hdr_len;
	if (quic_protect_open(&h->prot, QUIC_LEVEL_INITIAL, pn, room, hdr_len, &body, 1, body.len,
			      0, 0, &updated))
		return false;
	h->largest = max_t(s64, h->largest, pn);
	/*
	 * The first one is kept whatever it says: a probe for a ClientHello that was lost may be no
	 * more than PING, and its acknowledgment what makes the client say the rest again.
	 */
	return frames(h, room + hdr_len, room + pkt->len - QUIC_AEAD_TAG) || first;
}

bool quic_hello_datagram(struct quic_hello *h, const u8 *buf, u32 len, u8 *room)
{
	struct quic_packet pkt;
	bool more = false;
	u32 off;

	for (off = 0; off < len; off += pkt.len) {
		if (quic_packet_parse(buf + off, len - off, QUIC_CID_LEN, &pkt))
			break;
		if (pkt.type != QUIC_PKT_INITIAL)
			more = true;
		else if (pkt.version == h->version &&
			 quic_cid_eq(&h->dcid, pkt.dcid, pkt.dcid_len))
			more |= packet(h, &pkt, buf + off, room);
	}
	return more;
}

enum quic_hello_state quic_hello_state(struct quic_hello *h, const u8 **list, u32 *len)
{
	const struct quic_range *r = quic_ranges_first(&h->got);
	u32 have = r && !r->start ? r->end : 0, whole;

	if (have && h->text[0] != QUIC_TLS_CLIENT_HELLO)
		return QUIC_HELLO_BAD;
	if (have < QUIC_TLS_HEADER)
		return QUIC_HELLO_PART;
	whole = QUIC_TLS_HEADER + get_unaligned_be24(h->text + 1);
	if (whole > QUIC_HELLO_MAX)
		return QUIC_HELLO_BAD;
	if (have < whole)
		return QUIC_HELLO_PART;
	if (!quic_tls_alpn(h->text, whole, list, len))
		return QUIC_HELLO_BAD;
	return *list ? QUIC_HELLO_OFFERS : QUIC_HELLO_NO_ALPN;
}
