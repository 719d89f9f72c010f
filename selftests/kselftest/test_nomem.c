// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is not to be had, one allocation after the other: each call then fails with an errno
 * that says so or does without, nothing breaks, and nothing stays behind (the debug kernel looks
 * afterwards). Then some of all allocations in softirq, while data arrives whole all the same.
 * guest: --limit 900
 */
#include <fcntl.h>
#include <sys/mount.h>

#include "counter.h"
#include "files.h"
#include "ktap.h"

#define DEBUG	"/sys/kernel/debug/"

static const struct pair_opts plain = {};

static int put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY), n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -1 : 0;
}

/* Can it fail allocations? The debug kernel must. */
static bool fault_kernel(void)
{
	return !access(DEBUG "failslab", F_OK) || !access(DEBUG "kmemleak", F_OK);
}

/* In silence: a backtrace for each would be taken for trouble. */
static bool faults_ready(void)
{
	return !put(DEBUG "failslab/verbose", "0") && !put(DEBUG "fail_page_alloc/verbose", "0") &&
	       !put(DEBUG "fail_usercopy/verbose", "0") && !access("/proc/self/fail-nth", F_OK);
}

/* The @n-th allocation of this thread from now on fails; 0: none. */
static void fail_nth(unsigned int n)
{
	char text[12];

	snprintf(text, sizeof(text), "%u", n);
	put("/proc/thread-self/fail-nth", text);
}

/* Did it? */
static bool failed_nth(void)
{
	char text[12] = "";
	int fd = open("/proc/thread-self/fail-nth", O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return false;
	close(fd);
	return atoi(text) == 0;
}

static bool says_so(int err)
{
	return err == ENOMEM || err == ENOBUFS || err == ENOSPC || err == EFAULT || err == EAGAIN ||
	       err == ENFILE;
}

/* --- one call --- */

static struct pair p;
static int fd;

static int do_socket(void)
{
	fd = sock_new(AF_INET, 0);
	return fd;
}

static int do_bind(void)
{
	struct sockaddr_storage a;
	socklen_t len = addr_loopback(&a, AF_INET, false, 0);

	return bind(fd, (void *)&a, len);
}

static int do_listen(void)
{
	return listen(fd, 8);
}

static int do_connect(void)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);

	if (getsockname(p.listener, (void *)&a, &len))
		return -1;
	return connect(fd, (void *)&a, len);
}

static int do_open(void)
{
	struct quic_stream_info info = { .stream_id = -1 };
	socklen_t len = sizeof(info);

	return get_opt(p.client, QUIC_SOCKOPT_STREAM_OPEN, &info, &len);
}

static int do_file(void)
{
	fd = open_file(p.client, 0, NULL);
	return fd;
}

static int do_send(void)
{
	static char buf[20000];

	return send_stream(p.client, -1, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN, buf,
			   sizeof(buf), MSG_DONTWAIT) > 0 ? 0 : -1;
}

static int do_info(void)
{
	struct quic_info info = {};
	socklen_t len = sizeof(info);

	return get_opt(p.client, QUIC_SOCKOPT_INFO, &info, &len);
}

static int do_key_update(void)
{
	return set_opt(p.client, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0);
}

static int do_params(void)
{
	const struct quic_transport_param tp = { .max_data = 1 << 20 };

	return set_opt(fd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, sizeof(tp));
}

static const struct call {
	const char *name;
	int (*run)(void);
	int (*before)(void);
	bool makes_fd;
} calls[] = {
	{ "socket", do_socket, NULL, true },
	{ "bind", do_bind, do_socket, false },
	{ "listen", do_listen, do_bind, false },
	{ "connect", do_connect, do_socket, false },
	{ "setsockopt", do_params, do_socket, false },
	{ "stream open", do_open, NULL, false },
	{ "stream descriptor", do_file, NULL, true },
	{ "sendmsg", do_send, NULL, false },
	{ "info", do_info, NULL, false },
	{ "key update", do_key_update, NULL, false },
};

/* What came is read, so that there is room again. */
static void read_all(int sd)
{
	static char buf[65536];

	while (recv(sd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
}

/* Every allocation of one call, until it makes no more. Return: how many, or -1 */
static int each_allocation(const struct call *c)
{
	unsigned int n;
	int ret, err;

	for (n = 1; n < 200; n++) {
		fd = -1;
		if (c->before && (c->before == do_bind ? do_socket() < 0 || do_bind() :
				  c->before() < 0))
			return -1;
		fail_nth(n);
		errno = 0;
		ret = c->run();
		err = errno;
		bool hit = failed_nth();

		fail_nth(0);
		if (fd >= 0)
			close(fd);
		read_all(p.server);
		usleep(20000);
		if (ret < 0 && !says_so(err)) {
			printf("# %s, allocation %u: %s\n", c->name, n, strerror(err));
			return -1;
		}
		if (!hit)
			return n - 1;
	}
	return -1;
}

static void one_call(void)
{
	unsigned int i;
	int n;

	if (!fault_kernel())
		SKIP("the kernel injects no faults");
	CHECK(faults_ready());
	CHECK(!put(DEBUG "failslab/ignore-gfp-wait", "N"));
	CHECK(!put(DEBUG "fail_page_alloc/ignore-gfp-wait", "N"));
	CHECK(!put(DEBUG "fail_page_alloc/min-order", "0"));
	CHECK(!pair_open(&p, &plain));
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		n = each_allocation(&calls[i]);
		printf("# %s: %d\n", calls[i].name, n);
		CHECK(n > 0);
	}
	/* It is as good as before. */
	CHECK_EQ(send_stream(p.client, -1, MSG_QUIC_STREAM_NEW, "good", 4, 0), 4);
	char buf[8];

	CHECK_EQ(recv(p.server, buf, sizeof(buf), 0), 4);
	pair_close(&p);
}

/* --- a whole connection --- */

static void connection(void)
{
	unsigned int n, hits = 0, lived = 0;

	if (!fault_kernel())
		SKIP("the kernel injects no faults");
	CHECK(faults_ready());
	for (n = 1; n < 400; n += 3) {
		struct pair q = { -1, -1, -1 };
		bool hit;
		int err;

		fail_nth(n);
		err = pair_begin(&q, &plain) || pair_handshake(&q, &plain) || pair_echo(&q);
		hit = failed_nth();
		fail_nth(0);
		pair_close(&q);
		usleep(50000);
		hits += hit;
		lived += hit && !err;
		if (!hit)
			break;
	}
	printf("# %u allocations failed, %u of the connections lived on\n", hits, lived);
	CHECK(hits > 20);
	CHECK(!pair_open(&p, &plain));
	CHECK(!pair_echo(&p));
	pair_close(&p);
}

/* --- sleeping --- */

/*
 * While there are no pages at all a blocking send sleeps until its time is over, and poll() does
 * not say that there is room; then both go on.
 */
static void no_pages(void)
{
	const struct timeval wait = { .tv_usec = 600000 };
	const int room = 400000;
	static char buf[120000];
	struct pollfd out;
	ssize_t n, again;
	int err, before, after;
	bool ready;

	if (!fault_kernel())
		SKIP("the kernel injects no faults");
	CHECK(faults_ready());
	CHECK(!put("/proc/self/make-it-fail", "1"));
	memset(buf, 1, sizeof(buf));
	CHECK(!pair_open(&p, &plain));
	out = (struct pollfd){ p.client, POLLOUT, 0 };
	CHECK(!setsockopt(p.client, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)));
	/* A size the kernel may not change: else a full buffer is what it would wait for. */
	CHECK(!setsockopt(p.client, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)));
	/* No page that was acknowledged is there to be used again. */
	CHECK(!system("tc qdisc add dev lo root netem delay 2s"));
	ready = !put(DEBUG "fail_page_alloc/task-filter", "Y") &&
		!put(DEBUG "fail_page_alloc/ignore-gfp-wait", "N") &&
		!put(DEBUG "fail_page_alloc/min-order", "0") &&
		!put(DEBUG "fail_page_alloc/times", "-1") &&
		!put(DEBUG "fail_page_alloc/probability", "100");
	n = send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, buf, sizeof(buf), 0);
	err = errno;
	again = send_stream(p.client, 0, n > 0 ? 0 : MSG_QUIC_STREAM_NEW, buf, 1000, MSG_DONTWAIT);
	before = poll(&out, 1, 0);
	/* Before anything is judged: who comes next wants memory. */
	put(DEBUG "fail_page_alloc/probability", "0");
	put(DEBUG "fail_page_alloc/task-filter", "N");
	after = poll(&out, 1, 300);
	CHECK(!system("tc qdisc del dev lo root"));
	CHECK(ready);
	/* Who does not sleep is not told that he may write, but when it is time to try again. */
	CHECK_EQ(again, -1);
	CHECK_EQ(before, 0);
	CHECK_EQ(after, 1);
	printf("# %zd bytes taken\n", n);
	CHECK(n < (ssize_t)sizeof(buf));
	CHECK(n > 0 || err == EAGAIN || err == ENOSPC);
	n = n > 0 ? n : 0;
	CHECK_EQ(send_stream(p.client, 0, n ? 0 : MSG_QUIC_STREAM_NEW, buf, sizeof(buf) - n, 0),
		 sizeof(buf) - n);
	CHECK_EQ(recv(p.server, buf, sizeof(buf), MSG_WAITALL), sizeof(buf));
	pair_close(&p);
}

/* --- softirq --- */

static void some(void)
{
	enum { STEP = 20000, LEAST = 2000000, MOST = 40000000 };
	static uint8_t buf[STEP];
	uint32_t flags, in = 0, out;
	bool met = false, bad = false;
	long nobuf = counter("QuicInNoBuffer");
	int64_t sid;
	ssize_t n;

	if (!fault_kernel())
		SKIP("the kernel injects no faults");
	CHECK(faults_ready());
	CHECK(!pair_open(&p, &plain));
	CHECK(!put(DEBUG "failslab/ignore-gfp-wait", "Y"));
	CHECK(!put(DEBUG "failslab/times", "-1"));
	CHECK(!put(DEBUG "failslab/probability", "2"));
	/* Which allocations they are is chance: until one was for a train. */
	for (out = 0; !bad && (out < LEAST || (!met && out < MOST)); out += STEP) {
		pattern_fill(buf, STEP, 0, out);
		bad = send_stream(p.client, 0, out ? 0 : MSG_QUIC_STREAM_NEW, buf, STEP, 0) != STEP;
		while (!bad && in < out) {
			n = recv_stream(p.server, &sid, &flags, buf, STEP, 0);
			bad = n <= 0 || !pattern_ok(buf, n, 0, in);
			in += n;
		}
		met = out >= LEAST && counter("QuicInNoBuffer") > nobuf;
	}
	put(DEBUG "failslab/probability", "0");
	CHECK(!bad);
	CHECK(counter("QuicInNoBuffer") > nobuf);
	while (in < out) {
		n = recv_stream(p.server, &sid, &flags, buf, STEP, 0);
		CHECK(n > 0 && pattern_ok(buf, n, 0, in));
		in += n;
	}
	pair_close(&p);
}

static const struct ktap_case cases[] = {
	{ "each allocation of a call", one_call },
	{ "each third allocation of a connection's life", connection },
	{ "sending without pages", no_pages },
	{ "some of those in softirq, while data arrives", some },
};

KTAP_MAIN(cases)
