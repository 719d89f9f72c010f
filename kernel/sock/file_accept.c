// SPDX-License-Identifier: GPL-2.0
/*
 * accept() on a connection: the next stream its peer opened, as a descriptor.
 *
 * While it is on, streams the peer opens wait in quic_files.waiting, in the order they came, and
 * the core keeps them until they were given out. One that was opened only because a later one of
 * its kind was (RFC 9000, 3.2) has no object yet: it is given out before that later one, so that
 * each kind comes in the order of its IDs on both ends.
 */
#include "file.h"

static bool gated(const struct quic_sock *qs)
{
	/* Whose 0-RTT data this is the handshake still has to show (RFC 9001, 9.2). */
	return qs->conn.server && qs->conn.state == QUIC_CONN_HANDSHAKE && !qs->early_now;
}

bool quic_file_accept_ready(const struct quic_sock *qs)
{
	return qs->files && !list_empty(&qs->files->waiting) && !gated(qs);
}

static void enqueue(struct quic_files *fs, struct quic_sock_stream *s)
{
	s->waiting = true;
	s->core.released = false;
	list_move_tail(&s->item.list, &fs->waiting);
}

void quic_file_opened(struct sock *sk, struct quic_sock_stream *s)
{
	struct quic_sock *qs = quic_sk(sk);

	if (!qs->files || !qs->files->accept)
		return;
	enqueue(qs->files, s);
	qs->wake |= QUIC_WAKE_READ;
}

/* --- on and off --- */

static bool from_peer(const struct quic_conn *c, u64 id)
{
	return c->server != !!(id & QUIC_SID_SERVER);
}

/* Nothing of it was given out or written yet? */
static bool untouched(const struct quic_sock_stream *s)
{
	return !s->file && !s->waiting && !s->read && !s->core.tx.written && !s->held_bytes &&
	       s->core.rx.state <= QUIC_RECV_RECVD;
}

static void collect(struct quic_sock *qs)
{
	struct quic_conn *c = &qs->conn;
	struct quic_files *fs = qs->files;
	struct rb_node *n;
	unsigned int k;

	for (k = 0; k < 2; k++) {
		const struct quic_ranges *r = c->streams.kind[k].unseen;

		fs->next[k] = r && r->n ? r->r[0].start : c->streams.kind[k].peer_next;
	}
	for (n = rb_first(&c->streams.tree); n; n = rb_next(n)) {
		struct quic_stream *s = rb_entry(n, struct quic_stream, node);

		if (from_peer(c, s->id) && untouched(quic_sock_stream_of(s)))
			enqueue(fs, quic_sock_stream_of(s));
	}
}

/* What nobody accepted is read from the shared queue. */
static void give_back(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_sock_stream *s;

	while (!list_empty(&qs->files->waiting)) {
		s = list_first_entry(&qs->files->waiting, struct quic_sock_stream, item.list);
		list_del_init(&s->item.list);
		s->waiting = false;
		if (!list_empty(&s->rcvq) || s->fin_ready || s->reset_ready)
			quic_recvbuf_queue_stream(sk, s);
		quic_stream_release(&qs->conn, &s->core);
	}
}

int quic_file_accept_on(struct sock *sk, bool on)
{
	struct quic_sock *qs = quic_sk(sk);
	int err;

	if (!on && !qs->files)
		return 0;
	err = quic_files_get(sk);
	if (err || qs->files->accept == on)
		return err;
	WRITE_ONCE(qs->files->accept, on);
	if (!on) {
		give_back(sk);
		/* for who waits in accept() */
		qs->wake |= QUIC_WAKE_STATE;
	} else if (qs->conn_live) {
		collect(qs);
		if (!list_empty(&qs->files->waiting))
			qs->wake |= QUIC_WAKE_READ;
	}
	quic_sock_wake(sk);
	return 0;
}

int quic_file_accept_inherit(struct sock *child, const struct sock *parent)
{
	const struct quic_files *fs = quic_sk(parent)->files;

	return fs && fs->accept ? quic_file_accept_on(child, true) : 0;
}

/* --- accept() --- */

static u64 id_of(const struct quic_conn *c, unsigned int kind, u64 n)
{
	return n << 2 | (kind ? QUIC_SID_UNI : 0) | (c->server ? 0 : QUIC_SID_SERVER);
}

/*
 * What accept() gives next; NULL with *err 0: nothing. Those before the first in the queue that
 * are not there were read from the shared queue, or peeled off.
 */
static struct quic_sock_stream *next_stream(struct quic_sock *qs, int *err)
{
	struct quic_files *fs = qs->files;
	struct quic_sock_stream *first;
	struct quic_conn *c = &qs->conn;
	struct quic_stream *s;
	unsigned int k;

	*err = 0;
	if (!quic_file_accept_ready(qs))
		return NULL;
	first = list_first_entry(&fs->waiting, struct quic_sock_stream, item.list);
	k = !!(first->core.id & QUIC_SID_UNI);
	for (; fs->next[k] < first->core.id >> 2; fs->next[k]++) {
		u64 id = id_of(c, k, fs->next[k]);

		s = quic_stream_find(c, id);
		if (s && quic_sock_stream_of(s)->waiting)
			return quic_sock_stream_of(s);
		/* There, but no memory for it: the next call may have more luck. */
		if (!s && quic_stream_unseen(c, id)) {
			*err = -ENOMEM;
			return NULL;
		}
	}
	return first;
}

/* Return: 0 with a stream waiting, or why not */
static int wait_stream(struct sock *sk, long *timeo)
{
	struct quic_sock *qs = quic_sk(sk);
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	int err = 0;

	add_wait_queue_exclusive(sk_sleep(sk), &wait);
	while (!quic_file_accept_ready(qs)) {
		err = quic_sock_why(sk);
		if (err)
			break;
		err = -EINVAL;
		if (!qs->files->accept || (sk->sk_shutdown & RCV_SHUTDOWN))
			break;
		err = -EAGAIN;
		if (!*timeo)
			break;
		err = sock_intr_errno(*timeo);
		if (signal_pending(current))
			break;
		err = 0;
		quic_sock_sleep(sk, timeo, &wait);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	return err;
}

static int take(struct sock *sk, struct quic_file *f, long timeo)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_sock_stream *s;
	int err;

	do {
		err = wait_stream(sk, &timeo);
		if (err)
			return err;
		s = next_stream(qs, &err);
	} while (!s && !err);
	if (!s)
		return err;
	quic_file_attach(f, s);
	qs->my_turn = true;
	/* One train may bring many and wakes one who accepts: pass it on. */
	if (quic_file_accept_ready(qs))
		sk->sk_data_ready(sk);
	return 0;
}

int quic_file_accept(struct sock *sk, struct socket *newsock, int flags, bool kern)
{
	struct quic_file *f;
	int err;

	/* First, so that a stream never waits in vain. */
	f = quic_file_new(sk, kern);
	if (!f)
		return -ENOMEM;
	lock_sock(sk);
	err = take(sk, f, sock_rcvtimeo(sk, flags & O_NONBLOCK));
	release_sock(sk);
	if (err)
		sock_put(quic_file_sk(f));
	else
		quic_file_graft(f, newsock);
	return err;
}
