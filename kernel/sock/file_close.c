// SPDX-License-Identifier: GPL-2.0
/*
 * The end of a stream's descriptor: shutdown(), close().
 *
 * SHUT_RD is STOP_SENDING, SHUT_WR is FIN. close() does both to what is not finished, and the
 * kernel delivers what was written; SO_LINGER with a time waits for that, with time 0 makes it
 * RESET_STREAM instead. The last descriptor of a connection whose own was closed before
 * ends the connection as that close() would have.
 */
#include "file.h"

#define CLOSE_CODE	0	/* application error code of a close() that breaks off */

static bool alive(const struct quic_sock *qs)
{
	return qs->conn_live && qs->conn.state <= QUIC_CONN_ESTABLISHED;
}

void quic_file_stop(struct sock *sk, struct quic_sock_stream *s, u64 code)
{
	struct quic_conn *c = &quic_sk(sk)->conn;

	if (!s->core.rx.exists)
		return;
	if (!alive(quic_sk(sk)) || !quic_stream_stop(c, &s->core, code)) {
		quic_recvbuf_purge(sk, s);
		s->read = s->tail;
	} else {
		/* All of it came already, or there is nothing more to say. */
		quic_recvbuf_discard(sk, s);
	}
	s->fin_ready = false;
	s->reset_ready = false;
	quic_stream_read_end(c, &s->core);
}

/* FIN, after what was written. */
static void finish(struct sock *sk, struct quic_sock_stream *s)
{
	if (s->core.tx.exists && !s->core.tx.fin && s->core.tx.state <= QUIC_SEND_SEND)
		quic_sendbuf_commit_fin(sk, s);
}

int quic_file_shutdown(struct socket *sock, int how)
{
	struct quic_file *f = quic_file_of(sock->sk);
	struct sock *sk = f->conn;
	int err = 0;

	/* SHUT_RD, SHUT_WR, SHUT_RDWR to RCV_SHUTDOWN | SEND_SHUTDOWN */
	how++;
	if ((how & ~SHUTDOWN_MASK) || !how)
		return -EINVAL;
	lock_sock(sk);
	if (!alive(quic_sk(sk))) {
		err = -ENOTCONN;
		goto out;
	}
	/* What a unidirectional stream lacks is shut already. */
	if (how & RCV_SHUTDOWN)
		quic_file_stop(sk, f->s, CLOSE_CODE);
	if (how & SEND_SHUTDOWN)
		finish(sk, f->s);
	WRITE_ONCE(sock->sk->sk_shutdown, sock->sk->sk_shutdown | how);
	quic_file_wake(sk, f->s, QUIC_WAKE_STATE);
	quic_sock_flush(sk);
out:
	release_sock(sk);
	return err;
}

static bool delivered(const struct quic_file *f)
{
	const struct quic_stream *cs = &f->s->core;

	return !cs->tx.exists || cs->tx.state == QUIC_SEND_RECVD ||
	       cs->tx.state >= QUIC_SEND_RESET_SENT || !alive(quic_sk(f->conn));
}

static void linger(struct quic_file *f, long timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct sock *fsk = quic_file_sk(f);

	add_wait_queue(sk_sleep(fsk), &wait);
	while (timeo && !delivered(f) && !signal_pending(current))
		quic_sock_sleep(f->conn, &timeo, &wait);
	remove_wait_queue(sk_sleep(fsk), &wait);
}

static void end_stream(struct quic_file *f)
{
	struct sock *sk = f->conn, *fsk = quic_file_sk(f);
	struct quic_conn *c = &quic_sk(sk)->conn;

	quic_file_stop(sk, f->s, CLOSE_CODE);
	if (!alive(quic_sk(sk)))
		return;
	if (sock_flag(fsk, SOCK_LINGER) && !fsk->sk_lingertime) {
		quic_stream_reset(c, &f->s->core, CLOSE_CODE);
		quic_sock_flush(sk);
		return;
	}
	finish(sk, f->s);
	quic_sock_flush(sk);
	/* A task that was killed does not wait. */
	if (sock_flag(fsk, SOCK_LINGER) && !(current->flags & PF_EXITING))
		linger(f, fsk->sk_lingertime);
}

static void detach(struct quic_file *f)
{
	struct quic_sock *qs = quic_sk(f->conn);
	struct quic_sock_stream *s = f->s;

	list_del_init(&f->wake);
	list_del_init(&f->space);
	f->s = NULL;
	s->file = NULL;
	qs->files->n--;
	/* It may be gone now. */
	quic_stream_release(&qs->conn, &s->core);
}

int quic_file_release(struct socket *sock)
{
	struct sock *fsk = sock->sk, *sk;
	struct quic_file *f;
	bool last = false;

	if (!fsk)
		return 0;
	f = quic_file_of(fsk);
	sk = f->conn;
	lock_sock(sk);
	if (f->s) {
		end_stream(f);
		detach(f);
		last = quic_sk(sk)->left && !quic_files_live(quic_sk(sk));
		/* More streams for the peer: its limit may want to be told. */
		if (!last && alive(quic_sk(sk)))
			quic_sock_pump(sk);
	}
	release_sock(sk);
	if (last)
		quic_sock_leave(sk);
	sock_orphan(fsk);
	sock->sk = NULL;
	sock_put(fsk);
	return 0;
}
