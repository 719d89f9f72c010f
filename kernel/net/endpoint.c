// SPDX-License-Identifier: GPL-2.0
/*
 * Endpoints: kernel UDP sockets that QUIC sockets send from and receive on.
 *
 * The UDP socket is an ordinary one with UDP_GRO on, so that GSO and GRO
 * trains come whole to its data-ready callback (one with encap_rcv would get
 * them split). What it receives stays in its queue for a moment only: the
 * callback drains it, in softirq.
 *
 * The list, and binding and closing, are under quic_net.endpoints_lock, which
 * nests inside the lock of a QUIC socket and outside of that of UDP sockets.
 */
#include <linux/in.h>
#include <linux/net.h>
#include <linux/udp.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/udp.h>

#include "../compat/sock.h"
#include "door.h"
#include "mib.h"

#define RCVBUF	(8 << 20)	/* bytes: packets are only passing through */

static const __be16 *port_of(const union quic_addr *a)
{
	return a->sa.sa_family == AF_INET6 ? &a->v6.sin6_port : &a->v4.sin_port;
}

static __be16 *addr_port(union quic_addr *a)
{
	return (__be16 *)port_of(a);
}

bool quic_endpoint_wildcard(const struct quic_endpoint *ep)
{
	if (ep->local.sa.sa_family == AF_INET6)
		return ipv6_addr_any(&ep->local.v6.sin6_addr);
	return !ep->local.v4.sin_addr.s_addr;
}

bool quic_endpoint_covers(const struct quic_endpoint *ep, const union quic_addr *a)
{
	if (*port_of(a) && *port_of(a) != inet_sk(ep->sk)->inet_sport)
		return false;
	if (quic_endpoint_wildcard(ep))
		return !quic_addr_is_v4(a) || ep->local.sa.sa_family == AF_INET || !ep->v6only;
	if (a->sa.sa_family == AF_INET)
		return a->v4.sin_addr.s_addr == ep->local.v4.sin_addr.s_addr;
	return ipv6_addr_equal(&a->v6.sin6_addr, &ep->local.v6.sin6_addr);
}

bool quic_endpoint_device_ok(const struct quic_endpoint *ep, const struct sock *sk,
			     const struct quic_ifs *in)
{
	int bound = READ_ONCE(sk->sk_bound_dev_if);

	/* Bound when the endpoint was made: then UDP looked at it. */
	return !bound || bound == ep->bound_if || bound == in->iif || bound == in->sdif;
}

static void receive(struct quic_endpoint *ep, struct sk_buff *skb)
{
	skb->dev = NULL;	/* UDP kept notes of its own in there */
	/* Dequeuing does not verify it; of a local or merged train it is known to be right. */
	if (udp_lib_checksum_complete(skb)) {
		quic_mib_inc(ep->net, QUIC_MIB_CSUM_ERRORS);
		kfree_skb(skb);
		return;
	}
	quic_dispatch(ep, skb);
}

/* Whoever adds to the queues calls data_ready() afterwards: what is not seen here is not lost. */
static bool drained(const struct sock *sk)
{
	return skb_queue_empty_lockless(&sk->sk_receive_queue) &&
	       skb_queue_empty_lockless(&udp_sk(sk)->reader_queue);
}

static void data_ready(struct sock *sk)
{
	struct quic_endpoint *ep;
	struct sk_buff *skb;
	int off = 0, err;

	rcu_read_lock();
	ep = rcu_dereference_sk_user_data(sk);
	while (ep) {
		skb = __skb_recv_udp(sk, MSG_DONTWAIT, &off, &err);
		/* An error that came meanwhile is not the end of what is queued. */
		if (!skb && err && err != -EAGAIN)
			continue;
		if (!skb)
			break;
		receive(ep, skb);
		if (drained(sk))
			break;
	}
	rcu_read_unlock();
}

static void error_report(struct sock *sk)
{
	struct quic_endpoint *ep;

	rcu_read_lock();
	ep = rcu_dereference_sk_user_data(sk);
	if (ep)
		quic_icmp_drain(ep);
	rcu_read_unlock();
}

static int addr_len(const union quic_addr *a)
{
	return a->sa.sa_family == AF_INET6 ? sizeof(a->v6) : sizeof(a->v4);
}

static bool same_addr(const union quic_addr *a, const union quic_addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->v4.sin_port == b->v4.sin_port &&
		       a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	return a->v6.sin6_port == b->v6.sin6_port &&
	       a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
	       ipv6_addr_equal(&a->v6.sin6_addr, &b->v6.sin6_addr);
}

static int enable_gro(struct socket *sock)
{
	int one = 1;

	return sock->ops->setsockopt(sock, SOL_UDP, UDP_GRO, KERNEL_SOCKPTR(&one), sizeof(one));
}

/* ICMP errors with what they quote, also for IPv4 through an IPv6 socket */
static int enable_errors(struct socket *sock)
{
	sockptr_t one = KERNEL_SOCKPTR(&(int){ 1 });
	int err;

	err = sock->ops->setsockopt(sock, SOL_IP, IP_RECVERR, one, sizeof(int));
	if (!err && sock->sk->sk_family == AF_INET6)
		err = sock->ops->setsockopt(sock, SOL_IPV6, IPV6_RECVERR, one, sizeof(int));
	return err;
}

static void prepare(struct quic_endpoint *ep)
{
	struct sock *sk = ep->sk;

	lock_sock(sk);
	if (sk->sk_family == AF_INET6) {
		sk->sk_ipv6only = ep->v6only;
		inet6_sk(sk)->pmtudisc = IPV6_PMTUDISC_INTERFACE;
	}
	/* RFC 9000, 14.2.1: ICMP messages that anyone can make up must not narrow the route. */
	inet_sk(sk)->pmtudisc = IP_PMTUDISC_INTERFACE;
	sk->sk_userlocks |= SOCK_RCVBUF_LOCK;
	WRITE_ONCE(sk->sk_rcvbuf, RCVBUF);
	sk->sk_data_ready = data_ready;
	sk->sk_error_report = error_report;
	rcu_assign_sk_user_data(sk, ep);
	release_sock(sk);
}

static void close_socket(struct quic_endpoint *ep)
{
	if (!ep->sock)
		return;
	rcu_assign_sk_user_data(ep->sk, NULL);
	sock_release(ep->sock);
}

static int open_socket(struct quic_endpoint *ep)
{
	union quic_addr *local = &ep->local;
	struct sock *sk;
	int err;

	err = sock_create_kern(ep->net, local->sa.sa_family, SOCK_DGRAM, IPPROTO_UDP, &ep->sock);
	if (err) {
		ep->sock = NULL;
		return err;
	}
	sk = ep->sock->sk;
	ep->sk = sk;
	prepare(ep);
	err = enable_gro(ep->sock) ?: enable_errors(ep->sock);
	if (err)
		return err;
	if (ep->bound_if) {
		err = sock_bindtoindex(sk, ep->bound_if, true);
		if (err)
			return err;
	}
	err = quic_compat_bind(ep->sock, &local->sa, addr_len(local));
	if (err)
		return err;
	*addr_port(local) = inet_sk(sk)->inet_sport;
	return 0;
}

/* The last reference is gone: close. Whoever binds the same port meanwhile waits in get(). */
static void closing(struct work_struct *work)
{
	struct quic_endpoint *ep = container_of(work, struct quic_endpoint, work);
	struct quic_net *qn = quic_net(ep->net);
	struct quic_door *door;

	mutex_lock(&qn->endpoints_lock);
	list_del(&ep->list);
	close_socket(ep);
	mutex_unlock(&qn->endpoints_lock);
	door = rcu_access_pointer(ep->door);
	if (door)
		kfree_rcu(door, rcu);
	kfree_rcu(ep, rcu);
}

static struct quic_endpoint *create(struct quic_net *qn, const union quic_addr *local,
				    bool v6only, int bound_if)
{
	struct quic_endpoint *ep = kzalloc(sizeof(*ep), GFP_KERNEL);
	int err;

	if (!ep)
		return ERR_PTR(-ENOMEM);
	refcount_set(&ep->refs, 1);
	atomic_set(&ep->users, 1);
	spin_lock_init(&ep->lock);
	INIT_WORK(&ep->work, closing);
	ep->net = qn->net;
	ep->local = *local;
	ep->v6only = v6only;
	ep->bound_if = bound_if;
	ep->uid = current_euid();
	err = open_socket(ep);
	if (err) {
		close_socket(ep);
		kfree_rcu(ep, rcu);
		return ERR_PTR(err);
	}
	list_add(&ep->list, &qn->endpoints);
	return ep;
}

static struct quic_endpoint *find(const struct quic_net *qn, const union quic_addr *local,
				  bool v6only, int bound_if)
{
	struct quic_endpoint *ep;

	list_for_each_entry(ep, &qn->endpoints, list)
		if (same_addr(&ep->local, local) && ep->bound_if == bound_if &&
		    ep->v6only == v6only)
			return ep;
	return NULL;
}

/* What bind() would have checked, had it been asked. */
static int may_share(const struct quic_endpoint *ep, bool reuse)
{
	bool master = ns_capable(ep->net->user_ns, CAP_NET_BIND_SERVICE);
	union quic_addr a = ep->local;

	if (inet_port_requires_bind_service(ep->net, ntohs(*addr_port(&a))) && !master)
		return -EACCES;
	if (!atomic_read(&ep->users))
		return 0;	/* only tombstones */
	if (reuse && (master || uid_eq(ep->uid, current_euid())))
		return 0;
	return -EADDRINUSE;
}

/* Return: endpoint, error, or NULL: one that is being closed is in the way */
static struct quic_endpoint *get_locked(struct quic_net *qn, const union quic_addr *local,
					bool v6only, int bound_if, bool reuse)
{
	union quic_addr want = *local;
	struct quic_endpoint *ep = NULL;
	int err;

	if (*addr_port(&want))
		ep = find(qn, local, v6only, bound_if);
	if (!ep)
		return create(qn, local, v6only, bound_if);
	if (!refcount_inc_not_zero(&ep->refs))
		return NULL;
	err = may_share(ep, reuse);
	if (err) {
		quic_endpoint_unref(ep);
		return ERR_PTR(err);
	}
	if (!atomic_fetch_inc(&ep->users))
		ep->uid = current_euid();
	return ep;
}

struct quic_endpoint *quic_endpoint_get(struct net *net, union quic_addr *local, bool v6only,
					int bound_if, bool reuse)
{
	struct quic_net *qn = quic_net(net);
	struct quic_endpoint *ep;
	int tries = 2;

	if (local->sa.sa_family != AF_INET6)
		v6only = false;
	do {
		mutex_lock(&qn->endpoints_lock);
		ep = get_locked(qn, local, v6only, bound_if, reuse);
		mutex_unlock(&qn->endpoints_lock);
		if (ep && ep != ERR_PTR(-EADDRINUSE))
			break;
		/* Perhaps one that was just let go of, or only serves tombstones. */
		if (*addr_port(local))
			quic_tomb_evict(qn, *addr_port(local));
		flush_workqueue(quic_net_wq);
	} while (--tries);
	if (!ep)
		ep = ERR_PTR(-EADDRINUSE);
	if (!IS_ERR(ep))
		*addr_port(local) = inet_sk(ep->sk)->inet_sport;
	return ep;
}

void quic_endpoint_ref(struct quic_endpoint *ep)
{
	refcount_inc(&ep->refs);
}

void quic_endpoint_unref(struct quic_endpoint *ep)
{
	if (refcount_dec_and_test(&ep->refs))
		queue_work(quic_net_wq, &ep->work);
}

void quic_endpoint_hold(struct quic_endpoint *ep)
{
	atomic_inc(&ep->users);
	quic_endpoint_ref(ep);
}

void quic_endpoint_put(struct quic_endpoint *ep)
{
	atomic_dec(&ep->users);
	quic_endpoint_unref(ep);
}

void quic_endpoint_enter(struct quic_endpoint *ep, struct sock *sk)
{
	spin_lock_bh(&ep->lock);
	if (ep->sole && ep->sole != sk)
		ep->shared = true;
	if (ep->shared) {
		WRITE_ONCE(ep->sole, NULL);
	} else {
		WRITE_ONCE(ep->sole, sk);
		ep->sole_uses++;
	}
	spin_unlock_bh(&ep->lock);
}

void quic_endpoint_leave(struct quic_endpoint *ep, struct sock *sk)
{
	spin_lock_bh(&ep->lock);
	if (ep->sole == sk && !--ep->sole_uses)
		WRITE_ONCE(ep->sole, NULL);
	spin_unlock_bh(&ep->lock);
}
