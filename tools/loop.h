/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An event loop that is told what to do and says when it is done. Behind it is io_uring, where the
 * kernel does it, or epoll, where the loop does it as soon as the descriptor is ready. One thread;
 * every call comes from there.
 *
 * An operation is a struct loop_op that its user owns: it fills the arguments in, gives it to
 * loop_submit() and leaves it alone until done() was called with more false. done() is never
 * called from within loop_submit() or loop_cancel().
 */
#ifndef QUIC_TOOLS_LOOP_H
#define QUIC_TOOLS_LOOP_H

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <linux/openat2.h>

#define LOOP_BUF_SIZE	(64 << 10)	/* of a registered buffer */
#define LOOP_BUFS	64		/* of these */
#define LOOP_SPARE_SIZE	(16 << 10)	/* of an allocated one, when these are all in use */
#define LOOP_RECV_SIZE	4096		/* of what one LOOP_RECV hands over at most */

struct loop;
struct loop_op;
struct loop_engine;

/*
 * The file or network data of one operation at a time; the kernel may keep it longer than that
 * (zero copy).
 */
struct loop_buf {
	uint8_t *data;
	size_t size;
	int index;		/* among the registered ones; -1: an allocated one */
	unsigned int refs;
	struct loop_buf *next;	/* while free */
	struct loop_op *op;	/* whose zero-copy send it is */
};

enum loop_kind {
	LOOP_ACCEPT,	/* multishot: each descriptor that fd accepts; more false after an error */
	LOOP_RECV,	/* multishot: bytes in op->data, for done(); more false at the end */
	LOOP_RECVMSG,
	LOOP_SENDMSG,
	LOOP_OPEN,	/* openat2() below fd */
	LOOP_READ,	/* of a file, at off, into buf */
	LOOP_SEND,	/* len bytes of buf, all unless it fails; last: and the stream's FIN */
};

struct loop_op {
	enum loop_kind kind;
	/* res: as the system call's, or a negative errno; -ECANCELED after loop_cancel(). */
	void (*done)(struct loop_op *op, int res, bool more);
	int fd;
	union {
		struct {
			struct msghdr *msg;
			int flags;
		};
		struct {
			const char *path;
			const struct open_how *how;
		};
		struct {
			struct loop_buf *buf;
			uint64_t off;
			size_t from, len;
			bool last;
		};
		const uint8_t *data;
	};
	/* The loop's. */
	struct loop_op *next, *prev;
	size_t sent;
	bool cancelled;
};

struct loop_stats {
	uint64_t calls;		/* system calls to wait or to act; io_uring: entries */
	uint64_t ops;		/* operations that were completed */
	uint64_t fixed, zero_copy;	/* sends from registered memory, copied and not */
};

struct loop_engine {
	const char *name;
	/* NULL: the reason is in why */
	struct loop *(*open)(char *why, size_t len);
	void (*submit)(struct loop *l, struct loop_op *op);
	void (*cancel)(struct loop *l, struct loop_op *op);
	/* fd is nobody's any more: no operation on it is under way. */
	void (*close)(struct loop *l, int fd);
	/*
	 * Everything that is ready, after waiting for the first at most so long (-1: any time). 0,
	 * -EINTR or worse.
	 */
	int (*wait)(struct loop *l, int timeout_ms, const sigset_t *unblocked);
	/* Gives up what is under way, without a done(): afterwards no file is held by it. */
	void (*stop)(struct loop *l);
	void (*free)(struct loop *l);
};

/* What both engines begin with. */
struct loop {
	const struct loop_engine *engine;
	struct loop_stats stats;
	uint8_t *memory;		/* LOOP_BUFS of LOOP_BUF_SIZE */
	struct loop_buf bufs[LOOP_BUFS];
	struct loop_buf *free_bufs;
};

extern const struct loop_engine loop_epoll, loop_uring;

int loop_init(struct loop *l, const struct loop_engine *engine);
void loop_exit(struct loop *l);

/* One reference, the caller's. NULL: no memory. */
struct loop_buf *loop_buf_get(struct loop *l);
void loop_buf_put(struct loop *l, struct loop_buf *buf);

static inline void loop_submit(struct loop *l, struct loop_op *op)
{
	op->sent = 0;
	op->cancelled = false;
	l->engine->submit(l, op);
}

#endif /* QUIC_TOOLS_LOOP_H */
