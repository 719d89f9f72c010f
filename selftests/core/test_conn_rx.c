// SPDX-License-Identifier: GPL-2.0
/*
 * Frames a peer may not send, one at a time, sealed with its real keys: the
 * connection closes with the code the RFC names. And the ACKs that packets get.
 */
#include "test.h"
#include "sim.h"

#define RTT	MS(20)

/* A payload under construction */
struct pay {
	u8 b[2000];
	u8 *p;
};

static const u8 zeros[1200];

static void v(struct pay *pay, u64 x)
{
	pay->p = quic_varint_put(pay->p, x);
}

/* Numbers as varints, up to the end mark. */
#define END	U64_MAX
#define SEND(from, level, ...) send_list(from, level, (const u64[]){ __VA_ARGS__, END })

static void send_list(struct sim_ep *from, enum quic_level level, const u64 *x)
{
	struct pay pay = { .p = pay.b };

	while (*x != END)
		v(&pay, *x++);
	/* Room for the sample */
	while (pay.p - pay.b < 4)
		*pay.p++ = QUIC_FT_PADDING;
	sim_inject(from, level, pay.b, pay.p - pay.b);
}

/* @ep is closing with @code because of a frame of @type; and its peer hears so. */
static void assert_closed(struct sim_ep *ep, u64 code, u64 type)
{
	struct quic_conn *c = &ep->conn;

	if (c->state != QUIC_CONN_CLOSING || c->close.code != code)
		fail_msg("state %d, code %llx, not %llx", c->state, c->close.code, code);
	assert_false(c->close.app);
	assert_false(c->close.remote);
	assert_int_equal(c->close.frame_type, type);
	assert_int_equal(ep->n_event[QUIC_CEV_CLOSED], 1);
	sim_pump(ep);
	sim_run(ep->sim, RTT, NULL);
	assert_int_equal(ep->peer->conn.state, QUIC_CONN_DRAINING);
	assert_int_equal(ep->peer->conn.close.code, code);
	assert_int_equal(ep->peer->conn.close.frame_type, type);
	assert_true(ep->peer->conn.close.remote);
}

struct bad {
	bool to_client;
	u64 code;
	u64 frame[12];
	const char *why;
};

static const struct bad bad[] = {
	/* 4.1, 19.8: beyond the stream's limit, beyond the connection's */
	{ 0, QUIC_ERR_FLOW_CONTROL, { 0x0e, 0, QUIC_DEF_STREAM_WINDOW, 1, 0, END }, "stream limit" },
	{ 0, QUIC_ERR_FLOW_CONTROL, { 0x0e, 0, QUIC_VARINT_MAX - 1, 1, 0, END }, "far beyond" },
	{ 0, QUIC_ERR_FLOW_CONTROL, { 0x04, 0, 9, QUIC_DEF_STREAM_WINDOW + 1, END }, "reset beyond" },
	/* 19.8: offset and length over 2^62 - 1 */
	{ 0, QUIC_ERR_FRAME_ENCODING, { 0x0e, 0, QUIC_VARINT_MAX, 1, 0, END }, "offset overflow" },
	/* 4.6 */
	{ 0, QUIC_ERR_STREAM_LIMIT, { 0x0a, 400, 1, 0, END }, "bidi limit" },
	{ 0, QUIC_ERR_STREAM_LIMIT, { 0x0a, 402, 1, 0, END }, "uni limit" },
	{ 0, QUIC_ERR_STREAM_LIMIT, { 0x11, 4000, 1, END }, "MAX_STREAM_DATA over limit" },
	{ 1, QUIC_ERR_STREAM_LIMIT, { 0x0a, 401, 1, 0, END }, "server's bidi" },
	/* 19.8 and its kin: not there, or not in this direction */
	{ 0, QUIC_ERR_STREAM_STATE, { 0x0a, 1, 1, 0, END }, "server's stream not opened" },
	{ 0, QUIC_ERR_STREAM_STATE, { 0x0a, 3, 1, 0, END }, "data on our uni" },
	{ 0, QUIC_ERR_STREAM_STATE, { 0x04, 3, 0, 0, END }, "reset of our uni" },
	{ 0, QUIC_ERR_STREAM_STATE, { 0x05, 2, 0, END }, "stop of their uni" },
	{ 0, QUIC_ERR_STREAM_STATE, { 0x05, 1, 0, END }, "stop of one not opened" },
	{ 0, QUIC_ERR_STREAM_STATE, { 0x11, 2, 9, END }, "MAX_STREAM_DATA for their uni" },
	{ 0, QUIC_ERR_STREAM_STATE, { 0x11, 1, 9, END }, "MAX_STREAM_DATA not opened" },
	{ 0, QUIC_ERR_STREAM_STATE, { 0x15, 3, 9, END }, "STREAM_DATA_BLOCKED for our uni" },
	/* 19.11, 19.14 */
	{ 0, QUIC_ERR_FRAME_ENCODING, { 0x12, QUIC_STREAMS_MAX + 1, END }, "MAX_STREAMS" },
	{ 0, QUIC_ERR_FRAME_ENCODING, { 0x17, QUIC_STREAMS_MAX + 1, END }, "STREAMS_BLOCKED" },
	/* 12.4: unknown, and unknown in two bytes */
	{ 0, QUIC_ERR_FRAME_ENCODING, { 0x21, END }, "unknown type" },
	{ 0, QUIC_ERR_FRAME_ENCODING, { 0x4021, END }, "unknown long type" },
	/* 13.1: nothing that high was sent */
	{ 0, QUIC_ERR_PROTOCOL_VIOLATION, { 0x02, 1000000, 0, 0, 0, END }, "ACK of unsent" },
	{ 1, QUIC_ERR_PROTOCOL_VIOLATION, { 0x02, 1000000, 0, 0, 0, END }, "ACK of unsent" },
	{ 0, QUIC_ERR_FRAME_ENCODING, { 0x02, 1, 0, 0, 2, END }, "ACK below 0" },
	/* 19.7, 19.20: only servers send these */
	{ 0, QUIC_ERR_PROTOCOL_VIOLATION, { 0x07, 1, 7, END }, "NEW_TOKEN to a server" },
	{ 0, QUIC_ERR_PROTOCOL_VIOLATION, { 0x1e, END }, "HANDSHAKE_DONE to a server" },
	{ 1, QUIC_ERR_FRAME_ENCODING, { 0x07, 0, END }, "empty NEW_TOKEN" },
	/* 19.16: never issued */
	{ 0, QUIC_ERR_PROTOCOL_VIOLATION, { 0x19, 50, END }, "retire unknown" },
	/* 19.16: the one it came to; the client uses sequence number 0 */
	{ 0, QUIC_ERR_PROTOCOL_VIOLATION, { 0x19, 0, END }, "retire in use" },
	/* 7.5 */
	{ 0, QUIC_ERR_CRYPTO_BUFFER_EXCEEDED, { 0x06, 70000, 1, 0, END }, "CRYPTO far ahead" },
	{ 1, QUIC_ERR_CRYPTO_BUFFER_EXCEEDED, { 0x06, 70000, 1, 0, END }, "CRYPTO far ahead" },
	/* RFC 9221, 3: not offered */
	{ 0, QUIC_ERR_PROTOCOL_VIOLATION, { 0x31, 1, 0, END }, "DATAGRAM" },
};

static void conn_rx__violations(void **state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct sim *s = sim_up_plain();
		struct sim_ep *from = bad[i].to_client ? s->s : s->c;

		send_list(from, QUIC_LEVEL_APP, bad[i].frame);
		if (from->peer->conn.close.code != bad[i].code)
			fail_msg("%s: %llx", bad[i].why, from->peer->conn.close.code);
		assert_closed(from->peer, bad[i].code, bad[i].frame[0]);
		sim_free(s);
	}
}

static void conn_rx__connection_limit(void **state)
{
	struct sim *s = sim_up_plain();
	unsigned int i;

	s->s->no_read = true;
	/* Four windows of a stream fill the connection's; a fifth byte is too much. */
	for (i = 0; i < 4; i++) {
		SEND(s->c, QUIC_LEVEL_APP, 0x04, 4 * i, 0, QUIC_DEF_STREAM_WINDOW);
		assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
	}
	/* Resets are consumed at once, so credit is there again: use what is left. */
	assert_int_equal(s->s->conn.rx_flow.used, QUIC_DEF_CONN_WINDOW);
	SEND(s->c, QUIC_LEVEL_APP, 0x0e, 16, 0, 1, 0);
	assert_closed(s->s, QUIC_ERR_FLOW_CONTROL, 0x0e);
	sim_free(s);
}

static void conn_rx__final_size(void **state)
{
	static const u64 second[][8] = {
		{ 0x0f, 0, 1, 1, 0, END },	/* FIN below what was received */
		{ 0x04, 0, 0, 4, END },		/* reset to less */
	};
	static const u64 known[][8] = {
		{ 0x0e, 0, 10, 1, 0, END },	/* data beyond the end */
		{ 0x0f, 0, 4, 1, 0, END },	/* another end */
		{ 0x04, 0, 0, 9, END },		/* reset elsewhere */
		{ 0x0f, 0, 20, 1, 0, END },	/* a later end */
	};
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct sim *s = sim_up_plain();

		s->s->keep = true;
		sim_write(s->c, sim_open(s->c, false), 5, false);
		sim_run(s, RTT, NULL);
		send_list(s->c, QUIC_LEVEL_APP, second[i]);
		assert_closed(s->s, QUIC_ERR_FINAL_SIZE, second[i][0]);
		sim_free(s);
	}
	for (i = 0; i < 4; i++) {
		struct sim *s = sim_up_plain();

		s->s->no_read = true;
		SEND(s->c, QUIC_LEVEL_APP, 0x0f, 0, 10, 0);
		assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
		send_list(s->c, QUIC_LEVEL_APP, known[i]);
		assert_closed(s->s, QUIC_ERR_FINAL_SIZE, known[i][0]);
		sim_free(s);
	}
}

/* After the end and after a reset, the same again is fine. */
static void conn_rx__repeated_end(void **state)
{
	struct sim *s = sim_up_plain();

	s->s->keep = true;
	s->s->no_read = true;
	SEND(s->c, QUIC_LEVEL_APP, 0x0f, 0, 10, 0);
	SEND(s->c, QUIC_LEVEL_APP, 0x0f, 0, 10, 0);
	SEND(s->c, QUIC_LEVEL_APP, 0x04, 0, 3, 10);
	SEND(s->c, QUIC_LEVEL_APP, 0x04, 0, 3, 10);
	SEND(s->c, QUIC_LEVEL_APP, 0x0f, 0, 10, 0);
	assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
	assert_int_equal(s->s->n_reset, 1);
	assert_int_equal(s->s->conn.rx_flow.used, 10);
	assert_int_equal(s->s->conn.rx_flow.consumed, 10);
	sim_free(s);
}

/* 12.4, table 3: which frames Initial and Handshake packets may carry */
static void conn_rx__levels(void **state)
{
	static const u64 frame[][8] = {
		{ 0x04, 0, 0, 0, END }, { 0x05, 0, 0, END }, { 0x08, 0, END }, { 0x10, 9, END },
		{ 0x11, 0, 9, END }, { 0x12, 9, END }, { 0x14, 9, END }, { 0x15, 0, 9, END },
		{ 0x16, 9, END }, { 0x19, 0, END }, { 0x1d, 0, 0, END }, { 0x1e, END },
	};
	unsigned int i, level;

	for (level = QUIC_LEVEL_INITIAL; level <= QUIC_LEVEL_HANDSHAKE; level++) {
		for (i = 0; i < ARRAY_SIZE(frame); i++) {
			struct sim_cfg cfg;
			struct sim *s;

			sim_config(&cfg);
			cfg.flight_len = 12000;
			s = sim_new(&cfg);
			assert_int_equal(sim_connect(s), 0);
			/* The client has the ServerHello, and not yet sent anything of Handshake. */
			sim_run(s, RTT / 2 + MS(9), NULL);
			if (level == QUIC_LEVEL_HANDSHAKE)
				sim_run(s, MS(2), NULL);
			send_list(level == QUIC_LEVEL_INITIAL ? s->s : s->c, level, frame[i]);
			if (level == QUIC_LEVEL_INITIAL)
				assert_int_equal(s->c->conn.close.code,
						 QUIC_ERR_PROTOCOL_VIOLATION);
			else
				assert_int_equal(s->s->conn.close.code,
						 QUIC_ERR_PROTOCOL_VIOLATION);
			sim_free(s);
		}
	}
}

static void conn_rx__empty_packet(void **state)
{
	struct sim *s = sim_up_plain();

	/* 12.4: no frames. The sample needs 4 bytes, which the number has. */
	sim_inject(s->c, QUIC_LEVEL_APP, (const u8 *)"", 0);
	assert_int_equal(s->s->conn.close.code, QUIC_ERR_PROTOCOL_VIOLATION);
	sim_free(s);
}

static void conn_rx__reserved_bits(void **state)
{
	struct sim *s = sim_up_plain();
	u64 pn = s->c->conn.loss.app.sent.next + 1;

	/* 17.3.1 */
	sim_inject_pn(s->c, QUIC_LEVEL_APP, pn, 0x10, zeros, 20);
	assert_int_equal(s->s->conn.close.code, QUIC_ERR_PROTOCOL_VIOLATION);
	sim_free(s);
}

static void conn_rx__long_type(void **state)
{
	/* 12.4: PING in two bytes, with a PADDING behind */
	static const u8 ping[] = { 0x40, 0x01, 0, 0 };
	struct sim *s = sim_up_plain();

	sim_inject(s->c, QUIC_LEVEL_APP, ping, sizeof(ping));
	assert_int_equal(s->s->conn.close.code, QUIC_ERR_PROTOCOL_VIOLATION);
	sim_free(s);
}

/* A close in the middle of a packet: what follows it is not looked at. */
static void conn_rx__after_close(void **state)
{
	struct sim *s = sim_up_plain();

	SEND(s->c, QUIC_LEVEL_APP, 0x1d, 7, 0, 0x0a, 0, 1, 0);
	assert_int_equal(s->s->conn.state, QUIC_CONN_DRAINING);
	assert_int_equal(s->s->conn.close.code, 7);
	assert_true(s->s->conn.close.app);
	assert_true(s->s->conn.close.remote);
	assert_int_equal(s->s->n_opened, 0);
	sim_free(s);
}

/* --- acknowledging --- */

static u64 acks_of(struct sim_ep *ep)
{
	return ep->link.offered;
}

static void conn_rx__ack_every_second(void **state)
{
	struct sim *s = sim_up_plain();
	u64 before = acks_of(s->s);
	unsigned int i;

	for (i = 0; i < 10; i++) {
		SEND(s->c, QUIC_LEVEL_APP, 0x01);
		sim_pump(s->s);
		sim_run(s, MS(1), NULL);
	}
	assert_int_equal(acks_of(s->s) - before, 5);
	sim_free(s);
}

static void conn_rx__ack_delayed(void **state)
{
	struct sim *s = sim_up_plain();
	u64 before = acks_of(s->s);

	SEND(s->c, QUIC_LEVEL_APP, 0x01);
	sim_pump(s->s);
	sim_run(s, QUIC_DEF_ACK_DELAY_NS - 1, NULL);
	assert_int_equal(acks_of(s->s) - before, 0);
	sim_run(s, 1, NULL);
	assert_int_equal(acks_of(s->s) - before, 1);
	/* PADDING and ACK elicit nothing: 13.2.1 */
	SEND(s->c, QUIC_LEVEL_APP, 0x00, 0x00);
	SEND(s->c, QUIC_LEVEL_APP, 0x02, 0, 0, 0, 0);
	SEND(s->c, QUIC_LEVEL_APP, 0x00, 0x00);
	sim_pump(s->s);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(acks_of(s->s) - before, 1);
	sim_free(s);
}

static void conn_rx__ack_out_of_order(void **state)
{
	struct sim *s = sim_up_plain();
	u64 before = acks_of(s->s), pn = s->c->conn.loss.app.sent.next;
	static const u8 ping[] = { 1, 0, 0, 0 };

	/* A gap, and one that fills it: at once, each (13.2.1) */
	sim_inject_pn(s->c, QUIC_LEVEL_APP, pn + 1, 0, ping, 4);
	sim_pump(s->s);
	assert_int_equal(acks_of(s->s) - before, 1);
	sim_inject_pn(s->c, QUIC_LEVEL_APP, pn, 0, ping, 4);
	sim_pump(s->s);
	assert_int_equal(acks_of(s->s) - before, 2);
	/* The same again is dropped without a word. */
	sim_inject_pn(s->c, QUIC_LEVEL_APP, pn, 0, ping, 4);
	sim_pump(s->s);
	assert_int_equal(acks_of(s->s) - before, 2);
	assert_int_equal(s->s->conn.stats.packets_duplicate, 1);
	assert_int_equal(s->s->conn.stats.packets_dropped, 0);
	sim_free(s);
}

/* One ACK for a train of many. */
static void conn_rx__ack_a_train(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	u64 before;

	sim_config(&cfg);
	cfg.rate = 125000000;
	s = sim_new(&cfg);
	sim_handshake(s);
	sim_run(s, SEC(1), NULL);
	s->c->link.coalesce = MS(1);
	before = acks_of(s->s);
	sim_write(s->c, sim_open(s->c, true), 3000000, true);
	sim_run(s, SEC(2), NULL);
	assert_int_equal(s->s->n_fin, 1);
	/* 2100 packets in some 250 trains; MAX_DATA rides along or adds a few */
	assert_true(s->s->trains_rx < 900);
	assert_true(acks_of(s->s) - before <= s->s->trains_rx + 40);
	sim_free(s);
}

/* Ranges do not pile up for ever when a receiver only ever sends ACKs. */
static void conn_rx__ack_ranges_bounded(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	cfg.seed = 3;
	cfg.rate = 1250000;
	s = sim_new(&cfg);
	/* No MAX_DATA in between that would be acknowledged */
	s->s->conn.local.max_data = 100000000;
	s->s->conn.local.max_stream_data_uni = 100000000;
	sim_handshake(s);
	s->c->link.loss = 50;
	s->c->conn.loss.cc.ops = &quic_cc_newreno;
	sim_write(s->c, sim_open(s->c, true), 3000000, true);
	while (s->s->n_fin < 1) {
		sim_run(s, MS(100), NULL);
		assert_true(s->s->conn.app.rcvd.n <= QUIC_ACK_RANGES_MAX);
		assert_true(sim_elapsed(s) < SEC(120));
	}
	assert_true(s->s->conn.app.rcvd.n <= 40);
	sim_free(s);
}

/* Far more holes than are remembered: the oldest go, what is new is still told apart. */
static void conn_rx__ack_ranges_full(void **state)
{
	static const u8 ping[] = { 1, 0, 0, 0 };
	struct sim *s = sim_up_plain();
	struct quic_space *sp = &s->s->conn.app;
	u64 pn = s->c->conn.loss.app.sent.next;
	u64 got = s->s->conn.stats.packets_received;
	unsigned int i;

	for (i = 0; i < 600; i++)
		sim_inject_pn(s->c, QUIC_LEVEL_APP, pn + 2 * i, 0, ping, 4);
	assert_int_equal(s->s->conn.stats.packets_received, got + 600);
	assert_int_equal(sp->rcvd.n, QUIC_ACK_RANGES_MAX);
	assert_true(sp->ack_floor > pn + 600);
	/* Below the floor nobody can tell whether it came: it did. */
	sim_inject_pn(s->c, QUIC_LEVEL_APP, pn + 1, 0, ping, 4);
	sim_inject_pn(s->c, QUIC_LEVEL_APP, pn + 1000, 0, ping, 4);
	assert_int_equal(s->s->conn.stats.packets_received, got + 600);
	sim_inject_pn(s->c, QUIC_LEVEL_APP, pn + 1001, 0, ping, 4);
	assert_int_equal(s->s->conn.stats.packets_received, got + 601);
	sim_free(s);
}

/* RFC 9000, 13.2.1, 13.4.1: marks are counted and reported; CE at once. */
static void conn_rx__ecn(void **state)
{
	struct sim *s = sim_up_plain();
	struct quic_space *sp = &s->s->conn.app;
	u64 before = acks_of(s->s), was[3];

	memcpy(was, sp->ecn, sizeof(was));
	s->ecn = 2;
	SEND(s->c, QUIC_LEVEL_APP, 0x01);
	assert_int_equal(sp->ecn[0], was[0] + 1);
	assert_false(sp->ack_now);
	s->ecn = 1;
	SEND(s->c, QUIC_LEVEL_APP, 0x00);
	assert_int_equal(sp->ecn[1], was[1] + 1);
	s->ecn = 3;
	SEND(s->c, QUIC_LEVEL_APP, 0x00);
	assert_int_equal(sp->ecn[2], was[2] + 1);
	assert_false(sp->ack_now);
	SEND(s->c, QUIC_LEVEL_APP, 0x01);
	assert_true(sp->ack_now);
	sim_pump(s->s);
	assert_int_equal(acks_of(s->s) - before, 1);
	s->ecn = 2;
	sim_write(s->c, sim_open(s->c, true), 100000, true);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->s->n_fin, 1);
	assert_true(sp->ecn[0] > 60);
	assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
	sim_free(s);
}

static void conn_rx__path_challenge(void **state)
{
	struct sim *s = sim_up_plain();
	u64 bytes = s->s->conn.stats.bytes_sent;
	u8 frame[9 * 6];
	unsigned int i;

	for (i = 0; i < 6; i++) {
		frame[9 * i] = QUIC_FT_PATH_CHALLENGE;
		memset(frame + 9 * i + 1, i, 8);
	}
	sim_inject(s->c, QUIC_LEVEL_APP, frame, sizeof(frame));
	assert_int_equal(s->s->conn.path->n_responses, QUIC_PATH_RESPONSES_MAX);
	/* The last four are kept. */
	assert_int_equal(s->s->conn.path->talk->response[0][0], 2);
	sim_pump(s->s);
	assert_int_equal(s->s->conn.path->n_responses, 0);
	/* 8.2.2: in a full datagram */
	assert_in_range(s->s->conn.stats.bytes_sent - bytes, 1200, 1452);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
	sim_free(s);
}

static void conn_rx__new_token(void **state)
{
	struct sim *s = sim_up_plain();

	SEND(s->s, QUIC_LEVEL_APP, 0x07, 3, 1, 2, 3);
	assert_int_equal(s->c->tokens, 1);
	sim_free(s);
}

static bool drop_first(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	return from->conn.token && !from->tokens++;
}

/* Sent until acknowledged: 13.3 */
static void conn_rx__new_token_sent(void **state)
{
	struct sim *s = sim_up_plain();

	s->s->link.drop = drop_first;
	s->s->conn.token = kmemdup("token", 5, GFP_KERNEL);
	s->s->conn.token_len = 5;
	s->s->conn.token_wanted = true;
	sim_pump(s->s);
	assert_false(s->s->conn.token_wanted);
	sim_run(s, RTT, NULL);
	assert_int_equal(s->c->tokens, 0);
	/* By a probe, and again when the first was seen to be lost */
	sim_run(s, SEC(1), NULL);
	assert_in_range(s->c->tokens, 1, 2);
	sim_free(s);
}

static const struct CMUnitTest tests[] = {
	TEST(conn_rx__violations),
	TEST(conn_rx__connection_limit),
	TEST(conn_rx__final_size),
	TEST(conn_rx__repeated_end),
	TEST(conn_rx__levels),
	TEST(conn_rx__empty_packet),
	TEST(conn_rx__reserved_bits),
	TEST(conn_rx__long_type),
	TEST(conn_rx__after_close),
	TEST(conn_rx__ack_every_second),
	TEST(conn_rx__ack_delayed),
	TEST(conn_rx__ack_out_of_order),
	TEST(conn_rx__ack_a_train),
	TEST(conn_rx__ack_ranges_bounded),
	TEST(conn_rx__ack_ranges_full),
	TEST(conn_rx__ecn),
	TEST(conn_rx__path_challenge),
	TEST(conn_rx__new_token),
	TEST(conn_rx__new_token_sent),
};

TEST_MAIN(tests)
