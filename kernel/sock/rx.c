// SPDX-License-Identifier: GPL-2.0
/*
 * Packets in, and the pump that follows: after each train one decision what to
 * send, one look at the timer, one wake-up.
 */
#include <linux/net_tstamp.h>

#include "../compat/memcg.h"
#include "../net/mib.h"
#include "file.h"

static void pump(struct sock *sk, u64 now);

/* --- what came --- */

unsigned int quic_sock_feed(struct sock *sk, struct sk_buff *skb, u64 now)
{
	struct quic_sock *qs = quic_sk(sk);
	struct mem_cgroup *memcg;
	struct quic_path_key key;
	struct quic_ifs in;
	unsigned int nseg, n;

	in = quic_skb_ifs(skb);
	quic_skb_path(skb, &key);
	if (!quic_endpoint_device_ok(qs->ep, sk, &in) || !quic_path_from(&qs->conn, &key)) {
		quic_mib_inc(sock_net(sk), QUIC_MIB_NOISE);
		return 0;
	}
	nseg = DIV_ROUND_UP(skb->len, max(quic_skb_seg_size(skb), 1u));
	qs->cur = quic_train_new(sk, nseg, skb->len);
	if (!qs->cur) {
		quic_mib_inc(sock_net(sk), QUIC_MIB_NO_BUFFER);
		atomic_inc(&sk->sk_drops);
		return 0;
	}
	if (sock_flag(sk, SOCK_RCVTSTAMP) ||
	    (READ_ONCE(sk->sk_tsflags) & SOF_TIMESTAMPING_RX_SOFTWARE))
		qs->cur->stamp = skb->tstamp ? ktime_to_ns(skb->tstamp) : ktime_get_real_ns();
	qs->rx_skb = skb;
	memcg = quic_compat_memcg_enter(sk);
	n = quic_skb_rx(&qs->conn, skb, now);
	quic_compat_memcg_leave(memcg);
	qs->rx_skb = NULL;
	quic_recvbuf_train_done(sk, xchg(&qs->cur, NULL));
	return n;
}

static void rcv(struct sock *sk, struct sk_buff *skb)
{
	struct quic_sock *qs = quic_sk(sk);

	if (unlikely(qs->conn_live && quic_parked(&qs->conn))) {
		quic_sock_park_rcv(sk, skb);
	} else if (qs->conn_live) {
		u64 now = ktime_get_ns();
		bool train = skb_is_gso(skb);

		quic_sock_feed(sk, skb, now);
		consume_skb(skb);
		quic_sendbuf_grow(sk);
		/* It takes a train to take a while. */
		pump(sk, train ? ktime_get_ns() : now);
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
		quic_mib_inc(sock_net(sk), QUIC_MIB_BACKLOG_DROPS);
		atomic_inc(&sk->sk_drops);
		kfree_skb(skb);
	}
	bh_unlock_sock(sk);
}

bool quic_sock_peer_at(const struct sock *sk, const union quic_addr *remote)
{
	const union quic_addr *a = &quic_sk(sk)->peer.remote;

	if (remote->sa.sa_family == AF_INET)
		return remote->v4.sin_port == a->v4.sin_port &&
		       remote->v4.sin_addr.s_addr == a->v4.sin_addr.s_addr;
	return remote->v6.sin6_port == a->v6.sin6_port &&
	       ipv6_addr_equal(&remote->v6.sin6_addr, &a->v6.sin6_addr);
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
	if ((wake & QUIC_WAKE_WRITE) && quic_sock_space_wanted(sk))
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

static void pump(struct sock *sk, u64 now)
{
	struct quic_sock *qs = quic_sk(sk);

	if (!qs->conn_live)
		return;
	if (now >= qs->hold_until)
		quic_sock_held_due(sk, now);
	if (unlikely(qs->refused_until) && now >= qs->refused_until) {
		qs->refused_until = 0;
		qs->wake |= QUIC_WAKE_WRITE;
	}
	quic_sock_xmit(sk, now);
	quic_sock_check_linger(sk, now);
	if (qs->conn.state > QUIC_CONN_ESTABLISHED && !qs->purged)
		purge_send(sk);
	quic_sock_timer_set(sk, now);
	quic_watch(sk);
	quic_sock_wake(sk);
}

void quic_sock_pump(struct sock *sk)
{
	pump(sk, ktime_get_ns());
}

void quic_sock_flush_at(struct sock *sk, u64 now)
{
	quic_sk(sk)->hold_until = 0;
	pump(sk, now);
}

void quic_sock_flush(struct sock *sk)
{
	quic_sock_flush_at(sk, ktime_get_ns());
}
