// SPDX-License-Identifier: GPL-2.0
/* RFC 9000, 19 and RFC 9221: frames that are malformed, or mean what may not be meant. */
#include "drill.h"

#define X	BYTES(1)
#define TOP	((1ull << 62) - 1)
#define STREAMS	(1ull << 60)

static void crypto_again(struct peer *p)
{
	NEED(p, hear_ack(p, SHAKE, SAY(p, SHAKE, QUIC_FT_CRYPTO, 0, 10, BYTES(10))));
	NEED(p, hear_ack(p, SHAKE, SAY(p, SHAKE, QUIC_FT_CRYPTO, 0, 10, BYTES(10))));
}

static const struct drill_case frames[] = {
	/* ACK */
	{ "9000/19.3.1/negative", "ACK whose first range goes below 0",
	  V(0x02, 0, 0, 0, 1), CLOSE(FRAME_ENCODING, 0x02) },
	{ "9000/19.3.1/negative", "ACK with such a range in a Handshake packet", .stage = HANDSHAKE,
	  .level = SHAKE, V(0x02, 0, 0, 0, 1), CLOSE(FRAME_ENCODING, 0x02) },
	{ "9000/19.3.1/negative", "ACK with such a range in an Initial packet", .stage = INITIAL,
	  .level = INIT, V(0x02, 0, 0, 0, 1), CLOSE(FRAME_ENCODING, 0x02) },
	{ "9000/19.3.1/negative", "ACK with a gap that goes below 0",
	  V(0x02, 5, 0, 1, 0, 10, 0), CLOSE(FRAME_ENCODING, 0x02) },
	{ "9000/19.3.1/negative", "ACK with a range that goes below 0",
	  V(0x02, 5, 0, 1, 0, 1, 10), CLOSE(FRAME_ENCODING, 0x02) },
	{ "9000/19.3.1/negative", "ACK with ECN counts, such a gap",
	  V(0x03, 5, 0, 1, 0, 10, 0, 0, 0, 0), CLOSE(FRAME_ENCODING, 0x03) },
	{ "9000/13.1/never-sent", "ACK of a packet never sent", V(0x02, 1000, 0, 0, 0),
	  CLOSE(PROTOCOL_VIOLATION, 0x02) },
	{ "9000/13.1/never-sent", "ACK of all packets there can be", V(0x02, TOP, 0, 0, TOP),
	  CLOSE(PROTOCOL_VIOLATION, 0x02) },
	{ "9000/13.1/never-sent", "ACK with ECN counts of a packet never sent",
	  V(0x03, 1000, 0, 0, 0, 1, 0, 0), CLOSE(PROTOCOL_VIOLATION, 0x03) },
	{ "9000/13.1/never-sent", "ACK of a Handshake packet never sent", .stage = HANDSHAKE,
	  .level = SHAKE, V(0x02, 1000, 0, 0, 0), CLOSE(PROTOCOL_VIOLATION, 0x02) },
	{ "9000/13.1/never-sent", "ACK of an Initial packet never sent", .stage = INITIAL,
	  .level = INIT, V(0x02, 1000, 0, 0, 0), CLOSE(PROTOCOL_VIOLATION, 0x02) },

	/* RESET_STREAM, STOP_SENDING */
	{ "9000/19.4/send-only", "RESET_STREAM for a stream only the kernel sends on",
	  V(0x04, YOURS_UNI(0), 0, 0), CLOSE(STREAM_STATE, 0x04) },
	{ "9000/19.4/send-only", "RESET_STREAM for a stream the kernel never opened",
	  V(0x04, YOURS_BIDI(0), 0, 0), CLOSE(STREAM_STATE, 0x04) },
	{ "9000/19.5/not-created", "STOP_SENDING for a stream the kernel never opened",
	  V(0x05, YOURS_BIDI(0), 0), CLOSE(STREAM_STATE, 0x05) },
	{ "9000/19.5/not-created", "STOP_SENDING for such a unidirectional stream",
	  V(0x05, YOURS_UNI(0), 0), CLOSE(STREAM_STATE, 0x05) },
	{ "9000/19.5/receive-only", "STOP_SENDING for a stream only the drill sends on",
	  V(0x05, MINE_UNI(0), 0), CLOSE(STREAM_STATE, 0x05) },

	/* CRYPTO */
	{ "9000/19.6/offset", "CRYPTO beyond 2^62-1", V(0x06, TOP, 1, X), CLOSE(FRAME_ENCODING, 0x06) },
	{ "9000/19.6/offset", "CRYPTO beyond 2^62-1, in an Initial packet", .stage = INITIAL,
	  .level = INIT, V(0x06, TOP, 1, X), CLOSE(FRAME_ENCODING, 0x06) },
	{ "9000/7.5/exceeded", "CRYPTO further ahead than anybody buffers",
	  V(0x06, 1 << 20, 1, X), CLOSE(CRYPTO_BUFFER_EXCEEDED, 0x06) },
	{ "9000/7.5/exceeded", "CRYPTO that far ahead in a Handshake packet", .stage = HANDSHAKE,
	  .level = SHAKE, V(0x06, 1 << 20, 1, X), CLOSE(CRYPTO_BUFFER_EXCEEDED, 0x06) },
	{ "9000/7.5/exceeded", "CRYPTO that far ahead in an Initial packet", .stage = INITIAL,
	  .level = INIT, V(0x06, 1 << 20, 1, X), CLOSE(CRYPTO_BUFFER_EXCEEDED, 0x06) },
	{ "9000/7.5/acknowledged", "CRYPTO that was there before", .stage = HANDSHAKE,
	  .act = crypto_again, .want = LIVES },
	{ "9000/7.5/buffers", "CRYPTO at the end of the 4096 bytes to be buffered",
	  V(0x06, 4095, 1, X), .want = LIVES },

	/* NEW_TOKEN, HANDSHAKE_DONE */
	{ "9000/19.7/empty", "NEW_TOKEN without a token", .roles = SERVER, V(0x07, 0),
	  CLOSE(FRAME_ENCODING, 0x07) },
	{ "9000/19.7/server 9000/19.7/client-sends", "NEW_TOKEN for a server", .roles = CLIENT,
	  V(0x07, 4, BYTES(4)), CLOSE(PROTOCOL_VIOLATION, 0x07) },
	{ "9000/19.20/server", "HANDSHAKE_DONE for a server", .roles = CLIENT, V(0x1e),
	  CLOSE(PROTOCOL_VIOLATION, 0x1e) },

	/* STREAM */
	{ "9000/19.8/not-created-or-send-only", "STREAM for a stream the kernel never opened",
	  V(0x0a, YOURS_BIDI(0), 1, X), CLOSE(STREAM_STATE, 0x0a) },
	{ "9000/19.8/not-created-or-send-only", "STREAM for a stream only the kernel sends on",
	  V(0x0a, YOURS_UNI(0), 1, X), CLOSE(STREAM_STATE, 0x0a) },
	{ "9000/19.8/not-created-or-send-only", "STREAM without data for such a stream",
	  V(0x0b, YOURS_UNI(0), 0), CLOSE(STREAM_STATE, 0x0b) },
	{ "9000/19.8/offset", "STREAM beyond 2^62-1", V(0x0e, MINE_BIDI(0), TOP, 1, X),
	  CLOSE(FRAME_ENCODING, 0x0e) },

	/* MAX_*, *_BLOCKED */
	{ "9000/19.10/not-created", "MAX_STREAM_DATA for a stream the kernel never opened",
	  V(0x11, YOURS_BIDI(0), 1000), CLOSE(STREAM_STATE, 0x11) },
	{ "9000/19.10/not-created", "MAX_STREAM_DATA for such a unidirectional stream",
	  V(0x11, YOURS_UNI(0), 1000), CLOSE(STREAM_STATE, 0x11) },
	{ "9000/19.10/receive-only", "MAX_STREAM_DATA for a stream only the drill sends on",
	  V(0x11, MINE_UNI(0), 1000), CLOSE(STREAM_STATE, 0x11) },
	{ "9000/19.11/too-many 9000/4.6/encoding", "MAX_STREAMS over 2^60",
	  V(0x12, STREAMS + 1), CLOSE(FRAME_ENCODING, 0x12) },
	{ "9000/19.11/too-many 9000/4.6/encoding", "MAX_STREAMS, unidirectional, over 2^60",
	  V(0x13, STREAMS + 1), CLOSE(FRAME_ENCODING, 0x13) },
	{ "9000/19.11/too-many", "MAX_STREAMS of 2^60", V(0x12, STREAMS, 0x13, STREAMS), .want = LIVES },
	{ "9000/19.13/send-only", "STREAM_DATA_BLOCKED for a stream only the kernel sends on",
	  V(0x15, YOURS_UNI(0), 0), CLOSE(STREAM_STATE, 0x15) },
	{ "9000/19.14/too-many", "STREAMS_BLOCKED over 2^60", V(0x16, STREAMS + 1),
	  CLOSE(FRAME_ENCODING, 0x16) },
	{ "9000/19.14/too-many", "STREAMS_BLOCKED, unidirectional, over 2^60", V(0x17, STREAMS + 1),
	  CLOSE(FRAME_ENCODING, 0x17) },

	/* DATAGRAM */
	{ "9221/3/too-large", "DATAGRAM larger than offered",
	  V(0x31, KERN_DATAGRAM, BYTES(KERN_DATAGRAM)), CLOSE(PROTOCOL_VIOLATION, 0x31) },
	{ "9221/3/too-large", "DATAGRAM without a length, larger than offered",
	  V(0x30, BYTES(KERN_DATAGRAM)), CLOSE(PROTOCOL_VIOLATION, 0x30) },
	{ "9221/3/too-large", "DATAGRAM as large as offered",
	  V(0x30, BYTES(KERN_DATAGRAM - 1)), .want = LIVES },
};

GROUP(frames);
