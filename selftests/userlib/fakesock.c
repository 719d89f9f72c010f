// SPDX-License-Identifier: GPL-2.0
/*
 * QUIC sockets without QUIC, to be linked into a program: sockets of protocol 261 become local ones on this
 * machine that carry TLS messages, stream data, resets and the reason of a close in small records.
 * No packets, no encryption, no loss: just enough of the socket calls to run the tools. The real
 * thing is tested in guests.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>
#include <linux/tls.h>
#include <netinet/quic.h>

#define FDS		4096
#define CHUNK		16384	/* bytes of a record; less than any buffer of the callers */
#define STREAM_LIMIT	5	/* a client's streams at once: small, so that waiting is tested */
#define STOPPED		64	/* streams of which a socket wants nothing more, the last ones */

enum kind { K_CRYPTO, K_STREAM, K_RESET, K_CLOSE };

struct record {
	uint8_t kind;
	uint8_t level;
	uint32_t flags;
	int64_t sid;
};

struct sock {
	int used, server, family;
	uint16_t port;
	int64_t next, next_uni, last;
	unsigned int open, events;
	int64_t stopped[STOPPED];	/* + 1; 0: none */
	unsigned int nstopped;
	char alpn[QUIC_ALPN_MAX + 1];
	struct quic_connection_close close, peer_close;
	struct quic_info info;
};

static struct sock socks[FDS];

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static struct sock *of(int fd)
{
	return fd >= 0 && fd < FDS && socks[fd].used ? &socks[fd] : NULL;
}

static struct sock *start(int fd, int family, int server)
{
	struct sock *s;

	if (fd < 0 || fd >= FDS)
		return NULL;
	s = &socks[fd];
	memset(s, 0, sizeof(*s));
	s->used = 1;
	s->family = family;
	s->server = server;
	s->next = server ? 1 : 0;
	s->next_uni = s->next | QUIC_STREAM_TYPE_UNI_MASK;
	s->last = -1;
	s->info.version = QUIC_VERSION_V1;
	s->info.cipher = TLS_CIPHER_AES_GCM_128;
	s->info.smoothed_rtt = 12300;
	s->info.cwnd = 45678;
	strcpy(s->info.cc_name, "cubic");
	return s;
}

int socket(int domain, int type, int protocol)
{
	int fd;

	if (protocol != IPPROTO_QUIC)
		return REAL(socket)(domain, type, protocol);
	fd = REAL(socket)(AF_UNIX, SOCK_SEQPACKET | (type & (SOCK_CLOEXEC | SOCK_NONBLOCK)), 0);
	start(fd, domain, 0);
	return fd;
}

/* The port names the listener; the address does not matter. */
static socklen_t local_name(struct sock *s, const struct sockaddr *sa, struct sockaddr_un *un)
{
	s->port = ntohs(sa->sa_family == AF_INET6 ? ((const struct sockaddr_in6 *)sa)->sin6_port :
						    ((const struct sockaddr_in *)sa)->sin_port);
	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	/* Abstract: a leading NUL, no file. */
	return offsetof(struct sockaddr_un, sun_path) + 1 +
	       sprintf(un->sun_path + 1, "quic-fakesock-%u", s->port);
}

int bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_un un;
	struct sock *s = of(fd);

	if (!s)
		return REAL(bind)(fd, sa, len);
	len = local_name(s, sa, &un);
	return REAL(bind)(fd, (struct sockaddr *)&un, len);
}

int connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_un un;
	struct sock *s = of(fd);

	if (!s)
		return REAL(connect)(fd, sa, len);
	len = local_name(s, sa, &un);
	return REAL(connect)(fd, (struct sockaddr *)&un, len);
}

int accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	struct sock *s = of(fd);
	int sd = REAL(accept4)(fd, s ? NULL : sa, s ? NULL : len, flags);

	if (s && sd >= 0) {
		struct sock *child = start(sd, s->family, 1);

		strcpy(child->alpn, s->alpn);
	}
	return sd;
}

int getpeername(int fd, struct sockaddr *sa, socklen_t *len)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(4433),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	if (!of(fd))
		return REAL(getpeername)(fd, sa, len);
	if (*len > sizeof(in))
		*len = sizeof(in);
	memcpy(sa, &in, *len);
	return 0;
}

static int value(void *to, socklen_t *room, const void *from, size_t len)
{
	if (*room > len)
		*room = len;
	memcpy(to, from, *room);
	return 0;
}

static int stream_open(struct sock *s, struct quic_stream_info *info)
{
	if (info->stream_id == -1 && info->stream_flags & MSG_QUIC_STREAM_UNI) {
		info->stream_id = s->next_uni;
		s->next_uni += 4;
	} else if (info->stream_id == -1) {
		if (!s->server && s->open >= STREAM_LIMIT) {
			errno = EAGAIN;
			return -1;
		}
		info->stream_id = s->next;
		s->next += 4;
		s->open++;
	}
	s->last = info->stream_id;
	return 0;
}

int getsockopt(int fd, int level, int opt, void *val, socklen_t *len)
{
	static const uint8_t params[40] = { 1, 2, 3 };
	struct quic_config config = { 0 };
	struct sock *s = of(fd);

	if (!s || level != SOL_QUIC)
		return REAL(getsockopt)(fd, level, opt, val, len);
	switch (opt) {
	case QUIC_SOCKOPT_TOKEN:
		if (!s->server)
			return value(val, len, "", 0);
		errno = EINVAL;
		return -1;
	case QUIC_SOCKOPT_TRANSPORT_PARAM_EXT:
		return value(val, len, params, sizeof(params));
	case QUIC_SOCKOPT_CONFIG:
		return value(val, len, &config, sizeof(config));
	case QUIC_SOCKOPT_CONNECTION_CLOSE:
		return value(val, len, &s->peer_close, sizeof(s->peer_close));
	case QUIC_SOCKOPT_ALPN:
		return value(val, len, s->alpn, strlen(s->alpn));
	case QUIC_SOCKOPT_INFO:
		return value(val, len, &s->info, sizeof(s->info));
	case QUIC_SOCKOPT_STREAM_OPEN:
		return stream_open(s, val);
	}
	errno = ENOPROTOOPT;
	return -1;
}

/* $FAKE_CHUNK: a send takes no more than that. */
static size_t chunk(void)
{
	const char *text = getenv("FAKE_CHUNK");

	return text ? strtoul(text, NULL, 10) : CHUNK;
}

static ssize_t record_send(int fd, struct record *r, const struct iovec *iov, int flags)
{
	struct iovec v[2] = { { r, sizeof(*r) }, { NULL, 0 } };
	struct msghdr msg = { .msg_iov = v, .msg_iovlen = 2 };
	ssize_t ret;

	if (iov)
		v[1] = *iov;
	if (v[1].iov_len > (r->kind == K_STREAM ? chunk() : CHUNK)) {
		v[1].iov_len = r->kind == K_STREAM ? chunk() : CHUNK;
		r->flags &= ~(uint32_t)MSG_QUIC_STREAM_FIN;
	}
	ret = REAL(sendmsg)(fd, &msg, MSG_NOSIGNAL | (flags & MSG_DONTWAIT));
	return ret < 0 ? ret : ret - (ssize_t)sizeof(*r);
}

int setsockopt(int fd, int level, int opt, const void *val, socklen_t len)
{
	struct sock *s = of(fd);
	struct record r = { 0 };

	if (!s || level != SOL_QUIC)
		return REAL(setsockopt)(fd, level, opt, val, len);
	switch (opt) {
	case QUIC_SOCKOPT_ALPN:
		snprintf(s->alpn, sizeof(s->alpn), "%.*s", (int)len, (const char *)val);
		return 0;
	case QUIC_SOCKOPT_CONNECTION_CLOSE:
		memcpy(&s->close, val, sizeof(s->close));
		return 0;
	case QUIC_SOCKOPT_EVENT:
		s->events |= 1U << ((const struct quic_event_option *)val)->type;
		return 0;
	case QUIC_SOCKOPT_STREAM_RESET:
		r.kind = K_RESET;
		r.sid = ((const struct quic_errinfo *)val)->stream_id;
		r.flags = ((const struct quic_errinfo *)val)->errcode;
		return record_send(fd, &r, NULL, MSG_DONTWAIT) < 0 ? -1 : 0;
	case QUIC_SOCKOPT_STREAM_STOP_SENDING:
		s->stopped[s->nstopped++ % STOPPED] =
			((const struct quic_errinfo *)val)->stream_id + 1;
		return 0;
	case QUIC_SOCKOPT_TRANSPORT_PARAM:
	case QUIC_SOCKOPT_TRANSPORT_PARAM_EXT:
	case QUIC_SOCKOPT_CONFIG:
	case QUIC_SOCKOPT_CONGESTION:
	case QUIC_SOCKOPT_CRYPTO_SECRET:
		return 0;
	}
	errno = ENOPROTOOPT;
	return -1;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct record r = { .kind = K_STREAM };
	const struct iovec *iov = msg->msg_iov;
	struct quic_stream_info info;
	struct cmsghdr *cmsg;
	struct sock *s = of(fd);
	size_t i, all = 0;

	if (!s)
		return REAL(sendmsg)(fd, msg, flags);
	cmsg = CMSG_FIRSTHDR(msg);
	if (cmsg && cmsg->cmsg_type == QUIC_HANDSHAKE_INFO) {
		r.kind = K_CRYPTO;
		r.level = *CMSG_DATA(cmsg);
		return record_send(fd, &r, msg->msg_iov, flags);
	}
	if (!cmsg) {
		errno = EOPNOTSUPP;
		return -1;
	}
	memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
	/* One piece of several at a time; the end goes with the last. */
	for (i = 0; i < msg->msg_iovlen; i++) {
		if (!iov->iov_len)
			iov = &msg->msg_iov[i];
		all += msg->msg_iov[i].iov_len;
	}
	if (!all && !(info.stream_flags & MSG_QUIC_STREAM_FIN)) {
		errno = EMSGSIZE;
		return -1;
	}
	r.sid = info.stream_id < 0 ? s->last : info.stream_id;
	r.flags = info.stream_flags;
	if (iov->iov_len < all)
		r.flags &= ~(uint32_t)MSG_QUIC_STREAM_FIN;
	return record_send(fd, &r, iov, flags);
}

static ssize_t event_make(struct sock *s, const struct record *r, struct msghdr *msg)
{
	struct quic_stream_update update = { .id = r->sid, .errcode = r->flags,
					     .state = QUIC_STREAM_RECV_STATE_RESET_RECVD };
	uint8_t *buf = msg->msg_iov->iov_base;

	if (!(r->sid & QUIC_STREAM_TYPE_UNI_MASK))
		s->open--;
	if (!(s->events & 1U << QUIC_EVENT_STREAM_UPDATE))
		return -1;
	buf[0] = QUIC_EVENT_STREAM_UPDATE;
	memcpy(buf + 1, &update, sizeof(update));
	msg->msg_flags = MSG_QUIC_NOTIFICATION | MSG_EOR;
	msg->msg_controllen = 0;
	return 1 + sizeof(update);
}

static bool is_stopped(const struct sock *s, int64_t sid)
{
	size_t i;

	for (i = 0; i < STOPPED; i++)
		if (s->stopped[i] == sid + 1)
			return true;
	return false;
}

static void cmsg_make(struct msghdr *msg, int type, const void *data, size_t len)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);

	cmsg->cmsg_level = SOL_QUIC;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(cmsg), data, len);
	msg->msg_controllen = CMSG_SPACE(len);
	msg->msg_flags = 0;
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct sock *s = of(fd);
	struct record r;
	struct iovec v[2] = { { &r, sizeof(r) }, { NULL, 0 } };
	struct msghdr in = { .msg_iov = v, .msg_iovlen = 2 };
	struct quic_stream_info info;
	ssize_t ret;

	if (!s)
		return REAL(recvmsg)(fd, msg, flags);
	for (;;) {
		v[1] = *msg->msg_iov;
		ret = REAL(recvmsg)(fd, &in, flags & MSG_DONTWAIT);
		if (ret <= 0) {
			if (!ret || errno == ECONNRESET)
				errno = ENOTCONN;
			return -1;
		}
		ret -= sizeof(r);
		if (r.kind == K_CRYPTO) {
			cmsg_make(msg, QUIC_HANDSHAKE_INFO, &r.level, 1);
			/* A ticket after the handshake stays in the kernel. */
			if (r.level == QUIC_CRYPTO_APP)
				continue;
			return ret;
		}
		if (r.kind == K_CLOSE) {
			memcpy(&s->peer_close, v[1].iov_base, sizeof(s->peer_close));
			continue;
		}
		if (r.kind == K_RESET) {
			ret = event_make(s, &r, msg);
			if (ret > 0)
				return ret;
			continue;
		}
		if (is_stopped(s, r.sid))
			continue;
		info = (struct quic_stream_info){ r.sid, r.flags & MSG_QUIC_STREAM_FIN };
		if (info.stream_flags && !s->server && !(r.sid & QUIC_STREAM_TYPE_UNI_MASK))
			s->open--;
		cmsg_make(msg, QUIC_STREAM_INFO, &info, sizeof(info));
		return ret;
	}
}

int close(int fd)
{
	struct sock *s = of(fd);
	struct record r = { .kind = K_CLOSE };
	struct iovec iov;

	if (s) {
		iov = (struct iovec){ &s->close, sizeof(s->close) };
		if (s->close.errcode)
			record_send(fd, &r, &iov, MSG_DONTWAIT);
		s->used = 0;
	}
	return REAL(close)(fd);
}
