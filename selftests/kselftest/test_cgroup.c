// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of sockets is their cgroup's, and its limit holds: against a peer that sends what nobody
 * reads, and against a program that writes what nobody takes. Others go on meanwhile, nobody is
 * killed, and when reading goes on so does the connection, to the last byte. guest: --mem 768M
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fdpass.h"
#include "half.h"
#include "ktap.h"

#define GROUP	"/tmp/quic-cgroup/limited"
#define LIMIT	(12 << 20)
#define STALE	(64 << 10)	/* memory.stat may be that much behind */
#define LEFT	(1 << 20)	/* of what is closed: pages of the program, per CPU stocks */
#define SLACK	(1 << 20)	/* what softirq may take beyond: core allocations, a burst */

static const struct pair_opts plain = {};

static int put(const char *file, const char *text)
{
	char path[128];
	int fd, n;

	snprintf(path, sizeof(path), GROUP "/%s", file);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -1 : 0;
}

/* The number behind @key (NULL: the first) in a file of the cgroup; -1: none */
static long long get(const char *file, const char *key)
{
	char path[128], name[64];
	long long v = -1;
	FILE *f;

	snprintf(path, sizeof(path), GROUP "/%s", file);
	f = fopen(path, "r");
	if (!f)
		return -1;
	if (!key)
		v = fscanf(f, "%lld", &v) == 1 ? v : -1;
	while (key && fscanf(f, "%63s %lld", name, &v) == 2 && strcmp(name, key))
		v = -1;
	fclose(f);
	return v;
}

static bool cgroup_made(const char *limit)
{
	static bool mounted;
	int fd, n;

	mkdir("/tmp/quic-cgroup", 0755);
	if (!mounted && mount("none", "/tmp/quic-cgroup", "cgroup2", 0, NULL))
		return false;
	mounted = true;
	rmdir(GROUP);		/* of a case that failed */
	fd = open("/tmp/quic-cgroup/cgroup.subtree_control", O_WRONLY);
	n = write(fd, "+memory", 7);
	close(fd);
	if (n != 7)
		return false;
	return !mkdir(GROUP, 0755) && !put("memory.max", limit);
}

static void join(void)
{
	if (put("cgroup.procs", "0"))
		_exit(50);
}

static int status_of(pid_t pid)
{
	int st;

	if (waitpid(pid, &st, 0) != pid)
		return -1;
	return WIFEXITED(st) ? WEXITSTATUS(st) : 100 + WTERMSIG(st);
}

/* All sockets of this pair are the cgroup's, but who has them is not in it. */
static int pair_in_group(struct pair *p)
{
	int us[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, us))
		return -1;
	pid = fork();
	if (!pid) {
		join();
		_exit(pair_open(p, &plain) || fd_send(us[1], p->client, 0) || fd_send(us[1], p->server, 0) ||
		      fd_send(us[1], p->listener, 0));
	}
	close(us[1]);
	p->client = fd_recv(us[0]);
	p->server = fd_recv(us[0]);
	p->listener = fd_recv(us[0]);
	close(us[0]);
	return status_of(pid) || p->client < 0 || p->server < 0 || p->listener < 0 ? -1 : 0;
}

/* --- what was asked for is in the books --- */

static void charged(void)
{
	static char buf[1 << 20];
	long long unread, spare, idle;
	struct pair p;
	uint32_t flags;
	int64_t sid;
	size_t got;
	ssize_t n;
	int sd;

	if (!cgroup_made("max"))
		SKIP("no cgroup2 with memory");
	CHECK(!pair_in_group(&p));
	/* Charged to where they were made, whoever has them. */
	sd = p.client;
	fcntl(sd, F_SETFL, O_NONBLOCK);
	for (got = 0; got < sizeof(buf); got += n) {
		n = send_stream(sd, 0, got ? 0 : MSG_QUIC_STREAM_NEW, buf, 65536, 0);
		if (n <= 0)
			break;
	}
	CHECK(got >= 262144);
	usleep(20000);
	unread = get("memory.stat", "sock");
	CHECK(unread >= (long long)got);
	while (got) {
		n = recv_stream(p.server, &sid, &flags, buf, sizeof(buf), 0);
		CHECK(n > 0);
		got -= n;
	}
	/* Pages that go round, still; then the connection is idle. */
	spare = get("memory.stat", "sock");
	sleep(3);		/* so late, memory.stat may be */
	idle = get("memory.stat", "sock");
	printf("# sock: %lld unread, %lld spare, %lld idle\n", unread, spare, idle);
	CHECK(spare >= 4 * 32768);
	CHECK(idle <= 65536);
	pair_close(&p);
	sleep(5);
	CHECK(get("memory.stat", "sock") <= STALE);
	CHECK(!rmdir(GROUP));
}

/*
 * On a connection at rest what came is read, and it has nothing to tell of it with: whoever reads
 * must not be left in its cgroup, to which all that the kernel allocates for him would be charged.
 */
static void parked(void)
{
	static char buf[1 << 17];
	long long before, after;
	int i, fds[256][2];
	struct pair p;
	uint32_t flags;
	int64_t sid;

	if (!cgroup_made("max"))
		SKIP("no cgroup2 with memory");
	CHECK(!pair_in_group(&p));
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, buf, sizeof(buf), 0), sizeof(buf));
	sleep(4);
	CHECK(recv_stream(p.server, &sid, &flags, buf, sizeof(buf), 0) > 0);
	before = get("memory.current", NULL);
	for (i = 0; i < 256; i++)
		CHECK(!pipe(fds[i]) && fcntl(fds[i][0], F_SETPIPE_SZ, 1 << 20) > 0);
	after = get("memory.current", NULL);
	for (i = 0; i < 256; i++) {
		close(fds[i][0]);
		close(fds[i][1]);
	}
	printf("# %lld before, %lld after\n", before, after);
	/* 256 rings of 10 KiB would be 2.5 MiB; a processor takes 256 KiB from the cgroup at once. */
	CHECK(after < before + (1 << 20));
	pair_close(&p);
	sleep(5);
	CHECK(!rmdir(GROUP));
}

/* --- the limit --- */

/* As much on @streams streams as the peer takes within a second. */
static size_t push(int sd, unsigned int streams)
{
	static char buf[65536];
	uint8_t opened[64] = {};
	size_t sum = 0;
	unsigned int i, round;
	ssize_t n;

	fcntl(sd, F_SETFL, O_NONBLOCK);
	for (round = 0; round < 100; round++) {
		for (i = 0; i < streams; i++) {
			do {
				n = send_stream(sd, i * 4, opened[i] ? 0 : MSG_QUIC_STREAM_NEW, buf,
						sizeof(buf), MSG_DONTWAIT);
				opened[i] |= n > 0;
				sum += n > 0 ? n : 0;
			} while (n > 0);
		}
		usleep(10000);
	}
	return sum;
}

static size_t pull(int sd, size_t want)
{
	static char buf[1 << 18];
	uint32_t flags;
	int64_t sid;
	size_t sum = 0;
	ssize_t n;

	while (sum < want) {
		n = recv_stream(sd, &sid, &flags, buf, sizeof(buf), 0);
		if (n <= 0)
			break;
		sum += n;
	}
	return sum;
}

/* Somebody outside moves data all the time. Return: errors */
static int bystander(int stop)
{
	static char buf[65536];
	struct pair p;
	unsigned int i;

	if (pair_open(&p, &plain))
		return 1;
	fcntl(stop, F_SETFL, O_NONBLOCK);
	for (i = 0; i < 5000 && read(stop, buf, 1) < 0; i++) {
		if (send_stream(p.client, 0, i ? 0 : MSG_QUIC_STREAM_NEW, buf, sizeof(buf), 0) !=
			    sizeof(buf) || pull(p.server, sizeof(buf)) != sizeof(buf))
			return 2;
		usleep(20000);
	}
	return i < 100 ? 3 : 0;
}

#define CONNS	4

/* Servers in the cgroup that read nothing until told to, clients outside. */
static int limited_servers(int us, int *ls)
{
	/* Windows far beyond the limit: memory has to stop them. */
	const struct quic_transport_param tp = {
		.max_data = 16 << 20, .max_stream_data_bidi_remote = 16 << 20,
	};
	struct sockaddr_storage a;
	size_t want, sum;
	int sd[CONNS], i;
	socklen_t len;

	join();
	*ls = listen_any(&(struct pair_opts){ .server = &tp }, &a, &len);
	if (*ls < 0 || send(us, &a, sizeof(a), 0) != sizeof(a))
		return 1;
	for (i = 0; i < CONNS; i++) {
		sd[i] = accept(*ls, NULL, NULL);
		if (sd[i] < 0 || half_server(sd[i]))
			return 2;
	}
	for (i = 0; i < CONNS; i++) {
		if (recv(us, &want, sizeof(want), 0) != sizeof(want))
			return 3;
		sum = pull(sd[i], want);
		if (sum != want || send(us, &sum, sizeof(sum), 0) != sizeof(sum))
			return 4;
	}
	return 0;
}

static void receiving(void)
{
	long long top = 0, now;
	int us[2], stop[2], sd[CONNS], ls, i;
	struct sockaddr_storage a;
	size_t sum[CONNS], all = 0, got;
	pid_t pid, other;

	if (!cgroup_made("12M"))
		SKIP("no cgroup2 with memory");
	CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, us) && !pipe(stop));
	other = fork();
	if (!other)
		_exit(bystander(stop[0]));
	pid = fork();
	if (!pid)
		_exit(limited_servers(us[1], &ls));
	CHECK_EQ(recv(us[0], &a, sizeof(a), 0), (int)sizeof(a));
	for (i = 0; i < CONNS; i++) {
		sd[i] = half_connect(AF_INET, &a, sizeof(struct sockaddr_in));
		CHECK(sd[i] >= 0);
	}
	for (i = 0; i < CONNS; i++) {
		sum[i] = push(sd[i], 8);
		all += sum[i];
		now = get("memory.current", NULL);
		top = now > top ? now : top;
	}
	printf("# %zu bytes written, cgroup at %lld of %d\n", all, top, LIMIT);
	/* It was about as full as sockets may make it, and they had more to send. */
	CHECK(top > LIMIT / 4 * 3);
	CHECK(all > (size_t)top);
	CHECK(top <= LIMIT + SLACK);
	CHECK_EQ(get("memory.events", "oom_kill"), 0);
	for (i = 0; i < CONNS; i++) {
		CHECK_EQ(send(us[0], &sum[i], sizeof(sum[i]), 0), (int)sizeof(sum[i]));
		CHECK_EQ(recv(us[0], &got, sizeof(got), 0), (int)sizeof(got));
		CHECK_EQ(got, sum[i]);
		now = get("memory.current", NULL);
		CHECK(now <= LIMIT + SLACK);
	}
	CHECK_EQ(status_of(pid), 0);
	CHECK_EQ(write(stop[1], "x", 1), 1);
	CHECK_EQ(status_of(other), 0);
	for (i = 0; i < CONNS; i++)
		close(sd[i]);
	close(us[0]);
	close(us[1]);
	sleep(5);
	CHECK(get("memory.stat", "sock") <= STALE);
	CHECK(!rmdir(GROUP));
}

/* The other way: the writers are in the cgroup, with send buffers larger than it. */
static int limited_client(int us)
{
	int sd[CONNS], i, buf = 16 << 20;
	struct sockaddr_storage a;
	size_t sum;

	if (recv(us, &a, sizeof(a), 0) != sizeof(a))
		return 1;
	join();
	for (i = 0; i < CONNS; i++) {
		sd[i] = half_connect(AF_INET, &a, sizeof(struct sockaddr_in));
		if (sd[i] < 0 || setsockopt(sd[i], SOL_SOCKET, SO_SNDBUFFORCE, &buf, sizeof(buf)))
			return 2;
	}
	if (recv(us, &sum, 1, 0) != 1)
		return 6;
	for (i = 0; i < CONNS; i++) {
		sum = push(sd[i], 2);
		if (send(us, &sum, sizeof(sum), 0) != sizeof(sum))
			return 3;
	}
	/* Waits for memory, not for the peer: blocks, and goes on. */
	fcntl(sd[0], F_SETFL, 0);
	for (i = 0; i < 64; i++) {
		static char data[65536];

		if (send_stream(sd[0], 0, 0, data, sizeof(data), 0) != sizeof(data))
			return 4;
	}
	return recv(us, &sum, 1, 0) == 1 ? 0 : 5;
}

static void sending(void)
{
	long long top = 0, now;
	int us[2], sd[CONNS], ls, i;
	struct sockaddr_storage a;
	size_t sum[CONNS], all = 0;
	socklen_t len;
	pid_t pid;

	if (!cgroup_made("12M"))
		SKIP("no cgroup2 with memory");
	CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, us));
	const struct quic_transport_param tp = {
		.max_data = 16 << 20, .max_stream_data_bidi_remote = 16 << 20,
	};

	pid = fork();
	if (!pid)
		_exit(limited_client(us[1]));
	ls = listen_any(&(struct pair_opts){ .server = &tp }, &a, &len);
	CHECK(ls >= 0);
	CHECK_EQ(send(us[0], &a, sizeof(a), 0), (int)sizeof(a));
	for (i = 0; i < CONNS; i++) {
		sd[i] = accept(ls, NULL, NULL);
		CHECK(sd[i] >= 0);
		CHECK(!half_server(sd[i]));
	}
	/* A link so slow that what is written stays with the writers. */
	CHECK(!system("modprobe -q sch_tbf 2>/dev/null; "
		      "tc qdisc add dev lo root tbf rate 4mbit burst 128k limit 256k"));
	CHECK_EQ(send(us[0], "x", 1, 0), 1);
	for (i = 0; i < CONNS; i++) {
		CHECK_EQ(recv(us[0], &sum[i], sizeof(sum[i]), 0), (int)sizeof(sum[i]));
		all += sum[i];
		now = get("memory.current", NULL);
		top = now > top ? now : top;
	}
	printf("# %zu bytes written, cgroup at %lld of %d\n", all, top, LIMIT);
	CHECK(top > LIMIT / 4 * 3);
	CHECK(top <= LIMIT + SLACK);
	CHECK_EQ(get("memory.events", "oom_kill"), 0);
	CHECK(!system("tc qdisc del dev lo root"));
	sum[0] += 64 * 65536;
	for (i = 0; i < CONNS; i++)
		CHECK_EQ(pull(sd[i], sum[i]), sum[i]);
	CHECK_EQ(send(us[0], "x", 1, 0), 1);
	CHECK_EQ(status_of(pid), 0);
	for (i = 0; i < CONNS; i++)
		close(sd[i]);
	close(ls);
	close(us[0]);
	close(us[1]);
	sleep(5);
	CHECK(get("memory.stat", "sock") <= STALE);
	CHECK(!rmdir(GROUP));
}

/* --- connections --- */

/* As many as there are to be had; the cgroup's process may die of it, as with TCP's sockets. */
static int many(int us)
{
	struct rlimit nofile = { 20000, 20000 };
	static struct pair p[3000];
	int i;

	join();
	setrlimit(RLIMIT_NOFILE, &nofile);
	for (i = 0; i < 3000 && !pair_open(&p[i], &plain); i++)
		if (send(us, &i, sizeof(i), 0) != sizeof(i))
			return 1;
	return i == 3000 ? 2 : errno == ENOMEM || errno == ENOBUFS || errno == ETIMEDOUT ||
			       errno == EAGAIN ? 0 : 3;
}

static void connections(void)
{
	long long top = 0, now;
	int us[2], stop[2], n = 0, st;
	pid_t pid, other;

	if (!cgroup_made("12M"))
		SKIP("no cgroup2 with memory");
	CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, us) && !pipe(stop));
	other = fork();
	if (!other)
		_exit(bystander(stop[0]));
	pid = fork();
	if (!pid)
		_exit(many(us[1]));
	close(us[1]);
	while (recv(us[0], &n, sizeof(n), 0) == sizeof(n)) {
		now = get("memory.current", NULL);
		top = now > top ? now : top;
	}
	st = status_of(pid);
	printf("# %d pairs, cgroup at %lld of %d, status %d, %lld killed\n", n + 1, top, LIMIT, st,
	       get("memory.events", "oom_kill"));
	CHECK(n >= 50);
	CHECK(top > LIMIT / 4 * 3);
	CHECK(top <= LIMIT + SLACK);
	/* Refused, or killed for it and nobody else. */
	CHECK(st == 0 || st == 100 + SIGKILL);
	sleep(2);
	CHECK_EQ(write(stop[1], "x", 1), 1);
	CHECK_EQ(status_of(other), 0);
	close(us[0]);
	/* Who did not hear of it ends when idle. */
	for (n = 0; n < 70 && (now = get("memory.current", NULL)) > LEFT; n++)
		sleep(1);
	printf("# %lld left\n", now);
	CHECK(now <= LEFT);
	CHECK(!rmdir(GROUP));
}

/* --- killed --- */

/* Has sent, holds what it does not read, then asks for more than there is. */
static int glutton(int us)
{
	static char buf[65536];
	struct sockaddr_storage a;
	char *more;
	int sd, i;

	if (recv(us, &a, sizeof(a), 0) != sizeof(a))
		return 1;
	join();
	sd = half_connect(AF_INET, &a, sizeof(struct sockaddr_in));
	if (sd < 0)
		return 2;
	for (i = 0; i < 3; i++)
		if (send_stream(sd, 0, i ? 0 : MSG_QUIC_STREAM_NEW, buf, sizeof(buf), 0) != sizeof(buf))
			return 3;
	if (recv(us, buf, 1, 0) != 1)
		return 4;
	more = mmap(NULL, 2 * LIMIT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (more == MAP_FAILED)
		return 5;
	memset(more, 1, 2 * LIMIT);
	return 6;
}

static long long kills(void)
{
	long long v = -1;
	char name[64];
	FILE *f = fopen("/proc/vmstat", "r");

	while (f && fscanf(f, "%63s %lld", name, &v) == 2 && strcmp(name, "oom_kill"))
		v = -1;
	if (f)
		fclose(f);
	return v;
}

/* Who is killed for his cgroup's limit is one of it, and his peer outside is told of it. */
static void killed(void)
{
	static char buf[1 << 20];
	int us[2], stop[2], ls, sd;
	struct sockaddr_storage a;
	long long before = kills();
	pid_t pid, other;
	socklen_t len;
	uint32_t flags;
	int64_t sid;
	ssize_t n;

	if (!cgroup_made("12M"))
		SKIP("no cgroup2 with memory");
	CHECK(before >= 0);
	CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, us) && !pipe(stop));
	other = fork();
	if (!other)
		_exit(bystander(stop[0]));
	pid = fork();
	if (!pid)
		_exit(glutton(us[1]));
	ls = listen_any(&plain, &a, &len);
	CHECK(ls >= 0);
	CHECK_EQ(send(us[0], &a, sizeof(a), 0), (int)sizeof(a));
	sd = accept(ls, NULL, NULL);
	CHECK(sd >= 0 && !half_server(sd));
	/* What it will not have read */
	fcntl(sd, F_SETFL, O_NONBLOCK);
	CHECK(send_stream(sd, 1, MSG_QUIC_STREAM_NEW, buf, 131072, 0) > 0);
	fcntl(sd, F_SETFL, 0);
	CHECK(pull(sd, 65536) >= 65536);
	sleep(3);
	CHECK(get("memory.stat", "sock") >= 65536);
	CHECK_EQ(send(us[0], "x", 1, 0), 1);
	CHECK_EQ(status_of(pid), 100 + SIGKILL);
	CHECK_EQ(get("memory.events", "oom_kill"), 1);
	CHECK_EQ(kills(), before + 1);
	do {
		n = recv_stream(sd, &sid, &flags, buf, sizeof(buf), 0);
	} while (n > 0);
	CHECK(n == 0 || errno != EAGAIN);
	sleep(2);
	CHECK_EQ(write(stop[1], "x", 1), 1);
	CHECK_EQ(status_of(other), 0);
	close(sd);
	close(ls);
	close(us[0]);
	close(us[1]);
	sleep(5);
	CHECK(get("memory.stat", "sock") <= STALE);
	CHECK(!rmdir(GROUP));
}

static const struct ktap_case cases[] = {
	{ "what sockets hold is in memory.stat: unread, spare, given back", charged },
	{ "a connection at rest leaves nobody in its cgroup", parked },
	{ "a limit holds against peers that send", receiving },
	{ "a limit holds against writing", sending },
	{ "a limit holds against opening", connections },
	{ "who is killed is in the cgroup, and others go on", killed },
};

KTAP_MAIN(cases)
