// SPDX-License-Identifier: GPL-2.0
/* Packets out: a payload of numbers, a header, protection, a datagram. */
#include <stdio.h>
#include <sys/socket.h>

#include "peer.h"

u64 resolve(const struct peer *p, u64 v)
{
	u64 n = v >> 8 & ~(SYMBOL >> 8), mine = p->server;

	if (!(v & SYMBOL))
		return v;
	switch (v >> 1 & 0x7f) {
	case 0:
		return n << 2 | mine;
	case 1:
		return n << 2 | mine | QUIC_SID_UNI;
	case 2:
		return n << 2 | !mine;
	case 3:
		return n << 2 | !mine | QUIC_SID_UNI;
	}
	return n;
}

static void bytes(struct buf *b, const void *data, u32 len)
{
	if (b->len + len > sizeof(b->data))
		abort();
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

static void repeat(struct buf *b, u8 byte, u32 n)
{
	while (n--)
		bytes(b, &byte, 1);
}

void put(const struct peer *p, struct buf *b, const u64 *v, unsigned int n)
{
	u8 number[8];
	unsigned int i;

	for (i = 0; i < n; i++) {
		u64 r = resolve(p, v[i]);

		switch (v[i] & SYMBOL ? v[i] >> 1 & 0x7f : 0) {
		case 4:
			repeat(b, 0x2a, r);
			break;
		case 5:
			repeat(b, r, 1);
			break;
		case 6:
			bytes(b, number, quic_varint_put2(number, r) - number);
			break;
		case 7:
			bytes(b, p->odcid.id, p->odcid.len);
			break;
		case 8:
			bytes(b, p->scid.id, p->scid.len);
			break;
		case 9:
			repeat(b, r, 8);
			break;
		case 10:
			repeat(b, r, QUIC_TOKEN_RESET_LEN);
			break;
		default:
			bytes(b, number, quic_varint_put(number, r) - number);
		}
	}
}

static const enum quic_packet_type types[] = {
	[QUIC_LEVEL_APP] = QUIC_PKT_1RTT,
	[QUIC_LEVEL_INITIAL] = QUIC_PKT_INITIAL,
	[QUIC_LEVEL_HANDSHAKE] = QUIC_PKT_HANDSHAKE,
	[QUIC_LEVEL_EARLY] = QUIC_PKT_0RTT,
};

u32 build(struct peer *p, unsigned int level, const struct buf *b, u8 *out, u32 cap, u32 pad_to)
{
	u8 text[1600] = { 0 }, *q;
	struct quic_vec src = { text, b->len };
	u64 pn = p->pn[quic_level_pns(level)]++;
	u32 len_off = 0, pn_off, hdr;
	struct quic_hp_item hp = {};

	memcpy(text, b->data, b->len);
	if (level == QUIC_LEVEL_APP)
		q = quic_packet_put_short(out, out + cap, &p->dcid, p->phase, false, pn, p->pn_len,
					  &pn_off);
	else
		q = quic_packet_put_long(out, out + cap, types[level], p->version, &p->dcid,
					 &p->scid, p->token, level == QUIC_LEVEL_INITIAL ?
					 p->token_len : 0, pn, p->pn_len, &len_off, &pn_off);
	if (!q)
		abort();
	hdr = q - out;
	if (hdr + src.len + QUIC_AEAD_TAG < pad_to)
		src.len = pad_to - hdr - QUIC_AEAD_TAG;
	if (len_off)
		quic_varint_put2(out + len_off, p->pn_len + src.len + QUIC_AEAD_TAG);
	out[0] ^= p->first_xor;
	if (hdr + src.len + QUIC_AEAD_TAG > cap ||
	    quic_protect_seal(&p->prot, level, pn, out, hdr, &src, 1, src.len)) {
		peer_fail(p, "cannot seal at level %u", level);
		return 0;
	}
	hp.sample = out + pn_off + 4;
	hp.pn_off = pn_off;
	quic_protect_hide(&p->prot, level, &hp, 1);
	out[0] ^= p->first_xor_after;
	if (p->flip)
		out[hdr + src.len] ^= 1;
	return hdr + src.len + QUIC_AEAD_TAG;
}

void throw(struct peer *p, const void *datagram, u32 len)
{
	if (sendto(p->udp, datagram, len, 0, (void *)&p->to, p->to_len) != (ssize_t)len)
		peer_fail(p, "sendto: %s", strerror(errno));
}

u64 say(struct peer *p, unsigned int level, const struct buf *b)
{
	u64 pn = p->pn[quic_level_pns(level)];
	u8 out[2048];
	/* RFC 9000, 14.1: a client's Initial packets, and a server's that elicit */
	u32 len = build(p, level, b, out, sizeof(out),
			level == QUIC_LEVEL_INITIAL && !p->small ? 1200 : 0);

	if (len)
		throw(p, out, len);
	return pn;
}

u64 say_numbers(struct peer *p, unsigned int level, const u64 *v, unsigned int n)
{
	struct buf b = {};

	put(p, &b, v, n);
	return say(p, level, &b);
}

void say_acks(struct peer *p, unsigned int level)
{
	enum quic_pns pns = quic_level_pns(level);
	struct buf b = {};
	u8 *end = quic_frame_put_ack(b.data, b.data + 1000, &p->rcvd[pns], 0, NULL);

	p->owe_ack[pns] = false;
	if (!end || !p->prot.tx[level])
		return;
	b.len = end - b.data;
	say(p, level, &b);
}
