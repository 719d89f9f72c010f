// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>
#include <strings.h>
#include "h3.h"

static const struct {
	const char *extension;
	const char *type;
} types[] = {
	{ "css", "text/css; charset=utf-8" },
	{ "csv", "text/csv; charset=utf-8" },
	{ "gif", "image/gif" },
	{ "gz", "application/gzip" },
	{ "htm", "text/html; charset=utf-8" },
	{ "html", "text/html; charset=utf-8" },
	{ "ico", "image/vnd.microsoft.icon" },
	{ "jpeg", "image/jpeg" },
	{ "jpg", "image/jpeg" },
	{ "js", "text/javascript; charset=utf-8" },
	{ "json", "application/json" },
	{ "mp3", "audio/mpeg" },
	{ "mp4", "video/mp4" },
	{ "pdf", "application/pdf" },
	{ "png", "image/png" },
	{ "svg", "image/svg+xml" },
	{ "txt", "text/plain; charset=utf-8" },
	{ "wasm", "application/wasm" },
	{ "webm", "video/webm" },
	{ "webp", "image/webp" },
	{ "woff2", "font/woff2" },
	{ "xml", "application/xml" },
	{ "zip", "application/zip" },
};

const char *h3_type(const char *path, size_t len)
{
	const char *query = memchr(path, '?', len), *end = query ? query : path + len, *dot = end;
	size_t i, length;

	if (end == path || end[-1] == '/')
		return "text/html; charset=utf-8";	/* the index.html of a directory */
	while (dot > path && dot[-1] != '.' && dot[-1] != '/')
		dot--;
	length = end - dot;
	if (dot > path && dot[-1] == '.')
		for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
			if (strlen(types[i].extension) == length &&
			    !strncasecmp(types[i].extension, dot, length))
				return types[i].type;
	return "application/octet-stream";
}
