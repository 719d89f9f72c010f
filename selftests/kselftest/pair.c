// SPDX-License-Identifier: GPL-2.0
/* See pair.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tls.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "pair.h"

const char *pair_step = "";

static int at(const char *step)
{
	pair_step = step;
	return -1;
}

int sock_new(int family, int type)
{
	return socket(family ? family : AF_INET, type ? type : SOCK_STREAM, IPPROTO_QUIC);
}

socklen_t addr_loopback(struct sockaddr_storage *a, int family, bool mapped, int port)
{
	struct sockaddr_in6 *in6 = (void *)a;
	struct sockaddr_in *in = (void *)a;

	memset(a, 0, sizeof(*a));
	if (family == AF_INET6) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		inet_pton(AF_INET6, mapped ? "::ffff:127.0.0.1" : "::1", &in6->sin6_addr);
		return sizeof(*in6);
	}
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sizeof(*in);
}

int set_opt(int sd, int name, const void *val, socklen_t len)
{
	return setsockopt(sd, SOL_QUIC, name, val, len);
}

int get_opt(int sd, int name, void *val, socklen_t *len)
{
	return getsockopt(sd, SOL_QUIC, name, val, len);
}

void set_timeo(int sd, int ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	setsockopt(sd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(sd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

static int apply(int sd, const struct quic_transport_param *tp, const struct quic_config *cf,
		 const uint32_t *versions, int rcvbuf, int sndbuf)
{
	unsigned int n = 0;

	while (versions && versions[n])
		n++;
	if (n && set_opt(sd, QUIC_SOCKOPT_VERSIONS, versions, n * sizeof(*versions)))
		return at("versions");
	if (tp && set_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, tp, sizeof(*tp)))
		return at("transport parameters");
	if (cf && set_opt(sd, QUIC_SOCKOPT_CONFIG, cf, sizeof(*cf)))
		return at("config");
	if (rcvbuf && setsockopt(sd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf)))
		return at("rcvbuf");
	if (sndbuf && setsockopt(sd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf)))
		return at("sndbuf");
	return 0;
}

int listen_any(const struct pair_opts *o, struct sockaddr_storage *a, socklen_t *len)
{
	int sd = sock_new(o->family, o->type);

	if (sd < 0)
		return at("socket");
	*len = addr_loopback(a, o->family, o->mapped, 0);
	if (apply(sd, o->server, o->server_config, o->server_versions, o->server_rcvbuf, 0))
		goto fail;
	at("bind");
	if (bind(sd, (void *)a, *len) || getsockname(sd, (void *)a, len))
		goto fail;
	at("listen");
	if (listen(sd, 16))
		goto fail;
	return sd;
fail:
	close(sd);
	return -1;
}

ssize_t send_level(int sd, uint8_t level, const void *buf, size_t len, int flags)
{
	union { char buf[CMSG_SPACE(1)]; struct cmsghdr align; } ctl = {};
	struct iovec iov = { (void *)buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl,
			      .msg_controllen = sizeof(ctl) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_QUIC;
	c->cmsg_type = QUIC_HANDSHAKE_INFO;
	c->cmsg_len = CMSG_LEN(1);
	*CMSG_DATA(c) = level;
	return sendmsg(sd, &msg, flags);
}

ssize_t recv_level(int sd, uint8_t *level, void *buf, size_t len)
{
	union { char buf[CMSG_SPACE(1)]; struct cmsghdr align; } ctl = {};
	struct iovec iov = { buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl,
			      .msg_controllen = sizeof(ctl) };
	struct cmsghdr *c;
	ssize_t n;

	/* A ring that was closed ends by task work, which interrupts calls that have a timeout. */
	do
		n = recvmsg(sd, &msg, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return n;
	c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_type != QUIC_HANDSHAKE_INFO) {
		errno = EBADMSG;
		return -1;
	}
	*level = *CMSG_DATA(c);
	return n;
}

ssize_t send_stream(int sd, int64_t sid, uint32_t stream_flags, const void *buf, size_t len,
		    int flags)
{
	union { char buf[CMSG_SPACE(sizeof(struct quic_stream_info))]; struct cmsghdr align; }
		ctl = {};
	struct iovec iov = { (void *)buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl,
			      .msg_controllen = sizeof(ctl) };
	struct quic_stream_info info = { .stream_id = sid, .stream_flags = stream_flags };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_QUIC;
	c->cmsg_type = QUIC_STREAM_INFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	return sendmsg(sd, &msg, flags | MSG_NOSIGNAL);
}

ssize_t recv_stream(int sd, int64_t *sid, uint32_t *flags, void *buf, size_t len, int msg_flags)
{
	union { char buf[CMSG_SPACE(sizeof(struct quic_stream_info))]; struct cmsghdr align; }
		ctl = {};
	struct iovec iov = { buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl,
			      .msg_controllen = sizeof(ctl) };
	ssize_t n = recvmsg(sd, &msg, msg_flags);
	struct quic_stream_info info;
	struct cmsghdr *c;

	*sid = -1;
	*flags = msg.msg_flags;
	if (n < 0)
		return n;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_QUIC && c->cmsg_type == QUIC_STREAM_INFO) {
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		*sid = info.stream_id;
		*flags |= info.stream_flags;
	}
	return n;
}

int pair_client(struct pair *p, const struct pair_opts *o, const struct sockaddr_storage *a,
		socklen_t len)
{
	struct sockaddr_storage from;
	uint32_t one = 1;

	p->client = sock_new(o->family, o->type);
	if (p->client < 0)
		return at("socket of the client");
	if (apply(p->client, o->client, o->client_config, o->client_versions, o->client_rcvbuf,
		  o->client_sndbuf))
		return -1;
	if (o->empty_cid && set_opt(p->client, QUIC_SOCKOPT_EMPTY_CID, &one, sizeof(one)))
		return at("empty connection ID");
	if (o->client_port) {
		len = addr_loopback(&from, o->family, o->mapped, o->client_port);
		if (bind(p->client, (void *)&from, len))
			return at("bind of the client");
	}
	if (connect(p->client, (void *)a, len))
		return at("connect");
	if (send_level(p->client, QUIC_CRYPTO_INITIAL, "hello from the client", 21, 0) != 21)
		return at("first message");
	set_timeo(p->client, 10000);
	return 0;
}

int pair_accept(struct pair *p)
{
	uint8_t level;
	char buf[64];

	set_timeo(p->listener, 5000);
	p->server = accept(p->listener, NULL, NULL);
	if (p->server < 0)
		return at("accept");
	set_timeo(p->server, 10000);
	if (recv_level(p->server, &level, buf, sizeof(buf)) != 21 || level != QUIC_CRYPTO_INITIAL)
		return at("first message, received");
	return 0;
}

int pair_begin(struct pair *p, const struct pair_opts *o)
{
	struct sockaddr_storage a;
	socklen_t len;

	p->listener = p->client = p->server = -1;
	p->listener = listen_any(o, &a, &len);
	if (p->listener < 0 || pair_client(p, o, &a, len))
		return -1;
	return pair_accept(p);
}

int pair_secret(int sd, uint8_t level, uint8_t send, uint8_t salt, uint32_t cipher)
{
	struct quic_crypto_secret s = { .send = send, .level = level, .type = cipher };
	unsigned int i;

	for (i = 0; i < sizeof(s.secret); i++)
		s.secret[i] = i * 3 + salt + level * 16;
	return set_opt(sd, QUIC_SOCKOPT_CRYPTO_SECRET, &s, sizeof(s));
}

int pair_secrets(struct pair *p, uint8_t level, uint32_t cipher)
{
	if (pair_secret(p->server, level, 1, 2, cipher) || pair_secret(p->server, level, 0, 1, cipher) ||
	    pair_secret(p->client, level, 0, 2, cipher) || pair_secret(p->client, level, 1, 1, cipher))
		return at("secrets");
	return 0;
}

int pair_params(int from, int to)
{
	uint8_t buf[256];
	socklen_t len = sizeof(buf);

	if (get_opt(from, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, buf, &len))
		return at("reading transport parameters");
	if (set_opt(to, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, buf, len))
		return at("giving transport parameters");
	return 0;
}

int pair_handshake(struct pair *p, const struct pair_opts *o)
{
	uint32_t cipher = o->cipher ? o->cipher : TLS_CIPHER_AES_GCM_128;
	uint8_t level;
	char buf[64];

	/* RFC 9369, 4.1: a server says nothing before it knows what the client takes */
	if (pair_params(p->client, p->server))
		return -1;
	if (send_level(p->server, QUIC_CRYPTO_INITIAL, "hello from the server", 21, 0) != 21 ||
	    recv_level(p->client, &level, buf, sizeof(buf)) != 21 || level != QUIC_CRYPTO_INITIAL)
		return at("answer");
	if (pair_params(p->server, p->client))
		return -1;
	if (pair_secrets(p, QUIC_CRYPTO_HANDSHAKE, cipher))
		return -1;
	if (send_level(p->server, QUIC_CRYPTO_HANDSHAKE, "server finished", 15, 0) != 15 ||
	    recv_level(p->client, &level, buf, sizeof(buf)) != 15 ||
	    level != QUIC_CRYPTO_HANDSHAKE)
		return at("server's last message");
	if (send_level(p->client, QUIC_CRYPTO_HANDSHAKE, "client finished", 15, 0) != 15 ||
	    recv_level(p->server, &level, buf, sizeof(buf)) != 15 ||
	    level != QUIC_CRYPTO_HANDSHAKE)
		return at("client's last message");
	return pair_secrets(p, QUIC_CRYPTO_APP, cipher);
}

int pair_open(struct pair *p, const struct pair_opts *o)
{
	if (pair_begin(p, o) || pair_handshake(p, o)) {
		int err = errno;

		printf("# pair: %s: %s\n", pair_step, strerror(err));
		pair_close(p);
		errno = err;
		return -1;
	}
	return 0;
}

int pair_echo(struct pair *p)
{
	char buf[32];
	uint32_t flags;
	int64_t sid;

	if (send_stream(p->client, 0, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN, "over", 4, 0) != 4 ||
	    recv_stream(p->server, &sid, &flags, buf, sizeof(buf), 0) != 4)
		return -1;
	return memcmp(buf, "over", 4);
}

void pair_close(struct pair *p)
{
	if (p->client >= 0)
		close(p->client);
	if (p->server >= 0)
		close(p->server);
	if (p->listener >= 0)
		close(p->listener);
	p->listener = p->client = p->server = -1;
}

int event_on(int sd, int type)
{
	struct quic_event_option e = { .type = type, .on = 1 };

	return set_opt(sd, QUIC_SOCKOPT_EVENT, &e, sizeof(e));
}

ssize_t event_wait(int sd, int type, void *payload, size_t len)
{
	uint8_t buf[4200];
	uint32_t flags;
	int64_t sid;
	ssize_t n;

	for (;;) {
		n = recv_stream(sd, &sid, &flags, buf, sizeof(buf), 0);
		if (n < 0)
			return -1;
		if (!(flags & MSG_QUIC_NOTIFICATION) || buf[0] != type)
			continue;
		n--;
		memcpy(payload, buf + 1, (size_t)n < len ? (size_t)n : len);
		return n;
	}
}

int poll_for(int sd, int events, int ms)
{
	struct pollfd p = { .fd = sd, .events = events };

	return poll(&p, 1, ms) < 0 ? -1 : p.revents;
}

void pattern_fill(void *buf, size_t len, int64_t sid, uint64_t off)
{
	uint8_t *p = buf;

	while (len--)
		*p++ = pattern(sid, off++);
}

bool pattern_ok(const void *buf, size_t len, int64_t sid, uint64_t off)
{
	const uint8_t *p = buf;

	while (len--)
		if (*p++ != pattern(sid, off++))
			return false;
	return true;
}
