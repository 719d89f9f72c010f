/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * quic-h3: HTTP/3 (RFC 9114). nghttp3 makes and reads frames, fields and QPACK; what is here moves
 * bytes between it and the streams of a socket, for either side. The kernel keeps a copy of what it
 * took, so nghttp3 hears at once that it was acknowledged.
 */
#ifndef QUIC_TOOLS_H3_H
#define QUIC_TOOLS_H3_H

#include <nghttp3/nghttp3.h>
#include "fetch.h"
#include "serve.h"

#define H3_ALPN			"h3"
#define H3_TURN_BYTES		(1 << 20)	/* sent in one turn, so that others have theirs */

extern const struct serve_proto h3_serve_proto;
extern const struct fetch_proto h3_fetch_proto;

struct h3 {
	nghttp3_conn *conn;
	int sd;
	int64_t *blocked;	/* streams that could not send when last asked */
	size_t blocked_count, blocked_room;
	struct h3_end {		/* streams to be closed when nghttp3 is not at work */
		int64_t sid;
		uint32_t code;	/* H3_NO_ERROR: both sides have ended */
	} *ends;
	size_t ends_count, ends_room;
	uint64_t ahead;		/* server: requests whose IDs may be named before they come */
	uint64_t ids;		/* so many client's IDs nghttp3 knows to be possible */
	const char *why;	/* the connection ended for this reason, ours or the peer's fault */
	/* The last byte of this stream was sent. May be NULL. */
	void (*finished)(struct h3 *h, int64_t sid);
};

/* What one call of h3_send() came to. */
struct h3_sent {
	uint64_t bytes;
	bool moved;	/* something was sent, or a stream ended */
	bool waiting;	/* something could not be sent now */
};

/*
 * Make the connection and its three streams (RFC 9114, 6.2.1; RFC 9204, 4.2) on an established socket.
 * h comes zeroed but for finished, and is the first member of what the callbacks get as user data;
 * stop_sending and reset_stream are taken care of. False: see why; free it all the same.
 */
bool h3_new(struct h3 *h, int sd, bool server, const nghttp3_callbacks *callbacks);
void h3_free(struct h3 *h);

/* These end the connection when they return false. What came on a stream: */
bool h3_recv(struct h3 *h, int64_t sid, const uint8_t *data, size_t len, bool fin);
/* The peer reset a stream. */
bool h3_reset(struct h3 *h, int64_t sid, uint32_t code);
/* Send until nothing goes. */
bool h3_send(struct h3 *h, struct h3_sent *sent);

/*
 * Close a stream as soon as that can be: both its sides have ended well (code H3_NO_ERROR), or are
 * to be ended with this error. Good in callbacks; stream_close comes later.
 */
void h3_end(struct h3 *h, int64_t sid, uint32_t code);

/* Content-Type for this path, by its extension. */
const char *h3_type(const char *path, size_t len);

/* A field of two strings that stay as they are. */
nghttp3_nv h3_field(const char *name, const char *value);

#endif /* QUIC_TOOLS_H3_H */
