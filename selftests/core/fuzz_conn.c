// SPDX-License-Identifier: GPL-2.0
/*
 * A whole connection against a peer that says anything. The input is a list of
 * things that happen: packets with payloads of choice under the real keys of either
 * side, datagrams of any bytes, time, applications, outages, failing allocation. What
 * sim.h promises must hold, and in the end everything is given back.
 *
 * First byte: bit 0: start before the handshake, not after it; others: its shape. A server
 * that wants tokens: bits 0 and 7.
 * Then one byte of operation (low 4 bits; bit 7: which side), and its arguments.
 */
#include "fuzz.h"
#include "sim.h"

struct in {
	const u8 *p, *end;
};

static u8 take8(struct in *in)
{
	return in->p < in->end ? *in->p++ : 0;
}

static u16 take16(struct in *in)
{
	u16 hi = take8(in);

	return hi << 8 | take8(in);
}

/* Length and bytes, as a copy of exactly that size */
static u8 *take_bytes(struct in *in, u32 *len, u32 max)
{
	u8 *copy;

	*len = min_t(u32, min_t(u32, take16(in), max), in->end - in->p);
	copy = malloc(*len + !*len);
	memcpy(copy, in->p, *len);
	in->p += *len;
	return copy;
}

static void packet(struct sim_ep *from, enum quic_level level, struct in *in, bool odd)
{
	u64 pn = 0;
	u8 bits = 0, *payload;
	u32 len;

	if (odd) {
		pn = take16(in);
		bits = take8(in) & 0x1c;
	}
	payload = take_bytes(in, &len, 1400);
	if (!from->live || !from->peer->live || !quic_protect_can_send(&from->conn.prot, level)) {
		free(payload);
		return;
	}
	if (level == QUIC_LEVEL_HANDSHAKE && from->peer->server)
		from->peer->amp_over = true;
	if (odd)
		sim_inject_pn(from, level, pn, bits, payload, len);
	else
		sim_inject(from, level, payload, len);
	free(payload);
	sim_after(from->peer);
}

/* A Retry for the client, with a tag that is right; the input: ID and token */
static void retry(struct sim_ep *to, struct in *in)
{
	struct quic_conn *c = &to->conn;
	struct quic_packet h = {
		.version = c->version,
		.dcid = c->odcid.id, .dcid_len = c->odcid.len,
		.scid = to->cid[0].cid.id, .scid_len = to->cid[0].cid.len,
	};
	struct quic_cid scid = { .len = take8(in) % (QUIC_CID_MAX + 1) };
	u8 buf[1400], *token;
	u32 token_len;
	int len;

	memset(scid.id, take8(in), scid.len);
	token = take_bytes(in, &token_len, 1200);
	len = quic_retry_build(to->sim->cfg.crypto, &h, &scid, token, token_len, 0, buf, sizeof(buf));
	free(token);
	if (len > 0 && to->live) {
		to->amp_rx += len;
		sim_receive(to, buf, len);
		sim_after(to);
	}
}

static void datagram(struct sim_ep *to, struct in *in)
{
	u8 how = take8(in);
	bool ours = how & 1;
	u8 *buf;
	u32 len;

	if (how & 2) {
		retry(to, in);
		return;
	}
	buf = take_bytes(in, &len, 2000);
	if (ours && len > QUIC_CID_LEN)
		memcpy(buf + 1, to->cid[0].cid.id, QUIC_CID_LEN);
	if (to->live) {
		to->amp_rx += len;
		sim_receive(to, buf, len);
		sim_after(to);
	}
	free(buf);
}

static struct quic_stream *some_stream(struct sim_ep *ep, u8 n)
{
	struct sim_stream *st, *last = NULL;

	list_for_each_entry(st, &ep->streams, node) {
		last = st;
		if (!n--)
			break;
	}
	return last ? &last->qs : NULL;
}

static void application(struct sim_ep *ep, struct in *in)
{
	u8 what = take8(in), arg = take8(in);
	struct quic_stream *s = some_stream(ep, arg);
	struct quic_conn *c = &ep->conn;
	int err;

	if (!ep->live || c->state > QUIC_CONN_ESTABLISHED)
		return;
	switch (what % 10) {
	case 0:
	case 1:
		quic_stream_open(c, what % 10, &err);
		break;
	case 2:
		quic_stream_open_id(c, take16(in), &err);
		break;
	case 3:
	case 4:
		if (s)
			quic_stream_wrote(c, s, take16(in), what % 10 == 4);
		break;
	case 5:
		if (s)
			quic_stream_reset(c, s, arg);
		break;
	case 6:
		if (s)
			quic_stream_stop(c, s, arg);
		break;
	case 7:
		ep->no_read = arg & 1;
		break;
	case 8:
		if (s)
			quic_stream_reset_at(c, s, arg, take16(in));
		break;
	case 9:
		/* several, of the same length or not */
		for (err = 0; !err && arg--;)
			err = sim_datagram(ep, take16(in) % 1600);
		break;
	}
	sim_after(ep);
}

static void connection(struct sim_ep *ep, struct in *in)
{
	u8 what = take8(in);
	struct sim *s = ep->sim;

	if (!ep->live)
		return;
	switch (what % 8) {
	case 0:
		quic_conn_close(&ep->conn, what & 8, take16(in), what, &what, 1, s->now);
		break;
	case 1:
		quic_conn_key_update(&ep->conn, s->now);
		break;
	case 2:
		quic_conn_set_mtu(&ep->conn, take16(in), s->now);
		break;
	case 3:
		quic_conn_ping(&ep->conn);
		break;
	case 4:
		ep->link.down = !ep->link.down;
		break;
	case 5:
		ep->link.loss = what & 8 ? 300 : 0;
		ep->link.reorder = what & 16 ? 300 : 0;
		ep->link.reorder_by = MS(take8(in));
		break;
	case 6:
		ep->link.mtu = 1200 + take16(in) % 2000;
		break;
	case 7:
		s->loose = true;
		os_alloc_fail_after(1 + take8(in) % 32);
		sim_run(s, MS(5), NULL);
		os_alloc_fail_after(0);
		sim_run(s, MS(20), NULL);
		s->loose = false;
		break;
	}
	sim_pump(ep);
}

/* Addresses: a NAT that changes, a client that moves, packets that come from anywhere */
static void path(struct sim *s, struct in *in)
{
	static const u16 server[] = { SIM_SERVER, SIM_PREFERRED, 0x0308, SIM_SERVER };
	u8 what = take8(in), arg = take8(in);
	struct sim_way w = { 0x0500 | arg % 7, server[arg >> 6] };
	u8 *payload;
	u32 len;

	switch (what % 8) {
	case 0:
		s->nat_from = arg & 1 ? SIM_CLIENT : arg & 2 ? 0x0402 : 0;
		s->nat_to = 0x0600 | arg % 5;
		break;
	case 1:
		s->dark = arg % 8;
		break;
	case 2:
	case 3:
		if (s->c->live)
			sim_migrate(s, 0x0400 | arg % 5, server[arg >> 6], what & 8);
		break;
	case 4:
		if (s->c->live)
			quic_cid_renew(&s->ep[what >> 7].conn, arg % 16);
		break;
	case 5:
		if (s->c->live)
			quic_cid_use(&s->c->conn, arg % 16, arg >> 4, s->now);
		break;
	default:
		/* From the client's keys, by a way of choice */
		payload = take_bytes(in, &len, 1400);
		if (s->c->live && s->s->live &&
		    quic_protect_can_send(&s->c->conn.prot, QUIC_LEVEL_APP)) {
			sim_way_receive(s->s, &w, len + 30);
			s->strange = true;
			sim_inject(s->c, QUIC_LEVEL_APP, payload, len);
			s->strange = false;
			sim_after(s->s);
		}
		free(payload);
		return;
	}
	if (s->c->live)
		sim_after(s->c);
	if (s->s->live)
		sim_after(s->s);
}

/* A Version Negotiation packet that answers the client; the input: what it lists */
static void negotiation(struct sim_ep *to, struct in *in)
{
	struct quic_conn *c = &to->conn;
	const struct quic_cid *dcid = &c->cids.local[0].cid;
	struct quic_packet h = {
		.scid = dcid->id, .scid_len = dcid->len,
		.dcid = c->odcid.id, .dcid_len = c->odcid.len,
	};
	u8 what = take8(in), buf[200];
	const struct quic_versions list = {
		what % 3, { what & 0x10 ? QUIC_V1 : QUIC_V2, what & 0x20 ? QUIC_V1 : what },
	};
	int len = quic_packet_build_vn(buf, sizeof(buf), &h, &list, what * 0x01010101u);

	must(len > 0);
	if (to->live) {
		to->amp_rx += len;
		sim_receive(to, buf, len);
		sim_after(to);
	}
}

static void operation(struct sim *s, struct in *in)
{
	u8 op = take8(in);
	struct sim_ep *ep = &s->ep[op >> 7];

	switch (op & 0x0f) {
	case 0 ... 4:
		packet(ep, QUIC_LEVEL_APP, in, false);
		break;
	case 5:
		packet(ep, QUIC_LEVEL_INITIAL, in, false);
		break;
	case 6:
		packet(ep, QUIC_LEVEL_HANDSHAKE, in, false);
		break;
	case 7:
		packet(ep, op & 0x10 ? QUIC_LEVEL_HANDSHAKE : QUIC_LEVEL_APP, in, true);
		break;
	case 8:
		if (op & 0x40)
			negotiation(s->c, in);
		else
			datagram(ep, in);
		break;
	case 9:
		sim_run(s, MS(1) * take8(in), NULL);
		break;
	case 10:
		sim_run(s, SEC(1) * (take8(in) % 8), NULL);
		break;
	case 11:
	case 12:
		application(ep, in);
		break;
	case 13:
		path(s, in);
		break;
	default:
		connection(ep, in);
	}
}

/* Who begins with which version, and would rather have which: two bits and two. */
static void versions(struct sim_cfg *cfg, u8 how)
{
	static const u32 first[] = { QUIC_V1, QUIC_V2, 0x1a2a3a4a, 0 };
	unsigned int i;

	/* Most of the corpus was made when there was but one. */
	if ((how & 0xc0) != 0xc0)
		return;
	cfg->version = first[how & 3];
	for (i = 0; i < 2; i++)
		if (how & (i ? 16 : 4))
			quic_version_all(&cfg->versions[i], how & (i ? 32 : 8) ? QUIC_V2 : QUIC_V1);
	cfg->grease[0] = how & 1;
	cfg->grease[1] = how & 2;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct in in = { data, data + size };
	unsigned int ops = 0;
	struct sim_cfg cfg;
	struct sim *s;
	long live = os_alloc_live();
	u8 shape;

	if (size > 8192)
		return 0;
	shape = take8(&in);
	sim_config(&cfg);
	cfg.ch_len = shape & 2 ? 1700 : 300;
	cfg.flight_len = shape & 4 ? 9000 : 1000;
	cfg.mtu = shape & 8 ? 8952 : 1452;
	cfg.tls_delay = shape & 16 ? MS(3) : 0;
	cfg.apply_delay = shape & 16 ? MS(12) : 0;
	cfg.retry = (shape & 0x81) == 0x81;
	versions(&cfg, size ? data[size - 1] : 0);
	s = sim_new(&cfg);
	s->hostile = true;
	s->s->keep = shape & 32;
	s->s->conn.hs->has_preferred = shape & 8;
	s->s->conn.hs->preferred.port4 = 7;
	s->c->conn.local.max_streams_bidi = 8;
	s->s->conn.local.max_streams_uni = 8;
	s->c->conn.local.max_datagram_frame_size = 65535;
	s->s->conn.local.max_datagram_frame_size = shape & 128 ? 1000 : 65535;
	s->s->conn.local.max_data = shape & 64 ? 30000 : QUIC_DEF_CONN_WINDOW;
	must(!sim_connect(s));
	sim_run(s, shape & 1 ? 0 : MS(500), NULL);
	while (in.p < in.end && ops++ < 200)
		operation(s, &in);
	/* Whatever it came to, it ends. */
	os_alloc_fail_after(0);
	s->c->link.down = s->s->link.down = true;
	sim_run(s, SEC(400), NULL);
	must(s->c->conn.state == QUIC_CONN_CLOSED);
	must(!s->s->live || s->s->conn.state == QUIC_CONN_CLOSED);
	sim_free(s);
	must(os_alloc_live() == live);
	return 0;
}
