/* SPDX-License-Identifier: GPL-2.0 */
/* A counter of /proc/net/quic_stat, of the caller's network namespace. */
#ifndef QUIC_KSELFTEST_COUNTER_H
#define QUIC_KSELFTEST_COUNTER_H

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

#endif
