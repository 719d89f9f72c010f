/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cases: what is said, and what the kernel has to answer. A case names the
 * requirements it shows (IDs of the file requirements); coverage counts them.
 */
#ifndef DRILL_H
#define DRILL_H

#include "peer.h"

#define KERN_DATA	65536u	/* limits the kernel offers us */
#define KERN_STREAM	16384u
#define KERN_STREAMS	4u
#define KERN_DATAGRAM	1000u
#define HELLO		40	/* bytes of each TLS message */
#define RESET_TOKEN	0x5e	/* byte of our stateless reset token */

#define APP	QUIC_LEVEL_APP
#define INIT	QUIC_LEVEL_INITIAL
#define SHAKE	QUIC_LEVEL_HANDSHAKE
#define EARLY	QUIC_LEVEL_EARLY

enum roles { BOTH, CLIENT, SERVER };	/* the drill's */

enum want {
	DONE,		/* the case's function judges */
	CLOSES,		/* CONNECTION_CLOSE 0x1c with this code, and frame type unless ANY */
	CLOSES_APP,	/* CONNECTION_CLOSE 0x1d */
	LIVES,		/* the connection goes on as if nothing had been: a PING is acknowledged */
	SILENT,		/* not a datagram comes back */
};

#define ANY	U64_MAX

struct drill_case {
	const char *req;	/* IDs, a blank between them */
	const char *name;	/* what the drill does */
	u8 roles, stage, level;
	const u64 *say;		/* one packet with these numbers, */
	unsigned int nsay;
	void (*act)(struct peer *p);	/* or this */
	u8 want;
	u64 code, frame;
	void (*before)(struct peer *p);	/* ahead of the handshake */
	bool wrong;		/* a test of the judge: it has to find fault */
};

#define V(...)	.say = (const u64[]){ __VA_ARGS__ }, .nsay = COUNT(__VA_ARGS__)
#define CLOSE(c, f)	.want = CLOSES, .code = QUIC_ERR_##c, .frame = (f)

struct drill_group {
	const char *name;
	const struct drill_case *cases;
	unsigned int n;
};

#define GROUP(g) const struct drill_group drill_##g = { #g, g, ARRAY_SIZE(g) }

/* A check inside a case. */
#define NEED(p, cond)								\
	do {									\
		if (!(cond)) {							\
			peer_fail(p, "%s:%d: %s", __FILE_NAME__, __LINE__, #cond); \
			return;							\
		}								\
	} while (0)

/* Alive? PING, and its acknowledgment. */
bool drill_lives(struct peer *p);

#endif
