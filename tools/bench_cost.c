// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Time that all processors together did not idle. The kernel adds up idle time when it ends, so a
 * running program sees the whole of it; the idle loop's own instructions count as work.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
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

static bool coarse;

void bench_coarse(void)
{
	coarse = true;
}

/* Idle time of all processors, in hundredths of a second */
static uint64_t idle_uptime(void)
{
	FILE *f = fopen("/proc/uptime", "r");
	unsigned long long s, cs;

	if (!f || fscanf(f, "%*s %llu.%2llu", &s, &cs) != 2)
		bench_die("/proc/uptime does not say how long there was nothing to do");
	fclose(f);
	return (s * 100 + cs) * 10000000;
}

/* Sum over processors of ".idle_sleeptime : N nsecs" */
static uint64_t idle_timer_list(void)
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

static uint64_t idle_ns(void)
{
	return coarse ? idle_uptime() : idle_timer_list();
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

/* What a line of /proc/PID/NAME begins with; false: the process is gone */
static bool proc_line(const char *pid, const char *name, char *line, size_t len)
{
	char path[300];
	FILE *f;
	bool ok;

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
	f = fopen(path, "r");
	if (!f)
		return false;
	ok = fgets(line, len, f);
	fclose(f);
	return ok;
}

static uint64_t own_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* That of threads that do not run at the moment is exact. Looking for them does not count. */
uint64_t bench_share(const char *prefix, bool end)
{
	uint64_t own = own_ns(), sum = 0;
	struct dirent *e;
	char line[256];
	DIR *d = opendir("/proc");

	if (!d)
		bench_die("/proc is not there");
	while ((e = readdir(d))) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9' ||
		    !proc_line(e->d_name, "comm", line, sizeof(line)) ||
		    strncmp(line, prefix, strlen(prefix)) ||
		    !proc_line(e->d_name, "schedstat", line, sizeof(line)))
			continue;
		sum += strtoull(line, NULL, 10);
	}
	closedir(d);
	return sum + (end ? own : own_ns());
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
