// SPDX-License-Identifier: GPL-2.0
/*
 * flow: one flow of bytes over TCP or QUIC, and how it went as the receiver saw it.
 *
 * The first bytes of a flow are a struct head: what to measure. The clock starts when the sender
 * calls connect(); CLOCK_MONOTONIC is the same in all network namespaces.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/quic.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PSK_LINE	"flow:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"

struct head {
	char label[40];
	uint64_t start;		/* ns: connect() was called */
	uint64_t warm;		/* ns after start: count from here */
	uint64_t end;		/* ns after start: stop here ... */
	uint64_t bytes;		/* ... or after so many */
};

static const char help[] =
"usage: flow serve tcp|quic PORT\n"
"       flow send tcp|quic CONGESTION-CONTROL HOST PORT LABEL WARM-MS END-MS BYTES\n"
"The server prints a line for each flow, after END or BYTES, and ends it:\n"
"  LABEL bytes=N us=N rate=BYTES-A-SECOND total_us=N gap_us=N gap_end_us=N\n"
"bytes and us: since WARM; gap: the longest wait for bytes, and when after the start that ended.\n"
"The sender prints its counters when the flow was ended.\n";

static void die(const char *what)
{
	fprintf(stderr, "flow: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static const char *psk_file(void)
{
	static char name[] = "/tmp/flow.XXXXXX";
	int fd = mkstemp(name);

	if (fd < 0 || write(fd, PSK_LINE, strlen(PSK_LINE)) < 0)
		die(name);
	close(fd);
	return name;
}

static void quic_shake(int sd, bool server)
{
	struct quic_handshake_opts opts = {
		.size = sizeof(opts), .psk_file = psk_file(), .alpns = "flow",
	};
	int err = server ? quic_server_handshake_opts(sd, &opts) :
			   quic_client_handshake_opts(sd, &opts);

	unlink(opts.psk_file);
	if (err) {
		fprintf(stderr, "flow: handshake: %s\n", quic_strerror(err));
		exit(1);
	}
}

/* --- the receiver --- */

struct count {
	struct head h;
	uint64_t got;			/* bytes in all, the head's too */
	uint64_t warm_got, warm_at;	/* at the first read after the warm-up */
	uint64_t last, gap, gap_end;
};

static void count(struct count *c, const char *buf, size_t n, uint64_t now)
{
	if (c->got < sizeof(c->h))
		memcpy((char *)&c->h + c->got, buf,
		       n < sizeof(c->h) - c->got ? n : sizeof(c->h) - c->got);
	c->got += n;
	if (c->got < sizeof(c->h))
		return;
	if (c->last && now - c->last > c->gap) {
		c->gap = now - c->last;
		c->gap_end = now - c->h.start;
	}
	c->last = now;
	if (!c->warm_at && now >= c->h.start + c->h.warm) {
		c->warm_at = c->h.warm ? now : c->h.start;
		c->warm_got = c->h.warm ? c->got : 0;
	}
}

static int wait_ms(const struct count *c, uint64_t now)
{
	uint64_t end = c->h.start + c->h.end;

	if (c->got < sizeof(c->h))
		return -1;
	return now >= end ? 0 : (end - now) / 1000000 + 1;
}

static void receive(int sd)
{
	static char buf[256 << 10];
	struct count c = {};
	uint64_t now;
	ssize_t n;

	for (;;) {
		struct pollfd p = { .fd = sd, .events = POLLIN };

		now = clock_ns();
		if (c.got >= sizeof(c.h) &&
		    (c.got >= c.h.bytes || now >= c.h.start + c.h.end))
			break;
		if (poll(&p, 1, wait_ms(&c, now)) <= 0)
			continue;
		n = recv(sd, buf, sizeof(buf), 0);
		now = clock_ns();
		if (n <= 0)
			break;
		count(&c, buf, n, now);
	}
	if (!c.warm_at)
		c.warm_at = c.h.start;
	now = c.got >= c.h.bytes ? c.last : now;
	printf("%.40s bytes=%llu us=%llu rate=%.0f total_us=%llu gap_us=%llu gap_end_us=%llu\n",
	       c.h.label, (unsigned long long)(c.got - c.warm_got),
	       (unsigned long long)(now - c.warm_at) / 1000,
	       (c.got - c.warm_got) * 1e9 / (now - c.warm_at + 1),
	       (unsigned long long)(now - c.h.start) / 1000, (unsigned long long)c.gap / 1000,
	       (unsigned long long)c.gap_end / 1000);
	fflush(stdout);
	close(sd);
	_exit(0);
}

static void serve(bool quic, int port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_port = htons(port),
	};
	int one = 1, sd, ld = socket(AF_INET, SOCK_STREAM, quic ? IPPROTO_QUIC : 0);

	setsockopt(ld, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (quic && setsockopt(ld, SOL_QUIC, QUIC_SOCKOPT_ALPN, "flow", 4))
		die("QUIC_SOCKOPT_ALPN");
	if (bind(ld, (struct sockaddr *)&sin, sizeof(sin)) || listen(ld, 16))
		die("listen");
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		sd = accept(ld, NULL, NULL);
		if (sd < 0)
			die("accept");
		if (!fork()) {
			close(ld);
			if (quic)
				quic_shake(sd, true);
			receive(sd);
		}
		close(sd);
	}
}

/* --- the sender --- */

static void report(int sd)
{
	struct quic_info i;
	socklen_t len = sizeof(i);

	if (getsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_INFO, &i, &len))
		return;
	printf("lost=%llu spurious=%llu ce=%llu cwnd=%llu srtt=%llu min_rtt=%llu sent=%llu\n",
	       (unsigned long long)i.packets_lost, (unsigned long long)i.packets_spurious,
	       (unsigned long long)i.packets_ce, (unsigned long long)i.cwnd,
	       (unsigned long long)i.smoothed_rtt,
	       (unsigned long long)i.min_rtt, (unsigned long long)i.packets_sent);
}

static void send_all(bool quic, const char *cc, char **argv)
{
	static char buf[256 << 10];
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])),
	};
	struct head *h = (struct head *)buf;
	uint64_t shown = 0;
	ssize_t n;
	int sd = socket(AF_INET, SOCK_STREAM, quic ? IPPROTO_QUIC : 0);

	if (sd < 0 || inet_pton(AF_INET, argv[0], &sin.sin_addr) != 1)
		die(argv[0]);
	if (setsockopt(sd, quic ? SOL_QUIC : IPPROTO_TCP,
		       quic ? QUIC_SOCKOPT_CONGESTION : TCP_CONGESTION, cc, strlen(cc)))
		die(cc);
	signal(SIGPIPE, SIG_IGN);
	h->start = clock_ns();
	if (connect(sd, (struct sockaddr *)&sin, sizeof(sin)))
		die("connect");
	if (quic)
		quic_shake(sd, false);
	snprintf(h->label, sizeof(h->label), "%s", argv[2]);
	h->warm = atoll(argv[3]) * 1000000;
	h->end = atoll(argv[4]) * 1000000;
	h->bytes = atoll(argv[5]);
	do {
		n = send(sd, buf, sizeof(buf), MSG_NOSIGNAL);
		if (quic && getenv("FLOW_TRACE") && clock_ns() - shown > 100000000) {
			shown = clock_ns();
			printf("%.3f ", (shown - h->start) / 1e9);
			report(sd);
		}
	} while (n > 0);
	if (quic)
		report(sd);
}

int main(int argc, char **argv)
{
	bool quic = argc > 2 && !strcmp(argv[2], "quic");

	if (argc == 4 && !strcmp(argv[1], "serve"))
		serve(quic, atoi(argv[3]));
	else if (argc == 10 && !strcmp(argv[1], "send"))
		send_all(quic, argv[3], argv + 4);
	else
		fputs(help, stderr);
	return argc == 10 ? 0 : 2;
}
