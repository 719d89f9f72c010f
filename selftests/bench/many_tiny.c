// SPDX-License-Identifier: GPL-2.0
/* Ten bytes on each of many streams in turn, again and again: are packets full? */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "many.h"

#define TINY	10

static void info(int sd, struct quic_info *i)
{
	socklen_t len = sizeof(*i);

	memset(i, 0, sizeof(*i));
	if (get_opt(sd, QUIC_SOCKOPT_INFO, i, &len))
		bench_die("QUIC_SOCKOPT_INFO: %s", strerror(errno));
}

static void write_one(int sd, unsigned int stream, bool new)
{
	int flags = MSG_DONTWAIT;

	while (send_stream(sd, (int64_t)stream * 4, new ? MSG_QUIC_STREAM_NEW : 0, "0123456789", TINY, flags) != TINY) {
		if (errno != EAGAIN && errno != ENOSPC)
			bench_die("stream %u: %s", stream, strerror(errno));
		flags = 0;
	}
}

static void read_all(int sd, uint64_t left)
{
	char buf[65536];
	uint32_t flags;
	int64_t sid;
	ssize_t n;

	for (; left; left -= n) {
		n = recv_stream(sd, &sid, &flags, buf, sizeof(buf), 0);
		if (n <= 0)
			bench_die("%llu bytes did not come", (unsigned long long)left);
	}
}

int many_tiny(unsigned int streams, unsigned int writes)
{
	struct quic_transport_param tp = {
		.max_streams_bidi = streams + 1, .max_data = 64 << 20,
	};
	struct pair_opts o = { .client = &tp, .server = &tp, .server_rcvbuf = 16 << 20, .client_sndbuf = 16 << 20 };
	uint64_t bytes = (uint64_t)streams * TINY, packets, wire;
	struct quic_info a, b;
	unsigned int w, s;
	struct pair p;

	if (pair_open(&p, &o))
		return 1;
	for (s = 0; s < streams; s++)
		write_one(p.client, s, true);
	read_all(p.server, bytes);
	usleep(200000);
	info(p.client, &a);
	for (w = 0; w < writes; w++)
		for (s = 0; s < streams; s++)
			write_one(p.client, s, false);
	read_all(p.server, bytes * writes);
	info(p.client, &b);
	packets = b.packets_sent - a.packets_sent;
	wire = b.bytes_sent - a.bytes_sent;
	printf("tiny streams=%u writes=%u packets=%llu wire=%llu pmtu=%u fill=%.3f\n", streams, writes,
	       (unsigned long long)packets, (unsigned long long)wire, b.pmtu, (double)wire / packets / b.pmtu);
	pair_close(&p);
	return 0;
}
