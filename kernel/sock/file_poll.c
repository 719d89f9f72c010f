// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting on one stream: poll(), the SIOC* counts, and who is woken when.
 *
 * Each stream wakes its own waiters. What its own flow control holds up its MAX_STREAM_DATA lets
 * go. Send buffer and the connection's flow control are shared: who found no room there is in
 * quic_files.space and is told once, in turn, as many at a time as there is room for, and all as
 * soon as half of the buffer is free.
 */
#include <linux/poll.h>
#include <linux/sockios.h>
#include <asm/ioctls.h>

#include "file.h"
#include "zerocopy.h"

#define SHARE	4096	/* bytes of room a writer that is woken is taken to use */

/* --- wake-ups --- */

void quic_file_wake(struct sock *sk, struct quic_sock_stream *s, u8 bits)
{
	struct quic_file *f = s->file;

	if (!f)
		return;
	f->wake_bits |= bits;
	if (list_empty(&f->wake))
		list_add_tail(&f->wake, &quic_sk(sk)->files->wake);
	quic_sk(sk)->wake |= QUIC_WAKE_FILES;
}

void quic_file_want_space(struct quic_file *f)
{
	struct sock *fsk = quic_file_sk(f);

	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, fsk);
	if (fsk->sk_socket)
		set_bit(SOCK_NOSPACE, &fsk->sk_socket->flags);
	if (list_empty(&f->space) && f->s->core.tx.max > f->s->core.tx.written + f->s->held_bytes)
		list_add_tail(&f->space, &quic_sk(f->conn)->files->space);
}

static void wake_space(struct sock *sk)
{
	int room = READ_ONCE(sk->sk_sndbuf) - READ_ONCE(sk->sk_wmem_queued);
	bool plenty = room >= READ_ONCE(sk->sk_sndbuf) / 2;
	struct quic_file *f, *tmp;

	if (!quic_sock_room(sk))
		return;
	list_for_each_entry_safe(f, tmp, &quic_sk(sk)->files->space, space) {
		if (!plenty && room <= 0)
			return;
		list_del_init(&f->space);
		room -= SHARE;
		f->inet.sk.sk_write_space(quic_file_sk(f));
	}
}

/*
 * The connection is over, and each of its streams; or is established, with other limits; or
 * nothing more may be written.
 */
static void wake_each(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	bool over = qs->conn.state > QUIC_CONN_ESTABLISHED;
	int err = over ? quic_sock_close_errno(qs) : 0;
	struct rb_node *n;

	for (n = rb_first(&qs->conn.streams.tree); n; n = rb_next(n)) {
		struct quic_sock_stream *s = quic_sock_stream_of(rb_entry(n, struct quic_stream,
									  node));

		if (!s->file)
			continue;
		if (err)
			WRITE_ONCE(quic_file_sk(s->file)->sk_err, -err);
		quic_file_wake(sk, s, (over ? QUIC_WAKE_STATE | QUIC_WAKE_READ : 0) |
				      (err ? QUIC_WAKE_ERROR : 0) | QUIC_WAKE_WRITE);
	}
}

void quic_file_wake_all(struct sock *sk, u8 wake)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_files *fs = qs->files;
	struct quic_file *f;
	struct sock *fsk;
	u8 bits;

	if ((wake & QUIC_WAKE_EACH) && fs->n && qs->conn_live)
		wake_each(sk);
	while (!list_empty(&fs->wake)) {
		f = list_first_entry(&fs->wake, struct quic_file, wake);
		list_del_init(&f->wake);
		bits = f->wake_bits;
		f->wake_bits = 0;
		fsk = quic_file_sk(f);
		if (bits & QUIC_WAKE_STATE)
			fsk->sk_state_change(fsk);
		if (bits & QUIC_WAKE_ERROR)
			sk_error_report(fsk);
		if (bits & QUIC_WAKE_READ)
			fsk->sk_data_ready(fsk);
		if (bits & QUIC_WAKE_WRITE) {
			list_del_init(&f->space);
			fsk->sk_write_space(fsk);
		}
	}
	if (qs->conn_live && (wake & QUIC_WAKE_WRITE))
		wake_space(sk);
	/* What that brought up is done with. */
	qs->wake &= ~QUIC_WAKE_FILES;
}

/* --- poll() --- */

static __poll_t poll_read(const struct quic_file *f, bool *over)
{
	const struct quic_sock_stream *s = f->s;
	int end = quic_file_rx_end(f);
	__poll_t mask = 0;

	*over = !s->core.rx.exists || end <= 0;
	if (!s->core.rx.exists)
		return 0;
	if (end <= 0)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	else if (s->tail - s->read >= sock_rcvlowat(&f->inet.sk, 0, INT_MAX) ||
		 (s->tail != s->read && quic_sock_stream_enough(f->conn, s, 0)))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (s->core.rx.state >= QUIC_RECV_RESET_RECVD)
		mask |= EPOLLERR;
	return mask;
}

static __poll_t poll_write(struct quic_file *f, bool *over)
{
	const struct quic_stream *cs = &f->s->core;

	*over = !cs->tx.exists || cs->tx.fin || cs->tx.state > QUIC_SEND_SEND;
	if (!cs->tx.exists)
		return 0;
	/* Writing fails at once, which is an answer too. */
	if (*over || quic_sk(f->conn)->conn.state > QUIC_CONN_ESTABLISHED ||
	    quic_sock_stream_writable(f->conn, f->s))
		return EPOLLOUT | EPOLLWRNORM |
		       (f->s->stopped ? EPOLLERR : 0);
	quic_file_want_space(f);
	return 0;
}

__poll_t quic_file_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	struct quic_file *f = quic_file_of(sock->sk);
	bool rx_over, tx_over;
	__poll_t mask;

	sock_poll_wait(file, sock, wait);
	lock_sock(f->conn);
	mask = poll_read(f, &rx_over);
	mask |= poll_write(f, &tx_over);
	if ((rx_over && tx_over) || quic_sk(f->conn)->conn.state > QUIC_CONN_ESTABLISHED)
		mask |= EPOLLHUP;
	if (READ_ONCE(sock->sk->sk_err) || quic_zc_told(sock->sk))
		mask |= EPOLLERR;
	release_sock(f->conn);
	return mask;
}

/* --- ioctl() --- */

int quic_file_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	struct quic_file *f = quic_file_of(sock->sk);
	const struct quic_stream *cs;
	u64 val = 0;

	if (cmd != SIOCINQ && cmd != SIOCOUTQ && cmd != SIOCOUTQNSD)
		return -ENOIOCTLCMD;
	lock_sock(f->conn);
	cs = &f->s->core;
	if (cmd == SIOCINQ)
		val = f->s->tail - f->s->read;
	else if (cs->tx.exists && cs->tx.state <= QUIC_SEND_SENT && cmd == SIOCOUTQ)
		val = quic_sendbuf_end(f->s) + f->s->held_bytes - f->s->released;
	else if (cs->tx.exists && cs->tx.state <= QUIC_SEND_SENT)
		val = cs->tx.written - cs->tx.next + f->s->held_bytes;
	release_sock(f->conn);
	return put_user((int)min_t(u64, val, INT_MAX), (int __user *)arg);
}
