// SPDX-License-Identifier: GPL-2.0
/*
 * MSG_ZEROCOPY, and the options of that and of files (test_zerocopy_file.c). What arrives when
 * packets are lost and when the bytes change meanwhile, and who is told what, and when, whatever
 * becomes of sender, peer and connection.
 */
#include <signal.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "zerocopy.h"

static void options(void)
{
	static const int names[] = { QUIC_SOCKOPT_ZEROCOPY_RO, QUIC_SOCKOPT_ZEROCOPY };
	unsigned int i;
	struct ends e;
	uint16_t half = 1;
	int fd;

	CHECK(!ends_open(&e, &plain, 0));
	for (i = 0; i < 2; i++) {
		CHECK_EQ(opt_of(e.p.client, names[i]), 0);
		CHECK_EQ(opt_of(e.c, names[i]), 0);
		CHECK_ERR(opt_on(e.p.client, names[i], 2), EINVAL);
		CHECK_ERR(set_opt(e.c, names[i], &half, sizeof(half)), EINVAL);
		CHECK(!opt_on(e.p.client, names[i], 1));
		CHECK_EQ(opt_of(e.p.client, names[i]), 1);
		/* That one has its own value. */
		CHECK_EQ(opt_of(e.c, names[i]), 0);
		CHECK(!opt_on(e.c, names[i], 1));
		CHECK(!opt_on(e.p.client, names[i], 0));
		CHECK_EQ(opt_of(e.c, names[i]), 1);
		CHECK(!opt_on(e.p.client, names[i], 1));
	}
	/* A new one begins as the connection */
	fd = open_file(e.p.client, 0, NULL);
	CHECK(fd >= 0);
	CHECK_EQ(opt_of(fd, QUIC_SOCKOPT_ZEROCOPY_RO), 1);
	CHECK_EQ(opt_of(fd, QUIC_SOCKOPT_ZEROCOPY), 1);
	close(fd);
	ends_close(&e);
}

static void options_inherit(void)
{
	struct sockaddr_storage a;
	struct pair p = { .client = -1, .server = -1 };
	socklen_t len;

	p.listener = listen_any(&plain, &a, &len);
	CHECK(p.listener >= 0);
	CHECK(!opt_on(p.listener, QUIC_SOCKOPT_ZEROCOPY, 1));
	CHECK(!pair_client(&p, &plain, &a, len));
	CHECK(!pair_accept(&p));
	CHECK_EQ(opt_of(p.server, QUIC_SOCKOPT_ZEROCOPY), 1);
	CHECK_EQ(opt_of(p.server, QUIC_SOCKOPT_ZEROCOPY_RO), 0);
	CHECK_EQ(opt_of(p.client, QUIC_SOCKOPT_ZEROCOPY), 0);
	pair_close(&p);
}

static bool older_than(int major, int minor)
{
	struct utsname u;
	int a, b;

	return !uname(&u) && sscanf(u.release, "%d.%d", &a, &b) == 2 &&
	       (a < major || (a == major && b < minor));
}

/* SO_ZEROCOPY is the same option, where there is such a thing (Linux 6.7). */
static void so_zerocopy(void)
{
	int one = 1, zero = 0, two = 2, val, fds[3], i;
	struct timeval tv = {};
	socklen_t len;
	struct ends e;

	CHECK(!ends_open(&e, &plain, 0));
	if (setsockopt(e.c, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one))) {
		CHECK_EQ(errno, EOPNOTSUPP);
		ends_close(&e);
		CHECK(older_than(6, 7));
		SKIP("the kernel does not let us before 6.7");
	}
	fds[0] = e.c;
	fds[1] = e.p.client;
	fds[2] = e.p.server;	/* accepted */
	for (i = 0; i < 3; i++) {
		CHECK(!setsockopt(fds[i], SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)));
		CHECK_EQ(opt_of(fds[i], QUIC_SOCKOPT_ZEROCOPY), 1);
		len = sizeof(val);
		CHECK(!getsockopt(fds[i], SOL_SOCKET, SO_ZEROCOPY, &val, &len));
		CHECK_EQ(val, 1);
		CHECK_ERR(setsockopt(fds[i], SOL_SOCKET, SO_ZEROCOPY, &two, sizeof(two)), EINVAL);
		CHECK(!setsockopt(fds[i], SOL_SOCKET, SO_ZEROCOPY, &zero, sizeof(zero)));
		CHECK_EQ(opt_of(fds[i], QUIC_SOCKOPT_ZEROCOPY), 0);
		/* The others still are what they were. */
		tv.tv_sec = 7;
		CHECK(!setsockopt(fds[i], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
		tv.tv_sec = 0;
		len = sizeof(tv);
		CHECK(!getsockopt(fds[i], SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
		CHECK_EQ(tv.tv_sec, 7);
		CHECK_ERR(setsockopt(fds[i], SOL_SOCKET, 9999, &one, sizeof(one)), ENOPROTOOPT);
	}
	ends_close(&e);
}

static void off_by_default(void)
{
	struct told t = {};
	struct ends e;

	CHECK(!ends_open(&e, &plain, 0));
	CHECK_EQ(send(e.c, out, 5000, MSG_ZEROCOPY), 5000);
	CHECK_EQ(recv(e.s, in, 5000, MSG_WAITALL), 5000);
	CHECK_EQ(poll_for(e.c, 0, 300), 0);
	CHECK_ERR(told_one(e.c, &t), EAGAIN);
	ends_close(&e);
}

/* Many calls with losses: each told once, none of them copied, as few notes as may be. */
static void lossy_memory(bool file)
{
	unsigned int calls = 0;
	struct reader r = {};
	struct told t = {};
	size_t done = 0;
	struct ends e;
	ssize_t n;
	int sd;

	pattern_fill(out, TOTAL, 6, 0);
	CHECK(!begin(&e, QUIC_SOCKOPT_ZEROCOPY));
	if (!file) {
		/* The same stream by another door: option and numbers are those of the connection. */
		close(e.c);
		e.c = -1;
		CHECK(!opt_on(e.p.client, QUIC_SOCKOPT_ZEROCOPY, 1));
		CHECK_EQ(send_stream(e.p.client, 4, MSG_QUIC_STREAM_NEW, "!", 1, 0), 1);
		close(e.s);
		e.s = accept(e.p.server, NULL, NULL);
		CHECK(e.s >= 0);
		CHECK_EQ(read(e.s, in, 1), 1);
	}
	sd = file ? e.c : e.p.client;
	CHECK(!loss_set(3));
	r.fd = e.s;
	CHECK(!pthread_create(&r.t, NULL, read_all, &r));
	while (done < TOTAL) {
		n = send(sd, out + done, TOTAL - done < 30000 ? TOTAL - done : 30000, MSG_ZEROCOPY);
		if (n < 0 && errno == ENOBUFS) {
			CHECK(!told_all(sd, &t, t.calls + 1));
			continue;
		}
		CHECK(n > 0);
		done += n;
		calls++;
	}
	CHECK_EQ(file ? shutdown(sd, SHUT_WR) :
			send_stream(sd, 4, MSG_QUIC_STREAM_FIN, "", 0, 0), 0);
	pthread_join(r.t, NULL);
	CHECK_EQ(r.got, TOTAL);
	CHECK(!memcmp(in, out, TOTAL));
	CHECK(!told_all(sd, &t, calls));
	CHECK_EQ(t.calls, calls);
	CHECK_EQ(t.copied, 0);
	CHECK(t.notes <= calls);
	CHECK_EQ(poll_for(sd, 0, 100) & POLLERR, 0);
	CHECK(sent_again(e.p.client));
	CHECK(!loss_set(0));
	ends_close(&e);
}

static void lossy_memory_file(void)
{
	lossy_memory(true);
}

static void lossy_memory_conn(void)
{
	lossy_memory(false);
}

/* Not before the last packet is acknowledged; until then changes are seen. */
static void told_when(void)
{
	struct told t = {};
	struct ends e;
	char *p;

	p = mmap(NULL, PART, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	memset(p, 'a', PART);
	CHECK(!begin(&e, QUIC_SOCKOPT_ZEROCOPY));
	CHECK(!loss_set(100));
	CHECK_EQ(send(e.c, p, PART, MSG_ZEROCOPY), PART);
	CHECK_EQ(poll_for(e.c, 0, 1000), 0);
	CHECK_ERR(told_one(e.c, &t), EAGAIN);
	memset(p, 'b', PART);
	CHECK(!loss_set(0));
	CHECK_EQ(recv(e.s, in, PART, MSG_WAITALL), PART);
	CHECK(!memcmp(in, p, PART));
	CHECK(!told_all(e.c, &t, 1));
	CHECK_EQ(t.calls, 1);
	CHECK_EQ(t.copied, 0);
	/* Calls made one after the other are told in one. */
	CHECK(!loss_set(100));
	CHECK_EQ(send(e.c, p, 1000, MSG_ZEROCOPY), 1000);
	CHECK_EQ(send(e.c, p, 1000, MSG_ZEROCOPY), 1000);
	CHECK_EQ(send(e.c, p, 1000, MSG_ZEROCOPY), 1000);
	CHECK(!loss_set(0));
	t.notes = 0;
	CHECK(!told_all(e.c, &t, 4));
	CHECK_EQ(t.notes, 1);
	/* Little is copied, and that is told. */
	CHECK_EQ(send(e.c, p, 10, MSG_ZEROCOPY), 10);
	CHECK(!told_all(e.c, &t, 5));
	CHECK_EQ(t.copied, 1);
	/* What fails is not counted. */
	CHECK_ERR(send(e.c, (void *)16, 10000, MSG_ZEROCOPY | MSG_NOSIGNAL), EFAULT);
	CHECK_EQ(send(e.c, p, 1000, MSG_ZEROCOPY), 1000);
	CHECK(!told_all(e.c, &t, 6));
	CHECK_EQ(t.calls, 6);
	munmap(p, PART);
	ends_close(&e);
}

/* Datagrams and TLS messages do not have it. */
static void others(void)
{
	struct quic_transport_param tp = { .max_datagram_frame_size = 65535 };
	struct pair_opts o = { .client = &tp, .server = &tp };
	struct told t = {};
	struct pair p;

	CHECK(!pair_open(&p, &o));
	CHECK(!opt_on(p.client, QUIC_SOCKOPT_ZEROCOPY, 1));
	CHECK_EQ(send(p.client, out, 1000, MSG_QUIC_DATAGRAM | MSG_ZEROCOPY), 1000);
	CHECK_EQ(recv(p.server, in, 2000, 0), 1000);
	CHECK_ERR(told_one(p.client, &t), EAGAIN);
	pair_close(&p);
}

/* Each end of a stream gives the pages back. */
static void reset_ends(void)
{
	struct quic_errinfo err = { .stream_id = -1, .errcode = 7 };
	struct told t = {};
	struct ends e;

	CHECK(!begin(&e, QUIC_SOCKOPT_ZEROCOPY));
	CHECK(!loss_set(100));
	CHECK_EQ(send(e.c, out, PART, MSG_ZEROCOPY), PART);
	CHECK(!set_opt(e.c, QUIC_SOCKOPT_STREAM_RESET, &err, sizeof(err)));
	CHECK(!loss_set(0));
	CHECK(!told_all(e.c, &t, 1));
	CHECK_EQ(t.calls, 1);
	ends_close(&e);
}

/* The peer is gone: when the connection is given up the error queue tells, beside the error. */
static void peer_dies(void)
{
	struct quic_transport_param tp = { .max_idle_timeout = 2000000 };
	struct pair_opts o = { .client = &tp, .client_sndbuf = 200000 };
	struct told t = {};
	struct ends e;

	CHECK(loss_link() && !loss_set(0) && !ends_open(&e, &o, 0));
	CHECK(!opt_on(e.c, QUIC_SOCKOPT_ZEROCOPY, 1));
	CHECK(!loss_set(100));
	CHECK_EQ(send(e.c, out, PART, MSG_ZEROCOPY), PART);
	CHECK_ERR(read(e.c, in, 1), ETIMEDOUT);
	CHECK(poll_for(e.c, 0, 10000) & POLLERR);
	CHECK(!told_all(e.c, &t, 1));
	CHECK_EQ(t.calls, 1);
	CHECK(!loss_set(0));
	ends_close(&e);
}

/* Closed with all of it under way, and the memory unmapped: it is delivered all the same. */
static void close_early(void)
{
	struct ends e;
	char *p;

	p = mmap(NULL, PART, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	pattern_fill(p, PART, 2, 0);
	CHECK(!begin(&e, QUIC_SOCKOPT_ZEROCOPY));
	CHECK(!loss_set(100));
	CHECK_EQ(send(e.c, p, PART, MSG_ZEROCOPY), PART);
	munmap(p, PART);
	close(e.c);
	e.c = -1;
	close(e.p.client);
	e.p.client = -1;
	usleep(300000);
	CHECK(!loss_set(0));
	CHECK_EQ(recv(e.s, in, PART, MSG_WAITALL), PART);
	CHECK(pattern_ok(in, PART, 2, 0));
	CHECK_EQ(read(e.s, in, 1), 0);
	ends_close(&e);
}

/* Closed for good, with the pages in use and notes not read */
static void close_hard(void)
{
	struct linger l = { .l_onoff = 1 };
	struct ends e;

	CHECK(!begin(&e, QUIC_SOCKOPT_ZEROCOPY));
	CHECK(!opt_on(e.p.client, QUIC_SOCKOPT_ZEROCOPY, 1));
	CHECK_EQ(send(e.c, out, 5000, MSG_ZEROCOPY), 5000);
	CHECK(poll_for(e.c, 0, 10000) & POLLERR);
	CHECK(!loss_set(100));
	CHECK_EQ(send(e.c, out, PART, MSG_ZEROCOPY), PART);
	CHECK_EQ(send_stream(e.p.client, 4, MSG_QUIC_STREAM_NEW, out, PART, MSG_ZEROCOPY), PART);
	CHECK(!setsockopt(e.c, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	CHECK(!setsockopt(e.p.client, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	close(e.c);
	close(e.p.client);
	e.c = e.p.client = -1;
	CHECK(!loss_set(0));
	ends_close(&e);
}

/* The sender exits, or is killed, and a child of its lives on: what it sent comes, as it was. */
static void sender_exits(void)
{
	int pair[2], status;
	struct ends e;
	pid_t pid;
	char *p;

	CHECK(!begin(&e, QUIC_SOCKOPT_ZEROCOPY));
	CHECK(!loss_set(100));
	pid = fork();
	if (!pid) {
		p = mmap(NULL, PART, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		pattern_fill(p, PART, 8, 0);
		if (send(e.c, p, PART, MSG_ZEROCOPY) != PART)
			_exit(1);
		raise(SIGKILL);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
	CHECK(!loss_set(0));
	CHECK_EQ(recv(e.s, in, PART, MSG_WAITALL), PART);
	CHECK(pattern_ok(in, PART, 8, 0));
	ends_close(&e);
}

/* Two streams by turns make no runs; each call is told of all the same. And the limits: */
static void limit_optmem(void)
{
	unsigned int calls = 0;
	struct told t = {};
	struct ends e;
	int64_t sid;

	CHECK(!begin(&e, QUIC_SOCKOPT_ZEROCOPY));
	CHECK(!opt_on(e.p.client, QUIC_SOCKOPT_ZEROCOPY, 1));
	CHECK_EQ(send_stream(e.p.client, 4, MSG_QUIC_STREAM_NEW, "!", 1, 0), 1);
	CHECK_EQ(send_stream(e.p.client, 8, MSG_QUIC_STREAM_NEW, "!", 1, 0), 1);
	CHECK(!loss_set(100));
	do {
		sid = calls % 2 ? 4 : 8;
		errno = 0;
	} while (send_stream(e.p.client, sid, 0, out, 256, MSG_ZEROCOPY | MSG_DONTWAIT) == 256 &&
		 ++calls < 2000);
	CHECK_EQ(errno, ENOBUFS);
	CHECK(calls > 10);
	/* Without it all goes on. */
	CHECK_EQ(send_stream(e.p.client, 4, 0, out, 256, MSG_DONTWAIT), 256);
	CHECK(!loss_set(0));
	CHECK(!told_all(e.p.client, &t, calls));
	CHECK_EQ(t.calls, calls);
	CHECK_EQ(send_stream(e.p.client, 4, 0, out, 256, MSG_ZEROCOPY), 256);
	CHECK(!told_all(e.p.client, &t, calls + 1));
	ends_close(&e);
}

static int memlock_child(int sd)
{
	struct rlimit r = { 65536, 65536 };

	if (setrlimit(RLIMIT_MEMLOCK, &r) || setresuid(65534, 65534, 65534))
		return 1;
	if (send(sd, out, 30000, MSG_ZEROCOPY | MSG_DONTWAIT) != 30000)
		return 2;
	if (send(sd, out, 90000, MSG_ZEROCOPY | MSG_DONTWAIT) != -1 || errno != ENOBUFS)
		return 3;
	return 0;
}

static void limit_memlock(void)
{
	struct told t = {};
	struct ends e;
	int status;
	pid_t pid;

	CHECK(!begin(&e, QUIC_SOCKOPT_ZEROCOPY));
	pid = fork();
	if (!pid)
		_exit(memlock_child(e.c));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
	CHECK_EQ(recv(e.s, in, 30000, MSG_WAITALL), 30000);
	CHECK(!told_all(e.c, &t, 1));
	CHECK_EQ(t.calls, 1);
	ends_close(&e);
}

/* A stream that gets a descriptor begins its own count there; what was sent before is told here. */
static void peeled(void)
{
	struct told t = {}, u = {};
	struct pair p;
	int fd;

	CHECK(loss_link() && !loss_set(0) && !pair_open(&p, &plain));
	CHECK(!opt_on(p.client, QUIC_SOCKOPT_ZEROCOPY, 1));
	CHECK(!loss_set(100));
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, out, 1000, MSG_ZEROCOPY), 1000);
	fd = peel(p.client, 0, 0);
	CHECK(fd >= 0);
	CHECK_EQ(send(fd, out, 1000, MSG_ZEROCOPY), 1000);
	CHECK_EQ(send(fd, out, 1000, MSG_ZEROCOPY), 1000);
	CHECK(!loss_set(0));
	CHECK(!told_all(p.client, &t, 1));
	CHECK(!told_all(fd, &u, 2));
	CHECK_EQ(t.calls, 1);
	CHECK_EQ(u.calls, 2);
	close(fd);
	pair_close(&p);
}

/* Huge pages, odd pieces, one byte at a time */
static void pieces(void)
{
	struct iovec iov[64];
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 64 };
	struct told t = {};
	size_t at = 0, i;
	struct ends e;
	char *p;

	p = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	madvise(p, 4 << 20, MADV_HUGEPAGE);
	pattern_fill(p, 4 << 20, 1, 0);
	CHECK(!begin(&e, QUIC_SOCKOPT_ZEROCOPY));
	for (i = 0; i < 64; i++) {
		iov[i].iov_base = p + at;
		iov[i].iov_len = i % 3 ? i * 29 : i % 2;
		at += iov[i].iov_len;
	}
	CHECK_EQ(sendmsg(e.c, &msg, MSG_ZEROCOPY), at);
	CHECK_EQ(recv(e.s, in, at, MSG_WAITALL), at);
	CHECK(pattern_ok(in, at, 1, 0));
	CHECK_EQ(send(e.c, p + at, 100000, MSG_ZEROCOPY), 100000);
	CHECK_EQ(recv(e.s, in, 100000, MSG_WAITALL), 100000);
	CHECK(pattern_ok(in, 100000, 1, at));
	CHECK(!told_all(e.c, &t, 2));
	munmap(p, 4 << 20);
	ends_close(&e);
}

static const struct ktap_case cases[] = {
	{ "options: values, each descriptor its own", options },
	{ "options: from the listener to what it accepts", options_inherit },
	{ "SO_ZEROCOPY where the kernel has it", so_zerocopy },
	{ "MSG_ZEROCOPY without the option is ignored", off_by_default },
	{ "MSG_ZEROCOPY with losses on a stream's descriptor", lossy_memory_file },
	{ "MSG_ZEROCOPY with losses on the connection's", lossy_memory_conn },
	{ "told with the last acknowledgment, in one, copied or not", told_when },
	{ "no datagrams", others },
	{ "told by the stream's reset", reset_ends },
	{ "told by the connection's end", peer_dies },
	{ "close(), and memory unmapped: delivered", close_early },
	{ "close() with SO_LINGER of 0, and notes not read", close_hard },
	{ "the sender is killed: delivered", sender_exits },
	{ "net.core.optmem_max", limit_optmem },
	{ "RLIMIT_MEMLOCK", limit_memlock },
	{ "a stream that gets a descriptor of its own", peeled },
	{ "huge pages and odd pieces", pieces },
};

KTAP_MAIN(cases)
