// SPDX-License-Identifier: GPL-2.0
/*
 * libquic on real sockets: the calls that existing programs use, as they use them; 0-RTT as
 * libquic(3) shows it; a certificate by name; streams as descriptors.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/quic.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#ifdef QUIC_TLS_OPENSSL
#include <openssl/ssl.h>
#endif

#include "ktap.h"

#define WAIT_S		20
#define SESSION_FILE	"/tmp/test_libquic.session"

/* A server in a thread: one connection, told what to do with it. */
struct server {
	int listener;
	in_port_t port;
	int (*serve)(struct server *s, int sd);
	const char *alpns;
	pthread_t thread;
	int err;
};

static void set_wait(int sd)
{
	struct timeval tv = { .tv_sec = WAIT_S };

	setsockopt(sd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(sd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

static void *server_run(void *arg)
{
	struct server *s = arg;
	int sd = accept(s->listener, NULL, NULL);

	if (sd < 0) {
		s->err = -errno;
		return NULL;
	}
	set_wait(sd);
	s->err = s->serve(s, sd);
	close(sd);
	return NULL;
}

static int server_listen(struct server *s)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	s->listener = socket(AF_INET, SOCK_STREAM, IPPROTO_QUIC);
	if (s->listener < 0)
		return -1;
	set_wait(s->listener);
	if (bind(s->listener, (struct sockaddr *)&a, len) ||
	    setsockopt(s->listener, SOL_QUIC, QUIC_SOCKOPT_ALPN, "sample", 6) ||
	    listen(s->listener, 8) || getsockname(s->listener, (struct sockaddr *)&a, &len))
		return -1;
	s->port = a.sin_port;
	return 0;
}

static int server_start(struct server *s, int (*serve)(struct server *s, int sd))
{
	s->serve = serve;
	s->err = -EINPROGRESS;
	return pthread_create(&s->thread, NULL, server_run, s);
}

static int client_connect(const struct server *s)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = s->port,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int sd = socket(AF_INET, SOCK_STREAM, IPPROTO_QUIC);

	if (sd >= 0 && connect(sd, (struct sockaddr *)&a, sizeof(a))) {
		close(sd);
		return -1;
	}
	set_wait(sd);
	return sd;
}

/* A line on a stream of the client's, and back, in the other case. */
static int echo_once(int sd)
{
	uint32_t flags = 0;
	char buf[64];
	int64_t sid;
	ssize_t n, i;

	n = quic_recvmsg(sd, buf, sizeof(buf), &sid, &flags);
	if (n <= 0 || sid & 3 || !(flags & MSG_QUIC_STREAM_FIN))
		return -EPROTO;
	for (i = 0; i < n; i++)
		buf[i] ^= 0x20;
	if (quic_sendmsg(sd, buf, n, sid, MSG_QUIC_STREAM_FIN) != n)
		return -errno;
	/* Until the client has gone */
	return quic_recvmsg(sd, buf, sizeof(buf), &sid, &flags) > 0 ? -EPROTO : 0;
}

static int ask(int sd)
{
	uint32_t flags = 0;
	int64_t sid = -1;
	char buf[64];

	if (quic_sendmsg(sd, "hello", 5, -1, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN) != 5)
		return -errno;
	if (quic_recvmsg(sd, buf, sizeof(buf), &sid, &flags) != 5 || memcmp(buf, "HELLO", 5))
		return -EPROTO;
	return sid == 0 && flags & MSG_QUIC_STREAM_FIN ? 0 : -EBADMSG;
}

/* --- as programs are written that exist --- */

static int serve_published(struct server *s, int sd)
{
	int err = quic_server_handshake(sd, CERTS "/server.key", CERTS "/server.pem", s->alpns);

	return err ? err : echo_once(sd);
}

static void published__one_call(void)
{
	struct server s = {};
	int sd;

	setenv("SSL_CERT_FILE", CERTS "/ca.pem", 1);
	CHECK(!server_listen(&s));
	s.alpns = "sample";
	CHECK(!server_start(&s, serve_published));
	sd = client_connect(&s);
	CHECK(sd >= 0);
	CHECK_EQ(quic_client_handshake(sd, NULL, "localhost", "sample"), 0);
	CHECK_EQ(ask(sd), 0);
	CHECK(!close(sd));
	pthread_join(s.thread, NULL);
	CHECK_EQ(s.err, 0);
	close(s.listener);
}

/* The lists come from QUIC_SOCKOPT_ALPN when the calls name none, keys from a file both have. */
static int serve_psk(struct server *s, int sd)
{
	int err = quic_server_handshake(sd, CERTS "/psk.txt", NULL, NULL);

	return err ? err : echo_once(sd);
}

static void published__psk(void)
{
	struct server s = {};
	int sd;

	CHECK(!server_listen(&s));
	CHECK(!server_start(&s, serve_psk));
	sd = client_connect(&s);
	CHECK(sd >= 0);
	CHECK_EQ(quic_client_handshake(sd, CERTS "/psk.txt", NULL, "sample"), 0);
	CHECK_EQ(ask(sd), 0);
	CHECK(!close(sd));
	pthread_join(s.thread, NULL);
	CHECK_EQ(s.err, 0);
	close(s.listener);
}

#ifdef QUIC_TLS_OPENSSL
struct own {
	SSL *session;
};

static int on_alpn(SSL *session, const unsigned char **out, unsigned char *out_len,
		   const unsigned char *in, unsigned int in_len, void *arg)
{
	static const unsigned char ours[] = { 6, 's', 'a', 'm', 'p', 'l', 'e' };

	return SSL_select_next_proto((unsigned char **)out, out_len, ours, sizeof(ours), in, in_len) ==
	       OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int own_begin(struct own *own, int sd, bool server)
{
	static const unsigned char key[80] = { 1, 2, 3 };	/* of tickets: for all of this test's */
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	if (server) {
		SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
		SSL_CTX_set_session_id_context(ctx, key, 8);
		if (SSL_CTX_use_certificate_chain_file(ctx, CERTS "/server.pem") != 1 ||
		    SSL_CTX_use_PrivateKey_file(ctx, CERTS "/server.key", SSL_FILETYPE_PEM) != 1 ||
		    SSL_CTX_set_tlsext_ticket_keys(ctx, (void *)key, sizeof(key)) != 1)
			return -1;
	} else {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		if (SSL_CTX_load_verify_file(ctx, CERTS "/ca.pem") != 1)
			return -1;
	}
	own->session = SSL_new(ctx);
	SSL_CTX_free(ctx);
	SSL_set_fd(own->session, sd);
	if (!server && SSL_set1_host(own->session, "localhost") != 1)
		return -1;
	return quic_session_set_alpn(own->session, "sample", 6);
}

static void own_end(struct own *own)
{
	SSL_free(own->session);
}
#else
struct own {
	gnutls_session_t session;
	gnutls_certificate_credentials_t cred;
};

static int own_tickets(struct own *own, int sd)
{
	uint8_t key[QUIC_TICKET_KEY_SIZE];
	gnutls_datum_t datum = { key, sizeof(key) };
	socklen_t len = sizeof(key);

	if (getsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_SESSION_TICKET, key, &len) || len != sizeof(key))
		return -1;
	return gnutls_session_ticket_enable_server(own->session, &datum);
}

static int own_begin(struct own *own, int sd, bool server)
{
	gnutls_certificate_allocate_credentials(&own->cred);
	if (gnutls_init(&own->session, (server ? GNUTLS_SERVER : GNUTLS_CLIENT) |
				       GNUTLS_NO_END_OF_EARLY_DATA) ||
	    gnutls_priority_set_direct(own->session, QUIC_PRIORITY, NULL))
		return -1;
	if (server) {
		if (gnutls_certificate_set_x509_key_file(own->cred, CERTS "/server.pem",
							 CERTS "/server.key", GNUTLS_X509_FMT_PEM) ||
		    own_tickets(own, sd))
			return -1;
	} else {
		if (gnutls_certificate_set_x509_trust_file(own->cred, CERTS "/ca.pem",
							   GNUTLS_X509_FMT_PEM) != 1)
			return -1;
		gnutls_session_set_verify_cert(own->session, "localhost", 0);
	}
	gnutls_credentials_set(own->session, GNUTLS_CRD_CERTIFICATE, own->cred);
	gnutls_transport_set_int(own->session, sd);
	return quic_session_set_alpn(own->session, "sample", 6);
}

static void own_end(struct own *own)
{
	gnutls_deinit(own->session);
	gnutls_certificate_free_credentials(own->cred);
}
#endif

static int serve_session(struct server *s, int sd)
{
	struct own own;
	int err;

	if (own_begin(&own, sd, true))
		return -EINVAL;
	err = quic_handshake(own.session);
	if (!err)
		err = echo_once(sd);
	own_end(&own);
	return err;
}

/* One step by poll(), as an event loop does it */
static int turn(int sd, quic_session_t session, struct quic_handshake_step **step)
{
	struct quic_handshake_step *s = *step;
	bool send = s->op == QUIC_HANDSHAKE_STEP_OP_SENDMSG;
	struct pollfd p = { .fd = sd, .events = send ? POLLOUT : POLLIN };
	ssize_t n;

	n = send ? sendmsg(sd, s->s_sendmsg.msg, s->s_sendmsg.flags | MSG_DONTWAIT) :
		   recvmsg(sd, s->s_recvmsg.msg, s->s_recvmsg.flags | MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return poll(&p, 1, WAIT_S * 1000) == 1 ? 0 : -ETIMEDOUT;
	if (send)
		s->s_sendmsg.retval = n < 0 ? -errno : n;
	else
		s->s_recvmsg.retval = n < 0 ? -errno : n;
	return quic_handshake_step(session, step);
}

static void published__session_and_steps(void)
{
	static uint8_t data[8192];
	struct quic_handshake_step *step;
	quic_session_t session;
	struct server s = {};
	struct own own;
	int sd, round, err;
	char alpn[16];
	size_t size = 0, len;

	CHECK(!server_listen(&s));
	for (round = 0; round < 2; round++) {
		CHECK(!server_start(&s, serve_session));
		sd = client_connect(&s);
		CHECK(sd >= 0);
		CHECK_EQ(own_begin(&own, sd, false), 0);
		session = own.session;
		if (round)
			CHECK_EQ(quic_session_set_data(session, data, size), 0);
		CHECK_EQ(quic_handshake_init(session, &step), 0);
		for (err = 0; step && !err;)
			err = turn(sd, session, &step);
		CHECK_EQ(err, 0);
		quic_handshake_deinit(session);
		len = sizeof(alpn);
		CHECK_EQ(quic_session_get_alpn(session, alpn, &len), 0);
		CHECK(!strcmp(alpn, "sample"));
		CHECK_EQ(ask(sd), 0);
		/* The listener's key opens the ticket in another session of the server. */
		CHECK_EQ(quic_session_is_resumed(session), round);
		size = sizeof(data);
		CHECK_EQ(quic_session_get_data(session, data, &size), 0);
		CHECK(size > 0);
		own_end(&own);
		CHECK(!close(sd));
		pthread_join(s.thread, NULL);
		CHECK_EQ(s.err, 0);
	}
	close(s.listener);
}

/* --- ours --- */

static const struct quic_tls *by_name(const struct quic_tls *tls, const char *name, void *arg)
{
	return name && !strcmp(name, "localhost") ? arg : NULL;
}

static int serve_early(struct server *s, int sd)
{
	struct quic_handshake_opts good = { .size = sizeof(good), .cert_file = CERTS "/server.pem",
					    .pkey_file = CERTS "/server.key" };
	struct quic_handshake_opts opts = { .size = sizeof(opts), .alpns = "sample",
					    .cert_file = CERTS "/rogue.pem",
					    .pkey_file = CERTS "/rogue.key",
					    .flags = QUIC_HANDSHAKE_EARLY, .choose = by_name };
	struct quic_tls *tls;
	int err;

	err = quic_tls_new_server(&tls, &good);
	if (err)
		return err;
	opts.choose_arg = tls;
	err = quic_server_handshake_opts(sd, &opts);
	quic_tls_free(tls);
	return err ? err : echo_once(sd);
}

static void say(int sd, void *arg)
{
	quic_sendmsg(sd, "hello", 5, -1, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN | MSG_DONTWAIT);
	++*(int *)arg;
}

static int one_early(struct server *s, uint32_t *taken, int *early)
{
	quic_session_t session;
	struct quic_handshake_opts opts = {
		.size = sizeof(opts), .hostname = "localhost", .alpns = "sample",
		.ca_file = CERTS "/ca.pem", .flags = QUIC_HANDSHAKE_EARLY,
		.early = say, .early_arg = early, .session = &session,
		.resume_file = SESSION_FILE,
	};
	socklen_t len = sizeof(*taken);
	int sd = client_connect(s), err;
	char buf[16];

	if (sd < 0)
		return -errno;
	err = quic_client_handshake_opts(sd, &opts);
	if (err)
		return err;
	getsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_EARLY_DATA, taken, &len);
	if (!*early)
		say(sd, early);
	if (quic_recvmsg(sd, buf, sizeof(buf), NULL, NULL) != 5 || memcmp(buf, "HELLO", 5))
		err = -EPROTO;
	if (!err)
		err = quic_resume_save(session, SESSION_FILE);
	quic_session_free(session);
	close(sd);
	return err;
}

/* And the certificate is that of the name asked for: the server's own is one nobody trusts. */
static void early__in_two_lines(void)
{
	struct server s = {};
	uint32_t taken;
	int round, early;

	unlink(SESSION_FILE);
	CHECK(!server_listen(&s));
	for (round = 0; round < 3; round++) {
		CHECK(!server_start(&s, serve_early));
		taken = 99;
		early = 0;
		CHECK_EQ(one_early(&s, &taken, &early), 0);
		CHECK_EQ(early, 1);
		CHECK_EQ(taken, round ? QUIC_EARLY_DATA_ACCEPTED : QUIC_EARLY_DATA_NONE);
		pthread_join(s.thread, NULL);
		CHECK_EQ(s.err, 0);
	}
	unlink(SESSION_FILE);
	close(s.listener);
}

static int drain(int fd)
{
	char buf[64];
	ssize_t n;
	int sum = 0;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		sum += n;
	return n ? -errno : sum;
}

/* Two streams of the client's, by accept() and by peeloff, then one of our own */
static int serve_streams(struct server *s, int sd)
{
	struct quic_stream_status st;
	uint32_t flags = 0;
	int64_t id = -1;
	char buf[8];
	int fd, err;

	err = quic_server_handshake(sd, CERTS "/server.key", CERTS "/server.pem", "sample");
	if (err)
		return err;
	if (quic_recvmsg(sd, buf, 4, &id, &flags) != 4 || id)
		return -EPROTO;
	fd = quic_stream_peeloff(sd, id, SOCK_CLOEXEC);
	if (fd < 0)
		return fd;
	if (drain(fd) != 6 || quic_stream_status(fd, -1, &st) || st.stream_id || st.final_size != 10 ||
	    !(fcntl(fd, F_GETFD) & FD_CLOEXEC) || write(fd, "done", 4) != 4 || close(fd))
		return -EBADMSG;
	err = quic_stream_accepting(sd, 1);
	if (err)
		return err;
	fd = quic_stream_accept(sd, &id, SOCK_NONBLOCK);
	if (fd < 0)
		return fd;
	if (id != 2 || !(fcntl(fd, F_GETFL) & O_NONBLOCK))
		return -EBADFD;
	err = quic_stream_stop(fd, -1, 7);
	close(fd);
	if (err)
		return err;
	fd = quic_stream_open(sd, &id, MSG_QUIC_STREAM_UNI, 0);
	if (fd < 0)
		return fd;
	if (id != 3 || write(fd, "bye", 3) != 3)
		return -EBADR;
	close(fd);
	flags = 0;
	return quic_recvmsg(sd, buf, sizeof(buf), &id, &flags) > 0 ? -EPROTO : 0;
}

static void stream__descriptors(void)
{
	struct quic_stream_status st;
	struct server s = {};
	struct pollfd p;
	int64_t id;
	int sd, fd, uni;
	char buf[8];

	CHECK(!server_listen(&s));
	CHECK(!server_start(&s, serve_streams));
	sd = client_connect(&s);
	CHECK(sd >= 0);
	CHECK_EQ(quic_client_handshake(sd, NULL, "localhost", "sample"), 0);
	fd = quic_stream_open(sd, &id, 0, SOCK_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_EQ(id, 0);
	CHECK_EQ(quic_stream_set_priority(fd, -1, 1, 0), 0);
	CHECK_EQ(quic_stream_set_priority(fd, -1, 8, 0), -EINVAL);
	CHECK_EQ(quic_stream_set_priority(fd, -1, 256, 0), -EINVAL);
	CHECK_EQ(quic_stream_set_priority(sd, 40, 1, 0), -EINVAL);
	CHECK_EQ(quic_stream_peeloff(sd, 0, 0), -EBUSY);
	CHECK_EQ(quic_stream_open(sd, &id, 0x1, 0), -EINVAL);
	CHECK_EQ(quic_stream_accept(sd, &id, 0), -EINVAL);	/* off */
	CHECK_EQ(write(fd, "0123456789", 10), 10);
	CHECK(!shutdown(fd, SHUT_WR));
	CHECK_EQ(read(fd, buf, 4), 4);
	CHECK(!memcmp(buf, "done", 4));
	CHECK_EQ(read(fd, buf, 4), 0);
	CHECK_EQ(quic_stream_status(fd, -1, &st), 0);
	CHECK_EQ(st.bytes_written, 10);
	CHECK(!close(fd));

	CHECK_EQ(quic_stream_accepting(sd, 1), 0);
	uni = quic_stream_open(sd, &id, MSG_QUIC_STREAM_UNI, 0);
	CHECK(uni >= 0);
	CHECK_EQ(id, 2);
	CHECK_EQ(write(uni, "x", 1), 1);
	fd = quic_stream_accept(sd, &id, 0);
	CHECK(fd >= 0);
	CHECK_EQ(id, 3);
	CHECK_EQ(drain(fd), 3);
	CHECK(!close(fd));
	/* The server's STOP_SENDING, with its code (RFC 9000, 3.5) */
	p = (struct pollfd){ .fd = uni };
	CHECK_EQ(poll(&p, 1, WAIT_S * 1000), 1);
	CHECK_EQ(quic_stream_status(uni, -1, &st), 0);
	CHECK(st.flags & QUIC_STREAM_STATUS_STOPPED);
	CHECK_EQ(st.send_error, 7);
	CHECK(!close(uni));
	CHECK_EQ(quic_stream_reset(sd, 0, 1), -EINVAL);	/* it is over */
	CHECK(!close(sd));
	pthread_join(s.thread, NULL);
	CHECK_EQ(s.err, 0);
	close(s.listener);
}

static const struct ktap_case cases[] = {
	{ "published calls: a handshake in one call", published__one_call },
	{ "published calls: a pre-shared key, protocols of the socket", published__psk },
	{ "published calls: sessions of the program's own, in steps, resumed", published__session_and_steps },
	{ "0-RTT in two lines, a certificate by name", early__in_two_lines },
	{ "streams as descriptors", stream__descriptors },
};

int main(void)
{
	/* The library tells failures, the checks do, too. */
	quic_set_log_level(-1);
	return ktap_main(cases, sizeof(cases) / sizeof(cases[0]));
}
