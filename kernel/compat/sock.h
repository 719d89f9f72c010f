/* SPDX-License-Identifier: GPL-2.0 */
/* Sockets: kernel_bind() takes struct sockaddr_unsized since 6.19. */
#ifndef QUIC_COMPAT_SOCK_H
#define QUIC_COMPAT_SOCK_H

#include <linux/net.h>
#include <linux/version.h>
#include <net/sock.h>

static inline int quic_compat_bind(struct socket *sock, struct sockaddr *addr, int len)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
	return kernel_bind(sock, (struct sockaddr_unsized *)addr, len);
#else
	return kernel_bind(sock, addr, len);
#endif
}

/* sk_uid is read through an accessor since 6.17. */
static inline kuid_t quic_compat_uid(const struct sock *sk)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
	return sk_uid(sk);
#else
	return sk->sk_uid;
#endif
}

#endif
