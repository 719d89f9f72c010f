// SPDX-License-Identifier: GPL-2.0
/*
 * backlog: what comes while somebody sleeps with the socket locked is bounded. Keys are made under
 * the lock, and the first use of a cipher asks modprobe for it: that is us, `backlog flood FROM TO`,
 * two ports. (test_backlog.sh; a cipher that was not used since boot.)
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tls.h>
#include <netinet/udp.h>
#include <sys/stat.h>

#include "counter.h"
#include "ktap.h"
#include "pair.h"

#define SCRIPT	"/tmp/backlog-modprobe"
#define RCVBUF	8192
#define FLOOD	2000	/* datagrams of 1400 bytes: more than the buffers and what is beside them */

/* With an ID of nobody: only what seems to come from the peer could be a stateless reset. */
static int flood(int from, int to)
{
	struct {
		struct udphdr head;
		uint8_t quic[1400];	/* a short header */
	} pkt;
	struct sockaddr_storage a;
	socklen_t len = addr_loopback(&a, AF_INET, false, 0);
	int sd = socket(AF_INET, SOCK_RAW, IPPROTO_UDP), i;

	memset(&pkt, 0x55, sizeof(pkt));
	pkt.head.source = htons(from);
	pkt.head.dest = htons(to);
	pkt.head.len = htons(sizeof(pkt));
	pkt.head.check = 0;
	for (i = 0; i < FLOOD; i++)
		sendto(sd, &pkt, sizeof(pkt), 0, (void *)&a, len);
	return 0;
}

static int port_of(int sd)
{
	struct sockaddr_in in;
	socklen_t len = sizeof(in);

	return getsockname(sd, (void *)&in, &len) ? -1 : ntohs(in.sin_port);
}

static int put(const char *file, const char *text, int flags)
{
	int fd = open(file, O_WRONLY | flags, 0755);
	ssize_t n = write(fd, text, strlen(text));

	close(fd);
	return n < 0 ? -1 : 0;
}

static void bounded(void)
{
	struct pair_opts o = { .cipher = TLS_CIPHER_AES_CCM_128, .server_rcvbuf = RCVBUF };
	long before = counter("QuicBacklogDrops");
	char text[300], self[200] = "";
	struct pair p;

	CHECK(before >= 0);
	CHECK(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	CHECK(!pair_begin(&p, &o));
	snprintf(text, sizeof(text), "#!/bin/sh\n%s flood %d %d\n", self, port_of(p.client),
		 port_of(p.server));
	CHECK(!put(SCRIPT, text, O_CREAT | O_TRUNC));
	CHECK(!put("/proc/sys/kernel/modprobe", SCRIPT, 0));
	CHECK(!pair_handshake(&p, &o));
	CHECK(counter("QuicBacklogDrops") > before);
	/* What was kept was nothing, either; all is as it should be. */
	CHECK(!pair_echo(&p));
	pair_close(&p);
}

static const struct ktap_case cases[] = {
	{ "what comes while it is locked is bounded", bounded },
};

int main(int argc, char **argv)
{
	if (argc == 4)
		return flood(atoi(argv[2]), atoi(argv[3]));
	return ktap_main(cases, 1);
}
