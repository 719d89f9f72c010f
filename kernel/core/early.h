/* SPDX-License-Identifier: GPL-2.0 */
/*
 * 0-RTT (RFC 9001, 4.6 and 5.6; RFC 9000, 7.4.1): packets a client sends under keys and limits
 * of an earlier connection. They share the packet number space of 1-RTT packets; what is sent
 * in them is sent again in 1-RTT packets if the server refuses.
 *
 * Client:
 *	quic_early_remember()			the server's parameters of that connection
 *	quic_conn_install(EARLY, send)		stream data leaves, behind the ClientHello
 *	quic_early_verdict()			the server's parameters and answer are known
 *	quic_conn_install(APP, send)		no 0-RTT packet leaves any more
 * Server:
 *	quic_conn_install(EARLY, receive)	takes them, those that waited first; keys of
 *						HANDSHAKE without these refuse them
 */
#ifndef QUIC_CORE_EARLY_H
#define QUIC_CORE_EARLY_H

#include "wire.h"

struct quic_conn;
struct quic_terms;

enum quic_early_state {
	QUIC_EARLY_NONE,
	QUIC_EARLY_OFFERED,	/* client: keys or parameters are there; server: a packet came */
	QUIC_EARLY_ACCEPTED,	/* client: the server said so; server: keys are there */
	QUIC_EARLY_REJECTED,
};

/* The parameters that a server which accepts must not lower (RFC 9000, 7.4.1) */
struct quic_early_limits {
	u64 max_data, bidi_local, bidi_remote, uni, streams_bidi, streams_uni, cids, datagram;
};

struct quic_early_kept {		/* client */
	struct quic_early_limits before, after;
};

struct quic_early {
	u8 state;			/* enum quic_early_state */
	bool remembered;		/* client: kept->before is in force */
	bool heard;			/* client: kept->after is set, for 1-RTT packets */
	struct quic_early_kept *kept;	/* with remembered, and from then on */
	u64 end_pn;			/* client, rejected: packets below were 0-RTT */
	u64 until;			/* server: when the keys go, ns; U64_MAX: not yet */
};

void quic_early_init(struct quic_early *e);
void quic_early_free(struct quic_early *e);

/*
 * Client, before the server's parameters came: these are allowed until then. Values that must not
 * be remembered are ignored. 0, -EINVAL or -ENOMEM
 */
int quic_early_remember(struct quic_conn *c, const struct quic_terms *tp);
/*
 * Client: what the server made of 0-RTT, before 1-RTT keys to send. Accepted with lower limits:
 * PROTOCOL_VIOLATION, -EPROTO. Rejected: streams start over. -EINVAL: not asked, or too late
 */
int quic_early_verdict(struct quic_conn *c, bool accepted, u64 now);

/* --- inside the core --- */

/* Client: it starts over in another version, for which nothing remembered counts (RFC 9369, 5). */
void quic_early_abandon(struct quic_conn *c);

/* The level at which packets of the space of application data leave now. */
enum quic_level quic_early_level(const struct quic_conn *c);
/* The server's parameters came: those of the limits that wait for 1-RTT are kept back. */
void quic_early_heard(struct quic_conn *c);
/* Keys of @level were installed. */
void quic_early_installed(struct quic_conn *c, enum quic_level level, bool send);
/* A 1-RTT packet was opened. */
void quic_early_opened(struct quic_conn *c, u64 now);
/* Server: a 0-RTT packet before its keys: may they still come? */
bool quic_early_may_come(struct quic_conn *c);
/* The server acknowledges @from on: can that be? (RFC 9001, 4.6.2) */
bool quic_early_ack_ok(const struct quic_conn *c, u64 from);
void quic_early_timeout(struct quic_conn *c, u64 now);

#endif
