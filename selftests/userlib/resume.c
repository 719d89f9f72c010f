// SPDX-License-Identifier: GPL-2.0
/* Resumption and 0-RTT of libquic (RFC 9001, 4.5 and 4.6), over the stand-in kernel. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#ifdef QUIC_TLS_OPENSSL
#include <openssl/ssl.h>
#endif
#include "early.h"
#include "fake.h"
#include "tls.h"

#define FILE_NAME	"/tmp/quic-resume-test"

struct side {
	struct fake_endpoint *ep;
	struct quic_handshake_opts opts;
	quic_session_t session;
	char errbuf[400];
	int err;
};

static unsigned int early_calls;

static void *side_run(void *arg)
{
	struct side *s = arg;

	s->opts.size = sizeof(s->opts);
	s->opts.errbuf = s->errbuf;
	s->opts.errlen = sizeof(s->errbuf);
	s->opts.timeout_ms = 4000;
	s->opts.session = &s->session;
	s->err = quic_simple_handshake(s->ep->sd, &fake_sys, s->ep->server, &s->opts);
	if (s->err)
		fake_close(s->ep);
	return NULL;
}

/* What the kernel keeps after the handshake: the last ticket. */
static void take_tickets(void)
{
	union { char buf[CMSG_SPACE(1)]; struct cmsghdr align; } ctl;
	struct iovec iov = { fake_client.ticket, sizeof(fake_client.ticket) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl,
			      .msg_controllen = sizeof(ctl) };
	uint8_t *t = fake_client.ticket;
	ssize_t n;
	size_t len;

	n = fake_sys.recv(fake_client.sd, &msg, MSG_DONTWAIT);
	assert_true(n > 4);
	/* Several come at once: the last one counts. */
	for (;;) {
		len = 4 + (t[1] << 16 | t[2] << 8 | t[3]);
		if ((size_t)n <= len)
			break;
		memmove(t, t + len, n - len);
		n -= len;
	}
	fake_client.ticket_len = n;
}

static void on_early(int sd, void *arg)
{
	(void)arg;
	assert_int_equal(sd, fake_client.sd);
	/* Nothing left before: data and ClientHello share a datagram. */
	assert_int_equal(fake_client.sends, 0);
	assert_true(fake_client.secret[QUIC_CRYPTO_EARLY][1].set);
	early_calls++;
}

struct with {
	unsigned int client_flags, server_flags;
	const char *client_alpns, *server_alpns;
	const char *client_priority, *server_priority;
	const char *hostname;
	const struct quic_tls *(*choose)(const struct quic_tls *tls, const char *name, void *arg);
	void *choose_arg;
};

static void connect_both(struct side *c, struct side *s, const struct with *w)
{
	uint8_t key[QUIC_TICKET_KEY_SIZE];
	struct quic_transport_param tp = fake_server.tp;
	pthread_t thread;

	memcpy(key, fake_server.ticket_key, sizeof(key));
	fake_end();
	fake_open();
	memcpy(fake_server.ticket_key, key, sizeof(key));
	fake_server.tp = tp;
	*c = (struct side){ .ep = &fake_client, .opts = {
		.alpns = w->client_alpns ? w->client_alpns : "x", .hostname = w->hostname ? w->hostname : "quic.test",
		.ca_file = CERTS "/ca.pem", .flags = w->client_flags, .resume_file = FILE_NAME,
		.priority = w->client_priority, .early = on_early } };
	*s = (struct side){ .ep = &fake_server, .opts = {
		.alpns = w->server_alpns ? w->server_alpns : "x", .flags = w->server_flags,
		.priority = w->server_priority, .choose = w->choose, .choose_arg = w->choose_arg,
		.cert_file = CERTS "/server.pem", .pkey_file = CERTS "/server.key" } };
	early_calls = 0;
	assert_int_equal(pthread_create(&thread, NULL, side_run, s), 0);
	side_run(c);
	pthread_join(thread, NULL);
}

/* One connection of the two, after which FILE_NAME is up to date. */
static void connect_once(struct side *c, struct side *s, const struct with *w)
{
	connect_both(c, s, w);
	if (c->err || s->err)
		fail_msg("client: %s\nserver: %s\n", c->errbuf, s->errbuf);
	assert_int_equal(quic_resume_save(c->session, FILE_NAME), -EAGAIN);
	take_tickets();
	assert_int_equal(quic_resume_save(c->session, FILE_NAME), 0);
}

static void end(struct side *c, struct side *s)
{
	quic_session_free(c->session);
	quic_session_free(s->session);
}

static const struct with plain = { 0 };
static const struct with early = { .client_flags = QUIC_HANDSHAKE_EARLY,
				   .server_flags = QUIC_HANDSHAKE_EARLY };

/* @offered: the client sent 0-RTT; @taken: and the server took it */
static void assert_early(bool offered, bool taken)
{
	struct fake_secret *c = &fake_client.secret[QUIC_CRYPTO_EARLY][1];
	struct fake_secret *s = &fake_server.secret[QUIC_CRYPTO_EARLY][0];

	assert_int_equal(c->set, offered);
	assert_int_equal(s->set, taken);
	assert_int_equal(early_calls, offered);
	assert_false(fake_client.secret[QUIC_CRYPTO_EARLY][0].set);
	assert_false(fake_server.secret[QUIC_CRYPTO_EARLY][1].set);
	assert_int_equal(fake_client.verdict, offered ? 1 + taken : 0);
	if (taken) {
		assert_int_equal(c->s.type, s->s.type);
		assert_memory_equal(c->s.secret, s->s.secret, sizeof(c->s.secret));
	}
}

static void resume__certificate_once(void **state)
{
	struct side c, s;
	struct stat st;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		connect_once(&c, &s, &plain);
		assert_int_equal(quic_session_is_resumed(c.session), i > 0);
		assert_early(false, false);
		end(&c, &s);
	}
	assert_int_equal(stat(FILE_NAME, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void early__taken(void **state)
{
	struct side c, s;
	int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		connect_once(&c, &s, &early);
		assert_early(i > 0, i > 0);
		end(&c, &s);
	}
}

/* The token and the parameters of the last time go to the kernel first. */
static void early__remembered(void **state)
{
	struct side c, s;

	(void)state;
	connect_once(&c, &s, &early);
	strcpy((char *)fake_client.token, "a token");
	fake_client.token_len = 7;
	fake_client.peer_tp.max_data = 4711;
	assert_int_equal(quic_resume_save(c.session, FILE_NAME), 0);
	end(&c, &s);
	connect_once(&c, &s, &early);
	assert_early(true, true);
	assert_int_equal(fake_client.token_len, 7);
	assert_memory_equal(fake_client.token, "a token", 7);
	assert_int_equal(fake_client.peer_tp.remote, 1);
	assert_int_equal(fake_client.peer_tp.max_data, 4711);
	end(&c, &s);
}

/* The ClientHello in @hello once more, to a server of its own. Was its 0-RTT taken? */
static bool replay(const uint8_t *hello, size_t len)
{
	struct side s = { .ep = &fake_server, .opts = {
		.alpns = "x", .flags = QUIC_HANDSHAKE_EARLY,
		.cert_file = CERTS "/server.pem", .pkey_file = CERTS "/server.key" } };
	uint8_t key[QUIC_TICKET_KEY_SIZE], datagram[2001] = { QUIC_CRYPTO_INITIAL };

	memcpy(key, fake_server.ticket_key, sizeof(key));
	fake_end();
	fake_open();
	memcpy(fake_server.ticket_key, key, sizeof(key));
	memcpy(datagram + 1, hello, len);
	assert_int_equal(write(fake_client.sd, datagram, len + 1), len + 1);
	shutdown(fake_client.sd, SHUT_WR);
	side_run(&s);
	assert_true(s.err < 0);
	/* It got as far as to know the ClientHello. */
	assert_true(fake_server.secret[QUIC_CRYPTO_HANDSHAKE][1].set);
	return fake_server.secret[QUIC_CRYPTO_EARLY][0].set;
}

/* RFC 9001, 9.2; RFC 8446, 8.2: what a forked process took its siblings do not take again. */
static void early__replay(void **state)
{
	uint8_t hello[2000];
	struct side c, s;
	int status, fd[2];
	ssize_t len;
	pid_t pid;

	(void)state;
	connect_once(&c, &s, &early);
	end(&c, &s);
	assert_int_equal(pipe(fd), 0);
	pid = fork();
	if (!pid) {
		connect_once(&c, &s, &early);
		if (write(fd[1], fake_client.first, fake_client.first_len) < 0)
			_exit(2);
		_exit(fake_server.secret[QUIC_CRYPTO_EARLY][0].set ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	len = read(fd[0], hello, sizeof(hello));
	assert_true(len > 200);
	close(fd[0]);
	close(fd[1]);
	assert_false(replay(hello, len));
	/* Another one is taken. */
	connect_once(&c, &s, &early);
	assert_early(true, true);
	end(&c, &s);
}

/* RFC 9001, 4.6.2: a server with HelloRetryRequest refuses 0-RTT. */
static const char hello_retry[] =
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-SECP384R1:%DISABLE_TLS13_COMPAT_MODE";

/*
 * GnuTLS 3.7 does not get that far, OpenSSL does: see that it is said, and that the next try is
 * good, then and ever after.
 */
static void early__hello_retry(void **state)
{
	struct with w = early;
	struct side c, s;
	int i;

	(void)state;
	connect_once(&c, &s, &early);
	end(&c, &s);
	w.server_priority = hello_retry;
#ifdef QUIC_TLS_OPENSSL
	connect_once(&c, &s, &w);
	assert_early(true, false);
	end(&c, &s);
#else
	connect_both(&c, &s, &w);
	assert_int_equal(c.err, -EPROTO);
	assert_non_null(strstr(c.errbuf, "0-RTT"));
	assert_true(s.err < 0);
	assert_false(fake_server.secret[QUIC_CRYPTO_EARLY][0].set);
	assert_int_equal(access(FILE_NAME, F_OK), -1);
#endif
	for (i = 0; i < 3; i++) {
		connect_once(&c, &s, &w);
		/* It is remembered that it would be refused. */
		assert_early(false, false);
		end(&c, &s);
	}
}

/* RFC 8446, 4.2.10: another protocol; RFC 9000, 7.4.1: other limits; another server's key */
static void early__refused(void **state)
{
	struct with w = early;
	struct side c, s;
	int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		connect_once(&c, &s, &early);
		end(&c, &s);
		w = early;
		if (i == 0)
			w.client_alpns = w.server_alpns = "y";
		else if (i == 1)
			fake_server.tp.max_data = 1000;
		else if (i == 2)
			fake_server.ticket_key[5]++;
		else
			w.server_flags = 0;
		connect_once(&c, &s, &w);
		/* Of another protocol there is nothing to offer. */
		assert_early(i > 0, false);
		end(&c, &s);
		memset(&fake_server.tp, 0, sizeof(fake_server.tp));
	}
}

static const struct quic_tls *by_name(const struct quic_tls *tls, const char *name, void *arg)
{
	return name && !strcmp(name, "other.test") ? arg : tls;
}

/*
 * A ticket of one name is none of another's: who may come to quic.test without a certificate does not come to
 * other.test by what it was given there.
 */
static void resume__other_name(void **state)
{
	struct quic_handshake_opts opts = { .size = sizeof(opts), .ca_file = CERTS "/ca.pem",
					    .cert_file = CERTS "/other.pem",
					    .pkey_file = CERTS "/other.key",
					    .flags = QUIC_HANDSHAKE_CERT_REQUIRE };
	struct with w = { .choose = by_name };
	struct quic_tls *strict;
	struct side c, s;
	int i;

	(void)state;
	assert_int_equal(quic_tls_new_server(&strict, &opts), 0);
	w.choose_arg = strict;
	for (i = 0; i < 2; i++) {
		connect_once(&c, &s, &w);
		assert_int_equal(quic_session_is_resumed(s.session), i);
		end(&c, &s);
	}
	w.hostname = "other.test";
	connect_both(&c, &s, &w);
	assert_true(s.err < 0);
	assert_int_equal(fake_server.close.errcode, QUIC_TRANSPORT_ERROR_CRYPTO + 116);
	/* The client was through, or not, and its file is for another try. */
	quic_session_free(c.session);
	quic_tls_free(strict);
}

/*
 * RFC 8446, 4.6.1: a session is for a server whose certificate was verified for this name. What was
 * had without, or under another name, goes no further than a full handshake, which verifies.
 */
static void resume__other_proof(void **state)
{
	struct with w = { .server_flags = QUIC_HANDSHAKE_EARLY };
	struct side c, s;

	(void)state;
	w.client_flags = QUIC_HANDSHAKE_INSECURE;
	connect_once(&c, &s, &w);
	end(&c, &s);
	w.client_flags = QUIC_HANDSHAKE_EARLY;
	w.hostname = "not.the.server";
	connect_both(&c, &s, &w);
	assert_int_equal(c.err, -EKEYREJECTED);
	assert_early(false, false);

	w.hostname = "quic.test";
	connect_once(&c, &s, &w);
	assert_false(quic_session_is_resumed(c.session));
	end(&c, &s);
	w.hostname = "not.the.server";
	connect_both(&c, &s, &w);
	assert_int_equal(c.err, -EKEYREJECTED);
	assert_early(false, false);

	/* Letters' case makes no other name. */
	w.hostname = "quic.test";
	connect_once(&c, &s, &w);
	end(&c, &s);
	w.hostname = "QUIC.test";
	connect_once(&c, &s, &w);
	assert_true(quic_session_is_resumed(c.session));
	assert_early(true, true);
	end(&c, &s);
}

/* Cut short, changed, or not there */
static void resume__nonsense(void **state)
{
	quic_session_t session;
	uint8_t buf[4096];
	struct side c, s;
	size_t size = sizeof(buf), i;

	(void)state;
	connect_once(&c, &s, &early);
	assert_int_equal(quic_resume_get(c.session, NULL, &size), 0);
	assert_true(size <= sizeof(buf));
	i = size - 1;
	assert_int_equal(quic_resume_get(c.session, buf, &i), -EMSGSIZE);
	assert_int_equal(quic_resume_get(c.session, buf, &size), 0);
	assert_int_equal(quic_resume_get(s.session, buf, &i), -EINVAL);
	end(&c, &s);
	for (i = 0; i < size; i++) {
		uint8_t *cut = malloc(i ? i : 1);

		memcpy(cut, buf, i);
		session = fake_session();
		assert_int_equal(quic_resume_set(session, cut, i), -EINVAL);
		quic_session_free(session);
		free(cut);
	}
	session = fake_session();
	assert_int_equal(quic_resume_set(session, buf, size), 0);
	buf[0] ^= 1;
	assert_int_equal(quic_resume_set(session, buf, size), -EINVAL);
	assert_int_equal(quic_resume_load(session, "/nonexistent"), -ENOENT);
	quic_session_free(session);
}

static int setup(void **state)
{
	(void)state;
	unlink(FILE_NAME);
	fake_open();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(FILE_NAME);
	fake_end();
	return 0;
}

/* The child looks through a thousand entries again and again: most often it is killed with the lock. */
static void early__killed_with_the_lock(void **state)
{
	uint8_t hash[QUIC_TLS_HASH] = { 0xdd };
	time_t until = time(NULL) + 1;
	uint32_t i, round;

	(void)state;
	for (round = 0; round < 20; round++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		for (i = 0; !pid; i++) {
			uint32_t n = i < 1000 ? i : 999;

			memcpy(hash + 1, &n, sizeof(n));
			memset(hash + 5, 0, sizeof(hash) - 5);
			quic_early_first(hash, until);
		}
		usleep(3000);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		/* It goes on, and neither waits for ever nor forgets. */
		memcpy(hash + 5, &round, sizeof(round));
		hash[QUIC_TLS_HASH - 1] = 1;
		alarm(10);
		assert_int_equal(quic_early_first(hash, until + 5), 0);
		assert_int_equal(quic_early_first(hash, until + 5), -EEXIST);
		alarm(0);
	}
}

static void be_silent(int level, const char *msg)
{
	(void)level;
	(void)msg;
}

#define T(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(resume__certificate_once), T(early__taken), T(early__remembered),
		T(early__replay), T(early__hello_retry), T(early__refused),
		T(resume__nonsense), T(resume__other_name), T(resume__other_proof),
		T(early__killed_with_the_lock),
	};

	quic_set_log_func(be_silent);
	return cmocka_run_group_tests_name("libquic resumption", tests, NULL, NULL);
}
