// SPDX-License-Identifier: GPL-2.0
/*
 * Reading and writing one stream through its descriptor, as a TCP socket would: bytes and an end,
 * no control messages. What a stream has to say waits in its own rcvq and never in the shared
 * queue; what is written takes the ways of sendmsg.c.
 */
#include "file.h"
#include "zerocopy.h"

#define SEND_FLAGS	(MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL | MSG_WAITALL | MSG_BATCH | \
			 MSG_EOR | MSG_ZEROCOPY | MSG_QUIC_STREAM_FIN)

/* --- reading --- */

int quic_file_rx_end(const struct quic_file *f)
{
	const struct quic_sock *qs = quic_sk(f->conn);
	const struct quic_stream *cs = &f->s->core;

	if (!cs->rx.exists)
		return -EINVAL;
	if (f->inet.sk.sk_shutdown & RCV_SHUTDOWN || cs->rx.stopped)
		return 0;
	if (cs->rx.state == QUIC_RECV_READ || f->s->fin_ready)
		return 0;
	if (cs->rx.state >= QUIC_RECV_RESET_RECVD)
		return -ECONNRESET;
	if (qs->conn.state > QUIC_CONN_ESTABLISHED)
		return quic_sock_close_errno(qs) ?: -ENOTCONN;
	return 1;
}

/* Is there something to be had without waiting? @more: than @have bytes */
static bool readable(const struct quic_file *f, u64 have)
{
	return f->s->tail - f->s->read > have || quic_file_rx_end(f) <= 0;
}

/* Return: 0 with news, or why not */
static int rx_wait(struct quic_file *f, u64 have, long *timeo)
{
	struct sock *fsk = quic_file_sk(f), *sk = f->conn;
	DEFINE_WAIT_FUNC(wait, woken_wake_function);

	if (!*timeo)
		return -EAGAIN;
	if (signal_pending(current))
		return sock_intr_errno(*timeo);
	add_wait_queue(sk_sleep(fsk), &wait);
	sk_set_bit(SOCKWQ_ASYNC_WAITDATA, fsk);
	if (!readable(f, have))
		quic_sock_sleep(sk, timeo, &wait);
	sk_clear_bit(SOCKWQ_ASYNC_WAITDATA, fsk);
	remove_wait_queue(sk_sleep(fsk), &wait);
	return 0;
}

static ssize_t peek(struct quic_file *f, struct msghdr *msg, size_t len, int flags, long timeo,
		    u64 *stamp)
{
	size_t target = sock_rcvlowat(quic_file_sk(f), flags & MSG_WAITALL, len);
	int err = 0;
	u64 have;

	for (;;) {
		have = f->s->tail - f->s->read;
		if (have >= target)
			break;
		err = quic_file_rx_end(f);
		if (err <= 0)
			break;
		err = rx_wait(f, have, &timeo);
		if (err)
			break;
	}
	return have ? quic_sock_peek_stream(f->s, msg, len, flags, stamp) : err;
}

static ssize_t take(struct quic_file *f, struct msghdr *msg, size_t len, int flags, long timeo,
		    u64 *stamp)
{
	size_t done = 0, target = sock_rcvlowat(quic_file_sk(f), flags & MSG_WAITALL, len);
	struct quic_sock_stream *s = f->s;
	ssize_t n;

	for (;;) {
		n = list_empty(&s->rcvq) ? 0 : quic_sock_take_stream(f->conn, s, msg, len - done,
								     flags, stamp);
		if (n < 0)
			break;
		done += n;
		if (n || s->fin_ready)
			quic_sock_consumed(f->conn, s, n, s->fin_ready && list_empty(&s->rcvq));
		if (done >= target)
			break;
		n = quic_file_rx_end(f);
		if (n <= 0)
			break;
		n = rx_wait(f, 0, &timeo);
		if (n)
			break;
	}
	return done ? done : n;
}

int quic_file_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	struct quic_file *f = quic_file_of(sock->sk);
	struct sock *sk = f->conn;
	ssize_t ret = 0;
	u64 stamp = 0;
	long timeo;

	if (flags & MSG_OOB)
		return -EINVAL;
	if (flags & MSG_ERRQUEUE)
		return quic_zc_recv(sock->sk, msg, len);
	timeo = sock_rcvtimeo(sock->sk, flags & MSG_DONTWAIT);
	lock_sock(sk);
	if (unlikely(quic_sk(sk)->mem_short))
		quic_recvbuf_make_room(sk);
	/* It writes no more for now: what waited for that goes out. */
	if (f->s->held_bytes && !quic_sk(sk)->corked)
		quic_sock_flush(sk);
	quic_sk(sk)->my_turn = true;
	if (!f->s->core.rx.exists)
		ret = -EINVAL;
	else if (len && (flags & MSG_PEEK))
		ret = peek(f, msg, len, flags, timeo, &stamp);
	else if (len)
		ret = take(f, msg, len, flags, timeo, &stamp);
	/* SO_TIMESTAMP of the connection */
	quic_cmsg_put_stamp(sk, msg, stamp);
	release_sock(sk);
	return ret;
}

/* --- writing --- */

/* What a write that cannot be gets. */
static int write_errno(const struct quic_file *f)
{
	const struct quic_stream *cs = &f->s->core;
	const struct sock *sk = f->conn;

	if (!cs->tx.exists)
		return -EINVAL;
	if (sk->sk_err || (sk->sk_shutdown & SEND_SHUTDOWN) ||
	    quic_sk(sk)->conn.state > QUIC_CONN_ESTABLISHED)
		return -EPIPE;
	return cs->tx.fin || cs->tx.state > QUIC_SEND_SEND ? -EPIPE : 0;
}

int quic_file_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct quic_file *f = quic_file_of(sock->sk);
	struct sock *sk = f->conn;
	bool fin = msg->msg_flags & MSG_QUIC_STREAM_FIN;
	long timeo;
	int err;

	if (msg->msg_flags & ~(SEND_FLAGS | QUIC_MSG_KERNEL_FLAGS))
		return -EINVAL;
	timeo = sock_sndtimeo(sock->sk, msg->msg_flags & MSG_DONTWAIT);
	lock_sock(sk);
	quic_sock_unpark(sk);
	err = write_errno(f);
	if (!err && (len || fin))
		err = quic_sock_send_data(sk, f->s, msg, len, fin, timeo);
	/* Given up while it waited */
	if (err == -EINVAL && write_errno(f))
		err = write_errno(f);
	release_sock(sk);
	return err == -EPIPE ? sk_stream_error(sock->sk, msg->msg_flags, err) : err;
}
