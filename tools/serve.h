/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A server of files: one process, one epoll loop, any number of connections; first the handshake in
 * steps, then what the protocol does with its streams. Nothing in here waits.
 */
#ifndef QUIC_TOOLS_SERVE_H
#define QUIC_TOOLS_SERVE_H

#include "common.h"

#define SERVE_BUF	(256 << 10)

struct serve_conn;

/* What sending came to. */
struct serve_sent {
	uint64_t bytes;
	bool moved;		/* something was sent, or a stream ended */
	bool waiting;		/* something could not be sent now */
};

/* The protocol on top. Calls come after the handshake only. */
struct serve_proto {
	const char *name;	/* for messages and --help: "quic-hq serve" */
	const char *alpn;
	const char *about;	/* of --help */
	void *(*open)(struct serve_conn *c);	/* becomes c->state; NULL: failed */
	void (*close)(struct serve_conn *c);
	/* len bytes in server->buf came on this stream. False: the connection is over. */
	bool (*recv)(struct serve_conn *c, int64_t sid, size_t len, bool fin);
	/* The client reset this stream. False: the connection is over. NULL: of no interest. */
	bool (*reset)(struct serve_conn *c, int64_t sid);
	/* Send until nothing goes, or a turn's worth. False: the connection is over. */
	bool (*send)(struct serve_conn *c, struct serve_sent *sent);
	void (*stop)(struct serve_conn *c);	/* the server ends; NULL: nothing to say */
};

#define SERVE_TURN_BYTES	(1 << 20)	/* sent in one turn, so that others have theirs */

struct serve_server {
	const struct serve_proto *proto;
	struct tool_opts o;
	struct quic_tls *tls;
	int root;
	int epoll;
	uint8_t *buf;		/* SERVE_BUF bytes for one read or send at a time */
	uint64_t bytes, files, refused, connections, failed;
	unsigned int open;
};

struct serve_conn {
	struct serve_conn *next, *prev;
	struct serve_server *server;
	void *state;			/* the protocol's; NULL before the handshake is done */
	int sd;
	quic_session_t session;	/* NULL once the handshake is done */
	struct quic_handshake_step *step;
	int64_t deadline;		/* of the handshake, us */
	bool want_out;
	int64_t retry_at;	/* us; the socket is writable but no stream is: ask again then */
	int backoff;		/* ms */
	uint64_t bytes;		/* sent */
	bool key_updated;
	char peer[80];
};

/* The whole command: options, listening, serving until a signal. Exit code. */
int serve_main(const struct serve_proto *proto, int argc, char **argv);

struct serve_conn *serve_conn_new(struct serve_server *server, int sd);
/* These epoll events came (0: time passed). False: the connection is over, free it. */
bool serve_conn_turn(struct serve_conn *c, uint32_t events, int64_t now);
void serve_conn_free(struct serve_conn *c);
/* With --verbose: something about this connection. why may be NULL. */
void serve_conn_say(const struct serve_conn *c, const char *what, const char *why);

#endif /* QUIC_TOOLS_SERVE_H */
