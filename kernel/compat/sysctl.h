/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The empty entry at the end of a sysctl table: needed before 6.6, an error since 6.11. Handlers
 * take a const table from then on.
 */
#ifndef QUIC_COMPAT_SYSCTL_H
#define QUIC_COMPAT_SYSCTL_H

#include <linux/sysctl.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
#define QUIC_COMPAT_SYSCTL_END
#define QUIC_COMPAT_CTL_CONST	const
#else
#define QUIC_COMPAT_CTL_CONST
#define QUIC_COMPAT_SYSCTL_END	{ }
#endif

#endif
