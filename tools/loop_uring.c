// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The loop over io_uring: io_uring_enter() is its only system call. The kernel puts what it
 * receives into buffers that are ours in common (a provided ring), accepts and receives again and
 * again for one request (multishot), and sends from memory it has pinned once: without a copy
 * where sockets can do that, which the first one tells.
 *
 * user_data is the operation; with the lowest bit set, the buffer of a zero-copy send, which gets
 * two completions: one for the operation, one when the kernel is through with the memory. 0:
 * nobody wants to know.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <liburing.h>
#include <netinet/quic.h>
#include "loop.h"

#ifndef SQES			/* a test has few */
#define SQES		1024
#define CQES		16384
#endif
#define RECV_BUFS	512	/* a power of two */
#define RECV_GROUP	0
#define ZERO_COPY_MIN	8192	/* bytes; pinning less costs more than copying it */
#define SUBMIT_TRIES	1000
#define ZC_TAG		1ul
#define STOP_TAG	2ul

struct uring_loop {
	struct loop l;
	struct io_uring ring;
	bool open;
	bool fixed;		/* the loop's memory is registered */
	bool zero_copy;		/* not refused so far */
	struct io_uring_buf_ring *recv;
	uint8_t *recv_memory;
	struct loop_op *again;	/* those that found no buffer */
	int err;		/* the ring is of no use any more: why */
	struct io_uring_sqe nowhere;
};

static struct uring_loop *of(struct loop *l)
{
	return (struct uring_loop *)l;
}

/*
 * Room for a request; there is some once the kernel took those that wait. It takes them whatever
 * the state of the completion queue is (it keeps what overflows), but may lack memory for a moment.
 * liburing returns -errno and leaves errno alone. When there is no room to be had, the request goes
 * nowhere and the next uring_wait() fails.
 */
static struct io_uring_sqe *sqe_get(struct uring_loop *u)
{
	struct io_uring_sqe *sqe = u->err ? NULL : io_uring_get_sqe(&u->ring);
	int tries, ret;

	for (tries = 0; !sqe && !u->err; tries++) {
		u->l.stats.calls++;
		ret = io_uring_submit_and_get_events(&u->ring);
		if (ret < 0 && ((ret != -EBUSY && ret != -EAGAIN && ret != -EINTR) ||
				tries == SUBMIT_TRIES))
			u->err = ret;
		else
			sqe = io_uring_get_sqe(&u->ring);
	}
	return sqe ? sqe : &u->nowhere;
}

static void send_prep(struct uring_loop *u, struct io_uring_sqe *sqe, struct loop_op *op)
{
	const uint8_t *data = op->buf->data + op->from + op->sent;
	int flags = MSG_NOSIGNAL | MSG_WAITALL | (op->last ? MSG_QUIC_STREAM_FIN : 0);
	size_t len = op->len - op->sent;

	if (op->buf->index < 0 || !u->fixed) {
		io_uring_prep_send(sqe, op->fd, data, len, flags);
	} else if (u->zero_copy && len >= ZERO_COPY_MIN) {
		u->l.stats.zero_copy++;
		io_uring_prep_send_zc_fixed(sqe, op->fd, data, len, flags, 0, op->buf->index);
		op->buf->op = op;
		op->buf->refs++;
		io_uring_sqe_set_data64(sqe, (uintptr_t)op->buf | ZC_TAG);
		return;
	} else if (!op->last) {
		u->l.stats.fixed++;
		io_uring_prep_write_fixed(sqe, op->fd, data, len, 0, op->buf->index);
	} else {
		/* A write has no flag for the FIN. */
		io_uring_prep_send(sqe, op->fd, data, len, flags);
	}
	io_uring_sqe_set_data(sqe, op);
}

static void read_prep(struct uring_loop *u, struct io_uring_sqe *sqe, const struct loop_op *op)
{
	if (op->buf->index >= 0 && u->fixed)
		io_uring_prep_read_fixed(sqe, op->fd, op->buf->data, op->len, op->off,
					 op->buf->index);
	else
		io_uring_prep_read(sqe, op->fd, op->buf->data, op->len, op->off);
}

static void uring_submit(struct loop *l, struct loop_op *op)
{
	struct uring_loop *u = of(l);
	struct io_uring_sqe *sqe = sqe_get(u);

	switch (op->kind) {
	case LOOP_ACCEPT:
		/* Not O_NONBLOCK: io_uring would report EAGAIN instead of waiting. */
		io_uring_prep_multishot_accept(sqe, op->fd, NULL, NULL, SOCK_CLOEXEC);
		break;
	case LOOP_RECV:
		io_uring_prep_recv_multishot(sqe, op->fd, NULL, 0, 0);
		sqe->flags |= IOSQE_BUFFER_SELECT;
		sqe->buf_group = RECV_GROUP;
		break;
	case LOOP_RECVMSG:
		io_uring_prep_recvmsg(sqe, op->fd, op->msg, op->flags);
		break;
	case LOOP_SENDMSG:
		io_uring_prep_sendmsg(sqe, op->fd, op->msg, op->flags);
		break;
	case LOOP_OPEN:
		io_uring_prep_openat2(sqe, op->fd, op->path, (struct open_how *)op->how);
		break;
	case LOOP_READ:
		read_prep(u, sqe, op);
		break;
	case LOOP_SEND:
		send_prep(u, sqe, op);
		return;
	}
	io_uring_sqe_set_data(sqe, op);
}

static void uring_cancel(struct loop *l, struct loop_op *op)
{
	struct io_uring_sqe *sqe;

	/* One that waits for a buffer is not in the kernel: it finds the mark. */
	op->cancelled = true;
	sqe = sqe_get(of(l));
	io_uring_prep_cancel(sqe, op, 0);
	io_uring_sqe_set_data(sqe, NULL);
}

static void uring_close(struct loop *l, int fd)
{
	struct io_uring_sqe *sqe = sqe_get(of(l));

	io_uring_prep_close(sqe, fd);
	io_uring_sqe_set_data(sqe, NULL);
}

/* --- completions --- */

static void recv_return(struct uring_loop *u, unsigned int bid)
{
	io_uring_buf_ring_add(u->recv, u->recv_memory + bid * LOOP_RECV_SIZE, LOOP_RECV_SIZE, bid,
			      io_uring_buf_ring_mask(RECV_BUFS), 0);
	io_uring_buf_ring_advance(u->recv, 1);
}

static void again_later(struct uring_loop *u, struct loop_op *op)
{
	op->next = u->again;
	u->again = op;
}

static void done_recv(struct uring_loop *u, struct loop_op *op, int res, uint32_t flags)
{
	if (res == -ENOBUFS) {
		again_later(u, op);
		return;
	}
	if (res > 0) {
		unsigned int bid = flags >> IORING_CQE_BUFFER_SHIFT;

		op->data = u->recv_memory + bid * LOOP_RECV_SIZE;
		op->done(op, res, true);
		recv_return(u, bid);
		/* It ends for reasons of its own, a full completion queue among them. */
		if (!(flags & IORING_CQE_F_MORE))
			again_later(u, op);
		return;
	}
	op->done(op, res, false);
}

static void done_send(struct uring_loop *u, struct loop_op *op, int res, bool zc)
{
	if (zc && (res == -EOPNOTSUPP || res == -EINVAL)) {
		u->l.stats.zero_copy--;
		u->zero_copy = false;
		uring_submit(&u->l, op);
		return;
	}
	if (!res && op->sent < op->len)
		res = -EIO;	/* nor would it take more the next time */
	if (res >= 0 && op->sent + res < op->len) {
		op->sent += res;
		uring_submit(&u->l, op);
		return;
	}
	op->done(op, res < 0 ? res : (int)op->len, false);
}

static void complete(struct uring_loop *u, uint64_t data, int res, uint32_t flags)
{
	struct loop_op *op;

	if (!data)
		return;
	if (data & ZC_TAG) {
		struct loop_buf *buf = (struct loop_buf *)(uintptr_t)(data & ~ZC_TAG);

		op = buf->op;
		if (!(flags & IORING_CQE_F_NOTIF)) {
			u->l.stats.ops++;
			done_send(u, op, res, true);
		}
		if (!(flags & IORING_CQE_F_MORE))
			loop_buf_put(&u->l, buf);
		return;
	}
	op = (struct loop_op *)(uintptr_t)data;
	u->l.stats.ops++;
	if (op->kind == LOOP_RECV) {
		done_recv(u, op, res, flags);
	} else if (op->kind == LOOP_SEND) {
		done_send(u, op, res, false);
	} else if (op->kind == LOOP_ACCEPT && res >= 0) {
		op->done(op, res, true);
		if (!(flags & IORING_CQE_F_MORE))
			again_later(u, op);
	} else {
		op->done(op, res, false);
	}
}

/*
 * Each leaves the queue before it is dealt with: that may submit, and what completes then needs the
 * room. A multishot request that finds none ends.
 */
static bool complete_one(struct uring_loop *u)
{
	struct io_uring_cqe *cqe, c;

	if (io_uring_peek_cqe(&u->ring, &cqe))
		return false;
	c = *cqe;
	io_uring_cqe_seen(&u->ring, cqe);
	complete(u, c.user_data, c.res, c.flags);
	return true;
}

static void again(struct uring_loop *u)
{
	struct loop_op *op = u->again, *next;

	u->again = NULL;
	for (; op; op = next) {
		next = op->next;
		if (op->cancelled)
			op->done(op, -ECANCELED, false);
		else
			uring_submit(&u->l, op);
	}
}

static int uring_wait(struct loop *l, int timeout_ms, const sigset_t *unblocked)
{
	struct __kernel_timespec ts = { timeout_ms / 1000, timeout_ms % 1000 * 1000000ll };
	struct uring_loop *u = of(l);
	struct io_uring_cqe *cqe;
	sigset_t mask = *unblocked;
	unsigned int n = 0;
	int err;

	again(u);
	if (u->err)
		return u->err;
	l->stats.calls++;
	err = io_uring_submit_and_wait_timeout(&u->ring, &cqe, 1, timeout_ms < 0 ? NULL : &ts,
					       &mask);
	if (err < 0 && err != -ETIME && err != -EINTR && err != -EBUSY && err != -EAGAIN)
		return err;
	while (n < CQES && complete_one(u))
		n++;
	if (u->err)
		return u->err;
	return err == -EINTR ? err : 0;
}

/* --- setting up --- */

#define STOP_TURNS	100	/* of 20 ms */

/* What came for somebody who is gone; a descriptor goes, too. Return: the cancelling is over */
static bool drop_all(struct uring_loop *u)
{
	struct io_uring_cqe *cqe, c;
	const struct loop_op *op;
	bool over = false;

	while (!io_uring_peek_cqe(&u->ring, &cqe)) {
		c = *cqe;
		io_uring_cqe_seen(&u->ring, cqe);
		over |= c.user_data == STOP_TAG;
		if (!c.user_data || c.user_data & (ZC_TAG | STOP_TAG) || c.res < 0)
			continue;
		op = (const struct loop_op *)(uintptr_t)c.user_data;
		if (op->kind == LOOP_ACCEPT || op->kind == LOOP_OPEN)
			uring_close(&u->l, c.res);
	}
	return over;
}

/*
 * The kernel takes a ring down some time after it was closed, and keeps the listener for as long:
 * whoever starts next would find the port taken.
 */
static void uring_stop(struct loop *l)
{
	struct __kernel_timespec ts = { .tv_nsec = 20000000 };
	struct uring_loop *u = of(l);
	struct io_uring_sqe *sqe = sqe_get(u);
	struct io_uring_cqe *cqe;
	bool over = false;
	int turns;

	io_uring_prep_cancel(sqe, NULL, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
	io_uring_sqe_set_data64(sqe, STOP_TAG);
	for (turns = 0; turns < STOP_TURNS && !over && !u->err; turns++) {
		io_uring_submit_and_wait_timeout(&u->ring, &cqe, 1, &ts, NULL);
		over = drop_all(u);
	}
	/* What was cancelled ends in task work: once more through the kernel. */
	io_uring_submit_and_wait_timeout(&u->ring, &cqe, 1, &ts, NULL);
	drop_all(u);
	io_uring_submit(&u->ring);
}

static void uring_free(struct loop *l)
{
	struct uring_loop *u = of(l);

	if (u->open)
		io_uring_queue_exit(&u->ring);
	loop_exit(l);
	free(u->recv);
	free(u->recv_memory);
	free(u);
}

static int ring_open(struct uring_loop *u)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL |
			 IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
		.cq_entries = CQES,
	};
	int err = io_uring_queue_init_params(SQES, &u->ring, &p);

	if (err == -EINVAL) {
		/* Before 6.1 */
		p = (struct io_uring_params){
			.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
			.cq_entries = CQES,
		};
		err = io_uring_queue_init_params(SQES, &u->ring, &p);
	}
	u->open = !err;
	return err;
}

static int recv_open(struct uring_loop *u)
{
	struct io_uring_buf_reg reg = { .ring_entries = RECV_BUFS, .bgid = RECV_GROUP };
	long page = sysconf(_SC_PAGESIZE);
	unsigned int i;
	int err;

	u->recv_memory = malloc(RECV_BUFS * LOOP_RECV_SIZE);
	if (!u->recv_memory ||
	    posix_memalign((void **)&u->recv, page, RECV_BUFS * sizeof(struct io_uring_buf)))
		return -ENOMEM;
	reg.ring_addr = (uintptr_t)u->recv;
	err = io_uring_register_buf_ring(&u->ring, &reg, 0);
	if (err)
		return err;
	io_uring_buf_ring_init(u->recv);
	for (i = 0; i < RECV_BUFS; i++)
		recv_return(u, i);
	return 0;
}

static int memory_register(struct uring_loop *u)
{
	struct iovec iov[LOOP_BUFS];
	int i;

	for (i = 0; i < LOOP_BUFS; i++)
		iov[i] = (struct iovec){ u->l.bufs[i].data, u->l.bufs[i].size };
	return io_uring_register_buffers(&u->ring, iov, LOOP_BUFS);
}

static bool sysctl_disabled(void)
{
	FILE *f = fopen("/proc/sys/kernel/io_uring_disabled", "re");
	int value = 0;

	if (!f)
		return false;
	if (fscanf(f, "%d", &value) != 1)
		value = 0;
	fclose(f);
	return value;
}

static const char *explain(int err)
{
	if (err == -ENOSYS)
		return "this kernel is built without io_uring: use --engine epoll";
	if (err == -EPERM && sysctl_disabled())
		return "the sysctl kernel.io_uring_disabled forbids it: change that, or use --engine epoll";
	if (err == -EPERM)
		return "it is forbidden to this process (a container's seccomp rules?): use --engine epoll";
	if (err == -ENOMEM)
		return "no memory for the rings, or RLIMIT_MEMLOCK is too low (ulimit -l)";
	if (err == -EINVAL)
		return "this kernel is too old: multishot operations need Linux 6.0; use --engine epoll";
	return strerror(-err);
}

static struct loop *uring_open(char *why, size_t len)
{
	struct uring_loop *u = calloc(1, sizeof(*u));
	int err = u ? loop_init(&u->l, &loop_uring) : -ENOMEM;

	if (!err)
		err = ring_open(u);
	if (!err)
		err = recv_open(u);
	if (err) {
		snprintf(why, len, "%s", explain(err));
		if (u)
			uring_free(&u->l);
		return NULL;
	}
	/* Without permission to pin so much it goes on, copying. */
	u->fixed = !memory_register(u);
	u->zero_copy = u->fixed;
	return &u->l;
}

const struct loop_engine loop_uring = {
	.name = "uring",
	.open = uring_open,
	.submit = uring_submit,
	.cancel = uring_cancel,
	.close = uring_close,
	.wait = uring_wait,
	.stop = uring_stop,
	.free = uring_free,
};
