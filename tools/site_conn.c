// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Connections: the handshake in steps, then accept() for each stream the client opens, until there
 * are no more.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "site.h"

#define HANDSHAKE_S	60	/* without --timeout */

void site_conn_say(const struct site_conn *c, const char *what, const char *why)
{
	if (c->site->o.verbose)
		tool_say(&c->site->o, "%s: %s%s%s", c->peer, what, why ? ": " : "", why ? why : "");
}

static void name(struct site_conn *c)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	char host[64] = "?", port[8] = "?";

	if (!getpeername(c->sd, (struct sockaddr *)&addr, &len))
		getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host), port, sizeof(port),
			    NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(c->peer, sizeof(c->peer), "%s port %s", host, port);
}

static void over(struct site *site)
{
	if (site->once && !--site->once)
		site->stop = true;
}

/* Outside of the loop's turn only: nothing of it is under way. */
void site_conn_free(struct site_conn *c)
{
	struct site *site = c->site;

	if (c->prev)
		c->prev->next = c->next;
	else
		site->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	site->open--;
	if (c->session)
		quic_session_free(c->session);
	site->loop->engine->close(site->loop, c->sd);
	free(c);
	over(site);
}

static void end_perhaps(struct site_conn *c)
{
	if (c->over && !c->busy && !c->streams)
		site_conn_free(c);
}

void site_conn_put(struct site_conn *c)
{
	c->streams--;
	end_perhaps(c);
}

static void submit(struct site_conn *c)
{
	c->busy = true;
	loop_submit(c->site->loop, &c->op);
}

/* --- streams --- */

static void accept_done(struct loop_op *op, int res, bool more)
{
	struct site_conn *c = (void *)((char *)op - offsetof(struct site_conn, op));

	if (res >= 0) {
		site_stream_new(c, res);
		return;
	}
	if (more)
		return;
	c->busy = false;
	/* No descriptors or memory now: the sweep tries again. */
	if (res == -EMFILE || res == -ENFILE || res == -ENOBUFS || res == -ENOMEM)
		return;
	if (res == -EINTR) {
		submit(c);
		return;
	}
	c->over = true;
	end_perhaps(c);
}

static void accept_streams(struct site_conn *c)
{
	c->op.kind = LOOP_ACCEPT;
	c->op.done = accept_done;
	submit(c);
}

/* --- the handshake --- */

static void handshake_failed(struct site_conn *c, const char *why)
{
	site_conn_say(c, "handshake failed", why);
	c->site->failed++;
	c->over = true;
	end_perhaps(c);
}

static void step_submit(struct site_conn *c);

static void step_done(struct loop_op *op, int res, bool more)
{
	struct site_conn *c = (void *)((char *)op - offsetof(struct site_conn, op));
	const char *text;
	int err;

	(void)more;
	c->busy = false;
	if (res == -ECANCELED) {
		handshake_failed(c, "timed out");
		return;
	}
	if (res == -EAGAIN || res == -EINTR) {
		step_submit(c);
		return;
	}
	if (c->step->op == QUIC_HANDSHAKE_STEP_OP_SENDMSG)
		c->step->s_sendmsg.retval = res;
	else
		c->step->s_recvmsg.retval = res;
	err = quic_handshake_step(c->session, &c->step);
	if (err) {
		text = quic_handshake_error(c->session);
		handshake_failed(c, text[0] ? text : quic_strerror(err));
	} else if (c->step) {
		step_submit(c);
	} else {
		quic_session_free(c->session);
		c->session = NULL;
		site_conn_say(c, "connected", NULL);
		accept_streams(c);
	}
}

static void step_submit(struct site_conn *c)
{
	bool send = c->step->op == QUIC_HANDSHAKE_STEP_OP_SENDMSG;

	c->op.kind = send ? LOOP_SENDMSG : LOOP_RECVMSG;
	c->op.done = step_done;
	c->op.msg = send ? (struct msghdr *)c->step->s_sendmsg.msg : c->step->s_recvmsg.msg;
	c->op.flags = send ? c->step->s_sendmsg.flags : c->step->s_recvmsg.flags;
	submit(c);
}

void site_conn_new(struct site *site, int sd)
{
	struct site_conn *c = calloc(1, sizeof(*c));

	site->connections++;
	if (!c) {
		site->failed++;
		site->loop->engine->close(site->loop, sd);
		over(site);
		return;
	}
	c->site = site;
	c->sd = sd;
	c->op.fd = sd;
	c->deadline = tool_now_us() + (site->o.timeout_s ?: HANDSHAKE_S) * 1000000ll;
	c->next = site->conns;
	if (c->next)
		c->next->prev = c;
	site->conns = c;
	if (++site->open > site->open_max)
		site->open_max = site->open;
	if (site->o.verbose)
		name(c);
	if (quic_tls_session(site->tls, sd, NULL, &c->session) ||
	    quic_handshake_init(c->session, &c->step)) {
		handshake_failed(c, "no session");
		return;
	}
	step_submit(c);
}

void site_conns_sweep(struct site *site, int64_t now)
{
	struct site_conn *c;

	for (c = site->conns; c; c = c->next) {
		if (c->session && c->busy && now >= c->deadline)
			site->loop->engine->cancel(site->loop, &c->op);
		else if (!c->session && !c->busy && !c->over)
			accept_streams(c);
	}
}
