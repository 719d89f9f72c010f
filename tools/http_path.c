// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Requests are hostile. The kernel keeps them inside the directory (openat2() with RESOLVE_BENEATH:
 * neither "..", nor a symbolic link, nor a race leads out); only regular files are handed out.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/openat2.h>
#include "http.h"

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

bool http_path_parse(const char *target, size_t len, char *path, struct open_how *how)
{
	const char *query = memchr(target, '?', len);
	size_t end;

	*how = (struct open_how){
		/* Non-blocking: a FIFO must not stop the server. */
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	if (query)
		len = query - target;
	if (!len || *target != '/' || len > HTTP_PATH_MAX)
		return false;
	while (len && *target == '/') {
		target++;
		len--;
	}
	if (!decode(target, len, path))
		return false;
	end = strlen(path);
	if (!end || path[end - 1] == '/')
		strcpy(path + end, "index.html");
	return true;
}

int http_path_open(int root, const char *target, size_t len)
{
	struct open_how how;
	char path[HTTP_PATH_ROOM];
	struct stat st;
	int fd;

	if (!http_path_parse(target, len, path, &how)) {
		errno = EINVAL;
		return -1;
	}
	fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		errno = S_ISDIR(st.st_mode) ? EISDIR : EACCES;
		return -1;
	}
	return fd;
}
