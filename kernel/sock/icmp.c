// SPDX-License-Identifier: GPL-2.0
/*
 * ICMP errors about packets of ours: what of them is believed (net/icmp.c tells why), and done.
 *
 * They come in softirq. Whoever owns the socket changes the connection without its spinlock, so
 * nothing of that is looked at meanwhile: the news waits for release_sock(), one at a time. Others
 * that come while one waits are lost, as ICMP may be.
 */
#include "sock.h"

struct quic_icmp {
	union quic_addr to;		/* whom the packet was for */
	struct quic_cid dcid;		/* its destination ID, or what is behind a short header */
	int err;			/* EMSGSIZE: payload counts */
	u32 payload;			/* bytes of UDP payload that pass */
};

/* As TCP in SYN_SENT: nobody answered yet, and now somebody says that nobody will. */
static void undeliverable(struct sock *sk, const struct quic_icmp *i)
{
	struct quic_sock *qs = quic_sk(sk);
	const struct quic_cid *first = quic_conn_first_id(&qs->conn);

	if (qs->conn.server || qs->conn.state != QUIC_CONN_HANDSHAKE ||
	    qs->conn.stats.packets_received || !quic_cid_eq(first, i->dcid.id, i->dcid.len))
		return;
	/* Others may pass, and tell what it was when time is up. */
	qs->net_err = i->err;
	if (i->err != ECONNREFUSED)
		return;
	quic_conn_set_closed(&qs->conn);
	quic_sock_pump(sk);
}

/* News for the MTU search. */
static void too_big(struct sock *sk, const struct quic_icmp *i)
{
	struct quic_conn *c = &quic_sk(sk)->conn;
	const struct quic_cid *cid;

	if (c->state != QUIC_CONN_ESTABLISHED)
		return;
	cid = quic_cid_remote(c);
	if (!cid->len || i->dcid.len < cid->len || memcmp(i->dcid.id, cid->id, cid->len))
		return;
	quic_conn_too_big(c, i->payload, ktime_get_ns());
	quic_sock_pump(sk);
}

static void take(struct sock *sk, const struct quic_icmp *i)
{
	struct quic_sock *qs = quic_sk(sk);

	if (!qs->conn_live || !quic_sock_peer_at(sk, &i->to))
		return;
	if (i->err == EMSGSIZE)
		too_big(sk, i);
	else
		undeliverable(sk, i);
}

static void take_or_defer(struct sock *sk, const struct quic_icmp *i)
{
	struct quic_sock *qs = quic_sk(sk);

	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk))
		take(sk, i);
	else if (!qs->icmp)
		qs->icmp = kmemdup(i, sizeof(*i), GFP_ATOMIC | __GFP_NOWARN);
	bh_unlock_sock(sk);
}

void quic_sock_icmp_deferred(struct sock *sk)
{
	struct quic_icmp *i = xchg(&quic_sk(sk)->icmp, NULL);

	take(sk, i);
	kfree(i);
}

void quic_sock_unreachable(struct sock *sk, const union quic_addr *to, const struct quic_cid *dcid,
			   int err)
{
	const struct quic_icmp i = { .to = *to, .dcid = *dcid, .err = err };

	take_or_defer(sk, &i);
}

void quic_sock_too_big(struct sock *sk, const union quic_addr *to, const u8 *id, u32 len,
		       u32 payload)
{
	struct quic_icmp i = { .to = *to, .err = EMSGSIZE, .payload = payload };

	quic_cid_set(&i.dcid, id, min_t(u32, len, QUIC_CID_MAX));
	take_or_defer(sk, &i);
}
