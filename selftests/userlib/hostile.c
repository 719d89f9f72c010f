// SPDX-License-Identifier: GPL-2.0
/*
 * A peer that lies: handshakes of which one message is changed, cut, repeated, emptied or moved to another
 * level on its way in. Whatever it is, both sides come to an end, with a reason, and nothing is touched that
 * should not be; the latter is AddressSanitizer's and valgrind's to say. The same seeds each time.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "side.h"

#define ROUNDS		250
#define TURNS		200	/* steps of a handshake: far more than there are */
#define DATA		((uint8_t *)step->s_recvmsg.msg->msg_iov->iov_base)

static struct quic_tls *client_tls, *server_tls;
static uint32_t seed;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % n;
}

struct end {
	struct fake_endpoint *ep;
	quic_session_t session;
	struct quic_handshake_step *step;
	unsigned int count;	/* messages that came in */
	int err;
};

/* What came into @step, len bytes in room for many more. Return: its length now */
static ssize_t spoil(struct quic_handshake_step *step, ssize_t len)
{
	ssize_t at = rnd(len), n;

	switch (rnd(7)) {
	case 0:
		DATA[at] ^= 1 << rnd(8);
		return len;
	case 1:
		DATA[at] = rnd(256);
		return len;
	case 2:
		return at + 1;
	case 3:		/* a length, most likely */
		memset(DATA + at, 0xff, len - at < 3 ? len - at : 3);
		return len;
	case 4:
		n = len < 8000 ? len : 8000;
		memmove(DATA + len, DATA, n);
		return len + n;
	case 5:
		*CMSG_DATA(CMSG_FIRSTHDR(step->s_recvmsg.msg)) = rnd(256);
		return len;
	default:	/* one byte is missing in the middle */
		memmove(DATA + at, DATA + at + 1, len - at - 1);
		return len > 1 ? len - 1 : len;
	}
}

/* One step of an end, its @spoiled-th message not as it was. Return: did something happen? */
static bool turn(struct end *e, unsigned int spoiled)
{
	struct quic_handshake_step *step = e->step;
	ssize_t n;

	if (!step || e->err)
		return false;
	if (step->op == QUIC_HANDSHAKE_STEP_OP_SENDMSG) {
		n = fake_sys.send(e->ep->sd, step->s_sendmsg.msg, MSG_DONTWAIT);
		step->s_sendmsg.retval = n;
	} else {
		n = fake_sys.recv(e->ep->sd, step->s_recvmsg.msg, MSG_DONTWAIT);
		if (n > 0 && e->count++ == spoiled)
			n = spoil(step, n);
		step->s_recvmsg.retval = n;
	}
	if (n == -EAGAIN)
		return false;
	e->err = quic_handshake_step(e->session, &e->step);
	if (e->err)
		fake_close(e->ep);
	return true;
}

/* Return: are both through? */
static bool round_run(unsigned int client_spoiled, unsigned int server_spoiled)
{
	struct end c = { .ep = &fake_client }, s = { .ep = &fake_server };
	unsigned int turns = 0;
	bool moved = true, done;

	fake_open();
	assert_int_equal(quic_tls_session_sys(client_tls, c.ep->sd, &fake_sys_idle, "quic.test",
					      &c.session), 0);
	assert_int_equal(quic_tls_session_sys(server_tls, s.ep->sd, &fake_sys_idle, NULL, &s.session), 0);
	assert_int_equal(quic_handshake_init(c.session, &c.step), 0);
	assert_int_equal(quic_handshake_init(s.session, &s.step), 0);
	while (moved && turns++ < TURNS) {
		moved = turn(&c, client_spoiled);
		moved |= turn(&s, server_spoiled);
	}
	assert_true(turns < TURNS);
	/* Who failed has said why, to the caller and, unless it was told so, to the peer. */
	if (c.err)
		assert_true(quic_handshake_error(c.session)[0]);
	if (s.err)
		assert_true(quic_handshake_error(s.session)[0]);
	if (c.err && c.err != -ECONNABORTED && c.err != -EPROTONOSUPPORT && c.err != -ENOTCONN &&
	    c.err != -ETIMEDOUT)
		assert_true(fake_client.close_set || c.err == -EBADMSG);
	/* Never through with different secrets */
	done = !c.err && !c.step && !s.err && !s.step;
	if (done)
		assert_memory_equal(fake_client.secret[QUIC_CRYPTO_APP][0].s.secret,
				    fake_server.secret[QUIC_CRYPTO_APP][1].s.secret, 48);
	quic_session_free(c.session);
	quic_session_free(s.session);
	fake_end();
	return done;
}

static int tls_setup(void **state)
{
	struct quic_handshake_opts opts = { .size = sizeof(opts), .alpns = "x",
					    .ca_file = CERTS "/ca.pem", CERT("client") };

	(void)state;
	if (quic_tls_new_client(&client_tls, &opts))
		return -1;
	opts.cert_file = CERTS "/server.pem";
	opts.pkey_file = CERTS "/server.key";
	opts.flags = QUIC_HANDSHAKE_CERT_REQUEST | QUIC_HANDSHAKE_EARLY;
	return quic_tls_new_server(&server_tls, &opts);
}

static int tls_teardown(void **state)
{
	(void)state;
	quic_tls_free(client_tls);
	quic_tls_free(server_tls);
	return 0;
}

static void hostile__client(void **state)
{
	int i, done = 0;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		seed = i;
		done += round_run(-1, rnd(2));
	}
	/* What changes a message ends the handshake; a few changes are none. */
	assert_true(done < ROUNDS / 10);
}

static void hostile__server(void **state)
{
	int i, done = 0;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		seed = 7000 + i;
		done += round_run(rnd(2), -1);
	}
	assert_true(done < ROUNDS / 10);
}

/* Nothing spoiled: it would be done. */
static void hostile__not(void **state)
{
	(void)state;
	assert_true(round_run(-1, -1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile__not), cmocka_unit_test(hostile__client),
		cmocka_unit_test(hostile__server),
	};

	quic_set_log_func(be_silent);
	return cmocka_run_group_tests_name("libquic hostile peers", tests, tls_setup, tls_teardown);
}
