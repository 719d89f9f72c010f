// SPDX-License-Identifier: GPL-2.0
/*
 * A received skb finds its owner: connection, tombstone, listener, or nobody,
 * who may answer without state (stateless.c). One look-up a train; a train
 * whose datagrams go to different IDs is taken apart first, which GRO makes
 * rare. All in softirq, under RCU.
 */
#include "../compat/memcg.h"
#include "door.h"
#include "mib.h"

/* What waits for accept() is the listener's cgroup's, within its limit: strangers fill that. */
#define GFP_STRANGER	(GFP_NOWAIT | __GFP_ACCOUNT)
#define DCID_MIN	8	/* RFC 9000, 7.2: a client's first ID, bytes */
#define PEEK		(7 + QUIC_CID_MAX)
#define SHORTEST	21	/* RFC 9000, 10.3: nothing below is a packet or a stateless reset */

/* To one of both, or neither. Takes the skb, and the reference. */
static void give(struct sock *sk, struct quic_tomb *tomb, struct sk_buff *skb)
{
	if (sk) {
		quic_sock_rcv(sk, skb);
		sock_put(sk);
		return;
	}
	if (tomb)
		quic_tomb_rcv(tomb, skb);
	kfree_skb(skb);
}

/* Known ID: hand over and take the skb. Return: false if nobody knows it */
static bool deliver(struct net *net, struct sk_buff *skb, const u8 *dcid, u8 len)
{
	struct quic_tomb *tomb;
	struct sock *sk;

	if (!quic_demux_find(net, dcid, len, &sk, &tomb))
		return false;
	give(sk, tomb, skb);
	return true;
}

static void take_apart(struct quic_endpoint *ep, struct sk_buff *skb)
{
	u32 size = quic_skb_seg_size(skb), off;
	struct sk_buff *one;

	for (off = 0; size >= SHORTEST && off < skb->len; off += size) {
		one = quic_skb_datagram(skb, off, min(size, skb->len - off), GFP_ATOMIC);
		if (one)
			quic_dispatch(ep, one);
	}
	kfree_skb(skb);
}

/*
 * RFC 9000, 5.2: to a connection whose ID is empty, by the addresses. What looks like an ID behind
 * a short header may be the one of another connection with the same server, if some here have IDs.
 * Return: false if there is none for it; else the skb is taken
 */
static bool deliver_nameless(struct quic_endpoint *ep, struct sk_buff *skb, bool long_hdr,
			     const u8 *dcid, u8 len)
{
	bool mixed = atomic_read(&ep->users) != atomic_read(&ep->nameless);
	struct quic_path_key path;
	struct quic_tomb *tomb;
	struct sock *sk;

	if (long_hdr && len)
		return false;
	quic_skb_path(skb, &path);
	if (!quic_demux_find_path(ep, &path, &sk, &tomb))
		return false;
	if (mixed && quic_skb_seg_size(skb) < skb->len) {
		if (sk)
			sock_put(sk);
		take_apart(ep, skb);
		return true;
	}
	if (mixed && !long_hdr && deliver(ep->net, skb, dcid, len)) {
		if (sk)
			sock_put(sk);
		return true;
	}
	give(sk, tomb, skb);
	return true;
}

/* A short header and no connection with that ID (RFC 9000, 10.3). Takes the skb. */
static void unknown_short(struct quic_endpoint *ep, struct sk_buff *skb, const u8 *dcid)
{
	struct sock *sk = READ_ONCE(ep->sole);
	union quic_addr local, remote;

	quic_skb_addrs(skb, ep, &local, &remote);
	/*
	 * 10.3.1: from where the peer of the only connection here is it may be a stateless reset,
	 * and only that connection can tell.
	 */
	if (sk && quic_sock_peer_at(sk, &remote) && refcount_inc_not_zero(&sk->sk_refcnt)) {
		quic_sock_rcv(sk, skb);
		sock_put(sk);
		return;
	}
	quic_stateless_reset(ep, skb, dcid);
	kfree_skb(skb);
}

void quic_dispatch_stranger(struct quic_endpoint *ep, struct quic_door *d, struct sk_buff *skb)
{
	struct quic_packet pkt;

	if (quic_packet_parse(skb->data, skb->len, QUIC_CID_LEN, &pkt))
		goto drop;
	switch (pkt.type) {
	case QUIC_PKT_UNKNOWN:
		if (skb->len < QUIC_DGRAM_MIN)		/* RFC 9000, 6.1 */
			break;
		quic_door_unspoken(d, skb, &pkt);
		kfree_skb(skb);
		return;
	case QUIC_PKT_INITIAL:
		if (skb->len < QUIC_DGRAM_MIN || pkt.dcid_len < DCID_MIN)
			break;				/* RFC 9000, 14.1 */
		fallthrough;
	case QUIC_PKT_0RTT:
		quic_door_rcv(d, skb, &pkt);
		return;
	}
drop:
	quic_mib_inc(ep->net, QUIC_MIB_NOISE);
	kfree_skb(skb);
}

/* Long header, maybe a train of them. Takes the skb. */
static void to_listener(struct quic_endpoint *ep, struct sk_buff *skb)
{
	struct quic_door *d = rcu_dereference(ep->door);
	u32 size = quic_skb_seg_size(skb), off;
	struct mem_cgroup *memcg;
	struct sk_buff *one;

	/*
	 * Nothing shorter can matter here but 0-RTT, alone or at the end of a train. (A guest's
	 * virtio says what the size is: 65000 of a byte would take long.)
	 */
	if ((size < QUIC_DGRAM_MIN && size < skb->len) || (d && !quic_door_open(d)))
		d = NULL;
	if (!d)
		quic_mib_inc(ep->net, QUIC_MIB_NO_LISTENER);
	if (d && quic_crowd_full(d)) {
		quic_mib_inc(ep->net, QUIC_MIB_ATTEMPTS_DROPPED);
		d = NULL;
	}
	memcg = quic_compat_memcg_enter(ep->sk);
	for (off = 0; d && off < skb->len; off += size) {
		one = quic_skb_datagram(skb, off, min(size, skb->len - off), GFP_STRANGER);
		if (one && !quic_crowd_join(d, one))
			quic_dispatch_stranger(ep, d, one);
	}
	quic_compat_memcg_leave(memcg);
	kfree_skb(skb);
}

void quic_dispatch(struct quic_endpoint *ep, struct sk_buff *skb)
{
	u32 len = min_t(u32, skb->len, PEEK);
	const u8 *head, *dcid;
	u8 copy[PEEK], dcid_len;
	bool long_hdr;

	head = skb_header_pointer(skb, 0, len, copy);
	if (!len || !head) {
		quic_mib_inc(ep->net, QUIC_MIB_NOISE);
		kfree_skb(skb);
		return;
	}
	if (!quic_rx_peek(head, len, &dcid, &dcid_len, &long_hdr)) {
		/* A long header with an ID that no version of ours has; else noise. */
		if (len == PEEK && long_hdr) {
			to_listener(ep, skb);
			return;
		}
		quic_mib_inc(ep->net, QUIC_MIB_NOISE);
		kfree_skb(skb);
		return;
	}
	if (unlikely(atomic_read(&ep->by_path)) &&
	    deliver_nameless(ep, skb, long_hdr, dcid, dcid_len))
		return;
	if (!quic_skb_one_dest(skb, long_hdr, dcid, dcid_len))
		take_apart(ep, skb);
	else if (deliver(ep->net, skb, dcid, dcid_len))
		return;
	else if (long_hdr)
		to_listener(ep, skb);
	else
		unknown_short(ep, skb, dcid);
}
