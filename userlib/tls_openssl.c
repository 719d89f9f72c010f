// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * OpenSSL: the handshake, over its interface for QUIC stacks that are not its own. Messages come
 * without a level: it is that of the last secret, 0-RTT's aside.
 */
#include <errno.h>
#include <string.h>
#include <linux/tls.h>
#include <openssl/core_dispatch.h>
#include "early.h"
#include "hooks.h"
#include "log.h"
#include "tls_openssl.h"

#define CLIENT_HELLO	1	/* RFC 8446, 4 */
#define SERVER_HELLO	2

static uint32_t cipher_type(const SSL_CIPHER *cipher)
{
	switch (cipher ? SSL_CIPHER_get_protocol_id(cipher) : 0) {
	case 0x1301:
		return TLS_CIPHER_AES_GCM_128;
	case 0x1302:
		return TLS_CIPHER_AES_GCM_256;
	case 0x1303:
		return TLS_CIPHER_CHACHA20_POLY1305;
	case 0x1304:
		return TLS_CIPHER_AES_CCM_128;
	default:
		return 0;
	}
}

static int hook_send(SSL *session, const unsigned char *buf, size_t len, size_t *taken, void *arg)
{
	struct quic_ctx *ctx = arg;
	struct quic_tls_priv *p = ctx->priv;

	(void)session;
	*taken = len;
	if (!ctx->server && p->write_level == QUIC_CRYPTO_INITIAL && len && buf[0] == CLIENT_HELLO &&
	    p->hellos++)
		ctx->hello_retry = true;
	quic_log(LOG_DEBUG, "TLS messages out, %zu bytes, level %u", len, p->write_level);
	return !quic_hooks_message(ctx, p->write_level, buf, len);
}

/* Only what came on the level that is read: quic_tls_input() has seen to it. */
static int hook_recv(SSL *session, const unsigned char **buf, size_t *len, void *arg)
{
	struct quic_tls_priv *p = ((struct quic_ctx *)arg)->priv;

	(void)session;
	*buf = p->in;
	*len = p->in_taken ? 0 : p->in_len;
	p->in_taken = *len;
	return 1;
}

static int hook_release(SSL *session, size_t len, void *arg)
{
	struct quic_tls_priv *p = ((struct quic_ctx *)arg)->priv;

	(void)session;
	if (len != p->in_taken)
		return 0;
	p->in = NULL;
	p->in_len = 0;
	p->in_taken = 0;
	return 1;
}

static int early_secret(struct quic_ctx *ctx, bool send, const void *secret, size_t len)
{
	const SSL_SESSION *s = SSL_get0_session(ctx->session);

	if (!ctx->server) {
		if (!ctx->early_prepared || ctx->early_sent)
			return 1;
		ctx->early_sent = true;
	}
	return !quic_hooks_secret(ctx, QUIC_CRYPTO_EARLY, send,
				  cipher_type(s ? SSL_SESSION_get0_cipher(s) : NULL), secret, len);
}

static int hook_secret(SSL *session, uint32_t prot, int direction, const unsigned char *secret,
		       size_t len, void *arg)
{
	struct quic_ctx *ctx = arg;
	bool send = direction;
	uint8_t level;

	switch (prot) {
	case OSSL_RECORD_PROTECTION_LEVEL_EARLY:
		return early_secret(ctx, send, secret, len);
	case OSSL_RECORD_PROTECTION_LEVEL_HANDSHAKE:
		level = QUIC_CRYPTO_HANDSHAKE;
		break;
	case OSSL_RECORD_PROTECTION_LEVEL_APPLICATION:
		level = QUIC_CRYPTO_APP;
		break;
	default:
		return 1;
	}
	if (quic_hooks_level(ctx, level) ||
	    quic_hooks_secret(ctx, level, send, cipher_type(SSL_get_pending_cipher(session)), secret,
			      len))
		return 0;
	if (send)
		ctx->priv->write_level = level;
	else
		ctx->priv->read_level = level;
	return 1;
}

static int params_offer(struct quic_ctx *ctx)
{
	struct quic_tls_priv *p = ctx->priv;

	return !quic_ctx_params_get(ctx, p->params, &p->params_len) &&
	       SSL_set_quic_tls_transport_params(ctx->session, p->params, p->params_len);
}

/* A server offers its own once the client's are in the kernel. */
static int hook_params(SSL *session, const unsigned char *data, size_t len, void *arg)
{
	struct quic_ctx *ctx = arg;

	(void)session;
	if (quic_ctx_params_put(ctx, data, len))
		return 0;
	return !ctx->server || params_offer(ctx);
}

static int hook_alert(SSL *session, unsigned char alert, void *arg)
{
	struct quic_ctx *ctx = arg;

	(void)session;
	/* close_notify and user_canceled have no place in QUIC; every other one is fatal. */
	if (ctx->alert == QUIC_CTX_ALERT_NONE && alert != SSL3_AD_CLOSE_NOTIFY &&
	    alert != SSL_AD_USER_CANCELLED)
		ctx->alert = alert;
	return 1;
}

static const OSSL_DISPATCH hooks[] = {
	{ OSSL_FUNC_SSL_QUIC_TLS_CRYPTO_SEND, (void (*)(void))hook_send },
	{ OSSL_FUNC_SSL_QUIC_TLS_CRYPTO_RECV_RCD, (void (*)(void))hook_recv },
	{ OSSL_FUNC_SSL_QUIC_TLS_CRYPTO_RELEASE_RCD, (void (*)(void))hook_release },
	{ OSSL_FUNC_SSL_QUIC_TLS_YIELD_SECRET, (void (*)(void))hook_secret },
	{ OSSL_FUNC_SSL_QUIC_TLS_GOT_TRANSPORT_PARAMS, (void (*)(void))hook_params },
	{ OSSL_FUNC_SSL_QUIC_TLS_ALERT, (void (*)(void))hook_alert },
	{ 0, NULL },
};

/* A ServerHello that is none (RFC 8446, 4.1.3) */
static bool is_retry(const uint8_t *msg, size_t len)
{
	static const uint8_t random[] = {
		0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
		0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
	};

	return len >= 6 + sizeof(random) && msg[0] == SERVER_HELLO &&
	       !memcmp(msg + 6, random, sizeof(random));
}

/*
 * Messages as they come in, where 0-RTT is possible. A ClientHello is known by its hash. After
 * HelloRetryRequest there is no 0-RTT (RFC 8446, 4.1.2), but OpenSSL 3.5 would offer it again: it
 * does not with a session that has none.
 */
static void message_note(int write, int version, int type, const void *buf, size_t len, SSL *session,
			 void *arg)
{
	struct quic_ctx *ctx = arg;

	(void)version;
	if (write || type != SSL3_RT_HANDSHAKE || !len)
		return;
	if (ctx->server && *(const uint8_t *)buf == CLIENT_HELLO)
		ctx->priv->have_hello = !quic_tls_hash(buf, len, ctx->priv->hello);
	else if (!ctx->server && is_retry(buf, len))
		SSL_SESSION_set_max_early_data(SSL_get0_session(session), 0);
}

/* 0-RTT is done when the table of early.c is there. */
void quic_tls_early_enable(struct quic_ctx *ctx)
{
	if (!quic_early_possible())
		ctx->early_wanted = false;
}

static bool early_begin(struct quic_ctx *ctx)
{
	if (ctx->server ? !ctx->early_wanted : !ctx->early_prepared)
		return true;
	SSL_set_msg_callback(ctx->session, message_note);
	SSL_set_msg_callback_arg(ctx->session, ctx);
	if (SSL_set_quic_tls_early_data_enabled(ctx->session, 1))
		return true;
	/* A session that is for no 0-RTT: resume it without. */
	ctx->early_prepared = false;
	return !ctx->server;
}

int quic_tls_begin(struct quic_ctx *ctx)
{
	ERR_clear_error();
	if (ctx->server)
		SSL_set_accept_state(ctx->session);
	else
		SSL_set_connect_state(ctx->session);
	ctx->priv->read_level = QUIC_CRYPTO_INITIAL;
	ctx->priv->write_level = QUIC_CRYPTO_INITIAL;
	if (SSL_set_quic_tls_cbs(ctx->session, hooks, ctx) && (ctx->server || params_offer(ctx)) &&
	    early_begin(ctx))
		return 0;
	if (ctx->sys_err)
		return ctx->sys_err;
	return quic_ctx_refuse(ctx, QUIC_ALERT_INTERNAL_ERROR, -EINVAL, "TLS: %s",
			       quic_openssl_error());
}

/* Why a certificate was refused, in OpenSSL's words and with the name we looked for. */
static int fail_certificate(struct quic_ctx *ctx, long why)
{
	int err = why == X509_V_ERR_CERT_HAS_EXPIRED || why == X509_V_ERR_CERT_NOT_YET_VALID ?
		  -EKEYEXPIRED : -EKEYREJECTED;

	return quic_ctx_fail(ctx, err, "certificate of %s refused: %s",
			     ctx->hostname ? ctx->hostname : "the peer",
			     X509_verify_cert_error_string(why));
}

static int fail(struct quic_ctx *ctx)
{
	long why = SSL_get_verify_result(ctx->session);
	unsigned long error = ERR_peek_error();
	int err = -EPROTO;

	if (ctx->sys_err)
		err = ctx->sys_err;
	else if (ERR_GET_LIB(error) == ERR_LIB_SSL && why != X509_V_OK &&
		 ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		err = fail_certificate(ctx, why);
	else if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
		 ERR_GET_REASON(error) == SSL_R_NO_APPLICATION_PROTOCOL)
		err = quic_ctx_fail(ctx, -EPROTONOSUPPORT,
				    "no application protocol in common with the peer: both sides must list the same ALPN name");
	else if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE)
		err = quic_ctx_fail(ctx, -ENOMEM, "no memory");
	else
		quic_ctx_fail(ctx, err, "TLS: %s",
			      error ? ERR_reason_error_string(error) : "handshake failed");
	ERR_clear_error();
	return err;
}

/*
 * A server that would take 0-RTT and got none calls itself through once its own Finished is out, for the
 * sake of TCP; what comes then is read as after the handshake. It is over when both directions have
 * application secrets.
 */
static bool complete(const struct quic_tls_priv *p)
{
	return p->read_level == QUIC_CRYPTO_APP && p->write_level == QUIC_CRYPTO_APP;
}

int quic_tls_run(struct quic_ctx *ctx)
{
	int ret;

	ERR_clear_error();
	ret = SSL_do_handshake(ctx->session);
	if (ret == 1 && !complete(ctx->priv))
		ret = SSL_read(ctx->session, NULL, 0);
	if (ret <= 0 && SSL_get_error(ctx->session, ret) != SSL_ERROR_WANT_READ)
		return fail(ctx);
	/* What it left belongs to a level that is no more (RFC 9001, 4.1.3). */
	if (ctx->priv->in_len)
		return quic_ctx_refuse(ctx, QUIC_ALERT_UNEXPECTED_MESSAGE, -EPROTO,
				       "TLS: messages behind the end of their level");
	return complete(ctx->priv) ? 0 : -EAGAIN;
}

int quic_tls_input(struct quic_ctx *ctx, uint8_t level, const uint8_t *data, size_t len)
{
	if (level != ctx->priv->read_level)
		return quic_ctx_refuse(ctx, QUIC_ALERT_UNEXPECTED_MESSAGE, -EPROTO,
				       "a TLS message of level %u, not %u", level,
				       ctx->priv->read_level);
	ctx->priv->in = data;
	ctx->priv->in_len = len;
	ctx->priv->in_taken = 0;
	return 0;
}

int quic_tls_ticket(struct quic_ctx *ctx, const uint8_t *msg, size_t len)
{
	struct quic_tls_priv *p = ctx->priv;
	int ret;

	if (p->read_level != QUIC_CRYPTO_APP)
		return -EINVAL;
	p->in = msg;
	p->in_len = len;
	p->in_taken = 0;
	ERR_clear_error();
	ret = SSL_read(ctx->session, NULL, 0);
	if ((ret <= 0 && SSL_get_error(ctx->session, ret) != SSL_ERROR_WANT_READ) || p->in_len) {
		p->in_len = 0;
		ERR_clear_error();
		return -EPROTO;
	}
	p->ticket_in = SSL_SESSION_has_ticket(SSL_get0_session(ctx->session));
	return 0;
}

const char *quic_tls_alert_name(int alert)
{
	return SSL_alert_desc_string_long(alert);
}

bool quic_tls_alpn(SSL *session, const uint8_t **name, size_t *len)
{
	unsigned int n;

	SSL_get0_alpn_selected(session, name, &n);
	*len = n;
	return *name && n;
}

bool quic_tls_early_taken(struct quic_ctx *ctx)
{
	return SSL_get_early_data_status(ctx->session) == SSL_EARLY_DATA_ACCEPTED;
}
