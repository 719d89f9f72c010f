// SPDX-License-Identifier: GPL-2.0
/* What leaves: sizes, bursts, the search for the MTU, amplification, who waits for whom. */
#include "test.h"
#include "sim.h"

#define RTT	MS(20)

static struct sim *up(struct sim_cfg *cfg)
{
	struct sim *s = sim_new(cfg);

	sim_handshake(s);
	s->start = s->now;
	return s;
}

static bool server_has_it(struct sim *s)
{
	return s->s->n_fin;
}

static void tx__mtu_at_once(void **state)
{
	static const u32 mtu[] = { 1200, 1252, 1452, 8952, QUIC_DGRAM_MAX };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(mtu); i++) {
		struct sim_cfg cfg;
		struct sim *s;

		sim_config(&cfg);
		cfg.mtu = mtu[i];
		s = up(&cfg);
		/* One round trip and the ACK delay of a lone packet */
		sim_run(s, 2 * RTT + MS(25), NULL);
		for (j = 0; j < 2; j++) {
			assert_int_equal(s->ep[j].conn.pmtu.cur, mtu[i]);
			assert_int_equal(s->ep[j].conn.loss.cc.mss, mtu[i]);
			assert_int_equal(s->ep[j].conn.loss.packets_lost, 0);
		}
		sim_free(s);
	}
}

/* Memory for smaller datagrams only: the search is tried again later, not at once for ever. */
static void tx__mtu_no_room(void **state)
{
	static u8 buf[QUIC_DGRAM_MAX];
	struct sim_cfg cfg;
	struct quic_burst b;
	struct quic_conn *c;
	struct sim *s;
	u32 small;

	sim_config(&cfg);
	s = up(&cfg);
	sim_run(s, SEC(1), NULL);
	c = &s->c->conn;
	small = c->pmtu.cur;
	quic_conn_set_mtu(c, 8952, s->now);
	assert_true(quic_conn_deadline(c, s->now) <= s->now);
	quic_tx_begin(&b, c, s->now);
	assert_int_equal(quic_tx_datagram(&b, buf, small), 0);
	assert_int_equal(quic_tx_end(&b), 0);
	assert_true(quic_conn_deadline(c, s->now) > s->now);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(c->pmtu.cur, small);
	sim_free(s);
}

/* The route says more than the path takes: found within the search's step, at no data's cost. */
static void tx__mtu_search(void **state)
{
	static const u32 path[] = { 1200, 1252, 1372, 1452, 4000, 8952, 20000 };
	unsigned int i, j, busy;

	for (busy = 0; busy < 2; busy++) {
		for (i = 0; i < ARRAY_SIZE(path); i++) {
			struct sim_cfg cfg;
			struct sim *s;

			sim_config(&cfg);
			cfg.mtu = QUIC_DGRAM_MAX;
			s = sim_new(&cfg);
			s->c->link.mtu = path[i];
			s->s->link.mtu = path[i];
			sim_handshake(s);
			s->start = s->now;
			if (busy)
				sim_write(s->c, sim_open(s->c, true), 3000000, true);
			assert_true(sim_run(s, SEC(20), busy ? server_has_it : NULL) == busy);
			if (busy)
				assert_true(sim_elapsed(s) < SEC(2));
			sim_run(s, SEC(20), NULL);
			for (j = 0; j < 2; j++) {
				struct quic_conn *c = &s->ep[j].conn;

				assert_in_range(c->pmtu.cur, path[i] - QUIC_MTU_SEARCH_STEP, path[i]);
				/* 14.4: a probe's loss is no congestion */
				assert_int_equal(c->loss.packets_lost, 0);
				assert_int_equal(c->stats.bytes_retransmitted, 0);
			}
			sim_free(s);
		}
	}
}

/* The path shrinks under a transfer: back to 1200 after three PTOs, then up to what works. */
static void tx__black_hole(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	unsigned int i;

	sim_config(&cfg);
	cfg.rate = 1250000;
	s = up(&cfg);
	sim_write(s->c, sim_open(s->c, true), 3000000, true);
	sim_run(s, MS(500), NULL);
	assert_int_equal(s->c->conn.pmtu.cur, 1452);
	s->c->link.mtu = 1352;
	assert_true(sim_run(s, SEC(20), server_has_it));
	/* 2.4 s of data; three PTOs of 100, 200, 400 ms and a new slow start */
	assert_true(sim_elapsed(s) < SEC(6));
	sim_run(s, SEC(20), NULL);
	for (i = 0; i < 20; i++) {
		sim_write(s->c, sim_open(s->c, true), 20000, true);
		sim_run(s, SEC(1), NULL);
	}
	assert_in_range(s->c->conn.pmtu.cur, 1332, 1352);
	sim_free(s);
}

/* Small messages that get lost do not make the path look smaller. */
static void tx__no_black_hole(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	unsigned int i;

	sim_config(&cfg);
	s = up(&cfg);
	sim_run(s, MS(500), NULL);
	s->c->link.loss = 400;
	for (i = 0; i < 40; i++) {
		sim_write(s->c, sim_open(s->c, true), 100, true);
		sim_run(s, SEC(2), NULL);
	}
	assert_int_equal(s->c->conn.pmtu.cur, 1452);
	sim_free(s);
}

static void tx__mtu_lowered(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = up(&cfg);
	sim_run(s, MS(500), NULL);
	/* The route changed (ICMP, a new device). */
	quic_conn_set_mtu(&s->c->conn, 1300, s->now);
	assert_int_equal(s->c->conn.pmtu.cur, 1300);
	s->c->link.mtu = 1300;
	sim_write(s->c, sim_open(s->c, true), 100000, true);
	assert_true(sim_run(s, SEC(2), server_has_it));
	assert_int_equal(s->c->conn.loss.packets_lost, 0);
	/* The peer's parameter bounds it, too. */
	quic_conn_set_mtu(&s->c->conn, 60000, s->now);
	assert_int_equal(s->c->conn.pmtu.max, QUIC_DGRAM_MAX);
	sim_free(s);
}

/* Bursts of up to 64 datagrams of one size; the sim checks that they are such. */
static unsigned int at_once;
static u64 last_at;
static unsigned int most;

static void count(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	at_once = from->sim->now == last_at ? at_once + 1 : 1;
	last_at = from->sim->now;
	most = max(most, at_once);
}

static void tx__bursts(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.rate = 125000000;
	s = up(&cfg);
	sim_run(s, SEC(1), NULL);
	most = 0;
	s->c->link.tap = count;
	sim_write(s->c, sim_open(s->c, true), 20000000, true);
	assert_true(sim_run(s, SEC(5), server_has_it));
	/* 64 KB a burst at these rates */
	assert_in_range(most, 40, 64);
	assert_int_equal(s->c->conn.stats.bytes_retransmitted, 0);
	/* Overhead: headers, tags, frames: below 4 % */
	assert_true(s->c->conn.stats.bytes_sent < 20000000 * 104ull / 100);
	sim_free(s);
}

/* Round-robin over small messages: they share datagrams. */
static void tx__small_messages_share(void **state)
{
	struct sim_cfg cfg;
	unsigned int i;
	struct sim *s;
	u64 before;

	sim_config(&cfg);
	s = up(&cfg);
	sim_run(s, SEC(1), NULL);
	before = s->c->link.offered;
	for (i = 0; i < 50; i++)
		quic_stream_wrote(&s->c->conn, &sim_open(s->c, true)->qs, 20, true);
	sim_pump(s->c);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->s->n_fin, 50);
	/* 50 times 24 bytes, and no datagram above 1200 yet */
	assert_int_equal(s->c->link.offered - before, 2);
	sim_free(s);
}

/* As many frames as there is room for: a round of tiny writes is one packet. */
static void tx__tiny_writes_fill(void **state)
{
	unsigned int i, round, rounds = 20;
	struct sim_stream *st[72];
	struct sim_cfg cfg;
	u64 before;
	struct sim *s;

	sim_config(&cfg);
	s = up(&cfg);
	sim_run(s, SEC(1), NULL);
	for (i = 0; i < ARRAY_SIZE(st); i++) {
		st[i] = sim_open(s->c, true);
		sim_write(s->c, st[i], 1, false);
	}
	sim_run(s, SEC(1), NULL);
	before = s->c->conn.stats.packets_sent;
	for (round = 0; round < rounds; round++) {
		for (i = 0; i < ARRAY_SIZE(st); i++)
			quic_stream_wrote(&s->c->conn, &st[i]->qs, 10, round == rounds - 1);
		sim_pump(s->c);
	}
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->s->n_fin, ARRAY_SIZE(st));
	assert_in_range(s->c->conn.stats.packets_sent - before, rounds / 2, rounds);
	assert_int_equal(s->c->conn.stats.bytes_retransmitted, 0);
	sim_free(s);
}

/* cwnd holds back data, not ACKs; and what does not elicit is not counted in flight. */
static void tx__acks_ignore_window(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = up(&cfg);
	sim_run(s, SEC(1), NULL);
	s->s->link.down = true;
	sim_write(s->s, sim_open(s->s, true), 1000000, true);
	sim_run(s, MS(30), NULL);
	assert_int_equal(quic_loss_window(&s->s->conn.loss), 0);
	s->s->link.down = false;
	/* The server may send no data now, but acknowledges the client's. */
	sim_write(s->c, sim_open(s->c, true), 100000, true);
	assert_true(sim_run(s, SEC(1), server_has_it));
	assert_true(sim_elapsed(s) < SEC(1) + MS(30) + 6 * RTT);
	sim_free(s);
}

static void tx__app_limited(void **state)
{
	struct sim_cfg cfg;
	unsigned int i;
	struct sim *s;
	u64 cwnd;

	/* RFC 9002, 7.8: a trickle does not grow the window. */
	sim_config(&cfg);
	s = up(&cfg);
	sim_run(s, SEC(1), NULL);
	cwnd = s->c->conn.loss.cc.cwnd;
	for (i = 0; i < 100; i++) {
		sim_write(s->c, sim_open(s->c, true), 2000, true);
		sim_run(s, 2 * RTT, NULL);
	}
	assert_true(s->c->conn.loss.app_limited);
	assert_int_equal(s->c->conn.loss.cc.cwnd, cwnd);
	sim_write(s->c, sim_open(s->c, true), 1000000, true);
	sim_run(s, 3 * RTT, NULL);
	assert_true(s->c->conn.loss.cc.cwnd > 2 * cwnd);
	sim_free(s);
}

/* A client's 1-RTT data may go with its Finished, in the same flight. */
static void tx__early_client_data(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = sim_new(&cfg);
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, RTT, NULL);
	assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
	sim_write(s->c, sim_open(s->c, true), 500, true);
	/* Paced half a millisecond behind the Finished */
	sim_run(s, RTT / 2 + MS(1), NULL);
	assert_int_equal(s->s->n_fin, 1);
	sim_free(s);
}

/* And a server's with its flight: 0.5-RTT, before the client is validated, within 8.1. */
static void tx__early_server_data(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.flight_len = 1000;
	s = sim_new(&cfg);
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, RTT / 2, NULL);
	assert_true(quic_protect_can_send(&s->s->conn.prot, QUIC_LEVEL_APP));
	sim_write(s->s, sim_open(s->s, true), 100000, true);
	sim_run(s, RTT / 2 + MS(2), NULL);
	assert_true(s->c->rx_bytes > 0);
	assert_true(s->c->rx_bytes < 2400);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->c->n_fin, 1);
	assert_int_equal(s->s->conn.loss.packets_lost, 0);
	sim_free(s);
}

/* A server that is throttled by 8.1 goes on with the client's next datagram. */
static void tx__amplification(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.flight_len = 20000;
	s = sim_new(&cfg);
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, RTT / 2, NULL);
	assert_true(s->s->conn.loss.at_amp_limit);
	assert_in_range(s->s->conn.path->tx_bytes, 3600 - 128, 3600);
	assert_false(quic_tx_pending(&s->s->conn, s->now));
	/* Nothing to time: only the client can free it (RFC 9002, 6.2.2.1). */
	assert_int_equal(quic_conn_deadline(&s->s->conn, s->now), s->s->conn.idle_at);
	sim_run(s, RTT, NULL);
	assert_true(s->s->conn.path->validated);
	assert_false(s->s->conn.loss.at_amp_limit);
	sim_run(s, SEC(1), NULL);
	assert_true(s->c->conn.confirmed);
	assert_int_equal(s->s->conn.loss.packets_lost, 0);
	sim_free(s);
}

/* A failed seal loses the packet and nothing else. */
static bool seal_fails;
static struct quic_crypto_ops bad_ops;
static const struct quic_crypto_ops *good_ops;
static u64 seals;

static int bad_seal(void *aead, const u8 *nonce, u8 *pkt, u32 hdr_len,
		    const struct quic_vec *src, unsigned int nsrc, u32 len)
{
	if (seal_fails && rnd(&seals) % 4 == 0)
		return -EIO;
	return good_ops->seal(aead, nonce, pkt, hdr_len, src, nsrc, len);
}

static void tx__seal_fails(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	good_ops = cfg.crypto;
	bad_ops = *cfg.crypto;
	bad_ops.seal = bad_seal;
	cfg.crypto = &bad_ops;
	cfg.flight_len = 8000;
	s = sim_new(&cfg);
	s->loose = true;
	seal_fails = true;
	seals = 5;
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, SEC(5), NULL);
	assert_true(s->c->conn.confirmed);
	sim_write(s->c, sim_open(s->c, true), 100000, true);
	sim_run(s, SEC(5), NULL);
	seal_fails = false;
	assert_true(sim_run(s, SEC(5), server_has_it));
	assert_int_equal(s->s->rx_bytes, 100000);
	sim_free(s);
}

static u64 ce_seen(const struct sim *s)
{
	return s->c->conn.loss.app.ecn.ce;
}

/* RFC 9000, 13.4.1: marked both ways once validated; 13.4.2: a path that clears the marks is found out */
static void tx__ecn(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = sim_up(&cfg);
	assert_int_equal(s->c->conn.loss.ecn.state, QUIC_ECN_CAPABLE);
	assert_int_equal(s->s->conn.loss.ecn.state, QUIC_ECN_CAPABLE);
	sim_write(s->c, sim_open(s->c, true), 300000, true);
	sim_run(s, SEC(2), NULL);
	assert_int_equal(s->s->n_fin, 1);
	assert_true(s->s->conn.app.ecn[0] > 200);
	assert_int_equal(ce_seen(s), 0);
	sim_free(s);

	s = sim_new(&cfg);
	s->c->link.bleach = true;
	sim_handshake(s);
	assert_int_equal(s->c->conn.loss.ecn.state, QUIC_ECN_FAILED);
	assert_int_equal(s->s->conn.loss.ecn.state, QUIC_ECN_CAPABLE);
	sim_free(s);
}

/* RFC 9002, 7.1: a CE mark is a loss as far as the window goes, but nothing is sent again. */
static void tx__ecn_ce(void **state)
{
	static const struct quic_cc_ops *const cc[] = { &quic_cc_newreno, &quic_cc_cubic };
	struct sim_cfg cfg;
	unsigned int i;
	u64 plain;

	for (i = 0; i < ARRAY_SIZE(cc); i++) {
		struct sim *s;

		sim_config(&cfg);
		cfg.cc = cc[i];
		s = sim_up(&cfg);
		sim_write(s->c, sim_open(s->c, true), 2000000, true);
		sim_run(s, SEC(1), NULL);
		plain = s->c->conn.loss.cc.cwnd;
		assert_int_equal(s->c->conn.loss.cc.recovery_start, 0);
		s->c->link.ce = 20;
		sim_write(s->c, sim_open(s->c, true), 2000000, true);
		sim_run(s, SEC(10), NULL);
		assert_int_equal(s->s->n_fin, 2);
		assert_true(ce_seen(s) > 5);
		assert_true(s->c->conn.loss.cc.cwnd < plain / 2);
		assert_int_equal(s->c->conn.loss.packets_lost, 0);
		sim_free(s);
	}
}

static u32 small_initials[2], full_initials[2];

static void tap_initials(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	struct quic_packet h;
	u32 off;

	for (off = 0; off < len && !quic_packet_parse(buf + off, len - off, QUIC_CID_LEN, &h);
	     off += h.len) {
		if (h.type != QUIC_PKT_INITIAL)
			continue;
		if (len < QUIC_DGRAM_MIN)
			small_initials[from->server]++;
		else
			full_initials[from->server]++;
	}
}

/*
 * RFC 9000, 14.1: datagrams with an Initial are full from a client always, from a server when
 * they elicit an ACK; a mere ACK of half a ClientHello is not worth 1200 bytes.
 */
static void tx__initials_are_full(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.ch_len = 1700;
	s = sim_new(&cfg);
	memset(small_initials, 0, sizeof(small_initials));
	memset(full_initials, 0, sizeof(full_initials));
	s->c->link.tap = tap_initials;
	s->s->link.tap = tap_initials;
	s->c->link.rate = 100000;	/* 12 ms between the two */
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, MS(30), NULL);
	assert_int_equal(full_initials[0], 2);
	/* the ACK of the first, the server's hello is still to come */
	assert_int_equal(small_initials[1], 1);
	assert_int_equal(full_initials[1], 0);
	sim_run(s, SEC(1), NULL);
	assert_true(s->c->conn.confirmed);
	assert_int_equal(small_initials[0], 0);
	assert_int_equal(small_initials[1], 1);
	assert_true(full_initials[0] >= 3 && full_initials[1] >= 1);
	sim_free(s);
}

static const struct CMUnitTest tests[] = {
	TEST(tx__ecn),
	TEST(tx__ecn_ce),
	TEST(tx__mtu_at_once),
	TEST(tx__mtu_no_room),
	TEST(tx__mtu_search),
	TEST(tx__black_hole),
	TEST(tx__no_black_hole),
	TEST(tx__mtu_lowered),
	TEST(tx__bursts),
	TEST(tx__small_messages_share),
	TEST(tx__tiny_writes_fill),
	TEST(tx__acks_ignore_window),
	TEST(tx__app_limited),
	TEST(tx__early_client_data),
	TEST(tx__early_server_data),
	TEST(tx__amplification),
	TEST(tx__seal_fails),
	TEST(tx__initials_are_full),
};

TEST_MAIN(tests)
