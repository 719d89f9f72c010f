// SPDX-License-Identifier: GPL-2.0
/* The way to net/xmit.c and back: a socket as the outlet it sends through. */
#include "../compat/memcg.h"
#include "sock.h"

static void xmit(struct sock *sk, u64 now)
{
	struct quic_sock *qs = quic_sk(sk);
	const struct quic_outlet out = {
		.conn = &qs->conn,
		.ep = qs->ep,
		.peer = &qs->peer,
		.slot = qs->peer_slot,
		.other = qs->other,
	};
	struct mem_cgroup *memcg = quic_compat_memcg_enter(sk);

	quic_xmit(sk, &out, now);
	quic_compat_memcg_leave(memcg);
}

void quic_sock_xmit(struct sock *sk, u64 now)
{
	struct quic_sock *qs = quic_sk(sk);

	if (unlikely(quic_parked(&qs->conn)))
		quic_sock_park_xmit(sk, now);
	else if (quic_xmit_wanted(sk, &qs->conn, now))
		xmit(sk, now);
}

struct quic_xmit_state *quic_sock_xmit_state(struct sock *sk)
{
	return &quic_sk(sk)->xmit;
}

struct sock *quic_sock_of_xmit(struct quic_xmit_state *st)
{
	return quic_sock_sk(container_of(st, struct quic_sock, xmit));
}

void quic_sock_drained(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	bh_lock_sock(sk);
	if (sock_owned_by_user(sk))
		__set_bit(QUIC_DEFER_TIMER, &qs->deferred);
	else if (qs->conn_live)
		quic_sock_pump(sk);
	bh_unlock_sock(sk);
}
