// SPDX-License-Identifier: LGPL-2.1-or-later
/* The server's side of HTTP/0.9: requests and answers of one connection. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "hq.h"
#include "http.h"

#define STREAMS_MAX	65536		/* beyond what the kernel allows anyway */

struct hq_stream {
	struct hq_stream *next;
	int64_t sid;
	int fd;			/* the file; -1 while the request comes in */
	bool fin;		/* the request ended */
	bool over;		/* answered or refused, only its end is still to come */
	uint64_t off, size;	/* sent, and the size at the opening */
	size_t len;		/* of the request so far */
	char *request;		/* allocated with the first byte, freed at its end */
};

struct hq_state {
	struct hq_stream *streams;	/* requests and answers, in round-robin order */
	unsigned int stream_count;
};

static void stream_free(struct hq_stream *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->request);
	free(s);
}

static struct hq_stream *stream_get(struct hq_state *h, int64_t sid)
{
	struct hq_stream **link = &h->streams, *s;

	for (; *link; link = &(*link)->next)
		if ((*link)->sid == sid)
			return *link;
	if (h->stream_count >= STREAMS_MAX)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->sid = sid;
	s->fd = -1;
	*link = s;
	h->stream_count++;
	return s;
}

static void stream_drop(struct serve_conn *c, struct hq_stream *s)
{
	struct hq_state *h = c->state;
	struct hq_stream **link = &h->streams;

	while (*link != s)
		link = &(*link)->next;
	*link = s->next;
	h->stream_count--;
	stream_free(s);
}

/*
 * We are through with this stream. A client that has not ended its request is told to; where that end
 * is in our receive queue already it must not be taken for the next request.
 */
static void stream_end(struct serve_conn *c, struct hq_stream *s, uint32_t code)
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
static void stream_refuse(struct serve_conn *c, struct hq_stream *s, const char *why)
{
	struct quic_errinfo info = { .stream_id = s->sid, .errcode = HQ_ERROR_REFUSED };

	setsockopt(c->sd, SOL_QUIC, QUIC_SOCKOPT_STREAM_RESET, &info, sizeof(info));
	c->server->refused++;
	serve_conn_say(c, "refused", why);
	stream_end(c, s, HQ_ERROR_REFUSED);
}

/* "GET /path" or "GET /path HTTP/...": the file, or -1. */
static int request_open(int root, const char *line, size_t len)
{
	const char *path = line + 4, *space;

	if (len < 5 || memcmp(line, "GET /", 5))
		return -1;
	space = memchr(path, ' ', len - 4);
	return http_path_open(root, path, space ? (size_t)(space - path) : len - 4);
}

static void stream_request(struct serve_conn *c, struct hq_stream *s, const uint8_t *data, size_t len)
{
	char *end;
	struct stat st;

	if (s->fd >= 0)
		return;		/* what follows the request is ignored */
	if (!s->request)
		s->request = malloc(HTTP_PATH_MAX + 1);
	if (!s->request || len > HTTP_PATH_MAX - s->len) {
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

	s->fd = request_open(c->server->root, s->request, end - s->request);
	if (s->fd < 0) {
		stream_refuse(c, s, s->request);
		return;
	}
	serve_conn_say(c, s->request, NULL);
	s->size = fstat(s->fd, &st) ? 0 : st.st_size;
	free(s->request);
	s->request = NULL;
}

enum send_result { SEND_MORE, SEND_BLOCKED, SEND_DONE, SEND_GONE };

/* One piece of one file. */
static enum send_result stream_send(struct serve_conn *c, struct hq_stream *s, size_t *sent)
{
	uint64_t left = s->size - s->off;
	size_t want = left < SERVE_BUF ? left : SERVE_BUF;
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
	/* A last piece taken in part has not carried the FIN. */
	return ret == len && s->off == s->size ? SEND_DONE : SEND_MORE;
}

/* A turn for each stream, again while something moves. */
static bool hq_send(struct serve_conn *c, struct serve_sent *r)
{
	struct hq_state *h = c->state;
	struct hq_stream *s, *next;
	size_t sent = 0, before;

	do {
		before = sent;
		r->waiting = false;
		for (s = h->streams; s; s = next) {
			next = s->next;
			if (s->fd < 0)
				continue;
			switch (stream_send(c, s, &sent)) {
			case SEND_DONE:
				c->server->files++;
				stream_end(c, s, HQ_ERROR_NONE);
				r->moved = true;
				break;
			case SEND_GONE:
				stream_refuse(c, s, "aborted");
				break;
			case SEND_BLOCKED:
			case SEND_MORE:
				r->waiting = true;
			}
		}
	} while (r->waiting && sent > before && sent < SERVE_TURN_BYTES);
	r->bytes = sent;
	if (sent)
		r->moved = true;
	return true;
}

static bool hq_recv(struct serve_conn *c, int64_t sid, size_t len, bool fin)
{
	struct hq_stream *s;

	/* Only the client's bidirectional streams carry requests. */
	if (sid & QUIC_STREAM_TYPE_MASK)
		return true;
	s = stream_get(c->state, sid);
	if (!s)
		return false;
	if (fin)
		s->fin = true;
	if (!s->over)
		stream_request(c, s, c->server->buf, len);
	else if (s->fin)
		stream_drop(c, s);
	return true;
}

static void *hq_open(struct serve_conn *c)
{
	(void)c;
	return calloc(1, sizeof(struct hq_state));
}

static void hq_close(struct serve_conn *c)
{
	struct hq_state *h = c->state;

	while (h->streams)
		stream_drop(c, h->streams);
	free(h);
}

const struct serve_proto hq_serve_proto = {
	.name = "quic-hq serve",
	.alpn = HQ_ALPN,
	.about = "serve a directory by HTTP/0.9 over QUIC\n"
		 "\n"
		 "  quic-hq serve --cert FILE --key FILE [OPTIONS] DIR ADDRESS PORT\n"
		 "\n"
		 "Answers \"GET /path\" with the bytes of DIR/path; a path that ends in / means its\n"
		 "index.html. Nothing outside of DIR is ever read. What cannot be had is answered by\n"
		 "resetting the stream. ADDRESS * means every address, IPv6 and IPv4.\n"
		 "\n"
		 "  quic-hq serve --cert server.pem --key server.key /srv/www '*' 4433\n",
	.open = hq_open,
	.close = hq_close,
	.recv = hq_recv,
	.send = hq_send,
};
