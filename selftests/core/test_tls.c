// SPDX-License-Identifier: GPL-2.0
/* TLS messages that come in 1-RTT packets. */
#include "test.h"
#include "tls.h"
#include "sim.h"

#define DECODE		(QUIC_ERR_CRYPTO + 50)

struct ticket {
	const char *name, *hex;
	u64 err;
};

/* lifetime 7200, age_add; nonce 00; ticket aabb; then extensions */
#define FRONT	"00001c20 01020304 01 00 0002aabb"

static const struct ticket tickets[] = {
	{ "no extensions", FRONT "0000", 0 },
	{ "0-RTT", FRONT "0008 002a0004ffffffff", 0 },
	{ "0-RTT behind an unknown one", FRONT "000d fafa0001 00 002a0004ffffffff", 0 },
	{ "a limit on 0-RTT (RFC 9001, 4.6.1)", FRONT "0008 002a000400004000",
	  QUIC_ERR_PROTOCOL_VIOLATION },
	{ "none of it", FRONT "0008 002a000400000000", QUIC_ERR_PROTOCOL_VIOLATION },
	{ "early_data without a value", FRONT "0004 002a0000", DECODE },
	{ "early_data too long", FRONT "0009 002a0005ffffffff00", DECODE },
	{ "extension cut short", FRONT "0007 002a0004ffffff", DECODE },
	{ "extensions cut short", FRONT "0009 002a0004ffffffff", DECODE },
	{ "something behind", FRONT "0000 00", DECODE },
	{ "no ticket", "00001c20 01020304 01 00", DECODE },
	{ "nonce too long", "00001c20 01020304 ff 00", DECODE },
	{ "ticket too long", "00001c20 01020304 01 00 ffffaabb", DECODE },
	{ "empty", "", DECODE },
};

static u32 from_hex(const char *hex, u8 *out)
{
	unsigned int v;
	u32 n = 0;

	for (; *hex; hex += 2) {
		while (*hex == ' ')
			hex++;
		if (sscanf(hex, "%2x", &v) != 1)
			break;
		out[n++] = v;
	}
	return n;
}

static void tls_ticket__cases(void **state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tickets); i++) {
		u8 buf[100];
		u32 len = from_hex(tickets[i].hex, buf + 4);
		u8 *msg = malloc(len + 4);
		u64 err;

		buf[0] = 4;
		put_unaligned_be24(len, buf + 1);
		memcpy(msg, buf, len + 4);
		err = quic_tls_ticket(msg, len + 4);
		if (err != tickets[i].err)
			fail_msg("%s: 0x%llx", tickets[i].name, (unsigned long long)err);
		free(msg);
	}
}

/* Whatever is cut off or changed, nothing beyond the message is read. */
static void tls_ticket__any_bytes(void **state)
{
	u8 buf[100];
	u32 full, len, i;

	full = 4 + from_hex(tickets[2].hex, buf + 4);
	for (len = 0; len <= full; len++) {
		for (i = 0; i < len * 8; i++) {
			u8 *msg = malloc(len);

			memcpy(msg, buf, len);
			msg[i / 8] ^= 1 << i % 8;
			quic_tls_ticket(msg, len);
			free(msg);
		}
	}
}

static const struct CMUnitTest tests[] = {
	TEST(tls_ticket__cases),
	TEST(tls_ticket__any_bytes),
};

TEST_MAIN(tests)
