/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A connection at rest does without what it can make again: transforms, the next generation of
 * keys, the rings of what was sent. Until quic_park_end() no packet is opened or built; the glue
 * keeps what comes. Under the connection's lock.
 */
#ifndef QUIC_CORE_PARK_H
#define QUIC_CORE_PARK_H

#include "conn.h"

#define QUIC_PARK_NS	(2ull * NSEC_PER_SEC)	/* of silence */

static inline bool quic_parked(const struct quic_conn *c)
{
	return c->prot.parked_rx;
}

/* When it has rested long enough; U64_MAX: it does not rest, or is parked already. */
u64 quic_park_at(const struct quic_conn *c);
/* After quic_park_at(). Any context. */
void quic_park(struct quic_conn *c);
/* Parked, and there is something to send. */
bool quic_park_wanted(const struct quic_conn *c, u64 now);
/* Go on. Process context. Return: 0, -ENOMEM, crypto's: it is still parked. */
int quic_park_end(struct quic_conn *c, u64 now);

#endif
