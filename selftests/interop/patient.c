// SPDX-License-Identifier: GPL-2.0
/*
 * Preloaded into programs that ask a socket again and again, without waiting, whether something came: where time passes
 * only when nothing runs (uml/run --virtual-time) nothing ever would. Who finds nothing 32 times in a row waits until there
 * is something, for 10 ms at most: its timers may be late by that.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#define TRIES	32	/* some also ask before they read what they have, a few bytes at a time */

int recvmmsg(int sd, struct mmsghdr *msgs, unsigned int count, int flags, struct timespec *timeout)
{
	static int (*real)(int sd, struct mmsghdr *msgs, unsigned int count, int flags, struct timespec *timeout);
	static unsigned int tries;
	struct pollfd fd = { .fd = sd, .events = POLLIN };
	int ret;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "recvmmsg");
	ret = real(sd, msgs, count, flags, timeout);
	if (ret >= 0 || errno != EAGAIN) {
		tries = 0;
	} else if (++tries == TRIES) {
		tries = 0;
		poll(&fd, 1, 10);
		errno = EAGAIN;
	}
	return ret;
}
