// SPDX-License-Identifier: GPL-2.0
/*
 * datagram udp|quic ROUNDS SIZE RUNS: a datagram there and one back. udp: UDP sockets, each datagram sealed and opened
 * with AES-128-GCM by GnuTLS, nonce and tag in it. quic: DATAGRAM frames (RFC 9221).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"
#include "pair.h"

#define NONCE	12
#define TAG	16
#define MAX	2048

static gnutls_aead_cipher_hd_t seal_key, open_key;
static size_t size;
static bool quic;

static void say(int sd)
{
	static unsigned char plain[MAX], sealed[MAX] = "";
	static uint64_t counter;
	size_t len = sizeof(sealed) - NONCE;

	if (quic) {
		if (send(sd, plain, size, MSG_QUIC_DATAGRAM) != (ssize_t)size)
			bench_die("send: %s", strerror(errno));
		return;
	}
	counter++;
	memcpy(sealed, &counter, sizeof(counter));
	if (gnutls_aead_cipher_encrypt(seal_key, sealed, NONCE, NULL, 0, TAG, plain, size, sealed + NONCE, &len) ||
	    send(sd, sealed, NONCE + len, 0) != (ssize_t)(NONCE + len))
		bench_die("send: %s", strerror(errno));
}

static void hear(int sd)
{
	static unsigned char plain[MAX], sealed[MAX];
	size_t len = sizeof(plain);
	ssize_t n = recv(sd, sealed, sizeof(sealed), 0);

	if (n > NONCE && !quic &&
	    !gnutls_aead_cipher_decrypt(open_key, sealed, NONCE, NULL, 0, TAG, sealed + NONCE, n - NONCE, plain, &len))
		n = len;
	if (n != (ssize_t)size)
		bench_die("recv: %zd bytes, %s", n, strerror(errno));
}

static void udp_pair(int *sd)
{
	struct sockaddr_in a[2];
	socklen_t len = sizeof(a[0]);
	int i;

	for (i = 0; i < 2; i++) {
		a[i] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		sd[i] = socket(AF_INET, SOCK_DGRAM, 0);
		if (sd[i] < 0 || bind(sd[i], (void *)&a[i], len) || getsockname(sd[i], (void *)&a[i], &len))
			bench_die("bind: %s", strerror(errno));
	}
	for (i = 0; i < 2; i++)
		if (connect(sd[i], (void *)&a[!i], len))
			bench_die("connect: %s", strerror(errno));
}

static void quic_pair(int *sd)
{
	static const struct quic_transport_param tp = { .max_datagram_frame_size = 65535 };
	static const struct pair_opts o = { .client = &tp, .server = &tp };
	struct quic_info info;
	socklen_t len;
	struct pair p;
	int i;

	if (pair_open(&p, &o))
		bench_die("%s: %s", pair_step, strerror(errno));
	for (i = 0; i < 100; i++) {	/* until the path's MTU is known */
		len = sizeof(info);
		if (!get_opt(p.client, QUIC_SOCKOPT_INFO, &info, &len) && info.datagram_max >= size)
			break;
		usleep(10000);
	}
	close(p.listener);
	sd[0] = p.client;
	sd[1] = p.server;
}

static void run(unsigned int rounds)
{
	unsigned int i, warm = rounds / 4;
	struct bench_moment begin, end;
	int sd[2], status;
	pid_t pid;

	if (quic)
		quic_pair(sd);
	else
		udp_pair(sd);
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		bench_die("fork: %s", strerror(errno));
	if (!pid) {
		for (i = 0; i < warm + rounds; i++) {
			hear(sd[1]);
			say(sd[1]);
		}
		exit(0);
	}
	for (i = 0; i < warm + rounds; i++) {
		if (i == warm)
			bench_moment_begin(&begin);
		say(sd[0]);
		hear(sd[0]);
	}
	bench_moment_end(&end);
	printf("datagram proto=%s size=%zu rounds=%u cost=%.1f\n", quic ? "quic" : "udp", size, rounds,
	       bench_busy(&begin, &end) / rounds);
	if (waitpid(pid, &status, 0) != pid || status)
		bench_die("the other end failed");
	close(sd[0]);
	close(sd[1]);
}

int main(int argc, char **argv)
{
	static unsigned char raw[16] = "sixteen bytes...";
	const gnutls_datum_t key = { raw, sizeof(raw) };
	unsigned int i;

	if (argc != 5) {
		fputs("usage: datagram udp|quic ROUNDS SIZE RUNS\n", stderr);
		return 2;
	}
	quic = !strcmp(argv[1], "quic");
	size = strtoul(argv[3], NULL, 10);
	if (size > MAX - NONCE - TAG)
		bench_die("at most %d bytes", MAX - NONCE - TAG);
	if (gnutls_aead_cipher_init(&seal_key, GNUTLS_CIPHER_AES_128_GCM, &key) ||
	    gnutls_aead_cipher_init(&open_key, GNUTLS_CIPHER_AES_128_GCM, &key))
		bench_die("GnuTLS has no AES-128-GCM");
	for (i = strtoul(argv[4], NULL, 10); i; i--)
		run(strtoul(argv[2], NULL, 10));
	return 0;
}
