// SPDX-License-Identifier: GPL-2.0
/*
 * ICMP errors about what an endpoint sent: they come by the UDP socket's error
 * queue, with as much of the packet as the sender of the error quoted.
 *
 * Anyone can make one up. So one counts only if the quotation shows IDs that
 * nobody off the path can know. That nobody is there needs both IDs of a client's
 * first packets, and counts only until the server answered: what gets through
 * later is for loss detection to find out (RFC 9000, 14.2.1 and 21.3). That a
 * packet was too big is a hint for the search. Which connection a short header
 * belongs to shows only where there is but one, as at a client's own port, or
 * where it has no ID, and addresses tell. IPv6 does not tell us: UDP sockets
 * that hear of it narrow the route, too.
 */
#include <linux/errqueue.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include "private.h"

#define QUOTED	(7 + 2 * QUIC_CID_MAX)	/* bytes we want to see, at most */

/* Long header up to the source ID (RFC 8999, 5.1). Return: false if too little was quoted */
static bool parse(const u8 *p, u32 len, struct quic_cid *dcid, struct quic_cid *scid)
{
	u8 n;

	if (len < 7 || !(p[0] & QUIC_HDR_LONG))
		return false;
	n = p[5];
	if (n > QUIC_CID_MAX || 7u + n > len)
		return false;
	quic_cid_set(dcid, p + 6, n);
	p += 6 + n;
	len -= 6 + n;
	if (*p > QUIC_CID_MAX || 1u + *p > len)
		return false;
	quic_cid_set(scid, p + 1, *p);
	return true;
}

/* One address of the packet quoted, in the endpoint's family */
static bool quoted_addr(const struct sk_buff *skb, const struct quic_endpoint *ep, const u8 *addr,
			__be16 port, union quic_addr *out)
{
	memset(out, 0, sizeof(*out));
	out->sa.sa_family = ep->local.sa.sa_family;
	switch (SKB_EXT_ERR(skb)->ee.ee_origin) {
	case SO_EE_ORIGIN_ICMP:
		if (out->sa.sa_family == AF_INET)
			memcpy(&out->v4.sin_addr, addr, 4);
		else
			ipv6_addr_set_v4mapped(get_unaligned((__be32 *)addr), &out->v6.sin6_addr);
		break;
	case SO_EE_ORIGIN_ICMP6:
		memcpy(&out->v6.sin6_addr, addr, 16);
		break;
	default:
		return false;
	}
	if (out->sa.sa_family == AF_INET)
		out->v4.sin_port = port;
	else
		out->v6.sin6_port = port;
	return true;
}

static bool quoted_to(const struct sk_buff *skb, const struct quic_endpoint *ep,
		      union quic_addr *to)
{
	const struct sock_exterr_skb *serr = SKB_EXT_ERR(skb);

	return quoted_addr(skb, ep, skb_network_header(skb) + serr->addr_offset, serr->port, to);
}

/* Who, without an ID, sent from the address quoted? Return: a reference, or NULL */
static struct sock *nameless(struct quic_endpoint *ep, const struct sk_buff *skb,
			     const union quic_addr *to)
{
	const struct sock_exterr_skb *serr = SKB_EXT_ERR(skb);
	const u8 *addr = skb_network_header(skb) + serr->addr_offset;
	struct quic_path_key path;
	union quic_addr from;
	struct quic_tomb *tomb;
	struct sock *sk;

	/* The source is right before it. */
	addr -= serr->ee.ee_origin == SO_EE_ORIGIN_ICMP ? 4 : 16;
	if (!atomic_read(&ep->nameless) ||
	    !quoted_addr(skb, ep, addr, inet_sk(ep->sk)->inet_sport, &from))
		return NULL;
	quic_addr_path(&from, to, &path);
	return quic_demux_find_path(ep, &path, &sk, &tomb) ? sk : NULL;
}

/* "Fragmentation needed" about a packet with a short header, of @p and its @len bytes */
static void too_big(struct quic_endpoint *ep, const struct sk_buff *skb, const u8 *p, u32 len,
		    const union quic_addr *to)
{
	u32 mtu = SKB_EXT_ERR(skb)->ee.ee_info;
	struct sock *sk;

	if (!len || (p[0] & QUIC_HDR_LONG) || mtu <= sizeof(struct iphdr) + sizeof(struct udphdr) ||
	    SKB_EXT_ERR(skb)->ee.ee_origin != SO_EE_ORIGIN_ICMP)
		return;
	sk = nameless(ep, skb, to);
	if (!sk) {
		sk = READ_ONCE(ep->sole);
		if (!sk || !refcount_inc_not_zero(&sk->sk_refcnt))
			return;
	}
	quic_sock_too_big(sk, to, p + 1, len - 1,
			  mtu - sizeof(struct iphdr) - sizeof(struct udphdr));
	sock_put(sk);
}

static void one(struct quic_endpoint *ep, const struct sk_buff *skb)
{
	u32 len = min_t(u32, skb->len, QUOTED);
	struct quic_cid dcid, scid;
	struct quic_tomb *tomb;
	union quic_addr to;
	u8 copy[QUOTED];
	struct sock *sk;
	const u8 *p;

	p = skb_header_pointer(skb, 0, len, copy);
	if (!p || !quoted_to(skb, ep, &to))
		return;
	if (SKB_EXT_ERR(skb)->ee.ee_errno == EMSGSIZE) {
		too_big(ep, skb, p, len, &to);
		return;
	}
	if (!parse(p, len, &dcid, &scid))
		return;
	if (!scid.len)
		sk = nameless(ep, skb, &to);
	else if (!quic_demux_find(ep->net, scid.id, scid.len, &sk, &tomb))
		sk = NULL;
	if (!sk)
		return;
	quic_sock_unreachable(sk, &to, &dcid, SKB_EXT_ERR(skb)->ee.ee_errno);
	sock_put(sk);
}

void quic_icmp_drain(struct quic_endpoint *ep)
{
	struct sk_buff *skb;

	while ((skb = skb_dequeue(&ep->sk->sk_error_queue))) {
		one(ep, skb);
		kfree_skb(skb);
	}
	/* Set to tell a reader, of which there is none. */
	sock_error(ep->sk);
}
