/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client for files: one connection for each host, a stream for each URL, as many at once as the
 * server allows.
 */
#ifndef QUIC_TOOLS_FETCH_H
#define QUIC_TOOLS_FETCH_H

#include "common.h"
#include "http.h"
#include "progress.h"

struct fetch;

struct fetch_request {
	struct http_url url;
	const char *text;
	int fd;
	bool opened, done, failed;
	int64_t sid;
	size_t asked;		/* bytes of the request sent, where the protocol counts them */
	unsigned int status;	/* of the answer, where the protocol has one */
	uint64_t bytes;
	char *part, *file;	/* names; NULL: stdout or nowhere */
};

/* The protocol on top. Calls that return an int give 0 or the errno that ended the connection. */
struct fetch_proto {
	const char *name;	/* for messages and --help: "quic-hq fetch" */
	const char *alpn;
	const char *about;	/* of --help */
	bool has_head;
	uint32_t cancelled;	/* application error code: we do not want the rest */
	int (*open)(struct fetch *f);		/* may be NULL, as close */
	void (*close)(struct fetch *f);
	/* Ask for r on its stream. EAGAIN: later; EINVAL: the stream takes no more. */
	int (*ask)(struct fetch *f, struct fetch_request *r);
	/* len bytes in f->buf came on this stream. */
	int (*recv)(struct fetch *f, int64_t sid, size_t len, bool fin);
	/* The server reset this stream; its request has failed already. May be NULL. */
	int (*reset)(struct fetch *f, int64_t sid, uint32_t code);
	int (*flush)(struct fetch *f);		/* send what waits; may be NULL */
};

struct fetch {
	const struct fetch_proto *proto;
	void *state;		/* the protocol's */
	struct tool_opts o;
	const char *dir;
	const char *output;	/* -o; "-": stdout */
	const char *json;
	bool discard, head;
	unsigned int parallel;	/* 0: what the server allows */
	unsigned int stall_s;

	struct fetch_request *reqs;
	size_t count;
	size_t first, last;	/* the requests of the connection at work: [first, last) */
	size_t next;		/* to be opened */
	struct fetch_request **by_stream;	/* [stream ID / 4] */
	size_t by_stream_count;
	size_t active;
	bool opened;		/* proto->open() was called for this connection */
	bool stream_blocked, send_blocked, key_updated;
	int sd;
	uint8_t *buf;
	const char *why;	/* the protocol's reason for the connection's end */

	uint64_t bytes;
	size_t files, failed;
	unsigned int connections;
	int64_t handshake_us, start, moved;
	struct quic_info info;
	bool have_info;
	struct progress progress;
};

/* The whole command. Exit code. */
int fetch_main(const struct fetch_proto *proto, int argc, char **argv);

/* Bytes of the file came; fin: it is whole. */
void fetch_request_data(struct fetch *f, struct fetch_request *r, const uint8_t *data, size_t len,
			bool fin);
/* The request is over, why when it failed. Does nothing the second time. */
void fetch_request_end(struct fetch *f, struct fetch_request *r, bool failed, const char *why);
struct fetch_request *fetch_request_find(struct fetch *f, int64_t sid);
bool fetch_stream_remember(struct fetch *f, int64_t sid, struct fetch_request *r);
bool fetch_json(struct fetch *f);

#endif /* QUIC_TOOLS_FETCH_H */
