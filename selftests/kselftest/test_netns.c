// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces that end with sockets in every state: nothing is left of them. A namespace
 * that is gone takes its end of a veth with it, which shows at the other one. What the debug
 * kernel finds afterwards (kmemleak, references) fails the test, too.
 * guest: --limit 250
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "files.h"
#include "ktap.h"

static const struct pair_opts plain = {};

static int run(const char *fmt, ...)
{
	char cmd[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	return system(cmd);
}

/* --- what a process has open when it is killed; each returns 0 once that is so --- */

static int idle(void)
{
	struct pair p[4];
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (pair_open(&p[i], &(struct pair_opts){ .family = i % 2 ? AF_INET6 : AF_INET }) ||
		    pair_echo(&p[i]))
			return 1;
	return 0;
}

static int transfer(void)
{
	static char buf[1 << 20];
	struct pair p;

	if (pair_open(&p, &plain))
		return 1;
	/* The receiver's buffer fills, then the sender's. */
	fcntl(p.client, F_SETFL, O_NONBLOCK);
	while (send_stream(p.client, 0, 0, buf, sizeof(buf), 0) > 0)
		;
	return send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, buf, sizeof(buf), 0) > 0 ? 0 : 1;
}

static int handshake(void)
{
	struct sockaddr_storage a;
	struct pair p, q;
	socklen_t len;
	unsigned int i;

	/* Half way, at the server's first message; waiting for accept(); to nobody at all */
	if (pair_begin(&p, &plain))
		return 1;
	len = sizeof(a);
	if (getsockname(p.listener, (void *)&a, &len))
		return 2;
	for (i = 0; i < 8; i++)
		if (pair_client(&q, &plain, &a, len))
			return 3;
	len = addr_loopback(&a, AF_INET, false, 9);
	q.client = sock_new(AF_INET, 0);
	return q.client < 0 || connect(q.client, (void *)&a, len) ? 4 : 0;
}

static int listeners(void)
{
	struct sockaddr_storage a;
	socklen_t len;
	unsigned int i;

	for (i = 0; i < 8; i++)
		if (listen_any(&(struct pair_opts){ .family = i % 2 ? AF_INET6 : AF_INET }, &a,
			       &len) < 0)
			return 1;
	return sock_new(AF_INET6, SOCK_DGRAM) < 0;
}

static int files(void)
{
	static char buf[1 << 18];
	struct ends e;

	if (ends_open(&e, &plain, 0))
		return 1;
	/* The connections' sockets first: the streams keep them. */
	pair_close(&e.p);
	return write(e.c, buf, sizeof(buf)) > 0 ? 0 : 2;
}

/* A peer that is not there any more: data was queued, and is tried for a minute (tcp(7) too). */
static int unreachable(void)
{
	static char buf[1 << 18];
	struct pair p;

	if (pair_open(&p, &plain) ||
	    send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, "x", 1, 0) != 1 || run("ip link set lo down") ||
	    send_stream(p.client, 0, 0, buf, sizeof(buf), 0) <= 0)
		return 1;
	return 0;
}

/* --- the end --- */

static bool gone(const char *dev, unsigned int seconds)
{
	unsigned int i;

	for (i = 0; i < seconds * 10 && if_nametoindex(dev); i++)
		usleep(100000);
	return !if_nametoindex(dev);
}

/* In a namespace of its own a process opens what @open does, and is killed. */
static void ends(int (*open)(void), unsigned int seconds)
{
	int ready[2], go[2], err = -1;
	char c = 0;
	pid_t pid;

	CHECK(!pipe(ready) && !pipe(go));
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		err = unshare(CLONE_NEWNET) || run("ip link set lo up");
		if (write(ready[1], &c, 1) != 1 || read(go[0], &c, 1) != 1)
			_exit(1);
		err = err ?: open();
		if (write(ready[1], &err, sizeof(err)))
			pause();
		_exit(1);
	}
	close(ready[1]);	/* if he dies early, this is how we know */
	CHECK_EQ(read(ready[0], &c, 1), 1);
	CHECK(!run("ip link add qns0 type veth peer name qns1 netns %d", pid));
	CHECK_EQ(write(go[1], &c, 1), 1);
	CHECK_EQ(read(ready[0], &err, sizeof(err)), (int)sizeof(err));
	CHECK_EQ(err, 0);
	CHECK(if_nametoindex("qns0"));
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK(gone("qns0", seconds));
	close(ready[0]);
	close(go[0]);
	close(go[1]);
}

static void ends_idle(void) { ends(idle, 10); }
static void ends_transfer(void) { ends(transfer, 10); }
static void ends_handshake(void) { ends(handshake, 10); }
static void ends_listeners(void) { ends(listeners, 10); }
static void ends_files(void) { ends(files, 10); }

static void ends_unreachable(void)
{
	/* The minute costs nothing where time is virtual. */
	if (access("/proc/exitcode", F_OK))
		SKIP("takes a minute");
	ends(unreachable, 90);
}

static const struct ktap_case cases[] = {
	{ "idle connections", ends_idle },
	{ "a transfer that is stuck in the middle", ends_transfer },
	{ "handshakes", ends_handshake },
	{ "listeners and sockets without a connection", ends_listeners },
	{ "streams with descriptors, their connection's closed", ends_files },
	{ "data for a peer that is gone", ends_unreachable },
};

KTAP_MAIN(cases)
