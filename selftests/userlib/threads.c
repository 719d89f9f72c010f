// SPDX-License-Identifier: GPL-2.0
/*
 * One struct quic_tls for many connections, from many threads at once, while another thread changes where
 * messages go. What matters is said by ThreadSanitizer and AddressSanitizer, which this runs under, too.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "fake.h"
#include "tls.h"

#define THREADS		8
#define CONNECTIONS	12

static struct quic_tls *client_tls, *server_tls;
static atomic_uint messages, good;
static atomic_bool over;

/* The I/O of one step, if it can be done. */
static bool step_do(struct fake_endpoint *ep, quic_session_t session,
		    struct quic_handshake_step **step, int *err)
{
	ssize_t ret;

	if (!*step)
		return false;
	if ((*step)->op == QUIC_HANDSHAKE_STEP_OP_SENDMSG) {
		ret = fake_sys.send(ep->sd, (*step)->s_sendmsg.msg, MSG_DONTWAIT);
		(*step)->s_sendmsg.retval = ret;
	} else {
		ret = fake_sys.recv(ep->sd, (*step)->s_recvmsg.msg, MSG_DONTWAIT);
		(*step)->s_recvmsg.retval = ret;
	}
	if (ret == -EAGAIN)
		return false;
	*err = quic_handshake_step(session, step);
	return !*err;
}

/* Both ends of one connection in one thread. 0 or what went wrong. */
static int connection(const char *name, bool *established)
{
	struct quic_handshake_step *cstep = NULL, *sstep = NULL;
	struct fake_endpoint *c = calloc(1, sizeof(*c)), *s = calloc(1, sizeof(*s));
	quic_session_t client = NULL, server = NULL;
	bool moved = true;
	int err;

	if (!c || !s)
		abort();
	fake_pair(c, s);
	err = quic_tls_session_sys(client_tls, c->sd, &fake_sys_idle, name, &client);
	if (!err)
		err = quic_tls_session_sys(server_tls, s->sd, &fake_sys_idle, NULL, &server);
	if (!err)
		err = quic_handshake_init(client, &cstep);
	if (!err)
		err = quic_handshake_init(server, &sstep);
	while (!err && (cstep || sstep) && moved) {
		moved = step_do(c, client, &cstep, &err);
		if (!err)
			moved |= step_do(s, server, &sstep, &err);
	}
	*established = c->secret[QUIC_CRYPTO_APP][0].set && s->secret[QUIC_CRYPTO_APP][0].set;
	if (client)
		quic_session_free(client);
	if (server)
		quic_session_free(server);
	fake_pair_end(c, s);
	free(c);
	free(s);
	return err;
}

static void *connections(void *arg)
{
	bool established;
	int i, err;

	(void)arg;
	for (i = 0; i < CONNECTIONS; i++) {
		/* Every third is to another name: its failure is its own. */
		err = connection(i % 3 ? "quic.test" : "else.test", &established);
		if (i % 3 ? !err && established : err == -EKEYREJECTED)
			atomic_fetch_add(&good, 1);
	}
	return NULL;
}

static void one(int level, const char *msg)
{
	(void)level;
	(void)msg;
	atomic_fetch_add(&messages, 1);
}

static void two(int level, const char *msg)
{
	one(level, msg);
}

static void *change_log(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; !atomic_load(&over); i++) {
		quic_set_log_func(i % 2 ? one : two);
		quic_set_log_level(3 + i % 5);	/* failures are told at any of them */
	}
	return NULL;
}

static void threads__share_a_tls(void **state)
{
	struct quic_handshake_opts opts = { .size = sizeof(opts), .alpns = "x" };
	pthread_t thread[THREADS], changer;
	int i;

	(void)state;
	opts.ca_file = CERTS "/ca.pem";
	assert_int_equal(quic_tls_new_client(&client_tls, &opts), 0);
	opts.cert_file = CERTS "/server.pem";
	opts.pkey_file = CERTS "/server.key";
	assert_int_equal(quic_tls_new_server(&server_tls, &opts), 0);
	quic_set_log_func(one);
	assert_int_equal(pthread_create(&changer, NULL, change_log, NULL), 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, connections, NULL), 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	atomic_store(&over, true);
	pthread_join(changer, NULL);
	assert_int_equal(good, THREADS * CONNECTIONS);
	assert_true(messages > 0);
	quic_tls_free(client_tls);
	quic_tls_free(server_tls);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(threads__share_a_tls) };

	return cmocka_run_group_tests_name("libquic threads", tests, NULL, NULL);
}
