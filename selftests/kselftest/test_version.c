// SPDX-License-Identifier: GPL-2.0
/*
 * Versions at the socket: which one two sockets come to, what Version
 * Negotiation does to them and says on the wire, and the greased QUIC Bit.
 * RFC 9000, 6; RFC 9368; RFC 9369; RFC 9287
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>

#include "ktap.h"
#include "pair.h"

#define V1	QUIC_VERSION_V1
#define V2	QUIC_VERSION_V2
#define GREASE	0x1a2a3a4au

static const uint32_t v1[] = { V1, 0 }, v2[] = { V2, 0 }, v12[] = { V1, V2, 0 },
	v21[] = { V2, V1, 0 };

static uint32_t version_of(int sd)
{
	struct quic_info info = {};
	socklen_t len = sizeof(info);

	return get_opt(sd, QUIC_SOCKOPT_INFO, &info, &len) ? 0 : info.version;
}

/* --- two sockets --- */

static const struct quic_config first_v1 = { .version = V1 }, first_v2 = { .version = V2 },
	first_v2_retry = { .version = V2, .validate_peer_address = 1 }, retry = {
	.validate_peer_address = 1 };
static const struct quic_transport_param alone = { .disable_compatible_version = 1 };

static const struct {
	struct pair_opts o;
	uint32_t result;
} compatible[] = {
	{ { .family = AF_INET }, V1 },
	{ { .client_config = &first_v2 }, V2 },
	{ { .client_config = &first_v2, .family = AF_INET6 }, V2 },
	{ { .client_config = &first_v2, .cipher = 52 }, V2 },
	{ { .client_config = &first_v2, .cipher = 53 }, V2 },
	{ { .client_config = &first_v2, .cipher = 54 }, V2 },
	{ { .client_config = &first_v2, .server_config = &retry }, V2 },
	/* the client's wish, where the server has none */
	{ { .client_versions = v21 }, V2 },
	{ { .client_versions = v21, .family = AF_INET6, .cipher = 54 }, V2 },
	{ { .client_versions = v12, .client_config = &first_v2 }, V1 },
	{ { .client_versions = v21, .server_config = &first_v2_retry }, V2 },
	/* the server's */
	{ { .server_versions = v21 }, V2 },
	{ { .server_versions = v12, .client_config = &first_v2 }, V1 },
	{ { .server_versions = v21, .client_versions = v1 }, V1 },
	{ { .server_versions = v2, .client_versions = v2 }, V2 },
	/* one of them does without */
	{ { .server_versions = v21, .client = &alone }, V1 },
	{ { .server_versions = v21, .server = &alone }, V1 },
	{ { .client_versions = v21, .client = &alone }, V1 },
};

static void compatible_choice(void)
{
	uint32_t list[8];
	struct pair p;
	unsigned int i;

	for (i = 0; i < sizeof(compatible) / sizeof(compatible[0]); i++) {
		socklen_t len = sizeof(list);

		if (pair_open(&p, &compatible[i].o)) {
			ktap_fail(__FILE__, __LINE__, "row %u", i);
			return;
		}
		if (version_of(p.client) != compatible[i].result ||
		    version_of(p.server) != compatible[i].result)
			ktap_fail(__FILE__, __LINE__, "row %u: %x, %x", i, version_of(p.client),
				  version_of(p.server));
		CHECK(!pair_echo(&p));
		/* RFC 9369, 3.3.2: the next keys have labels of their own, too */
		usleep(100000);
		CHECK(!set_opt(p.client, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0));
		CHECK_EQ(send_stream(p.server, 1, MSG_QUIC_STREAM_NEW, "x", 1, 0), 1);
		CHECK_EQ(recv_stream(p.client, &(int64_t){ 0 }, &(uint32_t){ 0 }, list, 1, 0), 1);
		CHECK(!get_opt(p.server, QUIC_SOCKOPT_VERSIONS, list, &len));
		CHECK(len == 4 || len == 8);
		pair_close(&p);
	}
}

/* --- Version Negotiation, acted upon --- */

static const struct {
	struct pair_opts o;
	uint32_t result;	/* 0: none */
} incompatible[] = {
	{ { .server_versions = v2 }, V2 },
	{ { .server_versions = v2, .family = AF_INET6 }, V2 },
	{ { .server_versions = v1, .client_config = &first_v2 }, V1 },
	{ { .server_versions = v2, .server_config = &retry }, V2 },
	{ { .client_config = &(struct quic_config){ .version = GREASE } }, V1 },
	{ { .client_config = &(struct quic_config){ .version = 0xfafafafau },
	    .client_versions = v21 }, V2 },
	{ { .client_config = &(struct quic_config){ .version = GREASE }, .client_versions = v12,
	    .server_versions = v21 }, V2 },
	{ { .server_versions = v2, .client_versions = v1 }, 0 },
	{ { .server_versions = v1, .client_versions = v2 }, 0 },
};

static int begin_anew(struct pair *p)
{
	uint8_t params[256], level, buf[16];
	socklen_t len = sizeof(params);

	if (recv_level(p->client, &level, buf, sizeof(buf)) != -1 || errno != ESTALE ||
	    send_level(p->client, QUIC_CRYPTO_INITIAL, "more", 4, 0) != -1 || errno != ESTALE)
		return -1;
	/* it stays so, and poll() says so, until somebody begins anew */
	if (poll_for(p->client, POLLIN, 0) != POLLIN ||
	    recv_level(p->client, &level, buf, sizeof(buf)) != -1 || errno != ESTALE)
		return -1;
	if (get_opt(p->client, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, params, &len))
		return -1;
	if (poll_for(p->client, POLLIN, 0))
		return -1;
	return send_level(p->client, QUIC_CRYPTO_INITIAL, "hello from the client", 21, 0) == 21 ?
	       0 : -1;
}

static void start_over(void)
{
	struct sockaddr_storage a;
	struct pair p;
	unsigned int i;
	socklen_t len;
	uint8_t level, buf[16];

	for (i = 0; i < sizeof(incompatible) / sizeof(incompatible[0]); i++) {
		const struct pair_opts *o = &incompatible[i].o;

		p.client = p.server = -1;
		p.listener = listen_any(o, &a, &len);
		CHECK(p.listener >= 0);
		CHECK(!pair_client(&p, o, &a, len));
		if (!incompatible[i].result) {
			struct quic_connection_close c = {};

			CHECK_EQ(recv_level(p.client, &level, buf, sizeof(buf)), -1);
			CHECK(errno != ESTALE && errno != EAGAIN);
			len = sizeof(c);
			CHECK(!get_opt(p.client, QUIC_SOCKOPT_CONNECTION_CLOSE, &c, &len));
			CHECK_EQ(c.errcode, QUIC_TRANSPORT_ERROR_VERSION_NEGOTIATION);
			pair_close(&p);
			continue;
		}
		if (begin_anew(&p) || pair_accept(&p) || pair_handshake(&p, o)) {
			ktap_fail(__FILE__, __LINE__, "row %u: %s, %s", i, pair_step,
				  strerror(errno));
			return;
		}
		CHECK_EQ(version_of(p.client), incompatible[i].result);
		CHECK_EQ(version_of(p.server), incompatible[i].result);
		CHECK(!pair_echo(&p));
		pair_close(&p);
	}
}

/* Closed while it waits for process context, or for TLS: nothing is left of it. */
static void close_half_way(void)
{
	struct pair_opts o = { .server_versions = v2 };
	struct sockaddr_storage a;
	struct pair p;
	unsigned int i;
	socklen_t len;

	p.server = -1;
	p.listener = listen_any(&o, &a, &len);
	CHECK(p.listener >= 0);
	for (i = 0; i < 20; i++) {
		CHECK(!pair_client(&p, &o, &a, len));
		if (i & 1)
			CHECK_EQ(poll_for(p.client, POLLIN, 5000), POLLIN);
		close(p.client);
	}
	close(p.listener);
}

/* A TLS that knows nothing of it fails, and says so to the application, not to the peer. */
static void version_information_is_checked(void)
{
	struct pair_opts o = {};
	uint8_t params[256], changed[256];
	socklen_t len = sizeof(params);
	struct quic_connection_close c = {};
	struct pair p;
	unsigned int i, n = 0;

	CHECK(!pair_begin(&p, &o));
	CHECK(!get_opt(p.client, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, params, &len));
	memcpy(changed, params, len);
	/* version_information: 0x11, length 16: chosen, two of ours and a reserved one */
	for (i = 0; i + 18 <= len; i++) {
		if (changed[i] == 0x11 && changed[i + 1] == 16 &&
		    !memcmp(changed + i + 2, "\0\0\0\1", 4)) {
			memcpy(changed + i + 2, "\x6b\x33\x43\xcf", 4);
			n++;
		}
	}
	CHECK_EQ(n, 1);
	CHECK_ERR(set_opt(p.server, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, changed, len), EINVAL);
	len = sizeof(c);
	CHECK(!get_opt(p.server, QUIC_SOCKOPT_CONNECTION_CLOSE, &c, &len));
	CHECK_EQ(c.errcode, QUIC_TRANSPORT_ERROR_VERSION_NEGOTIATION);
	/* and the client hears it */
	CHECK(poll_for(p.client, POLLIN, 5000) & POLLIN);
	memset(&c, 0, sizeof(c));
	len = sizeof(c);
	CHECK(!get_opt(p.client, QUIC_SOCKOPT_CONNECTION_CLOSE, &c, &len));
	CHECK_EQ(c.errcode, QUIC_TRANSPORT_ERROR_VERSION_NEGOTIATION);
	pair_close(&p);
}

/* --- the wire --- */

static int udp_to(const struct sockaddr_storage *a, socklen_t len)
{
	struct timeval tv = { .tv_usec = 200000 };
	int sd = socket(a->ss_family, SOCK_DGRAM, 0);

	setsockopt(sd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	return connect(sd, (void *)a, len) ? -1 : sd;
}

static void send_long(int sd, uint8_t first, uint32_t version, size_t dcid_len, size_t scid_len,
		      size_t size)
{
	uint8_t buf[2000] = { first }, *p = buf + 1;

	version = htonl(version);
	memcpy(p, &version, 4);
	p += 4;
	*p++ = dcid_len;
	memset(p, 'd', dcid_len);
	p += dcid_len;
	*p++ = scid_len;
	memset(p, 's', scid_len);
	p += scid_len;
	*p++ = 0;		/* no token, if it has one; the length */
	*p++ = 0x44;
	send(sd, buf, size, 0);
}

/* A Version Negotiation packet. Return: bit 0: lists version 1; 1: 2; 2: a reserved one; -1: none */
static int hear_vn(int sd, size_t dcid_len, size_t scid_len)
{
	uint8_t buf[2000];
	ssize_t n = recv(sd, buf, sizeof(buf), 0), i = 5;
	uint32_t v;
	int ret = 0;

	if (n < 0)
		return -1;
	if (!(buf[0] & 0x80) || memcmp(buf + 1, "\0\0\0\0", 4) || buf[i] != scid_len)
		return -2;
	for (i++; scid_len--; i++)
		if (buf[i] != 's')
			return -3;
	if (buf[i] != dcid_len)
		return -4;
	for (i++; dcid_len--; i++)
		if (buf[i] != 'd')
			return -5;
	if ((n - i) % 4)
		return -6;
	for (; i < n; i += 4) {
		memcpy(&v, buf + i, 4);
		v = ntohl(v);
		ret |= v == V1 ? 1 : v == V2 ? 2 : (v & 0x0f0f0f0f) == 0x0a0a0a0a ? 4 : 8;
	}
	return ret;
}

static void wire_vn(void)
{
	struct pair_opts o = {};
	struct sockaddr_storage a;
	socklen_t len;
	int listener = listen_any(&o, &a, &len), sd = udp_to(&a, len);

	CHECK(listener >= 0 && sd >= 0);
	send_long(sd, 0xc0, 0x7f000001, 8, 8, 1200);
	CHECK_EQ(hear_vn(sd, 8, 8), 7);
	/* IDs of any length, RFC 8999, 5.1; any first byte but the form bit */
	send_long(sd, 0x80, GREASE, 255, 0, 1300);
	CHECK_EQ(hear_vn(sd, 255, 0), 7);
	send_long(sd, 0xff, 0xff00001d, 0, 255, 1452);
	CHECK_EQ(hear_vn(sd, 0, 255), 7);
	/* RFC 9000, 6.1 and 14.1: less than 1200 bytes could start nothing */
	send_long(sd, 0xc0, 0x7f000001, 8, 8, 1199);
	CHECK_EQ(hear_vn(sd, 8, 8), -1);
	/* never an answer to such a packet */
	send_long(sd, 0xc0, 0, 8, 8, 1200);
	CHECK_EQ(hear_vn(sd, 8, 8), -1);
	/* IDs that do not fit */
	send_long(sd, 0xc0, 0x7f000001, 255, 8, 100);
	CHECK_EQ(hear_vn(sd, 255, 8), -1);
	CHECK_EQ(poll_for(listener, POLLIN, 0), 0);
	close(sd);
	close(listener);
}

/* What it speaks may change while it listens; a version it knows but does not speak is unknown. */
static void wire_vn_list(void)
{
	struct pair_opts o = { .server_versions = v2 };
	struct sockaddr_storage a;
	socklen_t len;
	int listener = listen_any(&o, &a, &len), sd = udp_to(&a, len);

	CHECK(listener >= 0 && sd >= 0);
	send_long(sd, 0xc0, V1, 8, 8, 1200);
	CHECK_EQ(hear_vn(sd, 8, 8), 2 | 4);
	send_long(sd, 0xc0, V1, 8, 8, 1199);
	CHECK_EQ(hear_vn(sd, 8, 8), -1);
	/* a Handshake packet is no beginning */
	send_long(sd, 0xe0, V1, 8, 8, 1200);
	CHECK_EQ(hear_vn(sd, 8, 8), -1);
	CHECK(!set_opt(listener, QUIC_SOCKOPT_VERSIONS, v1, 4));
	send_long(sd, 0xd0, V2, 8, 8, 1200);
	CHECK_EQ(hear_vn(sd, 8, 8), 1 | 4);
	CHECK_EQ(poll_for(listener, POLLIN, 0), 0);
	send_long(sd, 0xc0, V1, 8, 8, 1200);
	CHECK_EQ(poll_for(listener, POLLIN, 1000), POLLIN);
	close(sd);
	close(listener);
}

/* In virtual time no time passes in between: it is the burst that is answered. */
static void wire_vn_rate(void)
{
	struct pair_opts o = {};
	struct sockaddr_storage a;
	socklen_t len;
	int listener = listen_any(&o, &a, &len), sd = udp_to(&a, len);
	unsigned int i, n = 0;

	CHECK(listener >= 0 && sd >= 0);
	sleep(2);
	for (i = 0; i < 2000; i++) {
		send_long(sd, 0xc0, 0x7f000001, 8, 8, 1200);
		while (recv(sd, &(char[100]){ 0 }, 100, MSG_DONTWAIT) > 0)
			n++;
	}
	CHECK(n >= 100 && n < 1000);
	sleep(1);
	send_long(sd, 0xc0, 0x7f000001, 8, 8, 1200);
	CHECK_EQ(hear_vn(sd, 8, 8), 7);
	close(sd);
	close(listener);
}

/* --- options --- */

static void options(void)
{
	static const uint32_t twice[] = { V1, V1 }, unknown[] = { V1, 2 }, many[] = { V1, V2, 3, 4, 5 };
	struct quic_config c = { .version = GREASE };
	int sd = sock_new(AF_INET, 0);
	struct sockaddr_storage a;
	struct pair_opts o = {};
	uint32_t list[8];
	socklen_t len = sizeof(list);
	int listener;

	CHECK(sd >= 0);
	CHECK(!get_opt(sd, QUIC_SOCKOPT_VERSIONS, list, &len));
	CHECK(len == 8 && list[0] == V1 && list[1] == V2);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_VERSIONS, v1, 3), EINVAL);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_VERSIONS, twice, 8), EINVAL);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_VERSIONS, unknown, 8), EINVAL);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_VERSIONS, many, 20), EINVAL);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_VERSIONS, (void *)8, 8), EFAULT);
	CHECK(!set_opt(sd, QUIC_SOCKOPT_VERSIONS, v2, 4));
	len = sizeof(c);
	CHECK(!get_opt(sd, QUIC_SOCKOPT_CONFIG, &c, &len));
	CHECK_EQ(c.version, V2);
	CHECK(!set_opt(sd, QUIC_SOCKOPT_VERSIONS, v21, 8));
	CHECK(!get_opt(sd, QUIC_SOCKOPT_CONFIG, &c, &len));
	CHECK_EQ(c.version, V1);
	len = 4;
	CHECK(!get_opt(sd, QUIC_SOCKOPT_VERSIONS, list, &len));
	CHECK(len == 4 && list[0] == V2);
	/* back to the defaults */
	CHECK(!set_opt(sd, QUIC_SOCKOPT_VERSIONS, NULL, 0));
	len = sizeof(list);
	CHECK(!get_opt(sd, QUIC_SOCKOPT_VERSIONS, list, &len));
	CHECK(len == 8 && list[0] == V1);

	memset(&c, 0, sizeof(c));
	c.version = GREASE;
	CHECK(!set_opt(sd, QUIC_SOCKOPT_CONFIG, &c, sizeof(c)));
	c.version = 2;
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CONFIG, &c, sizeof(c)), EINVAL);
	listener = listen_any(&o, &a, &len);
	CHECK(!connect(sd, (void *)&a, len));
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_VERSIONS, v1, 4), EINVAL);
	close(sd);
	close(listener);
}

/* --- the QUIC Bit --- */

/* UDP payloads on the loopback: how many begin with the bit 0x40 set, how many without */
static void count_bits(int sniff, int port, unsigned int *set, unsigned int *cleared)
{
	uint8_t buf[2048];
	ssize_t n;

	*set = *cleared = 0;
	while ((n = recv(sniff, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		const struct iphdr *ip = (void *)buf;
		const struct udphdr *udp = (void *)(buf + 4 * ip->ihl);

		if (ip->protocol != IPPROTO_UDP ||
		    (ntohs(udp->source) != port && ntohs(udp->dest) != port))
			continue;
		if (buf[4 * ip->ihl + 8] & 0x40)
			++*set;
		else
			++*cleared;
	}
}

static void grease(void)
{
	static const struct quic_transport_param tp = { .grease_quic_bit = 1 };
	struct quic_transport_param got = { .remote = 1 };
	struct sockaddr_storage a;
	unsigned int k, i, set, cleared, size = 4 << 20;
	socklen_t len;
	struct pair p;
	int sniff;
	char b;

	for (k = 0; k < 4; k++) {
		struct pair_opts o = { .client = k & 1 ? &tp : NULL, .server = k & 2 ? &tp : NULL };

		sniff = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP));
		CHECK(sniff >= 0);
		CHECK(!setsockopt(sniff, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)));
		CHECK(!pair_open(&p, &o));
		len = sizeof(a);
		CHECK(!getsockname(p.listener, (void *)&a, &len));
		len = sizeof(got);
		got.remote = 1;
		CHECK(!get_opt(p.server, QUIC_SOCKOPT_TRANSPORT_PARAM, &got, &len));
		CHECK_EQ(got.grease_quic_bit, k & 1);
		for (i = 0; i < 50; i++) {
			CHECK_EQ(send_stream(p.client, 0, i ? 0 : MSG_QUIC_STREAM_NEW, "x", 1, 0), 1);
			CHECK_EQ(recv_stream(p.server, &(int64_t){ 0 }, &(uint32_t){ 0 }, &b, 1, 0), 1);
			CHECK_EQ(send_stream(p.server, 0, 0, "y", 1, 0), 1);
			CHECK_EQ(recv_stream(p.client, &(int64_t){ 0 }, &(uint32_t){ 0 }, &b, 1, 0), 1);
		}
		count_bits(sniff, ntohs(((struct sockaddr_in *)&a)->sin_port), &set, &cleared);
		CHECK(set > 20);
		CHECK(k ? cleared > 10 : !cleared);
		pair_close(&p);
		close(sniff);
	}
}

static const struct ktap_case cases[] = {
	{ "versions: compatible choice", compatible_choice },
	{ "versions: a second start", start_over },
	{ "versions: closed half way", close_half_way },
	{ "versions: version information is checked", version_information_is_checked },
	{ "versions: negotiation on the wire", wire_vn },
	{ "versions: what a listener speaks", wire_vn_list },
	{ "versions: limited in rate", wire_vn_rate },
	{ "versions: option", options },
	{ "versions: the QUIC Bit", grease },
};

KTAP_MAIN(cases)
