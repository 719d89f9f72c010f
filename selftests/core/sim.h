/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two connections joined by a simulated network, in virtual time.
 *
 *	client --- link (delay, rate, queue, loss, ...) ---> server
 *	       <-- link ------------------------------------
 *
 * sim.c is the network and the loop, sim_door.c how connections begin,
 * sim_glue.c the ops of struct quic_conn, sim_tls.c a handshake with fixed
 * secrets, sim_app.c what tests of transfers share. What must hold whatever a test does is asserted in them: virtual time
 * moves, nothing is left to send after the pump, a server stays below three
 * times what it got (RFC 9000, 8.1), every stream byte is the right one and
 * comes once.
 */
#ifndef SELFTESTS_CORE_SIM_H
#define SELFTESTS_CORE_SIM_H

#include "conn.h"
#include "negotiate.h"
#include "retry.h"
#include "rx.h"
#include "token.h"
#include "tx.h"

#define MS(n)		((u64)(n) * NSEC_PER_MSEC)
#define SEC(n)		((u64)(n) * NSEC_PER_SEC)
#define SIM_EPOCH	SEC(1000)	/* virtual time starts here, not at 0 */
#define SIM_CIDS	32
#define SIM_TIMERS	16

struct sim;
struct sim_ep;

struct sim_link {		/* one direction: what leaves an endpoint */
	u64 delay;		/* ns */
	u64 rate;		/* bytes per second; 0: no limit */
	u64 queue;		/* bytes that wait for the rate; more is dropped. 0: no limit */
	u64 coalesce;		/* ns: arrivals are moved up to a multiple, so that trains form; 0: no */
	u32 mtu;		/* UDP payload; larger is dropped. 0: no limit */
	u32 loss, dup, corrupt, reorder;	/* of 1000 */
	u64 reorder_by;		/* ns more delay for those chosen */
	u32 ce;			/* of 1000: marked ones that come as CE */
	bool bleach;		/* marks are cleared: RFC 9000, 13.4.2 */
	bool down;		/* everything is lost */
	/* What the test drops itself. @n: datagrams offered before this one */
	bool (*drop)(struct sim_ep *from, u64 n, const u8 *buf, u32 len);
	/* Looks at everything offered. */
	void (*tap)(struct sim_ep *from, u64 n, const u8 *buf, u32 len);
	/* state */
	struct list_head queued;	/* struct sim_dgram by arrival */
	u64 busy_until;
	u64 offered, lost;
};

struct sim_tls {
	u8 *in[QUIC_LEVELS];
	u32 in_len[QUIC_LEVELS], in_used[QUIC_LEVELS];
	unsigned int step;
	unsigned int tickets;	/* post-handshake messages received */
	bool early;		/* keys for 0-RTT are there */
	bool retry;
};

struct sim_stream {
	struct quic_stream qs;
	struct list_head node;		/* ep->streams */
	struct quic_ranges got;		/* bytes given to us */
	u64 read;			/* told the core as consumed */
	bool fin, reset, stopped, sent_all, peers;
	u64 t_fin;
};

struct sim_cid {
	struct quic_cid cid;
	bool used;
};

/* Addresses: host << 8 | port */
#define SIM_CLIENT	0x0105
#define SIM_SERVER	0x0207
#define SIM_PREFERRED	0x0307	/* the server's, too */
#define SIM_SEEN	8
#define SIM_USED	32

struct sim_way {
	u16 src, dst;
};

struct sim_seen {		/* a server's: one address of a client */
	u16 addr;
	bool over;		/* was validated */
	u64 rx, tx, dgrams, routed;
};

struct sim_used {		/* a client's: an ID of the server, and where it is used */
	struct sim_way way;
	u8 id[QUIC_CID_LEN];
};

struct sim_ep {
	struct quic_conn conn;
	struct sim *sim;
	struct sim_ep *peer;
	struct sim_link link;
	struct sim_tls tls;
	struct quic_tparams said;	/* its transport parameters, as TLS has them */
	u64 alarm;		/* the deadline, as of the last turn */
	u32 version;		/* what the connection starts with; 0: 1 */
	bool server, live;
	bool no_read;		/* the application reads nothing */
	bool keep;		/* streams stay until the end, as if a descriptor held them */
	bool no_prepare;	/* the next generation of keys is not prepared when asked */
	struct sim_cid cid[SIM_CIDS];
	struct list_head streams;
	struct list_head bufs;
	/* what happened */
	u64 t_established, t_confirmed, t_closed, t_last_fin;
	u64 rx_bytes;			/* stream bytes given to us */
	unsigned int n_event[16], n_opened, n_size_known, n_fin, n_reset, n_stopped, n_sent_all;
	unsigned int n_freed;
	u64 n_datagrams, datagram_bytes, n_datagrams_done, datagrams_late;
	u32 datagram_seq;		/* of the next one sent */
	u32 datagram_next;		/* one above the highest received */
	unsigned int tokens;
	u8 token[256];			/* the last one that came */
	u32 token_len;
	unsigned int n_retries, n_refused, n_vn;	/* server: sent instead of accepting */
	u64 amp_rx, amp_tx;		/* server: until a Handshake packet came */
	bool amp_over;
	struct sim_seen seen[SIM_SEEN];
	struct sim_used used[SIM_USED];
	unsigned int n_paths;		/* in ops->path_new and path_del */
	u8 slots;			/* bit for each that is open */
	u64 strangers;			/* datagrams a client did not take: unknown address */
	u64 not_ours;			/* datagrams for no ID of ours */
	u64 dgrams_rx, trains_rx;
};

enum sim_early {
	SIM_EARLY_OFF,
	SIM_EARLY_ACCEPT,
	SIM_EARLY_REJECT,
	SIM_EARLY_REJECT_UNTOLD,	/* and the client's library does not say so */
};

struct sim_cfg {
	u64 seed;
	u64 delay;			/* one way, both links */
	u64 rate, queue;
	u32 mtu;			/* what set_mtu() is told and links take; 0: unknown, no search */
	u32 ch_len, flight_len, tickets;
	u64 tls_delay;			/* TLS answers that much later */
	u32 cipher;
	u64 idle_timeout;		/* ns; 0: the default; U64_MAX: none */
	u64 keepalive, initial_rtt;
	const struct quic_crypto_ops *crypto;
	const struct quic_cc_ops *cc;
	bool retry;			/* the server wants a token first */
	u32 version;			/* the client's first flight; 0: 1 */
	struct quic_versions versions[2];	/* client's, server's; best first */
	bool no_compatible[2];		/* client's, server's */
	bool grease[2];			/* client, server: take the QUIC Bit as it comes */
	bool empty_cid;			/* the client's IDs are empty */
	u64 apply_delay;		/* the client obeys Retry that much later */
	enum sim_early early;
	const struct quic_terms *remembered;	/* early: NULL: what the server allows now */
	void (*early_app)(struct sim *s);	/* early: writes before the ClientHello leaves */
};

struct sim_timer {
	u64 at;			/* 0: free */
	void (*fn)(struct sim *s, void *arg);
	void *arg;
};

struct sim {
	struct sim_cfg cfg;
	struct sim_ep ep[2];
	struct sim_ep *c, *s;	/* client, server */
	u64 now, start;
	u64 rng;
	u64 steps;
	struct sim_timer timer[SIM_TIMERS];
	bool loose;		/* allocation fails: do not ask for progress */
	struct sim_way way;	/* of what leaves now */
	u16 nat_from, nat_to;	/* a NAT: the client at nat_from is seen as nat_to; 0: none */
	bool strange;		/* sim_receive(): quic_path_from() was called */
	u8 dark;		/* host from and to which everything is lost; 0: none */
	u8 ecn;			/* what all IP headers say on arrival; 0: what they left with */
	u8 mark;		/* of the datagram being sent */
	bool hostile;		/* packets say anything: bytes are not those that were written */
};

/* 10 ms each way, no rate limit, null AEAD, 1452 bytes of MTU */
void sim_config(struct sim_cfg *cfg);
struct sim *sim_new(const struct sim_cfg *cfg);
void sim_free(struct sim *s);
int sim_connect(struct sim *s);
/* Run @ns of virtual time, or until @done. Return: whether @done was true. */
bool sim_run(struct sim *s, u64 ns, bool (*done)(struct sim *s));
/* Connect, and run until both sides confirmed. */
void sim_handshake(struct sim *s);
void sim_at(struct sim *s, u64 at, void (*fn)(struct sim *s, void *arg), void *arg);
/* Something was asked of @ep's connection: let it send. */
void sim_pump(struct sim_ep *ep);
/* The same after something arrived: the application and TLS come first. */
void sim_after(struct sim_ep *ep);
u64 sim_rnd(struct sim *s);
static inline u64 sim_elapsed(const struct sim *s)
{
	return s->now - s->start;
}

/* Applications */
struct sim_stream *sim_open(struct sim_ep *ep, bool uni);
struct sim_stream *sim_find(struct sim_ep *ep, u64 id);
void sim_write(struct sim_ep *ep, struct sim_stream *st, u64 len, bool fin);
void sim_read_all(struct sim_ep *ep);
/* Queue a datagram that says its length and number. As quic_datagram_send(), no pump */
int sim_datagram(struct sim_ep *ep, u32 len);

/* Whole transfers */
/* Connected, and IDs, tickets and the search for the MTU are done; start is now. */
struct sim *sim_up(const struct sim_cfg *cfg);
struct sim *sim_up_plain(void);			/* as sim_config() has it */
/* From here on datagrams get lost, doubled, overtaken and corrupted, both ways. */
void sim_bad_network(struct sim *s);
/* What sim_all_here() waits for: bytes and ends at the client, at the server */
void sim_want(u64 client, unsigned int cfin, u64 server, unsigned int sfin);
bool sim_all_here(struct sim *s);
/* On a link that loses nothing: nothing was lost, sent again, dropped or timed out. */
void sim_assert_clean(struct sim *s);
/* Everything came to its end: no stream left, nothing in flight, credit returned. */
void sim_assert_settled(struct sim *s);

/* Put a packet with @payload, sealed with @from's keys, before @to at once. */
void sim_inject(struct sim_ep *from, enum quic_level level, const u8 *payload, u32 len);
/* The same with a packet number and first-byte bits of choice */
void sim_inject_pn(struct sim_ep *from, enum quic_level level, u64 pn, u8 bits,
		   const u8 *payload, u32 len);
/* A token of the server's, as the network sealed it for the client at time @at */
void sim_token(struct sim *s, u8 kind, const struct quic_cid *odcid, u64 at, u8 *token);
/* A raw datagram arrives at @to now. */
void sim_receive(struct sim_ep *to, const u8 *buf, u32 len);

/* sim_way.c */
void sim_way_key(u16 ours, u16 theirs, struct quic_path_key *key);
struct sim_way sim_way_of(const struct quic_path *p);	/* as its owner sends */
/* Datagrams the server sent to an address of the client */
u64 sim_way_sent(struct sim_ep *server, u16 to);
/* The client validates the way and moves. Return: as quic_path_probe() */
int sim_migrate(struct sim *s, u16 from, u16 to, bool preferred);

/* --- between the parts --- */
void sim_transmit(struct sim_ep *from, const u8 *buf, u32 len);	/* on ep's link, as s->way says */
void sim_door_init(struct sim_ep *ep);		/* a fresh connection */
void sim_door_restart(struct sim_ep *ep);	/* the same in place of the one there is */
/* The first datagram for a server that has none */
void sim_door_knock(struct sim_ep *ep, const struct sim_way *way, const u8 *buf, u32 len);
void sim_way_first(struct sim_ep *ep, u16 ours, u16 theirs);
bool sim_way_send(struct sim_ep *from, struct sim_way *w, const u8 *buf, u32 len);
bool sim_way_receive(struct sim_ep *ep, const struct sim_way *w, u32 len);
extern const struct quic_conn_ops sim_ops;
void sim_glue_app(struct sim_ep *ep);		/* after a train: read, answer ends */
void sim_glue_drop_bufs(struct sim_ep *ep);
void sim_glue_check(struct sim_ep *ep);
void sim_glue_free(struct sim_ep *ep);
bool sim_glue_has_cid(struct sim_ep *ep, const u8 *id, u8 len);
void sim_tls_early(struct sim_ep *ep);		/* client: 0-RTT, if the test wants it */
bool sim_tls_step(struct sim_ep *ep);		/* true: something was done */
int sim_tls_crypto_data(struct sim_ep *ep, enum quic_level level, const u8 *data, u32 len);
void sim_tls_free(struct sim_ep *ep);

#endif
