// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Context of a handshake, and what it has to say to the kernel of transport parameters: ours are
 * read by QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, the peer's written.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ctx.h"
#include "early.h"
#include "log.h"
#include "tls.h"

int quic_ctx_params_put(struct quic_ctx *ctx, const uint8_t *data, size_t len)
{
	int err;

	if (len > QUIC_CTX_PARAMS_MAX)
		return quic_ctx_refuse(ctx, QUIC_ALERT_ILLEGAL_PARAMETER, -EPROTO,
				       "the peer's transport parameters are too long (%zu bytes)", len);
	if (ctx->params_seen) {
		/* After HelloRetryRequest ClientHello repeats it (RFC 8446, 4.1.2). */
		if (len == ctx->params_len && (!len || !memcmp(data, ctx->params, len)))
			return 0;
		return quic_ctx_refuse(ctx, QUIC_ALERT_ILLEGAL_PARAMETER, -EPROTO,
				       "the peer changed its transport parameters");
	}

	free(ctx->params);
	ctx->params = malloc(len ? len : 1);
	if (!ctx->params)
		return quic_ctx_refuse(ctx, QUIC_ALERT_INTERNAL_ERROR, -ENOMEM, "no memory");
	err = ctx->sys->setopt(ctx->sd, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, data, len);
	if (err) {
		/* Parameters it does not like it has answered already (RFC 9000, 7.4). */
		ctx->kernel_closed = err == -EINVAL || err == -EPIPE;
		return quic_ctx_refuse(ctx, ctx->kernel_closed ? QUIC_ALERT_ILLEGAL_PARAMETER :
								QUIC_ALERT_INTERNAL_ERROR,
				       err == -EINVAL ? -EPROTO : err,
				       "the kernel refuses the peer's transport parameters: %s",
				       strerror(-err));
	}
	if (len)
		memcpy(ctx->params, data, len);
	ctx->params_len = len;
	ctx->params_seen = true;
	return 0;
}

int quic_ctx_params_get(struct quic_ctx *ctx, uint8_t *data, size_t *len)
{
	socklen_t room = QUIC_CTX_PARAMS_MAX;
	int err;

	err = ctx->sys->getopt(ctx->sd, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, data, &room);
	if (err)
		return quic_ctx_refuse(ctx, QUIC_ALERT_INTERNAL_ERROR, err,
				       "cannot read our transport parameters from the kernel: %s",
				       strerror(-err));
	*len = room;
	return 0;
}

void quic_ctx_free(struct quic_ctx *ctx)
{
	if (!ctx)
		return;
	quic_ctx_rest(ctx);
	free(ctx->params);
	free(ctx->hostname);
	free(ctx->alpns);
	free(ctx->sni);
	quic_early_free(ctx->resume);
	quic_tls_priv_free(ctx->priv);
	quic_tls_free(ctx->owned);
	explicit_bzero(ctx->early_secret, sizeof(ctx->early_secret));
	free(ctx);
}

void quic_ctx_rest(struct quic_ctx *ctx)
{
	quic_queue_free(&ctx->out);
	ctx->step_pending = false;
	free(ctx->recv);
	ctx->recv = NULL;
}

struct quic_ctx *quic_ctx_attach(quic_session_t session)
{
	struct quic_ctx *ctx = quic_ctx_find(session);

	if (ctx || !session)
		return ctx;
	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return NULL;
	ctx->session = session;
	ctx->sys = &quic_sys_kernel;
	ctx->sd = -1;
	ctx->alert = QUIC_CTX_ALERT_NONE;
	if (quic_tls_attach(ctx)) {
		quic_ctx_free(ctx);
		return NULL;
	}
	return ctx;
}

/*
 * The context stays with the session: GnuTLS has pointers to the names to verify, and tickets and the
 * reason of a failure may still be asked for.
 */
void quic_handshake_deinit(quic_session_t session)
{
	struct quic_ctx *ctx = quic_ctx_find(session);

	if (ctx)
		quic_ctx_rest(ctx);
}

static void note(struct quic_ctx *ctx, const char *fmt, va_list ap)
{
	if (ctx->error[0])
		return;
	vsnprintf(ctx->error, sizeof(ctx->error), fmt, ap);
	quic_log_clean(ctx->error);
	quic_log(LOG_ERR, "%s", ctx->error);
}

int quic_ctx_fail(struct quic_ctx *ctx, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(ctx, fmt, ap);
	va_end(ap);
	return err;
}

int quic_ctx_refuse(struct quic_ctx *ctx, int alert, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(ctx, fmt, ap);
	va_end(ap);
	if (ctx->alert == QUIC_CTX_ALERT_NONE)
		ctx->alert = alert;
	if (!ctx->sys_err)
		ctx->sys_err = err;
	return err;
}

const char *quic_handshake_error(quic_session_t session)
{
	struct quic_ctx *ctx = quic_ctx_find(session);

	return ctx ? ctx->error : "";
}
