/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One end's handshake, for processes of which each has one: as in pair.c without TLS, but the
 * transport parameters travel in the messages. Return: 0, or -1 with errno.
 */
#ifndef QUIC_KSELFTEST_HALF_H
#define QUIC_KSELFTEST_HALF_H

#include <errno.h>
#include <linux/tls.h>
#include <string.h>
#include <unistd.h>

#include "pair.h"

static inline int half_secrets(int sd, uint8_t level, bool server)
{
	if (pair_secret(sd, level, 1, server ? 2 : 1, TLS_CIPHER_AES_GCM_128))
		return -1;
	return pair_secret(sd, level, 0, server ? 1 : 2, TLS_CIPHER_AES_GCM_128);
}

static inline int half_tell(int sd)
{
	uint8_t buf[256];
	socklen_t len = sizeof(buf);

	if (get_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, buf, &len))
		return -1;
	return send_level(sd, QUIC_CRYPTO_INITIAL, buf, len, 0) == (ssize_t)len ? 0 : -1;
}

static inline int half_hear(int sd, uint8_t want, bool params)
{
	uint8_t buf[256], level = 255;
	ssize_t n = recv_level(sd, &level, buf, sizeof(buf));

	if (n < 0)
		return -1;
	if (level != want) {
		errno = EBADMSG;
		return -1;
	}
	return params ? set_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, buf, n) : 0;
}

/* After connect() */
static inline int half_client(int sd)
{
	set_timeo(sd, 20000);
	if (half_tell(sd) || half_hear(sd, QUIC_CRYPTO_INITIAL, true) ||
	    half_secrets(sd, QUIC_CRYPTO_HANDSHAKE, false) ||
	    half_hear(sd, QUIC_CRYPTO_HANDSHAKE, false) ||
	    send_level(sd, QUIC_CRYPTO_HANDSHAKE, "client finished", 15, 0) != 15)
		return -1;
	return half_secrets(sd, QUIC_CRYPTO_APP, false);
}

/* After accept() */
static inline int half_server(int sd)
{
	set_timeo(sd, 20000);
	if (half_hear(sd, QUIC_CRYPTO_INITIAL, true) || half_tell(sd) ||
	    half_secrets(sd, QUIC_CRYPTO_HANDSHAKE, true) ||
	    send_level(sd, QUIC_CRYPTO_HANDSHAKE, "server finished", 15, 0) != 15 ||
	    half_hear(sd, QUIC_CRYPTO_HANDSHAKE, false))
		return -1;
	return half_secrets(sd, QUIC_CRYPTO_APP, true);
}

/* connect() and the client's part. Return: descriptor or -1 */
static inline int half_connect(int family, const struct sockaddr_storage *a, socklen_t len)
{
	int sd = sock_new(family, 0);

	if (sd < 0)
		return -1;
	if (connect(sd, (const void *)a, len) || half_client(sd)) {
		int err = errno;

		close(sd);
		errno = err;
		return -1;
	}
	return sd;
}

#endif
