// SPDX-License-Identifier: GPL-2.0
/*
 * Packets in, and the pump that follows: after each train one decision what to
 * send, one look at the timer, one wake-up.
 */
#include "file.h"

/* --- what came --- */

unsigned int quic_sock_feed(struct sock *sk, struct sk_buff *skb, u64 now)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_path_key key;
	unsigned int nseg, n;

	if (!quic_endpoint_device_ok(qs->ep, sk, skb->skb_iif))
		return 0;
	quic_skb_path(skb, &key);
	if (!quic_path_from(&qs->conn, &key))
		return 0;
	nseg = DIV_ROUND_UP(skb->len, max(quic_skb_seg_size(skb), 1u));
	qs->cur = quic_recvbuf_train(sk, nseg, skb->len);
	if (!qs->cur) {
		atomic_inc(&sk->sk_drops);
		return 0;
	}
	if (sock_flag(sk, SOCK_RCVTSTAMP))
		qs->cur->stamp = skb->tstamp ? ktime_to_ns(skb->tstamp) : ktime_get_real_ns();
	qs->rx_skb = skb;
	n = quic_skb_rx(&qs->conn, skb, now);
	qs->rx_skb = NULL;
	quic_recvbuf_train_done(sk, xchg(&qs->cur, NULL));
	return n;
}

static void rcv(struct sock *sk, struct sk_buff *skb)
{
	struct quic_sock *qs = quic_sk(sk);

	if (qs->conn_live) {
		quic_sock_feed(sk, skb, ktime_get_ns());
		consume_skb(skb);
		quic_sendbuf_grow(sk);
		quic_sock_pump(sk);
	} else {
		kfree_skb(skb);
	}
}

int quic_sock_backlog_rcv(struct sock *sk, struct sk_buff *skb)
{
	rcv(sk, skb);
	return 0;
}

void quic_sock_rcv(struct sock *sk, struct sk_buff *skb)
{
	/* Unread data counts here, too. As TCP: ACKs are small and must not wait for room. */
	u64 limit = (u64)quic_recvbuf_bound(sk) + READ_ONCE(sk->sk_sndbuf) + (64u << 10);

	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk)) {
		rcv(sk, skb);
	} else if (sk_add_backlog(sk, skb, min_t(u64, limit, U32_MAX))) {
		atomic_inc(&sk->sk_drops);
		kfree_skb(skb);
	}
	bh_unlock_sock(sk);
}

/* As TCP in SYN_SENT: nobody answered yet, and now somebody says that nobody will. */
static bool unanswered(const struct quic_sock *qs)
{
	return qs->conn_live && !qs->conn.server && qs->conn.state == QUIC_CONN_HANDSHAKE &&
	       !qs->conn.stats.packets_received;
}

void quic_sock_refused(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	if (!unanswered(qs))
		return;
	quic_conn_set_closed(&qs->conn);
	quic_sock_pump(sk);
}

static bool same_remote(const union quic_addr *a, const union quic_addr *b)
{
	if (a->sa.sa_family == AF_INET)
		return a->v4.sin_port == b->v4.sin_port &&
		       a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	return a->v6.sin6_port == b->v6.sin6_port &&
	       ipv6_addr_equal(&a->v6.sin6_addr, &b->v6.sin6_addr);
}

void quic_sock_unreachable(struct sock *sk, const union quic_addr *to, const struct quic_cid *dcid,
			   int err)
{
	struct quic_sock *qs = quic_sk(sk);
	const struct quic_cid *first;

	bh_lock_sock(sk);
	first = quic_conn_first_id(&qs->conn);
	if (!unanswered(qs) || !same_remote(to, &qs->peer.remote) ||
	    !quic_cid_eq(first, dcid->id, dcid->len))
		goto out;
	/* Others may pass, and tell what it was when time is up. */
	qs->net_err = err;
	if (err != ECONNREFUSED)
		goto out;
	if (sock_owned_by_user(sk))
		__set_bit(QUIC_DEFER_REFUSED, &qs->deferred);
	else
		quic_sock_refused(sk);
out:
	bh_unlock_sock(sk);
}

void quic_sock_shrink(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	if (!qs->conn_live)
		return;
	quic_conn_too_big(&qs->conn, qs->too_big, ktime_get_ns());
	quic_sock_pump(sk);
}

void quic_sock_too_big(struct sock *sk, const union quic_addr *to, const u8 *id, u32 len,
		       u32 payload)
{
	struct quic_sock *qs = quic_sk(sk);
	const struct quic_cid *cid;

	bh_lock_sock(sk);
	if (!qs->conn_live || qs->conn.state != QUIC_CONN_ESTABLISHED)
		goto out;
	cid = quic_cid_remote(&qs->conn);
	if (!cid->len || len < cid->len || memcmp(id, cid->id, cid->len) ||
	    !same_remote(to, &qs->peer.remote))
		goto out;
	qs->too_big = payload;
	if (sock_owned_by_user(sk))
		__set_bit(QUIC_DEFER_TOO_BIG, &qs->deferred);
	else
		quic_sock_shrink(sk);
out:
	bh_unlock_sock(sk);
}

/* --- what follows --- */

void quic_sock_wake(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	u8 wake = qs->wake;

	if (!wake)
		return;
	qs->wake = 0;
	if (unlikely(qs->files))
		quic_file_wake_all(sk, wake);
	if (sock_flag(sk, SOCK_DEAD))
		return;
	if (wake & QUIC_WAKE_STATE)
		sk->sk_state_change(sk);
	if (wake & QUIC_WAKE_ERROR)
		sk_error_report(sk);
	if (wake & QUIC_WAKE_READ)
		sk->sk_data_ready(sk);
	if ((wake & QUIC_WAKE_WRITE) && sk->sk_socket &&
	    test_bit(SOCK_NOSPACE, &sk->sk_socket->flags) && quic_sock_writable(sk))
		sk->sk_write_space(sk);
}

/* The connection is over and the core reads the pages no more. */
static void purge_send(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	struct rb_node *n;

	qs->purged = true;
	quic_datagram_flush(&qs->conn);
	for (n = rb_first(&qs->conn.streams.tree); n; n = rb_next(n))
		quic_sendbuf_purge(sk, quic_sock_stream_of(rb_entry(n, struct quic_stream, node)));
}

void quic_sock_pump(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	u64 now = ktime_get_ns();

	if (!qs->conn_live)
		return;
	if (now >= qs->hold_until)
		quic_sendbuf_commit(sk);
	quic_sock_xmit(sk, now);
	quic_sock_check_linger(sk, now);
	if (qs->conn.state > QUIC_CONN_ESTABLISHED && !qs->purged)
		purge_send(sk);
	quic_sock_timer_set(sk, now);
	quic_sock_wake(sk);
}

void quic_sock_flush(struct sock *sk)
{
	quic_sk(sk)->hold_until = 0;
	quic_sock_pump(sk);
}
