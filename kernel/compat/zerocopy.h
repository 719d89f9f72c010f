/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages lent to a socket: struct ubuf_info has an ops structure since 6.10; splice() calls
 * proto_ops.sendpage(), a page at a time, up to 6.4, and since then sendmsg() with
 * MSG_SPLICE_PAGES; SOL_SOCKET options of a protocol's own came with 6.7.
 */
#ifndef QUIC_COMPAT_ZEROCOPY_H
#define QUIC_COMPAT_ZEROCOPY_H

#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/uio.h>
#include <linux/version.h>

#ifndef MSG_SPLICE_PAGES
#define MSG_SPLICE_PAGES	0x8000000
#endif

/* Give a reference back. @skb: where its pages were; @success: not copied */
static inline void quic_compat_ubuf_put(struct sk_buff *skb, struct ubuf_info *uarg, bool success)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
	uarg->ops->complete(skb, uarg, success);
#else
	uarg->callback(skb, uarg, success);
#endif
}

/* setsockopt() gives SOL_SOCKET to proto_ops, too. */
static inline void quic_compat_custom_sockopt(struct socket *sock)
{
#ifdef SOCK_CUSTOM_SOCKOPT
	set_bit(SOCK_CUSTOM_SOCKOPT, &sock->flags);
#endif
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
/* To sendmsg() as later kernels do it. */
static inline ssize_t quic_compat_sendpage(struct socket *sock, struct page *page, int off,
					   size_t size, int flags)
{
	struct bio_vec bv = { .bv_page = page, .bv_offset = off, .bv_len = size };
	struct msghdr msg = { .msg_flags = (flags & (MSG_DONTWAIT | MSG_MORE | MSG_NOSIGNAL)) |
					   MSG_SPLICE_PAGES };

	/* The next page follows at once. */
	if (flags & MSG_SENDPAGE_NOTLAST)
		msg.msg_flags |= MSG_MORE;
	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, &bv, 1, size);
	return sock->ops->sendmsg(sock, &msg, size);
}

#define QUIC_COMPAT_SENDPAGE	.sendpage = quic_compat_sendpage,
#else
#define QUIC_COMPAT_SENDPAGE
#endif

#endif
