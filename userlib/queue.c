// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "queue.h"

int quic_queue_add(struct quic_queue *q, uint8_t level, const void *data, size_t len)
{
	struct quic_queue_item *tail = q->tail;
	bool join = tail && tail->level == level;
	size_t have = join ? tail->len : 0;
	struct quic_queue_item *item;

	if (!len)
		return 0;
	if (len > QUIC_QUEUE_MAX - q->bytes)
		return -ENOBUFS;

	item = malloc(sizeof(*item) + have + len);
	if (!item)
		return -ENOMEM;
	*item = (struct quic_queue_item){ .level = level, .len = have + len };
	if (join) {
		struct quic_queue_item **link = &q->head;

		while (*link != tail)
			link = &(*link)->next;
		memcpy(item->data, tail->data, have);
		item->sent = tail->sent;
		*link = item;
		free(tail);
	} else if (tail) {
		tail->next = item;
	} else {
		q->head = item;
	}
	memcpy(item->data + have, data, len);
	q->tail = item;
	q->bytes += len;
	return 0;
}

void quic_queue_sent(struct quic_queue *q, size_t len)
{
	struct quic_queue_item *item = q->head;

	item->sent += len;
	q->bytes -= len;
	if (item->sent < item->len)
		return;

	q->head = item->next;
	if (!q->head)
		q->tail = NULL;
	free(item);
}

void quic_queue_free(struct quic_queue *q)
{
	while (q->head) {
		struct quic_queue_item *item = q->head;

		q->head = item->next;
		free(item);
	}
	q->tail = NULL;
	q->bytes = 0;
}
