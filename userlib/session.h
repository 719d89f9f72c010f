/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the TLS library's files ask of session.c. */
#ifndef QUIC_USERLIB_SESSION_H
#define QUIC_USERLIB_SESSION_H

#include "ctx.h"

/*
 * Server: the ClientHello is known and nothing of it was acted upon; the name it asks for, NULL:
 * none. May be called again for the second ClientHello. As hooks.h says
 */
int quic_session_choose(struct quic_ctx *ctx, const char *name, size_t len);

#endif /* QUIC_USERLIB_SESSION_H */
