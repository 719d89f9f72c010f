// SPDX-License-Identifier: GPL-2.0
/*
 * Answers to packets that belong to nothing here: Version Negotiation
 * (RFC 9000, 6) and stateless reset (10.3). Both are limited in rate, smaller
 * than what they answer, and sent to where that claims to come from.
 */
#include <linux/random.h>

#include "private.h"

#define VN_MAX		(7 + 2 * 255 + 4 * 8)
#define VN_RATE		1000	/* a second and namespace */
#define RESET_RATE	1000
#define BURST		100
#define RESET_MIN	(5 + QUIC_TOKEN_RESET_LEN)
#define RESET_LEN	43	/* what long triggers get; short ones a byte less than they are */

static void reply(struct quic_endpoint *ep, const struct sk_buff *skb, const u8 *buf, u32 len)
{
	union quic_addr local, remote;

	quic_skb_addrs(skb, ep, &local, &remote);
	quic_xmit_raw(ep, &local, &remote, buf, len);
}

void quic_stateless_vn(struct quic_endpoint *ep, const struct sk_buff *skb,
		       const struct quic_packet *in)
{
	u8 buf[VN_MAX], random;
	int len;

	/* RFC 9000, 6: never an answer to a Version Negotiation packet */
	if (!in->version || !quic_limit_ok(&quic_net(ep->net)->vn_limit, VN_RATE, BURST))
		return;
	get_random_bytes(&random, sizeof(random));
	len = quic_packet_build_vn(buf, sizeof(buf), in, random);
	if (len > 0)
		reply(ep, skb, buf, len);
}

/* RFC 9000, 10.3: looks like a short header packet; shorter than its cause (10.3.3: no loops) */
void quic_stateless_reset(struct quic_endpoint *ep, const struct sk_buff *skb, const u8 *dcid)
{
	u32 size = quic_skb_seg_size(skb);
	u8 buf[RESET_LEN];
	struct quic_cid cid;
	u32 len;

	len = min_t(u32, size - 1, RESET_LEN);
	if (len < RESET_MIN ||
	    !quic_limit_ok(&quic_net(ep->net)->reset_limit, RESET_RATE, BURST))
		return;
	quic_cid_set(&cid, dcid, QUIC_CID_LEN);
	get_random_bytes(buf, len - QUIC_TOKEN_RESET_LEN);
	buf[0] = (buf[0] & ~QUIC_HDR_LONG) | QUIC_HDR_FIXED;
	quic_net_reset_token(ep->net, &cid, buf + len - QUIC_TOKEN_RESET_LEN);
	reply(ep, skb, buf, len);
}
