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
	{ "handshake_options", handshake_options },
	{ "close_with_unanswered_handshake", close_with_unanswered_handshake },
};

KTAP_MAIN(cases)
