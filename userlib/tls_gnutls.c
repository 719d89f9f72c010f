// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * GnuTLS: the handshake. An error in a callback stops gnutls_handshake(); ctx->sys_err is then the
 * cause.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <linux/tls.h>
#include "early.h"
#include "hooks.h"
#include "log.h"
#include "tls_gnutls.h"

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
	if (ctx->early_len && !ctx->hello_retry && quic_tls_early_taken(ctx))
		quic_hooks_secret(ctx, QUIC_CRYPTO_EARLY, false, ctx->early_type, ctx->early_secret,
				  ctx->early_len);
	explicit_bzero(ctx->early_secret, sizeof(ctx->early_secret));
	ctx->early_len = 0;
}

static int hook_secret(gnutls_session_t session, gnutls_record_encryption_level_t gnutls_level,
		       const void *recv_secret, const void *send_secret, size_t len)
{
	struct quic_ctx *ctx = quic_ctx_find(session);
	bool early = gnutls_level == GNUTLS_ENCRYPTION_LEVEL_EARLY;
	uint8_t level = crypto_level(gnutls_level);
	uint32_t type;

	if (!ctx)
		return GNUTLS_E_INTERNAL_ERROR;
	if (quic_hooks_level(ctx, level))
		return GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER;
	if (early && !ctx->server) {
		/* The second time it is behind HelloRetryRequest. */
		if (!ctx->early_prepared || ctx->early_sent)
			return 0;
		ctx->early_sent = true;
	}

	type = cipher_type(early ? gnutls_early_cipher_get(session) : gnutls_cipher_get(session));
	if (ctx->server && early && recv_secret)
		return early_keep(ctx, type, recv_secret, len);
	if (ctx->server && level == QUIC_CRYPTO_HANDSHAKE)
		early_install(ctx);
	/* Receive first: what the peer sends next can then be opened at once. */
	if (recv_secret && !ctx->sys_err)
		quic_hooks_secret(ctx, level, false, type, recv_secret, len);
	if (send_secret && !ctx->sys_err)
		quic_hooks_secret(ctx, level, true, type, send_secret, len);
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
	    (type == GNUTLS_HANDSHAKE_CLIENT_HELLO && ctx->priv->hellos++))
		ctx->hello_retry = true;
	quic_log(LOG_DEBUG, "TLS message %s out, %zu bytes, level %u",
		 gnutls_handshake_description_get_name(type), len, crypto_level(level));
	return quic_hooks_message(ctx, crypto_level(level), data, len) ? GNUTLS_E_MEMORY_ERROR : 0;
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

static void put_hex(char **to, const unsigned char *data, size_t len)
{
	while (len--)
		*to += sprintf(*to, "%02x", *data++);
}

static int hook_keylog(gnutls_session_t session, const char *label, const gnutls_datum_t *secret)
{
	gnutls_datum_t random = { 0 };
	char line[256], *p = line;

	gnutls_session_get_random(session, &random, NULL);
	if (strlen(label) + 2 * random.size + 2 * secret->size + 3 > sizeof(line))
		return 0;
	p += sprintf(p, "%s ", label);
	put_hex(&p, random.data, random.size);
	*p++ = ' ';
	put_hex(&p, secret->data, secret->size);
	quic_keylog_line(line);
	explicit_bzero(line, sizeof(line));
	return 0;
}

int quic_tls_begin(struct quic_ctx *ctx)
{
	if (quic_keylog_wanted())
		gnutls_session_set_keylog_function(ctx->session, hook_keylog);
	gnutls_handshake_set_secret_function(ctx->session, hook_secret);
	gnutls_handshake_set_read_function(ctx->session, hook_message);
	gnutls_alert_set_read_function(ctx->session, hook_alert);
	return 0;
}

static int tls_errno(int ret)
{
	switch (ret) {
	case GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR:
	case GNUTLS_E_CERTIFICATE_ERROR:
		return -EKEYREJECTED;
	case GNUTLS_E_NO_APPLICATION_PROTOCOL:
		return -EPROTONOSUPPORT;
	case GNUTLS_E_MEMORY_ERROR:
		return -ENOMEM;
	default:
		return -EPROTO;
	}
}

/* Why a certificate was refused, in GnuTLS's words and with the name we looked for. */
static int fail_certificate(struct quic_ctx *ctx)
{
	unsigned int status = ctx->priv->cert_status ? ctx->priv->cert_status :
			      gnutls_session_get_verify_cert_status(ctx->session);
	gnutls_datum_t text = { 0 };
	int err = -EKEYREJECTED;

	if (status & (GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED))
		err = -EKEYEXPIRED;
	gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0);
	quic_ctx_fail(ctx, err, "certificate of %s refused: %s",
		      ctx->hostname ? ctx->hostname : "the peer",
		      text.data ? (const char *)text.data : "not trusted");
	gnutls_free(text.data);
	return err;
}

static int fail(struct quic_ctx *ctx, int ret)
{
	int level, err;

	if (ctx->sys_err)
		err = ctx->sys_err;
	else if (ctx->priv->cert_status || ret == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR)
		err = fail_certificate(ctx);
	else if (ctx->early_sent && ctx->hello_retry)
		/* GnuTLS 3.7 has no room for the keys of both. */
		err = quic_ctx_fail(ctx, -EPROTO,
				    "the server wants another ClientHello, which GnuTLS cannot do after 0-RTT: connect again without");
	else
		err = quic_ctx_fail(ctx, tls_errno(ret), "TLS: %s", gnutls_strerror(ret));

	/* The alert hook sees what GnuTLS raises on its own; the rest it maps for us. */
	if (ctx->alert == QUIC_CTX_ALERT_NONE && !ctx->closed_by_peer)
		gnutls_alert_send_appropriate(ctx->session, ret);
	if (ctx->alert == QUIC_CTX_ALERT_NONE)
		ctx->alert = gnutls_error_to_alert(ret, &level);
	return err;
}

int quic_tls_run(struct quic_ctx *ctx)
{
	int ret;

	do {
		ret = gnutls_handshake(ctx->session);
	} while (ret == GNUTLS_E_INTERRUPTED || ret == GNUTLS_E_WARNING_ALERT_RECEIVED ||
		 ret == GNUTLS_E_GOT_APPLICATION_DATA);
	if (ret == GNUTLS_E_AGAIN)
		return -EAGAIN;
	return ret ? fail(ctx, ret) : 0;
}

int quic_tls_input(struct quic_ctx *ctx, uint8_t level, const uint8_t *data, size_t len)
{
	gnutls_record_encryption_level_t gnutls_level;
	int ret;

	switch (level) {
	case QUIC_CRYPTO_INITIAL:
		gnutls_level = GNUTLS_ENCRYPTION_LEVEL_INITIAL;
		break;
	case QUIC_CRYPTO_HANDSHAKE:
		gnutls_level = GNUTLS_ENCRYPTION_LEVEL_HANDSHAKE;
		break;
	case QUIC_CRYPTO_APP:
		gnutls_level = GNUTLS_ENCRYPTION_LEVEL_APPLICATION;
		break;
	default:
		return quic_ctx_refuse(ctx, QUIC_ALERT_UNEXPECTED_MESSAGE, -EBADMSG,
				       "a TLS message of level %u", level);
	}
	ret = gnutls_handshake_write(ctx->session, gnutls_level, data, len);
	return ret < 0 && gnutls_error_is_fatal(ret) ? fail(ctx, ret) : 0;
}

const char *quic_tls_alert_name(int alert)
{
	const char *name = gnutls_alert_get_name(alert);

	return name ? name : "unknown";
}

bool quic_tls_alpn(gnutls_session_t session, const uint8_t **name, size_t *len)
{
	gnutls_datum_t chosen;

	if (gnutls_alpn_get_selected_protocol(session, &chosen))
		return false;
	*name = chosen.data;
	*len = chosen.size;
	return true;
}

bool quic_tls_early_taken(struct quic_ctx *ctx)
{
	return gnutls_session_get_flags(ctx->session) & GNUTLS_SFLAGS_EARLY_DATA;
}
