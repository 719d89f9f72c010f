// SPDX-License-Identifier: GPL-2.0
/*
 * many memory tcp|ktls|quic N	kernel memory of a connection, both ends, once N are idle
 * many accept N STEP		what the setting up of a connection costs, for each STEP of N that stay
 * many hold quic|tcp N CMD...	run a command while N connections are idle
 * many burst NETNS HOST N	round trips from NETNS to HOST before, and while N clients come at once
 * many flood NETNS HOST N PER_MS HOW	the same while N Initial packets are thrown at the listener (many_flood.c)
 * many senders N BYTES	N clients send so much each to one server: how long it takes
 * many tiny STREAMS WRITES	writes of ten bytes, one on each stream in turn: how full packets are
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "many.h"

#define PORTS	20000		/* clients an address of the loopback has room for */
#define SETTLE	5		/* seconds until nothing is on its way, and idle connections gave back what they can */

/* An hour of silence is fine. */
static const struct quic_transport_param patient = { .max_idle_timeout = 3600000000u };
const struct pair_opts many_opts = { .client = &patient, .server = &patient };

static int *held;		/* descriptors */
static unsigned int nheld;

uint64_t many_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

int many_enter(const char *netns)
{
	char name[256];
	int old = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd;

	snprintf(name, sizeof(name), "/run/netns/%s", netns);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (old < 0 || fd < 0 || setns(fd, CLONE_NEWNET))
		bench_die("%s: %s", name, strerror(errno));
	close(fd);
	return old;
}

void many_leave(int ns)
{
	if (setns(ns, CLONE_NEWNET))
		bench_die("setns: %s", strerror(errno));
	close(ns);
}

int many_listen(in_addr_t host, struct sockaddr_in *a)
{
	socklen_t len = sizeof(*a);
	int sd = sock_new(AF_INET, SOCK_STREAM);

	*a = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = host };
	if (sd < 0 || set_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &patient, sizeof(patient)) ||
	    bind(sd, (void *)a, len) || getsockname(sd, (void *)a, &len) || listen(sd, 1024))
		bench_die("listen: %s", strerror(errno));
	return sd;
}

int many_client(const struct sockaddr_in *a, unsigned int nth)
{
	struct sockaddr_in own = { .sin_family = AF_INET };
	int sd = sock_new(AF_INET, SOCK_STREAM);

	if (a->sin_addr.s_addr == htonl(INADDR_LOOPBACK))
		own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + ((nth / PORTS) << 8));
	if (sd < 0 || set_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &patient, sizeof(patient)) ||
	    bind(sd, (void *)&own, sizeof(own)) || connect(sd, (void *)a, sizeof(*a)))
		bench_die("client %u: %s", nth, strerror(errno));
	return sd;
}

void many_hello(int sd)
{
	if (send_level(sd, QUIC_CRYPTO_INITIAL, "hello from the client", 21, 0) != 21)
		bench_die("hello: %s", strerror(errno));
}

void many_pair(struct pair *p, const struct sockaddr_in *a, unsigned int nth)
{
	if (p->client < 0)
		p->client = many_client(a, nth);
	many_hello(p->client);
	set_timeo(p->client, 10000);
	if (pair_accept(p) || pair_handshake(p, &many_opts))
		bench_die("connection %u: %s: %s", nth, pair_step, strerror(errno));
}

static void hold(int sd)
{
	held = realloc(held, (nheld + 1) * sizeof(*held));
	if (!held)
		bench_die("no memory");
	held[nheld++] = sd;
}

static void descriptors(unsigned int n)
{
	struct rlimit r = { n, n };

	if (setrlimit(RLIMIT_NOFILE, &r))
		bench_die("%u descriptors: %s", n, strerror(errno));
}

/* --- connections of each kind --- */

static void quic_some(unsigned int n)
{
	static struct sockaddr_in a;
	static unsigned int nth;
	static struct pair p;

	if (!nth)
		p.listener = many_listen(htonl(INADDR_LOOPBACK), &a);
	for (; n; n--) {
		p.client = -1;
		many_pair(&p, &a, nth++);
		hold(p.client);
		hold(p.server);
	}
}

static void tcp_some(struct bench_link *link, unsigned int n)
{
	static unsigned int nth;

	if (!nth)
		bench_listen(link, link->proto);
	for (; n; n--, nth++) {
		int sd = bench_connect(link);

		hold(sd);
		hold(bench_accept(link));
	}
}

static void some(struct bench_link *link, unsigned int n)
{
	if (link->proto == BENCH_QUIC)
		quic_some(n);
	else
		tcp_some(link, n);
}

/* --- memory --- */

struct memory {
	long long free, slab, user;	/* KiB */
};

static long long field(const char *text, const char *name)
{
	const char *p = strstr(text, name);

	if (!p)
		bench_die("no %s in /proc/meminfo", name);
	return atoll(p + strlen(name));
}

static void memory_read(struct memory *m)
{
	char text[8192] = "";
	FILE *f = fopen("/proc/meminfo", "r");

	if (!f || !fread(text, 1, sizeof(text) - 1, f))
		bench_die("/proc/meminfo: %s", strerror(errno));
	fclose(f);
	m->free = field(text, "MemFree:");
	m->slab = field(text, "\nSlab:");
	m->user = field(text, "AnonPages:") + field(text, "PageTables:");
}

static int memory(struct bench_link *link, unsigned int n)
{
	struct memory a, b;
	double bytes, slab;

	descriptors(2 * n + 400);
	held = calloc(2 * n + 200, sizeof(*held));
	some(link, 50);		/* what the first ones cost besides */
	sleep(SETTLE);
	memory_read(&a);
	some(link, n);
	sleep(SETTLE);
	memory_read(&b);
	bytes = ((a.free - b.free) - (b.user - a.user)) * 1024.0 / n;
	slab = (b.slab - a.slab) * 1024.0 / n;
	printf("memory proto=%s n=%u bytes=%.0f slab=%.0f\n", bench_name[link->proto], n, bytes, slab);
	return 0;
}

/* --- accept --- */

static int accepting(struct bench_link *link, unsigned int n, unsigned int step)
{
	struct bench_moment begin, end;
	unsigned int i;

	bench_coarse();
	descriptors(2 * n + 400);
	some(link, 100);
	for (i = 0; i < n; i += step) {
		bench_moment_begin(&begin);
		some(link, step);
		bench_moment_end(&end);
		printf("accept proto=%s at=%u step=%u cost=%.0f\n", bench_name[link->proto], i, step,
		       bench_busy(&begin, &end) / step);
		fflush(stdout);
	}
	return 0;
}

static int holding(struct bench_link *link, unsigned int n, char **argv)
{
	int status;
	pid_t pid;

	descriptors(2 * n + 400);
	if (n)
		some(link, n);
	sleep(SETTLE);
	pid = fork();
	if (!pid) {
		unsigned int i;

		for (i = 0; i < nheld; i++)
			close(held[i]);
		execvp(argv[0], argv);
		bench_die("%s: %s", argv[0], strerror(errno));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		bench_die("fork: %s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static unsigned int number(const char *s)
{
	return strtoul(s, NULL, 10);
}

int main(int argc, char **argv)
{
	struct bench_link link = { .proto = BENCH_QUIC };
	const char *what = argc > 1 ? argv[1] : "";

	if (argc == 4 && !strcmp(what, "tiny"))
		return many_tiny(number(argv[2]), number(argv[3]));
	if (argc == 4 && !strcmp(what, "senders"))
		return many_senders(number(argv[2]), number(argv[3]));
	if (argc == 5 && !strcmp(what, "burst")) {
		descriptors(number(argv[4]) + 2000);
		return many_burst(argv[2], argv[3], number(argv[4]));
	}
	if (argc == 7 && !strcmp(what, "flood")) {
		descriptors(4096);
		return many_flood(argv[2], argv[3], number(argv[4]), number(argv[5]), argv[6]);
	}
	if (argc < 4)
		goto usage;
	link.proto = bench_proto_named(argv[2]);
	if (link.proto == BENCH_PROTOS)
		goto usage;
	if (argc == 4 && !strcmp(what, "memory"))
		return memory(&link, number(argv[3]));
	if (argc == 5 && !strcmp(what, "accept"))
		return accepting(&link, number(argv[3]), number(argv[4]));
	if (argc > 4 && !strcmp(what, "hold"))
		return holding(&link, number(argv[3]), argv + 4);
usage:
	fputs("usage: many memory|accept|hold PROTO N..., burst NETNS HOST N, flood NETNS HOST N PER_MS HOW,"
	      " senders N BYTES,"
	      " tiny STREAMS WRITES\n", stderr);
	return 2;
}
