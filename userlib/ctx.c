// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Context of a handshake, and the TLS extension that carries transport parameters between the two
 * kernels (RFC 9001, 8.2): ours are read by QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, the peer's written.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ctx.h"
#include "early.h"
#include "log.h"

#define TLSEXT_QUIC_PARAMS	57	/* 0x39 (RFC 9001, 8.2) */

static int params_recv(gnutls_session_t session, const unsigned char *data, size_t len)
{
	struct quic_ctx *ctx = quic_ctx_find(session);
	int err;

	if (!ctx)
		return GNUTLS_E_INTERNAL_ERROR;
	if (len > QUIC_CTX_PARAMS_MAX) {
		quic_ctx_fail(ctx, -EPROTO, "the peer's transport parameters are too long (%zu bytes)",
			      len);
		return GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER;
	}
	if (ctx->params_seen) {
		/* After HelloRetryRequest ClientHello repeats it (RFC 8446, 4.1.2). */
		if (len == ctx->params_len && !memcmp(data, ctx->params, len))
			return 0;
		quic_ctx_fail(ctx, -EPROTO, "the peer changed its transport parameters");
		return GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER;
	}

	free(ctx->params);
	ctx->params = malloc(len);
	if (!ctx->params && len)
		return GNUTLS_E_MEMORY_ERROR;
	err = ctx->sys->setopt(ctx->sd, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, data, len);
	if (err) {
		/* Parameters it does not like it has answered already (RFC 9000, 7.4). */
		ctx->kernel_closed = err == -EINVAL || err == -EPIPE;
		ctx->sys_err = quic_ctx_fail(ctx, err == -EINVAL ? -EPROTO : err,
					     "the kernel refuses the peer's transport parameters: %s",
					     strerror(-err));
		return GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER;
	}
	if (len)
		memcpy(ctx->params, data, len);
	ctx->params_len = len;
	ctx->params_seen = true;
	return 0;
}

static int params_send(gnutls_session_t session, gnutls_buffer_t out)
{
	struct quic_ctx *ctx = quic_ctx_find(session);
	uint8_t buf[QUIC_CTX_PARAMS_MAX];
	socklen_t len = sizeof(buf);
	int err;

	if (!ctx)
		return GNUTLS_E_INTERNAL_ERROR;
	err = ctx->sys->getopt(ctx->sd, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, buf, &len);
	if (err) {
		ctx->sys_err = quic_ctx_fail(ctx, err,
					     "cannot read our transport parameters from the kernel: %s",
					     strerror(-err));
		return GNUTLS_E_INTERNAL_ERROR;
	}
	err = gnutls_buffer_append_data(out, buf, len);
	return err < 0 ? err : (int)len;
}

static void ctx_free(gnutls_ext_priv_data_t data)
{
	struct quic_ctx *ctx = data;

	if (!ctx)
		return;
	quic_ctx_rest(ctx);
	free(ctx->params);
	free(ctx->hostname);
	quic_early_free(ctx->resume);
	quic_tls_free(ctx->tls);
	free(ctx);
}

void quic_ctx_rest(struct quic_ctx *ctx)
{
	quic_queue_free(&ctx->out);
	ctx->step_pending = false;
	free(ctx->recv);
	ctx->recv = NULL;
}

struct quic_ctx *quic_ctx_find(gnutls_session_t session)
{
	gnutls_ext_priv_data_t data = NULL;

	if (!session || gnutls_ext_get_data(session, TLSEXT_QUIC_PARAMS, &data))
		return NULL;
	return data;
}

struct quic_ctx *quic_ctx_attach(gnutls_session_t session)
{
	struct quic_ctx *ctx = quic_ctx_find(session);
	int ret;

	if (ctx || !session)
		return ctx;

	ret = gnutls_session_ext_register(session, "QUIC transport parameters", TLSEXT_QUIC_PARAMS,
					  GNUTLS_EXT_TLS, params_recv, params_send, ctx_free, NULL,
					  NULL, GNUTLS_EXT_FLAG_TLS | GNUTLS_EXT_FLAG_CLIENT_HELLO |
					  GNUTLS_EXT_FLAG_EE);
	if (ret)
		return NULL;

	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return NULL;
	ctx->session = session;
	ctx->sys = &quic_sys_kernel;
	ctx->sd = -1;
	ctx->alert = QUIC_CTX_ALERT_NONE;
	gnutls_ext_set_data(session, TLSEXT_QUIC_PARAMS, ctx);
	if (quic_ctx_find(session) != ctx) {
		free(ctx);
		return NULL;
	}
	return ctx;
}

/*
 * The context stays with the session: GnuTLS has pointers to the names to verify, and tickets and the
 * reason of a failure may still be asked for.
 */
void quic_handshake_deinit(gnutls_session_t session)
{
	struct quic_ctx *ctx = quic_ctx_find(session);

	if (ctx)
		quic_ctx_rest(ctx);
}

int quic_ctx_fail(struct quic_ctx *ctx, int err, const char *fmt, ...)
{
	va_list ap;

	if (ctx->error[0])
		return err;
	va_start(ap, fmt);
	vsnprintf(ctx->error, sizeof(ctx->error), fmt, ap);
	va_end(ap);
	quic_log_clean(ctx->error);
	quic_log(LOG_ERR, "%s", ctx->error);
	return err;
}

const char *quic_handshake_error(gnutls_session_t session)
{
	struct quic_ctx *ctx = quic_ctx_find(session);

	return ctx ? ctx->error : "";
}
