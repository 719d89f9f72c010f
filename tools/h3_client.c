// SPDX-License-Identifier: LGPL-2.1-or-later
/* The client's side of HTTP/3: a GET or HEAD for each URL. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "h3.h"

struct h3_client {
	struct h3 h;	/* first: the callbacks get it */
	struct fetch *f;
};

static int recv_header(nghttp3_conn *conn, int64_t sid, int32_t token, nghttp3_rcbuf *name,
		       nghttp3_rcbuf *field, uint8_t flags, void *user, void *stream)
{
	nghttp3_vec value = nghttp3_rcbuf_get_buf(field), key = nghttp3_rcbuf_get_buf(name);
	struct fetch_request *r = stream;
	struct h3_client *v = user;

	(void)conn;
	(void)sid;
	(void)flags;
	/* nghttp3 has seen to it that these are three digits. */
	if (r && token == NGHTTP3_QPACK_TOKEN__STATUS)
		r->status = strtoul((char *)value.base, NULL, 10);
	if (v->f->head) {
		if (token == NGHTTP3_QPACK_TOKEN__STATUS)
			printf("HTTP/3 %.*s\n", (int)value.len, value.base);
		else
			printf("%.*s: %.*s\n", (int)key.len, key.base, (int)value.len, value.base);
	}
	return 0;
}

static int end_headers(nghttp3_conn *conn, int64_t sid, int fin, void *user, void *stream)
{
	struct h3_client *v = user;

	(void)conn;
	(void)sid;
	(void)fin;
	(void)stream;
	if (v->f->head)
		printf("\n");
	return 0;
}

static bool good(const struct fetch_request *r)
{
	return r->status >= 200 && r->status < 300;
}

static int recv_data(nghttp3_conn *conn, int64_t sid, const uint8_t *data, size_t len, void *user,
		     void *stream)
{
	struct fetch_request *r = stream;
	struct h3_client *v = user;

	(void)conn;
	(void)sid;
	if (r && good(r))
		fetch_request_data(v->f, r, data, len, false);
	return 0;
}

static int end_stream(nghttp3_conn *conn, int64_t sid, void *user, void *stream)
{
	struct fetch_request *r = stream;
	struct h3_client *v = user;
	char why[40];

	(void)conn;
	if (r && good(r)) {
		fetch_request_data(v->f, r, NULL, 0, true);
	} else if (r) {
		snprintf(why, sizeof(why), "the server answered %u", r->status);
		fetch_request_end(v->f, r, true, why);
	}
	/* Its answer may come before the request is sent whole. */
	h3_end(&v->h, sid, r && r->asked ? NGHTTP3_H3_NO_ERROR : NGHTTP3_H3_REQUEST_CANCELLED);
	return 0;
}

static int stream_close(nghttp3_conn *conn, int64_t sid, uint64_t code, void *user, void *stream)
{
	struct h3_client *v = user;

	(void)conn;
	(void)sid;
	(void)code;
	if (stream)
		fetch_request_end(v->f, stream, true, "the answer is malformed or was cut short");
	return 0;
}

static void finished(struct h3 *h, int64_t sid)
{
	struct fetch_request *r = fetch_request_find(((struct h3_client *)h)->f, sid);

	if (r)
		r->asked = 1;
}

static int h3_open(struct fetch *f)
{
	static const nghttp3_callbacks callbacks = {
		.recv_header = recv_header,
		.end_headers = end_headers,
		.recv_data = recv_data,
		.end_stream = end_stream,
		.stream_close = stream_close,
	};
	struct h3_client *v = calloc(1, sizeof(*v));

	f->state = v;
	if (!v)
		return ENOMEM;
	v->f = f;
	v->h.finished = finished;
	if (!h3_new(&v->h, f->sd, false, &callbacks)) {
		f->why = v->h.why;
		return EPROTO;
	}
	return 0;
}

static void h3_close(struct fetch *f)
{
	struct h3_client *v = f->state;

	if (v)
		h3_free(&v->h);
	free(v);
	f->state = NULL;
}

/* The host as in the URL: in brackets where it is an IPv6 address, with the port if not the usual one. */
static int h3_ask(struct fetch *f, struct fetch_request *r)
{
	const struct http_url *url = &r->url;
	struct h3_client *v = f->state;
	bool colon = strchr(url->host, ':'), port = strcmp(url->port, "443");
	char authority[HTTP_PATH_MAX];
	nghttp3_nv fields[] = {
		h3_field(":method", f->head ? "HEAD" : "GET"),
		h3_field(":scheme", "https"),
		h3_field(":authority", authority),
		h3_field(":path", url->path),
		h3_field("user-agent", "quic-h3"),
	};
	int err;

	snprintf(authority, sizeof(authority), "%s%s%s%s%s", colon ? "[" : "", url->host,
		 colon ? "]" : "", port ? ":" : "", port ? url->port : "");
	fields[2].valuelen = strlen(authority);
	err = nghttp3_conn_submit_request(v->h.conn, r->sid, fields,
					  sizeof(fields) / sizeof(fields[0]), NULL, r);
	if (err == NGHTTP3_ERR_CONN_CLOSING) {
		/* RFC 9114, 5.2: GOAWAY */
		fetch_request_end(f, r, true, "the server takes no more requests on this connection");
		return 0;
	}
	return err ? ENOMEM : 0;
}

static int h3_over(struct fetch *f)
{
	struct h3_client *v = f->state;

	f->why = v->h.why;
	return f->why ? EPROTO : errno ? errno : ENOTCONN;
}

static int h3_take(struct fetch *f, int64_t sid, size_t len, bool fin)
{
	struct h3_client *v = f->state;

	f->moved = tool_now_us();
	return h3_recv(&v->h, sid, f->buf, len, fin) ? 0 : h3_over(f);
}

static int h3_took_reset(struct fetch *f, int64_t sid, uint32_t code)
{
	struct h3_client *v = f->state;

	return h3_reset(&v->h, sid, code) ? 0 : h3_over(f);
}

static int h3_flush(struct fetch *f)
{
	struct h3_client *v = f->state;
	struct h3_sent sent = { 0 };

	if (!h3_send(&v->h, &sent))
		return h3_over(f);
	if (sent.waiting)
		f->send_blocked = true;
	return 0;
}

const struct fetch_proto h3_fetch_proto = {
	.name = "quic-h3 fetch",
	.alpn = H3_ALPN,
	.about = "fetch files by HTTP/3\n"
		 "\n"
		 "  quic-h3 fetch [OPTIONS] URL...          https://HOST[:PORT]/PATH, port 443\n",
	.has_head = true,
	.cancelled = NGHTTP3_H3_REQUEST_CANCELLED,
	.open = h3_open,
	.close = h3_close,
	.ask = h3_ask,
	.recv = h3_take,
	.reset = h3_took_reset,
	.flush = h3_flush,
};
