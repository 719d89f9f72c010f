// SPDX-License-Identifier: GPL-2.0
/*
 * Retry and address validation tokens at the socket: who is sent back, what a
 * token is worth, and what a server says to one that is wrong. A UDP socket
 * plays clients that the kernel's would not.
 */
#include <arpa/inet.h>
#include <poll.h>

#include "ktap.h"
#include "pair.h"

#define TOKEN_LEN	80

static const struct quic_config validate = { .validate_peer_address = 1 };

static void fill_random(void *buf, size_t len)
{
	FILE *f = fopen("/dev/urandom", "r");

	if (!f || fread(buf, 1, len, f) != len)
		abort();
	fclose(f);
}

/* --- two sockets --- */

static void retry_families(void)
{
	static const struct pair_opts opts[] = {
		{ .server_config = &validate },
		{ .server_config = &validate, .family = AF_INET6 },
		{ .server_config = &validate, .family = AF_INET6, .mapped = true },
		{ .server_config = &validate, .cipher = 54 },
	};
	struct pair p;
	unsigned int i;

	for (i = 0; i < sizeof(opts) / sizeof(opts[0]); i++) {
		CHECK(!pair_open(&p, &opts[i]));
		CHECK(!pair_echo(&p));
		pair_close(&p);
	}
}

/* A hello of several datagrams: each gets a Retry, one counts. */
static void retry_large_hello(void)
{
	struct pair_opts o = { .server_config = &validate };
	struct sockaddr_storage a;
	static char hello[5000], got[5000];
	struct pair p;
	socklen_t len;
	uint8_t level;
	ssize_t n, all = 0;

	p.listener = listen_any(&o, &a, &len);
	p.client = sock_new(0, 0);
	CHECK(p.listener >= 0 && !connect(p.client, (void *)&a, len));
	memset(hello, 'x', sizeof(hello));
	CHECK_EQ(send_level(p.client, QUIC_CRYPTO_INITIAL, hello, sizeof(hello), 0), sizeof(hello));
	set_timeo(p.listener, 5000);
	p.server = accept(p.listener, NULL, NULL);
	CHECK(p.server >= 0);
	set_timeo(p.server, 5000);
	while (all < (ssize_t)sizeof(hello)) {
		n = recv_level(p.server, &level, got, sizeof(got));
		CHECK(n > 0);
		all += n;
	}
	CHECK_EQ(all, sizeof(hello));
	pair_close(&p);
}

/* The option may be set, and lifted by nobody, while listening. */
static void retry_set_late(void)
{
	struct pair_opts o = {};
	struct sockaddr_storage a;
	struct quic_config c = {};
	socklen_t len;
	int sd = listen_any(&o, &a, &len);

	CHECK(!set_opt(sd, QUIC_SOCKOPT_CONFIG, &validate, sizeof(validate)));
	len = sizeof(c);
	CHECK(!get_opt(sd, QUIC_SOCKOPT_CONFIG, &c, &len));
	CHECK_EQ(c.validate_peer_address, 1);
	close(sd);
}

/* --- NEW_TOKEN --- */

static ssize_t get_token(int sd, uint8_t *buf)
{
	socklen_t len = QUIC_TOKEN_MAX;

	return get_opt(sd, QUIC_SOCKOPT_TOKEN, buf, &len) ? -1 : (ssize_t)len;
}

static void new_token(void)
{
	uint8_t a[QUIC_TOKEN_MAX], b[QUIC_TOKEN_MAX], ev[QUIC_TOKEN_MAX];
	struct pair_opts o = {};
	struct pair p;

	CHECK(!pair_begin(&p, &o));
	CHECK(!event_on(p.client, QUIC_EVENT_NEW_TOKEN));
	CHECK_ERR(set_opt(p.server, QUIC_SOCKOPT_TOKEN, NULL, 0), EINVAL);
	CHECK(!pair_handshake(&p, &o));
	CHECK_EQ(event_wait(p.client, QUIC_EVENT_NEW_TOKEN, ev, sizeof(ev)), TOKEN_LEN);
	CHECK_EQ(get_token(p.client, a), TOKEN_LEN);
	CHECK(!memcmp(a, ev, TOKEN_LEN));
	/* One more on demand; the value does not matter. */
	CHECK(!set_opt(p.server, QUIC_SOCKOPT_TOKEN, "x", 1));
	CHECK_EQ(event_wait(p.client, QUIC_EVENT_NEW_TOKEN, ev, sizeof(ev)), TOKEN_LEN);
	CHECK_EQ(get_token(p.client, b), TOKEN_LEN);
	CHECK(memcmp(a, b, TOKEN_LEN));
	CHECK(!memcmp(b, ev, TOKEN_LEN));
	CHECK(!set_opt(p.server, QUIC_SOCKOPT_TOKEN, NULL, 0));
	CHECK_ERR(get_token(p.server, b), EINVAL);
	CHECK_ERR(set_opt(p.listener, QUIC_SOCKOPT_TOKEN, "x", 1), ENOTCONN);
	CHECK_ERR(set_opt(p.client, QUIC_SOCKOPT_TOKEN, "x", 1), EINVAL);
	pair_close(&p);
}

/* A client with @token at a listener; what it takes to be accepted is for the kernels to say. */
static int with_token(const uint8_t *token, size_t token_len, struct pair *p)
{
	struct pair_opts o = { .server_config = &validate };
	struct sockaddr_storage a;
	socklen_t len;

	p->server = -1;
	p->listener = listen_any(&o, &a, &len);
	p->client = sock_new(0, 0);
	if (p->listener < 0 || set_opt(p->client, QUIC_SOCKOPT_TOKEN, token, token_len) ||
	    connect(p->client, (void *)&a, len) ||
	    send_level(p->client, QUIC_CRYPTO_INITIAL, "hello", 5, 0) != 5)
		return -1;
	set_timeo(p->listener, 5000);
	set_timeo(p->client, 5000);
	p->server = accept(p->listener, NULL, NULL);
	return p->server < 0 ? -1 : 0;
}

static void token_presented(void)
{
	struct pair_opts o = {};
	uint8_t token[QUIC_TOKEN_MAX], ev[8];
	struct pair p;
	unsigned int i;

	CHECK(!pair_begin(&p, &o));
	CHECK(!event_on(p.client, QUIC_EVENT_NEW_TOKEN));
	CHECK(!pair_handshake(&p, &o));
	CHECK_EQ(event_wait(p.client, QUIC_EVENT_NEW_TOKEN, ev, sizeof(ev)), TOKEN_LEN);
	CHECK_EQ(get_token(p.client, token), TOKEN_LEN);
	pair_close(&p);
	/* Good, forged, cut short: with or without Retry, it works. */
	for (i = 0; i < 3; i++) {
		token[20] ^= i == 1;
		CHECK(!with_token(token, i == 2 ? 17 : TOKEN_LEN, &p));
		pair_close(&p);
	}
}

/* --- the wire: Initials made by hand; their payload is never looked at --- */

struct wire {
	uint8_t buf[1500];
	ssize_t len;
	uint8_t dcid[20], scid[20], token[512];
	size_t dcid_len, scid_len, token_len;
};

static int udp_to(const struct sockaddr_storage *a, socklen_t len)
{
	struct timeval tv = { .tv_usec = 300000 };
	int sd = socket(a->ss_family, SOCK_DGRAM, 0);

	setsockopt(sd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	return connect(sd, (void *)a, len) ? -1 : sd;
}

static void send_initial(int sd, const uint8_t *dcid, size_t dcid_len, const uint8_t *token,
			 size_t token_len, size_t size)
{
	uint8_t buf[1500], *p = buf;
	size_t left;

	fill_random(buf, sizeof(buf));
	*p++ = 0xc3;
	memcpy(p, "\0\0\0\1", 4);
	p += 4;
	*p++ = dcid_len;
	memcpy(p, dcid, dcid_len);
	p += dcid_len;
	*p++ = 5;
	memcpy(p, "hands", 5);
	p += 5;
	*p++ = 0x40 | token_len >> 8;
	*p++ = token_len;
	memcpy(p, token, token_len);
	p += token_len;
	left = size - (p - buf) - 2;
	*p++ = 0x40 | left >> 8;
	*p = left;
	send(sd, buf, size, 0);
}

/* Return: the packet's two type bits, -1 for silence, -2 for anything else */
static int hear(int sd, struct wire *w)
{
	const uint8_t *p = w->buf + 5;

	w->len = recv(sd, w->buf, sizeof(w->buf), 0);
	if (w->len < 0)
		return -1;
	if (w->len < 20 || (w->buf[0] & 0xc0) != 0xc0 || memcmp(w->buf + 1, "\0\0\0\1", 4))
		return -2;
	w->dcid_len = *p++;
	memcpy(w->dcid, p, w->dcid_len);
	p += w->dcid_len;
	w->scid_len = *p++;
	memcpy(w->scid, p, w->scid_len);
	p += w->scid_len;
	w->token_len = w->buf + w->len - 16 - p;
	memcpy(w->token, p, w->token_len < 512 ? w->token_len : 512);
	return w->buf[0] >> 4 & 3;
}

#define INITIAL	0
#define RETRY	3

static const uint8_t first[8] = "firstone";

static int validating_listener(struct sockaddr_storage *a, socklen_t *len)
{
	struct pair_opts o = { .server_config = &validate };

	return listen_any(&o, a, len);
}

static void wire_retry(void)
{
	struct sockaddr_storage a;
	struct wire w, v;
	socklen_t len;
	int listener = validating_listener(&a, &len), sd = udp_to(&a, len);

	CHECK(sd >= 0);
	send_initial(sd, first, 8, NULL, 0, 1200);
	CHECK_EQ(hear(sd, &w), RETRY);
	CHECK_EQ(w.token_len, TOKEN_LEN);
	CHECK(w.dcid_len == 5 && !memcmp(w.dcid, "hands", 5));
	CHECK_EQ(w.scid_len, 8);
	CHECK(memcmp(w.scid, first, 8));
	/* Nothing is kept: again, and with other names */
	send_initial(sd, first, 8, NULL, 0, 1200);
	CHECK_EQ(hear(sd, &v), RETRY);
	CHECK(memcmp(v.scid, w.scid, 8));
	CHECK(memcmp(v.token, w.token, TOKEN_LEN));
	/* RFC 9000, 14.1 and 7.2: too small a datagram, too short an ID */
	send_initial(sd, first, 8, NULL, 0, 1199);
	CHECK_EQ(hear(sd, &v), -1);
	send_initial(sd, first, 7, NULL, 0, 1200);
	CHECK_EQ(hear(sd, &v), -1);
	CHECK_EQ(poll_for(listener, POLLIN, 0), 0);
	/* The right answer is accepted. */
	send_initial(sd, w.scid, 8, w.token, TOKEN_LEN, 1200);
	CHECK_EQ(poll_for(listener, POLLIN, 1000), POLLIN);
	close(sd);
	close(listener);
}

/* RFC 9000, 8.1.2: wrong ID, wrong port, too late: the attempt is closed, by an Initial packet */
static void wire_invalid(void)
{
	struct sockaddr_storage a;
	struct wire w, v;
	socklen_t len;
	int listener = validating_listener(&a, &len), sd = udp_to(&a, len), other = udp_to(&a, len);

	send_initial(sd, first, 8, NULL, 0, 1200);
	CHECK_EQ(hear(sd, &w), RETRY);

	send_initial(sd, (uint8_t *)"anything", 8, w.token, TOKEN_LEN, 1200);
	CHECK_EQ(hear(sd, &v), INITIAL);
	CHECK(v.len < 100);
	CHECK(v.dcid_len == 5 && !memcmp(v.dcid, "hands", 5));
	CHECK(v.scid_len == 8 && !memcmp(v.scid, "anything", 8));

	send_initial(other, w.scid, 8, w.token, TOKEN_LEN, 1200);
	CHECK_EQ(hear(other, &v), INITIAL);
	CHECK_EQ(hear(sd, &v), -1);

	sleep(11);
	send_initial(sd, w.scid, 8, w.token, TOKEN_LEN, 1200);
	CHECK_EQ(hear(sd, &v), INITIAL);
	CHECK_EQ(poll_for(listener, POLLIN, 0), 0);
	close(sd);
	close(other);
	close(listener);
}

/* 8.1.3: what we did not seal is no token */
static void wire_forged(void)
{
	struct sockaddr_storage a;
	struct wire w, v;
	socklen_t len;
	int listener = validating_listener(&a, &len), sd = udp_to(&a, len);
	static const size_t lens[] = { 1, 79, 81, 500, 80 };
	unsigned int i;

	send_initial(sd, first, 8, NULL, 0, 1200);
	CHECK_EQ(hear(sd, &w), RETRY);
	for (i = 0; i < TOKEN_LEN; i += 13) {
		w.token[i] ^= 0x10;
		send_initial(sd, w.scid, 8, w.token, TOKEN_LEN, 1200);
		CHECK_EQ(hear(sd, &v), RETRY);
		w.token[i] ^= 0x10;
	}
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		send_initial(sd, w.scid, 8, w.token, lens[i], 1200);
		if (lens[i] == TOKEN_LEN)
			CHECK_EQ(poll_for(listener, POLLIN, 1000), POLLIN);
		else
			CHECK_EQ(hear(sd, &v), RETRY);
	}
	close(sd);
	close(listener);
}

/*
 * Another address: 127.0.0.2 may not use what 127.0.0.1 was given, whichever kind it is. And that may
 * use it once (8.1.4).
 */
static void wire_other_address(void)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	uint8_t token[QUIC_TOKEN_MAX], ev[8];
	struct pair_opts o = { .server_config = &validate };
	struct sockaddr_storage a;
	struct pair p;
	struct wire w;
	socklen_t len = sizeof(a);
	int sd, same;

	CHECK(!pair_begin(&p, &o));
	CHECK(!event_on(p.client, QUIC_EVENT_NEW_TOKEN));
	CHECK(!pair_handshake(&p, &o));
	CHECK_EQ(event_wait(p.client, QUIC_EVENT_NEW_TOKEN, ev, sizeof(ev)), TOKEN_LEN);
	CHECK_EQ(get_token(p.client, token), TOKEN_LEN);
	CHECK(!getsockname(p.listener, (void *)&a, &len));

	inet_pton(AF_INET, "127.0.0.2", &from.sin_addr);
	sd = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK(!bind(sd, (void *)&from, sizeof(from)) && !connect(sd, (void *)&a, len));
	send_initial(sd, first, 8, token, TOKEN_LEN, 1200);
	CHECK_EQ(poll_for(sd, POLLIN, 1000), POLLIN);
	CHECK_EQ(hear(sd, &w), RETRY);
	CHECK_EQ(poll_for(p.listener, POLLIN, 0), 0);
	/* The same address, another port: good */
	same = udp_to(&a, len);
	send_initial(same, first, 8, token, TOKEN_LEN, 1200);
	CHECK_EQ(poll_for(p.listener, POLLIN, 1000), POLLIN);
	CHECK_EQ(hear(same, &w), -1);
	/* More of that attempt is no other use, but another attempt is. */
	send_initial(same, first, 8, token, TOKEN_LEN, 1200);
	CHECK_EQ(hear(same, &w), -1);
	send_initial(same, (const uint8_t *)"otherone", 8, token, TOKEN_LEN, 1200);
	CHECK_EQ(hear(same, &w), RETRY);
	close(same);
	close(sd);
	pair_close(&p);
}

/* Half of the backlog is for those who proved their address. */
static void wire_load(void)
{
	struct pair_opts o = {};
	struct sockaddr_storage a;
	uint8_t id[8] = "attempt";
	struct wire w;
	socklen_t len;
	int listener = listen_any(&o, &a, &len), sd = udp_to(&a, len), client;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		id[7] = i;
		send_initial(sd, id, 8, NULL, 0, 1200);
	}
	CHECK_EQ(hear(sd, &w), -1);
	for (; i < 40; i++) {
		id[7] = i;
		send_initial(sd, id, 8, NULL, 0, 1200);
		CHECK_EQ(hear(sd, &w), RETRY);
	}
	/* A client that is there gets in all the same. None of the others opens: accept() skips them. */
	client = sock_new(0, 0);
	CHECK(!connect(client, (void *)&a, len));
	CHECK_EQ(send_level(client, QUIC_CRYPTO_INITIAL, "hello", 5, 0), 5);
	usleep(100000);
	set_timeo(listener, 2000);
	i = accept(listener, NULL, NULL);
	CHECK((int)i >= 0);
	close(i);
	close(client);
	close(sd);
	close(listener);
}

/* And half of the memory: datagrams of few attempts, as many as each may have, keep nobody out. */
static void wire_memory(void)
{
	struct pair_opts o = {};
	struct sockaddr_storage a;
	uint8_t id[8] = "attempt";
	struct wire w;
	socklen_t len;
	int listener = listen_any(&o, &a, &len), sd = udp_to(&a, len), other = udp_to(&a, len);
	unsigned int i;

	CHECK(!listen(listener, 64));
	for (i = 0; i < 24 * 8; i++) {
		id[7] = i / 8;
		send_initial(sd, id, 8, NULL, 0, 1200);
	}
	send_initial(other, first, 8, NULL, 0, 1200);
	CHECK_EQ(hear(other, &w), RETRY);
	close(other);
	close(sd);
	close(listener);
}

/*
 * More attempts at once than are looked at when they come, or may wait for that: the listener goes on as
 * soon as it is calm, and may end in the midst of it.
 */
static void wire_crowd(void)
{
	struct pair_opts o = {};
	struct sockaddr_storage a;
	uint8_t id[8] = "crowd";
	struct wire w;
	socklen_t len;
	int listener = listen_any(&o, &a, &len), sd = udp_to(&a, len), other = udp_to(&a, len);
	unsigned int round, i, answers = 0;

	CHECK(!listen(listener, 4));
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 1000; i++) {
			id[6] = i >> 8;
			id[7] = i;
			send_initial(sd, id, 8, NULL, 0, 1200);
		}
		if (!round)
			usleep(100000);
	}
	while (hear(sd, &w) == RETRY)
		answers++;
	CHECK(answers > 2);
	send_initial(other, first, 8, NULL, 0, 1200);
	CHECK_EQ(hear(other, &w), RETRY);
	for (i = 0; i < 1000; i++) {
		id[6] = 4 + (i >> 8);
		id[7] = i;
		send_initial(sd, id, 8, NULL, 0, 1200);
	}
	close(listener);
	close(other);
	close(sd);
}

/* More INVALID_TOKENs than are answered, and the end of the listener while they wait */
static void wire_flood(void)
{
	struct sockaddr_storage a;
	struct wire w;
	socklen_t len;
	int listener = validating_listener(&a, &len), sd = udp_to(&a, len);
	unsigned int i, answers = 0;

	send_initial(sd, first, 8, NULL, 0, 1200);
	CHECK_EQ(hear(sd, &w), RETRY);
	for (i = 0; i < 300; i++)
		send_initial(sd, (uint8_t *)"anything", 8, w.token, TOKEN_LEN, 1200);
	close(listener);
	while (hear(sd, &w) >= 0)
		answers++;
	CHECK(answers < 300);
	close(sd);
}

static const struct ktap_case cases[] = {
	{ "retry_families", retry_families },
	{ "retry_large_hello", retry_large_hello },
	{ "retry_set_late", retry_set_late },
	{ "new_token", new_token },
	{ "token_presented", token_presented },
	{ "wire_retry", wire_retry },
	{ "wire_invalid", wire_invalid },
	{ "wire_forged", wire_forged },
	{ "wire_other_address", wire_other_address },
	{ "wire_load", wire_load },
	{ "wire_memory", wire_memory },
	{ "wire_crowd", wire_crowd },
	{ "wire_flood", wire_flood },
};

KTAP_MAIN(cases)
