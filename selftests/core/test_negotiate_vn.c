// SPDX-License-Identifier: GPL-2.0
/* Version Negotiation packets, and the second start: RFC 9000, 6; RFC 9368, 2.5 */
#include "negotiate_help.h"

/* --- Version Negotiation packets --- */

static const struct incompatible {
	u32 first;
	const struct quic_versions *client, *server;
	u32 second;		/* 0: it fails */
	u32 result;
} incompatible[] = {
	{ QUIC_V1, NULL, &v2, QUIC_V2, QUIC_V2 },
	{ QUIC_V2, NULL, &v1, QUIC_V1, QUIC_V1 },
	{ QUIC_V1, &v1, &v2, 0, 0 },
	{ QUIC_V2, &v2, &v1, 0, 0 },
	/* a version made for it (RFC 9000, 6.3): the client's best */
	{ 0x1a2a3a4a, NULL, NULL, QUIC_V1, QUIC_V1 },
	{ 0xfafafafa, &v21, NULL, QUIC_V2, QUIC_V2 },
	{ 0x0a0a0a0a, &v21, &v1, QUIC_V1, QUIC_V1 },
	{ 0x0a0a0a0a, &v2, &v1, 0, 0 },
	/* and a compatible choice after it: RFC 9368, 2.3 */
	{ 0x1a2a3a4a, &v12, &v21, QUIC_V1, QUIC_V2 },
};

static void vn__second_start(void **state)
{
	unsigned int i, retry, first;

	for (i = 0; i < ARRAY_SIZE(incompatible); i++) {
		const struct incompatible *k = &incompatible[i];
		struct sim_cfg cfg;
		struct sim *s;

		for (retry = 0; retry < 2; retry++) {
			config(&cfg, k->first, k->client, k->server);
			cfg.retry = retry;
			cfg.ch_len = retry ? 1700 : 300;
			s = watched(&cfg);
			assert_int_equal(sim_connect(s), 0);
			if (!k->second) {
				assert_true(sim_run(s, SEC(1), over));
				assert_int_equal(s->c->conn.close.code,
						 QUIC_ERR_VERSION_NEGOTIATION);
				assert_int_equal(s->c->n_event[QUIC_CEV_RESTART], 0);
				assert_int_equal(s->c->t_closed - s->start, RTT);
				sim_free(s);
				continue;
			}
			assert_true(sim_run(s, SEC(5), confirmed));
			assert_int_equal(s->c->n_event[QUIC_CEV_RESTART], 1);
			assert_int_equal(s->s->n_vn, 1 + retry);
			/* those of a reserved version do not parse as Initials */
			first = quic_version_reserved(k->first) ? 0 : 1 + retry;
			assert_int_equal(seen.initial[0][first], k->second);
			assert_int_equal(s->c->conn.original, k->second);
			assert_int_equal(s->c->conn.version, k->result);
			assert_int_equal(s->s->conn.version, k->result);
			assert_int_equal(s->c->t_established - s->start, (2 + retry) * RTT);
			/* what was lost by it is no loss of the network's */
			assert_int_equal(s->c->conn.loss.packets_lost, 0);
			assert_transfer(s);
			sim_free(s);
		}
	}
}

/* RFC 9368, 2.5: another connection: a new ID, a new ClientHello; tokens are of the first version */
static void vn__starts_anew(void **state)
{
	struct quic_cid odcid;
	struct sim_cfg cfg;
	struct sim *s;

	config(&cfg, QUIC_V1, NULL, &v2);
	s = watched(&cfg);
	s->c->conn.token = kmemdup("a token", 7, GFP_KERNEL);
	s->c->conn.token_len = 7;
	assert_int_equal(sim_connect(s), 0);
	odcid = s->c->conn.odcid;
	assert_true(s->c->conn.local_tp_used);
	sim_run(s, RTT - 1, NULL);
	s->c->link.down = true;
	sim_run(s, 2, NULL);
	assert_int_equal(s->c->n_event[QUIC_CEV_RESTART], 1);
	assert_false(quic_cid_eq(&s->c->conn.odcid, odcid.id, odcid.len));
	assert_true(quic_cid_eq(quic_cid_remote(&s->c->conn), s->c->conn.odcid.id, QUIC_CID_LEN));
	assert_int_equal(s->c->conn.token_len, 0);
	assert_int_equal(s->c->said.version_chosen, QUIC_V2);
	assert_true(s->c->conn.vn_acted);
	/* lost again: it is repeated in the new version */
	sim_run(s, SEC(1), NULL);
	assert_int_equal(seen.initial[0][seen.n[0] - 1], QUIC_V2);
	s->c->link.down = false;
	assert_true(sim_run(s, SEC(5), confirmed));
	sim_free(s);
}

static u32 build_vn(const struct sim *s, u8 *buf, const struct quic_cid *scid, u32 a, u32 b)
{
	const struct quic_versions list = { b ? 2 : 1, { a, b } };
	const struct quic_cid *dcid = &s->c->conn.cids.local[0].cid;
	struct quic_packet in = {
		.scid = dcid->id, .scid_len = dcid->len, .dcid = scid->id, .dcid_len = scid->len,
	};

	return quic_packet_build_vn(buf, 200, &in, &list, 0x12345678);
}

/* RFC 9000, 6.2; RFC 9368, 4 */
static void vn__ignored(void **state)
{
	struct quic_cid other = { 8, "another" };
	struct sim_cfg cfg;
	struct sim *s;
	u8 buf[200];
	u32 len;

	config(&cfg, QUIC_V1, NULL, NULL);
	s = watched(&cfg);
	s->c->link.down = true;
	assert_int_equal(sim_connect(s), 0);
	/* it lists what we tried; it answers somebody else */
	len = build_vn(s, buf, &s->c->conn.odcid, QUIC_V2, QUIC_V1);
	sim_receive(s->c, buf, len);
	len = build_vn(s, buf, &other, QUIC_V2, 0);
	sim_receive(s->c, buf, len);
	len = build_vn(s, buf, &s->c->conn.odcid, QUIC_V2, 0);
	buf[6] ^= 1;
	sim_receive(s->c, buf, len);
	/* no list at all */
	buf[6] ^= 1;
	sim_receive(s->c, buf, VN_HEAD);
	sim_receive(s->c, buf, len - 1);
	assert_int_equal(s->c->conn.hs->vn_version, 0);
	/* the first that counts; then no other, not even one that lists nothing of ours */
	sim_receive(s->c, buf, len);
	assert_int_equal(s->c->conn.hs->vn_version, QUIC_V2);
	len = build_vn(s, buf, &s->c->conn.odcid, 0x7f000001, 0);
	sim_receive(s->c, buf, len);
	sim_run(s, MS(1), NULL);
	assert_int_equal(s->c->conn.version, QUIC_V2);
	len = build_vn(s, buf, &s->c->conn.odcid, QUIC_V1, 0);
	sim_receive(s->c, buf, len);
	len = build_vn(s, buf, &s->c->conn.odcid, 0x7f000001, 0);
	sim_receive(s->c, buf, len);
	sim_run(s, MS(1), NULL);
	assert_int_equal(s->c->conn.state, QUIC_CONN_HANDSHAKE);
	assert_int_equal(s->c->conn.version, QUIC_V2);
	assert_int_equal(s->c->n_event[QUIC_CEV_RESTART], 1);
	sim_free(s);

	/* a server looks at none, a client after any other packet neither */
	config(&cfg, QUIC_V1, NULL, NULL);
	s = watched(&cfg);
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, RTT, NULL);
	len = build_vn(s, buf, &s->c->conn.odcid, QUIC_V2, 0);
	sim_receive(s->c, buf, len);
	memcpy(buf + 6, s->s->conn.cids.local[0].cid.id, QUIC_CID_LEN);
	sim_receive(s->s, buf, len);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->c->conn.version, QUIC_V1);
	assert_int_equal(s->c->n_event[QUIC_CEV_RESTART], 0);
	assert_true(s->c->conn.confirmed && s->s->conn.confirmed);
	sim_free(s);
}

/* Something real came before process context got to it: the packet was a lie. */
static void vn__overtaken(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	u8 buf[200];
	u32 len;

	config(&cfg, QUIC_V1, NULL, NULL);
	cfg.apply_delay = RTT + MS(5);
	s = watched(&cfg);
	assert_int_equal(sim_connect(s), 0);
	len = build_vn(s, buf, &s->c->conn.odcid, QUIC_V2, 0);
	sim_receive(s->c, buf, len);
	assert_int_equal(s->c->conn.hs->vn_version, QUIC_V2);
	assert_true(sim_run(s, SEC(2), confirmed));
	sim_run(s, SEC(1), NULL);
	assert_both(s, QUIC_V1, QUIC_V1);
	assert_int_equal(s->c->n_event[QUIC_CEV_RESTART], 0);
	sim_free(s);
}

/* RFC 9368, 4: a forged packet makes a client fall back, and the handshake tells on it. */
static void vn__downgrade_is_found(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	u8 buf[200];
	u32 len;

	config(&cfg, QUIC_V2, NULL, NULL);
	s = watched(&cfg);
	drop_client = 0;
	s->c->link.drop = drop_nth;
	assert_int_equal(sim_connect(s), 0);
	len = build_vn(s, buf, &s->c->conn.odcid, QUIC_V1, 0);
	sim_receive(s->c, buf, len);
	assert_true(sim_run(s, SEC(2), over));
	assert_int_equal(s->c->conn.close.code, QUIC_ERR_VERSION_NEGOTIATION);
	assert_false(s->c->conn.close.remote);
	assert_int_equal(s->c->t_established, 0);
	sim_run(s, SEC(1), NULL);
	sim_free(s);
}

static void vn__bad_network(void **state)
{
	unsigned int seed, i;

	for (seed = 1; seed <= 100; seed++) {
		struct sim_cfg cfg;
		struct sim *s;

		config(&cfg, seed & 1 ? 0x1a2a3a4a : QUIC_V2, seed & 2 ? &v21 : NULL,
		       seed & 1 ? NULL : &v1);
		cfg.seed = seed;
		cfg.ch_len = seed & 4 ? 1700 : 300;
		cfg.retry = seed & 8;
		cfg.apply_delay = seed & 16 ? MS(25) : 0;
		s = sim_new(&cfg);
		for (i = 0; i < 2; i++) {
			s->ep[i].link.loss = 250;
			s->ep[i].link.dup = 100;
			s->ep[i].link.reorder = 200;
			s->ep[i].link.reorder_by = MS(15);
		}
		assert_int_equal(sim_connect(s), 0);
		assert_true(sim_run(s, SEC(120), confirmed));
		assert_int_equal(s->c->conn.version, seed & 2 && seed & 1 ? QUIC_V2 : QUIC_V1);
		assert_transfer(s);
		sim_free(s);
	}
}

/* No memory, at each of the allocations of a second start in turn: nothing leaks, all goes on. */
static void vn__no_memory(void **state)
{
	unsigned int fail;

	for (fail = 1; fail < 12; fail++) {
		struct sim_cfg cfg;
		struct sim *s;

		config(&cfg, QUIC_V1, NULL, &v2);
		s = sim_new(&cfg);
		s->loose = true;
		assert_int_equal(sim_connect(s), 0);
		sim_run(s, RTT - 1, NULL);
		os_alloc_fail_after(fail);
		sim_run(s, MS(5), NULL);
		os_alloc_fail_after(0);
		assert_true(sim_run(s, SEC(20), confirmed));
		assert_int_equal(s->c->conn.version, QUIC_V2);
		sim_free(s);
	}
}

static const struct CMUnitTest tests[] = {
	TEST(vn__second_start),
	TEST(vn__starts_anew),
	TEST(vn__ignored),
	TEST(vn__overtaken),
	TEST(vn__downgrade_is_found),
	TEST(vn__bad_network),
	TEST(vn__no_memory),
};

TEST_MAIN(tests)
