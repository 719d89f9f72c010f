// SPDX-License-Identifier: GPL-2.0
/* Lists of versions. All of them are short: RFC 9000 and RFC 9369 is all we speak. */
#include "version.h"

static const u32 all[] = { QUIC_V1, QUIC_V2 };

bool quic_version_known(u32 version)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i] == version)
			return true;
	return false;
}

bool quic_version_listed(const struct quic_versions *v, u32 version)
{
	unsigned int i;

	for (i = 0; i < v->n; i++)
		if (v->list[i] == version)
			return true;
	return false;
}

void quic_version_add(struct quic_versions *v, u32 version)
{
	if (v->n < QUIC_VERSIONS_MAX && !quic_version_listed(v, version))
		v->list[v->n++] = version;
}

void quic_version_join(struct quic_versions *v, const struct quic_versions *more)
{
	unsigned int i;

	for (i = 0; i < more->n; i++)
		quic_version_add(v, more->list[i]);
}

void quic_version_all(struct quic_versions *v, u32 best)
{
	unsigned int i;

	BUILD_BUG_ON(ARRAY_SIZE(all) > QUIC_VERSIONS_MAX);
	v->n = 0;
	if (quic_version_known(best))
		quic_version_add(v, best);
	for (i = 0; i < ARRAY_SIZE(all); i++)
		quic_version_add(v, all[i]);
}

u32 quic_version_select(const struct quic_versions *ours, const struct quic_versions *theirs)
{
	unsigned int i;

	for (i = 0; i < ours->n; i++)
		if (quic_version_listed(theirs, ours->list[i]))
			return ours->list[i];
	return 0;
}
