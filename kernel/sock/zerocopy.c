// SPDX-License-Identifier: GPL-2.0
/*
 * Stream data that is not copied: pages of a file or of the caller's memory are pieces of the send
 * buffer (sendbuf.c), from sendmsg() to the acknowledgment of their last byte.
 *
 * Who asks for it says that the bytes stay as they are until then (RFC 9000, 2.2). If they do not,
 * a packet carries what is there when it is sealed: the kernel reads them, and believes nothing of
 * what it read. Nothing is written to such a page.
 *
 * Three ask: MSG_ZEROCOPY where QUIC_SOCKOPT_ZEROCOPY is on, told on the error queue of the
 * descriptor it was sent by; io_uring, with a struct ubuf_info of its own; and splice() where
 * QUIC_SOCKOPT_ZEROCOPY_RO is on, which is told nothing. A struct ubuf_info has a reference from
 * each piece, and one from the call while it runs: where the last goes it tells. One of ours holds
 * the socket it tells; the connection's end gives all pieces back, so that makes no circle.
 */
#include "../compat/zerocopy.h"
#include "file.h"
#include "sockopt.h"
#include "zerocopy.h"

#define BYTES_MAX	(512u << 10)	/* told in one */
#define CALLS_MAX	(U16_MAX - 1)

/* io_uring wants to see a packet before it believes that nothing was copied. */
static struct sk_buff *packet;

/* --- one call --- */

void quic_zc_begin(struct quic_zc *z, struct sock *sk, bool ro, const struct msghdr *msg)
{
	*z = (struct quic_zc){ .sk = sk };
	if (likely(!(msg->msg_flags & (MSG_ZEROCOPY | MSG_SPLICE_PAGES))))
		return;
	if (msg->msg_flags & MSG_ZEROCOPY && msg->msg_ubuf) {
		z->pages = true;
		z->uarg = msg->msg_ubuf;
		net_zcopy_get(z->uarg);
	} else if (msg->msg_flags & MSG_ZEROCOPY) {
		z->notify = sock_flag(sk, SOCK_ZEROCOPY);
		z->pages = z->notify;
	} else {
		/* 6.1 lets anybody set the flag. */
		z->pages = ro && iov_iter_is_bvec(&msg->msg_iter);
	}
}

/* Calls in a row on one stream are told in one, as TCP does it. */
static bool extend(struct quic_zc *z, struct ubuf_info *last, size_t size)
{
	struct ubuf_info_msgzc *u = uarg_to_msgzc(last);
	struct sock *sk = z->sk;

	if (u->len >= CALLS_MAX || u->bytelen + size > BYTES_MAX ||
	    u->id + u->len != (u32)atomic_read(&sk->sk_zckey) ||
	    mm_account_pinned_pages(&u->mmp, size))
		return false;
	u->len++;
	u->bytelen += size;
	atomic_inc(&sk->sk_zckey);
	net_zcopy_get(last);
	z->uarg = last;
	return true;
}

int quic_zc_start(struct quic_zc *z, struct ubuf_info *last, size_t size)
{
	if (likely(!z->notify) || z->uarg)
		return 0;
	if (!last || size > BYTES_MAX || !extend(z, last, size))
		z->uarg = msg_zerocopy_realloc(z->sk, size, NULL);
	return z->uarg ? 0 : -ENOBUFS;
}

void quic_zc_took(struct quic_zc *z, int n)
{
	if (n > 0)
		z->taken = true;
	if (likely(!z->notify) || z->taken)
		return;
	/* Not one byte: as if it had not been asked for. */
	net_zcopy_put_abort(z->uarg, true);
	z->uarg = NULL;
}

void quic_zc_end(struct quic_zc *z)
{
	if (unlikely(z->uarg))
		quic_compat_ubuf_put(NULL, z->uarg, !z->taken || (z->lent && !z->copied));
}

void quic_zc_put(struct ubuf_info *uarg)
{
	quic_compat_ubuf_put(packet, uarg, true);
}

/* --- pages --- */

/* May it have a reference? Slab objects and the like may not. */
static bool bvec_ok(const struct iov_iter *it)
{
	size_t at = it->bvec->bv_offset + it->iov_offset;

	return sendpage_ok(it->bvec->bv_page + (at >> PAGE_SHIFT));
}

static bool any_high(struct page **pages, unsigned int n)
{
	while (n--)
		if (PageHighMem(pages[n]))
			return true;
	return false;
}

u32 quic_zc_pages(struct iov_iter *it, u32 max, struct page **pages, u32 *off)
{
	unsigned int i, most = QUIC_ZC_PAGES;
	size_t start;
	ssize_t n;

	if (iov_iter_is_bvec(it)) {
		if (!bvec_ok(it))
			return 0;
		most = 1;
	} else if (!user_backed_iter(it)) {
		return 0;
	}
	n = iov_iter_get_pages2(it, pages, max, most, &start);
	/* What is not there to be had copying will tell. */
	if (n <= 0)
		return 0;
	*off = start;
	most = DIV_ROUND_UP(start + n, PAGE_SIZE);
	if (!any_high(pages, most))
		return n;
	iov_iter_revert(it, n);
	for (i = 0; i < most; i++)
		put_page(pages[i]);
	return 0;
}

/* --- what the descriptor says and is told --- */

void quic_zc_graft(struct socket *sock)
{
	set_bit(SOCK_SUPPORT_ZC, &sock->flags);
	quic_compat_custom_sockopt(sock);
}

static bool *ro_of(struct sock *sk)
{
	return sk->sk_prot == &quic_file_prot ? &quic_file_of(sk)->zerocopy_ro :
						&quic_sk(sk)->zerocopy_ro;
}

void quic_zc_inherit(struct sock *sk, const struct sock *from)
{
	sock_valbool_flag(sk, SOCK_ZEROCOPY, sock_flag(from, SOCK_ZEROCOPY));
	*ro_of(sk) = READ_ONCE(quic_sk(from)->zerocopy_ro);
}

int quic_zc_sol_socket(struct sock *sk, int name, sockptr_t val, unsigned int len)
{
	struct quic_file *f = sk->sk_prot == &quic_file_prot ? quic_file_of(sk) : NULL;

	if (name == SO_ZEROCOPY)
		return quic_sockopt_set(f ? f->conn : sk, f, QUIC_SOCKOPT_ZEROCOPY, val, len);
	return sock_setsockopt(sk->sk_socket, SOL_SOCKET, name, val, len);
}

int quic_zc_recv(struct sock *sk, struct msghdr *msg, size_t len)
{
	if (sk->sk_family == AF_INET6)
		return sock_recv_errqueue(sk, msg, len, SOL_IPV6, IPV6_RECVERR);
	return sock_recv_errqueue(sk, msg, len, SOL_IP, IP_RECVERR);
}

static int zerocopy_set(struct sock *sk, const void *val, u32 len)
{
	const u32 *on = val;

	if (*on > 1)
		return -EINVAL;
	sock_valbool_flag(sk, SOCK_ZEROCOPY, *on);
	return 0;
}

static int zerocopy_get(struct sock *sk, void *val, u32 len)
{
	*(u32 *)val = sock_flag(sk, SOCK_ZEROCOPY);
	return sizeof(u32);
}

static int ro_set(struct sock *sk, const void *val, u32 len)
{
	const u32 *on = val;

	if (*on > 1)
		return -EINVAL;
	WRITE_ONCE(*ro_of(sk), *on);
	return 0;
}

static int ro_get(struct sock *sk, void *val, u32 len)
{
	*(u32 *)val = *ro_of(sk);
	return sizeof(u32);
}

const struct quic_sockopt quic_sockopts_zerocopy[] = {
	{ QUIC_SOCKOPT_ZEROCOPY_RO, 4, sizeof(u32), false, ro_set, ro_get, QUIC_SOCKOPT_OWN },
	{ QUIC_SOCKOPT_ZEROCOPY, 4, sizeof(u32), false, zerocopy_set, zerocopy_get,
	  QUIC_SOCKOPT_OWN },
};

const unsigned int quic_sockopts_zerocopy_n = ARRAY_SIZE(quic_sockopts_zerocopy);

int quic_zc_init(void)
{
	packet = alloc_skb(0, GFP_KERNEL);
	return packet ? 0 : -ENOMEM;
}

void quic_zc_exit(void)
{
	kfree_skb(packet);
}
