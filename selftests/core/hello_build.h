/* SPDX-License-Identifier: GPL-2.0 */
/* A ClientHello (RFC 8446, 4.1.2) with the protocols and of the size one wants. */
#ifndef SELFTESTS_CORE_HELLO_BUILD_H
#define SELFTESTS_CORE_HELLO_BUILD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint8_t *hello_be16(uint8_t *p, unsigned int v)
{
	*p++ = v >> 8;
	*p++ = v;
	return p;
}

/* An extension of @len bytes that are all 0 (padding: RFC 7685) */
static inline uint8_t *hello_padding(uint8_t *p, unsigned int len)
{
	p = hello_be16(hello_be16(p, 21), len);
	memset(p, 0, len);
	return p + len;
}

static inline uint8_t *hello_alpn(uint8_t *p, const char *alpns)
{
	uint8_t *ext = p, *q = p + 6;
	size_t n;

	for (; *alpns; alpns += n + (alpns[n] == ',')) {
		n = strcspn(alpns, ",");
		*q++ = n;
		memcpy(q, alpns, n);
		q += n;
	}
	hello_be16(hello_be16(hello_be16(ext, 16), q - ext - 4), q - ext - 6);
	return q;
}

/* @alpns: "a,b", NULL for none; @before, @after: bytes of padding around them. Return: length */
static inline size_t hello_build(uint8_t *buf, const char *alpns, unsigned int before,
				 unsigned int after)
{
	uint8_t *p = buf, *exts;

	*p++ = 1;
	p += 3;
	p = hello_be16(p, 0x303);
	memset(p, 0x5a, 32);
	p += 32;
	*p++ = 0;			/* session_id */
	p = hello_be16(hello_be16(p, 2), 0x1301);
	*p++ = 1;			/* compression methods: none */
	*p++ = 0;
	exts = p;
	p += 2;
	p = hello_be16(hello_be16(hello_be16(p, 43), 3), 0x0203);	/* supported_versions */
	*p++ = 4;
	if (before)
		p = hello_padding(p, before);
	if (alpns)
		p = hello_alpn(p, alpns);
	if (after)
		p = hello_padding(p, after);
	hello_be16(exts, p - exts - 2);
	buf[1] = (p - buf - 4) >> 16;
	hello_be16(buf + 2, (p - buf - 4) & 0xffff);
	return p - buf;
}

#endif
