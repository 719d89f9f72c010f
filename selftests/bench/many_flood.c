// SPDX-License-Identifier: GPL-2.0
/*
 * Round trips of an established connection while Initial packets of strangers come over the same link to the same port:
 * what a server's kernel makes of them, without what those who send them spend. The packets are those of real clients,
 * caught before the clock runs and then thrown at the link as frames, so many each millisecond. Nobody answers a Retry.
 *
 * HOW, letters: f, both ends of the connection go before all else on the processor, as if what accept() does were on
 * another; u, the same bytes come to a UDP socket that nobody reads, which shows what frames cost without QUIC.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "many.h"

#define ROUNDS	300
#define INITIAL	1200			/* RFC 9000, 14.1: what a client's first datagram has at least */
#define DEV	"bench2"		/* see guest */
#define BATCH	64

struct frame {
	struct ether_header eth;
	struct iphdr ip;
	struct udphdr udp;
	uint8_t initial[INITIAL];
} __attribute__((packed));

static void go_first(pid_t who)
{
	struct sched_param prio = { .sched_priority = 1 };

	if (sched_setscheduler(who, SCHED_FIFO, &prio))
		bench_die("priority: %s", strerror(errno));
}

/* The kernel's threads that receive from the link */
static void link_first(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	char name[300], comm[32];

	while (d && (e = readdir(d))) {
		FILE *f;

		snprintf(name, sizeof(name), "/proc/%s/comm", e->d_name);
		f = atoi(e->d_name) ? fopen(name, "r") : NULL;
		if (!f)
			continue;
		if (fgets(comm, sizeof(comm), f) && !strncmp(comm, "napi/bench", 10))
			go_first(atoi(e->d_name));
		fclose(f);
	}
	closedir(d);
}

/* --- what is thrown --- */

/* A UDP socket at @host, some port: *a */
static int sink(struct in_addr host, struct sockaddr_in *a)
{
	socklen_t len = sizeof(*a);
	int sd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	*a = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = host };
	if (sd < 0 || bind(sd, (void *)a, len) || getsockname(sd, (void *)a, &len))
		bench_die("sink: %s", strerror(errno));
	return sd;
}

/* The first datagram of a client that the kernel makes; what it says in the end goes past. */
static void catch(int sd, const struct sockaddr_in *a, uint8_t *to)
{
	struct sockaddr_in own, from;
	socklen_t len = sizeof(own);
	int client = many_client(a, 0);
	ssize_t n;

	many_hello(client);
	if (getsockname(client, (void *)&own, &len))
		bench_die("client: %s", strerror(errno));
	do {
		len = sizeof(from);
		n = recvfrom(sd, to, INITIAL, 0, (void *)&from, &len);
	} while (n > 0 && from.sin_port != own.sin_port);
	if (n != INITIAL)
		bench_die("a client's Initial has %zd bytes", n);
	close(client);
}

static uint16_t ip_sum(const struct iphdr *ip)
{
	const uint16_t *p = (const void *)ip;
	uint32_t sum = 0;
	unsigned int i;

	for (i = 0; i < sizeof(*ip) / 2; i++)
		sum += p[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

static struct frame *make(unsigned int n, const struct sockaddr_in *to)
{
	struct frame *f = mmap(NULL, n * sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const struct iphdr ip = {
		.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .frag_off = htons(IP_DF),
		.tot_len = htons(sizeof(*f) - sizeof(f->eth)),
		.saddr = htonl(ntohl(to->sin_addr.s_addr) + 1), .daddr = to->sin_addr.s_addr,
	};
	struct in_addr here = { htonl(INADDR_LOOPBACK) };
	struct sockaddr_in a;
	int sd = sink(here, &a);
	unsigned int i;

	if (f == MAP_FAILED)
		bench_die("no memory");
	for (i = 0; i < n; i++) {
		catch(sd, &a, f[i].initial);
		f[i].eth.ether_type = htons(ETHERTYPE_IP);
		f[i].ip = ip;
		f[i].ip.check = ip_sum(&ip);
		/* No checksum: as if the device had looked at it */
		f[i].udp = (struct udphdr){
			.source = htons(1101 + i % 60000), .dest = to->sin_port, .len = htons(sizeof(f->udp) + INITIAL),
		};
	}
	close(sd);
	return f;
}

/* --- who throws --- */

static void mac(int sd, const char *dev, uint8_t *to)
{
	struct ifreq r = {};

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", dev);
	if (ioctl(sd, SIOCGIFHWADDR, &r))
		bench_die("%s: %s", dev, strerror(errno));
	memcpy(to, r.ifr_hwaddr.sa_data, ETH_ALEN);
}

/* A raw socket at the far end of the link, past its qdisc. Addresses of the frames are filled in. */
static int thrower(const char *netns, struct frame *f, unsigned int n)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET };
	uint8_t from[ETH_ALEN], to[ETH_ALEN];
	int sd = socket(AF_INET, SOCK_DGRAM, 0), ns, one = 1;
	unsigned int i;

	mac(sd, "bench1", to);
	close(sd);
	ns = many_enter(netns);
	sd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	ll.sll_ifindex = if_nametoindex(DEV);
	if (sd < 0 || bind(sd, (void *)&ll, sizeof(ll)) || setsockopt(sd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)))
		bench_die("raw socket: %s", strerror(errno));
	mac(sd, DEV, from);
	many_leave(ns);
	for (i = 0; i < n; i++) {
		memcpy(f[i].eth.ether_dhost, to, ETH_ALEN);
		memcpy(f[i].eth.ether_shost, from, ETH_ALEN);
	}
	return sd;
}

static void throw(int sd, struct frame *f, unsigned int n)
{
	struct mmsghdr m[BATCH] = {};
	struct iovec v[BATCH];
	int i, sent;

	for (; n; n -= sent, f += sent) {
		for (i = 0; i < BATCH && i < (int)n; i++) {
			v[i] = (struct iovec){ &f[i], sizeof(*f) };
			m[i].msg_hdr = (struct msghdr){ .msg_iov = &v[i], .msg_iovlen = 1 };
		}
		sent = sendmmsg(sd, m, i, 0);
		if (sent <= 0)
			sent = 1;	/* the link is full: that one is lost, as with any other */
	}
}

static void flood(int sd, struct frame *f, unsigned int n, unsigned int per_ms)
{
	uint64_t at = many_now();
	unsigned int k;

	for (; n; n -= k, f += k) {
		struct timespec ts = { at / 1000000000, at % 1000000000 };

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
		k = n < per_ms ? n : per_ms;
		throw(sd, f, k);
		at += 1000000;
	}
}

/* --- the whole --- */

int many_flood(const char *netns, const char *host, unsigned int n, unsigned int per_ms, const char *how)
{
	unsigned int *shared = mmap(NULL, 2 * sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double calm, busy, after, longest_calm, longest, longest_after;
	struct pair p = { .client = -1 };
	struct sockaddr_in a, to;
	struct frame *f;
	bool first = strchr(how, 'f');
	int ns, sd;

	if (shared == MAP_FAILED || !n || !per_ms)
		bench_die("no memory, or nothing to do");
	p.listener = many_listen(htonl(INADDR_ANY), &a);
	inet_pton(AF_INET, host, &a.sin_addr);
	ns = many_enter(netns);
	p.client = many_client(&a, 0);
	many_leave(ns);
	many_pair(&p, &a, 0);
	to = a;
	if (strchr(how, 'u'))
		sink(a.sin_addr, &to);
	f = make(n, &to);
	sd = thrower(netns, f, n);
	if (!many_part()) {
		if (first)
			go_first(0);
		many_answer(p.server);
	}
	set_timeo(p.listener, 0);
	if (!many_part())
		many_take(p.listener, &shared[0]);
	if (first) {
		go_first(0);
		link_first();
	}
	many_ask(p.client, ROUNDS, NULL, &longest);
	calm = many_ask(p.client, ROUNDS, NULL, &longest_calm);
	if (!many_part()) {
		go_first(0);		/* comes when it comes, whatever the server does */
		flood(sd, f, n, per_ms);
		shared[1] = 1;
		pause();
	}
	busy = many_ask(p.client, 10 * ROUNDS, &shared[1], &longest);
	after = many_ask(p.client, ROUNDS, NULL, &longest_after);
	printf("flood how=%s clients=%u per_ms=%u taken=%u calm=%.0f busy=%.0f after=%.0f longest_calm=%.0f longest=%.0f"
	       " longest_after=%.0f\n", how, n, per_ms, shared[0], calm, busy, after, longest_calm, longest, longest_after);
	return 0;
}
