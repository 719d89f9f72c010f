// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring's zero-copy sends, IORING_OP_SEND_ZC and IORING_OP_SENDMSG_ZC: the bytes arrive, losses or
 * not; the notification comes with the last acknowledgment, and when the connection or the stream
 * ends before; and the ring may go first.
 *
 * guest: not-debug
 * Linux 6.12 keeps what an operation needed for the next one, and KASAN writes notes into it that
 * are then taken for a pointer (io_uring/alloc_cache.h, hdr->free_iov): the guest dies of it.
 */
#include <time.h>

#include <liburing.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "files.h"
#include "ktap.h"
#include "loss.h"

#ifndef IORING_SEND_ZC_REPORT_USAGE
#define IORING_SEND_ZC_REPORT_USAGE	(1U << 3)
#define IORING_NOTIF_USAGE_ZC_COPIED	(1U << 31)
#endif
#define PART	40000
#define TOTAL	1000000

static const struct pair_opts plain = { .client_sndbuf = 200000 };
static char out[TOTAL], in[TOTAL + 1];

static int begin(struct io_uring *r, struct ends *e)
{
	if (!loss_link() || loss_set(0) || ends_open(e, &plain, 0))
		return -1;
	return io_uring_queue_init(16, r, 0);
}

static void end(struct io_uring *r, struct ends *e)
{
	io_uring_queue_exit(r);
	ends_close(e);
}

/* A completion within @ms: 1; none: 0 */
static int next(struct io_uring *r, int ms, int *res, unsigned int *flags)
{
	struct __kernel_timespec ts = { ms / 1000, ms % 1000 * 1000000L };
	struct io_uring_cqe *cqe;

	if (io_uring_wait_cqe_timeout(r, &cqe, &ts))
		return 0;
	*res = cqe->res;
	*flags = cqe->flags;
	io_uring_cqe_seen(r, cqe);
	return 1;
}

/* One SEND_ZC, by registered buffer @fixed if >= 0. Return: what it gave; *notif: more comes */
static int send_zc(struct io_uring *r, int sd, const void *buf, size_t len, int fixed, int ioprio,
		   bool *notif)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(r);
	unsigned int flags;
	int res;

	if (fixed >= 0)
		io_uring_prep_send_zc_fixed(sqe, sd, buf, len, 0, ioprio, fixed);
	else
		io_uring_prep_send_zc(sqe, sd, buf, len, 0, ioprio);
	if (io_uring_submit(r) != 1 || !next(r, 10000, &res, &flags))
		return -ETIME;
	*notif = flags & IORING_CQE_F_MORE;
	return res;
}

/* Its notification. Return: 0 */
static int notified(struct io_uring *r, unsigned int *copied)
{
	unsigned int flags;
	int res;

	if (!next(r, 10000, &res, &flags) || !(flags & IORING_CQE_F_NOTIF))
		return -1;
	*copied = (unsigned int)res & IORING_NOTIF_USAGE_ZC_COPIED;
	return 0;
}

static void when(void)
{
	unsigned int flags, copied;
	struct io_uring r;
	struct ends e;
	bool notif;
	int res;

	memset(out, 'a', PART);
	CHECK(!begin(&r, &e));
	CHECK(!loss_set(100));
	CHECK_EQ(send_zc(&r, e.c, out, PART, -1, 0, &notif), PART);
	CHECK(notif);
	/* Not before it is acknowledged; what is sent again is what lies there then. */
	CHECK(!next(&r, 500, &res, &flags));
	memset(out, 'b', PART);
	CHECK(!loss_set(0));
	CHECK_EQ(recv(e.s, in, PART, MSG_WAITALL), PART);
	CHECK(!memcmp(in, out, PART));
	CHECK(!notified(&r, &copied));
	/* Nothing is put on the error queue for it. */
	CHECK_EQ(poll_for(e.c, 0, 100) & POLLERR, 0);
	/* Whether it was copied (Linux 6.2) */
	res = send_zc(&r, e.c, out, PART, -1, IORING_SEND_ZC_REPORT_USAGE, &notif);
	if (res != -EINVAL) {
		CHECK_EQ(res, PART);
		CHECK(notif);
		CHECK_EQ(recv(e.s, in, PART, MSG_WAITALL), PART);
		CHECK(!notified(&r, &copied));
		CHECK(!copied);
		CHECK_EQ(send_zc(&r, e.c, out, 10, -1, IORING_SEND_ZC_REPORT_USAGE, &notif), 10);
		CHECK(notif);
		CHECK(!notified(&r, &copied));
		CHECK(copied);
	}
	end(&r, &e);
}

static void *read_all(void *arg)
{
	static size_t got;
	int fd = *(int *)arg;
	ssize_t n;

	for (got = 0; got < sizeof(in); got += n) {
		n = read(fd, in + got, sizeof(in) - got);
		if (n <= 0)
			break;
	}
	return &got;
}

/* Registered buffers, many at a time, with losses */
static void fixed(void)
{
	struct iovec iov = { out, sizeof(out) };
	unsigned int copied, notes = 0;
	struct io_uring r;
	size_t done = 0;
	struct ends e;
	pthread_t t;
	bool notif;
	void *got;
	int res;

	pattern_fill(out, TOTAL, 4, 0);
	CHECK(!begin(&r, &e));
	CHECK(!io_uring_register_buffers(&r, &iov, 1));
	CHECK(!loss_set(3));
	CHECK(!pthread_create(&t, NULL, read_all, &e.s));
	while (done < TOTAL) {
		size_t n = TOTAL - done < 50000 ? TOTAL - done : 50000;

		res = send_zc(&r, e.c, out + done, n, 0, 0, &notif);
		/* It may be another's notification that came first. */
		CHECK(res > 0 && notif);
		done += res;
		for (notes++; notes; notes--)
			CHECK(!notified(&r, &copied));
	}
	CHECK(!shutdown(e.c, SHUT_WR));
	pthread_join(t, &got);
	CHECK_EQ(*(size_t *)got, TOTAL);
	CHECK(!memcmp(in, out, TOTAL));
	CHECK(!loss_set(0));
	end(&r, &e);
}

/* SENDMSG_ZC names the stream, on the connection's descriptor. */
static void by_message(void)
{
	union { char buf[CMSG_SPACE(sizeof(struct quic_stream_info))]; struct cmsghdr align; }
		ctl = {};
	struct iovec iov[2] = { { out, 3000 }, { out + 3000, PART - 3000 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2, .msg_control = &ctl,
			      .msg_controllen = sizeof(ctl) };
	struct quic_stream_info info = { .stream_id = 4, .stream_flags = MSG_QUIC_STREAM_NEW |
									 MSG_QUIC_STREAM_FIN };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	unsigned int flags, copied;
	struct io_uring_sqe *sqe;
	struct io_uring r;
	struct ends e;
	int res, s;

	pattern_fill(out, PART, 4, 0);
	CHECK(!begin(&r, &e));
	c->cmsg_level = SOL_QUIC;
	c->cmsg_type = QUIC_STREAM_INFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	sqe = io_uring_get_sqe(&r);
	io_uring_prep_sendmsg_zc(sqe, e.p.client, &msg, MSG_WAITALL);
	CHECK_EQ(io_uring_submit(&r), 1);
	CHECK(next(&r, 10000, &res, &flags));
	CHECK_EQ(res, PART);
	CHECK(flags & IORING_CQE_F_MORE);
	s = accept(e.p.server, NULL, NULL);
	CHECK(s >= 0);
	CHECK_EQ(recv(s, in, sizeof(in), MSG_WAITALL), PART);
	CHECK(pattern_ok(in, PART, 4, 0));
	CHECK(!notified(&r, &copied));
	/* An accepted socket has it, too. */
	sqe = io_uring_get_sqe(&r);
	io_uring_prep_send_zc(sqe, s, out, PART, MSG_WAITALL, 0);
	CHECK_EQ(io_uring_submit(&r), 1);
	CHECK(next(&r, 10000, &res, &flags));
	CHECK_EQ(res, PART);
	CHECK(!notified(&r, &copied));
	close(s);
	end(&r, &e);
}

/* It fails: one completion says so, and no pages are held. */
static void failing(void)
{
	unsigned int copied;
	struct io_uring r;
	struct ends e;
	bool notif;

	CHECK(!begin(&r, &e));
	CHECK(!shutdown(e.c, SHUT_WR));
	CHECK_EQ(send_zc(&r, e.c, out, PART, -1, 0, &notif), -EPIPE);
	if (notif)
		CHECK(!notified(&r, &copied));
	end(&r, &e);
}

/* The connection ends before anything was acknowledged; and the stream is reset. */
static void ends_first(void)
{
	struct quic_errinfo err = { .stream_id = -1, .errcode = 7 };
	struct linger l = { .l_onoff = 1 };
	unsigned int copied;
	struct io_uring r;
	struct ends e;
	bool notif;

	CHECK(!begin(&r, &e));
	CHECK(!loss_set(100));
	CHECK_EQ(send_zc(&r, e.c, out, PART, -1, 0, &notif), PART);
	CHECK(notif);
	CHECK(!setsockopt(e.c, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	CHECK(!setsockopt(e.p.client, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	close(e.c);
	close(e.p.client);
	e.c = e.p.client = -1;
	CHECK(!notified(&r, &copied));
	CHECK(!loss_set(0));
	end(&r, &e);

	CHECK(!begin(&r, &e));
	CHECK(!loss_set(100));
	CHECK_EQ(send_zc(&r, e.c, out, PART, -1, 0, &notif), PART);
	CHECK(!set_opt(e.c, QUIC_SOCKOPT_STREAM_RESET, &err, sizeof(err)));
	CHECK(!loss_set(0));
	CHECK(!notified(&r, &copied));
	end(&r, &e);
}

/* The ring goes first, with its process: the bytes come all the same. */
static void ring_first(void)
{
	struct io_uring r;
	struct ends e;
	int status;
	bool notif;
	pid_t pid;
	char *p;

	CHECK(loss_link() && !loss_set(0) && !ends_open(&e, &plain, 0));
	CHECK(!loss_set(100));
	pid = fork();
	if (!pid) {
		p = mmap(NULL, PART, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		pattern_fill(p, PART, 8, 0);
		if (io_uring_queue_init(16, &r, 0) ||
		    send_zc(&r, e.c, p, PART, -1, 0, &notif) != PART)
			_exit(1);
		raise(SIGKILL);
	}
	usleep(300000);
	CHECK(!loss_set(0));
	CHECK_EQ(recv(e.s, in, PART, MSG_WAITALL), PART);
	CHECK(pattern_ok(in, PART, 8, 0));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
	ends_close(&e);
}

static const struct ktap_case cases[] = {
	{ "SEND_ZC: the notification comes with the acknowledgment", when },
	{ "SEND_ZC of registered buffers, with losses", fixed },
	{ "SENDMSG_ZC that names the stream; SEND_ZC on an accepted one", by_message },
	{ "SEND_ZC that fails", failing },
	{ "connection or stream end first", ends_first },
	{ "the ring ends first", ring_first },
};

KTAP_MAIN(cases)
