// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The handshake as a stepper: feed what came to GnuTLS, let it run, then ask for the next message
 * to be sent, or for one to be received, or say it is done. Only quic_handshake() at the end of the
 * file waits; it does what any caller of the stepper does.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "ctx.h"
#include "early.h"
#include "hooks.h"
#include "log.h"

#define FRAME_CRYPTO	0x06	/* RFC 9000, 19.6 */

/* Leave the alert in the kernel: close() then tells the peer (RFC 9001, 4.8). */
static void alert_set(struct quic_ctx *ctx, int alert)
{
	struct quic_connection_close close = {
		.errcode = QUIC_TRANSPORT_ERROR_CRYPTO + (alert & 0xff),
		.frame = FRAME_CRYPTO,
	};
	const char *name = gnutls_alert_get_name(alert);
	int err;

	strncpy((char *)close.phrase, name ? name : "TLS alert", sizeof(close.phrase) - 1);
	err = ctx->sys->setopt(ctx->sd, QUIC_SOCKOPT_CONNECTION_CLOSE, &close, sizeof(close));
	if (err)
		quic_log(LOG_NOTICE, "cannot leave the TLS alert in the kernel: %s", strerror(-err));
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
	unsigned int status = ctx->cert_status ? ctx->cert_status :
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

static int fail_tls(struct quic_ctx *ctx, int ret)
{
	int level, err;

	if (ctx->sys_err)
		err = ctx->sys_err;
	else if (ctx->cert_status || ret == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR)
		err = fail_certificate(ctx);
	else if (ctx->early_sent && ctx->hello_retry)
		/* GnuTLS 3.7 has no room for the keys of both. */
		err = quic_ctx_fail(ctx, -EPROTO,
				    "the server wants another ClientHello, which GnuTLS cannot do after 0-RTT: connect again without");
	else
		err = quic_ctx_fail(ctx, tls_errno(ret), "TLS: %s", gnutls_strerror(ret));

	quic_queue_free(&ctx->out);
	if (ctx->kernel_closed || ctx->closed_by_peer)
		return err;
	/* The alert hook sees what GnuTLS raises on its own; the rest it maps for us. */
	if (ctx->alert == QUIC_CTX_ALERT_NONE)
		gnutls_alert_send_appropriate(ctx->session, ret);
	if (ctx->alert == QUIC_CTX_ALERT_NONE)
		ctx->alert = gnutls_error_to_alert(ret, &level);
	alert_set(ctx, ctx->alert);
	return err;
}

/* The selected name goes to the kernel, for those who ask the socket. */
static void alpn_report(struct quic_ctx *ctx)
{
	gnutls_datum_t name;
	int err;

	if (gnutls_alpn_get_selected_protocol(ctx->session, &name))
		return;
	err = ctx->sys->setopt(ctx->sd, QUIC_SOCKOPT_ALPN, name.data, name.size);
	if (err)
		quic_log(LOG_DEBUG, "QUIC_SOCKOPT_ALPN: %s", strerror(-err));
}

static int tls_run(struct quic_ctx *ctx)
{
	int ret;

	if (ctx->tls_done)
		return 0;
	do {
		ret = gnutls_handshake(ctx->session);
	} while (ret == GNUTLS_E_INTERRUPTED || ret == GNUTLS_E_WARNING_ALERT_RECEIVED ||
		 ret == GNUTLS_E_GOT_APPLICATION_DATA);

	if (ret == GNUTLS_E_AGAIN)
		return 0;
	if (!ret)
		ret = quic_hooks_check_peer(ctx);
	if (ret)
		return fail_tls(ctx, ret);
	ctx->tls_done = true;
	alpn_report(ctx);
	return 0;
}

static void step_send(struct quic_ctx *ctx)
{
	struct quic_queue_item *item = ctx->out.head;
	struct quic_handshake_info info = { .crypto_level = item->level };
	struct cmsghdr *cmsg;

	ctx->iov = (struct iovec){ item->data + item->sent, item->len - item->sent };
	ctx->msg = (struct msghdr){
		.msg_iov = &ctx->iov,
		.msg_iovlen = 1,
		.msg_control = ctx->control.buf,
		.msg_controllen = sizeof(ctx->control.buf),
	};
	memset(&ctx->control, 0, sizeof(ctx->control));
	cmsg = CMSG_FIRSTHDR(&ctx->msg);
	cmsg->cmsg_level = SOL_QUIC;
	cmsg->cmsg_type = QUIC_HANDSHAKE_INFO;
	cmsg->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(cmsg), &info, sizeof(info));

	ctx->step = (struct quic_handshake_step){
		.op = QUIC_HANDSHAKE_STEP_OP_SENDMSG,
		.s_sendmsg = {
			.msg = &ctx->msg,
			/* Levels share a datagram while more follows (RFC 9000, 12.2). */
			.flags = MSG_NOSIGNAL | (item->next ? MSG_MORE : 0),
		},
	};
}

static void step_recv(struct quic_ctx *ctx)
{
	ctx->iov = (struct iovec){ ctx->recv, QUIC_CTX_RECV_SIZE };
	ctx->msg = (struct msghdr){
		.msg_iov = &ctx->iov,
		.msg_iovlen = 1,
		.msg_control = ctx->control.buf,
		.msg_controllen = sizeof(ctx->control.buf),
	};
	memset(&ctx->control, 0, sizeof(ctx->control));
	ctx->step = (struct quic_handshake_step){
		.op = QUIC_HANDSHAKE_STEP_OP_RECVMSG,
		.s_recvmsg = { .msg = &ctx->msg },
	};
}

static int step_next(struct quic_ctx *ctx, struct quic_handshake_step **step)
{
	*step = NULL;
	if (ctx->out.head) {
		step_send(ctx);
	} else if (!ctx->tls_done) {
		step_recv(ctx);
	} else {
		quic_ctx_rest(ctx);
		return 0;
	}
	ctx->step_pending = true;
	*step = &ctx->step;
	return 0;
}

/* The connection ended under us: by the peer with a reason, or by silence. */
static int fail_closed(struct quic_ctx *ctx, int err)
{
	struct quic_connection_close close = { 0 };
	socklen_t len = sizeof(close);
	uint32_t alert;

	ctx->closed_by_peer = true;
	quic_queue_free(&ctx->out);
	/* RFC 9000, 6.2: the connection goes on, but what this session said counts no more. */
	if (err == -ESTALE)
		return quic_ctx_fail(ctx, err,
				     "the server speaks another version of QUIC, and the socket changed to it: start again with a new session");
	/* Once connected, ENOTCONN means gone: by silence, if by nothing else. */
	if (err == -ENOTCONN && ctx->io_done)
		err = -ETIMEDOUT;
	if (ctx->sys->getopt(ctx->sd, QUIC_SOCKOPT_CONNECTION_CLOSE, &close, &len) ||
	    (!close.errcode && !close.phrase[0]))
		return quic_ctx_fail(ctx, err, "the handshake did not complete: %s",
				     quic_strerror(err));

	alert = close.errcode - QUIC_TRANSPORT_ERROR_CRYPTO;
	if (alert <= 0xff) {
		const char *name = gnutls_alert_get_name(alert);

		return quic_ctx_fail(ctx, -ECONNABORTED,
				     "the peer refused the handshake: TLS alert %u (%s) %.64s",
				     alert, name ? name : "unknown", (char *)close.phrase);
	}
	return quic_ctx_fail(ctx, -ECONNABORTED,
			     "the connection was closed in the handshake: error 0x%x %.64s",
			     close.errcode, (char *)close.phrase);
}

static int done_send(struct quic_ctx *ctx)
{
	ssize_t ret = ctx->step.s_sendmsg.retval;

	if (ret == -EAGAIN || ret == -EINTR)
		return 0;
	/* A peer that has all it wanted may leave before it is sent a ticket. */
	if (ret < 0 && ctx->tls_done && ctx->out.head->level == QUIC_CRYPTO_APP) {
		quic_log(LOG_INFO, "session tickets not sent: %s", strerror(-ret));
		quic_queue_free(&ctx->out);
		return 0;
	}
	if (ret < 0)
		return fail_closed(ctx, ret);
	if (!ret || (size_t)ret > ctx->iov.iov_len)
		return quic_ctx_fail(ctx, -EINVAL, "handshake step: retval %zd of %zu bytes sent",
				     ret, ctx->iov.iov_len);
	ctx->io_done = true;
	quic_queue_sent(&ctx->out, ret);
	return 0;
}

static int recv_level(struct msghdr *msg, gnutls_record_encryption_level_t *level)
{
	struct quic_handshake_info info;
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_QUIC || cmsg->cmsg_type != QUIC_HANDSHAKE_INFO ||
		    cmsg->cmsg_len < CMSG_LEN(sizeof(info)))
			continue;
		memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
		return quic_hooks_level(info.crypto_level, level);
	}
	return -EBADMSG;
}

static int done_recv(struct quic_ctx *ctx)
{
	ssize_t len = ctx->step.s_recvmsg.retval;
	gnutls_record_encryption_level_t level;
	int ret;

	if (len == -EAGAIN || len == -EINTR)
		return 0;
	if (len <= 0)
		return fail_closed(ctx, len ? len : -ECONNRESET);
	ctx->io_done = true;
	if (len > QUIC_CTX_RECV_SIZE)
		return quic_ctx_fail(ctx, -EINVAL, "handshake step: retval %zd of %d bytes", len,
				     QUIC_CTX_RECV_SIZE);
	if (ctx->msg.msg_flags & MSG_QUIC_NOTIFICATION) {
		quic_log(LOG_DEBUG, "event %u during the handshake, dropped", ctx->recv[0]);
		return 0;
	}
	if (recv_level(&ctx->msg, &level))
		return quic_ctx_fail(ctx, -EBADMSG,
				     "received something else than a TLS message during the handshake");

	quic_log(LOG_DEBUG, "TLS messages in, %zd bytes, level %d", len, (int)level);
	ret = gnutls_handshake_write(ctx->session, level, ctx->recv, len);
	if (ret < 0 && gnutls_error_is_fatal(ret))
		return fail_tls(ctx, ret);
	return tls_run(ctx);
}

/* Only a client can read a token: a helper's way to ask for the role. */
static bool sys_is_server(const struct quic_sys *sys, int sd)
{
	uint8_t token[QUIC_TOKEN_MAX];
	socklen_t len = sizeof(token);

	return sys->getopt(sd, QUIC_SOCKOPT_TOKEN, token, &len) == -EINVAL;
}

int quic_handshake_init(gnutls_session_t session, struct quic_handshake_step **step)
{
	struct quic_ctx *ctx;
	int err;

	if (!session || !step)
		return -EINVAL;
	*step = NULL;
	ctx = quic_ctx_attach(session);
	if (!ctx)
		return -ENOMEM;
	if (ctx->started)
		return -EALREADY;

	ctx->sd = gnutls_transport_get_int(session);
	if (ctx->sd < 0)
		return quic_ctx_fail(ctx, -EBADF,
				     "the session has no socket: call gnutls_transport_set_int() first");
	ctx->recv = malloc(QUIC_CTX_RECV_SIZE);
	if (!ctx->recv)
		return -ENOMEM;
	ctx->started = true;
	quic_keylog_create();
	ctx->server = sys_is_server(ctx->sys, ctx->sd);
	quic_hooks_install(session);
	if (!ctx->server)
		quic_early_prepare(ctx);

	err = tls_run(ctx);
	return err ? err : step_next(ctx, step);
}

int quic_handshake_step(gnutls_session_t session, struct quic_handshake_step **step)
{
	struct quic_ctx *ctx = quic_ctx_find(session);
	int err;

	if (!ctx || !step || !ctx->step_pending || *step != &ctx->step)
		return -EINVAL;
	ctx->step_pending = false;
	*step = NULL;

	err = ctx->step.op == QUIC_HANDSHAKE_STEP_OP_SENDMSG ? done_send(ctx) : done_recv(ctx);
	return err ? err : step_next(ctx, step);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Do one step's I/O, waiting for the socket until the deadline (0: none). */
static int step_perform(struct quic_ctx *ctx, struct quic_handshake_step *step, int64_t deadline)
{
	bool send = step->op == QUIC_HANDSHAKE_STEP_OP_SENDMSG;
	int64_t left = -1;
	ssize_t ret;
	int err;

	for (;;) {
		if (send)
			ret = ctx->sys->send(ctx->sd, step->s_sendmsg.msg,
					     step->s_sendmsg.flags | MSG_DONTWAIT);
		else
			ret = ctx->sys->recv(ctx->sd, step->s_recvmsg.msg,
					     step->s_recvmsg.flags | MSG_DONTWAIT);
		if (ret == -EINTR)
			continue;
		if (ret != -EAGAIN)
			break;
		if (deadline) {
			left = deadline - now_ms();
			if (left < 0)
				left = 0;
		}
		err = ctx->sys->wait(ctx->sd, send ? POLLOUT : POLLIN, (int)left);
		if (err)
			return quic_ctx_fail(ctx, err, "%s", quic_strerror(err));
	}
	if (send)
		step->s_sendmsg.retval = ret;
	else
		step->s_recvmsg.retval = ret;
	return 0;
}

int quic_handshake(gnutls_session_t session)
{
	struct quic_handshake_step *step;
	struct quic_ctx *ctx;
	int64_t deadline;
	int err;

	err = quic_handshake_init(session, &step);
	if (err)
		return err;
	ctx = quic_ctx_find(session);
	/* Before the ClientHello leaves, so that both share a datagram. */
	if (ctx->early_sent && ctx->early_fn)
		ctx->early_fn(ctx->sd, ctx->early_arg);
	deadline = ctx->timeout_ms > 0 ? now_ms() + ctx->timeout_ms : 0;
	while (step) {
		err = step_perform(ctx, step, deadline);
		if (!err)
			err = quic_handshake_step(session, &step);
		if (err)
			return err;
	}
	return 0;
}
