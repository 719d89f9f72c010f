// SPDX-License-Identifier: GPL-2.0
/*
 * A stream as a descriptor (QUIC_SOCKOPT_STREAM_PEELOFF, _STREAM_FILE): it reads and writes as a
 * connected TCP socket; each end of a direction in each way it can come, and what it costs.
 */
#include <linux/sockios.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "files.h"
#include "ktap.h"

static const struct pair_opts plain = {};

/* --- getting one --- */

static void peel_both(void)
{
	char buf[16] = {};
	uint32_t flags;
	struct pair p;
	int64_t sid;
	int c, s;

	CHECK(!pair_open(&p, &plain));
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, "hello world", 11, 0), 11);
	/* The front by the shared queue, the rest by the descriptor */
	CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, 6, 0), 6);
	s = peel(p.server, sid, 0);
	CHECK(s >= 0);
	CHECK_EQ(poll_for(p.server, POLLIN, 0), 0);
	CHECK_EQ(read(s, buf, sizeof(buf)), 5);
	CHECK(!memcmp(buf, "world", 5));
	c = peel(p.client, 0, 0);
	CHECK(c >= 0);
	CHECK_EQ(write(s, "answer", 6), 6);
	CHECK_EQ(read(c, buf, sizeof(buf)), 6);
	CHECK(!memcmp(buf, "answer", 6));
	/* Not by the connection's socket any more */
	CHECK_ERR(send_stream(p.client, 0, 0, "x", 1, 0), EBUSY);
	CHECK_EQ(write(c, "more", 4), 4);
	CHECK_EQ(read(s, buf, sizeof(buf)), 4);
	CHECK_ERR(recv_stream(p.server, &sid, &flags, buf, 6, MSG_DONTWAIT), EAGAIN);
	CHECK(!shutdown(c, SHUT_WR));
	CHECK_EQ(read(s, buf, sizeof(buf)), 0);
	CHECK_EQ(read(s, buf, sizeof(buf)), 0);
	CHECK_EQ(write(s, "still", 5), 5);
	CHECK_EQ(read(c, buf, sizeof(buf)), 5);
	CHECK(!close(s));
	CHECK_EQ(read(c, buf, sizeof(buf)), 0);
	CHECK(!close(c));
	/* A plain write opens another stream */
	CHECK_EQ(send(p.client, "ping", 4, 0), 4);
	CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, 6, 0), 4);
	CHECK_EQ(sid, 4);
	pair_close(&p);
}

static void peel_errors(void)
{
	struct quic_stream_peeloff v = { .stream_id = 0, .flags = O_APPEND };
	struct rlimit old, none = {};
	socklen_t len = sizeof(v);
	char buf[8];
	uint32_t flags;
	struct pair p;
	int64_t sid;
	int s, fd;

	CHECK(!pair_open(&p, &plain));
	CHECK_ERR(peel(p.listener, 0, 0), ENOTCONN);
	CHECK_ERR(peel(p.client, 0, 0), EINVAL);
	CHECK_ERR(peel(p.client, -1, 0), EINVAL);
	CHECK_EQ(send(p.client, "ping", 4, 0), 4);
	CHECK(poll_for(p.server, POLLIN, 1000) & POLLIN);
	CHECK_ERR(get_opt(p.server, QUIC_SOCKOPT_STREAM_PEELOFF, &v, &len), EINVAL);
	v.flags = 0;
	len = 12;
	CHECK_ERR(get_opt(p.server, QUIC_SOCKOPT_STREAM_PEELOFF, &v, &len), EINVAL);
	/* No place for it: the stream stays where it is. */
	fd = dup(p.server);
	CHECK(fd >= 0);
	close(fd);
	getrlimit(RLIMIT_NOFILE, &old);
	none.rlim_max = old.rlim_max;
	none.rlim_cur = fd;
	CHECK(!setrlimit(RLIMIT_NOFILE, &none));
	CHECK_ERR(peel(p.server, 0, 0), EMFILE);
	CHECK(!setrlimit(RLIMIT_NOFILE, &old));
	len = sizeof(v);
	CHECK_ERR(get_opt(p.server, QUIC_SOCKOPT_STREAM_PEELOFF, (void *)8, &len), EFAULT);
	CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, 2, 0), 2);
	s = peel(p.server, 0, O_CLOEXEC | O_NONBLOCK);
	CHECK(s >= 0);
	CHECK_EQ(fcntl(s, F_GETFD), FD_CLOEXEC);
	CHECK(fcntl(s, F_GETFL) & O_NONBLOCK);
	CHECK_ERR(peel(p.server, 0, 0), EBUSY);
	CHECK_EQ(read(s, buf, sizeof(buf)), 2);
	CHECK_ERR(read(s, buf, sizeof(buf)), EAGAIN);
	/* A descriptor of a stream has none of its own, and is no connection. */
	CHECK_ERR(peel(s, 0, 0), ENOPROTOOPT);
	CHECK_ERR(accept(s, NULL, NULL), EOPNOTSUPP);
	CHECK_ERR(listen(s, 1), EOPNOTSUPP);
	close(s);
	pair_close(&p);
}

static void uni(void)
{
	struct quic_stream_status st;
	struct ends e;
	char buf[8];

	CHECK(!ends_open(&e, &plain, MSG_QUIC_STREAM_UNI));
	CHECK_EQ(e.sid, 2);
	CHECK_ERR(read(e.c, buf, 1), EINVAL);
	CHECK_ERR(write(e.s, buf, 1), EINVAL);
	CHECK(!status_of(e.c, -1, &st));
	CHECK_EQ(st.stream_id, 2);
	CHECK_EQ(st.flags, QUIC_STREAM_STATUS_SENDS | QUIC_STREAM_STATUS_FILE);
	CHECK(!status_of(e.s, 2, &st));
	CHECK_EQ(st.flags, QUIC_STREAM_STATUS_RECEIVES | QUIC_STREAM_STATUS_FILE);
	CHECK_ERR(status_of(e.s, 6, &st), EINVAL);
	CHECK_EQ(poll_for(e.c, POLLIN | POLLOUT, 0), POLLOUT);
	CHECK_EQ(poll_for(e.s, POLLIN | POLLOUT, 0), 0);
	CHECK_EQ(write(e.c, "one way", 7), 7);
	CHECK_EQ(read(e.s, buf, sizeof(buf)), 7);
	close(e.c);
	e.c = -1;
	CHECK_EQ(read(e.s, buf, sizeof(buf)), 0);
	CHECK_EQ(poll_for(e.s, POLLIN, 0), POLLIN | POLLHUP);
	ends_close(&e);
}

/* --- the ends --- */

static volatile sig_atomic_t pipes;

static void on_pipe(int sig)
{
	pipes++;
}

static int errno_of(ssize_t r)
{
	return r < 0 ? errno : 0;
}

static void shut_rd(void)
{
	struct quic_stream_status st;
	struct ends e;
	char buf[8];

	signal(SIGPIPE, on_pipe);
	CHECK(!ends_open(&e, &plain, 0));
	CHECK_EQ(write(e.c, "unread", 6), 6);
	CHECK(poll_for(e.s, POLLIN, 1000) & POLLIN);
	CHECK(!shutdown(e.s, SHUT_RD));
	CHECK_EQ(read(e.s, buf, sizeof(buf)), 0);
	/* RFC 9000, 3.5: the peer resets, we write into nothing. */
	CHECK(poll_for(e.c, POLLERR, 1000) & POLLERR);
	pipes = 0;
	CHECK_ERR(write(e.c, "x", 1), EPIPE);
	CHECK_EQ(pipes, 1);
	CHECK_ERR(send(e.c, "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK_EQ(pipes, 1);
	CHECK(!status_of(e.c, -1, &st));
	CHECK(st.flags & QUIC_STREAM_STATUS_STOPPED);
	CHECK_EQ(st.send_error, 0);
	/* The other way is as open as before. */
	CHECK_EQ(write(e.s, "back", 4), 4);
	CHECK_EQ(read(e.c, buf, sizeof(buf)), 4);
	ends_close(&e);
}

static void codes(void)
{
	struct quic_errinfo stop = { .stream_id = -1, .errcode = 77 };
	struct quic_errinfo reset = { .stream_id = 0, .errcode = 99 };
	struct quic_stream_status st;
	struct ends e;
	char buf[8];

	CHECK(!ends_open(&e, &plain, 0));
	CHECK(!set_opt(e.s, QUIC_SOCKOPT_STREAM_STOP_SENDING, &stop, sizeof(stop)));
	CHECK(poll_for(e.c, POLLERR, 1000) & POLLERR);
	CHECK_ERR(send(e.c, "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK(!status_of(e.c, -1, &st));
	CHECK_EQ(st.send_error, 77);
	CHECK_EQ(write(e.s, "lost", 4), 4);
	CHECK(!set_opt(e.s, QUIC_SOCKOPT_STREAM_RESET, &reset, sizeof(reset)));
	CHECK_ERR(send(e.s, "x", 1, MSG_NOSIGNAL), EPIPE);
	while (poll_for(e.c, POLLRDHUP, 1000) == 0)
		;
	CHECK_ERR(read(e.c, buf, sizeof(buf)), ECONNRESET);
	CHECK_ERR(read(e.c, buf, sizeof(buf)), ECONNRESET);
	CHECK(!status_of(e.c, -1, &st));
	CHECK(st.flags & QUIC_STREAM_STATUS_RESET);
	CHECK_EQ(st.recv_error, 99);
	reset.stream_id = 4;
	CHECK_ERR(set_opt(e.s, QUIC_SOCKOPT_STREAM_RESET, &reset, sizeof(reset)), EINVAL);
	CHECK_ERR(set_opt(e.s, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0), ENOPROTOOPT);
	ends_close(&e);
}

static void close_unread(void)
{
	struct ends e;
	char buf[8];

	CHECK(!ends_open(&e, &plain, 0));
	CHECK_EQ(write(e.c, "unread", 6), 6);
	CHECK(poll_for(e.s, POLLIN, 1000) & POLLIN);
	close(e.s);
	e.s = -1;
	CHECK(poll_for(e.c, POLLERR, 1000) & POLLERR);
	CHECK_ERR(send(e.c, "x", 1, MSG_NOSIGNAL), EPIPE);
	/* What it sent was all: nothing, and the end */
	CHECK_EQ(read(e.c, buf, sizeof(buf)), 0);
	ends_close(&e);
}

/* What was written before close() arrives, more than fits into any window at once. */
static void close_unsent(void)
{
	static char out[300000], in[sizeof(out)];
	struct pair_opts o = { .client_sndbuf = 2 * sizeof(out) };
	size_t got = 0;
	struct ends e;
	ssize_t n;

	CHECK(!ends_open(&e, &o, 0));
	pattern_fill(out, sizeof(out), 1, 0);
	fcntl(e.c, F_SETFL, O_NONBLOCK);
	n = write(e.c, out, sizeof(out));
	CHECK(n > 200000);
	close(e.c);
	e.c = -1;
	while ((size_t)n > got) {
		ssize_t r = read(e.s, in + got, sizeof(in) - got);

		CHECK(r > 0);
		got += r;
	}
	CHECK_EQ(read(e.s, in, sizeof(in)), 0);
	CHECK(!memcmp(in + 1, out + 1, n - 1));
	ends_close(&e);
}

static void linger(void)
{
	struct linger on = { .l_onoff = 1, .l_linger = 0 };
	struct quic_stream_status st;
	static char out[100000];
	struct ends e;
	char buf[8];
	int val;

	/* Time 0: what was written is thrown away. */
	CHECK(!ends_open(&e, &plain, 0));
	CHECK(!setsockopt(e.c, SOL_SOCKET, SO_LINGER, &on, sizeof(on)));
	close(e.c);
	e.c = -1;
	CHECK_ERR(read(e.s, buf, sizeof(buf)), ECONNRESET);
	CHECK(!status_of(e.s, -1, &st));
	CHECK_EQ(st.recv_error, 0);
	ends_close(&e);
	/* With a time close() waits until all is acknowledged. */
	CHECK(!ends_open(&e, &plain, 0));
	on.l_linger = 10;
	CHECK(!setsockopt(e.c, SOL_SOCKET, SO_LINGER, &on, sizeof(on)));
	CHECK_EQ(write(e.c, out, sizeof(out)), sizeof(out));
	close(e.c);
	e.c = -1;
	CHECK(!ioctl(e.p.client, SIOCOUTQ, &val));
	CHECK_EQ(val, 0);
	ends_close(&e);
}

/* --- reading and writing --- */

static void io_calls(void)
{
	struct iovec w[2] = { { "abc", 3 }, { "defg", 4 } }, r[2];
	struct sockaddr_storage a, b;
	socklen_t alen = sizeof(a), blen = sizeof(b);
	char buf[16] = {}, two[4] = {};
	struct stat st;
	struct ends e;
	int val, one = 1;

	CHECK(!ends_open(&e, &plain, 0));
	CHECK_EQ(writev(e.c, w, 2), 7);
	CHECK(poll_for(e.s, POLLIN, 1000) & POLLIN);
	CHECK(!ioctl(e.s, SIOCINQ, &val));
	CHECK_EQ(val, 7);
	CHECK_EQ(recv(e.s, buf, sizeof(buf), MSG_PEEK), 7);
	CHECK_EQ(recv(e.s, buf, 3, MSG_PEEK), 3);
	CHECK(!memcmp(buf, "abcdefg", 7));
	r[0] = (struct iovec){ two, 2 };
	r[1] = (struct iovec){ buf, sizeof(buf) };
	CHECK_EQ(readv(e.s, r, 2), 7);
	CHECK(!memcmp(two, "ab", 2) && !memcmp(buf, "cdefg", 5));
	CHECK_ERR(recv(e.s, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
	CHECK_ERR(recv(e.s, buf, sizeof(buf), MSG_OOB), EINVAL);
	CHECK(!ioctl(e.s, FIONBIO, &one));
	CHECK_ERR(read(e.s, buf, sizeof(buf)), EAGAIN);
	one = 0;
	CHECK(!ioctl(e.s, FIONBIO, &one));
	set_timeo(e.s, 50);
	CHECK_ERR(read(e.s, buf, sizeof(buf)), EAGAIN);
	/* As with TCP MSG_TRUNC throws the bytes away. */
	CHECK_EQ(write(e.c, "0123456789", 10), 10);
	CHECK_EQ(recv(e.s, NULL, 4, MSG_TRUNC), 4);
	CHECK_EQ(read(e.s, buf, sizeof(buf)), 6);
	CHECK(!memcmp(buf, "456789", 6));
	/* MSG_WAITALL: all of it, or the end; SO_RCVTIMEO gives what there is. */
	CHECK_EQ(write(e.c, "1234", 4), 4);
	CHECK_EQ(recv(e.s, buf, 8, MSG_WAITALL), 4);
	CHECK_EQ(send(e.c, "567", 3, MSG_QUIC_STREAM_FIN), 3);
	CHECK_EQ(recv(e.s, buf, 8, MSG_WAITALL), 3);
	CHECK_EQ(read(e.s, buf, 1), 0);
	CHECK_ERR(send(e.c, "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK_ERR(send(e.s, "x", 1, MSG_OOB), EINVAL);
	CHECK(!fstat(e.s, &st));
	CHECK(S_ISSOCK(st.st_mode));
	CHECK(!getsockname(e.s, (void *)&a, &alen) && !getpeername(e.c, (void *)&b, &blen));
	CHECK(alen == blen && !memcmp(&a, &b, alen));
	alen = sizeof(val);
	CHECK(!getsockopt(e.s, SOL_SOCKET, SO_TYPE, &val, &alen));
	CHECK_EQ(val, SOCK_STREAM);
	CHECK(!getsockopt(e.s, SOL_SOCKET, SO_PROTOCOL, &val, &alen));
	CHECK_EQ(val, IPPROTO_QUIC);
	CHECK(!getsockopt(e.s, SOL_SOCKET, SO_ERROR, &val, &alen));
	CHECK_EQ(val, 0);
	ends_close(&e);
}

/* The peer reads nothing: its stream limit stops us, and no other stream. */
static void flow_control(void)
{
	struct quic_transport_param tp = { .max_stream_data_bidi_remote = 20000 };
	struct pair_opts o = { .server = &tp };
	static char buf[30000], in[30000];
	struct quic_stream_status st;
	size_t got = 0;
	struct ends e;
	int other, val;
	ssize_t n;

	CHECK(!ends_open(&e, &o, 0));
	fcntl(e.c, F_SETFL, O_NONBLOCK);
	pattern_fill(buf, sizeof(buf), 1, 0);
	CHECK_EQ(write(e.c, buf, sizeof(buf)), 19999);
	CHECK_ERR(write(e.c, buf, 1), EAGAIN);
	CHECK_EQ(poll_for(e.c, POLLOUT, 100), 0);
	CHECK(!ioctl(e.c, SIOCOUTQNSD, &val));
	CHECK_EQ(val, 0);
	other = open_file(e.p.client, 0, NULL);
	CHECK(other >= 0);
	CHECK_EQ(write(other, buf, 1000), 1000);
	CHECK(!status_of(e.c, -1, &st));
	CHECK_EQ(st.bytes_written, 20000);
	CHECK_EQ(st.max_data_remote, 20000);
	while (got < 19999) {
		n = read(e.s, in + got, sizeof(in) - got);
		CHECK(n > 0);
		got += n;
	}
	CHECK(!memcmp(in, buf, got));
	CHECK_EQ(poll_for(e.c, POLLOUT, 1000), POLLOUT);
	CHECK_EQ(write(e.c, buf, 5000), 5000);
	CHECK_EQ(recv(e.s, in, 5000, MSG_WAITALL), 5000);
	close(other);
	ends_close(&e);
}

/* --- poll and epoll --- */

static int epoll_next(int ep, uint32_t *events, int ms)
{
	struct epoll_event ev;
	int n = epoll_wait(ep, &ev, 1, ms);

	*events = ev.events;
	return n == 1 ? ev.data.fd : n == 0 ? -1 : -2;
}

static void epoll_edge(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET };
	uint32_t got;
	struct ends e;
	char buf[8];
	int c2, s2, ep = epoll_create1(0);

	CHECK(!ends_open(&e, &plain, 0));
	c2 = open_file(e.p.client, 0, NULL);
	CHECK(c2 >= 0);
	CHECK_EQ(write(c2, "x", 1), 1);
	s2 = accept(e.p.server, NULL, NULL);
	CHECK(s2 >= 0);
	CHECK_EQ(read(s2, buf, 8), 1);
	ev.data.fd = e.s;
	CHECK(!epoll_ctl(ep, EPOLL_CTL_ADD, e.s, &ev));
	ev.data.fd = s2;
	CHECK(!epoll_ctl(ep, EPOLL_CTL_ADD, s2, &ev));
	CHECK_EQ(epoll_next(ep, &got, 0), -1);
	/* Each stream is heard of for itself, and once. */
	CHECK_EQ(write(c2, "abc", 3), 3);
	CHECK_EQ(epoll_next(ep, &got, 1000), s2);
	CHECK_EQ(got, EPOLLIN);
	CHECK_EQ(epoll_next(ep, &got, 50), -1);
	CHECK_EQ(read(s2, buf, 2), 2);
	CHECK_EQ(epoll_next(ep, &got, 50), -1);
	CHECK_EQ(write(c2, "d", 1), 1);
	CHECK_EQ(epoll_next(ep, &got, 1000), s2);
	CHECK(!shutdown(e.c, SHUT_WR));
	CHECK_EQ(epoll_next(ep, &got, 1000), e.s);
	CHECK_EQ(got, EPOLLIN | EPOLLRDHUP);
	CHECK_EQ(epoll_next(ep, &got, 50), -1);
	/* Level: as long as there is something */
	ev.events = EPOLLIN;
	ev.data.fd = s2;
	CHECK(!epoll_ctl(ep, EPOLL_CTL_MOD, s2, &ev));
	CHECK_EQ(epoll_next(ep, &got, 0), s2);
	CHECK_EQ(epoll_next(ep, &got, 0), s2);
	CHECK_EQ(read(s2, buf, 8), 2);
	CHECK_EQ(epoll_next(ep, &got, 0), -1);
	close(ep);
	close(c2);
	close(s2);
	ends_close(&e);
}

static void poll_bits(void)
{
	struct ends e;
	char buf[8];

	CHECK(!ends_open(&e, &plain, 0));
	CHECK_EQ(poll_for(e.c, POLLIN | POLLOUT | POLLRDHUP, 0), POLLOUT);
	CHECK_EQ(write(e.s, "x", 1), 1);
	CHECK(!shutdown(e.s, SHUT_WR));
	while (!(poll_for(e.c, POLLRDHUP, 1000) & POLLRDHUP))
		;
	CHECK_EQ(poll_for(e.c, POLLIN | POLLOUT | POLLRDHUP, 0), POLLIN | POLLOUT | POLLRDHUP);
	CHECK_EQ(read(e.c, buf, 8), 1);
	CHECK_EQ(poll_for(e.c, POLLIN | POLLOUT | POLLRDHUP, 0), POLLIN | POLLOUT | POLLRDHUP);
	CHECK(!shutdown(e.c, SHUT_WR));
	CHECK_EQ(poll_for(e.c, POLLIN | POLLOUT, 0), POLLIN | POLLOUT | POLLHUP);
	/* Both are done: only the descriptors are left of it. */
	CHECK_EQ(poll_for(e.s, POLLIN, 1000), POLLIN | POLLHUP);
	CHECK_EQ(read(e.s, buf, 8), 0);
	ends_close(&e);
}

static const struct ktap_case cases[] = {
	{ "a stream of either side as a descriptor, in the middle of its data", peel_both },
	{ "no descriptor: each reason, and the stream is not lost", peel_errors },
	{ "unidirectional streams", uni },
	{ "SHUT_RD is STOP_SENDING, writing gives EPIPE and SIGPIPE", shut_rd },
	{ "STOP_SENDING and RESET_STREAM by option, codes read by option", codes },
	{ "close() with unread data: STOP_SENDING", close_unread },
	{ "close() with unsent data: it is delivered", close_unsent },
	{ "SO_LINGER: reset, or wait", linger },
	{ "read and write calls, their flags, names", io_calls },
	{ "flow control of one stream stops that one", flow_control },
	{ "epoll, edge and level, each stream for itself", epoll_edge },
	{ "poll bits from the first byte to both ends", poll_bits },
};

KTAP_MAIN(cases)
