// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/time.h>
#include <netinet/quic.h>
#include "sys.h"

static int sys_getopt(int sd, int opt, void *val, socklen_t *len)
{
	return getsockopt(sd, SOL_QUIC, opt, val, len) ? -errno : 0;
}

static int sys_setopt(int sd, int opt, const void *val, socklen_t len)
{
	return setsockopt(sd, SOL_QUIC, opt, val, len) ? -errno : 0;
}

static ssize_t sys_send(int sd, const struct msghdr *msg, int flags)
{
	ssize_t ret = sendmsg(sd, msg, flags);

	return ret < 0 ? -errno : ret;
}

static ssize_t sys_recv(int sd, struct msghdr *msg, int flags)
{
	ssize_t ret = recvmsg(sd, msg, flags);

	return ret < 0 ? -errno : ret;
}

/* SO_RCVTIMEO and SO_SNDTIMEO bound a wait that has no other bound. */
static int socket_timeout(int sd, short events)
{
	struct timeval tv = { 0 };
	socklen_t len = sizeof(tv);
	long long ms;

	if (getsockopt(sd, SOL_SOCKET, events & POLLIN ? SO_RCVTIMEO : SO_SNDTIMEO, &tv, &len))
		return -1;
	ms = tv.tv_sec * 1000LL + (tv.tv_usec + 999) / 1000;
	if (!ms)
		return -1;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

static int sys_wait(int sd, short events, int timeout_ms)
{
	struct pollfd pfd = { .fd = sd, .events = events };
	int ret;

	if (timeout_ms < 0)
		timeout_ms = socket_timeout(sd, events);
	ret = poll(&pfd, 1, timeout_ms);
	if (ret < 0)
		return errno == EINTR ? 0 : -errno;
	return ret ? 0 : -ETIMEDOUT;
}

static int sys_peername(int sd, char *name, size_t size)
{
	struct sockaddr_storage addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&addr;
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);

	if (getpeername(sd, (struct sockaddr *)&addr, &len))
		return -errno;
	/* Certificates have the address itself. */
	if (addr.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		memcpy(&v4.sin_addr, &v6->sin6_addr.s6_addr[12], sizeof(v4.sin_addr));
		memcpy(&addr, &v4, sizeof(v4));
		len = sizeof(v4);
	}
	if (getnameinfo((struct sockaddr *)&addr, len, name, size, NULL, 0, NI_NUMERICHOST))
		return -EAFNOSUPPORT;
	return 0;
}

const struct quic_sys quic_sys_kernel = {
	.getopt = sys_getopt,
	.setopt = sys_setopt,
	.send = sys_send,
	.recv = sys_recv,
	.wait = sys_wait,
	.peername = sys_peername,
};
