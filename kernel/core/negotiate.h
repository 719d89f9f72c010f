/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a connection comes to its version (RFC 9000, 6; RFC 9368; RFC 9369, 4).
 *
 * A server chooses once it knows the client's transport parameters. A client
 * sees the choice in the first Initial packet that opens; it holds such packets
 * until process context has made keys for their version. Version Negotiation
 * makes it start over, with a new ClientHello, from process context, too.
 */
#ifndef QUIC_CORE_NEGOTIATE_H
#define QUIC_CORE_NEGOTIATE_H

#include "conn.h"

void quic_negotiate_init(struct quic_conn *c, const struct quic_conn_config *cfg);

/* Keys for a packet of @level in @version: the level, QUIC_KEYS_ALT, or -1: none */
int quic_negotiate_keys(const struct quic_conn *c, enum quic_level level, u32 version);
/* Client: may the server have chosen @version? Then the packet is worth keeping. */
bool quic_negotiate_maybe(const struct quic_conn *c, u32 version);
/* An Initial packet of such a version is kept: QUIC_CEV_VERSION asks for its keys. */
void quic_negotiate_want(struct quic_conn *c, u32 version);
/* A packet was opened with QUIC_KEYS_ALT. */
void quic_negotiate_opened(struct quic_conn *c);
/* CRYPTO came in the version in use: the server has chosen that. */
void quic_negotiate_settle(struct quic_conn *c);

/* Client: a Version Negotiation packet came. */
void quic_negotiate_rx_vn(struct quic_conn *c, const struct quic_packet *h, const u8 *pkt,
			  u64 now);
/*
 * After QUIC_CEV_VERSION: make keys and open what waited for them, or start over in another
 * version (QUIC_CEV_RESTART); then pump. Process context. Return: 0 or errno: as if nothing came
 */
int quic_negotiate_apply(struct quic_conn *c, u64 now);

/* Our Version Information, for the parameters to be sent. */
void quic_negotiate_local(const struct quic_conn *c, struct quic_tparams *tp);
/*
 * The peer's; a server chooses the version now. Process context. Return: 0; -EPROTO: close with
 * VERSION_NEGOTIATION_ERROR; -ENOMEM, crypto's: to be tried again
 */
int quic_negotiate_params(struct quic_conn *c, const struct quic_tparams *tp);

#endif
