// SPDX-License-Identifier: GPL-2.0
/* RFC 9000, 5.2, 6, 7.2, 10.3, 12.3, 14.1 and 17: headers, versions, sizes, and what is dropped. */
#include <unistd.h>

#include "drill.h"

#define X	BYTES(1)

static unsigned int highest(const struct peer *p)
{
	return p->prot.tx[APP] ? APP : p->prot.tx[SHAKE] ? SHAKE : INIT;
}

/* One packet that has to be dropped: it is not acknowledged, then or later. */
static void dropped(struct peer *p, unsigned int level, u64 pn)
{
	NEED(p, drill_lives(p));
	NEED(p, !quic_ranges_has(&p->heard.acks[quic_level_pns(level)], pn));
}

static void reserved(struct peer *p)
{
	unsigned int level = highest(p);

	p->first_xor = level == APP ? 0x10 : 0x08;
	SAY(p, level, QUIC_FT_PING);
	p->first_xor = 0;
}

static void reserved_low(struct peer *p)
{
	unsigned int level = highest(p);

	p->first_xor = level == APP ? 0x08 : 0x04;
	SAY(p, level, QUIC_FT_PING);
	p->first_xor = 0;
}

static void fixed_bit(struct peer *p)
{
	unsigned int level = highest(p);
	u64 pn;

	p->first_xor = 0x40;
	pn = SAY(p, level, QUIC_FT_PING);
	p->first_xor = 0;
	dropped(p, level, pn);
}

/* The reserved bits of a packet that cannot be opened say nothing. */
static void reserved_unsealed(struct peer *p)
{
	p->flip = true;
	reserved(p);
	p->flip = false;
}

static void spin(struct peer *p)
{
	p->first_xor = QUIC_HDR_SPIN;
	NEED(p, hear_ack(p, APP, SAY(p, APP, QUIC_FT_PING)));
	p->first_xor = 0;
	NEED(p, hear_ack(p, APP, SAY(p, APP, QUIC_FT_PING)));
}

/* A number that was there: what is in the packet does not count. */
static void number_again(struct peer *p)
{
	unsigned int level = highest(p);
	enum quic_pns pns = quic_level_pns(level);
	u64 pn = SAY(p, level, QUIC_FT_PING), next;

	NEED(p, hear_ack(p, level, pn));
	next = p->pn[pns];
	p->pn[pns] = pn;
	SAY(p, level, 0x21);	/* of unknown type */
	p->pn[pns] = next;
}

static void one_datagram_twice(struct peer *p)
{
	struct buf b = {};
	u8 out[1500];
	u32 len;

	PUT(p, &b, 0x0a, MINE_BIDI(0), 100, BYTES(100));
	len = build(p, APP, &b, out, sizeof(out), 0);
	throw(p, out, len);
	throw(p, out, len);
	throw(p, out, len);
}

/* --- sizes --- */

static void small_initial(struct peer *p)
{
	u64 pn;

	p->small = true;
	pn = SAY(p, INIT, QUIC_FT_CRYPTO, HELLO, 500, BYTES(500));
	p->small = false;
	dropped(p, INIT, pn);
}

static void small_first(struct peer *p)
{
	p->small = true;
	SAY(p, INIT, QUIC_FT_CRYPTO, 0, 1000, BYTES(1000));
	NEED(p, !kern_accept(p));
}

static void just_too_small(struct peer *p)
{
	struct buf b = {};
	u8 out[1500];

	PUT(p, &b, QUIC_FT_CRYPTO, 0, HELLO, BYTES(HELLO));
	throw(p, out, build(p, INIT, &b, out, sizeof(out), 1199));
	NEED(p, !kern_accept(p));
}

/* 14: no error for the size of a datagram */
static void small_ping(struct peer *p)
{
	NEED(p, hear_ack(p, APP, SAY(p, APP, QUIC_FT_PING)));
}

static void tiny(struct peer *p)
{
	u8 junk[64];
	unsigned int i;

	memset(junk, 0x41, sizeof(junk));
	for (i = 0; i <= 20; i++)
		throw(p, junk, i);
}

/* Enough for a header, not for the sample. */
static void no_sample(struct peer *p)
{
	u8 out[64] = { 0x40 };
	u32 len;

	memcpy(out + 1, p->dcid.id, p->dcid.len);
	for (len = 1 + p->dcid.len; len < 1 + p->dcid.len + 20u; len++)
		throw(p, out, len);
}

static void no_sample_long(struct peer *p)
{
	u8 out[1200] = { 0xe3, 0, 0, 0, 1 }, *q = out + 5;

	*q++ = p->dcid.len;
	memcpy(q, p->dcid.id, p->dcid.len);
	q += p->dcid.len;
	*q++ = p->scid.len;
	memcpy(q, p->scid.id, p->scid.len);
	q += p->scid.len;
	*q++ = 19;	/* Length: packet number and 15 bytes */
	throw(p, out, q + 19 - out);
}

/* --- versions --- */

static void raw_initial(struct peer *p, u32 version, u8 cid_len, u32 len)
{
	u8 out[1500] = { 0xc3 }, *q = out + 5;

	put_unaligned_be32(version, out + 1);
	*q++ = cid_len;
	memset(q, 0x77, cid_len);
	q += cid_len;
	*q++ = cid_len;
	memset(q, 0x78, cid_len);
	throw(p, out, len);
}

static void unknown_small(struct peer *p)
{
	raw_initial(p, 0x51303030, 8, 1199);
	raw_initial(p, 0x0a1a2a3a, 8, 600);
}

static void unknown_large(struct peer *p)
{
	raw_initial(p, 0x51303030, 8, 1200);
	hear(p, 200);
	NEED(p, p->heard.vn == 1 && p->heard.datagrams == 1);
	NEED(p, p->heard.last_len < 1200);
	/* IDs swapped */
	NEED(p, p->heard.last[5] == 8 && p->heard.last[6] == 0x78);
}

/* IDs no version of ours has, in a version that may */
static void unknown_long_ids(struct peer *p)
{
	raw_initial(p, 0x51303030, 200, 1200);
	hear(p, 200);
	NEED(p, p->heard.vn == 1);
}

static void long_ids(struct peer *p)
{
	raw_initial(p, QUIC_V1, 21, 1200);
}

static void short_id(struct peer *p)
{
	raw_initial(p, QUIC_V1, 7, 1200);
}

/* What else comes to a server that knows nothing of it: Handshake, Version Negotiation, Retry. */
static void strangers(struct peer *p)
{
	u8 out[1200] = { 0xe3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0 };

	throw(p, out, sizeof(out));
	out[0] = 0xf0;
	throw(p, out, sizeof(out));
	out[0] = 0xc0;
	out[4] = 0;
	throw(p, out, sizeof(out));
}

/* A server's packets in another version than the client's: it has to have offered that. */
static void other_version(struct peer *p)
{
	u64 pn;

	p->version = 0x51303030;
	pn = SAY(p, SHAKE, QUIC_FT_PING);
	p->version = p->way->version;
	dropped(p, SHAKE, pn);
}

static void vn(struct peer *p, u32 first, u32 second)
{
	u8 out[64] = { 0xc0 }, *q = out + 5;

	*q++ = p->dcid.len;
	memcpy(q, p->dcid.id, p->dcid.len);
	q += p->dcid.len;
	*q++ = p->odcid.len;
	memcpy(q, p->odcid.id, p->odcid.len);
	q += p->odcid.len;
	put_unaligned_be32(first, q);
	put_unaligned_be32(second, q + 4);
	throw(p, out, q + 8 - out);
}

static void vn_late(struct peer *p)
{
	vn(p, 0x51303030, 0x0a1a2a3a);
}

static void vn_selected(struct peer *p)
{
	vn(p, 0x51303030, QUIC_V1);
	NEED(p, shake(p, CONFIRMED));
}

/* The bits that are nothing's in a Version Negotiation packet; else it would be obeyed. */
static void vn_unused(struct peer *p)
{
	u8 out[64] = { 0xbf }, *q = out + 5;

	*q++ = p->dcid.len;
	memcpy(q, p->dcid.id, p->dcid.len);
	q += p->dcid.len;
	*q++ = p->odcid.len;
	memcpy(q, p->odcid.id, p->odcid.len);
	q += p->odcid.len;
	put_unaligned_be32(0x51303030, q);
	throw(p, out, q + 4 - out);
	forget(p);
	p->mute = true;
	hear(p, 3000);
	/* nothing in common: the kernel has given up, and repeats no Initial */
	NEED(p, !p->heard.datagrams);
}

/* --- IDs --- */

static void other_scid(struct peer *p)
{
	unsigned int level = highest(p);
	u64 pn;

	p->scid.id[0] ^= 1;
	pn = SAY(p, level, QUIC_FT_PING);
	p->scid.id[0] ^= 1;
	dropped(p, level, pn);
}

static void initial_token(struct peer *p)
{
	static const u8 token[20];
	u64 pn;

	p->token = token;
	p->token_len = sizeof(token);
	pn = SAY(p, INIT, QUIC_FT_PING);
	p->token_len = 0;
	hear(p, 100);
	/* or PROTOCOL_VIOLATION */
	dropped(p, INIT, pn);
}

/* Coalesced, but for another connection: the rest counts, this does not. */
static void coalesced_other(struct peer *p)
{
	struct buf b = {};
	u8 out[2000];
	u64 pn = p->pn[QUIC_PNS_HANDSHAKE];
	u32 len;

	PUT(p, &b, QUIC_FT_PING);
	len = build(p, SHAKE, &b, out, sizeof(out), 0);
	p->dcid.id[0] ^= 1;
	len += build(p, SHAKE, &b, out + len, sizeof(out) - len, 0);
	p->dcid.id[0] ^= 1;
	throw(p, out, len);
	NEED(p, hear_ack(p, SHAKE, pn));
	dropped(p, SHAKE, pn + 1);
}

/* --- stateless reset --- */

static void reset_packet(struct peer *p, u8 first)
{
	u8 out[60];

	memset(out, 0x33, sizeof(out));
	out[0] = first;
	put_unaligned_be32(QUIC_V1, out + 1);
	out[5] = p->dcid.len;
	memcpy(out + (first & QUIC_HDR_LONG ? 6 : 1), p->dcid.id, p->dcid.len);
	memset(out + sizeof(out) - 16, RESET_TOKEN, 16);
	throw(p, out, sizeof(out));
	hear(p, 50);
	forget(p);
	SAY(p, APP, QUIC_FT_PING);	/* draining: no answer */
}

static void reset(struct peer *p)
{
	reset_packet(p, 0x41);
}

static void empty_id(struct peer *p)
{
	p->kern_empty_cid = true;
}

/* 10.3: "any packet ending in a valid stateless reset token" */
static void reset_long(struct peer *p)
{
	reset_packet(p, 0xe1);
}

static void not_reset(struct peer *p)
{
	u8 out[60];

	memset(out, 0x33, sizeof(out));
	out[0] = 0x41;
	memcpy(out + 1, p->dcid.id, p->dcid.len);
	throw(p, out, sizeof(out));
}

/* A connection nobody knows: the kernel's reset is smaller, and ends. */
static void unknown_id(struct peer *p)
{
	u8 out[100];

	memset(out, 0x55, sizeof(out));
	throw(p, out, sizeof(out));
	hear(p, 200);
	NEED(p, p->heard.datagrams == 1 && p->heard.size_max < 100);
	forget(p);
	throw(p, out, 21);
	hear(p, 200);
	NEED(p, !p->heard.datagrams);
}

#define ALL_LEVELS(req, what, fn, ...)						\
	{ req, what " in an Initial packet", .stage = INITIAL, .act = fn, __VA_ARGS__ },	\
	{ req, what " in a Handshake packet", .stage = HANDSHAKE, .act = fn, __VA_ARGS__ }

static const struct drill_case packets[] = {
	ALL_LEVELS("9000/17.2/reserved", "reserved bits", reserved, CLOSE(PROTOCOL_VIOLATION, ANY)),
	ALL_LEVELS("9000/17.2/reserved", "the other reserved bit", reserved_low,
		   CLOSE(PROTOCOL_VIOLATION, ANY)),
	{ "9000/17.3.1/reserved", "reserved bits in a 1-RTT packet", .act = reserved,
	  CLOSE(PROTOCOL_VIOLATION, ANY) },
	{ "9000/17.3.1/reserved", "the other reserved bit in a 1-RTT packet", .act = reserved_low,
	  CLOSE(PROTOCOL_VIOLATION, ANY) },
	{ "9000/17.3.1/reserved", "reserved bits in a packet that does not open",
	  .act = reserved_unsealed, .want = LIVES },
	ALL_LEVELS("9000/17.2/fixed-bit", "no Fixed Bit", fixed_bit, .want = LIVES),
	{ "9000/17.3.1/fixed-bit", "no Fixed Bit in a 1-RTT packet", .act = fixed_bit, .want = LIVES },
	{ "9000/17.4/spin", "a spin bit", .act = spin, .want = LIVES },
	ALL_LEVELS("9000/12.3/number-again", "a number twice", number_again, .want = LIVES),
	{ "9000/12.3/number-again", "a number twice in 1-RTT packets", .act = number_again,
	  .want = LIVES },
	{ "9000/12.3/number-again", "a datagram three times", .act = one_datagram_twice,
	  .want = LIVES },

	{ "9000/14.1/small-initial", "an Initial in a small datagram", .roles = CLIENT,
	  .stage = INITIAL, .act = small_initial, .want = LIVES },
	{ "9000/14.1/small-initial", "a first Initial in a small datagram", .roles = CLIENT,
	  .stage = NOTHING, .act = small_first, .want = SILENT },
	{ "9000/14.1/small-initial", "a first Initial in 1199 bytes", .roles = CLIENT,
	  .stage = NOTHING, .act = just_too_small, .want = SILENT },
	{ "9000/14/size", "small datagrams", .act = small_ping, .want = LIVES },
	{ "9000/10.3/too-small", "datagrams of 0 to 20 bytes", .act = tiny, .want = LIVES },
	{ "9000/10.3/too-small", "datagrams of 0 to 20 bytes for a listener", .roles = CLIENT,
	  .stage = NOTHING, .act = tiny, .want = SILENT },
	{ "9001/5.4.2/sample", "1-RTT packets with less than a sample", .act = no_sample,
	  .want = LIVES },
	{ "9001/5.4.2/sample", "a Handshake packet with less than a sample", .stage = HANDSHAKE,
	  .act = no_sample_long, .want = LIVES },

	{ "9000/5.2.2/small-unknown", "unknown versions in small datagrams", .roles = CLIENT,
	  .stage = NOTHING, .act = unknown_small, .want = SILENT },
	{ "9000/5.2.2/small-unknown", "an unknown version in a large datagram", .roles = CLIENT,
	  .stage = NOTHING, .act = unknown_large },
	{ "9000/17.2/id-length", "an unknown version with long IDs", .roles = CLIENT,
	  .stage = NOTHING, .act = unknown_long_ids },
	{ "9000/17.2/id-length", "an ID of 21 bytes", .roles = CLIENT, .stage = NOTHING,
	  .act = long_ids, .want = SILENT },
	{ "9000/7.2/short-id", "a first destination ID of 7 bytes", .roles = CLIENT,
	  .stage = NOTHING, .act = short_id, .want = SILENT },
	{ "9000/5.2.2/other", "what begins no connection", .roles = CLIENT, .stage = NOTHING,
	  .act = strangers, .want = SILENT },
	{ "9000/5.2.1/other-version", "a Handshake packet of another version", .roles = SERVER,
	  .stage = HANDSHAKE, .act = other_version, .want = LIVES },
	{ "9000/6.2/late", "Version Negotiation after an Initial", .roles = SERVER,
	  .stage = INITIAL, .act = vn_late, .want = LIVES },
	{ "9000/6.2/late", "Version Negotiation after the handshake", .roles = SERVER,
	  .act = vn_late, .want = LIVES },
	{ "9000/6.2/selected", "Version Negotiation with the version in use", .roles = SERVER,
	  .stage = NOTHING, .act = vn_selected, .want = LIVES },
	{ "9000/17.2.1/unused", "Version Negotiation with any bits", .roles = SERVER,
	  .stage = NOTHING, .act = vn_unused },

	ALL_LEVELS("9000/7.2/other-scid 9000/7.2/scid-change", "another Source Connection ID",
		   other_scid, .want = LIVES),
	{ "9000/17.2.2/token", "an Initial of a server with a token", .roles = SERVER,
	  .stage = INITIAL, .act = initial_token, .want = LIVES },
	{ "9000/12.2/coalesced", "a coalesced packet for another connection", .stage = HANDSHAKE,
	  .act = coalesced_other, .want = LIVES },

	{ "9000/10.3.1/reset", "a stateless reset", .roles = SERVER, .act = reset, .want = SILENT },
	{ "9000/10.3.1/reset", "a stateless reset, ID empty", .roles = SERVER, .act = reset, .before = empty_id, .want = SILENT },
	{ "9000/10.3/long-header", "a stateless reset with a long header", .roles = SERVER,
	  .act = reset_long, .want = SILENT },
	{ "9000/10.3.1/reset", "nearly a stateless reset", .act = not_reset, .want = LIVES },
	{ "9000/10.3.3/looping", "a packet for an unknown connection", .roles = CLIENT,
	  .stage = NOTHING, .act = unknown_id },
};

GROUP(packets);
