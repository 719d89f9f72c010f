// SPDX-License-Identifier: GPL-2.0
/*
 * Answers to packets that belong to nothing here: Version Negotiation
 * (RFC 9000, 6), stateless reset (10.3) and Retry (8.1.2). All are limited in rate, smaller
 * than what they answer, and sent to where that claims to come from.
 */
#include <linux/random.h>

#include "../core/retry.h"
#include "../crypto/crypto.h"
#include "mib.h"
#include "private.h"

#define VN_MAX		(7 + 2 * 255 + 4 * 8)
#define VN_RATE		1000	/* a second and namespace */
#define RESET_RATE	1000
#define RETRY_RATE	20000
#define BURST		100
#define RETRY_BURST	1000
#define RESET_MIN	(5 + QUIC_TOKEN_RESET_LEN)
#define RESET_LEN	43	/* what long triggers get; short ones a byte less than they are */

static void reply(struct quic_endpoint *ep, const struct sk_buff *skb, const u8 *buf, u32 len,
		  enum quic_mib as)
{
	union quic_addr local, remote;

	quic_skb_addrs(skb, ep, &local, &remote);
	quic_xmit_raw(ep, &local, &remote, buf, len);
	quic_mib_inc(ep->net, as);
}

void quic_stateless_vn(struct quic_endpoint *ep, const struct sk_buff *skb,
		       const struct quic_packet *in, const struct quic_versions *versions)
{
	u8 buf[VN_MAX];
	u32 random;
	int len;

	/* RFC 9000, 6: never an answer to a Version Negotiation packet */
	if (!in->version || !quic_limit_ok(&quic_net(ep->net)->vn_limit, VN_RATE, BURST))
		return;
	get_random_bytes(&random, sizeof(random));
	len = quic_packet_build_vn(buf, sizeof(buf), in, versions, random);
	if (len > 0)
		reply(ep, skb, buf, len, QUIC_MIB_VERSION_NEGOTIATIONS_OUT);
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
	reply(ep, skb, buf, len, QUIC_MIB_RESETS_OUT);
}

/* RFC 9000, 8.1.2: all that has to be remembered goes into the token. */
void quic_stateless_retry(struct quic_endpoint *ep, const struct sk_buff *skb,
			  const struct quic_packet *in)
{
	u8 token[QUIC_TOKEN_LEN], buf[QUIC_TOKEN_LEN + QUIC_RETRY_ROOM], bits;
	union quic_addr local, remote;
	struct quic_cid odcid, scid;
	int len;

	if (!quic_limit_ok(&quic_net(ep->net)->retry_limit, RETRY_RATE, RETRY_BURST))
		return;
	quic_skb_addrs(skb, ep, &local, &remote);
	quic_cid_set(&odcid, in->dcid, in->dcid_len);
	if (quic_net_token_new(ep->net, QUIC_TOKEN_RETRY, &remote, &odcid, in->version, token))
		return;
	quic_cid_set(&scid, token, QUIC_CID_LEN);
	get_random_bytes(&bits, sizeof(bits));
	len = quic_retry_build(&quic_crypto_kernel, in, &scid, token, sizeof(token), bits, buf,
			       sizeof(buf));
	if (len > 0)
		reply(ep, skb, buf, len, QUIC_MIB_RETRIES_OUT);
}
