/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Retry (RFC 9000, 8.1.2 and 17.2.5), both sides. A server's is stateless; a
 * client looks at the packet wherever it comes in, and starts over from process
 * context, where keys can be made.
 */
#ifndef QUIC_CORE_RETRY_H
#define QUIC_CORE_RETRY_H

#include "conn.h"

#define QUIC_RETRY_ROOM		96	/* bytes, at most, of a Retry without token or a refusal */

/* A Retry packet that was found good and waits for quic_retry_apply(). */
struct quic_retry {
	struct quic_cid scid;
	u64 at;			/* ns, when it came */
	u32 token_len;
	u8 token[];
};

/*
 * Server: the answer to the Initial @in, which asks to come back to @scid with @token. @bits:
 * 4 random ones. Any context. Return: length or error
 */
int quic_retry_build(const struct quic_crypto_ops *ops, const struct quic_packet *in,
		     const struct quic_cid *scid, const u8 *token, u32 token_len, u8 bits,
		     u8 *buf, u32 cap);
/*
 * Server: an Initial packet that closes with @code what the client's Initial to @dcid from @scid
 * would have begun. Process context; @buf suits crypto. Return: length or error
 */
int quic_retry_refuse(const struct quic_crypto_ops *ops, u32 version, const struct quic_cid *dcid,
		      const struct quic_cid *scid, u64 code, u8 *buf, u32 cap);

/* Client: a Retry packet came. If it is good it is kept, and QUIC_CEV_RETRY says so. */
void quic_retry_rx(struct quic_conn *c, const struct quic_packet *h, const u8 *pkt, u64 now);
/*
 * Client: start over with the token, then pump. Process context.
 * Return: 0, also when there is no Retry any more; an error: as if it had not come
 */
int quic_retry_apply(struct quic_conn *c, u64 now);

#endif
