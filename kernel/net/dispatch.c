// SPDX-License-Identifier: GPL-2.0
/*
 * A received skb finds its owner: connection, tombstone, listener, or nobody,
 * who may answer without state (stateless.c). One look-up a train; a train
 * whose datagrams go to different IDs is taken apart first, which GRO makes
 * rare. All in softirq, under RCU.
 */
#include "private.h"

#define DCID_MIN	8	/* RFC 9000, 7.2: a client's first ID, bytes */
#define PEEK		(7 + QUIC_CID_MAX)
#define SHORTEST	21	/* RFC 9000, 10.3: nothing below is a packet or a stateless reset */

/* Known ID: hand over and take the skb. Return: false if nobody knows it */
static bool deliver(struct net *net, struct sk_buff *skb, const u8 *dcid, u8 len)
{
	struct quic_tomb *tomb;
	struct sock *sk;

	if (!quic_demux_find(net, dcid, len, &sk, &tomb))
		return false;
	if (sk) {
		quic_sock_rcv(sk, skb);
		sock_put(sk);
		return true;
	}
	if (tomb)
		quic_tomb_rcv(tomb, skb);
	kfree_skb(skb);
	return true;
}

/* A short header and no connection with that ID (RFC 9000, 10.3). Takes the skb. */
static void unknown_short(struct quic_endpoint *ep, struct sk_buff *skb, const u8 *dcid)
{
	struct sock *sk = READ_ONCE(ep->sole);

	/* To a client with a port of its own this may be a stateless reset: only it can tell. */
	if (sk && refcount_inc_not_zero(&sk->sk_refcnt)) {
		quic_sock_rcv(sk, skb);
		sock_put(sk);
		return;
	}
	quic_stateless_reset(ep, skb, dcid);
	kfree_skb(skb);
}

/* One linear datagram with a long header for no connection of ours. Takes the skb. */
static void unknown_long(struct quic_door *d, struct sk_buff *skb)
{
	struct quic_packet pkt;

	if (quic_packet_parse(skb->data, skb->len, QUIC_CID_LEN, &pkt))
		goto drop;
	switch (pkt.type) {
	case QUIC_PKT_UNKNOWN:
		if (skb->len >= QUIC_DGRAM_MIN)		/* RFC 9000, 6.1 */
			quic_door_unspoken(d, skb, &pkt);
		break;
	case QUIC_PKT_INITIAL:
		if (skb->len < QUIC_DGRAM_MIN || pkt.dcid_len < DCID_MIN)
			break;				/* RFC 9000, 14.1 */
		fallthrough;
	case QUIC_PKT_0RTT:
		quic_door_rcv(d, skb, &pkt);
		return;
	}
drop:
	kfree_skb(skb);
}

/* Long header, maybe a train of them. Takes the skb. */
static void to_listener(struct quic_endpoint *ep, struct sk_buff *skb)
{
	struct quic_door *d = rcu_dereference(ep->door);
	u32 size = quic_skb_seg_size(skb), off;
	struct sk_buff *one;

	/*
	 * Nothing shorter can matter here but 0-RTT, alone or at the end of a train. (A guest's
	 * virtio says what the size is: 65000 of a byte would take long.)
	 */
	if ((size < QUIC_DGRAM_MIN && size < skb->len) || (d && !quic_door_open(d)))
		d = NULL;
	for (off = 0; d && off < skb->len; off += size) {
		one = quic_skb_datagram(skb, off, min(size, skb->len - off));
		if (one)
			unknown_long(d, one);
	}
	kfree_skb(skb);
}

static void take_apart(struct quic_endpoint *ep, struct sk_buff *skb)
{
	u32 size = quic_skb_seg_size(skb), off;
	struct sk_buff *one;

	for (off = 0; size >= SHORTEST && off < skb->len; off += size) {
		one = quic_skb_datagram(skb, off, min(size, skb->len - off));
		if (one)
			quic_dispatch(ep, one);
	}
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
		kfree_skb(skb);
		return;
	}
	if (!quic_rx_peek(head, len, &dcid, &dcid_len, &long_hdr)) {
		/* A long header with an ID that no version of ours has; else noise. */
		if (len == PEEK && long_hdr)
			to_listener(ep, skb);
		else
			kfree_skb(skb);
		return;
	}
	if (!quic_skb_one_dest(skb, long_hdr, dcid, dcid_len))
		take_apart(ep, skb);
	else if (deliver(ep->net, skb, dcid, dcid_len))
		return;
	else if (long_hdr)
		to_listener(ep, skb);
	else
		unknown_short(ep, skb, dcid);
}
