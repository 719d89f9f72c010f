/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stream data sent from the caller's own pages. All functions are for the holder of the
 * connection's socket lock unless they say otherwise.
 */
#ifndef QUIC_SOCK_ZEROCOPY_H
#define QUIC_SOCK_ZEROCOPY_H

#include "sock.h"

#define QUIC_ZC_PAGES	17	/* most taken at once: 64 KB that begin anywhere */
#define QUIC_ZC_LEAST	256	/* bytes: less is copied, which costs less than one more piece */

/* How the bytes of one sendmsg() are taken. */
struct quic_zc {
	struct sock *sk;		/* whose error queue tells: the descriptor's */
	struct ubuf_info *uarg;		/* held; told when the last piece is given back; or NULL */
	bool pages;			/* by reference where that is possible */
	bool notify;			/* uarg is made with the first byte: MSG_ZEROCOPY */
	bool taken;			/* bytes were */
	bool lent, copied;		/* in pages; copied what should not have been */
};

/* @sk: the descriptor's; @ro: QUIC_SOCKOPT_ZEROCOPY_RO is set there */
void quic_zc_begin(struct quic_zc *z, struct sock *sk, bool ro, const struct msghdr *msg);
/*
 * Before bytes are taken, and after they were (@n > 0) or could not be, without letting go of the
 * lock between. @last: what the stream's last piece has. Return: 0 or -ENOBUFS
 */
int quic_zc_start(struct quic_zc *z, struct ubuf_info *last, size_t size);
void quic_zc_took(struct quic_zc *z, int n);
void quic_zc_end(struct quic_zc *z);
/*
 * The next pages of the caller's, with a reference each, up to @max bytes; *off into the first.
 * Return: bytes; 0: they have to be copied
 */
u32 quic_zc_pages(struct iov_iter *it, u32 max, struct page **pages, u32 *off);
/* A piece is not needed any more. */
void quic_zc_put(struct ubuf_info *uarg);

/* --- the descriptor's side: no lock needed --- */

/* What the kernel has to know of the struct socket behind it. */
void quic_zc_graft(struct socket *sock);
/* As @from is set; @sk is not in use yet. */
void quic_zc_inherit(struct sock *sk, const struct sock *from);
/* SOL_SOCKET, where the kernel leaves it to us */
int quic_zc_sol_socket(struct sock *sk, int name, sockptr_t val, unsigned int len);
/* recvmsg() with MSG_ERRQUEUE */
int quic_zc_recv(struct sock *sk, struct msghdr *msg, size_t len);

static inline bool quic_zc_told(const struct sock *sk)
{
	return !skb_queue_empty_lockless(&sk->sk_error_queue);
}

int quic_zc_init(void);
void quic_zc_exit(void);

#endif
