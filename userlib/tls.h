/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys, authorities and choices, read once; read-only afterwards, so any thread may use it. */
#ifndef QUIC_USERLIB_TLS_H
#define QUIC_USERLIB_TLS_H

#include <stdbool.h>
#include <netinet/quic.h>
#include "sys.h"

struct quic_tls {
	bool server;
	unsigned int flags;		/* QUIC_HANDSHAKE_* */
	char *hostname;
	char *alpns;
	char *priority;			/* NULL: by the socket's wishes */
	char *psk_file;			/* NULL: certificates */
	gnutls_certificate_credentials_t cert;
	gnutls_psk_client_credentials_t psk_client;
	gnutls_psk_server_credentials_t psk_server;
};

/* A sentence into opts.errbuf and the log. Returns err. */
int quic_tls_fail(const struct quic_handshake_opts *opts, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The line of opts.psk_identity, or the first, of opts.psk_file; to be freed. */
int quic_psk_load(const struct quic_handshake_opts *opts, char **identity, gnutls_datum_t *hexkey);

/* GnuTLS asks a server for the key of a client: it is looked up in the session's psk_file. */
int quic_psk_of_client(gnutls_session_t session, const gnutls_datum_t *name, gnutls_datum_t *key);

/* opts as far as the caller has them; -EINVAL when that is not even to alpns. */
int quic_tls_take_opts(struct quic_handshake_opts *to, const struct quic_handshake_opts *caller);

/* quic_tls_session() over other socket calls. */
int quic_tls_session_sys(const struct quic_tls *tls, int sd, const struct quic_sys *sys,
			 const char *hostname, gnutls_session_t *session);

/* Everything in one call, over other socket calls. */
int quic_simple_handshake(int sd, const struct quic_sys *sys, bool server,
			  const struct quic_handshake_opts *opts);

#endif /* QUIC_USERLIB_TLS_H */
