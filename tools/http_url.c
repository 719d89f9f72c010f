// SPDX-License-Identifier: LGPL-2.1-or-later
#include <stdlib.h>
#include <string.h>
#include "http.h"

/* The last part of the path as a file name: never empty, never "." or "..". */
static const char *local_name(const char *path, size_t len, size_t *name_len)
{
	const char *name = path + len;

	while (name > path && name[-1] != '/')
		name--;
	*name_len = path + len - name;
	if (!*name_len || (*name_len == 1 && *name == '.') ||
	    (*name_len == 2 && name[0] == '.' && name[1] == '.')) {
		*name_len = strlen("index.html");
		return "index.html";
	}
	return name;
}

static bool url_fill(struct http_url *url, const char *host, size_t host_len, const char *port,
		     size_t port_len, const char *path)
{
	size_t path_len = strcspn(path, "#"), name_len;
	const char *name = local_name(path, strcspn(path, "?#"), &name_len);
	char *p;

	p = calloc(1, host_len + port_len + path_len + name_len + 5);
	if (!p)
		return false;
	url->host = memcpy(p, host, host_len);
	url->port = memcpy(p + host_len + 1, port, port_len);
	p += host_len + port_len + 2;
	if (path_len)
		memcpy(p, path, path_len);
	else
		p[path_len++] = '/';
	url->path = p;
	url->name = memcpy(p + path_len + 1, name, name_len);
	return true;
}

bool http_url_parse(const char *text, struct http_url *url)
{
	const char *host, *end, *port;
	size_t host_len, port_len, rest;

	memset(url, 0, sizeof(*url));
	if (strncmp(text, "https://", 8))
		return false;
	text += 8;
	/* Controls and blanks would become part of the request line. */
	for (end = text; *end; end++)
		if ((unsigned char)*end <= ' ' || *end == 0x7f)
			return false;
	if (strlen(text) > HTTP_PATH_MAX / 2)
		return false;

	if (*text == '[') {
		host = text + 1;
		host_len = strcspn(host, "]/");
		end = host + host_len;
		if (*end != ']')
			return false;
		end++;
	} else {
		host = text;
		host_len = strcspn(host, ":/?#");
		end = host + host_len;
	}
	if (!host_len || memchr(host, '@', host_len))
		return false;

	port = "443";
	port_len = 3;
	if (*end == ':') {
		port = end + 1;
		port_len = strspn(port, "0123456789");
		end = port + port_len;
		if (!port_len || port_len > 5)
			return false;
	}
	rest = strlen(end);
	if (rest && *end != '/')
		return false;
	return url_fill(url, host, host_len, port, port_len, end);
}

void http_url_free(struct http_url *url)
{
	free(url->host);
	memset(url, 0, sizeof(*url));
}
