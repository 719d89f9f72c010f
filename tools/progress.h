/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A line about a running transfer: bytes, rate, smoothed RTT, window, losses. On a terminal it is
 * rewritten five times a second; elsewhere, when forced, a new line comes every second.
 */
#ifndef QUIC_TOOLS_PROGRESS_H
#define QUIC_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	bool on;
	bool tty;
	const char *name;
	int64_t start;
	int64_t shown;		/* when */
	int64_t mark;		/* start of the rate's window */
	uint64_t mark_bytes;
	double rate;		/* bytes/s, over the last second or so */
};

void progress_start(struct progress *p, const char *name, bool force);
/* To be called often. sd -1: no connection to ask. extra: appended, or NULL. */
void progress_show(struct progress *p, int sd, uint64_t bytes, const char *extra);
/* Milliseconds to the next refresh; -1: none. */
int progress_wait(const struct progress *p);
void progress_end(struct progress *p, int sd, uint64_t bytes, const char *extra);

/* "12.3 MiB" */
const char *progress_bytes(double bytes, char *buf, size_t len);

#endif /* QUIC_TOOLS_PROGRESS_H */
