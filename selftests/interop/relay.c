// SPDX-License-Identifier: GPL-2.0
/*
 * relay CLIENT-DEVICE SERVER-DEVICE [OPTION]...: hand frames from one device to the other, doing to the UDP packets among
 * them what netem cannot: losses in bursts of bounded length, corruption that only the AEAD can notice, blackouts on a
 * schedule, a NAT that forgets. Everything is decided by a seeded generator and the clock.
 *
 *   client eth0 |---| CLIENT-DEVICE  relay  SERVER-DEVICE |---| eth0 server
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <netinet/in.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define FRAME_MAX	65600
#define ADDRESSES	32	/* a NAT's: the client's own last byte and those after it */

enum { TO_SERVER, TO_CLIENT };

static struct {
	double loss, corrupt;		/* probabilities */
	unsigned int burst;		/* losses and corruptions in a row, at most; 0: any number */
	unsigned int drop_from, drop_to;	/* of the client's datagrams, counted from 1 */
	double on, off;			/* s: let all through, then nothing, then again */
	double rebind;			/* s between new bindings; 0: none */
	bool rebind_address, rebind_port;
} opts = { .burst = 3 };

static uint64_t state = 0x9e3779b97f4a7c15;
static double start;
static unsigned int unlucky[2];		/* in a row, each way */
static unsigned int count;		/* of the client's datagrams */

/* The binding that holds now. The client itself always uses its own address and port. */
static struct {
	bool known;
	uint16_t inside, outside;	/* ports, host order */
	uint8_t address;		/* last byte of the inner address */
	uint8_t shift;			/* added to it outside */
	double since;
} nat;

struct packet {
	uint8_t *frame;
	size_t len;
	uint8_t *source, *dest;		/* last bytes of the addresses */
	struct udphdr *udp;
	size_t udp_len;
	bool v6;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static uint64_t draw(void)	/* xorshift64* */
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1d;
}

static double chance(void)
{
	return (draw() >> 11) / (double)(1ULL << 53);
}

/* False: not UDP, or only a fragment. */
static bool parse(struct packet *p)
{
	uint8_t *at = p->frame + ETH_HLEN;
	size_t left = p->len - ETH_HLEN, head;
	uint16_t type;

	if (p->len < ETH_HLEN)
		return false;
	memcpy(&type, p->frame + ETH_HLEN - 2, 2);
	if (ntohs(type) == ETH_P_IP && left >= sizeof(struct iphdr)) {
		struct iphdr *ip = (void *)at;

		head = ip->ihl * 4;
		if (ip->protocol != IPPROTO_UDP || ntohs(ip->frag_off) & 0x3fff)
			return false;
		p->source = (uint8_t *)&ip->saddr + 3;
		p->dest = (uint8_t *)&ip->daddr + 3;
	} else if (ntohs(type) == ETH_P_IPV6 && left >= sizeof(struct ipv6hdr)) {
		struct ipv6hdr *ip = (void *)at;

		head = sizeof(*ip);
		if (ip->nexthdr != IPPROTO_UDP)
			return false;
		p->v6 = true;
		p->source = (uint8_t *)&ip->saddr + 15;
		p->dest = (uint8_t *)&ip->daddr + 15;
	} else {
		return false;
	}
	if (left < head + sizeof(struct udphdr))
		return false;
	p->udp = (void *)(at + head);
	p->udp_len = ntohs(p->udp->len);
	return p->udp_len > sizeof(struct udphdr) && p->udp_len <= left - head;
}

static uint32_t sum(uint32_t total, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		total += p[i] << 8 | p[i + 1];
	return len & 1 ? total + (p[len - 1] << 8) : total;
}

static uint16_t fold(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return ~total;
}

/* What came from this machine may have no checksum yet, and what we changed has the wrong one. */
static void checksums(struct packet *p)
{
	size_t width = p->v6 ? 16 : 4;
	uint32_t total = IPPROTO_UDP + p->udp_len;
	uint16_t check;

	total = sum(total, p->source + 1 - width, width);
	total = sum(total, p->dest + 1 - width, width);
	p->udp->check = 0;
	check = fold(sum(total, p->udp, p->udp_len));
	p->udp->check = htons(check ? check : 0xffff);
	if (!p->v6) {
		struct iphdr *ip = (void *)(p->frame + ETH_HLEN);

		ip->check = 0;
		ip->check = htons(fold(sum(0, ip, ip->ihl * 4)));
	}
}

/* As a NAT: outside the client has another port or address, and only the newest. False: nobody's. */
static bool translate(struct packet *p, int way, double t)
{
	if (way == TO_SERVER) {
		if (!nat.known || nat.inside != ntohs(p->udp->source)) {
			nat.known = true;
			nat.inside = ntohs(p->udp->source);
			nat.outside = nat.inside;
			nat.address = *p->source;
			nat.since = t;
		} else if (t - nat.since >= opts.rebind) {
			nat.since = t;
			nat.outside += opts.rebind_port ? 1 : 0;
			nat.shift = (nat.shift + (opts.rebind_address ? 1 : 0)) % ADDRESSES;
		}
		p->udp->source = htons(nat.outside);
		*p->source += nat.shift;
		return true;
	}
	if (!nat.known || ntohs(p->udp->dest) != nat.outside ||
	    *p->dest != (uint8_t)(nat.address + nat.shift))
		return false;
	p->udp->dest = htons(nat.inside);
	*p->dest = nat.address;
	return true;
}

/* True with this probability, but not too often in a row. */
static bool misfortune(int way, double probability)
{
	if (!probability)
		return false;
	if (chance() >= probability || (opts.burst && unlucky[way] >= opts.burst)) {
		unlucky[way] = 0;
		return false;
	}
	unlucky[way]++;
	return true;
}

/* False: it goes no further. */
static bool treat(struct packet *p, int way)
{
	double t = now() - start;

	if (!parse(p))
		return true;
	if (opts.off && t - (int)(t / (opts.on + opts.off)) * (opts.on + opts.off) >= opts.on)
		return false;
	if (way == TO_SERVER && ++count >= opts.drop_from && count <= opts.drop_to)
		return false;
	if (misfortune(way, opts.loss))
		return false;
	if (misfortune(way, opts.corrupt)) {
		size_t at = draw() % (p->udp_len - sizeof(*p->udp));

		((uint8_t *)(p->udp + 1))[at] ^= 1 << draw() % 8;
	}
	if (opts.rebind && !translate(p, way, t))
		return false;
	checksums(p);
	return true;
}

static int device(const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = if_nametoindex(name) };
	struct packet_mreq all = { .mr_ifindex = at.sll_ifindex, .mr_type = PACKET_MR_PROMISC };
	int sd = socket(AF_PACKET, SOCK_RAW, 0), room = 8 << 20;

	if (sd < 0 || bind(sd, (struct sockaddr *)&at, sizeof(at)) ||
	    setsockopt(sd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) ||
	    setsockopt(sd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room))) {
		perror(name);
		exit(1);
	}
	return sd;
}

static void pass(int from, int to, int way)
{
	static uint8_t frame[FRAME_MAX];
	struct sockaddr_ll source;
	socklen_t len = sizeof(source);
	ssize_t ret = recvfrom(from, frame, sizeof(frame), MSG_DONTWAIT,
			       (struct sockaddr *)&source, &len);
	struct packet p = { .frame = frame, .len = ret < 0 ? 0 : ret };

	if (ret < 0 || source.sll_pkttype == PACKET_OUTGOING)
		return;
	if (treat(&p, way) && send(to, frame, ret, 0) < 0 && errno != ENOBUFS)
		perror("send");
}

static void usage(void)
{
	fputs("usage: relay CLIENT-DEVICE SERVER-DEVICE [OPTION]...\n"
	      "  --loss P, --corrupt P    percent of the UDP packets, each way; --burst N: at most N in a row (3, 0: any)\n"
	      "  --drop A-B               the client's datagrams A to B, counted from 1\n"
	      "  --blackout ON,OFF        seconds\n"
	      "  --rebind-port S, --rebind-address S    the NAT chooses anew every S seconds\n"
	      "  --seed N\n", stderr);
	exit(2);
}

static void option(int c)
{
	switch (c) {
	case 'l': opts.loss = atof(optarg) / 100; break;
	case 'c': opts.corrupt = atof(optarg) / 100; break;
	case 'b': opts.burst = atoi(optarg); break;
	case 's': state += strtoull(optarg, NULL, 10); break;
	case 'd':
		if (sscanf(optarg, "%u-%u", &opts.drop_from, &opts.drop_to) != 2)
			usage();
		break;
	case 'o':
		if (sscanf(optarg, "%lf,%lf", &opts.on, &opts.off) != 2)
			usage();
		break;
	case 'p': opts.rebind = atof(optarg); opts.rebind_port = true; break;
	case 'a': opts.rebind = atof(optarg); opts.rebind_address = true; break;
	default: usage();
	}
}

int main(int argc, char **argv)
{
	static const struct option all[] = {
		{ "loss", 1, NULL, 'l' }, { "corrupt", 1, NULL, 'c' }, { "burst", 1, NULL, 'b' },
		{ "seed", 1, NULL, 's' }, { "drop", 1, NULL, 'd' }, { "blackout", 1, NULL, 'o' },
		{ "rebind-port", 1, NULL, 'p' }, { "rebind-address", 1, NULL, 'a' },
		{ NULL, 0, NULL, 0 },
	};
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };
	int c;

	while ((c = getopt_long(argc, argv, "", all, NULL)) != -1)
		option(c);
	if (argc - optind != 2)
		usage();
	fds[TO_SERVER].fd = device(argv[optind]);
	fds[TO_CLIENT].fd = device(argv[optind + 1]);
	start = now();
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[TO_SERVER].revents)
			pass(fds[TO_SERVER].fd, fds[TO_CLIENT].fd, TO_SERVER);
		if (fds[TO_CLIENT].revents)
			pass(fds[TO_CLIENT].fd, fds[TO_SERVER].fd, TO_CLIENT);
	}
}
