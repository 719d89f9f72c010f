// SPDX-License-Identifier: GPL-2.0
/*
 * What can be seen from outside: /proc/net/quic, the counters of /proc/net/quic_stat, drops by
 * their reason, tracepoints; each of the network namespace it belongs to.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "counter.h"
#include "files.h"
#include "ktap.h"

static const struct pair_opts plain = {};

/* The line of /proc/net/quic with @word in it (an address). Return: how many there are */
static int find_line(const char *word, char *line, size_t size)
{
	FILE *f = fopen("/proc/thread-self/net/quic", "r");
	char buf[512];
	int n = 0;

	if (!f)
		return -1;
	while (fgets(buf, sizeof(buf), f)) {
		if (strstr(buf, word)) {
			n++;
			snprintf(line, size, "%s", buf);
		}
	}
	fclose(f);
	return n;
}

static int port_of(int sd)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);

	if (getsockname(sd, (void *)&a, &len))
		return -1;
	return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port :
					       ((struct sockaddr_in *)&a)->sin_port);
}

/* --- the list --- */

static void listed(void)
{
	char line[512], word[64], state[16], role[16], local[64], remote[64], cc[16];
	unsigned long inode, unread;
	unsigned int uid, version;
	struct stat st;
	struct pair p;

	CHECK(!pair_open(&p, &plain));
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, "unread", 6, 0), 6);
	CHECK(poll_for(p.server, POLLIN, 1000) & POLLIN);
	snprintf(word, sizeof(word), "client 127.0.0.1:%d 127.0.0.1:%d ", port_of(p.client),
		 port_of(p.listener));
	CHECK_EQ(find_line(word, line, sizeof(line)), 1);
	CHECK_EQ(sscanf(line, "%15s %15s %63s %63s %u %lu %x %15s", state, role, local, remote, &uid,
			&inode, &version, cc), 8);
	CHECK(!strcmp(state, "ESTABLISHED"));
	CHECK(!strcmp(cc, "cubic"));
	CHECK_EQ(version, QUIC_VERSION_V1);
	CHECK_EQ(uid, getuid());
	CHECK(!fstat(p.client, &st));
	CHECK_EQ(inode, st.st_ino);
	snprintf(word, sizeof(word), "server 127.0.0.1:%d 127.0.0.1:%d ", port_of(p.listener),
		 port_of(p.client));
	CHECK_EQ(find_line(word, line, sizeof(line)), 1);
	CHECK_EQ(sscanf(line, "%15s %15s %63s %63s %u %lu %x %15s %lu", state, role, local, remote,
			&uid, &inode, &version, cc, &unread), 9);
	CHECK_EQ(unread, 6);
	CHECK(!fstat(p.server, &st));
	CHECK_EQ(inode, st.st_ino);
	snprintf(word, sizeof(word), " 127.0.0.1:%d 0.0.0.0:0 ", port_of(p.listener));
	CHECK_EQ(find_line(word, line, sizeof(line)), 1);
	CHECK(!strncmp(line, "LISTEN ", 7));
	pair_close(&p);
	sleep(1);
	CHECK_EQ(find_line(word, line, sizeof(line)), 0);
}

/* More lines than one read() gives: each socket once. */
static void many(void)
{
	enum { N = 300 };
	static int sd[N];
	char line[512];
	int i;

	for (i = 0; i < N; i++) {
		sd[i] = sock_new(AF_INET6, 0);
		CHECK(sd[i] >= 0);
	}
	CHECK_EQ(find_line("UNCONN", line, sizeof(line)), N);
	for (i = 0; i < N; i += 2)
		close(sd[i]);
	CHECK_EQ(find_line("UNCONN", line, sizeof(line)), N / 2);
	for (i = 1; i < N; i += 2)
		close(sd[i]);
	CHECK_EQ(find_line("UNCONN", line, sizeof(line)), 0);
}

/* --- counters --- */

/*
 * What is on its way is neither lost nor there: within ten seconds both have gained the same since
 * @in and @out, or all counters are shown.
 */
static bool arrived(const char *in_name, long in, const char *out_name, long out)
{
	int i;

	for (i = 0; i < 100 && counter(in_name) - in != counter(out_name) - out; i++)
		usleep(100000);
	printf("# %s %ld, %s %ld\n", in_name, counter(in_name) - in, out_name,
	       counter(out_name) - out);
	if (i < 100)
		return true;
	system("grep -hv ' 0$' /proc/net/quic_stat /proc/net/snmp | sed 's/^/# /'");
	return false;
}

static void counts(void)
{
	long active = counter("QuicActiveOpens"), passive = counter("QuicPassiveOpens");
	long up = counter("QuicEstablished"), closes = counter("QuicCloses");
	long peer = counter("QuicPeerCloses"), in = counter("QuicInBytes");
	long out = counter("QuicOutBytes"), updates = counter("QuicKeyUpdates");
	long in_pkts = counter("QuicInPackets"), out_pkts = counter("QuicOutPackets");
	static char buf[300000];
	struct pair p;
	size_t got;
	uint32_t flags;
	int64_t sid;
	ssize_t n;

	CHECK(active >= 0);
	CHECK(!pair_open(&p, &plain));
	CHECK_EQ(counter("QuicActiveOpens"), active + 1);
	CHECK_EQ(counter("QuicPassiveOpens"), passive + 1);
	CHECK_EQ(counter("QuicEstablished"), up + 2);
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, buf, 200000, 0), 200000);
	for (got = 0; got < 200000; got += n) {
		n = recv_stream(p.server, &sid, &flags, buf, sizeof(buf), 0);
		CHECK(n > 0);
	}
	sleep(1);
	CHECK(counter("QuicInBytes") - in > 200000);
	CHECK(arrived("QuicInBytes", in, "QuicOutBytes", out));
	CHECK(arrived("QuicInPackets", in_pkts, "QuicOutPackets", out_pkts));
	CHECK(!set_opt(p.client, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0));
	CHECK_EQ(send_stream(p.client, 0, 0, "x", 1, 0), 1);
	CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, sizeof(buf), 0), 1);
	sleep(1);
	CHECK_EQ(counter("QuicKeyUpdates"), updates + 2);
	close(p.client);
	p.client = -1;
	sleep(1);
	CHECK_EQ(counter("QuicCloses"), closes + 1);
	CHECK_EQ(counter("QuicPeerCloses"), peer + 1);
	pair_close(&p);
}

static ssize_t throw(int port, const void *buf, size_t len)
{
	struct sockaddr_storage a;
	socklen_t alen = addr_loopback(&a, AF_INET, false, port);
	int sd = socket(AF_INET, SOCK_DGRAM, 0);
	ssize_t n = sendto(sd, buf, len, 0, (void *)&a, alen);

	close(sd);
	return n;
}

/* What came to nothing, and why. */
static void drops(void)
{
	long noise = counter("QuicInNoise"), vn = counter("QuicOutVersionNegotiations");
	long reset = counter("QuicOutStatelessResets"), nobody = counter("QuicInNoListener");
	long retries = counter("QuicOutRetries"), dropped;
	const struct quic_config validate = { .validate_peer_address = 1 };
	uint8_t buf[1200] = {};
	struct sockaddr_storage a;
	socklen_t len;
	struct pair p;
	int ls;

	CHECK(!pair_open(&p, &plain));
	ls = listen_any(&plain, &a, &len);
	CHECK(ls >= 0);
	dropped = counter("QuicInDropped");
	/* Nothing; an unknown version; a short header of nobody's */
	CHECK_EQ(throw(port_of(p.listener), "\x40", 1), 1);
	CHECK_EQ(counter("QuicInNoise"), noise + 1);
	memcpy(buf, "\xc0\x0a\x1a\x2a\x3a\x08", 6);
	CHECK_EQ(throw(port_of(p.listener), buf, sizeof(buf)), (int)sizeof(buf));
	CHECK_EQ(counter("QuicOutVersionNegotiations"), vn + 1);
	memset(buf, 0x55, sizeof(buf));
	CHECK_EQ(throw(port_of(ls), buf, 100), 100);
	CHECK_EQ(counter("QuicOutStatelessResets"), reset + 1);
	close(ls);
	/* A client's port has a connection, and no listener. */
	memcpy(buf, "\xc0\x00\x00\x00\x01\x08", 6);
	CHECK_EQ(throw(port_of(p.client), buf, sizeof(buf)), (int)sizeof(buf));
	CHECK_EQ(counter("QuicInNoListener"), nobody + 1);
	/* Nor has a stranger's short header anything to say to the only connection at a port. */
	memset(buf, 0x55, sizeof(buf));
	CHECK_EQ(throw(port_of(p.listener), buf, 100), 100);
	CHECK_EQ(counter("QuicOutStatelessResets"), reset + 2);
	CHECK_EQ(throw(port_of(p.client), buf, 100), 100);
	CHECK_EQ(counter("QuicOutStatelessResets"), reset + 3);
	CHECK_EQ(counter("QuicInNoise"), noise + 1);
	CHECK_EQ(counter("QuicInDropped"), dropped);
	pair_close(&p);

	ls = listen_any(&(struct pair_opts){ .server_config = &validate }, &a, &len);
	CHECK(ls >= 0);
	CHECK(!pair_client(&p, &plain, &a, len));
	CHECK(poll_for(ls, POLLIN, 2000) & POLLIN);
	CHECK_EQ(counter("QuicOutRetries"), retries + 1);
	close(p.client);
	close(ls);
}

/* A handshake nobody answers ends in an idle timeout, and counts as failed. */
static void timeouts(void)
{
	const struct quic_transport_param tp = { .max_idle_timeout = 2000000 };
	long idle = counter("QuicIdleTimeouts"), fails = counter("QuicAttemptFails");
	struct sockaddr_storage a;
	struct pair p;
	socklen_t len;
	int sd;

	/* UDP that nobody reads: no ICMP says that the port is closed. */
	sd = socket(AF_INET, SOCK_DGRAM, 0);
	len = addr_loopback(&a, AF_INET, false, 0);
	CHECK(!bind(sd, (void *)&a, len) && !getsockname(sd, (void *)&a, &len));
	CHECK(!pair_client(&p, &(struct pair_opts){ .client = &tp }, &a, len));
	CHECK(poll_for(p.client, POLLIN, 20000) & POLLHUP);
	CHECK_EQ(counter("QuicIdleTimeouts"), idle + 1);
	CHECK_EQ(counter("QuicAttemptFails"), fails + 1);
	close(p.client);
	close(sd);
}

static void namespaces(void)
{
	int old = open("/proc/thread-self/ns/net", O_RDONLY);
	long before = counter("QuicActiveOpens"), opens;
	char line[512];
	struct pair p;

	CHECK(old >= 0);
	CHECK(!unshare(CLONE_NEWNET));
	CHECK(!system("ip link set lo up"));
	CHECK_EQ(counter("QuicActiveOpens"), 0);
	CHECK(!pair_open(&p, &plain));
	opens = counter("QuicActiveOpens");
	CHECK_EQ(find_line("ESTABLISHED", line, sizeof(line)), 2);
	CHECK(!setns(old, CLONE_NEWNET));
	CHECK_EQ(opens, 1);
	CHECK_EQ(counter("QuicActiveOpens"), before);
	CHECK_EQ(find_line("ESTABLISHED", line, sizeof(line)), 0);
	pair_close(&p);
	close(old);
}

/* --- tracepoints --- */

#define TRACING "/sys/kernel/tracing/"

static int put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_TRUNC), n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -1 : 0;
}

static bool traced(const char *what)
{
	FILE *f = fopen(TRACING "trace", "r");
	bool found = false;
	char line[1024];

	while (f && !found && fgets(line, sizeof(line), f))
		found = line[0] != '#' && strstr(line, what);
	if (f)
		fclose(f);
	return found;
}

static void traces(void)
{
	static char buf[100000];
	char word[64];
	struct pair p;
	int port;

	if (access(TRACING, F_OK))
		SKIP("the kernel has no tracefs");
	if (access(TRACING "events", F_OK))
		CHECK(!mount("none", TRACING, "tracefs", 0, NULL));
	CHECK(!access(TRACING "events/quic/quic_packets_lost", F_OK));
	CHECK(!put(TRACING "trace", ""));
	CHECK(!put(TRACING "events/quic/enable", "1"));
	CHECK(!pair_open(&p, &plain));
	port = port_of(p.client);
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, buf, sizeof(buf), 0),
		 (int)sizeof(buf));
	CHECK_EQ(recv(p.server, buf, 1, 0), 1);
	pair_close(&p);
	sleep(1);
	CHECK(!put(TRACING "events/quic/enable", "0"));
	snprintf(word, sizeof(word), "local=[::ffff:127.0.0.1]:%d", port);
	CHECK(traced(word));
	CHECK(traced("oldstate=HANDSHAKE newstate=ESTABLISHED"));
	CHECK(traced("newstate=DRAINING") || traced("newstate=CLOSING"));
	CHECK(traced("quic_packets_sent:"));
	CHECK(traced("quic_packets_received:"));
	CHECK(traced("cc=cubic cwnd="));
	CHECK(!put(TRACING "trace", ""));
}

static const struct ktap_case cases[] = {
	{ "/proc/net/quic", listed },
	{ "/proc/net/quic with many sockets", many },
	{ "counters of connections and packets", counts },
	{ "counters of what was dropped, and of answers", drops },
	{ "counters of timeouts", timeouts },
	{ "each network namespace has its own", namespaces },
	{ "tracepoints", traces },
};

/* What earlier programs left is still saying good-bye to nobody, and would be in the counters. */
int main(void)
{
	if (unshare(CLONE_NEWNET) || system("ip link set lo up"))
		return 1;
	return ktap_main(cases, sizeof(cases) / sizeof((cases)[0]));
}
