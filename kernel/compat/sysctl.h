/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A sysctl table ends with an empty entry before 6.6, and is @n entries since. Handlers take a
 * const table since 6.11.
 */
#ifndef QUIC_COMPAT_SYSCTL_H
#define QUIC_COMPAT_SYSCTL_H

#include <linux/sysctl.h>
#include <linux/version.h>
#include <net/net_namespace.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
#define QUIC_COMPAT_CTL_CONST	const
#else
#define QUIC_COMPAT_CTL_CONST
#endif

/* @table has @n entries and an empty one behind them. */
static inline struct ctl_table_header *quic_compat_register_sysctl(struct net *net,
								   const char *path,
								   struct ctl_table *table,
								   unsigned int n)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	return register_net_sysctl_sz(net, path, table, n);
#else
	return register_net_sysctl(net, path, table);
#endif
}

#endif
