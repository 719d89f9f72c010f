// SPDX-License-Identifier: GPL-2.0
/* CRYPTO data in any order, bounded, and sent again until acknowledged. */
#include <time.h>

#include "test.h"
#include "sim.h"

#define RTT	MS(20)
#define LEVEL	QUIC_LEVEL_APP

static u8 text[60000];

static struct sim *up(void)
{
	struct sim_cfg cfg;
	struct sim *s;
	u32 i;

	for (i = 0; i < sizeof(text); i++)
		text[i] = i * 31 + i / 256;
	sim_config(&cfg);
	cfg.tickets = 0;
	s = sim_new(&cfg);
	sim_handshake(s);
	sim_run(s, MS(500), NULL);
	s->hostile = true;
	return s;
}

static void send_piece(struct sim *s, u64 off, u32 len)
{
	u8 buf[2000], *p;
	u32 n = len;

	p = quic_frame_put_crypto(buf, buf + sizeof(buf), off, &n);
	assert_non_null(p);
	assert_int_equal(n, len);
	memcpy(p, text + off, len);
	sim_inject(s->s, LEVEL, buf, p + len - buf);
}

static void assert_got(struct sim *s, u32 len)
{
	assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
	assert_int_equal(s->c->tls.in_len[LEVEL], len);
	assert_memory_equal(s->c->tls.in[LEVEL], text, len);
}

static void crypto_stream__reordered(void **state)
{
	struct sim *s = up();

	send_piece(s, 100, 100);
	assert_int_equal(s->c->tls.in_len[LEVEL], 0);
	send_piece(s, 300, 100);
	send_piece(s, 50, 100);
	send_piece(s, 0, 50);
	assert_got(s, 200);
	send_piece(s, 150, 200);
	assert_got(s, 400);
	/* Nothing is kept for it any more, and the past is past. */
	assert_null(s->c->conn.crypto[LEVEL]->rx);
	send_piece(s, 0, 400);
	send_piece(s, 399, 2);
	assert_got(s, 401);
	sim_free(s);
}

static void crypto_stream__shuffled(void **state)
{
	u64 seed;

	for (seed = 1; seed < 20; seed++) {
		struct sim *s = up();
		u64 rng = seed;
		u32 len = 0;
		unsigned int i;

		for (i = 0; i < 3000 && len < 20000; i++) {
			send_piece(s, rnd(&rng) % 20000, 1 + rnd(&rng) % 500);
			len = s->c->tls.in_len[LEVEL];
		}
		send_piece(s, 0, 1000);
		for (i = 0; i < 21; i++)
			send_piece(s, i * 1000, 1000);
		assert_got(s, 21000);
		sim_free(s);
	}
}

/* RFC 9000, 7.5: what lies further ahead than the buffer is refused. */
static void crypto_stream__bounded(void **state)
{
	static const u8 far[] = { 0x06, 0x80, 0x01, 0, 0, 1, 0 };	/* at 65536 */
	static const u8 near[] = { 0x06, 0x80, 0, 0xff, 0xff, 1, 0 };	/* at 65535 */
	struct sim *s = up();

	sim_inject(s->s, LEVEL, near, sizeof(near));
	assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
	assert_int_equal(s->c->conn.crypto[LEVEL]->rx_cap, QUIC_CRYPTO_BUF_MAX);
	sim_inject(s->s, LEVEL, far, sizeof(far));
	assert_int_equal(s->c->conn.close.code, QUIC_ERR_CRYPTO_BUFFER_EXCEEDED);
	sim_free(s);
}

static u32 counted;

static int count(struct quic_conn *c, enum quic_level level, const u8 *data, u32 len)
{
	assert_memory_equal(data, text + counted, len);
	counted += len;
	return 0;
}

/* CPU time to take @text byte by byte, perhaps with one waiting at the end of the buffer. */
static clock_t byte_by_byte(bool hole)
{
	struct sim *s = up();
	struct quic_conn *c = &s->c->conn;
	struct quic_conn_ops ops = *c->ops;
	const struct quic_conn_ops *old = c->ops;
	clock_t start;
	u32 i;

	ops.crypto_data = count;
	c->ops = &ops;
	counted = 0;
	if (hole)
		assert_int_equal(quic_crypto_stream_rx(c, LEVEL, 65535, text, 1), 0);
	start = clock();
	for (i = 0; i < sizeof(text); i++)
		assert_int_equal(quic_crypto_stream_rx(c, LEVEL, i, text + i, 1), 0);
	start = clock() - start;
	assert_int_equal(counted, sizeof(text));
	c->ops = old;
	sim_free(s);
	return start;
}

/*
 * Some 240 such frames fit the first packet of anybody: what lies far ahead must not make each
 * dear: moving the rest of the buffer for each made it two thousand times what it is in order.
 */
static void crypto_stream__cheap(void **state)
{
	clock_t plain = byte_by_byte(false), held = byte_by_byte(true);

	print_message("# in order %ld us, with a hole %ld us\n",
		      (long)(plain * 1000000LL / CLOCKS_PER_SEC),
		      (long)(held * 1000000LL / CLOCKS_PER_SEC));
	assert_true(held < 20 * plain);
}

/* Pieces so many that each could be dear to sort in are refused; they come again. */
static void crypto_stream__scattered(void **state)
{
	struct sim *s = up();
	struct quic_conn *c = &s->c->conn;
	u32 i;

	for (i = 0; i < QUIC_CRYPTO_RANGES_MAX; i++)
		assert_int_equal(quic_crypto_stream_rx(c, LEVEL, 1 + 2 * i, text + 1 + 2 * i, 1),
				 0);
	assert_true(quic_crypto_stream_rx(c, LEVEL, 1 + 2 * i, text + 1 + 2 * i, 1) == QUIC_RX_DROP);
	assert_int_equal(quic_crypto_stream_rx(c, LEVEL, 0, text, 2 * i + 10), 0);
	assert_got(s, 2 * i + 10);
	sim_free(s);
}

/* The ring grows, and hands over what goes round its end, with the right bytes. */
static void crypto_stream__round(void **state)
{
	static const u32 sizes[] = { 700, 1000, 3000, 900, 20000, 1500, 33 };
	struct sim *s = up();
	struct quic_conn *c = &s->c->conn;
	u32 off = 0, i, n;

	for (i = 0; off < 30000; i++, off += n) {
		n = sizes[i % ARRAY_SIZE(sizes)];
		/* Ends, then one far ahead that makes the ring larger, then the middle and the start. */
		assert_int_equal(quic_crypto_stream_rx(c, LEVEL, off + n / 2, text + off + n / 2,
						       n - n / 2), 0);
		assert_int_equal(quic_crypto_stream_rx(c, LEVEL, off + n + n, text + off + n + n, 1),
				 0);
		assert_int_equal(quic_crypto_stream_rx(c, LEVEL, off + n / 3, text + off + n / 3,
						       n - n / 3), 0);
		assert_int_equal(quic_crypto_stream_rx(c, LEVEL, off, text + off, n / 3), 0);
		assert_int_equal(s->c->tls.in_len[LEVEL], off + n);
		assert_memory_equal(s->c->tls.in[LEVEL], text, off + n);
	}
	sim_free(s);
}

static void crypto_stream__no_memory(void **state)
{
	unsigned long n;

	for (n = 1; n < 6; n++) {
		struct sim *s = up();

		assert_int_equal(quic_loss_reserve(&s->s->conn.loss, QUIC_PNS_APP, GFP_KERNEL), 0);
		os_alloc_fail_after(n);
		send_piece(s, 100, 100);
		send_piece(s, 200, 100);
		os_alloc_fail_after(0);
		send_piece(s, 200, 100);
		send_piece(s, 100, 100);
		send_piece(s, 0, 100);
		assert_got(s, 300);
		sim_free(s);
	}
}

/* Long messages over a lossy path arrive whole, in order, in both directions. */
static void crypto_stream__lossy(void **state)
{
	u64 seed;

	for (seed = 1; seed < 10; seed++) {
		struct sim *s = up();
		unsigned int i;

		s->rng = seed;
		for (i = 0; i < 2; i++) {
			s->ep[i].link.loss = 100;
			s->ep[i].link.reorder = 200;
			s->ep[i].link.reorder_by = MS(5);
		}
		for (i = 0; i < 30; i++)
			assert_int_equal(quic_conn_crypto_send(&s->s->conn, LEVEL,
							       text + 1000 * i, 1000), 0);
		sim_pump(s->s);
		sim_run(s, SEC(10), NULL);
		assert_got(s, 30000);
		assert_false(quic_crypto_stream_pending(&s->s->conn, LEVEL));
		sim_free(s);
	}
}

static void crypto_stream__too_much(void **state)
{
	struct sim *s = up();

	s->s->link.down = true;
	assert_int_equal(quic_conn_crypto_send(&s->s->conn, LEVEL, text, 60000), 0);
	assert_int_equal(quic_conn_crypto_send(&s->s->conn, LEVEL, text, 6000), -EMSGSIZE);
	assert_int_equal(quic_conn_crypto_send(&s->s->conn, LEVEL, text, 5536), 0);
	assert_int_equal(quic_conn_crypto_send(&s->s->conn, QUIC_LEVEL_EARLY, text, 1), -EINVAL);
	/* What is acknowledged makes room; nothing is held when all is. */
	s->s->link.down = false;
	sim_pump(s->s);
	sim_run(s, SEC(5), NULL);
	assert_int_equal(s->c->tls.in_len[LEVEL], 65536);
	assert_null(s->s->conn.crypto[LEVEL]->tx);
	assert_int_equal(quic_conn_crypto_send(&s->s->conn, LEVEL, text, 60000), 0);
	sim_pump(s->s);
	sim_run(s, SEC(5), NULL);
	assert_int_equal(s->c->tls.in_len[LEVEL], 65536 + 60000);
	assert_memory_equal(s->c->tls.in[LEVEL] + 65536, text, 60000);
	sim_free(s);
}

static const struct CMUnitTest tests[] = {
	TEST(crypto_stream__reordered),
	TEST(crypto_stream__shuffled),
	TEST(crypto_stream__bounded),
	TEST(crypto_stream__cheap),
	TEST(crypto_stream__scattered),
	TEST(crypto_stream__round),
	TEST(crypto_stream__no_memory),
	TEST(crypto_stream__lossy),
	TEST(crypto_stream__too_much),
};

TEST_MAIN(tests)
