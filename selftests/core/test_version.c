// SPDX-License-Identifier: GPL-2.0
/* Lists of versions: RFC 9000, 15; RFC 9368, 2 */
#include "test.h"
#include "version.h"

static void reserved__pattern(void **state)
{
	u64 seed = 1;
	unsigned int i;

	assert_true(quic_version_reserved(0x0a0a0a0a));
	assert_true(quic_version_reserved(0xfafafafa));
	assert_true(quic_version_reserved(0x1a2a3a4a));
	assert_false(quic_version_reserved(QUIC_V1));
	assert_false(quic_version_reserved(QUIC_V2));
	assert_false(quic_version_reserved(0x1a2a3a4b));
	assert_false(quic_version_reserved(0));
	for (i = 0; i < 1000; i++) {
		u32 v = quic_version_grease(rnd(&seed));

		assert_true(quic_version_reserved(v));
		assert_false(quic_version_known(v));
	}
}

static void add__once_and_bounded(void **state)
{
	struct quic_versions v = { 0 };
	u32 i;

	quic_version_add(&v, QUIC_V2);
	quic_version_add(&v, QUIC_V2);
	assert_int_equal(v.n, 1);
	for (i = 2; i < 100; i++)
		quic_version_add(&v, i);
	assert_int_equal(v.n, QUIC_VERSIONS_MAX);
	assert_true(quic_version_listed(&v, QUIC_V2) && quic_version_listed(&v, 2));
	assert_false(quic_version_listed(&v, 99));
}

static void all__best_first(void **state)
{
	struct quic_versions v;

	quic_version_all(&v, QUIC_V2);
	assert_true(v.n == 2 && v.list[0] == QUIC_V2 && v.list[1] == QUIC_V1);
	quic_version_all(&v, QUIC_V1);
	assert_true(v.n == 2 && v.list[0] == QUIC_V1 && v.list[1] == QUIC_V2);
	/* what is none of ours is not put in */
	quic_version_all(&v, 0x1a2a3a4a);
	assert_true(v.n == 2 && v.list[0] == QUIC_V1 && v.list[1] == QUIC_V2);
}

static void select__ours_decides(void **state)
{
	const struct quic_versions v12 = { 2, { QUIC_V1, QUIC_V2 } };
	const struct quic_versions v21 = { 2, { QUIC_V2, QUIC_V1 } };
	const struct quic_versions v1 = { 1, { QUIC_V1 } }, v2 = { 1, { QUIC_V2 } }, none = { 0 };

	assert_int_equal(quic_version_select(&v12, &v21), QUIC_V1);
	assert_int_equal(quic_version_select(&v21, &v12), QUIC_V2);
	assert_int_equal(quic_version_select(&v21, &v1), QUIC_V1);
	assert_int_equal(quic_version_select(&v1, &v2), 0);
	assert_int_equal(quic_version_select(&v12, &none), 0);
	assert_int_equal(quic_version_select(&none, &v12), 0);
}

static const struct CMUnitTest tests[] = {
	TEST(reserved__pattern),
	TEST(add__once_and_bounded),
	TEST(all__best_first),
	TEST(select__ours_decides),
};

TEST_MAIN(tests)
