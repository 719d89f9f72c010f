// SPDX-License-Identifier: GPL-2.0
/*
 * A peer whose address changes: rebinding, attackers, challenges (RFC 9000, 8.2, 9.3, 9.4).
 *
 *	client 1:5 ---- [NAT 1:5 -> elsewhere] ---- server 2:7
 *
 * sim_way.c asserts 8.1 towards each address, and that a client's IDs keep to one path (9.5).
 */
#include "path_help.h"

/* --- rebinding --- */

/* 9.4: the port alone: what was learned stays. 9.5: so does the ID. */
static void path__rebind_port(void **state)
{
	struct sim *s = sim_up_plain();
	u64 cwnd;

	transfer(s, 300000, 1000, SEC(2));
	cwnd = s->s->conn.loss.cc.cwnd;
	nat(s, 0x0106);
	transfer(s, 300000, 1000, SEC(1));
	assert_int_equal(remote_of(s->s), 0x0106);
	assert_true(s->s->conn.path->validated);
	assert_true(s->s->conn.loss.cc.cwnd >= cwnd);
	assert_true(s->s->conn.loss.rtt.smoothed < 2 * RTT);
	assert_int_equal(s->s->n_event[QUIC_CEV_MIGRATED], 1);
	assert_int_equal(s->s->n_event[QUIC_CEV_PATH_VALID], 1);
	assert_int_equal(s->c->n_event[QUIC_CEV_MIGRATED], 0);
	assert_int_equal(dcid_seq(s->s), 0);
	assert_int_equal(s->s->conn.loss.pto_count, 0);
	sim_run(s, SEC(12), NULL);
	assert_int_equal(paths(s->s), 1);
	sim_free(s);
}

/* 9.4: another host: window and RTT start anew, and the search for the MTU */
static void path__rebind_host(void **state)
{
	struct sim *s = sim_up_plain();
	u64 cwnd;

	transfer(s, 1000000, 1000, SEC(3));
	cwnd = s->s->conn.loss.cc.cwnd;
	assert_true(cwnd > 100000);
	assert_int_equal(s->s->conn.pmtu.cur, 1452);
	nat(s, 0x0405);
	s->c->link.delay = s->s->link.delay = MS(50);
	say(s->c);
	sim_run(s, MS(51), NULL);
	assert_int_equal(remote_of(s->s), 0x0405);
	assert_int_equal(s->s->conn.loss.cc.cwnd, 12000);
	assert_int_equal(s->s->conn.loss.rtt.first_sample_at, 0);
	assert_int_equal(s->s->conn.pmtu.cur, QUIC_DGRAM_MIN);
	assert_false(s->s->conn.path->validated);
	sim_run(s, MS(200), NULL);
	assert_true(s->s->conn.path->validated);
	transfer(s, 1000000, 1000, SEC(3));
	assert_in_range(s->s->conn.loss.rtt.smoothed, MS(100), MS(130));
	assert_int_equal(s->s->conn.pmtu.cur, 1452);
	sim_free(s);
}

static u64 flip_period;

/* There and back: what the client says next comes from the other of two ports. */
static void flip(struct sim *s, void *arg)
{
	nat(s, s->nat_to == 0x0106 ? 0x0107 : 0x0106);
	say(s->c);
	sim_at(s, s->now + flip_period, flip, NULL);
}

static u64 out(struct sim *s)
{
	return s->s->link.offered * s->s->conn.pmtu.cur;
}

/*
 * 9.4: a peer that goes to and fro between addresses, all its own, gets no window each time: two
 * in a round trip, where it left one behind, are the most. And it is served all the same.
 */
static void path__flip(void **state)
{
	struct sim_stream *st;
	struct sim *s = sim_up_plain();
	u64 before, cwnd;

	/* Both are known, and to be the client's. */
	nat(s, 0x0106);
	transfer(s, 200000, 100, SEC(2));
	nat(s, 0x0107);
	transfer(s, 1000, 100, SEC(2));
	st = sim_open(s->c, false);
	sim_want(s->c->rx_bytes + 3000000, s->c->n_fin + 1, s->s->rx_bytes + 10, s->s->n_fin + 1);
	asked_id = st->qs.id;
	sim_write(s->c, st, 10, true);
	assert_true(sim_run(s, SEC(1), asked));
	flip_period = MS(1) / 4;
	flip(s, NULL);
	sim_run(s, RTT / 2 + MS(1), NULL);
	assert_true(s->s->n_event[QUIC_CEV_MIGRATED] > 3);
	cwnd = s->s->conn.loss.cc.cwnd;
	before = out(s);
	sim_write(s->s, sim_find(s->s, asked_id), 3000000, true);
	sim_run(s, RTT - MS(1), NULL);
	assert_true(s->s->n_event[QUIC_CEV_MIGRATED] > 40);
	assert_in_range(out(s) - before, cwnd / 2, 2 * cwnd + 20000);
	flip_period = MS(37);
	assert_true(sim_run(s, SEC(30), sim_all_here));
	sim_free(s);
}

/* Every 200 ms another port, during transfers both ways that lose packets */
static void rebind_again(struct sim *s, void *arg)
{
	static u8 n;

	nat(s, 0x0110 + (++n & 0x3f));
	sim_at(s, s->now + MS(200), rebind_again, NULL);
}

static void path__rebind_often(void **state)
{
	u64 seed;

	for (seed = 1; seed <= 40; seed++) {
		struct sim_cfg cfg;
		struct sim *s;

		sim_config(&cfg);
		cfg.seed = seed;
		cfg.rate = 500000;
		cfg.keepalive = MS(100);	/* who only listens does not tell where it is */
		s = sim_up(&cfg);
		s->c->link.loss = s->s->link.loss = 50;
		memset(s->s->seen, 0, sizeof(s->s->seen));
		rebind_again(s, NULL);
		transfer(s, 600000, 300000, SEC(60));
		sim_free(s);
	}
}

/* Challenges get lost; data is acknowledged all the same. 8.2.1 */
static void path__challenges_lost(void **state)
{
	unsigned int lost = 0;
	u64 seed;

	for (seed = 1; seed <= 200; seed++) {
		struct sim_cfg cfg;
		struct sim *s;

		sim_config(&cfg);
		cfg.seed = seed;
		cfg.keepalive = MS(500);
		s = sim_up(&cfg);
		s->s->link.loss = 200;
		nat(s, 0x0405);
		transfer(s, 50000, 2000, SEC(30));
		sim_run(s, 4 * PTO, NULL);
		assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
		lost += !s->s->conn.path->validated || remote_of(s->s) != 0x0405;
		sim_free(s);
	}
	/* All three, or the responses, with one chance in a hundred or so each */
	assert_true(lost < 10);
}

/* 8.2.1: less than 1200 bytes may be said to a client that said little; its MTU is checked later */
static void path__short_challenge(void **state)
{
	struct sim *s = sim_up_plain();
	struct quic_path *p;

	nat(s, 0x0405);
	say(s->c);
	sim_run(s, RTT / 2 + MS(1), NULL);
	p = s->s->conn.path;
	assert_int_equal(remote_of(s->s), 0x0405);
	assert_int_equal(p->n_challenges, 1);
	assert_int_equal(p->full, 0);
	sim_run(s, RTT, NULL);
	assert_true(p->validated);
	assert_true(p->checking);
	assert_int_equal(p->full, 1);
	sim_run(s, RTT, NULL);
	assert_false(p->checking);
	sim_free(s);
}

/* 8.2.4: the way takes no datagrams of 1200 bytes: it is no path. Nothing else is left. */
static bool large(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	return from->sim->nat_to && len >= QUIC_DGRAM_MIN;
}

static void path__too_narrow(void **state)
{
	struct sim *s = sim_up_plain();

	nat(s, 0x0405);
	s->s->link.drop = large;
	say(s->c);
	sim_run(s, RTT * 3, NULL);
	assert_int_equal(remote_of(s->s), 0x0405);
	sim_run(s, 4 * PTO, NULL);
	assert_int_equal(remote_of(s->s), SIM_CLIENT);
	assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
	sim_free(s);
}

/* --- attackers --- */

static u16 attacker;
static unsigned int forwarded, every;

/* Copies what the client sends and is faster. */
static void forward(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	struct sim_ep *server = from->peer;
	struct sim_way w = { attacker, SIM_SERVER };

	if (!attacker || n % every)
		return;
	forwarded++;
	sim_way_receive(server, &w, len);
	from->sim->strange = true;
	sim_receive(server, buf, len);
	from->sim->strange = false;
	sim_after(server);
}

/* 9.3.3: the genuine path answers its challenge with a packet of a higher number. */
static void path__forwarded_once(void **state)
{
	struct sim *s = sim_up_plain();

	attacker = 0x0901;
	forwarded = 0;
	every = 1;
	s->dark = 9;		/* what goes to the attacker is lost */
	s->c->link.tap = forward;
	say(s->c);
	assert_int_equal(forwarded, 1);
	attacker = 0;
	assert_int_equal(remote_of(s->s), 0x0901);
	sim_run(s, 2 * RTT, NULL);
	assert_int_equal(remote_of(s->s), SIM_CLIENT);
	assert_int_equal(s->s->n_event[QUIC_CEV_MIGRATED], 2);
	/* What was learned is still known: 9.3 */
	assert_true(s->s->conn.loss.rtt.first_sample_at);
	transfer(s, 300000, 300000, SEC(2));
	assert_int_equal(paths(s->s), 1);
	sim_free(s);
}

static void path__forwarded_often(void **state)
{
	struct sim *s = sim_up_plain();

	attacker = 0x0901;
	forwarded = 0;
	every = 7;
	s->dark = 9;
	s->c->link.tap = forward;
	transfer(s, 300000, 300000, SEC(20));
	assert_true(forwarded > 10);
	attacker = 0;
	say(s->c);
	sim_run(s, SEC(12), NULL);
	assert_int_equal(remote_of(s->s), SIM_CLIENT);
	assert_int_equal(paths(s->s), 1);
	sim_free(s);
}

/* The server follows one forged packet, and from then on nobody is heard. */
static struct sim *spoofed(void)
{
	struct sim *s = sim_up_plain();

	attacker = 0x0901;
	every = 1;
	s->dark = 9;
	s->c->link.tap = forward;
	s->s->link.down = true;
	say(s->c);
	attacker = 0;
	s->c->link.down = true;
	return s;
}

/* 9.3.2: nobody answers any more: after three PTOs the server is where it was. */
static void path__spoofed(void **state)
{
	struct sim *s = spoofed();

	sim_run(s, 2 * PTO, NULL);
	assert_int_equal(remote_of(s->s), 0x0901);
	sim_run(s, 2 * PTO, NULL);
	assert_int_equal(remote_of(s->s), SIM_CLIENT);
	assert_true(s->s->conn.path->validated);
	s->c->link.down = s->s->link.down = false;
	transfer(s, 30000, 30000, SEC(10));
	sim_free(s);
}

/* As quic_path_take_cids() leaves it if the peer retires its ID and gives no other (5.1.2). */
static void path__back_without_id(void **state)
{
	struct sim *s = spoofed();

	sim_run(s, PTO, NULL);
	assert_non_null(s->s->conn.paths.good);
	assert_ptr_not_equal(s->s->conn.paths.good, s->s->conn.path);
	s->s->conn.paths.good->cid = QUIC_PATH_NO_CID;
	sim_run(s, 3 * PTO, NULL);
	assert_int_equal(remote_of(s->s), SIM_CLIENT);
	assert_in_range(s->s->conn.path->cid, 0, QUIC_CID_REMOTE_SLOTS - 1);
	s->c->link.down = s->s->link.down = false;
	transfer(s, 30000, 30000, SEC(10));
	sim_free(s);
}

/* From many addresses: paths are few, and what is validated is not among those that give way. */
static void path__many_addresses(void **state)
{
	struct sim *s = sim_up_plain();
	unsigned int i;

	every = 1;
	s->dark = 9;
	s->c->link.tap = forward;
	for (i = 1; i < 60; i++) {
		memset(s->s->seen, 0, sizeof(s->s->seen));
		s->s->seen[0].addr = SIM_CLIENT;
		s->s->seen[0].over = true;
		attacker = 0x0900 | i;
		say(s->c);
		assert_true(paths(s->s) <= QUIC_PATHS_MAX);
	}
	attacker = 0;
	say(s->c);
	sim_run(s, RTT, NULL);
	assert_int_equal(remote_of(s->s), SIM_CLIENT);
	assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
	sim_free(s);
}

/* RFC 9000, 9: a client takes nothing from addresses it does not send to. */
static void path__unknown_server(void **state)
{
	struct sim_way w = { 0x0909, SIM_CLIENT };
	struct sim *s = sim_up_plain();

	assert_false(sim_way_receive(s->c, &w, 100));
	assert_int_equal(paths(s->c), 1);
	sim_free(s);
}

/* A server stays with the address of the handshake until that is over. */
static void path__in_handshake(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = sim_new(&cfg);
	sim_connect(s);
	sim_run(s, RTT / 2 + MS(1), NULL);
	assert_int_equal(sim_migrate(s, 0x0105, SIM_PREFERRED, false), -EAGAIN);
	nat(s, 0x0405);
	s->c->link.coalesce = 0;
	sim_run(s, RTT / 2 - MS(2), NULL);
	assert_int_equal(remote_of(s->s), SIM_CLIENT);
	assert_int_equal(paths(s->s), 1);
	/* What the server says to the old address is lost, until 1-RTT packets come from the new. */
	sim_run(s, SEC(1), NULL);
	assert_int_equal(remote_of(s->s), SIM_CLIENT);
	say(s->c);
	sim_run(s, SEC(8), NULL);
	assert_int_equal(s->s->conn.confirmed && s->c->conn.confirmed, true);
	assert_int_equal(remote_of(s->s), 0x0405);
	sim_free(s);
}

/* --- challenges and responses --- */

/* More challenges than anybody needs: as many answers as are remembered, each once. */
static void path__flood(void **state)
{
	u8 buf[1000];
	struct sim *s = sim_up_plain();
	u64 before = s->s->conn.stats.bytes_sent;
	unsigned int i, n;

	for (i = 0; i < 100; i++) {
		for (n = 0; n + 9 <= sizeof(buf); n += 9) {
			buf[n] = QUIC_FT_PATH_CHALLENGE;
			memset(buf + n + 1, i + n, 8);
		}
		sim_inject(s->c, QUIC_LEVEL_APP, buf, n);
		assert_int_equal(s->s->conn.path->n_responses, QUIC_PATH_RESPONSES_MAX);
		sim_pump(s->s);
		sim_run(s, MS(1), NULL);
	}
	assert_true(s->s->conn.stats.bytes_sent - before <= 100 * 1300);
	assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
	sim_free(s);
}

/* 8.2.3: a response counts whichever way it comes; 19.18: one that answers nothing does not. */
static void path__response_elsewhere(void **state)
{
	u8 buf[9] = { QUIC_FT_PATH_RESPONSE };
	struct sim *s = sim_up_plain();
	struct quic_path *p;

	attacker = 0x0901;
	every = 1;
	s->dark = 9;
	s->c->link.tap = forward;
	say(s->c);
	attacker = 0;
	s->c->link.tap = NULL;
	p = s->s->conn.path;
	assert_int_equal(remote_of(s->s), 0x0901);
	assert_false(p->validated);
	sim_inject(s->c, QUIC_LEVEL_APP, buf, sizeof(buf));
	assert_false(p->validated);
	memcpy(buf + 1, p->talk->challenge[0], 8);
	s->strange = true;
	quic_path_from(&s->s->conn, &s->s->conn.paths.first.key);
	sim_inject(s->c, QUIC_LEVEL_APP, buf, sizeof(buf));
	s->strange = false;
	assert_true(p->validated);
	sim_free(s);
}

static const struct CMUnitTest tests[] = {
	TEST(path__rebind_port),
	TEST(path__rebind_host),
	TEST(path__flip),
	TEST(path__rebind_often),
	TEST(path__challenges_lost),
	TEST(path__short_challenge),
	TEST(path__too_narrow),
	TEST(path__forwarded_once),
	TEST(path__forwarded_often),
	TEST(path__spoofed),
	TEST(path__back_without_id),
	TEST(path__many_addresses),
	TEST(path__unknown_server),
	TEST(path__in_handshake),
	TEST(path__flood),
	TEST(path__response_elsewhere),
};

TEST_MAIN(tests)
