// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>
#include "hq_conn.h"

#define BUF_SIZE	(256 << 10)
#define TURN_BYTES	(1 << 20)	/* sent in one turn, so that others have theirs */
#define TURN_READS	256		/* received in one turn */
#define STREAMS_MAX	65536		/* beyond what the kernel allows anyway */
#define BACKOFF_MAX	32		/* ms */

static void conn_say(const struct hq_conn *c, const char *what, const char *why)
{
	if (c->server->o.verbose)
		tool_say(&c->server->o, "%s: %s%s%s", c->peer, what, why ? ": " : "",
			 why ? why : "");
}

struct hq_conn *hq_conn_new(struct hq_server *server, int sd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	char host[64] = "?", port[8] = "?";
	struct hq_conn *c;

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
			gnutls_deinit(c->session);
		free(c);
		return NULL;
	}
	c->deadline = tool_now_us() + (server->o.timeout_s ? server->o.timeout_s : 60) * 1000000LL;
	return c;
}

static void stream_free(struct hq_stream *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->request);
	free(s);
}

void hq_conn_free(struct hq_conn *c)
{
	while (c->streams) {
		struct hq_stream *s = c->streams;

		c->streams = s->next;
		stream_free(s);
	}
	if (c->session)
		gnutls_deinit(c->session);
	close(c->sd);
	free(c);
}

/* Steps until one must wait. -EAGAIN: it waits; 0: done. */
static int handshake_run(struct hq_conn *c)
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

static struct hq_stream *stream_get(struct hq_conn *c, int64_t sid)
{
	struct hq_stream **link = &c->streams, *s;

	for (; *link; link = &(*link)->next)
		if ((*link)->sid == sid)
			return *link;
	if (c->stream_count >= STREAMS_MAX)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->sid = sid;
	s->fd = -1;
	*link = s;
	c->stream_count++;
	return s;
}

static void stream_drop(struct hq_conn *c, struct hq_stream *s)
{
	struct hq_stream **link = &c->streams;

	while (*link != s)
		link = &(*link)->next;
	*link = s->next;
	c->stream_count--;
	stream_free(s);
}

/*
 * We are through with this stream. A client that has not ended its request is told to; where that end
 * is in our receive queue already it must not be taken for the next request.
 */
static void stream_end(struct hq_conn *c, struct hq_stream *s, uint32_t code)
{
	struct quic_errinfo info = { .stream_id = s->sid, .errcode = code };

	if (s->fin || !setsockopt(c->sd, SOL_QUIC, QUIC_SOCKOPT_STREAM_STOP_SENDING, &info,
				  sizeof(info))) {
		stream_drop(c, s);
		return;
	}
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	free(s->request);
	s->request = NULL;
	s->over = true;
}

/* No file for this request: the stream is reset, both ways. */
static void stream_refuse(struct hq_conn *c, struct hq_stream *s, const char *why)
{
	struct quic_errinfo info = { .stream_id = s->sid, .errcode = HQ_ERROR_REFUSED };

	setsockopt(c->sd, SOL_QUIC, QUIC_SOCKOPT_STREAM_RESET, &info, sizeof(info));
	c->server->refused++;
	conn_say(c, "refused", why);
	stream_end(c, s, HQ_ERROR_REFUSED);
}

static void stream_request(struct hq_conn *c, struct hq_stream *s, const uint8_t *data, size_t len)
{
	char *end;
	struct stat st;

	if (s->fd >= 0)
		return;		/* what follows the request is ignored */
	if (!s->request)
		s->request = malloc(HQ_REQUEST_MAX + 1);
	if (!s->request || len > HQ_REQUEST_MAX - s->len) {
		stream_refuse(c, s, "request too long");
		return;
	}
	memcpy(s->request + s->len, data, len);
	s->len += len;
	end = memchr(s->request, '\n', s->len);
	if (!end && !s->fin)
		return;
	if (!end)
		end = s->request + s->len;
	if (end > s->request && end[-1] == '\r')
		end--;
	*end = 0;

	s->fd = hq_path_open(c->server->root, s->request, end - s->request);
	if (s->fd < 0) {
		stream_refuse(c, s, s->request);
		return;
	}
	conn_say(c, s->request, NULL);
	s->size = fstat(s->fd, &st) ? 0 : st.st_size;
	free(s->request);
	s->request = NULL;
}

/* What came in. False: the connection ended. */
static bool conn_recv(struct hq_conn *c)
{
	int i;

	for (i = 0; i < TURN_READS; i++) {
		uint32_t flags = MSG_DONTWAIT;
		struct hq_stream *s;
		int64_t sid = -1;
		ssize_t ret;

		ret = quic_recvmsg(c->sd, c->server->buf, BUF_SIZE, &sid, &flags);
		if (ret < 0)
			return errno == EAGAIN || errno == EINTR;
		if (flags & (MSG_QUIC_NOTIFICATION | MSG_QUIC_DATAGRAM))
			continue;
		if (sid < 0)
			return false;
		/* Only the client's bidirectional streams carry requests. */
		if (sid & QUIC_STREAM_TYPE_MASK)
			continue;
		s = stream_get(c, sid);
		if (!s)
			return false;
		if (flags & MSG_QUIC_STREAM_FIN)
			s->fin = true;
		if (!s->over)
			stream_request(c, s, c->server->buf, ret);
		else if (s->fin)
			stream_drop(c, s);
	}
	return true;
}

enum send_result { SEND_MORE, SEND_BLOCKED, SEND_DONE, SEND_GONE };

/* One piece of one file. */
static enum send_result stream_send(struct hq_conn *c, struct hq_stream *s, size_t *sent)
{
	uint64_t left = s->size - s->off;
	size_t want = left < BUF_SIZE ? left : BUF_SIZE;
	ssize_t len = 0, ret;

	if (want)
		len = pread(s->fd, c->server->buf, want, s->off);
	/* A file that shrank cannot be completed: reset, no false end. */
	if (len < (ssize_t)want && len <= 0)
		return SEND_GONE;
	ret = quic_sendmsg(c->sd, c->server->buf, len, s->sid, MSG_DONTWAIT | MSG_NOSIGNAL |
			   (s->off + len == s->size ? MSG_QUIC_STREAM_FIN : 0));
	if (ret < 0)
		return errno == EAGAIN || errno == ENOSPC || errno == EINTR ? SEND_BLOCKED :
									      SEND_GONE;
	s->off += ret;
	*sent += ret;
	c->server->bytes += ret;
	/* A last piece taken in part has not carried the FIN. */
	return ret == len && s->off == s->size ? SEND_DONE : SEND_MORE;
}

/*
 * A turn for each stream, again while something moves. writable: the socket said so, or we waited.
 * Sets want_out and retry_at.
 */
static void conn_send(struct hq_conn *c, bool writable, int64_t now)
{
	struct hq_stream *s, *next;
	size_t sent = 0, before, waiting;
	bool finished;

	do {
		before = sent;
		waiting = 0;
		finished = false;
		for (s = c->streams; s; s = next) {
			next = s->next;
			if (s->fd < 0)
				continue;
			switch (stream_send(c, s, &sent)) {
			case SEND_DONE:
				c->server->files++;
				stream_end(c, s, HQ_ERROR_NONE);
				finished = true;
				break;
			case SEND_GONE:
				stream_refuse(c, s, "aborted");
				break;
			case SEND_BLOCKED:
			case SEND_MORE:
				waiting++;
			}
		}
	} while (waiting && sent > before && sent < TURN_BYTES);

	c->want_out = waiting;
	c->retry_at = 0;
	if (!waiting || sent || finished)
		c->backoff = 0;
	if (!waiting || sent || finished || !writable)
		return;
	/* Nothing fits although the socket is writable: the peer's flow control. */
	c->backoff = c->backoff ? c->backoff * 2 : 1;
	if (c->backoff > BACKOFF_MAX)
		c->backoff = BACKOFF_MAX;
	c->retry_at = now + c->backoff * 1000;
}

static bool conn_handshake(struct hq_conn *c, int64_t now)
{
	int err = handshake_run(c);

	if (err == -EAGAIN) {
		if (now < c->deadline)
			return true;
		conn_say(c, "handshake timed out", NULL);
		c->server->failed++;
		return false;
	}
	if (err) {
		const char *text = quic_handshake_error(c->session);

		conn_say(c, "handshake failed", text[0] ? text : quic_strerror(err));
		c->server->failed++;
		return false;
	}
	gnutls_deinit(c->session);
	c->session = NULL;
	/* Says when a stream that was full may go on; without it, asking again has to do. */
	tool_event(c->sd, QUIC_EVENT_STREAM_MAX_DATA);
	conn_say(c, "connected", NULL);
	return true;
}

static void epoll_update(struct hq_conn *c, bool was_out)
{
	/* While backing off the socket is writable all the time: do not ask. */
	bool out = c->want_out && !c->retry_at;
	struct epoll_event event = { .events = EPOLLIN | (out ? EPOLLOUT : 0), .data.ptr = c };

	if (out != was_out)
		epoll_ctl(c->server->epoll, EPOLL_CTL_MOD, c->sd, &event);
}

bool hq_conn_turn(struct hq_conn *c, uint32_t events, int64_t now)
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
		conn_send(c, writable, now);
	}
	epoll_update(c, was_out);
	return true;
}
