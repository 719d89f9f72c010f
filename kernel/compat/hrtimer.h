/* SPDX-License-Identifier: GPL-2.0 */
/* hrtimer_setup() since 6.13; the pair it replaces is gone in later kernels. */
#ifndef QUIC_COMPAT_HRTIMER_H
#define QUIC_COMPAT_HRTIMER_H

#include <linux/hrtimer.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void quic_compat_hrtimer_setup(struct hrtimer *timer,
					     enum hrtimer_restart (*fn)(struct hrtimer *),
					     clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}
#else
#define quic_compat_hrtimer_setup	hrtimer_setup
#endif

#endif
