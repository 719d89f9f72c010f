// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * $SSLKEYLOGFILE. GnuTLS appends secrets itself, and would make the file as the umask says, most often
 * for all to read. It is made here first, for its owner only. OpenSSL gives us the lines.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "log.h"

static int keylog_open(int flags)
{
	const char *file = secure_getenv("SSLKEYLOGFILE");

	if (!file || !*file)
		return -1;
	return open(file, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | flags, 0600);
}

void quic_keylog_create(void)
{
	int fd = keylog_open(O_EXCL);

	if (fd >= 0)
		close(fd);
}

/* In one write: several processes may have one file. */
void quic_keylog_line(const char *line)
{
	char text[512];
	int fd, len;

	fd = keylog_open(O_APPEND);
	if (fd < 0)
		return;
	len = snprintf(text, sizeof(text), "%s\n", line);
	if (len < (int)sizeof(text) && write(fd, text, len) < len)
		quic_log(LOG_NOTICE, "the key log cannot be written");
	explicit_bzero(text, sizeof(text));
	close(fd);
}
