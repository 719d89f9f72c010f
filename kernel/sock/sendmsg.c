// SPDX-License-Identifier: GPL-2.0
/*
 * sendmsg(): stream data and TLS messages; datagrams go to datagram.c.
 *
 * The unit that costs is the burst, one trip down the stack. So data of several
 * small writes is gathered while there is reason to think that more comes at
 * once: MSG_MORE, packets in flight (Nagle, RFC 896), or an application that
 * writes and writes without reading. All of it is bounded in time, ends when the
 * application turns to reading, and is not done for stream_data_nodelay.
 *
 * Data is taken as far as the peer's limits and the send buffer allow, so what
 * is queued can be sent as soon as congestion control lets it, and no stream
 * fills the buffer with bytes it must not send. The socket lock is let go only
 * while waiting; a stream is looked up anew by its ID afterwards.
 */
#include "../core/tx.h"
#include "file.h"
#include "zerocopy.h"

#define BURST_BYTES	65507		/* of UDP payload: what one GSO skb carries */
#define PACKET_OVERHEAD	48		/* headers and tag of a packet of stream data, and some */

/* How long less than a burst waits for more data. */
#define HOLD_MORE_NS	(200ull * NSEC_PER_MSEC)	/* MSG_MORE */
#define HOLD_NAGLE_NS	NSEC_PER_MSEC	/* less than a packet, others in flight */
#define HOLD_BURST_NS	(200ull * NSEC_PER_USEC)	/* one write follows the other */
#define WRITING_NS	NSEC_PER_MSEC	/* writes this close follow each other */
#define STILL_NS	(HOLD_BURST_NS / 4)	/* and the last one was just now */

#define REFUSED_NS	(50ull * NSEC_PER_MSEC)	/* until refused memory is asked for again */
#define TLS_SEND_MAX	(64 << 10)	/* bytes of TLS messages taken in one call */

static bool over(const struct sock *sk)
{
	return sk->sk_err || (sk->sk_shutdown & SEND_SHUTDOWN);
}

/* What all streams together may still take; the stream's own limit is one more. */
static u64 credit(const struct quic_sock *qs, const struct quic_sock_stream *s)
{
	u64 conn = qs->conn.tx_max > qs->committed ? qs->conn.tx_max - qs->committed : 0;
	u64 used = s ? s->core.tx.written + s->held_bytes : 0;

	if (!s)
		return conn;
	return s->core.tx.max > used ? min(s->core.tx.max - used, conn) : 0;
}

static bool memory_free(const struct sock *sk)
{
	return !quic_sk(sk)->refused_until &&
	       READ_ONCE(sk->sk_wmem_queued) < READ_ONCE(sk->sk_sndbuf);
}

bool quic_sock_room(const struct sock *sk)
{
	return memory_free(sk) && credit(quic_sk(sk), NULL);
}

bool quic_sock_stream_writable(const struct sock *sk, const struct quic_sock_stream *s)
{
	return memory_free(sk) && (s->core.tx.state > QUIC_SEND_SEND || s->core.tx.fin ||
				   credit(quic_sk(sk), s));
}

/* Can @sid (< 0: any of our streams to come) take a byte, or never will? */
static bool stream_writable(const struct sock *sk, s64 sid)
{
	struct quic_stream *s;

	if (sid < 0)
		return quic_sock_room(sk);
	if (!memory_free(sk))
		return false;
	s = quic_stream_find(&quic_sk(sk)->conn, sid);
	return !s || quic_sock_stream_writable(sk, quic_sock_stream_of(s));
}

/*
 * For poll(): established, and what was written last could be written again: a datagram, or on
 * the stream a plain write() goes to. Before the first write either will do.
 */
bool quic_sock_writable(const struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	if (!qs->conn_live || qs->conn.state > QUIC_CONN_ESTABLISHED ||
	    (qs->conn.state < QUIC_CONN_ESTABLISHED && !qs->conn.early.remembered))
		return false;
	if (qs->datagram_last || (qs->last_sid < 0 && qs->conn.remote.max_datagram_frame_size))
		return memory_free(sk);
	return stream_writable(sk, qs->last_sid);
}

static bool may_open(const struct sock *sk, s64 sid, bool uni)
{
	const struct quic_streams *k = &quic_sk(sk)->conn.streams.kind[uni];

	return k->local_next < k->local_max && (sid < 0 || (u64)sid >> 2 < k->local_max);
}

struct tx_wait {
	struct list_head list;	/* quic_sock.writers, without a file */
	s64 sid;
	bool open, uni;
	bool memory;		/* for room in the send buffer alone */
	struct quic_file *file;	/* whose wait queue it is; NULL: the connection's */
};

static bool wait_over(const struct sock *sk, const struct tx_wait *w)
{
	if (over(sk))
		return true;
	if (w->memory)
		return memory_free(sk);
	return w->open ? may_open(sk, w->sid, w->uni) : stream_writable(sk, w->sid);
}

bool quic_sock_space_wanted(const struct sock *sk)
{
	const struct tx_wait *w;

	/* What they wait for need not be what poll() would. */
	list_for_each_entry(w, &quic_sk(sk)->writers, list)
		if (wait_over(sk, w))
			return true;
	return sk->sk_socket && test_bit(SOCK_NOSPACE, &sk->sk_socket->flags) &&
	       quic_sock_writable(sk);
}

static void want_space(struct sock *sk, const struct tx_wait *w)
{
	if (w->file) {
		quic_file_want_space(w->file);
		return;
	}
	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	if (sk->sk_socket)
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
}

/* Sleep until there is a point in trying again. Return: 0 or why not to. */
static int tx_wait(struct sock *sk, struct tx_wait *w, long *timeo)
{
	struct sock *on = w->file ? quic_file_sk(w->file) : sk;
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	int err = 0;

	if (!*timeo) {
		/* Edge-triggered epoll and SIGIO are owed news, without another poll(). */
		want_space(sk, w);
		return -EAGAIN;
	}
	/* What the peer needs in order to raise its limits has to go out first. */
	quic_sock_flush(sk);
	INIT_LIST_HEAD(&w->list);
	if (!w->file)
		list_add_tail(&w->list, &quic_sk(sk)->writers);
	add_wait_queue(sk_sleep(on), &wait);
	while (!wait_over(sk, w)) {
		err = -EAGAIN;
		if (!*timeo)
			break;
		err = sock_intr_errno(*timeo);
		if (signal_pending(current))
			break;
		err = 0;
		if (w->file)
			quic_file_want_space(w->file);
		quic_sock_sleep(sk, timeo, &wait);
	}
	remove_wait_queue(sk_sleep(on), &wait);
	list_del(&w->list);
	if (!err && over(sk))
		err = -EPIPE;
	return err;
}

void quic_sock_memory_refused(struct sock *sk)
{
	u64 now = ktime_get_ns();

	/* What is only set aside is given back first. */
	quic_train_free_spare(sk);
	quic_sendbuf_free_spare(sk);
	quic_sock_datagram_free_spare(sk);
	quic_sk(sk)->refused_until = now + REFUSED_NS;
	quic_sock_timer_set(sk, now);
}

int quic_sock_wait_memory(struct sock *sk, long *timeo)
{
	struct tx_wait w = { .memory = true };

	return memory_free(sk) ? 0 : tx_wait(sk, &w, timeo);
}

/* --- which stream --- */

struct quic_sock_stream *quic_sock_stream_open(struct sock *sk, s64 sid, bool uni, long *timeo,
					       int *err)
{
	struct quic_sock *qs = quic_sk(sk);
	struct tx_wait w = { .open = true, .sid = sid };
	struct quic_stream *s;

	w.uni = sid < 0 ? uni : !!(sid & QUIC_STREAM_TYPE_UNI_MASK);
	if (unlikely(qs->mem_short))
		quic_recvbuf_make_room(sk);
	for (;;) {
		if (sid < 0)
			s = quic_stream_open(&qs->conn, uni, err);
		else
			s = quic_stream_open_id(&qs->conn, sid, err);
		if (s) {
			qs->last_sid = s->id;
			return quic_sock_stream_of(s);
		}
		if (*err != -EAGAIN)
			return NULL;
		*err = tx_wait(sk, &w, timeo);
		if (*err)
			return NULL;
	}
}

static struct quic_sock_stream *tx_stream(struct sock *sk, const struct quic_cmsg *a, long *timeo,
					  int *err)
{
	struct quic_sock *qs = quic_sk(sk);
	bool new = a->flags & MSG_QUIC_STREAM_NEW;
	s64 sid = a->sid < 0 && !new ? qs->last_sid : a->sid;
	long no_wait = 0;
	struct quic_stream *s;

	*err = -EINVAL;
	if (sid >= 0) {
		s = quic_stream_find(&qs->conn, sid);
		*err = -EBUSY;
		if (s && (quic_sock_stream_of(s)->file || quic_sock_stream_of(s)->waiting))
			return NULL;
		*err = -EINVAL;
		if (s && new && (s->tx.state != QUIC_SEND_READY ||
				 quic_sock_stream_of(s)->held_bytes))
			return NULL;
		if (s)
			return quic_sock_stream_of(s);
		if (!new)
			return NULL;
	}
	return quic_sock_stream_open(sk, sid, a->flags & MSG_QUIC_STREAM_UNI,
				     a->flags & MSG_QUIC_STREAM_DONTWAIT ? &no_wait : timeo, err);
}

/* Ours to write and unfinished? */
static bool tx_open(const struct quic_stream *s)
{
	return s->tx.exists && !s->tx.fin && s->tx.state <= QUIC_SEND_SEND;
}

/* Still there, and that? */
static struct quic_sock_stream *tx_again(struct sock *sk, u64 id)
{
	struct quic_stream *s = quic_stream_find(&quic_sk(sk)->conn, id);

	return s && tx_open(s) ? quic_sock_stream_of(s) : NULL;
}

/* --- stream data --- */

/* The receiver learns that its limit is what stops us (RFC 9000, 19.12 and 19.13). */
static void say_blocked(struct sock *sk, struct quic_stream *s)
{
	struct quic_conn *c = &quic_sk(sk)->conn;

	if (s->tx.written + quic_sock_stream_of(s)->held_bytes >= s->tx.max &&
	    s->tx.blocked_at != s->tx.max) {
		s->tx.blocked_at = s->tx.max;
		s->tx.blocked_wanted = true;
		quic_stream_activate(c, s);
	} else if (quic_sk(sk)->committed >= c->tx_max && c->tx_blocked_at != c->tx_max) {
		c->tx_blocked_at = c->tx_max;
		c->data_blocked_wanted = true;
	}
}

/* Stream bytes that fill the packets of one burst. */
static u32 burst_bytes(const struct quic_sock *qs)
{
	u32 mtu = qs->conn.pmtu.cur;

	return min_t(u32, BURST_BYTES / mtu, QUIC_BURST_MAX) * (mtu - PACKET_OVERHEAD);
}

/* Return: ns that what is held may wait; 0: send now */
static u64 may_hold(struct quic_sock *qs, bool more, bool fin, u64 now)
{
	bool writing = !qs->my_turn && now - qs->last_write < WRITING_NS;

	qs->my_turn = false;
	qs->last_write = now;
	if (more)
		return HOLD_MORE_NS;
	if (fin || qs->config.stream_data_nodelay)
		return 0;
	if (writing)
		return HOLD_BURST_NS;
	if (qs->held_bytes < qs->conn.pmtu.cur && qs->conn.loss.bytes_in_flight)
		return HOLD_NAGLE_NS;
	return 0;
}

static void pump_or_hold(struct sock *sk, bool more, bool fin)
{
	struct quic_sock *qs = quic_sk(sk);
	u64 now = ktime_get_ns();
	u64 ns = may_hold(qs, more, fin, now);

	qs->corked = more;
	if (!ns || (!more && !qs->held_bytes)) {
		quic_sock_flush_at(sk, now);
	} else if (!qs->hold_until || now + ns < qs->hold_until) {
		if (!qs->hold_until)
			qs->hold_from = now;
		qs->hold_until = now + ns;
		quic_sock_timer_set(sk, now);
	}
}

/* As Nagle: while there is something in flight, and the next write will be here at once */
static bool may_wait(const struct quic_sock *qs, u64 now)
{
	return qs->hold_until && !qs->corked && qs->conn.loss.bytes_in_flight &&
	       now < qs->last_write + STILL_NS && now < qs->hold_from + HOLD_NAGLE_NS;
}

void quic_sock_held_due(struct sock *sk, u64 now)
{
	struct quic_sock *qs = quic_sk(sk);
	u32 packet, whole;

	if (!qs->held_bytes || !may_wait(qs, now)) {
		quic_sendbuf_commit(sk);
		return;
	}
	packet = qs->conn.pmtu.cur - quic_tx_text_off(&qs->conn) - QUIC_AEAD_TAG;
	whole = rounddown(quic_sendbuf_held_size(sk), packet);
	if (whole) {
		quic_sendbuf_commit_some(sk, whole);
		qs->hold_from = now;
	}
	qs->hold_until = qs->held_bytes ? now + HOLD_BURST_NS : 0;
}

/* Take one piece. Return: bytes, 0 when it must wait first, or an error */
static int take(struct sock *sk, struct quic_sock_stream *s, struct msghdr *msg, struct quic_zc *z)
{
	struct quic_sock *qs = quic_sk(sk);
	u32 burst = burst_bytes(qs);
	u64 may = credit(qs, s);
	int n;

	if (!may)
		say_blocked(sk, &s->core);
	if (!may || !memory_free(sk))
		return 0;
	/* Never more at once than completes the burst: the rest begins the next. */
	may = min_t(u64, may, burst - min(qs->held_bytes, burst - 1));
	n = quic_zc_start(z, quic_sendbuf_uarg(s), msg_data_left(msg));
	if (n)
		return n;
	n = quic_sendbuf_append(sk, s, msg, min_t(u64, may, msg_data_left(msg)), z);
	quic_zc_took(z, n);
	if (n == -ENOBUFS) {
		quic_sock_memory_refused(sk);
		return 0;
	}
	if (n < 0)
		return n;
	if (!s->held_bytes)
		list_add_tail(&s->held, &qs->held);
	s->held_bytes += n;
	qs->held_bytes += n;
	qs->unacked += n;
	qs->committed += n;
	if (qs->held_bytes >= burst)
		quic_sock_flush(sk);
	return n;
}

int quic_sock_send_data(struct sock *sk, struct quic_sock_stream *s, struct msghdr *msg,
			size_t len, bool fin, long timeo)
{
	struct tx_wait w = { .sid = s->core.id, .file = s->file };
	const struct quic_sock *qs = quic_sk(sk);
	size_t done = 0;
	int err = 0, n;
	struct quic_zc z;

	quic_zc_begin(&z, s->file ? quic_file_sk(s->file) : sk,
		      s->file ? READ_ONCE(s->file->zerocopy_ro) : qs->zerocopy_ro, msg);
	while (done < len) {
		n = take(sk, s, msg, &z);
		if (n > 0) {
			done += n;
			/* Sending may end the connection, or the peer the stream. */
			err = over(sk) ? -EPIPE : 0;
		} else {
			s->want_max_data = true;
			err = n ? n : tx_wait(sk, &w, &timeo);
		}
		if (err)
			break;
		/* What is held has not been sent: then nothing has happened meanwhile. */
		if (n <= 0 || !qs->held_bytes)
			s = tx_again(sk, w.sid);
		if (!s && done < len) {
			err = -EINVAL;
			break;
		}
	}
	quic_zc_end(&z);
	if (s && fin && done == len)
		quic_sendbuf_commit_fin(sk, s);
	pump_or_hold(sk, msg->msg_flags & MSG_MORE, fin);
	return done || !len ? (int)done : err;
}

static int send_stream(struct sock *sk, struct msghdr *msg, size_t len, const struct quic_cmsg *a,
		       long timeo)
{
	bool fin = a->flags & MSG_QUIC_STREAM_FIN;
	struct quic_sock_stream *s;
	int err;

	if (!len && !fin)
		return -EMSGSIZE;
	s = tx_stream(sk, a, &timeo, &err);
	if (!s)
		return err;
	quic_sk(sk)->datagram_last = false;
	if (!tx_open(&s->core))
		return -EINVAL;
	err = quic_sock_send_data(sk, s, msg, len, fin, timeo);
	/* Programs tell flow control from a full accept of streams by this. */
	return err == -EAGAIN && a->has_stream ? -ENOSPC : err;
}

/* --- TLS messages --- */

static int send_tls(struct sock *sk, struct msghdr *msg, size_t len, u8 level)
{
	struct quic_sock *qs = quic_sk(sk);
	u8 *buf;
	int err;

	if (!len)
		return -EMSGSIZE;
	len = min_t(size_t, len, TLS_SEND_MAX);
	buf = kvmalloc(len, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	err = -EFAULT;
	if (copy_from_iter_full(buf, len, &msg->msg_iter))
		err = quic_conn_crypto_send(&qs->conn, level, buf, len);
	kvfree(buf);
	if (err)
		return err;
	/* MSG_MORE: another level follows and shares the datagram (RFC 9000, 12.2). */
	if (!(msg->msg_flags & MSG_MORE))
		quic_sock_flush(sk);
	return len;
}

/* MSG_BATCH: sendmmsg() has the next one at hand. */
static int send_datagram(struct sock *sk, struct msghdr *msg, size_t len, long timeo)
{
	struct quic_sock *qs = quic_sk(sk);
	u64 now = ktime_get_ns();
	int n = quic_sock_datagram_send(sk, msg, len, timeo);

	if (n < 0 || !(msg->msg_flags & (MSG_MORE | MSG_BATCH))) {
		quic_sock_flush(sk);
	} else if (!qs->hold_until) {
		qs->hold_until = now + HOLD_MORE_NS;
		quic_sock_timer_set(sk, now);
	}
	return n;
}

/* Is there a connection that takes data at all? */
static int check_state(struct sock *sk, const struct quic_cmsg *a)
{
	struct quic_sock *qs = quic_sk(sk);
	int err;

	if (!qs->conn_live)
		return qs->dead ? -EPIPE : -ENOTCONN;
	if (over(sk) || qs->conn.state > QUIC_CONN_ESTABLISHED) {
		err = sock_error(sk);
		return err ? err : -EPIPE;
	}
	if (a->has_level && qs->tls_stale)
		return -ESTALE;
	/* Before the peer's limits are known there is nothing to wait for. */
	if (!a->has_level && !qs->conn.peer_tp_set && !qs->conn.early.remembered)
		return -ENOTCONN;
	return 0;
}

int quic_sock_sendmsg(struct sock *sk, struct msghdr *msg, size_t len)
{
	struct quic_cmsg a;
	long timeo;
	int err;

	err = quic_cmsg_parse(msg, &a);
	if (err)
		return err;
	lock_sock(sk);
	quic_sock_unpark(sk);
	timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	err = check_state(sk, &a);
	if (!err) {
		if (a.has_level)
			err = send_tls(sk, msg, len, a.level);
		else if (msg->msg_flags & MSG_QUIC_DATAGRAM)
			err = send_datagram(sk, msg, len, timeo);
		else
			err = send_stream(sk, msg, len, &a, timeo);
	}
	if (err == -EPIPE)
		err = sk_stream_error(sk, msg->msg_flags, err);
	release_sock(sk);
	return err;
}
