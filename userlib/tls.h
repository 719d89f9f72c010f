/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys, authorities and choices, read once and read-only afterwards, so any thread may use them;
 * and what the rest of the library wants of a TLS library. tls_gnutls*.c and tls_openssl*.c each
 * are all of that, and one of them is built; nothing else includes a TLS library's headers.
 */
#ifndef QUIC_USERLIB_TLS_H
#define QUIC_USERLIB_TLS_H

#include <stdbool.h>
#include <netinet/quic.h>
#include "ctx.h"
#include "sys.h"

struct quic_tls {
	bool server;
	unsigned int flags;		/* QUIC_HANDSHAKE_* */
	char *hostname;
	char *alpns;
	char *priority;			/* NULL: by the socket's wishes */
	char *psk_file;			/* NULL: certificates */
	char *psks;			/* server: what stood there, quic_psk_read() */
	const struct quic_tls *(*choose)(const struct quic_tls *tls, const char *name, void *arg);
	void *choose_arg;
	struct quic_tls_creds *creds;	/* the TLS library's */
};

/* A sentence into opts.errbuf and the log. Returns err. */
int quic_tls_fail(const struct quic_handshake_opts *opts, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same of a file: what the system says of it, else @why. */
int quic_tls_fail_file(const struct quic_handshake_opts *opts, const char *what, const char *file,
		       const char *why);

/* opts as far as the caller has them; -EINVAL when that is not even to alpns. */
int quic_tls_take_opts(struct quic_handshake_opts *to, const struct quic_handshake_opts *caller);
/* Server: -EINVAL where client certificates are asked for and no authorities named. make: without that check */
int quic_tls_check_demand(const struct quic_handshake_opts *opts);
int quic_tls_make_server(struct quic_tls **tls, const struct quic_handshake_opts *opts);

/* quic_tls_session() over other socket calls. */
int quic_tls_session_sys(const struct quic_tls *tls, int sd, const struct quic_sys *sys,
			 const char *hostname, quic_session_t *session);

/* Everything in one call, over other socket calls. */
int quic_simple_handshake(int sd, const struct quic_sys *sys, bool server,
			  const struct quic_handshake_opts *opts);

/* --- What a TLS library does. Functions returning int: 0 or -errno unless said otherwise. --- */

/* Keys */

/* tls->creds from the files of opts; what is wrong goes through quic_tls_fail(). NULL is freed, too. */
int quic_tls_creds_load(struct quic_tls *tls, const struct quic_handshake_opts *opts);
void quic_tls_creds_free(struct quic_tls_creds *creds);

/* Sessions */

/* One with the credentials of tls and a context. */
int quic_tls_make(const struct quic_tls *tls, int sd, struct quic_ctx **ctx);
/* Hang the context on its session, with ctx->priv; it is freed with it by quic_ctx_free(). */
int quic_tls_attach(struct quic_ctx *ctx);
void quic_tls_priv_free(struct quic_tls_priv *priv);
/* The socket of a session that the caller made, or -1. */
int quic_tls_socket(quic_session_t session);
/* Ciphers and groups, of a GnuTLS priority string */
int quic_tls_set_priority(struct quic_ctx *ctx, const char *text);
/* Offer, or choose from, the names of ctx->alpns. */
int quic_tls_set_alpn(struct quic_ctx *ctx);
int quic_tls_set_sni(struct quic_ctx *ctx, const char *name);
/* Verify that the server is ctx->hostname; with a PSK: refuse any certificate. */
void quic_tls_verify_server(struct quic_ctx *ctx, bool psk);
/* Ask a client for its certificate , or insist on one, as ctx->cert_demand says; verify it. */
void quic_tls_verify_client(struct quic_ctx *ctx);
/* In quic_session_choose(): go on with another certificate, and authorities. */
int quic_tls_use(struct quic_ctx *ctx, const struct quic_tls *tls);
/* Server: give out tickets for 0-RTT and take it. */
void quic_tls_early_enable(struct quic_ctx *ctx);

/* The handshake */

/* The role is known, the hooks may be called from now on. */
int quic_tls_begin(struct quic_ctx *ctx);
/*
 * Go on as far as it goes. 0: complete; -EAGAIN: more input is needed; else it failed: ctx->error
 * has the reason and ctx->alert what the peer is to be told.
 */
int quic_tls_run(struct quic_ctx *ctx);
/* A piece of TLS messages came on this level (QUIC_CRYPTO_*). 0 or as quic_tls_run() fails */
int quic_tls_input(struct quic_ctx *ctx, uint8_t level, const uint8_t *data, size_t len);
/* Never NULL */
const char *quic_tls_alert_name(int alert);
/* Once known: the protocol, until the session's end. */
bool quic_tls_alpn(quic_session_t session, const uint8_t **name, size_t *len);
/* Client: did the server take 0-RTT? */
bool quic_tls_early_taken(struct quic_ctx *ctx);

/* Resumption, client */

/* A NewSessionTicket message */
int quic_tls_ticket(struct quic_ctx *ctx, const uint8_t *msg, size_t len);
bool quic_tls_has_ticket(struct quic_ctx *ctx);
/* Is it for 0-RTT? */
bool quic_tls_ticket_early(struct quic_ctx *ctx);
/* The session with the ticket, to be freed by the caller. */
int quic_tls_export(struct quic_ctx *ctx, uint8_t **data, size_t *len);
int quic_tls_import(quic_session_t session, const void *data, size_t len);

/* Tools of the trade */
#define QUIC_TLS_HASH	32	/* SHA-256 */
int quic_tls_hash(const void *data, size_t len, uint8_t *out);
/* HMAC with SHA-512 */
int quic_tls_mac(const void *key, size_t key_len, const void *data, size_t len, uint8_t *out);

#endif /* QUIC_USERLIB_TLS_H */
