// SPDX-License-Identifier: GPL-2.0
/* Datagrams that are not what they should be, trains, key updates, packets before their keys. */
#include "test.h"
#include "sim.h"
#include "crypto_gnutls.h"

#define RTT	MS(20)

static u8 seen[64][2000];
static u32 seen_len[64];
static unsigned int nseen;

static void record(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	if (nseen == ARRAY_SIZE(seen) || len > sizeof(seen[0]))
		return;
	memcpy(seen[nseen], buf, len);
	seen_len[nseen++] = len;
}

static void rx__peek(void **state)
{
	static const u8 longh[] = { 0xc0, 0, 0, 0, 1, 3, 7, 8, 9, 0, 0, 0 };
	static const u8 shorth[] = { 0x40, 1, 2, 3, 4, 5, 6, 7, 8 };
	const u8 *dcid;
	u8 len;
	bool l;
	u32 n;

	assert_true(quic_rx_peek(longh, sizeof(longh), &dcid, &len, &l));
	assert_true(l && len == 3 && *dcid == 7);
	for (n = 0; n < 10; n++)
		assert_false(quic_rx_peek(longh, n, &dcid, &len, &l));
	assert_true(quic_rx_peek(shorth, sizeof(shorth), &dcid, &len, &l));
	assert_true(!l && len == QUIC_CID_LEN && *dcid == 1);
	for (n = 0; n < sizeof(shorth); n++)
		assert_false(quic_rx_peek(shorth, n, &dcid, &len, &l));
}

/* Every datagram of a handshake cut short at every length, then whole: nothing else changes. */
static void rx__truncated(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	u32 len;

	sim_config(&cfg);
	s = sim_new(&cfg);
	nseen = 0;
	s->s->link.tap = record;
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, RTT - 1, NULL);
	s->s->link.tap = NULL;
	assert_int_equal(nseen, 3);
	for (len = 0; len < seen_len[0]; len++) {
		u8 *copy = exact(seen[0], len);

		sim_receive(s->c, copy, len);
		free(copy);
	}
	for (len = 0; len < seen_len[2]; len++)
		sim_receive(s->c, seen[2], len);
	assert_int_equal(s->c->conn.state, QUIC_CONN_HANDSHAKE);
	sim_run(s, RTT * 2, NULL);
	assert_true(s->c->conn.confirmed && s->s->conn.confirmed);
	sim_free(s);
}

/* Every single bit of a 1-RTT datagram flipped: AEAD notices, the connection stays. */
static void rx__corrupt(void **state)
{
	struct sim *s = sim_up_plain();
	u64 got, dropped;
	u32 bit;

	nseen = 0;
	s->c->link.tap = record;
	s->c->link.down = true;
	sim_write(s->c, sim_open(s->c, true), 100, false);
	assert_int_equal(nseen, 1);
	got = s->s->conn.stats.packets_received;
	dropped = s->s->conn.stats.packets_dropped;
	for (bit = 0; bit < 8 * seen_len[0]; bit++) {
		u8 *copy = exact(seen[0], seen_len[0]);

		copy[bit / 8] ^= 1 << bit % 8;
		sim_receive(s->s, copy, seen_len[0]);
		free(copy);
	}
	assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
	/* The IDs are covered by AEAD as well, so not one got through. */
	assert_int_equal(s->s->conn.stats.packets_received, got);
	assert_true(s->s->conn.stats.packets_dropped > dropped + 8 * (seen_len[0] - 2));
	sim_receive(s->s, seen[0], seen_len[0]);
	assert_int_equal(s->s->rx_bytes, 100);
	sim_free(s);
}

/* Replayed datagrams of any age change nothing. */
static void rx__replayed(void **state)
{
	struct sim *s = sim_up_plain();
	u64 got;
	unsigned int i;

	nseen = 0;
	s->c->link.tap = record;
	sim_write(s->c, sim_open(s->c, true), 40000, true);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->s->n_fin, 1);
	got = s->s->conn.stats.packets_received;
	for (i = 0; i < nseen; i++)
		sim_receive(s->s, seen[i], seen_len[i]);
	assert_int_equal(s->s->conn.stats.packets_received, got);
	assert_int_equal(s->s->rx_bytes, 40000);
	assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
	sim_free(s);
}

static void rx__random(void **state)
{
	struct sim *s = sim_up_plain();
	u64 rng = 7;
	u8 buf[1500];
	unsigned int i, j;

	for (i = 0; i < 20000; i++) {
		u32 len = rnd(&rng) % sizeof(buf);

		for (j = 0; j < len; j++)
			buf[j] = rnd(&rng);
		if (len > 20 && i % 2)
			memcpy(buf + 1, s->s->cid[0].cid.id, QUIC_CID_LEN);
		sim_receive(s->s, buf, len);
	}
	assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
	sim_write(s->c, sim_open(s->c, true), 1000, true);
	sim_run(s, RTT, NULL);
	assert_int_equal(s->s->n_fin, 1);
	sim_free(s);
}

/* 12.2: the rest of a datagram whose first packet cannot be read is read. */
static void rx__coalesced_bad_first(void **state)
{
	struct sim_cfg cfg;
	struct quic_packet h;
	struct sim *s;

	sim_config(&cfg);
	s = sim_new(&cfg);
	nseen = 0;
	s->s->link.tap = record;
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, RTT - 1, NULL);
	s->s->link.down = true;
	/* Initial and Handshake in one: damage the Handshake part, then the Initial part. */
	assert_int_equal(quic_packet_parse(seen[0], seen_len[0], QUIC_CID_LEN, &h), 0);
	assert_int_equal(h.type, QUIC_PKT_INITIAL);
	assert_true(h.len < seen_len[0]);
	seen[0][seen_len[0] - 1] ^= 1;
	sim_receive(s->c, seen[0], seen_len[0]);
	assert_int_equal(s->c->tls.in_len[QUIC_LEVEL_INITIAL], 122);
	assert_int_equal(s->c->tls.in_len[QUIC_LEVEL_HANDSHAKE], 0);
	sim_tls_step(s->c);
	seen[0][seen_len[0] - 1] ^= 1;
	seen[0][h.len - 1] ^= 1;
	sim_receive(s->c, seen[0], seen_len[0]);
	assert_true(s->c->tls.in_len[QUIC_LEVEL_HANDSHAKE] > 0);
	sim_free(s);
}

static u32 build_vn(struct sim *s, u8 *buf, const struct quic_cid *scid, u32 version)
{
	u8 *p = buf;

	*p++ = 0xc0;
	put_unaligned_be32(0, p);
	p += 4;
	*p++ = QUIC_CID_LEN;
	memcpy(p, s->c->conn.cids.local[0].cid.id, QUIC_CID_LEN);
	p += QUIC_CID_LEN;
	*p++ = scid->len;
	memcpy(p, scid->id, scid->len);
	p += scid->len;
	put_unaligned_be32(0x0a0a0a0a, p);
	put_unaligned_be32(version, p + 4);
	return p + 8 - buf;
}

static void rx__version_negotiation(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	u8 buf[100];
	u32 len;

	sim_config(&cfg);
	s = sim_new(&cfg);
	s->c->link.down = true;
	assert_int_equal(sim_connect(s), 0);
	/* 6.2: one that lists our version, one that is not an answer to ours */
	len = build_vn(s, buf, &s->c->conn.odcid, QUIC_V1);
	sim_receive(s->c, buf, len);
	len = build_vn(s, buf, &s->c->conn.cids.local[0].cid, QUIC_V2);
	sim_receive(s->c, buf, len);
	assert_int_equal(s->c->conn.state, QUIC_CONN_HANDSHAKE);
	/* None that we speak */
	len = build_vn(s, buf, &s->c->conn.odcid, 0x7f000001);
	sim_receive(s->c, buf, len);
	assert_int_equal(s->c->conn.state, QUIC_CONN_CLOSED);
	assert_int_equal(s->c->conn.close.code, QUIC_ERR_VERSION_NEGOTIATION);
	assert_int_equal(s->c->n_event[QUIC_CEV_CLOSED], 1);
	sim_free(s);

	/* After any other packet it means nothing. */
	s = sim_new(&cfg);
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, RTT, NULL);
	len = build_vn(s, buf, &s->c->conn.odcid, QUIC_V2);
	sim_receive(s->c, buf, len);
	assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
	sim_free(s);
}

/* 7.2: once an ID was chosen, packets from another are not of this connection. */
static void rx__other_source_id(void **state)
{
	static const u8 ping[] = { 1, 0, 0, 0 };
	struct sim_cfg cfg;
	struct sim *s;
	u64 got[2];
	unsigned int i;

	sim_config(&cfg);
	cfg.flight_len = 12000;
	s = sim_new(&cfg);
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, RTT + MS(1), NULL);
	for (i = 0; i < 2; i++) {
		struct sim_ep *ep = &s->ep[i];

		got[!i] = ep->peer->conn.stats.packets_received;
		ep->conn.cids.local[0].cid.id[0] ^= 1;
		sim_inject(ep, QUIC_LEVEL_HANDSHAKE, ping, sizeof(ping));
		ep->conn.cids.local[0].cid.id[0] ^= 1;
		assert_int_equal(ep->peer->conn.stats.packets_received, got[!i]);
		/* Another version, too */
		ep->conn.version = QUIC_V2;
		sim_inject(ep, QUIC_LEVEL_HANDSHAKE, ping, sizeof(ping));
		ep->conn.version = QUIC_V1;
		assert_int_equal(ep->peer->conn.stats.packets_received, got[!i]);
		sim_inject(ep, QUIC_LEVEL_HANDSHAKE, ping, sizeof(ping));
		assert_int_equal(ep->peer->conn.stats.packets_received, got[!i] + 1);
	}
	sim_free(s);
}

/* 14.1: a server takes no Initial from a datagram below 1200 bytes; a client does. */
static void rx__small_initial(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	u8 buf[1200];
	u32 dropped;

	sim_config(&cfg);
	cfg.tls_delay = SEC(1);
	s = sim_new(&cfg);
	nseen = 0;
	s->c->link.tap = record;
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, MS(11), NULL);
	dropped = s->s->conn.stats.packets_received;
	memcpy(buf, seen[0], 1200);
	sim_receive(s->s, buf, 1199);
	assert_int_equal(s->s->conn.stats.packets_received, dropped);
	sim_free(s);
}

/* A flood of packets before the keys: bounded. */
static void rx__held_bounded(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	u8 buf[1200];
	unsigned int i;

	sim_config(&cfg);
	cfg.tls_delay = SEC(1);
	s = sim_new(&cfg);
	assert_int_equal(sim_connect(s), 0);
	sim_run(s, MS(11), NULL);
	memset(buf, 7, sizeof(buf));
	buf[0] = 0x40;
	memcpy(buf + 1, s->s->conn.cids.local[0].cid.id, QUIC_CID_LEN);
	for (i = 0; i < 1000; i++)
		sim_receive(s->s, buf, i % 2 ? 1200 : 1100);
	assert_in_range(s->s->conn.held_count, 16, QUIC_HELD_PACKETS);
	assert_true(s->s->conn.held_bytes <= QUIC_HELD_BYTES);
	assert_true(s->s->conn.stats.packets_dropped > 900);
	sim_free(s);
}

/* --- key updates: RFC 9001, 6 --- */

static void transfer_ok(struct sim *s, u64 len)
{
	unsigned int fin = s->s->n_fin;

	/* Both send: ACKs alone confirm nothing. */
	sim_write(s->c, sim_open(s->c, true), len, true);
	sim_write(s->s, sim_open(s->s, true), len, true);
	sim_run(s, MS(400), NULL);
	assert_int_equal(s->s->n_fin, fin + 1);
	assert_int_equal(s->c->n_fin, fin + 1);
	assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
	assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
}

static void rx__key_update(void **state)
{
	struct sim *s = sim_up_plain();
	unsigned int i;

	for (i = 1; i <= 5; i++) {
		struct sim_ep *by = i % 2 ? s->c : s->s;

		assert_int_equal(quic_conn_key_update(&by->conn, s->now), 0);
		/* 6.1: not again before it was acknowledged */
		assert_int_equal(quic_conn_key_update(&by->conn, s->now), -EAGAIN);
		transfer_ok(s, 20000);
		/* In the first, who was told may have said all before it heard of the update. */
		transfer_ok(s, 20000);
		assert_int_equal(s->c->conn.prot.tx_phase, i % 2);
		assert_int_equal(s->s->conn.prot.tx_phase, i % 2);
		assert_int_equal(s->c->n_event[QUIC_CEV_KEY_UPDATE], i);
		assert_int_equal(s->s->n_event[QUIC_CEV_KEY_UPDATE], i);
		sim_run(s, SEC(1), NULL);
	}
	assert_int_equal(s->c->conn.loss.packets_lost, 0);
	assert_int_equal(s->s->conn.stats.packets_dropped, 0);
	assert_int_equal(s->s->conn.stats.key_updates, s->c->conn.stats.key_updates);
	assert_true(s->c->conn.stats.key_updates > 1);
	sim_free(s);
}

/* RFC 9001, 6.1: who only acknowledges asks to be acknowledged, and may update then. */
static bool update_in_two(struct sim *s, struct sim_ep *ep)
{
	int err = quic_conn_key_update(&ep->conn, s->now);

	if (!err)
		return false;
	assert_int_equal(err, -EAGAIN);
	sim_pump(ep);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(quic_conn_key_update(&ep->conn, s->now), 0);
	return true;
}

static void rx__key_update_of_receiver(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	unsigned int i;

	sim_config(&cfg);
	s = sim_up(&cfg);
	for (i = 0; i < 8; i++) {
		bool two = update_in_two(s, i & 1 ? s->s : s->c);

		assert_int_equal(two, i > 0);
		sim_write(s->c, sim_open(s->c, true), 100, true);
		sim_run(s, SEC(1), NULL);
		assert_int_equal(s->c->conn.stats.key_updates, i + 1);
		assert_int_equal(s->s->conn.stats.key_updates, i + 1);
		assert_int_equal(s->s->n_fin, i + 1);
	}
	sim_free(s);
}

/* In the middle of a transfer with reordering: old and new keys are both at hand. */
static void rx__key_update_reordered(void **state)
{
	u64 seed;

	for (seed = 1; seed < 20; seed++) {
		struct sim_cfg cfg;
		struct sim *s;

		sim_config(&cfg);
		cfg.seed = seed;
		cfg.rate = 1250000;
		cfg.crypto = seed < 3 ? &quic_crypto_gnutls : cfg.crypto;
		s = sim_new(&cfg);
		sim_handshake(s);
		s->c->link.reorder = 250;
		s->c->link.reorder_by = MS(5);
		s->c->link.loss = 10;
		sim_write(s->c, sim_open(s->c, true), 600000, true);
		sim_run(s, MS(200), NULL);
		assert_int_equal(quic_conn_key_update(seed % 2 ? &s->c->conn : &s->s->conn, s->now),
				 0);
		sim_run(s, SEC(6), NULL);
		assert_int_equal(s->s->n_fin, 1);
		assert_int_equal(s->c->conn.prot.rx_phase, 1);
		assert_int_equal(s->s->conn.prot.rx_phase, 1);
		sim_free(s);
	}
}

/* The receiver's next keys are not there: packets are dropped until they are, and come again. */
static void rx__key_update_unprepared(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	unsigned int asked;

	sim_config(&cfg);
	s = sim_new(&cfg);
	s->s->no_prepare = true;
	sim_handshake(s);
	sim_run(s, MS(500), NULL);
	assert_int_equal(quic_conn_key_update(&s->c->conn, s->now), 0);
	asked = s->s->n_event[QUIC_CEV_PREPARE_KEYS];
	sim_write(s->c, sim_open(s->c, true), 1000, true);
	sim_run(s, MS(30), NULL);
	assert_int_equal(s->s->n_fin, 0);
	assert_true(s->s->n_event[QUIC_CEV_PREPARE_KEYS] > asked);
	assert_int_equal(quic_protect_prepare_update(&s->s->conn.prot), 0);
	sim_run(s, SEC(1), NULL);
	assert_int_equal(s->s->n_fin, 1);
	sim_free(s);
}

/* RFC 9001, 6.6: near the limit of an AEAD the keys change by themselves. */
static void rx__key_update_by_limit(void **state)
{
	struct sim *s = sim_up_plain();

	s->c->conn.prot.tx[QUIC_LEVEL_APP]->limit = 200;
	sim_write(s->c, sim_open(s->c, true), 500000, true);
	sim_run(s, SEC(3), NULL);
	assert_int_equal(s->s->n_fin, 1);
	assert_true(s->c->n_event[QUIC_CEV_KEY_UPDATE] >= 1);
	assert_int_equal(s->c->conn.state, QUIC_CONN_ESTABLISHED);
	sim_free(s);
}

/* One that cannot change them in time stops, with the code for it. */
static void rx__aead_limit(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;

	sim_config(&cfg);
	s = sim_new(&cfg);
	s->c->no_prepare = true;
	sim_handshake(s);
	s->c->conn.prot.tx[QUIC_LEVEL_APP]->limit = 60;
	s->loose = true;
	sim_write(s->c, sim_open(s->c, true), 500000, true);
	sim_run(s, SEC(1), NULL);
	assert_true(s->c->conn.state >= QUIC_CONN_CLOSING);
	assert_int_equal(s->c->conn.close.code, QUIC_ERR_AEAD_LIMIT_REACHED);
	sim_free(s);
}

/* RFC 9001, 6.6: forgeries are counted, too. */
static void rx__integrity_limit(void **state)
{
	struct sim *s = sim_up_plain();
	unsigned int i;

	nseen = 0;
	s->c->link.tap = record;
	s->c->link.down = true;
	sim_write(s->c, sim_open(s->c, true), 100, false);
	s->s->conn.prot.rx[QUIC_LEVEL_APP]->limit = s->s->conn.prot.failed + 20;
	seen[0][seen_len[0] - 1] ^= 1;
	for (i = 0; i < 20; i++)
		sim_receive(s->s, seen[0], seen_len[0]);
	assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
	sim_receive(s->s, seen[0], seen_len[0]);
	assert_int_equal(s->s->conn.close.code, QUIC_ERR_AEAD_LIMIT_REACHED);
	sim_free(s);
}

/* A close in the middle of a train, and a piece of something else in it. */
/*
 * RFC 9000, 5.2: with an ID that is not ours nothing is opened, so that strangers who know none are
 * no forgers (RFC 9001, 6.6). With an ID of ours they are.
 */
static void rx__other_id(void **state)
{
	struct sim *s = sim_up_plain();
	struct quic_conn *c = &s->s->conn;
	unsigned int i, len;
	u8 pkt[1200];

	memset(pkt, 0x55, sizeof(pkt));
	for (len = 21; len <= sizeof(pkt); len++)
		sim_receive(s->s, pkt, len);
	assert_int_equal(c->prot.failed, 0);
	for (i = 0; i < quic_cid_locals(&c->cids); i++) {
		if (!quic_cid_local_at(&c->cids, i)->used)
			continue;
		memcpy(pkt + 1, quic_cid_local_at(&c->cids, i)->cid.id, QUIC_CID_LEN);
		sim_receive(s->s, pkt, 100);
	}
	assert_int_equal(c->prot.failed, QUIC_CID_ISSUE);
	assert_int_equal(c->state, QUIC_CONN_ESTABLISHED);
	sim_free(s);
}

/* Nor kept for when there are keys: what they leave of that room is for the peer's. */
static void rx__other_id_held(void **state)
{
	struct sim_cfg cfg;
	struct sim *s;
	u8 pkt[200];

	sim_config(&cfg);
	s = sim_new(&cfg);
	assert_int_equal(sim_connect(s), 0);
	memset(pkt, 0x55, sizeof(pkt));
	sim_receive(s->c, pkt, sizeof(pkt));
	assert_int_equal(s->c->conn.held_count, 0);
	memcpy(pkt + 1, s->c->conn.cids.local[0].cid.id, QUIC_CID_LEN);
	sim_receive(s->c, pkt, sizeof(pkt));
	assert_int_equal(s->c->conn.held_count, 1);
	sim_free(s);
}

static void rx__train_with_close(void **state)
{
	struct quic_rx_seg seg[64];
	struct quic_vec v[64];
	struct quic_rx_train t = { .vec = v, .seg = seg };
	struct sim *s = sim_up_plain();
	unsigned int i, n;

	nseen = 0;
	s->c->link.tap = record;
	s->c->link.down = true;
	sim_write(s->c, sim_open(s->c, true), 10000, false);
	sim_run(s, MS(15), NULL);
	n = nseen;
	assert_true(n >= 6);
	quic_conn_close(&s->c->conn, true, 5, 0, NULL, 0, s->now);
	sim_pump(s->c);
	assert_int_equal(nseen, n + 1);
	/* data, data, close, data, ... and one that is no packet */
	for (i = 0; i < n + 1; i++) {
		unsigned int from = i < 2 ? i : i == 2 ? n : i - 1;

		seg[i] = (struct quic_rx_seg){ .vec = i, .nvec = 1, .len = seen_len[from] };
		v[i] = (struct quic_vec){ seen[from], seen_len[from] };
	}
	seg[i] = (struct quic_rx_seg){ .vec = i, .nvec = 1, .len = 3 };
	v[i] = (struct quic_vec){ seen[0], 3 };
	t.nseg = n + 2;
	assert_int_equal(quic_rx_train(&s->s->conn, &t, s->now), 3);
	sim_glue_drop_bufs(s->s);
	assert_int_equal(s->s->conn.state, QUIC_CONN_DRAINING);
	assert_int_equal(s->s->conn.close.code, 5);
	assert_true(s->s->rx_bytes > 0 && s->s->rx_bytes < 4000);
	sim_free(s);
}

static void rx__no_memory(void **state)
{
	struct sim *s = sim_up_plain();
	static const u8 opens[] = { 0x0b, 0x40, 0xc4, 0, 0x0b, 0, 0 };	/* streams 196 and 0 */

	/* Not enough for both: the packet is dropped, comes again, and then all is well. */
	os_alloc_fail_after(3);
	sim_inject(s->c, QUIC_LEVEL_APP, opens, sizeof(opens));
	os_alloc_fail_after(0);
	assert_int_equal(s->s->conn.state, QUIC_CONN_ESTABLISHED);
	assert_int_equal(s->s->n_opened, 1);
	sim_inject(s->c, QUIC_LEVEL_APP, opens, sizeof(opens));
	assert_int_equal(s->s->n_opened, 2);
	assert_int_equal(s->s->n_fin, 2);
	sim_free(s);
}

static const struct CMUnitTest tests[] = {
	TEST(rx__peek),
	TEST(rx__truncated),
	TEST(rx__corrupt),
	TEST(rx__replayed),
	TEST(rx__random),
	TEST(rx__coalesced_bad_first),
	TEST(rx__version_negotiation),
	TEST(rx__other_source_id),
	TEST(rx__small_initial),
	TEST(rx__held_bounded),
	TEST(rx__key_update),
	TEST(rx__key_update_of_receiver),
	TEST(rx__key_update_reordered),
	TEST(rx__key_update_unprepared),
	TEST(rx__key_update_by_limit),
	TEST(rx__aead_limit),
	TEST(rx__integrity_limit),
	TEST(rx__other_id),
	TEST(rx__other_id_held),
	TEST(rx__train_with_close),
	TEST(rx__no_memory),
};

TEST_MAIN(tests)
