// SPDX-License-Identifier: GPL-2.0
/*
 * Connections that were silent for seconds give up what can be made again (kernel/core/park.h). Nobody sees it: data,
 * options, closing and time limits are as before, whoever speaks first.
 */
#include <linux/tls.h>
#include <poll.h>
#include <time.h>

#include "ktap.h"
#include "pair.h"

static const struct pair_opts plain = {};

static void rest(unsigned int seconds)
{
	const struct timespec ts = { .tv_sec = seconds };

	nanosleep(&ts, NULL);
}

static uint32_t cipher_of(int sd)
{
	struct quic_info info = {};
	socklen_t len = sizeof(info);

	return get_opt(sd, QUIC_SOCKOPT_INFO, &info, &len) ? 0 : info.cipher;
}

/* Users of all ciphers of the kernel; -1: it does not say */
static long transforms(void)
{
	FILE *f = fopen("/proc/crypto", "r");
	long sum = 0, n;
	char line[256];

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "refcnt : %ld", &n) == 1)
			sum += n;
	fclose(f);
	return sum;
}

static bool moves(int from, int to, int64_t sid)
{
	static char out[100000], in[100000];
	size_t got = 0;
	uint32_t flags;
	int64_t id;

	pattern_fill(out, sizeof(out), sid, 0);
	if (send_stream(from, sid, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN, out, sizeof(out), 0) != sizeof(out))
		return false;
	while (got < sizeof(in)) {
		ssize_t n = recv_stream(to, &id, &flags, in + got, sizeof(in) - got, 0);

		if (n <= 0 || id != sid)
			return false;
		got += n;
	}
	return pattern_ok(in, sizeof(in), sid, 0);
}

/* It does rest: the transforms of both ends go, and are back with the first packet. */
static void gives_up(void)
{
	long none = transforms(), busy, resting, back;
	struct pair p;

	if (none < 0)
		SKIP("no /proc/crypto");
	CHECK(!pair_open(&p, &plain));
	CHECK(moves(p.client, p.server, 0));
	busy = transforms();
	rest(4);
	resting = transforms();
	CHECK(moves(p.client, p.server, 4));
	back = transforms();
	printf("# users of ciphers: %ld before, %ld busy, %ld at rest, %ld again\n", none, busy, resting, back);
	/* Each end has at least one transform a direction for packets. */
	CHECK(busy >= resting + 4);
	CHECK(back >= resting + 4);
	pair_close(&p);
}

static void both_ways(void)
{
	static const uint32_t ciphers[] = { TLS_CIPHER_AES_GCM_128, TLS_CIPHER_AES_GCM_256,
					    TLS_CIPHER_AES_CCM_128, TLS_CIPHER_CHACHA20_POLY1305 };
	enum { N = sizeof(ciphers) / sizeof(ciphers[0]) };
	struct pair p[N];
	int64_t round;
	int i;

	for (i = 0; i < N; i++)
		CHECK(!pair_open(&p[i], &(struct pair_opts){ .cipher = ciphers[i] }));
	for (round = 0; round < 3; round++) {
		rest(4);
		for (i = 0; i < N; i++) {
			CHECK_EQ(cipher_of(p[i].client), ciphers[i]);
			CHECK_EQ(cipher_of(p[i].server), ciphers[i]);
			CHECK(moves(p[i].client, p[i].server, round * 4));
		}
		rest(4);
		for (i = 0; i < N; i++)
			CHECK(moves(p[i].server, p[i].client, round * 4 + 1));
	}
	for (i = 0; i < N; i++)
		pair_close(&p[i]);
}

/* RFC 9001, 6: keys may change after it, and who changed them rests, too. */
static void updates(void)
{
	struct quic_info info;
	socklen_t len = sizeof(info);
	struct pair p;

	CHECK(!pair_open(&p, &plain));
	rest(4);
	CHECK(!set_opt(p.client, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0));
	CHECK(moves(p.client, p.server, 0));
	CHECK(moves(p.server, p.client, 1));
	rest(4);
	CHECK(moves(p.client, p.server, 4));
	CHECK(!get_opt(p.server, QUIC_SOCKOPT_INFO, &info, &len));
	CHECK_EQ(info.key_updates, 1);
	CHECK_EQ(info.packets_lost, 0);
	CHECK_EQ(info.packets_dropped, 0);
	pair_close(&p);
}

/* RFC 9000, 10.1.2: PINGs leave in time, and are answered. */
static void keepalive(void)
{
	const struct quic_config cf = { .keepalive_probe_interval = 5000000 };
	const struct quic_transport_param tp = { .max_idle_timeout = 8000000 };
	struct pair_opts o = { .client = &tp, .server = &tp, .client_config = &cf };
	struct pair p;

	CHECK(!pair_open(&p, &o));
	rest(30);
	CHECK(moves(p.server, p.client, 1));
	pair_close(&p);
}

/* RFC 9000, 10.1: silence ends it as ever. */
static void idle(void)
{
	const struct quic_transport_param tp = { .max_idle_timeout = 6000000 };
	struct pair_opts o = { .client = &tp, .server = &tp };
	struct pair p;
	char c;

	CHECK(!pair_open(&p, &o));
	rest(4);
	CHECK_EQ(poll_for(p.client, POLLIN, 0) & POLLIN, 0);
	rest(3);
	CHECK_ERR(recv(p.client, &c, 1, 0), ETIMEDOUT);
	CHECK_ERR(recv(p.server, &c, 1, 0), ETIMEDOUT);
	pair_close(&p);
}

/* RFC 9000, 10.2: the peer is told. */
static void closes(void)
{
	struct quic_connection_close cl = { .errcode = 77 };
	socklen_t len = sizeof(cl);
	struct pair p;
	char c;

	CHECK(!pair_open(&p, &plain));
	rest(4);
	CHECK(!set_opt(p.client, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, sizeof(cl)));
	rest(4);
	close(p.client);
	p.client = -1;
	CHECK(recv(p.server, &c, 1, 0) <= 0);
	CHECK(!get_opt(p.server, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, &len));
	CHECK_EQ(cl.errcode, 77);
	pair_close(&p);
}

/* Both speak at once. */
static void both(void)
{
	struct pair p;
	uint32_t flags;
	int64_t id;
	char c;

	CHECK(!pair_open(&p, &plain));
	rest(4);
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, "c", 1, 0), 1);
	CHECK_EQ(send_stream(p.server, 1, MSG_QUIC_STREAM_NEW, "s", 1, 0), 1);
	CHECK_EQ(recv_stream(p.client, &id, &flags, &c, 1, 0), 1);
	CHECK_EQ(c, 's');
	CHECK_EQ(recv_stream(p.server, &id, &flags, &c, 1, 0), 1);
	CHECK_EQ(c, 'c');
	pair_close(&p);
}

static const struct ktap_case cases[] = {
	{ "transforms go and come back", gives_up },
	{ "rest, and data both ways, with every cipher", both_ways },
	{ "key update after it, rest after key update", updates },
	{ "keep-alive", keepalive },
	{ "idle timeout", idle },
	{ "close tells the peer", closes },
	{ "both ends at once", both },
};

int main(void)
{
	return ktap_main(cases, sizeof(cases) / sizeof(cases[0]));
}
