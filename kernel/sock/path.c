// SPDX-License-Identifier: GPL-2.0
/*
 * The socket's part in paths: addresses and endpoints of each, option 6, and
 * what moving means for a socket's names.
 *
 * qs->peer and qs->ep are those of the path in use, slot qs->peer_slot of the
 * core; qs->other[] has those of the other slots, each with a hold on its
 * endpoint. When the core moves they change places.
 */
#include <linux/random.h>

#include "../net/mib.h"
#include "sockopt.h"

/* --- a path's life: struct quic_conn_ops --- */

static struct quic_peer *peer_new(struct sock *sk, struct quic_endpoint *ep)
{
	struct quic_peer *peer = kzalloc(sizeof(*peer), GFP_ATOMIC | __GFP_NOWARN);

	if (!peer)
		return NULL;
	peer->hash = get_random_u32() | 1;
	peer->ep = ep;
	quic_endpoint_hold(ep);
	quic_endpoint_enter(ep, sk);
	return peer;
}

static void peer_free(struct sock *sk, struct quic_peer *peer)
{
	quic_peer_release(peer);
	quic_endpoint_leave(peer->ep, sk);
	quic_endpoint_put(peer->ep);
	kfree(peer);
}

int quic_sock_path_new(struct sock *sk, u8 slot)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_peer *peer = qs->asked;

	qs->asked = NULL;
	if (!peer && qs->rx_skb) {
		peer = peer_new(sk, qs->ep);
		if (peer)
			quic_skb_addrs(qs->rx_skb, qs->ep, &peer->local, &peer->remote);
	}
	if (!peer)
		return -ENOMEM;
	qs->other[slot] = peer;
	return 0;
}

void quic_sock_path_del(struct sock *sk, u8 slot)
{
	struct quic_sock *qs = quic_sk(sk);

	if (qs->other[slot])
		peer_free(sk, qs->other[slot]);
	qs->other[slot] = NULL;
}

void quic_sock_paths_free(struct sock *sk)
{
	unsigned int i;

	for (i = 0; i < QUIC_PATHS_MAX; i++)
		quic_sock_path_del(sk, i);
}

void quic_sock_migrated(struct sock *sk, u8 local)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_conn *c = &qs->conn;
	u8 from = qs->peer_slot, to = c->path->slot;
	struct quic_peer *peer = qs->other[to];
	struct quic_endpoint *ep = peer->ep;

	quic_mib_inc(sock_net(sk), QUIC_MIB_MIGRATIONS);
	peer->ep = NULL;
	swap(qs->peer, *peer);
	peer->ep = qs->ep;
	qs->ep = ep;
	qs->other[to] = NULL;
	qs->other[from] = peer;
	qs->peer_slot = to;
	if (!c->server)
		qs->local = qs->peer.local;
	quic_sock_set_inet(sk);
	if (qs->peer.payload)
		quic_conn_set_mtu(c, qs->peer.payload, ktime_get_ns());
	quic_event_put(sk, QUIC_EVENT_CONNECTION_MIGRATION, &local, sizeof(local));
}

/* --- a client moves --- */

/* Validate the way from @local (port 0: any; address any: the route's) and move. */
static int probe(struct sock *sk, struct quic_endpoint *ep, const union quic_addr *local,
		 const union quic_addr *remote, bool preferred)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_peer *peer = peer_new(sk, ep);
	struct quic_path_key key;
	int err;

	if (!peer)
		return -ENOMEM;
	peer->local = *local;
	peer->remote = *remote;
	err = quic_peer_route(peer, sk, ep);
	if (err >= 0) {
		quic_peer_path(peer, &key);
		qs->asked = peer;
		err = quic_path_probe(&qs->conn, &key, preferred, ktime_get_ns());
		if (!qs->asked)
			return err;	/* it is the core's */
		qs->asked = NULL;
	}
	peer_free(sk, peer);
	return err;
}

static __be16 *port_of(union quic_addr *a)
{
	return a->sa.sa_family == AF_INET6 ? &a->v6.sin6_port : &a->v4.sin_port;
}

static int migrate(struct sock *sk, union quic_addr *local)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_endpoint *ep;
	int err;

	if (quic_addr_is_v4(local) != quic_addr_is_v4(&qs->peer.remote))
		return -EINVAL;
	/* RFC 9000, 5.1: our addresses are all we are found by. */
	if (qs->empty_cid)
		return -EOPNOTSUPP;
	/* What was bound to any address suits; who names no port wants another. */
	if (*port_of(local) && quic_endpoint_covers(qs->ep, local)) {
		ep = qs->ep;
		quic_endpoint_hold(ep);
	} else {
		ep = quic_endpoint_get(sock_net(sk), local,
				       sk->sk_family == AF_INET6 && ipv6_only_sock(sk),
				       sk->sk_bound_dev_if, *port_of(local));
		if (IS_ERR(ep))
			return PTR_ERR(ep);
	}
	err = probe(sk, ep, local, &qs->peer.remote, false);
	quic_endpoint_put(ep);
	switch (err) {
	case 0:
		quic_sock_pump(sk);
		return 0;
	case -EPERM:
		return -EINVAL;
	case -EEXIST:
		return -EADDRINUSE;
	case -EINVAL:		/* the route's word for an address that is not ours */
		return -EADDRNOTAVAIL;
	}
	return err;
}

/* RFC 9000, 21.5: nothing on this host unless the server is, nor one of the other family. */
static bool preferred_ok(const union quic_addr *a, const union quic_addr *now)
{
	if (quic_addr_is_any(a) || quic_addr_is_v4(a) != quic_addr_is_v4(now))
		return false;
	if (a->sa.sa_family == AF_INET)
		return !ipv4_is_loopback(a->v4.sin_addr.s_addr) ||
		       ipv4_is_loopback(now->v4.sin_addr.s_addr);
	if (quic_addr_is_v4(a))
		return !ipv4_is_loopback(a->v6.sin6_addr.s6_addr32[3]) ||
		       ipv4_is_loopback(now->v6.sin6_addr.s6_addr32[3]);
	return !ipv6_addr_loopback(&a->v6.sin6_addr) || ipv6_addr_loopback(&now->v6.sin6_addr);
}

/*
 * RFC 9000, 9.6: where the server would rather have us. One that cannot be reached from here
 * is none.
 */
void quic_sock_confirmed_client(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	const struct quic_handshake *hs = qs->conn.hs;
	const struct quic_preferred_addr *p = &hs->preferred;
	bool v4 = quic_addr_is_v4(&qs->peer.remote);
	union quic_addr local = qs->local, remote = {};

	if (!hs->has_preferred || !(v4 ? p->port4 : p->port6) || qs->empty_cid)
		return;
	remote.sa.sa_family = sk->sk_family;
	if (sk->sk_family == AF_INET) {
		memcpy(&remote.v4.sin_addr, p->v4, 4);
		remote.v4.sin_port = htons(p->port4);
	} else if (v4) {
		ipv6_addr_set_v4mapped(get_unaligned((__be32 *)p->v4), &remote.v6.sin6_addr);
		remote.v6.sin6_port = htons(p->port4);
	} else {
		memcpy(&remote.v6.sin6_addr, p->v6, 16);
		remote.v6.sin6_port = htons(p->port6);
	}
	if (preferred_ok(&remote, &qs->peer.remote))
		probe(sk, qs->ep, &local, &remote, true);
}

/*
 * No way from our address any more: perhaps it is gone. A client that is bound to none looks for
 * another; the route says which.
 */
void quic_sock_no_route(struct sock *sk, u64 now)
{
	struct quic_sock *qs = quic_sk(sk);
	union quic_addr local = {};

	if (qs->conn.server || !qs->conn.confirmed || qs->conn.paths.next ||
	    qs->empty_cid || !quic_endpoint_wildcard(qs->ep))
		return;
	local.sa.sa_family = sk->sk_family;
	*port_of(&local) = *port_of(&qs->peer.local);
	probe(sk, qs->ep, &local, &qs->peer.remote, false);
}

/* --- a server's preferred address --- */

static int set_preferred(struct sock *sk, union quic_addr *a)
{
	struct quic_sock *qs = quic_sk(sk);
	bool v4 = quic_addr_is_v4(a);
	struct quic_preferred_addr *p = &qs->tp->preferred;
	struct quic_endpoint *ep = NULL;

	if (!*port_of(a) || quic_addr_is_any(a))
		return -EINVAL;
	if (!quic_endpoint_covers(qs->ep, a)) {
		ep = quic_endpoint_get(sock_net(sk), a, !v4, sk->sk_bound_dev_if, true);
		if (IS_ERR(ep))
			return PTR_ERR(ep);
	}
	if (qs->preferred[v4])
		quic_endpoint_put(qs->preferred[v4]);
	qs->preferred[v4] = ep;
	if (a->sa.sa_family == AF_INET)
		memcpy(p->v4, &a->v4.sin_addr, 4);
	else if (v4)
		memcpy(p->v4, &a->v6.sin6_addr.s6_addr32[3], 4);
	else
		memcpy(p->v6, &a->v6.sin6_addr, 16);
	*(v4 ? &p->port4 : &p->port6) = ntohs(*port_of(a));
	qs->tp->has_preferred = true;
	if (qs->conn_live)
		quic_conn_offer_preferred(&qs->conn, p);
	return 0;
}

void quic_sock_preferred_inherit(struct quic_sock *child, const struct quic_sock *parent)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		child->preferred[i] = parent->preferred[i];
		if (child->preferred[i])
			quic_endpoint_hold(child->preferred[i]);
	}
}

void quic_sock_preferred_free(struct quic_sock *qs)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		if (qs->preferred[i])
			quic_endpoint_put(qs->preferred[i]);
		qs->preferred[i] = NULL;
	}
}

/* --- option 6 --- */

int quic_sock_migration_set(struct sock *sk, const void *val, u32 len)
{
	struct quic_sock *qs = quic_sk(sk);
	union quic_addr a = {};
	int err;

	if (!qs->conn_live && !qs->ep)
		return -ENOTCONN;
	err = qs->conn_live ? quic_sockopt_alive(qs) : 0;
	if (!err)
		err = quic_sock_parse_local(sk, val, len, &a);
	if (err)
		return err == -EAFNOSUPPORT ? -EINVAL : err;
	if (qs->conn_live && !qs->conn.server)
		return migrate(sk, &a);
	/* Before what it says is told to the client */
	if (qs->conn_live && qs->conn.local_tp_used)
		return -EINVAL;
	return set_preferred(sk, &a);
}
