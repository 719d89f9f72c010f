// SPDX-License-Identifier: GPL-2.0
/*
 * bind(), connect() and the names of both ends.
 *
 * An AF_INET6 socket keeps all addresses as sockaddr_in6, IPv4 ones mapped; an
 * AF_INET socket as sockaddr_in. connect() sends nothing: the handshake is
 * driven by whoever holds the socket, TLS message by TLS message.
 */
#include <net/addrconf.h>
#include <net/inet_common.h>

#include "../crypto/crypto.h"
#include "../net/mib.h"
#include "file.h"
#include "sockopt.h"

static __be16 port_of(const union quic_addr *a)
{
	return a->sa.sa_family == AF_INET6 ? a->v6.sin6_port : a->v4.sin_port;
}

static void set_inet4(struct sock *sk, const union quic_addr *local, const union quic_addr *remote)
{
	struct inet_sock *inet = inet_sk(sk);

	inet->inet_rcv_saddr = local->v4.sin_addr.s_addr;
	inet->inet_saddr = inet->inet_rcv_saddr;
	inet->inet_daddr = remote->v4.sin_addr.s_addr;
}

static void set_inet6(struct sock *sk, const union quic_addr *local, const union quic_addr *remote)
{
	sk->sk_v6_rcv_saddr = local->v6.sin6_addr;
	inet6_sk(sk)->saddr = local->v6.sin6_addr;
	sk->sk_v6_daddr = remote->v6.sin6_addr;
}

void quic_sock_set_inet(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	const union quic_addr *local = qs->conn_live ? &qs->peer.local : &qs->local;

	if (sk->sk_family == AF_INET6)
		set_inet6(sk, local, &qs->peer.remote);
	else
		set_inet4(sk, local, &qs->peer.remote);
	qs->inet.inet_sport = port_of(&qs->local);
	qs->inet.inet_num = ntohs(qs->inet.inet_sport);
	qs->inet.inet_dport = port_of(&qs->peer.remote);
}

/* --- bind --- */

static int parse_local4(const struct sockaddr *addr, int len, union quic_addr *out)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)addr;

	if (len < (int)sizeof(*in))
		return -EINVAL;
	/* AF_UNSPEC with INADDR_ANY: as inet_bind(), for old programs */
	if (in->sin_family != AF_INET &&
	    (in->sin_family != AF_UNSPEC || in->sin_addr.s_addr != htonl(INADDR_ANY)))
		return -EAFNOSUPPORT;
	if (ipv4_is_multicast(in->sin_addr.s_addr) || ipv4_is_lbcast(in->sin_addr.s_addr))
		return -EADDRNOTAVAIL;
	out->v4.sin_family = AF_INET;
	out->v4.sin_port = in->sin_port;
	out->v4.sin_addr = in->sin_addr;
	return 0;
}

static int parse_local6(struct sock *sk, const struct sockaddr *addr, int len,
			union quic_addr *out)
{
	const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)addr;
	int type;

	if (len < SIN6_LEN_RFC2133)
		return -EINVAL;
	if (in->sin6_family != AF_INET6)
		return -EAFNOSUPPORT;
	type = ipv6_addr_type(&in->sin6_addr);
	if (type & IPV6_ADDR_MULTICAST)
		return -EINVAL;
	if ((type & IPV6_ADDR_MAPPED) && ipv6_only_sock(sk))
		return -EINVAL;
	if (type & IPV6_ADDR_LINKLOCAL) {
		if (len >= (int)sizeof(*in) && in->sin6_scope_id)
			sk->sk_bound_dev_if = in->sin6_scope_id;
		if (!sk->sk_bound_dev_if)
			return -EINVAL;
		out->v6.sin6_scope_id = sk->sk_bound_dev_if;
	}
	out->v6.sin6_family = AF_INET6;
	out->v6.sin6_port = in->sin6_port;
	out->v6.sin6_addr = in->sin6_addr;
	return 0;
}

static int bind_endpoint(struct sock *sk, union quic_addr *local, bool reuse)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_endpoint *ep;

	ep = quic_endpoint_get(sock_net(sk), local,
			       sk->sk_family == AF_INET6 && ipv6_only_sock(sk),
			       sk->sk_bound_dev_if, reuse);
	if (IS_ERR(ep))
		return PTR_ERR(ep);
	qs->ep = ep;
	qs->local = *local;
	quic_sock_set_inet(sk);
	return 0;
}

int quic_sock_parse_local(struct sock *sk, const void *addr, int len, union quic_addr *out)
{
	if (sk->sk_family == AF_INET6)
		return parse_local6(sk, addr, len, out);
	return parse_local4(addr, len, out);
}

int quic_sock_bind(struct socket *sock, struct sockaddr *addr, int len)
{
	struct sock *sk = sock->sk;
	union quic_addr local = {};
	int err;

	lock_sock(sk);
	err = quic_sock_parse_local(sk, addr, len, &local);
	if (!err && quic_sk(sk)->ep)
		err = -EINVAL;
	if (!err)
		err = bind_endpoint(sk, &local, true);
	release_sock(sk);
	return err;
}

/* --- connect --- */

static int parse_remote4(const struct sockaddr *addr, int len, union quic_addr *out)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)addr;

	if (len < (int)sizeof(*in))
		return -EINVAL;
	if (in->sin_family != AF_INET)
		return -EAFNOSUPPORT;
	if (!in->sin_port)
		return -EINVAL;
	if (ipv4_is_multicast(in->sin_addr.s_addr) || ipv4_is_lbcast(in->sin_addr.s_addr))
		return -ENETUNREACH;
	out->v4.sin_family = AF_INET;
	out->v4.sin_port = in->sin_port;
	out->v4.sin_addr = in->sin_addr;
	/* BSD: the unspecified address is this host */
	if (in->sin_addr.s_addr == htonl(INADDR_ANY))
		out->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return 0;
}

static int check_scope(struct sock *sk, const struct sockaddr_in6 *in, int len)
{
	if (!(ipv6_addr_type(&in->sin6_addr) & IPV6_ADDR_LINKLOCAL))
		return 0;
	if (len >= (int)sizeof(*in) && in->sin6_scope_id) {
		if (sk->sk_bound_dev_if && sk->sk_bound_dev_if != in->sin6_scope_id)
			return -EINVAL;
		sk->sk_bound_dev_if = in->sin6_scope_id;
	}
	return sk->sk_bound_dev_if ? 0 : -EINVAL;
}

static int parse_remote6(struct sock *sk, const struct sockaddr *addr, int len,
			 union quic_addr *out)
{
	const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)addr;
	int type, err;

	if (len < SIN6_LEN_RFC2133)
		return -EINVAL;
	if (in->sin6_family != AF_INET6)
		return -EAFNOSUPPORT;
	if (!in->sin6_port)
		return -EINVAL;
	type = ipv6_addr_type(&in->sin6_addr);
	if (type & IPV6_ADDR_MULTICAST)
		return -ENETUNREACH;
	if ((type & IPV6_ADDR_MAPPED) && ipv6_only_sock(sk))
		return -ENETUNREACH;
	err = check_scope(sk, in, len);
	if (err)
		return err;
	out->v6.sin6_family = AF_INET6;
	out->v6.sin6_port = in->sin6_port;
	out->v6.sin6_addr = in->sin6_addr;
	if (type & IPV6_ADDR_LINKLOCAL)
		out->v6.sin6_scope_id = sk->sk_bound_dev_if;
	if (type == IPV6_ADDR_ANY)
		out->v6.sin6_addr = in6addr_loopback;
	return 0;
}

/* What the application chose, as far as the receive buffer holds it */
void quic_sock_apply_params(struct quic_sock *qs)
{
	quic_conn_offer(&qs->conn, qs->tp, quic_recvbuf_window(quic_sock_sk(qs)),
			!(qs->tp_given & QUIC_TP_GIVEN_NO_COMPAT));
}

void quic_sock_versions(const struct quic_sock *qs, struct quic_versions *v)
{
	if (qs->versions.n)
		*v = qs->versions;
	else
		quic_version_all(v, qs->config.version);
}

void quic_sock_apply_intervals(struct quic_sock *qs)
{
	quic_conn_set_intervals(&qs->conn,
				(u64)qs->config.keepalive_probe_interval * NSEC_PER_USEC,
				(u64)qs->config.plpmtud_probe_interval * NSEC_PER_USEC);
}

int quic_sock_conn_init(struct sock *sk, bool server, u32 version)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_conn_config cfg = {
		.server = server,
		.version = version,
		.versions = qs->versions,
		.cc = qs->cc,
		.initial_rtt = (u64)qs->config.initial_smoothed_rtt * NSEC_PER_USEC,
		.empty_cid = qs->empty_cid,
	};
	struct quic_path_key key;
	int err;

	err = quic_conn_init(&qs->conn, &quic_sock_conn_ops, &quic_crypto_kernel, &cfg);
	if (err)
		return err;
	qs->conn_live = true;
	quic_watch_start(sk);
	quic_endpoint_enter(qs->ep, sk);
	quic_peer_path(&qs->peer, &key);
	quic_path_set_first(&qs->conn, &key);
	quic_sock_apply_params(qs);
	quic_sock_apply_intervals(qs);
	if (server || !qs->token_len)
		return 0;
	return quic_conn_set_token(&qs->conn, qs->token, qs->token_len);
}

static void forget_conn(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	if (qs->conn_live) {
		quic_conn_free(&qs->conn);
		if (qs->empty_cid)
			quic_demux_del_path(qs->ep, &qs->peer, sk);
		quic_endpoint_leave(qs->ep, sk);
	}
	qs->conn_live = false;
	quic_peer_release(&qs->peer);
	memset(&qs->peer.local, 0, sizeof(qs->peer.local));
	memset(&qs->peer.remote, 0, sizeof(qs->peer.remote));
	quic_sock_timer_stop(sk);
}

static int start(struct sock *sk, const union quic_addr *remote)
{
	struct quic_sock *qs = quic_sk(sk);
	u64 now = ktime_get_ns();
	int mtu, err;

	qs->peer.local = qs->local;
	qs->peer.remote = *remote;
	mtu = quic_peer_route(&qs->peer, sk, qs->ep);
	if (mtu < 0)
		return mtu;
	err = quic_sock_conn_init(sk, false, qs->config.version);
	if (!err && qs->empty_cid)
		err = quic_demux_add_path(qs->ep, &qs->peer, sk);
	if (!err)
		err = quic_conn_connect(&qs->conn, now);
	if (err)
		return err;
	quic_conn_set_mtu(&qs->conn, mtu, now);
	quic_sock_set_inet(sk);
	WRITE_ONCE(sk->sk_state, TCP_SYN_SENT);
	quic_sock_timer_set(sk, now);
	return 0;
}

static int do_connect(struct sock *sk, const struct sockaddr *addr, int len)
{
	struct quic_sock *qs = quic_sk(sk);
	union quic_addr remote = {}, any = {};
	bool implicit = false;
	int err;

	if (qs->conn_live || qs->listener)
		return -EISCONN;
	if (sk->sk_family == AF_INET6)
		err = parse_remote6(sk, addr, len, &remote);
	else
		err = parse_remote4(addr, len, &remote);
	if (err)
		return err;
	if (!qs->ep) {
		any.sa.sa_family = sk->sk_family;
		err = bind_endpoint(sk, &any, false);
		if (err)
			return err;
		implicit = true;
	}
	err = start(sk, &remote);
	if (!err) {
		quic_mib_inc(sock_net(sk), QUIC_MIB_ACTIVE_OPENS);
		return 0;
	}

	forget_conn(sk);
	if (implicit) {
		quic_endpoint_put(qs->ep);
		qs->ep = NULL;
		memset(&qs->local, 0, sizeof(qs->local));
	}
	quic_sock_set_inet(sk);
	return err;
}

int quic_sock_connect(struct socket *sock, struct sockaddr *addr, int len, int flags)
{
	struct sock *sk = sock->sk;
	int err;

	if (len < (int)sizeof(addr->sa_family))
		return -EINVAL;
	/* A connection ends by close() or shutdown(): there is nothing to dissolve. */
	if (addr->sa_family == AF_UNSPEC)
		return -EOPNOTSUPP;
	lock_sock(sk);
	err = do_connect(sk, addr, len);
	if (!err)
		sock->state = SS_CONNECTED;
	release_sock(sk);
	return err;
}

/* --- getsockname, getpeername --- */

static int put_name(const struct sock *sk, const union quic_addr *a, struct sockaddr *out)
{
	if (sk->sk_family == AF_INET6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

		*in6 = a->v6;
		in6->sin6_family = AF_INET6;
		return sizeof(*in6);
	}
	*(struct sockaddr_in *)out = a->v4;
	out->sa_family = AF_INET;
	memset(((struct sockaddr_in *)out)->sin_zero, 0,
	       sizeof(((struct sockaddr_in *)out)->sin_zero));
	return sizeof(struct sockaddr_in);
}

static int name_of(struct sock *sk, struct sockaddr *addr, int peer)
{
	struct quic_sock *qs = quic_sk(sk);
	int ret = -ENOTCONN;

	lock_sock(sk);
	if (!peer)
		ret = put_name(sk, qs->conn_live ? &qs->peer.local : &qs->local, addr);
	else if (qs->conn_live && (qs->conn.state <= QUIC_CONN_ESTABLISHED || peer != 1))
		ret = put_name(sk, &qs->peer.remote, addr);
	release_sock(sk);
	return ret;
}

int quic_sock_getname(struct socket *sock, struct sockaddr *addr, int peer)
{
	struct sock *sk = sock->sk;

	/* accept() asks by its own socket's operations, and what it made may be a stream's. */
	if (sk->sk_prot == &quic_file_prot)
		sk = quic_file_of(sk)->conn;
	return name_of(sk, addr, peer);
}
