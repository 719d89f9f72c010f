// SPDX-License-Identifier: GPL-2.0
/*
 * Clients whose connection ID is empty (RFC 9000, 5.1 and 5.2): found by the addresses alone. (NAT
 * rebinding is in test_rebind.sh.)
 */
#include <arpa/inet.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "counter.h"
#include "ktap.h"
#include "pair.h"

#define SOME	(3 << 20)

static const uint32_t one = 1, zero, two = 2;

static const struct { int family; bool mapped; } ways[] = {
	{ AF_INET, false }, { AF_INET6, false }, { AF_INET6, true },
};

static uint16_t port_of(int sd)
{
	struct sockaddr_in in;
	socklen_t len = sizeof(in);

	return getsockname(sd, (void *)&in, &len) ? 0 : ntohs(in.sin_port);
}

/* A port nobody has just now */
static int free_port(int family)
{
	struct sockaddr_storage a;
	socklen_t len = addr_loopback(&a, family, false, 0);
	int sd = sock_new(family, 0), port = 0;

	if (!bind(sd, (void *)&a, len))
		port = port_of(sd);
	close(sd);
	return port;
}

/* Return: 0 if @total bytes from @from's stream @sid came to @to as they were */
static int carry(int from, int to, int64_t sid, size_t total)
{
	static uint8_t out[65536], in[65536];
	size_t sent = 0, got = 0;
	uint32_t flags, f;
	int64_t s;
	ssize_t n;

	while (got < total) {
		n = total - sent < sizeof(out) ? total - sent : sizeof(out);
		f = (sent ? 0 : MSG_QUIC_STREAM_NEW) |
		    (sent + n == total ? MSG_QUIC_STREAM_FIN : 0);
		if (n) {
			pattern_fill(out, n, sid, sent);
			n = send_stream(from, sid, f, out, n, MSG_DONTWAIT);
		}
		if (n > 0)
			sent += n;
		do {
			n = recv_stream(to, &s, &flags, in, sizeof(in), sent < total ? MSG_DONTWAIT : 0);
			if (n > 0 && (s != sid || !pattern_ok(in, n, sid, got)))
				return -1;
			if (n > 0)
				got += n;
		} while (n > 0 && got < total);
		if (sent == total && got < total && n <= 0)
			return -1;
		if (sent < total)
			poll_for(from, POLLOUT, 50);
	}
	return 0;
}

static int both_ways(const struct pair *p, size_t total)
{
	return carry(p->client, p->server, 0, total) ?: carry(p->server, p->client, 1, total);
}

static void option(void)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(uint32_t);
	uint32_t v = 7;
	struct pair p;
	int sd = sock_new(0, 0);
	struct pair_opts o = {};

	CHECK(!get_opt(sd, QUIC_SOCKOPT_EMPTY_CID, &v, &len));
	CHECK_EQ(v, 0);
	CHECK_EQ(len, 4);
	CHECK(!set_opt(sd, QUIC_SOCKOPT_EMPTY_CID, &one, 4));
	CHECK(!get_opt(sd, QUIC_SOCKOPT_EMPTY_CID, &v, &len));
	CHECK_EQ(v, 1);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_EMPTY_CID, &two, 4), EINVAL);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_EMPTY_CID, &one, 3), EINVAL);
	/* 5.1: not for a server */
	len = addr_loopback(&a, AF_INET, false, 0);
	CHECK(!bind(sd, (void *)&a, len));
	CHECK_ERR(listen(sd, 1), EOPNOTSUPP);
	CHECK(!set_opt(sd, QUIC_SOCKOPT_EMPTY_CID, &zero, 4));
	CHECK(!listen(sd, 1));
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_EMPTY_CID, &one, 4), EOPNOTSUPP);
	close(sd);
	CHECK(!pair_open(&p, &o));
	CHECK_ERR(set_opt(p.client, QUIC_SOCKOPT_EMPTY_CID, &one, 4), EINVAL);
	CHECK_ERR(set_opt(p.server, QUIC_SOCKOPT_EMPTY_CID, &one, 4), EOPNOTSUPP);
	pair_close(&p);
}

/* 5.2: what the client says its ID is, as anybody on the path sees it; and data both ways. */
static void transfer(void)
{
	uint8_t seen[2048], *quic = seen + sizeof(struct iphdr) + sizeof(struct udphdr);
	struct quic_info info = {};
	socklen_t len = sizeof(info);
	unsigned int i;
	struct pair p;
	ssize_t n;

	for (i = 0; i < 3; i++) {
		struct pair_opts o = { .family = ways[i].family, .mapped = ways[i].mapped,
				       .empty_cid = true };
		int raw = ways[i].family == AF_INET ? socket(AF_INET, SOCK_RAW, IPPROTO_UDP) : -1;

		CHECK(!pair_open(&p, &o));
		if (raw >= 0) {
			/* What earlier cases left may come first. */
			do {
				n = recv(raw, seen, sizeof(seen), MSG_DONTWAIT);
			} while (n > 0 && n < 1228);
			CHECK(n >= 1228);
			CHECK_EQ(*quic & 0x80, 0x80);
			CHECK_EQ(quic[5], 8);
			CHECK_EQ(quic[6 + 8], 0);
			close(raw);
		}
		CHECK(!both_ways(&p, SOME));
		CHECK(!get_opt(p.client, QUIC_SOCKOPT_INFO, &info, &len));
		CHECK_EQ(info.packets_dropped, 0);
		CHECK_EQ(info.packets_lost, info.packets_spurious);
		pair_close(&p);
	}
}

/* 5.1.1: there are no others, and no way to be found at another address. */
static void stays(void)
{
	struct quic_connection_id_info id = { .prior_to = 1 };
	struct pair_opts o = { .empty_cid = true };
	struct sockaddr_storage a;
	socklen_t len = addr_loopback(&a, AF_INET, false, 0);
	struct pair p;

	CHECK(!pair_open(&p, &o));
	CHECK(!carry(p.client, p.server, 0, 1000));
	CHECK_ERR(set_opt(p.client, QUIC_SOCKOPT_CONNECTION_MIGRATION, &a, len), EOPNOTSUPP);
	CHECK_ERR(set_opt(p.client, QUIC_SOCKOPT_CONNECTION_ID, &id, sizeof(id)), EINVAL);
	/* The server's IDs are as ever. */
	id.dest = 1;
	CHECK(!set_opt(p.client, QUIC_SOCKOPT_CONNECTION_ID, &id, sizeof(id)));
	CHECK(!carry(p.server, p.client, 1, 100000));
	pair_close(&p);
}

/* Two servers, one address of ours; a third connection there has an ID, to the first server. */
static void shared(void)
{
	unsigned int i, j;

	for (i = 0; i < 3; i++) {
		struct pair_opts o = { .family = ways[i].family, .mapped = ways[i].mapped,
				       .empty_cid = true, .client_port = free_port(AF_INET) };
		struct pair a, b, c = { -1, -1, -1 };
		struct sockaddr_storage to;
		socklen_t len = sizeof(to);

		CHECK(!pair_open(&a, &o));
		CHECK(!pair_open(&b, &o));
		CHECK_EQ(port_of(a.client), port_of(b.client));
		CHECK(!both_ways(&a, SOME) && !both_ways(&b, SOME));

		CHECK(!getpeername(a.client, (void *)&to, &len));
		c.listener = dup(a.listener);
		CHECK_ERR(pair_client(&c, &o, &to, len), EADDRINUSE);
		CHECK(!strcmp(pair_step, "connect"));
		close(c.client);
		o.empty_cid = false;
		CHECK(!pair_client(&c, &o, &to, len) && !pair_accept(&c) && !pair_handshake(&c, &o));
		CHECK_EQ(port_of(a.client), port_of(c.client));
		for (j = 0; j < 2; j++) {
			CHECK(!carry(a.server, a.client, 5 + 4 * j, SOME));
			CHECK(!carry(c.server, c.client, 1 + 4 * j, SOME));
			CHECK(!carry(b.server, b.client, 5 + 4 * j, SOME));
		}
		/* One goes, the others stay. */
		pair_close(&b);
		CHECK(!carry(a.server, a.client, 13, 1000) && !carry(c.server, c.client, 13, 1000));
		pair_close(&c);
		CHECK(!carry(a.server, a.client, 17, 1000));
		pair_close(&a);
	}
}

/*
 * The same addresses again at once: what is left of the last connection makes room. Its packets are
 * not to come after the next one's first, as they may between two processors.
 */
static void again(void)
{
	struct pair_opts o = { .empty_cid = true, .client_port = free_port(AF_INET) };
	struct sockaddr_storage to;
	socklen_t len = sizeof(to);
	struct pair p;
	unsigned int i;

	CHECK(!one_processor());
	CHECK(!pair_open(&p, &o));
	CHECK(!getpeername(p.client, (void *)&to, &len));
	for (i = 0; i < 5; i++) {
		CHECK(!both_ways(&p, 10000));
		/* Who closes first has a tombstone. */
		close(i % 2 ? p.server : p.client);
		close(i % 2 ? p.client : p.server);
		if (pair_client(&p, &o, &to, len) || pair_accept(&p) || pair_handshake(&p, &o)) {
			printf("# round %u, %s\n", i, pair_step);
			CHECK(false);
		}
	}
	CHECK(!both_ways(&p, 10000));
	pair_close(&p);
}

static void loopback_up(bool up)
{
	struct ifreq r = { .ifr_name = "lo" };
	int sd = socket(AF_INET, SOCK_DGRAM, 0);

	ioctl(sd, SIOCGIFFLAGS, &r);
	r.ifr_flags = up ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP;
	ioctl(sd, SIOCSIFFLAGS, &r);
	close(sd);
}

/* The client closed while nobody heard it: who sends to it later is told (10.2.1). */
static void tombstone(void)
{
	struct pair_opts o = { .empty_cid = true };
	struct quic_info info = {};
	long repeats = counter("QuicOutCloseRepeats");
	socklen_t len = sizeof(info);
	struct pair p;

	CHECK(!pair_open(&p, &o));
	CHECK(!carry(p.client, p.server, 0, 1000));
	usleep(300000);
	loopback_up(false);
	close(p.client);
	p.client = -1;
	usleep(500000);
	loopback_up(true);
	usleep(100000);
	CHECK(!get_opt(p.server, QUIC_SOCKOPT_INFO, &info, &len));
	CHECK_EQ(info.state, QUIC_STATE_CONFIRMED);
	CHECK_EQ(send_stream(p.server, 1, MSG_QUIC_STREAM_NEW, "x", 1, 0), 1);
	CHECK(poll_for(p.server, 0, 1000) & POLLHUP);
	CHECK(!get_opt(p.server, QUIC_SOCKOPT_INFO, &info, &len));
	CHECK_EQ(info.state, QUIC_STATE_DRAINING);
	CHECK(!(info.flags & QUIC_INFO_CLOSED_BY_US));
	CHECK(counter("QuicOutCloseRepeats") > repeats);
	pair_close(&p);
}

/* 10.3: the server went while nobody could hear it, and has forgotten when the client asks. */
struct forgotten {
	struct pair p, other;
};

/* Over IPv4 or IPv6; alone at its address, or not */
static void forgotten_open(struct forgotten *f, int family, bool alone)
{
	static const struct quic_transport_param tp = { .stateless_reset = 1,
							.max_idle_timeout = 120000000 };
	struct pair_opts o = { .family = family, .empty_cid = true, .client = &tp, .server = &tp };

	f->other = (struct pair){ -1, -1, -1 };
	if (!alone) {
		o.client_port = free_port(family);
		CHECK(!pair_open(&f->other, &o));
	}
	CHECK(!pair_open(&f->p, &o));
	CHECK(!carry(f->p.client, f->p.server, 0, 1000));
}

static void forgotten_ask(struct forgotten *f)
{
	long out = counter("QuicOutStatelessResets"), in = counter("QuicInStatelessResets");
	unsigned int i;
	char c;

	CHECK(send_stream(f->p.client, 4, MSG_QUIC_STREAM_NEW, "x", 1, 0) == 1 || errno == EPIPE);
	for (i = 0; i < 20 && !(poll_for(f->p.client, 0, 1000) & POLLHUP); i++)
		;
	CHECK_ERR(recv(f->p.client, &c, 1, 0), ECONNRESET);
	CHECK(counter("QuicOutStatelessResets") > out);
	CHECK_EQ(counter("QuicInStatelessResets"), in + 1);
	if (f->other.client >= 0)
		CHECK(!both_ways(&f->other, 1000));
	pair_close(&f->other);
	pair_close(&f->p);
}

static void reset(void)
{
	struct forgotten f[4];
	unsigned int i;

	for (i = 0; i < 4; i++)
		forgotten_open(&f[i], ways[i & 1].family, i < 2);
	loopback_up(false);
	for (i = 0; i < 4; i++) {
		close(f[i].p.server);
		f[i].p.server = -1;
	}
	/* They cannot be told: the orphans and what is left of them go. */
	sleep(70);
	loopback_up(true);
	usleep(500000);
	for (i = 0; i < 4; i++)
		forgotten_ask(&f[i]);
}

/* A closed port refuses by ICMP, which quotes addresses and the server's ID (21.3). */
static void refused(void)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		struct pair_opts o = { .family = ways[i].family, .mapped = ways[i].mapped,
				       .empty_cid = true };
		struct sockaddr_storage a;
		socklen_t len = addr_loopback(&a, ways[i].family, ways[i].mapped, 9);
		struct pair p = { -1, -1, -1 };
		char c;

		CHECK(!pair_client(&p, &o, &a, len));
		CHECK(poll_for(p.client, POLLIN, 1000) & (POLLERR | POLLHUP));
		CHECK_ERR(recv(p.client, &c, 1, 0), ECONNREFUSED);
		pair_close(&p);
	}
}

static const struct ktap_case cases[] = {
	{ "option", option },
	{ "transfer", transfer },
	{ "stays", stays },
	{ "shared", shared },
	{ "again", again },
	{ "tombstone", tombstone },
	{ "refused", refused },
	{ "reset", reset },
};

KTAP_MAIN(cases)
