/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connection of the server: first the handshake in steps, then its streams. Never waits. */
#ifndef QUIC_TOOLS_HQ_CONN_H
#define QUIC_TOOLS_HQ_CONN_H

#include "hq.h"

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

struct hq_server {
	struct tool_opts o;
	struct quic_tls *tls;
	int root;
	int epoll;
	uint8_t *buf;		/* for one read or send at a time */
	uint64_t bytes, files, refused, connections, failed;
	unsigned int open;
};

struct hq_conn {
	struct hq_conn *next, *prev;
	struct hq_server *server;
	int sd;
	gnutls_session_t session;	/* NULL once the handshake is done */
	struct quic_handshake_step *step;
	int64_t deadline;		/* of the handshake, us */
	struct hq_stream *streams;	/* requests and answers, in round-robin order */
	unsigned int stream_count;
	bool want_out;
	int64_t retry_at;	/* us; the socket is writable but no stream is: ask again then */
	int backoff;		/* ms */
	char peer[80];
};

struct hq_conn *hq_conn_new(struct hq_server *server, int sd);
/* These epoll events came (0: time passed). False: the connection is over, free it. */
bool hq_conn_turn(struct hq_conn *c, uint32_t events, int64_t now);
void hq_conn_free(struct hq_conn *c);

#endif /* QUIC_TOOLS_HQ_CONN_H */
