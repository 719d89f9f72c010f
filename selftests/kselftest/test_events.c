// SPDX-License-Identifier: GPL-2.0
/*
 * Events, one by one, with what is in them; the flags of sendmsg() and recvmsg(); and which
 * connection ended how, to be read afterwards.
 */
#include <fcntl.h>
#include <poll.h>

#include "ktap.h"
#include "pair.h"

static const struct pair_opts plain = {};

static ssize_t update(int sd, struct quic_stream_update *u)
{
	memset(u, 0, sizeof(*u));
	return event_wait(sd, QUIC_EVENT_STREAM_UPDATE, u, sizeof(*u));
}

/* --- stream states --- */

static void all_received(void)
{
	struct quic_stream_update u;
	struct pair p;
	char buf[10];

	CHECK(!pair_open(&p, &plain));
	CHECK(!event_on(p.client, QUIC_EVENT_STREAM_UPDATE));
	CHECK(!event_on(p.server, QUIC_EVENT_STREAM_UPDATE));
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, "abc", 3, 0), 3);
	CHECK_EQ(recv(p.server, buf, sizeof(buf), 0), 3);
	CHECK_EQ(update(p.server, &u), sizeof(u));
	CHECK_EQ(u.state, QUIC_STREAM_RECV_STATE_RECV);
	CHECK_EQ(u.id, 0);
	CHECK_EQ(u.errcode, 0);
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_FIN, "de", 2, 0), 2);
	do {
		CHECK_EQ(update(p.server, &u), sizeof(u));
	} while (u.state == QUIC_STREAM_RECV_STATE_RECV);
	CHECK_EQ(u.state, QUIC_STREAM_RECV_STATE_RECVD);
	CHECK_EQ(u.finalsz, 5);
	/* RFC 9000, 3.1: Data Recvd is all of it acknowledged */
	CHECK_EQ(update(p.client, &u), sizeof(u));
	CHECK_EQ(u.state, QUIC_STREAM_SEND_STATE_RECVD);
	CHECK_EQ(u.id, 0);
	pair_close(&p);
}

/* The end before the middle: RFC 9000, 3.2, Size Known */
static void size_known(void)
{
	struct quic_transport_param tp = { .max_idle_timeout = 60000000 };
	struct pair_opts o = { .client = &tp, .server = &tp };
	struct quic_stream_update u;
	static char buf[3000];
	uint64_t id, first = 0;
	struct pair p;

	/* On a real clock the probe for what was lost may be faster than we are: once of ten times it is not. */
	CHECK(!pair_open(&p, &o));
	CHECK(!event_on(p.server, QUIC_EVENT_STREAM_UPDATE));
	for (id = 0; id < 40 && first != QUIC_STREAM_RECV_STATE_SIZE_KNOWN; id += 4) {
		usleep(100000);
		CHECK(!system("tc qdisc add dev lo root netem loss 100%"));
		CHECK_EQ(send_stream(p.client, id, MSG_QUIC_STREAM_NEW, buf, 1000, 0), 1000);
		usleep(1000);
		CHECK(!system("tc qdisc del dev lo root"));
		CHECK_EQ(send_stream(p.client, id, MSG_QUIC_STREAM_FIN, buf, 500, 0), 500);
		CHECK_EQ(update(p.server, &u), sizeof(u));
		first = u.state;
		if (first == QUIC_STREAM_RECV_STATE_SIZE_KNOWN)
			CHECK_EQ(u.finalsz, 1500);
		while (u.state != QUIC_STREAM_RECV_STATE_RECVD)
			CHECK_EQ(update(p.server, &u), sizeof(u));
	}
	CHECK_EQ(first, QUIC_STREAM_RECV_STATE_SIZE_KNOWN);
	pair_close(&p);
}

/* --- limits --- */

static void max_stream(void)
{
	struct quic_transport_param tp = { .max_streams_bidi = 1, .max_streams_uni = 2 };
	struct pair_opts o = { .server = &tp };
	uint64_t v = 0;
	struct pair p;
	char buf[10];

	CHECK(!pair_open(&p, &o));
	CHECK(!event_on(p.client, QUIC_EVENT_STREAM_MAX_STREAM));
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN, "x", 1, 0), 1);
	/* RFC 9000, 4.6: EAGAIN at once where one does not want to wait for the peer */
	CHECK_ERR(send_stream(p.client, -1, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_DONTWAIT, "x", 1, 0),
		  EAGAIN);
	CHECK_ERR(send_stream(p.client, -1, MSG_QUIC_STREAM_NEW, "x", 1, MSG_DONTWAIT), EAGAIN);
	CHECK_EQ(recv(p.server, buf, 1, 0), 1);
	/* The peer has to have ended it, too. */
	CHECK_EQ(send_stream(p.server, 0, MSG_QUIC_STREAM_FIN, "y", 1, 0), 1);
	CHECK_EQ(event_wait(p.client, QUIC_EVENT_STREAM_MAX_STREAM, &v, sizeof(v)), sizeof(v));
	CHECK_EQ(v >> 2, 2);
	CHECK_EQ(v & 3, 0);
	CHECK_EQ(send_stream(p.client, -1, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_DONTWAIT, "x", 1, 0),
		 1);
	/* Unidirectional ones */
	CHECK_EQ(send_stream(p.client, 2, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN, "x", 1, 0), 1);
	CHECK_EQ(send_stream(p.client, 6, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN, "x", 1, 0), 1);
	while (recv(p.server, buf, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN)
		;
	CHECK_EQ(event_wait(p.client, QUIC_EVENT_STREAM_MAX_STREAM, &v, sizeof(v)), sizeof(v));
	CHECK_EQ(v & 3, QUIC_STREAM_TYPE_UNI_MASK);
	CHECK(v >> 2 > 2);
	pair_close(&p);
}

static void max_data(void)
{
	struct quic_transport_param tp = { .max_stream_data_bidi_remote = 1000 };
	struct pair_opts o = { .server = &tp };
	struct quic_stream_max_data m = {};
	static char buf[5000];
	struct pair p;

	CHECK(!pair_open(&p, &o));
	CHECK(!event_on(p.client, QUIC_EVENT_STREAM_MAX_DATA));
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_SNDBLOCK, buf, 2000,
			     MSG_DONTWAIT), 1000);
	CHECK_ERR(send_stream(p.client, 0, 0, buf, 1, MSG_DONTWAIT), ENOSPC);
	CHECK_ERR(send(p.client, buf, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_EQ(recv(p.server, buf, 1000, MSG_WAITALL), 1000);
	CHECK_EQ(event_wait(p.client, QUIC_EVENT_STREAM_MAX_DATA, &m, sizeof(m)), sizeof(m));
	CHECK_EQ(m.id, 0);
	CHECK(m.max_data >= 2000);
	pair_close(&p);
}

/* --- off and on, and reading them --- */

static void off_again(void)
{
	struct quic_event_option e = { .type = QUIC_EVENT_STREAM_UPDATE };
	struct pair p;
	char buf[30];

	CHECK(!pair_open(&p, &plain));
	CHECK(!event_on(p.server, QUIC_EVENT_STREAM_UPDATE));
	CHECK(!set_opt(p.server, QUIC_SOCKOPT_EVENT, &e, sizeof(e)));
	CHECK_EQ(send(p.client, "abc", 3, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN), 3);
	CHECK_EQ(recv(p.server, buf, sizeof(buf), 0), 3);
	CHECK_ERR(recv(p.server, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
	pair_close(&p);
}

/* A listener's events are those of what it accepts. */
static void inherited(void)
{
	struct quic_event_option e = { .type = QUIC_EVENT_STREAM_UPDATE };
	struct pair_opts o = {};
	struct sockaddr_storage a;
	struct pair p;
	socklen_t len;

	p.listener = listen_any(&o, &a, &len);
	CHECK(!event_on(p.listener, QUIC_EVENT_STREAM_UPDATE));
	CHECK(!pair_client(&p, &o, &a, len) && !pair_accept(&p));
	len = sizeof(e);
	CHECK(!get_opt(p.server, QUIC_SOCKOPT_EVENT, &e, &len));
	CHECK_EQ(e.on, 1);
	pair_close(&p);
}

/* In pieces: MSG_EOR with the last one, MSG_QUIC_NOTIFICATION with each, no control message. */
static void in_pieces(void)
{
	struct quic_stream_update u;
	uint8_t buf[sizeof(u) + 1];
	uint32_t flags;
	struct pair p;
	int64_t sid;
	unsigned int i;

	CHECK(!pair_open(&p, &plain));
	CHECK(!event_on(p.client, QUIC_EVENT_STREAM_UPDATE));
	CHECK_EQ(send(p.client, "abc", 3, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN), 3);
	CHECK_EQ(recv_stream(p.client, &sid, &flags, buf, sizeof(buf), MSG_PEEK), sizeof(buf));
	CHECK(flags & MSG_QUIC_NOTIFICATION);
	CHECK(flags & MSG_EOR);
	for (i = 0; i < sizeof(buf); i++) {
		CHECK_EQ(recv_stream(p.client, &sid, &flags, buf + i, 1, 0), 1);
		CHECK(flags & MSG_QUIC_NOTIFICATION);
		CHECK_EQ(!!(flags & MSG_EOR), i == sizeof(buf) - 1);
		CHECK_EQ(sid, -1);
	}
	CHECK_EQ(buf[0], QUIC_EVENT_STREAM_UPDATE);
	memcpy(&u, buf + 1, sizeof(u));
	CHECK_EQ(u.state, QUIC_STREAM_SEND_STATE_RECVD);
	pair_close(&p);
}

/* --- flags --- */

/* What libraries set, what the kernel sets itself (0x40000; MSG_ZEROCOPY, 0x4000000, as for TCP), and what nobody may. */
static void send_flags(void)
{
	static const int good[] = { MSG_MORE, MSG_DONTWAIT, MSG_NOSIGNAL, MSG_WAITALL, 0x40000,
				    0x4000000 };
	static const int bad[] = { MSG_OOB, MSG_PEEK, MSG_DONTROUTE, MSG_CTRUNC, MSG_TRUNC, MSG_EOR,
				   MSG_FASTOPEN };
	unsigned int i;
	struct pair p;
	char buf[64];

	CHECK(!pair_open(&p, &plain));
	for (i = 0; i < sizeof(good) / sizeof(*good); i++)
		CHECK_EQ(send(p.client, "x", 1, good[i]), 1);
	CHECK_EQ(send(p.client, "x", 1, 0), 1);
	CHECK_EQ(recv(p.server, buf, i + 1, MSG_WAITALL), i + 1);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_ERR(send(p.client, "x", 1, bad[i]), EINVAL);
	CHECK_ERR(send(p.client, "", 0, 0), EMSGSIZE);
	CHECK_ERR(send(p.client, "x", 1, MSG_QUIC_DATAGRAM), EINVAL);
	/* FIN alone; then nothing more, on this stream or begun anew */
	CHECK_EQ(send(p.client, "", 0, MSG_QUIC_STREAM_FIN), 0);
	CHECK_ERR(send(p.client, "x", 1, 0), EINVAL);
	CHECK_ERR(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, "x", 1, 0), EINVAL);
	/* "Opens the next one": -1 and NEW, both directions, then one */
	CHECK_EQ(send(p.client, "x", 1, MSG_QUIC_STREAM_NEW), 1);
	CHECK_EQ(send(p.client, "y", 1, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_UNI), 1);
	CHECK_EQ(send(p.client, "z", 1, 0), 1);
	{
		uint32_t flags;
		int64_t sid;

		CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, sizeof(buf), 0), 0);
		CHECK_EQ(sid, 0);
		CHECK(flags & MSG_QUIC_STREAM_FIN);
		CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, sizeof(buf), 0), 1);
		CHECK_EQ(sid, 4);
		CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, 2, MSG_WAITALL), 2);
		CHECK_EQ(sid, 2);
		CHECK(!memcmp(buf, "yz", 2));
	}
	pair_close(&p);
}

/* Who is not told of the stream is told of its end in the flags of the call. */
static void ctrunc(void)
{
	struct iovec iov;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	char ctl[CMSG_SPACE(4)], buf[10];
	struct pair p;

	CHECK(!pair_open(&p, &plain));
	CHECK_EQ(send(p.client, "abc", 3, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN), 3);
	iov = (struct iovec){ buf, sizeof(buf) };
	msg.msg_control = ctl;
	msg.msg_controllen = sizeof(ctl);
	CHECK_EQ(recvmsg(p.server, &msg, 0), 3);
	CHECK(msg.msg_flags & MSG_CTRUNC);
	CHECK(msg.msg_flags & MSG_QUIC_STREAM_FIN);
	CHECK(msg.msg_flags & MSG_EOR);
	pair_close(&p);
}

/* --- why it ended --- */

static int info_of(int sd, struct quic_info *i)
{
	socklen_t len = sizeof(*i);

	memset(i, 0, sizeof(*i));
	return get_opt(sd, QUIC_SOCKOPT_INFO, i, &len);
}

static int reason(int sd, struct quic_connection_close *cl)
{
	socklen_t len = sizeof(*cl);

	memset(cl, 0xff, sizeof(*cl));
	return get_opt(sd, QUIC_SOCKOPT_CONNECTION_CLOSE, cl, &len);
}

/* RFC 9000, 10.2: the application's code, at both ends, long after */
static void reason_app(void)
{
	struct quic_connection_close cl = { .errcode = 4711, .phrase = "enough" };
	struct quic_info i;
	struct pair p;
	char c;

	CHECK(!pair_open(&p, &plain));
	CHECK(!reason(p.server, &cl));
	CHECK_EQ(cl.errcode, 0);
	CHECK_EQ(cl.phrase[0], 0);
	cl = (struct quic_connection_close){ .errcode = 4711, .phrase = "enough" };
	CHECK(!set_opt(p.client, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, sizeof(cl)));
	CHECK(!shutdown(p.client, SHUT_RDWR));
	CHECK_ERR(recv(p.server, &c, 1, 0), ENOTCONN);
	sleep(20);
	CHECK(!reason(p.server, &cl));
	CHECK_EQ(cl.errcode, 4711);
	CHECK(!strcmp((char *)cl.phrase, "enough"));
	CHECK(!info_of(p.server, &i));
	CHECK_EQ(i.flags & (QUIC_INFO_CLOSED_BY_US | QUIC_INFO_CLOSED_BY_APP),
		 QUIC_INFO_CLOSED_BY_APP);
	CHECK(!reason(p.client, &cl));
	CHECK_EQ(cl.errcode, 4711);
	CHECK(!info_of(p.client, &i));
	CHECK_EQ(i.flags & (QUIC_INFO_CLOSED_BY_US | QUIC_INFO_CLOSED_BY_APP),
		 QUIC_INFO_CLOSED_BY_APP | QUIC_INFO_CLOSED_BY_US);
	CHECK_EQ(i.state, QUIC_STATE_CLOSED);
	/* and what it counted is still there */
	CHECK(i.packets_sent > 2);
	pair_close(&p);
}

/* RFC 9000, 10.1: nobody said anything */
static void reason_idle(void)
{
	struct quic_transport_param tp = { .max_idle_timeout = 1000000 };
	struct pair_opts o = { .client = &tp };
	struct quic_connection_close cl;
	struct quic_info i;
	struct pair p;
	char c;

	CHECK(!pair_open(&p, &o));
	CHECK(!event_on(p.client, QUIC_EVENT_CONNECTION_CLOSE));
	CHECK_ERR(recv(p.client, &c, 1, 0), ETIMEDOUT);
	CHECK(!reason(p.client, &cl));
	CHECK_EQ(cl.errcode, 0);
	CHECK(!info_of(p.client, &i));
	CHECK_EQ(i.state, QUIC_STATE_CLOSED);
	CHECK_EQ(i.flags & QUIC_INFO_CLOSED_BY_APP, 0);
	pair_close(&p);
}

/* RFC 9001, 4.8: an alert of TLS as CRYPTO_ERROR, in every state of the handshake */
static void reason_alert(void)
{
	struct quic_connection_close cl = { .errcode = 0x100 + 42, .frame = 6, .phrase = "bad" };
	struct quic_info i;
	struct pair p;
	unsigned int step;
	char c;

	for (step = 0; step < 3; step++) {
		CHECK(!pair_begin(&p, &plain));
		if (step == 1)
			CHECK(!pair_params(p.client, p.server) &&
			      send_level(p.server, QUIC_CRYPTO_INITIAL, "hello", 5, 0) == 5);
		if (step == 2)
			CHECK(!pair_handshake(&p, &plain));
		cl = (struct quic_connection_close){ .errcode = 0x12a, .frame = 6, .phrase = "bad" };
		CHECK(!set_opt(p.server, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, sizeof(cl)));
		CHECK(!close(p.server));
		p.server = -1;
		if (step == 1)
			CHECK_EQ(recv_level(p.client, (uint8_t *)&c, cl.phrase, 60), 5);
		CHECK_ERR(recv(p.client, &c, 1, 0), EPROTO);
		CHECK(!reason(p.client, &cl));
		CHECK_EQ(cl.errcode, 0x12a);
		CHECK_EQ(cl.frame, 6);
		CHECK(!strcmp((char *)cl.phrase, "bad"));
		CHECK(!info_of(p.client, &i));
		CHECK_EQ(i.flags & (QUIC_INFO_CLOSED_BY_US | QUIC_INFO_CLOSED_BY_APP), 0);
		pair_close(&p);
	}
}

/* --- QUIC_SOCKOPT_INFO --- */

static void info_complete(void)
{
	static char buf[200000];
	struct quic_info c, s;
	struct pair p;
	unsigned int i;

	CHECK(!pair_open(&p, &plain));
	CHECK(!info_of(p.listener, &c));
	CHECK_EQ(c.state, QUIC_STATE_LISTEN);
	CHECK_EQ(c.packets_sent, 0);
	for (i = 0; i < 20; i++) {
		CHECK_EQ(send(p.client, buf, sizeof(buf), 0), sizeof(buf));
		CHECK_EQ(recv(p.server, buf, sizeof(buf), MSG_WAITALL), sizeof(buf));
		usleep(10000);
	}
	CHECK_EQ(send_stream(p.server, 1, MSG_QUIC_STREAM_NEW, buf, 5000, 0), 5000);
	usleep(200000);
	CHECK(!info_of(p.client, &c));
	CHECK(!info_of(p.server, &s));
	CHECK_EQ(c.state, QUIC_STATE_CONFIRMED);
	/* RFC 9000, 13.4.2: the loopback keeps the marks */
	CHECK(c.flags & QUIC_INFO_ECN);
	CHECK(c.flags & QUIC_INFO_APP_LIMITED);
	CHECK_EQ(c.pto_count, 0);
	CHECK_EQ(c.bytes_in_flight, 0);
	CHECK_EQ(c.packets_in_flight, 0);
	CHECK_EQ(c.ssthresh, ~0ull);
	CHECK(c.pacing_rate > 0);
	CHECK(c.cwnd >= 2 * c.pmtu);
	CHECK(c.bytes_sent >= c.data_sent && c.data_sent == 20 * sizeof(buf));
	/* A stock kernel's two processors may reorder, and stall. */
	CHECK_EQ(c.packets_lost, c.packets_spurious);
	CHECK_EQ(c.packets_ce, 0);
	CHECK_EQ(c.packets_dropped, 0);
	CHECK_EQ(c.data_unacked, 0);
	CHECK_EQ(c.data_unread, 5000);
	CHECK_EQ(c.data_received, 5000);
	CHECK_EQ(c.streams_open, 2);
	CHECK_EQ(c.streams_opened_local, 1);
	CHECK_EQ(c.streams_opened_remote, 1);
	CHECK_EQ(c.max_data_remote, s.max_data_local);
	CHECK_EQ(s.max_data_remote, c.max_data_local);
	CHECK_EQ(c.max_streams_bidi_remote, s.max_streams_bidi_local);
	CHECK_EQ(c.max_streams_uni_remote, s.max_streams_uni_local);
	CHECK_EQ(c.max_streams_uni_remote, 100);
	CHECK_EQ(c.datagram_max, 0);
	CHECK_EQ(c.packets_sent, s.packets_received);
	CHECK_EQ(c.bytes_sent, s.bytes_received);
	/* A shorter structure is a prefix, and a longer one is filled up to our end. */
	{
		struct { struct quic_info i; char more[8]; } big;
		socklen_t len = 4;

		memset(&big, 0x5a, sizeof(big));
		CHECK(!get_opt(p.client, QUIC_SOCKOPT_INFO, &big, &len));
		CHECK_EQ(len, 4);
		CHECK_EQ(big.i.state, QUIC_STATE_CONFIRMED);
		CHECK_EQ(big.i.version, 0x5a5a5a5a);
		len = sizeof(big);
		CHECK(!get_opt(p.client, QUIC_SOCKOPT_INFO, &big, &len));
		CHECK_EQ(len, sizeof(big.i));
		CHECK_EQ(big.more[0], 0x5a);
	}
	pair_close(&p);
}

static void info_loss(void)
{
	static char buf[400000];
	size_t got = 0, sent = 0;
	struct quic_info c;
	struct pair p;
	ssize_t n;

	CHECK(!pair_open(&p, &plain));
	CHECK(!system("tc qdisc add dev lo root netem delay 10ms loss 5% seed 7"));
	set_timeo(p.client, 60000);
	set_timeo(p.server, 60000);
	/* netem drops bursts whole, and 6.1 knows no seed: a round may lose nothing, or ACKs alone. */
	do {
		CHECK_EQ(send(p.client, buf, 200000, 0), 200000);
		sent += 200000;
		while (got < sent && (n = recv(p.server, buf, sizeof(buf), 0)) > 0)
			got += n;
		CHECK_EQ(got, sent);
		CHECK(!info_of(p.client, &c));
	} while ((!c.packets_lost || !c.data_retransmitted) && sent < 50 * 200000);
	CHECK(!system("tc qdisc del dev lo root"));
	CHECK(c.packets_lost > 0);
	CHECK(c.bytes_lost > 0);
	CHECK(c.packets_retransmitted > 0);
	CHECK(c.data_retransmitted > 0);
	CHECK(c.data_sent == sent);
	CHECK(c.ssthresh < ~0ull);
	/* It was next to nothing before. */
	CHECK(c.latest_rtt >= 20000);
	CHECK(c.smoothed_rtt >= 2000 && c.min_rtt <= c.smoothed_rtt);
	CHECK(c.delivery_rate > 0);
	pair_close(&p);
}

static const struct ktap_case cases[] = {
	{ "all_received", all_received },
	{ "size_known", size_known },
	{ "max_stream", max_stream },
	{ "max_data", max_data },
	{ "off_again", off_again },
	{ "inherited", inherited },
	{ "in_pieces", in_pieces },
	{ "send_flags", send_flags },
	{ "ctrunc", ctrunc },
	{ "reason_app", reason_app },
	{ "reason_idle", reason_idle },
	{ "reason_alert", reason_alert },
	{ "info_complete", info_complete },
	{ "info_loss", info_loss },
};

KTAP_MAIN(cases)
