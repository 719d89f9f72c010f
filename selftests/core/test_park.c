// SPDX-License-Identifier: GPL-2.0
/* core/park.c: who rests gives up what can be made again, and goes on as if nothing had been. */
#include "test.h"
#include "park.h"
#include "sim.h"

static struct sim *up(void)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = sim_new(&cfg);
	sim_handshake(s);
	sim_run(s, SEC(1), NULL);
	s->start = s->now;
	return s;
}

static void park_both(struct sim *s)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		assert_true(quic_park_at(&s->ep[i].conn) <= s->now);
		quic_park(&s->ep[i].conn);
		assert_true(quic_parked(&s->ep[i].conn));
		assert_int_equal(quic_park_at(&s->ep[i].conn), U64_MAX);
		assert_false(quic_park_wanted(&s->ep[i].conn, s->now));
	}
}

static void unpark_both(struct sim *s)
{
	assert_int_equal(quic_park_end(&s->c->conn, s->now), 0);
	assert_int_equal(quic_park_end(&s->s->conn, s->now), 0);
	assert_false(quic_parked(&s->c->conn));
}

static bool both_have_it(struct sim *s)
{
	return s->s->n_fin && s->c->n_fin;
}

static void move(struct sim *s)
{
	s->s->n_fin = 0;
	s->c->n_fin = 0;
	sim_write(s->c, sim_open(s->c, true), 5000, true);
	sim_write(s->s, sim_open(s->s, true), 5000, true);
	assert_true(sim_run(s, SEC(2), both_have_it));
}

/* Transforms, the next keys and the rings go; the cipher is known, and data flows after it. */
static void park__and_on(void **state)
{
	struct sim *s = up();
	u32 cipher = quic_protect_cipher(&s->c->conn.prot);
	unsigned int i;
	long live;

	assert_true(cipher);
	for (i = 0; i < 3; i++) {
		move(s);
		sim_run(s, SEC(3), NULL);
		live = os_alloc_live();
		park_both(s);
		assert_true(os_alloc_live() <= live - 2 * (2 + 2));
		assert_null(s->c->conn.prot.tx[QUIC_LEVEL_APP]);
		assert_null(s->c->conn.prot.rx_next);
		assert_null(s->c->conn.loss.app.sent.pkt);
		assert_int_equal(quic_protect_cipher(&s->c->conn.prot), cipher);
		unpark_both(s);
		assert_non_null(s->c->conn.prot.rx_next);
		assert_int_equal(quic_park_end(&s->c->conn, s->now), 0);
	}
	move(s);
	sim_free(s);
}

/* Whoever has something to say, or waits for something, does not rest; who rests says so later. */
static void park__when(void **state)
{
	struct sim *s = up();
	struct quic_conn *c = &s->c->conn;

	assert_int_equal(quic_park_at(c), c->last_activity + QUIC_PARK_NS);
	quic_conn_ping(c);
	assert_int_equal(quic_park_at(c), U64_MAX);
	sim_pump(s->c);
	assert_true(c->loss.bytes_in_flight);
	assert_int_equal(quic_park_at(c), U64_MAX);
	sim_run(s, SEC(3), NULL);
	park_both(s);
	quic_conn_ping(c);
	assert_true(quic_park_wanted(c, s->now));
	unpark_both(s);
	assert_false(quic_park_wanted(c, s->now));
	sim_free(s);
}

/* Keys that were made again stay as long as others would, whoever made them wait. */
static void park__not_at_once(void **state)
{
	struct sim *s = up();
	struct quic_conn *c = &s->c->conn;

	sim_run(s, SEC(3), NULL);
	park_both(s);
	unpark_both(s);
	assert_int_equal(quic_park_at(c), s->now + QUIC_PARK_NS);
	sim_free(s);
}

/* The header protection key follows from the first secret only (RFC 9001, 6.1): such keys stay. */
static void park__updated(void **state)
{
	struct sim *s = up();

	assert_int_equal(quic_conn_key_update(&s->c->conn, s->now), 0);
	move(s);
	sim_run(s, SEC(3), NULL);
	assert_int_equal(quic_park_at(&s->c->conn), U64_MAX);
	assert_int_equal(quic_park_at(&s->s->conn), U64_MAX);
	sim_free(s);
}

static void park__update_after(void **state)
{
	struct sim *s = up();

	sim_run(s, SEC(3), NULL);
	park_both(s);
	unpark_both(s);
	assert_int_equal(quic_conn_key_update(&s->c->conn, s->now), 0);
	move(s);
	assert_int_equal(s->s->conn.stats.key_updates, 1);
	sim_free(s);
}

/* Secrets of 1-RTT are there, if not at hand. */
static void park__install(void **state)
{
	struct sim *s = up();
	u8 secret[32] = {};

	sim_run(s, SEC(3), NULL);
	park_both(s);
	assert_int_equal(quic_protect_install(&s->c->conn.prot, QUIC_LEVEL_APP, true,
					      QUIC_CIPHER_AES_GCM_128, secret, sizeof(secret)),
			 -EEXIST);
	sim_free(s);
}

static void park__no_memory(void **state)
{
	struct sim *s = up();
	unsigned int i;

	sim_run(s, SEC(3), NULL);
	park_both(s);
	for (i = 1; i < 20; i++) {
		int err;

		os_alloc_fail_after(i);
		err = quic_park_end(&s->c->conn, s->now);
		os_alloc_fail_after(0);
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_true(quic_parked(&s->c->conn));
	}
	assert_true(i > 1 && i < 20);
	assert_int_equal(quic_park_end(&s->s->conn, s->now), 0);
	move(s);
	sim_free(s);
}

static const struct CMUnitTest tests[] = {
	TEST(park__and_on),
	TEST(park__when),
	TEST(park__not_at_once),
		cmocka_unit_test(park__not_at_once),
	TEST(park__updated),
	TEST(park__update_after),
	TEST(park__install),
	TEST(park__no_memory),
};

TEST_MAIN(tests)
