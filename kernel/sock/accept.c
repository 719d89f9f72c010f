// SPDX-License-Identifier: GPL-2.0
/*
 * listen() and accept().
 *
 * A connection attempt waits as datagrams in the listener (net/listen.c); its
 * socket is made here, by the task that accepts: memory is charged to that
 * task's cgroup and transforms are allocated where sleeping is allowed.
 * The listener's socket lock is held throughout, so the listener stays.
 */
#include <linux/security.h>
#include <net/inet_common.h>

#include "../net/mib.h"
#include "file.h"
#include "zerocopy.h"

#define JUNK_MAX	64	/* attempts that were none a non-blocking accept() looks at */

static int start_listening(struct sock *sk, int backlog)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_listen how = {
		.alpn = qs->alpn,
		.alpn_len = qs->alpn_len,
		.validate = qs->config.validate_peer_address,
	};
	struct quic_listener *l;

	if (qs->conn_live)
		return -EISCONN;
	if (!qs->ep)
		return -EDESTADDRREQ;
	if (sk->sk_shutdown)
		return -EINVAL;
	if (qs->empty_cid)
		return -EOPNOTSUPP;
	how.grease = qs->tp->terms.grease_quic_bit;
	quic_sock_versions(qs, &how.versions);
	l = quic_listener_start(qs->ep, sk, backlog, &how);
	if (IS_ERR(l))
		return PTR_ERR(l);
	qs->listener = l;
	sk->sk_max_ack_backlog = backlog;
	WRITE_ONCE(sk->sk_state, TCP_LISTEN);
	return 0;
}

int quic_sock_listen(struct socket *sock, int backlog)
{
	struct sock *sk = sock->sk;
	struct quic_sock *qs = quic_sk(sk);
	int err = 0;

	lock_sock(sk);
	if (qs->listener && !backlog) {
		quic_listener_stop(qs->listener);
		qs->listener = NULL;
		WRITE_ONCE(sk->sk_state, TCP_CLOSE);
		sk->sk_state_change(sk);
	} else if (qs->listener) {
		quic_listener_backlog(qs->listener, backlog);
		sk->sk_max_ack_backlog = backlog;
	} else if (backlog) {
		err = start_listening(sk, backlog);
	}
	release_sock(sk);
	return err;
}

/* Return: 0 with a request waiting, or why not. */
static int wait_request(struct sock *sk, long *timeo)
{
	struct quic_sock *qs = quic_sk(sk);
	DEFINE_WAIT(wait);
	int err;

	for (;;) {
		/* Requests come without the socket lock: on the queue first, then look. */
		prepare_to_wait_exclusive(sk_sleep(sk), &wait, TASK_INTERRUPTIBLE);
		err = -EINVAL;
		if (!qs->listener)
			break;
		err = 0;
		if (quic_listener_ready(qs->listener))
			break;
		err = -EAGAIN;
		if (!*timeo)
			break;
		err = sock_intr_errno(*timeo);
		if (signal_pending(current))
			break;
		release_sock(sk);
		*timeo = schedule_timeout(*timeo);
		lock_sock(sk);
	}
	finish_wait(sk_sleep(sk), &wait);
	return err;
}

#if IS_ENABLED(CONFIG_IPV6)
static void copy_ipv6(struct sock *to, const struct sock *from)
{
	struct ipv6_pinfo *np = &((struct quic6_sock *)to)->inet6;

	inet_sk(to)->pinet6 = np;
	/* Options that matter to a connected unicast socket; the pointers start empty. */
	np->hop_limit = inet6_sk(from)->hop_limit;
	np->tclass = inet6_sk(from)->tclass;
	np->pmtudisc = inet6_sk(from)->pmtudisc;
	np->mcast_hops = inet6_sk(from)->mcast_hops;
	to->sk_ipv6only = from->sk_ipv6only;
}
#endif

/* Who takes timestamps is counted, so the first is not merely copied (sock_enable_timestamps). */
static void copy_flags(struct sock *to, const struct sock *from)
{
	static const enum sock_flags copied[] = {
		SOCK_LINGER, SOCK_LOCALROUTE, SOCK_RCVTSTAMPNS, SOCK_TSTAMP_NEW, SOCK_RCVTSTAMP,
	};
	unsigned int i;

	if (sock_flag(from, SOCK_RCVTSTAMP))
		sock_enable_timestamps(to);
	for (i = 0; i < ARRAY_SIZE(copied); i++)
		sock_valbool_flag(to, copied[i], sock_flag(from, copied[i]));
}

static struct sock *child_alloc(struct sock *sk, bool kern)
{
	struct sock *child = sk_alloc(sock_net(sk), sk->sk_family, GFP_KERNEL, sk->sk_prot, kern);

	if (!child)
		return NULL;
	sock_init_data(NULL, child);
	child->sk_type = sk->sk_type;
	child->sk_family = sk->sk_family;
	child->sk_protocol = sk->sk_protocol;
	child->sk_destruct = sk->sk_destruct;
	child->sk_backlog_rcv = sk->sk_prot->backlog_rcv;
	child->sk_bound_dev_if = sk->sk_bound_dev_if;
	child->sk_reuse = sk->sk_reuse;
	child->sk_reuseport = sk->sk_reuseport;
	child->sk_rcvlowat = sk->sk_rcvlowat;
	child->sk_lingertime = sk->sk_lingertime;
	child->sk_rcvtimeo = sk->sk_rcvtimeo;
	child->sk_sndtimeo = sk->sk_sndtimeo;
	child->sk_mark = sk->sk_mark;
	child->sk_priority = sk->sk_priority;
	child->sk_txrehash = sk->sk_txrehash;
	copy_flags(child, sk);
	child->sk_tsflags = READ_ONCE(sk->sk_tsflags);
	inet_sk(child)->uc_ttl = inet_sk(sk)->uc_ttl;
	inet_sk(child)->tos = inet_sk(sk)->tos;
	inet_sk(child)->pmtudisc = inet_sk(sk)->pmtudisc;
	inet_sk(child)->mc_ttl = 1;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		copy_ipv6(child, sk);
#endif
	security_sk_clone(sk, child);
	if (sk->sk_prot->init(child)) {
		sk_common_release(child);
		return NULL;
	}
	WRITE_ONCE(child->sk_sndbuf, sk->sk_sndbuf);
	WRITE_ONCE(child->sk_rcvbuf, sk->sk_rcvbuf);
	child->sk_userlocks = sk->sk_userlocks & (SOCK_SNDBUF_LOCK | SOCK_RCVBUF_LOCK);
	return child;
}

/* Keys, IDs and the first datagrams. The client's Initial has to open, else it was no attempt. */
static int child_start(struct sock *sk, struct sock *child, struct quic_request *r)
{
	struct quic_sock *qs = quic_sk(child);
	struct quic_packet first = {
		.type = QUIC_PKT_INITIAL,
		.version = r->version,
		.dcid = r->dcid.id,
		.dcid_len = r->dcid.len,
		.scid = r->scid.id,
		.scid_len = r->scid.len,
	};
	u64 now = ktime_get_ns();
	struct sk_buff *skb;
	int err, mtu;

	err = quic_sockopt_inherit(qs, quic_sk(sk));
	if (err)
		return err;
	quic_sock_preferred_inherit(qs, quic_sk(sk));
	quic_zc_inherit(child, sk);
	qs->local = quic_sk(sk)->local;
	qs->ep = quic_sk(sk)->ep;
	quic_endpoint_hold(qs->ep);
	qs->peer.local = r->local;
	qs->peer.remote = r->remote;
	mtu = quic_peer_route(&qs->peer, child, qs->ep);
	if (mtu < 0)
		return mtu;
	err = quic_sock_conn_init(child, true, r->version) ?: quic_file_accept_inherit(child, sk);
	if (!err && r->validated)
		quic_conn_validated(&qs->conn, r->retried ? &r->odcid : NULL);
	if (!err)
		err = quic_conn_accept(&qs->conn, &first, now);
	if (err)
		return err;
	quic_conn_set_mtu(&qs->conn, mtu, now);
	quic_sock_set_inet(child);
	WRITE_ONCE(child->sk_state, TCP_SYN_RECV);

	while ((skb = skb_dequeue(&r->skbs))) {
		quic_sock_feed(child, skb, now);
		consume_skb(skb);
	}
	if (!qs->conn.stats.packets_received || qs->conn.state != QUIC_CONN_HANDSHAKE)
		return -EBADMSG;
	return 0;
}

/* Return: the new socket; NULL: this attempt was none (*err 0) or accept() fails with *err. */
static struct sock *accept_one(struct sock *sk, bool kern, int *err)
{
	struct quic_listener *l = quic_sk(sk)->listener;
	struct quic_request *r = quic_listener_next(l);
	struct sock *child;

	*err = 0;
	if (!r)
		return NULL;
	child = child_alloc(sk, kern);
	if (!child) {
		quic_request_drop(l, r);
		*err = -ENOMEM;
		return NULL;
	}
	lock_sock_nested(child, SINGLE_DEPTH_NESTING);
	if (child_start(sk, child, r)) {
		quic_request_drop(l, r);
		release_sock(child);
		sk_common_release(child);
		return NULL;
	}
	local_bh_disable();
	quic_mib_inc(sock_net(sk), QUIC_MIB_PASSIVE_OPENS);
	quic_request_done(l, r, child);
	local_bh_enable();
	quic_sock_timer_set(child, ktime_get_ns());
	release_sock(child);
	return child;
}

/* An attempt was none. A flood of such must not keep the caller here. Return: 0 or why to leave */
static int after_junk(struct sock *sk, unsigned int n, long timeo)
{
	if (signal_pending(current))
		return sock_intr_errno(timeo);
	if (!timeo && n >= JUNK_MAX) {
		/* More may be there: whoever polls for changes hears of it. */
		sk->sk_data_ready(sk);
		return -EAGAIN;
	}
	release_sock(sk);
	cond_resched();
	lock_sock(sk);
	return 0;
}

struct sock *quic_sock_accept(struct sock *sk, int flags, int *err, bool kern)
{
	long timeo = sock_rcvtimeo(sk, flags & O_NONBLOCK);
	struct sock *child = NULL;
	unsigned int n = 0;

	lock_sock(sk);
	for (;;) {
		*err = wait_request(sk, &timeo);
		if (*err)
			break;
		child = accept_one(sk, kern, err);
		if (child || *err)
			break;
		*err = after_junk(sk, ++n, timeo);
		if (*err)
			break;
	}
	release_sock(sk);
	return child;
}
