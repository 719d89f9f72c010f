// SPDX-License-Identifier: LGPL-2.1-or-later
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "common.h"
#include "progress.h"

#define TTY_EVERY	200000		/* us */
#define LOG_EVERY	1000000
#define RATE_WINDOW	1000000

const char *progress_bytes(double bytes, char *buf, size_t len)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t i = 0;

	while (bytes >= 1024 && i < sizeof(units) / sizeof(units[0]) - 1) {
		bytes /= 1024;
		i++;
	}
	snprintf(buf, len, i ? "%.1f %s" : "%.0f %s", bytes, units[i]);
	return buf;
}

void progress_start(struct progress *p, const char *name, bool force)
{
	memset(p, 0, sizeof(*p));
	p->tty = isatty(STDERR_FILENO);
	p->on = p->tty || force;
	p->name = name;
	p->start = tool_now_us();
	p->mark = p->start;
	p->shown = p->start;
}

static int64_t every(const struct progress *p)
{
	return p->tty ? TTY_EVERY : LOG_EVERY;
}

static void line_print(struct progress *p, const char *line)
{
	int len = strlen(line);

	if (!p->tty) {
		fprintf(stderr, "%s: %s\n", p->name, line);
		return;
	}
	/* Blanks wipe what a longer line left. */
	fprintf(stderr, "\r%s%*s", line, len < tool_line ? tool_line - len : 0, "");
	fflush(stderr);
	tool_line = len;
}

static void line_make(double rate, int sd, uint64_t bytes, const char *extra, char *line,
		      size_t size)
{
	char a[24], b[24], c[24], net[160] = "", late[40] = "";
	struct quic_info i;

	if (sd >= 0 && tool_info(sd, &i)) {
		/* Declared lost and acknowledged all the same: overtaken on the way */
		if (i.packets_spurious)
			snprintf(late, sizeof(late), " and late %llu",
				 (unsigned long long)i.packets_spurious);
		snprintf(net, sizeof(net), "  rtt %.1f ms  cwnd %s  lost %llu%s",
			 i.smoothed_rtt / 1000.0, progress_bytes(i.cwnd, c, sizeof(c)),
			 (unsigned long long)(i.packets_lost - i.packets_spurious), late);
	}
	snprintf(line, size, "%10s  %10s/s%s%s%s", progress_bytes(bytes, a, sizeof(a)),
		 progress_bytes(rate, b, sizeof(b)), net, extra ? "  " : "", extra ? extra : "");
}

void progress_show(struct progress *p, int sd, uint64_t bytes, const char *extra)
{
	int64_t now;
	char line[320];

	if (!p->on)
		return;
	now = tool_now_us();
	if (now - p->shown < every(p))
		return;
	p->rate = (bytes - p->mark_bytes) * 1e6 / (now - p->mark);
	line_make(p->rate, sd, bytes, extra, line, sizeof(line));
	line_print(p, line);
	p->shown = now;
	if (now - p->mark >= RATE_WINDOW) {
		p->mark = now;
		p->mark_bytes = bytes;
	}
}

int progress_wait(const struct progress *p)
{
	int64_t left;

	if (!p->on)
		return -1;
	left = p->shown + every(p) - tool_now_us();
	return left > 0 ? (int)(left / 1000 + 1) : 0;
}

/* The last line tells the average. */
void progress_end(struct progress *p, int sd, uint64_t bytes, const char *extra)
{
	int64_t us = tool_now_us() - p->start;
	char line[320], all[400];

	if (!p->on)
		return;
	line_make(us ? bytes * 1e6 / us : 0, sd, bytes, extra, line, sizeof(line));
	snprintf(all, sizeof(all), "%s  in %.2f s", line, us / 1e6);
	line_print(p, all);
	if (p->tty)
		fputc('\n', stderr);
	tool_line = 0;
	p->on = false;
}
