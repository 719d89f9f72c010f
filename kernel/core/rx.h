/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Receiving: datagrams and trains of datagrams (RFC 9000, 12.2; RFC 9001, 5).
 *
 * A train is up to QUIC_BURST_MAX datagrams that came together to one
 * destination ID, as UDP GRO delivers them; each is described by pieces of
 * linear memory that are only read. Packets are opened into ops->rx_buf().
 */
#ifndef QUIC_CORE_RX_H
#define QUIC_CORE_RX_H

#include "conn.h"

struct quic_rx_seg {		/* one datagram */
	u16 vec;		/* its first piece */
	u16 nvec;
	u32 len;
};

struct quic_rx_train {
	const struct quic_vec *vec;
	const struct quic_rx_seg *seg;
	unsigned int nseg;
	u8 ecn;			/* two bits of the IP header, same for all */
};

/*
 * Read what demultiplexing needs from the first @len bytes of a datagram.
 * Return: false if it can be no packet for us. Long headers: *long_hdr.
 */
bool quic_rx_peek(const u8 *buf, u32 len, const u8 **dcid, u8 *dcid_len, bool *long_hdr);

/*
 * All datagrams of @t, in order, then one ACK decision. Short-header packets
 * take the batched path; anything else is copied and goes packet by packet.
 * Return: number of packets that were accepted.
 */
unsigned int quic_rx_train(struct quic_conn *c, const struct quic_rx_train *t, u64 now);
/* One datagram in linear memory (read only). The same thing with nseg = 1. */
unsigned int quic_rx_datagram(struct quic_conn *c, const u8 *buf, u32 len, u8 ecn, u64 now);
/* The keys of @level came: packets that waited for them. quic_conn_install() calls it. */
void quic_rx_replay(struct quic_conn *c, enum quic_level level);
void quic_rx_drop_held(struct quic_conn *c);
/* The same, those of @level only */
void quic_rx_drop_level(struct quic_conn *c, enum quic_level level);

#endif
