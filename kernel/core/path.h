/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Paths: the ways between the two ends, one of which is in use (RFC 9000, 8 and 9).
 *
 * The core knows no addresses: a path is a key that the glue makes of both and
 * that is only compared. conn.h includes this; everything is under the
 * connection's lock.
 */
#ifndef QUIC_CORE_PATH_H
#define QUIC_CORE_PATH_H

#include "packet.h"

struct quic_conn;

struct quic_path {
	u64 rx_bytes, tx_bytes;		/* until validated: anti-amplification (8.1) */
	bool validated;			/* the peer is at its other end */
	u8 cid;				/* which of the peer's IDs is used here: cids.remote[] */
	u8 n_responses;
	u8 response[QUIC_PATH_RESPONSES_MAX][8];
};

struct quic_paths {
	struct quic_path first;		/* that of the handshake */
};

void quic_path_init(struct quic_conn *c);
/* PATH_CHALLENGE came. Return: 0 */
u64 quic_path_rx_challenge(struct quic_conn *c, const u8 *data);

#endif
