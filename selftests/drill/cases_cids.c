// SPDX-License-Identifier: GPL-2.0
/* RFC 9000, 5.1, 19.15 and 19.16: connection IDs, issued and retired. */
#include "drill.h"

#define NEW_CID(seq, prior, b)	0x18, seq, prior, RAW(8), CID_BYTES(b), TOKEN_BYTES(b)
#define KERN_CIDS	7	/* what the kernel takes, by default */

static bool retired(const struct peer *p, u64 seq)
{
	unsigned int i;

	for (i = 0; i < p->heard.nretired; i++)
		if (p->heard.retired[i] == seq)
			return true;
	return false;
}

static void issue(struct peer *p, unsigned int from, unsigned int to)
{
	for (; from <= to; from++)
		SAY(p, APP, NEW_CID(from, 0, from));
}

static void one_too_many(struct peer *p)
{
	/* sequence number 0 is one of them */
	issue(p, 1, KERN_CIDS - 1);
	NEED(p, drill_lives(p));
	issue(p, KERN_CIDS, KERN_CIDS);
}

static void as_many_as_may_be(struct peer *p)
{
	issue(p, 1, KERN_CIDS - 1);
}

/* A new one and the end of an old one in one frame is no excess. */
static void exchange(struct peer *p)
{
	issue(p, 1, KERN_CIDS - 1);
	SAY(p, APP, NEW_CID(KERN_CIDS, 1, KERN_CIDS));
	NEED(p, drill_lives(p));
	NEED(p, retired(p, 0));
}

static void again(struct peer *p)
{
	unsigned int i;

	for (i = 0; i < 20; i++)
		SAY(p, APP, NEW_CID(1, 0, 1));
}

static void id_again(struct peer *p)
{
	SAY(p, APP, NEW_CID(1, 0, 1));
	SAY(p, APP, NEW_CID(2, 0, 1));
}

static void sequence_again(struct peer *p)
{
	SAY(p, APP, NEW_CID(1, 0, 1));
	SAY(p, APP, NEW_CID(1, 0, 2));
}

static void other_token(struct peer *p)
{
	SAY(p, APP, NEW_CID(1, 0, 1));
	SAY(p, APP, 0x18, 1, 0, RAW(8), CID_BYTES(1), TOKEN_BYTES(9));
}

static void current_id_again(struct peer *p)
{
	SAY(p, APP, 0x18, 1, 0, RAW(8), SCID, TOKEN_BYTES(1));
}

static void lower_prior(struct peer *p)
{
	SAY(p, APP, NEW_CID(1, 1, 1));
	NEED(p, drill_lives(p));
	NEED(p, retired(p, 0));
	SAY(p, APP, NEW_CID(2, 0, 2));
	NEED(p, drill_lives(p));
	NEED(p, p->heard.nretired == 1);
}

/* Came late: it is to be retired at once, and never used. */
static void below_prior(struct peer *p)
{
	SAY(p, APP, NEW_CID(3, 3, 3));
	NEED(p, drill_lives(p));
	SAY(p, APP, NEW_CID(1, 0, 1));
	NEED(p, drill_lives(p));
	NEED(p, retired(p, 0));
	NEED(p, retired(p, 1));
}

/* IDs that go as they come, and nothing acknowledged: the kernel may not forget one. */
static void retire_flood(struct peer *p)
{
	unsigned int i;

	p->mute = true;
	for (i = 1; i < 40; i++)
		SAY(p, APP, NEW_CID(i, i, i));
}

/* The same with acknowledgments: it goes on for ever. */
static void retire_stream(struct peer *p)
{
	unsigned int i;

	for (i = 1; i < 60; i++) {
		SAY(p, APP, NEW_CID(i, i, i));
		hear(p, 5);
	}
	NEED(p, p->heard.nretired >= 58);
}

static void retire_in_use(struct peer *p)
{
	SAY(p, APP, 0x19, 0);
}

/* Retired by the one that carries the frame's packet; the kernel gives a new one. */
static void retire_other(struct peer *p)
{
	NEED(p, p->ncids);
	SAY(p, APP, 0x19, p->cids[0].seq);
	NEED(p, drill_lives(p));
	NEED(p, p->heard.frame[QUIC_FT_NEW_CONNECTION_ID]);
	/* and once more: late, or again, no error */
	SAY(p, APP, 0x19, p->cids[0].seq);
}

static void empty_id(struct peer *p)
{
	p->scid.len = 0;
}

/* --- the kernel's own ID is empty: a client found by its address --- */

static void kern_empty(struct peer *p)
{
	p->kern_empty_cid = true;
}

/* 5.1.1: one that is empty is the only one. */
static void empty_kernel(struct peer *p)
{
	NEED(p, !p->dcid.len);
	NEED(p, !p->ncids && !p->heard.frame[QUIC_FT_NEW_CONNECTION_ID]);
	issue(p, 1, KERN_CIDS - 1);
	SAY(p, APP, NEW_CID(KERN_CIDS, 1, KERN_CIDS));
	NEED(p, drill_lives(p));
	NEED(p, retired(p, 0));
}

#define CLIENT_IS_KERNEL	.roles = SERVER, .before = kern_empty

static const struct drill_case cids[] = {
	{ "9000/5.1.1/limit", "one NEW_CONNECTION_ID more than the limit", .act = one_too_many,
	  CLOSE(CONNECTION_ID_LIMIT, 0x18) },
	{ "9000/5.1.1/limit", "as many NEW_CONNECTION_IDs as the limit allows",
	  .act = as_many_as_may_be, .want = LIVES },
	{ "9000/5.1.1/limit", "one more, which retires another", .act = exchange, .want = LIVES },
	{ "9000/5.1.2/forget", "IDs that go as they come, their retirement never acknowledged",
	  .act = retire_flood, CLOSE(CONNECTION_ID_LIMIT, 0x18) },
	{ "9000/5.1.2/forget", "IDs that go as they come, acknowledged", .act = retire_stream,
	  .want = LIVES },
	{ "9000/19.15/length", "NEW_CONNECTION_ID with an empty ID",
	  V(0x18, 1, 0, RAW(0), TOKEN_BYTES(1)), CLOSE(FRAME_ENCODING, 0x18) },
	{ "9000/19.15/length", "NEW_CONNECTION_ID with an ID of 21 bytes",
	  V(0x18, 1, 0, RAW(21), BYTES(21), TOKEN_BYTES(1)), CLOSE(FRAME_ENCODING, 0x18) },
	{ "9000/19.15/length", "NEW_CONNECTION_ID with an ID of 20 bytes",
	  V(0x18, 1, 0, RAW(20), BYTES(20), TOKEN_BYTES(1)), .want = LIVES },
	{ "9000/19.15/empty-dcid", "NEW_CONNECTION_ID for an ID that is empty", .before = empty_id,
	  V(NEW_CID(1, 0, 1)), CLOSE(PROTOCOL_VIOLATION, 0x18) },
	{ "9000/19.15/again", "NEW_CONNECTION_ID many times the same", .act = again, .want = LIVES },
	{ "9000/19.15/reused", "an ID with another sequence number", .act = id_again,
	  CLOSE(PROTOCOL_VIOLATION, 0x18) },
	{ "9000/19.15/reused", "a sequence number with another ID", .act = sequence_again,
	  CLOSE(PROTOCOL_VIOLATION, 0x18) },
	{ "9000/19.15/reused", "an ID with another reset token", .act = other_token,
	  CLOSE(PROTOCOL_VIOLATION, 0x18) },
	{ "9000/19.15/reused", "the ID of the handshake with another sequence number",
	  .act = current_id_again, CLOSE(PROTOCOL_VIOLATION, 0x18) },
	{ "9000/19.15/prior-over-sequence", "Retire Prior To over Sequence Number",
	  V(NEW_CID(1, 2, 1)), CLOSE(FRAME_ENCODING, 0x18) },
	{ "9000/19.15/prior-no-increase", "Retire Prior To that goes down", .act = lower_prior,
	  .want = LIVES },
	{ "9000/19.15/late", "an ID below Retire Prior To", .act = below_prior, .want = LIVES },
	{ "9000/19.16/never-sent", "RETIRE_CONNECTION_ID of one never issued", V(0x19, 100),
	  CLOSE(PROTOCOL_VIOLATION, 0x19) },
	{ "9000/19.16/in-use", "RETIRE_CONNECTION_ID of the packet's own", .act = retire_in_use,
	  CLOSE(PROTOCOL_VIOLATION, 0x19) },
	{ "9000/19.16/never-sent", "RETIRE_CONNECTION_ID of another, twice", .act = retire_other,
	  .want = LIVES },
	{ "9000/19.16/empty-scid", "RETIRE_CONNECTION_ID of an ID that is empty", CLIENT_IS_KERNEL,
	  V(0x19, 0), CLOSE(PROTOCOL_VIOLATION, 0x19) },
	{ "9000/19.16/empty-scid", "RETIRE_CONNECTION_ID beside an ID that is empty",
	  CLIENT_IS_KERNEL, V(0x19, 1), CLOSE(PROTOCOL_VIOLATION, 0x19) },
	{ "9000/5.1.1/limit", "IDs for a client whose own is empty", CLIENT_IS_KERNEL,
	  .act = empty_kernel, .want = LIVES },
};

GROUP(cids);
