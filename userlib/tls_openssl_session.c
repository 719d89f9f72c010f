// SPDX-License-Identifier: LGPL-2.1-or-later
/* OpenSSL: sessions, what they verify, resumption data. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/x509v3.h>
#include "early.h"
#include "log.h"
#include "tls_openssl.h"

#define EARLY_ANY	0xffffffffU	/* RFC 9001, 4.6.1 */

/* Where a context hangs on its session: the same number for all. */
static int ex_index = -1;

static void ex_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	(void)parent;
	(void)ad;
	(void)idx;
	(void)argl;
	(void)argp;
	quic_ctx_free(ptr);
}

/* A duplicate is a session without a handshake. */
static int ex_dup(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, void **ptr, int idx, long argl,
		  void *argp)
{
	(void)to;
	(void)from;
	(void)idx;
	(void)argl;
	(void)argp;
	*ptr = NULL;
	return 1;
}

__attribute__((constructor)) static void index_init(void)
{
	ex_index = SSL_get_ex_new_index(0, NULL, NULL, ex_dup, ex_free);
}

__attribute__((destructor)) static void index_exit(void)
{
	CRYPTO_free_ex_index(CRYPTO_EX_INDEX_SSL, ex_index);
}

struct quic_ctx *quic_ctx_find(SSL *session)
{
	return session && ex_index >= 0 ? SSL_get_ex_data(session, ex_index) : NULL;
}

int quic_tls_attach(struct quic_ctx *ctx)
{
	ctx->priv = calloc(1, sizeof(*ctx->priv));
	if (!ctx->priv || ex_index < 0 || !SSL_set_ex_data(ctx->session, ex_index, ctx))
		return -ENOMEM;
	return 0;
}

void quic_tls_priv_free(struct quic_tls_priv *priv)
{
	free(priv);
}

int quic_tls_make(const struct quic_tls *tls, int sd, struct quic_ctx **ret)
{
	SSL *session;

	(void)sd;
	ERR_clear_error();
	session = SSL_new(tls->creds->ctx);
	if (!session)
		return -ENOMEM;
	*ret = quic_ctx_attach(session);
	if (*ret)
		return 0;
	SSL_free(session);
	return -ENOMEM;
}

void quic_session_free(SSL *session)
{
	SSL_free(session);
}

int quic_session_is_resumed(SSL *session)
{
	return session && SSL_session_reused(session);
}

int quic_tls_socket(SSL *session)
{
	return SSL_get_fd(session);
}

/* A server chooses in its context's callback; without one nothing is chosen, and the handshake fails. */
int quic_tls_set_alpn(struct quic_ctx *ctx)
{
	return SSL_set_alpn_protos(ctx->session, ctx->alpns, ctx->alpns_len) ? -ENOMEM : 0;
}

int quic_tls_set_sni(struct quic_ctx *ctx, const char *name)
{
	if (SSL_set_tlsext_host_name(ctx->session, name))
		return 0;
	ERR_clear_error();
	return -EINVAL;
}

/*
 * With a pre-shared key the server proves itself by knowing it. One that answers with a certificate
 * does not know it, whoever signed that.
 */
static int refuse_certificate(int good, X509_STORE_CTX *store)
{
	struct quic_ctx *ctx;

	(void)good;
	ctx = quic_ctx_find(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
	if (ctx)
		quic_ctx_refuse(ctx, QUIC_ALERT_UNKNOWN_PSK, -EKEYREJECTED,
				"the server does not know our pre-shared key: compare identity and key on both sides");
	X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
	return 0;
}

void quic_tls_verify_server(struct quic_ctx *ctx, bool psk)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ctx->session);

	if (psk) {
		SSL_set_verify(ctx->session, SSL_VERIFY_PEER, refuse_certificate);
		return;
	}
	SSL_set_verify(ctx->session, SSL_VERIFY_PEER, NULL);
	/* A name that cannot be set must not mean that any will do. */
	if (!X509_VERIFY_PARAM_set1_ip_asc(param, ctx->hostname) &&
	    !X509_VERIFY_PARAM_set1_host(param, ctx->hostname, 0))
		SSL_set_verify(ctx->session, SSL_VERIFY_PEER, refuse_certificate);
	ERR_clear_error();
}

void quic_tls_verify_client(struct quic_ctx *ctx)
{
	static const int mode[] = {
		SSL_VERIFY_NONE, SSL_VERIFY_PEER, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
	};

	SSL_set_verify(ctx->session, mode[ctx->cert_demand], NULL);
}

/* Not SSL_set_SSL_CTX(): the callbacks stay those of the context that the session is from. */
int quic_tls_use(struct quic_ctx *ctx, const struct quic_tls *tls)
{
	SSL_CTX *from = tls->creds->ctx;
	X509 *cert = SSL_CTX_get0_certificate(from);
	STACK_OF(X509) *chain = NULL;
	STACK_OF(X509_NAME) *names;

	SSL_certs_clear(ctx->session);
	SSL_CTX_get0_chain_certs(from, &chain);
	if (cert && !SSL_use_cert_and_key(ctx->session, cert, SSL_CTX_get0_privatekey(from), chain, 1))
		return -EINVAL;
	if (!SSL_set1_verify_cert_store(ctx->session, SSL_CTX_get_cert_store(from)))
		return -ENOMEM;
	names = SSL_dup_CA_list(SSL_CTX_get_client_CA_list(from));
	if (names)
		SSL_set_client_CA_list(ctx->session, names);
	return 0;
}

bool quic_tls_has_ticket(struct quic_ctx *ctx)
{
	return ctx->priv->ticket_in;
}

bool quic_tls_ticket_early(struct quic_ctx *ctx)
{
	const SSL_SESSION *s = SSL_get0_session(ctx->session);

	return s && SSL_SESSION_get_max_early_data(s) == EARLY_ANY;
}

int quic_tls_export(struct quic_ctx *ctx, uint8_t **data, size_t *len)
{
	SSL_SESSION *s = SSL_get0_session(ctx->session);
	int n = s ? i2d_SSL_SESSION(s, NULL) : 0;
	unsigned char *p;

	if (n <= 0)
		return -EPROTO;
	p = malloc(n);
	*data = p;
	*len = n;
	if (!p)
		return -ENOMEM;
	i2d_SSL_SESSION(s, &p);
	return 0;
}

/* 0-RTT to another name than that of the session is not for this server. */
static bool same_name(SSL *session, const SSL_SESSION *s)
{
	const char *then = SSL_SESSION_get0_hostname(s);
	const char *now = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);

	return !then || (now && !strcmp(then, now));
}

int quic_tls_import(SSL *session, const void *data, size_t len)
{
	const unsigned char *p = data;
	SSL_SESSION *s = d2i_SSL_SESSION(NULL, &p, len);
	int err = -EINVAL;

	if (s && p == (const unsigned char *)data + len && same_name(session, s) &&
	    SSL_SESSION_get_protocol_version(s) == TLS1_3_VERSION && SSL_set_session(session, s))
		err = 0;
	SSL_SESSION_free(s);
	ERR_clear_error();
	return err;
}
