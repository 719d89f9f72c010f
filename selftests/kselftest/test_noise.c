// SPDX-License-Identifier: GPL-2.0
/*
 * Garbage, cut, stretched, damaged and repeated datagrams thrown at the ports
 * of listeners and connections while a transfer runs, which must arrive whole.
 * The seed is fixed (or the first argument).
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "ktap.h"
#include "noise.h"

#define TRANSFER	(1 << 20)	/* bytes */
#define STREAM		2		/* the client's first unidirectional one */

static uint64_t seed = 20261122;

/* --- a transfer that somebody disturbs --- */

struct sender {
	int sd;
	ssize_t sent;
};

static void *send_all(void *arg)
{
	struct sender *s = arg;
	static uint8_t buf[TRANSFER];

	pattern_fill(buf, sizeof(buf), STREAM, 0);
	s->sent = send_stream(s->sd, STREAM, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN, buf,
			      sizeof(buf), 0);
	return NULL;
}

/* Return: bytes of the stream that came as they should, up to its end; or -1 */
static ssize_t receive_all(int sd)
{
	static uint8_t buf[65536];
	uint32_t flags = 0;
	size_t got = 0;
	int64_t sid;
	ssize_t n;

	while (!(flags & MSG_QUIC_STREAM_FIN)) {
		n = recv_stream(sd, &sid, &flags, buf, sizeof(buf), 0);
		if (n < 0)
			return -1;
		if (flags & MSG_QUIC_NOTIFICATION)
			continue;
		if (sid != STREAM || !pattern_ok(buf, n, sid, got))
			return -1;
		got += n;
	}
	return got;
}

/* Run one over @p while @disturb does what it does. Return: whether all of it came */
static bool transfer(struct pair *p, void *(*disturb)(void *), void *arg)
{
	struct sender s = { p->client, -1 };
	pthread_t sender, other;
	ssize_t got;

	pthread_create(&sender, NULL, send_all, &s);
	pthread_create(&other, NULL, disturb, arg);
	got = receive_all(p->server);
	pthread_join(sender, NULL);
	pthread_join(other, NULL);
	if (got != TRANSFER || s.sent != TRANSFER)
		printf("# sent %zd, received %zd: %s\n", s.sent, got, strerror(errno));
	return got == TRANSFER && s.sent == TRANSFER;
}

/* --- at the ports --- */

static void test_datagrams(void)
{
	struct ports w = { .seed = seed };
	struct pair_opts o = {};
	struct pair p;

	CHECK(!pair_open(&p, &o));
	w.port[0] = port_of(p.listener);
	w.port[1] = port_of(p.client);
	w.port[2] = port_of(p.server);
	CHECK(transfer(&p, throw_datagrams, &w));
	pair_close(&p);
}

/* --- real datagrams, on their way through us, damaged and repeated on the side --- */

#define RECORDED	64

struct relay {
	int sd, server_port, client_port;
	atomic_bool stop;
	uint64_t seed;
	uint8_t real[RECORDED * 2048];
	size_t len[RECORDED];
	unsigned int n;
};

static void relay_one(struct relay *r)
{
	static uint8_t buf[65536], bad[16384];
	struct sockaddr_storage a;
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	struct ports w;
	ssize_t n = recvfrom(r->sd, buf, sizeof(buf), MSG_DONTWAIT, (void *)&from, &len);
	bool to_server;

	if (n <= 0)
		return;
	to_server = ntohs(from.sin_port) != r->server_port;
	if (to_server)
		r->client_port = ntohs(from.sin_port);
	len = addr_loopback(&a, AF_INET, false, to_server ? r->server_port : r->client_port);
	sendto(r->sd, buf, n, 0, (void *)&a, len);
	if (n <= 1500) {
		memcpy(r->real + r->n % RECORDED * 2048, buf, n);
		r->len[r->n % RECORDED] = n;
		r->n++;
	}
	w = (struct ports){ .seed = r->seed, .real = r->real, .real_len = r->len,
			    .nreal = r->n < RECORDED ? r->n : RECORDED };
	if (w.nreal && !(rnd(&w.seed) % 2)) {
		n = make_datagram(&w, bad, 9000);
		sendto(r->sd, bad, n, 0, (void *)&a, len);
	}
	r->seed = w.seed;
}

static void *relay_run(void *arg)
{
	struct relay *r = arg;
	struct pollfd pf = { r->sd, POLLIN, 0 };

	while (!atomic_load(&r->stop))
		if (poll(&pf, 1, 20) > 0)
			relay_one(r);
	return NULL;
}

static void *idle(void *arg)
{
	return NULL;
}

static bool relayed_pair(struct pair *p, struct relay *r)
{
	struct pair_opts o = {};
	struct sockaddr_storage a;
	uint8_t level;
	char buf[64];
	socklen_t len;

	p->listener = listen_any(&o, &a, &len);
	r->server_port = port_of(p->listener);
	p->client = sock_new(AF_INET, SOCK_STREAM);
	len = addr_loopback(&a, AF_INET, false, port_of(r->sd));
	if (connect(p->client, (void *)&a, len))
		return false;
	if (send_level(p->client, QUIC_CRYPTO_INITIAL, "hello from the client", 21, 0) != 21)
		return false;
	set_timeo(p->listener, 5000);
	p->server = accept(p->listener, NULL, NULL);
	if (p->server < 0)
		return false;
	set_timeo(p->client, 20000);
	set_timeo(p->server, 20000);
	if (recv_level(p->server, &level, buf, sizeof(buf)) != 21)
		return false;
	return !pair_handshake(p, &o);
}

static void test_relay(void)
{
	static struct relay r;
	struct pair p = { -1, -1, -1 };
	struct sockaddr_storage a;
	pthread_t t;
	bool up, ok;

	r.seed = seed + 1;
	r.sd = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK(!bind(r.sd, (void *)&a, addr_loopback(&a, AF_INET, false, 0)));
	pthread_create(&t, NULL, relay_run, &r);
	up = relayed_pair(&p, &r);
	ok = up && transfer(&p, idle, NULL);
	atomic_store(&r.stop, true);
	pthread_join(t, NULL);
	close(r.sd);
	pair_close(&p);
	CHECK(up);
	CHECK(ok);
}

/* Junk that looks like Initials must not keep a non-blocking accept() from returning. */
static void test_accept_junk(void)
{
	struct pair_opts o = {};
	struct sockaddr_storage a;
	struct timespec t0, t1;
	uint64_t s = seed + 11;
	uint8_t buf[1500];
	int ld, sd, i;
	socklen_t len;

	ld = listen_any(&o, &a, &len);
	CHECK(ld >= 0 && !listen(ld, 500));
	CHECK(!fcntl(ld, F_SETFL, O_NONBLOCK));
	sd = socket(AF_INET, SOCK_DGRAM, 0);
	for (i = 0; i < 400; i++)
		sendto(sd, buf, initial(&s, buf, 1, 1200), 0, (void *)&a, len);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	CHECK_ERR(accept(ld, NULL, NULL), EAGAIN);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	printf("# accept() returned after %lld us\n",
	       (t1.tv_sec - t0.tv_sec) * 1000000LL + (t1.tv_nsec - t0.tv_nsec) / 1000);
	for (i = 0; i < 20 && poll_for(ld, POLLIN, 0) & POLLIN; i++)
		CHECK_ERR(accept(ld, NULL, NULL), EAGAIN);
	CHECK(!(poll_for(ld, POLLIN, 0) & POLLIN));
	close(sd);
	close(ld);
}

static const struct ktap_case cases[] = {
	{ "a transfer under a hail of datagrams", test_datagrams },
	{ "a transfer whose datagrams are repeated, cut and damaged", test_relay },
	{ "junk in the accept queue", test_accept_junk },
};

int main(int argc, char **argv)
{
	if (argc > 1)
		seed = strtoull(argv[1], NULL, 0);
	return ktap_main(cases, sizeof(cases) / sizeof(cases[0]));
}
