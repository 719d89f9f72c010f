/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Resumption and 0-RTT (RFC 9001, 4.5 and 4.6): what a client remembers of a connection, and how a
 * server makes sure that early data is taken once.
 */
#ifndef QUIC_USERLIB_EARLY_H
#define QUIC_USERLIB_EARLY_H

#include <time.h>
#include "ctx.h"
#include "tls.h"

#define QUIC_EARLY_WINDOW_MS	10000	/* how far a ticket's age as told may be off (RFC 8446, 8.3) */

/* Client, before the handshake: token and remembered parameters go to the kernel. */
void quic_early_prepare(struct quic_ctx *ctx);
/* Client: the server's answer is known and goes to the kernel. As hooks.h says */
int quic_early_answer(struct quic_ctx *ctx);

/*
 * Server: is this the first time since @until that a ClientHello of this hash comes? 0; -EEXIST;
 * -ENOSPC: too many are remembered. Shared with processes forked from this one.
 */
int quic_early_first(const uint8_t hash[QUIC_TLS_HASH], time_t until);
/* Can that be remembered at all? */
bool quic_early_possible(void);

/*
 * Server: the key that seals the tickets of this session, from the listener's, QUIC_TICKET_KEY_SIZE
 * bytes. It depends on our limits and priorities, on the name that the client asked for and on what
 * we ask of it, and with @alpn on the protocol chosen: a ticket given out under others does not
 * open, and the 0-RTT that came with it is refused (RFC 9000, 7.4.1; RFC 8446, 4.2.10 and 4.6.1).
 */
int quic_early_ticket_key(struct quic_ctx *ctx, bool alpn, uint8_t *key);

/* Client: is what this file holds good for 0-RTT? */
bool quic_resume_early(const char *file);

void quic_early_free(struct quic_resume *resume);

#endif /* QUIC_USERLIB_EARLY_H */
