/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two connected QUIC sockets in one process, over the loopback, without TLS:
 * fixed secrets are installed on both ends. For tests of what comes after the
 * handshake; the bytes on the wire are protected, but with no secret at all.
 */
#ifndef QUIC_KSELFTEST_PAIR_H
#define QUIC_KSELFTEST_PAIR_H

#include <linux/quic.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

struct pair {
	int listener, client, server;
};

struct pair_opts {
	int family;			/* AF_INET (0) or AF_INET6 */
	int type;			/* SOCK_STREAM (0) or SOCK_DGRAM */
	uint32_t cipher;		/* TLS_CIPHER_*; 0: AES-128-GCM */
	const struct quic_transport_param *client, *server;
	const struct quic_config *client_config, *server_config;
	const uint32_t *client_versions, *server_versions;	/* best first, 0 ends */
	bool mapped;			/* AF_INET6 client to an IPv4 address */
	int client_rcvbuf, server_rcvbuf, client_sndbuf;
	bool empty_cid;			/* the client's connection ID */
	int client_port;		/* that it is bound to; 0: any */
};

/* Return: 0; or -1 with errno, and the step that failed in pair_step */
int pair_open(struct pair *p, const struct pair_opts *o);
extern const char *pair_step;
/* Stream 0 with four bytes and its end, from the client. Return: 0 if they came */
int pair_echo(struct pair *p);
void pair_close(struct pair *p);

/* Only as far as both have sockets: client connected, server accepted, no keys beyond Initial. */
int pair_begin(struct pair *p, const struct pair_opts *o);
/* The client's part of it: a socket that has said hello to @a, in p->client */
int pair_client(struct pair *p, const struct pair_opts *o, const struct sockaddr_storage *a,
		socklen_t len);
/* The server's: what the listener accepts, and its hello */
int pair_accept(struct pair *p);
/* The handshake's messages and secrets, between the two. */
int pair_handshake(struct pair *p, const struct pair_opts *o);

/* Its steps: one secret (@salt 1: what the client seals, 2: the server), all four, parameters. */
int pair_secret(int sd, uint8_t level, uint8_t send, uint8_t salt, uint32_t cipher);
int pair_secrets(struct pair *p, uint8_t level, uint32_t cipher);
int pair_params(int from, int to);

int sock_new(int family, int type);
/* An address of the loopback, port 0 or as given. Return: length */
socklen_t addr_loopback(struct sockaddr_storage *a, int family, bool mapped, int port);
/* Bound to the loopback and listening. Return: descriptor; *a is its address */
int listen_any(const struct pair_opts *o, struct sockaddr_storage *a, socklen_t *len);

ssize_t send_level(int sd, uint8_t level, const void *buf, size_t len, int flags);
/* Receives a TLS message. Return: length; *level */
ssize_t recv_level(int sd, uint8_t *level, void *buf, size_t len);
ssize_t send_stream(int sd, int64_t sid, uint32_t stream_flags, const void *buf, size_t len,
		    int flags);
/* *sid -1 and *flags the message's when there was no stream cmsg */
ssize_t recv_stream(int sd, int64_t *sid, uint32_t *flags, void *buf, size_t len, int msg_flags);
int set_opt(int sd, int name, const void *val, socklen_t len);
int get_opt(int sd, int name, void *val, socklen_t *len);
int event_on(int sd, int type);
/* Next event of @type (others and data are dropped). Return: length of the payload, or -1 */
ssize_t event_wait(int sd, int type, void *payload, size_t len);
/* Poll for @events up to @ms. Return: revents */
int poll_for(int sd, int events, int ms);
void set_timeo(int sd, int ms);		/* SO_RCVTIMEO and SO_SNDTIMEO */
/* Byte @off of a test pattern that depends on the stream. */
static inline uint8_t pattern(int64_t sid, uint64_t off)
{
	return (uint8_t)(off * 131 + (off >> 8) * 17 + sid * 7 + 3);
}

void pattern_fill(void *buf, size_t len, int64_t sid, uint64_t off);
bool pattern_ok(const void *buf, size_t len, int64_t sid, uint64_t off);

#endif
