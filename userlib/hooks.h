/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the TLS library's callbacks come to: secrets, messages, and what QUIC insists on. Levels are
 * QUIC_CRYPTO_*. 0 or -errno; on an error ctx->error, ctx->sys_err and ctx->alert are set, and TLS
 * is to be stopped.
 */
#ifndef QUIC_USERLIB_HOOKS_H
#define QUIC_USERLIB_HOOKS_H

#include "ctx.h"

/*
 * Before the secrets of a level go to the kernel. A server knows all of the ClientHello when it has
 * handshake secrets, a client all of EncryptedExtensions when it has application secrets: who is to
 * be refused is refused before going on. May be called twice for a level.
 */
int quic_hooks_level(struct quic_ctx *ctx, uint8_t level);

/* A secret for the kernel; type: TLS_CIPHER_* of linux/tls.h, 0: a cipher QUIC does not have. */
int quic_hooks_secret(struct quic_ctx *ctx, uint8_t level, bool send, uint32_t type,
		      const void *secret, size_t len);

/* A piece of TLS messages to be sent. */
int quic_hooks_message(struct quic_ctx *ctx, uint8_t level, const void *data, size_t len);

/*
 * What TLS alone does not insist on but QUIC does: transport parameters and an application
 * protocol (RFC 9001, 8.1 and 8.2).
 */
int quic_hooks_check_peer(struct quic_ctx *ctx);

#endif /* QUIC_USERLIB_HOOKS_H */
