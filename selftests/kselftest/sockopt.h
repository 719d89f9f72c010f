/* SPDX-License-Identifier: GPL-2.0 */
/* For tests of what socket(7) and its kin say: options that are ints, and real time. */
#ifndef QUIC_KSELFTEST_SOCKOPT_H
#define QUIC_KSELFTEST_SOCKOPT_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static inline int set_int(int sd, int level, int name, int val)
{
	return setsockopt(sd, level, name, &val, sizeof(val));
}

static inline int get_int(int sd, int level, int name)
{
	socklen_t len = sizeof(int);
	int val = -1;

	return getsockopt(sd, level, name, &val, &len) ? -1 : val;
}

static inline double real_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/*
 * Virtual time passes only while nothing runs, but timeouts of seconds are 8 ticks late at worst
 * (kernel/time/timer.c); a guest of QEMU takes its time.
 */
static inline bool about(double a, double b)
{
	static double slack;
	char buf[4096] = {};
	FILE *f;

	if (!slack) {
		f = fopen("/proc/cpuinfo", "r");
		slack = f && fread(buf, 1, sizeof(buf) - 1, f) && strstr(buf, "User Mode") ? 0.1 : 1;
		if (f)
			fclose(f);
	}
	if (a - b < slack && b - a < slack)
		return true;
	printf("# %f s, not %f\n", a, b);
	return false;
}

#endif
