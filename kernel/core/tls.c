// SPDX-License-Identifier: GPL-2.0
/*
 * TLS messages after the handshake, and what a ClientHello offers. TLS itself is not here: its
 * library is gone by then, or not there yet.
 */
#include "tls.h"

#define EXT_ALPN	16
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

/* Names behind their lengths, none of them empty, at least one. */
static bool names_valid(const u8 *p, const u8 *end)
{
	if (p == end)
		return false;
	while (p < end)
		if (!*p || !skip_vector(&p, end, 1))
			return false;
	return true;
}

bool quic_tls_alpn(const u8 *msg, u32 len, const u8 **list, u32 *list_len)
{
	const u8 *p = msg, *end = msg + len, *at;

	*list = NULL;
	*list_len = 0;
	/* RFC 8446, 4.1.2: versions, random; session_id; cipher_suites; compression; extensions */
	if (!skip(&p, end, QUIC_TLS_HEADER + 34) || !skip_vector(&p, end, 1) ||
	    !skip_vector(&p, end, 2) || !skip_vector(&p, end, 1))
		return false;
	at = p + 2;
	if (!skip_vector(&p, end, 2) || p != end)
		return false;
	for (p = at; p < end;) {
		at = p;
		if (!skip(&p, end, 2) || !skip_vector(&p, end, 2))
			return false;
		if (get_unaligned_be16(at) != EXT_ALPN)
			continue;
		/* Once, and a list that fills it: RFC 8446, 4.2 */
		at += 4;
		if (*list || p - at < 2 || get_unaligned_be16(at) != p - at - 2 ||
		    !names_valid(at + 2, p))
			return false;
		*list = at + 2;
		*list_len = p - at - 2;
	}
	return true;
}
