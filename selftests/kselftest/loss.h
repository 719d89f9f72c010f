/* SPDX-License-Identifier: GPL-2.0 */
/* A loopback in a namespace of our own that loses packets as told, for tests. */
#ifndef QUIC_KSELFTEST_LOSS_H
#define QUIC_KSELFTEST_LOSS_H

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

/* Packets as on an Ethernet, one at a time. Return: whether that can be had */
static inline bool loss_link(void)
{
	static int have = -1;

	if (have < 0)
		have = !unshare(CLONE_NEWNET) &&
		       !system("ip link set lo mtu 1500 gso_max_segs 1 up && "
			       "tc qdisc add dev lo root netem limit 10000");
	return have;
}

/* From now on, of a hundred. Return: 0 */
static inline int loss_set(int percent)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd),
		 "tc qdisc change dev lo root netem delay 1ms limit 10000 loss %d%% seed 7", percent);
	return system(cmd);
}

#endif
