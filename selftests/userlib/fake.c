// SPDX-License-Identifier: GPL-2.0
/* Each endpoint is used by one thread; fake_close() writes to the peer's, under the lock. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef QUIC_TLS_OPENSSL
#include <openssl/ssl.h>
#endif
#include "fake.h"

struct fake_endpoint fake_client, fake_server;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct fake_endpoint *all[FAKE_ENDPOINTS];

static struct fake_endpoint *find(int sd)
{
	struct fake_endpoint *ep = NULL;
	size_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < FAKE_ENDPOINTS && !ep; i++)
		if (all[i] && all[i]->sd == sd)
			ep = all[i];
	pthread_mutex_unlock(&lock);
	if (!ep)
		abort();
	return ep;
}

static void enter(struct fake_endpoint *ep, struct fake_endpoint *from)
{
	size_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < FAKE_ENDPOINTS && all[i] != from; i++)
		;
	if (i == FAKE_ENDPOINTS)
		abort();
	all[i] = ep;
	pthread_mutex_unlock(&lock);
}

static int value_out(void *to, socklen_t *room, const void *from, socklen_t len)
{
	if (*room > len)
		*room = len;
	memcpy(to, from, *room);
	return 0;
}

static int fake_getopt(int sd, int opt, void *val, socklen_t *len)
{
	struct fake_endpoint *ep = find(sd);
	int err = 0;

	pthread_mutex_lock(&lock);
	switch (opt) {
	case QUIC_SOCKOPT_TOKEN:
		err = ep->server ? -EINVAL : value_out(val, len, ep->token, ep->token_len);
		break;
	case QUIC_SOCKOPT_CONFIG:
		value_out(val, len, &ep->config, sizeof(ep->config));
		break;
	case QUIC_SOCKOPT_TRANSPORT_PARAM:
		value_out(val, len, ((struct quic_transport_param *)val)->remote ? &ep->peer_tp :
						&ep->tp, sizeof(ep->tp));
		break;
	case QUIC_SOCKOPT_TRANSPORT_PARAM_EXT:
		value_out(val, len, ep->params, ep->params_len);
		break;
	case QUIC_SOCKOPT_CONNECTION_CLOSE:
		value_out(val, len, &ep->peer_close, sizeof(ep->peer_close));
		break;
	case QUIC_SOCKOPT_ALPN:
		value_out(val, len, ep->alpn, strlen(ep->alpn));
		break;
	case QUIC_SOCKOPT_SESSION_TICKET:
		if (ep->server)
			value_out(val, len, ep->ticket_key, sizeof(ep->ticket_key));
		else
			value_out(val, len, ep->ticket, ep->ticket_len);
		break;
	default:
		err = -ENOPROTOOPT;
	}
	pthread_mutex_unlock(&lock);
	return err;
}

static int secret_store(struct fake_endpoint *ep, const void *val, socklen_t len)
{
	struct quic_crypto_secret s;
	struct fake_secret *slot;

	if (ep->secret_err)
		return ep->secret_err;
	if (len != sizeof(s))
		return -EINVAL;
	memcpy(&s, val, sizeof(s));
	if (s.level >= QUIC_CRYPTO_MAX || s.send > 1)
		return -EINVAL;
	slot = &ep->secret[s.level][s.send];
	if (slot->set)
		return -EINVAL;
	slot->set = true;
	slot->s = s;
	return 0;
}

static int fake_setopt(int sd, int opt, const void *val, socklen_t len)
{
	struct fake_endpoint *ep = find(sd);
	int err = 0;

	pthread_mutex_lock(&lock);
	switch (opt) {
	case QUIC_SOCKOPT_TRANSPORT_PARAM_EXT:
		ep->params_writes++;
		err = ep->params_err;
		if (!err) {
			memcpy(ep->peer_params, val, len);
			ep->peer_params_len = len;
		}
		break;
	case QUIC_SOCKOPT_TRANSPORT_PARAM:
		memcpy(&ep->peer_tp, val, sizeof(ep->peer_tp));
		break;
	case QUIC_SOCKOPT_TOKEN:
		memcpy(ep->token, val, len);
		ep->token_len = len;
		break;
	case QUIC_SOCKOPT_EARLY_DATA:
		ep->verdict = 1 + *(const uint32_t *)val;
		break;
	case QUIC_SOCKOPT_CRYPTO_SECRET:
		err = secret_store(ep, val, len);
		break;
	case QUIC_SOCKOPT_CONNECTION_CLOSE:
		memcpy(&ep->close, val, sizeof(ep->close));
		ep->close_set = true;
		break;
	case QUIC_SOCKOPT_ALPN:
		snprintf(ep->alpn, sizeof(ep->alpn), "%.*s", (int)len, (const char *)val);
		break;
	default:
		err = -ENOPROTOOPT;
	}
	pthread_mutex_unlock(&lock);
	return err;
}

/* One datagram of the pair: a byte of level, then the bytes. */
static ssize_t fake_send(int sd, const struct msghdr *msg, int flags)
{
	struct fake_endpoint *ep = find(sd);
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	struct iovec iov[2];
	struct msghdr out = { .msg_iov = iov, .msg_iovlen = 2 };
	uint8_t level;
	ssize_t ret;

	if (!cmsg || cmsg->cmsg_level != SOL_QUIC || cmsg->cmsg_type != QUIC_HANDSHAKE_INFO ||
	    cmsg->cmsg_len != CMSG_LEN(1))
		return -EINVAL;
	if (ep->again) {
		ep->again--;
		return -EAGAIN;
	}
	level = *CMSG_DATA(cmsg);
	if (level != QUIC_CRYPTO_INITIAL && !ep->secret[level][1].set)
		ep->orphans++;
	if (!ep->sends && msg->msg_iov->iov_len <= sizeof(ep->first)) {
		ep->first_len = msg->msg_iov->iov_len;
		memcpy(ep->first, msg->msg_iov->iov_base, ep->first_len);
	}
	ep->sends++;
	ep->mores += !!(flags & MSG_MORE);
	iov[0] = (struct iovec){ &level, 1 };
	iov[1] = *msg->msg_iov;
	if (ep->send_limit && iov[1].iov_len > ep->send_limit)
		iov[1].iov_len = ep->send_limit;
	ret = sendmsg(sd, &out, MSG_NOSIGNAL | (flags & MSG_DONTWAIT));
	return ret < 0 ? -errno : ret - 1;
}

static ssize_t fake_recv(int sd, struct msghdr *msg, int flags)
{
	struct fake_endpoint *ep = find(sd);
	struct cmsghdr *cmsg;
	uint8_t level;
	struct iovec iov[2] = { { &level, 1 }, *msg->msg_iov };
	struct msghdr in = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t ret = recvmsg(sd, &in, flags & MSG_DONTWAIT);

	if (ret < 0)
		return errno == ECONNRESET ? -ENOTCONN : -errno;
	if (!ret)
		return -ENOTCONN;
	ep->recvs++;
	msg->msg_flags = 0;
	cmsg = CMSG_FIRSTHDR(msg);
	cmsg->cmsg_level = SOL_QUIC;
	cmsg->cmsg_type = QUIC_HANDSHAKE_INFO;
	cmsg->cmsg_len = CMSG_LEN(1);
	*CMSG_DATA(cmsg) = level;
	msg->msg_controllen = CMSG_SPACE(1);
	return ret - 1;
}

static int fake_wait(int sd, short events, int timeout_ms)
{
	struct pollfd pfd = { .fd = sd, .events = events };

	return poll(&pfd, 1, timeout_ms < 0 ? 5000 : timeout_ms) ? 0 : -ETIMEDOUT;
}

static int fake_peername(int sd, char *name, size_t size)
{
	(void)sd;
	snprintf(name, size, "127.0.0.1");
	return 0;
}

const struct quic_sys fake_sys = {
	.getopt = fake_getopt,
	.setopt = fake_setopt,
	.send = fake_send,
	.recv = fake_recv,
	.wait = fake_wait,
	.peername = fake_peername,
};

const struct quic_sys fake_sys_idle = {
	.getopt = fake_getopt,
	.setopt = fake_setopt,
	.peername = fake_peername,
};

void fake_pair(struct fake_endpoint *client, struct fake_endpoint *server)
{
	int sd[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sd))
		abort();
	memset(client, 0, sizeof(*client));
	memset(server, 0, sizeof(*server));
	client->sd = sd[0];
	client->other = server;
	server->sd = sd[1];
	server->other = client;
	server->server = true;
	memset(client->params, 0xc1, 40);
	client->params_len = 40;
	memset(server->params, 0x5e, 60);
	server->params_len = 60;
	memset(server->ticket_key, 7, sizeof(server->ticket_key));
	enter(client, NULL);
	enter(server, NULL);
}

void fake_open(void)
{
	fake_pair(&fake_client, &fake_server);
}

void fake_close(struct fake_endpoint *ep)
{
	pthread_mutex_lock(&lock);
	if (!ep->closed) {
		ep->closed = true;
		ep->other->peer_close = ep->close;
		shutdown(ep->sd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&lock);
}

void fake_pair_end(struct fake_endpoint *client, struct fake_endpoint *server)
{
	enter(NULL, client);
	enter(NULL, server);
	close(client->sd);
	close(server->sd);
}

void fake_end(void)
{
	fake_pair_end(&fake_client, &fake_server);
}

quic_session_t fake_session(void)
{
#ifdef QUIC_TLS_OPENSSL
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	SSL *bare = SSL_new(ctx);

	SSL_CTX_free(ctx);
	return bare;
#else
	gnutls_session_t bare;

	return gnutls_init(&bare, GNUTLS_CLIENT) ? NULL : bare;
#endif
}
