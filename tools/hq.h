/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quic-hq: HTTP/0.9 over QUIC. A request is "GET /path" on a bidirectional stream of the client. */
#ifndef QUIC_TOOLS_HQ_H
#define QUIC_TOOLS_HQ_H

#include "common.h"

#define HQ_ALPN			"hq-interop,hq-29"
#define HQ_REQUEST_MAX		4096	/* bytes of a request line */
#define HQ_ERROR_NONE		0	/* application error code: answered, the rest is not needed */
#define HQ_ERROR_REFUSED	1	/* application error code: no such file, bad request */

int hq_serve(int argc, char **argv);
int hq_fetch(int argc, char **argv);

/* https://host[:port]/path; texts are allocated, one block. */
struct hq_url {
	char *host;
	char *port;
	char *path;	/* with the leading '/' */
	char *name;	/* for the local file: last part of the path, "index.html" where empty */
};

bool hq_url_parse(const char *text, struct hq_url *url);
void hq_url_free(struct hq_url *url);

/*
 * Open the file that a request line (without its end) asks for, below the directory root and
 * nowhere else. -1: refused.
 */
int hq_path_open(int root, const char *line, size_t len);

#endif /* QUIC_TOOLS_HQ_H */
