// SPDX-License-Identifier: GPL-2.0
/* 0-RTT while the version is negotiated: RFC 9369, 4.1 and 5; RFC 9368, 7.3 */
#include "test.h"
#include "sim.h"
#include "crypto_gnutls.h"

#define RTT	MS(20)
#define LEN	5000

static const struct quic_versions v1 = { 1, { QUIC_V1 } }, v2 = { 1, { QUIC_V2 } };
static const struct quic_versions v21 = { 2, { QUIC_V2, QUIC_V1 } };

static bool confirmed(struct sim *s)
{
	return s->c->conn.confirmed && s->s->conn.confirmed;
}

static void writes(struct sim *s)
{
	struct sim_stream *st = sim_open(s->c, true);

	assert_non_null(st);
	assert_int_equal(quic_stream_wrote(&s->c->conn, &st->qs, LEN, true), 0);
}

static u32 version_0rtt;
static unsigned int n_0rtt;

/* 0-RTT is of the version of the first flight, whatever came since. */
static void watch(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	struct quic_packet h;
	u32 off;

	for (off = 0; off < len && !quic_packet_parse(buf + off, len - off, QUIC_CID_LEN, &h);
	     off += h.len) {
		if (h.type != QUIC_PKT_0RTT)
			continue;
		n_0rtt++;
		assert_int_equal(h.version, version_0rtt);
	}
}

static struct sim *begin(const struct quic_versions *client, const struct quic_versions *server,
			 u64 seed)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.seed = seed;
	cfg.crypto = &quic_crypto_gnutls;
	cfg.early = SIM_EARLY_ACCEPT;
	cfg.early_app = writes;
	cfg.version = QUIC_V1;
	cfg.versions[0] = *client;
	cfg.versions[1] = *server;
	sim_want(0, 0, LEN, 1);
	s = sim_new(&cfg);
	version_0rtt = QUIC_V1;
	n_0rtt = 0;
	s->c->link.tap = watch;
	assert_int_equal(sim_connect(s), 0);
	return s;
}

/* The server chooses another version and takes the 0-RTT packets of the first. */
static void early__compatible(void **state)
{
	struct sim *s = begin(&v21, &v21, 1);

	assert_true(sim_run(s, RTT / 2, sim_all_here));
	assert_int_equal(sim_elapsed(s), RTT / 2);
	assert_int_equal(s->s->conn.version, QUIC_V2);
	assert_true(n_0rtt > 3);
	assert_true(sim_run(s, SEC(1), confirmed));
	assert_int_equal(s->c->conn.version, QUIC_V2);
	assert_int_equal(s->c->conn.early.state, QUIC_EARLY_ACCEPTED);
	assert_int_equal(s->s->conn.stats.bytes_early, LEN);
	assert_int_equal(s->c->conn.loss.packets_lost, 0);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->s->rx_bytes, LEN);
	sim_free(s);
}

/* Version Negotiation: what was sent early is nothing, and comes in 1-RTT packets, once. */
static void early__second_start(void **state)
{
	struct sim *s = begin(&v21, &v2, 1);

	assert_true(sim_run(s, SEC(2), sim_all_here));
	assert_true(sim_run(s, SEC(1), confirmed));
	assert_int_equal(s->c->n_event[QUIC_CEV_RESTART], 1);
	assert_int_equal(s->c->conn.version, QUIC_V2);
	assert_int_equal(s->c->conn.early.state, QUIC_EARLY_REJECTED);
	assert_int_equal(s->s->conn.stats.bytes_early, 0);
	assert_int_equal(s->c->conn.loss.packets_lost, 0);
	assert_false(quic_protect_can_send(&s->c->conn.prot, QUIC_LEVEL_EARLY));
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->s->rx_bytes, LEN);
	assert_int_equal(s->s->n_fin, 1);
	sim_free(s);
}

static void early__bad_network(void **state)
{
	static const struct quic_versions *const servers[] = { &v1, &v2, &v21 };
	unsigned int seed, i;

	for (seed = 1; seed <= 90; seed++) {
		struct sim *s = begin(&v21, servers[seed % 3], seed);

		for (i = 0; i < 2; i++) {
			s->ep[i].link.loss = 250;
			s->ep[i].link.dup = 100;
			s->ep[i].link.reorder = 200;
			s->ep[i].link.reorder_by = MS(15);
		}
		assert_true(sim_run(s, SEC(200), sim_all_here));
		assert_true(sim_run(s, SEC(60), confirmed));
		assert_int_equal(s->c->conn.version, seed % 3 ? QUIC_V2 : QUIC_V1);
		assert_int_equal(s->s->rx_bytes, LEN);
		sim_free(s);
	}
}

static const struct CMUnitTest tests[] = {
	TEST(early__compatible),
	TEST(early__second_start),
	TEST(early__bad_network),
};

TEST_MAIN(tests)
