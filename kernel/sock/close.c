// SPDX-License-Identifier: GPL-2.0
/*
 * The end of a socket: shutdown(), close(), lingering orphans, and what a
 * connection's end means to those who wait.
 *
 * Data queued before close() is delivered: the socket lives on as an orphan
 * until all of it is acknowledged, the connection ends, or QUIC_LINGER_NS
 * passed. Then CONNECTION_CLOSE goes out, the IDs go to a tombstone
 * (net/tomb.c) that answers for the rest of the closing state, and the socket
 * is freed in process context. As with TCP an orphan holds module and
 * namespace, and where there are too many of them close() drops the data.
 */
#include "file.h"

int quic_sysctl_max_orphans = 8192;
static atomic_t orphans;

/* --- the connection ended --- */

int quic_sock_close_errno(const struct quic_sock *qs)
{
	const struct quic_conn *c = &qs->conn;
	const struct quic_close_info *ci = &c->close;

	if (ci->silent && c->state == QUIC_CONN_CLOSED)
		return c->stats.packets_received || !qs->net_err ? -ETIMEDOUT : -qs->net_err;
	if (ci->silent)
		return -ECONNRESET;
	if (ci->app || ci->code == QUIC_ERR_NO_ERROR)
		return 0;
	if (!ci->remote)
		return -EPROTO;
	switch (ci->code) {
	case QUIC_ERR_CONNECTION_REFUSED:
		return -ECONNREFUSED;
	case QUIC_ERR_APPLICATION:	/* closed by an application in the handshake: 10.2.3 */
		return 0;
	default:
		return -EPROTO;
	}
}

void quic_sock_closed(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	int err = quic_sock_close_errno(qs);

	WRITE_ONCE(sk->sk_state, TCP_CLOSE);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	qs->wake |= QUIC_WAKE_STATE | QUIC_WAKE_EACH | QUIC_WAKE_READ;
	if (err) {
		WRITE_ONCE(sk->sk_err, -err);
		qs->wake |= QUIC_WAKE_ERROR;
	}
	if (qs->conn.close.remote)
		quic_event_close(sk);
}

int quic_sock_why(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	int err = sock_error(sk);

	if (err)
		return err;
	if (!qs->conn_live || qs->conn.state > QUIC_CONN_ESTABLISHED)
		return -ENOTCONN;
	return 0;
}

/* --- saying so --- */

static void say_close(struct sock *sk, u64 now)
{
	struct quic_sock *qs = quic_sk(sk);
	static const struct quic_connection_close plain;
	const struct quic_connection_close *cl = qs->close ?: &plain;
	bool alert = cl->frame == QUIC_FT_CRYPTO && cl->errcode >= QUIC_ERR_CRYPTO &&
		     cl->errcode <= QUIC_ERR_CRYPTO + 0xff;

	quic_conn_close(&qs->conn, !alert, cl->errcode, cl->frame, cl->phrase,
			strnlen(cl->phrase, sizeof(cl->phrase)), now);
}

void quic_sock_check_linger(struct sock *sk, u64 now)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_conn *c = &qs->conn;

	if (!qs->shut_wr || qs->dead)
		return;
	if (c->state == QUIC_CONN_HANDSHAKE ||
	    (c->state == QUIC_CONN_ESTABLISHED &&
	     (quic_conn_quiet(c) || (qs->orphan && now >= qs->linger_until)))) {
		say_close(sk, now);
		quic_sock_xmit(sk, now);
	}
	if (qs->orphan && c->state > QUIC_CONN_ESTABLISHED && !qs->burying) {
		qs->burying = true;
		quic_sock_queue_work(sk, QUIC_CHORE_BURY);
	}
}

/* --- giving everything back --- */

static unsigned int collect_cids(const struct quic_conn *c, struct quic_cid *cids)
{
	unsigned int i, n = 0;

	for (i = 0; i < quic_cid_locals(&c->cids); i++)
		if (quic_cid_local_at(&c->cids, i)->used)
			cids[n++] = quic_cid_local_at(&c->cids, i)->cid;
	if (c->odcid_hashed)
		cids[n++] = *quic_conn_first_id(c);
	return n;
}

/* A sealed CONNECTION_CLOSE for the tombstone to repeat (RFC 9000, 10.2.1). Return: length or 0 */
static int final_packet(struct quic_conn *c, u8 *buf, u64 now)
{
	struct quic_burst *b;
	int len;

	/* Keys that could not be made again say nothing. */
	if (c->state != QUIC_CONN_CLOSING || quic_parked(c))
		return 0;
	b = kmalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		return 0;
	c->close_wanted = true;
	quic_tx_begin(b, c, now);
	len = quic_tx_datagram(b, buf, QUIC_DGRAM_MIN);
	if (quic_tx_end(b) || len < 0)
		len = 0;
	kfree(b);
	return len;
}

static void bury(struct sock *sk, u64 now)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_conn *c = &qs->conn;
	struct quic_cid cids[QUIC_CID_LOCAL_MAX + 1];
	unsigned int n = collect_cids(c, cids);
	int len;
	u8 *buf;

	if (!n || c->state == QUIC_CONN_CLOSED || c->close_until <= now)
		return;
	buf = kmalloc(QUIC_DGRAM_MIN, GFP_KERNEL);
	if (!buf)
		return;
	len = final_packet(c, buf, now);
	quic_demux_bury(qs->ep, sk, cids, n, &qs->peer, buf, len, c->close_until - now);
	kfree(buf);
}

static void end_conn(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_conn *c = &qs->conn;
	u64 now = ktime_get_ns();

	/* A server that never understood its client says nothing. */
	if (!c->server || c->stats.packets_received) {
		say_close(sk, now);
		if (c->close_wanted)
			quic_sock_xmit(sk, now);
		bury(sk, now);
	}
	quic_watch(sk);
	quic_sock_purge_ready(sk);
	__skb_queue_purge(&sk->sk_receive_queue);
	quic_conn_free(c);
	if (qs->empty_cid)
		quic_demux_del_path(qs->ep, &qs->peer, sk);
	quic_endpoint_leave(qs->ep, sk);
	quic_sock_paths_free(sk);
	qs->conn_live = false;
}

void quic_sock_destroy_conn(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	if (qs->dead)
		return;
	qs->dead = true;
	if (qs->listener)
		quic_listener_stop(qs->listener);
	qs->listener = NULL;
	if (qs->conn_live)
		end_conn(sk);
	if (qs->orphan)
		atomic_dec(&orphans);
	quic_sock_timer_stop(sk);
	quic_peer_release(&qs->peer);
	quic_sock_preferred_free(qs);
	if (qs->ep)
		quic_endpoint_put(qs->ep);
	qs->ep = NULL;
	quic_sock_purge_ready(sk);
	if (qs->post)
		quic_msg_free(sk, qs->post);
	qs->post = NULL;
	kfree_sensitive(qs->ticket);
	qs->ticket = NULL;
	kfree(qs->token);
	qs->token = NULL;
	kfree(qs->tp);
	qs->tp = NULL;
	kfree(qs->close);
	qs->close = NULL;
	kfree(qs->alpn);
	qs->alpn = NULL;
	qs->alpn_len = 0;
	kfree(qs->files);
	qs->files = NULL;
	quic_train_free_spare(sk);
	quic_sendbuf_free_spare(sk);
	quic_sock_datagram_free_spare(sk);
	quic_xmit_let_go(sk);
	sk_mem_reclaim_final(sk);
	WRITE_ONCE(sk->sk_state, TCP_CLOSE);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
}

/* --- shutdown() and close() --- */

static bool alive(const struct quic_sock *qs)
{
	return qs->conn_live && qs->conn.state <= QUIC_CONN_ESTABLISHED;
}

/*
 * Nobody will read from this socket: what is here goes; the peer may send on, to be thrown away
 * too. Streams with a descriptor are read there.
 */
static void discard_unread(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	struct rb_node *n, *next;

	quic_file_accept_on(sk, false);
	quic_sock_purge_ready(sk);
	for (n = rb_first(&qs->conn.streams.tree); n; n = next) {
		struct quic_stream *s = rb_entry(n, struct quic_stream, node);

		next = rb_next(n);
		if (quic_sock_stream_of(s)->file)
			continue;
		quic_recvbuf_discard(sk, quic_sock_stream_of(s));
		/* Its end counts as read, too: the peer may open another. @s may go. */
		if (quic_sock_stream_of(s)->fin_ready || quic_sock_stream_of(s)->reset_ready)
			quic_stream_read_end(&qs->conn, s);
	}
}

static void stop_listening(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	quic_listener_stop(qs->listener);
	qs->listener = NULL;
	WRITE_ONCE(sk->sk_state, TCP_CLOSE);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	sk->sk_state_change(sk);
}

static int do_shutdown(struct sock *sk, int how)
{
	struct quic_sock *qs = quic_sk(sk);

	if (qs->listener) {
		if (how & RCV_SHUTDOWN)
			stop_listening(sk);
		return 0;
	}
	if (!alive(qs))
		return -ENOTCONN;
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | how);
	if (how & RCV_SHUTDOWN)
		discard_unread(sk);
	if (how & SEND_SHUTDOWN)
		qs->shut_wr = true;
	/* Who waits at a stream's descriptor hears of it, too. */
	qs->wake |= QUIC_WAKE_STATE | QUIC_WAKE_EACH;
	quic_sock_flush(sk);
	return 0;
}

int quic_sock_shutdown(struct socket *sock, int how)
{
	struct sock *sk = sock->sk;
	int err;

	/* SHUT_RD, SHUT_WR, SHUT_RDWR to RCV_SHUTDOWN | SEND_SHUTDOWN */
	how++;
	if ((how & ~SHUTDOWN_MASK) || !how)
		return -EINVAL;
	lock_sock(sk);
	quic_sock_unpark(sk);
	err = do_shutdown(sk, how);
	release_sock(sk);
	return err;
}

/* SO_LINGER with a time: close() itself waits. */
static void wait_closed(struct sock *sk, long timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);

	add_wait_queue(sk_sleep(sk), &wait);
	while (timeo && alive(quic_sk(sk)) && !signal_pending(current))
		quic_sock_sleep(sk, &timeo, &wait);
	remove_wait_queue(sk_sleep(sk), &wait);
}

/* As tcp_check_oom(). Return: true, counted; or there are too many orphans */
static bool adopt(struct sock *sk)
{
	if (atomic_inc_return(&orphans) <= READ_ONCE(quic_sysctl_max_orphans) &&
	    atomic_long_read(sk->sk_prot->memory_allocated) <= sk_prot_mem_limits(sk, 2))
		return true;
	atomic_dec(&orphans);
	return false;
}

/*
 * Streams with a descriptor of their own live on, and the connection with them: as with files, what
 * one process still has open another one's close() does not end.
 */
static void leave_to_files(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	qs->left = true;
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | RCV_SHUTDOWN);
	discard_unread(sk);
	if (alive(qs) && sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime)
		say_close(sk, ktime_get_ns());
	quic_sock_flush(sk);
	sock_orphan(sk);
}

/* The application is done with it. Lets the lock go. */
static void leave(struct sock *sk, long timeout)
{
	struct quic_sock *qs = quic_sk(sk);
	u64 now = ktime_get_ns();

	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	if (alive(qs)) {
		quic_file_accept_on(sk, false);
		quic_sock_purge_ready(sk);
		if (sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime)
			say_close(sk, now);
		qs->shut_wr = true;
		quic_sock_flush(sk);
		if (timeout)
			wait_closed(sk, timeout);
	}
	if (alive(qs) && !adopt(sk)) {
		say_close(sk, now);
		quic_sock_flush(sk);
	}
	if (alive(qs)) {
		qs->orphan = true;
		qs->linger_until = now + QUIC_LINGER_NS;
		sock_orphan(sk);
		quic_sock_timer_set(sk, now);
		release_sock(sk);
		return;
	}
	release_sock(sk);
	sk_common_release(sk);
}

void quic_sock_leave(struct sock *sk)
{
	lock_sock(sk);
	quic_sock_unpark(sk);
	leave(sk, 0);
}

void quic_sock_close(struct sock *sk, long timeout)
{
	lock_sock(sk);
	quic_sock_unpark(sk);
	if (quic_files_live(quic_sk(sk))) {
		leave_to_files(sk);
		release_sock(sk);
	} else {
		leave(sk, timeout);
	}
}
