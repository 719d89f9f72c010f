/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Resumption and 0-RTT (RFC 9001, 4.5 and 4.6): what a client remembers of a connection, and how a
 * server makes sure that early data is taken once.
 */
#ifndef QUIC_USERLIB_EARLY_H
#define QUIC_USERLIB_EARLY_H

#include "ctx.h"
#include "tls.h"

/* Client, before the handshake: token and remembered parameters go to the kernel. */
void quic_early_prepare(struct quic_ctx *ctx);
/* Client: is the secret for 0-RTT wanted? */
bool quic_early_wanted(const struct quic_ctx *ctx);
/* Client: the server's answer is known and goes to the kernel. 0 or a GnuTLS error */
int quic_early_answer(struct quic_ctx *ctx);

/* Server: tickets for 0-RTT are given out, and each ClientHello is taken once. */
void quic_early_enable(gnutls_session_t session);

/*
 * Server: the key that seals the tickets of this session, from the listener's. It depends on the
 * protocol chosen, on our limits and priorities: a ticket given out under others does not open, and the 0-RTT
 * that came with it is refused (RFC 9000, 7.4.1; RFC 8446, 4.2.10).
 */
int quic_early_ticket_key(struct quic_ctx *ctx, uint8_t *key);

/* Client: is what this file holds good for 0-RTT? */
bool quic_resume_early(const char *file);

void quic_early_free(struct quic_resume *resume);

#endif /* QUIC_USERLIB_EARLY_H */
