/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Descriptors of single streams. file.c says who holds which reference and what lock guards what;
 * all functions are for the holder of the connection's socket lock unless they say otherwise.
 */
#ifndef QUIC_SOCK_FILE_H
#define QUIC_SOCK_FILE_H

#include "sock.h"

/* What stands behind the descriptor of one stream. */
struct quic_file {
	struct inet_sock inet;		/* first; sk_shutdown: what of the stream we gave up */
	struct sock *conn;		/* the connection's socket, a reference */
	struct quic_sock_stream *s;	/* from attach to release; NULL: not handed out yet */
	struct list_head wake;		/* quic_files.wake, while wake_bits is not 0 */
	struct list_head space;		/* quic_files.space, while waiting for room to write */
	u8 wake_bits;			/* QUIC_WAKE_* */
	bool zerocopy_ro;		/* splice() to it lends its pages */
};

/* What a connection has for its stream descriptors; made when it is first needed. */
struct quic_files {
	u32 n;				/* descriptors that are attached */
	bool accept;			/* accept() gives out the peer's streams */
	struct list_head wake;		/* struct quic_file to be woken after the train */
	struct list_head space;		/* struct quic_file that wait for room, longest first */
	struct list_head waiting;	/* streams for accept(), by quic_sock_stream.item */
	u64 next[2];			/* by kind: ordinals below were given out, or never are */
};

extern struct proto quic_file_prot;

static inline struct quic_file *quic_file_of(const struct sock *sk)
{
	return (struct quic_file *)sk;
}

static inline struct sock *quic_file_sk(struct quic_file *f)
{
	return &f->inet.sk;
}

/* Are there descriptors that keep the connection after its own is closed? */
static inline bool quic_files_live(const struct quic_sock *qs)
{
	return qs->files && qs->files->n;
}

/* May new data of @s be thrown away, as nobody reads what comes to the connection's socket? */
static inline bool quic_file_unread(const struct sock *sk, const struct quic_sock_stream *s)
{
	return (sk->sk_shutdown & RCV_SHUTDOWN) && !s->file;
}

/* file.c */
int quic_file_init(void);
void quic_file_exit(void);
/* Make sk's struct quic_files. Process context. 0 or -ENOMEM */
int quic_files_get(struct sock *sk);
/* A descriptor-to-be of @sk's, no stream attached; drop it with sock_put(). No lock needed. */
struct quic_file *quic_file_new(struct sock *sk, bool kern);
/* It goes with @sock, which stands behind a file. No lock needed. */
void quic_file_graft(struct quic_file *f, struct socket *sock);
void quic_file_attach(struct quic_file *f, struct quic_sock_stream *s);
/*
 * getsockopt(): a stream, there already or opened for it, becomes a descriptor. Takes the lock.
 * @open: struct quic_stream_file, else struct quic_stream_peeloff
 */
int quic_file_getsockopt(struct sock *sk, bool open, char __user *val, int __user *len);

/* file_accept.c */
int quic_file_accept_on(struct sock *sk, bool on);
int quic_file_accept_inherit(struct sock *child, const struct sock *parent);
/* The peer opened @s. */
void quic_file_opened(struct sock *sk, struct quic_sock_stream *s);
bool quic_file_accept_ready(const struct quic_sock *qs);
/* proto_ops.accept() of a connection's socket that has accept_on. Takes the lock. */
int quic_file_accept(struct sock *sk, struct socket *newsock, int flags, bool kern);

/* file_io.c: proto_ops; they take the lock */
int quic_file_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);
int quic_file_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags);
/* Nothing comes from the stream any more: -errno; 0: its end; 1: something may come */
int quic_file_rx_end(const struct quic_file *f);

/* file_close.c: proto_ops; they take the lock */
int quic_file_shutdown(struct socket *sock, int how);
int quic_file_release(struct socket *sock);
/* Read no more: STOP_SENDING with @code, if the peer may still send. */
void quic_file_stop(struct sock *sk, struct quic_sock_stream *s, u64 code);

/* file_poll.c: proto_ops; they take the lock */
__poll_t quic_file_poll(struct file *file, struct socket *sock, poll_table *wait);
int quic_file_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg);
/* Wake whoever waits for @s after the train: QUIC_WAKE_* */
void quic_file_wake(struct sock *sk, struct quic_sock_stream *s, u8 bits);
/* Do so. @wake: what happened to the connection */
void quic_file_wake_all(struct sock *sk, u8 wake);
/* Tell @f when there is room to write. */
void quic_file_want_space(struct quic_file *f);

/* file_opt.c: proto_ops; they take the lock */
int quic_file_set(struct socket *sock, int level, int name, sockptr_t val, unsigned int len);
int quic_file_get(struct socket *sock, int level, int name, char __user *val, int __user *len);

#endif
