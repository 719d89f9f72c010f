/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Streams (RFC 9000, 2 and 3): identity, states, what of each is to be sent,
 * sent again, received, and by when it can go.
 *
 * The bytes themselves are the glue's: the core knows offsets and lengths. The
 * glue embeds struct quic_stream in its own (conn.h, stream_alloc). A stream
 * is freed when both parts are final, the glue let go of it
 * (quic_stream_release) and no sent frame refers to it any more.
 */
#ifndef QUIC_CORE_STREAM_H
#define QUIC_CORE_STREAM_H

#include "flow.h"
#include "ranges.h"
#include "sched.h"
#include "wire.h"

struct quic_conn;

enum quic_send_state {		/* RFC 9000, 3.1; the ABI's numbers */
	QUIC_SEND_READY = 0,
	QUIC_SEND_SEND = 1,
	QUIC_SEND_SENT = 2,
	QUIC_SEND_RECVD = 3,
	QUIC_SEND_RESET_SENT = 4,
	QUIC_SEND_RESET_RECVD = 5,
};

enum quic_recv_state {		/* RFC 9000, 3.2; the ABI's numbers */
	QUIC_RECV_RECV = 6,
	QUIC_RECV_SIZE_KNOWN = 7,
	QUIC_RECV_RECVD = 8,
	QUIC_RECV_READ = 9,
	QUIC_RECV_RESET_RECVD = 10,
	QUIC_RECV_RESET_READ = 11,
};

enum quic_stream_parked {	/* .active is in one of these lists of the table */
	QUIC_PARKED_NOT,
	QUIC_PARKED_BLOCKED,
	QUIC_PARKED_STALLED,
};

struct quic_stream_tx {
	u8 state;		/* enum quic_send_state */
	bool exists;		/* not so on the peer's unidirectional streams */
	bool fin;		/* the application finished: size is written */
	bool fin_sent, fin_acked, fin_lost;
	bool busy;		/* something is not acknowledged; counted in streams.busy */
	bool reset_wanted;	/* RESET_STREAM or RESET_STREAM_AT to send (again) */
	bool reset_at;		/* the latter: as FIN, .written is the final size */
	bool reset_acked;	/* so is the RESET_STREAM_AT that names .reliable */
	u64 reliable;		/* with reset_at: what is delivered all the same */
	bool blocked_wanted;	/* STREAM_DATA_BLOCKED to send */
	u64 blocked_at;		/* limit last reported as blocking, U64_MAX none */
	u64 written;		/* bytes the application queued */
	u64 next;		/* first byte never sent */
	u64 acked;		/* everything below is acknowledged and released */
	u64 max;		/* peer's MAX_STREAM_DATA */
	u64 reset_code;
	struct quic_ranges acks;	/* acknowledged above .acked */
	struct quic_ranges lost;	/* to be sent again */
};

struct quic_stream_rx {
	u8 state;		/* enum quic_recv_state */
	bool exists;
	bool max_wanted;	/* MAX_STREAM_DATA to send */
	bool stop_wanted;	/* STOP_SENDING to send (again) */
	bool stopped;		/* the application asked to stop; data is discarded */
	bool reset;		/* by the peer, from byte .reliable on */
	u64 reliable;		/* 0 with RESET_STREAM */
	u64 readable;		/* reset and .reliable came: what the application may read */
	u64 contig;		/* all below received */
	u64 final_size;		/* U64_MAX: not known */
	u64 early;		/* end of what came in 0-RTT packets */
	u64 reset_code, stop_code;
	struct quic_ranges ooo;	/* received above .contig */
	struct quic_flow flow;
};

struct quic_stream {
	u64 id;
	struct rb_node node;		/* conn->streams.tree, by id */
	struct list_head active;	/* something to send: in a list of sched.h; or .blocked */
	u32 refs;			/* frames in flight that point here */
	bool released;			/* the glue let go */
	u8 parked;			/* enum quic_stream_parked */
	bool barred;			/* ours, over the limit that a refusal of 0-RTT left */
	bool closed_local;		/* counted back to the peer's stream limit */
	u8 urgency;			/* RFC 9218, 4: 0 to 7 */
	bool sequential;		/* not incremental */
	u8 place;			/* enum quic_sched_place */
	struct quic_stream_tx tx;
	struct quic_stream_rx rx;
};

struct quic_streams {			/* one kind: bidi (0) or uni (1) */
	u64 local_next;			/* ordinal of our next stream */
	u64 local_max;			/* peer's MAX_STREAMS */
	u64 peer_next;			/* ordinal of the peer's next new stream */
	u64 peer_max;			/* our MAX_STREAMS */
	u64 peer_window;		/* streams the peer may have open at once */
	u64 peer_closed;		/* of the peer's, finished and let go of */
	u64 blocked_at;			/* limit last reported as blocking, U64_MAX none */
	bool max_wanted, blocked_wanted;
	struct quic_ranges *unseen;	/* of the peer's, opened by a later one: no object yet */
};

struct quic_stream_table {
	struct rb_root tree;
	struct list_head active;	/* streams with frames or data to send, without .sched */
	struct quic_sched *sched;	/* the same, once there is a priority; else NULL */
	struct list_head blocked;	/* data that waits for the connection's MAX_DATA only */
	struct list_head stalled;	/* ... for the stream's own MAX_STREAM_DATA */
	struct quic_stream *last;	/* last one looked up */
	struct quic_streams kind[2];
	u32 count;
	u32 ready;			/* with frames or data to send */
	u32 barred;
	u32 busy;			/* with bytes, an end or a reset not acknowledged yet */
};

/* Result of quic_stream_rx_data(): no memory; drop the packet, it will come again. */
#define QUIC_RX_DROP	U64_MAX

/* --- the glue's side; all under the connection's lock --- */

struct quic_stream *quic_stream_find(struct quic_conn *c, u64 id);
/* Is @id open only because a later stream is, so that there is no object yet? */
bool quic_stream_unseen(const struct quic_conn *c, u64 id);
/*
 * Open our next stream, or the one named @id (all of the kind below it open too).
 * Return: stream, or NULL with *err: -EAGAIN peer's limit, -EINVAL not ours or
 * over 2^60, -ENOMEM.
 */
struct quic_stream *quic_stream_open(struct quic_conn *c, bool uni, int *err);
struct quic_stream *quic_stream_open_id(struct quic_conn *c, u64 id, int *err);
/* The glue stored @len more bytes at tx.written (and the end, if @fin). */
int quic_stream_wrote(struct quic_conn *c, struct quic_stream *s, u32 len, bool fin);
/* The application read @len bytes. May want MAX_DATA and MAX_STREAM_DATA: pump afterwards. */
void quic_stream_consumed(struct quic_conn *c, struct quic_stream *s, u64 len, u64 now);
/* FIN or reset was read by the application: receive state goes to READ or RESET_READ. */
void quic_stream_read_end(struct quic_conn *c, struct quic_stream *s);
/*
 * RESET_STREAM. -EINVAL: nothing to reset (no send part, all acked, reset already), or a code other
 * than that of RESET_STREAM_AT before
 */
int quic_stream_reset(struct quic_conn *c, struct quic_stream *s, u64 code);
/*
 * RESET_STREAM_AT: the first @reliable bytes are delivered, those above are the glue's again
 * (stream_acked() follows). Again with a lower one: less is. -EINVAL: as above, more than was
 * written or than last time; -EOPNOTSUPP: the peer does not know it
 */
int quic_stream_reset_at(struct quic_conn *c, struct quic_stream *s, u64 code, u64 reliable);
/* STOP_SENDING. -EINVAL: no receive part or all received; -EAGAIN: one is on its way */
int quic_stream_stop(struct quic_conn *c, struct quic_stream *s, u64 code);
/* The glue needs the stream no more; it may be freed before this returns. */
void quic_stream_release(struct quic_conn *c, struct quic_stream *s);
/* Bytes the application may add now before the peer's limits would hold them back. */
u64 quic_stream_credit(const struct quic_conn *c, const struct quic_stream *s);

/* --- the core's side --- */

void quic_stream_table_init(struct quic_conn *c);
void quic_stream_table_free(struct quic_conn *c);
/* The stream a peer's frame names; opens it (and those below) if it may be. 0 or error code */
u64 quic_stream_of_peer(struct quic_conn *c, u64 id, bool for_sending, struct quic_stream **sp);
u64 quic_stream_rx_data(struct quic_conn *c, u64 id, u64 off, const u8 *data, u32 len, bool fin,
			u64 now);
u64 quic_stream_rx_reset(struct quic_conn *c, u64 id, u64 code, u64 final_size, u64 reliable,
			 u64 now);
u64 quic_stream_rx_stop(struct quic_conn *c, u64 id, u64 code);
u64 quic_stream_rx_max(struct quic_conn *c, u64 id, u64 max);
u64 quic_stream_rx_blocked(struct quic_conn *c, u64 id);
void quic_stream_rx_max_streams(struct quic_conn *c, bool uni, u64 max);
/* Peer's parameters (or 0-RTT memory) arrived: raise what the open streams may send. */
void quic_stream_set_limits(struct quic_conn *c);
/* 0-RTT was rejected: nothing was sent, and the limits are the peer's parameters. */
void quic_stream_start_over(struct quic_conn *c);
/* Frames of @s came through or did not. */
void quic_stream_acked(struct quic_conn *c, struct quic_stream *s, u64 off, u32 len, bool fin);
void quic_stream_lost(struct quic_conn *c, struct quic_stream *s, u64 off, u32 len, bool fin);
/* @at: it was a RESET_STREAM_AT, of @reliable bytes */
void quic_stream_reset_acked(struct quic_conn *c, struct quic_stream *s, bool at, u64 reliable);
void quic_stream_reset_lost(struct quic_stream *s);
void quic_stream_reset_sent(struct quic_stream *s);
/* Wanted, and not waiting for bytes that have to go first? */
bool quic_stream_reset_due(const struct quic_stream *s);
void quic_stream_get(struct quic_stream *s);
void quic_stream_put(struct quic_conn *c, struct quic_stream *s);
/* Put on, or take off, the active list as its needs say. */
void quic_stream_activate(struct quic_conn *c, struct quic_stream *s);
/* The connection's limit rose: streams that waited for it are active again. */
void quic_stream_unblock(struct quic_conn *c);
/* What goes next: *off, *len (0: FIN alone), *fin. false: nothing. */
bool quic_stream_next(const struct quic_conn *c, const struct quic_stream *s, u64 *off, u64 *len,
		      bool *fin);
void quic_stream_sent(struct quic_conn *c, struct quic_stream *s, u64 off, u32 len, bool fin);
/* A state became final: @s may be freed. */
void quic_stream_settle(struct quic_conn *c, struct quic_stream *s);
/* Limits of the peer's have held back data of a stream for long: say so again (4.1). */
void quic_stream_repeat_blocked(struct quic_conn *c);
static inline bool quic_stream_held_back(const struct quic_stream_table *t)
{
	return !list_empty(&t->blocked) || !list_empty(&t->stalled);
}

/* Is there a byte (new within limits, or lost) or FIN to send? */
bool quic_stream_has_data(const struct quic_conn *c, const struct quic_stream *s);
/* Is new data all @s has to send? Flow control of the connection is not looked at. */
bool quic_stream_only_new(const struct quic_stream *s);

#endif
