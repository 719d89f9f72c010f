/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The socket: what a connection or listener is to the kernel.
 *
 * Locks: everything in struct quic_sock is under the socket lock (lock_sock in
 * process context; bh_lock_sock, or the backlog, in softirq). Accounting
 * (sk_rmem_alloc, sk_wmem_queued, sk_forward_alloc) too. Packets reach a
 * listener without the socket lock: struct quic_listener (net.h) has its own.
 *
 * Lifetime: sk_alloc's reference belongs to the file descriptor, or to the
 * orphan after close() (close.c); between the two to the descriptors of single
 * streams, each of which holds one of its own, too (file.c). A queued work item holds one. The
 * timer holds none, it is stopped before the end; nor the demux table: SOCK_RCU_FREE, and lookups
 * take one.
 */
#ifndef QUIC_SOCK_SOCK_H
#define QUIC_SOCK_SOCK_H

#include <linux/hrtimer.h>
#include <linux/quic.h>
#include <linux/workqueue.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "../core/conn.h"
#include "../core/park.h"
#include "../net/net.h"
#include "../observe/observe.h"

/* What recvmsg() finds in the ready queue. */
enum quic_item_kind { QUIC_ITEM_STREAM, QUIC_ITEM_TLS, QUIC_ITEM_EVENT, QUIC_ITEM_DATAGRAM };

struct quic_item {
	struct list_head list;		/* quic_sock.ready; empty when not queued */
	u8 kind;			/* enum quic_item_kind */
};

/* A TLS message or an event: bytes of its own. */
struct quic_msg {
	struct quic_item item;
	u32 len, off;			/* off: read so far */
	u32 charged;			/* bytes of sk_rmem_alloc */
	u8 level;			/* TLS: QUIC_CRYPTO_* */
	u8 data[];
};

/* A stream as the socket sees it: the core's part and the bytes. */
struct quic_sock_stream {
	struct quic_stream core;	/* first */
	struct quic_item item;		/* queued while recvmsg() has something to tell */
	struct list_head rcvq;		/* struct quic_chunk, contiguous, unread */
	struct rb_root ooo;		/* struct quic_chunk beyond rx.contig, by offset */
	u64 read;			/* offset of the next byte to read */
	u64 tail;			/* offset behind the last byte in rcvq */
	bool fin_ready;			/* rcvq ends at the final size */
	bool reset_ready;		/* rcvq ends where the peer's reset left it */
	bool told_recv;			/* event RECV is out and nothing was read since */
	bool want_max_data;		/* the application ran into flow control */
	bool waiting;			/* for accept(): item is in quic_files.waiting */
	bool stopped;			/* the peer's STOP_SENDING made us reset it */
	struct list_head sndq;		/* struct quic_sendbuf, by offset, contiguous */
	struct list_head held;		/* quic_sock.held, while held_bytes */
	u32 held_bytes;			/* at the end of sndq, the core does not know of them yet */
	struct quic_sendbuf *cursor;	/* where the last lookup ended */
	u64 released;			/* send offset below which bytes were given back */
	struct quic_file *file;		/* its descriptor (file.h), or NULL: the shared queue's */
};

/*
 * A run of queued send bytes: a page fragment, or a part of one with room to grow; or lent by the
 * caller (zerocopy.c): read only, and it may change.
 */
struct quic_sendbuf {
	struct list_head list;
	u64 off;
	struct page *page;
	struct ubuf_info *uarg;		/* lent: a reference, whom to tell; or NULL */
	u32 page_off;
	u32 len;
	u32 room;			/* bytes after len that are ours */
	u32 charged;			/* bytes of sk_wmem_queued */
	bool lent;
	bool ours;			/* uarg was made for MSG_ZEROCOPY */
};

/*
 * A buffer packets are opened into, header at its start; a train has a list of
 * them. From alloc_pages (order >= 0) or kmalloc (order < 0).
 */
struct quic_rxbuf {
	struct quic_rxbuf *next;
	u32 size, used;			/* bytes, header included */
	int order;			/* < -1: it lies in its train */
	u8 data[] __aligned(16);
};

/* Where a chunk is. */
enum quic_chunk_place {
	QUIC_CHUNK_UNUSED,
	QUIC_CHUNK_RCVQ,
	QUIC_CHUNK_OOO,
	QUIC_CHUNK_READY,		/* a datagram, all of it */
};

/*
 * A piece of received stream data, or a datagram. It lies in a train, or right behind the
 * chunk itself (train NULL) when it was small enough to copy.
 */
struct quic_chunk {
	union {
		struct list_head list;	/* quic_sock_stream.rcvq */
		struct rb_node node;	/* quic_sock_stream.ooo */
		struct quic_item item;	/* quic_sock.ready */
	};
	struct quic_sock_stream *stream;	/* NULL: a datagram */
	struct quic_train *train;
	u64 off;			/* a datagram's: what it counts in datagram_mem */
	const u8 *data;
	u64 stamp;			/* real time its last byte came, ns; 0: nobody asked */
	u32 len;
	u16 room;			/* copied ones: bytes that may still be appended */
	u16 cap;			/* copied ones: bytes behind the struct */
	u8 place;			/* enum quic_chunk_place */
	bool paged;			/* in a page, not from kmalloc() */
};

/*
 * Plaintext of the packets of one skb. In sk_rmem_alloc with its whole size from
 * the first chunk kept until the last one goes.
 */
struct quic_train {
	struct quic_rxbuf *bufs;	/* newest first */
	u32 refs;			/* chunks in use, and 1 while it is being received */
	u32 truesize;
	u32 charged;			/* bytes of sk_rmem_alloc */
	u32 mem;			/* bytes granted to the socket: as many, or of spares */
	u32 unread;			/* bytes in chunks */
	u32 left;			/* bytes of the skb not opened yet: sizes the next buffer */
	u16 nchunks, max_chunks;
	u64 stamp;			/* of the skb, for the chunks */
	struct quic_chunk chunks[];
};

#define QUIC_SEND_PAGES	8	/* pages of a page fragment's order kept for the next writes */

struct quic_sock {
	struct inet_sock inet;		/* first: inet_sk() */
	const struct quic_sysctls *ctl;	/* of its namespace */

	unsigned long deferred;		/* QUIC_DEFER_*: softirq's work for release_sock() */
	unsigned long chores;		/* QUIC_CHORE_*: for the work item; atomic bit operations */
	struct quic_icmp *icmp;		/* the same, of ICMP (icmp.c); NULL: nothing came */
	int net_err;			/* client: what ICMP said of its first packets; errno */
	u8 wake;			/* QUIC_WAKE_*: whom to wake at the end of the train */

	bool conn_live;			/* conn is initialised */
	bool orphan;			/* closed by the application, data still going out */
	bool burying;			/* orphan: its end is queued */
	bool dead;			/* resources gone; only references left */
	bool purged;			/* connection over: send queues emptied */
	bool shut_wr;			/* shutdown(SHUT_WR): close once all is acknowledged */
	bool close_told;		/* event CONNECTION_CLOSE was put or not wanted */
	bool left;			/* closed by the application, stream descriptors are not */
	bool my_turn;			/* the application read since it last wrote */
	bool corked;			/* MSG_MORE holds it */
	bool datagram_last;		/* written last was a datagram */
	bool zerocopy_ro;		/* splice() to this descriptor lends its pages */
	bool early_now;			/* server: 0-RTT data is handed out at once */
	bool tls_stale;			/* client: TLS has to begin anew (another version) */
	bool empty_cid;			/* client: our connection ID is empty */
	bool post_broken;		/* what is in post made no sense: skip all that follows */
	bool mem_short;			/* memory was refused: see to it where one may sleep */
	u8 tp_given;			/* QUIC_TP_GIVEN_* */
	u8 alpn_len;

	struct quic_endpoint *ep;	/* local UDP socket, with bind or connect */
	union quic_addr local;		/* as bound; port filled in */
	u8 peer_slot;			/* of peer: the core's number of the path in use */
	struct quic_listener *listener;	/* listening; conn_live is false then */

	struct hrtimer timer;		/* softirq; timer.c says why it may hold no reference */
	u64 timer_at;			/* what it is set to, ns; U64_MAX: not */
	u64 linger_until;		/* orphan: when patience ends, ns */
	struct work_struct work;	/* chores that need process context */

	struct list_head ready;		/* struct quic_item, delivery order */
	u32 nmsgs;			/* of them, those that are messages */
	u32 events;			/* option: bit per QUIC_EVENT_* */
	struct quic_msg *last_tls;	/* of the TLS messages at its front; NULL: none */
	u32 tls_queued;			/* their memory, bytes */
	u32 datagram_mem;		/* of the datagrams in ready, bytes */
	struct quic_files *files;	/* stream descriptors (file.h); NULL: never had any */
	u64 unread;			/* stream bytes ready (SIOCINQ) */
	u64 unacked;			/* stream bytes written, not acknowledged */
	u64 datagrams_unsent;		/* bytes of datagrams written, not sent (SIOCOUTQ, too) */
	u64 committed;			/* of the connection's tx_max: sent or sure to be */
	struct list_head writers;	/* struct tx_wait (sendmsg.c): tasks that wait to write */
	struct list_head held;		/* streams with bytes that wait for more of them */
	u32 held_bytes;
	u64 hold_until;			/* how long they may, ns; 0: they go with the next pump */
	u64 hold_from;			/* since when, ns */
	u64 refused_until;		/* memory was refused: no room before, ns; 0: it was not */
	u64 last_write;			/* ns */
	s64 last_sid;			/* opened last: default of sendmsg; -1: none */
	struct quic_train *cur;		/* the train being received */
	struct quic_rxbuf *spare;	/* buffers for the next ones; given up when idle */
	u32 nspare;
	u32 nsend_pages;		/* in send_page */
	struct quic_train *single;	/* for the next datagram alone; NULL: a new one */
	struct quic_tx_datagram *tx_spare;	/* for the next one out; given up when idle, too */
	struct page *send_page;		/* for stream bytes; page_private() leads to the next */

	/* options, before and beside the connection */
	struct quic_tparams *tp;	/* to be offered; NULL once the handshake is over */
	struct quic_config config;	/* as the ABI has it */
	struct quic_versions versions;	/* best first; none: the defaults */
	const struct quic_cc_ops *cc;
	struct quic_connection_close *close;	/* what close() will say; NULL: zeroes */
	char *alpn;			/* NULL when alpn_len is 0 */
	u8 *ticket;			/* client: last NewSessionTicket; server: ticket key */
	u32 ticket_len;
	u32 token_len;
	u8 *token;			/* client: to present; then the last received */
	struct quic_msg *post;		/* client: post-handshake TLS message being gathered */

	struct quic_conn conn;
	struct quic_watch watch;	/* what is told of conn to those who watch */
	struct quic_peer peer;		/* addresses, route (net.h) */
	struct quic_xmit_state xmit;
	struct quic_peer *other[QUIC_PATHS_MAX];	/* of paths not in use (path.c) */
	struct quic_peer *asked;	/* client: of the path the core is being asked for */
	struct quic_endpoint *preferred[2];	/* server's, IPv6 and IPv4; NULL: ep does */
	const struct sk_buff *rx_skb;	/* while it is given to the core */
};

struct quic6_sock {
	struct quic_sock quic;
	struct ipv6_pinfo inet6;	/* last: 6.1 finds it at the end of the object */
};

/* bit numbers in quic_sock.deferred */
#define QUIC_DEFER_TIMER	0

/* bit numbers in quic_sock.chores */
#define QUIC_CHORE_KEYS		0	/* derive the next keys */
#define QUIC_CHORE_BURY		1	/* free the orphan */
#define QUIC_CHORE_RETRY	2	/* a client's new Initial keys */
#define QUIC_CHORE_VERSION	3	/* a client's keys of another version */
#define QUIC_CHORE_UNPARK	4	/* it rested, and something came or is to go */

#define QUIC_WAKE_READ		0x01
#define QUIC_WAKE_WRITE		0x02
#define QUIC_WAKE_STATE		0x04
#define QUIC_WAKE_ERROR		0x08
#define QUIC_WAKE_FILES		0x10	/* there are some in quic_files.wake */
#define QUIC_WAKE_EACH		0x20	/* all stream descriptors */

#define QUIC_TP_GIVEN_RESET	0x01	/* stateless_reset asked for */
#define QUIC_TP_GIVEN_NO_COMPAT	0x02	/* disable_compatible_version */

#define QUIC_LINGER_NS		(60ull * NSEC_PER_SEC)	/* longest life of an orphan */

/* sysctl net.quic.quic_mem: pages, of the whole system */
extern long quic_sysctl_mem[3];
/* net.quic.quic_max_orphans: closed sockets with data still going out, of the whole system */
extern int quic_sysctl_max_orphans;
/* Those of a network namespace; they change under our hands. */
struct quic_sysctls {
	int rmem[3], wmem[3];		/* quic_rmem, quic_wmem; bytes: min, default, max */
	const struct quic_cc_ops *cc;	/* quic_congestion_control: what new sockets begin with */
};

static inline struct quic_sock *quic_sk(const struct sock *sk)
{
	return (struct quic_sock *)sk;
}

static inline struct quic_sock *quic_sock_of(struct quic_conn *c)
{
	return container_of(c, struct quic_sock, conn);
}

static inline struct sock *quic_sock_sk(struct quic_sock *qs)
{
	return &qs->inet.sk;
}

static inline struct quic_sock_stream *quic_sock_stream_of(struct quic_stream *s)
{
	return container_of(s, struct quic_sock_stream, core);
}

#define QUIC_FORWARD_MAX	(4 * (int)PAGE_SIZE)

/*
 * As sk_mem_uncharge(), but while data comes and goes some pages stay granted: else every message
 * would have one counted for all sockets and given back. An idle socket keeps none (timer.c).
 */
static inline void quic_sock_mem_uncharge(struct sock *sk, int size)
{
	if (likely(sk->sk_forward_alloc + size < QUIC_FORWARD_MAX))
		WRITE_ONCE(sk->sk_forward_alloc, sk->sk_forward_alloc + size);
	else
		sk_mem_uncharge(sk, size);
}

/*
 * Sleep until woken through @wait, which is in a queue already. Conditions are looked at before and
 * after, under the lock: they follow pointers. (sk_wait_event() looks at them without it, too.)
 */
static inline void quic_sock_sleep(struct sock *sk, long *timeo, struct wait_queue_entry *wait)
{
	release_sock(sk);
	*timeo = wait_woken(wait, TASK_INTERRUPTIBLE, *timeo);
	lock_sock(sk);
}

/* --- what main.c calls --- */

int quic_sock_init(void);		/* caches, protocols */
void quic_sock_unregister(void);		/* no new sockets */
void quic_sock_exit(void);		/* after the RCU barrier */

/* sysctl.c */
const struct quic_sysctls *quic_sysctls(const struct net *net);
int quic_sysctl_init(void);
void quic_sysctl_exit(void);

/* --- inside sock/; all under the socket lock unless it says otherwise --- */

/* tx.c: what the core lets out now, whatever becomes of it */
void quic_sock_xmit(struct sock *sk, u64 now);

/* rx.c */
int quic_sock_backlog_rcv(struct sock *sk, struct sk_buff *skb);
/* Feed one skb, which stays the caller's: no pump, no wake-up. Return: packets taken */
unsigned int quic_sock_feed(struct sock *sk, struct sk_buff *skb, u64 now);
/* Send what may go, look after an orphan, set the timer, wake sleepers. */
void quic_sock_pump(struct sock *sk);
/* The same, and held data goes too. */
void quic_sock_flush(struct sock *sk);
void quic_sock_flush_at(struct sock *sk, u64 now);	/* @now: just asked for */
void quic_sock_wake(struct sock *sk);

/* icmp.c: what came while somebody owned the socket. There is something. */
void quic_sock_icmp_deferred(struct sock *sk);

/* timer.c */
void quic_sock_timer_init(struct sock *sk);
void quic_sock_timer_set(struct sock *sk, u64 now);
void quic_sock_timer_stop(struct sock *sk);
void quic_sock_release_cb(struct sock *sk);
void quic_sock_work(struct work_struct *work);
void quic_sock_queue_work(struct sock *sk, int bit);
extern struct workqueue_struct *quic_sock_wq;

/* park.c: connections at rest (core/park.h) */
void quic_sock_park(struct sock *sk, u64 now);	/* if it is time */
/* When that will be, or U64_MAX */
u64 quic_sock_park_at(const struct quic_sock *qs);
/* A train came for one that is parked: keep it until it is not. Takes the skb. */
void quic_sock_park_rcv(struct sock *sk, struct sk_buff *skb);
/* Packets cannot be built now: if there is need of any, see to it. */
void quic_sock_park_xmit(struct sock *sk, u64 now);
/* Go on, process context; without memory it is tried again later. */
void quic_sock_park_end(struct sock *sk);
static inline void quic_sock_unpark(struct sock *sk)
{
	if (unlikely(quic_sk(sk)->conn_live && quic_parked(&quic_sk(sk)->conn)))
		quic_sock_park_end(sk);
}

/* connect.c */
int quic_sock_bind(struct socket *sock, struct sockaddr *addr, int len);
int quic_sock_connect(struct socket *sock, struct sockaddr *addr, int len, int flags);
int quic_sock_getname(struct socket *sock, struct sockaddr *addr, int peer);
/* Conn struct ready with this socket's options. */
int quic_sock_conn_init(struct sock *sk, bool server, u32 version);
/* An address to bind to: @out, which is zeroed before. Return: 0 or errno */
int quic_sock_parse_local(struct sock *sk, const void *addr, int len, union quic_addr *out);
/* What it speaks, best first. */
void quic_sock_versions(const struct quic_sock *qs, struct quic_versions *v);
/* Copy addresses to where the rest of the kernel looks for them. */
void quic_sock_set_inet(struct sock *sk);

/* path.c */
int quic_sock_path_new(struct sock *sk, u8 slot);
void quic_sock_path_del(struct sock *sk, u8 slot);
void quic_sock_paths_free(struct sock *sk);
void quic_sock_migrated(struct sock *sk, u8 local);
void quic_sock_confirmed_client(struct sock *sk);	/* to the preferred address, if any */
void quic_sock_preferred_inherit(struct quic_sock *child, const struct quic_sock *parent);
void quic_sock_preferred_free(struct quic_sock *qs);
int quic_sock_migration_set(struct sock *sk, const void *val, u32 len);

/* accept.c */
int quic_sock_listen(struct socket *sock, int backlog);
struct sock *quic_sock_accept(struct sock *sk, int flags, int *err, bool kern);

/* close.c */
void quic_sock_close(struct sock *sk, long timeout);
int quic_sock_shutdown(struct socket *sock, int how);
/* The last descriptor of one of its streams is closed, its own before. Takes the lock. */
void quic_sock_leave(struct sock *sk);
/* All of an unborn or dead socket's resources. Process context. */
void quic_sock_destroy_conn(struct sock *sk);
/* An orphan may have reached its end; shut_wr its turn to close. */
void quic_sock_check_linger(struct sock *sk, u64 now);
/* The connection left its life: errno, waiters, event. */
void quic_sock_closed(struct sock *sk);
/* Why there is nothing more: 0 while it stands, else a negative errno, sk_err taken. */
int quic_sock_why(struct sock *sk);
/* What ended the connection, a negative errno; 0: it was closed in good order. */
int quic_sock_close_errno(const struct quic_sock *qs);

/* sendmsg.c, sendbuf.c */
int quic_sock_sendmsg(struct sock *sk, struct msghdr *msg, size_t len);
/* Wait until the peer lets us open one more stream: the stream, or NULL and *err. */
struct quic_sock_stream *quic_sock_stream_open(struct sock *sk, s64 sid, bool uni, long *timeo,
					       int *err);
bool quic_sock_writable(const struct sock *sk);
/* Does somebody sleep, or poll, until he can write, and can he now? */
bool quic_sock_space_wanted(const struct sock *sk);
/* SO_RCVLOWAT: wait for more of @s? Not when its sender may not send more. */
bool quic_sock_stream_enough(struct sock *sk, const struct quic_sock_stream *s, u64 have);
/* Room in the send buffer and the connection's flow control */
bool quic_sock_room(const struct sock *sk);
/* And in that of @s; or it never will take anything. */
bool quic_sock_stream_writable(const struct sock *sk, const struct quic_sock_stream *s);
/* Bytes and end of @s, which can take them. Return: bytes, or an error */
int quic_sock_send_data(struct sock *sk, struct quic_sock_stream *s, struct msghdr *msg,
			size_t len, bool fin, long timeo);
/* The time of what is held has come: it goes, or waits a little longer for full packets. */
void quic_sock_held_due(struct sock *sk, u64 now);
/* Wait for room in the send buffer. 0 or an error */
int quic_sock_wait_memory(struct sock *sk, long *timeo);
/*
 * Memory to send was not granted, by the system or the cgroup. Nobody tells when it will be: until
 * some of ours is free or a moment is over nothing can be written, and then whoever waits is told.
 */
void quic_sock_memory_refused(struct sock *sk);
void quic_sendbuf_free_spare(struct sock *sk);
/* As sk_wmem_schedule(), but nobody of the cgroup is killed for it. Process context. */
bool quic_sendbuf_schedule(struct sock *sk, u32 size);
/*
 * Take up to @max bytes of @msg behind @s's last, as @z says. Return: bytes, -EFAULT, -ENOBUFS (not
 * now)
 */
struct quic_zc;
int quic_sendbuf_append(struct sock *sk, struct quic_sock_stream *s, struct msghdr *msg, u32 max,
			struct quic_zc *z);
/* What MSG_ZEROCOPY left at @s's end, while that is not acknowledged; or NULL */
struct ubuf_info *quic_sendbuf_uarg(const struct quic_sock_stream *s);
/* @s has another descriptor: what the former one sent is not for the next call to add to. */
void quic_sendbuf_seal_uarg(struct quic_sock_stream *s);
unsigned int quic_sendbuf_vecs(struct quic_sock_stream *s, u64 off, u32 len, struct quic_vec *v,
			       unsigned int max);
void quic_sendbuf_copy(struct quic_sock_stream *s, u64 off, u32 len, u8 *to);
void quic_sendbuf_acked(struct sock *sk, struct quic_sock_stream *s, u64 acked);
void quic_sendbuf_purge(struct sock *sk, struct quic_sock_stream *s);
/* RESET_STREAM_AT of @s, which was written up to @end and counted up to @counted before */
void quic_sendbuf_cut(struct sock *sk, struct quic_sock_stream *s, u64 end, u64 counted);
/* How far bytes of @s count as written: to be delivered */
u64 quic_sendbuf_end(const struct quic_sock_stream *s);
/* Bytes the core was not told of: tell it, of all streams, or of @s and its end. */
void quic_sendbuf_commit(struct sock *sk);
/* What is held as frames of one packet, bytes; and that much of it, the oldest, to the core */
u32 quic_sendbuf_held_size(const struct sock *sk);
void quic_sendbuf_commit_some(struct sock *sk, u32 room);
void quic_sendbuf_commit_fin(struct sock *sk, struct quic_sock_stream *s);
/* 0-RTT was refused, nothing was sent: count anew what is committed. */
void quic_sendbuf_recount(struct sock *sk);
void quic_sendbuf_grow(struct sock *sk);	/* sk_sndbuf follows cwnd */

/* datagram.c */
int quic_sock_datagram_send(struct sock *sk, struct msghdr *msg, size_t len, long timeo);
void quic_sock_datagram_done(struct sock *sk, struct quic_datagram *d);
void quic_sock_datagram_free_spare(struct sock *sk);
void quic_sock_datagram_rx(struct sock *sk, const u8 *data, u32 len);
void quic_sock_datagram_free(struct sock *sk, struct quic_chunk *ch);
ssize_t quic_sock_datagram_recv(struct sock *sk, struct quic_chunk *ch, struct msghdr *msg,
				size_t len, int flags);

/* recvmsg.c */
/* What recvmsg() takes next; NULL: nothing, or it has to wait. */
struct quic_item *quic_sock_first_item(struct quic_sock *qs);
int quic_sock_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags, int *addr_len);
/*
 * Copy from the front of @s; *stamp: when the last of it came, unless there is nothing. Return:
 * bytes, or -EFAULT when not even the first piece could be
 */
ssize_t quic_sock_peek_stream(struct quic_sock_stream *s, struct msghdr *msg, size_t len,
			      int flags, u64 *stamp);
ssize_t quic_sock_take_stream(struct sock *sk, struct quic_sock_stream *s, struct msghdr *msg,
			      size_t len, int flags, u64 *stamp);
/*
 * @n bytes were taken, and the end, if @fin: the peer may send more, and where the stream stands in
 * the queue. @s may be gone afterwards, unless it has a descriptor.
 */
void quic_sock_consumed(struct sock *sk, struct quic_sock_stream *s, size_t n, bool fin);

/* train.c: for a skb of @nseg datagrams, @bytes in all; NULL: no memory */
struct quic_train *quic_train_new(struct sock *sk, unsigned int nseg, u32 bytes);
u8 *quic_train_alloc(struct sock *sk, u32 len);		/* from the train at hand */
/*
 * Called when a chunk is kept: from then on its memory is the socket's. false: not granted.
 * @force: as in quic_recvbuf_charge_mem()
 */
bool quic_train_charge(struct sock *sk, struct quic_train *t, bool force);
void quic_train_free(struct sock *sk, struct quic_train *t);	/* nothing refers to it */
void quic_train_free_spare(struct sock *sk);
bool quic_train_single(const struct quic_train *t);	/* small: a datagram that came alone */

/* recvbuf.c */
void quic_recvbuf_train_done(struct sock *sk, struct quic_train *t);
int quic_recvbuf_add(struct sock *sk, struct quic_sock_stream *s, u64 off, const u8 *data,
		     u32 len);
void quic_recvbuf_contig(struct sock *sk, struct quic_sock_stream *s);
/* Free what is queued, in order or not. */
void quic_recvbuf_purge(struct sock *sk, struct quic_sock_stream *s);
/* The application reads no more (SHUT_RD): take what is in order as read. */
void quic_recvbuf_discard(struct sock *sk, struct quic_sock_stream *s);
void quic_recvbuf_free_chunk(struct sock *sk, struct quic_chunk *ch);
/* The first @n bytes of a chunk in order were read. */
void quic_recvbuf_eat(struct quic_chunk *ch, u32 n);
/* A chunk that holds a datagram, not in any queue yet; NULL: no memory */
struct quic_chunk *quic_recvbuf_datagram(struct sock *sk, const u8 *data, u32 len);
/* What lies beyond the bytes in order is not wanted any more. */
void quic_recvbuf_drop_ooo(struct sock *sk, struct quic_sock_stream *s);
void quic_recvbuf_queue_stream(struct sock *sk, struct quic_sock_stream *s);
u32 quic_recvbuf_bound(const struct sock *sk);		/* most of sk_rmem_alloc, bytes */
/* Memory for more? What a peer may make us hold, beyond what the windows promise. */
bool quic_recvbuf_room(const struct sock *sk);
/* Memory for what may fill up: bytes. false: not granted. Only _charge() counts for _room(). */
bool quic_recvbuf_charge(struct sock *sk, u32 size);
bool quic_recvbuf_charge_fixed(struct sock *sk, u32 size);
/* The same. @force: what is not granted will be missing from what is granted next. */
bool quic_recvbuf_charge_mem(struct sock *sk, u32 size, bool force);
void quic_recvbuf_make_room(struct sock *sk);	/* if mem_short; in process context */
void quic_recvbuf_uncharge(struct sock *sk, u32 size);
u64 quic_recvbuf_window(const struct sock *sk);		/* largest window the buffer stands for */

/* ops.c: have a server's connection send NEW_TOKEN. Return: 0 or errno */
int quic_sock_new_token(struct sock *sk);

/* msg.c */
struct quic_msg *quic_msg_new(struct sock *sk, u8 kind, u32 len);
void quic_msg_queue(struct sock *sk, struct quic_msg *m);
void quic_msg_free(struct sock *sk, struct quic_msg *m);
int quic_msg_crypto(struct sock *sk, u8 level, const u8 *data, u32 len);
void quic_sock_purge_ready(struct sock *sk);

/* event.c */
void quic_event_put(struct sock *sk, u8 type, const void *payload, u32 len);
void quic_event_stream(struct sock *sk, struct quic_sock_stream *s, u8 state);
bool quic_event_wanted(const struct sock *sk, u8 type);
void quic_event_close(struct sock *sk);		/* last in the queue, once */
void quic_event_fill_close(const struct quic_sock *qs, struct quic_connection_close *c);

/* cmsg.c */
struct quic_cmsg {			/* what a sendmsg() asks for */
	bool has_stream, has_level;
	u8 level;
	s64 sid;			/* -1: not given */
	u32 flags;			/* MSG_QUIC_STREAM_* */
};

/* The kernel's: CMSG_COMPAT, SENDPAGE_NOTLAST, NO_SHARED_FRAGS, SPLICE_PAGES */
#define QUIC_MSG_KERNEL_FLAGS	(0x80000000U | 0x20000U | 0x80000U | 0x8000000U)

int quic_cmsg_parse(struct msghdr *msg, struct quic_cmsg *out);
void quic_cmsg_put_stream(struct msghdr *msg, u64 id, u32 flags);
void quic_cmsg_put_level(struct msghdr *msg, u8 level);
/* SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMPING, if @sk wants them: @stamp as in quic_chunk */
void quic_cmsg_put_stamp(struct sock *sk, struct msghdr *msg, u64 stamp);
bool quic_cmsg_fits_level(const struct msghdr *msg);

/* poll.c */
__poll_t quic_sock_poll(struct file *file, struct socket *sock, poll_table *wait);
int quic_sock_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg);

/* sockopt.c and its kin */
int quic_sock_setsockopt(struct sock *sk, int level, int name, sockptr_t val, unsigned int len);
int quic_sock_getsockopt(struct sock *sk, int level, int name, char __user *val,
			 int __user *len);
void quic_sockopt_defaults(struct quic_sock *qs);
/* What an accepted socket takes over from its listener. */
int quic_sockopt_inherit(struct quic_sock *child, const struct quic_sock *parent);

extern const struct quic_conn_ops quic_sock_conn_ops;	/* ops.c */
extern struct kmem_cache *quic_stream_cache;
extern struct proto quic_prot, quicv6_prot;

#endif
