/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What GnuTLS calls during a handshake: secrets, outgoing messages and alerts. */
#ifndef QUIC_USERLIB_HOOKS_H
#define QUIC_USERLIB_HOOKS_H

#include "ctx.h"

void quic_hooks_install(gnutls_session_t session);

/* QUIC_CRYPTO_* to GnuTLS's numbering; -EINVAL for what does not exist. */
int quic_hooks_level(uint8_t crypto_level, gnutls_record_encryption_level_t *level);

/*
 * What TLS alone does not insist on but QUIC does: transport parameters and an application
 * protocol (RFC 9001, 8.1 and 8.2). 0 or a GnuTLS error, ctx->alert and ctx->error set.
 */
int quic_hooks_check_peer(struct quic_ctx *ctx);

#endif /* QUIC_USERLIB_HOOKS_H */
