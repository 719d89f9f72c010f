/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Datagram packetization layer path MTU discovery (RFC 9000, 14.3; RFC 8899):
 * first the largest size the interface and the peer allow, then binary search
 * between what works and what did not. Sizes are bytes of UDP payload.
 */
#ifndef QUIC_CORE_PMTU_H
#define QUIC_CORE_PMTU_H

#include "os.h"
#include "limits.h"

struct quic_pmtu {
	u16 cur;		/* confirmed; datagrams are built to this */
	u16 max;		/* never probe above: interface, peer's max_udp_payload_size */
	u16 ceil;		/* smallest size that failed, or max + 1 */
	u16 probe;		/* size in flight; 0: none */
	u16 told;		/* by ICMP, to be tried next; 0: nothing */
	u8 fails;		/* losses of this probe size in a row; 3 (MAX_PROBES) give it up */
	u8 black;		/* PTOs in a row without progress at cur: 3 -> QUIC_DGRAM_MIN */
	u64 next;		/* when to probe next; U64_MAX: search done, until raise */
	u64 interval;		/* PMTU_RAISE_TIMER, 600 s by default */
};

void quic_pmtu_init(struct quic_pmtu *m, u16 start);
/* Interface MTU or peer limit is known or changed: bounds the search (and cur). */
void quic_pmtu_set_max(struct quic_pmtu *m, u16 max, u64 now);
/* Size to probe with now, or 0. */
u16 quic_pmtu_want(const struct quic_pmtu *m, u64 now);
void quic_pmtu_sent(struct quic_pmtu *m, u16 size);
/* A probe of @size was acked or lost. Return: true when cur changed. */
bool quic_pmtu_result(struct quic_pmtu *m, u16 size, bool acked, u64 now);
/* Black hole detection: a PTO fired (@progress false) or full-sized data was acked (true). */
bool quic_pmtu_progress(struct quic_pmtu *m, bool progress, u64 now);
/*
 * ICMP, about a packet of ours, says that no more than @size passes (RFC 9000, 14.2.1; RFC 8899,
 * 4.6.2): nothing to rely on, but what to try first. Return: true when cur changed.
 */
bool quic_pmtu_too_big(struct quic_pmtu *m, u16 size, u64 now);
static inline u64 quic_pmtu_deadline(const struct quic_pmtu *m)
{
	return m->probe ? U64_MAX : m->next;
}

#endif
