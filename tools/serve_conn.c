// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "serve.h"

#define TURN_READS	256		/* received in one turn */
#define BACKOFF_MAX	32		/* ms */

void serve_conn_say(const struct serve_conn *c, const char *what, const char *why)
{
	if (c->server->o.verbose)
		tool_say(&c->server->o, "%s: %s%s%s", c->peer, what, why ? ": " : "",
			 why ? why : "");
}

struct serve_conn *serve_conn_new(struct serve_server *server, int sd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	char host[64] = "?", port[8] = "?";
	struct serve_conn *c;

	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->server = server;
	c->sd = sd;
	if (!getpeername(sd, (struct sockaddr *)&addr, &len))
		getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host), port, sizeof(port),
			    NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(c->peer, sizeof(c->peer), "%s port %s", host, port);

	if (quic_tls_session(server->tls, sd, NULL, &c->session) ||
	    quic_handshake_init(c->session, &c->step)) {
		if (c->session)
			quic_session_free(c->session);
		free(c);
		return NULL;
	}
	c->deadline = tool_now_us() + (server->o.timeout_s ? server->o.timeout_s : 60) * 1000000LL;
	return c;
}

void serve_conn_free(struct serve_conn *c)
{
	if (c->state)
		c->server->proto->close(c);
	if (c->session)
		quic_session_free(c->session);
	close(c->sd);
	free(c);
}

/* Steps until one must wait. -EAGAIN: it waits; 0: done. */
static int handshake_run(struct serve_conn *c)
{
	int err;

	while (c->step) {
		bool send = c->step->op == QUIC_HANDSHAKE_STEP_OP_SENDMSG;
		ssize_t ret = send ? sendmsg(c->sd, c->step->s_sendmsg.msg,
					     c->step->s_sendmsg.flags | MSG_DONTWAIT) :
				     recvmsg(c->sd, c->step->s_recvmsg.msg,
					     c->step->s_recvmsg.flags | MSG_DONTWAIT);

		c->want_out = send;
		if (ret < 0 && (errno == EAGAIN || errno == EINTR))
			return -EAGAIN;
		if (ret < 0)
			ret = -errno;
		if (send)
			c->step->s_sendmsg.retval = ret;
		else
			c->step->s_recvmsg.retval = ret;
		err = quic_handshake_step(c->session, &c->step);
		if (err)
			return err;
	}
	c->want_out = false;
	return 0;
}

static bool event_take(struct serve_conn *c, size_t len)
{
	struct quic_stream_update update;

	if (c->server->buf[0] != QUIC_EVENT_STREAM_UPDATE || len < 1 + sizeof(update))
		return true;
	memcpy(&update, c->server->buf + 1, sizeof(update));
	if (update.state != QUIC_STREAM_RECV_STATE_RESET_RECVD)
		return true;
	return c->server->proto->reset(c, update.id);
}

/* What came in. False: the connection ended. */
static bool conn_recv(struct serve_conn *c)
{
	const struct serve_proto *proto = c->server->proto;
	int i;

	for (i = 0; i < TURN_READS; i++) {
		uint32_t flags = MSG_DONTWAIT;
		int64_t sid = -1;
		ssize_t ret;

		ret = quic_recvmsg(c->sd, c->server->buf, SERVE_BUF, &sid, &flags);
		if (ret < 0)
			return errno == EAGAIN || errno == EINTR;
		if (flags & MSG_QUIC_NOTIFICATION) {
			if (!event_take(c, ret))
				return false;
			continue;
		}
		if (flags & MSG_QUIC_DATAGRAM)
			continue;
		if (sid < 0 || !proto->recv(c, sid, ret, flags & MSG_QUIC_STREAM_FIN))
			return false;
	}
	return true;
}

/* Sets want_out and retry_at. writable: the socket said so, or we waited. */
static bool conn_send(struct serve_conn *c, bool writable, int64_t now)
{
	struct serve_sent sent = { 0 };

	if (!c->server->proto->send(c, &sent))
		return false;
	c->bytes += sent.bytes;
	c->server->bytes += sent.bytes;
	tool_key_update(&c->server->o, c->sd, c->bytes, &c->key_updated);
	c->want_out = sent.waiting;
	c->retry_at = 0;
	if (!sent.waiting || sent.moved)
		c->backoff = 0;
	if (!sent.waiting || sent.moved || !writable)
		return true;
	/* Nothing fits although the socket is writable: the peer's flow control. */
	c->backoff = c->backoff ? c->backoff * 2 : 1;
	if (c->backoff > BACKOFF_MAX)
		c->backoff = BACKOFF_MAX;
	c->retry_at = now + c->backoff * 1000;
	return true;
}

static bool conn_handshake(struct serve_conn *c, int64_t now)
{
	int err = handshake_run(c);

	if (err == -EAGAIN) {
		if (now < c->deadline)
			return true;
		serve_conn_say(c, "handshake timed out", NULL);
		c->server->failed++;
		return false;
	}
	if (err) {
		const char *text = quic_handshake_error(c->session);

		serve_conn_say(c, "handshake failed", text[0] ? text : quic_strerror(err));
		c->server->failed++;
		return false;
	}
	quic_session_free(c->session);
	c->session = NULL;
	/* Says when a stream that was full may go on; without it, asking again has to do. */
	tool_event(c->sd, QUIC_EVENT_STREAM_MAX_DATA);
	if (c->server->proto->reset)
		tool_event(c->sd, QUIC_EVENT_STREAM_UPDATE);
	serve_conn_say(c, "connected", NULL);
	c->state = c->server->proto->open(c);
	return c->state;
}

static void epoll_update(struct serve_conn *c, bool was_out)
{
	/* While backing off the socket is writable all the time: do not ask. */
	bool out = c->want_out && !c->retry_at;
	struct epoll_event event = { .events = EPOLLIN | (out ? EPOLLOUT : 0), .data.ptr = c };

	if (out != was_out)
		epoll_ctl(c->server->epoll, EPOLL_CTL_MOD, c->sd, &event);
}

bool serve_conn_turn(struct serve_conn *c, uint32_t events, int64_t now)
{
	bool was_out = c->want_out && !c->retry_at;
	bool in = events & ~(uint32_t)EPOLLOUT;
	bool writable = events & EPOLLOUT || (c->retry_at && now >= c->retry_at);

	if (c->session) {
		if (!conn_handshake(c, now))
			return false;
		in = true;
	}
	if (!c->session) {
		if (in && !conn_recv(c))
			return false;
		if (!conn_send(c, writable, now))
			return false;
	}
	epoll_update(c, was_out);
	return true;
}
