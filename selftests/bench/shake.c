// SPDX-License-Identifier: GPL-2.0
/*
 * shake tls|quic N RUNS CERTS: a whole connection: connect, full TLS 1.3 handshake (ECDSA P-256, X25519, AES-128-GCM, the
 * server's chain verified), a byte each way, close. The same GnuTLS under both; keys and authorities are read once. CERTS: as
 * selftests/lib/certs makes them. The first tenth does not count.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/quic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"

#define HOST	"localhost"

static struct quic_tls *quic_ctx;
static gnutls_certificate_credentials_t creds;
static gnutls_datum_t ticket_key;
static char certs[4096];
static bool quic;

static const char *path(const char *name)
{
	static char buf[2][4200];
	static int i;

	i = !i;
	snprintf(buf[i], sizeof(buf[i]), "%s/%s", certs, name);
	return buf[i];
}

static void ok(int err, const char *what)
{
	if (err < 0)
		bench_die("%s: %s", what, quic ? quic_strerror(err) : gnutls_strerror(err));
}

static void credentials(bool server)
{
	struct quic_handshake_opts o = { .size = sizeof(o), .alpns = "bench" };

	if (quic) {
		if (server) {
			o.cert_file = path("server.pem");
			o.pkey_file = path("server.key");
		} else {
			o.ca_file = path("ca.pem");
			o.hostname = HOST;
		}
		ok(server ? quic_tls_new_server(&quic_ctx, &o) : quic_tls_new_client(&quic_ctx, &o), "credentials");
		return;
	}
	ok(gnutls_certificate_allocate_credentials(&creds), "credentials");
	if (server) {
		ok(gnutls_certificate_set_x509_key_file(creds, path("server.pem"), path("server.key"),
							GNUTLS_X509_FMT_PEM), "server.pem");
		ok(gnutls_session_ticket_key_generate(&ticket_key), "ticket key");
	} else {
		ok(gnutls_certificate_set_x509_trust_file(creds, path("ca.pem"), GNUTLS_X509_FMT_PEM), "ca.pem");
	}
}

static gnutls_session_t tls_session(int sd, bool server)
{
	const gnutls_datum_t alpn = { (unsigned char *)"bench", 5 };
	gnutls_session_t s;

	ok(gnutls_init(&s, server ? GNUTLS_SERVER : GNUTLS_CLIENT), "session");
	ok(gnutls_priority_set_direct(s, QUIC_PRIORITY, NULL), "priority");
	ok(gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, creds), "credentials");
	ok(gnutls_alpn_set_protocols(s, &alpn, 1, 0), "ALPN");
	if (server) {
		ok(gnutls_session_ticket_enable_server(s, &ticket_key), "tickets");
	} else {
		ok(gnutls_server_name_set(s, GNUTLS_NAME_DNS, HOST, strlen(HOST)), "name");
		gnutls_session_set_verify_cert(s, HOST, 0);
	}
	gnutls_transport_set_int(s, sd);
	return s;
}

static gnutls_session_t handshake(int sd, bool server)
{
	gnutls_session_t s;
	int err;

	if (quic) {
		ok(quic_tls_session(quic_ctx, sd, server ? NULL : HOST, &s), "session");
		err = quic_handshake(s);
		if (err)
			bench_die("handshake: %s; %s", quic_strerror(err), quic_handshake_error(s));
	} else {
		s = tls_session(sd, server);
		do
			err = gnutls_handshake(s);
		while (err < 0 && !gnutls_error_is_fatal(err));
		ok(err, "handshake");
	}
	if (gnutls_group_get(s) != GNUTLS_GROUP_X25519 || gnutls_cipher_get(s) != GNUTLS_CIPHER_AES_128_GCM ||
	    gnutls_sign_algorithm_get(s) != GNUTLS_SIGN_ECDSA_SECP256R1_SHA256)
		bench_die("other algorithms were chosen");
	return s;
}

static void put(gnutls_session_t s, int sd)
{
	if ((quic ? send(sd, "1", 1, MSG_QUIC_STREAM_FIN) : gnutls_record_send(s, "1", 1)) != 1)
		bench_die("send: %s", strerror(errno));
}

static void get(gnutls_session_t s, int sd)
{
	ssize_t n;
	char c;

	if (quic) {
		n = recv(sd, &c, 1, 0);
	} else {
		do
			n = gnutls_record_recv(s, &c, 1);
		while (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED);
	}
	if (n != 1)
		bench_die("recv: %zd, %s", n, strerror(errno));
}

static void end(gnutls_session_t s, int sd)
{
	if (!quic)
		gnutls_bye(s, GNUTLS_SHUT_WR);
	gnutls_deinit(s);
	close(sd);
}

static void serve(int listener)
{
	gnutls_session_t s;
	char c;
	int sd;

	signal(SIGPIPE, SIG_IGN);
	credentials(true);
	for (;;) {
		sd = accept(listener, NULL, NULL);
		if (sd < 0)
			bench_die("accept: %s", strerror(errno));
		s = handshake(sd, true);
		get(s, sd);
		put(s, sd);
		/* The client closes; as TCP's TIME_WAIT should be, the waiting is its. */
		if (quic)
			while (recv(sd, &c, 1, 0) > 0)
				;
		else
			gnutls_record_recv(s, &c, 1);
		end(s, sd);
	}
}

static void connect_one(const struct sockaddr_in *to)
{
	int sd = socket(AF_INET, SOCK_STREAM, quic ? IPPROTO_QUIC : 0);
	gnutls_session_t s;

	if (sd < 0 || connect(sd, (const void *)to, sizeof(*to)))
		bench_die("connect: %s", strerror(errno));
	s = handshake(sd, false);
	put(s, sd);
	get(s, sd);
	end(s, sd);
}

static int listening(struct sockaddr_in *a)
{
	socklen_t len = sizeof(*a);
	int sd = socket(AF_INET, SOCK_STREAM, quic ? IPPROTO_QUIC : 0);

	*a = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (sd < 0 || (quic && setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_ALPN, "bench", 5)) ||
	    bind(sd, (void *)a, len) || getsockname(sd, (void *)a, &len) || listen(sd, 16))
		bench_die("listen: %s", strerror(errno));
	return sd;
}

int main(int argc, char **argv)
{
	struct bench_moment begin, done;
	unsigned int i, n, run, runs;
	struct sockaddr_in to;
	int listener;
	pid_t pid;

	if (argc != 5) {
		fputs("usage: shake tls|quic N RUNS CERTS\n", stderr);
		return 2;
	}
	quic = !strcmp(argv[1], "quic");
	n = strtoul(argv[2], NULL, 10);
	runs = strtoul(argv[3], NULL, 10);
	snprintf(certs, sizeof(certs), "%s", argv[4]);
	listener = listening(&to);
	pid = fork();
	if (!pid)
		serve(listener);
	signal(SIGPIPE, SIG_IGN);
	credentials(false);
	for (run = 0; run < runs; run++) {
		for (i = 0; i < n / 10 + n; i++) {
			if (i == n / 10)
				bench_moment_begin(&begin);
			connect_one(&to);
		}
		bench_moment_end(&done);
		printf("shake proto=%s n=%u cost=%.0f\n", quic ? "quic" : "tls", n, bench_busy(&begin, &done) / n);
		fflush(stdout);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return 0;
}
