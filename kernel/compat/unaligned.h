/* SPDX-License-Identifier: GPL-2.0 */
/* get_unaligned_be*() and put_unaligned_be*(): linux/ since 6.12, asm/ before. */
#ifndef QUIC_COMPAT_UNALIGNED_H
#define QUIC_COMPAT_UNALIGNED_H

#if __has_include(<linux/unaligned.h>)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#endif
