// SPDX-License-Identifier: GPL-2.0
/*
 * The way to the peer: its route, our address, and how much it lets through.
 *
 * The path's MTU is found by probing (RFC 9000, 14.3); ICMP is not believed
 * (14.2.1), so QUIC sockets send in IP's PROBE mode: never fragmented,
 * bounded by the device.
 */
#include <linux/security.h>
#include <net/addrconf.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/route.h>

#include "../compat/route.h"
#include "../compat/sock.h"
#include "private.h"

static __be32 addr_v4(const union quic_addr *a)
{
	return a->sa.sa_family == AF_INET ? a->v4.sin_addr.s_addr : a->v6.sin6_addr.s6_addr32[3];
}

static __be16 addr_port(const union quic_addr *a)
{
	return a->sa.sa_family == AF_INET ? a->v4.sin_port : a->v6.sin6_port;
}

/* IPv6 sockets talk to IPv4 peers by mapped addresses. */
static void set_v4(union quic_addr *a, sa_family_t family, __be32 addr, __be16 port)
{
	memset(a, 0, sizeof(*a));
	a->sa.sa_family = family;
	if (family == AF_INET) {
		a->v4.sin_addr.s_addr = addr;
		a->v4.sin_port = port;
	} else {
		ipv6_addr_set_v4mapped(addr, &a->v6.sin6_addr);
		a->v6.sin6_port = port;
	}
}

static struct dst_entry *lookup_v4(struct quic_peer *peer, const struct sock *sk)
{
	struct flowi4 *fl4 = &peer->fl.u.ip4;
	struct rtable *rt;

	flowi4_init_output(fl4, sk->sk_bound_dev_if, READ_ONCE(sk->sk_mark), 0,
			   sock_flag(sk, SOCK_LOCALROUTE) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
			   IPPROTO_UDP, inet_sk_flowi_flags(sk), addr_v4(&peer->remote),
			   peer->local.sa.sa_family ? addr_v4(&peer->local) : 0,
			   addr_port(&peer->remote), addr_port(&peer->local),
			   quic_compat_uid(sk));
	quic_compat_flow_tos(fl4, READ_ONCE(inet_sk(sk)->tos));
	security_sk_classify_flow((struct sock *)sk, flowi4_to_flowi_common(fl4));
	rt = ip_route_output_flow(sock_net(sk), fl4, (struct sock *)sk);
	if (IS_ERR(rt))
		return ERR_CAST(rt);
	if (rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST)) {
		ip_rt_put(rt);
		return ERR_PTR(-ENETUNREACH);
	}
	return &rt->dst;
}

static struct dst_entry *lookup_v6(struct quic_peer *peer, const struct sock *sk)
{
	struct flowi6 *fl6 = &peer->fl.u.ip6;
	const struct in6_addr *daddr = &peer->remote.v6.sin6_addr;

	if (IS_ENABLED(CONFIG_IPV6) && ipv6_addr_is_multicast(daddr))
		return ERR_PTR(-ENETUNREACH);
	fl6->flowi6_proto = IPPROTO_UDP;
	fl6->daddr = *daddr;
	if (peer->local.sa.sa_family)
		fl6->saddr = peer->local.v6.sin6_addr;
	fl6->flowi6_oif = sk->sk_bound_dev_if ?: peer->remote.v6.sin6_scope_id;
	fl6->flowi6_mark = READ_ONCE(sk->sk_mark);
	fl6->flowi6_uid = quic_compat_uid(sk);
	if (IS_ENABLED(CONFIG_IPV6) && inet6_sk(sk))
		fl6->flowlabel = ip6_make_flowinfo(inet6_sk(sk)->tclass & ~INET_ECN_MASK, 0);
	fl6->fl6_sport = addr_port(&peer->local);
	fl6->fl6_dport = addr_port(&peer->remote);
	security_sk_classify_flow((struct sock *)sk, flowi6_to_flowi_common(fl6));
	return ip6_dst_lookup_flow(sock_net(sk), sk, fl6, NULL);
}

struct dst_entry *quic_route_lookup(struct quic_peer *peer, const struct sock *sk)
{
	memset(&peer->fl, 0, sizeof(peer->fl));
	peer->v4 = quic_addr_is_v4(&peer->remote);
	if (peer->v4)
		return lookup_v4(peer, sk);
	return lookup_v6(peer, sk);
}

static u8 tos_of(const struct quic_peer *peer, const struct sock *sk)
{
	if (peer->v4 || sk->sk_family != AF_INET6)
		return READ_ONCE(inet_sk(sk)->tos);
	return inet6_sk(sk) ? inet6_sk(sk)->tclass : 0;
}

bool quic_peer_routed(const struct quic_peer *peer, const struct sock *sk)
{
	return peer->dst && peer->mark == READ_ONCE(sk->sk_mark) &&
	       peer->oif == READ_ONCE(sk->sk_bound_dev_if) && peer->tos == tos_of(peer, sk) &&
	       dst_check(peer->dst, peer->dst_cookie);
}

static bool any(const union quic_addr *a)
{
	if (quic_addr_is_v4(a))
		return !addr_v4(a);
	return a->sa.sa_family != AF_INET6 || ipv6_addr_any(&a->v6.sin6_addr);
}

static void set_local(struct quic_peer *peer)
{
	union quic_addr *local = &peer->local;
	__be16 port = addr_port(local);

	if (peer->v4) {
		set_v4(local, peer->remote.sa.sa_family, peer->fl.u.ip4.saddr, port);
		return;
	}
	local->v6.sin6_addr = peer->fl.u.ip6.saddr;
	if (ipv6_addr_type(&local->v6.sin6_addr) & IPV6_ADDR_LINKLOCAL)
		local->v6.sin6_scope_id = peer->fl.u.ip6.flowi6_oif;
}

/* A wildcard, or nothing said yet: what the endpoint is bound to, or the route prefers. */
static void prepare_local(struct quic_peer *peer, const struct quic_endpoint *ep)
{
	if (any(&peer->local))
		peer->local = ep->local;
	if (any(&peer->local) && quic_addr_is_v4(&peer->remote))
		set_v4(&peer->local, ep->local.sa.sa_family, 0, addr_port(&ep->local));
}

static void prepare_sock(struct sock *sk)
{
	inet_sk(sk)->pmtudisc = IP_PMTUDISC_PROBE;
	if (sk->sk_family == AF_INET6)
		inet6_sk(sk)->pmtudisc = IPV6_PMTUDISC_PROBE;
	if (!sk->sk_txhash)
		sk_set_txhash(sk);
}

/*
 * What the route lets through, but for what ICMP said of it: IP believes that of anybody, for UDP
 * whatever the socket wants, and keeps it with the route (RFC 9000, 14.2.1).
 */
static u32 route_mtu(const struct dst_entry *dst, bool v4)
{
	u32 device = READ_ONCE(dst->dev->mtu), metric;

	if (!v4 && !(((const struct rt6_info *)dst)->rt6i_flags & RTF_CACHE))
		return dst_mtu(dst);
	metric = v4 ? dst_metric_raw(dst, RTAX_MTU) : 0;
	return metric ? min(metric, device) : device;
}

int quic_peer_route(struct quic_peer *peer, struct sock *sk, struct quic_endpoint *ep)
{
	struct dst_entry *dst;
	int payload;

	prepare_sock(sk);
	prepare_local(peer, ep);
	dst = quic_route_lookup(peer, sk);
	if (IS_ERR(dst))
		return PTR_ERR(dst);

	payload = min_t(u32, route_mtu(dst, peer->v4), IP_MAX_MTU) - sizeof(struct udphdr);
	payload -= peer->v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	if (payload < QUIC_DGRAM_MIN) {		/* RFC 9000, 14 */
		dst_release(dst);
		return -EMSGSIZE;
	}
	set_local(peer);
	peer->mark = READ_ONCE(sk->sk_mark);
	peer->oif = READ_ONCE(sk->sk_bound_dev_if);
	peer->tos = tos_of(peer, sk);
	quic_peer_release(peer);
	peer->dst = dst;
	peer->dst_cookie = peer->v4 ? 0 : rt6_get_cookie((struct rt6_info *)dst);
	peer->payload = payload;
	return payload;
}

bool quic_peer_homeless(const struct quic_peer *peer, const struct sock *sk)
{
	return IS_ENABLED(CONFIG_IPV6) && !peer->v4 &&
	       !ipv6_chk_addr_and_flags(sock_net(sk), &peer->local.v6.sin6_addr, NULL, true, 0, 0);
}

void quic_peer_release(struct quic_peer *peer)
{
	dst_release(peer->dst);
	peer->dst = NULL;
}
