// SPDX-License-Identifier: GPL-2.0
/* RFC 9000, 12.4: which frames there are, where they may appear, and packets without any. */
#include <linux/tls.h>

#include "../kselftest/pair.h"
#include "drill.h"

#define X	BYTES(1)
#define NOT	"9000/12.4/not-permitted"

/* No frames, and the datagram as long as an Initial's has to be. */
static void empty(struct peer *p)
{
	unsigned int level = p->prot.tx[APP] ? APP : p->prot.tx[SHAKE] ? SHAKE : INIT;
	struct buf none = {};
	u8 out[1200] = { 0 };
	u32 len = build(p, level, &none, out, sizeof(out), 0);

	/* What follows is no packet. */
	throw(p, out, level == INIT ? sizeof(out) : len);
}

/* The kernel, a server, takes 0-RTT packets. */
static void early(struct peer *p, const u64 *say, unsigned int n)
{
	NEED(p, !kern_params(p));
	NEED(p, !pair_secret(p->sd, QUIC_CRYPTO_EARLY, 0, 1, p->suite));
	peer_install(p, EARLY);
	say_numbers(p, EARLY, say, n);
}

#define EARLY_CASE(name, ...)						\
static void early_##name(struct peer *p)				\
{									\
	early(p, (const u64[]){ __VA_ARGS__ }, COUNT(__VA_ARGS__));	\
}

EARLY_CASE(stream, 0x0a, MINE_BIDI(0), 1, X)
EARLY_CASE(ack, 0x02, 0, 0, 0, 0)
EARLY_CASE(crypto, 0x06, 0, 1, X)
EARLY_CASE(token, 0x07, 1, X)
EARLY_CASE(response, 0x1b, BYTES(8))
EARLY_CASE(done, 0x1e)
EARLY_CASE(retire, 0x19, 0)

#define IN_INITIAL(what, type, ...)						\
	{ NOT, what " in an Initial packet", .stage = INITIAL, .level = INIT,	\
	  V(type, ##__VA_ARGS__), CLOSE(PROTOCOL_VIOLATION, type) }
#define IN_HANDSHAKE(what, type, ...)						\
	{ NOT " 9000/17.2.4/other-frames", what " in a Handshake packet", .stage = HANDSHAKE, \
	  .level = SHAKE, V(type, ##__VA_ARGS__), CLOSE(PROTOCOL_VIOLATION, type) }
#define IN_BOTH(...)	IN_INITIAL(__VA_ARGS__), IN_HANDSHAKE(__VA_ARGS__)
#define IN_EARLY(what, name, type)						\
	{ NOT, what " in a 0-RTT packet", .roles = CLIENT, .stage = INITIAL,	\
	  .act = early_##name, CLOSE(PROTOCOL_VIOLATION, type) }
#define UNKNOWN(type)								\
	{ "9000/12.4/unknown", "a frame of unknown type, " #type, V(type), CLOSE(FRAME_ENCODING, type) }
/* A frame that ends too early */
#define CUT(what, type, ...)							\
	{ "9000/20.1/badly-formatted", what " cut short", V(type, ##__VA_ARGS__),	\
	  CLOSE(FRAME_ENCODING, type) }

static const struct drill_case levels[] = {
	{ "9000/12.4/no-frames", "a packet without frames", .act = empty,
	  CLOSE(PROTOCOL_VIOLATION, 0) },
	{ "9000/12.4/no-frames", "a Handshake packet without frames", .stage = HANDSHAKE,
	  .act = empty, CLOSE(PROTOCOL_VIOLATION, 0) },
	{ "9000/12.4/no-frames", "an Initial packet without frames", .stage = INITIAL,
	  .act = empty, CLOSE(PROTOCOL_VIOLATION, 0) },

	IN_BOTH("RESET_STREAM", 0x04, MINE_BIDI(0), 0, 0),
	IN_BOTH("STOP_SENDING", 0x05, MINE_BIDI(0), 0),
	IN_BOTH("NEW_TOKEN", 0x07, 1, X),
	IN_BOTH("STREAM", 0x08, MINE_BIDI(0), X),
	IN_BOTH("STREAM with all its fields", 0x0f, MINE_BIDI(0), 0, 1, X),
	IN_BOTH("MAX_DATA", 0x10, 1 << 20),
	IN_BOTH("MAX_STREAM_DATA", 0x11, MINE_BIDI(0), 1 << 20),
	IN_BOTH("MAX_STREAMS", 0x12, 100),
	IN_BOTH("MAX_STREAMS, unidirectional,", 0x13, 100),
	IN_BOTH("DATA_BLOCKED", 0x14, 0),
	IN_BOTH("STREAM_DATA_BLOCKED", 0x15, MINE_BIDI(0), 0),
	IN_BOTH("STREAMS_BLOCKED", 0x16, 0),
	IN_BOTH("STREAMS_BLOCKED, unidirectional,", 0x17, 0),
	IN_BOTH("NEW_CONNECTION_ID", 0x18, 1, 0, RAW(8), CID_BYTES(1), TOKEN_BYTES(1)),
	IN_BOTH("RETIRE_CONNECTION_ID", 0x19, 0),
	IN_BOTH("PATH_CHALLENGE", 0x1a, BYTES(8)),
	IN_BOTH("PATH_RESPONSE", 0x1b, BYTES(8)),
	IN_BOTH("CONNECTION_CLOSE of an application", 0x1d, 0, 0),
	IN_BOTH("HANDSHAKE_DONE", 0x1e),
	IN_BOTH("DATAGRAM", 0x30, X),
	IN_BOTH("DATAGRAM with a length", 0x31, 1, X),

	{ "9000/12.4/not-permitted", "STREAM in a 0-RTT packet, as it may be", .roles = CLIENT,
	  .stage = INITIAL, .act = early_stream, .want = LIVES },
	IN_EARLY("ACK", ack, 0x02),
	{ NOT " 9001/8.3/crypto", "CRYPTO in a 0-RTT packet", .roles = CLIENT, .stage = INITIAL,
	  .act = early_crypto, CLOSE(PROTOCOL_VIOLATION, 0x06) },
	IN_EARLY("NEW_TOKEN", token, 0x07),
	IN_EARLY("PATH_RESPONSE", response, 0x1b),
	IN_EARLY("HANDSHAKE_DONE", done, 0x1e),
	IN_EARLY("RETIRE_CONNECTION_ID", retire, 0x19),

	UNKNOWN(0x21),
	UNKNOWN(0x3f),
	UNKNOWN(0x40),
	UNKNOWN(0x1234),
	UNKNOWN((1ull << 62) - 1),
	{ "9000/12.4/unknown", "a frame of unknown type in a Handshake packet", .stage = HANDSHAKE,
	  .level = SHAKE, V(0x21), CLOSE(FRAME_ENCODING, 0x21) },
	{ "9000/12.4/unknown", "a frame of unknown type in an Initial packet", .stage = INITIAL,
	  .level = INIT, V(0x21), CLOSE(FRAME_ENCODING, 0x21) },
	{ "9000/12.4/unknown", "a frame of unknown type after one that is known", V(0x01, 0x21),
	  CLOSE(FRAME_ENCODING, 0x21) },
	{ "9000/12.4/shortest", "a type not in its shortest encoding", V(WIDE(0x01)),
	  CLOSE(PROTOCOL_VIOLATION, ANY) },

	CUT("ACK", 0x02, 0, 0, 0),
	CUT("ACK in its ranges", 0x02, 3, 0, 1, 0, 0),
	CUT("ACK without its ECN counts", 0x03, 0, 0, 0, 0, 0),
	CUT("RESET_STREAM", 0x04, MINE_BIDI(0), 0),
	CUT("STOP_SENDING", 0x05, MINE_BIDI(0)),
	CUT("CRYPTO", 0x06, 0, 2, X),
	CUT("CRYPTO in a number", 0x06, 0, RAW(0xc0)),
	CUT("STREAM", 0x0e, MINE_BIDI(0), 0, 2, X),
	CUT("STREAM in its offset", 0x0c, MINE_BIDI(0), RAW(0x80), RAW(0)),
	CUT("MAX_DATA", 0x10),
	CUT("MAX_STREAM_DATA", 0x11, MINE_BIDI(0)),
	CUT("MAX_STREAMS", 0x12),
	CUT("DATA_BLOCKED", 0x14),
	CUT("STREAM_DATA_BLOCKED", 0x15, MINE_BIDI(0)),
	CUT("STREAMS_BLOCKED", 0x16),
	CUT("NEW_CONNECTION_ID", 0x18, 1, 0, RAW(8), CID_BYTES(1), BYTES(15)),
	CUT("RETIRE_CONNECTION_ID", 0x19),
	CUT("PATH_CHALLENGE", 0x1a, BYTES(7)),
	CUT("PATH_RESPONSE", 0x1b, BYTES(7)),
	CUT("CONNECTION_CLOSE", 0x1c, 0, 0, 2, X),
	CUT("CONNECTION_CLOSE of an application", 0x1d, 0, 2, X),
	CUT("DATAGRAM", 0x31, 2, X),
};

GROUP(levels);
