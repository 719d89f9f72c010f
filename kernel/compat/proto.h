/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct proto and struct proto_ops across versions: accept() takes an argument structure since
 * 6.10, the place of struct ipv6_pinfo is a field since 6.5 (before, the end of the object).
 */
#ifndef QUIC_COMPAT_PROTO_H
#define QUIC_COMPAT_PROTO_H

#include <linux/version.h>
#include <net/inet_common.h>
#include <net/sock.h>

/* Define @name, for struct proto, over impl(sk, flags, &err, kern). */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#define QUIC_COMPAT_ACCEPT(name, impl)						\
static struct sock *name(struct sock *sk, struct proto_accept_arg *arg)	\
{										\
	return impl(sk, arg->flags, &arg->err, arg->kern);			\
}
#else
#define QUIC_COMPAT_ACCEPT(name, impl)						\
static struct sock *name(struct sock *sk, int flags, int *err, bool kern)	\
{										\
	return impl(sk, flags, err, kern);					\
}
#endif

/*
 * Define @name, for struct proto_ops: impl(sk, newsock, flags, kern) if wants(sock), or inet's
 * and then after(newsock).
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#define QUIC_COMPAT_OPS_ACCEPT(name, wants, impl, after)			\
static int name(struct socket *sock, struct socket *newsock, struct proto_accept_arg *arg)	\
{										\
	int err;								\
										\
	if (wants(sock))							\
		return impl(sock->sk, newsock, arg->flags, arg->kern);		\
	err = inet_accept(sock, newsock, arg);					\
	if (!err)								\
		after(newsock);							\
	return err;								\
}
#else
#define QUIC_COMPAT_OPS_ACCEPT(name, wants, impl, after)			\
static int name(struct socket *sock, struct socket *newsock, int flags, bool kern)	\
{										\
	int err;								\
										\
	if (wants(sock))							\
		return impl(sock->sk, newsock, flags, kern);			\
	err = inet_accept(sock, newsock, flags, kern);				\
	if (!err)								\
		after(newsock);							\
	return err;								\
}
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define QUIC_COMPAT_PINFO_OFFSET(type, member)	.ipv6_pinfo_offset = offsetof(type, member),
#else
#define QUIC_COMPAT_PINFO_OFFSET(type, member)
#endif

#endif
