// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A stream: a request comes, a file goes.
 *
 *	receive ("GET /path") -> open -> read -> send -> read -> send (FIN) -> close
 *
 * Two operations may be under way, in for what comes and out for the answer; the stream is freed
 * when neither is and it is through. close() tells a client that has not ended its request to stop.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "site.h"

struct stream {
	struct site_conn *c;
	int fd, file;			/* file -1: not opened (yet) */
	struct loop_op in, out;
	bool in_busy, out_busy;
	bool through;			/* answered or refused */
	uint64_t off, size;		/* of the file: sent; as it was when opened */
	struct open_how how;
	char *request, *path;		/* until the file is open */
	size_t len;			/* of request */
};

#define stream_of(ptr, member) \
	((struct stream *)(void *)((char *)(ptr) - offsetof(struct stream, member)))

static struct loop *loop_of(const struct stream *s)
{
	return s->c->site->loop;
}

static void out_submit(struct stream *s, enum loop_kind kind, int fd,
		       void (*done)(struct loop_op *op, int res, bool more))
{
	s->out.kind = kind;
	s->out.fd = fd;
	s->out.done = done;
	s->out_busy = true;
	loop_submit(loop_of(s), &s->out);
}

static void end_perhaps(struct stream *s)
{
	struct site_conn *c = s->c;

	if (!s->through || s->in_busy || s->out_busy)
		return;
	if (s->file >= 0)
		loop_of(s)->engine->close(loop_of(s), s->file);
	loop_of(s)->engine->close(loop_of(s), s->fd);
	free(s->request);
	free(s->path);
	free(s);
	site_conn_put(c);
}

/* Nothing more of it is wanted, either way. */
static void end(struct stream *s)
{
	s->through = true;
	if (s->in_busy)
		loop_of(s)->engine->cancel(loop_of(s), &s->in);
	end_perhaps(s);
}

/*
 * No file, or not all of it: no end that could be taken for the file's, but RESET_STREAM (RFC
 * 9000, 19.4).
 */
static void refuse(struct stream *s, const char *why)
{
	static const struct linger at_once = { 1, 0 };

	if (s->through)
		return;
	setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	s->c->site->refused++;
	site_conn_say(s->c, "refused", why);
	end(s);
}

/* The other direction failed while this one was under way: there is nobody to answer. */
static bool gone(struct stream *s)
{
	bool through = s->through;

	if (through)
		end_perhaps(s);
	return through;
}

/* --- the answer --- */

static void read_file(struct stream *s);

static void sent(struct loop_op *op, int res, bool more)
{
	struct stream *s = stream_of(op, out);
	bool last = op->last;

	(void)more;
	s->out_busy = false;
	loop_buf_put(loop_of(s), op->buf);
	if (gone(s))
		return;
	if (res < 0) {
		refuse(s, strerror(-res));
		return;
	}
	s->off += res;
	s->c->site->bytes += res;
	if (!last) {
		read_file(s);
		return;
	}
	s->c->site->files++;
	end(s);
}

static void file_read(struct loop_op *op, int res, bool more)
{
	struct stream *s = stream_of(op, out);

	(void)more;
	s->out_busy = false;
	if (s->through || res < 0)
		loop_buf_put(loop_of(s), op->buf);
	if (gone(s))
		return;
	if (res < 0) {
		refuse(s, strerror(-res));
		return;
	}
	/* HTTP/0.9 has no length: what became shorter must not end as if it was whole. */
	if (!res && s->off < s->size) {
		loop_buf_put(loop_of(s), op->buf);
		refuse(s, "the file became shorter");
		return;
	}
	op->last = s->off + res >= s->size;
	op->from = 0;
	op->len = res;
	out_submit(s, LOOP_SEND, s->fd, sent);
}

static void read_file(struct stream *s)
{
	s->out.buf = loop_buf_get(loop_of(s));
	if (!s->out.buf) {
		refuse(s, "no memory");
		return;
	}
	s->out.len = s->out.buf->size;
	if (s->out.len > s->size - s->off)
		s->out.len = s->size - s->off;
	s->out.off = s->off;
	out_submit(s, LOOP_READ, s->file, file_read);
}

static void opened(struct loop_op *op, int res, bool more)
{
	struct stream *s = stream_of(op, out);
	struct stat st;

	(void)more;
	s->out_busy = false;
	if (res >= 0)
		s->file = res;
	if (gone(s))
		return;
	if (res < 0) {
		refuse(s, s->path);
		return;
	}
	if (fstat(s->file, &st) || !S_ISREG(st.st_mode)) {
		refuse(s, "no regular file");
		return;
	}
	s->size = st.st_size;
	site_conn_say(s->c, s->path, NULL);
	free(s->path);
	s->path = NULL;
	read_file(s);
}

/* --- the request --- */

/* The request is whole, or all there will be of it. */
static void answer(struct stream *s)
{
	char *path = s->request + 4, *end, *space;

	s->request[s->len] = 0;
	end = s->request + strcspn(s->request, "\r\n");
	if (end - s->request < 5 || memcmp(s->request, "GET /", 5)) {
		refuse(s, "no request");
		return;
	}
	space = memchr(path, ' ', end - path);
	s->path = malloc(HTTP_PATH_ROOM);
	if (!s->path || !http_path_parse(path, (space ? space : end) - path, s->path, &s->how)) {
		refuse(s, "no path");
		return;
	}
	free(s->request);
	s->request = NULL;
	s->out.path = s->path;
	s->out.how = &s->how;
	out_submit(s, LOOP_OPEN, s->c->site->root, opened);
}

static void received(struct loop_op *op, int res, bool more)
{
	struct stream *s = stream_of(op, in);
	bool waits = s->request && !s->through;

	s->in_busy = more;
	if (res > 0 && waits) {
		if ((size_t)res > SITE_REQUEST_MAX - s->len) {
			refuse(s, "request too long");
			return;
		}
		memcpy(s->request + s->len, op->data, res);
		s->len += res;
		if (memchr(s->request + s->len - res, '\n', res))
			answer(s);
		return;
	}
	/* What follows a request is of no interest. */
	if (res < 0 && res != -ECANCELED && !s->through)
		refuse(s, strerror(-res));
	else if (res == 0 && waits)
		answer(s);
	else
		end_perhaps(s);
}

void site_stream_new(struct site_conn *c, int fd)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (s)
		s->request = malloc(SITE_REQUEST_MAX + 1);
	if (!s || !s->request) {
		free(s);
		c->site->refused++;
		c->site->loop->engine->close(c->site->loop, fd);
		return;
	}
	c->streams++;
	s->c = c;
	s->fd = fd;
	s->file = -1;
	s->in = (struct loop_op){ .kind = LOOP_RECV, .fd = fd, .done = received };
	s->in_busy = true;
	loop_submit(loop_of(s), &s->in);
}
