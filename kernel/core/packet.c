// SPDX-License-Identifier: GPL-2.0
/*
 * Packet headers and packet numbers. Everything read here is unauthenticated:
 * each length is checked against what is left of the datagram before use.
 */
#include "packet.h"

#define TAG_LEN		16	/* Retry Integrity Tag; RFC 9001, 5.8 */
#define MIN_PROTECTED	20	/* 4 bytes of packet number, 16 of sample; RFC 9001, 5.4.2 */

/* The two type bits of a long header. RFC 9000, 17.2; RFC 9369, 3.2 */
static enum quic_packet_type long_type(u32 version, u8 first)
{
	unsigned int bits = first >> 4 & 3;

	if (version == QUIC_V2)
		bits = (bits - 1) & 3;
	return bits;	/* the enum counts as version 1 does */
}

static u8 long_bits(u32 version, enum quic_packet_type type)
{
	unsigned int bits = type;

	BUILD_BUG_ON(QUIC_PKT_INITIAL != 0 || QUIC_PKT_0RTT != 1 ||
		     QUIC_PKT_HANDSHAKE != 2 || QUIC_PKT_RETRY != 3);
	if (version == QUIC_V2)
		bits = (bits + 1) & 3;
	return bits << 4;
}

/* An ID with its length byte. RFC 8999, 5.1: any length up to 255. */
static const u8 *get_cid(const u8 *q, const u8 *end, const u8 **id, u8 *len)
{
	if (q == end || end - q <= *q)
		return NULL;
	*len = *q;
	*id = q + 1;
	return q + 1 + *q;
}

static int parse_short(const u8 *buf, u32 len, u8 cid_len, struct quic_packet *p)
{
	if (len < 1u + cid_len + MIN_PROTECTED)
		return -EINVAL;
	*p = (struct quic_packet) {
		.type = QUIC_PKT_1RTT,
		.fixed = *buf & QUIC_HDR_FIXED,
		.dcid_len = cid_len,
		.dcid = buf + 1,
		.pn_off = 1 + cid_len,
		.len = len,
	};
	return 0;
}

/* After the IDs. RFC 9000, 17.2.2 to 17.2.5 */
static int parse_typed(const u8 *buf, const u8 *q, const u8 *end, struct quic_packet *p)
{
	u64 v;

	if (p->type == QUIC_PKT_RETRY) {
		/* An empty token is to be discarded: RFC 9000, 17.2.5.2 */
		if (end - q <= TAG_LEN)
			return -EINVAL;
		p->token = q;
		p->token_len = end - q - TAG_LEN;
		p->pn_off = end - buf - TAG_LEN;
		p->len = end - buf;
		return 0;
	}
	if (p->type == QUIC_PKT_INITIAL) {
		if (!quic_varint_get(&q, end, &v) || v > (u64)(end - q))
			return -EINVAL;
		p->token = q;
		p->token_len = v;
		q += v;
	}
	if (!quic_varint_get(&q, end, &v) || v < MIN_PROTECTED || v > (u64)(end - q))
		return -EINVAL;
	p->pn_off = q - buf;
	p->len = p->pn_off + v;
	return 0;
}

int quic_packet_parse(const u8 *buf, u32 len, u8 cid_len, struct quic_packet *p)
{
	const u8 *end = buf + len, *q;

	if (!len)
		return -EINVAL;
	if (!(*buf & QUIC_HDR_LONG))
		return parse_short(buf, len, cid_len, p);
	if (len < 5)
		return -EINVAL;
	*p = (struct quic_packet) {
		.fixed = *buf & QUIC_HDR_FIXED,
		.version = get_unaligned_be32(buf + 1),
		.len = len,
	};
	q = get_cid(buf + 5, end, &p->dcid, &p->dcid_len);
	if (!q)
		return -EINVAL;
	q = get_cid(q, end, &p->scid, &p->scid_len);
	if (!q)
		return -EINVAL;
	if (!p->version) {
		/* A list of at least one version. RFC 8999, 6 */
		if (q == end || (end - q) % 4)
			return -EINVAL;
		p->type = QUIC_PKT_VERSION_NEG;
		p->pn_off = q - buf;
		return 0;
	}
	if (!quic_version_known(p->version)) {
		p->type = QUIC_PKT_UNKNOWN;
		return 0;
	}
	if (p->dcid_len > QUIC_CID_MAX || p->scid_len > QUIC_CID_MAX)
		return -EINVAL;
	p->type = long_type(p->version, *buf);
	return parse_typed(buf, q, end, p);
}

static u8 *put_cid(u8 *p, const u8 *id, u8 len)
{
	*p++ = len;
	memcpy(p, id, len);
	return p + len;
}

u8 *quic_packet_put_long(u8 *p, const u8 *end, enum quic_packet_type type, u32 version,
			 const struct quic_cid *dcid, const struct quic_cid *scid,
			 const u8 *token, u32 token_len, u64 pn, unsigned int pn_len,
			 u32 *len_off, u32 *pn_off)
{
	size_t need = 1 + 4 + 1 + dcid->len + 1 + scid->len + 2 + pn_len;
	u8 *start = p;

	if (type == QUIC_PKT_INITIAL)
		need += quic_varint_len(token_len) + (size_t)token_len;
	if ((size_t)(end - p) < need)
		return NULL;
	*p++ = QUIC_HDR_LONG | QUIC_HDR_FIXED | long_bits(version, type) | (pn_len - 1);
	put_unaligned_be32(version, p);
	p = put_cid(p + 4, dcid->id, dcid->len);
	p = put_cid(p, scid->id, scid->len);
	if (type == QUIC_PKT_INITIAL) {
		p = quic_varint_put(p, token_len);
		if (token_len)
			memcpy(p, token, token_len);
		p += token_len;
	}
	*len_off = p - start;
	p = quic_varint_put2(p, 0);
	*pn_off = p - start;
	return quic_packet_put_pn(p, pn, pn_len);
}

u8 *quic_packet_put_retry(u8 *p, const u8 *end, u32 version, const struct quic_cid *dcid,
			  const struct quic_cid *scid, const u8 *token, u32 token_len, u8 bits)
{
	if ((size_t)(end - p) < 1 + 4 + 1 + dcid->len + 1 + scid->len + (size_t)token_len)
		return NULL;
	*p++ = QUIC_HDR_LONG | QUIC_HDR_FIXED | long_bits(version, QUIC_PKT_RETRY) | (bits & 0x0f);
	put_unaligned_be32(version, p);
	p = put_cid(p + 4, dcid->id, dcid->len);
	p = put_cid(p, scid->id, scid->len);
	memcpy(p, token, token_len);
	return p + token_len;
}

u8 *quic_packet_put_short(u8 *p, const u8 *end, const struct quic_cid *dcid, bool key_phase,
			  bool spin, u64 pn, unsigned int pn_len, u32 *pn_off)
{
	if ((size_t)(end - p) < 1u + dcid->len + pn_len)
		return NULL;
	*p++ = QUIC_HDR_FIXED | (spin ? QUIC_HDR_SPIN : 0) |
	       (key_phase ? QUIC_HDR_KEY_PHASE : 0) | (pn_len - 1);
	if (likely(dcid->len == QUIC_CID_LEN))
		memcpy(p, dcid->id, QUIC_CID_LEN);
	else
		memcpy(p, dcid->id, dcid->len);
	*pn_off = 1 + dcid->len;
	return quic_packet_put_pn(p + dcid->len, pn, pn_len);
}

int quic_packet_build_vn(u8 *buf, u32 cap, const struct quic_packet *in,
			 const struct quic_versions *versions, u32 random)
{
	size_t need = 1 + 4 + 1 + (size_t)in->scid_len + 1 + in->dcid_len + (versions->n + 1) * 4;
	unsigned int i, grease = (random >> 8 & 0xf) % (versions->n + 1);
	u8 *p = buf;

	if (cap < need)
		return -EMSGSIZE;
	/* The bit of 0x40 lets us share a port with others: RFC 9000, 17.2.1 */
	*p++ = QUIC_HDR_LONG | QUIC_HDR_FIXED | (random & 0x3f);
	put_unaligned_be32(0, p);
	p = put_cid(p + 4, in->scid, in->scid_len);
	p = put_cid(p, in->dcid, in->dcid_len);
	for (i = 0; i <= versions->n; i++, p += 4) {
		if (i == grease)	/* RFC 9000, 6.3 */
			put_unaligned_be32(quic_version_grease(random), p);
		else
			put_unaligned_be32(versions->list[i - (i > grease)], p);
	}
	return p - buf;
}

void quic_packet_vn_list(const u8 *pkt, const struct quic_packet *h, struct quic_versions *known)
{
	u32 off;

	known->n = 0;
	for (off = h->pn_off; off + 4 <= h->len; off += 4)
		if (quic_version_known(get_unaligned_be32(pkt + off)))
			quic_version_add(known, get_unaligned_be32(pkt + off));
}

bool quic_packet_vn_has(const u8 *pkt, const struct quic_packet *h, u32 version)
{
	u32 off;

	for (off = h->pn_off; off + 4 <= h->len; off += 4)
		if (get_unaligned_be32(pkt + off) == version)
			return true;
	return false;
}
