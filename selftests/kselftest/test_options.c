// SPDX-License-Identifier: GPL-2.0
/*
 * Options of a connection that stands, and of one that is over: what they tell,
 * what they refuse, tickets and parameters of the peer.
 */
#include <linux/tls.h>
#include <poll.h>

#include "ktap.h"
#include "pair.h"

static const struct pair_opts plain = {};

static int info_of(int sd, struct quic_info *i)
{
	socklen_t len = sizeof(*i);

	memset(i, 0, sizeof(*i));
	return get_opt(sd, QUIC_SOCKOPT_INFO, i, &len);
}

static void too_late(void)
{
	struct quic_transport_param tp = { .max_data = 100000 };
	struct quic_config cf = { .version = QUIC_VERSION_V1 };
	struct quic_crypto_secret s = { .level = QUIC_CRYPTO_APP, .send = 1,
					.type = TLS_CIPHER_AES_GCM_128 };
	struct pair p;
	char buf[256];

	CHECK(!pair_open(&p, &plain));
	CHECK_ERR(set_opt(p.client, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, sizeof(tp)), EINVAL);
	tp.remote = 1;
	CHECK_ERR(set_opt(p.client, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, sizeof(tp)), EINVAL);
	CHECK_ERR(set_opt(p.client, QUIC_SOCKOPT_CONFIG, &cf, sizeof(cf)), EINVAL);
	CHECK_ERR(set_opt(p.client, QUIC_SOCKOPT_CRYPTO_SECRET, &s, sizeof(s)), EINVAL);
	CHECK_ERR(set_opt(p.client, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, buf, 20), EINVAL);
	CHECK_ERR(set_opt(p.client, QUIC_SOCKOPT_TOKEN, buf, 20), EINVAL);
	CHECK_ERR(set_opt(p.server, QUIC_SOCKOPT_SESSION_TICKET, buf, 20), EINVAL);
	CHECK_ERR(listen(p.server, 1), EISCONN);
	CHECK_ERR(listen(p.client, 1), EISCONN);
	pair_close(&p);
}

static void after_the_end(void)
{
	struct quic_stream_info si = { .stream_id = -1 };
	struct quic_errinfo e = {};
	struct quic_info i;
	socklen_t len = sizeof(si);
	struct pair p;
	char buf[256];

	CHECK(!pair_open(&p, &plain));
	CHECK(!shutdown(p.client, SHUT_WR));
	CHECK_ERR(recv(p.server, buf, 1, 0), ENOTCONN);
	CHECK_ERR(get_opt(p.server, QUIC_SOCKOPT_STREAM_OPEN, &si, &len), EPIPE);
	CHECK_ERR(set_opt(p.server, QUIC_SOCKOPT_STREAM_RESET, &e, sizeof(e)), EPIPE);
	CHECK_ERR(set_opt(p.server, QUIC_SOCKOPT_STREAM_STOP_SENDING, &e, sizeof(e)), EPIPE);
	CHECK_ERR(set_opt(p.server, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0), EPIPE);
	len = sizeof(buf);
	CHECK_ERR(get_opt(p.server, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, buf, &len), EPIPE);
	CHECK(!info_of(p.server, &i));
	CHECK_EQ(i.state, QUIC_STATE_DRAINING);
	CHECK(!info_of(p.client, &i));
	CHECK_EQ(i.state, QUIC_STATE_CLOSING);
	CHECK(i.flags & QUIC_INFO_CLOSED_BY_US);
	pair_close(&p);
}

static void peer_params(void)
{
	struct quic_transport_param tp = { .max_data = 54321, .max_streams_uni = 9,
					   .max_idle_timeout = 7000000, .max_ack_delay = 11000 };
	struct pair_opts o = { .server = &tp };
	struct quic_transport_param got = { .remote = 1 };
	socklen_t len = sizeof(got);
	struct pair p;

	CHECK(!pair_open(&p, &o));
	CHECK(!get_opt(p.client, QUIC_SOCKOPT_TRANSPORT_PARAM, &got, &len));
	CHECK_EQ(got.remote, 1);
	CHECK_EQ(got.max_data, 54321);
	CHECK_EQ(got.max_streams_uni, 9);
	CHECK_EQ(got.max_idle_timeout, 7000000);
	CHECK_EQ(got.max_ack_delay, 11000);
	CHECK_EQ(got.stateless_reset, 1);
	got = (struct quic_transport_param){};
	CHECK(!get_opt(p.server, QUIC_SOCKOPT_TRANSPORT_PARAM, &got, &len));
	CHECK_EQ(got.max_data, 54321);
	pair_close(&p);
}

static void connection_ids(void)
{
	struct quic_connection_id_info id = {};
	socklen_t len = sizeof(id);
	struct pair p;

	CHECK(!pair_open(&p, &plain));
	CHECK(!get_opt(p.client, QUIC_SOCKOPT_CONNECTION_ID, &id, &len));
	CHECK_EQ(id.prior_to, 0);
	id.dest = 1;
	CHECK(!get_opt(p.client, QUIC_SOCKOPT_CONNECTION_ID, &id, &len));
	CHECK_EQ(id.dest, 1);
	CHECK_EQ(id.active, 0);
	id.active = 77;
	CHECK_ERR(set_opt(p.client, QUIC_SOCKOPT_CONNECTION_ID, &id, sizeof(id)), EINVAL);
	pair_close(&p);
}

static void info_counts(void)
{
	struct quic_info c, s;
	static char buf[100000];
	struct pair p;

	CHECK(!pair_open(&p, &plain));
	CHECK_EQ(send(p.client, buf, sizeof(buf), 0), sizeof(buf));
	CHECK_EQ(recv(p.server, buf, sizeof(buf), MSG_WAITALL), sizeof(buf));
	CHECK(!info_of(p.client, &c));
	CHECK(!info_of(p.server, &s));
	CHECK_EQ(c.version, QUIC_VERSION_V1);
	CHECK_EQ(c.cipher, TLS_CIPHER_AES_GCM_128);
	CHECK(!strcmp(c.cc_name, "cubic"));
	CHECK_EQ(c.data_sent, 100000);
	CHECK_EQ(s.data_received, 100000);
	CHECK_EQ(s.data_unread, 0);
	CHECK_EQ(c.data_unsent, 0);
	CHECK(c.packets_sent > 5);
	CHECK(s.packets_received > 5);
	CHECK(c.bytes_sent > 100000);
	CHECK(c.pmtu >= 1200);
	CHECK(c.cwnd > 0);
	/* Not the initial guess of 333 ms any more; 0 in virtual time. */
	CHECK(c.smoothed_rtt < 333000);
	CHECK_EQ(c.streams_opened_local, 1);
	CHECK_EQ(s.streams_opened_remote, 1);
	CHECK(s.flags & QUIC_INFO_SERVER);
	CHECK(!(c.flags & QUIC_INFO_SERVER));
	pair_close(&p);
}

static void congestion_switch(void)
{
	static char buf[200000];
	struct quic_info i;
	struct pair p;

	CHECK(!pair_open(&p, &plain));
	CHECK_EQ(send(p.client, buf, sizeof(buf), 0), sizeof(buf));
	CHECK(!set_opt(p.client, QUIC_SOCKOPT_CONGESTION, "newreno", 8));
	CHECK_EQ(recv(p.server, buf, sizeof(buf), MSG_WAITALL), sizeof(buf));
	CHECK(!info_of(p.client, &i));
	CHECK(!strcmp(i.cc_name, "newreno"));
	CHECK_EQ(send(p.client, buf, sizeof(buf), 0), sizeof(buf));
	CHECK_EQ(recv(p.server, buf, sizeof(buf), MSG_WAITALL), sizeof(buf));
	pair_close(&p);
}

/* NewSessionTicket in pieces and two in a row: the event for each, the option gives the last. */
static void session_ticket(void)
{
	/* RFC 8446, 4.6.1: lifetime, age_add, nonce, ticket of 287 and of 2 bytes, extensions */
	uint8_t one[4 + 300] = { 4, 0, 1, 44, [13] = 1, 31 };
	uint8_t two[] = { 4, 0, 0, 16, 1, 2, 3, 4, 5, 6, 7, 8, 1, 9, 0, 2, 10, 11, 0, 0 };
	uint8_t got[1000];
	socklen_t len = sizeof(got);
	struct pair p;

	memset(one + 15, 0x55, 287);
	CHECK(!pair_open(&p, &plain));
	CHECK(!event_on(p.client, QUIC_EVENT_NEW_SESSION_TICKET));
	CHECK_EQ(send_level(p.server, QUIC_CRYPTO_APP, one, 100, 0), 100);
	CHECK_EQ(send_level(p.server, QUIC_CRYPTO_APP, one + 100, sizeof(one) - 100, MSG_MORE),
		 sizeof(one) - 100);
	CHECK_EQ(send_level(p.server, QUIC_CRYPTO_APP, two, sizeof(two), 0), sizeof(two));
	CHECK_EQ(event_wait(p.client, QUIC_EVENT_NEW_SESSION_TICKET, got, sizeof(got)),
		 sizeof(one));
	CHECK(!memcmp(got, one, sizeof(one)));
	CHECK_EQ(event_wait(p.client, QUIC_EVENT_NEW_SESSION_TICKET, got, sizeof(got)),
		 sizeof(two));
	CHECK(!get_opt(p.client, QUIC_SOCKOPT_SESSION_TICKET, got, &len));
	CHECK_EQ(len, sizeof(two));
	CHECK(!memcmp(got, two, sizeof(two)));
	pair_close(&p);
}

static void ticket_key_is_the_listeners(void)
{
	uint8_t a[100], b[100];
	socklen_t len = sizeof(a);
	struct pair p;

	CHECK(!pair_open(&p, &plain));
	CHECK(!get_opt(p.server, QUIC_SOCKOPT_SESSION_TICKET, a, &len));
	CHECK_EQ(len, QUIC_TICKET_KEY_SIZE);
	len = sizeof(b);
	CHECK(!get_opt(p.listener, QUIC_SOCKOPT_SESSION_TICKET, b, &len));
	CHECK(!memcmp(a, b, QUIC_TICKET_KEY_SIZE));
	CHECK_ERR(get_opt(p.server, QUIC_SOCKOPT_TOKEN, a, &len), EINVAL);
	pair_close(&p);
}

static void accepted_inherits(void)
{
	struct quic_config cf = { .keepalive_probe_interval = 3000000 }, got = {};
	struct pair_opts o = { .server_config = &cf };
	struct sockaddr_storage a, b;
	socklen_t len = sizeof(got), alen = sizeof(a), blen = sizeof(b);
	struct pair p;

	CHECK(!pair_open(&p, &o));
	CHECK(!get_opt(p.server, QUIC_SOCKOPT_CONFIG, &got, &len));
	CHECK_EQ(got.keepalive_probe_interval, 3000000);
	/* and both agree on who they are */
	CHECK(!getsockname(p.server, (void *)&a, &alen));
	CHECK(!getpeername(p.client, (void *)&b, &blen));
	CHECK_EQ(alen, blen);
	CHECK(!memcmp(&a, &b, alen));
	CHECK(!getpeername(p.server, (void *)&a, &alen));
	CHECK(!getsockname(p.client, (void *)&b, &blen));
	CHECK(!memcmp(&a, &b, alen));
	pair_close(&p);
}

static const struct ktap_case cases[] = {
	{ "too_late", too_late },
	{ "after_the_end", after_the_end },
	{ "peer_params", peer_params },
	{ "connection_ids", connection_ids },
	{ "info_counts", info_counts },
	{ "congestion_switch", congestion_switch },
	{ "session_ticket", session_ticket },
	{ "ticket_key_is_the_listeners", ticket_key_is_the_listeners },
	{ "accepted_inherits", accepted_inherits },
};

KTAP_MAIN(cases)
