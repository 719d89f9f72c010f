/* SPDX-License-Identifier: GPL-2.0 */
/* get_unaligned_be*() and put_unaligned_be*(): linux/ since 6.12, asm/ before. */
#ifndef QUIC_COMPAT_UNALIGNED_H
#define QUIC_COMPAT_UNALIGNED_H

#include <linux/version.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#endif
