// SPDX-License-Identifier: GPL-2.0
/* The stepper alone: one thread, no sockets; also resumption and misuse. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#ifdef QUIC_TLS_OPENSSL
#include <openssl/ssl.h>
#endif
#include "ctx.h"
#include "fake.h"
#include "tls.h"

struct party {
	struct fake_endpoint *ep;
	struct quic_tls *tls;
	quic_session_t session;
	struct quic_handshake_step *step;
	unsigned int steps;
	unsigned int flags;	/* QUIC_HANDSHAKE_* of a server */
};

static int setup(void **state)
{
	(void)state;
	fake_open();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_end();
	return 0;
}

static void party_open(struct party *p, struct fake_endpoint *ep)
{
	struct quic_handshake_opts opts = { .size = sizeof(opts), .alpns = "hq-interop" };

	p->ep = ep;
	if (ep->server) {
		opts.cert_file = CERTS "/server.pem";
		opts.pkey_file = CERTS "/server.key";
		opts.ca_file = CERTS "/ca.pem";
		opts.flags = p->flags;
		assert_int_equal(quic_tls_new_server(&p->tls, &opts), 0);
	} else {
		opts.ca_file = CERTS "/ca.pem";
		assert_int_equal(quic_tls_new_client(&p->tls, &opts), 0);
	}
	/* Nothing here may wait, or do I/O at all: that is the caller's. */
	assert_int_equal(quic_tls_session_sys(p->tls, ep->sd, &fake_sys_idle, "quic.test",
					      &p->session), 0);
}

static void party_close(struct party *p)
{
	quic_session_free(p->session);
	quic_tls_free(p->tls);
}

/* One step if its I/O is possible now. Returns whether something happened. */
static bool party_step(struct party *p)
{
	ssize_t ret;

	if (!p->step)
		return false;
	if (p->step->op == QUIC_HANDSHAKE_STEP_OP_SENDMSG) {
		ret = fake_sys.send(p->ep->sd, p->step->s_sendmsg.msg,
				    p->step->s_sendmsg.flags | MSG_DONTWAIT);
		p->step->s_sendmsg.retval = ret;
	} else {
		ret = fake_sys.recv(p->ep->sd, p->step->s_recvmsg.msg,
				    p->step->s_recvmsg.flags | MSG_DONTWAIT);
		p->step->s_recvmsg.retval = ret;
	}
	if (ret == -EAGAIN)
		return false;
	p->steps++;
	assert_int_equal(quic_handshake_step(p->session, &p->step), 0);
	return true;
}

static void run_both(struct party *c, struct party *s)
{
	assert_int_equal(quic_handshake_init(c->session, &c->step), 0);
	assert_int_equal(c->step->op, QUIC_HANDSHAKE_STEP_OP_SENDMSG);
	assert_int_equal(quic_handshake_init(s->session, &s->step), 0);
	assert_int_equal(s->step->op, QUIC_HANDSHAKE_STEP_OP_RECVMSG);
	while (c->step || s->step) {
		bool moved = party_step(c);

		moved |= party_step(s);
		assert_true(moved);
	}
	assert_true(fake_client.secret[QUIC_CRYPTO_APP][0].set);
	assert_true(fake_server.secret[QUIC_CRYPTO_APP][0].set);
}

static void stepper__completes(void **state)
{
	struct party c = { 0 }, s = { 0 };
	char alpn[16];
	size_t len = sizeof(alpn);

	(void)state;
	party_open(&c, &fake_client);
	party_open(&s, &fake_server);
	run_both(&c, &s);
	assert_true(c.steps < 10 && s.steps < 10);
	assert_int_equal(quic_session_get_alpn(c.session, alpn, &len), 0);
	assert_string_equal(alpn, "hq-interop");
	len = 3;
	assert_int_equal(quic_session_get_alpn(c.session, alpn, &len), -EMSGSIZE);
	assert_int_equal(len, strlen("hq-interop"));
	assert_string_equal(quic_handshake_error(c.session), "");
	party_close(&c);
	party_close(&s);
}

/* The server's application send secret is there before the client's last flight. */
static void stepper__early_server_secret(void **state)
{
	struct party c = { 0 }, s = { 0 };

	(void)state;
	party_open(&c, &fake_client);
	party_open(&s, &fake_server);
	assert_int_equal(quic_handshake_init(c.session, &c.step), 0);
	assert_int_equal(quic_handshake_init(s.session, &s.step), 0);
	assert_true(party_step(&c));
	assert_true(party_step(&s));
	assert_true(fake_server.secret[QUIC_CRYPTO_APP][1].set);
	assert_false(fake_server.secret[QUIC_CRYPTO_APP][0].set);
	party_close(&c);	/* in the middle: nothing leaks */
	party_close(&s);
}

/* TLS messages in pieces of any size, as CRYPTO frames bring them. */
static void stepper__byte_by_byte(void **state)
{
	struct party c = { 0 }, s = { 0 };

	(void)state;
	fake_client.send_limit = 1;
	fake_server.send_limit = 3;
	party_open(&c, &fake_client);
	party_open(&s, &fake_server);
	run_both(&c, &s);
	assert_true(s.steps > 300);
	party_close(&c);
	party_close(&s);
}

/* Hand the server's APP message (a ticket) to the client's kernel. */
static void ticket_move(void)
{
	uint8_t buf[QUIC_TICKET_MAX + 1];
	ssize_t len;

	while ((len = recv(fake_client.sd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		assert_int_equal(buf[0], QUIC_CRYPTO_APP);
		fake_client.ticket_len = len - 1;
		memcpy(fake_client.ticket, buf + 1, len - 1);
	}
}

static void session__resumes(void **state)
{
	struct party c = { 0 }, s = { 0 };
	size_t size = 0, room;
	uint8_t *data;

	(void)state;
	party_open(&c, &fake_client);
	party_open(&s, &fake_server);
	run_both(&c, &s);
	assert_int_equal(quic_session_get_data(c.session, NULL, &size), -EAGAIN);
	ticket_move();
	assert_true(fake_client.ticket_len > 0);
	assert_int_equal(quic_session_get_data(c.session, NULL, &size), 0);
	assert_true(size > 0);
	data = malloc(size);
	room = size - 1;
	assert_int_equal(quic_session_get_data(c.session, data, &room), -EMSGSIZE);
	assert_int_equal(quic_session_get_data(c.session, data, &size), 0);
	assert_int_equal(quic_session_get_data(s.session, data, &size), -EINVAL);
	assert_false(quic_session_is_resumed(c.session));
	party_close(&c);
	party_close(&s);

	fake_end();
	fake_open();
	memset(&c, 0, sizeof(c));
	memset(&s, 0, sizeof(s));
	party_open(&c, &fake_client);
	party_open(&s, &fake_server);
	assert_int_equal(quic_session_set_data(c.session, data, size), 0);
	run_both(&c, &s);
	assert_true(quic_session_is_resumed(c.session));
	assert_true(quic_session_is_resumed(s.session));
	/* Transport parameters are exchanged again all the same. */
	assert_int_equal(fake_client.peer_params_len, fake_server.params_len);
	party_close(&c);
	party_close(&s);
	free(data);
}

/* The kernel keeps any post-handshake message; only tickets are for TLS (RFC 9001, 6). */
static void session__not_a_ticket(void **state)
{
	static const uint8_t key_update[] = { 24, 0, 0, 1, 0 };
	struct party c = { 0 }, s = { 0 };
	size_t size = 0;

	(void)state;
	party_open(&c, &fake_client);
	party_open(&s, &fake_server);
	run_both(&c, &s);
	memcpy(fake_client.ticket, key_update, sizeof(key_update));
	fake_client.ticket_len = sizeof(key_update);
	assert_int_equal(quic_session_get_data(c.session, NULL, &size), -EPROTO);
	party_close(&c);
	party_close(&s);
}

/*
 * A client that is through may be gone before its tickets are sent: the handshake is complete. When a
 * client may show a certificate GnuTLS sends tickets last.
 */
static void stepper__tickets_to_nobody(void **state)
{
	struct party c = { 0 }, s = { .flags = QUIC_HANDSHAKE_CERT_REQUEST };

	(void)state;
	party_open(&c, &fake_client);
	party_open(&s, &fake_server);
	assert_int_equal(quic_handshake_init(c.session, &c.step), 0);
	assert_int_equal(quic_handshake_init(s.session, &s.step), 0);
	while (!fake_server.secret[QUIC_CRYPTO_APP][0].set) {
		party_step(&c);
		assert_true(party_step(&s) || c.step);
	}
	assert_non_null(s.step);
	assert_int_equal(s.step->op, QUIC_HANDSHAKE_STEP_OP_SENDMSG);
	s.step->s_sendmsg.retval = -EPIPE;
	assert_int_equal(quic_handshake_step(s.session, &s.step), 0);
	assert_null(s.step);
	assert_string_equal(quic_handshake_error(s.session), "");
	party_close(&c);
	party_close(&s);
}

/* Released in the middle, or after the end, the session can still be asked and freed. */
static void stepper__released(void **state)
{
	struct party c = { 0 }, s = { 0 };
	struct quic_handshake_step *step;
	size_t size = 0;

	(void)state;
	party_open(&c, &fake_client);
	party_open(&s, &fake_server);
	run_both(&c, &s);
	quic_handshake_deinit(c.session);
	ticket_move();
	assert_int_equal(quic_session_get_data(c.session, NULL, &size), 0);
	assert_true(size > 0);
	party_close(&c);
	party_close(&s);

	fake_end();
	fake_open();
	memset(&c, 0, sizeof(c));
	party_open(&c, &fake_client);
	assert_int_equal(quic_handshake_init(c.session, &c.step), 0);
	step = c.step;
	quic_handshake_deinit(c.session);
	assert_int_equal(quic_handshake_step(c.session, &step), -EINVAL);
	assert_int_equal(quic_handshake_init(c.session, &step), -EALREADY);
	party_close(&c);
}

static void session__long_priority(void **state)
{
	struct quic_handshake_opts opts = { .size = sizeof(opts), .hostname = "quic.test",
					    .ca_file = CERTS "/ca.pem" };
	static char text[2000] = QUIC_PRIORITY;
	quic_session_t session;
	struct quic_tls *tls;

	(void)state;
	/* Cut short it would still be a priority string, and say something else. */
	while (strlen(text) < 1500)
		strcat(text, ":+AES-128-GCM");
	opts.priority = text;
	assert_int_equal(quic_tls_new_client(&tls, &opts), 0);
	assert_int_equal(quic_tls_session_sys(tls, fake_client.sd, &fake_sys, NULL, &session),
			 -EINVAL);
	quic_tls_free(tls);
}

/* As plain as a ClientHello can be (RFC 8446, 4.1.2): x25519, AES-128-GCM, hq-interop. */
static size_t client_hello(uint8_t *out)
{
	static const uint8_t head[] = { 1, 0, 0, 0, 3, 3 }, tail[] = {
		0, 0, 2, 0x13, 1, 1, 0, 0, 0,
		0, 43, 0, 3, 2, 3, 4,				/* supported_versions */
		0, 10, 0, 4, 0, 2, 0, 29,			/* supported_groups */
		0, 13, 0, 6, 0, 4, 4, 3, 8, 4,			/* signature_algorithms */
		0, 16, 0, 13, 0, 11, 10, 'h', 'q', '-', 'i', 'n', 't', 'e', 'r', 'o', 'p',
		0, 51, 0, 38, 0, 36, 0, 29, 0, 32, 9,		/* key_share, 32 bytes: 9, 0, ... */
	};
	size_t len;

	memcpy(out, head, sizeof(head));
	memset(out + sizeof(head), 0x55, 32);
	len = sizeof(head) + 32;
	memcpy(out + len, tail, sizeof(tail));
	out[len + 8] = sizeof(tail) - 9 + 31;
	len += sizeof(tail);
	memset(out + len, 0, 31);
	len += 31;
	out[3] = len - 4;
	return len;
}

/* A TLS peer that knows nothing of QUIC: missing_extension (RFC 9001, 8.2). */
static void params__missing(void **state)
{
	struct party s = { 0 };
	uint8_t buf[300];
	ssize_t len;

	(void)state;
	party_open(&s, &fake_server);
	assert_int_equal(quic_handshake_init(s.session, &s.step), 0);
	buf[0] = QUIC_CRYPTO_INITIAL;
	len = 1 + client_hello(buf + 1);
	assert_int_equal(send(fake_client.sd, buf, len, 0), len);
	s.step->s_recvmsg.retval = fake_sys.recv(s.ep->sd, s.step->s_recvmsg.msg, 0);
	assert_int_equal(quic_handshake_step(s.session, &s.step), -EPROTO);
	assert_null(s.step);
	assert_int_equal(fake_server.close.errcode, QUIC_TRANSPORT_ERROR_CRYPTO + 109);
	assert_non_null(strstr(quic_handshake_error(s.session), "transport parameters"));
	assert_int_equal(fake_server.sends, 0);
	party_close(&s);
}

static void stepper__misuse(void **state)
{
	struct quic_handshake_step *step = NULL, mine = { 0 };
	struct party c = { 0 };
	quic_session_t bare = fake_session();

	(void)state;
	assert_int_equal(quic_handshake_init(NULL, &step), -EINVAL);
	assert_int_equal(quic_handshake_step(bare, &step), -EINVAL);
	assert_int_equal(quic_handshake_init(bare, NULL), -EINVAL);
	assert_int_equal(quic_handshake_init(bare, &step), -EBADF);
	quic_session_free(bare);

	party_open(&c, &fake_client);
	assert_int_equal(quic_handshake_init(c.session, &c.step), 0);
	assert_int_equal(quic_handshake_init(c.session, &step), -EALREADY);
	step = &mine;
	assert_int_equal(quic_handshake_step(c.session, &step), -EINVAL);
	/* Claims that cannot be. */
	c.step->s_sendmsg.retval = c.step->s_sendmsg.msg->msg_iov->iov_len + 1;
	assert_int_equal(quic_handshake_step(c.session, &c.step), -EINVAL);
	assert_int_equal(quic_handshake_step(c.session, &c.step), -EINVAL);
	quic_handshake_deinit(c.session);
	quic_handshake_deinit(c.session);
	party_close(&c);
}

/* EAGAIN handed in: the same step comes again. */
static void stepper__again(void **state)
{
	struct party c = { 0 };
	const void *data;

	(void)state;
	party_open(&c, &fake_client);
	assert_int_equal(quic_handshake_init(c.session, &c.step), 0);
	data = c.step->s_sendmsg.msg->msg_iov->iov_base;
	c.step->s_sendmsg.retval = -EAGAIN;
	assert_int_equal(quic_handshake_step(c.session, &c.step), 0);
	assert_ptr_equal(c.step->s_sendmsg.msg->msg_iov->iov_base, data);
	party_close(&c);
}

static void be_silent(int level, const char *msg)
{
	(void)level;
	(void)msg;
}

static void log__exchange(void **state)
{
	int level;

	(void)state;
	assert_ptr_equal(quic_set_log_func(be_silent), be_silent);
	level = quic_set_log_level(7);
	assert_int_equal(quic_set_log_level(level), 7);
	assert_string_equal(quic_strerror(0), "success");
	assert_non_null(strstr(quic_strerror(-EKEYREJECTED), "ca_file"));
	assert_string_equal(quic_strerror(-ENOENT), strerror(ENOENT));
}

#define T(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(stepper__completes), T(stepper__early_server_secret), T(stepper__byte_by_byte),
		T(stepper__again), T(stepper__misuse),
		T(stepper__tickets_to_nobody), T(stepper__released),
		T(session__resumes), T(session__not_a_ticket), T(session__long_priority),
		T(params__missing), T(log__exchange),
	};

	quic_set_log_func(be_silent);
	return cmocka_run_group_tests_name("libquic stepper", tests, NULL, NULL);
}
