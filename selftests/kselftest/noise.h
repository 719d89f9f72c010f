/* SPDX-License-Identifier: GPL-2.0 */
/* Random numbers from a seed, and datagrams for ports of ours: nearly right, or not at all. */
#ifndef QUIC_KSELFTEST_NOISE_H
#define QUIC_KSELFTEST_NOISE_H

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "pair.h"

static uint32_t rnd(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s >> 16;
}

static void rnd_fill(uint64_t *s, void *buf, size_t len)
{
	uint8_t *p = buf;

	while (len--)
		*p++ = rnd(s);
}

static int port_of(int sd)
{
	struct sockaddr_in in;
	socklen_t len = sizeof(in);

	return getsockname(sd, (void *)&in, &len) ? -1 : ntohs(in.sin_port);
}

struct ports {
	int port[3];
	uint64_t seed;
	const uint8_t *real;		/* datagrams of a connection, as they were on the wire */
	const size_t *real_len;
	unsigned int nreal;
};

/* A datagram that begins as an Initial of a client would. */
static size_t initial(uint64_t *s, uint8_t *buf, uint32_t version, size_t len)
{
	rnd_fill(s, buf, len);
	buf[0] = 0xc0 | (rnd(s) & 3);
	buf[1] = version >> 24;
	buf[2] = version >> 16;
	buf[3] = version >> 8;
	buf[4] = version;
	buf[5] = rnd(s) % 8 ? 8 + rnd(s) % 13 : rnd(s);
	if (buf[5] <= 20)
		buf[6 + buf[5]] = rnd(s) % 8 ? rnd(s) % 21 : rnd(s);
	if (buf[5] <= 20 && buf[6 + buf[5]] <= 20 && rnd(s) % 4) {
		uint8_t *q = buf + 7 + buf[5] + buf[6 + buf[5]];
		size_t left = len - (q + 3 - buf);

		*q++ = 0;			/* no token */
		*q++ = 0x40 | (left >> 8 & 0x3f);
		*q++ = left;
	}
	return len;
}

static size_t make_datagram(struct ports *w, uint8_t *buf, size_t cap)
{
	uint64_t *s = &w->seed;
	unsigned int i;
	size_t len;

	switch (rnd(s) % 8) {
	case 0:
		len = rnd(s) % 64;
		rnd_fill(s, buf, len);
		return len;
	case 1:
		len = rnd(s) % cap;
		rnd_fill(s, buf, len);
		return len;
	case 2:
		return initial(s, buf, rnd(s), 1200 + rnd(s) % 300);
	case 3:
	case 4:
		return initial(s, buf, 1, rnd(s) % 4 ? 1200 : 60 + rnd(s) % 1140);
	}
	if (!w->nreal)
		return initial(s, buf, 0x6b3343cf, 1200);
	i = rnd(s) % w->nreal;
	len = w->real_len[i];
	memcpy(buf, w->real + i * 2048, len);
	switch (rnd(s) % 5) {
	case 0:
		return len;				/* again */
	case 1:
		return rnd(s) % (len + 1);		/* cut */
	case 2:
		rnd_fill(s, buf + len, 500);		/* stretched */
		return len + 500;
	case 3:
		buf[rnd(s) % len] ^= 1 << rnd(s) % 8;
		return len;
	default:
		if (len > 5)
			rnd_fill(s, buf + 1, 4);	/* another version, or ID */
		return len;
	}
}

static void *throw_datagrams(void *arg)
{
	int sd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	struct ports *w = arg;
	struct sockaddr_storage a;
	static uint8_t buf[16384];
	unsigned int i;
	socklen_t len;
	size_t n;

	for (i = 0; i < 1500; i++) {
		len = addr_loopback(&a, AF_INET, false, w->port[rnd(&w->seed) % 3]);
		n = make_datagram(w, buf, 9000);
		sendto(sd, buf, n, 0, (void *)&a, len);
		if (!(i % 32))
			usleep(1000);
	}
	close(sd);
	return NULL;
}

#endif
