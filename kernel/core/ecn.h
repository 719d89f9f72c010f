/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ECN on one path (RFC 9000, 13.4.2, A.4): whether packets leave with ECT(0), and whether what
 * the peer reports can be believed. One mark a burst. Under the connection's lock.
 */
#ifndef QUIC_CORE_ECN_H
#define QUIC_CORE_ECN_H

#include "frame.h"

enum quic_ecn_state {
	QUIC_ECN_TESTING,	/* the first packets are marked */
	QUIC_ECN_UNKNOWN,	/* they are out, nothing known of them yet: no marks */
	QUIC_ECN_CAPABLE,	/* ACKs report marks as they should: all packets are marked */
	QUIC_ECN_FAILED,	/* no marks any more */
};

struct quic_ecn {
	u8 state;
	u8 tested;		/* packets marked while testing */
	u8 test_lost;		/* of these, declared lost */
	u8 ptos;		/* while testing */
};

struct quic_ecn_counts {	/* of one packet number space */
	u64 sent;		/* packets that left with ECT(0) */
	u64 ect0, ce;		/* last validated counts reported by the peer */
};

/* Mark what leaves now? */
static inline bool quic_ecn_mark(const struct quic_ecn *e)
{
	return e->state == QUIC_ECN_TESTING || e->state == QUIC_ECN_CAPABLE;
}

void quic_ecn_sent(struct quic_ecn *e, struct quic_ecn_counts *n);
void quic_ecn_lost(struct quic_ecn *e);
void quic_ecn_pto(struct quic_ecn *e);
/*
 * A frame that raised the largest acknowledged: @ect packets newly acknowledged by it had left
 * with ECT(0). Return: the peer saw CE marks it had not reported before
 */
bool quic_ecn_acked(struct quic_ecn *e, struct quic_ecn_counts *n,
		    const struct quic_frame_ack *ack, u32 ect);

#endif
