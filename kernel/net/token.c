// SPDX-License-Identifier: GPL-2.0
/*
 * Address validation tokens of a namespace (RFC 9000, 8.1). They are sealed with
 * one of two secrets, which take turns: a day after a secret came into use it
 * only opens, a day later it is overwritten. So a token of any age that counts
 * can be opened, and none is kept.
 */
#include <linux/bitmap.h>
#include <linux/random.h>

#include "../crypto/crypto.h"
#include "private.h"

#define TURN	QUIC_TOKEN_NEW_LIFE
#define SEEN_BITS	BIT(16)
#define SEEN_MAX	(SEEN_BITS / 4)

void quic_token_net_init(struct quic_net *qn)
{
	spin_lock_init(&qn->token_lock);
	get_random_bytes(qn->token_secret, sizeof(qn->token_secret));
	qn->token_since = ktime_get_ns();
}

void quic_token_net_exit(struct quic_net *qn)
{
	memzero_explicit(qn->token_secret, sizeof(qn->token_secret));
	kfree(qn->token_seen);
}

/*
 * RFC 9000, 8.1.4: who has one of somebody else's may not say with it, time and again, that he is
 * there. What was used leaves a bit, in a place that its random nonce tells; one that finds the
 * bit set proves nothing. With many set all begins anew: a replay each that many tokens is few.
 */
static bool first_use(struct quic_net *qn, const u8 *token)
{
	u32 bit = get_unaligned_le32(token + 1) % SEEN_BITS;
	bool first;

	spin_lock_bh(&qn->token_lock);
	if (!qn->token_seen)
		qn->token_seen = kzalloc(SEEN_BITS / 8, GFP_ATOMIC | __GFP_NOWARN);
	if (qn->token_seen && qn->ntoken_seen >= SEEN_MAX) {
		bitmap_zero(qn->token_seen, SEEN_BITS);
		qn->ntoken_seen = 0;
	}
	first = qn->token_seen && !__test_and_set_bit(bit, qn->token_seen);
	qn->ntoken_seen += first;
	spin_unlock_bh(&qn->token_lock);
	return first;
}

/* The secret to seal with (@gen < 0) or number @gen. Return: its number */
static int copy_secret(struct quic_net *qn, int gen, u64 now, u8 *secret)
{
	spin_lock_bh(&qn->token_lock);
	if (now > qn->token_since && now - qn->token_since >= TURN) {
		qn->token_gen = !qn->token_gen;
		get_random_bytes(qn->token_secret[qn->token_gen], QUIC_TOKEN_SECRET);
		qn->token_since = now;
	}
	if (gen < 0)
		gen = qn->token_gen;
	memcpy(secret, qn->token_secret[gen], QUIC_TOKEN_SECRET);
	spin_unlock_bh(&qn->token_lock);
	return gen;
}

static void token_addr(const union quic_addr *from, struct quic_token_addr *to)
{
	struct in6_addr ip;

	if (from->sa.sa_family == AF_INET6) {
		ip = from->v6.sin6_addr;
		to->port = ntohs(from->v6.sin6_port);
	} else {
		ipv6_addr_set_v4mapped(from->v4.sin_addr.s_addr, &ip);
		to->port = ntohs(from->v4.sin_port);
	}
	memcpy(to->ip, &ip, sizeof(to->ip));
}

int quic_net_token_new(struct net *net, u8 kind, const union quic_addr *remote,
		       const struct quic_cid *odcid, u32 version, u8 *token)
{
	struct quic_token t = { .kind = kind, .at = ktime_get_ns() };
	u8 secret[QUIC_TOKEN_SECRET];
	int err, gen;

	if (odcid)
		t.odcid = *odcid;
	token_addr(remote, &t.addr);
	/* Nobody needs to know which port it was given to (8.1.3). */
	if (kind == QUIC_TOKEN_NEW)
		t.addr.port = 0;
	gen = copy_secret(quic_net(net), -1, t.at, secret);
	get_random_bytes(token, QUIC_TOKEN_NONCE);
	token[0] = (token[0] & ~QUIC_TOKEN_GEN) | gen;
	err = quic_token_seal(&quic_crypto_kernel, secret, version, &t, token);
	memzero_explicit(secret, sizeof(secret));
	return err;
}

enum quic_token_verdict quic_net_token_check(struct net *net, const struct quic_packet *pkt,
					     const union quic_addr *remote,
					     struct quic_token *t)
{
	struct quic_net *qn = quic_net(net);
	enum quic_token_verdict verdict;
	struct quic_token_addr from;
	u8 secret[QUIC_TOKEN_SECRET];
	u64 now = ktime_get_ns();
	int err;

	if (pkt->token_len != QUIC_TOKEN_LEN)
		return QUIC_TOKEN_NONE;
	copy_secret(qn, pkt->token[0] & QUIC_TOKEN_GEN, now, secret);
	err = quic_token_open(&quic_crypto_kernel, secret, pkt->version, pkt->token,
			      pkt->token_len, t);
	memzero_explicit(secret, sizeof(secret));
	if (err)
		return QUIC_TOKEN_NONE;
	token_addr(remote, &from);
	verdict = quic_token_judge(t, pkt->token, &from, pkt->dcid, pkt->dcid_len, now);
	/* Those of a Retry are good for one ID, and for seconds. */
	if (verdict == QUIC_TOKEN_GOOD && t->kind == QUIC_TOKEN_NEW && !first_use(qn, pkt->token))
		return QUIC_TOKEN_NONE;
	return verdict;
}
