/* SPDX-License-Identifier: GPL-2.0 */
/* Whole handshakes, client and server in a thread each, over the stand-in kernel. */
#ifndef SELFTESTS_USERLIB_SIDE_H
#define SELFTESTS_USERLIB_SIDE_H

#include "fake.h"
#include "tls.h"

#define ALERT(n)	(QUIC_TRANSPORT_ERROR_CRYPTO + (n))
#define CERT(name)	.cert_file = CERTS "/" name ".pem", .pkey_file = CERTS "/" name ".key"

struct side {
	struct fake_endpoint *ep;
	struct quic_handshake_opts opts;
	char errbuf[400];
	int err;
};

void *side_run(void *side);	/* to its end; a failure closes */
void both_run(struct side *client, struct side *server);
/* What every good handshake must have done; cipher: TLS_CIPHER_*, 0: any */
void assert_established(struct side *client, struct side *server, uint32_t cipher);

/* cmocka's: fake_open() and fake_end() around each test, and nothing on the terminal. */
int side_setup(void **state);
int side_teardown(void **state);
void be_silent(int level, const char *msg);

#define T(name)	cmocka_unit_test_setup_teardown(name, side_setup, side_teardown)

#endif /* SELFTESTS_USERLIB_SIDE_H */
