// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams (RFC 9221) and streams reset at an offset (draft-ietf-quic-reliable-stream-reset)
 * between two sockets of one process.
 */
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "ktap.h"
#include "pair.h"

#define ANY	65535

static int open_with(struct pair *p, uint16_t client, uint16_t server, const struct pair_opts *more)
{
	struct quic_transport_param c = { .max_datagram_frame_size = client };
	struct quic_transport_param s = { .max_datagram_frame_size = server };
	struct pair_opts o = more ? *more : (struct pair_opts){};

	o.client = &c;
	o.server = &s;
	return pair_open(p, &o);
}

static unsigned int datagram_max(int sd)
{
	struct quic_info info = {};
	socklen_t len = sizeof(info);

	return get_opt(sd, QUIC_SOCKOPT_INFO, &info, &len) ? 0 : info.datagram_max;
}

static ssize_t dsend(int sd, const void *buf, size_t len, int flags)
{
	return send(sd, buf, len, MSG_QUIC_DATAGRAM | flags);
}

/* The search for the path's MTU (the loopback's 65536) is over. */
static void settle(const struct pair *p)
{
	usleep(500000);
}

/* RFC 9221, 3: each side says what it takes */
static void negotiated(void)
{
	struct quic_transport_param tp = { .remote = 1 };
	socklen_t len = sizeof(tp);
	struct pair p;
	char b[8];

	CHECK(!open_with(&p, 0, 0, NULL));
	CHECK_ERR(dsend(p.client, "x", 1, 0), EINVAL);
	CHECK_ERR(dsend(p.server, "x", 1, 0), EINVAL);
	CHECK_EQ(datagram_max(p.client), 0);
	pair_close(&p);

	CHECK(!open_with(&p, 0, 1000, NULL));
	CHECK(!get_opt(p.client, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, &len));
	CHECK_EQ(tp.max_datagram_frame_size, 1000);
	CHECK_ERR(dsend(p.server, "x", 1, 0), EINVAL);
	CHECK_EQ(dsend(p.client, "x", 1, 0), 1);
	CHECK_EQ(recv(p.server, b, sizeof(b), 0), 1);
	CHECK_EQ(datagram_max(p.client), 997);
	/* a stream's control message does not go with it */
	CHECK_ERR(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, "x", 1, MSG_QUIC_DATAGRAM), EINVAL);
	pair_close(&p);
}

static void boundaries(const struct pair_opts *o)
{
	static uint8_t buf[70000];
	unsigned int max, i, sizes[] = { 0, 1, 7, 256, 257, 1000, 1100, 0, 3 };
	struct pair p;
	uint32_t flags;
	int64_t sid;
	ssize_t n;

	CHECK(!open_with(&p, ANY, ANY, o));
	settle(&p);
	max = datagram_max(p.client);
	CHECK(max > 1100 && max < 65536);
	pattern_fill(buf, sizeof(buf), 1, 0);
	CHECK_ERR(dsend(p.client, buf, max + 1, 0), EMSGSIZE);
	for (i = 0; i < 50; i++) {
		unsigned int len = i == 49 ? max : sizes[i % 9];

		pattern_fill(buf, len, i, 0);
		CHECK_EQ(dsend(p.client, buf, len, 0), len);
	}
	for (i = 0; i < 50; i++) {
		unsigned int len = i == 49 ? max : sizes[i % 9];

		n = recv_stream(p.server, &sid, &flags, buf, sizeof(buf), 0);
		CHECK_EQ(n, len);
		CHECK_EQ(sid, -1);
		CHECK(flags & MSG_QUIC_DATAGRAM);
		CHECK(flags & MSG_EOR);
		CHECK(!(flags & (MSG_TRUNC | MSG_QUIC_NOTIFICATION)));
		CHECK(pattern_ok(buf, n, i, 0));
	}
	CHECK_ERR(recv(p.server, buf, 1, MSG_DONTWAIT), EAGAIN);
	pair_close(&p);
}

static void boundaries_v4(void)
{
	boundaries(NULL);
}

static void boundaries_v6(void)
{
	boundaries(&(struct pair_opts){ .family = AF_INET6, .type = SOCK_DGRAM });
}

static void small_buffers(void)
{
	struct pair p;
	uint32_t flags;
	int64_t sid;
	char b[16];

	CHECK(!open_with(&p, ANY, ANY, NULL));
	CHECK_EQ(dsend(p.client, "abcdefgh", 8, 0), 8);
	CHECK_EQ(dsend(p.client, "ijkl", 4, 0), 4);
	CHECK_EQ(dsend(p.client, "mnop", 4, 0), 4);
	/* a look takes nothing */
	CHECK_EQ(recv_stream(p.server, &sid, &flags, b, 3, MSG_PEEK), 3);
	CHECK(!(flags & MSG_EOR));
	CHECK_EQ(recv_stream(p.server, &sid, &flags, b, 3, MSG_PEEK | MSG_TRUNC), 8);
	CHECK(flags & MSG_TRUNC);
	/* the front, then the rest, and never the next one */
	CHECK_EQ(recv_stream(p.server, &sid, &flags, b, 5, 0), 5);
	CHECK(!memcmp(b, "abcde", 5));
	CHECK((flags & MSG_QUIC_DATAGRAM) && !(flags & (MSG_EOR | MSG_TRUNC)));
	CHECK_EQ(recv_stream(p.server, &sid, &flags, b, sizeof(b), MSG_PEEK), 3);
	CHECK_EQ(recv_stream(p.server, &sid, &flags, b, sizeof(b), 0), 3);
	CHECK(!memcmp(b, "fgh", 3));
	CHECK(flags & MSG_EOR);
	/* its length instead, and the rest is gone */
	CHECK_EQ(recv_stream(p.server, &sid, &flags, b, 1, MSG_TRUNC), 4);
	CHECK(b[0] == 'i' && (flags & MSG_TRUNC) && !(flags & MSG_EOR));
	CHECK_EQ(recv_stream(p.server, &sid, &flags, b, sizeof(b), MSG_TRUNC), 4);
	CHECK(!memcmp(b, "mnop", 4) && (flags & MSG_EOR) && !(flags & MSG_TRUNC));
	CHECK_ERR(recv(p.server, b, 1, MSG_DONTWAIT), EAGAIN);
	pair_close(&p);
}

/* One queue: in the order it came, whatever it is. */
static void one_queue(void)
{
	struct pair p;
	uint32_t flags;
	int64_t sid;
	char b[64];

	CHECK(!open_with(&p, ANY, ANY, NULL));
	CHECK_EQ(poll_for(p.server, POLLIN, 0), 0);
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, "one", 3, 0), 3);
	usleep(20000);
	CHECK_EQ(dsend(p.client, "two", 3, 0), 3);
	usleep(20000);
	CHECK_EQ(send_stream(p.client, 4, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN, "three", 5, 0), 5);
	usleep(20000);
	CHECK_EQ(dsend(p.client, "", 0, 0), 0);
	usleep(20000);
	CHECK_EQ(recv_stream(p.server, &sid, &flags, b, 2, 0), 2);
	CHECK_EQ(sid, 0);
	/* what was not read to its end stays before the datagram: it came before it */
	CHECK_EQ(recv_stream(p.server, &sid, &flags, b, sizeof(b), 0), 1);
	CHECK_EQ(sid, 0);
	CHECK_EQ(recv_stream(p.server, &sid, &flags, b, sizeof(b), 0), 3);
	CHECK(flags & MSG_QUIC_DATAGRAM);
	CHECK(!memcmp(b, "two", 3));
	CHECK_EQ(recv_stream(p.server, &sid, &flags, b, sizeof(b), 0), 5);
	CHECK_EQ(sid, 4);
	CHECK_EQ(poll_for(p.server, POLLIN, 0), POLLIN);
	CHECK_EQ(recv_stream(p.server, &sid, &flags, b, sizeof(b), 0), 0);
	CHECK((flags & MSG_QUIC_DATAGRAM) && (flags & MSG_EOR));
	CHECK_EQ(poll_for(p.server, POLLIN, 0), 0);
	pair_close(&p);
}

/* Nobody reads: the first are kept, the rest dropped, streams go on, and the memory comes back. */
static void receive_bound(void)
{
	static char b[1000];
	unsigned int i, got = 0, next = 0, n;
	struct pair_opts o = { .server_rcvbuf = 100000 };
	struct pair p;
	uint32_t flags;
	int64_t sid;
	ssize_t r;

	CHECK(!open_with(&p, ANY, ANY, &o));
	for (i = 0; i < 2000; i++) {
		memcpy(b, &i, sizeof(i));
		CHECK_EQ(dsend(p.client, b, sizeof(b), 0), sizeof(b));
	}
	usleep(200000);
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN, "still", 5, 0), 5);
	for (;;) {
		r = recv_stream(p.server, &sid, &flags, b, sizeof(b), 0);
		if (sid == 0)
			break;
		CHECK_EQ(r, sizeof(b));
		memcpy(&n, b, sizeof(n));
		CHECK(n >= next);
		CHECK(n == got || got > 20);	/* the first ones, without a hole */
		next = n + 1;
		got++;
	}
	CHECK_EQ(r, 5);
	CHECK(got > 20 && got < 200);
	/* there is room again */
	for (i = 0; i < 20; i++) {
		CHECK_EQ(dsend(p.client, b, sizeof(b), 0), sizeof(b));
		CHECK_EQ(recv(p.server, b, sizeof(b), 0), sizeof(b));
	}
	pair_close(&p);
}

static int queued(int sd, unsigned long what)
{
	int n = -1;

	return ioctl(sd, what, &n) ? -1 : n;
}

/* SIOCOUTQ: what waits to be sent is of datagrams, too; they are gone once they were. */
static void queue_length(void)
{
	static char b[700];
	struct pair p;
	int i;

	CHECK(!open_with(&p, ANY, ANY, NULL));
	settle(&p);
	CHECK_EQ(queued(p.client, SIOCOUTQ), 0);
	CHECK_EQ(dsend(p.client, b, 700, MSG_MORE), 700);
	CHECK_EQ(dsend(p.client, b, 11, MSG_MORE), 11);
	CHECK_EQ(queued(p.client, SIOCOUTQ), 711);
	CHECK_EQ(queued(p.client, SIOCOUTQNSD), 711);
	CHECK_EQ(send_stream(p.client, -1, MSG_QUIC_STREAM_NEW, b, 100, MSG_MORE), 100);
	CHECK_EQ(queued(p.client, SIOCOUTQ), 811);
	CHECK_EQ(dsend(p.client, b, 1, 0), 1);
	for (i = 0; i < 100 && queued(p.client, SIOCOUTQ); i++)
		usleep(20000);
	CHECK_EQ(queued(p.client, SIOCOUTQ), 0);
	CHECK_EQ(queued(p.client, SIOCOUTQNSD), 0);
	/* Those that never leave do not stay: the connection ends. */
	CHECK_EQ(dsend(p.client, b, 700, MSG_MORE), 700);
	pair_close(&p);
}

/* The send buffer bounds those that wait; poll() tells; a sleeper is woken. */
static void send_bound(void)
{
	struct pair_opts o = { .client_sndbuf = 8192 };
	static char b[1000];
	unsigned int sent = 0, got = 0, i;
	struct pair p;

	CHECK(!open_with(&p, ANY, ANY, &o));
	CHECK(poll_for(p.client, POLLOUT, 0) & POLLOUT);
	/* Nothing is sent on its own for 200 ms, so poll() comes to say that it is full. */
	do {
		CHECK_EQ(dsend(p.client, b, sizeof(b), MSG_DONTWAIT | MSG_MORE), sizeof(b));
		CHECK(++sent < 1000);
	} while (poll_for(p.client, POLLOUT, 0));
	while (dsend(p.client, b, sizeof(b), MSG_DONTWAIT | MSG_MORE) == sizeof(b))
		CHECK(++sent < 1000);
	CHECK_EQ(errno, EAGAIN);
	CHECK(sent >= 4);
	/* That sent them: who finds no room waits for no more. As many again fill it up. */
	for (i = 0; i < sent; i++)
		CHECK_EQ(dsend(p.client, b, sizeof(b), MSG_MORE), sizeof(b));
	sent += i;
	/* MSG_MORE lasts 200 ms at most */
	CHECK(poll_for(p.client, POLLOUT, 2000) & POLLOUT);
	/* and one that may wait does: each goes when there is room */
	while (sent < 200) {
		CHECK_EQ(dsend(p.client, b, sizeof(b), MSG_MORE), sizeof(b));
		sent++;
	}
	CHECK_EQ(dsend(p.client, "end", 3, 0), 3);
	while (recv(p.server, b, sizeof(b), 0) == sizeof(b))
		got++;
	CHECK_EQ(got, sent);
	pair_close(&p);
}

/* sendmmsg() gathers: many in few packets, in order */
static void batch(void)
{
	struct quic_info before = {}, after = {};
	struct mmsghdr m[40] = {};
	struct iovec iov[40];
	socklen_t len = sizeof(before);
	struct pair p;
	char b[40], in[8];
	int i;

	CHECK(!open_with(&p, ANY, ANY, NULL));
	settle(&p);
	CHECK(!get_opt(p.client, QUIC_SOCKOPT_INFO, &before, &len));
	for (i = 0; i < 40; i++) {
		b[i] = i;
		iov[i] = (struct iovec){ &b[i], 1 };
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	CHECK_EQ(sendmmsg(p.client, m, 40, MSG_QUIC_DATAGRAM), 40);
	for (i = 0; i < 40; i++) {
		CHECK_EQ(recv(p.server, in, sizeof(in), 0), 1);
		CHECK_EQ(in[0], i);
	}
	CHECK(!get_opt(p.client, QUIC_SOCKOPT_INFO, &after, &len));
	CHECK(after.packets_sent - before.packets_sent < 10);
	pair_close(&p);
}

/* What was queued before close() goes out, and can be read after it. */
static void close_delivers(void)
{
	static char b[1000];
	unsigned int i, got = 0;
	struct pair p;

	CHECK(!open_with(&p, ANY, ANY, NULL));
	for (i = 0; i < 30; i++)
		CHECK_EQ(dsend(p.client, b, sizeof(b), MSG_MORE), sizeof(b));
	CHECK(!close(p.client));
	p.client = -1;
	while (recv(p.server, b, sizeof(b), 0) == sizeof(b))
		got++;
	CHECK_EQ(errno, ENOTCONN);
	CHECK_EQ(got, 30);
	CHECK_ERR(dsend(p.server, b, 1, MSG_NOSIGNAL), EPIPE);
	pair_close(&p);
}

/* SHUT_RD throws them away; those unread at close() are freed (the debug kernel looks). */
static void unread(void)
{
	static char b[1000];
	struct pair p;
	int i;

	CHECK(!open_with(&p, ANY, ANY, NULL));
	for (i = 0; i < 30; i++)
		CHECK_EQ(dsend(p.client, b, i & 1 ? sizeof(b) : 10, 0), i & 1 ? (long)sizeof(b) : 10);
	usleep(100000);
	CHECK_EQ(recv(p.server, b, 4, 0), 4);
	CHECK(!shutdown(p.server, SHUT_RD));
	CHECK_EQ(dsend(p.client, b, sizeof(b), 0), sizeof(b));
	usleep(100000);
	CHECK_EQ(recv(p.server, b, sizeof(b), 0), 0);
	for (i = 0; i < 30; i++)
		CHECK_EQ(dsend(p.server, b, sizeof(b), 0), sizeof(b));
	usleep(100000);
	pair_close(&p);
}

/* --- RESET_STREAM_AT --- */

static int reset_at(int sd, int64_t sid, uint32_t code, uint64_t reliable)
{
	struct quic_stream_reset_at r = { .stream_id = sid, .errcode = code,
					  .reliable_size = reliable };

	return set_opt(sd, QUIC_SOCKOPT_STREAM_RESET_AT, &r, sizeof(r));
}

/* The bytes, then the event: in this order in the queue; and the sender hears of the end. */
static void reset_at_delivers(void)
{
	struct quic_stream_update ev;
	struct pair p;
	uint32_t flags;
	int64_t sid;
	char b[64];

	CHECK(!open_with(&p, 0, 0, NULL));
	CHECK(!event_on(p.server, QUIC_EVENT_STREAM_UPDATE));
	CHECK(!event_on(p.client, QUIC_EVENT_STREAM_UPDATE));
	CHECK_EQ(send_stream(p.client, 2, MSG_QUIC_STREAM_NEW, "header, and what nobody wants", 29,
			     MSG_MORE), 29);
	CHECK(!reset_at(p.client, 2, 42, 6));
	CHECK_ERR(send_stream(p.client, 2, 0, "x", 1, 0), EINVAL);
	CHECK_EQ(event_wait(p.client, QUIC_EVENT_STREAM_UPDATE, &ev, sizeof(ev)), sizeof(ev));
	CHECK_EQ(ev.id, 2);
	CHECK_EQ(ev.state, QUIC_STREAM_SEND_STATE_RESET_RECVD);
	CHECK_EQ(ev.errcode, 42);
	CHECK_EQ(recv_stream(p.server, &sid, &flags, b, sizeof(b), 0), 6);
	CHECK_EQ(sid, 2);
	CHECK(!memcmp(b, "header", 6));
	CHECK(!(flags & MSG_QUIC_STREAM_FIN));
	do
		CHECK_EQ(event_wait(p.server, QUIC_EVENT_STREAM_UPDATE, &ev, sizeof(ev)), sizeof(ev));
	while (ev.state == QUIC_STREAM_RECV_STATE_RECV);
	CHECK_EQ(ev.id, 2);
	CHECK_EQ(ev.state, QUIC_STREAM_RECV_STATE_RESET_RECVD);
	CHECK_EQ(ev.errcode, 42);
	CHECK_EQ(ev.finalsz, 6);
	CHECK_ERR(reset_at(p.client, 2, 42, 0), EINVAL);
	pair_close(&p);
}

static void reset_at_errors(void)
{
	struct pair p;
	char b[64];

	CHECK(!open_with(&p, 0, 0, NULL));
	CHECK_ERR(reset_at(p.client, 0, 1, 0), EINVAL);
	CHECK_ERR(reset_at(p.client, -1, 1, 0), EINVAL);
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, "abc", 3, MSG_MORE), 3);
	CHECK_ERR(reset_at(p.client, 0, 1, 4), EINVAL);
	CHECK(!reset_at(p.client, 0, 1, 3));
	CHECK_ERR(reset_at(p.client, 0, 2, 1), EINVAL);
	CHECK_EQ(recv(p.server, b, sizeof(b), 0), 3);
	/* not theirs to write */
	CHECK_EQ(send_stream(p.client, 2, MSG_QUIC_STREAM_NEW, "abc", 3, 0), 3);
	CHECK_EQ(recv(p.server, b, sizeof(b), 0), 3);
	CHECK_ERR(reset_at(p.server, 2, 1, 0), EINVAL);
	CHECK_ERR(get_opt(p.client, QUIC_SOCKOPT_STREAM_RESET_AT, b, &(socklen_t){ sizeof(b) }),
		  ENOPROTOOPT);
	pair_close(&p);
}

/* Large, with the send buffer full: what is not to be delivered is given back at once. */
static void reset_at_large(void)
{
	static char b[100000];
	struct pair_opts o = { .server_rcvbuf = 100000 };
	struct quic_info info = {};
	socklen_t len = sizeof(info);
	struct pair p;
	int64_t sid;
	size_t sent = 0, got = 0;
	uint32_t flags;
	ssize_t n;

	CHECK(!open_with(&p, ANY, 0, &o));
	CHECK(!event_on(p.server, QUIC_EVENT_STREAM_UPDATE));
	while ((n = send_stream(p.client, 0, sent ? 0 : MSG_QUIC_STREAM_NEW, b, sizeof(b),
				MSG_DONTWAIT)) > 0)
		sent += n;
	CHECK(sent > 20000);
	CHECK(!reset_at(p.client, 0, 5, sent - 1000));
	/* The loopback may have seen to its end already. */
	CHECK(!reset_at(p.client, 0, 5, sent - 2000) || errno == EINVAL);
	for (;;) {
		n = recv_stream(p.server, &sid, &flags, b, sizeof(b), 0);
		CHECK(n > 0);
		if (flags & MSG_QUIC_NOTIFICATION) {
			if (b[9] == QUIC_STREAM_RECV_STATE_RESET_RECVD)
				break;
			continue;
		}
		got += n;
	}
	CHECK(got >= sent - 2000 && got <= sent);
	/* neither side holds anything of it; both directions still work */
	CHECK_EQ(send_stream(p.server, 0, MSG_QUIC_STREAM_FIN, "bye", 3, 0), 3);
	CHECK_EQ(recv(p.client, b, sizeof(b), 0), 3);
	usleep(100000);
	CHECK(!get_opt(p.client, QUIC_SOCKOPT_INFO, &info, &len));
	CHECK_EQ(info.data_unacked, 0);
	CHECK_EQ(info.data_unsent, 0);
	CHECK_EQ(info.streams_open, 0);
	CHECK(!get_opt(p.server, QUIC_SOCKOPT_INFO, &info, &len));
	CHECK_EQ(info.data_unread, 0);
	CHECK_EQ(info.streams_open, 0);
	/* a connection's worth more: credit came back */
	for (got = 0; got < 3000000; got += n) {
		n = send_stream(p.client, 4, got ? 0 : MSG_QUIC_STREAM_NEW, b, 20000, 0);
		CHECK(n > 0);
		for (sent = 0; sent < (size_t)n;) {
			ssize_t r = recv_stream(p.server, &sid, &flags, b, sizeof(b), 0);

			CHECK(r > 0);
			sent += flags & MSG_QUIC_NOTIFICATION ? 0 : r;
		}
	}
	pair_close(&p);
}

static const struct ktap_case cases[] = {
	{ "datagrams: only as the peer offered (RFC 9221, 3)", negotiated },
	{ "datagrams: boundaries and order, IPv4", boundaries_v4 },
	{ "datagrams: boundaries and order, IPv6", boundaries_v6 },
	{ "datagrams: MSG_PEEK, MSG_TRUNC, buffers too small", small_buffers },
	{ "datagrams: one queue with streams", one_queue },
	{ "datagrams: bound of what is not read", receive_bound },
	{ "datagrams: SIOCOUTQ counts them until sent", queue_length },
	{ "datagrams: bound of what is not sent, poll()", send_bound },
	{ "datagrams: sendmmsg() shares packets", batch },
	{ "datagrams: delivered before close()", close_delivers },
	{ "datagrams: unread at SHUT_RD and close()", unread },
	{ "RESET_STREAM_AT: bytes, then the reset", reset_at_delivers },
	{ "RESET_STREAM_AT: wrong arguments", reset_at_errors },
	{ "RESET_STREAM_AT: large, twice, credit returned", reset_at_large },
};

KTAP_MAIN(cases)
