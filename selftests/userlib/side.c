// SPDX-License-Identifier: GPL-2.0
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "side.h"

void *side_run(void *arg)
{
	struct side *s = arg;

	s->opts.size = sizeof(s->opts);
	s->opts.errbuf = s->errbuf;
	s->opts.errlen = sizeof(s->errbuf);
	if (!s->opts.timeout_ms)
		s->opts.timeout_ms = 4000;
	s->err = quic_simple_handshake(s->ep->sd, &fake_sys, s->ep->server, &s->opts);
	if (s->err)
		fake_close(s->ep);
	return NULL;
}

void both_run(struct side *client, struct side *server)
{
	pthread_t thread;

	client->ep = &fake_client;
	server->ep = &fake_server;
	assert_int_equal(pthread_create(&thread, NULL, side_run, server), 0);
	side_run(client);
	pthread_join(thread, NULL);
}

void assert_established(struct side *client, struct side *server, uint32_t cipher)
{
	static const uint8_t levels[] = { QUIC_CRYPTO_HANDSHAKE, QUIC_CRYPTO_APP };
	size_t i;
	int send;

	if (client->err || server->err)
		print_message("client: %s\nserver: %s\n", client->errbuf, server->errbuf);
	assert_int_equal(client->err, 0);
	assert_int_equal(server->err, 0);
	for (i = 0; i < 2; i++) {
		for (send = 0; send < 2; send++) {
			struct fake_secret *c = &fake_client.secret[levels[i]][send];
			struct fake_secret *s = &fake_server.secret[levels[i]][!send];

			assert_true(c->set && s->set);
			assert_memory_equal(c->s.secret, s->s.secret, sizeof(c->s.secret));
			assert_int_equal(c->s.type, s->s.type);
			if (cipher)
				assert_int_equal(c->s.type, cipher);
		}
		/* Each direction has its own. */
		assert_memory_not_equal(fake_client.secret[levels[i]][0].s.secret,
					fake_client.secret[levels[i]][1].s.secret, 32);
	}
	assert_int_equal(fake_client.peer_params_len, fake_server.params_len);
	assert_memory_equal(fake_client.peer_params, fake_server.params, fake_server.params_len);
	assert_int_equal(fake_server.peer_params_len, fake_client.params_len);
	assert_memory_equal(fake_server.peer_params, fake_client.params, fake_client.params_len);
	assert_int_equal(fake_client.orphans + fake_server.orphans, 0);
	assert_false(fake_client.close_set || fake_server.close_set);
}

int side_setup(void **state)
{
	(void)state;
	fake_open();
	return 0;
}

int side_teardown(void **state)
{
	(void)state;
	fake_end();
	return 0;
}

void be_silent(int level, const char *msg)
{
	(void)level;
	(void)msg;
}
