/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames (RFC 9000, 19; RFC 9221, 4; the drafts wire.h names): parse one at a time from a packet's
 * payload, write one at a time into a packet's buffer. No state, no policy:
 * whether a frame is allowed where it came is conn_rx.c's business, except
 * for the table of levels below.
 */
#ifndef QUIC_CORE_FRAME_H
#define QUIC_CORE_FRAME_H

#include "wire.h"
#include "ranges.h"

struct quic_frame_ack {
	u64 largest;
	u64 delay;		/* not yet scaled by ack_delay_exponent */
	u64 first;		/* First ACK Range: packets below largest, also acknowledged */
	u64 nranges;		/* further (gap, length) pairs in pairs[] */
	const u8 *pairs;	/* checked: decoding them neither runs over nor goes below 0 */
	const u8 *pairs_end;
	bool ecn;
	u64 ect0, ect1, ce;
};

struct quic_frame {
	u64 type;		/* as on the wire (STREAM with its bits) */
	union {
		struct quic_frame_ack ack;
		struct { u64 id; u64 off; const u8 *data; u32 len; bool fin; } stream;
		struct { u64 off; const u8 *data; u32 len; } crypto;
		/* RESET_STREAM, and RESET_STREAM_AT, where reliable <= final_size */
		struct { u64 id; u64 code; u64 final_size; u64 reliable; } reset;
		struct { u64 id; u64 code; } stop;
		struct { const u8 *data; u32 len; } token;
		/* MAX_*, *_BLOCKED; id for the stream ones */
		struct { u64 id; u64 max; } max;
		struct {
			u64 seq, prior_to;
			const u8 *id;
			const u8 *reset_token;		/* 16 bytes */
			u8 len;
		} new_cid;
		struct { u64 seq; } retire;
		const u8 *path;				/* 8 bytes */
		struct {
			u64 code;
			u64 frame_type;			/* 0x1c only */
			const u8 *reason;
			u32 reason_len;
		} close;
		struct { const u8 *data; u32 len; u32 size; } datagram;	/* size: of the frame */
		/* delay in us, not checked against limits */
		struct { u64 seq, threshold, delay, reorder; } ack_freq;
		struct { u32 len; } padding;		/* a run of PADDING is one frame here */
	};
};

/*
 * Parse the frame at *p. Return: 0 and *p after it; else the transport error
 * code to close with: FRAME_ENCODING for anything malformed (cut short, unknown
 * type, limits of RFC 9000 section 19 broken: stream offset over 2^62-1, CID
 * length 0 or over 20, prior_to > seq, MAX_STREAMS over 2^60, ACK ranges below
 * 0, ...), PROTOCOL_VIOLATION when a type is not in its shortest encoding
 * (12.4). NEW_TOKEN with an empty token is FRAME_ENCODING (19.7).
 */
int quic_frame_parse(const u8 **p, const u8 *end, struct quic_frame *f);

/* May @type appear at @level? RFC 9000, 12.4, table 3 */
bool quic_frame_allowed(u64 type, enum quic_level level);
/* RFC 9002, 2: everything but ACK, PADDING and CONNECTION_CLOSE elicits */
bool quic_frame_eliciting(u64 type);

/*
 * Walk a parsed ACK's ranges from the largest down. After init @r is the first
 * range (there always is one), and each next() moves it to the next lower one:
 *	quic_ack_iter_init(&it, ack); do { use(it.r); } while (quic_ack_iter_next(&it));
 */
struct quic_ack_iter {
	const u8 *p, *end;
	u64 left;
	struct quic_range r;	/* current, half open */
};

void quic_ack_iter_init(struct quic_ack_iter *it, const struct quic_frame_ack *ack);
bool quic_ack_iter_next(struct quic_ack_iter *it);	/* false: there was no lower one */

/*
 * Writers: put a frame at @p if it fits before @end. Return: byte after it,
 * or NULL and nothing written (an overlong write is impossible).
 */
/* As many ranges as fit, the highest first; @delay already scaled. @ecn: ect0, ect1, ce or NULL */
u8 *quic_frame_put_ack(u8 *p, const u8 *end, const struct quic_ranges *acked, u64 delay,
		       const u64 *ecn);
u8 *quic_frame_put_reset(u8 *p, const u8 *end, u64 id, u64 code, u64 final_size);
u8 *quic_frame_put_reset_at(u8 *p, const u8 *end, u64 id, u64 code, u64 final_size, u64 reliable);
u8 *quic_frame_put_stop(u8 *p, const u8 *end, u64 id, u64 code);
u8 *quic_frame_put_token(u8 *p, const u8 *end, const u8 *token, u32 len);
/* For MAX_DATA, MAX_STREAMS_*, DATA_BLOCKED, STREAMS_BLOCKED_*, RETIRE_CONNECTION_ID */
u8 *quic_frame_put_v1(u8 *p, const u8 *end, enum quic_frame_type type, u64 v);
/* For MAX_STREAM_DATA and STREAM_DATA_BLOCKED */
u8 *quic_frame_put_v2(u8 *p, const u8 *end, enum quic_frame_type type, u64 id, u64 v);
u8 *quic_frame_put_new_cid(u8 *p, const u8 *end, u64 seq, u64 prior_to, const u8 *id, u8 len,
			   const u8 *reset_token);
/* PATH_CHALLENGE and PATH_RESPONSE: 8 bytes of data */
u8 *quic_frame_put_path(u8 *p, const u8 *end, enum quic_frame_type type, const u8 *data);
/* The reason is cut to fit */
u8 *quic_frame_put_close(u8 *p, const u8 *end, bool app, u64 code, u64 frame_type,
			 const u8 *reason, u32 reason_len);
/* @delay in us */
u8 *quic_frame_put_ack_freq(u8 *p, const u8 *end, u64 seq, u64 threshold, u64 delay, u64 reorder);
/* PING, HANDSHAKE_DONE, IMMEDIATE_ACK: the type alone */
u8 *quic_frame_put_type(u8 *p, const u8 *end, enum quic_frame_type type);
/* CRYPTO header for up to *len bytes; *len becomes what fits (at least 1) */
u8 *quic_frame_put_crypto(u8 *p, const u8 *end, u64 off, u32 *len);
/*
 * STREAM header for up to *len bytes of payload starting right after it.
 * *len becomes what fits; FIN goes in only if all of the asked length fits.
 * When the payload reaches @end exactly the Length field is left out
 * (@may_omit_len, last frame of the packet). A header with no room for one
 * byte of payload is not written unless *len was 0 (FIN alone).
 */
u8 *quic_frame_put_stream(u8 *p, const u8 *end, u64 id, u64 off, u32 *len, bool *fin,
			  bool may_omit_len);
/* DATAGRAM, all of @len must fit; without Length, and up to @end, where it does not fit else */
u8 *quic_frame_put_datagram(u8 *p, const u8 *end, u32 len);

#endif
