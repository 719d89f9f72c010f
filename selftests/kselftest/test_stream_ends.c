// SPDX-License-Identifier: GPL-2.0
/* Streams that are reset, stopped or held up by flow control, and what a writer is told. */
#include <poll.h>

#include "ktap.h"
#include "pair.h"

static const struct pair_opts plain = {};

/* --- reset and stop --- */

static void reset(void)
{
	struct quic_errinfo e = { .stream_id = 0, .errcode = 77 };
	struct quic_stream_update u;
	struct pair p;
	char buf[8];

	CHECK(!pair_open(&p, &plain));
	CHECK(!event_on(p.server, QUIC_EVENT_STREAM_UPDATE));
	CHECK(!event_on(p.client, QUIC_EVENT_STREAM_UPDATE));
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, "x", 1, 0), 1);
	CHECK_EQ(recv(p.server, buf, 1, 0), 1);
	CHECK_EQ(recv(p.server, buf, sizeof(buf), MSG_DONTWAIT), 1 + (ssize_t)sizeof(u) > 8 ? 8 : 0);
	CHECK(!set_opt(p.client, QUIC_SOCKOPT_STREAM_RESET, &e, sizeof(e)));
	CHECK_ERR(set_opt(p.client, QUIC_SOCKOPT_STREAM_RESET, &e, sizeof(e)), EINVAL);
	CHECK_ERR(send_stream(p.client, 0, 0, "x", 1, 0), EINVAL);
	do {
		CHECK_EQ(event_wait(p.server, QUIC_EVENT_STREAM_UPDATE, &u, sizeof(u)), sizeof(u));
	} while (u.state == QUIC_STREAM_RECV_STATE_RECV);
	CHECK_EQ(u.state, QUIC_STREAM_RECV_STATE_RESET_RECVD);
	CHECK_EQ(u.id, 0);
	CHECK_EQ(u.errcode, 77);
	CHECK_EQ(u.finalsz, 1);
	CHECK_EQ(event_wait(p.client, QUIC_EVENT_STREAM_UPDATE, &u, sizeof(u)), sizeof(u));
	CHECK_EQ(u.state, QUIC_STREAM_SEND_STATE_RESET_RECVD);
	CHECK_EQ(u.errcode, 77);
	e.stream_id = 400;
	CHECK_ERR(set_opt(p.client, QUIC_SOCKOPT_STREAM_RESET, &e, sizeof(e)), EINVAL);
	pair_close(&p);
}

static void stop(void)
{
	struct quic_errinfo e = { .stream_id = 0, .errcode = 99 };
	struct quic_stream_update u;
	struct pair p;
	char buf[8];

	CHECK(!pair_open(&p, &plain));
	CHECK(!event_on(p.client, QUIC_EVENT_STREAM_UPDATE));
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, "xy", 2, 0), 2);
	CHECK_EQ(recv(p.server, buf, 1, 0), 1);
	CHECK(!set_opt(p.server, QUIC_SOCKOPT_STREAM_STOP_SENDING, &e, sizeof(e)));
	/* what was there is gone */
	CHECK_ERR(recv(p.server, buf, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_EQ(event_wait(p.client, QUIC_EVENT_STREAM_UPDATE, &u, sizeof(u)), sizeof(u));
	CHECK_EQ(u.state, QUIC_STREAM_SEND_STATE_RESET_SENT);
	CHECK_EQ(u.errcode, 99);
	CHECK_ERR(send_stream(p.client, 0, 0, "x", 1, 0), EINVAL);
	CHECK_EQ(event_wait(p.client, QUIC_EVENT_STREAM_UPDATE, &u, sizeof(u)), sizeof(u));
	CHECK_EQ(u.state, QUIC_STREAM_SEND_STATE_RESET_RECVD);
	/* the other direction lives on */
	CHECK_EQ(send_stream(p.server, 0, MSG_QUIC_STREAM_FIN, "still", 5, 0), 5);
	CHECK_EQ(recv(p.client, buf, sizeof(buf), 0), 5);
	pair_close(&p);
}

/* --- flow control --- */

static void blocked_by_stream(void)
{
	struct quic_transport_param tp = { .max_stream_data_bidi_remote = 1000 };
	struct pair_opts o = { .server = &tp };
	struct quic_stream_max_data md;
	char buf[2000];
	struct pair p;
	uint32_t flags;
	int64_t sid;

	memset(buf, 'f', sizeof(buf));
	CHECK(!pair_open(&p, &o));
	CHECK(!event_on(p.client, QUIC_EVENT_STREAM_MAX_DATA));
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, buf, sizeof(buf), MSG_DONTWAIT),
		 1000);
	CHECK_ERR(send_stream(p.client, 0, 0, buf, 1, MSG_DONTWAIT), ENOSPC);
	CHECK_ERR(send(p.client, buf, 1, MSG_DONTWAIT), EAGAIN);
	CHECK(!(poll_for(p.client, POLLOUT, 0) & POLLOUT));
	/* another stream is not held up */
	CHECK_EQ(send_stream(p.client, 4, MSG_QUIC_STREAM_NEW, "y", 1, MSG_DONTWAIT), 1);
	CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, sizeof(buf), 0), 1000);
	CHECK_EQ(sid, 0);
	CHECK_EQ(event_wait(p.client, QUIC_EVENT_STREAM_MAX_DATA, &md, sizeof(md)), sizeof(md));
	CHECK_EQ(md.id, 0);
	CHECK(md.max_data > 1000);
	CHECK_EQ(send_stream(p.client, 0, 0, buf, 500, MSG_DONTWAIT), 500);
	pair_close(&p);
}

static void blocked_by_connection(void)
{
	struct quic_transport_param tp = { .max_data = 1500 };
	struct pair_opts o = { .server = &tp };
	char buf[3000];
	struct pair p;
	uint32_t flags;
	int64_t sid;

	CHECK(!pair_open(&p, &o));
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, buf, 1000, MSG_DONTWAIT), 1000);
	CHECK_EQ(send_stream(p.client, 4, MSG_QUIC_STREAM_NEW, buf, 1000, MSG_DONTWAIT), 500);
	CHECK_ERR(send_stream(p.client, 4, 0, buf, 1, MSG_DONTWAIT), ENOSPC);
	CHECK_ERR(send_stream(p.client, 0, 0, buf, 1, MSG_DONTWAIT), ENOSPC);
	CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, sizeof(buf), 0), 1000);
	CHECK(poll_for(p.client, POLLOUT, 2000) & POLLOUT);
	CHECK_EQ(send_stream(p.client, 4, 0, buf, 500, 0), 500);
	pair_close(&p);
}

static void write_timeout(void)
{
	struct quic_transport_param tp = { .max_data = 1500 };
	struct pair_opts o = { .server = &tp };
	char buf[3000];
	struct pair p;

	CHECK(!pair_open(&p, &o));
	set_timeo(p.client, 100);
	CHECK_EQ(send(p.client, buf, sizeof(buf), 0), 1500);
	CHECK_ERR(send(p.client, buf, sizeof(buf), 0), EAGAIN);
	pair_close(&p);
}

static const struct ktap_case cases[] = {
	{ "reset", reset },
	{ "stop", stop },
	{ "blocked_by_stream", blocked_by_stream },
	{ "blocked_by_connection", blocked_by_connection },
	{ "write_timeout", write_timeout },
};

KTAP_MAIN(cases)
