// SPDX-License-Identifier: GPL-2.0
/*
 * quic-serve's loops, on local sockets: the queues of io_uring are so short here that they are
 * always full, and what a ring that fails, a send that takes nothing and an end in between do.
 * guest: not-debug
 * (6.12's io_uring touches its message cache before KASAN in UML lets it, without any of us.)
 */
#define SQES	8
#define CQES	16
#include "../../tools/loop_uring.c"
#include "../../tools/loop.c"
#include <sys/un.h>

#include "ktap.h"

#define PAIRS	200

/* One end of a pair in the loop, which sends back the first thing that comes. */
struct echo {
	struct loop_op in, out;
	struct loop *l;
	int fds[2];		/* the loop's, ours */
	int received, sent;	/* res */
	bool ended;
};

static struct echo echoes[PAIRS];
static sigset_t none;
static int result;

static struct loop *open_or_skip(const struct loop_engine *engine)
{
	char why[200];
	struct loop *l = engine->open(why, sizeof(why));

	if (l)
		alarm(30);	/* a loop that spins is killed */
	else if (access("/proc/sys/kernel/io_uring_disabled", F_OK) && errno == ENOENT)
		ktap_skip_why = "no io_uring here";
	else
		ktap_fail(__FILE__, __LINE__, "%s", why);
	return l;
}

static void close_loop(struct loop *l)
{
	l->engine->stop(l);
	l->engine->free(l);
	alarm(0);
}

static void echo_sent(struct loop_op *op, int res, bool more)
{
	struct echo *e = (void *)((char *)op - offsetof(struct echo, out));

	e->sent = res;
	loop_buf_put(e->l, op->buf);
	e->l->engine->cancel(e->l, &e->in);
}

static void echo_received(struct loop_op *op, int res, bool more)
{
	struct echo *e = (void *)((char *)op - offsetof(struct echo, in));

	e->ended = !more;
	if (res <= 0)
		return;
	e->received = res;
	e->out = (struct loop_op){ .kind = LOOP_SEND, .done = echo_sent, .fd = op->fd,
				   .buf = loop_buf_get(e->l), .len = res };
	memcpy(e->out.buf->data, op->data, res);
	loop_submit(e->l, &e->out);
}

static int echoes_start(struct loop *l)
{
	struct echo *e;

	memset(echoes, 0, sizeof(echoes));
	for (e = echoes; e < echoes + PAIRS; e++) {
		e->l = l;
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, e->fds))
			return -1;
		e->in = (struct loop_op){ .kind = LOOP_RECV, .fd = e->fds[0],
					  .done = echo_received };
		loop_submit(l, &e->in);
	}
	return 0;
}

static int echoes_ended(void)
{
	int i, n = 0;

	for (i = 0; i < PAIRS; i++)
		n += echoes[i].ended;
	return n;
}

static void echoes_check(struct loop *l)
{
	int i, turn, text;

	CHECK(!echoes_start(l));
	CHECK(!l->engine->wait(l, 0, &none));
	for (i = 0; i < PAIRS; i++)
		CHECK_EQ(write(echoes[i].fds[1], &i, sizeof(i)), sizeof(i));
	for (turn = 0; turn < 1000 && echoes_ended() < PAIRS; turn++)
		CHECK(!l->engine->wait(l, 100, &none));
	CHECK_EQ(echoes_ended(), PAIRS);
	for (i = 0; i < PAIRS; i++) {
		CHECK_EQ(echoes[i].received, sizeof(i));
		CHECK_EQ(echoes[i].sent, sizeof(i));
		CHECK_EQ(recv(echoes[i].fds[1], &text, sizeof(text), MSG_DONTWAIT), sizeof(i));
		CHECK_EQ(text, i);
		close(echoes[i].fds[0]);
		close(echoes[i].fds[1]);
	}
}

static void echo_with(const struct loop_engine *engine)
{
	struct loop *l = open_or_skip(engine);

	if (!l)
		return;
	echoes_check(l);
	close_loop(l);
}

static void echo_uring(void)
{
	echo_with(&loop_uring);
}

static void echo_epoll(void)
{
	echo_with(&loop_epoll);
}

/* One that always has something, and one that waits for what the first one's hundredth sends. */
static struct {
	struct loop_op busy, waiting;
	int feed[2], other[2];
	unsigned int turns, at;
} fair;

static void busy_received(struct loop_op *op, int res, bool more)
{
	if (res > 0)
		fair.turns++;
	if (res > 0 && write(fair.feed[1], "x", 1) != 1)
		fair.turns = 1u << 31;
	if (fair.turns == 100 && write(fair.other[1], "x", 1) != 1)
		fair.turns = 1u << 31;
}

static void waiting_received(struct loop_op *op, int res, bool more)
{
	if (res == 1)
		fair.at = fair.turns;
}

static void fair_check(struct loop *l)
{
	int turn;

	memset(&fair, 0, sizeof(fair));
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fair.feed));
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fair.other));
	fair.waiting = (struct loop_op){ .kind = LOOP_RECV, .fd = fair.other[0],
					 .done = waiting_received };
	fair.busy = (struct loop_op){ .kind = LOOP_RECV, .fd = fair.feed[0],
				      .done = busy_received };
	loop_submit(l, &fair.waiting);
	loop_submit(l, &fair.busy);
	CHECK_EQ(write(fair.feed[1], "x", 1), 1);
	for (turn = 0; turn < 5000 && !fair.at; turn++)
		CHECK(!l->engine->wait(l, 100, &none));
	CHECK(fair.at >= 100);
	CHECK(fair.at < 300);
	l->engine->stop(l);
	close(fair.feed[0]);
	close(fair.feed[1]);
	close(fair.other[0]);
	close(fair.other[1]);
}

static void fair_with(const struct loop_engine *engine)
{
	struct loop *l = open_or_skip(engine);

	if (!l)
		return;
	fair_check(l);
	l->engine->free(l);
	alarm(0);
}

static void fair_uring(void)
{
	fair_with(&loop_uring);
}

static void fair_epoll(void)
{
	fair_with(&loop_epoll);
}

static void note(struct loop_op *op, int res, bool more)
{
	result = res;
}

/* A ring that the kernel does not take for one any more: the server is told, and does not spin. */
static void broken_check(struct loop *l)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), i;

	CHECK(null >= 0);
	CHECK(dup2(null, of(l)->ring.ring_fd) >= 0);
	close(null);
	CHECK(!echoes_start(l));
	CHECK(l->engine->wait(l, 0, &none) < 0);
	CHECK(l->engine->wait(l, 0, &none) < 0);
	for (i = 0; i < PAIRS; i++) {
		CHECK(!close(echoes[i].fds[0]));
		CHECK(!close(echoes[i].fds[1]));
	}
}

static void broken(void)
{
	struct loop *l = open_or_skip(&loop_uring);

	if (!l)
		return;
	broken_check(l);
	close_loop(l);
}

/* No socket should; one that does is not asked for ever. */
static void nothing_check(struct loop *l)
{
	struct loop_op op = { .kind = LOOP_SEND, .done = note, .fd = -1,
			      .buf = loop_buf_get(l), .len = 10 };

	result = 0;
	done_send(of(l), &op, 0, false);
	CHECK_EQ(result, -EIO);
	/* but there are sends of nothing: an empty file's FIN */
	op.len = 0;
	result = -1;
	done_send(of(l), &op, 0, false);
	CHECK_EQ(result, 0);
	loop_buf_put(l, op.buf);
}

static void nothing(void)
{
	struct loop *l = open_or_skip(&loop_uring);

	if (!l)
		return;
	nothing_check(l);
	close_loop(l);
}

#define CLIENTS	20

/* What was accepted and nobody heard of is closed: its client sees the end. */
static void stop_check(struct loop *l)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "\0test_loop" };
	struct loop_op op = { .kind = LOOP_ACCEPT, .done = note };
	int clients[CLIENTS], i, accepted = 0;
	char c;

	op.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(!bind(op.fd, (struct sockaddr *)&addr, sizeof(addr)));
	CHECK(!listen(op.fd, CLIENTS));
	for (i = 0; i < CLIENTS; i++) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		CHECK(!connect(clients[i], (struct sockaddr *)&addr, sizeof(addr)));
	}
	result = -1;
	loop_submit(l, &op);
	l->engine->stop(l);
	CHECK_EQ(result, -1);
	for (i = 0; i < CLIENTS; i++)
		accepted += !recv(clients[i], &c, 1, MSG_DONTWAIT);
	CHECK(accepted > 0);
	/* Afterwards the others are over as well: those that the listener still had. */
	CHECK(!close(op.fd));
	for (i = 0; i < CLIENTS; i++) {
		CHECK(recv(clients[i], &c, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET);
		close(clients[i]);
	}
}

static void stop(void)
{
	struct loop *l = open_or_skip(&loop_uring);

	if (!l)
		return;
	stop_check(l);
	l->engine->free(l);
	alarm(0);
}

static const struct ktap_case cases[] = {
	{ "io_uring: twelve times as much at once as its queues hold", echo_uring },
	{ "epoll: the same", echo_epoll },
	{ "io_uring: one that is always ready does not keep others waiting", fair_uring },
	{ "epoll: the same", fair_epoll },
	{ "io_uring: a ring that is broken ends the loop", broken },
	{ "io_uring: a send that takes nothing fails", nothing },
	{ "io_uring: what is accepted when it stops is closed", stop },
};
KTAP_MAIN(cases)
