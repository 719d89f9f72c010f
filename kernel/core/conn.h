/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One connection: the struct, and the calls the glue makes.
 *
 * The core is a function of (state, input, now). It takes no lock: the caller
 * holds the socket lock for every call. It never sleeps; functions marked
 * "process context" allocate transforms and so must be called where sleeping is
 * allowed. What it wants done it says through struct quic_conn_ops, or leaves
 * in the state for quic_tx (tx.h) and quic_conn_deadline() to find.
 *
 *   rx.c          datagrams and trains: unprotect, open, hand payload on
 *   conn_rx.c     frames of one packet, by level
 *   ack.c         when packets are acknowledged
 *   conn_plan.c   which frames go into the next packet
 *   run.c         the same for bulk data, the short way
 *   tx.c          datagrams and bursts: plan, seal, mask
 *   conn_timer.c  the one deadline and what to do then
 *   conn_close.c  closing, draining, closed
 *   path.c        the ways to the peer, and moving; path_check.c validates them
 *   retry.c       a client's second start with the server's token
 *   early.c       0-RTT
 *   negotiate.c   which version it is
 *   park.c        what a connection at rest does without
 *   conn.c        birth, death, handshake progress, parameters
 */
#ifndef QUIC_CORE_CONN_H
#define QUIC_CORE_CONN_H

#include "ack.h"
#include "cid.h"
#include "datagram.h"
#include "early.h"
#include "loss.h"
#include "path.h"
#include "pmtu.h"
#include "protect.h"
#include "stream.h"
#include "tparam.h"

struct quic_conn;

enum quic_conn_state {
	QUIC_CONN_HANDSHAKE,	/* keys not complete; may send and receive */
	QUIC_CONN_ESTABLISHED,	/* 1-RTT keys both ways */
	QUIC_CONN_CLOSING,	/* we sent CONNECTION_CLOSE; RFC 9000, 10.2.1 */
	QUIC_CONN_DRAINING,	/* the peer did, or stateless reset; 10.2.2 */
	QUIC_CONN_CLOSED,	/* nothing left to do; also idle timeout (10.1) */
};

/* Why it ended: what option 5 and the event report. */
struct quic_close_info {
	u64 code;
	u64 frame_type;
	u8 *reason;	/* or NULL */
	u8 reason_len;
	bool app;	/* an application's code (0x1d) */
	bool remote;	/* the peer closed */
	bool silent;	/* idle timeout or stateless reset: nothing was said */
};

enum quic_conn_event {
	QUIC_CEV_ESTABLISHED,	/* 1-RTT keys in both directions */
	QUIC_CEV_CONFIRMED,	/* handshake confirmed (RFC 9001, 4.1.2) */
	QUIC_CEV_CLOSED,	/* state left ESTABLISHED or HANDSHAKE: see conn->close */
	QUIC_CEV_MAX_STREAMS,	/* arg: kind; the peer raised our stream limit */
	QUIC_CEV_MAX_DATA,	/* the peer raised the connection's limit */
	QUIC_CEV_KEY_UPDATE,	/* arg: phase */
	QUIC_CEV_CID,		/* IDs were retired; arg: 1 the peer's, 0 ours */
	QUIC_CEV_PREPARE_KEYS,	/* call quic_protect_prepare_update() in process context soon */
	QUIC_CEV_MIGRATED,	/* conn->path is another; arg: 1 we moved, 0 the peer did */
	QUIC_CEV_PATH_VALID,	/* the path in use was validated: the peer's new address is its */
	QUIC_CEV_RETRY,		/* client: call quic_retry_apply() in process context soon */
	QUIC_CEV_VERSION,	/* client: call quic_negotiate_apply() in process context soon */
	QUIC_CEV_RESTART,	/* client, arg: version; TLS begins anew, with new parameters */
};

enum quic_stream_event {
	QUIC_SEV_OPENED,	/* the peer opened it */
	QUIC_SEV_SIZE_KNOWN,	/* the end is known, bytes to come before it are not here */
	QUIC_SEV_FIN,		/* all bytes up to the final size were handed over */
	QUIC_SEV_RESET,		/* the peer reset it: rx.reset_code; rx.readable may be read */
	QUIC_SEV_STOPPED,	/* by STOP_SENDING, answered with a reset: tx.reset_code */
	QUIC_SEV_MAX_DATA,	/* the peer raised the stream's limit */
	QUIC_SEV_SENT_ALL,	/* tx.state went to RECVD or RESET_RECVD */
};

struct quic_conn_ops {
	/* A zeroed object with struct quic_stream inside; and its end. */
	struct quic_stream *(*stream_alloc)(struct quic_conn *c, gfp_t gfp);
	void (*stream_free)(struct quic_conn *c, struct quic_stream *s);
	/*
	 * New bytes of @s at @off, never given before, inside the buffer last got
	 * from rx_buf; the glue takes its own reference on that. s->rx.contig is
	 * updated after the call, and stream_contig() follows if it moved.
	 * Return: 0, or an error: the packet is dropped as if it never came.
	 */
	int (*stream_data)(struct quic_conn *c, struct quic_stream *s, u64 off, const u8 *data,
			   u32 len);
	void (*stream_contig)(struct quic_conn *c, struct quic_stream *s);
	void (*stream_event)(struct quic_conn *c, struct quic_stream *s, enum quic_stream_event ev);
	/* Everything of @s below s->tx.acked may be freed. */
	void (*stream_acked)(struct quic_conn *c, struct quic_stream *s);
	/*
	 * Where [off, off + len) of @s lies, and what each piece lends (protect.h). Return: pieces,
	 * at most @max, or 0 when they would be more: then stream_copy() is called.
	 */
	unsigned int (*stream_vecs)(struct quic_conn *c, struct quic_stream *s, u64 off, u32 len,
				    struct quic_vec *v, unsigned int max);
	void (*stream_copy)(struct quic_conn *c, struct quic_stream *s, u64 off, u32 len, u8 *to);
	/* A DATAGRAM's payload, in the buffer last got from rx_buf. It may be dropped. */
	void (*datagram)(struct quic_conn *c, const u8 *data, u32 len);
	/* Sent, or never to be: @d is the glue's again. */
	void (*datagram_done)(struct quic_conn *c, struct quic_datagram *d);
	/*
	 * TLS bytes of @level, in order. Return: 0; < 0: the packet is dropped as if it never
	 * came; > 0: a transport error code to close with
	 */
	int (*crypto_data)(struct quic_conn *c, enum quic_level level, const u8 *data, u32 len);
	/* @len bytes to open a packet into, linear, valid until the train ends. NULL: drop. */
	u8 *(*rx_buf)(struct quic_conn *c, u32 len);
	/* An ID packets may come to: enter it in the hash, or take it out. add: 0 or -EEXIST */
	int (*cid_add)(struct quic_conn *c, const struct quic_cid *cid);
	void (*cid_del)(struct quic_conn *c, const struct quic_cid *cid);
	/*
	 * A path came into being: a server's is that of the packet at hand, a client's the one
	 * asked for. 0, or an error: there is none. del: it is gone, it was not in use.
	 */
	int (*path_new)(struct quic_conn *c, u8 slot);
	void (*path_del)(struct quic_conn *c, u8 slot);
	/* Stateless reset token for one of our IDs: keyed hash with the namespace's secret */
	void (*reset_token)(struct quic_conn *c, const struct quic_cid *cid, u8 *token);
	void (*random)(void *buf, u32 len);
	void (*event)(struct quic_conn *c, enum quic_conn_event ev, u64 arg);
	/* Token received in NEW_TOKEN */
	void (*token)(struct quic_conn *c, const u8 *token, u32 len);
};

/* CRYPTO data of one level, both ways. The bytes are the core's own copies. */
struct quic_crypto_stream {
	u8 *tx;			/* what was queued from tx_base on */
	u32 tx_cap;
	u64 tx_base;		/* all below was queued, acknowledged and freed */
	u64 tx_end;		/* one past the last byte queued */
	u64 tx_next;		/* first byte never sent */
	struct quic_ranges tx_lost;
	struct quic_ranges tx_acks;
	u8 *rx;			/* ring of out-of-order bytes, NULL until needed */
	u32 rx_cap;		/* a power of two */
	u64 rx_contig;		/* all below was given to the glue */
	struct quic_ranges rx_ooo;
};

struct quic_space {		/* receiving half of a packet number space */
	struct quic_ranges rcvd;	/* to be acknowledged */
	s64 largest;			/* largest received, -1 none */
	u64 largest_time;
	u64 ack_floor;			/* below: acked, the peer knows; always duplicates */
	u64 ack_deadline;		/* U64_MAX: none */
	u32 eliciting;			/* ack-eliciting packets since our last ACK */
	bool ack_now;
	bool ping_wanted;
	u64 ecn[3];			/* ECT(0), ECT(1), CE seen */
	bool ce_last;			/* the last packet was marked CE */
	u8 ecn_last;			/* its two bits */
	s64 acked;			/* largest our ACKs told of, -1 none */
	u64 ack_sent_at;		/* ns; 0: never */
	u64 largest_eliciting;
};

/* A packet that came before the keys of its level (RFC 9001, 5.7). */
struct quic_held {
	struct list_head list;
	u64 at;			/* when it came, ns */
	u32 len;
	u8 level;
	u8 ecn;
	u8 data[];
};

/* What goes with the handshake (RFC 9001, 4.9): there until it is complete and confirmed. */
struct quic_handshake {
	struct quic_loss_space loss[QUIC_PNS_EARLY];
	struct quic_space space[QUIC_PNS_EARLY];
	u32 vn_version;			/* client: to start over in; waits for process context */
	u32 version_wanted;		/* client: keys are; waits for process context */
	struct quic_versions versions;	/* ours, best first */
	struct quic_cid peer_scid;	/* source ID of the peer's first packets */
	bool has_preferred;
	struct quic_preferred_addr preferred;	/* the server's */
};

struct quic_conn_stats {
	u64 bytes_sent, bytes_received;		/* UDP payload */
	u64 packets_sent, packets_received;
	u64 packets_dropped;			/* no keys, could not be opened, malformed */
	u64 packets_duplicate;
	u64 packets_retransmitted;		/* with stream or TLS bytes sent before */
	u32 key_updates;			/* by either side */
	u64 bytes_retransmitted;		/* stream bytes sent again */
	u64 bytes_early;			/* stream bytes in 0-RTT packets, sent or taken */
};

/* Stream bytes of the ACK at hand, in one run, that the stream was not told of yet. */
struct quic_acked_run {
	struct quic_stream *stream;	/* NULL: none; holds a reference */
	u64 off;
	u32 len;
	bool fin;
};

struct quic_conn {
	const struct quic_conn_ops *ops;
	u8 state;			/* enum quic_conn_state */
	bool server;
	bool tls_done;			/* 1-RTT keys both ways */
	bool confirmed;
	bool handshake_done_wanted;
	bool peer_tp_set;
	bool local_tp_used;		/* encoded: may not change any more */
	bool max_data_wanted, data_blocked_wanted;
	bool odcid_hashed;
	bool vn_acted;			/* client: started over as Version Negotiation wanted it */
	bool compatible;		/* another version without a new start is fine */
	bool own_order;			/* server: of versions; else the client's counts */
	bool version_settled;		/* no packet changes it any more */
	bool close_wanted;		/* send CONNECTION_CLOSE at the next chance */
	bool mtu_ready;			/* the glue knows the route; probing may start */
	bool mtu_works;			/* an ACK shows that full datagrams get through */
	bool retried;			/* Retry was sent, or obeyed */
	bool datagram_last;		/* the last packet of both began with one */
	bool token_wanted;
	bool eliciting_sent_since_rx;	/* idle timer restarts on the first only (10.1) */
	u8 grease_left;			/* bits that are still in grease */
	u8 held_count;
	bool peer_scid_set;		/* quic_handshake.peer_scid */
	u32 version;			/* in use */
	u32 original;			/* of the client's first flight, and of 0-RTT packets */

	struct quic_cid odcid;		/* first destination ID of the client */
	struct quic_cid retry_scid;	/* retried: the one it came back to */
	struct quic_retry *retry;	/* client: good, waits for process context */
	struct quic_cids cids;
	struct quic_protect prot;
	struct quic_loss loss;
	struct quic_pmtu pmtu;
	struct quic_space app;
	struct quic_handshake *hs;	/* NULL: it is over, there is only the space above */
	struct quic_crypto_stream *crypto[QUIC_LEVELS];	/* allocated when used */
	struct quic_stream_table streams;
	struct quic_ack ack;
	struct list_head datagrams;	/* struct quic_datagram to send, oldest first */
	struct quic_path *path;		/* in use */
	struct quic_paths paths;
	struct quic_terms local, remote;
	struct quic_early early;

	/* connection flow control */
	u64 tx_max;			/* peer's MAX_DATA */
	u64 tx_data;			/* sum of first transmissions */
	u64 tx_blocked_at;		/* limit last reported as blocking, U64_MAX none */
	struct quic_flow rx_flow;

	u64 grease;			/* random bits for the QUIC Bit (RFC 9287, 3.1) */

	u32 token_len;
	u32 held_bytes;			/* in held, below */
	u8 *token;			/* client: for Initial packets; server: NEW_TOKEN to send */

	/* timers, ns; U64_MAX: off */
	u64 idle_at;
	u64 idle_timeout;		/* effective; 0: none (but for the handshake) */
	u64 keepalive;			/* interval; 0: off */
	u64 last_activity;
	u64 close_until;		/* end of closing or draining */
	u64 unparked_at;		/* keys were made again (park.c), ns; 0: never */
	u64 retry_at;			/* try to send again: memory was short */

	struct list_head held;		/* struct quic_held, oldest first */

	struct quic_close_info close;
	struct quic_acked_run acked_run;
	u32 rx_scatter;			/* ranges that the packet at hand may have moved */
	u32 close_rx;			/* packets received while closing */
	u32 close_next;			/* answer when close_rx reaches it (10.2.1) */
	struct quic_conn_stats stats;
};

struct quic_conn_config {
	bool server;
	bool no_compatible;		/* RFC 9368, 2.3: the first version or none */
	bool empty_cid;			/* client: its IDs are empty (RFC 9000, 5.1) */
	u32 version;			/* of the first flight; 0: 1; may be reserved */
	struct quic_versions versions;	/* best first; none: all, the client's order counts */
	const struct quic_cc_ops *cc;	/* NULL: CUBIC */
	u64 initial_rtt;		/* ns; 0: 333 ms */
	u64 keepalive;			/* ns; 0: off */
};

/*
 * Birth. ops and crypto stay valid for the connection's life. Local parameters start at the
 * defaults of limits.h and may be changed in conn->local until encoded.
 */
int quic_conn_init(struct quic_conn *c, const struct quic_conn_ops *ops,
		   const struct quic_crypto_ops *crypto, const struct quic_conn_config *cfg);
void quic_conn_free(struct quic_conn *c);	/* process context or softirq; any state */
/* Keep-alive, and how long the MTU search rests: ns; 0: as it is. The deadline may come closer. */
void quic_conn_set_intervals(struct quic_conn *c, u64 keepalive, u64 pmtu_raise);
/* Client: choose IDs, Initial keys. Process context. */
int quic_conn_connect(struct quic_conn *c, u64 now);
/*
 * Server: @first is the client's first Initial, parsed. IDs, Initial keys; then feed the
 * datagram to quic_rx_datagram(). Process context.
 */
int quic_conn_accept(struct quic_conn *c, const struct quic_packet *first, u64 now);
/*
 * Server, before quic_conn_accept(): the client's token shows that it is where it says (8.1).
 * @odcid: the token was that of a Retry, which answered this ID; else NULL.
 */
void quic_conn_validated(struct quic_conn *c, const struct quic_cid *odcid);
/* After connect/accept succeeded, before a fresh use of the same struct: free + init. */

/* Largest UDP payload the route allows (0: unknown, 1200 is used). Starts the MTU search. */
void quic_conn_set_mtu(struct quic_conn *c, u32 payload, u64 now);
/* ICMP says that no more than @payload passes, about a packet whose ID was ours to send to */
void quic_conn_too_big(struct quic_conn *c, u32 payload, u64 now);

/* TLS bytes to send at @level: -ENOMEM; -EMSGSIZE over QUIC_CRYPTO_BUF_MAX; -EINVAL no level */
int quic_conn_crypto_send(struct quic_conn *c, enum quic_level level, const u8 *data, u32 len);
/* Secret from TLS (option 13), in process context. Complete 1-RTT keys establish the connection. */
int quic_conn_install(struct quic_conn *c, enum quic_level level, bool send, u32 cipher,
		      const u8 *secret, unsigned int len, u64 now);
/*
 * What we offer, within the limits of limits.h and receive windows of at most @window bytes each;
 * until it was told. IDs and tokens in it are the core's. @compatible: versions, RFC 9368, 2.3
 */
void quic_conn_offer(struct quic_conn *c, const struct quic_tparams *tp, u64 window,
		     bool compatible);
void quic_conn_offer_preferred(struct quic_conn *c, const struct quic_preferred_addr *a);
/* Our parameters, encoded (option 14 get). Return: length or error */
int quic_conn_local_params(struct quic_conn *c, u8 *buf, u32 cap);
/* The peer's (option 14 set): parsed, checked against IDs (7.3), applied. -EPROTO: closing */
int quic_conn_remote_params(struct quic_conn *c, const u8 *buf, u32 len, u64 now);

/* Close with @code; @app selects 0x1d. The first call wins. Frames not yet sent are dropped. */
void quic_conn_close(struct quic_conn *c, bool app, u64 code, u64 frame_type,
		     const u8 *reason, u32 len, u64 now);
/* All stream data acknowledged, no datagram queued? (a socket that lingers asks) */
bool quic_conn_quiet(const struct quic_conn *c);
/*
 * Change to the next 1-RTT keys (RFC 9001, 6). -EAGAIN: too early, or not prepared.
 * The core does so itself when the AEAD's limit comes near.
 */
int quic_conn_key_update(struct quic_conn *c, u64 now);
/* What was to be sent found no memory, here or in the glue: the deadline comes soon. */
void quic_conn_retry(struct quic_conn *c, u64 now);
/*
 * Client: present @token in Initial packets (RFC 9000, 8.1.3). Server: send NEW_TOKEN with it, in
 * place of one that is still on its way. 0 or -ENOMEM
 */
int quic_conn_set_token(struct quic_conn *c, const u8 *token, u32 len);
/* PING as soon as possible (keep-alive, tests) */
void quic_conn_ping(struct quic_conn *c);

/* The one deadline, ns; U64_MAX: none. */
u64 quic_conn_deadline(const struct quic_conn *c, u64 now);
/* It passed. Pump (quic_tx) afterwards. */
void quic_conn_timeout(struct quic_conn *c, u64 now);

/* --- inside the core --- */

struct quic_rx_info {
	u64 pn;
	const u8 *payload;
	u32 len;
	u8 level;
	u8 ecn;			/* 0, 1 ECT(1), 2 ECT(0), 3 CE: the IP header's two bits */
	const struct quic_cid *dcid;	/* the ID it came to */
};

/* The receiving half of a space that is in use. Who may only read @c may not write to it either. */
static inline struct quic_space *quic_conn_space(const struct quic_conn *c, enum quic_pns pns)
{
	return likely(pns == QUIC_PNS_APP) ? (struct quic_space *)&c->app :
					     &c->hs->space[pns - QUIC_PNS_INITIAL];
}

/* So many are, from QUIC_PNS_APP on (RFC 9001, 4.9.2). */
static inline unsigned int quic_conn_spaces(const struct quic_conn *c)
{
	return quic_loss_spaces(&c->loss);
}

/* One opened packet. Return: 0, or a transport error code the connection now closes with. */
u64 quic_conn_rx(struct quic_conn *c, const struct quic_rx_info *pkt, u64 now);
/* Close because of what the peer did, unless @err is 0 or QUIC_RX_DROP. */
void quic_conn_fail(struct quic_conn *c, u64 err, u64 frame_type, u64 now);
/* Was it received, as far as we know? @pn is at most the largest there was. */
bool quic_conn_rx_dup(const struct quic_conn *c, enum quic_pns pns, u64 pn);
void quic_conn_discard(struct quic_conn *c, enum quic_level level);	/* keys and space, 4.9 */
void quic_conn_confirm(struct quic_conn *c, u64 now);
/* Where the client's Initials go: its first ID, or the one Retry told it. */
static inline const struct quic_cid *quic_conn_first_id(const struct quic_conn *c)
{
	return c->retried ? &c->retry_scid : &c->odcid;
}

/* A frame's fate, for any reason: note what must go out (again). */
void quic_conn_frame_requeue(struct quic_conn *c, enum quic_pns pns,
			     const struct quic_sent_frame *f);
extern const struct quic_loss_cb quic_conn_loss_cb;
void quic_conn_touch_rx(struct quic_conn *c, u64 now);		/* idle timer, 10.1 */
void quic_conn_touch_tx(struct quic_conn *c, u64 now);
void quic_conn_set_idle(struct quic_conn *c);			/* idle_timeout or state changed */
void quic_conn_enter_draining(struct quic_conn *c, u64 now);
/* What was to be told of the end is void. */
void quic_conn_close_reset(struct quic_close_info *ci);
/* A copy, as far as it goes; without memory there is none. */
void quic_conn_close_reason(struct quic_close_info *ci, const u8 *reason, u32 len);
/* A packet came while closing: maybe answer (10.2.1). */
void quic_conn_close_rx(struct quic_conn *c);
void quic_conn_set_closed(struct quic_conn *c);

/* crypto_stream.c */
u64 quic_crypto_stream_rx(struct quic_conn *c, enum quic_level level, u64 off, const u8 *data,
			  u32 len);
bool quic_crypto_stream_pending(const struct quic_conn *c, enum quic_level level);
/* Bytes were sent, acknowledged or forgotten: does the handshake still wait to repeat any? */
void quic_crypto_stream_settle(struct quic_conn *c);
/* Bytes received behind a hole? */
bool quic_crypto_stream_unread(const struct quic_conn *c, enum quic_level level);
void quic_crypto_stream_acked(struct quic_conn *c, enum quic_level level, u64 off, u32 len);
void quic_crypto_stream_lost(struct quic_conn *c, enum quic_level level, u64 off, u32 len);
/* Next piece to send at *off; Return: false if none. *len: how much from there */
bool quic_crypto_stream_next(const struct quic_conn *c, enum quic_level level, u64 *off, u32 *len);
void quic_crypto_stream_sent(struct quic_conn *c, enum quic_level level, u64 off, u32 len);
void quic_crypto_stream_free(struct quic_conn *c, enum quic_level level);

static inline struct quic_conn *quic_conn_of_loss(struct quic_loss *l)
{
	return container_of(l, struct quic_conn, loss);
}

#endif
