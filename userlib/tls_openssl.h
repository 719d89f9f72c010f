/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the OpenSSL files share. */
#ifndef QUIC_USERLIB_TLS_OPENSSL_H
#define QUIC_USERLIB_TLS_OPENSSL_H

#include <openssl/err.h>
#include <openssl/ssl.h>
#include "ctx.h"
#include "psk.h"
#include "tls.h"

/* Sessions are those of this library. */
#define QUIC_OPENSSL_ID	((const unsigned char[]){ 'l', 'i', 'b', 'q', 'u', 'i', 'c', 0 })

struct quic_tls_creds {
	SSL_CTX *ctx;
	struct quic_psk psk;	/* client */
};

struct quic_tls_priv {
	/* Levels that TLS messages are read and written on; 0-RTT has none (RFC 9001, 4.1.3) */
	uint8_t read_level;
	uint8_t write_level;
	const uint8_t *in;	/* the caller's, while it calls us */
	size_t in_len;
	size_t in_taken;	/* by OpenSSL, which has not said yet that it is done */
	unsigned int hellos;	/* client: sent */
	bool ticket_in;		/* client: the session has a ticket of this connection */
	bool have_hello;	/* server: its hash */
	uint8_t hello[QUIC_TLS_HASH];
	size_t params_len;	/* ours; OpenSSL keeps a pointer */
	uint8_t params[QUIC_CTX_PARAMS_MAX];
};

/* The newest of OpenSSL's errors, as text; the queue is empty after it. */
const char *quic_openssl_error(void);
/* New contexts have their callbacks from here. */
void quic_openssl_callbacks(SSL_CTX *ctx, bool server, bool psk);

#endif /* QUIC_USERLIB_TLS_OPENSSL_H */
