// SPDX-License-Identifier: GPL-2.0
/*
 * Connections at rest give their transforms up (core/park.h). What comes for one that did waits in
 * sk_receive_queue, which nothing else uses, charged as unread data is and bounded; the work item,
 * or whoever calls first to send, makes the connection whole and goes on with it.
 */
#include "../compat/memcg.h"
#include "sock.h"

#define WAITING_MAX	32	/* trains */

u64 quic_sock_park_at(const struct quic_sock *qs)
{
	return qs->orphan || qs->shut_wr || qs->hold_until ? U64_MAX : quic_park_at(&qs->conn);
}

void quic_sock_park(struct sock *sk, u64 now)
{
	struct quic_sock *qs = quic_sk(sk);

	if (qs->conn_live && quic_sock_park_at(qs) <= now)
		quic_park(&qs->conn);
}

void quic_sock_park_rcv(struct sock *sk, struct sk_buff *skb)
{
	/* Data that waits to be read is no reason: this may be what the peer closes with. */
	if (skb_queue_len(&sk->sk_receive_queue) >= WAITING_MAX ||
	    quic_compat_memcg_full(sk, skb->truesize) ||
	    !sk_rmem_schedule(sk, skb, skb->truesize)) {
		atomic_inc(&sk->sk_drops);
		kfree_skb(skb);
	} else {
		skb_set_owner_r(skb, sk);
		__skb_queue_tail(&sk->sk_receive_queue, skb);
	}
	quic_sock_queue_work(sk, QUIC_CHORE_UNPARK);
}

void quic_sock_park_xmit(struct sock *sk, u64 now)
{
	if (quic_park_wanted(&quic_sk(sk)->conn, now) || !skb_queue_empty(&sk->sk_receive_queue))
		quic_sock_queue_work(sk, QUIC_CHORE_UNPARK);
}

void quic_sock_park_end(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	u64 now = ktime_get_ns();
	struct sk_buff *skb;

	if (quic_park_end(&qs->conn, now)) {
		quic_conn_retry(&qs->conn, now);
		quic_sock_timer_set(sk, now);
		return;
	}
	while ((skb = __skb_dequeue(&sk->sk_receive_queue))) {
		skb_orphan(skb);
		quic_sock_feed(sk, skb, now);
		consume_skb(skb);
	}
	quic_sock_pump(sk);
}
