// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * $SSLKEYLOGFILE: both TLS libraries give us the lines. GnuTLS would write them itself, to a file for
 * all to read, and to a pipe that nobody reads; a handshake must wait for neither.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "log.h"

static const char *keylog_name(void)
{
	const char *name = secure_getenv("SSLKEYLOGFILE");

	return name && *name ? name : NULL;
}

bool quic_keylog_wanted(void)
{
	return keylog_name();
}

/* A file, for its owner only */
static int keylog_open(void)
{
	const char *name = keylog_name();
	struct stat st;
	int fd;

	if (!name)
		return -1;
	fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* In one write: several processes may have one file. */
void quic_keylog_line(const char *line)
{
	char text[512];
	int fd, len;

	fd = keylog_open();
	if (fd < 0)
		return;
	len = snprintf(text, sizeof(text), "%s\n", line);
	if (len < (int)sizeof(text) && write(fd, text, len) < len)
		quic_log(LOG_NOTICE, "the key log cannot be written");
	explicit_bzero(text, sizeof(text));
	close(fd);
}
