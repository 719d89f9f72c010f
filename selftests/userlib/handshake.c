// SPDX-License-Identifier: GPL-2.0
/* Whole handshakes, client and server in a thread each, over the stand-in kernel. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <linux/tls.h>
#include <cmocka.h>
#include "side.h"

static void alpn__mismatch(void **state)
{
	struct side c = { .opts = { .alpns = "h3", .hostname = "quic.test",
				    .ca_file = CERTS "/ca.pem" } };
	struct side s = { .opts = { .alpns = "hq-interop", CERT("server") } };

	(void)state;
	both_run(&c, &s);
	assert_int_equal(s.err, -EPROTONOSUPPORT);
	assert_int_equal(fake_server.close.errcode, ALERT(120));
	assert_int_equal(c.err, -EPROTONOSUPPORT);
	assert_non_null(strstr(c.errbuf, "alert 120"));
}

/* Protocols on one side only: no agreement either (RFC 9001, 8.1). */
static void alpn__client_only(void **state)
{
	struct side c = { .opts = { .alpns = "h3", .hostname = "quic.test",
				    .ca_file = CERTS "/ca.pem" } };
	struct side s = { .opts = { CERT("server") } };

	(void)state;
	both_run(&c, &s);
	assert_int_equal(c.err, -EPROTONOSUPPORT);
	assert_int_equal(fake_client.close.errcode, ALERT(120));
}

static void alpn__server_only(void **state)
{
	struct side c = { .opts = { .hostname = "quic.test", .ca_file = CERTS "/ca.pem" } };
	struct side s = { .opts = { .alpns = "h3", CERT("server") } };

	(void)state;
	both_run(&c, &s);
	assert_int_equal(s.err, -EPROTONOSUPPORT);
	assert_int_equal(fake_server.close.errcode, ALERT(120));
}

static void alpn__none(void **state)
{
	struct side c = { .opts = { .hostname = "quic.test", .ca_file = CERTS "/ca.pem" } };
	struct side s = { .opts = { CERT("server") } };

	(void)state;
	both_run(&c, &s);
	assert_established(&c, &s, 0);
}

static void alpn__of_the_socket(void **state)
{
	struct side c = { .opts = { .hostname = "quic.test", .ca_file = CERTS "/ca.pem" } };
	struct side s = { .opts = { CERT("server") } };

	(void)state;
	strcpy(fake_client.alpn, "sample,other");
	strcpy(fake_server.alpn, "other");
	both_run(&c, &s);
	assert_established(&c, &s, 0);
	assert_string_equal(fake_client.alpn, "other");
}

static void alpn__malformed(void **state)
{
	static const char *const lists[] = { "", ",", "a,", ",a", "a,,b" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct quic_handshake_opts opts = { .size = sizeof(opts), .alpns = lists[i],
						    .hostname = "a", .ca_file = CERTS "/ca.pem" };

		assert_int_equal(quic_simple_handshake(fake_client.sd, &fake_sys, false, &opts),
				 -EINVAL);
	}
}

static void psk__known(void **state)
{
	struct side c = { .opts = { .alpns = "x", .psk_file = CERTS "/psk.txt" } };
	struct side s = { .opts = { .alpns = "x", .psk_file = CERTS "/psk.txt" } };

	(void)state;
	both_run(&c, &s);
	assert_established(&c, &s, 0);
}

static void psk__wrong_key(void **state)
{
	struct side c = { .opts = { .alpns = "x", .psk_file = CERTS "/psk-wrong.txt" } };
	struct side s = { .opts = { .alpns = "x", .psk_file = CERTS "/psk.txt" } };

	(void)state;
	both_run(&c, &s);
	assert_true(s.err < 0 && c.err < 0);
	assert_true(fake_server.close.errcode > ALERT(0) && fake_server.close.errcode <= ALERT(255));
}

static void text_file(char *name, const char *text)
{
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Both sides read the file alike: carriage returns, blanks, comments, colons in names. */
static void psk__file_as_people_write_it(void **state)
{
	char name[] = "/tmp/quic-psk-XXXXXX";
	struct side c = { .opts = { .alpns = "x", .psk_file = name } };
	struct side s = { .opts = { .alpns = "x", .psk_file = name } };
	static const char *const who[] = { "bob", "urn:carol" };
	size_t i;

	(void)state;
	text_file(name, "# keys\r\n\r\n  bob:0011223344556677 \r\nurn:carol:8899aabbccddeeff\r\n");
	for (i = 0; i < 2; i++) {
		c.opts.psk_identity = who[i];
		both_run(&c, &s);
		assert_established(&c, &s, 0);
		fake_end();
		fake_open();
	}
	unlink(name);
}

/* A name the server does not know fails as a wrong key does, and says so to nobody's terminal. */
/* The administrator is told of it, not the first client who is in a later line. */
static void psk__mistyped(void **state)
{
	static const char lines[] = "alice:00112233\n# a comment: zz\n\nbob:0011zz\ncarol:0011\n";
	char name[] = "/tmp/quic-psk-XXXXXX", text[300] = "";
	struct quic_handshake_opts opts = { .size = sizeof(opts), .psk_file = name, .errbuf = text,
					    .errlen = sizeof(text) };
	int fd = mkstemp(name);
	struct quic_tls *tls;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, lines, strlen(lines)), strlen(lines));
	close(fd);
	assert_int_equal(quic_tls_new_server(&tls, &opts), -EINVAL);
	assert_non_null(strstr(text, "line 4"));
	unlink(name);
}

static void psk__unknown_name(void **state)
{
	char name[] = "/tmp/quic-psk-XXXXXX";
	struct side c = { .opts = { .alpns = "x", .psk_file = name } };
	struct side s = { .opts = { .alpns = "x", .psk_file = CERTS "/psk.txt" } };
	uint32_t unknown;

	(void)state;
	text_file(name, "mallory:0011223344556677\n");
	both_run(&c, &s);
	unlink(name);
	assert_true(s.err < 0 && c.err < 0);
	unknown = fake_server.close.errcode;
	assert_true(unknown > ALERT(0) && unknown <= ALERT(255));
	assert_null(strstr(s.errbuf, "mallory"));
	fake_end();
	fake_open();
	c.opts.psk_file = CERTS "/psk-wrong.txt";
	both_run(&c, &s);
	assert_int_equal(fake_server.close.errcode, unknown);
}

/* Someone without the key, but with a certificate everybody trusts, is not our server. */
static void psk__certificate_instead(void **state)
{
	struct side c = { .opts = { .alpns = "x", .psk_file = CERTS "/psk.txt" } };
	struct side s = { .opts = { .alpns = "x", CERT("server") } };

	(void)state;
	both_run(&c, &s);
	assert_true(c.err < 0);
	assert_false(fake_client.secret[QUIC_CRYPTO_APP][1].set);
}

static void cipher__wished(void **state)
{
	static const uint32_t ciphers[] = {
		TLS_CIPHER_AES_GCM_128, TLS_CIPHER_AES_GCM_256,
		TLS_CIPHER_AES_CCM_128, TLS_CIPHER_CHACHA20_POLY1305,
	};
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct side c = { .opts = { .alpns = "x", .hostname = "quic.test",
					    .ca_file = CERTS "/ca.pem" } };
		struct side s = { .opts = { .alpns = "x", CERT("server") } };

		fake_client.config.payload_cipher_type = ciphers[i];
		both_run(&c, &s);
		assert_established(&c, &s, ciphers[i]);
		fake_end();
		fake_open();
	}
}

/* The client's key share is not the server's group: HelloRetryRequest, two ClientHellos. */
static void retry__hello(void **state)
{
	struct side c = { .opts = { .alpns = "x", .hostname = "quic.test",
				    .ca_file = CERTS "/ca.pem",
				    .priority = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-SECP256R1:+GROUP-SECP384R1:%DISABLE_TLS13_COMPAT_MODE" } };
	struct side s = { .opts = { .alpns = "x", CERT("server"),
				    .priority = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-SECP384R1:%DISABLE_TLS13_COMPAT_MODE" } };

	(void)state;
	both_run(&c, &s);
	assert_established(&c, &s, 0);
	assert_int_equal(fake_server.params_writes, 1);
	assert_true(fake_client.sends >= 3);
}

static void params__refused_by_kernel(void **state)
{
	struct side c = { .opts = { .alpns = "x", .hostname = "quic.test",
				    .ca_file = CERTS "/ca.pem" } };
	struct side s = { .opts = { .alpns = "x", CERT("server") } };

	(void)state;
	fake_server.params_err = -EINVAL;
	both_run(&c, &s);
	assert_int_equal(s.err, -EPROTO);
	/* The kernel closes with TRANSPORT_PARAMETER_ERROR itself: no alert over that. */
	assert_false(fake_server.close_set);
}

/* As many as the kernel takes; unknown ones may be long (RFC 9000, 7.4.2). */
static void params__long(void **state)
{
	struct side c = { .opts = { .alpns = "x", .hostname = "quic.test",
				    .ca_file = CERTS "/ca.pem" } };
	struct side s = { .opts = { .alpns = "x", CERT("server") } };

	(void)state;
	memset(fake_client.params, 0xcc, sizeof(fake_client.params));
	fake_client.params_len = sizeof(fake_client.params);
	both_run(&c, &s);
	assert_established(&c, &s, 0);
}

/* Not the parameters' fault, nothing was said to the peer: an alert. */
static void params__no_memory(void **state)
{
	struct side c = { .opts = { .alpns = "x", .hostname = "quic.test",
				    .ca_file = CERTS "/ca.pem" } };
	struct side s = { .opts = { .alpns = "x", CERT("server") } };

	(void)state;
	fake_server.params_err = -ENOMEM;
	both_run(&c, &s);
	assert_int_equal(s.err, -ENOMEM);
	assert_true(fake_server.close_set);
}

static void secret__refused_by_kernel(void **state)
{
	struct side c = { .opts = { .alpns = "x", .hostname = "quic.test",
				    .ca_file = CERTS "/ca.pem" } };
	struct side s = { .opts = { .alpns = "x", CERT("server") } };

	(void)state;
	fake_client.secret_err = -ENOMEM;
	both_run(&c, &s);
	assert_int_equal(c.err, -ENOMEM);
	assert_int_equal(fake_client.close.errcode, ALERT(80));	/* internal_error */
}

static void peer__silent(void **state)
{
	struct side c = { .opts = { .alpns = "x", .hostname = "quic.test", .timeout_ms = 50,
				    .ca_file = CERTS "/ca.pem" }, .ep = &fake_client };

	(void)state;
	side_run(&c);
	assert_int_equal(c.err, -ETIMEDOUT);
}

static void peer__garbage(void **state)
{
	static const uint8_t junk[] = { QUIC_CRYPTO_INITIAL, 2, 0, 0, 4, 1, 2, 3, 4 };
	struct side c = { .opts = { .alpns = "x", .hostname = "quic.test",
				    .ca_file = CERTS "/ca.pem" }, .ep = &fake_client };

	(void)state;
	assert_int_equal(write(fake_server.sd, junk, sizeof(junk)), sizeof(junk));
	side_run(&c);
	assert_int_equal(c.err, -EPROTO);
	assert_true(fake_client.close.errcode > ALERT(0) && fake_client.close.errcode <= ALERT(255));
	assert_int_equal(fake_client.close.frame, 6);
}

static void peer__refuses_with_a_reason(void **state)
{
	struct side c = { .opts = { .alpns = "x", .hostname = "quic.test",
				    .ca_file = CERTS "/ca.pem" }, .ep = &fake_client };

	(void)state;
	fake_server.close.errcode = QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED;
	strcpy((char *)fake_server.close.phrase, "too busy");
	fake_close(&fake_server);
	side_run(&c);
	assert_int_equal(c.err, -ECONNABORTED);
	assert_non_null(strstr(c.errbuf, "too busy"));
}

/* A reason is the peer's to choose, our terminal is not. */
static void peer__reason_with_escapes(void **state)
{
	struct side c = { .opts = { .alpns = "x", .hostname = "quic.test",
				    .ca_file = CERTS "/ca.pem" }, .ep = &fake_client };

	(void)state;
	fake_server.close.errcode = QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED;
	memcpy(fake_server.close.phrase, "a\033[2Jb\nc\xc2\x9b\x37m\xc3\xbc", 15);
	fake_close(&fake_server);
	side_run(&c);
	assert_int_equal(c.err, -ECONNABORTED);
	assert_non_null(strstr(c.errbuf, "a?[2Jb?c?"));
	assert_null(strpbrk(c.errbuf, "\033\n"));
	assert_null(strstr(c.errbuf, "\xc2\x9b"));
	assert_non_null(strstr(c.errbuf, "\xc3\xbc"));
}

static void files__explained(void **state)
{
	static const struct {
		struct quic_handshake_opts opts;
		bool server;
		int err;
		const char *text;
	} cases[] = {
		{ { .ca_file = "/nonexistent" }, false, -ENOENT, "/nonexistent" },
		{ { .ca_file = CERTS "/ca.key" }, false, -EINVAL, "ca.key" },
		{ { .psk_file = "/nonexistent" }, false, -ENOENT, "/nonexistent" },
		{ { .psk_file = CERTS "/ca.pem" }, true, -EINVAL, "identity:" },
		{ { .psk_file = CERTS "/psk.txt", .psk_identity = "bob" }, false, -ENOENT, "bob" },
		{ { .cert_file = CERTS "/server.pem", .pkey_file = "/nonexistent" }, true, -ENOENT,
		  "/nonexistent" },
		{ { .cert_file = CERTS "/server.pem", .pkey_file = CERTS "/other.key" }, true,
		  -EINVAL, "does not belong" },
		{ { .cert_file = CERTS "/server.pem" }, true, -EINVAL, "no key" },
		{ { 0 }, true, -EINVAL, "needs a certificate" },
		{ { .flags = 0x8000 }, true, -EINVAL, "flags" },
	};
	char text[400];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct quic_handshake_opts opts = cases[i].opts;
		struct fake_endpoint *ep = cases[i].server ? &fake_server : &fake_client;

		opts.size = sizeof(opts);
		opts.errbuf = text;
		opts.errlen = sizeof(text);
		text[0] = 0;
		assert_int_equal(quic_simple_handshake(ep->sd, &fake_sys, cases[i].server, &opts),
				 cases[i].err);
		if (!strstr(text, cases[i].text))
			fail_msg("case %zu: \"%s\"", i, text);
	}
}

/* A pipe nobody reads: nobody waits for one who does, and nothing is lost but the log. */
static void keylog__pipe(void **state)
{
	struct side c = { .opts = { .alpns = "x", .hostname = "quic.test",
				    .ca_file = CERTS "/ca.pem" } };
	struct side s = { .opts = { .alpns = "x", CERT("server") } };
	const char *file = getenv("SSLKEYLOGFILE");

	(void)state;
	unlink(file);
	assert_int_equal(mkfifo(file, 0600), 0);
	both_run(&c, &s);
	assert_established(&c, &s, 0);
	unlink(file);
}

static void keylog__written(void **state)
{
	static const char *const labels[] = {
		"CLIENT_HANDSHAKE_TRAFFIC_SECRET ", "SERVER_HANDSHAKE_TRAFFIC_SECRET ",
		"CLIENT_TRAFFIC_SECRET_0 ", "SERVER_TRAFFIC_SECRET_0 ",
	};
	struct side c = { .opts = { .alpns = "x", .hostname = "quic.test",
				    .ca_file = CERTS "/ca.pem" } };
	struct side s = { .opts = { .alpns = "x", CERT("server") } };
	const char *file = getenv("SSLKEYLOGFILE");
	const uint8_t *secret;
	struct stat st;
	static char buf[1 << 18];
	char hex[65];
	size_t i, len;
	FILE *f;

	(void)state;
	assert_non_null(file);
	both_run(&c, &s);
	assert_established(&c, &s, 0);
	/* Made by the library, whatever the umask: nobody else reads it. */
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	f = fopen(file, "r");
	assert_non_null(f);
	len = fread(buf, 1, sizeof(buf) - 1, f);
	fclose(f);
	buf[len] = 0;
	for (i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		assert_non_null(strstr(buf, labels[i]));
	secret = fake_client.secret[QUIC_CRYPTO_APP][1].s.secret;
	for (i = 0; i < 32; i++)
		sprintf(hex + 2 * i, "%02x", secret[i]);
	assert_non_null(strstr(buf, hex));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(alpn__mismatch), T(alpn__client_only), T(alpn__server_only), T(alpn__none),
		T(alpn__of_the_socket), T(alpn__malformed),
		T(psk__known), T(psk__wrong_key), T(psk__certificate_instead),
		T(psk__file_as_people_write_it), T(psk__unknown_name), T(psk__mistyped),
		T(cipher__wished), T(retry__hello),
		T(params__refused_by_kernel), T(params__long), T(params__no_memory), T(secret__refused_by_kernel),
		T(peer__silent), T(peer__garbage), T(peer__refuses_with_a_reason), T(peer__reason_with_escapes),
		T(files__explained), T(keylog__pipe), T(keylog__written),
	};
	char keylog[] = "/tmp/quic-keylog-XXXXXX";
	int fd = mkstemp(keylog), ret;

	if (fd < 0)
		return 1;
	close(fd);
	unlink(keylog);
	umask(0);
	setenv("SSLKEYLOGFILE", keylog, 1);
	quic_set_log_func(be_silent);
	ret = cmocka_run_group_tests_name("libquic handshake", tests, NULL, NULL);
	unlink(keylog);
	return ret;
}
