// SPDX-License-Identifier: GPL-2.0
/* Lists of application protocols. Names are bytes and compared as such (RFC 7301, 3.1). */
#include "alpn.h"

/* The name at *names and *len, which move behind it. Return: its length; 0 at the end */
static u32 next(const char **names, u32 *len, const char **name)
{
	const char *comma = *len ? memchr(*names, ',', *len) : NULL;
	u32 n = comma ? comma - *names : *len, used = comma ? n + 1 : n;

	*name = *names;
	*names += used;
	*len -= used;
	return n;
}

bool quic_alpn_valid(const char *names, u32 len)
{
	u32 i;

	if (!len || names[0] == ',' || names[len - 1] == ',' || memchr(names, 0, len))
		return false;
	for (i = 1; i < len; i++)
		if (names[i] == ',' && names[i - 1] == ',')
			return false;
	return true;
}

u32 quic_alpn_count(const char *names, u32 len)
{
	const char *name;
	u32 n = 0;

	while (next(&names, &len, &name))
		n++;
	return n;
}

static bool has(const char *names, u32 len, const void *wanted, u32 wanted_len)
{
	const char *name;
	u32 n;

	while ((n = next(&names, &len, &name)))
		if (n == wanted_len && !memcmp(name, wanted, n))
			return true;
	return false;
}

static bool all_of(const char *a, u32 a_len, const char *b, u32 b_len)
{
	const char *name;
	u32 n;

	while ((n = next(&a, &a_len, &name)))
		if (!has(b, b_len, name, n))
			return false;
	return true;
}

bool quic_alpn_same(const char *a, u32 a_len, const char *b, u32 b_len)
{
	return all_of(a, a_len, b, b_len) && all_of(b, b_len, a, a_len);
}

int quic_alpn_match(const u8 *offered, u32 offered_len, const char *names, u32 len)
{
	const u8 *p = offered, *end = offered + offered_len;
	int i;

	for (i = 0; p < end && *p < end - p; p += 1 + *p, i++)
		if (has(names, len, p + 1, *p))
			return i;
	return -1;
}
