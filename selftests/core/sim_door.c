// SPDX-License-Identifier: GPL-2.0
/*
 * Where connections begin: a server answers a first datagram as the kernel's listener does, with
 * Version Negotiation, Retry, a refusal or a connection.
 */
#include "sim.h"

void sim_door_init(struct sim_ep *ep)
{
	const struct sim_cfg *cfg = &ep->sim->cfg;
	struct quic_conn_config cc = {
		.server = ep->server,
		.cc = cfg->cc,
		.initial_rtt = cfg->initial_rtt,
		.keepalive = cfg->keepalive,
		.version = ep->version,
		.versions = cfg->versions[ep->server],
		.no_compatible = cfg->no_compatible[ep->server],
		.empty_cid = cfg->empty_cid && !ep->server,
	};

	/* Tests that take memory away give it back here: the kernel would not have accepted at all. */
	if (quic_conn_init(&ep->conn, &sim_ops, cfg->crypto, &cc)) {
		os_alloc_fail_after(0);
		WARN_ON(quic_conn_init(&ep->conn, &sim_ops, cfg->crypto, &cc));
	}
	if (!ep->server)
		sim_way_first(ep, SIM_CLIENT, SIM_SERVER);
	ep->conn.local.grease_quic_bit = cfg->grease[ep->server];
	if (cfg->idle_timeout)
		ep->conn.local.max_idle_timeout = cfg->idle_timeout == U64_MAX ? 0 :
						  cfg->idle_timeout;
	if (cfg->mtu)
		quic_conn_set_mtu(&ep->conn, cfg->mtu, ep->sim->now);
}

void sim_door_restart(struct sim_ep *ep)
{
	ep->live = false;
	sim_glue_free(ep);
	sim_tls_free(ep);
	sim_door_init(ep);
}

static const u8 token_secret[QUIC_TOKEN_SECRET] = "the secret that seals our tokens";
static const struct quic_token_addr client_addr = { .ip = { 10, 1 }, .port = 4433 };

static void seal_token(struct sim *s, u8 kind, const struct quic_cid *odcid, u64 at, u32 version,
		       u8 *token)
{
	struct quic_token t = { .kind = kind, .addr = client_addr, .at = at };

	if (odcid)
		t.odcid = *odcid;
	sim_ops.random(token, QUIC_TOKEN_NONCE);
	WARN_ON(quic_token_seal(s->cfg.crypto, token_secret, version, &t, token));
}

void sim_token(struct sim *s, u8 kind, const struct quic_cid *odcid, u64 at, u8 *token)
{
	seal_token(s, kind, odcid, at, QUIC_V1, token);
}

/* As the kernel's listener does; no state but counters. Return: accept it */
static bool admit(struct sim_ep *ep, const struct quic_packet *h)
{
	const struct quic_crypto_ops *crypto = ep->sim->cfg.crypto;
	enum quic_token_verdict verdict = QUIC_TOKEN_NONE;
	u8 token[QUIC_TOKEN_LEN], buf[512];
	struct quic_token t;
	struct quic_cid id, scid;
	int len;

	if (!quic_token_open(crypto, token_secret, h->version, h->token, h->token_len, &t))
		verdict = quic_token_judge(&t, h->token, &client_addr, h->dcid, h->dcid_len,
					   ep->sim->now);
	if (verdict == QUIC_TOKEN_GOOD)
		quic_conn_validated(&ep->conn, t.kind == QUIC_TOKEN_RETRY ? &t.odcid : NULL);
	if (verdict == QUIC_TOKEN_GOOD || (verdict == QUIC_TOKEN_NONE && !ep->sim->cfg.retry))
		return true;
	quic_cid_set(&id, h->dcid, h->dcid_len);
	quic_cid_set(&scid, h->scid, h->scid_len);
	if (verdict == QUIC_TOKEN_INVALID) {
		ep->n_refused++;
		len = quic_retry_refuse(crypto, h->version, &id, &scid, QUIC_ERR_INVALID_TOKEN,
					buf, QUIC_RETRY_ROOM);
	} else {
		ep->n_retries++;
		seal_token(ep->sim, QUIC_TOKEN_RETRY, &id, ep->sim->now, h->version, token);
		quic_cid_set(&scid, token, QUIC_CID_LEN);
		len = quic_retry_build(crypto, h, &scid, token, sizeof(token), 5, buf,
				       sizeof(token) + QUIC_RETRY_ROOM);
	}
	WARN_ON(len <= 0);
	ep->amp_tx += len;
	ep->sim->way = (struct sim_way){ SIM_SERVER, SIM_CLIENT };
	ep->sim->mark = 0;
	sim_transmit(ep, buf, len);
	return false;
}

/* RFC 9000, 6.1: answer a version that is not spoken here */
static void send_vn(struct sim_ep *ep, const struct quic_packet *h)
{
	u8 buf[600];
	int len;

	len = quic_packet_build_vn(buf, sizeof(buf), h, &ep->conn.hs->versions, sim_rnd(ep->sim));
	WARN_ON(len <= 0);
	ep->n_vn++;
	ep->amp_tx += len;
	ep->sim->way = (struct sim_way){ SIM_SERVER, SIM_CLIENT };
	sim_transmit(ep, buf, len);
}

void sim_door_knock(struct sim_ep *ep, const struct sim_way *way, const u8 *buf, u32 len)
{
	struct quic_packet h;

	if (len < QUIC_DGRAM_MIN || quic_packet_parse(buf, len, QUIC_CID_LEN, &h))
		return;
	if (h.type == QUIC_PKT_UNKNOWN ||
	    (h.type == QUIC_PKT_INITIAL && !quic_version_listed(&ep->conn.hs->versions, h.version))) {
		send_vn(ep, &h);
		return;
	}
	if (h.type != QUIC_PKT_INITIAL || h.dcid_len < 8)
		return;
	if (h.version != ep->conn.version) {
		ep->version = h.version;
		sim_door_restart(ep);
	}
	if (!admit(ep, &h))
		return;
	/* A token that is good ends the limit of 8.1. */
	ep->amp_over = ep->conn.path->validated;
	if (quic_conn_accept(&ep->conn, &h, ep->sim->now)) {
		WARN_ON(!ep->sim->loose);
		sim_door_restart(ep);
		return;
	}
	sim_way_first(ep, way->dst, way->src);
	ep->live = true;
}
