// SPDX-License-Identifier: GPL-2.0
/*
 * Connections and listeners in more than one process: a connection is handed on in the middle of a
 * transfer, a server is replaced by its successor under load.
 * guest: --mem 768M
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "fdpass.h"
#include "half.h"
#include "ktap.h"

static const struct pair_opts plain = {};

/* It does not outlive the test, which may end by a check that failed. */
static pid_t child(void)
{
	pid_t pid = fork();

	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/* --- (1) a connection is handed on --- */

#define TOTAL	(3u << 20)		/* bytes each way */
#define STEP	16384
#define UP	0			/* client's stream */
#define DOWN	3			/* server's, unidirectional */

/* The server's side from @from up to @to of both streams. Return: 0 if all was right */
static int serve_part(int sd, uint32_t from, uint32_t to)
{
	uint32_t in = from, out = from, flags;
	static uint8_t buf[STEP];
	int64_t sid;
	ssize_t n;

	while (in < to || out < to) {
		if (out < to) {
			pattern_fill(buf, STEP, DOWN, out);
			flags = out ? 0 : MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_UNI;
			if (out + STEP == TOTAL)
				flags |= MSG_QUIC_STREAM_FIN;
			if (send_stream(sd, DOWN, flags, buf, STEP, 0) != STEP)
				return 1;
			out += STEP;
		}
		while (in < out) {
			uint32_t want = out - in < STEP ? out - in : STEP;

			n = recv_stream(sd, &sid, &flags, buf, want, 0);
			if (n <= 0 || sid != UP || !pattern_ok(buf, n, UP, in))
				return 2;
			in += n;
		}
	}
	return 0;
}

static void *client_writes(void *arg)
{
	static uint8_t buf[STEP];
	int sd = *(int *)arg;
	uint32_t off;

	for (off = 0; off < TOTAL; off += STEP) {
		pattern_fill(buf, STEP, UP, off);
		if (send_stream(sd, UP, (off ? 0 : MSG_QUIC_STREAM_NEW) |
				(off + STEP == TOTAL ? MSG_QUIC_STREAM_FIN : 0), buf, STEP, 0) != STEP)
			return "client cannot write";
	}
	return NULL;
}

static int status_of_child(pid_t pid)
{
	int st;

	if (waitpid(pid, &st, 0) != pid)
		return -1;
	return WIFEXITED(st) ? WEXITSTATUS(st) : 100 + WTERMSIG(st);
}

static void handed_on(void)
{
	static uint8_t buf[STEP];
	uint32_t got = 0, flags = 0;
	pid_t first, second;
	struct pair p;
	pthread_t t;
	int us[2];
	void *why;
	int64_t sid;
	ssize_t n;

	CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, us));
	/* Who gets it is there before the connection is: nothing is inherited. */
	second = child();
	if (!second) {
		int sd = fd_recv(us[1]);

		_exit(sd < 0 ? 9 : serve_part(sd, TOTAL / 3 / STEP * STEP, TOTAL));
	}
	CHECK(!pair_open(&p, &plain));
	first = child();
	if (!first) {
		n = serve_part(p.server, 0, TOTAL / 3 / STEP * STEP);
		_exit(n ? n : fd_send(us[0], p.server, 0) ? 9 : 0);
	}
	close(p.server);
	close(p.listener);
	p.server = p.listener = -1;
	CHECK(!pthread_create(&t, NULL, client_writes, &p.client));
	while (!(flags & MSG_QUIC_STREAM_FIN)) {
		n = recv_stream(p.client, &sid, &flags, buf, sizeof(buf), 0);
		CHECK(n > 0 && sid == DOWN);
		CHECK(pattern_ok(buf, n, DOWN, got));
		got += n;
	}
	CHECK_EQ(got, TOTAL);
	pthread_join(t, &why);
	CHECK(!why);
	CHECK_EQ(status_of_child(first), 0);
	CHECK_EQ(status_of_child(second), 0);
	close(us[0]);
	close(us[1]);
	pair_close(&p);
}

/* --- (2) a server is replaced --- */

#define CLIENTS		5
#define KEPT		3		/* connections that are there all the time */
#define ROUNDS		6		/* of new connections of a client, in each generation */

static atomic_int serving;
static int generation;

/* Answers each request, a stream, with what it said and who we are. */
static void *serve_conn(void *arg)
{
	char buf[64];
	uint32_t flags;
	int64_t sid;
	int sd = (long)arg;
	ssize_t n;

	if (!half_server(sd)) {
		while ((n = recv_stream(sd, &sid, &flags, buf, sizeof(buf) - 1, 0)) > 0) {
			buf[n] = '0' + generation;
			if (send_stream(sd, sid, MSG_QUIC_STREAM_FIN, buf, n + 1, 0) != n + 1)
				break;
		}
	}
	close(sd);
	serving--;
	return NULL;
}

/* Serves until something comes from @ctl; then the listener is for others, connections are not. */
static void serve(int ls, int ctl)
{
	struct pollfd p[2] = { { .fd = ls, .events = POLLIN }, { .fd = ctl, .events = POLLIN } };
	pthread_t t;
	int sd;

	while (poll(p, 2, -1) > 0 && !p[1].revents) {
		sd = accept(ls, NULL, NULL);
		if (sd < 0)
			continue;
		serving++;
		if (pthread_create(&t, NULL, serve_conn, (void *)(long)sd))
			_exit(8);
		pthread_detach(t);
	}
}

static void drain(void)
{
	while (serving)
		usleep(10000);
	_exit(0);
}

struct load {
	struct sockaddr_storage a;
	socklen_t len;
	atomic_int stop, done, failed;
	atomic_int seen[10];		/* answers of each generation */
};

/* A request and its answer. Return: the generation, or -1 */
static int ask(int sd)
{
	uint32_t flags = 0;
	char buf[16];
	int64_t sid;
	size_t got = 0;
	ssize_t n;

	if (send_stream(sd, -1, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN, "hello", 5, 0) != 5)
		return -1;
	while (got < 6) {
		n = recv_stream(sd, &sid, &flags, buf + got, sizeof(buf) - got, 0);
		if (n <= 0)
			return -1;
		got += n;
	}
	return got == 6 && !memcmp(buf, "hello", 5) ? buf[5] - '0' : -1;
}

struct client {
	struct load *l;
	int nr;
};

/* New connections, one after the other: never refused, never dropped. */
static void *come_and_go(void *arg)
{
	struct client *c = arg;
	struct load *l = c->l;
	int sd, gen;

	while (!l->stop) {
		sd = half_connect(AF_INET, &l->a, l->len);
		gen = sd < 0 ? -1 : ask(sd);
		if (gen < 0 || gen > 9) {
			printf("# connection of client %d: %s\n", c->nr, strerror(errno));
			l->failed++;
		} else {
			l->seen[gen]++;
		}
		if (sd >= 0)
			close(sd);
		l->done++;
		usleep(1000 + 300 * c->nr);
	}
	return NULL;
}

/* Until @gen answered so often */
static bool wait_seen(struct load *l, int gen, int times)
{
	int i;

	for (i = 0; i < 10000 && l->seen[gen] < times; i++)
		usleep(2000);
	return l->seen[gen] >= times;
}

static const char *self;

/* The successor inherits the listener over exec, or is handed it; the predecessor leaves. */
static pid_t start_first(int ls, int ctl, int pass, bool exec)
{
	pid_t pid = child();
	char fd[12], c[12];

	if (pid)
		return pid;
	generation = 1;
	serve(ls, ctl);
	if (exec && !fork()) {
		snprintf(fd, sizeof(fd), "%d", ls);
		snprintf(c, sizeof(c), "%d", pass);
		execl(self, self, "successor", fd, c, (char *)NULL);
		_exit(9);
	}
	if (!exec && fd_send(pass, ls, 0))
		_exit(9);
	close(ls);
	drain();
	return 0;
}

static void replaced(bool exec)
{
	int ctl[2], pass[2], kept[KEPT], i, ls, first, second = 0;
	struct client c[CLIENTS];
	struct load l = {};
	pthread_t t[CLIENTS];

	CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ctl));
	CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pass));
	/* One that is handed the listener was never near it. */
	if (!exec) {
		second = child();
		if (!second) {
			ls = fd_recv(pass[1]);
			if (ls < 0)
				_exit(9);
			generation = 2;
			serve(ls, pass[1]);
			close(ls);
			drain();
		}
	}
	ls = listen_any(&plain, &l.a, &l.len);
	CHECK(ls >= 0);
	CHECK(!fcntl(ls, F_SETFL, O_NONBLOCK));
	first = start_first(ls, ctl[1], exec ? pass[1] : pass[0], exec);
	CHECK(first > 0);
	close(ls);
	for (i = 0; i < KEPT; i++) {
		kept[i] = half_connect(AF_INET, &l.a, l.len);
		CHECK(kept[i] >= 0);
		CHECK_EQ(ask(kept[i]), 1);
	}
	for (i = 0; i < CLIENTS; i++) {
		c[i] = (struct client){ &l, i };
		CHECK(!pthread_create(&t[i], NULL, come_and_go, &c[i]));
	}
	CHECK(wait_seen(&l, 1, CLIENTS * ROUNDS));
	CHECK_EQ(write(ctl[0], "x", 1), 1);		/* now */
	CHECK(wait_seen(&l, 2, CLIENTS * ROUNDS));
	/* What the predecessor has goes on there. */
	for (i = 0; i < KEPT; i++)
		CHECK_EQ(ask(kept[i]), 1);
	l.stop = 1;
	for (i = 0; i < CLIENTS; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(l.failed, 0);
	CHECK_EQ(l.seen[1] + l.seen[2], l.done);
	for (i = 0; i < KEPT; i++) {
		CHECK_EQ(ask(kept[i]), 1);
		close(kept[i]);
	}
	CHECK_EQ(status_of_child(first), 0);
	CHECK_EQ(write(pass[0], "x", 1), 1);
	if (second)
		CHECK_EQ(status_of_child(second), 0);
	for (i = 0; i < 2; i++) {
		close(ctl[i]);
		close(pass[i]);
	}
}

static void replaced_exec(void)
{
	replaced(true);
}

static void replaced_passed(void)
{
	replaced(false);
}

static const struct ktap_case cases[] = {
	{ "a connection is handed on by SCM_RIGHTS, mid-transfer", handed_on },
	{ "a server's successor inherits the listener over exec", replaced_exec },
	{ "a server's successor is handed the listener", replaced_passed },
};

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	self = "/proc/self/exe";
	if (argc == 4 && !strcmp(argv[1], "successor")) {
		generation = 2;
		serve(atoi(argv[2]), atoi(argv[3]));
		close(atoi(argv[2]));
		drain();
	}
	return ktap_main(cases, sizeof(cases) / sizeof(cases[0]));
}
