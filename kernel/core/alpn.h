/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lists of application protocols: as sockets have them, names with commas between, none of them
 * empty (QUIC_SOCKOPT_ALPN); and as a ClientHello has them, each behind its length (RFC 7301, 3.1).
 */
#ifndef QUIC_CORE_ALPN_H
#define QUIC_CORE_ALPN_H

#include "os.h"

/* Is this a list as sockets have them? */
bool quic_alpn_valid(const char *names, u32 len);
/* How many are there? None in an empty list */
u32 quic_alpn_count(const char *names, u32 len);
/* The same names, in whatever order? */
bool quic_alpn_same(const char *a, u32 a_len, const char *b, u32 b_len);
/* Which of the client's, in its order, is the first that @names has? -1: none */
int quic_alpn_match(const u8 *offered, u32 offered_len, const char *names, u32 len);

#endif
