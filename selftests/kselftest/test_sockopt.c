// SPDX-License-Identifier: GPL-2.0
/*
 * What socket(7), ip(7), ipv6(7) and tcp(7) say of options and the rest, where QUIC's own pages
 * are silent: each on a connection, and seen on the wire or by the peer where it matters.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "ktap.h"
#include "pair.h"
#include "sockopt.h"

static const struct pair_opts plain = {};
static const struct pair_opts ipv6 = { .family = AF_INET6 };

static int proc_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), err;
	ssize_t n;

	if (fd < 0)
		return errno;
	n = write(fd, text, strlen(text));
	err = n < 0 ? errno : 0;
	close(fd);
	return err;
}

/* --- SO_TIMESTAMP and its kin --- */

/* Return: what recvmsg() does; *when: the timestamp, 0 without; *sid: the stream, -1 without */
static ssize_t recv_stamp(int sd, double *when, int64_t *sid, void *buf, size_t len, int flags)
{
	union { char buf[256]; struct cmsghdr align; } ctl = {};
	struct iovec iov = { buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl,
			      .msg_controllen = sizeof(ctl) };
	ssize_t n = recvmsg(sd, &msg, flags);
	struct timespec ts;
	struct timeval tv;
	struct cmsghdr *c;

	*when = 0;
	*sid = -1;
	for (c = CMSG_FIRSTHDR(&msg); n >= 0 && c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level == SOL_QUIC && c->cmsg_type == QUIC_STREAM_INFO) {
			memcpy(sid, CMSG_DATA(c), sizeof(*sid));
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMP) {
			memcpy(&tv, CMSG_DATA(c), sizeof(tv));
			*when = tv.tv_sec + tv.tv_usec / 1e6;
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
			*when = ts.tv_sec + ts.tv_nsec / 1e9;
		}
	}
	return n;
}

static void timestamp(void)
{
	static const int names[] = { SO_TIMESTAMP, SO_TIMESTAMPNS };
	double sent, when;
	unsigned int i;
	char buf[3000];
	struct pair p;
	int64_t sid;

	CHECK(!pair_open(&p, &plain));
	CHECK_EQ(send(p.client, "x", 1, 0), 1);
	CHECK_EQ(recv_stamp(p.server, &when, &sid, buf, 1, 0), 1);
	CHECK(!when);
	for (i = 0; i < 2; i++) {
		CHECK(!set_int(p.server, SOL_SOCKET, names[i], 1));
		sent = real_now();
		/* a small piece, which is copied, and a large one, which is not */
		memset(buf, 7, sizeof(buf));
		CHECK_EQ(send(p.client, buf, i ? sizeof(buf) : 1, 0), i ? sizeof(buf) : 1);
		usleep(100000);
		CHECK(recv_stamp(p.server, &when, &sid, buf, 1, MSG_PEEK) == 1);
		CHECK(about(when, sent));
		CHECK_EQ(sid, 0);
		CHECK_EQ(recv_stamp(p.server, &when, &sid, buf, sizeof(buf), MSG_WAITALL * i),
			 i ? sizeof(buf) : 1);
		CHECK(about(when, sent));
		CHECK_EQ(sid, 0);
		CHECK(!set_int(p.server, SOL_SOCKET, names[i], 0));
	}
	/* As TCP's: that of the last byte */
	CHECK(!set_int(p.server, SOL_SOCKET, SO_TIMESTAMP, 1));
	CHECK_EQ(send(p.client, "ab", 2, 0), 2);
	usleep(200000);
	sent = real_now();
	CHECK_EQ(send(p.client, "cd", 2, 0), 2);
	usleep(100000);
	CHECK_EQ(recv_stamp(p.server, &when, &sid, buf, sizeof(buf), 0), 4);
	CHECK(about(when, sent));
	pair_close(&p);
}

static void timestamp_datagram(void)
{
	struct quic_transport_param tp = { .max_datagram_frame_size = 2000 };
	struct pair_opts o = { .client = &tp, .server = &tp };
	double sent, when;
	struct pair p;
	char buf[100];
	int64_t sid;

	CHECK(!pair_open(&p, &o));
	CHECK(!set_int(p.server, SOL_SOCKET, SO_TIMESTAMPNS, 1));
	sent = real_now();
	CHECK_EQ(send(p.client, "datagram", 8, MSG_QUIC_DATAGRAM), 8);
	usleep(100000);
	CHECK_EQ(recv_stamp(p.server, &when, &sid, buf, sizeof(buf), 0), 8);
	CHECK(about(when, sent));
	CHECK_EQ(sid, -1);
	pair_close(&p);
}

/* --- on the wire --- */

/* TOS or traffic class, and TTL or hop limit, of the next packet from this port; -1: none came */
struct header {
	int tos, ttl;
};

static int raw_open(int family)
{
	int sd = socket(family, SOCK_RAW, IPPROTO_UDP);

	if (family == AF_INET6) {
		set_int(sd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
		set_int(sd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
	}
	set_timeo(sd, 1000);
	return sd;
}

static struct header raw_next(int sd, int family, int port)
{
	union { char buf[256]; struct cmsghdr align; } ctl;
	struct header h = { -1, -1 };
	uint8_t buf[70000], *udp;
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl };
	struct cmsghdr *c;

	do {
		msg.msg_controllen = sizeof(ctl);
		if (recvmsg(sd, &msg, 0) < 28)
			return h;
		udp = family == AF_INET ? buf + (buf[0] & 15) * 4 : buf;
	} while ((udp[0] << 8 | udp[1]) != port);
	if (family == AF_INET)
		return (struct header){ buf[1], buf[8] };
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_type == IPV6_TCLASS)
			memcpy(&h.tos, CMSG_DATA(c), sizeof(int));
		else if (c->cmsg_type == IPV6_HOPLIMIT)
			memcpy(&h.ttl, CMSG_DATA(c), sizeof(int));
	}
	return h;
}

static int port_of(int sd)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);

	return getsockname(sd, (void *)&a, &len) ? -1 : ntohs(((struct sockaddr_in *)&a)->sin_port);
}

static void tos_and_ttl(int family, const struct pair_opts *o)
{
	int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	int tos = family == AF_INET ? IP_TOS : IPV6_TCLASS;
	int ttl = family == AF_INET ? IP_TTL : IPV6_UNICAST_HOPS;
	struct sockaddr_storage a;
	struct header h;
	struct pair p = { -1, -1, -1 };
	int raw = raw_open(family);
	socklen_t len;

	CHECK(raw >= 0);
	p.listener = listen_any(o, &a, &len);
	/* On the listener: what it accepts has it, too. */
	CHECK(!set_int(p.listener, level, tos, 0x48));
	CHECK(!set_int(p.listener, level, ttl, 33));
	CHECK(!pair_client(&p, o, &a, len) && !pair_accept(&p) && !pair_handshake(&p, o));
	CHECK_EQ(get_int(p.server, level, tos), 0x48);
	CHECK_EQ(get_int(p.server, level, ttl), 33);
	h = raw_next(raw, family, port_of(p.server));
	CHECK_EQ(h.tos & 0xfc, 0x48);
	CHECK_EQ(h.ttl, 33);
	h = raw_next(raw, family, port_of(p.client));
	CHECK_EQ(h.tos & 0xfc, 0);
	/* While it stands; the two bits of ECN are not the application's. */
	CHECK(!set_int(p.client, level, tos, 0x2b));
	CHECK(!set_int(p.client, level, ttl, 9));
	do {
		CHECK_EQ(send(p.client, "x", 1, 0), 1);
		h = raw_next(raw, family, port_of(p.client));
	} while (!(h.tos & 0xfc));
	CHECK_EQ(h.tos & 0xfc, 0x28);
	CHECK((h.tos & 3) == 0 || (h.tos & 3) == 2);
	CHECK_EQ(h.ttl, 9);
	close(raw);
	pair_close(&p);
}

static void ip_tos(void)
{
	tos_and_ttl(AF_INET, &plain);
}

static void ipv6_tclass(void)
{
	tos_and_ttl(AF_INET6, &ipv6);
}

/* --- SO_MARK, SO_BINDTODEVICE: routes --- */

static bool arrives(int from, int to, int ms)
{
	static char byte;
	char c;

	if (send(from, &byte, 1, 0) != 1 || !(poll_for(to, POLLIN, ms) & POLLIN))
		return false;
	return recv(to, &c, 1, 0) == 1;
}

static void so_mark(const struct pair_opts *o, const char *ip)
{
	struct sockaddr_storage a;
	char cmd[200];
	struct pair p;
	int sd;

	/* Even the local table comes after it. */
	snprintf(cmd, sizeof(cmd), "%s rule add pref 1 lookup local; %s rule del pref 0; "
		 "%s rule add pref 0 fwmark 77 prohibit", ip, ip, ip);
	CHECK(!system(cmd));
	sd = sock_new(o->family, 0);
	CHECK(!set_int(sd, SOL_SOCKET, SO_MARK, 77));
	errno = 0;
	CHECK(connect(sd, (void *)&a, addr_loopback(&a, o->family, false, 9)) == -1 &&
	      errno == EACCES);
	close(sd);
	CHECK(!pair_open(&p, o));
	CHECK(arrives(p.client, p.server, 1000));
	CHECK(!set_int(p.client, SOL_SOCKET, SO_MARK, 77));
	CHECK(!arrives(p.client, p.server, 300));
	CHECK(!set_int(p.client, SOL_SOCKET, SO_MARK, 78));
	/* what was lost comes again */
	CHECK(poll_for(p.server, POLLIN, 5000) & POLLIN);
	pair_close(&p);
	snprintf(cmd, sizeof(cmd), "%s rule del pref 0; %s rule add pref 0 lookup local; "
		 "%s rule del pref 1", ip, ip, ip);
	CHECK(!system(cmd));
}

static void mark_v4(void)
{
	so_mark(&plain, "ip");
}

static void mark_v6(void)
{
	so_mark(&ipv6, "ip -6");
}

static int bind_device(int sd, const char *name)
{
	return setsockopt(sd, SOL_SOCKET, SO_BINDTODEVICE, name, strlen(name));
}

static void bindtodevice(void)
{
	struct sockaddr_storage a;
	socklen_t len;
	struct pair p;
	int sd, c;

	CHECK(!system("ip link add d0 type dummy && ip link set d0 up && ip addr add 192.0.2.1/24 dev d0"));
	CHECK(!pair_open(&p, &plain));
	CHECK(arrives(p.client, p.server, 1000));
	/* The one who stays is deaf on the other device, and whole again without. */
	CHECK(!bind_device(p.server, "d0"));
	CHECK(!arrives(p.client, p.server, 300));
	CHECK(!bind_device(p.server, ""));
	CHECK(poll_for(p.server, POLLIN, 5000) & POLLIN);
	CHECK(!bind_device(p.server, "lo"));
	CHECK_EQ(recv(p.server, &a, sizeof(a), 0), 1);
	CHECK(arrives(p.client, p.server, 1000));
	/* A listener, before and after bind() */
	len = addr_loopback(&a, AF_INET, false, 0);
	((struct sockaddr_in *)&a)->sin_addr.s_addr = INADDR_ANY;
	sd = sock_new(AF_INET, 0);
	CHECK(!bind_device(sd, "d0"));
	CHECK(!bind(sd, (void *)&a, len) && !listen(sd, 4));
	addr_loopback(&a, AF_INET, false, port_of(sd));
	c = sock_new(AF_INET, 0);
	CHECK(!connect(c, (void *)&a, len));
	CHECK_EQ(send_level(c, QUIC_CRYPTO_INITIAL, "hello", 5, 0), 5);
	CHECK_EQ(poll_for(sd, POLLIN, 500), 0);
	close(c);
	close(sd);
	CHECK(!bind_device(p.listener, "d0"));
	addr_loopback(&a, AF_INET, false, port_of(p.listener));
	c = sock_new(AF_INET, 0);
	CHECK(!connect(c, (void *)&a, len));
	CHECK_EQ(send_level(c, QUIC_CRYPTO_INITIAL, "hello", 5, 0), 5);
	CHECK_EQ(poll_for(p.listener, POLLIN, 500), 0);
	CHECK(!bind_device(p.listener, ""));
	/* it asks again */
	CHECK_EQ(poll_for(p.listener, POLLIN, 5000), POLLIN);
	close(c);
	pair_close(&p);
	CHECK(!system("ip link del d0"));
}

/* --- buffers --- */

static void buffer_sysctls(void)
{
	int sd, most;
	FILE *f;

	CHECK_EQ(proc_write("/proc/sys/net/quic/quic_rmem", "4096 300000 400000"), 0);
	CHECK_EQ(proc_write("/proc/sys/net/quic/quic_wmem", "4096 50000 60000"), 0);
	CHECK_EQ(proc_write("/proc/sys/net/quic/quic_rmem", "100 300000 400000"), EINVAL);
	sd = sock_new(AF_INET, 0);
	CHECK_EQ(get_int(sd, SOL_SOCKET, SO_RCVBUF), 300000);
	CHECK_EQ(get_int(sd, SOL_SOCKET, SO_SNDBUF), 50000);
	/* socket(7): twice what is asked, up to twice net.core.rmem_max; FORCE goes beyond */
	f = fopen("/proc/sys/net/core/rmem_max", "r");
	CHECK(f && fscanf(f, "%d", &most) == 1);
	fclose(f);
	CHECK(!set_int(sd, SOL_SOCKET, SO_RCVBUF, 10000));
	CHECK_EQ(get_int(sd, SOL_SOCKET, SO_RCVBUF), 20000);
	CHECK(!set_int(sd, SOL_SOCKET, SO_RCVBUF, 1 << 30));
	CHECK_EQ(get_int(sd, SOL_SOCKET, SO_RCVBUF), 2 * most);
	CHECK(!set_int(sd, SOL_SOCKET, SO_RCVBUFFORCE, most + 1000));
	CHECK_EQ(get_int(sd, SOL_SOCKET, SO_RCVBUF), 2 * (most + 1000));
	CHECK(!set_int(sd, SOL_SOCKET, SO_SNDBUF, 20000));
	CHECK_EQ(get_int(sd, SOL_SOCKET, SO_SNDBUF), 40000);
	close(sd);
	CHECK_EQ(proc_write("/proc/sys/net/quic/quic_rmem", "4096 1048576 16777216"), 0);
	CHECK_EQ(proc_write("/proc/sys/net/quic/quic_wmem", "4096 65536 16777216"), 0);
}

static void congestion_sysctl(void)
{
	static const char path[] = "/proc/sys/net/quic/quic_congestion_control";
	struct quic_info i = {};
	char name[16] = {};
	struct pair p;
	socklen_t len = sizeof(name);
	int sd;

	CHECK_EQ(proc_write(path, "vegas"), ENOENT);
	CHECK_EQ(proc_write(path, "bbr"), 0);
	sd = sock_new(AF_INET, 0);
	CHECK(!get_opt(sd, QUIC_SOCKOPT_CONGESTION, name, &len));
	CHECK(!strcmp(name, "bbr"));
	close(sd);
	CHECK(!pair_open(&p, &plain));
	len = sizeof(i);
	CHECK(!get_opt(p.server, QUIC_SOCKOPT_INFO, &i, &len));
	CHECK(!strcmp(i.cc_name, "bbr"));
	pair_close(&p);
	CHECK_EQ(proc_write(path, "cubic"), 0);
}

/* What is written waits in the buffer while the path is slow: SO_SNDBUF bounds it. */
static void sndbuf(void)
{
	struct quic_transport_param tp = { .max_data = 8 << 20,
					   .max_stream_data_bidi_remote = 8 << 20 };
	struct pair_opts o = { .server = &tp };
	static char buf[1 << 20];
	ssize_t n, all = 0;
	int v, unsent;
	struct pair p;

	CHECK(!pair_open(&p, &o));
	CHECK(!set_int(p.client, SOL_SOCKET, SO_SNDBUF, 30000));
	CHECK(!system("tc qdisc add dev lo root netem delay 300ms"));
	while ((n = send(p.client, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		all += n;
	CHECK_EQ(errno, EAGAIN);
	CHECK(all > 10000 && all < 100000);
	CHECK_EQ(poll_for(p.client, POLLOUT, 0), 0);
	CHECK(!ioctl(p.client, SIOCOUTQ, &v));
	CHECK_EQ(v, all);
	CHECK(!ioctl(p.client, SIOCOUTQNSD, &unsent));
	CHECK(unsent <= v);
	CHECK_ERR(send_stream(p.client, 0, 0, "x", 1, MSG_DONTWAIT), ENOSPC);
	/* SO_SNDTIMEO is shorter than the way there and back. */
	set_timeo(p.client, 100);
	CHECK_ERR(send(p.client, "x", 1, 0), EAGAIN);
	set_timeo(p.client, 10000);
	CHECK_EQ(poll_for(p.client, POLLOUT, 10000), POLLOUT);
	CHECK_EQ(recv(p.server, buf, all, MSG_WAITALL), all);
	CHECK(!ioctl(p.server, SIOCINQ, &v));
	CHECK_EQ(v, 0);
	CHECK(!system("tc qdisc del dev lo root"));
	pair_close(&p);
}

/* --- who may --- */

static void as_nobody(void)
{
	struct sockaddr_storage a;
	socklen_t len = addr_loopback(&a, AF_INET, false, 443);
	int sd = sock_new(AF_INET, 0);

	CHECK_ERR(bind(sd, (void *)&a, len), EACCES);
	CHECK_ERR(set_int(sd, SOL_SOCKET, SO_MARK, 5), EPERM);
	CHECK_ERR(set_int(sd, SOL_SOCKET, SO_RCVBUFFORCE, 5000), EPERM);
	CHECK_ERR(set_int(sd, SOL_SOCKET, SO_PRIORITY, 7), EPERM);
	addr_loopback(&a, AF_INET, false, 0);
	CHECK(!bind(sd, (void *)&a, len));
	close(sd);
}

static void capabilities(void)
{
	struct sockaddr_storage a;
	socklen_t len = addr_loopback(&a, AF_INET, false, 0);
	int roots = sock_new(AF_INET, 0), sd, err;

	CHECK(!bind(roots, (void *)&a, len) && !getsockname(roots, (void *)&a, &len));
	CHECK(!seteuid(65534));
	as_nobody();
	/* Nobody listens beside another user, whatever the list. */
	sd = sock_new(AF_INET, 0);
	err = bind(sd, (void *)&a, len) ? errno : 0;
	close(sd);
	CHECK(!seteuid(0));
	CHECK_EQ(err, EADDRINUSE);
	close(roots);
}

/* The same address and port in two namespaces are two. */
static int in_another_namespace(int port)
{
	struct sockaddr_storage a;
	socklen_t len = addr_loopback(&a, AF_INET, false, port);
	struct pair p = { -1, -1, -1 };
	char c;

	if (unshare(CLONE_NEWNET) || system("ip link set lo up"))
		return 1;
	p.client = sock_new(AF_INET, 0);
	/* Who listens outside is not there: ICMP says so. */
	if (connect(p.client, (void *)&a, len) ||
	    send_level(p.client, QUIC_CRYPTO_INITIAL, "hello", 5, 0) != 5)
		return 2;
	set_timeo(p.client, 3000);
	if (recv(p.client, &c, 1, 0) != -1 || errno != ECONNREFUSED)
		return 3;
	close(p.client);
	p.listener = sock_new(AF_INET, 0);
	if (bind(p.listener, (void *)&a, len) || listen(p.listener, 5))
		return 4;
	if (pair_client(&p, &plain, &a, len) || pair_accept(&p) || pair_handshake(&p, &plain))
		return 5;
	if (send(p.client, "x", 1, 0) != 1 || recv(p.server, &c, 1, 0) != 1)
		return 6;
	/* Left open: the namespace ends with connections in it. */
	return 0;
}

static void namespaces(void)
{
	struct pair p;
	int status;
	pid_t pid;
	char c;

	CHECK(!pair_open(&p, &plain));
	pid = fork();
	if (!pid)
		_exit(in_another_namespace(port_of(p.listener)));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(poll_for(p.listener, POLLIN, 100), 0);
	CHECK_EQ(send(p.client, "y", 1, 0), 1);
	CHECK_EQ(recv(p.server, &c, 1, 0), 1);
	pair_close(&p);
}

static const struct ktap_case cases[] = {
	{ "timestamp", timestamp },
	{ "timestamp_datagram", timestamp_datagram },
	{ "ip_tos", ip_tos },
	{ "ipv6_tclass", ipv6_tclass },
	{ "mark_v4", mark_v4 },
	{ "mark_v6", mark_v6 },
	{ "bindtodevice", bindtodevice },
	{ "buffer_sysctls", buffer_sysctls },
	{ "congestion_sysctl", congestion_sysctl },
	{ "sndbuf", sndbuf },
	{ "capabilities", capabilities },
	{ "namespaces", namespaces },
};

KTAP_MAIN(cases)
