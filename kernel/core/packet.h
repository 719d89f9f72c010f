/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packet headers (RFC 9000, 17; RFC 8999) and packet number coding.
 * Pure functions over byte buffers; no state.
 */
#ifndef QUIC_CORE_PACKET_H
#define QUIC_CORE_PACKET_H

#include "version.h"

struct quic_cid {
	u8 len;
	u8 id[QUIC_CID_MAX];
};

/* A parsed header. Pointers lead into the datagram. */
struct quic_packet {
	u8 type;		/* enum quic_packet_type */
	u8 dcid_len;
	u8 scid_len;
	bool fixed;		/* the QUIC Bit: 0 only if we said we take that (RFC 9287, 3) */
	u32 version;		/* 0 for 1-RTT and Version Negotiation */
	const u8 *dcid;
	const u8 *scid;
	const u8 *token;	/* Initial: the token; Retry: token without tag */
	u32 token_len;
	/* From the packet's first byte to the packet number; Retry: to the tag; VN: to the list */
	u32 pn_off;
	u32 len;		/* of all the packet; the next coalesced one follows */
};

/*
 * Parse the unprotected part of the header at @buf; @len is what is left of
 * the datagram, @cid_len the length of the destination ID in short headers.
 * Return: 0; -EINVAL if it is no QUIC packet or is cut short: drop the rest of
 * the datagram. A version we do not speak gives type QUIC_PKT_UNKNOWN with IDs
 * of up to 255 bytes (RFC 8999, 5.1) and len = @len. A packet with room for
 * less than 4 bytes of packet number and 16 of sample is -EINVAL (RFC 9001,
 * 5.4.2). The fixed bit may be 0: what that means is the caller's to say.
 */
int quic_packet_parse(const u8 *buf, u32 len, u8 cid_len, struct quic_packet *p);

/*
 * Write a long header up to and including a two-byte Length placeholder and
 * the truncated packet number. *len_off tells where Length is, *pn_off the
 * packet number. @token only for Initial. Return: byte after the header, or
 * NULL when @end is too near.
 */
u8 *quic_packet_put_long(u8 *p, const u8 *end, enum quic_packet_type type, u32 version,
			 const struct quic_cid *dcid, const struct quic_cid *scid,
			 const u8 *token, u32 token_len, u64 pn, unsigned int pn_len,
			 u32 *len_off, u32 *pn_off);
/* Write a Retry packet but for its tag; @bits: 4 random ones. Return: byte after it or NULL. */
u8 *quic_packet_put_retry(u8 *p, const u8 *end, u32 version, const struct quic_cid *dcid,
			  const struct quic_cid *scid, const u8 *token, u32 token_len, u8 bits);
/* Write a 1-RTT header. Return: byte after it or NULL. */
u8 *quic_packet_put_short(u8 *p, const u8 *end, const struct quic_cid *dcid, bool key_phase,
			  bool spin, u64 pn, unsigned int pn_len, u32 *pn_off);

/* Bytes (1 to 4) that send @pn safely, given the largest acknowledged (-1: none). RFC 9000, A.2 */
static inline unsigned int quic_packet_pn_len(u64 pn, s64 largest_acked)
{
	u64 unacked = pn - largest_acked;	/* -1 counts packet 0 in */

	/* More than twice the range: RFC 9000, 17.1 */
	if (likely(unacked < 1u << 7))
		return 1;
	if (unacked < 1u << 15)
		return 2;
	return unacked < 1u << 23 ? 3 : 4;
}

/* The low @pn_len bytes of @pn. Return: byte after them */
static inline u8 *quic_packet_put_pn(u8 *p, u64 pn, unsigned int pn_len)
{
	switch (pn_len) {
	case 1:
		*p = pn;
		break;
	case 2:
		put_unaligned_be16(pn, p);
		break;
	case 3:
		*p = pn >> 16;
		put_unaligned_be16(pn, p + 1);
		break;
	default:
		put_unaligned_be32(pn, p);
	}
	return p + pn_len;
}

/*
 * Recover a packet number from its low @pn_len bytes. @largest: largest
 * received, -1 for none. RFC 9000, A.3
 */
static inline u64 quic_packet_pn_decode(s64 largest, u32 truncated, unsigned int pn_len)
{
	u64 expected = largest + 1;
	u64 win = 1ull << (8 * pn_len);
	u64 pn = (expected & ~(win - 1)) | truncated;

	if (pn + win / 2 <= expected && pn < (1ull << 62) - win)
		return pn + win;
	if (pn > expected + win / 2 && pn >= win)
		return pn - win;
	return pn;
}

/*
 * Build a Version Negotiation packet that answers @in (IDs swapped), listing
 * @versions and one reserved for greasing, made from @random, at a place of its choice.
 * Return: length, or -EMSGSIZE. RFC 9000, 17.2.1; RFC 8999, 6
 */
int quic_packet_build_vn(u8 *buf, u32 cap, const struct quic_packet *in,
			 const struct quic_versions *versions, u32 random);
/* The versions of a Version Negotiation packet that we speak, in its order. */
void quic_packet_vn_list(const u8 *pkt, const struct quic_packet *h, struct quic_versions *known);
/* Does it list @version? */
bool quic_packet_vn_has(const u8 *pkt, const struct quic_packet *h, u32 version);

static inline bool quic_cid_eq(const struct quic_cid *a, const u8 *id, u8 len)
{
	return a->len == len && !memcmp(a->id, id, len);
}

static inline void quic_cid_set(struct quic_cid *c, const u8 *id, u8 len)
{
	c->len = len;
	memcpy(c->id, id, len);
}

#endif
