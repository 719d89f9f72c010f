// SPDX-License-Identifier: GPL-2.0
/*
 * UDP and IP headers in front of QUIC datagrams, and down the stack: one trip
 * for a whole GSO burst. Checksums are left to the device or to GSO.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/udp.h>

#include "private.h"

/* The UDP header; its checksum holds the pseudo header's sum, for all of a GSO packet. */
static struct udphdr *push_udp(struct sk_buff *skb, __be16 sport, __be16 dport)
{
	struct udphdr *uh;

	uh = __skb_push(skb, sizeof(*uh));
	skb_reset_transport_header(skb);
	uh->source = sport;
	uh->dest = dport;
	uh->len = htons(skb->len);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct udphdr, check);
	return uh;
}

static int output_v4(struct sock *sk, struct sk_buff *skb, struct quic_peer *peer, u8 ecn)
{
	const struct flowi4 *fl4 = &peer->fl.u.ip4;
	int ttl = READ_ONCE(inet_sk(sk)->uc_ttl);
	struct udphdr *uh;
	struct iphdr *iph;

	uh = push_udp(skb, fl4->fl4_sport, fl4->fl4_dport);
	uh->check = ~udp_v4_check(skb->len, fl4->saddr, fl4->daddr, 0);

	iph = __skb_push(skb, sizeof(*iph));
	skb_reset_network_header(skb);
	iph->version = 4;
	iph->ihl = sizeof(*iph) >> 2;
	iph->tos = (READ_ONCE(inet_sk(sk)->tos) & ~INET_ECN_MASK) | ecn;
	iph->id = htons(peer->ip_id);
	peer->ip_id += skb_shinfo(skb)->gso_segs ?: 1;
	iph->frag_off = htons(IP_DF);
	iph->ttl = ttl < 0 ? ip4_dst_hoplimit(peer->dst) : ttl;
	iph->protocol = IPPROTO_UDP;
	iph->saddr = fl4->saddr;
	iph->daddr = fl4->daddr;
	skb->protocol = htons(ETH_P_IP);
	return ip_local_out(sock_net(sk), sk, skb);
}

static int output_v6(struct sock *sk, struct sk_buff *skb, struct quic_peer *peer, u8 ecn)
{
	const struct ipv6_pinfo *np = inet6_sk(sk);
	struct flowi6 *fl6 = &peer->fl.u.ip6;
	struct net *net = sock_net(sk);
	struct ipv6hdr *ip6h;
	struct udphdr *uh;
	int hops;

	uh = push_udp(skb, fl6->fl6_sport, fl6->fl6_dport);
	uh->check = ~udp_v6_check(skb->len, &fl6->saddr, &fl6->daddr, 0);

	hops = np ? np->hop_limit : -1;
	ip6h = __skb_push(skb, sizeof(*ip6h));
	skb_reset_network_header(skb);
	ip6_flow_hdr(ip6h, (np ? np->tclass & ~INET_ECN_MASK : 0) | ecn,
		     ip6_make_flowlabel(net, skb, fl6->flowlabel, ip6_default_np_autolabel(net),
					fl6));
	ip6h->nexthdr = IPPROTO_UDP;
	ip6h->hop_limit = hops < 0 ? ip6_dst_hoplimit(peer->dst) : hops;
	ip6h->saddr = fl6->saddr;
	ip6h->daddr = fl6->daddr;
	skb->protocol = htons(ETH_P_IPV6);
	return ip6_local_out(net, sk, skb);
}

int quic_output(struct sock *sk, struct sk_buff *skb, struct quic_peer *peer, u8 ecn)
{
	int err;

	skb->priority = READ_ONCE(sk->sk_priority);
	skb->mark = READ_ONCE(sk->sk_mark);

	rcu_read_lock();
	skb_dst_set_noref(skb, peer->dst);
	err = peer->v4 ? output_v4(sk, skb, peer, ecn) : output_v6(sk, skb, peer, ecn);
	rcu_read_unlock();
	return net_xmit_eval(err);
}

int quic_xmit_raw(struct quic_endpoint *ep, const union quic_addr *local,
		  const union quic_addr *remote, const u8 *buf, u32 len)
{
	struct quic_peer peer = { .local = *local, .remote = *remote };
	struct dst_entry *dst;
	struct sk_buff *skb;
	int err;

	skb = alloc_skb(QUIC_OUTPUT_HEADROOM + len, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return -ENOMEM;
	skb_reserve(skb, QUIC_OUTPUT_HEADROOM);
	skb_put_data(skb, buf, len);
	dst = quic_route_lookup(&peer, ep->sk);
	if (IS_ERR(dst)) {
		kfree_skb(skb);
		return PTR_ERR(dst);
	}
	peer.dst = dst;
	err = quic_output(ep->sk, skb, &peer, INET_ECN_NOT_ECT);
	dst_release(dst);
	return err;
}
