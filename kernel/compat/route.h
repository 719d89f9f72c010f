/* SPDX-License-Identifier: GPL-2.0 */
/* Routing: the flow's TOS byte is a dscp_t since 6.18. */
#ifndef QUIC_COMPAT_ROUTE_H
#define QUIC_COMPAT_ROUTE_H

#include <linux/version.h>
#include <net/flow.h>
#include <net/inet_dscp.h>

static inline void quic_compat_flow_tos(struct flowi4 *fl4, u8 tos)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	fl4->flowi4_dscp = inet_dsfield_to_dscp(tos);
#else
	fl4->flowi4_tos = tos & INET_DSCP_MASK;
#endif
}

#endif
