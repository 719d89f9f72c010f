// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The memory of a loop: one piece, so that io_uring can have it registered; what it lacks is
 * allocated.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "loop.h"

int loop_init(struct loop *l, const struct loop_engine *engine)
{
	int i;

	l->engine = engine;
	l->memory = mmap(NULL, LOOP_BUFS * LOOP_BUF_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (l->memory == MAP_FAILED) {
		l->memory = NULL;
		return -errno;
	}
	for (i = LOOP_BUFS - 1; i >= 0; i--) {
		l->bufs[i] = (struct loop_buf){
			.data = l->memory + i * LOOP_BUF_SIZE,
			.size = LOOP_BUF_SIZE,
			.index = i,
			.next = l->free_bufs,
		};
		l->free_bufs = &l->bufs[i];
	}
	return 0;
}

void loop_exit(struct loop *l)
{
	if (l->memory)
		munmap(l->memory, LOOP_BUFS * LOOP_BUF_SIZE);
}

struct loop_buf *loop_buf_get(struct loop *l)
{
	struct loop_buf *buf = l->free_bufs;

	if (buf) {
		l->free_bufs = buf->next;
		buf->refs = 1;
		return buf;
	}
	/* All are in the hands of slow peers, perhaps. */
	buf = malloc(sizeof(*buf) + LOOP_SPARE_SIZE);
	if (!buf)
		return NULL;
	*buf = (struct loop_buf){
		.data = (uint8_t *)(buf + 1),
		.size = LOOP_SPARE_SIZE,
		.index = -1,
		.refs = 1,
	};
	return buf;
}

void loop_buf_put(struct loop *l, struct loop_buf *buf)
{
	if (--buf->refs)
		return;
	if (buf->index < 0) {
		free(buf);
		return;
	}
	buf->next = l->free_bufs;
	l->free_bufs = buf;
}
