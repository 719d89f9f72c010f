// SPDX-License-Identifier: LGPL-2.1-or-later
/* The client's side of HTTP/0.9: a line on a stream, and what comes back is the file. */
#include <errno.h>
#include <stdio.h>
#include "hq.h"

/* A server may allow less at once than a line has. What is taken in part has not carried the FIN. */
static int hq_ask(struct fetch *f, struct fetch_request *r)
{
	char line[HTTP_PATH_MAX];
	size_t len = snprintf(line, sizeof(line), "GET %s\r\n", r->url.path);
	ssize_t ret;

	while (r->asked < len) {
		ret = quic_sendmsg(f->sd, line + r->asked, len - r->asked, r->sid,
				   MSG_DONTWAIT | MSG_NOSIGNAL | MSG_QUIC_STREAM_FIN);
		if (ret < 0)
			return errno == ENOSPC ? EAGAIN : errno;
		r->asked += ret;
	}
	return 0;
}

static int hq_recv(struct fetch *f, int64_t sid, size_t len, bool fin)
{
	struct fetch_request *r = fetch_request_find(f, sid);

	if (r)
		fetch_request_data(f, r, f->buf, len, fin);
	return 0;
}

const struct fetch_proto hq_fetch_proto = {
	.name = "quic-hq fetch",
	.alpn = HQ_ALPN,
	.about = "fetch files by HTTP/0.9 over QUIC\n"
		 "\n"
		 "  quic-hq fetch [OPTIONS] URL...          https://HOST[:PORT]/PATH, port 443\n",
	.cancelled = HQ_ERROR_NONE,
	.ask = hq_ask,
	.recv = hq_recv,
};
