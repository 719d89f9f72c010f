/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pre-shared keys from a text file. */
#ifndef QUIC_USERLIB_PSK_H
#define QUIC_USERLIB_PSK_H

#include <netinet/quic.h>
#include "ctx.h"

#define QUIC_PSK_MAX	256	/* bytes of a key */

struct quic_psk {
	char *identity;
	size_t len;
	uint8_t key[QUIC_PSK_MAX];
};

/* The line of opts.psk_identity, or the first, of opts.psk_file. */
int quic_psk_load(const struct quic_handshake_opts *opts, struct quic_psk *psk);

/* The whole text of opts.psk_file, for ctx->psks: a handshake reads no files. */
int quic_psk_read(const struct quic_handshake_opts *opts, char **text);
void quic_psk_forget(char *text);

/* The key of a client of this server, the name as the peer sent it. -ENOENT: nobody of this name */
int quic_psk_find(const struct quic_ctx *ctx, const void *name, size_t len, struct quic_psk *psk);

/* Wiped, too. */
void quic_psk_free(struct quic_psk *psk);

#endif /* QUIC_USERLIB_PSK_H */
