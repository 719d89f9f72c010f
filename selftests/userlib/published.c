// SPDX-License-Identifier: GPL-2.0
/*
 * A program written to the calls that existing programs use, with their types, against the shared library; over
 * OpenSSL with its sessions.
 * There is no kernel module: what can be asked without one is.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <netinet/quic.h>
#ifdef QUIC_TLS_OPENSSL
#include <openssl/ssl.h>
#else
#include <gnutls/gnutls.h>
#endif

static int (*const client)(int, const char *, const char *, const char *) = quic_client_handshake;
static int (*const server)(int, const char *, const char *, const char *) = quic_server_handshake;
static int (*const whole)(quic_session_t) = quic_handshake;
static int (*const init)(quic_session_t, struct quic_handshake_step **) = quic_handshake_init;
static int (*const step)(quic_session_t, struct quic_handshake_step **) = quic_handshake_step;
static void (*const deinit)(quic_session_t) = quic_handshake_deinit;
static int (*const get_data)(quic_session_t, void *, size_t *) = quic_session_get_data;
static int (*const set_data)(quic_session_t, const void *, size_t) = quic_session_set_data;
static int (*const get_alpn)(quic_session_t, void *, size_t *) = quic_session_get_alpn;
static int (*const set_alpn)(quic_session_t, const void *, size_t) = quic_session_set_alpn;
static ssize_t (*const tx)(int, const void *, size_t, int64_t, uint32_t) = quic_sendmsg;
static ssize_t (*const rx)(int, void *, size_t, int64_t *, uint32_t *) = quic_recvmsg;
static quic_set_log_func_t (*const set_func)(quic_set_log_func_t) = quic_set_log_func;
static int (*const set_level)(int) = quic_set_log_level;

static int failed, count;

static void check(int good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++count, what);
	failed |= !good;
}

static void silent(int level, const char *msg)
{
	(void)level;
	(void)msg;
}

#ifdef QUIC_TLS_OPENSSL
/* A session as programs make them */
static SSL *session_new(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	SSL *session = SSL_new(ctx);

	SSL_CTX_free(ctx);
	return session;
}

/* A socket that is none of ours */
static void session_attach(SSL *session)
{
	SSL_set_fd(session, 0);
}

static void session_end(SSL *session)
{
	SSL_free(session);
}
#else
static gnutls_certificate_credentials_t cred;

static gnutls_session_t session_new(void)
{
	gnutls_session_t session;

	gnutls_certificate_allocate_credentials(&cred);
	gnutls_init(&session, GNUTLS_CLIENT);
	check(!gnutls_priority_set_direct(session, QUIC_PRIORITY, NULL), "QUIC_PRIORITY is one");
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, cred);
	return session;
}

static void session_attach(gnutls_session_t session)
{
	gnutls_transport_set_int(session, 0);
}

static void session_end(gnutls_session_t session)
{
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(cred);
}
#endif

static void session(void)
{
	struct quic_handshake_step *s = NULL;
	quic_session_t session = session_new();
	char alpn[16];
	size_t len = sizeof(alpn);

	check(!set_alpn(session, "sample,other", 12), "ALPN taken");
	check(get_alpn(session, alpn, &len) < 0, "none chosen before a handshake");
	check(set_data(session, "junk", 4) < 0, "junk is no session");
	len = 0;
	check(get_data(session, NULL, &len) < 0, "no session data before a handshake");
	/* It has no transport parameters to offer. */
	session_attach(session);
	check(init(session, &s) < 0 && !s, "not a QUIC socket");
	check(step(session, &s) < 0, "no step after that");
	deinit(session);
	check(whole(session) < 0, "nor a second try");
	session_end(session);
}

static void steps(void)
{
	struct quic_handshake_step s = { .op = QUIC_HANDSHAKE_STEP_OP_RECVMSG };
	const struct msghdr *out;
	struct msghdr *in;

	s.s_recvmsg.retval = -1;
	in = s.s_recvmsg.msg;
	s.op = QUIC_HANDSHAKE_STEP_OP_SENDMSG;
	out = s.s_sendmsg.msg;
	check(QUIC_HANDSHAKE_STEP_OP_SENDMSG == 1 && QUIC_HANDSHAKE_STEP_OP_RECVMSG == 2 && in == out,
	      "steps are what they were");
}

int main(void)
{
	uint32_t flags = MSG_DONTWAIT;
	int64_t sid = 0;
	char c;

	check(set_func(silent) != silent && set_func(silent) == silent, "log function exchanged");
	check(set_level(7) >= 0 && set_level(3) == 7, "log level exchanged");
	check(client(-1, NULL, "localhost", "x") < 0, "client: no socket");
	check(server(-1, "/nonexistent", NULL, "x") < 0, "server: no socket");
	check(tx(-1, "x", 1, 0, MSG_QUIC_STREAM_NEW) == -1 && errno == EBADF, "send: EBADF");
	check(rx(-1, &c, 1, &sid, &flags) == -1 && errno == EBADF, "receive: EBADF");
	session();
	steps();
	printf("1..%d\n", count);
	return failed;
}
