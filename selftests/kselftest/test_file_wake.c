// SPDX-License-Identifier: GPL-2.0
/*
 * Who is woken: calls that sleep on one stream while others of the connection stand still, and
 * those that wait for what will not come any more.
 */
#include <pthread.h>

#include "files.h"
#include "ktap.h"

#define WINDOW	16384	/* of a stream, bytes */
#define LATE_MS	5000	/* who sleeps longer was forgotten */

static const struct pair_opts plain = {};
static char big[4 * WINDOW];

/* One call in a thread of its own */
struct call {
	pthread_t t;
	int fd;
	int64_t sid;		/* of send_stream(); -1: the descriptor's */
	ssize_t ret;
	int err;
};

static void *sends(void *arg)
{
	struct call *c = arg;

	c->ret = c->sid < 0 ? send(c->fd, big, sizeof(big), MSG_NOSIGNAL) :
			      send_stream(c->fd, c->sid, 0, big, sizeof(big), MSG_NOSIGNAL);
	c->err = c->ret < 0 ? errno : 0;
	return NULL;
}

static void *receives(void *arg)
{
	struct call *c = arg;

	c->ret = recv(c->fd, big, sizeof(big), MSG_WAITALL);
	c->err = c->ret < 0 ? errno : 0;
	return NULL;
}

static void *accepts(void *arg)
{
	struct call *c = arg;

	c->ret = accept(c->fd, NULL, NULL);
	c->err = c->ret < 0 ? errno : 0;
	return NULL;
}

static int call_begin(struct call *c, void *(*fn)(void *), int fd, int64_t sid)
{
	int ret;

	*c = (struct call){ .fd = fd, .sid = sid };
	ret = pthread_create(&c->t, NULL, fn, c);
	usleep(100000);
	return ret;
}

/* Streams 0 and 4, both full; credit comes for the one a plain write() would not go to. */
static void other_stream(void)
{
	struct quic_transport_param tp = { .max_stream_data_bidi_remote = WINDOW };
	struct pair_opts o = { .server = &tp };
	size_t got = 0;
	struct pair p;
	static struct call c;
	int s;

	CHECK(!pair_open(&p, &o));
	CHECK(!accept_on(p.server, 1));
	set_timeo(p.client, LATE_MS);
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, big, WINDOW, 0), WINDOW);
	CHECK_EQ(send_stream(p.client, 4, MSG_QUIC_STREAM_NEW, big, WINDOW, 0), WINDOW);
	CHECK_ERR(send_stream(p.client, 4, 0, big, 1, MSG_DONTWAIT), ENOSPC);
	CHECK(!call_begin(&c, sends, p.client, 0));
	s = accept(p.server, NULL, NULL);
	CHECK(s >= 0);
	set_timeo(s, 2 * LATE_MS);
	while (got < WINDOW + sizeof(big)) {
		ssize_t n = recv(s, big, sizeof(big), 0);

		CHECK(n > 0);
		got += n;
	}
	pthread_join(c.t, NULL);
	CHECK_EQ(c.ret, sizeof(big));
	close(s);
	pair_close(&p);
}

/* MSG_WAITALL on the connection's socket: the rest does not come. */
static void reset_under_waitall(void)
{
	struct quic_errinfo reset = { .errcode = 7 };
	struct pair p;
	static struct call c;

	CHECK(!pair_open(&p, &plain));
	set_timeo(p.server, LATE_MS);
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, "abc", 3, 0), 3);
	CHECK(!call_begin(&c, receives, p.server, -1));
	CHECK(!set_opt(p.client, QUIC_SOCKOPT_STREAM_RESET, &reset, sizeof(reset)));
	/* Long before its time is up */
	usleep(500000);
	CHECK_EQ(__atomic_load_n(&c.ret, __ATOMIC_RELAXED), 3);
	pthread_join(c.t, NULL);
	pair_close(&p);
}

/* shutdown() of the connection ends writing at its streams' descriptors, for who sleeps there, too. */
static void shutdown_under_write(void)
{
	struct quic_transport_param tp = { .max_stream_data_bidi_remote = WINDOW };
	struct pair_opts o = { .server = &tp };
	struct ends e;
	static struct call c;

	CHECK(!ends_open(&e, &o, 0));
	set_timeo(e.c, LATE_MS);
	CHECK_EQ(write(e.c, big, WINDOW - 1), WINDOW - 1);
	CHECK(!call_begin(&c, sends, e.c, -1));
	CHECK(!shutdown(e.p.client, SHUT_WR));
	usleep(500000);
	CHECK_EQ(__atomic_load_n(&c.err, __ATOMIC_RELAXED), EPIPE);
	pthread_join(c.t, NULL);
	CHECK_EQ(c.ret, -1);
	ends_close(&e);
}

static void accept_turned_off(void)
{
	struct pair p;
	static struct call c;

	CHECK(!pair_open(&p, &plain));
	CHECK(!accept_on(p.server, 1));
	set_timeo(p.server, LATE_MS);
	CHECK(!call_begin(&c, accepts, p.server, -1));
	CHECK(!accept_on(p.server, 0));
	usleep(500000);
	CHECK_EQ(__atomic_load_n(&c.err, __ATOMIC_RELAXED), EINVAL);
	pthread_join(c.t, NULL);
	pair_close(&p);
}

static const struct ktap_case cases[] = {
	{ "other_stream", other_stream },
	{ "reset_under_waitall", reset_under_waitall },
	{ "shutdown_under_write", shutdown_under_write },
	{ "accept_turned_off", accept_turned_off },
};

KTAP_MAIN(cases)
