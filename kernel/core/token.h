/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Address validation tokens (RFC 9000, 8.1): what a server has a client keep for
 * it, sealed. Pure functions; secrets, nonces and the clock are the caller's.
 *
 * Both kinds have one length and look random, so that nobody can tell them
 * apart or link them to a connection (8.1.3, 8.1.4), but for one bit that says
 * which of two secrets sealed them.
 */
#ifndef QUIC_CORE_TOKEN_H
#define QUIC_CORE_TOKEN_H

#include "protect.h"

#define QUIC_TOKEN_NONCE	16
#define QUIC_TOKEN_BODY		48
#define QUIC_TOKEN_MAC		16
#define QUIC_TOKEN_LEN		(QUIC_TOKEN_NONCE + QUIC_TOKEN_BODY + QUIC_TOKEN_MAC)
#define QUIC_TOKEN_SECRET	32
#define QUIC_TOKEN_RETRY_LIFE	(10ull * NSEC_PER_SEC)
#define QUIC_TOKEN_NEW_LIFE	(24ull * 3600 * NSEC_PER_SEC)

enum quic_token_kind {
	QUIC_TOKEN_RETRY = 1,
	QUIC_TOKEN_NEW = 2,		/* for NEW_TOKEN frames */
};

struct quic_token_addr {
	u8 ip[16];		/* IPv4 mapped */
	u16 port;
};

struct quic_token {
	u8 kind;			/* enum quic_token_kind */
	struct quic_token_addr addr;	/* the port counts for a Retry only */
	struct quic_cid odcid;		/* Retry: the destination ID it answers; else empty */
	u64 at;				/* ns, when it was made */
};

enum quic_token_verdict {
	QUIC_TOKEN_NONE,	/* proves nothing: as if it were not there (8.1.3) */
	QUIC_TOKEN_GOOD,
	QUIC_TOKEN_INVALID,	/* of a Retry that was not for this packet: INVALID_TOKEN (8.1.2) */
};

/*
 * Seal into @out, QUIC_TOKEN_LEN bytes that begin with the nonce, which the caller has put
 * there: random but for the bit QUIC_TOKEN_GEN of the first byte. A token is good for the
 * version it was given out in (RFC 9369, 5). Any context. Return: 0 or crypto's.
 */
int quic_token_seal(const struct quic_crypto_ops *ops, const u8 *secret, u32 version,
		    const struct quic_token *t, u8 *out);
/* Return: 0; -EBADMSG: not sealed with @secret for @version; crypto's. Any context. */
int quic_token_open(const struct quic_crypto_ops *ops, const u8 *secret, u32 version,
		    const u8 *token, u32 len, struct quic_token *t);
#define QUIC_TOKEN_GEN	0x01	/* which of the two secrets */

/*
 * What an opened token proves of an Initial that came from @from to @dcid. The
 * source ID of a Retry is the beginning of its token's nonce.
 */
enum quic_token_verdict quic_token_judge(const struct quic_token *t, const u8 *token,
					 const struct quic_token_addr *from, const u8 *dcid,
					 u8 dcid_len, u64 now);

#endif
