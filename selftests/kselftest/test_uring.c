// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring on connections and on descriptors of streams: multishot poll, accept and receive,
 * provided and registered buffers. quic-serve (test_serve.sh) is built on these.
 * guest: not-debug
 * (6.12's io_uring touches its message cache before KASAN in UML lets it, without any of us.)
 */
#include <liburing.h>

#include "files.h"
#include "ktap.h"

static const struct pair_opts plain = {};

static struct io_uring ring;

/* Return: 0 or -errno; -ENOSYS: the kernel has no io_uring */
static int ring_open(void)
{
	/* Without deferring, what completes interrupts other calls that wait. */
	return io_uring_queue_init(64, &ring, IORING_SETUP_SINGLE_ISSUER |
				   IORING_SETUP_DEFER_TASKRUN);
}

static void ring_close(void)
{
	io_uring_queue_exit(&ring);
	/* That goes on behind our back, and interrupts, too. */
	usleep(100000);
}

/* The next completion for @data; others are dropped. Return: res, or -ETIME */
static int completion(uint64_t data, uint32_t *flags)
{
	struct __kernel_timespec ts = { .tv_sec = 3 };
	struct io_uring_cqe *cqe;
	int res, err;

	for (;;) {
		io_uring_submit(&ring);
		err = io_uring_wait_cqe_timeout(&ring, &cqe, &ts);
		if (err)
			return err;
		res = cqe->res;
		if (flags)
			*flags = cqe->flags;
		err = cqe->user_data == data;
		io_uring_cqe_seen(&ring, cqe);
		if (err)
			return res;
	}
}

static struct io_uring_sqe *sqe_for(uint64_t data, struct io_uring_sqe *sqe)
{
	io_uring_sqe_set_data64(sqe, data);
	return sqe;
}

static void uring_poll(void)
{
	struct io_uring_sqe *sqe;
	struct ends e;
	uint32_t flags;
	char buf[4];
	int i, fd, ret;

	ret = ring_open();
	if (ret == -ENOSYS)
		SKIP("the kernel has no io_uring");
	CHECK_EQ(ret, 0);
	CHECK(!ends_open(&e, &plain, 0));
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_poll_multishot(sqe, e.s, POLLIN);
	sqe_for(1, sqe);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_poll_multishot(sqe, e.p.server, POLLIN);
	sqe_for(2, sqe);
	io_uring_submit(&ring);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(write(e.c, "abc", 3), 3);
		CHECK(completion(1, &flags) & POLLIN);
		CHECK(flags & IORING_CQE_F_MORE);
		CHECK_EQ(recv(e.s, buf, 3, MSG_WAITALL), 3);
		fd = open_file(e.p.client, 0, NULL);
		CHECK(fd >= 0);
		CHECK_EQ(write(fd, "x", 1), 1);
		CHECK(completion(2, &flags) & POLLIN);
		CHECK(flags & IORING_CQE_F_MORE);
		close(fd);
		fd = accept(e.p.server, NULL, NULL);
		CHECK(fd >= 0);
		close(fd);
	}
	/* The end is told to both. */
	close(e.c);
	e.c = -1;
	close(e.p.client);
	e.p.client = -1;
	do {
		i = completion(2, &flags);
	} while (i > 0 && !(i & POLLHUP));
	CHECK(i & POLLHUP);
	ring_close();
	ends_close(&e);
}

#define BUFS	4

static char provided[BUFS][16];

static void provide(int bid)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	io_uring_prep_provide_buffers(sqe, provided[bid], 16, 1, 7, bid);
	sqe_for(99, sqe);
}

/* Multishot accept of streams, multishot receive into provided buffers; a stream ends with 0. */
static void uring_accept(void)
{
	struct io_uring_sqe *sqe;
	struct pair p;
	uint32_t flags;
	int i, c, s, bid, ret;

	ret = ring_open();
	if (ret == -ENOSYS)
		SKIP("the kernel has no io_uring");
	CHECK_EQ(ret, 0);
	CHECK(!pair_open(&p, &plain));
	CHECK(!accept_on(p.server, 1));
	for (i = 0; i < BUFS; i++)
		provide(i);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_multishot_accept(sqe, p.server, NULL, NULL, 0);
	sqe_for(1, sqe);
	io_uring_submit(&ring);
	for (i = 0; i < 5; i++) {
		c = open_file(p.client, 0, NULL);
		CHECK_EQ(send(c, "question", 8, 0), 8);
		s = completion(1, &flags);
		CHECK(s >= 0);
		CHECK(flags & IORING_CQE_F_MORE);
		sqe = io_uring_get_sqe(&ring);
		io_uring_prep_recv_multishot(sqe, s, NULL, 0, 0);
		sqe->flags |= IOSQE_BUFFER_SELECT;
		sqe->buf_group = 7;
		sqe_for(2, sqe);
		CHECK_EQ(completion(2, &flags), 8);
		CHECK(flags & IORING_CQE_F_BUFFER);
		CHECK(flags & IORING_CQE_F_MORE);
		bid = flags >> IORING_CQE_BUFFER_SHIFT;
		CHECK(!memcmp(provided[bid], "question", 8));
		provide(bid);
		CHECK_EQ(send(c, "?", 1, MSG_QUIC_STREAM_FIN), 1);
		CHECK_EQ(completion(2, &flags), 1);
		provide(flags >> IORING_CQE_BUFFER_SHIFT);
		CHECK_EQ(completion(2, &flags), 0);
		CHECK(!(flags & IORING_CQE_F_MORE));
		close(c);
		close(s);
	}
	close(p.client);
	p.client = -1;
	CHECK_EQ(completion(1, &flags), -ENOTCONN);
	CHECK(!(flags & IORING_CQE_F_MORE));
	ring_close();
	pair_close(&p);
}

/* More than fits, MSG_WAITALL: it waits in the kernel, not in the call, and all of it arrives. */
static void uring_send(void)
{
	static char big[8 << 20], got[65536];
	struct iovec iov = { big, sizeof(big) };
	struct io_uring_sqe *sqe;
	size_t off = 0;
	struct ends e;
	ssize_t n;
	int ret;

	ret = ring_open();
	if (ret == -ENOSYS)
		SKIP("the kernel has no io_uring");
	CHECK_EQ(ret, 0);
	CHECK(!ends_open(&e, &plain, 0));
	CHECK(!io_uring_register_buffers(&ring, &iov, 1));
	pattern_fill(big, sizeof(big), 5, 0);
	/* From registered memory, some of it: a write gives what was taken. */
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_write_fixed(sqe, e.c, big, 5000, 0, 0);
	sqe_for(1, sqe);
	CHECK_EQ(completion(1, NULL), 5000);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_send(sqe, e.c, big + 5000, sizeof(big) - 5000,
			   MSG_WAITALL | MSG_QUIC_STREAM_FIN);
	sqe_for(2, sqe);
	CHECK_EQ(io_uring_submit(&ring), 1);
	/* The flag is not for what a part of it was taken of: the end comes once, at the end. */
	while ((n = recv(e.s, got, sizeof(got), MSG_DONTWAIT)) > 0 || (n < 0 && errno == EAGAIN)) {
		if (n < 0)
			usleep(1000);
		else
			CHECK(pattern_ok(got, n, 5, off));
		off += n < 0 ? 0 : n;
		/* The kernel goes on when we enter it: task work. */
		io_uring_get_events(&ring);
	}
	CHECK_EQ(n, 0);
	CHECK_EQ(off, sizeof(big));
	CHECK_EQ(completion(2, NULL), sizeof(big) - 5000);
	ring_close();
	ends_close(&e);
}

static const struct ktap_case cases[] = {
	{ "multishot poll on connection and stream", uring_poll },
	{ "multishot accept and receive with provided buffers", uring_accept },
	{ "sends wait in the kernel, all bytes arrive", uring_send },
};

KTAP_MAIN(cases)
