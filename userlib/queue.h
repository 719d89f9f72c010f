/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TLS messages on their way out, in order; neighbours of one level travel together. Bounded: a
 * certificate chain is the largest thing that ever comes by.
 */
#ifndef QUIC_USERLIB_QUEUE_H
#define QUIC_USERLIB_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUIC_QUEUE_MAX	(1U << 20)	/* bytes waiting in all */

struct quic_queue_item {
	struct quic_queue_item *next;
	uint8_t level;
	size_t len;
	size_t sent;
	uint8_t data[];
};

struct quic_queue {
	struct quic_queue_item *head;
	struct quic_queue_item *tail;
	size_t bytes;
};

int quic_queue_add(struct quic_queue *q, uint8_t level, const void *data, size_t len);
/* The head was sent this far; drop it once it is through. */
void quic_queue_sent(struct quic_queue *q, size_t len);
void quic_queue_free(struct quic_queue *q);

#endif /* QUIC_USERLIB_QUEUE_H */
