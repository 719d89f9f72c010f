// SPDX-License-Identifier: GPL-2.0
/*
 * 0-RTT at the socket (RFC 9001, 4.6; RFC 9000, 7.4.1), and what TLS says after the handshake.
 * TLS itself is not here: the test gives secrets and answers in its place.
 */
#include <arpa/inet.h>
#include <linux/tls.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "ktap.h"
#include "pair.h"

#define CIPHER	TLS_CIPHER_AES_GCM_128
#define HELLO	"hello from the client"

static const struct quic_transport_param remembered = {
	.remote = 1, .max_data = 100000, .max_stream_data_bidi_local = 20000,
	.max_stream_data_bidi_remote = 20000, .max_stream_data_uni = 20000,
	.max_streams_bidi = 4, .max_streams_uni = 4, .max_idle_timeout = 30000000,
	.active_connection_id_limit = 2,
};

static uint32_t early_state(int sd)
{
	socklen_t len = sizeof(uint32_t);
	uint32_t v = 99;

	return get_opt(sd, QUIC_SOCKOPT_EARLY_DATA, &v, &len) ? 98 : v;
}

static int early_set(int sd, uint32_t v)
{
	return set_opt(sd, QUIC_SOCKOPT_EARLY_DATA, &v, sizeof(v));
}

static uint8_t info_flags(int sd)
{
	struct quic_info i = {};
	socklen_t len = sizeof(i);

	get_opt(sd, QUIC_SOCKOPT_INFO, &i, &len);
	return i.flags;
}

static ssize_t send_pattern(int sd, int64_t sid, size_t len, uint32_t flags)
{
	uint8_t buf[60000];

	pattern_fill(buf, len, sid, 0);
	return send_stream(sd, sid, MSG_QUIC_STREAM_NEW | flags, buf, len, 0);
}

/* A client with @tp that has sent @len bytes (0: nothing) on stream 0 in 0-RTT, and its server's socket. */
static int offer(struct pair *p, const struct pair_opts *o, const struct quic_transport_param *tp,
		 size_t len, uint32_t flags)
{
	struct sockaddr_storage a;
	socklen_t alen;

	p->server = -1;
	p->client = -1;
	p->listener = listen_any(o, &a, &alen);
	if (p->listener < 0)
		return -1;
	p->client = sock_new(o->family, 0);
	set_timeo(p->listener, 5000);
	set_timeo(p->client, 10000);
	if (connect(p->client, (void *)&a, alen) ||
	    set_opt(p->client, QUIC_SOCKOPT_TRANSPORT_PARAM, tp, sizeof(*tp)) ||
	    pair_secret(p->client, QUIC_CRYPTO_EARLY, 1, 1, CIPHER) ||
	    (len && send_pattern(p->client, 0, len, flags) != (ssize_t)len) ||
	    send_level(p->client, QUIC_CRYPTO_INITIAL, HELLO, 21, 0) != 21)
		return -1;
	p->server = accept(p->listener, NULL, NULL);
	if (p->server < 0)
		return -1;
	set_timeo(p->server, 10000);
	return 0;
}

static int hello_read(struct pair *p)
{
	uint8_t level;
	char buf[64];

	return recv_level(p->server, &level, buf, sizeof(buf)) == 21 ? 0 : -1;
}

/* The rest of the handshake. @verdict < 0: the client is not told. */
static int finish(struct pair *p, int verdict)
{
	uint8_t level;
	char buf[64];

	if (send_level(p->server, QUIC_CRYPTO_INITIAL, "hello from the server", 21, 0) != 21 ||
	    recv_level(p->client, &level, buf, sizeof(buf)) != 21 ||
	    pair_params(p->client, p->server) || pair_params(p->server, p->client) ||
	    pair_secrets(p, QUIC_CRYPTO_HANDSHAKE, CIPHER))
		return -1;
	if (verdict >= 0 && early_set(p->client, verdict))
		return -2;
	if (send_level(p->client, QUIC_CRYPTO_HANDSHAKE, "client finished", 15, 0) != 15 ||
	    recv_level(p->server, &level, buf, sizeof(buf)) != 15)
		return -1;
	return pair_secrets(p, QUIC_CRYPTO_APP, CIPHER);
}

/* Read stream @sid to its end or until @len bytes are there; those marked early are counted. */
static ssize_t read_pattern(int sd, int64_t sid, size_t len, size_t *early, bool *fin)
{
	uint8_t buf[5000];
	size_t done = 0;
	uint32_t flags;
	int64_t got;
	ssize_t n;

	*early = 0;
	*fin = false;
	while (done < len && !*fin) {
		n = recv_stream(sd, &got, &flags, buf, sizeof(buf), 0);
		if (n < 0 || got != sid || !pattern_ok(buf, n, sid, done))
			return -1;
		/* Never early data behind other data */
		if ((flags & MSG_QUIC_STREAM_EARLY) && *early != done)
			return -2;
		if (flags & MSG_QUIC_STREAM_EARLY)
			*early += n;
		done += n;
		*fin = flags & MSG_QUIC_STREAM_FIN;
	}
	return done;
}

static void accepted(void)
{
	struct pair_opts o = {};
	uint8_t buf[100];
	size_t early;
	struct pair p;
	bool fin;

	CHECK(!offer(&p, &o, &remembered, 3000, 0));
	CHECK_EQ(early_state(p.client), QUIC_EARLY_DATA_OFFERED);
	CHECK(!hello_read(&p));
	CHECK(!pair_secret(p.server, QUIC_CRYPTO_EARLY, 0, 1, CIPHER));
	CHECK_EQ(early_state(p.server), QUIC_EARLY_DATA_ACCEPTED);
	/* RFC 9001, 9.2: not before the client is known to be there */
	CHECK_EQ(poll_for(p.server, POLLIN, 100) & POLLIN, 0);
	CHECK_ERR(recv(p.server, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
	CHECK(!finish(&p, 1));
	CHECK_EQ(early_state(p.client), QUIC_EARLY_DATA_ACCEPTED);
	CHECK(info_flags(p.client) & QUIC_INFO_RESUMED_0RTT);
	CHECK(info_flags(p.server) & QUIC_INFO_RESUMED_0RTT);
	CHECK(poll_for(p.server, POLLIN, 1000) & POLLIN);
	/* And more of the same stream in 1-RTT: told apart, however it is read */
	pattern_fill(buf, 100, 0, 3000);
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_FIN, buf, 100, 0), 100);
	usleep(200000);
	CHECK_EQ(read_pattern(p.server, 0, 10000, &early, &fin), 3100);
	CHECK_EQ(early, 3000);
	CHECK(fin);
	pair_close(&p);
}

static void accepted_at_once(void)
{
	struct pair_opts o = {};
	uint32_t flags, one = 1;
	char buf[6000];
	struct pair p;
	int64_t sid;

	p.listener = -1;
	CHECK(!offer(&p, &o, &remembered, 500, MSG_QUIC_STREAM_FIN));
	CHECK(!set_opt(p.server, QUIC_SOCKOPT_EARLY_DATA, &one, sizeof(one)));
	CHECK(!hello_read(&p));
	CHECK(!pair_secret(p.server, QUIC_CRYPTO_EARLY, 0, 1, CIPHER));
	CHECK(poll_for(p.server, POLLIN, 100) & POLLIN);
	CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, sizeof(buf), 0), 500);
	CHECK(flags & MSG_QUIC_STREAM_EARLY);
	CHECK(flags & MSG_QUIC_STREAM_FIN);
	CHECK(!finish(&p, 1));
	pair_close(&p);
}

/* RFC 9221, 5: a datagram of 0-RTT can be replayed as a stream can: the same wait (RFC 9001, 9.2). */
static void datagram_waits(void)
{
	struct quic_transport_param with = remembered, ours = { .max_datagram_frame_size = 1000 };
	struct pair_opts o = { .server = &ours };
	char buf[100] = "early";
	struct pair p;

	with.max_datagram_frame_size = 1000;
	CHECK(!offer(&p, &o, &with, 0, 0));
	CHECK_EQ(send(p.client, buf, 50, MSG_QUIC_DATAGRAM), 50);
	CHECK(!hello_read(&p));
	CHECK(!pair_secret(p.server, QUIC_CRYPTO_EARLY, 0, 1, CIPHER));
	CHECK_EQ(poll_for(p.server, POLLIN, 100) & POLLIN, 0);
	CHECK_ERR(recv(p.server, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
	CHECK(!finish(&p, 1));
	CHECK_EQ(recv(p.server, buf, sizeof(buf), 0), 50);
	CHECK(!strcmp(buf, "early"));
	pair_close(&p);
}

static void rejected(void)
{
	int verdict;

	for (verdict = 0; verdict >= -1; verdict--) {
		struct pair_opts o = {};
		size_t early;
		struct pair p;
		bool fin;

		CHECK(!offer(&p, &o, &remembered, 15000, MSG_QUIC_STREAM_FIN));
		CHECK(!hello_read(&p));
		CHECK(!finish(&p, verdict));
		CHECK_EQ(read_pattern(p.server, 0, 20000, &early, &fin), 15000);
		CHECK_EQ(early, 0);
		CHECK(fin);
		CHECK_EQ(early_state(p.server), QUIC_EARLY_DATA_REJECTED);
		CHECK(!(info_flags(p.server) & QUIC_INFO_RESUMED_0RTT));
		CHECK_EQ(early_state(p.client), verdict ? QUIC_EARLY_DATA_OFFERED :
			 QUIC_EARLY_DATA_REJECTED);
		CHECK_EQ(!(info_flags(p.client) & QUIC_INFO_0RTT_REJECTED), verdict != 0);
		/* Secrets come in their order. */
		CHECK_ERR(pair_secret(p.server, QUIC_CRYPTO_EARLY, 0, 1, CIPHER), EINVAL);
		pair_close(&p);
	}
}

/* RFC 9000, 7.4.1: who refuses may allow less. What was written in 0-RTT still arrives. */
static void rejected_lower_limits(void)
{
	struct quic_transport_param less = { .max_data = 5000,
					     .max_stream_data_bidi_remote = 3000 };
	struct pair_opts o = { .server = &less };
	size_t early;
	struct pair p;
	bool fin;

	CHECK(!offer(&p, &o, &remembered, 15000, 0));
	CHECK(!hello_read(&p));
	CHECK(!finish(&p, 0));
	CHECK_EQ(read_pattern(p.server, 0, 15000, &early, &fin), 15000);
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_FIN, "", 0, 0), 0);
	CHECK_EQ(read_pattern(p.server, 0, 1, &early, &fin), 0);
	CHECK(fin);
	CHECK_EQ(info_flags(p.server) & QUIC_INFO_CLOSED_BY_US, 0);
	pair_close(&p);
}

/* RFC 9000, 7.4.1: who accepts may not. */
static void accepted_lower_limits(void)
{
	struct quic_transport_param less = { .max_data = 5000 };
	struct quic_connection_close cl = {};
	struct pair_opts o = { .server = &less };
	socklen_t len = sizeof(cl);
	struct pair p;

	CHECK(!offer(&p, &o, &remembered, 1000, 0));
	CHECK(!hello_read(&p));
	CHECK(!pair_secret(p.server, QUIC_CRYPTO_EARLY, 0, 1, CIPHER));
	CHECK_EQ(finish(&p, 1), -2);
	CHECK_EQ(errno, EINVAL);
	CHECK(!get_opt(p.client, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, &len));
	CHECK_EQ(cl.errcode, QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION);
	poll_for(p.server, 0, 2000);
	CHECK(!get_opt(p.server, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, &len));
	CHECK_EQ(cl.errcode, QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION);
	pair_close(&p);
}

/* Within the remembered limits, and the stream's too */
static void limits(void)
{
	struct pair_opts o = {};
	struct sockaddr_storage a;
	uint8_t buf[30000] = {};
	struct pair p;
	socklen_t len;
	int i;

	p.server = -1;
	p.listener = listen_any(&o, &a, &len);
	p.client = sock_new(0, 0);
	CHECK_ERR(set_opt(p.client, QUIC_SOCKOPT_TRANSPORT_PARAM, &remembered,
			  sizeof(remembered)), ENOTCONN);
	CHECK(!connect(p.client, (void *)&a, len));
	CHECK_ERR(send_stream(p.client, -1, MSG_QUIC_STREAM_NEW, buf, 10, 0), ENOTCONN);
	CHECK_ERR(early_set(p.client, 1), EINVAL);
	CHECK_ERR(pair_secret(p.client, QUIC_CRYPTO_EARLY, 0, 1, CIPHER), EINVAL);
	CHECK(!set_opt(p.client, QUIC_SOCKOPT_TRANSPORT_PARAM, &remembered, sizeof(remembered)));
	CHECK(poll_for(p.client, POLLOUT, 0) & POLLOUT);
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, buf, 30000, MSG_DONTWAIT), 20000);
	CHECK_ERR(send_stream(p.client, 0, 0, buf, 1, MSG_DONTWAIT), ENOSPC);
	for (i = 1; i < 4; i++)
		CHECK_EQ(send_stream(p.client, -1, MSG_QUIC_STREAM_NEW, buf, 1, MSG_DONTWAIT), 1);
	CHECK_ERR(send_stream(p.client, -1, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_DONTWAIT, buf, 1,
			      MSG_DONTWAIT), EAGAIN);
	CHECK_ERR(early_set(p.client, 2), EINVAL);
	pair_close(&p);
}

/* --- RFC 9000, 5.2.2: 0-RTT overtakes its Initial --- */

struct relay {
	int in, out;		/* the client's side, the server's */
	struct sockaddr_storage client;
	socklen_t clen;
	unsigned int held, want;
	uint8_t buf[8][2000];
	ssize_t len[8];
	volatile bool stop;
};

static void relay_in(struct relay *r)
{
	uint8_t *b = r->buf[r->held];
	ssize_t n;

	r->clen = sizeof(r->client);
	n = recvfrom(r->in, b, sizeof(r->buf[0]), 0, (void *)&r->client, &r->clen);
	if (n <= 0)
		return;
	r->len[r->held++] = n;
	if (r->held < r->want)
		return;
	/* The first ones backwards; then as they come. */
	while (r->held) {
		r->held--;
		send(r->out, r->buf[r->held], r->len[r->held], 0);
		usleep(1000);
	}
	r->want = 1;
}

static void *relay_run(void *arg)
{
	struct relay *r = arg;
	uint8_t buf[2000];
	ssize_t n;

	while (!r->stop) {
		struct pollfd p[2] = { { r->in, POLLIN, 0 }, { r->out, POLLIN, 0 } };

		poll(p, 2, 20);
		if (p[0].revents)
			relay_in(r);
		if (!p[1].revents)
			continue;
		n = recv(r->out, buf, sizeof(buf), 0);
		if (n > 0)
			sendto(r->in, buf, n, 0, (void *)&r->client, r->clen);
	}
	return NULL;
}

static void ahead_of_initial(void)
{
	struct sockaddr_storage to, via;
	struct pair_opts o = {};
	struct relay r = { .want = 4 };
	struct quic_info info = {};
	socklen_t len, ilen = sizeof(info);
	pthread_t thread;
	struct pair p;
	size_t early;
	bool fin;

	p.listener = listen_any(&o, &to, &len);
	p.client = sock_new(0, 0);
	addr_loopback(&via, 0, false, 0);
	r.in = socket(AF_INET, SOCK_DGRAM, 0);
	r.out = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK(!bind(r.in, (void *)&via, len) && !getsockname(r.in, (void *)&via, &len));
	CHECK(!connect(r.out, (void *)&to, len));
	CHECK(!connect(p.client, (void *)&via, len));
	set_timeo(p.client, 10000);
	set_timeo(p.listener, 5000);
	pthread_create(&thread, NULL, relay_run, &r);
	CHECK(!set_opt(p.client, QUIC_SOCKOPT_TRANSPORT_PARAM, &remembered, sizeof(remembered)));
	CHECK(!pair_secret(p.client, QUIC_CRYPTO_EARLY, 1, 1, CIPHER));
	/* Initial with 0-RTT, two full ones of 0-RTT, one short */
	CHECK_EQ(send_pattern(p.client, 0, 4000, MSG_QUIC_STREAM_FIN), 4000);
	CHECK_EQ(send_level(p.client, QUIC_CRYPTO_INITIAL, HELLO, 21, 0), 21);
	p.server = accept(p.listener, NULL, NULL);
	CHECK(p.server >= 0);
	set_timeo(p.server, 10000);
	CHECK(!hello_read(&p));
	usleep(100000);
	CHECK(!pair_secret(p.server, QUIC_CRYPTO_EARLY, 0, 1, CIPHER));
	/* Nothing was lost on the way. */
	CHECK(!get_opt(p.server, QUIC_SOCKOPT_INFO, &info, &ilen));
	CHECK_EQ(info.data_received, 4000);
	CHECK_EQ(info.packets_dropped, 0);
	CHECK(!finish(&p, 1));
	CHECK_EQ(read_pattern(p.server, 0, 5000, &early, &fin), 4000);
	CHECK_EQ(early, 4000);
	r.stop = true;
	pthread_join(thread, NULL);
	close(r.in);
	close(r.out);
	pair_close(&p);
}

/* --- TLS after the handshake --- */

struct post {
	const char *name;
	bool from_client;
	uint8_t msg[40];
	size_t len;
	uint32_t err;
};

static const struct post posts[] = {
	{ "KeyUpdate to the client (RFC 9001, 6)", false, { 24, 0, 0, 1, 0 }, 5, 0x10a },
	{ "KeyUpdate to the server", true, { 24, 0, 0, 1, 0 }, 5, 0x10a },
	{ "CertificateRequest (RFC 9001, 4.4)", false, { 13, 0, 0, 3, 0, 0, 0 }, 7, 0x0a },
	{ "ticket with a limit on 0-RTT (RFC 9001, 4.6.1)", false,
	  { 4, 0, 0, 24, 0, 0, 1, 0, 1, 2, 3, 4, 1, 0, 0, 2, 1, 1, 0, 8, 0, 42, 0, 4, 0, 0, 64, 0 },
	  28, 0x0a },
	{ "malformed ticket", false, { 4, 0, 0, 4, 0, 0, 1, 0 }, 8, 0x132 },
};

static void post_handshake(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(posts) / sizeof(posts[0]); i++) {
		const struct post *t = &posts[i];
		struct quic_connection_close cl = {};
		struct pair_opts o = {};
		socklen_t len = sizeof(cl);
		struct pair p;
		int from, to;

		CHECK(!pair_open(&p, &o));
		from = t->from_client ? p.client : p.server;
		to = t->from_client ? p.server : p.client;
		CHECK_EQ(send_level(from, QUIC_CRYPTO_APP, t->msg, t->len, 0), (ssize_t)t->len);
		poll_for(to, 0, 2000);
		CHECK(!get_opt(to, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, &len));
		if (cl.errcode != t->err)
			printf("# %s: 0x%x\n", t->name, cl.errcode);
		CHECK_EQ(cl.errcode, t->err);
		/* And on the wire */
		poll_for(from, 0, 2000);
		CHECK(!get_opt(from, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, &len));
		CHECK_EQ(cl.errcode, t->err);
		pair_close(&p);
	}
}

/* A token may come after connect(), until the first packet leaves (RFC 9000, 8.1.3). */
static void token_after_connect(void)
{
	struct pair_opts o = {};
	struct sockaddr_storage a;
	uint8_t token[80] = { 1 };
	struct pair p;
	socklen_t len;

	p.server = -1;
	p.listener = listen_any(&o, &a, &len);
	p.client = sock_new(0, 0);
	CHECK(!connect(p.client, (void *)&a, len));
	CHECK(!set_opt(p.client, QUIC_SOCKOPT_TOKEN, token, sizeof(token)));
	CHECK(!set_opt(p.client, QUIC_SOCKOPT_TOKEN, token, 20));
	CHECK_EQ(send_level(p.client, QUIC_CRYPTO_INITIAL, "x", 1, 0), 1);
	CHECK_ERR(set_opt(p.client, QUIC_SOCKOPT_TOKEN, token, 20), EINVAL);
	pair_close(&p);
}

/* RFC 9001, 6: either side, as often as it likes; counted, told, and nothing is lost. */
static void key_updates(void)
{
	struct pair_opts o = {};
	struct quic_info info = {};
	socklen_t len = sizeof(info);
	uint8_t phase, buf[100];
	struct pair p;
	uint32_t flags;
	int64_t sid;
	int i;

	CHECK(!pair_open(&p, &o));
	CHECK(!event_on(p.client, QUIC_EVENT_KEY_UPDATE));
	CHECK(!event_on(p.server, QUIC_EVENT_KEY_UPDATE));
	for (i = 1; i <= 6; i++) {
		int by = i & 1 ? p.client : p.server;
		int tries = 100;

		while (set_opt(by, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0) && errno == EAGAIN && tries--)
			usleep(100000);
		CHECK(tries > 0);
		CHECK_EQ(event_wait(p.client, QUIC_EVENT_KEY_UPDATE, &phase, 1), 1);
		CHECK_EQ(phase, i & 1);
		CHECK_EQ(event_wait(p.server, QUIC_EVENT_KEY_UPDATE, &phase, 1), 1);
		CHECK_EQ(phase, i & 1);
		CHECK(!get_opt(p.client, QUIC_SOCKOPT_INFO, &info, &len));
		CHECK_EQ(info.key_updates, i);
		CHECK(!get_opt(p.server, QUIC_SOCKOPT_INFO, &info, &len));
		CHECK_EQ(info.key_updates, i);
		CHECK_EQ(send_stream(p.client, 0, i == 1 ? MSG_QUIC_STREAM_NEW : 0, "abc", 3, 0), 3);
		CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, sizeof(buf), 0), 3);
	}
	pair_close(&p);
}

static const struct ktap_case cases[] = {
	{ "accepted", accepted },
	{ "accepted_at_once", accepted_at_once },
	{ "datagram_waits", datagram_waits },
	{ "rejected", rejected },
	{ "rejected_lower_limits", rejected_lower_limits },
	{ "accepted_lower_limits", accepted_lower_limits },
	{ "limits", limits },
	{ "ahead_of_initial", ahead_of_initial },
	{ "post_handshake", post_handshake },
	{ "token_after_connect", token_after_connect },
	{ "key_updates", key_updates },
};

KTAP_MAIN(cases)
