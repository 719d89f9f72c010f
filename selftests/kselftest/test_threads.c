// SPDX-License-Identifier: GPL-2.0
/*
 * Many at once: connections that come, talk and go from several threads, ends
 * closed while the other writes, one socket used by many. What counts is that
 * nothing hangs, leaks or makes the kernel complain; KASAN and lockdep watch.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>

#include "ktap.h"
#include "pair.h"

#define THREADS	6

static const struct pair_opts plain = {};
static int errors;

static void run_threads(void *(*fn)(void *))
{
	pthread_t t[THREADS];
	long i;

	errors = 0;
	for (i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, fn, (void *)i);
	for (i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

static void failed(void)
{
	__atomic_add_fetch(&errors, 1, __ATOMIC_RELAXED);
}

static void *come_and_go(void *arg)
{
	struct pair p;
	char buf[20000];
	int i;

	for (i = 0; i < 8; i++) {
		if (pair_open(&p, &(struct pair_opts){ .family = i & 1 ? AF_INET6 : AF_INET })) {
			failed();
			return NULL;
		}
		pattern_fill(buf, sizeof(buf), 0, 0);
		if (send(p.client, buf, sizeof(buf), 0) != sizeof(buf) ||
		    recv(p.server, buf, sizeof(buf), MSG_WAITALL) != sizeof(buf) ||
		    !pattern_ok(buf, sizeof(buf), 0, 0))
			failed();
		if (i & 2) {
			close(p.server);
			p.server = -1;
		}
		pair_close(&p);
	}
	return NULL;
}

static void connections(void)
{
	run_threads(come_and_go);
	CHECK_EQ(errors, 0);
}

/* One end goes in the middle of the other's writing. */
static void *cut_off(void *arg)
{
	static char buf[1 << 20];
	struct pair p;
	int i;

	for (i = 0; i < 6; i++) {
		if (pair_open(&p, &plain)) {
			failed();
			return NULL;
		}
		fcntl(p.client, F_SETFL, O_NONBLOCK);
		send(p.client, buf, sizeof(buf), MSG_NOSIGNAL);
		if (i & 1)
			recv(p.server, buf, 1000, MSG_DONTWAIT);
		close(p.server);
		p.server = -1;
		send(p.client, buf, sizeof(buf), MSG_NOSIGNAL);
		pair_close(&p);
	}
	return NULL;
}

static void cut_offs(void)
{
	run_threads(cut_off);
	CHECK_EQ(errors, 0);
}

/* All threads use one pair: writers on streams of their own, readers wherever data is. */
static struct pair shared;
static long read_bytes, ends;

static void *use_shared(void *arg)
{
	static __thread char buf[5000];
	long me = (long)arg;
	uint32_t flags;
	int64_t sid;
	ssize_t n;
	int i;

	if (me % 2) {
		for (i = 0; i < 20; i++)
			if (send_stream(shared.client, me * 2, i ? 0 : MSG_QUIC_STREAM_NEW, buf,
					sizeof(buf), 0) != sizeof(buf))
				failed();
		if (send_stream(shared.client, me * 2, MSG_QUIC_STREAM_FIN, "", 0, 0))
			failed();
		return NULL;
	}
	while (__atomic_load_n(&ends, __ATOMIC_RELAXED) < THREADS / 2) {
		n = recv_stream(shared.server, &sid, &flags, buf, sizeof(buf), 0);
		if (n < 0) {
			if (errno != EAGAIN)
				failed();
			continue;
		}
		__atomic_add_fetch(&read_bytes, n, __ATOMIC_RELAXED);
		if (flags & MSG_QUIC_STREAM_FIN)
			__atomic_add_fetch(&ends, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void one_socket_many_threads(void)
{
	CHECK(!pair_open(&shared, &plain));
	set_timeo(shared.server, 200);
	read_bytes = 0;
	ends = 0;
	run_threads(use_shared);
	CHECK_EQ(errors, 0);
	CHECK_EQ(read_bytes, THREADS / 2 * 100000);
	pair_close(&shared);
}

static int the_listener, knocking, answered;
static struct sockaddr_storage the_addr;
static socklen_t the_len;

/* Half of the clients run away; the others stay until they were let in, which ends them. */
static void knock(int stay)
{
	int sd = sock_new(AF_INET, 0);

	if (connect(sd, (void *)&the_addr, the_len) ||
	    send_level(sd, QUIC_CRYPTO_INITIAL, "knock", 5, 0) != 5)
		failed();
	if (!stay)
		usleep(1000);
	else if (poll_for(sd, 0, 20000) & POLLHUP)
		__atomic_add_fetch(&answered, 1, __ATOMIC_RELAXED);
	close(sd);
}

static void *at_the_door(void *arg)
{
	long me = (long)arg;
	int i, sd;

	if (me % 2) {
		for (i = 0; i < 10; i++)
			knock(i % 2);
		__atomic_sub_fetch(&knocking, 1, __ATOMIC_RELAXED);
		return NULL;
	}
	while (__atomic_load_n(&knocking, __ATOMIC_RELAXED)) {
		sd = accept(the_listener, NULL, NULL);
		if (sd < 0 && errno != EAGAIN)
			failed();
		close(sd);
	}
	return NULL;
}

static void accept_from_many(void)
{
	the_listener = listen_any(&plain, &the_addr, &the_len);
	CHECK(the_listener >= 0);
	set_timeo(the_listener, 300);
	knocking = THREADS / 2;
	answered = 0;
	run_threads(at_the_door);
	close(the_listener);
	CHECK_EQ(errors, 0);
	CHECK_EQ(answered, THREADS / 2 * 5);
}

static const struct ktap_case cases[] = {
	{ "connections", connections },
	{ "cut_offs", cut_offs },
	{ "one_socket_many_threads", one_socket_many_threads },
	{ "accept_from_many", accept_from_many },
};

KTAP_MAIN(cases)
