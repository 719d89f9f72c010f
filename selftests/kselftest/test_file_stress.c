// SPDX-License-Identifier: GPL-2.0
/*
 * Streams in every state at once: opened, accepted, read from the shared queue, peeled off, reset,
 * stopped and closed by several threads at both ends, while accept() of streams goes on and off,
 * some sleep and some poll; and then the connection ends under all of them. What counts is that
 * nobody is forgotten and that the kernel does not complain.
 */
#include <pthread.h>
#include <sys/epoll.h>

#include "files.h"
#include "ktap.h"
#include "noise.h"

#define WORKERS	3	/* of each kind, at each end */
#define TURNS	60	/* of each of them */

/* Small windows: many wait. */
static const struct quic_transport_param small = {
	.max_stream_data_bidi_remote = 8192, .max_stream_data_bidi_local = 8192,
	.max_streams_bidi = 20, .max_streams_uni = 20, .max_data = 65536,
};

struct worker {
	pthread_t t;
	int sd, ep;
	bool *stop;
	uint64_t seed;
};

/* Any of what can be done to a stream's descriptor; it is closed in the end. */
static void treat(struct worker *w, int fd)
{
	struct quic_errinfo info = { .stream_id = -1, .errcode = 5 };
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
	struct linger now = { .l_onoff = 1 };
	static __thread char buf[20000];
	unsigned int i;

	set_timeo(fd, 50);
	epoll_ctl(w->ep, EPOLL_CTL_ADD, fd, &ev);
	for (i = rnd(&w->seed) % 4; i; i--) {
		switch (rnd(&w->seed) % 9) {
		case 0:
		case 1:
			send(fd, buf, rnd(&w->seed) % sizeof(buf), MSG_NOSIGNAL);
			break;
		case 2:
			recv(fd, buf, sizeof(buf), 0);
			break;
		case 3:
			recv(fd, buf, sizeof(buf), MSG_WAITALL);
			break;
		case 4:
			recv(fd, buf, 100, MSG_PEEK);
			break;
		case 5:
			set_opt(fd, QUIC_SOCKOPT_STREAM_RESET, &info, sizeof(info));
			break;
		case 6:
			set_opt(fd, QUIC_SOCKOPT_STREAM_STOP_SENDING, &info, sizeof(info));
			break;
		case 7:
			shutdown(fd, rnd(&w->seed) % 3);
			break;
		case 8:
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		}
	}
	close(fd);
}

static bool goes_on(const struct worker *w)
{
	return !__atomic_load_n(w->stop, __ATOMIC_RELAXED);
}

static void *opens(void *arg)
{
	struct worker *w = arg;
	int fd, i;

	for (i = 0; i < TURNS && goes_on(w); i++) {
		fd = open_file(w->sd, rnd(&w->seed) % 4 ? 0 : MSG_QUIC_STREAM_UNI, NULL);
		if (fd >= 0)
			treat(w, fd);
	}
	return NULL;
}

/* By accept(), from the shared queue, or taken out of that */
static void *takes(void *arg)
{
	static __thread char buf[5000];
	struct worker *w = arg;
	int64_t sid = -1;
	uint32_t flags;
	int fd;

	while (goes_on(w)) {
		fd = -1;
		switch (rnd(&w->seed) % 8) {
		case 0:
			accept_on(w->sd, rnd(&w->seed) % 4 != 0);
			break;
		case 1:
		case 2:
			recv_stream(w->sd, &sid, &flags, buf, rnd(&w->seed) % sizeof(buf),
				    rnd(&w->seed) % 2 ? MSG_WAITALL : 0);
			break;
		case 3:
			fd = sid < 0 ? -1 : peel(w->sd, sid, 0);
			break;
		default:
			fd = accept(w->sd, NULL, NULL);
			if (fd < 0)
				usleep(1000);
		}
		if (fd >= 0)
			treat(w, fd);
	}
	return NULL;
}

static void *polls(void *arg)
{
	struct epoll_event ev[32];
	struct worker *w = arg;

	while (goes_on(w))
		epoll_wait(w->ep, ev, 32, 20);
	return NULL;
}

/* Plain writes on streams of the connection's socket, which nobody makes a descriptor here */
static void *writes(void *arg)
{
	static __thread char buf[20000];
	struct worker *w = arg;
	int i;

	for (i = 0; i < TURNS && goes_on(w); i++)
		send_stream(w->sd, -1, MSG_QUIC_STREAM_NEW | (i % 2 ? MSG_QUIC_STREAM_FIN : 0),
			    buf, 1 + rnd(&w->seed) % sizeof(buf), MSG_NOSIGNAL);
	return NULL;
}

static void *(*const kinds[])(void *) = { opens, writes, takes, polls };

#define KINDS	4
#define ALL	(2 * KINDS * WORKERS)

/* Everybody at both ends of @p; @after: what is done to it meanwhile */
static bool storm(struct pair *p, uint64_t seed, void (*after)(struct pair *p))
{
	int ep[2] = { epoll_create1(0), epoll_create1(0) }, i;
	static struct worker w[ALL];
	bool stop = false;

	for (i = 0; i < ALL; i++) {
		w[i] = (struct worker){ .sd = i & 1 ? p->server : p->client, .ep = ep[i & 1],
					.stop = &stop, .seed = seed + 77 * i };
		if (pthread_create(&w[i].t, NULL, kinds[i / 2 % KINDS], &w[i]))
			abort();
	}
	if (after)
		after(p);
	/* First those whose work ends by itself */
	for (i = 0; i < ALL; i++)
		if (i / 2 % KINDS < 2)
			pthread_join(w[i].t, NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < ALL; i++)
		if (i / 2 % KINDS >= 2)
			pthread_join(w[i].t, NULL);
	close(ep[0]);
	close(ep[1]);
	return true;
}

static int begin(struct pair *p)
{
	struct pair_opts o = { .client = &small, .server = &small };

	if (pair_open(p, &o) || accept_on(p->server, 1) || accept_on(p->client, 1))
		return -1;
	set_timeo(p->client, 50);
	set_timeo(p->server, 50);
	return 0;
}

/* Streams of @sd's that nobody finished, both ways */
static void break_off(int sd)
{
	struct quic_errinfo info = {};

	for (info.stream_id = 0; info.stream_id < 8 * WORKERS * TURNS; info.stream_id += 4) {
		set_opt(sd, QUIC_SOCKOPT_STREAM_RESET, &info, sizeof(info));
		set_opt(sd, QUIC_SOCKOPT_STREAM_STOP_SENDING, &info, sizeof(info));
	}
}

static void in_peace(void)
{
	struct pair p;
	int fd = -1, i;

	CHECK(!begin(&p));
	storm(&p, 1, NULL);
	CHECK_EQ(poll_for(p.client, POLLHUP, 0) & POLLHUP, 0);
	/* What is left over goes, and there is room for new streams. */
	break_off(p.client);
	CHECK(!accept_on(p.server, 1));
	for (i = 0; i < 100 && fd < 0; i++) {
		int old = accept(p.server, NULL, NULL);
		char buf[5000];

		if (old >= 0)
			close(old);
		recv(p.server, buf, sizeof(buf), MSG_DONTWAIT);
		fd = open_file(p.client, 0, NULL);
	}
	CHECK(fd >= 0);
	close(fd);
	pair_close(&p);
}

static void abort_server(struct pair *p)
{
	struct linger now = { .l_onoff = 1 };

	usleep(30000);
	setsockopt(p->server, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	shutdown(p->server, SHUT_RDWR);
}

static void under_the_end(void)
{
	struct pair p;
	int i;

	for (i = 0; i < 4; i++) {
		CHECK(!begin(&p));
		storm(&p, 100 + i, abort_server);
		pair_close(&p);
	}
}

static const struct ktap_case cases[] = {
	{ "in_peace", in_peace },
	{ "under_the_end", under_the_end },
};

KTAP_MAIN(cases)
