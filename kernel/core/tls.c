// SPDX-License-Identifier: GPL-2.0
/*
 * TLS messages after the handshake. TLS itself is not here: its library is
 * gone by then, or not asked.
 */
#include "tls.h"

#define EXT_EARLY_DATA	42

/* Move *p over @n bytes. false: there are not that many */
static bool skip(const u8 **p, const u8 *end, u32 n)
{
	if ((size_t)(end - *p) < n)
		return false;
	*p += n;
	return true;
}

/* Move *p over a length of @bytes bytes and what it counts. */
static bool skip_vector(const u8 **p, const u8 *end, unsigned int bytes)
{
	const u8 *q = *p;
	u32 n = 0;

	if (!skip(p, end, bytes))
		return false;
	while (bytes--)
		n = n << 8 | *q++;
	return skip(p, end, n);
}

/* RFC 9001, 4.6.1: early_data says all or nothing. */
static u64 check_extensions(const u8 *p, const u8 *end)
{
	const u8 *at;

	while (p < end) {
		at = p;
		if (!skip(&p, end, 2) || !skip_vector(&p, end, 2))
			return QUIC_ERR_CRYPTO + QUIC_TLS_ALERT_DECODE;
		if (get_unaligned_be16(at) != EXT_EARLY_DATA)
			continue;
		if (p - at != 8)
			return QUIC_ERR_CRYPTO + QUIC_TLS_ALERT_DECODE;
		if (get_unaligned_be32(at + 4) != U32_MAX)
			return QUIC_ERR_PROTOCOL_VIOLATION;
	}
	return 0;
}

u64 quic_tls_ticket(const u8 *msg, u32 len)
{
	const u8 *p = msg, *end = msg + len, *ext;

	/* Header, ticket_lifetime, ticket_age_add; ticket_nonce; ticket: RFC 8446, 4.6.1 */
	if (!skip(&p, end, QUIC_TLS_HEADER + 8) || !skip_vector(&p, end, 1) ||
	    !skip_vector(&p, end, 2))
		return QUIC_ERR_CRYPTO + QUIC_TLS_ALERT_DECODE;
	ext = p + 2;
	if (!skip_vector(&p, end, 2) || p != end)
		return QUIC_ERR_CRYPTO + QUIC_TLS_ALERT_DECODE;
	return check_extensions(ext, end);
}
