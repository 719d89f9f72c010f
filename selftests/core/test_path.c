// SPDX-License-Identifier: GPL-2.0
/*
 * Paths of our own choice: migration, the preferred address, IDs for them (RFC 9000, 9.2, 9.5, 9.6).
 *
 *	client 1:5 ---- [NAT 1:5 -> elsewhere] ---- server 2:7, preferred 3:7
 *
 * sim_way.c asserts 8.1 towards each address, and that a client's IDs keep to one path (9.5).
 */
#include "path_help.h"

/* --- active migration --- */

static void path__migrate(void **state)
{
	struct sim *s = sim_up_plain();
	u64 old;

	transfer(s, 100000, 100000, SEC(2));
	old = dcid_seq(s->c);
	assert_int_equal(sim_migrate(s, 0x0405, SIM_SERVER, false), 0);
	assert_int_equal(sim_migrate(s, 0x0505, SIM_SERVER, false), -EAGAIN);
	/* Nothing but probing so far. */
	assert_int_equal(local_of(s->c), SIM_CLIENT);
	sim_run(s, RTT / 2 + MS(1), NULL);
	assert_int_equal(remote_of(s->s), SIM_CLIENT);
	assert_int_equal(paths(s->s), 2);
	sim_run(s, RTT / 2, NULL);
	assert_int_equal(local_of(s->c), 0x0405);
	assert_int_equal(s->c->n_event[QUIC_CEV_MIGRATED], 1);
	assert_int_equal(s->c->conn.loss.rtt.first_sample_at, 0);
	sim_run(s, RTT, NULL);
	assert_int_equal(remote_of(s->s), 0x0405);
	assert_int_equal(s->s->n_event[QUIC_CEV_MIGRATED], 1);
	assert_true(s->s->conn.path->validated);
	/* 9.5: new IDs both ways */
	assert_true(dcid_seq(s->c) != old);
	assert_true(dcid_seq(s->s) != 0);
	transfer(s, 1000000, 1000000, SEC(3));
	assert_int_equal(sim_migrate(s, 0x0405, SIM_SERVER, false), -EEXIST);
	/* The old path is forgotten, its ID retired and replaced. */
	sim_run(s, SEC(12), NULL);
	assert_int_equal(paths(s->c), 1);
	assert_int_equal(paths(s->s), 1);
	assert_true(s->c->n_event[QUIC_CEV_CID] >= 2);
	assert_int_equal(s->c->conn.cids.n_retire, 0);
	assert_int_equal(s->c->conn.loss.packets_lost, 0);
	assert_int_equal(s->s->conn.loss.packets_lost, 0);
	sim_free(s);
}

/* In the middle of transfers, again and again, back and forth, with loss */
static void migrate_again(struct sim *s, void *arg)
{
	static u8 n;

	sim_migrate(s, 0x0405 + (++n & 1) * 0x100, SIM_SERVER, false);
	sim_at(s, s->now + MS(300), migrate_again, NULL);
}

static void path__migrate_often(void **state)
{
	u64 seed;

	for (seed = 1; seed <= 40; seed++) {
		struct sim_cfg cfg;
		struct sim *s;

		sim_config(&cfg);
		cfg.seed = seed;
		cfg.rate = 500000;
		s = sim_up(&cfg);
		if (seed > 20)
			s->c->link.loss = s->s->link.loss = 50;
		migrate_again(s, NULL);
		transfer(s, 600000, 600000, SEC(60));
		assert_true(s->s->n_event[QUIC_CEV_MIGRATED] > (seed > 20 ? 0 : 3));
		memset(s->timer, 0, sizeof(s->timer));
		sim_run(s, SEC(20), NULL);
		sim_assert_settled(s);
		sim_free(s);
	}
}

/* The new way leads nowhere: three PTOs, and nothing changed. */
static void path__migrate_fails(void **state)
{
	struct sim *s = sim_up_plain();
	u64 at = s->now;

	s->dark = 4;
	assert_int_equal(sim_migrate(s, 0x0405, SIM_SERVER, false), 0);
	transfer(s, 300000, 300000, SEC(2));
	assert_int_equal(local_of(s->c), SIM_CLIENT);
	sim_run(s, at + 3 * PTO + MS(1) - s->now, NULL);
	assert_int_equal(paths(s->c), 1);
	assert_int_equal(s->c->n_event[QUIC_CEV_MIGRATED], 0);
	assert_int_equal(s->c->conn.loss.packets_lost, 0);
	/* The ID that was shown there is never used again. */
	sim_run(s, SEC(1), NULL);
	s->dark = 0;
	assert_int_equal(sim_migrate(s, 0x0405, SIM_SERVER, false), 0);
	sim_run(s, 3 * RTT, NULL);
	assert_int_equal(local_of(s->c), 0x0405);
	sim_free(s);
}

/* 9: a server that does not want it: the client may not, a NAT may. */
static void path__disabled(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = sim_new(&cfg);
	s->s->conn.local.disable_active_migration = true;
	sim_handshake(s);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(sim_migrate(s, 0x0405, SIM_SERVER, false), -EPERM);
	nat(s, 0x0405);
	transfer(s, 30000, 30000, SEC(2));
	assert_int_equal(remote_of(s->s), 0x0405);
	/* One that does so all the same is not heard. */
	s->c->conn.remote.disable_active_migration = false;
	s->nat_from = 0;
	assert_int_equal(sim_migrate(s, 0x0605, SIM_SERVER, false), 0);
	sim_run(s, 4 * PTO, NULL);
	assert_int_equal(sim_way_sent(s->s, 0x0605), 0);
	assert_int_equal(local_of(s->c), SIM_CLIENT);
	assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
	sim_free(s);
}

/* 9.5: without a spare ID nobody goes anywhere; 5.1.2 brings new ones. */
static void path__no_spare_id(void **state)
{
	struct sim *s = sim_up_plain();
	struct quic_cids *d = &s->c->conn.cids;
	unsigned int i;

	for (i = 0; i < quic_cid_remotes(d); i++)
		if (quic_cid_remote_at(d, i)->used && i != s->c->conn.path->cid)
			quic_cid_retire_remote(&s->c->conn, i);
	assert_int_equal(sim_migrate(s, 0x0405, SIM_SERVER, false), -EAGAIN);
	sim_pump(s->c);
	sim_run(s, 2 * RTT, NULL);
	assert_int_equal(sim_migrate(s, 0x0405, SIM_SERVER, false), 0);
	/* The server has none: it cannot answer before the client sends one. */
	for (i = 0; i < quic_cid_remotes(&s->s->conn.cids); i++)
		if (quic_cid_remote_at(&s->s->conn.cids, i)->used)
			quic_cid_remote_at(&s->s->conn.cids, i)->spoken = true;
	sim_run(s, 2 * RTT, NULL);
	assert_int_equal(local_of(s->c), SIM_CLIENT);
	assert_int_equal(quic_cid_renew(&s->c->conn, 3), 0);
	sim_pump(s->c);
	sim_run(s, PTO + 3 * RTT, NULL);
	assert_int_equal(local_of(s->c), 0x0405);
	sim_free(s);
}

/* 9.5: with empty IDs migration would be plain to see. */
static void path__empty_ids(void **state)
{
	struct sim *s = sim_up_plain();

	s->c->conn.cids.remote_empty = true;
	assert_int_equal(sim_migrate(s, 0x0405, SIM_SERVER, false), -EOPNOTSUPP);
	s->c->conn.cids.remote_empty = false;
	sim_free(s);
}

/* Back where we were: window and RTT of then (9.3). */
static void path__return(void **state)
{
	struct sim *s = sim_up_plain();
	u64 cwnd;

	transfer(s, 1000000, 1000, SEC(3));
	cwnd = s->s->conn.loss.cc.cwnd;
	nat(s, 0x0405);
	say(s->c);
	sim_run(s, 3 * RTT, NULL);
	assert_true(s->s->conn.loss.cc.cwnd < cwnd);
	s->nat_from = s->nat_to = 0;
	say(s->c);
	sim_run(s, 2 * RTT, NULL);
	assert_int_equal(remote_of(s->s), SIM_CLIENT);
	assert_int_equal(s->s->conn.loss.cc.cwnd, cwnd);
	assert_int_equal(s->s->conn.pmtu.cur, 1452);
	sim_free(s);
}

/* --- the server's preferred address: 9.6 --- */

static struct sim *with_preferred(bool no_migration)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = sim_new(&cfg);
	s->s->conn.hs->has_preferred = true;
	s->s->conn.hs->preferred.port4 = 7;
	s->s->conn.hs->preferred.v4[0] = 3;
	s->s->conn.local.disable_active_migration = no_migration;
	sim_handshake(s);
	sim_run(s, SEC(1), NULL);
	assert_true(s->s->said.has_preferred);
	assert_int_equal(s->s->said.preferred.port4, 7);
	return s;
}

static void path__preferred(void **state)
{
	struct sim *s = with_preferred(true);
	u64 old;

	assert_int_equal(sim_migrate(s, SIM_CLIENT, SIM_PREFERRED, true), 0);
	assert_int_equal(s->c->conn.cids.remote[1].seq, 1);
	sim_run(s, RTT / 2 + MS(1), NULL);
	assert_int_equal(local_of(s->s), SIM_SERVER);
	sim_run(s, 4 * RTT, NULL);
	assert_int_equal(remote_of(s->c), SIM_PREFERRED);
	assert_int_equal(dcid_seq(s->c), 1);
	assert_int_equal(local_of(s->s), SIM_PREFERRED);
	assert_int_equal(remote_of(s->s), SIM_CLIENT);
	assert_true(dcid_seq(s->s) != 0);
	old = s->c->conn.paths.first.rx_bytes;
	transfer(s, 300000, 300000, SEC(2));
	assert_int_equal(s->c->conn.paths.first.rx_bytes, old);
	/* Who acted on it may go on moving. */
	assert_int_equal(sim_migrate(s, 0x0405, SIM_PREFERRED, false), 0);
	sim_free(s);
}

/* 9.6.2: the client's packets alone do not bring a server there that has not validated the way. */
static void path__preferred_unvalidated(void **state)
{
	struct sim *s = with_preferred(false);
	struct sim_way w = { SIM_CLIENT, SIM_PREFERRED };
	u8 ping[1] = { QUIC_FT_PING };

	s->strange = true;
	sim_way_receive(s->s, &w, 100);
	sim_inject(s->c, QUIC_LEVEL_APP, ping, 1);
	s->strange = false;
	assert_int_equal(local_of(s->s), SIM_SERVER);
	assert_non_null(s->s->conn.paths.next);
	sim_pump(s->s);
	assert_int_equal(local_of(s->s), SIM_SERVER);
	/* That client does not know of it and drops the challenge. */
	sim_run(s, 4 * PTO, NULL);
	assert_true(s->c->strangers > 0);
	assert_int_equal(local_of(s->s), SIM_SERVER);
	assert_int_equal(paths(s->s), 1);
	sim_free(s);
}

static void path__preferred_dead(void **state)
{
	struct sim *s = with_preferred(false);

	s->dark = 3;
	assert_int_equal(sim_migrate(s, SIM_CLIENT, SIM_PREFERRED, true), 0);
	transfer(s, 300000, 300000, SEC(2));
	sim_run(s, 4 * PTO, NULL);
	assert_int_equal(remote_of(s->c), SIM_SERVER);
	assert_int_equal(paths(s->c), 1);
	sim_free(s);
}

/* --- IDs on demand --- */

static void path__renew_ids(void **state)
{
	struct sim *s = sim_up_plain();

	assert_int_equal(quic_cid_renew(&s->s->conn, 99), -EINVAL);
	assert_int_equal(quic_cid_renew(&s->s->conn, 2), 0);
	sim_pump(s->s);
	sim_run(s, 3 * RTT, NULL);
	assert_int_equal(dcid_seq(s->c), 2);
	assert_int_equal(s->s->conn.cids.local_prior, 2);
	assert_int_equal(s->c->n_event[QUIC_CEV_CID], 1);
	assert_int_equal(quic_cid_use(&s->c->conn, 3, 3, s->now), 0);
	assert_int_equal(quic_cid_use(&s->c->conn, 77, 0, s->now), -EINVAL);
	assert_int_equal(quic_cid_use(&s->c->conn, 0, 99, s->now), -EINVAL);
	sim_pump(s->c);
	sim_run(s, 3 * RTT, NULL);
	assert_int_equal(dcid_seq(s->c), 3);
	transfer(s, 30000, 30000, SEC(2));
	assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
	sim_free(s);
}

static const struct CMUnitTest tests[] = {
	TEST(path__migrate),
	TEST(path__migrate_often),
	TEST(path__migrate_fails),
	TEST(path__disabled),
	TEST(path__no_spare_id),
	TEST(path__empty_ids),
	TEST(path__return),
	TEST(path__preferred),
	TEST(path__preferred_unvalidated),
	TEST(path__preferred_dead),
	TEST(path__renew_ids),
};

TEST_MAIN(tests)
