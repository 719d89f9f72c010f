/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Versions and lists of them, best first. Pure functions; how a connection comes
 * to its version is negotiate.c.
 */
#ifndef QUIC_CORE_VERSION_H
#define QUIC_CORE_VERSION_H

#include "wire.h"

struct quic_versions {
	u8 n;
	u32 list[QUIC_VERSIONS_MAX];
};

/* One that exists to be refused: 0x?a?a?a?a. RFC 9000, 15 */
static inline bool quic_version_reserved(u32 version)
{
	return (version & 0x0f0f0f0fu) == 0x0a0a0a0au;
}

/* A reserved one, of @random's bits. */
static inline u32 quic_version_grease(u32 random)
{
	return (random & 0xf0f0f0f0u) | 0x0a0a0a0au;
}

/* Do we speak it? */
bool quic_version_known(u32 version);
bool quic_version_listed(const struct quic_versions *v, u32 version);
/* Put @version at the end, once. A list that is full, or has it, stays as it is. */
void quic_version_add(struct quic_versions *v, u32 version);
/* Add all of @more. */
void quic_version_join(struct quic_versions *v, const struct quic_versions *more);
/* All we know, @best first if it is one of them. */
void quic_version_all(struct quic_versions *v, u32 best);
/* The first of @ours that is one of @theirs; 0: none. */
u32 quic_version_select(const struct quic_versions *ours, const struct quic_versions *theirs);

#endif
