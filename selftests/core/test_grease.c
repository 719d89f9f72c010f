// SPDX-License-Identifier: GPL-2.0
/* The QUIC Bit: RFC 9287 */
#include "negotiate_help.h"

/* --- the QUIC Bit --- */

static u64 cleared[2], set[2], too_early;

static void tap_bits(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	struct quic_packet h;
	u32 off;

	for (off = 0; off < len; off += h.len) {
		if (quic_packet_parse(buf + off, len - off, QUIC_CID_LEN, &h))
			break;
		if (h.fixed)
			set[from->server]++;
		else if (!from->conn.peer_tp_set)
			too_early++;
		else
			cleared[from->server]++;
	}
}

/* RFC 9287, 3: cleared at random for whoever offered to take that, and for nobody else */
static void grease__bit(void **state)
{
	unsigned int k;

	for (k = 0; k < 4; k++) {
		struct sim_cfg cfg;
		struct sim *s;

		config(&cfg, QUIC_V1, NULL, NULL);
		cfg.grease[0] = k & 1;
		cfg.grease[1] = k & 2;
		s = sim_new(&cfg);
		memset(cleared, 0, sizeof(cleared));
		memset(set, 0, sizeof(set));
		too_early = 0;
		s->c->link.tap = tap_bits;
		s->s->link.tap = tap_bits;
		sim_handshake(s);
		assert_int_equal(s->s->conn.remote.grease_quic_bit, k & 1);
		sim_write(s->c, sim_open(s->c, true), 100000, true);
		sim_write(s->s, sim_open(s->s, true), 100000, true);
		sim_run(s, SEC(2), NULL);
		assert_int_equal(s->s->rx_bytes, 100000);
		assert_int_equal(s->c->rx_bytes, 100000);
		assert_int_equal(too_early, 0);
		assert_int_equal(s->c->conn.loss.packets_lost + s->s->conn.loss.packets_lost, 0);
		/* about half, or none */
		assert_in_range(cleared[0], k & 2 ? set[0] / 3 : 0, k & 2 ? 3 * set[0] : 0);
		assert_in_range(cleared[1], k & 1 ? set[1] / 3 : 0, k & 1 ? 3 * set[1] : 0);
		sim_free(s);
	}
}

/* RFC 9000, 17.2 and 17.3: without the offer such a packet is dropped. */
static void grease__not_offered(void **state)
{
	static const u8 ping[] = { 1, 0, 0, 0 };
	static const u8 levels[] = { QUIC_LEVEL_HANDSHAKE, QUIC_LEVEL_APP };
	unsigned int i, k;

	for (k = 0; k < 2; k++) {
		for (i = 0; i < ARRAY_SIZE(levels); i++) {
			struct sim_cfg cfg;
			struct sim *s;
			u64 got;

			sim_config(&cfg);
			cfg.flight_len = 12000;
			cfg.grease[1] = k;
			s = sim_new(&cfg);
			assert_int_equal(sim_connect(s), 0);
			sim_run(s, i ? SEC(1) : RTT + MS(1), NULL);
			got = s->s->conn.stats.packets_received;
			sim_inject_pn(s->c, levels[i], 900, QUIC_HDR_FIXED, ping, sizeof(ping));
			assert_int_equal(s->s->conn.stats.packets_received, got + k);
			sim_inject_pn(s->c, levels[i], 901, 0, ping, sizeof(ping));
			assert_int_equal(s->s->conn.stats.packets_received, got + k + 1);
			sim_free(s);
		}
	}
}

static const struct CMUnitTest tests[] = {
	TEST(grease__bit),
	TEST(grease__not_offered),
};

TEST_MAIN(tests)
