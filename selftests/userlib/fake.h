/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A stand-in for the kernel under libquic: socket pairs carry TLS messages with their level, socket
 * options are kept in a table, and what the library did can be looked at.
 */
#ifndef SELFTESTS_USERLIB_FAKE_H
#define SELFTESTS_USERLIB_FAKE_H

#include <stdbool.h>
#include <netinet/quic.h>
#include "sys.h"

#define FAKE_ENDPOINTS	64

struct fake_secret {
	bool set;
	struct quic_crypto_secret s;
};

struct fake_endpoint {
	struct fake_endpoint *other;
	int sd;
	bool server;
	uint8_t params[4000];		/* ours; length 0: none are offered */
	socklen_t params_len;
	uint8_t peer_params[4096];
	socklen_t peer_params_len;
	int params_err;			/* what writing the peer's gives */
	unsigned int params_writes;
	struct fake_secret secret[QUIC_CRYPTO_MAX][2];	/* [level][send] */
	int secret_err;
	struct quic_config config;
	struct quic_connection_close close;	/* ours */
	bool close_set;
	struct quic_connection_close peer_close;
	bool closed;
	char alpn[QUIC_ALPN_MAX + 1];
	uint8_t ticket_key[QUIC_TICKET_KEY_SIZE];
	uint8_t ticket[QUIC_TICKET_MAX];	/* client: last APP message */
	socklen_t ticket_len;
	uint8_t token[QUIC_TOKEN_MAX];
	socklen_t token_len;
	struct quic_transport_param tp, peer_tp;
	uint8_t first[2000];		/* the first message sent, as it was */
	size_t first_len;
	int verdict;			/* on 0-RTT: 0 none, 1 refused, 2 accepted */
	unsigned int sends, recvs, mores, orphans;	/* orphans: sent without a secret */
	unsigned int send_limit;	/* bytes a send takes at most; 0: all */
	unsigned int again;		/* this many sends give EAGAIN first */
};

extern const struct quic_sys fake_sys;
/* For steppers: options work, and whoever sends, receives or waits crashes. */
extern const struct quic_sys fake_sys_idle;
extern struct fake_endpoint fake_client, fake_server;

void fake_open(void);	/* a fresh pair: fake_client and fake_server */
/* One more pair, of a thread's own. */
void fake_pair(struct fake_endpoint *client, struct fake_endpoint *server);
void fake_pair_end(struct fake_endpoint *client, struct fake_endpoint *server);
void fake_close(struct fake_endpoint *ep);	/* as close(): the peer is told */
void fake_end(void);
/* A client's session of the caller's own, without a socket; NULL: no memory */
quic_session_t fake_session(void);

#endif /* SELFTESTS_USERLIB_FAKE_H */
