// SPDX-License-Identifier: GPL-2.0
/* Lists of application protocols. */
#include "test.h"
#include "alpn.h"

static void alpn_valid__cases(void **state)
{
	static const char * const good[] = { "h3", "h3,h2", "a", "smbd,h3,ksmbd", "a,b,c,d", " " };
	static const char * const bad[] = { "", ",", ",h3", "h3,", "h3,,h2", ",,", "a,b," };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(quic_alpn_valid(good[i], strlen(good[i])));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(quic_alpn_valid(bad[i], strlen(bad[i])));
	assert_false(quic_alpn_valid("h3\0x", 4));
	assert_true(quic_alpn_valid("h3,", 2));
}

static void alpn_count__names(void **state)
{
	assert_int_equal(quic_alpn_count(NULL, 0), 0);
	assert_int_equal(quic_alpn_count("h3", 2), 1);
	assert_int_equal(quic_alpn_count("h3,x,yy", 7), 3);
	assert_int_equal(quic_alpn_count("h3,x,yy", 4), 2);
}

static bool same(const char *a, const char *b)
{
	return quic_alpn_same(a, strlen(a), b, strlen(b));
}

static void alpn_same__sets(void **state)
{
	assert_true(same("", ""));
	assert_true(same("h3", "h3"));
	assert_true(same("h3,smb", "smb,h3"));
	assert_true(same("h3,h3", "h3"));
	assert_false(same("", "h3"));
	assert_false(same("h3", ""));
	assert_false(same("h3", "h3,smb"));
	assert_false(same("h3,smb", "h3"));
	assert_false(same("h3", "h31"));
	assert_false(same("H3", "h3"));
}

static int match(const char *offered, const char *names)
{
	u8 list[256];
	u32 n = 0, len;

	while (*offered) {
		len = strcspn(offered, ",");
		list[n++] = len;
		memcpy(list + n, offered, len);
		n += len;
		offered += len + (offered[len] == ',');
	}
	return quic_alpn_match(list, n, names, strlen(names));
}

/* The client's order counts (RFC 7301, 3.2 leaves it to the server). */
static void alpn_match__first_of_the_clients(void **state)
{
	assert_int_equal(match("h3", "h3"), 0);
	assert_int_equal(match("h3,smb", "smb,h3"), 0);
	assert_int_equal(match("x,y,smb", "smb,h3"), 2);
	assert_int_equal(match("h3", "h31,h"), -1);
	assert_int_equal(match("h31", "h3"), -1);
	assert_int_equal(match("", "h3"), -1);
	assert_int_equal(match("h3", ""), -1);
}

/* A length that leads beyond the list ends it. */
static void alpn_match__cut(void **state)
{
	static const u8 list[] = { 1, 'x', 5, 'h', '3' };
	u8 *copy = malloc(sizeof(list));

	memcpy(copy, list, sizeof(list));
	assert_int_equal(quic_alpn_match(copy, sizeof(list), "h3", 2), -1);
	free(copy);
}

static const struct CMUnitTest tests[] = {
	TEST(alpn_valid__cases),
	TEST(alpn_count__names),
	TEST(alpn_same__sets),
	TEST(alpn_match__first_of_the_clients),
	TEST(alpn_match__cut),
};

TEST_MAIN(tests)
