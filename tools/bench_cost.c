// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Time that all processors together did not idle. The kernel adds up idle time when it ends, so a
 * running program sees the whole of it; the idle loop's own instructions count as work.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "bench.h"

#define LOOPS	50000000

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* Sum over processors of ".idle_sleeptime : N nsecs" */
static uint64_t idle_ns(void)
{
	FILE *f = fopen("/proc/timer_list", "r");
	unsigned long long ns;
	uint64_t sum = 0;
	bool found = false;
	char line[256];

	if (!f)
		bench_die("/proc/timer_list: root, and a kernel that has it, are needed");
	while (fgets(line, sizeof(line), f)) {
		if (!strstr(line, ".idle_sleeptime"))
			continue;
		if (sscanf(strchr(line, ':'), ": %llu", &ns) == 1) {
			sum += ns;
			found = true;
		}
	}
	fclose(f);
	if (!found)
		bench_die("no .idle_sleeptime in /proc/timer_list");
	return sum;
}

/* Reading the list costs instructions: outside of the two moments. */
void bench_moment_begin(struct bench_moment *m)
{
	m->idle = idle_ns();
	m->ns = now_ns();
}

void bench_moment_end(struct bench_moment *m)
{
	m->ns = now_ns();
	m->idle = idle_ns();
}

double bench_busy(const struct bench_moment *begin, const struct bench_moment *end)
{
	return (double)(end->ns - begin->ns) * sysconf(_SC_NPROCESSORS_ONLN) -
	       (double)(end->idle - begin->idle);
}

/* Two instructions a turn, on any processor that this is built for. */
static void spin(unsigned long n)
{
#if defined(__x86_64__)
	__asm__ volatile("1: dec %0; jnz 1b" : "+r"(n));
#elif defined(__aarch64__)
	__asm__ volatile("1: subs %0, %0, #1; b.ne 1b" : "+r"(n) : : "cc");
#else
	while (n--)
		__asm__ volatile("");
#endif
}

double bench_calibrate(void)
{
	struct bench_moment a, b;

	bench_moment_begin(&a);
	spin(LOOPS);
	bench_moment_end(&b);
	return bench_busy(&a, &b) / (2.0 * LOOPS);
}
