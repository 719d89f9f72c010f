// SPDX-License-Identifier: GPL-2.0
/* The kernel's end of a case, driven from the same process, and the way to it. */
#include <linux/tls.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest/pair.h"
#include "drill.h"

/* What the kernel offers: small, so that limits are near. */
static const struct quic_transport_param offer = {
	.max_data = KERN_DATA,
	.max_stream_data_bidi_local = KERN_STREAM,
	.max_stream_data_bidi_remote = KERN_STREAM,
	.max_stream_data_uni = KERN_STREAM,
	.max_streams_bidi = KERN_STREAMS,
	.max_streams_uni = KERN_STREAMS,
	.max_datagram_frame_size = KERN_DATAGRAM,
	.stateless_reset = 1,
};

static struct quic_transport_param offered(const struct peer *p)
{
	struct quic_transport_param tp = offer;

	if (p->kern_no_datagrams)
		tp.max_datagram_frame_size = 0;
	return tp;
}

static bool kern_listen(struct peer *p)
{
	struct quic_transport_param tp = offered(p);
	struct pair_opts o = { .family = p->way->family, .server = &tp, .server_config = p->config };

	p->listener = listen_any(&o, &p->to, &p->to_len);
	if (p->listener < 0)
		return false;
	return !quic_protect_initial(&p->prot, p->version, &p->odcid, false);
}

static bool kern_connect(struct peer *p)
{
	struct quic_config version = { .version = p->way->version };
	struct quic_transport_param tp = offered(p);
	u32 empty = p->kern_empty_cid;
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);

	p->sd = sock_new(p->way->family, 0);
	if (p->sd < 0 || getsockname(p->udp, (void *)&at, &len) ||
	    set_opt(p->sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, sizeof(tp)) ||
	    set_opt(p->sd, QUIC_SOCKOPT_CONFIG, &version, sizeof(version)) ||
	    (p->config && set_opt(p->sd, QUIC_SOCKOPT_CONFIG, p->config, sizeof(*p->config))) ||
	    set_opt(p->sd, QUIC_SOCKOPT_EMPTY_CID, &empty, sizeof(empty)) ||
	    connect(p->sd, (void *)&at, len))
		return false;
	set_timeo(p->sd, 3000);
	len = sizeof(at);
	if (getsockname(p->sd, (void *)&at, &len))
		return false;
	/* Ports are at the same place in both. */
	p->to_len = addr_loopback(&p->to, p->way->family, false,
				  ntohs(((struct sockaddr_in *)&at)->sin_port));
	if (kern_crypto(p, QUIC_LEVEL_INITIAL, 300))
		return false;
	p->mute = true;
	hear(p, 20);
	p->mute = false;
	return p->prot.rx[QUIC_LEVEL_INITIAL];
}

int kern_crypto(struct peer *p, unsigned int level, u32 len)
{
	static char text[20000];

	memset(text, 'k', sizeof(text));
	return send_level(p->sd, level, text, len, 0) == (ssize_t)len ? 0 : -1;
}

/* TLS at the kernel's end reads @len bytes of @level. */
static bool kern_reads(struct peer *p, unsigned int level, u32 len)
{
	char buf[512];
	uint8_t at;
	ssize_t n;

	for (; len; len -= n) {
		n = recv_level(p->sd, &at, buf, len);
		if (n <= 0 || at != level)
			return false;
	}
	return true;
}

u32 good_params(const struct peer *p, u8 *buf, u32 cap)
{
	struct quic_tparams tp;
	struct quic_terms *t = &tp.terms;
	int len;

	quic_tparam_defaults(&tp);
	t->max_data = 1 << 20;
	t->max_stream_data_bidi_local = 1 << 18;
	t->max_stream_data_bidi_remote = 1 << 18;
	t->max_stream_data_uni = 1 << 18;
	t->max_streams_bidi = 8;
	t->max_streams_uni = 8;
	t->max_datagram_frame_size = p->no_datagrams ? 0 : 1200;
	t->active_connection_id_limit = 4;
	t->max_idle_timeout = 60ull * NSEC_PER_SEC;
	tp.initial_scid = p->scid;
	tp.has_initial_scid = true;
	if (p->server) {
		tp.original_dcid = p->odcid;
		tp.has_original_dcid = true;
		memset(tp.reset_token, RESET_TOKEN, sizeof(tp.reset_token));
		t->has_reset_token = true;
	}
	len = quic_tparam_encode(&tp, p->server, 0, buf, cap);
	return len < 0 ? 0 : len;
}

int kern_params(struct peer *p)
{
	u8 buf[512];

	if (p->params)
		return set_opt(p->sd, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, p->params, p->params_len);
	return set_opt(p->sd, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, buf,
		       good_params(p, buf, sizeof(buf)));
}

bool kern_accept(struct peer *p)
{
	set_timeo(p->listener, 500);
	p->sd = accept(p->listener, NULL, NULL);
	if (p->sd < 0)
		return false;
	set_timeo(p->sd, 3000);
	return true;
}

static bool install(struct peer *p, unsigned int level)
{
	peer_install(p, level);
	/* salt 1: what a client seals */
	return !pair_secret(p->sd, level, 1, p->server ? 1 : 2, p->suite) &&
	       !pair_secret(p->sd, level, 0, p->server ? 2 : 1, p->suite);
}

bool shake_initial(struct peer *p)
{
	if (p->server) {
		SAY(p, QUIC_LEVEL_INITIAL, QUIC_FT_CRYPTO, 0, HELLO, BYTES(HELLO));
		hear(p, 20);
	} else {
		SAY(p, QUIC_LEVEL_INITIAL, QUIC_FT_CRYPTO, 0, HELLO, BYTES(HELLO));
		if (!kern_accept(p))
			return false;
	}
	return kern_reads(p, QUIC_LEVEL_INITIAL, HELLO);
}

static bool shake_handshake(struct peer *p)
{
	if (kern_params(p))
		return false;
	if (!p->server && kern_crypto(p, QUIC_LEVEL_INITIAL, HELLO))
		return false;
	hear(p, 20);
	return install(p, QUIC_LEVEL_HANDSHAKE);
}

static bool shake_confirmed(struct peer *p)
{
	if (!p->server && kern_crypto(p, QUIC_LEVEL_HANDSHAKE, HELLO))
		return false;
	hear(p, 20);
	SAY(p, QUIC_LEVEL_HANDSHAKE, QUIC_FT_CRYPTO, 0, HELLO, BYTES(HELLO));
	if (!kern_reads(p, QUIC_LEVEL_HANDSHAKE, HELLO) ||
	    (p->server && kern_crypto(p, QUIC_LEVEL_HANDSHAKE, HELLO)))
		return false;
	hear(p, 20);
	if (!install(p, QUIC_LEVEL_APP))
		return false;
	if (p->server)
		SAY(p, QUIC_LEVEL_APP, QUIC_FT_HANDSHAKE_DONE);
	/* Its IDs, its token, its search for an MTU */
	hear(p, 100);
	return p->server || p->heard.frame[QUIC_FT_HANDSHAKE_DONE];
}

bool shake(struct peer *p, enum stage stage)
{
	if (stage == NOTHING)
		return true;
	if (!shake_initial(p))
		return false;
	if (stage == INITIAL)
		return true;
	if (!shake_handshake(p))
		return false;
	return stage == HANDSHAKE || shake_confirmed(p);
}

bool begin(struct peer *p, enum stage stage)
{
	if (!(p->server ? kern_connect(p) : kern_listen(p)) || !shake(p, stage)) {
		peer_fail(p, "did not begin: %s%s", strerror(errno),
			  p->heard.closed ? ", closed" : "");
		return false;
	}
	forget(p);
	return true;
}

void end(struct peer *p)
{
	if (p->sd >= 0)
		close(p->sd);
	if (p->listener >= 0)
		close(p->listener);
}
