// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * GnuTLS appends secrets to $SSLKEYLOGFILE, and would make the file as the umask says, most often for all
 * to read. It is made here first, for its owner only.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "log.h"

void quic_keylog_create(void)
{
	const char *file = secure_getenv("SSLKEYLOGFILE");
	int fd;

	if (!file || !*file)
		return;
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
	if (fd >= 0)
		close(fd);
}
