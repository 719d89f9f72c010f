/* SPDX-License-Identifier: GPL-2.0 */
/* The little that QUIC itself has to know of TLS messages (RFC 8446, 4). */
#ifndef QUIC_CORE_TLS_H
#define QUIC_CORE_TLS_H

#include "wire.h"

#define QUIC_TLS_HEADER			4	/* type and 24-bit length */
#define QUIC_TLS_CLIENT_HELLO		1
#define QUIC_TLS_ALERT_DECODE		50
#define QUIC_TLS_ALERT_NO_PROTOCOL	120	/* RFC 7301, 3.2 */

/* Is this whole NewSessionTicket one for QUIC? 0, or the error to close with. */
u64 quic_tls_ticket(const u8 *msg, u32 len);
/*
 * The protocols this whole ClientHello offers: what is in its ProtocolNameList (RFC 7301, 3.1),
 * *list NULL without. Return: false if it is malformed as far as that goes
 */
bool quic_tls_alpn(const u8 *msg, u32 len, const u8 **list, u32 *list_len);

#endif
