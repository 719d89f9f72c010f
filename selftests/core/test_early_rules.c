// SPDX-License-Identifier: GPL-2.0
/* What must not be in 0-RTT packets, and what must not be said of them. */
#include "early_help.h"

struct bad {
	const char *name;
	u8 frame[32];
	u32 len;
};

/* RFC 9000, 12.4 and 12.5: not in 0-RTT packets */
static const struct bad bad[] = {
	{ "ACK", { 2, 0, 0, 0, 0 }, 5 },
	{ "ACK_ECN", { 3, 0, 0, 0, 0, 0, 0, 0 }, 8 },
	{ "CRYPTO", { 6, 0, 1, 1 }, 4 },
	{ "NEW_TOKEN", { 7, 1, 1 }, 3 },
	{ "PATH_RESPONSE", { 0x1b, 1, 2, 3, 4, 5, 6, 7, 8 }, 9 },
	{ "RETIRE_CONNECTION_ID", { 0x19, 0 }, 2 },
	{ "HANDSHAKE_DONE", { 0x1e }, 1 },
};

static void early__forbidden_frames(void **state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct sim *s = early(SIM_EARLY_ACCEPT, 1, 100);

		assert_int_equal(sim_connect(s), 0);
		sim_run(s, RTT / 2, NULL);
		assert_true(quic_protect_can_send(&s->c->conn.prot, QUIC_LEVEL_EARLY));
		sim_inject(s->c, QUIC_LEVEL_EARLY, bad[i].frame, bad[i].len);
		if (s->s->conn.close.code != QUIC_ERR_PROTOCOL_VIOLATION)
			fail_msg("%s: 0x%llx", bad[i].name,
				 (unsigned long long)s->s->conn.close.code);
		sim_free(s);
	}
}

/* RFC 9000, 17.2.3: what exceeds the limits the server remembers */
static void early__over_the_limit(void **state)
{
	static const u8 stream[] = { 0x0e, 0x04, 0xbf, 0xff, 0xff, 0xff, 0x01, 0x55 };
	struct sim *s = early(SIM_EARLY_ACCEPT, 1, 100);

	assert_int_equal(sim_connect(s), 0);
	sim_run(s, RTT / 2, NULL);
	sim_inject(s->c, QUIC_LEVEL_EARLY, stream, sizeof(stream));
	assert_int_equal(s->s->conn.close.code, QUIC_ERR_FLOW_CONTROL);
	sim_free(s);
}

/* RFC 9001, 4.6.2: an acknowledgment of what was refused */
static void early__ack_of_refused(void **state)
{
	u8 ack[] = { 2, 0, 0, 0, 0 };
	struct sim *s = early(SIM_EARLY_REJECT, 1, 100);

	assert_int_equal(sim_connect(s), 0);
	assert_true(sim_run(s, SEC(1), confirmed));
	sim_run(s, SEC(1), NULL);
	assert_true(s->c->conn.early.end_pn > 0);
	ack[1] = s->c->conn.early.end_pn;
	sim_inject(s->s, QUIC_LEVEL_APP, ack, sizeof(ack));
	assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
	ack[4] = 1;
	sim_inject(s->s, QUIC_LEVEL_APP, ack, sizeof(ack));
	assert_int_equal(s->c->conn.close.code, QUIC_ERR_PROTOCOL_VIOLATION);
	sim_free(s);
}

/* A server that acknowledges the client's first 0-RTT packet before it answered */
static struct sim *acked_too_soon(enum sim_early how, const struct quic_terms *remembered)
{
	struct quic_frame_ack ack = { .largest = 0 };
	struct sim *s = early(how, 1, 100);

	s->cfg.remembered = remembered;
	assert_int_equal(sim_connect(s), 0);
	assert_int_equal(quic_loss_on_ack(&s->c->conn.loss, QUIC_PNS_APP, &ack, 0, s->now), 0);
	assert_int_equal(s->c->conn.loss.app.largest_acked, 0);
	return s;
}

/* RFC 9001, 4.6.2: what was acknowledged was not refused; its bytes are gone by now. */
static void early__refused_what_it_acked(void **state)
{
	struct sim *s = acked_too_soon(SIM_EARLY_REJECT, NULL);

	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->s->conn.close.code, QUIC_ERR_PROTOCOL_VIOLATION);
	assert_true(s->s->conn.close.remote);
	sim_free(s);
}

/* Nor do lower limits mean that it was refused, where nobody told. */
static void early__acked_lower_limits(void **state)
{
	struct quic_terms more;
	struct sim *s;

	quic_terms_defaults(&more);
	more.max_data = 64 << 20;
	more.max_stream_data_bidi_remote = 64 << 20;
	more.max_streams_bidi = 1000;
	s = acked_too_soon(SIM_EARLY_REJECT_UNTOLD, &more);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->c->conn.early.state, QUIC_EARLY_OFFERED);
	assert_int_equal(s->c->conn.tx_data, 100);
	assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
	sim_free(s);
}

/* RFC 9000, 12.5: what we must not put there ourselves; it waits for 1-RTT. */
static void early__nothing_forbidden(void **state)
{
	static const u8 data[8] = "response";
	struct sim *s = early(SIM_EARLY_ACCEPT, 1, 100);
	struct quic_conn *c = &s->c->conn;

	assert_int_equal(sim_connect(s), 0);
	assert_true(quic_protect_can_send(&c->prot, QUIC_LEVEL_EARLY));
	c->cids.retire[0].seq = 0;
	c->cids.retire[0].pending = true;
	c->cids.n_retire = 1;
	c->path->talk = kzalloc(sizeof(*c->path->talk), GFP_KERNEL);
	memcpy(c->path->talk->response[0], data, sizeof(data));
	c->path->n_responses = 1;
	sim_write(s->c, sim_open(s->c, true), 50, true);
	assert_true(c->cids.retire[0].pending);
	assert_int_equal(c->path->n_responses, 1);
	sim_run(s, RTT / 2, NULL);
	assert_int_equal(s->s->rx_bytes, 150);
	assert_int_equal(s->s->conn.close.code, 0);
	c->cids.n_retire = 0;
	c->path->n_responses = 0;
	sim_free(s);
}

static const struct CMUnitTest tests[] = {
	TEST(early__forbidden_frames),
	TEST(early__over_the_limit),
	TEST(early__ack_of_refused),
	TEST(early__refused_what_it_acked),
	TEST(early__acked_lower_limits),
	TEST(early__nothing_forbidden),
};

TEST_MAIN(tests)
