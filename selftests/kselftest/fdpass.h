/* SPDX-License-Identifier: GPL-2.0 */
/* SCM_RIGHTS in two calls. */
#ifndef QUIC_KSELFTEST_FDPASS_H
#define QUIC_KSELFTEST_FDPASS_H

#include <string.h>
#include <sys/socket.h>

/* A descriptor through a Unix socket, and back; @flags: of sendmsg(). Return: 0 or the descriptor; -1 */
static inline int fd_send(int us, int fd, int flags)
{
	union { char buf[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } ctl = {};
	struct iovec iov = { "", 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl,
			      .msg_controllen = sizeof(ctl) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(us, &msg, flags) == 1 ? 0 : -1;
}

static inline int fd_recv(int us)
{
	union { char buf[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } ctl = {};
	struct iovec iov = { (char[1]){}, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl,
			      .msg_controllen = sizeof(ctl) };
	struct cmsghdr *c;
	int fd;

	if (recvmsg(us, &msg, 0) != 1)
		return -1;
	c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

#endif
