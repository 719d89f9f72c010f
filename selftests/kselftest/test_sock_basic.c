// SPDX-License-Identifier: GPL-2.0
/*
 * The socket calls without a peer: what creates, binds, listens and connects,
 * and the errno of every wrong argument that <linux/quic.h> documents.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tls.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "ktap.h"
#include "pair.h"

static const int families[] = { AF_INET, AF_INET6 };
static const int types[] = { SOCK_STREAM, SOCK_DGRAM };

/* A client that called connect(); nobody answers. */
static int connected(int family)
{
	struct sockaddr_storage a;
	int sd = sock_new(family, 0);

	if (connect(sd, (void *)&a, addr_loopback(&a, family, false, 9))) {
		close(sd);
		return -1;
	}
	return sd;
}

static void create(void)
{
	int f, t, sd, val;
	socklen_t len;

	for (f = 0; f < 2; f++) {
		for (t = 0; t < 2; t++) {
			sd = socket(families[f], types[t], IPPROTO_QUIC);
			CHECK(sd >= 0);
			len = sizeof(val);
			CHECK(!getsockopt(sd, SOL_SOCKET, SO_PROTOCOL, &val, &len));
			CHECK_EQ(val, IPPROTO_QUIC);
			CHECK(!getsockopt(sd, SOL_SOCKET, SO_TYPE, &val, &len));
			CHECK_EQ(val, types[t]);
			CHECK(!getsockopt(sd, SOL_SOCKET, SO_DOMAIN, &val, &len));
			CHECK_EQ(val, families[f]);
			CHECK(!close(sd));
		}
	}
	CHECK_ERR(socket(AF_INET, SOCK_SEQPACKET, IPPROTO_QUIC), ESOCKTNOSUPPORT);
}

static void socketpair_refused(void)
{
	int sv[2];

	CHECK_ERR(socketpair(AF_INET, SOCK_STREAM, IPPROTO_QUIC, sv), EOPNOTSUPP);
}

static void bind_any_port(void)
{
	struct sockaddr_storage a, b;
	socklen_t len, blen;
	int f, sd;

	for (f = 0; f < 2; f++) {
		sd = sock_new(families[f], 0);
		len = addr_loopback(&a, families[f], false, 0);
		CHECK(!bind(sd, (void *)&a, len));
		blen = sizeof(b);
		CHECK(!getsockname(sd, (void *)&b, &blen));
		CHECK_EQ(blen, len);
		CHECK_EQ(b.ss_family, families[f]);
		CHECK(((struct sockaddr_in *)&b)->sin_port);
		CHECK_ERR(bind(sd, (void *)&a, len), EINVAL);
		blen = sizeof(b);
		CHECK_ERR(getpeername(sd, (void *)&b, &blen), ENOTCONN);
		close(sd);
	}
}

static void bind_errors(void)
{
	struct sockaddr_storage a;
	struct sockaddr_in *in = (void *)&a;
	struct sockaddr_in6 *in6 = (void *)&a;
	int sd = sock_new(AF_INET, 0);
	socklen_t len = addr_loopback(&a, AF_INET, false, 0);

	CHECK_ERR(bind(sd, (void *)&a, 4), EINVAL);
	in->sin_family = AF_INET6;
	CHECK_ERR(bind(sd, (void *)&a, len), EAFNOSUPPORT);
	addr_loopback(&a, AF_INET, false, 0);
	in->sin_addr.s_addr = inet_addr("192.0.2.77");
	CHECK_ERR(bind(sd, (void *)&a, len), EADDRNOTAVAIL);
	in->sin_addr.s_addr = inet_addr("224.0.0.1");
	CHECK_ERR(bind(sd, (void *)&a, len), EADDRNOTAVAIL);
	close(sd);

	sd = sock_new(AF_INET6, 0);
	len = addr_loopback(&a, AF_INET6, false, 0);
	CHECK_ERR(bind(sd, (void *)&a, sizeof(struct sockaddr_in)), EINVAL);
	inet_pton(AF_INET6, "2001:db8::77", &in6->sin6_addr);
	CHECK_ERR(bind(sd, (void *)&a, len), EADDRNOTAVAIL);
	inet_pton(AF_INET6, "fe80::1", &in6->sin6_addr);
	CHECK_ERR(bind(sd, (void *)&a, len), EINVAL);
	in6->sin6_family = AF_INET;
	CHECK_ERR(bind(sd, (void *)&a, len), EAFNOSUPPORT);
	close(sd);
}

static void v6only(void)
{
	struct sockaddr_storage a;
	int one = 1, sd = sock_new(AF_INET6, 0);
	socklen_t len = addr_loopback(&a, AF_INET6, true, 0);

	CHECK(!setsockopt(sd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)));
	CHECK_ERR(bind(sd, (void *)&a, len), EINVAL);
	addr_loopback(&a, AF_INET6, true, 9);
	CHECK_ERR(connect(sd, (void *)&a, len), ENETUNREACH);
	close(sd);

	sd = sock_new(AF_INET6, 0);
	addr_loopback(&a, AF_INET6, true, 0);
	CHECK(!bind(sd, (void *)&a, len));
	CHECK_ERR(setsockopt(sd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)), EINVAL);
	close(sd);
}

static void port_taken_by_udp(void)
{
	struct sockaddr_storage a;
	socklen_t len = addr_loopback(&a, AF_INET, false, 0);
	int udp = socket(AF_INET, SOCK_DGRAM, 0), sd = sock_new(AF_INET, 0);

	CHECK(!bind(udp, (void *)&a, len));
	CHECK(!getsockname(udp, (void *)&a, &len));
	CHECK_ERR(bind(sd, (void *)&a, len), EADDRINUSE);
	close(udp);
	CHECK(!bind(sd, (void *)&a, len));
	close(sd);
}

static void bind_shared(void)
{
	struct sockaddr_storage a;
	socklen_t len = addr_loopback(&a, AF_INET, false, 0);
	int one = sock_new(AF_INET, 0), two = sock_new(AF_INET, 0);

	CHECK(!bind(one, (void *)&a, len));
	CHECK(!getsockname(one, (void *)&a, &len));
	CHECK(!bind(two, (void *)&a, len));
	CHECK(!listen(one, 1));
	close(one);
	CHECK(!listen(two, 1));
	close(two);
}

static void listen_errors(void)
{
	struct sockaddr_storage a;
	socklen_t len = addr_loopback(&a, AF_INET, false, 0);
	int sd = sock_new(AF_INET, 0);

	CHECK_ERR(listen(sd, 1), EDESTADDRREQ);
	CHECK_ERR(accept(sd, NULL, NULL), EINVAL);
	CHECK(!bind(sd, (void *)&a, len));
	CHECK_ERR(accept(sd, NULL, NULL), EINVAL);
	CHECK(!listen(sd, 1));
	CHECK(!listen(sd, 5));
	CHECK(!fcntl(sd, F_SETFL, O_NONBLOCK));
	CHECK_ERR(accept(sd, NULL, NULL), EAGAIN);
	CHECK_EQ(poll_for(sd, POLLIN | POLLOUT, 0), 0);
	addr_loopback(&a, AF_INET, false, 9);
	CHECK_ERR(connect(sd, (void *)&a, len), EISCONN);
	CHECK_ERR(send(sd, "x", 1, MSG_NOSIGNAL), ENOTCONN);
	CHECK_ERR(recv(sd, &a, 1, 0), ENOTCONN);
	CHECK(!listen(sd, 0));
	CHECK_ERR(accept(sd, NULL, NULL), EINVAL);
	CHECK(!listen(sd, 1));
	CHECK(!shutdown(sd, SHUT_RD));
	CHECK_ERR(accept(sd, NULL, NULL), EINVAL);
	close(sd);

	sd = connected(AF_INET);
	CHECK_ERR(listen(sd, 1), EISCONN);
	close(sd);
}

static void connect_names(void)
{
	struct sockaddr_storage a;
	struct sockaddr_in *in = (void *)&a;
	struct sockaddr_in6 *in6 = (void *)&a;
	socklen_t len = sizeof(a);
	int sd = connected(AF_INET);

	CHECK(sd >= 0);
	CHECK(!getsockname(sd, (void *)&a, &len));
	CHECK_EQ(in->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	CHECK(in->sin_port);
	CHECK(!getpeername(sd, (void *)&a, &len));
	CHECK_EQ(in->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	CHECK_EQ(in->sin_port, htons(9));
	close(sd);

	sd = connected(AF_INET6);
	CHECK(sd >= 0);
	len = sizeof(a);
	CHECK(!getsockname(sd, (void *)&a, &len));
	CHECK_EQ(len, sizeof(*in6));
	CHECK(IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr));
	close(sd);

	sd = sock_new(AF_INET6, 0);
	CHECK(!connect(sd, (void *)&a, addr_loopback(&a, AF_INET6, true, 9)));
	len = sizeof(a);
	CHECK(!getsockname(sd, (void *)&a, &len));
	CHECK_EQ(in6->sin6_family, AF_INET6);
	CHECK(IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr));
	close(sd);
}

static void connect_errors(void)
{
	struct sockaddr_storage a;
	struct sockaddr_in *in = (void *)&a;
	socklen_t len = addr_loopback(&a, AF_INET, false, 9);
	int sd = sock_new(AF_INET, 0);

	CHECK_ERR(connect(sd, (void *)&a, 1), EINVAL);
	CHECK_ERR(connect(sd, (void *)&a, 8), EINVAL);
	in->sin_port = 0;
	CHECK_ERR(connect(sd, (void *)&a, len), EINVAL);
	addr_loopback(&a, AF_INET, false, 9);
	in->sin_family = AF_INET6;
	CHECK_ERR(connect(sd, (void *)&a, len), EAFNOSUPPORT);
	in->sin_family = AF_UNSPEC;
	CHECK_ERR(connect(sd, (void *)&a, len), EOPNOTSUPP);
	addr_loopback(&a, AF_INET, false, 9);
	in->sin_addr.s_addr = inet_addr("224.0.0.1");
	CHECK_ERR(connect(sd, (void *)&a, len), ENETUNREACH);
	in->sin_addr.s_addr = INADDR_ANY;
	CHECK(!connect(sd, (void *)&a, len));
	CHECK_ERR(connect(sd, (void *)&a, len), EISCONN);
	CHECK_ERR(bind(sd, (void *)&a, len), EINVAL);
	close(sd);
}

static void idle_data(void)
{
	int sd = sock_new(AF_INET, 0), n = -1;
	char c;

	CHECK_ERR(send(sd, "x", 1, MSG_NOSIGNAL), ENOTCONN);
	CHECK_ERR(recv(sd, &c, 1, 0), ENOTCONN);
	CHECK_ERR(shutdown(sd, SHUT_RDWR), ENOTCONN);
	CHECK(!ioctl(sd, SIOCINQ, &n));
	CHECK_EQ(n, 0);
	CHECK(!ioctl(sd, SIOCOUTQ, &n));
	CHECK(!ioctl(sd, SIOCOUTQNSD, &n));
	CHECK_ERR(ioctl(sd, SIOCINQ, NULL), EFAULT);
	close(sd);
}

static void handshake_data(void)
{
	int sd = connected(AF_INET);
	char c;

	CHECK_ERR(send(sd, "x", 1, MSG_NOSIGNAL), ENOTCONN);
	CHECK_ERR(recv(sd, &c, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_ERR(recv(sd, &c, 1, MSG_OOB), EINVAL);
	CHECK_ERR(send(sd, "x", 1, MSG_OOB | MSG_NOSIGNAL), EINVAL);
	CHECK_ERR(send_level(sd, QUIC_CRYPTO_EARLY, "x", 1, 0), EINVAL);
	CHECK_ERR(send_level(sd, 7, "x", 1, 0), EINVAL);
	CHECK_ERR(send_level(sd, QUIC_CRYPTO_INITIAL, "x", 0, 0), EMSGSIZE);
	CHECK_EQ(send_level(sd, QUIC_CRYPTO_INITIAL, "x", 1, MSG_MORE), 1);
	CHECK_EQ(poll_for(sd, POLLIN | POLLOUT, 0), 0);
	CHECK_ERR(shutdown(sd, 5), EINVAL);
	CHECK(!shutdown(sd, SHUT_WR));
	CHECK_ERR(send(sd, "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK_ERR(recv(sd, &c, 1, 0), ENOTCONN);
	CHECK(poll_for(sd, POLLIN | POLLOUT, 0) & POLLHUP);
	close(sd);
}

static void cmsg_errors(void)
{
	union { char buf[128]; struct cmsghdr align; } ctl = {};
	struct iovec iov = { "x", 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl };
	struct quic_stream_info info = { .stream_id = -2 };
	struct cmsghdr *c = &ctl.align;
	int sd = connected(AF_INET);

	c->cmsg_level = SOL_QUIC;
	c->cmsg_type = 77;
	c->cmsg_len = CMSG_LEN(1);
	msg.msg_controllen = CMSG_SPACE(1);
	CHECK_ERR(sendmsg(sd, &msg, 0), EINVAL);
	c->cmsg_type = QUIC_STREAM_INFO;
	CHECK_ERR(sendmsg(sd, &msg, 0), EINVAL);
	c->cmsg_len = CMSG_LEN(sizeof(info));
	msg.msg_controllen = CMSG_SPACE(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	CHECK_ERR(sendmsg(sd, &msg, 0), EINVAL);
	info.stream_id = 0;
	info.stream_flags = 1;
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	CHECK_ERR(sendmsg(sd, &msg, 0), EINVAL);
	info.stream_flags = MSG_QUIC_STREAM_NEW;
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	CHECK_ERR(sendmsg(sd, &msg, MSG_QUIC_DATAGRAM), EINVAL);
	/* two of ours in one call */
	msg.msg_controllen = CMSG_SPACE(sizeof(info)) + CMSG_SPACE(1);
	c = CMSG_NXTHDR(&msg, c);
	c->cmsg_level = SOL_QUIC;
	c->cmsg_type = QUIC_HANDSHAKE_INFO;
	c->cmsg_len = CMSG_LEN(1);
	CHECK_ERR(sendmsg(sd, &msg, 0), EINVAL);
	close(sd);
}

static void option_numbers(void)
{
	static const int set_only[] = { QUIC_SOCKOPT_STREAM_RESET, QUIC_SOCKOPT_STREAM_STOP_SENDING,
		QUIC_SOCKOPT_CONNECTION_MIGRATION, QUIC_SOCKOPT_KEY_UPDATE,
		QUIC_SOCKOPT_CRYPTO_SECRET, QUIC_SOCKOPT_STREAM_RESET_AT };
	static const int get_only[] = { QUIC_SOCKOPT_STREAM_OPEN, QUIC_SOCKOPT_INFO };
	static const int unknown[] = { 63, 127, 1000, -1 };
	int sd = sock_new(AF_INET, 0);
	char buf[512] = {};
	socklen_t len;
	unsigned int i;

	for (i = 0; i < sizeof(set_only) / sizeof(*set_only); i++) {
		len = sizeof(buf);
		CHECK_ERR(get_opt(sd, set_only[i], buf, &len), ENOPROTOOPT);
	}
	for (i = 0; i < sizeof(get_only) / sizeof(*get_only); i++)
		CHECK_ERR(set_opt(sd, get_only[i], buf, sizeof(buf)), ENOPROTOOPT);
	for (i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		len = sizeof(buf);
		CHECK_ERR(get_opt(sd, unknown[i], buf, &len), ENOPROTOOPT);
		CHECK_ERR(set_opt(sd, unknown[i], buf, len), ENOPROTOOPT);
	}
	CHECK_ERR(setsockopt(sd, IPPROTO_TCP, 1, buf, 4), ENOPROTOOPT);
	close(sd);
}

static void option_pointers(void)
{
	int sd = sock_new(AF_INET, 0);
	struct quic_config cf = {};
	socklen_t len = sizeof(cf);

	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CONFIG, (void *)8, sizeof(cf)), EFAULT);
	CHECK_ERR(get_opt(sd, QUIC_SOCKOPT_CONFIG, (void *)8, &len), EFAULT);
	CHECK_ERR(get_opt(sd, QUIC_SOCKOPT_CONFIG, &cf, (void *)8), EFAULT);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CONFIG, &cf, 3), EINVAL);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CONFIG, &cf, -1), EINVAL);
	len = -1;
	CHECK_ERR(get_opt(sd, QUIC_SOCKOPT_CONFIG, &cf, &len), EINVAL);
	len = 3;
	CHECK_ERR(get_opt(sd, QUIC_SOCKOPT_CONFIG, &cf, &len), EINVAL);
	close(sd);
}

static void option_prefix(void)
{
	struct { struct quic_config cf; char more[8]; } big = {};
	int sd = sock_new(AF_INET, 0);
	socklen_t len;

	memset(big.more, 0xaa, sizeof(big.more));
	big.cf.keepalive_probe_interval = 7000;
	CHECK(!set_opt(sd, QUIC_SOCKOPT_CONFIG, &big, sizeof(big)));
	len = sizeof(big);
	CHECK(!get_opt(sd, QUIC_SOCKOPT_CONFIG, &big, &len));
	CHECK_EQ(len, sizeof(big.cf));
	CHECK_EQ(big.cf.keepalive_probe_interval, 7000);
	CHECK_EQ((unsigned char)big.more[0], 0xaa);
	big.cf.version = QUIC_VERSION_V1;
	CHECK(!set_opt(sd, QUIC_SOCKOPT_CONFIG, &big, 4));
	len = 4;
	CHECK(!get_opt(sd, QUIC_SOCKOPT_CONFIG, &big, &len));
	CHECK_EQ(len, 4);
	CHECK_EQ(big.cf.version, QUIC_VERSION_V1);
	close(sd);
}

static void option_config(void)
{
	int sd = sock_new(AF_INET, 0);
	struct quic_config cf = {};
	socklen_t len = sizeof(cf);

#define BAD(field, value)							\
	do {									\
		memset(&cf, 0, sizeof(cf));					\
		cf.field = value;						\
		CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CONFIG, &cf, sizeof(cf)), EINVAL); \
	} while (0)
	BAD(version, 5);
	BAD(plpmtud_probe_interval, 4999999);
	BAD(initial_smoothed_rtt, 1999);
	BAD(initial_smoothed_rtt, 6000001);
	BAD(payload_cipher_type, 50);
	BAD(congestion_control_algo, QUIC_CONG_ALG_MAX);
	BAD(validate_peer_address, 2);
	BAD(stream_data_nodelay, 2);
	BAD(certificate_request, 3);
#undef BAD
	CHECK(!get_opt(sd, QUIC_SOCKOPT_CONFIG, &cf, &len));
	CHECK_EQ(cf.version, QUIC_VERSION_V1);
	CHECK_EQ(cf.initial_smoothed_rtt, 333000);
	CHECK_EQ(cf.congestion_control_algo, QUIC_CONG_ALG_CUBIC);
	CHECK_EQ(cf.keepalive_probe_interval, 0);
	close(sd);
}

static void option_params(void)
{
	struct quic_transport_param tp = {};
	int sd = sock_new(AF_INET, 0);
	socklen_t len = sizeof(tp);

	CHECK(!get_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, &len));
	CHECK_EQ(len, sizeof(tp));
	CHECK_EQ(tp.max_data, 2097152);
	CHECK_EQ(tp.max_stream_data_uni, 262144);
	CHECK_EQ(tp.max_streams_bidi, 100);
	CHECK_EQ(tp.max_idle_timeout, 30000000);
	CHECK_EQ(tp.max_ack_delay, 25000);
	CHECK_EQ(tp.ack_delay_exponent, 3);
	CHECK_EQ(tp.active_connection_id_limit, 7);
	CHECK_EQ(tp.max_udp_payload_size, 65527);
#define BAD(field, value)							\
	do {									\
		memset(&tp, 0, sizeof(tp));					\
		tp.field = value;						\
		CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, sizeof(tp)), EINVAL); \
	} while (0)
	BAD(remote, 2);
	BAD(disable_active_migration, 2);
	BAD(grease_quic_bit, 2);
	BAD(stateless_reset, 2);
	BAD(disable_1rtt_encryption, 2);
	BAD(disable_compatible_version, 2);
	BAD(active_connection_id_limit, 1);
	BAD(active_connection_id_limit, 9);
	BAD(ack_delay_exponent, 21);
	BAD(max_udp_payload_size, 1199);
	BAD(max_udp_payload_size, 65528);
	BAD(max_ack_delay, 16384000);
	BAD(max_data, 1ull << 62);
	BAD(max_stream_data_bidi_local, 1ull << 62);
	BAD(max_stream_data_bidi_remote, 1ull << 62);
	BAD(max_stream_data_uni, 1ull << 62);
#undef BAD
	memset(&tp, 0, sizeof(tp));
	tp.remote = 1;
	CHECK_ERR(get_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, &len), ENOTCONN);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, len), ENOTCONN);
	tp = (struct quic_transport_param){ .max_data = 12345, .max_streams_uni = 3 };
	CHECK(!set_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, sizeof(tp)));
	memset(&tp, 0, sizeof(tp));
	CHECK(!get_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, &len));
	CHECK_EQ(tp.max_data, 12345);
	CHECK_EQ(tp.max_streams_uni, 3);
	CHECK_EQ(tp.max_streams_bidi, 100);
	close(sd);
}

static void option_plain_1rtt(void)
{
	struct quic_transport_param tp = { .disable_1rtt_encryption = 1 };
	int sd = sock_new(AF_INET, 0);

	CHECK(!set_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, sizeof(tp)));
	close(sd);
	CHECK(!seteuid(65534));
	sd = sock_new(AF_INET, 0);
	errno = 0;
	if (set_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, sizeof(tp)) != -1 || errno != EPERM)
		ktap_fail(__FILE__, __LINE__, "not EPERM: %s", strerror(errno));
	close(sd);
	CHECK(!seteuid(0));
}

static void option_alpn(void)
{
	char buf[200], name[130];
	int sd = sock_new(AF_INET, 0);
	struct sockaddr_storage a;
	socklen_t len;

	memset(name, 'a', sizeof(name));
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_ALPN, "", 0), EINVAL);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_ALPN, ",h3", 3), EINVAL);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_ALPN, "h3,", 3), EINVAL);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_ALPN, "h3,,h2", 6), EINVAL);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_ALPN, name, 129), EINVAL);
	CHECK(!set_opt(sd, QUIC_SOCKOPT_ALPN, name, 128));
	CHECK(!set_opt(sd, QUIC_SOCKOPT_ALPN, "smbd,h3,ksmbd", 13));
	len = sizeof(buf);
	CHECK(!get_opt(sd, QUIC_SOCKOPT_ALPN, buf, &len));
	CHECK_EQ(len, 13);
	CHECK(!memcmp(buf, "smbd,h3,ksmbd", 13));
	len = 4;
	CHECK(!get_opt(sd, QUIC_SOCKOPT_ALPN, buf, &len));
	CHECK_EQ(len, 4);
	CHECK(!bind(sd, (void *)&a, addr_loopback(&a, AF_INET, false, 0)));
	CHECK(!listen(sd, 1));
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_ALPN, "h3", 2), EINVAL);
	close(sd);
}

static void option_events(void)
{
	struct quic_event_option e = {};
	int type, sd = sock_new(AF_INET, 0);
	socklen_t len = sizeof(e);

	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_EVENT, &e, sizeof(e)), EINVAL);
	e.type = QUIC_EVENT_MAX;
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_EVENT, &e, sizeof(e)), EINVAL);
	CHECK_ERR(get_opt(sd, QUIC_SOCKOPT_EVENT, &e, &len), EINVAL);
	for (type = 1; type < QUIC_EVENT_MAX; type++) {
		e.type = type;
		e.on = 9;
		CHECK(!get_opt(sd, QUIC_SOCKOPT_EVENT, &e, &len));
		CHECK_EQ(e.on, 0);
		e.on = 1;
		CHECK(!set_opt(sd, QUIC_SOCKOPT_EVENT, &e, sizeof(e)));
		e.on = 0;
		CHECK(!get_opt(sd, QUIC_SOCKOPT_EVENT, &e, &len));
		CHECK_EQ(e.on, 1);
	}
	close(sd);
}

static void option_token_and_ticket(void)
{
	char buf[5000];
	int sd = sock_new(AF_INET, 0);
	socklen_t len = sizeof(buf);

	memset(buf, 3, sizeof(buf));
	CHECK(!get_opt(sd, QUIC_SOCKOPT_TOKEN, buf, &len));
	CHECK_EQ(len, 0);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_TOKEN, buf, 0), EINVAL);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_TOKEN, buf, 257), EINVAL);
	CHECK(!set_opt(sd, QUIC_SOCKOPT_TOKEN, buf, 256));
	len = sizeof(buf);
	CHECK(!get_opt(sd, QUIC_SOCKOPT_TOKEN, buf, &len));
	CHECK_EQ(len, 256);
	len = sizeof(buf);
	CHECK(!get_opt(sd, QUIC_SOCKOPT_SESSION_TICKET, buf, &len));
	CHECK_EQ(len, 0);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_SESSION_TICKET, buf, 4097), EINVAL);
	CHECK(!set_opt(sd, QUIC_SOCKOPT_SESSION_TICKET, buf, 4096));
	close(sd);
}

static void option_ticket_key(void)
{
	struct sockaddr_storage a;
	struct pair_opts o = {};
	socklen_t alen, len = 100;
	uint8_t key[100], again[100];
	int sd = listen_any(&o, &a, &alen);

	CHECK(!get_opt(sd, QUIC_SOCKOPT_SESSION_TICKET, key, &len));
	CHECK_EQ(len, QUIC_TICKET_KEY_SIZE);
	len = 100;
	CHECK(!get_opt(sd, QUIC_SOCKOPT_SESSION_TICKET, again, &len));
	CHECK(!memcmp(key, again, QUIC_TICKET_KEY_SIZE));
	CHECK_ERR(get_opt(sd, QUIC_SOCKOPT_TOKEN, key, &len), EINVAL);
	close(sd);
}

static void option_congestion(void)
{
	char name[32] = {};
	int sd = sock_new(AF_INET, 0);
	socklen_t len = sizeof(name);

	CHECK(!get_opt(sd, QUIC_SOCKOPT_CONGESTION, name, &len));
	CHECK_EQ(len, QUIC_CC_NAME_MAX);
	CHECK(!strcmp(name, "cubic"));
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CONGESTION, "vegas", 5), ENOENT);
	CHECK(!set_opt(sd, QUIC_SOCKOPT_CONGESTION, "newreno", 7));
	len = sizeof(name);
	CHECK(!get_opt(sd, QUIC_SOCKOPT_CONGESTION, name, &len));
	CHECK(!strcmp(name, "newreno"));
	close(sd);
}

static void option_close_info(void)
{
	struct quic_connection_close cl = { .errcode = 5, .phrase = "bye" };
	struct quic_info info;
	int sd = sock_new(AF_INET, 0);
	socklen_t len = sizeof(cl);

	CHECK(!set_opt(sd, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, sizeof(cl)));
	CHECK(!get_opt(sd, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, &len));
	CHECK_EQ(cl.errcode, 0);
	CHECK_EQ(len, sizeof(cl));
	len = sizeof(info);
	CHECK(!get_opt(sd, QUIC_SOCKOPT_INFO, &info, &len));
	CHECK_EQ(info.state, QUIC_STATE_IDLE);
	close(sd);
}

static void need_connection(void)
{
	struct quic_errinfo e = {};
	struct quic_stream_info si = { .stream_id = -1 };
	struct quic_crypto_secret secret = { .level = QUIC_CRYPTO_APP,
					     .type = TLS_CIPHER_AES_GCM_128 };
	struct quic_connection_id_info id = {};
	struct sockaddr_in in = { .sin_family = AF_INET };
	int sd = sock_new(AF_INET, 0);
	char buf[256];
	socklen_t len = sizeof(si);

	CHECK_ERR(get_opt(sd, QUIC_SOCKOPT_STREAM_OPEN, &si, &len), ENOTCONN);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_STREAM_RESET, &e, sizeof(e)), ENOTCONN);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_STREAM_STOP_SENDING, &e, sizeof(e)), ENOTCONN);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0), ENOTCONN);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CRYPTO_SECRET, &secret, sizeof(secret)), ENOTCONN);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, buf, 10), ENOTCONN);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CONNECTION_ID, &id, sizeof(id)), ENOTCONN);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CONNECTION_MIGRATION, &in, sizeof(in)), ENOTCONN);
	len = sizeof(id);
	CHECK_ERR(get_opt(sd, QUIC_SOCKOPT_CONNECTION_ID, &id, &len), ENOTCONN);
	len = sizeof(buf);
	CHECK_ERR(get_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, buf, &len), ENOTCONN);
	close(sd);
}

static void handshake_options(void)
{
	struct quic_crypto_secret s = { .level = QUIC_CRYPTO_HANDSHAKE, .send = 1,
					.type = TLS_CIPHER_AES_GCM_128 };
	struct quic_errinfo e = {};
	int sd = connected(AF_INET);
	uint8_t buf[256];
	socklen_t len = sizeof(buf);

	s.level = QUIC_CRYPTO_INITIAL;
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CRYPTO_SECRET, &s, sizeof(s)), EINVAL);
	s.level = 4;
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CRYPTO_SECRET, &s, sizeof(s)), EINVAL);
	s.level = QUIC_CRYPTO_EARLY;
	s.send = 0;
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CRYPTO_SECRET, &s, sizeof(s)), EINVAL);
	s.level = QUIC_CRYPTO_HANDSHAKE;
	s.type = 50;
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CRYPTO_SECRET, &s, sizeof(s)), EINVAL);
	s.type = TLS_CIPHER_AES_GCM_256;
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CRYPTO_SECRET, &s, 8 + 32), EINVAL);
	s.send = 2;
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CRYPTO_SECRET, &s, sizeof(s)), EINVAL);
	s.send = 1;
	CHECK(!set_opt(sd, QUIC_SOCKOPT_CRYPTO_SECRET, &s, sizeof(s)));
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_CRYPTO_SECRET, &s, sizeof(s)), EINVAL);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0), EAGAIN);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_STREAM_RESET, &e, sizeof(e)), EINVAL);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_STREAM_STOP_SENDING, &e, sizeof(e)), EINVAL);
	len = 8;
	CHECK_ERR(get_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, buf, &len), EINVAL);
	len = sizeof(buf);
	CHECK(!get_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, buf, &len));
	CHECK(len > 20 && len <= 256);
	/* nonsense from the peer ends the connection */
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, "\x04\x09\x01", 3), EINVAL);
	CHECK_ERR(set_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, buf, len), EPIPE);
	close(sd);
}

static void close_with_unanswered_handshake(void)
{
	int sd = connected(AF_INET);

	CHECK_EQ(send_level(sd, QUIC_CRYPTO_INITIAL, "hello", 5, 0), 5);
	CHECK(!close(sd));
}

static const struct ktap_case cases[] = {
	{ "create", create },
	{ "socketpair_refused", socketpair_refused },
	{ "bind_any_port", bind_any_port },
	{ "bind_errors", bind_errors },
	{ "bind_shared", bind_shared },
	{ "v6only", v6only },
	{ "port_taken_by_udp", port_taken_by_udp },
	{ "listen_errors", listen_errors },
	{ "connect_names", connect_names },
	{ "connect_errors", connect_errors },
	{ "idle_data", idle_data },
	{ "handshake_data", handshake_data },
	{ "cmsg_errors", cmsg_errors },
	{ "option_numbers", option_numbers },
	{ "option_pointers", option_pointers },
	{ "option_prefix", option_prefix },
	{ "option_config", option_config },
	{ "option_params", option_params },
	{ "option_plain_1rtt", option_plain_1rtt },
	{ "option_alpn", option_alpn },
	{ "option_events", option_events },
	{ "option_token_and_ticket", option_token_and_ticket },
	{ "option_ticket_key", option_ticket_key },
	{ "option_congestion", option_congestion },
	{ "option_close_info", option_close_info },
	{ "need_connection", need_connection },
	{ "handshake_options", handshake_options },
	{ "close_with_unanswered_handshake", close_with_unanswered_handshake },
};

KTAP_MAIN(cases)
