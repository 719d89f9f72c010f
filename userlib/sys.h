/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The socket calls of the library, so that a test can stand in for the kernel. 0 or -errno. */
#ifndef QUIC_USERLIB_SYS_H
#define QUIC_USERLIB_SYS_H

#include <sys/socket.h>
#include <sys/types.h>

struct quic_sys {
	int (*getopt)(int sd, int opt, void *val, socklen_t *len);
	int (*setopt)(int sd, int opt, const void *val, socklen_t len);
	ssize_t (*send)(int sd, const struct msghdr *msg, int flags);
	ssize_t (*recv)(int sd, struct msghdr *msg, int flags);
	int (*wait)(int sd, short events, int timeout_ms);	/* -ETIMEDOUT; -1: for ever */
	int (*peername)(int sd, char *name, size_t size);	/* numeric address */
};

extern const struct quic_sys quic_sys_kernel;

#endif /* QUIC_USERLIB_SYS_H */
