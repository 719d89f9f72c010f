/* SPDX-License-Identifier: GPL-2.0 */
/* For tests of versions: what the two offer, and what their long headers say on the way. */
#ifndef SELFTESTS_CORE_NEGOTIATE_HELP_H
#define SELFTESTS_CORE_NEGOTIATE_HELP_H

#include "test.h"
#include "sim.h"
#include "crypto_gnutls.h"

#define RTT	MS(20)
#define VN_HEAD	(1 + 4 + 1 + QUIC_CID_LEN + 1 + QUIC_CID_LEN)

static const struct quic_versions v1 = { 1, { QUIC_V1 } }, v2 = { 1, { QUIC_V2 } };
static const struct quic_versions v12 = { 2, { QUIC_V1, QUIC_V2 } };
static const struct quic_versions v21 = { 2, { QUIC_V2, QUIC_V1 } };

static inline bool confirmed(struct sim *s)
{
	return s->c->conn.confirmed && s->s->conn.confirmed;
}

static inline bool over(struct sim *s)
{
	return s->c->t_closed;
}

static inline void config(struct sim_cfg *cfg, u32 version, const struct quic_versions *client,
		   const struct quic_versions *server)
{
	sim_config(cfg);
	cfg->crypto = &quic_crypto_gnutls;
	cfg->version = version;
	if (client)
		cfg->versions[0] = *client;
	if (server)
		cfg->versions[1] = *server;
}

/* What long headers said on the way: of each end, versions of Initial and of Handshake packets */
static struct {
	u32 initial[2][4096], handshake[2][4096];
	unsigned int n[2], m[2];
} seen;

static inline void tap(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	unsigned int who = from->server;
	struct quic_packet h;
	u32 off;

	for (off = 0; off < len; off += h.len) {
		if (quic_packet_parse(buf + off, len - off, QUIC_CID_LEN, &h))
			break;
		if (h.type == QUIC_PKT_INITIAL && seen.n[who] < 4096)
			seen.initial[who][seen.n[who]++] = h.version;
		if (h.type == QUIC_PKT_HANDSHAKE && seen.m[who] < 4096)
			seen.handshake[who][seen.m[who]++] = h.version;
	}
}

static inline struct sim *watched(const struct sim_cfg *cfg)
{
	struct sim *s = sim_new(cfg);

	memset(&seen, 0, sizeof(seen));
	s->c->link.tap = tap;
	s->s->link.tap = tap;
	return s;
}

static inline void assert_both(struct sim *s, u32 version, u32 original)
{
	unsigned int i, k;

	for (i = 0; i < 2; i++) {
		const struct quic_conn *c = &s->ep[i].conn;

		assert_int_equal(c->version, version);
		assert_int_equal(c->original, original);
		assert_int_equal(c->prot.version, version);
		assert_int_equal(s->ep[!i].said.version_chosen, i ? original : version);
		/* RFC 9369, 4.1: Handshake packets in the negotiated version only */
		for (k = 0; k < seen.m[i]; k++)
			assert_int_equal(seen.handshake[i][k], version);
		assert_true(seen.m[i]);
	}
	assert_int_equal(seen.initial[0][0], original);
	/* the server's CRYPTO, and what the client says after it, too */
	assert_int_equal(seen.initial[1][seen.n[1] - 1], version);
}

static inline void assert_transfer(struct sim *s)
{
	struct sim_stream *st = sim_open(s->c, true);

	sim_write(s->c, st, 30000, true);
	sim_run(s, SEC(60), NULL);
	assert_int_equal(s->s->rx_bytes, 30000);
	if (!s->c->link.loss)
		sim_assert_settled(s);
}

/* The datagrams that get lost: of each end, the one of this number */
static u64 __maybe_unused drop_client, __maybe_unused drop_server;

static inline bool drop_nth(struct sim_ep *from, u64 n, const u8 *buf, u32 len)
{
	return n == (from->server ? drop_server : drop_client);
}

#endif
