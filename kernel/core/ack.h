/* SPDX-License-Identifier: GPL-2.0 */
/*
 * When received packets are acknowledged, and what either side asked of the other about that
 * (RFC 9000, 13.2; draft-ietf-quic-ack-frequency). Called under the connection's lock.
 */
#ifndef QUIC_CORE_ACK_H
#define QUIC_CORE_ACK_H

#include "frame.h"

struct quic_conn;
struct quic_rx_info;
struct quic_space;

struct quic_ack {
	/* what the peer asked of ours */
	bool asked;		/* an ACK_FREQUENCY came; until then RFC 9000 alone counts */
	u64 rx_seq;		/* largest sequence number that came */
	u64 threshold;		/* packets that may come without an ACK: 1 */
	u64 max_delay;		/* ns; with asked */
	u64 reorder;		/* reordering that is told at once: 1; 0: none is */
	/* what we ask of the peer's */
	bool wanted;		/* ACK_FREQUENCY to go out with the next data */
	bool out;		/* one is in flight */
	u64 tx_seq;		/* of the last one sent, and one more: the next one's */
	u64 tx_at;		/* when it went, ns */
	u64 tx_threshold, tx_reorder;
	u64 tx_delay;		/* ns */
};

void quic_ack_init(struct quic_conn *c);
/* A packet was taken. */
void quic_ack_packet(struct quic_conn *c, const struct quic_rx_info *pkt, bool eliciting, u64 now);
/*
 * An eliciting, non-probing one of 1-RTT, the next in order of a train. Return: true if that made
 * no difference but the numbers, and is noted; false: the long way.
 */
bool quic_ack_next(struct quic_conn *c, const struct quic_rx_info *pkt, u64 now);
/* Its train ended: one decision. */
void quic_ack_train(struct quic_conn *c);
/* An ACK frame with all that is known was written. */
void quic_ack_sent(struct quic_space *sp, u64 now);
/* ACK_FREQUENCY came. Return: 0 or an error code */
u64 quic_ack_rx_frequency(struct quic_conn *c, const struct quic_frame *f);

/* An ACK came, the windows may have changed: should the peer's ACKs? */
void quic_ack_ask(struct quic_conn *c, u64 now);
/* ACK_FREQUENCY goes into a packet at @p. Return: its end, NULL if it does not fit */
u8 *quic_ack_put(struct quic_conn *c, u8 *p, const u8 *end, u64 now);
/* What became of the one numbered @seq */
void quic_ack_put_acked(struct quic_conn *c, u64 seq);
void quic_ack_put_lost(struct quic_conn *c, u64 seq);

#endif
