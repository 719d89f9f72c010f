/* SPDX-License-Identifier: GPL-2.0 */
/* Counters of /proc/net/quic_stat, of the caller's network namespace. */
#ifndef QUIC_KSELFTEST_COUNTER_H
#define QUIC_KSELFTEST_COUNTER_H

#include <sched.h>
#include <stdio.h>
#include <string.h>

/* Return: -1: there is none of that name */
static long counter(const char *name)
{
	FILE *f = fopen("/proc/thread-self/net/quic_stat", "r");
	char key[64];
	long v;

	if (!f)
		return -1;
	while (fscanf(f, "%63s %ld", key, &v) == 2) {
		if (!strcmp(key, name)) {
			fclose(f);
			return v;
		}
	}
	fclose(f);
	return -1;
}

/*
 * From now on the caller and its threads are on one processor: lo has a queue for each, so that
 * packets sent on two overtake each other when the host stops one of them, and count as lost.
 */
static inline int one_processor(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

#endif
