// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * quic-bench: what moving bytes over loopback costs the whole machine, both ends and the stack
 * between them. A child sends, the parent receives and looks at the clock: after the warm-up, and
 * again when the bytes to measure have come. With --rounds the two take turns instead, each one
 * message a round trip. Each run prints one line of key=value.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <netinet/quic.h>
#include "bench.h"

#define READ_SIZE	(64 << 10)
#define WRITE_MAX	(1 << 20)
#define FILE_SIZE	(4 << 20)	/* of what sendfile() sends again and again */

struct test {
	enum bench_proto proto;
	size_t write_size;
	uint64_t warm, bytes;	/* before the measured ones; these */
	unsigned int runs;
	unsigned int rounds;	/* messages of write_size to and fro; 0: bytes one way */
	unsigned int streams;	/* others that are open, QUIC only */
	bool file;		/* sendfile() */
	bool zc;		/* without a copy */
	const char *share;	/* only what the receiver and these kernel threads do */
	const char *address, *netns;
};

struct result {
	struct bench_moment begin, end;
	uint64_t share;		/* ns, with test.share */
	bool zc;		/* this kernel can */
	uint64_t got;		/* bytes between the two */
	uint64_t reads;
	uint64_t gap;		/* longest wait for the next byte, ns */
	struct quic_info sender, receiver;
};

static const char help[] =
"usage: quic-bench [OPTION]... tcp|ktls|quic...\n"
"       quic-bench --calibrate\n"
"Sends bytes through a connection over 127.0.0.1 and prints what that cost: processor time of the whole\n"
"machine, without idling, per byte. Only in a guest that counts one instruction a nanosecond\n"
"(selftests/vm/run --icount) are these instructions; --calibrate prints 1.00 there.\n"
"  -w, --write BYTES    size of a write (16384)\n"
"  -b, --bytes BYTES    measured bytes (33554432)\n"
"  -W, --warm BYTES     bytes before them (16777216)\n"
"  -R, --rounds N       round trips of such writes instead; the cost is of one\n"
"  -r, --runs N         connections, one after another (3)\n"
"  -C, --coarse         idle time in steps of 10 ms: for where thousands of timers run\n"
"  -c, --calibrate      only run the loop of known length\n"
"  -h, --help           this\n";

static void get_info(int sd, struct quic_info *info)
{
	socklen_t len = sizeof(*info);

	if (getsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_INFO, info, &len))
		bench_die("QUIC_SOCKOPT_INFO: %s", strerror(errno));
}

/* --- round trips --- */

static void get_message(const struct bench_link *link, int sd, char *buf, size_t len)
{
	size_t n;

	for (; len; len -= n, buf += n) {
		n = bench_recv(link, sd, buf, len);
		if (!n)
			bench_die("%zu bytes too few", len);
	}
}

/* The parent's end. A quarter as many before they count. */
static void answerer(const struct test *t, const struct bench_link *link, int sd, struct result *r)
{
	unsigned int i, warm = t->rounds / 4;
	char *buf = malloc(t->write_size);

	if (!buf)
		bench_die("no memory");
	for (i = 0; i < warm + t->rounds; i++) {
		if (i == warm)
			bench_moment_begin(&r->begin);
		get_message(link, sd, buf, t->write_size);
		bench_send(link, sd, buf, t->write_size, false);
	}
	bench_moment_end(&r->end);
	r->got = t->rounds;
	free(buf);
}

static void asker(const struct test *t, const struct bench_link *link, int sd, char *buf)
{
	unsigned int i;

	for (i = 0; i < t->rounds / 4 + t->rounds; i++) {
		bench_send(link, sd, buf, t->write_size, false);
		get_message(link, sd, buf, t->write_size);
	}
}

/* --- the child --- */

/* A byte on each of the other streams, then the one that counts. */
static void open_streams(const struct test *t, int sd)
{
	struct quic_stream_info si = { .stream_id = -1 };
	socklen_t len = sizeof(si);
	unsigned int i;

	for (i = 0; i < t->streams; i++)
		if (quic_sendmsg(sd, "i", 1, -1, MSG_QUIC_STREAM_NEW) != 1)
			bench_die("stream %u: %s", i, strerror(errno));
	if (getsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_STREAM_OPEN, &si, &len))
		bench_die("QUIC_SOCKOPT_STREAM_OPEN: %s", strerror(errno));
}

static int cached_file(void)
{
	char name[] = "/tmp/quic-bench.XXXXXX", *buf = calloc(1, FILE_SIZE);
	int fd = mkstemp(name);

	if (!buf || fd < 0 || write(fd, buf, FILE_SIZE) != FILE_SIZE)
		bench_die("%s: %s", name, strerror(errno));
	unlink(name);
	free(buf);
	return fd;
}

static void send_file(const struct test *t, int sd, uint64_t left)
{
	int fd = cached_file();
	off_t off = 0;
	ssize_t n;

	for (; left; left -= n) {
		if (off == FILE_SIZE)
			off = 0;
		n = t->write_size < left ? t->write_size : left;
		if (n > FILE_SIZE - off)
			n = FILE_SIZE - off;
		n = sendfile(sd, fd, &off, n);
		if (n <= 0)
			bench_die("sendfile: %s", strerror(errno));
	}
	close(fd);
}

static void send_bytes(const struct test *t, const struct bench_link *link, int sd, const char *buf, uint64_t left)
{
	while (left) {
		size_t n = left < t->write_size ? left : t->write_size;

		left -= n;
		bench_send(link, sd, buf, n, !left);
	}
}

struct report {		/* the child's, at its end */
	struct quic_info info;
	bool zc;
};

/* @ctl: the parent closes its end when all has arrived; then it gets our counters. */
static void sender(const struct test *t, const struct bench_link *link, int ctl)
{
	struct report report = { .zc = t->zc };
	char *buf = malloc(t->write_size), c;
	int sd = bench_connect(link), to = sd;

	if (!buf)
		bench_die("no memory");
	memset(buf, 'q', t->write_size);
	if (link->proto == BENCH_QUIC && t->file)
		to = bench_stream(sd, &report.zc);
	else if (link->proto == BENCH_QUIC)
		open_streams(t, sd);
	if (t->rounds)
		asker(t, link, sd, buf);
	else if (t->file)
		send_file(t, to, t->warm + t->bytes);
	else
		send_bytes(t, link, sd, buf, t->warm + t->bytes);
	if (read(ctl, &c, 1) != 1)
		bench_die("the receiver is gone");
	if (link->proto == BENCH_QUIC)
		get_info(sd, &report.info);
	if (write(ctl, &report, sizeof(report)) != sizeof(report))
		bench_die("the receiver is gone");
	close(sd);
	exit(0);
}

/* --- the parent --- */

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void receiver(const struct test *t, const struct bench_link *link, int sd, struct result *r)
{
	uint64_t warm = t->warm + t->streams, total = warm + t->bytes, got = 0, began = 0, last, now;
	static char buf[READ_SIZE];
	size_t n;

	while (got < warm) {
		n = bench_recv(link, sd, buf, sizeof(buf));
		if (!n)
			break;
		got += n;
	}
	if (t->share)
		r->share = bench_share(t->share, false);
	bench_moment_begin(&r->begin);
	began = got;
	last = r->begin.ns;
	while (got < total) {
		n = bench_recv(link, sd, buf, sizeof(buf));
		if (!n)
			bench_die("%llu bytes too few", (unsigned long long)(total - got));
		got += n;
		r->reads++;
		now = clock_ns();
		if (now - last > r->gap)
			r->gap = now - last;
		last = now;
	}
	bench_moment_end(&r->end);
	if (t->share)
		r->share = bench_share(t->share, true) - r->share;
	r->got = got - began;
}

static void one_run(const struct test *t, struct result *r)
{
	struct bench_link link = { .address = t->address, .netns = t->netns, .streams = t->streams };
	struct report report;
	int ctl[2], sd, status;
	pid_t child;

	memset(r, 0, sizeof(*r));
	bench_listen(&link, t->proto);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ctl))
		bench_die("socketpair: %s", strerror(errno));
	fflush(NULL);
	child = fork();
	if (child < 0)
		bench_die("fork: %s", strerror(errno));
	if (!child) {
		close(ctl[0]);
		close(link.listener);
		sender(t, &link, ctl[1]);
	}
	close(ctl[1]);
	sd = bench_accept(&link);
	if (t->rounds)
		answerer(t, &link, sd, r);
	else
		receiver(t, &link, sd, r);
	if (t->proto == BENCH_QUIC)
		get_info(sd, &r->receiver);
	if (write(ctl[0], "", 1) != 1 || read(ctl[0], &report, sizeof(report)) != sizeof(report))
		bench_die("the sender is gone");
	r->sender = report.info;
	r->zc = report.zc;
	close(ctl[0]);
	close(sd);
	bench_unlisten(&link);
	if (waitpid(child, &status, 0) != child || status)
		bench_die("the sender failed");
}

static void print_result(const struct test *t, const struct result *r)
{
	double busy = t->share ? r->share : bench_busy(&r->begin, &r->end);

	if (t->rounds)
		printf("round ");
	if (t->file)
		printf(r->zc ? "file zc " : "file ");
	if (t->share)
		printf("share ");
	if (t->streams)
		printf("streams=%u ", t->streams);
	printf("proto=%s write=%zu bytes=%llu busy=%.0f elapsed=%llu reads=%llu gap=%llu cost=%.4f",
	       bench_name[t->proto], t->write_size, (unsigned long long)r->got, busy,
	       (unsigned long long)(r->end.ns - r->begin.ns), (unsigned long long)r->reads,
	       (unsigned long long)r->gap, busy / r->got);
	if (t->proto == BENCH_QUIC)
		printf(" pmtu=%u packets=%llu acks=%llu lost=%llu spurious=%llu again=%llu dropped=%llu",
		       r->sender.pmtu, (unsigned long long)r->sender.packets_sent,
		       (unsigned long long)r->receiver.packets_sent,
		       (unsigned long long)r->sender.packets_lost,
		       (unsigned long long)r->sender.packets_spurious,
		       (unsigned long long)r->sender.packets_retransmitted,
		       (unsigned long long)r->receiver.packets_dropped);
	putchar('\n');
	fflush(stdout);
}

static uint64_t number(const char *arg, uint64_t min, uint64_t max)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(arg, &end, 0);
	if (errno || end == arg || *end || n < min || n > max)
		bench_die("%s: a number from %llu to %llu is wanted", arg,
			  (unsigned long long)min, (unsigned long long)max);
	return n;
}

static const struct option options[] = {
	{ "write", required_argument, NULL, 'w' },
	{ "bytes", required_argument, NULL, 'b' },
	{ "warm", required_argument, NULL, 'W' },
	{ "runs", required_argument, NULL, 'r' },
	{ "rounds", required_argument, NULL, 'R' },
	{ "file", no_argument, NULL, 'f' },
	{ "zerocopy", no_argument, NULL, 'z' },
	{ "streams", required_argument, NULL, 's' },
	{ "address", required_argument, NULL, 'a' },
	{ "netns", required_argument, NULL, 'n' },
	{ "share", required_argument, NULL, 'S' },
	{ "coarse", no_argument, NULL, 'C' },
	{ "calibrate", no_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Return: -1 to go on, or the exit status */
static int option(struct test *t, int c)
{
	switch (c) {
	case 'w':
		t->write_size = number(optarg, 1, WRITE_MAX);
		break;
	case 'b':
		t->bytes = number(optarg, 1, 1ull << 40);
		break;
	case 'W':
		t->warm = number(optarg, 0, 1ull << 40);
		break;
	case 'r':
		t->runs = number(optarg, 1, 1000);
		break;
	case 'R':
		t->rounds = number(optarg, 4, 100000000);
		break;
	case 'z':
		t->zc = true;
		/* fallthrough */
	case 'f':
		t->file = true;
		break;
	case 's':
		t->streams = number(optarg, 0, 16383);
		break;
	case 'a':
		t->address = optarg;
		break;
	case 'n':
		t->netns = optarg;
		break;
	case 'S':
		t->share = optarg;
		break;
	case 'C':
		bench_coarse();
		break;
	case 'c':
		printf("calibrate=%.4f\n", bench_calibrate());
		return 0;
	case 'h':
		fputs(help, stdout);
		return 0;
	default:
		fputs(help, stderr);
		return 2;
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct test t = { .write_size = 16384, .warm = 16 << 20, .bytes = 32 << 20, .runs = 3 };
	struct result r;
	unsigned int i;
	int c;

	while ((c = getopt_long(argc, argv, "w:b:W:r:R:fzs:a:n:S:Cch", options, NULL)) >= 0) {
		c = option(&t, c);
		if (c >= 0)
			return c;
	}
	if (optind == argc) {
		fputs(help, stderr);
		return 2;
	}
	for (; optind < argc; optind++) {
		t.proto = bench_proto_named(argv[optind]);
		if (t.proto == BENCH_PROTOS)
			bench_die("%s: not tcp, ktls or quic", argv[optind]);
		for (i = 0; i < t.runs; i++) {
			one_run(&t, &r);
			print_result(&t, &r);
		}
	}
	return 0;
}
