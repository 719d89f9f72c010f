// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Requests are hostile. The kernel keeps them inside the directory (openat2() with RESOLVE_BENEATH:
 * neither "..", nor a symbolic link, nor a race leads out); only regular files are handed out.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/openat2.h>
#include "hq.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %XX to bytes; false: malformed, or a NUL that would cut the name. */
static bool decode(const char *from, size_t len, char *to)
{
	size_t i;

	for (i = 0; i < len; i++) {
		int hi, lo;

		if (from[i] != '%') {
			if (!from[i])
				return false;
			*to++ = from[i];
			continue;
		}
		if (len - i < 3)
			return false;
		hi = hex_digit(from[i + 1]);
		lo = hex_digit(from[i + 2]);
		if (hi < 0 || lo < 0 || !(hi | lo))
			return false;
		*to++ = hi << 4 | lo;
		i += 2;
	}
	*to = 0;
	return true;
}

/* "GET /path" or "GET /path HTTP/..." to the path. */
static const char *request_path(const char *line, size_t *len)
{
	const char *space;

	if (*len < 5 || memcmp(line, "GET /", 5))
		return NULL;
	line += 5;
	*len -= 5;
	space = memchr(line, ' ', *len);
	if (space)
		*len = space - line;
	space = memchr(line, '?', *len);
	if (space)
		*len = space - line;
	while (*len && *line == '/') {
		line++;
		--*len;
	}
	return line;
}

int hq_path_open(int root, const char *line, size_t len)
{
	struct open_how how = {
		/* Non-blocking: a FIFO must not stop the server. */
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	char path[HQ_REQUEST_MAX + sizeof("index.html")];
	struct stat st;
	size_t end;
	int fd;

	if (len > HQ_REQUEST_MAX)
		return -1;
	line = request_path(line, &len);
	if (!line || !decode(line, len, path))
		return -1;
	end = strlen(path);
	if (!end || path[end - 1] == '/')
		strcpy(path + end, "index.html");

	fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return -1;
	}
	return fd;
}
