// SPDX-License-Identifier: GPL-2.0
/* poll() and ioctl(): what can be done now without waiting. */
#include <linux/poll.h>
#include <asm/ioctls.h>
#include <linux/sockios.h>
#include <net/inet_common.h>
#include <net/transp_v6.h>

#include "file.h"
#include "zerocopy.h"

static __poll_t poll_listener(struct sock *sk)
{
	struct quic_listener *l;
	__poll_t mask = 0;

	/* The socket lock keeps the listener; connection attempts come without it. */
	lock_sock(sk);
	l = quic_sk(sk)->listener;
	if (l && quic_listener_ready(l))
		mask = EPOLLIN | EPOLLRDNORM;
	release_sock(sk);
	return mask;
}

static __poll_t poll_write(struct socket *sock)
{
	struct sock *sk = sock->sk;
	__poll_t mask = 0;

	if (sk->sk_state == TCP_SYN_RECV)
		return 0;
	/* The stream table is behind the lock. */
	lock_sock(sk);
	if (!quic_sock_writable(sk)) {
		sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
		set_bit(SOCK_NOSPACE, &sock->flags);
	} else {
		mask = EPOLLOUT | EPOLLWRNORM;
	}
	release_sock(sk);
	return mask;
}

bool quic_sock_stream_enough(struct sock *sk, const struct quic_sock_stream *s, u64 have)
{
	const struct quic_flow *f = &s->core.rx.flow, *all = &quic_sk(sk)->conn.rx_flow;

	return have >= sock_rcvlowat(sk, 0, INT_MAX) || f->used >= f->limit ||
	       all->used >= all->limit || !quic_recvbuf_room(sk);
}

/* SO_RCVLOWAT is met by all streams together; ends and messages are not waited with. */
static bool enough(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_sock_stream *s;
	struct quic_item *it;

	list_for_each_entry(it, &qs->ready, list) {
		if (it->kind != QUIC_ITEM_STREAM)
			return true;
		s = container_of(it, struct quic_sock_stream, item);
		if (s->fin_ready || s->reset_ready ||
		    quic_sock_stream_enough(sk, s, qs->unread))
			return true;
	}
	return false;
}

/* 0-RTT data may have to wait for the end of the handshake. */
static bool readable(struct sock *sk)
{
	bool ret;

	lock_sock(sk);
	ret = (quic_sock_first_item(quic_sk(sk)) && enough(sk)) ||
	      quic_file_accept_ready(quic_sk(sk));
	release_sock(sk);
	return ret;
}

static bool stream_waits(const struct quic_sock *qs)
{
	/* Pairs with quic_files_get(). */
	const struct quic_files *fs = smp_load_acquire(&qs->files);

	return fs && !list_empty_careful(&fs->waiting);
}

__poll_t quic_sock_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	struct sock *sk = sock->sk;
	struct quic_sock *qs = quic_sk(sk);
	__poll_t mask = 0;
	u8 shutdown;
	int state;

	sock_poll_wait(file, sock, wait);
	state = READ_ONCE(sk->sk_state);
	if (state == TCP_LISTEN)
		return poll_listener(sk);

	shutdown = READ_ONCE(sk->sk_shutdown);
	if (shutdown == SHUTDOWN_MASK || state == TCP_CLOSE)
		mask |= EPOLLHUP;
	if (shutdown & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (((!list_empty_careful(&qs->ready) || stream_waits(qs)) &&
	     ((state != TCP_SYN_RECV && READ_ONCE(sk->sk_rcvlowat) <= 1) || readable(sk))) ||
	    READ_ONCE(qs->tls_stale))
		mask |= EPOLLIN | EPOLLRDNORM;
	/* Writing fails at once, which is an answer too. */
	if (shutdown & SEND_SHUTDOWN)
		mask |= EPOLLOUT | EPOLLWRNORM;
	else if (state != TCP_CLOSE)
		mask |= poll_write(sock);
	if (READ_ONCE(sk->sk_err) || quic_zc_told(sk))
		mask |= EPOLLERR;
	return mask;
}

/* Written, never sent */
static u64 bytes_unsent(struct quic_sock *qs)
{
	struct rb_node *n;
	u64 sum = qs->held_bytes;

	for (n = rb_first(&qs->conn.streams.tree); n; n = rb_next(n)) {
		const struct quic_stream *s = rb_entry(n, struct quic_stream, node);

		if (s->tx.exists && s->tx.state <= QUIC_SEND_SENT)
			sum += s->tx.written - s->tx.next;
	}
	return sum;
}

static int count(struct sock *sk, unsigned int cmd, u64 *val)
{
	struct quic_sock *qs = quic_sk(sk);

	if (qs->listener)
		return -EINVAL;
	*val = 0;
	if (!qs->conn_live)
		return 0;
	if (cmd == SIOCINQ)
		*val = qs->unread;
	else if (cmd == SIOCOUTQ)
		*val = qs->unacked + qs->datagrams_unsent;
	else
		*val = bytes_unsent(qs) + qs->datagrams_unsent;
	return 0;
}

int quic_sock_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	struct sock *sk = sock->sk;
	u64 val;
	int err;

	switch (cmd) {
	case SIOCINQ:
	case SIOCOUTQ:
	case SIOCOUTQNSD:
		lock_sock(sk);
		err = count(sk, cmd, &val);
		release_sock(sk);
		if (err)
			return err;
		return put_user((int)min_t(u64, val, INT_MAX), (int __user *)arg);
	}
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		return inet6_ioctl(sock, cmd, arg);
#endif
	return inet_ioctl(sock, cmd, arg);
}
