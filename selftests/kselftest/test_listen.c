// SPDX-License-Identifier: GPL-2.0
/*
 * Several listeners at one address and port: by protocol (QUIC_SOCKOPT_ALPN, RFC 9001, 8.1), in
 * several processes, with a ClientHello in any pieces and order, and shared by SO_REUSEPORT.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <sys/wait.h>

#include "../core/hello_build.h"
#include "counter.h"
#include "ktap.h"
#include "pair.h"

#define NO_PROTOCOL	(0x100 + 120)
#define DECODE_ERROR	(0x100 + 50)

static const struct pair_opts plain = {};

/* A listener at @a with this list (NULL: none); the first one chooses the port. */
static int listener(struct sockaddr_storage *a, const char *alpns, bool reuse)
{
	socklen_t len = sizeof(struct sockaddr_in);
	int one = 1, sd = sock_new(AF_INET, 0);

	if ((alpns && set_opt(sd, QUIC_SOCKOPT_ALPN, alpns, strlen(alpns))) ||
	    (reuse && setsockopt(sd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one))) ||
	    bind(sd, (void *)a, len) || listen(sd, 64) || getsockname(sd, (void *)a, &len)) {
		close(sd);
		return -1;
	}
	set_timeo(sd, 3000);
	return sd;
}

/* A client at @a that offers @alpns, in a ClientHello with so much around the list. */
static int client(const struct sockaddr_storage *a, const char *alpns, unsigned int before,
		  unsigned int after)
{
	uint8_t hello[8000];
	size_t len = hello_build(hello, alpns, before, after);
	int sd = sock_new(AF_INET, 0);

	if (connect(sd, (void *)a, sizeof(struct sockaddr_in)) ||
	    send_level(sd, QUIC_CRYPTO_INITIAL, hello, len, 0) != (ssize_t)len) {
		close(sd);
		return -1;
	}
	set_timeo(sd, 3000);
	return sd;
}

/* What the kernel of the server says to this client */
static int refused(int sd)
{
	struct quic_connection_close cl = {};
	socklen_t len = sizeof(cl);
	char c;

	if (recv(sd, &c, 1, 0) != -1 || errno != EPROTO ||
	    get_opt(sd, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, &len))
		return -1;
	return cl.errcode;
}

/* Does @sd accept somebody who said what client() does? Return: descriptor or -1 */
static int accepts(int sd, const char *alpns, unsigned int before, unsigned int after)
{
	uint8_t want[8000], got[8000], level;
	size_t len = hello_build(want, alpns, before, after), n = 0;
	int child = accept(sd, NULL, NULL);
	ssize_t m;

	if (child < 0)
		return -1;
	set_timeo(child, 3000);
	while (n < len && (m = recv_level(child, &level, got + n, sizeof(got) - n)) > 0)
		n += m;
	if (n == len && level == QUIC_CRYPTO_INITIAL && !memcmp(want, got, len))
		return child;
	close(child);
	return -1;
}

static bool silent(int sd)
{
	return !poll_for(sd, POLLIN, 0);
}

/* --- by protocol --- */

static void by_protocol(void)
{
	struct sockaddr_storage a;
	int h3, smb, none, c[4], s[4];
	unsigned int i;

	addr_loopback(&a, AF_INET, false, 0);
	h3 = listener(&a, "h3", false);
	smb = listener(&a, "smb,ksmbd", false);
	none = listener(&a, NULL, false);
	CHECK(h3 >= 0 && smb >= 0 && none >= 0);
	c[0] = client(&a, "ksmbd", 0, 0);
	s[0] = accepts(smb, "ksmbd", 0, 0);
	c[1] = client(&a, "h3", 0, 0);
	s[1] = accepts(h3, "h3", 0, 0);
	c[2] = client(&a, NULL, 0, 0);
	s[2] = accepts(none, NULL, 0, 0);
	c[3] = client(&a, "h2,smb", 0, 0);
	s[3] = accepts(smb, "h2,smb", 0, 0);
	for (i = 0; i < 4; i++) {
		CHECK(c[i] >= 0 && s[i] >= 0);
		close(c[i]);
		close(s[i]);
	}
	CHECK(silent(h3) && silent(smb) && silent(none));
	close(h3);
	close(smb);
	close(none);
}

/* The client's order decides, then the shorter list. */
static void most_exact(void)
{
	struct sockaddr_storage a;
	int one, both, c, s;

	addr_loopback(&a, AF_INET, false, 0);
	both = listener(&a, "h3,smb", false);
	one = listener(&a, "h3", false);
	CHECK(one >= 0 && both >= 0);
	c = client(&a, "h3", 0, 0);
	s = accepts(one, "h3", 0, 0);
	CHECK(s >= 0);
	close(c);
	close(s);
	c = client(&a, "smb,h3", 0, 0);
	s = accepts(both, "smb,h3", 0, 0);
	CHECK(s >= 0);
	close(c);
	close(s);
	CHECK(silent(one) && silent(both));
	close(one);
	close(both);
}

static void in_processes(void)
{
	static const char * const names[] = { "h3", "smb", "doq" };
	struct sockaddr_storage a;
	int ready[2], i, c[3], status;
	pid_t pid[3];
	char byte;

	addr_loopback(&a, AF_INET, false, 0);
	/* Holds the port, and listens to nobody. */
	int hold = sock_new(AF_INET, 0);
	socklen_t len = sizeof(struct sockaddr_in);

	CHECK(!bind(hold, (void *)&a, len) && !getsockname(hold, (void *)&a, &len));
	CHECK(!pipe(ready));
	for (i = 0; i < 3; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			int sd = listener(&a, names[i], false);

			if (sd < 0 || write(ready[1], "", 1) != 1)
				_exit(1);
			_exit(accepts(sd, names[i], 1000, 900) < 0);
		}
	}
	for (i = 0; i < 3; i++)
		CHECK_EQ(read(ready[0], &byte, 1), 1);
	for (i = 0; i < 3; i++)
		c[i] = client(&a, names[i], 1000, 900);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(waitpid(pid[i], &status, 0), pid[i]);
		CHECK_EQ(status, 0);
		close(c[i]);
	}
	close(hold);
	close(ready[0]);
	close(ready[1]);
}

/* RFC 9000, 7.5: datagrams of one ClientHello, last one first, first one twice */
static void shuffled(void)
{
	struct sockaddr_storage a, mid;
	socklen_t len = sizeof(struct sockaddr_in);
	uint8_t dgram[8][1500];
	ssize_t size[8];
	int h3, smb, udp, c, s, n = 0, i;

	addr_loopback(&a, AF_INET, false, 0);
	smb = listener(&a, "smb", false);
	h3 = listener(&a, "h3", false);
	addr_loopback(&mid, AF_INET, false, 0);
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK(!bind(udp, (void *)&mid, len) && !getsockname(udp, (void *)&mid, &len));
	c = client(&mid, "h3", 2000, 2500);
	CHECK(c >= 0);
	while (n < 8 && poll_for(udp, POLLIN, 50) == POLLIN)
		size[n] = recv(udp, dgram[n], sizeof(dgram[0]), 0), n++;
	CHECK(n >= 4);
	for (i = n - 1; i >= 0; i--) {
		CHECK(silent(h3));
		CHECK_EQ(sendto(udp, dgram[i], size[i], 0, (void *)&a, len), size[i]);
		if (i == n - 1)
			CHECK_EQ(sendto(udp, dgram[i], size[i], 0, (void *)&a, len), size[i]);
		usleep(2000);
	}
	s = accepts(h3, "h3", 2000, 2500);
	CHECK(s >= 0);
	CHECK(silent(smb));
	close(s);
	close(c);
	close(udp);
	close(h3);
	close(smb);
}

/* --- who is refused --- */

static void no_match(void)
{
	struct sockaddr_storage a;
	long refusals = counter("QuicOutRefusals");
	int h3, none, c;

	addr_loopback(&a, AF_INET, false, 0);
	h3 = listener(&a, "h3", false);
	c = client(&a, "h2,h1", 0, 0);
	CHECK_EQ(refused(c), NO_PROTOCOL);
	CHECK_EQ(counter("QuicOutRefusals"), refusals + 1);
	close(c);
	/* None offered, all listeners have lists */
	c = client(&a, NULL, 0, 0);
	CHECK_EQ(refused(c), NO_PROTOCOL);
	close(c);
	/* Where one has a list, who has none takes only those who offer none. */
	none = listener(&a, NULL, false);
	c = client(&a, "h2", 2000, 0);
	CHECK_EQ(refused(c), NO_PROTOCOL);
	close(c);
	CHECK(silent(none) && silent(h3));
	/* Where nobody has one, TLS is asked. */
	close(h3);
	c = client(&a, "h2", 0, 0);
	CHECK(accepts(none, "h2", 0, 0) >= 0);
	close(c);
	close(none);
}

static void garbled(void)
{
	struct sockaddr_storage a;
	int h3, none, c, s;
	uint8_t level;
	char buf[10];

	addr_loopback(&a, AF_INET, false, 0);
	h3 = listener(&a, "h3", false);
	c = sock_new(AF_INET, 0);
	CHECK(!connect(c, (void *)&a, sizeof(struct sockaddr_in)));
	set_timeo(c, 3000);
	CHECK_EQ(send_level(c, QUIC_CRYPTO_INITIAL, "hello", 5, 0), 5);
	CHECK_EQ(refused(c), DECODE_ERROR);
	close(c);
	CHECK(silent(h3));
	/* Without a list TLS has to say it. */
	none = listener(&a, NULL, false);
	c = sock_new(AF_INET, 0);
	CHECK(!connect(c, (void *)&a, sizeof(struct sockaddr_in)));
	CHECK_EQ(send_level(c, QUIC_CRYPTO_INITIAL, "hello", 5, 0), 5);
	s = accept(none, NULL, NULL);
	CHECK(s >= 0);
	CHECK_EQ(recv_level(s, &level, buf, sizeof(buf)), 5);
	close(s);
	close(c);
	close(h3);
	close(none);
}

static void one_goes(void)
{
	struct sockaddr_storage a;
	int h3, smb, c, s;

	addr_loopback(&a, AF_INET, false, 0);
	h3 = listener(&a, "h3", false);
	smb = listener(&a, "smb", false);
	/* with one that waits for accept(), and one half here */
	c = client(&a, "h3", 0, 0);
	CHECK_EQ(poll_for(h3, POLLIN, 3000), POLLIN);
	close(h3);
	CHECK_EQ(refused(c), NO_PROTOCOL);
	close(c);
	c = client(&a, "smb", 0, 0);
	s = accepts(smb, "smb", 0, 0);
	CHECK(s >= 0);
	close(c);
	close(s);
	h3 = listener(&a, "h3", false);
	CHECK(h3 >= 0);
	c = client(&a, "h3", 0, 0);
	s = accepts(h3, "h3", 0, 0);
	CHECK(s >= 0);
	close(c);
	close(s);
	close(h3);
	close(smb);
}

/* --- the same list --- */

static void same_list(void)
{
	struct sockaddr_storage a;
	int one, two;

	addr_loopback(&a, AF_INET, false, 0);
	one = listener(&a, "h3,smb", false);
	CHECK(one >= 0);
	CHECK_ERR(listener(&a, "smb,h3", false), EADDRINUSE);
	CHECK_ERR(listener(&a, "smb,h3", true), EADDRINUSE);
	two = listener(&a, "smb", false);
	CHECK(two >= 0);
	close(two);
	two = listener(&a, NULL, false);
	CHECK(two >= 0);
	CHECK_ERR(listener(&a, NULL, true), EADDRINUSE);
	close(two);
	close(one);
	one = listener(&a, "h3", true);
	two = listener(&a, "h3", true);
	CHECK(one >= 0 && two >= 0);
	CHECK_ERR(listener(&a, "h3", false), EADDRINUSE);
	close(one);
	close(two);
}

static void shared_by(const char *alpns)
{
	enum { LISTENERS = 4, CLIENTS = 48 };
	int sd[LISTENERS], n[LISTENERS] = {}, c[CLIENTS], i, s, sum = 0;
	struct sockaddr_storage a;

	addr_loopback(&a, AF_INET, false, 0);
	for (i = 0; i < LISTENERS; i++) {
		sd[i] = listener(&a, alpns, true);
		CHECK(sd[i] >= 0);
	}
	for (i = 0; i < CLIENTS; i++) {
		c[i] = client(&a, alpns, 0, 0);
		CHECK(c[i] >= 0);
	}
	usleep(100000);
	for (i = 0; i < LISTENERS; i++) {
		while (poll_for(sd[i], POLLIN, 0) == POLLIN) {
			s = accepts(sd[i], alpns, 0, 0);
			CHECK(s >= 0);
			close(s);
			n[i]++;
		}
		sum += n[i];
	}
	printf("# %d %d %d %d\n", n[0], n[1], n[2], n[3]);
	CHECK_EQ(sum, CLIENTS);
	/* 12 each; below 3 comes once in some thousand runs for each of them */
	for (i = 0; i < LISTENERS; i++) {
		CHECK(n[i] >= 1);
		close(sd[i]);
	}
	for (i = 0; i < CLIENTS; i++)
		close(c[i]);
}

static void reuseport(void)
{
	shared_by("h3");
}

static void reuseport_no_list(void)
{
	shared_by(NULL);
}

/* --- their own options --- */

/* The first thing this client hears is a Retry. */
static uint64_t heard(int sd)
{
	struct quic_info i = {};
	socklen_t len = sizeof(i);

	return get_opt(sd, QUIC_SOCKOPT_INFO, &i, &len) ? ~0ull : i.packets_received;
}

static void own_validation(void)
{
	struct quic_config cf = { .validate_peer_address = 1 };
	struct sockaddr_storage a;
	int h3, smb, c, s;

	addr_loopback(&a, AF_INET, false, 0);
	h3 = listener(&a, "h3", false);
	smb = listener(&a, "smb", false);
	CHECK(!set_opt(smb, QUIC_SOCKOPT_CONFIG, &cf, sizeof(cf)));
	/* Before accept() there is nobody else to say something. */
	c = client(&a, "h3", 1500, 0);
	CHECK_EQ(poll_for(h3, POLLIN, 3000), POLLIN);
	CHECK_EQ(heard(c), 0);
	s = accepts(h3, "h3", 1500, 0);
	CHECK(s >= 0);
	close(c);
	close(s);
	c = client(&a, "smb", 1500, 0);
	CHECK_EQ(poll_for(smb, POLLIN, 3000), POLLIN);
	CHECK_EQ(heard(c), 1);
	s = accepts(smb, "smb", 1500, 0);
	CHECK(s >= 0);
	close(c);
	close(s);
	close(h3);
	close(smb);
}

/* RFC 9000, 6: what the others speak is no help. */
static void own_versions(void)
{
	const uint32_t v1 = QUIC_VERSION_V1, v2 = QUIC_VERSION_V2;
	struct sockaddr_storage a;
	int h3, smb, c;
	char byte;

	addr_loopback(&a, AF_INET, false, 0);
	h3 = listener(&a, "h3", false);
	smb = listener(&a, "smb", false);
	CHECK(!set_opt(h3, QUIC_SOCKOPT_VERSIONS, &v1, 4));
	CHECK(!set_opt(smb, QUIC_SOCKOPT_VERSIONS, &v2, 4));
	c = client(&a, "smb", 0, 0);
	/* Version Negotiation: TLS has to begin anew, in version 2. */
	CHECK_EQ(poll_for(c, POLLIN, 3000) & POLLIN, POLLIN);
	CHECK_ERR(recv(c, &byte, 1, 0), ESTALE);
	close(c);
	CHECK(silent(smb) && silent(h3));
	close(h3);
	close(smb);
}

/* Halves of ClientHellos: from half of the room on clients show where they are (RFC 9000, 8.1.2). */
static void halves(void)
{
	enum { N = 100 };
	struct sockaddr_storage a;
	uint8_t hello[8000];
	size_t len = hello_build(hello, "h3", 1500, 1500);
	int h3, smb, c[N], i, s;

	addr_loopback(&a, AF_INET, false, 0);
	h3 = listener(&a, "h3", false);
	smb = listener(&a, "smb", false);
	for (i = 0; i < N; i++) {
		c[i] = sock_new(AF_INET, 0);
		CHECK(!connect(c[i], (void *)&a, sizeof(struct sockaddr_in)));
		CHECK(send_level(c[i], QUIC_CRYPTO_INITIAL, hello, 1700, 0) == 1700);
	}
	CHECK(silent(h3) && silent(smb));
	i = client(&a, "smb", 1000, 1000);
	CHECK_EQ(poll_for(smb, POLLIN, 3000), POLLIN);
	CHECK_EQ(heard(i), 1);
	s = accepts(smb, "smb", 1000, 1000);
	CHECK(s >= 0);
	close(i);
	close(s);
	/* The rest comes: all of those that were kept, and those that come back, are h3's. */
	CHECK(send_level(c[0], QUIC_CRYPTO_INITIAL, hello + 1700, len - 1700, 0) ==
	      (ssize_t)len - 1700);
	s = accepts(h3, "h3", 1500, 1500);
	CHECK(s >= 0);
	close(s);
	/* Many at the door when the last listener goes */
	close(h3);
	close(smb);
	for (i = 0; i < N; i++)
		close(c[i]);
}

/* More halves than there is room for, all from a real address: they make room for who says it all. */
static void too_many_halves(void)
{
	enum { N = 200 };
	struct sockaddr_storage a;
	uint8_t hello[8000];
	int h3, smb, c[N], i, s;

	hello_build(hello, "h3", 1500, 1500);
	addr_loopback(&a, AF_INET, false, 0);
	h3 = listener(&a, "h3", false);
	smb = listener(&a, "smb", false);
	for (i = 0; i < N; i++) {
		c[i] = sock_new(AF_INET, 0);
		CHECK(!connect(c[i], (void *)&a, sizeof(struct sockaddr_in)));
		CHECK(send_level(c[i], QUIC_CRYPTO_INITIAL, hello, 1700, 0) == 1700);
	}
	usleep(100000);
	i = client(&a, "smb", 1000, 1000);
	/* Before they would be too old */
	CHECK_EQ(poll_for(smb, POLLIN, 1000), POLLIN);
	s = accepts(smb, "smb", 1000, 1000);
	CHECK(s >= 0);
	close(i);
	close(s);
	close(h3);
	close(smb);
	for (i = 0; i < N; i++)
		close(c[i]);
}

/* A connection by way of a list is one like any other, 0-RTT or not. */
static void whole_handshake(void)
{
	struct sockaddr_storage a;
	struct pair p;
	char buf[10];
	int other;

	addr_loopback(&a, AF_INET, false, 0);
	other = listener(&a, "smb", false);
	p.listener = listener(&a, "h3", false);
	p.client = client(&a, "h3", 1800, 0);
	p.server = accepts(p.listener, "h3", 1800, 0);
	CHECK(p.client >= 0 && p.server >= 0);
	CHECK(!pair_handshake(&p, &plain));
	CHECK_EQ(send(p.client, "over", 4, 0), 4);
	CHECK_EQ(recv(p.server, buf, sizeof(buf), 0), 4);
	pair_close(&p);
	close(other);
}

static const struct ktap_case cases[] = {
	{ "by_protocol", by_protocol },
	{ "most_exact", most_exact },
	{ "in_processes", in_processes },
	{ "shuffled", shuffled },
	{ "no_match", no_match },
	{ "garbled", garbled },
	{ "one_goes", one_goes },
	{ "same_list", same_list },
	{ "reuseport", reuseport },
	{ "reuseport_no_list", reuseport_no_list },
	{ "own_validation", own_validation },
	{ "own_versions", own_versions },
	{ "halves", halves },
	{ "too_many_halves", too_many_halves },
	{ "whole_handshake", whole_handshake },
};

KTAP_MAIN(cases)
