/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The seam below the core: what it may use of its surroundings. In the kernel
 * that is a handful of kernel headers, in userspace a shim with the same names
 * (selftests/core/shim). Nothing here knows sockets, packets, clocks or locks.
 */
#ifndef QUIC_CORE_OS_H
#define QUIC_CORE_OS_H

#ifdef __KERNEL__
#include <linux/bitops.h>
#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/rbtree.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/time64.h>
#include <linux/types.h>
#include "../compat/memneq.h"
#include "../compat/unaligned.h"
#else
#include "os_user.h"
#endif

/* For scratch on the stack that is written before it is read, and so need not be zeroed first. */
#if __has_attribute(uninitialized)
#define QUIC_NO_INIT __attribute__((uninitialized))
#else
#define QUIC_NO_INIT
#endif

#endif
