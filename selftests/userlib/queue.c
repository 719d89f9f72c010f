// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "queue.h"

static void queue__joins_one_level(void **state)
{
	struct quic_queue q = { 0 };

	(void)state;
	assert_int_equal(quic_queue_add(&q, 1, "ab", 2), 0);
	assert_int_equal(quic_queue_add(&q, 1, "cd", 2), 0);
	assert_int_equal(quic_queue_add(&q, 2, "ef", 2), 0);
	assert_int_equal(quic_queue_add(&q, 2, "", 0), 0);
	assert_int_equal(quic_queue_add(&q, 2, "gh", 2), 0);
	assert_int_equal(q.bytes, 8);
	assert_int_equal(q.head->len, 4);
	assert_memory_equal(q.head->data, "abcd", 4);
	assert_ptr_equal(q.head->next, q.tail);
	assert_memory_equal(q.tail->data, "efgh", 4);
	quic_queue_free(&q);
	assert_null(q.head);
}

static void queue__partly_sent(void **state)
{
	struct quic_queue q = { 0 };

	(void)state;
	quic_queue_add(&q, 1, "abcd", 4);
	quic_queue_sent(&q, 3);
	assert_int_equal(q.head->sent, 3);
	/* What joins later does not disturb what was sent. */
	quic_queue_add(&q, 1, "e", 1);
	assert_int_equal(q.head->sent, 3);
	assert_memory_equal(q.head->data + q.head->sent, "de", 2);
	quic_queue_sent(&q, 2);
	assert_null(q.head);
	assert_null(q.tail);
	assert_int_equal(q.bytes, 0);
	quic_queue_add(&q, 2, "x", 1);
	assert_int_equal(q.head->level, 2);
	quic_queue_free(&q);
}

static void queue__bounded(void **state)
{
	struct quic_queue q = { 0 };
	char *big = calloc(1, QUIC_QUEUE_MAX);

	(void)state;
	assert_non_null(big);
	assert_int_equal(quic_queue_add(&q, 1, big, QUIC_QUEUE_MAX), 0);
	assert_int_equal(quic_queue_add(&q, 1, big, 1), -ENOBUFS);
	assert_int_equal(quic_queue_add(&q, 1, big, (size_t)-1), -ENOBUFS);
	quic_queue_free(&q);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queue__joins_one_level),
		cmocka_unit_test(queue__partly_sent),
		cmocka_unit_test(queue__bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
