// SPDX-License-Identifier: GPL-2.0
/* Whose certificate is good for whom, over the stand-in kernel. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "side.h"

static void certificate__name(void **state)
{
	struct side c = { .opts = { .alpns = "hq-interop", .hostname = "quic.test",
				    .ca_file = CERTS "/ca.pem" } };
	struct side s = { .opts = { .alpns = "h3,hq-interop", CERT("server") } };

	(void)state;
	both_run(&c, &s);
	assert_established(&c, &s, 0);
	/* Both kernels hear which protocol it became. */
	assert_string_equal(fake_client.alpn, "hq-interop");
	assert_string_equal(fake_server.alpn, "hq-interop");
	/* ServerHello and what follows on the next level share a datagram. */
	assert_true(fake_server.mores >= 1);
}

static void certificate__long_chain(void **state)
{
	struct side c = { .opts = { .alpns = "x", .hostname = "localhost",
				    .ca_file = CERTS "/ca.pem" } };
	struct side s = { .opts = { .alpns = "x", CERT("chain") } };

	(void)state;
	fake_server.send_limit = 700;
	fake_server.again = 3;
	both_run(&c, &s);
	assert_established(&c, &s, 0);
	assert_true(fake_server.sends > 5);
}

static void certificate__address_by_default(void **state)
{
	struct side c = { .opts = { .alpns = "x", .ca_file = CERTS "/ca.pem" } };
	struct side s = { .opts = { .alpns = "x", CERT("server") } };

	(void)state;
	both_run(&c, &s);	/* the stand-in's peer is 127.0.0.1 */
	assert_established(&c, &s, 0);
}

static void certificate__address_not_in_it(void **state)
{
	struct side c = { .opts = { .alpns = "x", .ca_file = CERTS "/ca.pem" } };
	struct side s = { .opts = { .alpns = "x", CERT("other") } };

	(void)state;
	both_run(&c, &s);
	assert_int_equal(c.err, -EKEYREJECTED);
}

static void certificate__wrong_name(void **state)
{
	struct side c = { .opts = { .alpns = "x", .hostname = "quic.test",
				    .ca_file = CERTS "/ca.pem" } };
	struct side s = { .opts = { .alpns = "x", CERT("other") } };

	(void)state;
	both_run(&c, &s);
	assert_int_equal(c.err, -EKEYREJECTED);
	assert_non_null(strstr(c.errbuf, "quic.test"));
	assert_true(fake_client.close_set);
	assert_int_equal(fake_client.close.frame, 6);
	assert_int_equal(fake_client.close.errcode, ALERT(42));	/* bad_certificate */
	assert_false(fake_client.secret[QUIC_CRYPTO_APP][1].set);
	/* The server hears it, and says so. */
	assert_int_equal(s.err, -ECONNABORTED);
	assert_non_null(strstr(s.errbuf, "alert 42"));
	assert_false(fake_server.close_set);
}

/* What is no name is not verified by halves: to OpenSSL some of these stand for any, or for many. */
static void certificate__no_name(void **state)
{
	static const char *const names[] = { "", ".", ".test", "%lo", "%:", "%lo::1" };
	struct quic_handshake_opts opts = { .size = sizeof(opts), .alpns = "x",
					    .ca_file = CERTS "/ca.pem" };
	quic_session_t session;
	struct quic_tls *tls;
	size_t i;

	(void)state;
	assert_int_equal(quic_tls_new_client(&tls, &opts), 0);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(quic_tls_session_sys(tls, fake_client.sd, &fake_sys, names[i],
						      &session), -EINVAL);
		assert_null(session);
	}
	quic_tls_free(tls);
}

static void certificate__untrusted(void **state)
{
	struct side c = { .opts = { .alpns = "x", .hostname = "quic.test",
				    .ca_file = CERTS "/ca.pem" } };
	struct side s = { .opts = { .alpns = "x", CERT("rogue") } };

	(void)state;
	both_run(&c, &s);
	assert_int_equal(c.err, -EKEYREJECTED);
	assert_int_equal(s.err, -ECONNABORTED);
}

/* Without a ca_file it is the system that trusts, and it does not know our authority. */
static void certificate__system_authorities(void **state)
{
	struct side c = { .opts = { .alpns = "x", .hostname = "quic.test" } };
	struct side s = { .opts = { .alpns = "x", CERT("server") } };

	(void)state;
	both_run(&c, &s);
	assert_int_equal(c.err, -EKEYREJECTED);
}

static void certificate__authorities_of_environment(void **state)
{
	struct side c = { .opts = { .alpns = "x", .hostname = "quic.test" } };
	struct side s = { .opts = { .alpns = "x", CERT("server") } };

	(void)state;
	setenv("SSL_CERT_FILE", CERTS "/ca.pem", 1);
	both_run(&c, &s);
	unsetenv("SSL_CERT_FILE");
	assert_established(&c, &s, 0);
}

static void certificate__expired(void **state)
{
	struct side c = { .opts = { .alpns = "x", .hostname = "quic.test",
				    .ca_file = CERTS "/ca.pem" } };
	struct side s = { .opts = { .alpns = "x", CERT("expired") } };

	(void)state;
	both_run(&c, &s);
	assert_int_equal(c.err, -EKEYEXPIRED);
	assert_int_equal(s.err, -ECONNABORTED);
}

/* A certificate that is good for clients only is not a server's. */
static void certificate__wrong_purpose(void **state)
{
	struct side c = { .opts = { .alpns = "x", .hostname = "client.test",
				    .ca_file = CERTS "/ca.pem" } };
	struct side s = { .opts = { .alpns = "x", CERT("client") } };

	(void)state;
	both_run(&c, &s);
	assert_int_equal(c.err, -EKEYREJECTED);
}

static void certificate__insecure(void **state)
{
	struct side c = { .opts = { .alpns = "x", .hostname = "nobody.test",
				    .flags = QUIC_HANDSHAKE_INSECURE } };
	struct side s = { .opts = { .alpns = "x", CERT("rogue") } };

	(void)state;
	both_run(&c, &s);
	assert_established(&c, &s, 0);
}

static void client_certificate__required(void **state)
{
	struct side c = { .opts = { .alpns = "x", .hostname = "quic.test",
				    .ca_file = CERTS "/ca.pem", CERT("client") } };
	struct side s = { .opts = { .alpns = "x", .ca_file = CERTS "/ca.pem", CERT("server"),
				    .flags = QUIC_HANDSHAKE_CERT_REQUIRE } };

	(void)state;
	both_run(&c, &s);
	assert_established(&c, &s, 0);
}

static void client_certificate__missing(void **state)
{
	struct side c = { .opts = { .alpns = "x", .hostname = "quic.test",
				    .ca_file = CERTS "/ca.pem" } };
	struct side s = { .opts = { .alpns = "x", .ca_file = CERTS "/ca.pem", CERT("server"),
				    .flags = QUIC_HANDSHAKE_CERT_REQUIRE } };

	(void)state;
	both_run(&c, &s);
	/* The client may be through before it is refused; the server is never. */
	assert_true(s.err < 0);
	assert_int_equal(fake_server.close.errcode, ALERT(116));	/* certificate_required */
}

/* Asked for, not insisted on: none is as good as a good one; a bad one is not. */
static void client_certificate__asked_for(void **state)
{
	static const struct {
		const char *cert, *key;
		bool good;
	} cases[] = {
		{ NULL, NULL, true },
		{ CERTS "/client.pem", CERTS "/client.key", true },
		{ CERTS "/server.pem", CERTS "/server.key", false },	/* not for clients */
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct side c = { .opts = { .alpns = "x", .hostname = "quic.test",
					    .ca_file = CERTS "/ca.pem", .cert_file = cases[i].cert,
					    .pkey_file = cases[i].key } };
		struct side s = { .opts = { .alpns = "x", .ca_file = CERTS "/ca.pem",
					    .flags = QUIC_HANDSHAKE_CERT_REQUEST, CERT("server") } };

		both_run(&c, &s);
		if (cases[i].good)
			assert_established(&c, &s, 0);
		else
			assert_int_equal(s.err, -EKEYREJECTED);
		fake_end();
		fake_open();
	}
}

/* Whose authorities? Those of the web would let everybody in. */
static void client_certificate__of_whom(void **state)
{
	struct quic_handshake_opts opts = { .size = sizeof(opts), .alpns = "x", CERT("server") };
	struct quic_tls *tls;
	char text[200] = "";

	(void)state;
	opts.errbuf = text;
	opts.errlen = sizeof(text);
	opts.flags = QUIC_HANDSHAKE_CERT_REQUIRE;
	assert_int_equal(quic_tls_new_server(&tls, &opts), -EINVAL);
	assert_null(tls);
	assert_non_null(strstr(text, "ca_file"));
	opts.flags = QUIC_HANDSHAKE_CERT_REQUEST;
	assert_int_equal(quic_tls_new_server(&tls, &opts), -EINVAL);
	opts.ca_file = CERTS "/ca.pem";
	assert_int_equal(quic_tls_new_server(&tls, &opts), 0);
	quic_tls_free(tls);
}

/* QUIC_SOCKOPT_CONFIG says so, the caller did not. */
static void client_certificate__by_option(void **state)
{
	struct side c = { .opts = { .alpns = "x", .hostname = "quic.test",
				    .ca_file = CERTS "/ca.pem", CERT("client") } };
	struct side s = { .opts = { .alpns = "x", .ca_file = CERTS "/ca.pem", CERT("server") } };

	(void)state;
	fake_server.config.certificate_request = 2;
	both_run(&c, &s);
	assert_established(&c, &s, 0);
	fake_end();
	fake_open();
	fake_server.config.certificate_request = 2;
	c.opts.cert_file = NULL;
	c.opts.pkey_file = NULL;
	both_run(&c, &s);
	assert_true(s.err < 0);
}

/* --- the server chooses by the name asked for (RFC 6066, 3) --- */

struct vhost {
	const struct quic_tls *quic_test, *other_test;
	char asked[64];
	unsigned int calls;
};

static const struct quic_tls *choose(const struct quic_tls *tls, const char *name, void *arg)
{
	struct vhost *v = arg;

	v->calls++;
	strncpy(v->asked, name ? name : "(none)", sizeof(v->asked) - 1);
	if (!name)
		return tls;
	return !strcmp(name, "quic.test") ? v->quic_test :
	       !strcmp(name, "other.test") ? v->other_test : NULL;
}

static void sni_server(struct quic_tls **tls, const char *name, unsigned int flags)
{
	char cert[200], key[200];
	struct quic_handshake_opts opts = { .size = sizeof(opts), .cert_file = cert, .pkey_file = key,
					    .flags = flags, .ca_file = CERTS "/ca.pem" };

	snprintf(cert, sizeof(cert), CERTS "/%s.pem", name);
	snprintf(key, sizeof(key), CERTS "/%s.key", name);
	assert_int_equal(quic_tls_new_server(tls, &opts), 0);
}

/* The session is from one with a certificate nobody would take. */
static struct side sni_side(struct vhost *v)
{
	return (struct side){ .opts = { .alpns = "x", CERT("rogue"), .choose = choose,
					.choose_arg = v } };
}

static void sni__chosen(void **state)
{
	static const char *const names[] = { "quic.test", "other.test", "OTHER.test" };
	struct quic_tls *one, *two;
	struct vhost v = { 0 };
	size_t i;

	(void)state;
	sni_server(&one, "server", 0);
	sni_server(&two, "other", 0);
	v.quic_test = one;
	v.other_test = two;
	for (i = 0; i < 3; i++) {
		struct side s = sni_side(&v);
		struct side c = { .opts = { .alpns = "x", .hostname = names[i],
					    .ca_file = CERTS "/ca.pem" } };

		both_run(&c, &s);
		assert_established(&c, &s, 0);
		assert_string_equal(v.asked, i ? "other.test" : "quic.test");
		assert_int_equal(v.calls, i + 1);
		fake_end();
		fake_open();
	}
	quic_tls_free(one);
	quic_tls_free(two);
}

static void sni__nobody(void **state)
{
	struct vhost v = { 0 };
	struct side s = sni_side(&v);
	struct side c = { .opts = { .alpns = "x", .hostname = "third.test",
				    .ca_file = CERTS "/ca.pem" } };

	(void)state;
	both_run(&c, &s);
	assert_int_equal(s.err, -ENOENT);
	assert_non_null(strstr(s.errbuf, "third.test"));
	assert_int_equal(fake_server.close.errcode, ALERT(112));	/* unrecognized_name */
	assert_int_equal(c.err, -ECONNABORTED);
	assert_int_equal(fake_server.sends, 0);
}

/* By address there is no name: the one it was made from serves. */
static void sni__not_asked(void **state)
{
	struct vhost v = { 0 };
	struct side s = sni_side(&v);
	struct side c = { .opts = { .alpns = "x", .ca_file = CERTS "/rogue-ca.pem" } };

	(void)state;
	both_run(&c, &s);
	assert_established(&c, &s, 0);
	assert_string_equal(v.asked, "(none)");
}

/* One name wants a certificate of clients, the other does not. */
static void sni__client_certificate(void **state)
{
	struct quic_tls *open, *strict;
	struct vhost v = { 0 };
	int i;

	(void)state;
	sni_server(&open, "server", 0);
	sni_server(&strict, "other", QUIC_HANDSHAKE_CERT_REQUIRE);
	v.quic_test = open;
	v.other_test = strict;
	for (i = 0; i < 4; i++) {
		struct side s = sni_side(&v);
		struct side c = { .opts = { .alpns = "x", .ca_file = CERTS "/ca.pem",
					    .hostname = i & 1 ? "other.test" : "quic.test" } };

		/* The one it is made from asks, too: that does not count. */
		s.opts.ca_file = CERTS "/ca.pem";
		s.opts.flags = QUIC_HANDSHAKE_CERT_REQUIRE;
		if (i & 2) {
			c.opts.cert_file = CERTS "/client.pem";
			c.opts.pkey_file = CERTS "/client.key";
		}
		both_run(&c, &s);
		if (i == 1) {
			assert_true(s.err < 0);
			assert_int_equal(fake_server.close.errcode, ALERT(116));
		} else {
			assert_established(&c, &s, 0);
		}
		fake_end();
		fake_open();
	}
	quic_tls_free(open);
	quic_tls_free(strict);
}

/* A client's quic_tls cannot serve: no crash, an alert. */
static void sni__nonsense(void **state)
{
	struct quic_handshake_opts opts = { .size = sizeof(opts), .ca_file = CERTS "/ca.pem" };
	struct quic_tls *client;
	struct vhost v = { 0 };
	struct side s = sni_side(&v);
	struct side c = { .opts = { .alpns = "x", .hostname = "quic.test",
				    .ca_file = CERTS "/ca.pem" } };

	(void)state;
	assert_int_equal(quic_tls_new_client(&client, &opts), 0);
	v.quic_test = client;
	both_run(&c, &s);
	assert_int_equal(s.err, -EINVAL);
	assert_int_equal(fake_server.close.errcode, ALERT(80));
	quic_tls_free(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(certificate__name), T(certificate__long_chain),
		T(certificate__address_by_default), T(certificate__address_not_in_it),
		T(certificate__wrong_name), T(certificate__no_name), T(certificate__untrusted),
		T(certificate__system_authorities), T(certificate__authorities_of_environment),
		T(certificate__expired), T(certificate__wrong_purpose), T(certificate__insecure),
		T(client_certificate__required), T(client_certificate__missing),
		T(client_certificate__asked_for), T(client_certificate__of_whom), T(client_certificate__by_option),
		T(sni__chosen), T(sni__nobody), T(sni__not_asked), T(sni__client_certificate),
		T(sni__nonsense),
	};

	quic_set_log_func(be_silent);
	return cmocka_run_group_tests_name("libquic certificates", tests, NULL, NULL);
}
