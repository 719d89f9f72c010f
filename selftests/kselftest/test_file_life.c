// SPDX-License-Identifier: GPL-2.0
/*
 * Lives of stream descriptors against that of their connection and of processes: the connection's
 * socket closed first, the connection's end under those who wait, descriptors passed on and
 * inherited, closing against receiving.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "fdpass.h"
#include "files.h"
#include "ktap.h"

static const struct pair_opts plain = {};

/* The server's socket is gone, its stream goes on; the last descriptor ends the connection. */
static void left(void)
{
	struct ends e;
	char buf[8];
	int c2;

	CHECK(!ends_open(&e, &plain, 0));
	close(e.p.server);
	e.p.server = -1;
	usleep(100000);
	CHECK_EQ(write(e.c, "ask", 3), 3);
	CHECK_EQ(read(e.s, buf, 8), 3);
	CHECK_EQ(write(e.s, "answer", 6), 6);
	CHECK_EQ(read(e.c, buf, 8), 6);
	CHECK_EQ(poll_for(e.p.client, POLLHUP, 0), 0);
	/* A new stream finds nobody, and does no harm. */
	c2 = open_file(e.p.client, 0, NULL);
	CHECK(c2 >= 0);
	CHECK_EQ(write(c2, "x", 1), 1);
	usleep(100000);
	CHECK_EQ(write(e.s, "last", 4), 4);
	close(e.s);
	e.s = -1;
	CHECK_EQ(recv(e.c, buf, 8, MSG_WAITALL), 4);
	CHECK(poll_for(e.p.client, POLLHUP, 5000) & POLLHUP);
	CHECK_EQ(read(e.c, buf, 8), 0);
	CHECK_ERR(read(c2, buf, 8), ENOTCONN);
	CHECK_ERR(send(c2, buf, 8, MSG_NOSIGNAL), EPIPE);
	close(c2);
	ends_close(&e);
}

/* Both sockets first, then the streams: what they wrote arrives. */
static void left_both(void)
{
	struct ends e;
	char buf[8];

	CHECK(!ends_open(&e, &plain, 0));
	pair_close(&e.p);
	CHECK_EQ(write(e.c, "through", 7), 7);
	close(e.c);
	e.c = -1;
	CHECK_EQ(recv(e.s, buf, 8, MSG_WAITALL), 7);
	/* That was the client's last descriptor. */
	CHECK(poll_for(e.s, POLLHUP, 5000) & POLLHUP);
	CHECK_ERR(send(e.s, "x", 1, MSG_NOSIGNAL), EPIPE);
	ends_close(&e);
}

/* SO_LINGER with time 0 on the connection's socket ends it for its streams, too. */
static void aborted(void)
{
	struct linger now = { .l_onoff = 1 };
	struct ends e;
	char buf[8];

	CHECK(!ends_open(&e, &plain, 0));
	CHECK(!setsockopt(e.p.server, SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	close(e.p.server);
	e.p.server = -1;
	CHECK_ERR(send(e.s, buf, 8, MSG_NOSIGNAL), EPIPE);
	CHECK_ERR(read(e.s, buf, 8), ENOTCONN);
	CHECK(poll_for(e.s, POLLIN, 0) & POLLHUP);
	CHECK_ERR(read(e.c, buf, 8), ENOTCONN);
	CHECK_ERR(shutdown(e.c, SHUT_WR), ENOTCONN);
	ends_close(&e);
}

/* --- the connection dies under those who wait --- */

struct blocked {
	pthread_t t;
	int fd, err;
	bool write;
};

static void *block(void *arg)
{
	struct blocked *b = arg;
	static char buf[1 << 20];
	ssize_t n;

	do
		n = b->write ? send(b->fd, buf, sizeof(buf), MSG_NOSIGNAL) :
			       recv(b->fd, buf, sizeof(buf), MSG_WAITALL);
	while (n > 0);
	b->err = n < 0 ? errno : 0;
	return NULL;
}

static void dies(void)
{
	struct quic_connection_close cl = {};
	struct quic_stream_status st;
	struct blocked r = {}, w = { .write = true };
	socklen_t len = sizeof(cl);
	struct ends e;
	int c2;

	CHECK(!ends_open(&e, &plain, 0));
	c2 = open_file(e.p.client, 0, NULL);
	CHECK(c2 >= 0);
	set_timeo(c2, 0);
	set_timeo(e.c, 0);
	r.fd = e.c;
	w.fd = c2;
	CHECK(!pthread_create(&r.t, NULL, block, &r));
	CHECK(!pthread_create(&w.t, NULL, block, &w));
	usleep(200000);
	close(e.s);
	e.s = -1;
	cl.errcode = 42;
	CHECK(!set_opt(e.p.server, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, sizeof(cl)));
	struct linger now = { .l_onoff = 1 };

	CHECK(!setsockopt(e.p.server, SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	close(e.p.server);
	e.p.server = -1;
	pthread_join(r.t, NULL);
	pthread_join(w.t, NULL);
	/* The reader's stream had been ended in good order before. */
	CHECK(r.err == 0 || r.err == ENOTCONN);
	CHECK_EQ(w.err, EPIPE);
	/* The descriptor outlives it and knows why. */
	close(e.p.client);
	e.p.client = -1;
	CHECK(!status_of(c2, -1, &st));
	CHECK_EQ(st.stream_id, 4);
	memset(&cl, 0, sizeof(cl));
	CHECK(!get_opt(c2, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, &len));
	CHECK_EQ(cl.errcode, 42);
	close(c2);
	ends_close(&e);
}

/* Silence: the idle timeout's errno at each stream */
static void timeout(void)
{
	struct quic_transport_param tp = { .max_idle_timeout = 2000000 };
	struct pair_opts o = { .client = &tp };
	struct ends e;
	socklen_t len = sizeof(int);
	char buf[8];
	int err;

	CHECK(!ends_open(&e, &o, 0));
	set_timeo(e.c, 0);
	CHECK_ERR(read(e.c, buf, 8), ETIMEDOUT);
	CHECK_ERR(read(e.c, buf, 8), ETIMEDOUT);
	CHECK(poll_for(e.c, POLLIN, 0) & POLLERR);
	CHECK(!getsockopt(e.c, SOL_SOCKET, SO_ERROR, &err, &len));
	CHECK_EQ(err, ETIMEDOUT);
	CHECK_ERR(send(e.c, buf, 8, MSG_NOSIGNAL), EPIPE);
	ends_close(&e);
}

static void interrupted(int sig)
{
}

static void *interrupt(void *arg)
{
	usleep(100000);
	pthread_kill(*(pthread_t *)arg, SIGUSR1);
	return NULL;
}

static void eintr(void)
{
	struct sigaction sa = { .sa_handler = interrupted };
	pthread_t self = pthread_self(), t;
	struct ends e;
	char buf[8];

	sigaction(SIGUSR1, &sa, NULL);
	CHECK(!ends_open(&e, &plain, 0));
	/* As TCP: with SO_RCVTIMEO set a call is not started anew. */
	CHECK(!pthread_create(&t, NULL, interrupt, &self));
	CHECK_ERR(read(e.c, buf, 8), EINTR);
	pthread_join(t, NULL);
	ends_close(&e);
}

/* --- processes --- */

/* The stream alone goes to another process, whose connection it never was. */
static void passed(void)
{
	int status, u[2], fd;
	struct ends e;
	char buf[8];
	pid_t pid;

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, u));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		fd = fd_recv(u[1]);
		_exit(fd < 0 || read(fd, buf, 8) != 3 || write(fd, "answer", 6) != 6);
	}
	CHECK(!ends_open(&e, &plain, 0));
	CHECK(!fd_send(u[0], e.s, 0));
	close(e.s);
	e.s = -1;
	close(e.p.server);
	e.p.server = -1;
	CHECK_EQ(write(e.c, "ask", 3), 3);
	CHECK_EQ(recv(e.c, buf, 8, MSG_WAITALL), 6);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(read(e.c, buf, 8), 0);
	/* One that nobody took out of the queue */
	CHECK(!fd_send(u[0], e.c, 0));
	close(u[0]);
	close(u[1]);
	ends_close(&e);
}

/* A program that knows nothing of QUIC serves a stream as its standard input and output. */
static void inherited(void)
{
	struct ends e;
	char buf[32] = {};
	int status;
	pid_t pid;

	CHECK(!ends_open(&e, &plain, 0));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		dup2(e.s, 0);
		dup2(e.s, 1);
		execl("/bin/sh", "sh", "-c", "read line; echo got $line", NULL);
		_exit(1);
	}
	close(e.s);
	e.s = -1;
	CHECK_EQ(write(e.c, "this\n", 5), 5);
	CHECK_EQ(recv(e.c, buf, sizeof(buf), MSG_WAITALL), 9);
	CHECK(!strcmp(buf, "got this\n"));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	ends_close(&e);
}

/* --- races --- */

struct noise {
	pthread_t t;
	int sd;
	volatile int *stop;
};

/* Streams that are opened, half answered and closed at once */
static void *open_close(void *arg)
{
	struct noise *n = arg;
	char buf[3000] = {};
	int fd, i;

	for (i = 0; i < 150; i++) {
		fd = open_file(n->sd, 0, NULL);
		if (fd < 0)
			break;
		send(fd, buf, sizeof(buf), MSG_NOSIGNAL);
		if (i % 3 == 0)
			shutdown(fd, SHUT_RDWR);
		if (i % 3 == 1)
			recv(fd, buf, sizeof(buf), 0);
		close(fd);
	}
	return NULL;
}

static void *accept_close(void *arg)
{
	struct noise *n = arg;
	char buf[1000] = {};
	int fd, i;

	for (i = 0; !*n->stop; i++) {
		fd = accept(n->sd, NULL, NULL);
		if (fd < 0)
			continue;
		if (i % 2)
			recv(fd, buf, sizeof(buf), 0);
		if (i % 5 == 0)
			send(fd, buf, sizeof(buf), MSG_NOSIGNAL);
		close(fd);
	}
	return NULL;
}

/* Ends of streams at both sides against what still comes for them; then the whole connection's. */
static void races(void)
{
	volatile int stop = 0;
	struct noise n[4];
	struct pair p;
	int i;

	CHECK(!pair_open(&p, &plain));
	CHECK(!accept_on(p.server, 1));
	set_timeo(p.server, 100);
	set_timeo(p.client, 500);
	for (i = 0; i < 4; i++) {
		n[i] = (struct noise){ .sd = i & 1 ? p.server : p.client, .stop = &stop };
		CHECK(!pthread_create(&n[i].t, NULL, i & 1 ? accept_close : open_close, &n[i]));
	}
	/* Time is virtual and does not pass while they are busy: so much work, not so long. */
	pthread_join(n[0].t, NULL);
	pthread_join(n[2].t, NULL);
	stop = 1;
	pthread_join(n[1].t, NULL);
	pthread_join(n[3].t, NULL);
	/* It works as before. */
	set_timeo(p.client, 5000);
	i = open_file(p.client, 0, NULL);
	CHECK(i >= 0);
	CHECK_EQ(write(i, "x", 1), 1);
	close(i);
	pair_close(&p);
}

/* One stream, many threads on both ends: every byte once */
struct shared {
	pthread_t t;
	int fd;
	size_t sum, n;
	bool write;
};

#define SHARED	(50 * 1000)

static void *hammer(void *arg)
{
	struct shared *h = arg;
	unsigned char buf[777];
	ssize_t n;
	int i;

	if (h->write) {
		memset(buf, 7, sizeof(buf));
		for (i = 0; i < SHARED; i += n) {
			n = send(h->fd, buf, SHARED - i < 777 ? SHARED - i : 777, MSG_NOSIGNAL);
			if (n < 0)
				break;
		}
		h->n = i;
		return NULL;
	}
	while ((n = read(h->fd, buf, sizeof(buf))) > 0) {
		h->n += n;
		for (i = 0; i < n; i++)
			h->sum += buf[i];
	}
	return NULL;
}

static void many_threads(void)
{
	struct shared h[8] = {};
	size_t n = 0, sum = 0;
	struct ends e;
	int i;

	CHECK(!ends_open(&e, &plain, 0));
	for (i = 0; i < 8; i++) {
		h[i].write = i & 1;
		h[i].fd = i & 1 ? e.c : e.s;
		CHECK(!pthread_create(&h[i].t, NULL, hammer, &h[i]));
	}
	for (i = 1; i < 8; i += 2) {
		pthread_join(h[i].t, NULL);
		CHECK_EQ(h[i].n, SHARED);
	}
	CHECK(!shutdown(e.c, SHUT_WR));
	for (i = 0; i < 8; i += 2) {
		pthread_join(h[i].t, NULL);
		n += h[i].n;
		sum += h[i].sum;
	}
	CHECK_EQ(n, 4 * SHARED);
	CHECK_EQ(sum, 7 * 4 * SHARED);
	ends_close(&e);
}

static const struct ktap_case cases[] = {
	{ "a stream outlives its connection's socket, and ends the connection", left },
	{ "both sockets closed, the streams deliver", left_both },
	{ "SO_LINGER 0 on the connection ends its streams", aborted },
	{ "the connection dies under a blocked reader and a blocked writer", dies },
	{ "idle timeout at a stream", timeout },
	{ "EINTR", eintr },
	{ "a stream passed to another process", passed },
	{ "a stream inherited over exec", inherited },
	{ "close and shutdown against receiving and accepting", races },
	{ "four writers and four readers on one stream", many_threads },
};

KTAP_MAIN(cases)
