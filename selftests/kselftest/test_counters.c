// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of /proc/net/quic_stat that tell what went wrong on the way: a relay between client and
 * server does it, to every Nth of the client's datagrams. The others are in test_observe.c.
 */
#include <arpa/inet.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <poll.h>
#include <pthread.h>

#include "counter.h"
#include "ktap.h"
#include "pair.h"

#define TOTAL	(1 << 20)

enum mischief { NOTHING, LOSE, TWICE, LATE, SPOIL };

struct relay {
	int near, far;			/* the client's side, the server's */
	struct sockaddr_storage client;
	socklen_t client_len;
	volatile enum mischief what;
	volatile bool over;
	unsigned int n, every, done;
	uint8_t held[2048];
	ssize_t held_len;
	unsigned int held_for;
};

static void pass(struct relay *r, uint8_t *buf, ssize_t len)
{
	enum mischief what = ++r->n % r->every ? NOTHING : r->what;

	/* Long headers pass: the handshake is not what is looked at. */
	if (buf[0] & 0x80)
		what = NOTHING;
	r->done += what != NOTHING;
	if (what == LOSE)
		return;
	if (what == LATE && !r->held_len) {
		memcpy(r->held, buf, len);
		r->held_len = len;
		r->held_for = 20;
		return;
	}
	if (what == SPOIL)
		buf[len - 1] ^= 1;
	if (what == TWICE)
		send(r->far, buf, len, 0);
	send(r->far, buf, len, 0);
	if (r->held_len && !--r->held_for) {
		send(r->far, r->held, r->held_len, 0);
		r->held_len = 0;
	}
}

static void *run(void *arg)
{
	struct relay *r = arg;
	struct pollfd p[2] = { { .fd = r->near, .events = POLLIN }, { .fd = r->far, .events = POLLIN } };
	static uint8_t buf[65536];
	ssize_t len;

	while (!r->over) {
		poll(p, 2, 50);
		r->client_len = sizeof(r->client);
		len = recvfrom(r->near, buf, 2048, MSG_DONTWAIT, (void *)&r->client, &r->client_len);
		if (len > 0)
			pass(r, buf, len);
		len = recv(r->far, buf, sizeof(buf), MSG_DONTWAIT);
		if (len > 0)
			sendto(r->near, buf, len, 0, (void *)&r->client, r->client_len);
	}
	return NULL;
}

static int udp_bound(struct sockaddr_storage *a, socklen_t *len)
{
	int sd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;

	*len = addr_loopback(a, AF_INET, false, 0);
	setsockopt(sd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(sd, (void *)a, *len) || getsockname(sd, (void *)a, len))
		return -1;
	return sd;
}

/* A connection through @r, with MTUs that fit its buffers. Return: 0 */
static int through(struct relay *r, struct pair *p, pthread_t *thread)
{
	/* RFC 9000, 18.2: what a relay of ours takes */
	static const struct quic_transport_param tp = { .max_udp_payload_size = 1400 };
	const struct pair_opts o = { .client = &tp, .server = &tp };
	struct sockaddr_storage server, a;
	socklen_t len, server_len;

	p->client = -1;
	p->server = -1;
	p->listener = listen_any(&o, &server, &server_len);
	r->far = udp_bound(&a, &len);
	r->near = udp_bound(&a, &len);
	if (p->listener < 0 || r->far < 0 || r->near < 0 ||
	    connect(r->far, (void *)&server, server_len) || pthread_create(thread, NULL, run, r))
		return -1;
	return pair_client(p, &o, &a, len) ?: pair_accept(p) ?: pair_handshake(p, &o);
}

static int upload(struct pair *p, size_t total)
{
	static uint8_t out[65536], in[65536];
	size_t sent = 0, got = 0;
	uint32_t flags;
	int64_t sid;
	ssize_t n;

	while (got < total) {
		n = total - sent < sizeof(out) ? total - sent : sizeof(out);
		if (n) {
			pattern_fill(out, n, 0, sent);
			n = send_stream(p->client, 0, sent ? 0 : MSG_QUIC_STREAM_NEW, out, n,
					MSG_DONTWAIT);
			if (n > 0)
				sent += n;
		}
		poll_for(p->server, POLLIN, 100);
		while ((n = recv_stream(p->server, &sid, &flags, in, sizeof(in), MSG_DONTWAIT)) > 0) {
			if (!pattern_ok(in, n, 0, got))
				return -1;
			got += n;
		}
		if (errno != EAGAIN)
			return -1;
	}
	return 0;
}

/* @name, without @less of which it was counted too early (or NULL); -1: none of that name */
static long level(const char *name, const char *less)
{
	long v = counter(name);

	return v < 0 || !less ? v : v - counter(less);
}

/* What that gained while a megabyte went through @what; *done: how often that happened */
static long gained(const char *name, const char *less, enum mischief what, unsigned int every,
		   unsigned int *done)
{
	struct relay r = { .every = every };
	pthread_t thread;
	struct pair p;
	long before;
	int err;

	err = one_processor() ?: through(&r, &p, &thread);
	usleep(300000);		/* what a slow machine repeats of the handshake is dropped by now */
	before = level(name, less);
	r.what = what;
	err = err ?: upload(&p, TOTAL);
	usleep(300000);
	r.over = true;
	pthread_join(thread, NULL);
	pair_close(&p);
	close(r.near);
	close(r.far);
	*done = r.done;
	return err || before < 0 ? -1 : level(name, less) - before;
}

/*
 * Each of them is found out, and nothing else: all but what was the last of its flight. What a
 * machine that stands still makes late is taken back.
 */
static void lost(void)
{
	long retrans = counter("QuicRetrans"), n;
	unsigned int done;

	n = gained("QuicLost", "QuicSpuriousLosses", LOSE, 50, &done);
	CHECK(done > 5);
	CHECK(n >= done - 1 && n <= done + 5);
	CHECK(counter("QuicRetrans") - retrans >= done - 1);
	/* And where nothing happens they stay. */
	CHECK_EQ(gained("QuicLost", "QuicSpuriousLosses", NOTHING, 50, &done), 0);
}

static void duplicate(void)
{
	unsigned int done;
	long n = gained("QuicInDuplicates", NULL, TWICE, 20, &done);

	CHECK(done > 10);
	CHECK_EQ(n, done);
}

/* RFC 9002, 6.1.1: behind three others is lost, and then it was not. */
static void late(void)
{
	unsigned int done;

	CHECK(gained("QuicSpuriousLosses", NULL, LATE, 200, &done) > 0);
	CHECK(done > 1);
}

static void spoiled(void)
{
	unsigned int done;
	long n = gained("QuicInDropped", NULL, SPOIL, 50, &done);

	CHECK(done > 5);
	CHECK_EQ(n, done);
}

/* Both ends count: who moved, and who saw it. */
static void migrated(void)
{
	struct pair_opts o = {};
	struct sockaddr_storage a;
	socklen_t len = addr_loopback(&a, AF_INET, false, 0);
	long before = counter("QuicMigrations");
	struct pair p;
	uint8_t local;

	CHECK(!pair_open(&p, &o));
	CHECK(!event_on(p.client, QUIC_EVENT_CONNECTION_MIGRATION));
	usleep(100000);
	CHECK(!set_opt(p.client, QUIC_SOCKOPT_CONNECTION_MIGRATION, &a, len));
	CHECK_EQ(event_wait(p.client, QUIC_EVENT_CONNECTION_MIGRATION, &local, 1), 1);
	CHECK(!pair_echo(&p));
	usleep(100000);
	CHECK_EQ(counter("QuicMigrations"), before + 2);
	pair_close(&p);
}

static uint16_t port_of(int sd)
{
	struct sockaddr_in in;
	socklen_t len = sizeof(in);

	return getsockname(sd, (void *)&in, &len) ? 0 : ntohs(in.sin_port);
}

/* A checksum that is not right: nothing of it is looked at. */
static void checksum(void)
{
	struct {
		struct iphdr ip;
		struct udphdr udp;
		uint8_t payload[1200];
	} __attribute__((packed)) m = {};
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	long before = counter("QuicInCsumErrors"), noise = counter("QuicInNoise");
	struct pair_opts o = {};
	struct sockaddr_storage a;
	socklen_t len;
	int raw, ls = listen_any(&o, &a, &len);

	CHECK(ls >= 0);
	m.ip.version = 4;
	m.ip.ihl = 5;
	m.ip.protocol = IPPROTO_UDP;
	m.ip.ttl = 64;
	m.ip.saddr = to.sin_addr.s_addr;
	m.ip.daddr = to.sin_addr.s_addr;
	m.udp.source = htons(9);
	m.udp.dest = htons(port_of(ls));
	m.udp.len = htons(sizeof(m) - sizeof(m.ip));
	m.udp.check = htons(0x1234);
	raw = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	CHECK_EQ(sendto(raw, &m, sizeof(m), 0, (void *)&to, sizeof(to)), sizeof(m));
	close(raw);
	usleep(100000);
	CHECK_EQ(counter("QuicInCsumErrors"), before + 1);
	CHECK_EQ(counter("QuicInNoise"), noise);
	close(ls);
}

/* Attempts: one that is none (the QUIC Bit, RFC 9287, 3), one that nobody accepts for too long */
static void attempts(void)
{
	long dropped = counter("QuicAttemptsDropped"), expired = counter("QuicAttemptsExpired");
	struct pair p = { -1, -1, -1 }, q = { -1, -1, -1 };
	struct pair_opts o = {};
	uint8_t buf[1200] = { 0x80, 0, 0, 0, 1, 8, [16] = 0x44, 0x9e };
	struct sockaddr_storage a;
	socklen_t len;
	int udp = socket(AF_INET, SOCK_DGRAM, 0);

	p.listener = listen_any(&o, &a, &len);
	CHECK(p.listener >= 0);
	CHECK_EQ(sendto(udp, buf, sizeof(buf), 0, (void *)&a, len), sizeof(buf));
	usleep(50000);
	CHECK_EQ(counter("QuicAttemptsDropped"), dropped + 1);
	close(udp);
	CHECK(!pair_client(&p, &o, &a, len));
	CHECK(poll_for(p.listener, POLLIN, 1000) & POLLIN);
	CHECK_EQ(counter("QuicAttemptsExpired"), expired);
	/* It goes on trying, so it is gone first. */
	close(p.client);
	p.client = -1;
	sleep(60);
	CHECK(!pair_client(&q, &o, &a, len));
	usleep(100000);
	CHECK(counter("QuicAttemptsExpired") > expired);
	pair_close(&q);
	pair_close(&p);
}

static const struct ktap_case cases[] = {
	{ "lost, sent again", lost },
	{ "duplicates", duplicate },
	{ "late, not lost", late },
	{ "spoiled", spoiled },
	{ "migrations", migrated },
	{ "wrong checksum", checksum },
	{ "attempts", attempts },
};

KTAP_MAIN(cases)
