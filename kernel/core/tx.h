/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sending: datagrams and bursts of them.
 *
 *	quic_tx_begin(&b, c, now);
 *	while (room && (n = quic_tx_datagram(&b, buf, cap)) > 0)
 *		quic_tx_run(&b, ...);	while there is room; all but the last have b.size bytes
 *	quic_tx_end(&b);		header protection for the whole burst
 *
 * Frames are planned, recorded as sent and sealed in one go: from then on the
 * packet is sent as far as the core is concerned, and one that the network
 * layer fails to send is a lost packet.
 */
#ifndef QUIC_CORE_TX_H
#define QUIC_CORE_TX_H

#include "conn.h"

struct quic_plan_range {	/* payload of a STREAM or DATAGRAM frame */
	struct quic_stream *stream;	/* NULL: a datagram */
	union {
		u64 off;
		struct quic_datagram *datagram;
	};
	u32 len;
	u32 at;			/* where in the packet buffer it belongs */
};

struct quic_plan {		/* one packet inside a datagram */
	u64 pn;
	u8 level;
	u8 flags;		/* QUIC_PKT_F_* */
	u8 nranges;
	bool again;		/* carries bytes that were sent before */
	bool pad;		/* its datagram has to be padded (RFC 9000, 8.2.2) */
	u32 start;		/* offset of the first byte in the datagram */
	u32 pn_off;		/* from start */
	u32 len_off;		/* Length field, from start; 0 in short headers */
	u32 payload;		/* first byte of the payload, in the datagram */
	u32 end;		/* one past the payload, before the tag, in the datagram */
	struct quic_plan_range range[QUIC_PLAN_RANGES];
};

/* What the packets of a burst of bulk data have in common. */
struct quic_run {
	struct quic_stream *stream;	/* NULL: there is no run */
	u64 last;		/* offset in the stream where a packet may still begin */
	u8 head_len, frame_len;
	u8 head[1 + QUIC_CID_MAX];	/* first byte, ID */
	u8 frame[1 + 8];		/* STREAM: type and ID */
};

#define QUIC_TX_VECS		40
#define QUIC_TX_COPY		64	/* shorter payloads are copied: cheaper than a piece */

struct quic_burst {
	struct quic_conn *conn;
	struct quic_path *path;	/* which all of it goes */
	u64 now;
	u32 budget;		/* bytes that cwnd and pacing still allow */
	u16 size;		/* of the first datagram: the segment size */
	u8 n;			/* datagrams built */
	bool ect;		/* its datagrams leave with ECT(0): RFC 9000, 13.4.1 */
	bool closed;		/* no further datagram may join */
	bool dry;		/* at its end: nothing is left to say but a probe of the MTU */
	struct quic_run run;
	u32 bytes;		/* of all datagrams */
	u32 paced;		/* of those in flight: what the pacer is told */
	unsigned int nhp;
	unsigned int nvec;
	struct quic_vec vec[QUIC_TX_VECS];	/* scratch: pieces of one packet */
	struct quic_hp_item hp[QUIC_BURST_MAX];
	struct quic_plan plan[2];	/* a packet waits for the next, padded or not */
};

void quic_tx_begin(struct quic_burst *b, struct quic_conn *c, u64 now);
/*
 * Build the next datagram at @buf, of at most @cap bytes (>= the path's size
 * for full ones; QUIC_DGRAM_MAX suits always). Return: its length, 0 when there is
 * nothing (more) to send now in this burst, < 0 on an error worth ending the pump.
 * After the first, only datagrams of b->size bytes are built, the last may be shorter.
 */
int quic_tx_datagram(struct quic_burst *b, u8 *buf, u32 cap);
/*
 * Up to @max more of b->size bytes, one behind the other, in the @cap bytes at @buf: the cheap way
 * for bulk data. Return: how many; what else there is to say is left to quic_tx_datagram()
 */
unsigned int quic_tx_run(struct quic_burst *b, u8 *buf, u32 cap, unsigned int max);
/* Masks. Return: 0, or an error: throw the buffers away. */
int quic_tx_end(struct quic_burst *b);
/* How long the next datagram will be at most: what to allocate. */
u32 quic_tx_max_size(const struct quic_conn *c);
/* Where the text of the next 1-RTT packet will begin: its buffer is best aligned there. */
u32 quic_tx_text_off(const struct quic_conn *c);
/* Anything to send right now, cwnd and pacing permitting? */
bool quic_tx_pending(const struct quic_conn *c, u64 now);
/* When a probe of the path's MTU may leave; U64_MAX: not before something else happens. */
u64 quic_tx_probe_at(const struct quic_conn *c);

/* conn_plan.c: fill a packet of @level into [start, cap) of the datagram. false: nothing to say */
bool quic_conn_plan(struct quic_conn *c, struct quic_plan *p, u8 *buf, u32 start, u32 cap,
		    enum quic_level level, u32 budget, u64 now);
/* A MTU probe of exactly @size bytes (RFC 9000, 14.4): PING and PADDING. */
bool quic_conn_plan_mtu_probe(struct quic_conn *c, struct quic_plan *p, u8 *buf, u32 size);
/* Of a 1-RTT or long header: the QUIC Bit, if the peer takes either (RFC 9287, 3.1) */
void quic_conn_grease_bit(struct quic_conn *c, u8 *first);

/*
 * run.c: begin one with packets of @size bytes if all there is to say is new data of one stream.
 * Its next datagram at @buf, of that size, sealed and recorded; 0: none, plan as usual; or error
 */
void quic_run_begin(struct quic_run *r, const struct quic_conn *c, u32 size);
int quic_run_datagram(struct quic_burst *b, u8 *buf);

/* pending.c: anything to say in a packet of @level, window and pacing aside? */
bool quic_pending(const struct quic_conn *c, enum quic_level level);
/* The same without what streams have to say, and whether there are keys. */
bool quic_pending_control(const struct quic_conn *c, enum quic_level level);
/* An ACK that is due */
bool quic_pending_ack(const struct quic_conn *c, enum quic_level level);

#endif
