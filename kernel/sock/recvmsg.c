// SPDX-License-Identifier: GPL-2.0
/*
 * recvmsg(): one queue of streams with something to tell, TLS messages, events
 * and datagrams; each call takes from its head.
 *
 * A stream is in the queue once, however many pieces it has, and a call takes
 * as many of them as fit. One that is not read to its end goes behind the other
 * streams, but never behind a message: what was told about the past is read
 * after the past.
 */
#include "zerocopy.h"

struct quic_item *quic_sock_first_item(struct quic_sock *qs)
{
	struct quic_item *it = list_first_entry_or_null(&qs->ready, struct quic_item, list);

	/* Whose 0-RTT data this is the handshake still has to show (RFC 9001, 9.2). */
	if (it && (it->kind == QUIC_ITEM_STREAM || it->kind == QUIC_ITEM_DATAGRAM) &&
	    qs->conn.server && qs->conn.state == QUIC_CONN_HANDSHAKE && !qs->early_now)
		return NULL;
	return it;
}

/* Return: 1 something is there, 0 the end, or an error */
static int rx_wait(struct sock *sk, long *timeo)
{
	struct quic_sock *qs = quic_sk(sk);
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	int err;

	for (;;) {
		if (quic_sock_first_item(qs))
			return 1;
		err = quic_sock_why(sk);
		if (err)
			return err;
		if (qs->tls_stale)
			return -ESTALE;
		if (sk->sk_shutdown & RCV_SHUTDOWN)
			return 0;
		if (!*timeo)
			return -EAGAIN;
		if (signal_pending(current))
			return sock_intr_errno(*timeo);
		add_wait_queue(sk_sleep(sk), &wait);
		sk_set_bit(SOCKWQ_ASYNC_WAITDATA, sk);
		quic_sock_sleep(sk, timeo, &wait);
		sk_clear_bit(SOCKWQ_ASYNC_WAITDATA, sk);
		remove_wait_queue(sk_sleep(sk), &wait);
	}
}

/* --- streams --- */

static int copy_chunk(const struct quic_chunk *ch, u32 skip, u32 n, struct msghdr *msg, int flags)
{
	const u8 *from = ch->data + skip;
	size_t done;

	if (flags & MSG_TRUNC)
		return 0;
	/* A pipe (splice, up to 6.4) would keep the page itself, which goes round (recvbuf.c). */
	if (likely(ch->paged && user_backed_iter(&msg->msg_iter)))
		done = copy_page_to_iter(virt_to_page(from), offset_in_page(from), n,
					 &msg->msg_iter);
	else
		done = copy_to_iter(from, n, &msg->msg_iter);
	return done == n ? 0 : -EFAULT;
}

ssize_t quic_sock_peek_stream(struct quic_sock_stream *s, struct msghdr *msg, size_t len,
			      int flags, u64 *stamp)
{
	struct quic_chunk *ch;
	size_t done = 0;
	u32 n;

	list_for_each_entry(ch, &s->rcvq, list) {
		n = min_t(size_t, len - done, ch->len);
		if (copy_chunk(ch, 0, n, msg, flags))
			return done ? done : -EFAULT;
		done += n;
		*stamp = ch->stamp;
		if (done == len)
			break;
	}
	return done;
}

ssize_t quic_sock_take_stream(struct sock *sk, struct quic_sock_stream *s, struct msghdr *msg,
			      size_t len, int flags, u64 *stamp)
{
	struct quic_chunk *ch;
	size_t done = 0;
	u32 n;

	while (done < len && !list_empty(&s->rcvq)) {
		ch = list_first_entry(&s->rcvq, struct quic_chunk, list);
		n = min_t(size_t, len - done, ch->len);
		if (copy_chunk(ch, 0, n, msg, flags)) {
			if (!done)
				return -EFAULT;
			break;
		}
		done += n;
		*stamp = ch->stamp;
		ch->off += n;
		quic_recvbuf_eat(ch, n);
		if (!ch->len) {
			list_del(&ch->list);
			quic_recvbuf_free_chunk(sk, ch);
		}
	}
	s->read += done;
	quic_sk(sk)->unread -= done;
	s->told_recv = false;
	return done;
}

static void rotate(struct quic_sock *qs, struct quic_item *it)
{
	struct quic_item *pos = it;

	if (!qs->nmsgs) {
		list_move_tail(&it->list, &qs->ready);
		return;
	}
	list_for_each_entry_continue(pos, &qs->ready, list)
		if (pos->kind != QUIC_ITEM_STREAM)
			break;
	list_move_tail(&it->list, &pos->list);
}

static bool credit_wanted(const struct quic_conn *c)
{
	return c->max_data_wanted || c->streams.kind[0].max_wanted ||
	       c->streams.kind[1].max_wanted;
}

void quic_sock_consumed(struct sock *sk, struct quic_sock_stream *s, size_t n, bool fin)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_conn *c = &qs->conn;
	bool pump;

	if (n)
		quic_stream_consumed(c, &s->core, n, ktime_get_ns());
	pump = s->core.rx.max_wanted;
	if (fin) {
		s->fin_ready = false;
		list_del_init(&s->item.list);
		quic_stream_read_end(c, &s->core);
	} else if (list_empty(&s->rcvq)) {
		list_del_init(&s->item.list);
		if (s->reset_ready)
			quic_stream_read_end(c, &s->core);
	} else if (!s->file) {
		rotate(qs, &s->item);
	}
	if (c->state <= QUIC_CONN_ESTABLISHED && (pump || credit_wanted(c)))
		quic_sock_pump(sk);
}

static bool more_of(struct sock *sk, u64 id)
{
	struct quic_stream *s = quic_stream_find(&quic_sk(sk)->conn, id);

	/* With a reset nothing more comes, and somebody may have made a descriptor of it. */
	return !s || s->rx.state > QUIC_RECV_RECVD || quic_sock_stream_of(s)->file ||
	       !list_empty(&quic_sock_stream_of(s)->item.list);
}

/* MSG_WAITALL, SO_RCVLOWAT: wait for more of this stream. false: take what there was */
static bool stream_wait(struct sock *sk, u64 id, long *timeo)
{
	struct quic_sock *qs = quic_sk(sk);
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct quic_stream *s;

	add_wait_queue(sk_sleep(sk), &wait);
	while (!more_of(sk, id) && *timeo && !signal_pending(current) && !sk->sk_err &&
	       !(sk->sk_shutdown & RCV_SHUTDOWN))
		quic_sock_sleep(sk, timeo, &wait);
	remove_wait_queue(sk_sleep(sk), &wait);
	s = quic_stream_find(&qs->conn, id);
	return s && !list_empty(&quic_sock_stream_of(s)->item.list);
}

static ssize_t recv_stream(struct sock *sk, struct quic_sock_stream *s, struct msghdr *msg,
			   size_t len, int flags, long timeo)
{
	size_t done = 0, target = min_t(size_t, sock_rcvlowat(sk, flags & MSG_WAITALL, len), len);
	bool fin = false, early = s->read < s->core.rx.early;
	u64 id = s->core.id, stamp = 0;
	ssize_t n;

	/* What came in 0-RTT packets is not mixed with the rest. */
	if (early)
		len = min_t(u64, len, s->core.rx.early - s->read);
	target = min(target, len);
	for (;;) {
		if (flags & MSG_PEEK)
			n = quic_sock_peek_stream(s, msg, len, flags, &stamp);
		else
			n = quic_sock_take_stream(sk, s, msg, len - done, flags, &stamp);
		if (n < 0 && !done)
			return n;
		if (n < 0)
			break;
		done += n;
		fin = s->fin_ready && (flags & MSG_PEEK ? s->read + n == s->tail :
							  list_empty(&s->rcvq));
		if (flags & MSG_PEEK)
			break;
		quic_sock_consumed(sk, s, n, fin);
		if (fin || done >= target || !stream_wait(sk, id, &timeo))
			break;
		s = quic_sock_stream_of(quic_stream_find(&quic_sk(sk)->conn, id));
	}
	if (fin)
		msg->msg_flags |= MSG_EOR;
	quic_cmsg_put_stream(msg, id, (fin ? MSG_QUIC_STREAM_FIN : 0) |
				      (early ? MSG_QUIC_STREAM_EARLY : 0));
	quic_cmsg_put_stamp(sk, msg, stamp);
	return done;
}

/* --- messages --- */

/* Up to @len bytes of @m; gone when read to its end. *whole tells. */
static ssize_t recv_part(struct sock *sk, struct quic_msg *m, struct msghdr *msg, size_t len,
			 int flags, bool *whole)
{
	u32 n = min_t(size_t, len, m->len - m->off);

	if (copy_to_iter(m->data + m->off, n, &msg->msg_iter) != n)
		return -EFAULT;
	*whole = m->off + n == m->len;
	if (flags & MSG_PEEK)
		return n;
	m->off += n;
	if (*whole)
		quic_msg_free(sk, m);
	return n;
}

/* Pieces of one level in a row are one run of TLS messages. */
static ssize_t recv_tls(struct sock *sk, struct quic_msg *m, struct msghdr *msg, size_t len,
			int flags)
{
	struct quic_sock *qs = quic_sk(sk);
	u8 level = m->level;
	struct quic_item *it;
	size_t done = 0;
	bool whole;
	ssize_t n;

	if (!quic_cmsg_fits_level(msg))
		return -EINVAL;
	do {
		n = recv_part(sk, m, msg, len - done, flags, &whole);
		if (n < 0)
			return done ? done : n;
		done += n;
		it = quic_sock_first_item(qs);
		m = container_of(it, struct quic_msg, item);
	} while (whole && !(flags & MSG_PEEK) && it && it->kind == QUIC_ITEM_TLS &&
		 m->level == level && done < len);
	if (whole)
		msg->msg_flags |= MSG_EOR;
	quic_cmsg_put_level(msg, level);
	return done;
}

static ssize_t recv_event(struct sock *sk, struct quic_msg *m, struct msghdr *msg, size_t len,
			  int flags)
{
	bool whole = false;
	ssize_t n = recv_part(sk, m, msg, len, flags, &whole);

	if (n < 0)
		return n;
	msg->msg_flags |= MSG_QUIC_NOTIFICATION;
	if (whole)
		msg->msg_flags |= MSG_EOR;
	return n;
}

int quic_sock_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags, int *addr_len)
{
	struct quic_item *it;
	struct quic_msg *m;
	ssize_t ret;
	long timeo;

	if (flags & MSG_OOB)
		return -EINVAL;
	if (flags & MSG_ERRQUEUE)
		return quic_zc_recv(sk, msg, len);
	lock_sock(sk);
	timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	if (unlikely(quic_sk(sk)->mem_short))
		quic_recvbuf_make_room(sk);
	/* It writes no more for now: what waited for that goes out. */
	if (quic_sk(sk)->held_bytes && !quic_sk(sk)->corked)
		quic_sock_flush(sk);
	ret = rx_wait(sk, &timeo);
	if (ret > 0) {
		quic_sk(sk)->my_turn = true;
		it = quic_sock_first_item(quic_sk(sk));
		m = container_of(it, struct quic_msg, item);
		if (it->kind == QUIC_ITEM_STREAM)
			ret = recv_stream(sk, container_of(it, struct quic_sock_stream, item), msg,
					  len, flags, timeo);
		else if (it->kind == QUIC_ITEM_TLS)
			ret = recv_tls(sk, m, msg, len, flags);
		else if (it->kind == QUIC_ITEM_DATAGRAM)
			ret = quic_sock_datagram_recv(sk, container_of(it, struct quic_chunk, item),
						      msg, len, flags);
		else
			ret = recv_event(sk, m, msg, len, flags);
	}
	release_sock(sk);
	return ret;
}
