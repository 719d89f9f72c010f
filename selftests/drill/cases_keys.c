// SPDX-License-Identifier: GPL-2.0
/* RFC 9001: TLS messages where they do not belong, keys that are gone, key updates, DATAGRAM offers. */
#include <linux/tls.h>

#include "../kselftest/pair.h"
#include "drill.h"

#define X	BYTES(1)
/* A TLS message in a CRYPTO frame of 1-RTT: type, 24 bits of length, body */
#define TLS(type, len, ...)	0x06, 0, 4 + (len), RAW(type), RAW(0), RAW(0), RAW(len), ##__VA_ARGS__

/* Data of a level after the keys of the next. */
static void old_level(struct peer *p)
{
	SAY(p, INIT, QUIC_FT_CRYPTO, HELLO, 10, BYTES(10));
}

/* The kernel's end gets its secrets. Sending first: a refusal of the other is said with these. */
static void next_keys_of(struct peer *p, unsigned int level)
{
	peer_install(p, level);
	pair_secret(p->sd, level, 1, p->server ? 1 : 2, p->suite);
	pair_secret(p->sd, level, 0, p->server ? 2 : 1, p->suite);
}

/* Data that TLS cannot have read, for a hole before it, when the next keys come. */
static void unread(struct peer *p)
{
	SAY(p, INIT, QUIC_FT_CRYPTO, HELLO + 10, 10, BYTES(10));
	NEED(p, hear_ack(p, INIT, SAY(p, INIT, QUIC_FT_PING)));
	NEED(p, !kern_params(p));
	next_keys_of(p, SHAKE);
}

/* Data that TLS could have read, and did not: behind what it wanted of the level. */
static void unread_initial(struct peer *p)
{
	SAY(p, INIT, QUIC_FT_CRYPTO, HELLO, 10, BYTES(10));
	NEED(p, hear_ack(p, INIT, SAY(p, INIT, QUIC_FT_PING)));
	NEED(p, !kern_params(p));
	next_keys_of(p, SHAKE);
}

static void unread_handshake(struct peer *p)
{
	SAY(p, SHAKE, QUIC_FT_CRYPTO, 0, HELLO, BYTES(HELLO));
	NEED(p, hear_ack(p, SHAKE, SAY(p, SHAKE, QUIC_FT_PING)));
	next_keys_of(p, APP);
}

/* What was there before may come again. */
static void old_data(struct peer *p)
{
	SAY(p, INIT, QUIC_FT_CRYPTO, 0, HELLO, BYTES(HELLO));
}

static void dropped(struct peer *p, unsigned int level, u64 pn)
{
	NEED(p, drill_lives(p));
	NEED(p, !quic_ranges_has(&p->heard.acks[quic_level_pns(level)], pn));
}

/* Initial packets after Handshake packets went both ways. */
static void initial_late(struct peer *p)
{
	NEED(p, hear_ack(p, SHAKE, SAY(p, SHAKE, QUIC_FT_PING)));
	hear(p, 50);
	dropped(p, INIT, SAY(p, INIT, 0x21));
}

static void handshake_late(struct peer *p)
{
	dropped(p, SHAKE, SAY(p, SHAKE, 0x21));
}

static void early_late(struct peer *p)
{
	peer_install(p, EARLY);
	SAY(p, EARLY, 0x21);
}

/* A client gets a 0-RTT packet. The drill seals it with some key: there is none for it. */
static void early_to_client(struct peer *p)
{
	u8 out[60] = { 0xd3, 0, 0, 0, 1 }, *q = out + 5;

	*q++ = p->dcid.len;
	memcpy(q, p->dcid.id, p->dcid.len);
	q += p->dcid.len;
	*q++ = p->scid.len;
	memcpy(q, p->scid.id, p->scid.len);
	q += p->scid.len;
	*q = out + sizeof(out) - q - 1;
	throw(p, out, sizeof(out));
}

/* --- key update --- */

static void update(struct peer *p)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		peer_next_keys(p);
		NEED(p, hear_ack(p, APP, SAY(p, APP, QUIC_FT_PING)));
		NEED(p, !p->heard.key_phase == (i & 1));
	}
}

/*
 * Old keys on a number above one of the new keys. RFC 9001, 6.5: the number says which keys to
 * try, and those are the next ones. So nothing is opened with old ones, and the packet is dropped.
 */
static void old_keys_later(struct peer *p)
{
	struct buf b = {};
	u64 first = p->pn[QUIC_PNS_APP];
	u8 old[200];
	u32 len;

	PUT(p, &b, QUIC_FT_PING);
	p->pn[QUIC_PNS_APP] = first + 10;
	len = build(p, APP, &b, old, sizeof(old), 0);
	p->pn[QUIC_PNS_APP] = first;
	peer_next_keys(p);
	NEED(p, hear_ack(p, APP, SAY(p, APP, QUIC_FT_PING)));
	p->pn[QUIC_PNS_APP] = first + 20;
	throw(p, old, len);
	dropped(p, APP, first + 10);
}

/* Old keys on a number below: it was merely overtaken. */
static void old_keys_before(struct peer *p)
{
	struct buf b = {};
	u8 old[200];
	u64 pn = p->pn[QUIC_PNS_APP];
	u32 len;

	PUT(p, &b, QUIC_FT_PING);
	len = build(p, APP, &b, old, sizeof(old), 0);
	peer_next_keys(p);
	NEED(p, hear_ack(p, APP, SAY(p, APP, QUIC_FT_PING)));
	throw(p, old, len);
	NEED(p, hear_ack(p, APP, pn));
}

/* New keys on a number below one of the old keys. */
static void new_keys_before(struct peer *p)
{
	u64 first = p->pn[QUIC_PNS_APP];

	p->pn[QUIC_PNS_APP] = first + 10;
	NEED(p, hear_ack(p, APP, SAY(p, APP, QUIC_FT_PING)));
	p->pn[QUIC_PNS_APP] = first;
	peer_next_keys(p);
	SAY(p, APP, QUIC_FT_PING);
	p->pn[QUIC_PNS_APP] = first + 20;
}

/* The bit flips, the keys do not: noise. */
static void bit_only(struct peer *p)
{
	u64 pn;

	p->phase = !p->phase;
	pn = SAY(p, APP, QUIC_FT_PING);
	p->phase = !p->phase;
	dropped(p, APP, pn);
}

static void wrong_tag(struct peer *p)
{
	unsigned int i;

	p->flip = true;
	for (i = 0; i < 500; i++)
		SAY(p, APP, 0x21);
	p->flip = false;
}

static void no_offer(struct peer *p)
{
	p->kern_no_datagrams = true;
}

static void no_offer_of_ours(struct peer *p)
{
	p->no_datagrams = true;
}

/* The kernel's end may not send one that we did not offer to take. */
static void kernel_datagram(struct peer *p)
{
	struct msghdr msg = { .msg_iov = &(struct iovec){ "x", 1 }, .msg_iovlen = 1 };

	NEED(p, sendmsg(p->sd, &msg, MSG_QUIC_DATAGRAM | MSG_NOSIGNAL) == -1 && errno == EINVAL);
	hear(p, 50);
	NEED(p, !p->heard.frame[QUIC_FT_DATAGRAM & 0x3f] &&
	     !p->heard.frame[QUIC_FT_DATAGRAM_LEN & 0x3f]);
}

static const struct drill_case keys[] = {
	{ "9001/4.1.3/old-level", "CRYPTO beyond what Initial packets brought, after Handshake keys",
	  .stage = HANDSHAKE, .act = old_level, CLOSE(PROTOCOL_VIOLATION, 0x06) },
	{ "9001/4.1.3/old-level", "CRYPTO that was there before, after Handshake keys",
	  .stage = HANDSHAKE, .act = old_data, .want = LIVES },
	{ "9001/4.1.3/unconsumed", "CRYPTO behind a hole when Handshake keys come", .stage = INITIAL,
	  .act = unread, CLOSE(PROTOCOL_VIOLATION, ANY) },
	{ "9001/4.1.3/unconsumed", "CRYPTO that TLS did not read when Handshake keys come",
	  .stage = INITIAL, .act = unread_initial, CLOSE(PROTOCOL_VIOLATION, 0x06) },
	{ "9001/4.1.3/unconsumed", "CRYPTO that TLS did not read when 1-RTT keys come",
	  .stage = HANDSHAKE, .act = unread_handshake, CLOSE(PROTOCOL_VIOLATION, 0x06) },
	{ "9001/4.4/certificate-request", "CertificateRequest after the handshake", .roles = SERVER,
	  V(TLS(13, 3, 0, 0, 0)), CLOSE(PROTOCOL_VIOLATION, 0x06) },
	{ "9001/4.6.1/early-data", "NewSessionTicket with another max_early_data_size",
	  .roles = SERVER,
	  V(TLS(4, 22, RAW(0), RAW(0), RAW(1), RAW(0), RAW(0), RAW(0), RAW(0), RAW(0), RAW(0),
		RAW(0), RAW(1), RAW(9), RAW(0), RAW(8), RAW(0), RAW(42), RAW(0), RAW(4), RAW(0),
		RAW(0), RAW(1), RAW(0))), CLOSE(PROTOCOL_VIOLATION, 0x06) },
	{ "9001/6/key-update", "a TLS KeyUpdate", V(TLS(24, 1, RAW(0))), .want = CLOSES, .code = 0x10a,
	  .frame = 0x06 },
	{ "9001/4.9.1/initial", "an Initial packet after the first Handshake packets",
	  .stage = HANDSHAKE, .act = initial_late, .want = LIVES },
	{ "9001/4.9.2/handshake", "a Handshake packet after the handshake", .act = handshake_late,
	  .want = LIVES },
	{ "9001/4.9.3/early", "a 0-RTT packet after the handshake", .roles = CLIENT,
	  .act = early_late, .want = LIVES },
	{ "9001/5.6/client", "a 0-RTT packet for a client", .roles = SERVER, .act = early_to_client,
	  .want = LIVES },
	{ "9001/5.6/client", "a 0-RTT packet for a client that has no keys yet", .roles = SERVER,
	  .stage = INITIAL, .act = early_to_client, .want = LIVES },
	{ "9001/6.4/update", "key updates, one after the other", .act = update, .want = LIVES },
	{ "9001/6.4/old-keys", "old keys on a later packet", .act = old_keys_later,
	  .want = LIVES },
	{ "9001/6.4/old-keys", "new keys on an earlier packet", .act = new_keys_before,
	  CLOSE(KEY_UPDATE, ANY) },
	{ "9001/6.4/old-keys", "old keys on a packet that was overtaken", .act = old_keys_before,
	  .want = LIVES },
	{ "9001/5.5/key-update 9001/5.5/other-key", "a key phase that changes, keys that do not", .act = bit_only,
	  .want = LIVES },
	{ "9001/5.5/other-key", "500 packets that do not open", .act = wrong_tag, .want = LIVES },
	{ "9221/3/not-offered", "DATAGRAM, not offered", .before = no_offer, V(0x31, 1, X),
	  CLOSE(PROTOCOL_VIOLATION, 0x31) },
	{ "9221/3/not-offered", "DATAGRAM without a length, not offered", .before = no_offer,
	  V(0x30, X), CLOSE(PROTOCOL_VIOLATION, 0x30) },
	{ "9221/3/kernel", "the kernel wants to send a DATAGRAM nobody takes",
	  .before = no_offer_of_ours, .act = kernel_datagram, .want = LIVES },
};

GROUP(keys);
