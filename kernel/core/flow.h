/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The receiver's side of flow control (RFC 9000, 4) with auto-tuning: one
 * window, used for a stream and for the connection alike.
 *
 * The limit is moved up when a quarter of the window was consumed. The window grows, up to its
 * maximum, while an eighth of it is less than what is consumed in a round trip.
 */
#ifndef QUIC_CORE_FLOW_H
#define QUIC_CORE_FLOW_H

#include "os.h"

struct quic_flow {
	u64 limit;	/* advertised to the peer: MAX_DATA or MAX_STREAM_DATA */
	u64 used;	/* highest offset received (sum of them, on the connection) */
	u64 consumed;	/* handed to the application, or discarded */
	u64 window;
	u64 window_max;
	u64 epoch;	/* the round trip being measured began, ns; 0: none yet */
	u64 epoch_consumed;	/* consumed then */
	bool grown;		/* the window grew in it */
};

void quic_flow_init(struct quic_flow *f, u64 window, u64 window_max);
/* The application took @bytes. Return: true if a new limit should be sent. */
bool quic_flow_consume(struct quic_flow *f, u64 bytes, u64 srtt, u64 now);
/* Move the limit to consumed + window and return it. */
u64 quic_flow_grant(struct quic_flow *f);

#endif
