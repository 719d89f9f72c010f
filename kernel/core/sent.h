/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What was sent and is not settled: one ring of packets indexed by packet
 * number, one ring of the frames they carried, for one packet number space.
 *
 * Both rings double when full, up to QUIC_SENT_MAX packets, and are allocated
 * on first use; sending a packet allocates nothing in steady state. A packet's
 * frames are settled (acked or lost) once; a packet declared lost stays in the
 * ring without frames for a while, so that a late ACK shows the loss was
 * spurious.
 *
 *	first <= live <= next. Below live every packet is LOST or DONE, and the
 *	packets at first and live themselves are not DONE (unless equal to next).
 *	A DONE packet knows a later packet number with only DONE ones in between:
 *	walking over what was settled before costs next to nothing.
 *
 * The caller serialises. Nothing here calls out.
 */
#ifndef QUIC_CORE_SENT_H
#define QUIC_CORE_SENT_H

#include "delivery.h"
#include "limits.h"
#include "os.h"

#define QUIC_SENT_FIRST		16u	/* packets in the first allocation */

struct quic_stream;

/* What a frame was, as far as acknowledgment or loss of it matters. */
enum quic_sent_type {
	QUIC_SENT_ACK,			/* off: largest acknowledged in it */
	QUIC_SENT_STREAM,		/* stream, off, len, fin */
	QUIC_SENT_CRYPTO,		/* off, len */
	QUIC_SENT_RESET_STREAM,		/* stream; fin: RESET_STREAM_AT, off: its Reliable Size */
	QUIC_SENT_STOP_SENDING,		/* stream */
	QUIC_SENT_MAX_DATA,
	QUIC_SENT_MAX_STREAM_DATA,	/* stream */
	QUIC_SENT_MAX_STREAMS,		/* len: 0 bidi, 1 uni */
	QUIC_SENT_DATA_BLOCKED,
	QUIC_SENT_STREAM_DATA_BLOCKED,	/* stream */
	QUIC_SENT_STREAMS_BLOCKED,	/* len: 0 bidi, 1 uni */
	QUIC_SENT_NEW_CID,		/* off: sequence number */
	QUIC_SENT_RETIRE_CID,		/* off: sequence number */
	QUIC_SENT_NEW_TOKEN,
	QUIC_SENT_HANDSHAKE_DONE,
	QUIC_SENT_ACK_FREQUENCY,	/* off: its Sequence Number */
	QUIC_SENT_OTHER,		/* nothing to do either way (PING, PATH_*, DATAGRAM) */
};

struct quic_sent_frame {
	struct quic_stream *stream;	/* holds a reference (stream.h) */
	u64 off;
	u32 len;
	u8 type;
	u8 fin;
};

#define QUIC_PKT_F_ELICITING	0x01
#define QUIC_PKT_F_IN_FLIGHT	0x02	/* counts to bytes_in_flight (RFC 9002, 2) */
#define QUIC_PKT_F_MTU_PROBE	0x04	/* loss is not congestion: RFC 9000, 14.4 */
#define QUIC_PKT_F_APP_LIMITED	0x08
#define QUIC_PKT_F_LOST		0x10	/* declared lost; kept to notice a spurious loss */
#define QUIC_PKT_F_DONE		0x20	/* settled for good */
#define QUIC_PKT_F_ECT0		0x40	/* left with ECT(0) in its IP header; RFC 9000, 13.4.2 */
#define QUIC_PKT_F_OFF_PATH	0x80	/* not on the path in use: no RTT, no congestion; 9.4 */

struct quic_sent_packet {
	u64 time;		/* when, ns */
	union {
		u64 delivered;	/* bytes delivered on the connection at that time */
		u64 lost_at;	/* LOST: when it was declared so */
		u64 skip;	/* DONE: so are all from this one to there, exclusive */
	};
	struct quic_delivery_mark mark;
	u32 frame;		/* first frame, free-running index into the frame ring */
	u16 size;		/* bytes of UDP payload, header and tag included */
	u8 nframes;
	u8 flags;
};

struct quic_sent {
	struct quic_sent_packet *pkt;
	struct quic_sent_frame *frm;
	u32 pkt_cap, frm_cap;	/* powers of two, 0 before first use */
	u64 first;		/* oldest packet number still in the ring */
	u64 live;		/* oldest one that is neither LOST nor DONE */
	u64 next;		/* next packet number to send */
	u32 frm_head;		/* next free frame index */
	u32 frm_base;		/* frm_head at the last commit: frames from here are being added */
	u32 frm_tail;		/* oldest frame index in use */
};

void quic_sent_init(struct quic_sent *s);
static inline bool quic_sent_packets_full(const struct quic_sent *s)
{
	return s->next - s->first >= s->pkt_cap;
}

static inline bool quic_sent_large(const struct quic_sent *s)
{
	return s->pkt_cap > QUIC_SENT_FIRST;
}

static inline bool quic_sent_frames_full(const struct quic_sent *s)
{
	return s->frm_cap - (s->frm_head - s->frm_tail) < QUIC_PKT_FRAMES;
}

/* Frames that the packet being built may have in all: at least QUIC_PKT_FRAMES after reserve */
static inline u32 quic_sent_room(const struct quic_sent *s)
{
	return min(s->frm_cap - (s->frm_base - s->frm_tail), (u32)QUIC_PKT_FRAMES_MAX);
}

int quic_sent_make_room(struct quic_sent *s, gfp_t gfp);

/*
 * Room for one more packet with up to QUIC_PKT_FRAMES frames. Where none can be
 * had, LOST packets kept for late ACKs give up theirs.
 * Return: 0, -ENOMEM, or -ENOBUFS at QUIC_SENT_MAX.
 */
static inline int quic_sent_reserve(struct quic_sent *s, gfp_t gfp)
{
	if (likely(!quic_sent_packets_full(s) && !quic_sent_frames_full(s)))
		return 0;
	return quic_sent_make_room(s, gfp);
}

/*
 * Append a frame to the packet numbered s->next, being built. After reserve;
 * quic_sent_room() at most. put: the caller knows that there are fewer.
 */
static inline void quic_sent_put(struct quic_sent *s, enum quic_sent_type type,
				 struct quic_stream *stream, u64 off, u32 len, bool fin)
{
	struct quic_sent_frame *f = &s->frm[s->frm_head++ & (s->frm_cap - 1)];

	f->stream = stream;
	f->off = off;
	f->len = len;
	f->type = type;
	f->fin = fin;
}

void quic_sent_add(struct quic_sent *s, enum quic_sent_type type, struct quic_stream *stream,
		   u64 off, u32 len, bool fin);
/* Drop the frames appended since the last commit (the packet is not sent after all). */
void quic_sent_cancel(struct quic_sent *s);
/* The record of @pn, or NULL if it is not in the ring (before first, not sent yet). */
struct quic_sent_packet *quic_sent_get(struct quic_sent *s, u64 pn);
/* Settle the packet for good. Those from it to @skip are DONE, or will be before the next call. */
static inline void quic_sent_done(struct quic_sent_packet *p, u64 skip)
{
	p->flags |= QUIC_PKT_F_DONE;
	p->nframes = 0;
	p->skip = skip;
}

/* The first packet number from @pn on (@pn >= first) that is not DONE; next if there is none. */
u64 quic_sent_seek(struct quic_sent *s, u64 pn);
/* Packets were settled: move first past DONE ones, live past LOST ones too, and free frames. */
void quic_sent_advance(struct quic_sent *s);
/* The same after LOST packets at the front, declared so at or before @before, became DONE. */
void quic_sent_expire(struct quic_sent *s, u64 before);
/* Forget LOST packets; give the memory back if nothing is left and it ever grew. */
void quic_sent_trim(struct quic_sent *s);
/* The same, even if it did not. */
void quic_sent_rest(struct quic_sent *s);
/* Leave nothing in the ring; packet numbers go on. The caller settled the frames. */
void quic_sent_clear(struct quic_sent *s);
void quic_sent_free(struct quic_sent *s);	/* does not settle frames: loss.c does before */

/* As quic_sent_get() for a @pn known to lie in [first, next). */
static inline struct quic_sent_packet *quic_sent_slot(const struct quic_sent *s, u64 pn)
{
	return &s->pkt[(u32)pn & (s->pkt_cap - 1)];
}

static inline struct quic_sent_frame *quic_sent_frame(struct quic_sent *s,
						      const struct quic_sent_packet *p,
						      unsigned int i)
{
	return &s->frm[(p->frame + i) & (s->frm_cap - 1)];
}

/* The packet numbered s->next is sent: record it and advance. */
static inline struct quic_sent_packet *quic_sent_commit(struct quic_sent *s, u64 now, u16 size,
							u8 flags)
{
	struct quic_sent_packet *p = quic_sent_slot(s, s->next++);

	p->time = now;
	p->delivered = 0;
	p->frame = s->frm_base;
	p->size = size;
	p->nframes = s->frm_head - s->frm_base;
	p->flags = flags;
	s->frm_base = s->frm_head;
	return p;
}

#endif
