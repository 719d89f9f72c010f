/* SPDX-License-Identifier: GPL-2.0 */
/* Streams as descriptors: short ways to get them, for tests. */
#ifndef QUIC_KSELFTEST_FILES_H
#define QUIC_KSELFTEST_FILES_H

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "pair.h"

/* Option 15. Return: descriptor, or -1 with errno */
static inline int peel(int sd, int64_t sid, uint32_t flags)
{
	struct quic_stream_peeloff v = { .stream_id = sid, .flags = flags, .sd = -1 };
	socklen_t len = sizeof(v);

	return get_opt(sd, QUIC_SOCKOPT_STREAM_PEELOFF, &v, &len) ? -1 : v.sd;
}

/* The next stream of ours, as a descriptor */
static inline int open_file(int sd, uint32_t stream_flags, int64_t *sid)
{
	struct quic_stream_file v = { .stream_id = -1, .stream_flags = stream_flags, .sd = -1 };
	socklen_t len = sizeof(v);

	if (get_opt(sd, QUIC_SOCKOPT_STREAM_FILE, &v, &len))
		return -1;
	if (sid)
		*sid = v.stream_id;
	return v.sd;
}

static inline int accept_on(int sd, uint32_t on)
{
	return set_opt(sd, QUIC_SOCKOPT_STREAM_ACCEPT, &on, sizeof(on));
}

/* -1 as *sid: that of the descriptor */
static inline int status_of(int sd, int64_t sid, struct quic_stream_status *st)
{
	socklen_t len = sizeof(*st);

	*st = (struct quic_stream_status){ .stream_id = sid };
	return get_opt(sd, QUIC_SOCKOPT_STREAM_STATUS, st, &len);
}

/* A connection and a stream of the client's: a descriptor at each end */
struct ends {
	struct pair p;
	int c, s;
	int64_t sid;
};

static inline int ends_open(struct ends *e, const struct pair_opts *o, uint32_t stream_flags)
{
	e->c = -1;
	e->s = -1;
	if (pair_open(&e->p, o) || accept_on(e->p.server, 1))
		return -1;
	e->c = open_file(e->p.client, stream_flags, &e->sid);
	if (e->c < 0 || write(e->c, "!", 1) != 1)
		return -1;
	e->s = accept(e->p.server, NULL, NULL);
	if (e->s < 0)
		return -1;
	set_timeo(e->c, 10000);
	set_timeo(e->s, 10000);
	char mark;

	return read(e->s, &mark, 1) == 1 && mark == '!' ? 0 : -1;
}

static inline void ends_close(struct ends *e)
{
	if (e->c >= 0)
		close(e->c);
	if (e->s >= 0)
		close(e->s);
	pair_close(&e->p);
}

#endif
