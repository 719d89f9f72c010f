// SPDX-License-Identifier: GPL-2.0
/* What bench_cost.c needs of bench_link.c, for a program without sockets. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "bench.h"

void bench_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}
