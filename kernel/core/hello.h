/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ClientHello of a connection attempt, before there is a connection: for a server that has to
 * know what protocols the client offers (RFC 7301) before it knows whose the connection is.
 *
 * Initial packets come in any order, and the ClientHello in any pieces (RFC 9000, 7.5). Nothing is
 * answered and nobody is accused: what is wrong with an attempt the connection finds out again.
 */
#ifndef QUIC_CORE_HELLO_H
#define QUIC_CORE_HELLO_H

#include "protect.h"
#include "ranges.h"

#define QUIC_HELLO_MAX	16384	/* longest ClientHello that is looked at, bytes */

struct quic_hello {
	struct quic_protect prot;
	struct quic_cid dcid;
	u32 version;
	s64 largest;		/* packet number opened; -1: none */
	struct quic_ranges got;	/* what of the CRYPTO stream is in text */
	u8 *text;
	u32 cap;
};

/* What can be said of it. */
enum quic_hello_state {
	QUIC_HELLO_PART,	/* more has to come */
	QUIC_HELLO_OFFERS,	/* offers protocols */
	QUIC_HELLO_NO_ALPN,	/* whole, and offers none */
	QUIC_HELLO_BAD,		/* no ClientHello, or none that TLS would take */
};

/* @dcid: of the first Initial packet. Process context. Return: 0, -EINVAL (version), -ENOMEM */
int quic_hello_init(struct quic_hello *h, const struct quic_crypto_ops *ops, u32 version,
		    const struct quic_cid *dcid);
void quic_hello_free(struct quic_hello *h);
/*
 * Take the Initial packets of a datagram, which is only read. @room: as many bytes as it has, for
 * crypto to write to. Process context. Return: false if there is nothing in it that did not come
 * before
 */
bool quic_hello_datagram(struct quic_hello *h, const u8 *buf, u32 len, u8 *room);
/* A packet opened: there is somebody who means it. */
bool quic_hello_opened(const struct quic_hello *h);
/* With OFFERS: *list is what ALPN's ProtocolNameList holds, checked: names behind their lengths */
enum quic_hello_state quic_hello_state(struct quic_hello *h, const u8 **list, u32 *len);

#endif
