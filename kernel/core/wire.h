/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is on the wire: versions, packet types, frame types, transport
 * parameter ids, error codes and the variable-length integer (RFC 9000, 16).
 * Constants only; parsing is packet.c, frame.c and tparam.c.
 */
#ifndef QUIC_CORE_WIRE_H
#define QUIC_CORE_WIRE_H

#include "os.h"
#include "limits.h"

#define QUIC_V1			0x00000001u	/* RFC 9000 */
#define QUIC_V2			0x6b3343cfu	/* RFC 9369 */

/* Encryption levels and packet number spaces carry the ABI's numbers. */
enum quic_level {
	QUIC_LEVEL_APP = 0,
	QUIC_LEVEL_INITIAL = 1,
	QUIC_LEVEL_HANDSHAKE = 2,
	QUIC_LEVEL_EARLY = 3,
	QUIC_LEVELS = 4,
};

enum quic_pns {			/* RFC 9000, 12.3: EARLY shares APP's space */
	QUIC_PNS_APP = 0,
	QUIC_PNS_INITIAL = 1,
	QUIC_PNS_HANDSHAKE = 2,
	QUIC_PNS_COUNT = 3,
};

static inline unsigned int quic_level_pns(unsigned int level)
{
	return level == QUIC_LEVEL_EARLY ? QUIC_PNS_APP : level;
}

enum quic_packet_type {
	QUIC_PKT_INITIAL,
	QUIC_PKT_0RTT,
	QUIC_PKT_HANDSHAKE,
	QUIC_PKT_RETRY,
	QUIC_PKT_1RTT,
	QUIC_PKT_VERSION_NEG,
	QUIC_PKT_UNKNOWN,	/* long header of a version we do not speak */
};

#define QUIC_HDR_LONG		0x80
#define QUIC_HDR_FIXED		0x40
#define QUIC_HDR_SPIN		0x20
#define QUIC_HDR_KEY_PHASE	0x04
#define QUIC_HDR_LONG_RESERVED	0x0c
#define QUIC_HDR_SHORT_RESERVED	0x18
#define QUIC_HDR_PN_LEN		0x03

enum quic_frame_type {		/* RFC 9000, 19 */
	QUIC_FT_PADDING = 0x00,
	QUIC_FT_PING = 0x01,
	QUIC_FT_ACK = 0x02,
	QUIC_FT_ACK_ECN = 0x03,
	QUIC_FT_RESET_STREAM = 0x04,
	QUIC_FT_STOP_SENDING = 0x05,
	QUIC_FT_CRYPTO = 0x06,
	QUIC_FT_NEW_TOKEN = 0x07,
	QUIC_FT_STREAM = 0x08,		/* to 0x0f */
	QUIC_FT_MAX_DATA = 0x10,
	QUIC_FT_MAX_STREAM_DATA = 0x11,
	QUIC_FT_MAX_STREAMS_BIDI = 0x12,
	QUIC_FT_MAX_STREAMS_UNI = 0x13,
	QUIC_FT_DATA_BLOCKED = 0x14,
	QUIC_FT_STREAM_DATA_BLOCKED = 0x15,
	QUIC_FT_STREAMS_BLOCKED_BIDI = 0x16,
	QUIC_FT_STREAMS_BLOCKED_UNI = 0x17,
	QUIC_FT_NEW_CONNECTION_ID = 0x18,
	QUIC_FT_RETIRE_CONNECTION_ID = 0x19,
	QUIC_FT_PATH_CHALLENGE = 0x1a,
	QUIC_FT_PATH_RESPONSE = 0x1b,
	QUIC_FT_CONNECTION_CLOSE = 0x1c,
	QUIC_FT_CONNECTION_CLOSE_APP = 0x1d,
	QUIC_FT_HANDSHAKE_DONE = 0x1e,
	QUIC_FT_IMMEDIATE_ACK = 0x1f,	/* draft-ietf-quic-ack-frequency, 5 */
	QUIC_FT_RESET_STREAM_AT = 0x24,	/* draft-ietf-quic-reliable-stream-reset, 4 */
	QUIC_FT_DATAGRAM = 0x30,	/* RFC 9221, 4 */
	QUIC_FT_DATAGRAM_LEN = 0x31,
	QUIC_FT_ACK_FREQUENCY = 0xaf,	/* draft-ietf-quic-ack-frequency, 4 */
};

#define QUIC_STREAM_BIT_FIN	0x01
#define QUIC_STREAM_BIT_LEN	0x02
#define QUIC_STREAM_BIT_OFF	0x04

/* Stream id bits (RFC 9000, 2.1). */
#define QUIC_SID_SERVER		0x1
#define QUIC_SID_UNI		0x2

enum quic_tparam_id {		/* RFC 9000, 18.2 */
	QUIC_TP_ORIGINAL_DCID = 0x00,
	QUIC_TP_MAX_IDLE_TIMEOUT = 0x01,
	QUIC_TP_RESET_TOKEN = 0x02,
	QUIC_TP_MAX_UDP_PAYLOAD_SIZE = 0x03,
	QUIC_TP_MAX_DATA = 0x04,
	QUIC_TP_MAX_STREAM_DATA_BIDI_LOCAL = 0x05,
	QUIC_TP_MAX_STREAM_DATA_BIDI_REMOTE = 0x06,
	QUIC_TP_MAX_STREAM_DATA_UNI = 0x07,
	QUIC_TP_MAX_STREAMS_BIDI = 0x08,
	QUIC_TP_MAX_STREAMS_UNI = 0x09,
	QUIC_TP_ACK_DELAY_EXPONENT = 0x0a,
	QUIC_TP_MAX_ACK_DELAY = 0x0b,
	QUIC_TP_DISABLE_ACTIVE_MIGRATION = 0x0c,
	QUIC_TP_PREFERRED_ADDRESS = 0x0d,
	QUIC_TP_ACTIVE_CID_LIMIT = 0x0e,
	QUIC_TP_INITIAL_SCID = 0x0f,
	QUIC_TP_RETRY_SCID = 0x10,
	QUIC_TP_VERSION_INFORMATION = 0x11,	/* RFC 9368, 3 */
	QUIC_TP_RESET_STREAM_AT = 0x1d,	/* draft-ietf-quic-reliable-stream-reset, 3 */
	QUIC_TP_MAX_DATAGRAM_FRAME_SIZE = 0x20,	/* RFC 9221, 3 */
	QUIC_TP_GREASE_QUIC_BIT = 0x2ab2,	/* RFC 9287, 3 */
	QUIC_TP_MIN_ACK_DELAY = 0xff04de1b, /* draft-ietf-quic-ack-frequency, 3 */
	QUIC_TP_DISABLE_1RTT_ENCRYPTION = 0xbaad, /* draft-banks-quic-disable-encryption */
};

enum quic_error {		/* RFC 9000, 20.1 */
	QUIC_ERR_NO_ERROR = 0x00,
	QUIC_ERR_INTERNAL = 0x01,
	QUIC_ERR_CONNECTION_REFUSED = 0x02,
	QUIC_ERR_FLOW_CONTROL = 0x03,
	QUIC_ERR_STREAM_LIMIT = 0x04,
	QUIC_ERR_STREAM_STATE = 0x05,
	QUIC_ERR_FINAL_SIZE = 0x06,
	QUIC_ERR_FRAME_ENCODING = 0x07,
	QUIC_ERR_TRANSPORT_PARAMETER = 0x08,
	QUIC_ERR_CONNECTION_ID_LIMIT = 0x09,
	QUIC_ERR_PROTOCOL_VIOLATION = 0x0a,
	QUIC_ERR_INVALID_TOKEN = 0x0b,
	QUIC_ERR_APPLICATION = 0x0c,
	QUIC_ERR_CRYPTO_BUFFER_EXCEEDED = 0x0d,
	QUIC_ERR_KEY_UPDATE = 0x0e,
	QUIC_ERR_AEAD_LIMIT_REACHED = 0x0f,
	QUIC_ERR_NO_VIABLE_PATH = 0x10,
	QUIC_ERR_VERSION_NEGOTIATION = 0x11,	/* RFC 9368, 10.2 */
	QUIC_ERR_CRYPTO = 0x100,		/* plus the TLS alert */
};

#define QUIC_VARINT_MAX		((1ull << 62) - 1)

/* Bytes needed for @v (1, 2, 4 or 8); @v <= QUIC_VARINT_MAX. */
static inline unsigned int quic_varint_len(u64 v)
{
	return v < 64 ? 1 : v < 16384 ? 2 : v < (1ull << 30) ? 4 : 8;
}

/* Write @v at @p, which has room. Return: the byte after it. */
static inline u8 *quic_varint_put(u8 *p, u64 v)
{
	if (v < 64) {
		*p = v;
		return p + 1;
	}
	if (v < 16384) {
		put_unaligned_be16(v | 0x4000, p);
		return p + 2;
	}
	if (v < (1ull << 30)) {
		put_unaligned_be32(v | 0x80000000u, p);
		return p + 4;
	}
	put_unaligned_be64(v | 0xc000000000000000ull, p);
	return p + 8;
}

/* Write @v < 16384 in exactly two bytes (a length filled in later). */
static inline u8 *quic_varint_put2(u8 *p, u16 v)
{
	put_unaligned_be16(v | 0x4000, p);
	return p + 2;
}

/*
 * Read a varint from [*p, end). Return: true and *p moved past it, or false
 * and nothing changed when it is cut short.
 */
static inline bool quic_varint_get(const u8 **p, const u8 *end, u64 *v)
{
	const u8 *q = *p;
	unsigned int len;
	u64 raw;

	if (q < end && *q < 64) {
		*v = *q;
		*p = q + 1;
		return true;
	}
	/* Far enough from the end: the two top bits say how much of eight bytes it is. */
	if (likely(end - q >= 8)) {
		raw = get_unaligned_be64(q);
		len = 1u << (raw >> 62);
		*v = (raw & QUIC_VARINT_MAX) >> (64 - 8 * len);
		*p = q + len;
		return true;
	}
	if (q >= end)
		return false;
	len = 1u << (*q >> 6);
	if ((size_t)(end - q) < len)
		return false;
	if (len == 2)
		*v = get_unaligned_be16(q) & 0x3fff;
	else	/* 8 bytes there are not */
		*v = get_unaligned_be32(q) & 0x3fffffff;
	*p = q + len;
	return true;
}

#endif
