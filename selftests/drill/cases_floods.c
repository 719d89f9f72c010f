// SPDX-License-Identifier: GPL-2.0
/* Volume: what costs the drill little must not cost the kernel much, and what comes back is bounded. */
#include "drill.h"

#define X	BYTES(1)
#define TIMES	10000

/* What came back, in bytes and datagrams, for how much was sent. */
static void bounded(struct peer *p, unsigned int datagrams, u64 bytes)
{
	NEED(p, p->heard.datagrams <= datagrams);
	NEED(p, p->heard.bytes <= bytes);
}

static void challenges(struct peer *p)
{
	unsigned int i;

	for (i = 0; i < TIMES; i++) {
		SAY(p, APP, QUIC_FT_PATH_CHALLENGE, i | 1 << 14, i | 1 << 14);
		if (i % 64 == 63)
			hear(p, 0);
	}
	hear(p, 100);
	NEED(p, p->heard.frame[QUIC_FT_PATH_RESPONSE] > 100);
	bounded(p, 2 * TIMES, 2 * TIMES * 1300ull);
}

/* Twenty of them a packet */
static void packed_challenges(struct peer *p)
{
	struct buf b;
	unsigned int i, k;

	for (i = 0; i < TIMES / 100; i++) {
		b.len = 0;
		for (k = 0; k < 100; k++)
			PUT(p, &b, QUIC_FT_PATH_CHALLENGE, BYTES(8));
		say(p, APP, &b);
		hear(p, 1);
	}
	/* each packet's are not all remembered */
	NEED(p, p->heard.frame[QUIC_FT_PATH_RESPONSE] <= TIMES / 10);
}

/* Every second number only: as many ranges as there are packets. */
static void holes(struct peer *p)
{
	unsigned int i;

	for (i = 0; i < 3000; i++) {
		p->pn[QUIC_PNS_APP]++;
		SAY(p, APP, QUIC_FT_PING);
		if (i % 32 == 31)
			hear(p, 0);
	}
	hear(p, 100);
	NEED(p, p->heard.size_max <= 1500);
	bounded(p, 3000, 3000 * 1300ull);
}

/* ACKs with hundreds of ranges, of what was sent and was not, again and again. */
static void ack_storm(struct peer *p)
{
	struct buf b;
	unsigned int i, k;

	p->mute = true;
	for (i = 0; i < 300; i++) {
		b.len = 0;
		PUT(p, &b, 0x02, 0, 0, 0, 0);
		for (k = 0; k < 200; k++)
			PUT(p, &b, 0x02, 0, 0, 0, 0);
		say(p, APP, &b);
	}
	p->mute = false;
}

/* One byte in each frame, from the end to the start. */
static void crypto_fragments(struct peer *p)
{
	unsigned int i;

	for (i = 0; i < 2000; i++) {
		SAY(p, SHAKE, 0x06, 2 * (2000 - i), 1, X);
		if (i % 64 == 63)
			hear(p, 0);
	}
}

static void crypto_same(struct peer *p)
{
	struct buf b;
	unsigned int i, k;

	for (i = 0; i < TIMES / 100; i++) {
		b.len = 0;
		for (k = 0; k < 100; k++)
			PUT(p, &b, 0x06, 4000, 1, X);
		say(p, SHAKE, &b);
	}
}

static void stream_fragments(struct peer *p)
{
	struct buf b;
	unsigned int i, k;

	for (i = 0; i < 80; i++) {
		b.len = 0;
		for (k = 0; k < 100; k++)
			PUT(p, &b, 0x0e, MINE_BIDI(0), 2 * (8000 - 100 * i - k), 1, X);
		say(p, APP, &b);
		hear(p, 0);
	}
}

/* Frames for streams that do not matter any more */
static void resets(struct peer *p)
{
	unsigned int i;

	for (i = 0; i < 2000; i++) {
		SAY(p, APP, 0x04, MINE_UNI(0), 0, 0, 0x04, MINE_UNI(1), 0, 0);
		if (i % 64 == 63)
			hear(p, 0);
	}
}

static void blocked(struct peer *p)
{
	unsigned int i;

	for (i = 0; i < 2000; i++) {
		SAY(p, APP, 0x14, i, 0x15, MINE_BIDI(1), i, 0x16, i, 0x17, i);
		if (i % 64 == 63)
			hear(p, 0);
	}
	hear(p, 50);
	NEED(p, p->heard.frame[QUIC_FT_MAX_DATA] < 100);
}

/* RETIRE_CONNECTION_ID as fast as new ones come */
static void retires(struct peer *p)
{
	unsigned int i, k;

	for (i = 0; i < 500; i++) {
		if (!p->ncids) {
			hear(p, 20);
			continue;
		}
		for (k = 0; k + 1 < p->ncids; k++)
			SAY(p, APP, 0x19, p->cids[k].seq);
		p->ncids = 0;
		hear(p, 1);
	}
	NEED(p, !p->heard.closed);
	bounded(p, 4000, 4000 * 1300ull);
}

static void pings(struct peer *p)
{
	unsigned int i;

	p->mute = true;
	for (i = 0; i < TIMES; i++) {
		SAY(p, APP, QUIC_FT_PING);
		if (i % 64 == 63)
			hear(p, 0);
	}
	hear(p, 50);
	/* an ACK for every packet at most */
	bounded(p, TIMES, TIMES * 100ull);
	p->mute = false;
}

/* Optimistic: numbers a little beyond what was sent, at every turn. */
static void optimistic(struct peer *p)
{
	u64 largest = 0;

	if (p->rcvd[QUIC_PNS_APP].n)
		largest = quic_ranges_last(&p->rcvd[QUIC_PNS_APP])->end + 3;
	SAY(p, APP, 0x02, largest, 0, 0, largest);
}

static void listener_flood(struct peer *p)
{
	unsigned int i;

	for (i = 0; i < 3000; i++) {
		put_unaligned_be32(i, p->odcid.id + 4);
		p->dcid = p->odcid;
		quic_protect_free(&p->prot);
		quic_protect_init(&p->prot, p->prot.ops);
		NEED(p, !quic_protect_initial(&p->prot, p->version, &p->odcid, false));
		p->pn[QUIC_PNS_INITIAL] = 0;
		SAY(p, INIT, QUIC_FT_CRYPTO, 0, HELLO, BYTES(HELLO));
	}
	hear(p, 100);
	/* Retry and nothing else, less than what was sent */
	NEED(p, p->heard.retry > 100);
	bounded(p, 3000, 3000 * 1200ull / 4);
}

static const struct drill_case floods[] = {
	{ "flood", "10,000 PATH_CHALLENGEs", .act = challenges, .want = LIVES },
	{ "flood", "10,000 PATH_CHALLENGEs, a hundred a packet", .act = packed_challenges,
	  .want = LIVES },
	{ "flood", "3000 packets, every second number", .act = holes, .want = LIVES },
	{ "flood", "60,000 ACKs", .act = ack_storm, .want = LIVES },
	{ "flood", "CRYPTO of 2000 holes", .stage = HANDSHAKE, .act = crypto_fragments },
	{ "flood", "10,000 times the same CRYPTO", .stage = HANDSHAKE, .act = crypto_same,
	  .want = LIVES },
	{ "flood", "STREAM of 8000 holes", .act = stream_fragments },
	{ "flood", "4000 RESET_STREAMs", .act = resets, .want = LIVES },
	{ "flood", "8000 *_BLOCKED", .act = blocked, .want = LIVES },
	{ "flood", "RETIRE_CONNECTION_ID all the time", .act = retires, .want = LIVES },
	{ "flood", "10,000 PINGs", .act = pings, .want = LIVES },
	{ "flood 9000/13.1/never-sent", "ACK just beyond what was sent", .act = optimistic,
	  CLOSE(PROTOCOL_VIOLATION, 0x02) },
	{ "flood", "3000 clients begin", .roles = CLIENT, .stage = NOTHING, .act = listener_flood },
};

GROUP(floods);
