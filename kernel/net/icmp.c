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
 * belongs to shows only where there is but one, as at a client's own port. IPv6
 * does not tell us: UDP sockets that hear of it narrow the route, too.
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

static bool quoted_to(const struct sk_buff *skb, const struct quic_endpoint *ep,
		      union quic_addr *to)
{
	const struct sock_exterr_skb *serr = SKB_EXT_ERR(skb);
	const u8 *addr = skb_network_header(skb) + serr->addr_offset;

	memset(to, 0, sizeof(*to));
	to->sa.sa_family = ep->local.sa.sa_family;
	switch (serr->ee.ee_origin) {
	case SO_EE_ORIGIN_ICMP:
		if (to->sa.sa_family == AF_INET)
			memcpy(&to->v4.sin_addr, addr, 4);
		else
			ipv6_addr_set_v4mapped(get_unaligned((__be32 *)addr), &to->v6.sin6_addr);
		break;
	case SO_EE_ORIGIN_ICMP6:
		memcpy(&to->v6.sin6_addr, addr, 16);
		break;
	default:
		return false;
	}
	if (to->sa.sa_family == AF_INET)
		to->v4.sin_port = serr->port;
	else
		to->v6.sin6_port = serr->port;
	return true;
}

/* "Fragmentation needed" about a packet with a short header, of @p and its @len bytes */
static void too_big(struct quic_endpoint *ep, const struct sk_buff *skb, const u8 *p, u32 len,
		    const union quic_addr *to)
{
	u32 mtu = SKB_EXT_ERR(skb)->ee.ee_info;
	struct sock *sk = READ_ONCE(ep->sole);

	if (!len || (p[0] & QUIC_HDR_LONG) || mtu <= sizeof(struct iphdr) + sizeof(struct udphdr) ||
	    SKB_EXT_ERR(skb)->ee.ee_origin != SO_EE_ORIGIN_ICMP)
		return;
	if (!sk || !refcount_inc_not_zero(&sk->sk_refcnt))
		return;
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
	if (!quic_demux_find(ep->net, scid.id, scid.len, &sk, &tomb) || !sk)
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
