/* SPDX-License-Identifier: GPL-2.0 */
/* Earliest departure time of a skb, CLOCK_MONOTONIC: said with a clock number since 6.11. */
#ifndef QUIC_COMPAT_SKB_H
#define QUIC_COMPAT_SKB_H

#include <linux/skbuff.h>
#include <linux/version.h>

static inline void quic_compat_set_departure(struct sk_buff *skb, u64 ns)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	skb_set_delivery_time(skb, ns_to_ktime(ns), SKB_CLOCK_MONOTONIC);
#else
	skb_set_delivery_time(skb, ns_to_ktime(ns), true);
#endif
}

#endif
