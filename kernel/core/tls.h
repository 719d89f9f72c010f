/* SPDX-License-Identifier: GPL-2.0 */
/* The little that QUIC itself has to know of TLS messages (RFC 8446, 4). */
#ifndef QUIC_CORE_TLS_H
#define QUIC_CORE_TLS_H

#include "wire.h"

#define QUIC_TLS_HEADER			4	/* type and 24-bit length */
#define QUIC_TLS_ALERT_DECODE		50

/* Is this whole NewSessionTicket one for QUIC? 0, or the error to close with. */
u64 quic_tls_ticket(const u8 *msg, u32 len);

#endif
