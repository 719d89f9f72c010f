// SPDX-License-Identifier: GPL-2.0
/*
 * accept() on a connection gives the peer's streams (QUIC_SOCKOPT_STREAM_ACCEPT): order, waiting,
 * what happens to the shared queue, that no stream is lost, by accept4() flags and by a listener's
 * wish; several processes' worth of threads that accept.
 */
#include <pthread.h>
#include <sys/resource.h>

#include "files.h"
#include "ktap.h"

static const struct pair_opts plain = {};

static int64_t id_of(int fd)
{
	struct quic_stream_status st;

	return status_of(fd, -1, &st) ? -1 : st.stream_id;
}

static void order(void)
{
	static const int64_t wanted[] = { 0, 4, 8, 2, 12 };
	struct quic_stream_info info = { .stream_id = 8 };
	socklen_t len = sizeof(info);
	unsigned int i;
	struct pair p;
	char c;
	int fd;

	CHECK(!pair_open(&p, &plain));
	CHECK(!accept_on(p.server, 1));
	CHECK_EQ(poll_for(p.server, POLLIN, 0), 0);
	/* RFC 9000, 3.2: opening 8 opens 0 and 4, which never say anything. */
	CHECK(!get_opt(p.client, QUIC_SOCKOPT_STREAM_OPEN, &info, &len));
	CHECK_EQ(send_stream(p.client, 8, 0, "8", 1, 0), 1);
	CHECK(poll_for(p.server, POLLIN, 1000) & POLLIN);
	CHECK_EQ(send_stream(p.client, 2, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_UNI, "2", 1, 0),
		 1);
	CHECK_EQ(send_stream(p.client, 12, MSG_QUIC_STREAM_NEW, "<", 1, 0), 1);
	usleep(50000);
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		CHECK(poll_for(p.server, POLLIN, 1000) & POLLIN);
		fd = accept4(p.server, NULL, NULL, i & 1 ? SOCK_NONBLOCK | SOCK_CLOEXEC : 0);
		CHECK(fd >= 0);
		CHECK_EQ(id_of(fd), wanted[i]);
		CHECK_EQ(!!(fcntl(fd, F_GETFL) & O_NONBLOCK), i & 1);
		CHECK_EQ(fcntl(fd, F_GETFD), i & 1 ? FD_CLOEXEC : 0);
		if (i >= 2) {
			CHECK_EQ(read(fd, &c, 1), 1);
			CHECK_EQ(c, '0' + wanted[i]);
		}
		close(fd);
	}
	CHECK_EQ(poll_for(p.server, POLLIN, 0), 0);
	set_timeo(p.server, 50);
	CHECK_ERR(accept(p.server, NULL, NULL), EAGAIN);
	fcntl(p.server, F_SETFL, O_NONBLOCK);
	CHECK_ERR(accept(p.server, NULL, NULL), EAGAIN);
	pair_close(&p);
}

static void on_off(void)
{
	uint32_t on = 7, flags;
	socklen_t len = sizeof(on);
	struct pair p;
	int64_t sid;
	char buf[8];
	int fd;

	CHECK(!pair_open(&p, &plain));
	CHECK_ERR(accept(p.server, NULL, NULL), EINVAL);
	CHECK(!get_opt(p.server, QUIC_SOCKOPT_STREAM_ACCEPT, &on, &len));
	CHECK_EQ(on, 0);
	CHECK_ERR(accept_on(p.server, 2), EINVAL);
	/* 0 was read from and stays; 4 was not */
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, "zero", 4, 0), 4);
	CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, 2, 0), 2);
	CHECK_EQ(send_stream(p.client, 4, MSG_QUIC_STREAM_NEW, "four", 4, 0), 4);
	usleep(50000);
	CHECK(!accept_on(p.server, 1));
	CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, 8, 0), 2);
	CHECK_EQ(sid, 0);
	CHECK_ERR(recv_stream(p.server, &sid, &flags, buf, 8, MSG_DONTWAIT), EAGAIN);
	/* Until it is accepted nobody writes to it. */
	CHECK_ERR(send_stream(p.server, 4, 0, "x", 1, 0), EBUSY);
	CHECK(poll_for(p.server, POLLIN, 1000) & POLLIN);
	fd = accept(p.server, NULL, NULL);
	CHECK(fd >= 0);
	CHECK_EQ(id_of(fd), 4);
	CHECK_EQ(read(fd, buf, 8), 4);
	/* Off again: who waits goes to the shared queue. */
	CHECK_EQ(send_stream(p.client, 8, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN, "eight", 5, 0),
		 5);
	CHECK(poll_for(p.server, POLLIN, 1000) & POLLIN);
	CHECK(!accept_on(p.server, 0));
	CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, 8, 0), 5);
	CHECK_EQ(sid, 8);
	CHECK(flags & MSG_QUIC_STREAM_FIN);
	CHECK_ERR(accept(p.server, NULL, NULL), EINVAL);
	close(fd);
	pair_close(&p);
}

/* A listener's wish, and what came in the handshake's last moments */
static void inherited(void)
{
	struct sockaddr_storage a;
	struct pair p = { -1, -1, -1 };
	socklen_t len;
	char buf[8];
	int fd;

	p.listener = listen_any(&plain, &a, &len);
	CHECK(p.listener >= 0);
	CHECK(!accept_on(p.listener, 1));
	CHECK(!pair_client(&p, &plain, &a, len));
	CHECK(!pair_accept(&p));
	CHECK(!pair_handshake(&p, &plain));
	CHECK_EQ(send(p.client, "hello", 5, 0), 5);
	fd = accept(p.server, (void *)&a, &len);
	CHECK(fd >= 0);
	CHECK_EQ(read(fd, buf, 8), 5);
	CHECK_EQ(a.ss_family, AF_INET);
	/* And a client accepts what the server opens. */
	CHECK(!accept_on(p.client, 1));
	CHECK_EQ(send_stream(p.server, 1, MSG_QUIC_STREAM_NEW, "one", 3, 0), 3);
	close(fd);
	fd = accept(p.client, NULL, NULL);
	CHECK(fd >= 0);
	CHECK_EQ(id_of(fd), 1);
	close(fd);
	/* Others come to the listener as before. */
	CHECK(!close(p.client));
	CHECK(!getsockname(p.listener, (void *)&a, &len));
	CHECK(!pair_client(&p, &plain, &a, len));
	fd = accept(p.listener, NULL, NULL);
	CHECK(fd >= 0);
	close(fd);
	pair_close(&p);
}

static void not_lost(void)
{
	struct rlimit old, few = {};
	struct pair p;
	char c;
	int fd;

	CHECK(!pair_open(&p, &plain));
	CHECK(!accept_on(p.server, 1));
	CHECK_EQ(send(p.client, "x", 1, 0), 1);
	CHECK(poll_for(p.server, POLLIN, 1000) & POLLIN);
	fd = dup(p.server);
	close(fd);
	getrlimit(RLIMIT_NOFILE, &old);
	few.rlim_max = old.rlim_max;
	few.rlim_cur = fd;
	CHECK(!setrlimit(RLIMIT_NOFILE, &few));
	CHECK_ERR(accept(p.server, NULL, NULL), EMFILE);
	CHECK(!setrlimit(RLIMIT_NOFILE, &old));
	fd = accept(p.server, NULL, NULL);
	CHECK(fd >= 0);
	CHECK_EQ(read(fd, &c, 1), 1);
	close(fd);
	pair_close(&p);
}

static void at_the_end(void)
{
	struct pair p;
	char c;
	int fd;

	/* The connection is over; what waits is still given out, then it says so. */
	CHECK(!pair_open(&p, &plain));
	CHECK(!accept_on(p.server, 1));
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN, "x", 1, 0), 1);
	CHECK(poll_for(p.server, POLLIN, 1000) & POLLIN);
	close(p.client);
	p.client = -1;
	while (!(poll_for(p.server, POLLHUP, 1000) & POLLHUP))
		;
	fd = accept(p.server, NULL, NULL);
	CHECK(fd >= 0);
	CHECK_EQ(read(fd, &c, 1), 1);
	CHECK_EQ(read(fd, &c, 1), 0);
	CHECK_ERR(accept(p.server, NULL, NULL), ENOTCONN);
	close(fd);
	pair_close(&p);
	/* SHUT_RD: no more of them */
	CHECK(!pair_open(&p, &plain));
	CHECK(!accept_on(p.server, 1));
	CHECK_EQ(send(p.client, "x", 1, 0), 1);
	CHECK(poll_for(p.server, POLLIN, 1000) & POLLIN);
	CHECK(!shutdown(p.server, SHUT_RD));
	CHECK_ERR(accept(p.server, NULL, NULL), EINVAL);
	pair_close(&p);
	/* Nobody accepts: closed with streams that wait */
	CHECK(!pair_open(&p, &plain));
	CHECK(!accept_on(p.server, 1));
	CHECK_EQ(send(p.client, "x", 1, 0), 1);
	CHECK(poll_for(p.server, POLLIN, 1000) & POLLIN);
	pair_close(&p);
}

/* More streams than the peer may have open at once: each that is done makes room for one. */
static void credit(void)
{
	struct quic_transport_param tp = { .max_streams_bidi = 3 };
	struct pair_opts o = { .server = &tp };
	struct pair p;
	char buf[8];
	int c, s, i;

	CHECK(!pair_open(&p, &o));
	CHECK(!accept_on(p.server, 1));
	set_timeo(p.client, 2000);
	for (i = 0; i < 20; i++) {
		c = open_file(p.client, 0, NULL);
		CHECK(c >= 0);
		CHECK_EQ(send(c, "ask", 3, MSG_QUIC_STREAM_FIN), 3);
		s = accept(p.server, NULL, NULL);
		CHECK(s >= 0);
		CHECK_EQ(id_of(s), i * 4);
		CHECK_EQ(read(s, buf, 8), 3);
		CHECK_EQ(read(s, buf, 8), 0);
		CHECK_EQ(write(s, "answer", 6), 6);
		close(s);
		CHECK_EQ(recv(c, buf, 8, MSG_WAITALL), 6);
		close(c);
	}
	pair_close(&p);
}

/* --- many who accept --- */

#define THREADS	4
#define STREAMS	40

struct worker {
	pthread_t t;
	int sd, n, bad;
};

static void *worker(void *arg)
{
	struct worker *w = arg;
	char buf[16];
	int fd;

	while ((fd = accept(w->sd, NULL, NULL)) >= 0) {
		if (read(fd, buf, sizeof(buf)) != 8 || *(int64_t *)buf != id_of(fd))
			w->bad++;
		close(fd);
		w->n++;
	}
	if (errno != EAGAIN)
		w->bad++;
	return NULL;
}

static void threads(void)
{
	struct worker w[THREADS] = {};
	int i, sum = 0, bad = 0;
	struct pair p;

	CHECK(!pair_open(&p, &plain));
	CHECK(!accept_on(p.server, 1));
	set_timeo(p.server, 2000);
	for (i = 0; i < THREADS; i++) {
		w[i].sd = p.server;
		CHECK(!pthread_create(&w[i].t, NULL, worker, &w[i]));
	}
	for (i = 0; i < STREAMS; i++) {
		int64_t sid = i * 4;

		CHECK_EQ(send_stream(p.client, sid, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN, &sid,
				     sizeof(sid), 0), 8);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(w[i].t, NULL);
		sum += w[i].n;
		bad += w[i].bad;
	}
	CHECK_EQ(sum, STREAMS);
	CHECK_EQ(bad, 0);
	pair_close(&p);
}

static const struct ktap_case cases[] = {
	{ "streams come in the order of their IDs, silent ones too", order },
	{ "on and off, with streams in every state", on_off },
	{ "a listener passes it on; a client accepts, too", inherited },
	{ "a full descriptor table loses no stream", not_lost },
	{ "the end of the connection, of reading, of everything", at_the_end },
	{ "closing streams gives the peer new ones", credit },
	{ "four threads accept forty streams, each once", threads },
};

KTAP_MAIN(cases)
