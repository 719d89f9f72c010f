// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting and what ends it, as socket(7), signal(7) and tcp(7) say: signals, timeouts, SO_RCVLOWAT,
 * SO_LINGER, SO_ERROR.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "ktap.h"
#include "pair.h"
#include "sockopt.h"

static const struct pair_opts plain = {};

/* --- waiting --- */

static void on_alarm(int sig)
{
}

static void alarm_in(int ms, int flags)
{
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = flags };
	struct itimerval it = { .it_value = { ms / 1000, ms % 1000 * 1000 } };

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
}

/* signal(7): with a timeout EINTR always, without one SA_RESTART restarts. */
static void interrupted(void)
{
	struct quic_transport_param tp = { .max_data = 1000 };
	struct pair_opts o = { .server = &tp };
	static char buf[10000];
	struct pair p;
	pid_t pid;

	CHECK(!pair_open(&p, &o));
	alarm_in(50, SA_RESTART);
	CHECK_ERR(recv(p.client, buf, 1, 0), EINTR);
	alarm_in(50, SA_RESTART);
	CHECK_ERR(accept(p.listener, NULL, NULL), EINTR);
	set_timeo(p.client, 0);
	alarm_in(50, 0);
	CHECK_ERR(recv(p.client, buf, 1, 0), EINTR);
	/* Some was taken: that is what it tells. */
	alarm_in(50, 0);
	CHECK_EQ(send(p.client, buf, sizeof(buf), 0), 1000);
	alarm_in(50, 0);
	CHECK_ERR(send(p.client, buf, sizeof(buf), 0), EINTR);
	alarm_in(50, SA_RESTART);
	pid = fork();
	if (!pid) {
		usleep(300000);
		_exit(send(p.server, "late", 4, MSG_QUIC_STREAM_NEW) != 4);
	}
	CHECK_EQ(recv(p.client, buf, sizeof(buf), 0), 4);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	pair_close(&p);
}

static void timeouts(void)
{
	struct timeval tv = { 0, 200000 };
	struct pair p;
	double t;
	char c;

	CHECK(!pair_open(&p, &plain));
	CHECK(!setsockopt(p.listener, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	t = real_now();
	CHECK_ERR(accept(p.listener, NULL, NULL), EAGAIN);
	CHECK(about(real_now() - t, 0.2));
	CHECK(!setsockopt(p.client, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	t = real_now();
	CHECK_ERR(recv(p.client, &c, 1, 0), EAGAIN);
	CHECK(about(real_now() - t, 0.2));
	t = real_now();
	CHECK_EQ(send(p.server, "abc", 3, MSG_QUIC_STREAM_NEW), 3);
	/* MSG_WAITALL gives what came when time is up. */
	{
		char buf[10];

		CHECK_EQ(recv(p.client, buf, sizeof(buf), MSG_WAITALL), 3);
	}
	CHECK(about(real_now() - t, 0.2));
	pair_close(&p);
}

static void *writes_later(void *arg)
{
	usleep(100000);
	send(*(int *)arg, "0123456789", 10, 0);
	return NULL;
}

static void rcvlowat(void)
{
	struct pair p;
	pthread_t t;
	char buf[20];

	CHECK(!pair_open(&p, &plain));
	CHECK(!set_int(p.server, SOL_SOCKET, SO_RCVLOWAT, 8));
	CHECK_EQ(send(p.client, "abc", 3, 0), 3);
	CHECK(!pthread_create(&t, NULL, writes_later, &p.client));
	CHECK_EQ(recv(p.server, buf, sizeof(buf), 0), 13);
	pthread_join(t, NULL);
	pair_close(&p);
}

/* tcp(7): MSG_TRUNC throws the bytes away, and counts them. */
static void msg_trunc(void)
{
	struct pair p;
	char buf[20] = "untouched";

	CHECK(!pair_open(&p, &plain));
	CHECK_EQ(send(p.client, "0123456789", 10, 0), 10);
	CHECK(poll_for(p.server, POLLIN, 1000) & POLLIN);
	CHECK_EQ(recv(p.server, buf, 4, MSG_TRUNC | MSG_PEEK), 4);
	CHECK_EQ(recv(p.server, buf, 4, MSG_TRUNC), 4);
	CHECK(!strcmp(buf, "untouched"));
	CHECK_EQ(recv(p.server, buf, sizeof(buf), MSG_PEEK), 6);
	CHECK_EQ(recv(p.server, buf, sizeof(buf), 0), 6);
	CHECK(!memcmp(buf, "456789", 6));
	pair_close(&p);
}

/* SO_LINGER with nobody there any more: close() waits as long as was said, no longer. */
static void linger_ends(void)
{
	struct linger l = { .l_onoff = 1, .l_linger = 2 };
	static char buf[50000];
	struct pair p;
	double t;

	CHECK(!pair_open(&p, &plain));
	CHECK(!setsockopt(p.client, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	CHECK(!system("tc qdisc add dev lo root netem loss 100%"));
	CHECK(send(p.client, buf, sizeof(buf), 0) > 0);
	t = real_now();
	CHECK(!close(p.client));
	CHECK(about(real_now() - t, 2));
	p.client = -1;
	CHECK(!system("tc qdisc del dev lo root"));
	pair_close(&p);
}

/* SO_ERROR gives the reason once, also when nobody was waiting. */
static void so_error(void)
{
	struct quic_connection_close cl = { .errcode = 0x12a, .frame = 6 };
	struct pair p;

	CHECK(!pair_begin(&p, &plain));
	CHECK(!set_opt(p.server, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, sizeof(cl)));
	CHECK(!close(p.server));
	p.server = -1;
	CHECK(poll_for(p.client, POLLIN, 1000) & POLLERR);
	CHECK_EQ(get_int(p.client, SOL_SOCKET, SO_ERROR), EPROTO);
	CHECK_EQ(get_int(p.client, SOL_SOCKET, SO_ERROR), 0);
	CHECK(poll_for(p.client, POLLIN, 0) & POLLHUP);
	pair_close(&p);
}

static const struct ktap_case cases[] = {
	{ "interrupted", interrupted },
	{ "timeouts", timeouts },
	{ "rcvlowat", rcvlowat },
	{ "msg_trunc", msg_trunc },
	{ "linger_ends", linger_ends },
	{ "so_error", so_error },
};

KTAP_MAIN(cases)
