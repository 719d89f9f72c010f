// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The hooks never wait: secrets and transport parameters go straight to the kernel, messages into
 * the queue. A secret is always in the kernel before the first message it protects leaves the
 * queue. An error here stops gnutls_handshake(); ctx->error and ctx->alert then hold the reason.
 */
#include <errno.h>
#include <string.h>
#include <linux/tls.h>
#include "early.h"
#include "hooks.h"
#include "log.h"

static uint8_t crypto_level(gnutls_record_encryption_level_t level)
{
	switch (level) {
	case GNUTLS_ENCRYPTION_LEVEL_INITIAL:
		return QUIC_CRYPTO_INITIAL;
	case GNUTLS_ENCRYPTION_LEVEL_EARLY:
		return QUIC_CRYPTO_EARLY;
	case GNUTLS_ENCRYPTION_LEVEL_HANDSHAKE:
		return QUIC_CRYPTO_HANDSHAKE;
	default:
		return QUIC_CRYPTO_APP;
	}
}

int quic_hooks_level(uint8_t crypto, gnutls_record_encryption_level_t *level)
{
	switch (crypto) {
	case QUIC_CRYPTO_INITIAL:
		*level = GNUTLS_ENCRYPTION_LEVEL_INITIAL;
		return 0;
	case QUIC_CRYPTO_HANDSHAKE:
		*level = GNUTLS_ENCRYPTION_LEVEL_HANDSHAKE;
		return 0;
	case QUIC_CRYPTO_APP:
		*level = GNUTLS_ENCRYPTION_LEVEL_APPLICATION;
		return 0;
	default:
		return -EINVAL;
	}
}

static uint32_t cipher_type(gnutls_cipher_algorithm_t cipher)
{
	switch (cipher) {
	case GNUTLS_CIPHER_AES_128_GCM:
		return TLS_CIPHER_AES_GCM_128;
	case GNUTLS_CIPHER_AES_256_GCM:
		return TLS_CIPHER_AES_GCM_256;
	case GNUTLS_CIPHER_AES_128_CCM:
		return TLS_CIPHER_AES_CCM_128;
	case GNUTLS_CIPHER_CHACHA20_POLY1305:
		return TLS_CIPHER_CHACHA20_POLY1305;
	default:
		return 0;
	}
}

static int secret_set(struct quic_ctx *ctx, uint8_t level, bool send, uint32_t type,
		      const void *secret, size_t len)
{
	struct quic_crypto_secret s = { .send = send, .level = level, .type = type };
	int err;

	if (len > sizeof(s.secret))
		return quic_ctx_fail(ctx, -EPROTO, "TLS secret of %zu bytes", len);
	memcpy(s.secret, secret, len);
	err = ctx->sys->setopt(ctx->sd, QUIC_SOCKOPT_CRYPTO_SECRET, &s, sizeof(s));
	explicit_bzero(&s, sizeof(s));
	if (err)
		quic_ctx_fail(ctx, err, "the kernel refuses the %s secret of level %u: %s",
			      send ? "send" : "receive", level, strerror(-err));
	return err;
}

/* GnuTLS has it before it knows whether it asks for another ClientHello. */
static int early_keep(struct quic_ctx *ctx, uint32_t type, const void *secret, size_t len)
{
	if (len > sizeof(ctx->early_secret))
		return GNUTLS_E_INTERNAL_ERROR;
	memcpy(ctx->early_secret, secret, len);
	ctx->early_len = len;
	ctx->early_type = type;
	return 0;
}

/* Server: before the handshake's secrets, or not at all. */
static void early_install(struct quic_ctx *ctx)
{
	if (ctx->early_len && !ctx->hello_retry &&
	    gnutls_session_get_flags(ctx->session) & GNUTLS_SFLAGS_EARLY_DATA)
		ctx->sys_err = secret_set(ctx, QUIC_CRYPTO_EARLY, false, ctx->early_type,
					  ctx->early_secret, ctx->early_len);
	explicit_bzero(ctx->early_secret, sizeof(ctx->early_secret));
	ctx->early_len = 0;
}

static int hook_secret(gnutls_session_t session, gnutls_record_encryption_level_t level,
		       const void *recv_secret, const void *send_secret, size_t len)
{
	struct quic_ctx *ctx = quic_ctx_find(session);
	bool early = level == GNUTLS_ENCRYPTION_LEVEL_EARLY;
	uint32_t type;
	int ret;

	if (!ctx)
		return GNUTLS_E_INTERNAL_ERROR;

	/*
	 * A server knows all of the ClientHello when it has handshake secrets, a client all
	 * of EncryptedExtensions when it has application secrets: refuse before going on.
	 */
	if (level == (ctx->server ? GNUTLS_ENCRYPTION_LEVEL_HANDSHAKE :
				    GNUTLS_ENCRYPTION_LEVEL_APPLICATION)) {
		ret = quic_hooks_check_peer(ctx);
		if (ret)
			return ret;
	}

	if (early && !ctx->server) {
		/* The second time it is behind HelloRetryRequest. */
		if (!quic_early_wanted(ctx) || ctx->early_sent)
			return 0;
		ctx->early_sent = true;
	} else if (!ctx->server && level == GNUTLS_ENCRYPTION_LEVEL_APPLICATION) {
		ret = quic_early_answer(ctx);
		if (ret)
			return ret;
	}

	type = cipher_type(early ? gnutls_early_cipher_get(session) : gnutls_cipher_get(session));
	if (!type) {
		ctx->sys_err = quic_ctx_fail(ctx, -EPROTO,
					     "TLS chose a cipher QUIC does not have: use QUIC_PRIORITY");
		return GNUTLS_E_INTERNAL_ERROR;
	}
	if (ctx->server && early && recv_secret)
		return early_keep(ctx, type, recv_secret, len);
	if (ctx->server && level == GNUTLS_ENCRYPTION_LEVEL_HANDSHAKE)
		early_install(ctx);
	/* Receive first: what the peer sends next can then be opened at once. */
	if (recv_secret && !ctx->sys_err)
		ctx->sys_err = secret_set(ctx, crypto_level(level), false, type, recv_secret, len);
	if (send_secret && !ctx->sys_err)
		ctx->sys_err = secret_set(ctx, crypto_level(level), true, type, send_secret, len);
	return ctx->sys_err ? GNUTLS_E_INTERNAL_ERROR : 0;
}

/* GnuTLS's "read function" gets what is to be sent. */
static int hook_message(gnutls_session_t session, gnutls_record_encryption_level_t level,
			gnutls_handshake_description_t type, const void *data, size_t len)
{
	struct quic_ctx *ctx = quic_ctx_find(session);

	if (!ctx)
		return GNUTLS_E_INTERNAL_ERROR;
	/* Neither exists in QUIC (RFC 9001, 8.4 and 8.3). */
	if (type == GNUTLS_HANDSHAKE_CHANGE_CIPHER_SPEC ||
	    type == GNUTLS_HANDSHAKE_END_OF_EARLY_DATA)
		return 0;

	if (type == GNUTLS_HANDSHAKE_HELLO_RETRY_REQUEST ||
	    (type == GNUTLS_HANDSHAKE_CLIENT_HELLO && ctx->hellos++))
		ctx->hello_retry = true;
	quic_log(LOG_DEBUG, "TLS message %s out, %zu bytes, level %u",
		 gnutls_handshake_description_get_name(type), len, crypto_level(level));
	ctx->sys_err = quic_queue_add(&ctx->out, crypto_level(level), data, len);
	if (!ctx->sys_err)
		return 0;
	quic_ctx_fail(ctx, ctx->sys_err, "cannot queue a TLS message: %s", strerror(-ctx->sys_err));
	return GNUTLS_E_MEMORY_ERROR;
}

static int hook_alert(gnutls_session_t session, gnutls_record_encryption_level_t level,
		      gnutls_alert_level_t severity, gnutls_alert_description_t alert)
{
	struct quic_ctx *ctx = quic_ctx_find(session);

	(void)level;
	/* close_notify and user_canceled have no place in QUIC; every other one is fatal. */
	if (ctx && ctx->alert == QUIC_CTX_ALERT_NONE && severity == GNUTLS_AL_FATAL)
		ctx->alert = alert;
	return 0;
}

void quic_hooks_install(gnutls_session_t session)
{
	gnutls_handshake_set_secret_function(session, hook_secret);
	gnutls_handshake_set_read_function(session, hook_message);
	gnutls_alert_set_read_function(session, hook_alert);
}

int quic_hooks_check_peer(struct quic_ctx *ctx)
{
	gnutls_datum_t name;

	if (!ctx->params_seen) {
		ctx->alert = GNUTLS_A_MISSING_EXTENSION;
		ctx->sys_err = quic_ctx_fail(ctx, -EPROTO,
					     "the peer sent no QUIC transport parameters: it speaks TLS, but not QUIC version 1 or 2");
		return GNUTLS_E_RECEIVED_ILLEGAL_EXTENSION;
	}
	if (ctx->alpn_wanted && gnutls_alpn_get_selected_protocol(ctx->session, &name)) {
		ctx->alert = GNUTLS_A_NO_APPLICATION_PROTOCOL;
		ctx->sys_err = quic_ctx_fail(ctx, -EPROTONOSUPPORT,
					     "no application protocol in common with the peer: both sides must list the same ALPN name");
		return GNUTLS_E_NO_APPLICATION_PROTOCOL;
	}
	return 0;
}
