// SPDX-License-Identifier: GPL-2.0
/*
 * A handshake of the right shape and size with fixed secrets. Messages are a
 * type, three bytes of length, and a body; those that carry transport
 * parameters begin with them.
 *
 * client: ClientHello                         Finished
 * server:            ServerHello | flight, Finished      | tickets
 *
 * Every step is tried again later when it fails for want of memory.
 */
#include "sim.h"

enum { CH = 1, SH = 2, TICKET = 4, FLIGHT = 8, FIN = 20 };

#define SH_LEN		122
#define FIN_LEN		36
#define TICKET_LEN	250

static void secret(u8 *out, bool from_server, enum quic_level level)
{
	memset(out, 0x10 * (1 + level) + from_server, 48);
}

static int install(struct sim_ep *ep, enum quic_level level, bool send)
{
	u32 cipher = ep->sim->cfg.cipher;
	u8 key[48];

	secret(key, ep->server == send, level);
	return quic_conn_install(&ep->conn, level, send, cipher, key,
				 cipher == QUIC_CIPHER_AES_GCM_256 ? 48 : 32, ep->sim->now);
}

static int send_msg(struct sim_ep *ep, enum quic_level level, u8 type, u32 body, bool params)
{
	u8 *msg = calloc(1, 4 + body + 2048);
	int len = 0, err;
	u32 i;

	if (params) {
		len = quic_conn_local_params(&ep->conn, msg + 6, 1024);
		WARN_ON(len <= 0);
		WARN_ON(quic_tparam_decode(&ep->said, ep->server, msg + 6, len));
		put_unaligned_be16(len, msg + 4);
		len += 2;
	}
	body = max_t(u32, body, len);
	for (i = len; i < body; i++)
		msg[4 + i] = i * 7 + type;
	msg[0] = type;
	put_unaligned_be24(body, msg + 1);
	err = quic_conn_crypto_send(&ep->conn, level, msg, 4 + body);
	free(msg);
	return err;
}

/* The body of the next message of @level, if it is all there. */
static const u8 *next_msg(struct sim_ep *ep, enum quic_level level, u8 type, u32 *len)
{
	struct sim_tls *t = &ep->tls;
	const u8 *p;
	u32 left = t->in_len[level] - t->in_used[level], i, from = 0;

	if (left < 4)
		return NULL;
	p = t->in[level] + t->in_used[level];
	*len = get_unaligned_be24(p + 1);
	WARN_ON(p[0] != type && !ep->sim->hostile);
	if (left < 4 + *len)
		return NULL;
	if (ep->sim->hostile)
		return p + 4;
	if (type == CH || type == FLIGHT)
		from = 2 + get_unaligned_be16(p + 4);
	for (i = from; i < *len; i++)
		WARN_ON(p[4 + i] != (u8)(i * 7 + type));
	return p + 4;
}

static int take(struct sim_ep *ep, enum quic_level level, u8 type, bool params)
{
	const u8 *p;
	u32 len;
	int err = 0;

	p = next_msg(ep, level, type, &len);
	if (!p)
		return -EAGAIN;
	if (params && (len < 2 || get_unaligned_be16(p) > len - 2))
		return -EPROTO;
	if (params)
		err = quic_conn_remote_params(&ep->conn, p + 2, get_unaligned_be16(p), ep->sim->now);
	if (!err)
		ep->tls.in_used[level] += 4 + len;
	return err;
}

void sim_tls_early(struct sim_ep *ep)
{
	const struct sim_cfg *cfg = &ep->sim->cfg;

	if (!cfg->early)
		return;
	WARN_ON(quic_early_remember(&ep->conn, cfg->remembered ? cfg->remembered :
				    &ep->peer->conn.local));
	WARN_ON(install(ep, QUIC_LEVEL_EARLY, true));
	ep->tls.early = true;
}

/* The server's answer is in its flight. */
static int hear_verdict(struct sim_ep *ep)
{
	enum sim_early early = ep->sim->cfg.early;

	/* The second ClientHello of a client that had to change the version has no ticket. */
	if (!early || early == SIM_EARLY_REJECT_UNTOLD || ep->conn.vn_acted)
		return 0;
	return quic_early_verdict(&ep->conn, early == SIM_EARLY_ACCEPT, ep->sim->now);
}

static int server_step(struct sim_ep *ep)
{
	const struct sim_cfg *cfg = &ep->sim->cfg;
	int err;

	if (ep->tls.step == 1 && cfg->early == SIM_EARLY_ACCEPT && !ep->tls.early &&
	    !ep->peer->conn.vn_acted) {
		err = install(ep, QUIC_LEVEL_EARLY, false);
		ep->tls.early = !err;
		if (err)
			return err;
	}
	switch (ep->tls.step) {
	case 0:
		return take(ep, QUIC_LEVEL_INITIAL, CH, true);
	case 1:
		return send_msg(ep, QUIC_LEVEL_INITIAL, SH, SH_LEN - 4, false);
	case 2:
		return install(ep, QUIC_LEVEL_HANDSHAKE, true);
	case 3:
		return install(ep, QUIC_LEVEL_HANDSHAKE, false);
	case 4:
		return send_msg(ep, QUIC_LEVEL_HANDSHAKE, FLIGHT, cfg->flight_len, true);
	case 5:
		return send_msg(ep, QUIC_LEVEL_HANDSHAKE, FIN, FIN_LEN - 4, false);
	case 6:
		return install(ep, QUIC_LEVEL_APP, true);
	case 7:
		return take(ep, QUIC_LEVEL_HANDSHAKE, FIN, false);
	case 8:
		return install(ep, QUIC_LEVEL_APP, false);
	}
	if (ep->tls.step - 9 >= cfg->tickets)
		return -EAGAIN;
	err = send_msg(ep, QUIC_LEVEL_APP, TICKET, TICKET_LEN - 4, false);
	return err;
}

static int client_step(struct sim_ep *ep)
{
	const struct sim_cfg *cfg = &ep->sim->cfg;
	int err;

	switch (ep->tls.step) {
	case 0:
		return send_msg(ep, QUIC_LEVEL_INITIAL, CH, cfg->ch_len - 4, true);
	case 1:
		return take(ep, QUIC_LEVEL_INITIAL, SH, false);
	case 2:
		return install(ep, QUIC_LEVEL_HANDSHAKE, false);
	case 3:
		return install(ep, QUIC_LEVEL_HANDSHAKE, true);
	case 4:
		err = take(ep, QUIC_LEVEL_HANDSHAKE, FLIGHT, true);
		return err ? err : hear_verdict(ep);
	case 5:
		return take(ep, QUIC_LEVEL_HANDSHAKE, FIN, false);
	case 6:
		return send_msg(ep, QUIC_LEVEL_HANDSHAKE, FIN, FIN_LEN - 4, false);
	case 7:
		return install(ep, QUIC_LEVEL_APP, true);
	case 8:
		return install(ep, QUIC_LEVEL_APP, false);
	}
	err = take(ep, QUIC_LEVEL_APP, TICKET, false);
	if (!err)
		ep->tls.tickets++;
	return err;
}

static void retry(struct sim *s, void *arg)
{
	struct sim_ep *ep = arg;

	ep->tls.retry = false;
	sim_tls_step(ep);
	sim_pump(ep);
}

bool sim_tls_step(struct sim_ep *ep)
{
	bool any = false;
	int err;

	while (ep->live && ep->conn.state <= QUIC_CONN_ESTABLISHED && !ep->tls.retry) {
		err = ep->server ? server_step(ep) : client_step(ep);
		if (!err) {
			ep->tls.step++;
			any = true;
			continue;
		}
		if (err == -EAGAIN || err == -EPROTO)
			break;
		WARN_ON(!ep->sim->loose);
		ep->tls.retry = true;
		sim_at(ep->sim, ep->sim->now + MS(10), retry, ep);
	}
	return any;
}

static void later(struct sim *s, void *arg)
{
	sim_tls_step(arg);
	sim_pump(arg);
}

int sim_tls_crypto_data(struct sim_ep *ep, enum quic_level level, const u8 *data, u32 len)
{
	struct sim_tls *t = &ep->tls;

	t->in[level] = realloc(t->in[level], t->in_len[level] + len);
	memcpy(t->in[level] + t->in_len[level], data, len);
	t->in_len[level] += len;
	if (ep->sim->cfg.tls_delay)
		sim_at(ep->sim, ep->sim->now + ep->sim->cfg.tls_delay, later, ep);
	return 0;
}

void sim_tls_free(struct sim_ep *ep)
{
	unsigned int i;

	for (i = 0; i < QUIC_LEVELS; i++)
		free(ep->tls.in[i]);
	memset(&ep->tls, 0, sizeof(ep->tls));
}
