/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DATAGRAM frames (RFC 9221): the queue of those to be sent, and the limits of both sides. The
 * bytes are the glue's. Called under the connection's lock.
 */
#ifndef QUIC_CORE_DATAGRAM_H
#define QUIC_CORE_DATAGRAM_H

#include "frame.h"

struct quic_conn;

struct quic_datagram {
	struct list_head list;		/* conn->datagrams, oldest first */
	const u8 *data;
	u32 len;
	u32 lent;			/* as of struct quic_vec */
};

/* Largest payload that can be sent now; -1: none, as the peer takes no datagrams. */
int quic_datagram_max(const struct quic_conn *c);
/*
 * Queue it. It goes out once, as soon as congestion control lets it, then datagram_done() is
 * called; also if the path should no longer carry it. -EINVAL: not offered by the peer; -EMSGSIZE
 */
int quic_datagram_send(struct quic_conn *c, struct quic_datagram *d);
/* Give back all that is queued. */
void quic_datagram_flush(struct quic_conn *c);

/* --- the core's side --- */

bool quic_datagram_pending(const struct quic_conn *c);
/* The next one to send, or NULL. Those too large by now are given back. */
struct quic_datagram *quic_datagram_next(struct quic_conn *c);
/* May the peer send @f? 0 or an error code */
u64 quic_datagram_rx_check(const struct quic_conn *c, const struct quic_frame *f);
/* The packet counts as received: hand over the datagrams in what is left of its payload. */
void quic_datagram_rx(struct quic_conn *c, const u8 *p, const u8 *end);

#endif
