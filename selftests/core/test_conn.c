// SPDX-License-Identifier: GPL-2.0
/*
 * Handshakes: how long they take, whatever is lost on the way, and what
 * connections agree on. PTO before the first sample is 999 ms (RFC 9002, 6.2.2).
 */
#include "test.h"
#include "sim.h"
#include "crypto_gnutls.h"

#define RTT		MS(20)
#define FIRST_PTO	MS(999)

static u64 drop_a, drop_b;	/* indices of datagrams to drop, U64_MAX: none */
static bool drop_server;

static bool drop_listed(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	return from->server == drop_server && (n == drop_a || n == drop_b);
}

static bool confirmed(struct sim *s)
{
	return s->c->conn.confirmed && s->s->conn.confirmed;
}

static void assert_agreed(struct sim *s)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct quic_conn *c = &s->ep[i].conn, *p = &s->ep[!i].conn;

		assert_int_equal(c->state, QUIC_CONN_ESTABLISHED);
		assert_int_equal(c->remote.max_data, p->local.max_data);
		assert_int_equal(c->tx_max, p->rx_flow.limit);
		/* RFC 9001, 4.9 */
		assert_false(quic_protect_can_send(&c->prot, QUIC_LEVEL_INITIAL));
		assert_false(quic_protect_can_recv(&c->prot, QUIC_LEVEL_HANDSHAKE));
		assert_null(c->crypto[QUIC_LEVEL_INITIAL]);
		assert_null(c->crypto[QUIC_LEVEL_HANDSHAKE]);
		assert_int_equal(c->held_count, 0);
	}
}

static void assert_lossless(struct sim *s)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct quic_conn *c = &s->ep[i].conn;

		assert_int_equal(c->stats.bytes_retransmitted, 0);
		assert_int_equal(c->loss.packets_lost, 0);
		assert_int_equal(c->loss.pto_count, 0);
		assert_int_equal(c->stats.packets_dropped, 0);
	}
}

static void conn__one_rtt(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = sim_new(&cfg);
	sim_handshake(s);
	assert_int_equal(s->c->t_established - s->start, RTT);
	assert_int_equal(s->s->t_established - s->start, RTT * 3 / 2);
	assert_int_equal(s->s->t_confirmed - s->start, RTT * 3 / 2);
	assert_int_equal(s->c->t_confirmed - s->start, RTT * 2);
	assert_agreed(s);
	sim_run(s, SEC(1), NULL);
	assert_lossless(s);
	/* CH; ACK and Finished; what follows is IDs and a MTU probe with their ACKs */
	assert_in_range(s->c->link.offered, 4, 7);
	assert_in_range(s->s->link.offered, 5, 8);
	assert_int_equal(s->c->tls.tickets, 2);
	assert_int_equal(s->c->n_event[QUIC_CEV_ESTABLISHED], 1);
	assert_int_equal(s->s->n_event[QUIC_CEV_CONFIRMED], 1);
	sim_free(s);
}

static void conn__any_rtt(void **state)
{
	static const u32 delay[] = { 0, 1, 5, 25, 50, 100, 250, 500 };
	struct sim_cfg cfg;
	struct sim *s;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(delay); i++) {
		sim_config(&cfg);
		cfg.delay = MS(delay[i]);
		s = sim_new(&cfg);
		sim_handshake(s);
		assert_int_equal(s->c->t_established - s->start, 2 * cfg.delay);
		assert_int_equal(s->c->t_confirmed - s->start, 4 * cfg.delay);
		sim_run(s, SEC(2), NULL);
		assert_agreed(s);
		if (2 * cfg.delay < FIRST_PTO)
			assert_lossless(s);
		sim_free(s);
	}
}

static void conn__hello_in_two(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.ch_len = 1700;
	s = sim_new(&cfg);
	sim_handshake(s);
	assert_int_equal(s->c->t_established - s->start, RTT);
	assert_int_equal(s->c->t_confirmed - s->start, 2 * RTT);
	assert_lossless(s);
	sim_free(s);
}

/* Certificates beyond three datagrams wait for the client's address to be validated (8.1). */
static void conn__large_flight(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.flight_len = 12000;
	s = sim_new(&cfg);
	sim_handshake(s);
	/* One more round trip, the rest being paced over part of it */
	assert_in_range(s->c->t_established - s->start, 2 * RTT, 3 * RTT);
	sim_run(s, SEC(1), NULL);
	assert_agreed(s);
	assert_lossless(s);
	sim_free(s);
}

/* TLS answers late, after the ACK of the ClientHello: what credit is left is used. */
static void conn__slow_tls(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.tls_delay = MS(3);
	cfg.flight_len = 2900;
	s = sim_new(&cfg);
	sim_handshake(s);
	assert_int_equal(s->c->t_established - s->start, RTT + 2 * MS(3));
	assert_int_equal(s->c->t_confirmed - s->start, 2 * RTT + 3 * MS(3));
	assert_lossless(s);
	sim_free(s);
}

static void conn__ciphers(void **state)
{
	static const u32 cipher[] = { QUIC_CIPHER_AES_GCM_128, QUIC_CIPHER_AES_GCM_256,
		QUIC_CIPHER_AES_CCM_128, QUIC_CIPHER_CHACHA20_POLY1305 };
	struct sim_stream *st;
	struct sim_cfg cfg;
	struct sim *s;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cipher); i++) {
		sim_config(&cfg);
		cfg.crypto = &quic_crypto_gnutls;
		cfg.cipher = cipher[i];
		s = sim_new(&cfg);
		sim_handshake(s);
		st = sim_open(s->c, false);
		sim_write(s->c, st, 100000, true);
		sim_run(s, SEC(1), NULL);
		assert_int_equal(s->s->rx_bytes, 100000);
		assert_int_equal(s->s->n_fin, 1);
		assert_lossless(s);
		sim_free(s);
		assert_int_equal(crypto_gnutls_live(), 0);
	}
}

/* Any single datagram of the handshake is lost. */
static void conn__one_lost(void **state)
{
	struct sim_cfg cfg;
	u32 ch;

	for (ch = 300; ch <= 1700; ch += 1400)
		for (drop_server = false;; drop_server = true) {
			for (drop_a = 0; drop_a < 10; drop_a++) {
				struct sim *s;

				drop_b = U64_MAX;
				sim_config(&cfg);
				cfg.ch_len = ch;
				s = sim_new(&cfg);
				s->c->link.drop = drop_listed;
				s->s->link.drop = drop_listed;
				assert_int_equal(sim_connect(s), 0);
				assert_true(sim_run(s, FIRST_PTO + 3 * RTT, confirmed));
				sim_run(s, SEC(3), NULL);
				assert_agreed(s);
				assert_int_equal(s->c->tls.tickets, 2);
				sim_free(s);
			}
			if (drop_server)
				break;
		}
}

static void conn__two_lost(void **state)
{
	struct sim_cfg cfg;

	for (drop_server = false;; drop_server = true) {
		for (drop_a = 0; drop_a < 8; drop_a++) {
			for (drop_b = drop_a + 1; drop_b < 9; drop_b++) {
				struct sim *s;

				sim_config(&cfg);
				cfg.flight_len = 5000;
				s = sim_new(&cfg);
				s->c->link.drop = drop_listed;
				s->s->link.drop = drop_listed;
				assert_int_equal(sim_connect(s), 0);
				/* The second PTO doubles the first. */
				assert_true(sim_run(s, 3 * FIRST_PTO + 4 * RTT, confirmed));
				sim_run(s, SEC(3), NULL);
				assert_agreed(s);
				sim_free(s);
			}
		}
		if (drop_server)
			break;
	}
}

static bool drop_all(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	return true;
}

/* Both probes of a PTO say what may be lost, not only the first: RFC 9002, 6.2.4 */
static void conn__second_probe_repeats(void **state)
{
	struct sim_cfg cfg;
	struct quic_sent *sent;
	struct sim *s;
	u64 pn;

	sim_config(&cfg);
	s = sim_new(&cfg);
	s->c->link.drop = drop_all;
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, FIRST_PTO + RTT, NULL);
	sent = &quic_loss_space(&s->c->conn.loss, QUIC_PNS_INITIAL)->sent;
	assert_int_equal(sent->next, 3);
	for (pn = 0; pn < 3; pn++) {
		const struct quic_sent_packet *p = quic_sent_get(sent, pn);

		assert_int_equal(p->nframes, 1);
		assert_int_equal(quic_sent_frame(sent, p, 0)->type, QUIC_SENT_CRYPTO);
	}
	s->c->link.drop = NULL;
	assert_true(sim_run(s, SEC(3), confirmed));
	assert_agreed(s);
	sim_free(s);
}

/*
 * The ServerHello was lost, and the Handshake packets behind it fill the window: the client, without
 * their keys, acknowledges none. What was lost goes with the probes (RFC 9002, 7).
 */
static void conn__window_full_of_unreadable(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.flight_len = 8000;
	s = sim_new(&cfg);
	s->s->link.drop = drop_all;
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, 2 * FIRST_PTO, NULL);
	assert_true(quic_loss_space(&s->s->conn.loss, QUIC_PNS_HANDSHAKE)->eliciting > 0);
	quic_loss_forget(&s->s->conn.loss, QUIC_PNS_INITIAL);
	assert_true(quic_crypto_stream_pending(&s->s->conn, QUIC_LEVEL_INITIAL));
	s->s->conn.loss.cc.cwnd = 2 * QUIC_DGRAM_MIN;
	s->s->link.drop = NULL;
	assert_true(sim_run(s, SEC(10), confirmed));
	assert_agreed(s);
	sim_free(s);
}

static void conn__heavy_loss(void **state)
{
	u64 seed, slow = 0, worst = 0;

	for (seed = 1; seed <= 200; seed++) {
		struct sim_cfg cfg;
		struct sim *s;

		sim_config(&cfg);
		cfg.seed = seed;
		cfg.flight_len = 3000 + seed * 40;
		cfg.idle_timeout = SEC(120);
		s = sim_new(&cfg);
		s->c->link.loss = 300;
		s->s->link.loss = 300;
		assert_int_equal(sim_connect(s), 0);
		assert_true(sim_run(s, SEC(120), confirmed));
		slow += sim_elapsed(s) > SEC(4);
		worst = max(worst, sim_elapsed(s));
		s->c->link.loss = 0;
		s->s->link.loss = 0;
		sim_run(s, SEC(10), NULL);
		assert_agreed(s);
		sim_free(s);
	}
	/* Rarely are three in a row lost where it matters. */
	assert_true(slow < 40);
	assert_true(worst < SEC(40));
}

static void conn__bad_network(void **state)
{
	u64 seed;

	for (seed = 1; seed <= 200; seed++) {
		struct sim_cfg cfg;
		unsigned int i;
		struct sim *s;

		sim_config(&cfg);
		cfg.seed = seed;
		cfg.ch_len = seed % 2 ? 300 : 1700;
		cfg.tls_delay = seed % 3 ? 0 : MS(7);
		s = sim_new(&cfg);
		for (i = 0; i < 2; i++) {
			s->ep[i].link.reorder = 250;
			s->ep[i].link.reorder_by = MS(seed % 40);
			s->ep[i].link.dup = 200;
			s->ep[i].link.corrupt = 50;
		}
		assert_int_equal(sim_connect(s), 0);
		assert_true(sim_run(s, SEC(10), confirmed));
		for (i = 0; i < 2; i++)
			s->ep[i].link.corrupt = 0;
		sim_run(s, SEC(5), NULL);
		assert_agreed(s);
		sim_free(s);
	}
}

/* A client whose Handshake packets all get lost for a while frees a server that may not send. */
static void conn__anti_deadlock(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.flight_len = 8000;
	s = sim_new(&cfg);
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, MS(5), NULL);
	/* The server's first datagrams, and whatever it tries before the client probes */
	s->s->link.down = true;
	sim_run(s, MS(100), NULL);
	s->s->link.down = false;
	assert_true(s->s->conn.loss.at_amp_limit);
	assert_true(sim_run(s, FIRST_PTO + 5 * RTT, confirmed));
	assert_agreed(s);
	sim_free(s);
}

/* The whole server flight but its Initial lost: the client's probes are Handshake packets. */
static void conn__client_probes_handshake(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.flight_len = 8000;
	s = sim_new(&cfg);
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, RTT / 2 + MS(11), NULL);
	/* Its ACKs, which validate it, are lost. */
	assert_true(quic_protect_can_send(&s->c->conn.prot, QUIC_LEVEL_HANDSHAKE));
	s->c->link.down = true;
	sim_run(s, MS(5), NULL);
	s->c->link.down = false;
	assert_true(sim_run(s, SEC(3), confirmed));
	assert_agreed(s);
	sim_free(s);
}

static bool drop_done(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	/* The server's first packet with a short header carries HANDSHAKE_DONE. */
	if (buf[0] & QUIC_HDR_LONG || from->tokens)
		return false;
	from->tokens++;
	return true;
}

static void conn__handshake_done_lost(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	u64 at;

	sim_config(&cfg);
	cfg.tickets = 0;
	s = sim_new(&cfg);
	s->s->link.drop = drop_done;
	sim_handshake(s);
	/* The server's PTO: smoothed 20 ms, var 10 ms, ack delay 25 ms after 30 ms */
	at = s->c->t_confirmed - s->start;
	assert_in_range(at, RTT * 2, MS(30 + 20 + 40 + 25 + 10));
	sim_free(s);
}

/* The client's 1-RTT data overtakes its Finished: kept, and used when the keys come. */
static void conn__held(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = sim_new(&cfg);
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, RTT - 1, NULL);
	s->c->link.reorder = 1000;
	s->c->link.reorder_by = MS(5);
	sim_run(s, 1, NULL);
	s->c->link.reorder = 0;
	assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
	sim_write(s->c, sim_open(s->c, false), 5000, true);
	sim_run(s, MS(12), NULL);
	assert_int_equal(s->s->conn.state, QUIC_CONN_HANDSHAKE);
	assert_true(s->s->conn.held_count > 0);
	assert_int_equal(s->s->rx_bytes, 0);
	sim_run(s, MS(4), NULL);
	assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
	assert_int_equal(s->s->conn.held_count, 0);
	assert_int_equal(s->s->rx_bytes, 5000);
	sim_run(s, SEC(1), NULL);
	assert_lossless(s);
	sim_free(s);
}

/* A client that is never answered gives up by its idle timeout, backing off until then. */
static void conn__nobody_there(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = sim_new(&cfg);
	s->c->link.down = true;
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, SEC(29), NULL);
	assert_int_equal(s->c->conn.state, QUIC_CONN_HANDSHAKE);
	/* 1, 2, 4, 8 s of waiting, each ended by two probes */
	assert_in_range(s->c->link.offered, 5, 9);
	sim_run(s, SEC(3), NULL);
	assert_int_equal(s->c->conn.state, QUIC_CONN_CLOSED);
	assert_true(s->c->conn.close.silent);
	sim_free(s);
}

static void conn__wrong_params(void **state)
{
	u8 buf[256];
	struct sim_cfg cfg;
	struct quic_tparams tp;
	struct sim *s;
	int len;

	sim_config(&cfg);
	s = sim_new(&cfg);
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, RTT / 2 + 1, NULL);
	/* RFC 9000, 7.3: an initial_source_connection_id that is not on the packets */
	tp = s->s->said;
	tp.initial_scid.id[0] ^= 1;
	len = quic_tparam_encode(&tp, true, 0, buf, sizeof(buf));
	assert_true(len > 0);
	assert_int_equal(quic_conn_remote_params(&s->c->conn, buf, len, s->now), -EPROTO);
	assert_int_equal(s->c->conn.state, QUIC_CONN_CLOSING);
	assert_int_equal(s->c->conn.close.code, QUIC_ERR_TRANSPORT_PARAMETER);
	sim_pump(s->c);
	sim_run(s, RTT, NULL);
	assert_int_equal(s->s->conn.state, QUIC_CONN_DRAINING);
	assert_int_equal(s->s->conn.close.code, QUIC_ERR_TRANSPORT_PARAMETER);
	assert_true(s->s->conn.close.remote);
	sim_free(s);
}

static void conn__install_order(void **state)
{
	u8 secret[32] = { 1 };
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = sim_new(&cfg);
	assert_int_equal(quic_conn_crypto_send(&s->c->conn, QUIC_LEVEL_INITIAL, secret, 1), -EINVAL);
	sim_handshake(s);
	assert_int_equal(quic_conn_install(&s->c->conn, QUIC_LEVEL_APP, true,
					   QUIC_CIPHER_AES_GCM_128, secret, 32, s->now), -EINVAL);
	assert_int_equal(quic_conn_crypto_send(&s->c->conn, QUIC_LEVEL_HANDSHAKE, secret, 1),
			 -EINVAL);
	assert_int_equal(quic_conn_remote_params(&s->c->conn, secret, 1, s->now), -EINVAL);
	sim_free(s);
}

/* Each allocation from connect() on fails, and all after it for a while. */
static void conn__no_memory(void **state)
{
	unsigned long n;

	for (n = 1; n < 120; n++) {
		struct sim_cfg cfg;
		struct sim *s;

		sim_config(&cfg);
		cfg.ch_len = 1700;
		s = sim_new(&cfg);
		s->loose = true;
		os_alloc_fail_after(n);
		if (sim_connect(s)) {
			os_alloc_fail_after(0);
			sim_free(s);
			continue;
		}
		sim_run(s, MS(100), NULL);
		os_alloc_fail_after(0);
		s->loose = false;
		assert_true(sim_run(s, SEC(20), confirmed));
		sim_run(s, SEC(2), NULL);
		assert_agreed(s);
		sim_free(s);
	}
}

static const struct CMUnitTest tests[] = {
	TEST(conn__one_rtt),
	TEST(conn__any_rtt),
	TEST(conn__hello_in_two),
	TEST(conn__large_flight),
	TEST(conn__slow_tls),
	TEST(conn__ciphers),
	TEST(conn__one_lost),
	TEST(conn__two_lost),
	TEST(conn__second_probe_repeats),
	TEST(conn__window_full_of_unreadable),
	TEST(conn__heavy_loss),
	TEST(conn__bad_network),
	TEST(conn__anti_deadlock),
	TEST(conn__client_probes_handshake),
	TEST(conn__handshake_done_lost),
	TEST(conn__held),
	TEST(conn__nobody_there),
	TEST(conn__wrong_params),
	TEST(conn__install_order),
	TEST(conn__no_memory),
};

TEST_MAIN(tests)
