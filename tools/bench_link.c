// SPDX-License-Identifier: LGPL-2.1-or-later
/* The three protocols behind the same few calls. The first write of the client opens the stream. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/quic.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bench.h"

#ifndef TCP_ULP
#define TCP_ULP	31
#endif
#ifndef SOL_TLS
#define SOL_TLS	282
#endif

#define PSK_LINE	"bench:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"

const char *const bench_name[BENCH_PROTOS] = { "tcp", "ktls", "quic" };

enum bench_proto bench_proto_named(const char *name)
{
	unsigned int p;

	for (p = 0; p < BENCH_PROTOS; p++)
		if (!strcmp(name, bench_name[p]))
			break;
	return p;
}

void bench_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("quic-bench: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

static void set(int sd, int level, int name, const void *val, socklen_t len, const char *what)
{
	if (setsockopt(sd, level, name, val, len))
		bench_die("%s: %s", what, strerror(errno));
}

/* --- kTLS: the same key both ways; nobody else sees this connection --- */

static void ktls_one(int sd, int direction)
{
	struct tls12_crypto_info_aes_gcm_128 ci = {
		.info = { .version = TLS_1_3_VERSION, .cipher_type = TLS_CIPHER_AES_GCM_128 },
		.key = "sixteen bytes...",
		.iv = "01234567",
		.salt = "89ab",
	};

	set(sd, SOL_TLS, direction, &ci, sizeof(ci), "kTLS 1.3 with AES-128-GCM");
}

static void ktls(int sd)
{
	set(sd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls"), "TCP_ULP tls (modprobe tls)");
	ktls_one(sd, TLS_TX);
	ktls_one(sd, TLS_RX);
}

/* --- QUIC --- */

static void psk_file(struct bench_link *link)
{
	int fd;

	snprintf(link->psk, sizeof(link->psk), "/tmp/quic-bench.XXXXXX");
	fd = mkstemp(link->psk);
	if (fd < 0 || write(fd, PSK_LINE, strlen(PSK_LINE)) < 0)
		bench_die("%s: %s", link->psk, strerror(errno));
	close(fd);
}

static void quic_cipher(int sd)
{
	struct quic_config config = { .payload_cipher_type = TLS_CIPHER_AES_GCM_128 };

	set(sd, SOL_QUIC, QUIC_SOCKOPT_CONFIG, &config, sizeof(config), "QUIC_SOCKOPT_CONFIG");
}

static void quic_shake(const struct bench_link *link, int sd, bool server)
{
	struct quic_handshake_opts opts = {
		.size = sizeof(opts), .psk_file = link->psk, .alpns = "bench",
	};
	struct quic_info info = {};
	socklen_t len = sizeof(info);
	int err;

	err = server ? quic_server_handshake_opts(sd, &opts) :
		       quic_client_handshake_opts(sd, &opts);
	if (err)
		bench_die("handshake: %s", quic_strerror(err));
	if (getsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_INFO, &info, &len))
		bench_die("QUIC_SOCKOPT_INFO: %s", strerror(errno));
	if (info.cipher != TLS_CIPHER_AES_GCM_128)
		bench_die("the handshake chose cipher %u", info.cipher);
}

/* --- both --- */

static int new_socket(const struct bench_link *link)
{
	int sd = socket(AF_INET, SOCK_STREAM, link->proto == BENCH_QUIC ? IPPROTO_QUIC : 0);

	if (sd < 0)
		bench_die("socket: %s", strerror(errno));
	return sd;
}

/* Loopback or the address that was asked for */
static void set_address(const struct bench_link *link, struct sockaddr_in *sin)
{
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (link->address && inet_pton(AF_INET, link->address, &sin->sin_addr) != 1)
		bench_die("%s: no IPv4 address", link->address);
}

static void quic_streams(const struct bench_link *link)
{
	struct quic_transport_param tp = { .max_streams_bidi = link->streams + 1 };

	if (link->streams)
		set(link->listener, SOL_QUIC, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, sizeof(tp), "streams");
}

void bench_listen(struct bench_link *link, enum bench_proto proto)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);

	link->proto = proto;
	link->psk[0] = 0;
	link->listener = new_socket(link);
	set_address(link, &sin);
	if (proto == BENCH_QUIC) {
		psk_file(link);
		quic_cipher(link->listener);
		quic_streams(link);
		set(link->listener, SOL_QUIC, QUIC_SOCKOPT_ALPN, "bench", 5, "QUIC_SOCKOPT_ALPN");
	}
	if (bind(link->listener, (struct sockaddr *)&sin, sizeof(sin)) ||
	    listen(link->listener, 1) ||
	    getsockname(link->listener, (struct sockaddr *)&sin, &len))
		bench_die("listen: %s", strerror(errno));
	link->port = sin.sin_port;
}

void bench_unlisten(struct bench_link *link)
{
	close(link->listener);
	if (link->psk[0])
		unlink(link->psk);
}

int bench_accept(const struct bench_link *link)
{
	int sd = accept(link->listener, NULL, NULL);

	if (sd < 0)
		bench_die("accept: %s", strerror(errno));
	if (link->proto == BENCH_KTLS)
		ktls(sd);
	else if (link->proto == BENCH_QUIC)
		quic_shake(link, sd, true);
	return sd;
}

static void enter(const char *netns)
{
	char name[256];
	int fd;

	snprintf(name, sizeof(name), "/run/netns/%s", netns);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		bench_die("%s: %s", name, strerror(errno));
	close(fd);
}

int bench_connect(const struct bench_link *link)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = link->port };
	int sd;

	if (link->netns)
		enter(link->netns);
	sd = new_socket(link);
	set_address(link, &sin);
	if (link->proto == BENCH_QUIC)
		quic_cipher(sd);
	if (connect(sd, (struct sockaddr *)&sin, sizeof(sin)))
		bench_die("connect: %s", strerror(errno));
	if (link->proto == BENCH_KTLS)
		ktls(sd);
	else if (link->proto == BENCH_QUIC)
		quic_shake(link, sd, false);
	return sd;
}

void bench_send(const struct bench_link *link, int sd, const char *buf, size_t len, bool last)
{
	ssize_t n;

	for (; len; len -= n, buf += n) {
		n = send(sd, buf, len, MSG_NOSIGNAL |
			 (last && link->proto == BENCH_QUIC ? (int)MSG_QUIC_STREAM_FIN : 0));
		if (n < 0)
			bench_die("send: %s", strerror(errno));
	}
	if (last && link->proto != BENCH_QUIC)
		shutdown(sd, SHUT_WR);
}

size_t bench_recv(const struct bench_link *link, int sd, char *buf, size_t len)
{
	ssize_t n = recv(sd, buf, len, 0);

	if (n < 0)
		bench_die("%s: recv: %s", bench_name[link->proto], strerror(errno));
	return n;
}

int bench_stream(int sd, bool *zc)
{
	struct quic_stream_file f = { .stream_id = -1 };
	socklen_t len = sizeof(f);
	int on = 1;

	if (getsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_STREAM_FILE, &f, &len))
		bench_die("QUIC_SOCKOPT_STREAM_FILE: %s", strerror(errno));
	if (*zc)
		*zc = !setsockopt(f.sd, SOL_QUIC, QUIC_SOCKOPT_ZEROCOPY_RO, &on, sizeof(on)) ||
		      !setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_ZEROCOPY_RO, &on, sizeof(on));
	return f.sd;
}
