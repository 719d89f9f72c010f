// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The handshake as a stepper: feed what came to TLS, let it run, then ask for the next message
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
#include "tls.h"

#define FRAME_CRYPTO	0x06	/* RFC 9000, 19.6 */

/* Leave the alert in the kernel: close() then tells the peer (RFC 9001, 4.8). */
static void alert_set(struct quic_ctx *ctx, int alert)
{
	struct quic_connection_close close = {
		.errcode = QUIC_TRANSPORT_ERROR_CRYPTO + (alert & 0xff),
		.frame = FRAME_CRYPTO,
	};
	int err;

	strncpy((char *)close.phrase, quic_tls_alert_name(alert), sizeof(close.phrase) - 1);
	err = ctx->sys->setopt(ctx->sd, QUIC_SOCKOPT_CONNECTION_CLOSE, &close, sizeof(close));
	if (err)
		quic_log(LOG_NOTICE, "cannot leave the TLS alert in the kernel: %s", strerror(-err));
}

/* TLS has nothing more to say, but for the alert. Returns err. */
static int fail_tls(struct quic_ctx *ctx, int err)
{
	quic_queue_free(&ctx->out);
	if (ctx->kernel_closed || ctx->closed_by_peer)
		return err;
	alert_set(ctx, ctx->alert == QUIC_CTX_ALERT_NONE ? QUIC_ALERT_INTERNAL_ERROR : ctx->alert);
	return err;
}

/* The selected name goes to the kernel, for those who ask the socket. */
static void alpn_report(struct quic_ctx *ctx)
{
	const uint8_t *name;
	size_t len;
	int err;

	if (!quic_tls_alpn(ctx->session, &name, &len))
		return;
	err = ctx->sys->setopt(ctx->sd, QUIC_SOCKOPT_ALPN, name, len);
	if (err)
		quic_log(LOG_DEBUG, "QUIC_SOCKOPT_ALPN: %s", strerror(-err));
}

static int tls_run(struct quic_ctx *ctx)
{
	int err;

	if (ctx->tls_done)
		return 0;
	err = quic_tls_run(ctx);
	if (err == -EAGAIN)
		return 0;
	if (!err)
		err = quic_hooks_check_peer(ctx);
	if (err)
		return fail_tls(ctx, err);
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
	if (alert <= 0xff)
		return quic_ctx_fail(ctx, alert == QUIC_ALERT_NO_ALPN ? -EPROTONOSUPPORT : -ECONNABORTED,
				     "the peer refused the handshake: TLS alert %u (%s) %.64s",
				     alert, quic_tls_alert_name(alert), (char *)close.phrase);
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

static int recv_level(struct msghdr *msg, uint8_t *level)
{
	struct quic_handshake_info info;
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_QUIC || cmsg->cmsg_type != QUIC_HANDSHAKE_INFO ||
		    cmsg->cmsg_len < CMSG_LEN(sizeof(info)))
			continue;
		memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
		*level = info.crypto_level;
		return 0;
	}
	return -EBADMSG;
}

static int done_recv(struct quic_ctx *ctx)
{
	ssize_t len = ctx->step.s_recvmsg.retval;
	uint8_t level;
	int err;

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

	quic_log(LOG_DEBUG, "TLS messages in, %zd bytes, level %u", len, level);
	err = quic_tls_input(ctx, level, ctx->recv, len);
	return err ? fail_tls(ctx, err) : tls_run(ctx);
}

/* Only a client can read a token: a helper's way to ask for the role. */
static bool sys_is_server(const struct quic_sys *sys, int sd)
{
	uint8_t token[QUIC_TOKEN_MAX];
	socklen_t len = sizeof(token);

	return sys->getopt(sd, QUIC_SOCKOPT_TOKEN, token, &len) == -EINVAL;
}

int quic_handshake_init(quic_session_t session, struct quic_handshake_step **step)
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

	if (ctx->sd < 0 || !ctx->from)
		ctx->sd = quic_tls_socket(session);
	if (ctx->sd < 0)
		return quic_ctx_fail(ctx, -EBADF,
				     "the session has no socket: call gnutls_transport_set_int() or SSL_set_fd() first");
	ctx->recv = malloc(QUIC_CTX_RECV_SIZE);
	if (!ctx->recv)
		return -ENOMEM;
	ctx->started = true;
	ctx->server = sys_is_server(ctx->sys, ctx->sd);
	if (!ctx->server)
		quic_early_prepare(ctx);
	err = quic_tls_begin(ctx);
	err = err ? fail_tls(ctx, err) : tls_run(ctx);
	return err ? err : step_next(ctx, step);
}

int quic_handshake_step(quic_session_t session, struct quic_handshake_step **step)
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

int quic_handshake(quic_session_t session)
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
