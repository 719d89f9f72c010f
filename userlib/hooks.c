// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The hooks never wait: secrets and transport parameters go straight to the kernel, messages into
 * the queue. A secret is always in the kernel before the first message it protects leaves the
 * queue.
 */
#include <errno.h>
#include <string.h>
#include "early.h"
#include "hooks.h"
#include "log.h"
#include "tls.h"

int quic_hooks_level(struct quic_ctx *ctx, uint8_t level)
{
	int err;

	if (level != (ctx->server ? QUIC_CRYPTO_HANDSHAKE : QUIC_CRYPTO_APP))
		return 0;
	err = quic_hooks_check_peer(ctx);
	if (!err && !ctx->server)
		err = quic_early_answer(ctx);
	return err;
}

int quic_hooks_secret(struct quic_ctx *ctx, uint8_t level, bool send, uint32_t type,
		      const void *secret, size_t len)
{
	struct quic_crypto_secret s = { .send = send, .level = level, .type = type };
	int err;

	if (!type)
		return quic_ctx_refuse(ctx, QUIC_ALERT_INTERNAL_ERROR, -EPROTO,
				       "TLS chose a cipher QUIC does not have: use QUIC_PRIORITY");
	if (len > sizeof(s.secret))
		return quic_ctx_refuse(ctx, QUIC_ALERT_INTERNAL_ERROR, -EPROTO,
				       "TLS secret of %zu bytes", len);
	memcpy(s.secret, secret, len);
	err = ctx->sys->setopt(ctx->sd, QUIC_SOCKOPT_CRYPTO_SECRET, &s, sizeof(s));
	explicit_bzero(&s, sizeof(s));
	if (err)
		return quic_ctx_refuse(ctx, QUIC_ALERT_INTERNAL_ERROR, err,
				       "the kernel refuses the %s secret of level %u: %s",
				       send ? "send" : "receive", level, strerror(-err));
	return 0;
}

int quic_hooks_message(struct quic_ctx *ctx, uint8_t level, const void *data, size_t len)
{
	int err = quic_queue_add(&ctx->out, level, data, len);

	if (err)
		quic_ctx_refuse(ctx, QUIC_ALERT_INTERNAL_ERROR, err, "cannot queue a TLS message: %s",
				strerror(-err));
	return err;
}

int quic_hooks_check_peer(struct quic_ctx *ctx)
{
	const uint8_t *name;
	size_t len;

	if (!ctx->params_seen)
		return quic_ctx_refuse(ctx, QUIC_ALERT_MISSING_EXTENSION, -EPROTO,
				       "the peer sent no QUIC transport parameters: it speaks TLS, but not QUIC version 1 or 2");
	if (ctx->alpns_len && !quic_tls_alpn(ctx->session, &name, &len))
		return quic_ctx_refuse(ctx, QUIC_ALERT_NO_ALPN, -EPROTONOSUPPORT,
				       "no application protocol in common with the peer: both sides must list the same ALPN name");
	return 0;
}
