// SPDX-License-Identifier: GPL-2.0
/*
 * 0-RTT datagrams that overtook the Initial they belong to (RFC 9000, 5.2.2): a
 * door keeps a few, the newest, for a moment. All under its spinlock (BH).
 * When each came stands in its timestamp, in real time: SO_TIMESTAMP tells it, too.
 */
#include "private.h"

#define AHEAD_MAX	16		/* datagrams */
#define AHEAD_AGE	NSEC_PER_SEC

void quic_ahead_init(struct sk_buff_head *q)
{
	__skb_queue_head_init(q);
}

static void expire(struct sk_buff_head *q)
{
	s64 now = ktime_get_real_ns();
	struct sk_buff *skb;

	/* Somebody may have set the clock. */
	while ((skb = skb_peek(q)) && abs(now - ktime_to_ns(skb->tstamp)) > AHEAD_AGE)
		kfree_skb(__skb_dequeue(q));
}

void quic_ahead_put(struct sk_buff_head *q, struct sk_buff *skb)
{
	expire(q);
	if (skb_queue_len(q) >= AHEAD_MAX)
		kfree_skb(__skb_dequeue(q));
	if (!skb->tstamp)
		skb->tstamp = ktime_get_real();
	__skb_queue_tail(q, skb);
}

static bool belongs(struct sk_buff *skb, struct quic_endpoint *ep, const struct quic_request *r)
{
	union quic_addr local, remote;
	const u8 *dcid;
	bool long_hdr;
	u8 len;

	if (!quic_rx_peek(skb->data, skb->len, &dcid, &len, &long_hdr) ||
	    !quic_cid_eq(&r->dcid, dcid, len))
		return false;
	quic_skb_addrs(skb, ep, &local, &remote);
	return !memcmp(&r->remote, &remote, sizeof(remote)) &&
	       !memcmp(&r->local, &local, sizeof(local));
}

struct sk_buff *quic_ahead_take(struct sk_buff_head *q, struct quic_endpoint *ep,
				const struct quic_request *r)
{
	struct sk_buff *skb;

	expire(q);
	skb_queue_walk(q, skb) {
		if (!belongs(skb, ep, r))
			continue;
		__skb_unlink(skb, q);
		return skb;
	}
	return NULL;
}
