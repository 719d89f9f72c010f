/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * quic-serve: files of a directory by HTTP/0.9, each stream a descriptor of its own. Everything
 * goes through a loop (loop.h), whichever that is; nothing in here waits.
 */
#ifndef QUIC_TOOLS_SITE_H
#define QUIC_TOOLS_SITE_H

#include "common.h"
#include "http.h"
#include "loop.h"

#define SITE_ALPN		"hq-interop,hq-29"
#define SITE_REQUEST_MAX	(HTTP_PATH_MAX + 64)

struct site {
	struct tool_opts o;
	struct loop *loop;
	struct quic_tls *tls;
	int root, listener;
	struct loop_op accept;
	bool accepting;
	struct site_conn *conns;
	uint64_t connections, failed, files, refused, bytes;
	unsigned int open, open_max;
	unsigned int once;		/* end after so many connections; 0: never */
	bool stop;
};

struct site_conn {
	struct site_conn *next, *prev;
	struct site *site;
	struct loop_op op;		/* of the handshake, then accept */
	bool busy;			/* op is under way */
	bool over;			/* no more streams come */
	int sd;
	quic_session_t session;	/* NULL once the handshake is done */
	struct quic_handshake_step *step;
	int64_t deadline;		/* of the handshake, us */
	unsigned int streams;
	char peer[80];			/* with --verbose */
};

void site_conn_new(struct site *site, int sd);
/* A stream of it is gone. */
void site_conn_put(struct site_conn *c);
/* Handshakes that take too long, descriptors that there were none of. */
void site_conns_sweep(struct site *site, int64_t now);
void site_conn_free(struct site_conn *c);
void site_conn_say(const struct site_conn *c, const char *what, const char *why);

/* One that c's peer opened. */
void site_stream_new(struct site_conn *c, int fd);

#endif /* QUIC_TOOLS_SITE_H */
