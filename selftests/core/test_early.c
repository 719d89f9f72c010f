// SPDX-License-Identifier: GPL-2.0
/* 0-RTT between two connections: taken, refused, lost, late. */
#include "early_help.h"

static unsigned int n_0rtt, n_1rtt;
static u32 first_len;
static unsigned int first_types;

/* Types of what the client sends; 0-RTT never follows 1-RTT (RFC 9001, 5.6). */
static void watch(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	struct quic_packet h;
	u32 off;

	if (!n) {
		n_0rtt = n_1rtt = first_types = 0;
		first_len = len;
	}
	for (off = 0; off < len && !quic_packet_parse(buf + off, len - off, QUIC_CID_LEN, &h);
	     off += h.len) {
		n_0rtt += h.type == QUIC_PKT_0RTT;
		n_1rtt += h.type == QUIC_PKT_1RTT;
		if (!n)
			first_types |= 1u << h.type;
		if (h.type == QUIC_PKT_0RTT)
			assert_int_equal(n_1rtt, 0);
	}
}

/* RFC 9001, 4.6.2: taken; the data is there after half a round trip and never sent again */
static void early__accepted(void **state)
{
	struct sim *s = early(SIM_EARLY_ACCEPT, 1, 5000);
	struct quic_conn *c = &s->c->conn, *v = &s->s->conn;

	s->c->link.tap = watch;
	s->s->keep = true;
	assert_int_equal(sim_connect(s), 0);
	/* RFC 9000, 12.2 and 14.1: ClientHello and 0-RTT share a datagram. */
	assert_int_equal(first_types, 1u << QUIC_PKT_INITIAL | 1u << QUIC_PKT_0RTT);
	assert_int_equal(first_len, QUIC_DGRAM_MIN);
	assert_true(sim_run(s, RTT / 2, sim_all_here));
	assert_int_equal(sim_elapsed(s), RTT / 2);
	assert_int_equal(sim_find(s->s, 0)->qs.rx.early, 5000);
	assert_int_equal(v->early.state, QUIC_EARLY_ACCEPTED);
	assert_true(sim_run(s, SEC(1), confirmed));
	assert_int_equal(c->early.state, QUIC_EARLY_ACCEPTED);
	assert_false(quic_protect_can_send(&c->prot, QUIC_LEVEL_EARLY));
	sim_run(s, SEC(1), NULL);
	assert_int_equal(c->stats.bytes_early, 5000);
	assert_int_equal(v->stats.bytes_early, 5000);
	sim_assert_clean(s);
	assert_int_equal(s->c->n_sent_all, 1);
	/* RFC 9001, 4.9.3 */
	assert_false(quic_protect_can_recv(&v->prot, QUIC_LEVEL_EARLY));
	sim_free(s);
}

/* RFC 9001, 4.6.2 and RFC 9002, 6.4: refused; at once again in 1-RTT, and no congestion */
static void early__rejected(void **state)
{
	struct sim *s = early(SIM_EARLY_REJECT, 3, 2000);
	struct quic_conn *c = &s->c->conn, *v = &s->s->conn;
	u64 cwnd = c->loss.cc.cwnd;

	s->c->link.tap = watch;
	s->s->keep = true;
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, RTT, NULL);
	assert_true(n_0rtt >= 5);
	assert_int_equal(c->early.state, QUIC_EARLY_REJECTED);
	assert_int_equal(s->s->rx_bytes, 0);
	assert_int_equal(v->stats.bytes_early, 0);
	assert_true(sim_run(s, RTT, sim_all_here));
	/* Now there is a rate to pace at. */
	assert_in_range(sim_elapsed(s), 3 * RTT / 2, 3 * RTT / 2 + MS(5));
	assert_int_equal(sim_find(s->s, 0)->qs.rx.early, 0);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(c->loss.packets_lost, 0);
	assert_true(c->loss.cc.cwnd >= cwnd);
	assert_int_equal(c->stats.bytes_retransmitted, 0);
	assert_int_equal(c->loss.bytes_in_flight, 0);
	assert_int_equal(s->c->n_sent_all, 3);
	assert_int_equal(c->tx_data, 6000);
	sim_free(s);
}

/* Nobody told the client: what was lost is found to be lost. */
static void early__rejected_untold(void **state)
{
	struct sim *s = early(SIM_EARLY_REJECT_UNTOLD, 3, 2000);

	assert_int_equal(sim_connect(s), 0);
	assert_true(sim_run(s, SEC(2), sim_all_here));
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->c->n_sent_all, 3);
	assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
	sim_free(s);
}

/* RFC 9000, 7.4.1: the new limits are lower, which a server that refuses may do. */
static void early__rejected_lower_limits(void **state)
{
	enum sim_early how;

	for (how = SIM_EARLY_REJECT; how <= SIM_EARLY_REJECT_UNTOLD; how++) {
		struct sim *s = early(how, 6, 3000);
		struct quic_terms was = s->s->conn.local, *tp = &s->s->conn.local;

		s->cfg.remembered = &was;
		tp->max_data = 4000;
		tp->max_stream_data_bidi_remote = 1000;
		tp->max_streams_bidi = 2;
		assert_int_equal(sim_connect(s), 0);
		assert_true(sim_run(s, SEC(1), confirmed));
		assert_int_equal(s->c->conn.early.state, QUIC_EARLY_REJECTED);
		assert_int_equal(s->c->conn.streams.barred, 4);
		assert_true(s->c->conn.tx_data <= 4000);
		/* The server gives credit as it reads; a stream that ends both ways makes room. */
		sim_run(s, SEC(1), NULL);
		while (s->s->n_fin < 6) {
			struct sim_stream *st, *tmp;
			unsigned int before = s->s->n_fin;

			list_for_each_entry_safe(st, tmp, &s->s->streams, node)
				if (st->qs.tx.state == QUIC_SEND_READY)
					sim_write(s->s, st, 0, true);
			sim_run(s, SEC(1), NULL);
			assert_true(s->s->n_fin > before);
		}
		assert_true(sim_all_here(s));
		assert_int_equal(s->c->conn.streams.barred, 0);
		assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
		assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
		sim_free(s);
	}
}

/* What was reset, or stopped, in 0-RTT is so in 1-RTT too. */
static void early__rejected_reset(void **state)
{
	struct sim *s = early(SIM_EARLY_REJECT, 2, 2000);
	struct sim_stream *st;

	assert_int_equal(sim_connect(s), 0);
	st = sim_find(s->c, 4);
	assert_int_equal(quic_stream_reset(&s->c->conn, &st->qs, 77), 0);
	st = sim_open(s->c, true);
	sim_write(s->c, st, 0, true);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->s->n_reset, 1);
	assert_int_equal(s->s->n_fin, 2);
	assert_int_equal(s->s->rx_bytes, 2000);
	assert_int_equal(s->c->n_sent_all, 3);
	sim_free(s);
}

/* RFC 9000, 7.4.1: a server that accepts must not lower any of these. */
static void early__accepted_lower_limits(void **state)
{
	unsigned int i;

	for (i = 0; i <= 8; i++) {
		struct sim *s = early(SIM_EARLY_ACCEPT, 1, 100);
		struct quic_terms was = s->s->conn.local;
		u64 *field[] = {
			&was.max_data, &was.max_stream_data_bidi_local,
			&was.max_stream_data_bidi_remote, &was.max_stream_data_uni,
			&was.max_streams_bidi, &was.max_streams_uni,
			&was.active_connection_id_limit, &was.max_ack_delay,
			&was.max_datagram_frame_size,	/* RFC 9221, 3 */
		};

		*field[i] += 1;
		s->cfg.remembered = &was;
		assert_int_equal(sim_connect(s), 0);
		sim_run(s, SEC(1), NULL);
		if (i == 7) {
			assert_true(confirmed(s));
		} else {
			assert_true(s->s->conn.close.remote);
			assert_int_equal(s->s->conn.close.code, QUIC_ERR_PROTOCOL_VIOLATION);
		}
		sim_free(s);
	}
}

static bool got_params(struct sim *s)
{
	return s->c->conn.peer_tp_set;
}

/* RFC 9000, 7.4.1: remembered limits for 0-RTT packets, the server's own for 1-RTT. */
static void early__higher_limits(void **state)
{
	struct sim *s = early(SIM_EARLY_ACCEPT, 1, 9000);
	struct quic_terms was = s->s->conn.local;
	struct quic_conn *c = &s->c->conn;

	was.max_data = 2500;
	was.max_streams_bidi = 1;
	was.max_ack_delay = MS(77);
	was.ack_delay_exponent = 9;
	s->cfg.remembered = &was;
	assert_int_equal(sim_connect(s), 0);
	assert_int_equal(c->tx_data, 2500);
	assert_null(sim_open(s->c, false));
	assert_int_equal(c->remote.ack_delay_exponent, QUIC_DEF_ACK_EXPONENT);
	assert_true(sim_run(s, SEC(1), got_params));
	assert_int_equal(s->c->conn.remote.max_ack_delay, QUIC_DEF_ACK_DELAY_NS);
	assert_true(sim_run(s, SEC(1), sim_all_here));
	assert_int_equal(c->stats.bytes_early, 2500);
	assert_non_null(sim_open(s->c, false));
	assert_int_equal(c->tx_max, s->s->conn.local.max_data);
	sim_free(s);
}

/* The flight of the server comes in parts: in between still only what was remembered. */
static u64 drop_from, drop_to;

static bool drop(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	return n >= drop_from && n < drop_to;
}

/* RFC 9002, 6.2.4: the first flight is lost as a whole, data comes with the probe. */
static void early__flight_lost(void **state)
{
	struct sim *s = early(SIM_EARLY_ACCEPT, 1, 900);

	drop_from = 0;
	drop_to = 2;
	s->c->link.drop = drop;
	s->c->link.tap = watch;
	assert_int_equal(sim_connect(s), 0);
	assert_int_equal(s->c->link.offered, 2);
	/* First PTO: 333 ms + 4 * 166.5 ms; nothing else is needed. */
	assert_true(sim_run(s, SEC(3), sim_all_here));
	assert_in_range(sim_elapsed(s), SEC(1) - MS(10), SEC(1) + RTT);
	assert_int_equal(s->s->conn.stats.bytes_early, 900);
	sim_free(s);
}

/* RFC 9001, 5.7: 0-RTT before the server's TLS is done with the ClientHello */
static void early__held(void **state)
{
	unsigned int reject;

	for (reject = 0; reject < 2; reject++) {
		struct sim *s = early(reject ? SIM_EARLY_REJECT : SIM_EARLY_ACCEPT, 1, 8000);

		s->cfg.tls_delay = MS(5);
		assert_int_equal(sim_connect(s), 0);
		sim_run(s, RTT / 2, NULL);
		assert_int_equal(s->s->rx_bytes, 0);
		assert_in_range(s->s->conn.held_count, 6, QUIC_HELD_PACKETS);
		assert_int_equal(s->s->conn.early.state, QUIC_EARLY_OFFERED);
		sim_run(s, MS(5), NULL);
		assert_int_equal(s->s->conn.held_count, 0);
		assert_int_equal(s->s->conn.held_bytes, 0);
		assert_int_equal(s->s->rx_bytes, reject ? 0 : 8000);
		assert_true(sim_run(s, SEC(2), sim_all_here));
		assert_int_equal(s->c->conn.loss.packets_lost, 0);
		sim_free(s);
	}
}

/* The ClientHello in two datagrams: 0-RTT only behind its end */
static void early__hello_in_two(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.ch_len = 1700;
	s = early_cfg(&cfg, SIM_EARLY_ACCEPT, 1, 3000);
	s->c->link.tap = watch;
	assert_int_equal(sim_connect(s), 0);
	assert_int_equal(first_types, 1u << QUIC_PKT_INITIAL);
	assert_true(n_0rtt);
	assert_true(sim_run(s, RTT / 2, sim_all_here));
	sim_run(s, SEC(1), NULL);
	sim_assert_clean(s);
	sim_free(s);
}

/* RFC 9000, 17.2.3: after Retry once more, under new numbers */
static void early__retry(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.crypto = &quic_crypto_gnutls;
	cfg.retry = true;
	s = early_cfg(&cfg, SIM_EARLY_ACCEPT, 2, 1500);
	s->c->link.tap = watch;
	assert_int_equal(sim_connect(s), 0);
	assert_true(sim_run(s, SEC(1), sim_all_here));
	assert_int_equal(sim_elapsed(s), 3 * RTT / 2);
	assert_int_equal(s->s->n_retries, 1);
	assert_int_equal(s->s->conn.stats.bytes_early, 3000);
	/* Numbers of the first try were not used again. */
	assert_true(s->s->conn.app.largest >= 4);
	assert_false(quic_ranges_has(&s->s->conn.app.rcvd, 0));
	assert_true(sim_run(s, SEC(1), confirmed));
	sim_free(s);
}

/* --- late --- */

static u8 kept[1500];
static u32 kept_len;

/* Keep the last datagram that is 0-RTT alone from the server. */
static bool keep_0rtt(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	struct quic_packet h;

	if (kept_len || quic_packet_parse(buf, len, QUIC_CID_LEN, &h) ||
	    h.type != QUIC_PKT_0RTT)
		return false;
	memcpy(kept, buf, len);
	kept_len = len;
	return true;
}

/* RFC 9001, 4.9.3: overtaken by 1-RTT packets it is still opened for three PTO, then no more. */
static void early__late(void **state)
{
	unsigned int late;

	for (late = 0; late < 2; late++) {
		struct sim *s = early(SIM_EARLY_ACCEPT, 1, 4000);
		u64 before, until;

		kept_len = 0;
		s->c->link.drop = keep_0rtt;
		assert_int_equal(sim_connect(s), 0);
		assert_true(kept_len);
		assert_true(sim_run(s, SEC(1), confirmed));
		until = s->s->conn.early.until;
		assert_in_range(until, s->now, s->now + SEC(3));
		sim_run(s, until - s->now - 1 + late, NULL);
		assert_int_equal(quic_protect_can_recv(&s->s->conn.prot, QUIC_LEVEL_EARLY),
				 !late);
		before = s->s->conn.stats.packets_received;
		sim_receive(s->s, kept, kept_len);
		assert_int_equal(s->s->conn.stats.packets_received, before + !late);
		sim_run(s, SEC(1), NULL);
		assert_true(sim_all_here(s));
		sim_free(s);
	}
}

/* RFC 9001, 5.6: a client never opens one, and takes no harm from it. */
static void early__to_a_client(void **state)
{
	struct sim *s = early(SIM_EARLY_ACCEPT, 1, 3000);
	struct quic_cid *id = &s->c->conn.cids.local[0].cid;
	u64 before;

	kept_len = 0;
	s->c->link.drop = keep_0rtt;
	assert_int_equal(sim_connect(s), 0);
	assert_true(kept_len);
	memcpy(kept + 6, id->id, id->len);
	before = s->c->conn.stats.packets_dropped;
	sim_receive(s->c, kept, kept_len);
	assert_int_equal(s->c->conn.stats.packets_dropped, before + 1);
	assert_int_equal(s->c->conn.held_count, 0);
	assert_true(sim_run(s, SEC(3), sim_all_here));
	sim_free(s);
}

/* More than may wait: the rest is lost, and comes again. */
static void early__held_bound(void **state)
{
	struct sim *s = early(SIM_EARLY_ACCEPT, 1, 100);
	struct quic_conn *v = &s->s->conn;
	unsigned int i;

	s->cfg.tls_delay = MS(5);
	kept_len = 0;
	s->c->link.drop = keep_0rtt;
	assert_int_equal(sim_connect(s), 0);
	sim_write(s->c, sim_open(s->c, true), 900, false);
	assert_true(kept_len);
	sim_run(s, RTT / 2, NULL);
	for (i = 0; i < 100; i++)
		sim_receive(s->s, kept, kept_len);
	assert_in_range(v->held_count, 2, QUIC_HELD_PACKETS);
	assert_in_range(v->held_bytes, 1, QUIC_HELD_BYTES);
	assert_true(sim_run(s, SEC(3), sim_all_here));
	sim_free(s);
}

/* Calls at the wrong time */
static void early__misuse(void **state)
{
	struct sim *s = early(SIM_EARLY_ACCEPT, 1, 100);
	struct quic_conn *c = &s->c->conn;

	assert_int_equal(quic_early_remember(&s->s->conn, &c->local), -EINVAL);
	assert_int_equal(quic_early_verdict(c, true, s->now), -EINVAL);
	assert_int_equal(sim_connect(s), 0);
	assert_int_equal(quic_early_verdict(c, true, s->now), -EINVAL);
	assert_true(sim_run(s, SEC(1), confirmed));
	assert_int_equal(quic_early_verdict(c, false, s->now), -EINVAL);
	assert_int_equal(quic_early_remember(c, &s->s->conn.local), -EINVAL);
	assert_int_equal(c->early.state, QUIC_EARLY_ACCEPTED);
	sim_free(s);
}

/* RFC 9001, 4.6 and RFC 9002: whatever the network does, every byte comes once. */
static void early__bad_network(void **state)
{
	unsigned int seed;

	for (seed = 1; seed <= 120; seed++) {
		struct sim_cfg cfg;
		struct sim *s;

		sim_config(&cfg);
		cfg.seed = seed;
		cfg.ch_len = seed & 1 ? 1700 : 300;
		cfg.retry = seed & 8;
		cfg.tls_delay = seed & 16 ? MS(3) : 0;
		s = early_cfg(&cfg, SIM_EARLY_ACCEPT + seed % 3, 1 + seed % 7, seed * 67);
		s->c->link.tap = watch;
		sim_bad_network(s);
		assert_int_equal(sim_connect(s), 0);
		if (!sim_run(s, SEC(60), confirmed))
			fail_msg("seed %u: c %d s %d step %d %d live %d", seed, s->c->conn.state, s->s->conn.state, s->c->tls.step, s->s->tls.step, s->s->live);
		assert_true(sim_run(s, SEC(60), sim_all_here));
		sim_run(s, SEC(20), NULL);
		assert_int_equal(s->c->n_sent_all, want_streams);
		assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
		assert_false(quic_protect_can_recv(&s->s->conn.prot, QUIC_LEVEL_EARLY));
		assert_int_equal(s->c->conn.loss.bytes_in_flight, 0);
		sim_free(s);
	}
}

static const struct CMUnitTest tests[] = {
	TEST(early__accepted),
	TEST(early__rejected),
	TEST(early__rejected_untold),
	TEST(early__rejected_lower_limits),
	TEST(early__rejected_reset),
	TEST(early__accepted_lower_limits),
	TEST(early__higher_limits),
	TEST(early__flight_lost),
	TEST(early__held),
	TEST(early__hello_in_two),
	TEST(early__retry),
	TEST(early__late),
	TEST(early__to_a_client),
	TEST(early__held_bound),
	TEST(early__misuse),
	TEST(early__bad_network),
};

TEST_MAIN(tests)
