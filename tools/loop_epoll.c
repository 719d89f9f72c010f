// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The loop over epoll. What is submitted is tried at the next turn; what would wait is parked at
 * its descriptor, one operation that reads and one that writes, and tried again after an edge. A
 * descriptor is known to epoll from the first time that something on it would have waited: many
 * never get there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <netinet/quic.h>
#include "loop.h"

#define EVENTS		256
#define BURST		64	/* tries, before those that wait are looked at */

struct watch {
	struct loop_op *in, *out;
	bool known;		/* to epoll */
};

struct epoll_loop {
	struct loop l;
	int epoll;
	struct watch *watches;	/* by descriptor */
	size_t count;
	struct loop_op run;	/* head of those to try, a ring */
	unsigned long queued;
};

static struct epoll_loop *of(struct loop *l)
{
	return (struct epoll_loop *)l;
}

static void enqueue(struct epoll_loop *e, struct loop_op *op)
{
	op->next = &e->run;
	op->prev = e->run.prev;
	op->prev->next = op;
	e->run.prev = op;
	e->queued++;
}

static void dequeue(struct epoll_loop *e, struct loop_op *op)
{
	op->prev->next = op->next;
	op->next->prev = op->prev;
	op->next = NULL;
	e->queued--;
}

static bool writes(const struct loop_op *op)
{
	return op->kind == LOOP_SEND || op->kind == LOOP_SENDMSG;
}

static struct watch *watch_of(struct epoll_loop *e, int fd)
{
	size_t count = e->count ? e->count : 1024;
	struct watch *w;

	if ((size_t)fd < e->count)
		return &e->watches[fd];
	while (count <= (size_t)fd)
		count *= 2;
	w = realloc(e->watches, count * sizeof(*w));
	if (!w)
		return NULL;
	memset(w + e->count, 0, (count - e->count) * sizeof(*w));
	e->watches = w;
	e->count = count;
	return &w[fd];
}

/* It would have waited. 0, or why that cannot be. */
static int park(struct epoll_loop *e, struct loop_op *op)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
				     .data.fd = op->fd };
	struct watch *w = watch_of(e, op->fd);

	if (!w)
		return -ENOMEM;
	if (!w->known) {
		e->l.stats.calls++;
		if (epoll_ctl(e->epoll, EPOLL_CTL_ADD, op->fd, &event))
			return -errno;
		w->known = true;
	}
	*(writes(op) ? &w->out : &w->in) = op;
	return 0;
}

static ssize_t send_some(struct loop_op *op)
{
	return send(op->fd, op->buf->data + op->from + op->sent, op->len - op->sent,
		    MSG_DONTWAIT | MSG_NOSIGNAL | (op->last ? MSG_QUIC_STREAM_FIN : 0));
}

static ssize_t act(struct epoll_loop *e, struct loop_op *op, uint8_t *room)
{
	e->l.stats.calls++;
	switch (op->kind) {
	case LOOP_ACCEPT:
		return accept4(op->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	case LOOP_RECV:
		op->data = room;
		return recv(op->fd, room, LOOP_RECV_SIZE, MSG_DONTWAIT);
	case LOOP_RECVMSG:
		return recvmsg(op->fd, op->msg, op->flags | MSG_DONTWAIT);
	case LOOP_SENDMSG:
		return sendmsg(op->fd, op->msg, op->flags | MSG_DONTWAIT);
	case LOOP_OPEN:
		return syscall(SYS_openat2, op->fd, op->path, op->how, sizeof(*op->how));
	case LOOP_READ:
		return pread(op->fd, op->buf->data, op->len, op->off);
	case LOOP_SEND:
		return send_some(op);
	}
	errno = EINVAL;
	return -1;
}

static void complete(struct epoll_loop *e, struct loop_op *op, ssize_t res)
{
	e->l.stats.ops++;
	op->done(op, res, false);
}

/* Once. Afterwards it waits, is queued again, or is done and no more ours to touch. */
static void try(struct epoll_loop *e, struct loop_op *op)
{
	uint8_t room[LOOP_RECV_SIZE];
	ssize_t res;

	if (op->cancelled) {
		complete(e, op, -ECANCELED);
		return;
	}
	res = act(e, op, room);
	if (res < 0 && errno == EINTR) {
		enqueue(e, op);
		return;
	}
	if (res < 0 && errno == EAGAIN) {
		int err = park(e, op);

		if (err)
			complete(e, op, err);
		return;
	}
	if (res < 0)
		res = -errno;
	if (op->kind == LOOP_SEND && !res && op->sent < op->len)
		res = -EIO;	/* nor would it take more the next time */
	if (op->kind == LOOP_SEND && res >= 0) {
		op->sent += res;
		if (op->sent < op->len) {
			enqueue(e, op);
			return;
		}
		res = op->len;
	}
	if ((op->kind == LOOP_ACCEPT && res >= 0) || (op->kind == LOOP_RECV && res > 0)) {
		/* First, for done() may cancel it. */
		enqueue(e, op);
		e->l.stats.ops++;
		op->done(op, res, true);
		return;
	}
	complete(e, op, res);
}

static void epoll_submit(struct loop *l, struct loop_op *op)
{
	enqueue(of(l), op);
}

static void epoll_cancel(struct loop *l, struct loop_op *op)
{
	struct epoll_loop *e = of(l);
	struct watch *w = (size_t)op->fd < e->count ? &e->watches[op->fd] : NULL;

	op->cancelled = true;
	if (w && (w->in == op || w->out == op)) {
		*(w->in == op ? &w->in : &w->out) = NULL;
		enqueue(e, op);
	}
}

static void epoll_close(struct loop *l, int fd)
{
	struct epoll_loop *e = of(l);

	if ((size_t)fd < e->count)
		e->watches[fd] = (struct watch){ 0 };
	l->stats.calls++;
	close(fd);
}

static void awake(struct epoll_loop *e, const struct epoll_event *event)
{
	struct watch *w = &e->watches[event->data.fd];

	if (w->in && event->events & ~(uint32_t)EPOLLOUT) {
		enqueue(e, w->in);
		w->in = NULL;
	}
	if (w->out && event->events & ~(uint32_t)(EPOLLIN | EPOLLRDHUP)) {
		enqueue(e, w->out);
		w->out = NULL;
	}
}

static int epoll_loop_wait(struct loop *l, int timeout_ms, const sigset_t *unblocked)
{
	struct epoll_event events[EVENTS];
	struct epoll_loop *e = of(l);
	uint64_t before = l->stats.ops;
	unsigned long turn, most;
	int i, n;

	/*
	 * All once, or a few again and again. Not until none is left: where connections come as
	 * fast as they are accepted that is never, and the handshakes that wait for a client's
	 * answer time out.
	 */
	most = e->queued > BURST ? e->queued : BURST;
	for (turn = 0; e->queued && turn < most; turn++) {
		struct loop_op *op = e->run.next;

		dequeue(e, op);
		try(e, op);
	}
	l->stats.calls++;
	/*
	 * Signals come only in here: none is lost between the look at what they set and the wait.
	 */
	if (e->queued || l->stats.ops != before)
		timeout_ms = 0;		/* something was ready */
	n = epoll_pwait(e->epoll, events, EVENTS, timeout_ms, unblocked);
	if (n < 0)
		return -errno;
	for (i = 0; i < n; i++)
		awake(e, &events[i]);
	return 0;
}

static void epoll_stop(struct loop *l)
{
	struct epoll_loop *e = of(l);

	e->run.next = &e->run;
	e->run.prev = &e->run;
	e->queued = 0;
}

static void epoll_free(struct loop *l)
{
	struct epoll_loop *e = of(l);

	if (e->epoll >= 0)
		close(e->epoll);
	loop_exit(l);
	free(e->watches);
	free(e);
}

static struct loop *epoll_open(char *why, size_t len)
{
	struct epoll_loop *e = calloc(1, sizeof(*e));
	int err;

	if (!e) {
		snprintf(why, len, "no memory");
		return NULL;
	}
	e->run.next = &e->run;
	e->run.prev = &e->run;
	err = loop_init(&e->l, &loop_epoll);
	e->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (err || e->epoll < 0) {
		snprintf(why, len, "%s", strerror(err ? -err : errno));
		epoll_free(&e->l);
		return NULL;
	}
	return &e->l;
}

const struct loop_engine loop_epoll = {
	.name = "epoll",
	.open = epoll_open,
	.submit = epoll_submit,
	.cancel = epoll_cancel,
	.close = epoll_close,
	.wait = epoll_loop_wait,
	.stop = epoll_stop,
	.free = epoll_free,
};
