// SPDX-License-Identifier: GPL-2.0
/* The drill's end: socket, IDs, keys. */
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../kselftest/pair.h"
#include "crypto_gnutls.h"
#include "peer.h"

static int udp_new(int family)
{
	struct sockaddr_storage a;
	socklen_t len = addr_loopback(&a, family, false, 0);
	int sd = socket(family, SOCK_DGRAM, 0), size = 4 << 20;

	if (sd < 0 || bind(sd, (void *)&a, len)) {
		perror("udp");
		abort();
	}
	setsockopt(sd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return sd;
}

void peer_new(struct peer *p, bool server, const struct way *way)
{
	static u8 serial;
	unsigned int i;

	memset(p, 0, sizeof(*p));
	p->server = server;
	p->way = way;
	p->suite = way->suite;
	p->version = way->version;
	p->pn_len = 4;
	p->sd = -1;
	p->listener = -1;
	p->udp = udp_new(way->family);
	serial++;
	/* long header packets to it are told apart by these */
	p->scid.len = 8;
	memset(p->scid.id, 0xd0, 8);
	p->scid.id[7] = serial;
	p->odcid.len = 10;
	memset(p->odcid.id, 0x0d, 10);
	p->odcid.id[0] = serial;
	p->odcid.id[1] = getpid();
	p->odcid.id[2] = p->udp;
	p->dcid = p->odcid;
	for (i = 0; i < QUIC_PNS_COUNT; i++) {
		quic_ranges_init(&p->rcvd[i]);
		quic_ranges_init(&p->heard.acks[i]);
	}
	forget(p);
	quic_protect_init(&p->prot, &quic_crypto_gnutls);
}

void peer_free(struct peer *p)
{
	unsigned int i;

	quic_protect_free(&p->prot);
	for (i = 0; i < QUIC_PNS_COUNT; i++) {
		quic_ranges_free(&p->rcvd[i]);
		quic_ranges_free(&p->heard.acks[i]);
	}
	close(p->udp);
}

void peer_move(struct peer *p)
{
	close(p->udp);
	p->udp = udp_new(p->way->family);
}

void peer_install(struct peer *p, unsigned int level)
{
	u8 secret[32];
	unsigned int send, i;

	for (send = 0; send < 2; send++) {
		u8 salt = p->server == send ? 2 : 1;	/* 1: what a client seals */

		if (level == QUIC_LEVEL_EARLY && p->server == send)
			continue;
		for (i = 0; i < sizeof(secret); i++)
			secret[i] = i * 3 + salt + level * 16;
		if (quic_protect_install(&p->prot, level, send, p->suite, secret, 32))
			peer_fail(p, "secret of level %u", level);
	}
}

void peer_next_keys(struct peer *p)
{
	/* Whatever came of the last one, this is news. */
	p->prot.update_unacked = false;
	p->prot.rx_prev_until = 0;
	if (quic_protect_prepare_update(&p->prot) ||
	    quic_protect_update(&p->prot, p->pn[QUIC_PNS_APP], 1, 1))
		peer_fail(p, "no next keys");
	p->phase = !p->phase;
}

void peer_fail(struct peer *p, const char *fmt, ...)
{
	va_list ap;

	if (p->judged)
		return;		/* the first reason counts */
	p->judged = true;
	va_start(ap, fmt);
	vsnprintf(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
}
