// SPDX-License-Identifier: LGPL-2.1-or-later
/* The server's side of HTTP/3: files of a directory, by GET and HEAD. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "h3.h"
#include "http.h"

#define CHUNK	(32 << 10)

/* A piece of a file on its way; nghttp3 looks at it until the kernel has taken it. */
struct h3_chunk {
	struct h3_chunk *next;
	size_t len;
	uint8_t data[CHUNK];
};

struct h3_stream {
	struct h3_stream *next, *prev;
	struct h3_server *server;
	int64_t sid;
	enum { METHOD_NONE, METHOD_GET, METHOD_HEAD, METHOD_OTHER } method;
	char *path;
	size_t path_len;
	bool fin, sent;			/* the request ended; the answer was sent whole */
	const char *text;		/* an answer's short content; NULL: the file's */
	int fd;
	uint64_t off, size;
	struct h3_chunk *first, *last;
	size_t taken;			/* of the first chunk */
};

struct h3_server {
	struct h3 h;	/* first: the callbacks get it */
	struct serve_conn *c;
	struct h3_stream *streams;
};

static int begin_headers(nghttp3_conn *conn, int64_t sid, void *user, void *stream)
{
	struct h3_server *v = user;
	struct h3_stream *s = calloc(1, sizeof(*s));

	(void)stream;
	if (!s)
		return NGHTTP3_ERR_CALLBACK_FAILURE;
	s->sid = sid;
	s->server = v;
	s->fd = -1;
	s->next = v->streams;
	if (s->next)
		s->next->prev = s;
	v->streams = s;
	return nghttp3_conn_set_stream_user_data(conn, sid, s);
}

static void stream_free(struct h3_stream *s)
{
	if (s->prev)
		s->prev->next = s->next;
	else
		s->server->streams = s->next;
	if (s->next)
		s->next->prev = s->prev;
	while (s->first) {
		struct h3_chunk *chunk = s->first;

		s->first = chunk->next;
		free(chunk);
	}
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s);
}

static int stream_close(nghttp3_conn *conn, int64_t sid, uint64_t code, void *user, void *stream)
{
	(void)conn;
	(void)sid;
	(void)code;
	(void)user;
	if (stream)
		stream_free(stream);
	return 0;
}

static bool is(nghttp3_vec value, const char *text)
{
	return value.len == strlen(text) && !memcmp(value.base, text, value.len);
}

static int recv_header(nghttp3_conn *conn, int64_t sid, int32_t token, nghttp3_rcbuf *name,
		       nghttp3_rcbuf *field, uint8_t flags, void *user, void *stream)
{
	nghttp3_vec value = nghttp3_rcbuf_get_buf(field);
	struct h3_stream *s = stream;

	(void)conn;
	(void)sid;
	(void)name;
	(void)flags;
	(void)user;
	if (token == NGHTTP3_QPACK_TOKEN__METHOD)
		s->method = is(value, "GET") ? METHOD_GET : is(value, "HEAD") ? METHOD_HEAD : METHOD_OTHER;
	if (token != NGHTTP3_QPACK_TOKEN__PATH || value.len > HTTP_PATH_MAX || s->path)
		return 0;
	s->path = strndup((char *)value.base, value.len);
	s->path_len = s->path ? strlen(s->path) : 0;
	return 0;
}

/* The next piece of the file, as long as nothing else keeps the kernel busy. */
static nghttp3_ssize read_data(nghttp3_conn *conn, int64_t sid, nghttp3_vec *vec, size_t count,
			       uint32_t *flags, void *user, void *stream)
{
	struct h3_server *v = user;
	struct h3_stream *s = stream;
	struct h3_chunk *chunk;
	uint64_t left = s->size - s->off;
	ssize_t len;

	(void)conn;
	(void)count;
	if (s->text) {
		vec[0] = (nghttp3_vec){ .base = (uint8_t *)s->text, .len = s->size };
		*flags |= NGHTTP3_DATA_FLAG_EOF;
		return 1;
	}
	if (!left) {
		*flags |= NGHTTP3_DATA_FLAG_EOF;
		return 0;
	}
	chunk = malloc(sizeof(*chunk));
	if (!chunk)
		return NGHTTP3_ERR_CALLBACK_FAILURE;
	len = pread(s->fd, chunk->data, left < CHUNK ? left : CHUNK, s->off);
	if (len <= 0) {
		/* A file that shrank cannot be completed: reset, no false end. */
		free(chunk);
		h3_end(&v->h, sid, NGHTTP3_H3_INTERNAL_ERROR);
		return NGHTTP3_ERR_WOULDBLOCK;
	}
	chunk->next = NULL;
	chunk->len = len;
	if (s->last)
		s->last->next = chunk;
	else
		s->first = chunk;
	s->last = chunk;
	s->off += len;
	if (s->off == s->size)
		*flags |= NGHTTP3_DATA_FLAG_EOF;
	vec[0] = (nghttp3_vec){ .base = chunk->data, .len = len };
	return 1;
}

static int acked_stream_data(nghttp3_conn *conn, int64_t sid, uint64_t len, void *user, void *stream)
{
	struct h3_stream *s = stream;

	(void)conn;
	(void)sid;
	(void)user;
	s->taken += len;
	while (s->first && s->taken >= s->first->len) {
		struct h3_chunk *chunk = s->first;

		s->taken -= chunk->len;
		s->first = chunk->next;
		if (!s->first)
			s->last = NULL;
		free(chunk);
	}
	return 0;
}

/* An answer's fields that every answer has, the ones given, and those that the status asks for. */
static int answer(struct h3_stream *s, const char *status, const char *type, const char *modified,
		  const char *location)
{
	const nghttp3_data_reader reader = { .read_data = read_data };
	char date[40], length[24];
	time_t now = time(NULL);
	nghttp3_nv fields[8];
	struct tm tm;
	size_t n = 0;

	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
	snprintf(length, sizeof(length), "%llu", (unsigned long long)s->size);
	fields[n++] = h3_field(":status", status);
	fields[n++] = h3_field("server", "quic-h3");
	fields[n++] = h3_field("date", date);
	fields[n++] = h3_field("content-type", type);
	fields[n++] = h3_field("content-length", length);
	if (modified)
		fields[n++] = h3_field("last-modified", modified);
	if (location)
		fields[n++] = h3_field("location", location);
	if (!strcmp(status, "405"))
		fields[n++] = h3_field("allow", "GET, HEAD");
	return nghttp3_conn_submit_response(s->server->h.conn, s->sid, fields, n,
					    s->method == METHOD_HEAD || !s->size ? NULL : &reader);
}

static int answer_error(struct h3_stream *s, const char *status, const char *text)
{
	s->server->c->server->refused++;
	serve_conn_say(s->server->c, status, s->path ? s->path : "no path");
	s->text = text;
	s->size = strlen(text);
	return answer(s, status, "text/plain; charset=utf-8", NULL, NULL);
}

/* A directory without the '/': its relative links would lead astray. */
static int answer_moved(struct h3_stream *s)
{
	size_t len = strcspn(s->path, "?");
	char *location;
	int err;

	if (asprintf(&location, "%.*s/%s", (int)len, s->path, s->path + len) < 0)
		return NGHTTP3_ERR_CALLBACK_FAILURE;
	/* Two leading slashes would name another host. */
	err = answer(s, "301", "text/plain; charset=utf-8", NULL, location + strspn(location, "/") - 1);
	free(location);
	return err;
}

static int answer_file(struct h3_stream *s)
{
	char modified[40];
	struct stat st;
	struct tm tm;

	if (fstat(s->fd, &st))
		return answer_error(s, "500", "500 Internal Server Error\n");
	s->size = st.st_size;
	strftime(modified, sizeof(modified), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&st.st_mtime, &tm));
	serve_conn_say(s->server->c, s->method == METHOD_HEAD ? "HEAD" : "GET", s->path);
	return answer(s, "200", h3_type(s->path, s->path_len), modified, NULL);
}

static int end_headers(nghttp3_conn *conn, int64_t sid, int fin, void *user, void *stream)
{
	struct h3_stream *s = stream;

	(void)conn;
	(void)sid;
	(void)fin;
	(void)user;
	if (s->method != METHOD_GET && s->method != METHOD_HEAD)
		return answer_error(s, "405", "405 Method Not Allowed\n");
	if (!s->path)
		return answer_error(s, "414", "414 URI Too Long\n");
	s->fd = http_path_open(s->server->c->server->root, s->path, s->path_len);
	if (s->fd >= 0)
		return answer_file(s);
	if (errno == EISDIR)
		return answer_moved(s);
	if (errno == EINVAL)
		return answer_error(s, "400", "400 Bad Request\n");
	return answer_error(s, "404", "404 Not Found\n");
}

static int end_stream(nghttp3_conn *conn, int64_t sid, void *user, void *stream)
{
	struct h3_stream *s = stream;

	(void)conn;
	(void)user;
	if (!s)
		return 0;
	s->fin = true;
	if (s->sent)
		h3_end(&s->server->h, sid, NGHTTP3_H3_NO_ERROR);
	return 0;
}

static void finished(struct h3 *h, int64_t sid)
{
	struct quic_errinfo info = { .stream_id = sid, .errcode = NGHTTP3_H3_NO_ERROR };
	struct h3_server *v = (struct h3_server *)h;
	struct h3_stream *s = v->streams;

	while (s && s->sid != sid)
		s = s->next;
	if (!s)
		return;
	v->c->server->files++;
	s->sent = true;
	/* RFC 9114, 4.1: who still sends a request that is answered may stop. */
	if (s->fin || !setsockopt(h->sd, SOL_QUIC, QUIC_SOCKOPT_STREAM_STOP_SENDING, &info, sizeof(info)))
		h3_end(h, sid, NGHTTP3_H3_NO_ERROR);
}

static void *h3_open(struct serve_conn *c)
{
	static const nghttp3_callbacks callbacks = {
		.begin_headers = begin_headers,
		.recv_header = recv_header,
		.end_headers = end_headers,
		.end_stream = end_stream,
		.stream_close = stream_close,
		.acked_stream_data = acked_stream_data,
	};
	struct h3_server *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->c = c;
	v->h.finished = finished;
	if (!h3_new(&v->h, c->sd, true, &callbacks)) {
		serve_conn_say(c, "HTTP/3", v->h.why);
		h3_free(&v->h);
		free(v);
		return NULL;
	}
	return v;
}

static void h3_close(struct serve_conn *c)
{
	struct h3_server *v = c->state;

	if (v->h.why)
		serve_conn_say(c, "HTTP/3", v->h.why);
	while (v->streams)
		stream_free(v->streams);
	h3_free(&v->h);
	free(v);
}

static bool h3_take(struct serve_conn *c, int64_t sid, size_t len, bool fin)
{
	struct h3_server *v = c->state;

	return h3_recv(&v->h, sid, c->server->buf, len, fin);
}

static bool h3_took_reset(struct serve_conn *c, int64_t sid)
{
	struct h3_server *v = c->state;

	return h3_reset(&v->h, sid, NGHTTP3_H3_REQUEST_CANCELLED);
}

static bool h3_turn(struct serve_conn *c, struct serve_sent *r)
{
	struct h3_server *v = c->state;
	struct h3_sent sent = { 0 };
	bool alive = h3_send(&v->h, &sent);

	r->bytes = sent.bytes;
	r->moved = sent.moved;
	r->waiting = sent.waiting;
	return alive;
}

/* RFC 9114, 5.2: GOAWAY; what is under way still leaves, close() waits for it. */
static void h3_stop(struct serve_conn *c)
{
	struct h3_server *v = c->state;
	struct h3_sent sent = { 0 };

	if (!nghttp3_conn_shutdown(v->h.conn))
		h3_send(&v->h, &sent);
}

const struct serve_proto h3_serve_proto = {
	.name = "quic-h3 serve",
	.alpn = H3_ALPN,
	.about = "serve a directory by HTTP/3\n"
		 "\n"
		 "  quic-h3 serve --cert FILE --key FILE [OPTIONS] DIR ADDRESS PORT\n"
		 "\n"
		 "Answers GET and HEAD with the files below DIR; a path that ends in / means its\n"
		 "index.html, other directories redirect there. Nothing outside of DIR is ever read.\n"
		 "Content types go by the extension. ADDRESS * means every address, IPv6 and IPv4.\n"
		 "\n"
		 "  quic-h3 serve --cert server.pem --key server.key /srv/www '*' 4433\n",
	.open = h3_open,
	.close = h3_close,
	.recv = h3_take,
	.reset = h3_took_reset,
	.send = h3_turn,
	.stop = h3_stop,
};
