/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What HTTP/0.9 and HTTP/3 have in common: URLs, and files of a directory. */
#ifndef QUIC_TOOLS_HTTP_H
#define QUIC_TOOLS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/openat2.h>

#define HTTP_PATH_MAX	4096	/* bytes of a path, or of a whole request in HTTP/0.9 */

#define HTTP_PATH_ROOM	(HTTP_PATH_MAX + sizeof("index.html"))	/* for http_path_parse() */

/* https://host[:port]/path; texts are allocated, one block. */
struct http_url {
	char *host;
	char *port;
	char *path;	/* with the leading '/' */
	char *name;	/* for the local file: last part of the path, "index.html" where empty */
};

bool http_url_parse(const char *text, struct http_url *url);
void http_url_free(struct http_url *url);

/*
 * Open the file that a request's path (with the leading '/', escapes and query) means, below the
 * directory root and nowhere else; index.html where it ends in '/'. -1 and errno: EINVAL malformed,
 * EISDIR a directory, without the '/' at the end, ENOENT, EXDEV leads out, others.
 */
int http_path_open(int root, const char *target, size_t len);

/* The same for who opens by himself, and checks what he got: what to give to openat2(). False: malformed. */
bool http_path_parse(const char *target, size_t len, char *path, struct open_how *how);

struct serve_proto;
struct fetch_proto;

/* The program: its commands are serve and fetch. Exit code. */
int http_main(const char *usage, const struct serve_proto *serve, const struct fetch_proto *fetch,
	      int argc, char **argv);

#endif /* QUIC_TOOLS_HTTP_H */
