// SPDX-License-Identifier: GPL-2.0
/*
 * Being told instead of asking: edge-triggered epoll and SIGIO, on connections and on descriptors
 * of streams. An edge is owed to whoever was told EAGAIN (epoll(7)), without another poll().
 */
#include <signal.h>
#include <sys/epoll.h>

#include "files.h"
#include "ktap.h"

static const struct pair_opts plain = {};

/* Until it would wait. Return: bytes */
static long fill(int fd)
{
	static char buf[65536];
	long sum = 0;
	ssize_t n;

	while ((n = send(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		sum += n;
	return n < 0 && errno == EAGAIN ? sum : -1;
}

static long drain(int fd, long want)
{
	static char buf[65536];
	long sum = 0;
	ssize_t n;

	while (sum < want && (n = recv(fd, buf, sizeof(buf), 0)) > 0)
		sum += n;
	return sum;
}

static int watch(int fd)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
	int ep = epoll_create1(0);

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) ? -1 : ep;
}

/* Edges until there is one with @wanted. Return: whether it came */
static bool edge(int ep, uint32_t wanted)
{
	struct epoll_event e = {};

	while (epoll_wait(ep, &e, 1, 2000) == 1)
		if (e.events & wanted)
			return true;
	return false;
}

/*
 * epoll looks at the file when it reports an event, and not again: it must not be the look that
 * asks for the next.
 */
static void edge_out_stream(void)
{
	struct ends e;
	long sum;
	int ep;

	CHECK(!ends_open(&e, &plain, 0));
	ep = watch(e.c);
	CHECK(ep >= 0);
	CHECK(edge(ep, EPOLLOUT));
	sum = fill(e.c);
	CHECK(sum > 0);
	CHECK_EQ(drain(e.s, sum), sum);
	CHECK(edge(ep, EPOLLOUT));
	/* And once more */
	sum = fill(e.c);
	CHECK(sum > 0);
	CHECK_EQ(drain(e.s, sum), sum);
	CHECK(edge(ep, EPOLLOUT));
	close(ep);
	ends_close(&e);
}

static void edge_out_conn(void)
{
	struct pair p;
	long sum;
	int ep;

	CHECK(!pair_open(&p, &plain));
	set_timeo(p.server, 2000);
	ep = watch(p.client);
	CHECK(ep >= 0);
	CHECK(edge(ep, EPOLLOUT));
	sum = fill(p.client);
	CHECK(sum > 0);
	CHECK_EQ(drain(p.server, sum), sum);
	CHECK(edge(ep, EPOLLOUT));
	close(ep);
	pair_close(&p);
}

/* --- SIGIO --- */

static volatile sig_atomic_t sig_in, sig_out;

static void on_sigio(int sig, siginfo_t *info, void *ctx)
{
	if (info->si_band & POLLIN)
		sig_in++;
	if (info->si_band & POLLOUT)
		sig_out++;
}

static int sigio_on(int fd)
{
	struct sigaction sa = { .sa_sigaction = on_sigio, .sa_flags = SA_SIGINFO };

	sig_in = 0;
	sig_out = 0;
	if (sigaction(SIGRTMIN, &sa, NULL) || fcntl(fd, F_SETSIG, SIGRTMIN) ||
	    fcntl(fd, F_SETOWN, getpid()))
		return -1;
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC);
}

static bool signalled(volatile sig_atomic_t *count)
{
	int i;

	for (i = 0; i < 200 && !*count; i++)
		usleep(10000);
	return *count;
}

static void sigio_stream(void)
{
	struct ends e;
	long sum;

	CHECK(!ends_open(&e, &plain, 0));
	CHECK(!sigio_on(e.c));
	CHECK_EQ(fcntl(e.c, F_GETOWN), getpid());
	CHECK_EQ(write(e.s, "x", 1), 1);
	CHECK(signalled(&sig_in));
	sig_out = 0;
	sum = fill(e.c);
	CHECK(sum > 0);
	CHECK_EQ(drain(e.s, sum), sum);
	CHECK(signalled(&sig_out));
	/* Off: silence */
	CHECK(!fcntl(e.c, F_SETFL, fcntl(e.c, F_GETFL) & ~O_ASYNC));
	sig_in = 0;
	CHECK_EQ(write(e.s, "x", 1), 1);
	CHECK(poll_for(e.c, POLLIN, 1000) & POLLIN);
	usleep(50000);
	CHECK_EQ(sig_in, 0);
	ends_close(&e);
}

static void sigio_conn(void)
{
	struct pair p;
	long sum;
	int fd;

	CHECK(!pair_open(&p, &plain));
	set_timeo(p.server, 2000);
	CHECK(!sigio_on(p.client));
	sum = fill(p.client);
	CHECK(sum > 0);
	CHECK_EQ(drain(p.server, sum), sum);
	CHECK(signalled(&sig_out));
	/* A stream that waits to be accepted is news of the connection. */
	CHECK(!accept_on(p.client, 1));
	sig_in = 0;
	CHECK_EQ(send_stream(p.server, 1, MSG_QUIC_STREAM_NEW, "x", 1, 0), 1);
	CHECK(signalled(&sig_in));
	fd = accept(p.client, NULL, NULL);
	CHECK(fd >= 0);
	close(fd);
	pair_close(&p);
}

static const struct ktap_case cases[] = {
	{ "edge-triggered epoll: a stream's EAGAIN is followed by EPOLLOUT", edge_out_stream },
	{ "edge-triggered epoll: a connection's EAGAIN is, too", edge_out_conn },
	{ "SIGIO of a stream: data and room, and silence when off", sigio_stream },
	{ "SIGIO of a connection: room, and streams to accept", sigio_conn },
};

KTAP_MAIN(cases)
