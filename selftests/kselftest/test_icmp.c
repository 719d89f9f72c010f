// SPDX-License-Identifier: GPL-2.0
/*
 * ICMP: a closed port refuses a client's first packets (as tcp(7)); what is forged, or comes
 * later, is not believed (RFC 9000, 14.2.1, 21.3). A raw socket plays those who forge.
 */
#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <linux/icmp.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <poll.h>

#include "ktap.h"
#include "pair.h"

static int client_to(int family, bool mapped, int port)
{
	struct sockaddr_storage a;
	socklen_t len = addr_loopback(&a, family, mapped, port);
	struct quic_transport_param tp = { .max_idle_timeout = 2000000 };
	int sd = sock_new(family, 0);

	set_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, sizeof(tp));
	if (connect(sd, (void *)&a, len))
		return -1;
	set_timeo(sd, 5000);
	return sd;
}

static int error_of(int sd)
{
	int err = 0;
	socklen_t len = sizeof(err);

	getsockopt(sd, SOL_SOCKET, SO_ERROR, &err, &len);
	return err;
}

static void refused(void)
{
	static const struct { int family; bool mapped; } way[] = {
		{ AF_INET, false }, { AF_INET6, false }, { AF_INET6, true },
	};
	unsigned int i;
	char c;

	for (i = 0; i < 3; i++) {
		int sd = client_to(way[i].family, way[i].mapped, 9);

		CHECK(sd >= 0);
		CHECK_EQ(send_level(sd, QUIC_CRYPTO_INITIAL, "hello", 5, 0), 5);
		CHECK(poll_for(sd, POLLIN, 1000) & (POLLERR | POLLHUP));
		CHECK_ERR(recv(sd, &c, 1, 0), ECONNREFUSED);
		CHECK_EQ(error_of(sd), 0);
		close(sd);
	}
}

static unsigned short sum(const void *p, size_t len)
{
	const uint8_t *b = p;
	uint32_t s = 0;
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		s += b[i] << 8 | b[i + 1];
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return htons(~s);
}

/* "Unreachable" for a packet from @from to @to whose payload begins with @quoted */
static void forge_mtu(const struct sockaddr_in *from, const struct sockaddr_in *to, int code, int mtu,
		      const void *quoted, size_t len)
{
	struct {
		struct icmphdr icmp;
		struct iphdr ip;
		struct udphdr udp;
		uint8_t payload[512];
	} __attribute__((packed)) m = {};
	struct sockaddr_in dst = *from;
	int raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);

	m.icmp.type = ICMP_DEST_UNREACH;
	m.icmp.code = code;
	m.icmp.un.frag.mtu = htons(mtu);
	m.ip.version = 4;
	m.ip.ihl = 5;
	m.ip.protocol = IPPROTO_UDP;
	m.ip.tot_len = htons(1228);
	m.ip.ttl = 64;
	m.ip.saddr = from->sin_addr.s_addr;
	m.ip.daddr = to->sin_addr.s_addr;
	m.ip.check = sum(&m.ip, sizeof(m.ip));
	m.udp.source = from->sin_port;
	m.udp.dest = to->sin_port;
	m.udp.len = htons(1208);
	memcpy(m.payload, quoted, len);
	m.icmp.checksum = sum(&m, sizeof(m));
	dst.sin_port = 0;
	sendto(raw, &m, sizeof(m), 0, (void *)&dst, sizeof(dst));
	close(raw);
}

static void forge(const struct sockaddr_in *from, const struct sockaddr_in *to, int code,
		  const void *quoted, size_t len)
{
	forge_mtu(from, to, code, 0, quoted, len);
}

/* A server that is silent, and what came to it first */
static int silent(struct sockaddr_in *at, struct sockaddr_in *from, int *client, uint8_t *buf,
		  size_t len)
{
	int sd = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t alen = sizeof(*at);
	ssize_t n;

	memset(at, 0, sizeof(*at));
	at->sin_family = AF_INET;
	at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(sd, (void *)at, alen) || getsockname(sd, (void *)at, &alen))
		return -1;
	*client = client_to(AF_INET, false, ntohs(at->sin_port));
	if (send_level(*client, QUIC_CRYPTO_INITIAL, "hello", 5, 0) != 5)
		return -1;
	alen = sizeof(*from);
	n = recvfrom(sd, buf, len, 0, (void *)from, &alen);
	return n < 1200 ? -1 : sd;
}

static void forged(void)
{
	struct sockaddr_in at, from;
	uint8_t pkt[1500], bad[200];
	int client, sd;
	char c;

	sd = silent(&at, &from, &client, pkt, sizeof(pkt));
	CHECK(sd >= 0);
	/* Ports and addresses alone; wrong IDs; a short header; too little of it. */
	forge(&from, &at, ICMP_PORT_UNREACH, "", 0);
	memcpy(bad, pkt, sizeof(bad));
	bad[6] ^= 1;
	forge(&from, &at, ICMP_PORT_UNREACH, bad, sizeof(bad));
	memcpy(bad, pkt, sizeof(bad));
	bad[15] ^= 1;
	forge(&from, &at, ICMP_PORT_UNREACH, bad, sizeof(bad));
	memcpy(bad, pkt, sizeof(bad));
	bad[0] &= 0x7f;
	forge(&from, &at, ICMP_PORT_UNREACH, bad, sizeof(bad));
	CHECK_EQ(poll_for(client, POLLIN, 100), 0);
	CHECK_EQ(error_of(client), 0);
	/* The genuine thing */
	forge(&from, &at, ICMP_PORT_UNREACH, pkt, 200);
	CHECK_ERR(recv(client, &c, 1, 0), ECONNREFUSED);
	close(client);
	close(sd);
}

/* A soft error does not end it, but is what is told when nobody ever answers. */
static void soft(void)
{
	struct sockaddr_in at, from;
	uint8_t pkt[1500];
	int client, sd;
	char c;

	sd = silent(&at, &from, &client, pkt, sizeof(pkt));
	CHECK(sd >= 0);
	forge(&from, &at, ICMP_HOST_UNREACH, pkt, 200);
	CHECK_EQ(poll_for(client, POLLIN, 500), 0);
	CHECK_ERR(recv(client, &c, 1, 0), EHOSTUNREACH);
	close(client);
	close(sd);
}

/* Once a server answered, its port may be as closed as it likes. */
static void answered(void)
{
	struct sockaddr_in from, at;
	socklen_t len = sizeof(from);
	struct pair_opts o = {};
	struct pair p;
	uint8_t level, seen[1500];
	const uint8_t *quoted = seen + sizeof(struct iphdr) + sizeof(struct udphdr);
	char buf[64];
	int raw = socket(AF_INET, SOCK_RAW, IPPROTO_UDP);

	CHECK(!pair_begin(&p, &o));
	/* The client's first packet, as anybody on the path sees it */
	do {
		CHECK(recv(raw, seen, sizeof(seen), MSG_DONTWAIT) >= 1228);
	} while ((*quoted & 0xf0) != 0xc0 || quoted[5] != 8);
	close(raw);
	CHECK_EQ(send_level(p.server, QUIC_CRYPTO_INITIAL, "hello from the server", 21, 0), 21);
	CHECK_EQ(recv_level(p.client, &level, buf, sizeof(buf)), 21);
	CHECK(!getsockname(p.client, (void *)&from, &len) && !getpeername(p.client, (void *)&at, &len));
	forge(&from, &at, ICMP_PORT_UNREACH, quoted, 200);
	CHECK_EQ(poll_for(p.client, POLLIN, 100), 0);
	CHECK_EQ(error_of(p.client), 0);
	pair_close(&p);
}

static int pmtu_of(int sd)
{
	struct quic_info i = {};
	socklen_t len = sizeof(i);

	return get_opt(sd, QUIC_SOCKOPT_INFO, &i, &len) ? -1 : (int)i.pmtu;
}

/* RFC 9000, 14.2.1: "fragmentation needed" counts if it shows our ID and a probe bears it out. */
static void too_big(void)
{
	struct sockaddr_in from, at;
	socklen_t len = sizeof(from);
	struct pair_opts o = {};
	uint8_t seen[70000], bad[100], *quoted = seen + sizeof(struct iphdr) + sizeof(struct udphdr);
	struct udphdr *udp = (void *)(seen + sizeof(struct iphdr));
	struct pair p;
	char buf[10];
	int raw, full;

	CHECK(!pair_open(&p, &o));
	CHECK_EQ(send(p.client, "x", 1, 0), 1);
	CHECK_EQ(recv(p.server, buf, 1, 0), 1);
	usleep(500000);
	full = pmtu_of(p.client);
	CHECK(full > 10000);
	CHECK(!getsockname(p.client, (void *)&from, &len) && !getpeername(p.client, (void *)&at, &len));
	raw = socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
	CHECK_EQ(send(p.client, "y", 1, 0), 1);
	do {
		CHECK(recv(raw, seen, sizeof(seen), 0) > 28);
	} while (udp->source != from.sin_port || (*quoted & 0x80));
	close(raw);
	memcpy(bad, quoted, sizeof(bad));
	bad[3] ^= 1;
	forge_mtu(&from, &at, ICMP_FRAG_NEEDED, 1500, bad, sizeof(bad));
	forge_mtu(&from, &at, ICMP_FRAG_NEEDED, 1500, quoted, 5);
	/* Less than the smallest, and more than is used */
	forge_mtu(&from, &at, ICMP_FRAG_NEEDED, 1227, quoted, 100);
	forge_mtu(&from, &at, ICMP_FRAG_NEEDED, 0, quoted, 100);
	forge_mtu(&from, &at, ICMP_FRAG_NEEDED, 65000, quoted, 100);
	usleep(200000);
	CHECK_EQ(pmtu_of(p.client), full);
	forge_mtu(&from, &at, ICMP_FRAG_NEEDED, 1500, quoted, 100);
	usleep(500000);
	CHECK_EQ(pmtu_of(p.client), 1472);
	/* The server knows nothing of it, and all goes on, also for who comes now. */
	CHECK(pmtu_of(p.server) > 1472);
	close(client_to(AF_INET, false, 9));
	CHECK_EQ(send(p.client, "z", 1, 0), 1);
	CHECK_EQ(recv(p.server, buf, 2, MSG_WAITALL), 2);
	pair_close(&p);
}

/* "Packet too big" for a packet from @from to @to, ports and payload as quoted (RFC 4443, 3.2) */
static void forge_mtu6(const struct sockaddr_in6 *from, const struct sockaddr_in6 *to, int mtu,
		       const void *quoted, size_t len)
{
	struct {
		struct icmp6_hdr icmp;
		struct ip6_hdr ip;
		struct udphdr udp;
		uint8_t payload[512];
	} __attribute__((packed)) m = {};
	struct sockaddr_in6 dst = *from;
	int raw = socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);

	m.icmp.icmp6_type = ICMP6_PACKET_TOO_BIG;
	m.icmp.icmp6_mtu = htonl(mtu);
	m.ip.ip6_vfc = 0x60;
	m.ip.ip6_nxt = IPPROTO_UDP;
	m.ip.ip6_hlim = 64;
	m.ip.ip6_plen = htons(9000);
	m.ip.ip6_src = from->sin6_addr;
	m.ip.ip6_dst = to->sin6_addr;
	m.udp.source = from->sin6_port;
	m.udp.dest = to->sin6_port;
	m.udp.len = htons(9000);
	memcpy(m.payload, quoted, len);
	dst.sin6_port = 0;
	sendto(raw, &m, sizeof(m), 0, (void *)&dst, sizeof(dst));
	close(raw);
}

/* The next packet with a short header from port @from, behind its UDP header. Return: length */
static ssize_t watch(int raw, size_t ip, uint16_t from, uint8_t *quoted, size_t len)
{
	static uint8_t seen[70000];
	struct udphdr *udp = (void *)(seen + ip);
	ssize_t n;

	do {
		n = recv(raw, seen, sizeof(seen), 0) - (ssize_t)(ip + sizeof(*udp));
		if (n < 0)
			return -1;
	} while (udp->source != from || (seen[ip + sizeof(*udp)] & 0x80));
	memset(quoted, 0, len);
	memcpy(quoted, seen + ip + sizeof(*udp), (size_t)n < len ? (size_t)n : len);
	return n;
}

static int settled(struct pair *p)
{
	char c;

	if (send(p->client, "x", 1, 0) != 1 || recv(p->server, &c, 1, 0) != 1)
		return -1;
	usleep(500000);
	return pmtu_of(p->client) < pmtu_of(p->server) ? pmtu_of(p->client) : pmtu_of(p->server);
}

/*
 * RFC 9000, 14.2.1, IPv6: what a probe does not show is not believed, by neither end, even if it
 * quotes a packet that was sent; and the route stays as it is for others.
 */
static void too_big6(void)
{
	struct pair_opts o = { .family = AF_INET6 };
	struct sockaddr_in6 from, at;
	socklen_t len = sizeof(from);
	struct pair p, q;
	uint8_t quoted[100];
	int raw, full, i;
	char buf[20];

	CHECK(!pair_open(&p, &o));
	full = settled(&p);
	CHECK(full > 10000);
	CHECK(!getsockname(p.client, (void *)&from, &len) && !getpeername(p.client, (void *)&at, &len));
	raw = socket(AF_INET6, SOCK_RAW, IPPROTO_UDP);
	for (i = 0; i < 2; i++) {
		const struct sockaddr_in6 *a = i ? &at : &from, *b = i ? &from : &at;

		CHECK_EQ(send(i ? p.server : p.client, "y", 1, 0), 1);
		CHECK(watch(raw, 0, a->sin6_port, quoted, sizeof(quoted)) > 20);
		forge_mtu6(a, b, 1280, quoted, sizeof(quoted));
		forge_mtu6(a, b, 1500, quoted, sizeof(quoted));
		quoted[3] ^= 1;
		forge_mtu6(a, b, 1400, quoted, sizeof(quoted));
		forge_mtu6(a, b, 0, quoted, sizeof(quoted));
	}
	close(raw);
	usleep(500000);
	CHECK_EQ(pmtu_of(p.client), full);
	CHECK_EQ(pmtu_of(p.server), full);
	CHECK(!pair_open(&q, &o));
	CHECK_EQ(settled(&q), full);
	pair_close(&q);
	CHECK_EQ(send(p.client, "z", 1, 0), 1);
	CHECK_EQ(recv(p.server, buf, 2, MSG_WAITALL), 2);
	pair_close(&p);
}

/*
 * A server of several: which of them the quoted packet is of nobody can tell, as our IDs are not
 * in it. With one only the server is as a client, and asks by a probe.
 */
static void too_big_server(void)
{
	struct sockaddr_in from, at;
	struct sockaddr_storage to;
	socklen_t len = sizeof(from);
	struct pair_opts o = {};
	struct pair p, q = { -1, -1, -1 };
	uint8_t quoted[100];
	int raw, full, i;
	char buf[10];

	for (i = 0; i < 2; i++) {
		CHECK(!pair_open(&p, &o));
		len = sizeof(to);
		CHECK(!getpeername(p.client, (void *)&to, &len));
		if (!i) {
			q.listener = dup(p.listener);
			CHECK(!pair_client(&q, &o, &to, len) && !pair_accept(&q) && !pair_handshake(&q, &o));
		}
		full = settled(&p);
		CHECK(full > 10000);
		len = sizeof(from);
		CHECK(!getsockname(p.client, (void *)&from, &len));
		memcpy(&at, &to, sizeof(at));
		raw = socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
		CHECK_EQ(send(p.server, "y", 1, 0), 1);
		CHECK(watch(raw, sizeof(struct iphdr), at.sin_port, quoted, sizeof(quoted)) > 20);
		close(raw);
		forge_mtu(&at, &from, ICMP_FRAG_NEEDED, 1500, quoted, sizeof(quoted));
		usleep(500000);
		CHECK_EQ(pmtu_of(p.server), i ? 1472 : full);
		CHECK_EQ(pmtu_of(p.client), full);
		CHECK_EQ(send(p.server, "z", 1, 0), 1);
		CHECK_EQ(recv(p.client, buf, 2, MSG_WAITALL), 2);
		pair_close(&q);
		pair_close(&p);
	}
}

static const struct ktap_case cases[] = {
	{ "too_big", too_big },
	{ "too_big6", too_big6 },
	{ "too_big_server", too_big_server },
	{ "refused", refused },
	{ "forged", forged },
	{ "soft", soft },
	{ "answered", answered },
};

KTAP_MAIN(cases)
