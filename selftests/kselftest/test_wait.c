// SPDX-License-Identifier: GPL-2.0
/* What poll() waits for (SO_RCVLOWAT), and when what is received came (SO_TIMESTAMPING). */
#include <fcntl.h>
#include <linux/net_tstamp.h>
#include <poll.h>
#include <time.h>

#include "files.h"
#include "ktap.h"

static const struct pair_opts plain = {};

static int set_int(int sd, int name, int v)
{
	return setsockopt(sd, SOL_SOCKET, name, &v, sizeof(v));
}

static int in(int sd)
{
	return poll_for(sd, POLLIN, 100) & POLLIN;
}

/* --- SO_RCVLOWAT --- */

static void low_water(void)
{
	char buf[4000] = {};
	uint32_t flags;
	struct pair p;
	int64_t sid;

	CHECK(!pair_open(&p, &plain));
	CHECK(!set_int(p.server, SO_RCVLOWAT, 1000));
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, buf, 400, 0), 400);
	CHECK(!in(p.server));
	/* All streams together */
	CHECK_EQ(send_stream(p.client, 4, MSG_QUIC_STREAM_NEW, buf, 599, 0), 599);
	CHECK(!in(p.server));
	CHECK_EQ(send_stream(p.client, 4, 0, buf, 1, 0), 1);
	CHECK(in(p.server));
	/* Taking it is not held up. */
	CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, sizeof(buf), MSG_DONTWAIT), 400);
	CHECK_EQ(sid, 0);
	CHECK(!in(p.server));
	/* The end does not come later for want of more. */
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_FIN, "x", 1, 0), 1);
	CHECK(in(p.server));
	pair_close(&p);
}

static void low_water_event(void)
{
	struct pair p;

	CHECK(!pair_open(&p, &plain));
	CHECK(!set_int(p.server, SO_RCVLOWAT, 1000));
	CHECK(!event_on(p.server, QUIC_EVENT_KEY_UPDATE));
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, "x", 1, 0), 1);
	CHECK(!in(p.server));
	CHECK(!set_opt(p.client, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0));
	CHECK_EQ(send_stream(p.client, 0, 0, "x", 1, 0), 1);
	CHECK(in(p.server));
	pair_close(&p);
}

/* More than flow control lets the peer send: who waited for it would wait for ever. */
static void low_water_blocked(void)
{
	const struct quic_transport_param tp = { .max_stream_data_bidi_remote = 20000 };
	static char buf[30000];
	struct pair p;

	CHECK(!pair_open(&p, &(struct pair_opts){ .server = &tp }));
	CHECK(!set_int(p.server, SO_RCVLOWAT, 100000));
	fcntl(p.client, F_SETFL, O_NONBLOCK);
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, buf, 10000, 0), 10000);
	CHECK(!in(p.server));
	CHECK_EQ(send_stream(p.client, 0, 0, buf, sizeof(buf), 0), 10000);
	CHECK(in(p.server));
	pair_close(&p);
}

static void low_water_file(void)
{
	static char buf[600000];
	struct ends e;
	ssize_t n, sum;
	int i;

	CHECK(!ends_open(&e, &plain, 0));
	CHECK(!set_int(e.s, SO_RCVLOWAT, 500000));
	CHECK_EQ(write(e.c, buf, 100), 100);
	CHECK(!in(e.s));
	/* The stream's window is 256 KiB at first. */
	fcntl(e.c, F_SETFL, O_NONBLOCK);
	for (i = 0, sum = 0; i < 50; i++) {
		n = write(e.c, buf, sizeof(buf));
		sum += n > 0 ? n : 0;
		usleep(10000);
	}
	CHECK(sum > 200000 && sum < 500000);
	CHECK(in(e.s));
	ends_close(&e);
}

/* --- SO_TIMESTAMPING --- */

/* Return: bytes; *ts is that of the control message, 0 if there is none */
static ssize_t recv_stamped(int sd, int64_t *ns, int type)
{
	union { char buf[256]; struct cmsghdr align; } ctl = {};
	char buf[100];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl,
			      .msg_controllen = sizeof(ctl) };
	ssize_t n = recvmsg(sd, &msg, 0);
	struct timespec ts[3];
	struct cmsghdr *c;

	*ns = 0;
	for (c = CMSG_FIRSTHDR(&msg); n >= 0 && c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != type)
			continue;
		memcpy(ts, CMSG_DATA(c), sizeof(ts));
		*ns = ts[0].tv_sec * 1000000000ll + ts[0].tv_nsec;
		if (ts[2].tv_sec || ts[2].tv_nsec)
			*ns = -1;		/* of no hardware */
	}
	return n;
}

static int64_t real_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static void timestamping(void)
{
	const int names[] = { SO_TIMESTAMPING_OLD, SO_TIMESTAMPING_NEW };
	int64_t before, after, ns;
	struct pair p;
	unsigned int i;

	CHECK(!pair_open(&p, &plain));
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, "x", 1, 0), 1);
	CHECK_EQ(recv_stamped(p.server, &ns, SO_TIMESTAMPING_OLD), 1);
	CHECK_EQ(ns, 0);
	for (i = 0; i < 2; i++) {
		CHECK(!set_int(p.server, names[i], SOF_TIMESTAMPING_RX_SOFTWARE |
						   SOF_TIMESTAMPING_SOFTWARE));
		before = real_ns();
		CHECK_EQ(send_stream(p.client, 0, 0, "x", 1, 0), 1);
		CHECK(in(p.server));
		after = real_ns();
		usleep(200000);
		CHECK_EQ(recv_stamped(p.server, &ns, names[i]), 1);
		CHECK(ns >= before && ns <= after);
	}
	/* Taken, but not asked to be told; and off again */
	CHECK(!set_int(p.server, SO_TIMESTAMPING_OLD, SOF_TIMESTAMPING_RX_SOFTWARE));
	CHECK_EQ(send_stream(p.client, 0, 0, "x", 1, 0), 1);
	CHECK_EQ(recv_stamped(p.server, &ns, SO_TIMESTAMPING_OLD), 1);
	CHECK_EQ(ns, 0);
	CHECK(!set_int(p.server, SO_TIMESTAMPING_OLD, 0));
	CHECK_EQ(send_stream(p.client, 0, 0, "x", 1, 0), 1);
	CHECK_EQ(recv_stamped(p.server, &ns, SO_TIMESTAMPING_OLD), 1);
	CHECK_EQ(ns, 0);
	/* Sending is not stamped: nothing comes, and nothing breaks. */
	CHECK(!set_int(p.client, SO_TIMESTAMPING_OLD, SOF_TIMESTAMPING_TX_SOFTWARE |
						      SOF_TIMESTAMPING_SOFTWARE));
	CHECK_EQ(send_stream(p.client, 0, 0, "x", 1, 0), 1);
	CHECK_ERR(recv(p.client, &ns, sizeof(ns), MSG_ERRQUEUE), EAGAIN);
	pair_close(&p);
}

/* An accepted socket takes it over. */
static void inherited(void)
{
	struct sockaddr_storage a;
	socklen_t len;
	struct pair p;
	int64_t ns;

	p.listener = listen_any(&plain, &a, &len);
	CHECK(p.listener >= 0);
	CHECK(!set_int(p.listener, SO_TIMESTAMPING_OLD, SOF_TIMESTAMPING_RX_SOFTWARE |
							SOF_TIMESTAMPING_SOFTWARE));
	CHECK(!pair_client(&p, &plain, &a, len) && !pair_accept(&p) && !pair_handshake(&p, &plain));
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, "x", 1, 0), 1);
	CHECK_EQ(recv_stamped(p.server, &ns, SO_TIMESTAMPING_OLD), 1);
	CHECK(ns > 0);
	pair_close(&p);
}

/* --- SO_BINDTODEVICE after bind(), in a VRF --- */

static int bind_device(int sd, const char *name)
{
	return setsockopt(sd, SOL_SOCKET, SO_BINDTODEVICE, name, strlen(name));
}

/* A listener bound to its address first, to the device then; clients come from @device. */
static int over(const char *listen_dev, const char *client_dev)
{
	struct pair p = { -1, -1, -1 };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a090901) };
	socklen_t len = sizeof(a);
	int ret = 1;

	p.listener = sock_new(AF_INET, 0);
	p.client = sock_new(AF_INET, 0);
	if (bind_device(p.client, client_dev) ||
	    bind(p.listener, (void *)&a, len) == 0 || bind_device(p.listener, "qvrf") ||
	    bind(p.listener, (void *)&a, len) || getsockname(p.listener, (void *)&a, &len) ||
	    bind_device(p.listener, listen_dev) || listen(p.listener, 4))
		goto out;
	ret = 2;
	if (connect(p.client, (void *)&a, len) ||
	    send_level(p.client, QUIC_CRYPTO_INITIAL, "hello from the client", 21, 0) != 21)
		goto out;
	set_timeo(p.client, 3000);
	if (!(poll_for(p.listener, POLLIN, 2000) & POLLIN)) {
		ret = 3;
		goto out;
	}
	ret = pair_accept(&p) || pair_handshake(&p, &plain) || pair_echo(&p) ? 4 : 0;
out:
	pair_close(&p);
	return ret;
}

static void vrf(void)
{
	int ret;

	/* What only UML's init could want */
	if (!access("/proc/exitcode", F_OK))
		SKIP("UML has no VRF");
	CHECK(!system("modprobe -q vrf; ip link add qvrf type vrf table 77"));
	CHECK(!system("ip link set qvrf up; ip link add qd0 type dummy && ip link set qd0 master qvrf &&"
		      " ip addr add 10.9.9.1/24 dev qd0 && ip link set qd0 up &&"
		      " ip addr add 127.0.0.1/8 dev qvrf"));
	/* Within the VRF packets loop by its device. */
	ret = over("qvrf", "qvrf");
	CHECK(!system("ip link del qd0; ip link del qvrf"));
	CHECK_EQ(ret, 0);
}

static const struct ktap_case cases[] = {
	{ "SO_RCVLOWAT: poll() waits for as much, of all streams", low_water },
	{ "SO_RCVLOWAT does not hold up an event", low_water_event },
	{ "SO_RCVLOWAT above what flow control allows", low_water_blocked },
	{ "SO_RCVLOWAT on a stream's descriptor, above its window", low_water_file },
	{ "SO_TIMESTAMPING", timestamping },
	{ "SO_TIMESTAMPING of a listener", inherited },
	{ "SO_BINDTODEVICE after bind() in a VRF", vrf },
};

KTAP_MAIN(cases)
