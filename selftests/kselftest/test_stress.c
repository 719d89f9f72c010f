// SPDX-License-Identifier: GPL-2.0
/*
 * Races and nonsense, for the debug kernel to complain about: threads that
 * connect, hand descriptors about, shut down and close at random; every option
 * with random lengths and values; sendmsg() with random control messages.
 * The seed is fixed (or the first argument); what threads do in which order is not.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <linux/sockios.h>

#include "fdpass.h"
#include "ktap.h"
#include "noise.h"

#define THREADS		3

static uint64_t seed = 20261122;

/* --- calls with arguments that make no sense --- */

static int any_option(uint64_t *s, int *level)
{
	static const int levels[] = { SOL_QUIC, SOL_QUIC, SOL_QUIC, SOL_SOCKET, IPPROTO_IP,
				      IPPROTO_IPV6, IPPROTO_TCP, IPPROTO_UDP };

	*level = levels[rnd(s) % 8];
	if (*level == SOL_QUIC)
		return rnd(s) % 8 ? rnd(s) % 20 : 60 + rnd(s) % 12;
	return rnd(s) % 80;
}

static bool leave_alone(int level, int name)
{
	/* Would end the test's own waits, or log; devices and marks are not ours to test. */
	return level == SOL_SOCKET &&
	       (name == SO_RCVTIMEO || name == SO_SNDTIMEO || name == SO_LINGER || name == SO_DEBUG ||
		name == SO_BINDTODEVICE || name == SO_MARK);
}

static void random_setsockopt(uint64_t *s, int sd)
{
	uint8_t val[600];
	int level, name = any_option(s, &level);
	uint32_t len = rnd(s) % 8 ? rnd(s) % 72 : rnd(s) % sizeof(val);

	if (leave_alone(level, name))
		return;
	rnd_fill(s, val, sizeof(val));
	if (rnd(s) % 2)
		memset(val, rnd(s) % 3, len);
	if (rnd(s) % 2)
		val[0] = rnd(s) % 4;
	if (!(rnd(s) % 32))
		len = -(rnd(s) % 5000);
	setsockopt(sd, level, name, rnd(s) % 64 ? val : (void *)0x10, len);
}

static void random_getsockopt(uint64_t *s, int sd)
{
	uint8_t val[600];
	int level, name = any_option(s, &level);
	socklen_t len = rnd(s) % 16 ? rnd(s) % sizeof(val) : -(rnd(s) % 5000);

	rnd_fill(s, val, sizeof(val));
	if (level == SOL_QUIC && name == QUIC_SOCKOPT_STREAM_OPEN) {
		struct quic_stream_info info = { .stream_flags = MSG_QUIC_STREAM_DONTWAIT };

		/* Near enough: one far away opens all below it. */
		info.stream_id = rnd(s) % 4 ? -1 : (int)(rnd(s) % 64);
		memcpy(val, &info, sizeof(info));
	}
	getsockopt(sd, level, name, rnd(s) % 64 ? val : (void *)0x10, &len);
}

static void random_sendmsg(uint64_t *s, int sd)
{
	uint8_t ctl[128] __attribute__((aligned(8))), data[3000];
	struct iovec iov = { rnd(s) % 32 ? data : (void *)0x10, rnd(s) % sizeof(data) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = rnd(s) % 2,
			      .msg_control = ctl, .msg_controllen = rnd(s) % sizeof(ctl) };
	struct cmsghdr *c = (void *)ctl;
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL;

	rnd_fill(s, ctl, sizeof(ctl));
	memset(data, 'x', sizeof(data));
	if (rnd(s) % 4) {
		c->cmsg_len = rnd(s) % 4 ? CMSG_LEN(rnd(s) % 2 ? 16 : 1) : rnd(s) % 100;
		c->cmsg_level = rnd(s) % 8 ? SOL_QUIC : SOL_SOCKET;
		c->cmsg_type = rnd(s) % 3;
		if (rnd(s) % 2)
			msg.msg_controllen = CMSG_SPACE(16);
		if (rnd(s) % 4) {
			struct quic_stream_info info = { (int64_t)(rnd(s) % 40) - 1, 0 };

			info.stream_flags = rnd(s) & 0x13e00;
			memcpy(CMSG_DATA(c), &info, sizeof(info));
		}
	}
	if (!(rnd(s) % 4))
		flags |= rnd(s) & ~(MSG_OOB | MSG_FASTOPEN);
	if (!(rnd(s) % 4))
		flags |= MSG_MORE;
	sendmsg(sd, &msg, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void random_recvmsg(uint64_t *s, int sd)
{
	static __thread uint8_t data[8192];
	uint8_t ctl[64] __attribute__((aligned(8)));
	struct iovec iov[2] = { { data, rnd(s) % 64 }, { data + 64, rnd(s) % 8000 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = rnd(s) % 3, .msg_control = ctl,
			      .msg_controllen = rnd(s) % sizeof(ctl) };

	/* Half of it to where there is no memory. */
	if (!(rnd(s) % 16))
		iov[1].iov_base = (void *)0x10;
	recvmsg(sd, &msg, MSG_DONTWAIT | (rnd(s) % 2 ? 0 : rnd(s) & (MSG_PEEK | MSG_TRUNC |
								     MSG_WAITALL | MSG_ERRQUEUE)));
}

static void random_call(uint64_t *s, int sd)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);
	int v;

	switch (rnd(s) % 16) {
	case 0 ... 3:
		random_setsockopt(s, sd);
		break;
	case 4 ... 6:
		random_getsockopt(s, sd);
		break;
	case 7 ... 9:
		random_sendmsg(s, sd);
		break;
	case 10 ... 12:
		random_recvmsg(s, sd);
		break;
	case 13:
		poll_for(sd, rnd(s), 0);
		ioctl(sd, rnd(s) % 2 ? SIOCINQ : SIOCOUTQ, &v);
		break;
	case 14:
		getpeername(sd, (void *)&a, &len);
		if (rnd(s) % 16)
			break;
		rnd_fill(s, &a, sizeof(a));
		a.ss_family = rnd(s) % 2 ? AF_INET : AF_INET6;
		bind(sd, (void *)&a, rnd(s) % 30);
		break;
	default:
		if (!(rnd(s) % 64))
			shutdown(sd, rnd(s) % 4);
		else if (!(rnd(s) % 16))
			listen(sd, rnd(s) % 3);
	}
}

/* Sockets in every state get calls at random; then all of them go. */
static void test_calls(void)
{
	struct pair_opts o = {}, o6 = { .family = AF_INET6, .type = SOCK_DGRAM };
	uint64_t s = seed + 2;
	struct pair p;
	int sd[5], round, i;

	for (round = 0; round < 6; round++) {
		CHECK(!pair_open(&p, round & 1 ? &o6 : &o));
		sd[0] = sock_new(round & 1 ? AF_INET6 : AF_INET, SOCK_STREAM);
		sd[1] = p.client;
		sd[2] = p.server;
		sd[3] = p.listener;
		sd[4] = sock_new(AF_INET6, SOCK_DGRAM);
		for (i = 0; i < 1500; i++)
			random_call(&s, sd[rnd(&s) % 5]);
		close(sd[0]);
		close(sd[4]);
		pair_close(&p);
	}
}

/* A receiver is not kept awake by things that are no data, nor by having no room. */
static void test_no_spin(void)
{
	struct pair_opts o = {};
	struct timespec a, b;
	struct pair p;
	char buf[8];

	CHECK(!pair_open(&p, &o));
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, "data", 4, 0), 4);
	CHECK(poll_for(p.server, POLLIN, 2000) & POLLIN);
	CHECK_EQ(recv(p.server, buf, 0, 0), 0);
	CHECK_EQ(recv(p.server, buf, sizeof(buf), 0), 4);
	/* Unacknowledged data keeps the connection after SHUT_WR; the peer stays silent. */
	CHECK_EQ(send_stream(p.client, 0, 0, "more", 4, MSG_MORE), 4);
	set_timeo(p.client, 30);
	CHECK(!shutdown(p.client, SHUT_WR));
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
	CHECK(recv(p.client, buf, sizeof(buf), 0) < 0);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
	CHECK((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 < 25);
	pair_close(&p);
}

/* What came before the memory ended was read: the counts say so, and the rest still comes. */
static void test_half_a_buffer(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct pair_opts o = {};
	uint8_t data[3000];
	struct pair p;
	uint8_t *map;
	ssize_t n, m;
	int i, left;

	map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(map != MAP_FAILED && !mprotect(map + page, page, PROT_NONE));
	CHECK(!pair_open(&p, &o));
	pattern_fill(data, sizeof(data), 0, 0);
	for (n = 0; n < 3000; n += 1000) {
		CHECK_EQ(send_stream(p.client, 0, n ? 0 : MSG_QUIC_STREAM_NEW, data + n, 1000, 0), 1000);
		/* Each in a packet of its own. */
		for (i = 0, left = 0; i < 1000 && left < n + 1000; i++) {
			usleep(1000);
			CHECK(!ioctl(p.server, SIOCINQ, &left));
		}
	}
	n = recv(p.server, map + page - 1500, 3000, MSG_DONTWAIT);
	CHECK_EQ(n, 1000);
	CHECK(!ioctl(p.server, SIOCINQ, &left));
	CHECK_EQ(left, 3000 - n);
	m = recv(p.server, data, sizeof(data), MSG_DONTWAIT);
	CHECK_EQ(m, 3000 - n);
	CHECK(!ioctl(p.server, SIOCINQ, &left));
	CHECK_EQ(left, 0);
	pair_close(&p);
	munmap(map, 2 * page);
}

/* --- races --- */

struct racer {
	int sd;
	uint64_t seed;
	atomic_bool stop;
};

/* Blocking calls on a socket that others shut down and close under it. */
static void *race_calls(void *arg)
{
	struct racer *r = arg;
	uint64_t s = r->seed;
	char buf[2000];
	int i;

	for (i = 0; i < 40 && !atomic_load(&r->stop); i++) {
		if (rnd(&s) % 3)
			recv(r->sd, buf, rnd(&s) % sizeof(buf), rnd(&s) % 2 ? MSG_WAITALL : 0);
		else
			send(r->sd, buf, 1 + rnd(&s) % (sizeof(buf) - 1), MSG_NOSIGNAL);
	}
	return NULL;
}

static void test_shutdown_under_calls(void)
{
	struct pair_opts o = {};
	struct racer r[THREADS];
	uint64_t s = seed + 3;
	pthread_t t[THREADS];
	struct pair p;
	int round, i;

	for (round = 0; round < 12; round++) {
		CHECK(!pair_open(&p, &o));
		set_timeo(p.client, 200);
		set_timeo(p.server, 200);
		for (i = 0; i < THREADS; i++) {
			r[i].sd = i & 1 ? p.client : p.server;
			r[i].seed = seed + round * 10 + i;
			atomic_init(&r[i].stop, false);
			pthread_create(&t[i], NULL, race_calls, &r[i]);
		}
		send_stream(p.client, -1, MSG_QUIC_STREAM_NEW, "x", 1, 0);
		usleep(rnd(&s) % 5000);
		shutdown(rnd(&s) % 2 ? p.client : p.server, rnd(&s) % 3);
		usleep(rnd(&s) % 3000);
		shutdown(rnd(&s) % 2 ? p.client : p.server, rnd(&s) % 3);
		/* Whoever waits in a call keeps the file; the descriptor goes. */
		if (round & 1)
			close(p.client);
		for (i = 0; i < THREADS; i++) {
			atomic_store(&r[i].stop, true);
			pthread_join(t[i], NULL);
		}
		if (round & 1)
			p.client = -1;
		pair_close(&p);
	}
}

/* Descriptors travel to a child and back; some are closed while they are on their way. */
static void test_passing(void)
{
	struct pair_opts o = {};
	int way[2], i, sd, status;
	struct pair p;
	char buf[4];
	pid_t pid;

	for (i = 0; i < 6; i++) {
		CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, way));
		CHECK(!pair_open(&p, &o));
		pid = fork();
		if (!pid) {
			sd = fd_recv(way[1]);
			send_stream(sd, 0, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN, "sent", 4, 0);
			if (i & 1)
				pause();
			_exit(0);
		}
		fd_send(way[0], p.client, MSG_DONTWAIT);
		close(p.client);
		p.client = -1;
		CHECK_EQ(recv(p.server, buf, sizeof(buf), MSG_WAITALL), 4);
		/* The second way back nobody receives. */
		fd_send(way[0], p.server, MSG_DONTWAIT);
		if (i & 1)
			kill(pid, SIGKILL);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		close(way[0]);
		close(way[1]);
		pair_close(&p);
	}
}

/* --- many connections that come and go --- */

struct arena {
	int listener;
	struct sockaddr_storage a;
	socklen_t len;
	atomic_bool stop;
	atomic_int accepted;
};

static void *accepting(void *arg)
{
	struct arena *ar = arg;
	uint64_t s = seed + 99;
	uint8_t buf[100];
	int sd;

	while (!atomic_load(&ar->stop)) {
		sd = accept(ar->listener, NULL, NULL);
		if (sd < 0)
			continue;
		atomic_fetch_add(&ar->accepted, 1);
		if (rnd(&s) % 2)
			recv(sd, buf, sizeof(buf), MSG_DONTWAIT);
		if (rnd(&s) % 2)
			shutdown(sd, rnd(&s) % 3);
		close(sd);
	}
	return NULL;
}

struct connector {
	uint64_t seed;
	const struct arena *ar;
	int waited, answered;
};

static void *connecting(void *arg)
{
	struct connector *c = arg;
	uint64_t s = c->seed;
	int i, sd;

	for (i = 0; i < 60; i++) {
		sd = sock_new(AF_INET, rnd(&s) % 2 ? SOCK_STREAM : SOCK_DGRAM);
		if (sd < 0)
			continue;
		connect(sd, (void *)&c->ar->a, c->ar->len);
		send_level(sd, QUIC_CRYPTO_INITIAL, "hello", 5, MSG_DONTWAIT);
		if (rnd(&s) % 4 == 0) {
			/* Some stay until they were let in, which ends them. */
			c->waited++;
			c->answered += !!(poll_for(sd, 0, 10000) & POLLHUP);
		} else if (rnd(&s) % 4 == 0) {
			usleep(rnd(&s) % 2000);
		}
		close(sd);
	}
	return NULL;
}

static void test_churn(void)
{
	struct connector c[THREADS];
	struct pair_opts o = {};
	struct arena ar = {};
	pthread_t acceptor[2], t[THREADS], noise;
	struct ports w = { .seed = seed + 7 };
	int i, waited = 0, answered = 0;

	ar.listener = listen_any(&o, &ar.a, &ar.len);
	CHECK(ar.listener >= 0);
	set_timeo(ar.listener, 100);
	for (i = 0; i < 3; i++)
		w.port[i] = port_of(ar.listener);
	pthread_create(&acceptor[0], NULL, accepting, &ar);
	pthread_create(&acceptor[1], NULL, accepting, &ar);
	pthread_create(&noise, NULL, throw_datagrams, &w);
	for (i = 0; i < THREADS; i++) {
		c[i] = (struct connector){ .seed = seed + 40 + i, .ar = &ar };
		pthread_create(&t[i], NULL, connecting, &c[i]);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(t[i], NULL);
		waited += c[i].waited;
		answered += c[i].answered;
	}
	pthread_join(noise, NULL);
	atomic_store(&ar.stop, true);
	shutdown(ar.listener, SHUT_RD);
	pthread_join(acceptor[0], NULL);
	pthread_join(acceptor[1], NULL);
	close(ar.listener);
	printf("# %d accepted; of %d that waited for it %d\n", atomic_load(&ar.accepted), waited,
	       answered);
	/* Noise fills the queue, and who finds no room comes again, after a Retry or a second. */
	CHECK(waited > 20);
	CHECK_EQ(answered, waited);
}

/* A process with open connections, listeners and waiting calls is killed. */
static void test_kill(void)
{
	struct pair_opts o = {};
	struct racer r = { .seed = seed };
	uint64_t s = seed + 5;
	struct pair p;
	pthread_t t;
	int i, status;
	pid_t pid;

	for (i = 0; i < 5; i++) {
		pid = fork();
		if (!pid) {
			if (pair_open(&p, &o))
				_exit(1);
			r.sd = p.server;
			atomic_init(&r.stop, false);
			pthread_create(&t, NULL, race_calls, &r);
			for (;;)
				if (send_stream(p.client, -1, MSG_QUIC_STREAM_NEW, &o, sizeof(o),
						MSG_DONTWAIT) < 0)
					usleep(100);
		}
		usleep(20000 + rnd(&s) % 60000);
		kill(pid, SIGKILL);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFSIGNALED(status));
	}
}

static const struct ktap_case cases[] = {
	{ "random calls in every state", test_calls },
	{ "a receiver sleeps", test_no_spin },
	{ "half a buffer", test_half_a_buffer },
	{ "shutdown and close under waiting calls", test_shutdown_under_calls },
	{ "descriptors that travel", test_passing },
	{ "connections that come and go under noise", test_churn },
	{ "killed with all of it open", test_kill },
};

int main(int argc, char **argv)
{
	if (argc > 1)
		seed = strtoull(argv[1], NULL, 0);
	signal(SIGPIPE, SIG_IGN);
	alarm(280);
	return ktap_main(cases, sizeof(cases) / sizeof(cases[0]));
}
