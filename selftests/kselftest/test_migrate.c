// SPDX-License-Identifier: GPL-2.0
/*
 * Connection migration at the socket: option 6 and event 6, the preferred address,
 * option 4 (RFC 9000, 5.1, 9). All over the loopback, whose addresses are
 * 127.0.0.0/8 and, added here, fd00::1 to fd00::3 and 192.0.2.7.
 */
#include <arpa/inet.h>
#include <poll.h>

#include "ktap.h"
#include "pair.h"

static void set_addr(struct sockaddr_storage *a, const char *text, int port)
{
	struct sockaddr_in6 *in6 = (void *)a;
	struct sockaddr_in *in = (void *)a;

	memset(a, 0, sizeof(*a));
	if (strchr(text, ':')) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		if (inet_pton(AF_INET6, text, &in6->sin6_addr) != 1)
			abort();
		return;
	}
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	if (inet_pton(AF_INET, text, &in->sin_addr) != 1)
		abort();
}

static socklen_t size_of(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static int migrate(int sd, const char *text, int port)
{
	struct sockaddr_storage a;

	set_addr(&a, text, port);
	return set_opt(sd, QUIC_SOCKOPT_CONNECTION_MIGRATION, &a, size_of(&a));
}

/* "address port" of either end */
static const char *name_of(int sd, int peer)
{
	static char out[4][80];
	static unsigned int turn;
	struct sockaddr_storage a;
	struct sockaddr_in6 *in6 = (void *)&a;
	struct sockaddr_in *in = (void *)&a;
	socklen_t len = sizeof(a);
	char *p = out[turn++ % 4], text[64];

	if ((peer ? getpeername : getsockname)(sd, (void *)&a, &len))
		return strcpy(p, "none");
	if (a.ss_family == AF_INET6)
		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
	else
		inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
	snprintf(p, 80, "%s %d", text, ntohs(in->sin_port));
	return p;
}

static int same(const char *a, const char *b)
{
	if (!strcmp(a, b))
		return 1;
	printf("# \"%s\" is not \"%s\"\n", a, b);
	return 0;
}

static int starts(const char *a, const char *with)
{
	if (!strncmp(a, with, strlen(with)))
		return 1;
	printf("# \"%s\" does not start with \"%s\"\n", a, with);
	return 0;
}

/* 200 KB each way on one stream, checked */
static int talk(struct pair *p, int64_t sid)
{
	enum { SIZE = 200000 };
	static char out[SIZE], in[SIZE];
	int sd[2] = { p->client, p->server };
	uint32_t flags;
	unsigned int i;
	int64_t got;

	for (i = 0; i < 2; i++) {
		size_t sent = 0, n = 0;

		pattern_fill(out, SIZE, sid, i);
		while (sent < SIZE || n < SIZE) {
			struct pollfd pf[2] = { { sd[i], POLLOUT, 0 }, { sd[!i], POLLIN, 0 } };
			ssize_t r;

			pf[0].events = sent < SIZE ? POLLOUT : 0;
			if (poll(pf, 2, 20000) <= 0)
				return -1;
			if (pf[0].revents & POLLOUT) {
				r = send_stream(sd[i], sid, !i && !sent ? MSG_QUIC_STREAM_NEW : 0,
						out + sent, SIZE - sent, MSG_DONTWAIT);
				if (r < 0 && errno != EAGAIN && errno != ENOSPC)
					return -2;
				sent += r < 0 ? 0 : r;
			}
			if (pf[1].revents & POLLIN) {
				r = recv_stream(sd[!i], &got, &flags, in + n, SIZE - n, MSG_DONTWAIT);
				if (r < 0 && errno != EAGAIN)
					return -3;
				if (r > 0 && !(flags & MSG_QUIC_NOTIFICATION))
					n += r;
			}
		}
		if (memcmp(in, out, SIZE))
			return -4;
	}
	return 0;
}

static int moved(int sd, int local)
{
	uint8_t ev = 9;

	return event_wait(sd, QUIC_EVENT_CONNECTION_MIGRATION, &ev, 1) == 1 && ev == local;
}

static int confirmed(int sd)
{
	struct quic_info i = {};
	socklen_t len = sizeof(i);
	unsigned int n;

	for (n = 0; n < 500; n++, usleep(10000))
		if (!get_opt(sd, QUIC_SOCKOPT_INFO, &i, &len) && i.state == QUIC_STATE_CONFIRMED)
			return 1;
	return 0;
}

/* Confirmed, and the IDs are exchanged. */
static int up(struct pair *p, const struct pair_opts *o)
{
	if (pair_open(p, o))
		return -1;
	if (!confirmed(p->client) || !confirmed(p->server))
		return -1;
	usleep(100000);
	return event_on(p->client, QUIC_EVENT_CONNECTION_MIGRATION) ||
	       event_on(p->server, QUIC_EVENT_CONNECTION_MIGRATION);
}

static void there(const struct pair_opts *o, const char *to, const char *and_then)
{
	struct pair p;

	CHECK(!up(&p, o));
	CHECK(!talk(&p, 0));
	CHECK(!migrate(p.client, to, 0));
	CHECK(moved(p.client, 1));
	CHECK(starts(name_of(p.client, 0), to));
	CHECK(moved(p.server, 0));
	CHECK(same(name_of(p.client, 0), name_of(p.server, 1)));
	CHECK(!talk(&p, 4));
	usleep(5000000);	/* the old path, and its ID, are given up */
	CHECK(!migrate(p.client, and_then, 0));
	CHECK(moved(p.server, 0));
	CHECK(same(name_of(p.client, 0), name_of(p.server, 1)));
	CHECK(starts(name_of(p.server, 1), and_then));
	CHECK(!talk(&p, 8));
	pair_close(&p);
}

static void client_moves_v4(void)
{
	struct pair_opts o = {};

	there(&o, "127.0.0.2", "127.0.0.1");
}

static void client_moves_v6(void)
{
	struct pair_opts o = { .family = AF_INET6 };

	there(&o, "fd00::2", "fd00::3");
}

static void client_moves_mapped(void)
{
	struct pair_opts o = { .family = AF_INET6, .mapped = true };

	there(&o, "::ffff:127.0.0.2", "::ffff:127.0.0.9");
}

/* The same address, another port: as with a NAT, what was learned stays (9.4). */
static void another_port(void)
{
	struct quic_info a = {}, b = {};
	socklen_t len = sizeof(a);
	struct pair_opts o = {};
	char before[80];
	struct pair p;

	CHECK(!up(&p, &o));
	CHECK(!talk(&p, 0));
	strcpy(before, name_of(p.client, 0));
	CHECK(!get_opt(p.client, QUIC_SOCKOPT_INFO, &a, &len));
	CHECK(!migrate(p.client, "127.0.0.1", 0));
	CHECK(moved(p.client, 1) && moved(p.server, 0));
	CHECK(strcmp(before, name_of(p.client, 0)));
	CHECK(same(name_of(p.client, 0), name_of(p.server, 1)));
	CHECK(!get_opt(p.client, QUIC_SOCKOPT_INFO, &b, &len));
	CHECK(b.cwnd >= a.cwnd && b.pmtu == a.pmtu);
	CHECK(!talk(&p, 4));
	pair_close(&p);
}

static void errors(void)
{
	struct pair_opts o = {};
	struct pair p;

	CHECK(!pair_begin(&p, &o));
	CHECK_ERR(migrate(p.client, "127.0.0.2", 0), EAGAIN);
	CHECK(!pair_handshake(&p, &o));
	CHECK(confirmed(p.client));
	usleep(100000);
	CHECK_ERR(migrate(p.client, "::1", 0), EINVAL);
	CHECK_ERR(migrate(p.client, "192.0.2.1", 0), EADDRNOTAVAIL);
	CHECK_ERR(set_opt(p.client, QUIC_SOCKOPT_CONNECTION_MIGRATION, "12", 2), EINVAL);
	CHECK_ERR(migrate(p.server, "127.0.0.2", 4433), EINVAL);
	CHECK(!migrate(p.client, "127.0.0.2", 0));
	CHECK(!talk(&p, 0));
	CHECK(starts(name_of(p.client, 0), "127.0.0.2"));
	pair_close(&p);
	CHECK_ERR(migrate(p.client, "127.0.0.2", 0), EBADF);
}

static void not_allowed(void)
{
	struct quic_transport_param tp = { .disable_active_migration = 1 };
	struct pair_opts o = { .server = &tp };
	struct pair p;

	CHECK(!up(&p, &o));
	CHECK_ERR(migrate(p.client, "127.0.0.2", 0), EINVAL);
	CHECK(!talk(&p, 0));
	pair_close(&p);
}

/* --- preferred address --- */

static void preferred(const struct pair_opts *o, const char *to)
{
	struct pair p;

	CHECK(!pair_begin(&p, o));
	CHECK(!event_on(p.client, QUIC_EVENT_CONNECTION_MIGRATION));
	CHECK(!event_on(p.server, QUIC_EVENT_CONNECTION_MIGRATION));
	CHECK_ERR(migrate(p.server, to, 0), EINVAL);
	CHECK(!migrate(p.server, to, 7654));
	CHECK(!pair_handshake(&p, o));
	CHECK(moved(p.client, 1) && moved(p.server, 0));
	CHECK(starts(name_of(p.client, 1), to));
	CHECK(same(name_of(p.client, 1), name_of(p.server, 0)));
	CHECK(same(name_of(p.client, 0), name_of(p.server, 1)));
	CHECK(!talk(&p, 0));
	usleep(5000000);
	CHECK(!talk(&p, 4));
	pair_close(&p);
}

static void preferred_v4(void)
{
	struct quic_transport_param tp = { .disable_active_migration = 1 };
	struct pair_opts o = { .server = &tp };

	preferred(&o, "127.0.0.3");
}

static void preferred_v6(void)
{
	struct pair_opts o = { .family = AF_INET6 };

	preferred(&o, "fd00::3");
}

/* On a dual-stack server for those who come by IPv4; what it binds for that is IPv4, too. */
static void preferred_mapped(void)
{
	struct pair_opts o = { .family = AF_INET6, .mapped = true };

	preferred(&o, "::ffff:127.0.0.3");
}

/* RFC 9000, 21.5: a server elsewhere does not send its client to the client's own host. */
static void preferred_loopback(void)
{
	static const struct {
		int family;
		bool mapped;
		const char *at, *to;
	} t[] = {
		{ AF_INET, false, "192.0.2.7", "127.0.0.3" },
		{ AF_INET6, false, "fd00::1", "::1" },
		{ AF_INET6, true, "::ffff:192.0.2.7", "::ffff:127.0.0.3" },
	};
	unsigned int i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pair_opts o = { .family = t[i].family, .mapped = t[i].mapped };
		struct sockaddr_storage a;
		struct pair p = { -1, -1, -1 };

		set_addr(&a, t[i].at, 7656);
		p.listener = sock_new(t[i].family, 0);
		CHECK(!bind(p.listener, (void *)&a, size_of(&a)) && !listen(p.listener, 5));
		CHECK(!pair_client(&p, &o, &a, size_of(&a)));
		CHECK(!pair_accept(&p));
		CHECK(!migrate(p.server, t[i].to, 7657));
		CHECK(!pair_handshake(&p, &o));
		CHECK(confirmed(p.client) && confirmed(p.server));
		usleep(1000000);
		CHECK(starts(name_of(p.client, 1), t[i].at));
		CHECK(!talk(&p, 0));
		pair_close(&p);
	}
}

/* Told to the listener: all its connections announce it, until it is closed. */
static void preferred_listener(void)
{
	struct sockaddr_storage a;
	struct pair_opts o = {};
	struct pair p;
	unsigned int i;
	socklen_t len;
	uint8_t level;
	char buf[16];

	for (i = 0; i < 2; i++) {
		int sd = sock_new(0, 0);

		CHECK_ERR(migrate(sd, "127.0.0.3", 7655), ENOTCONN);
		close(sd);
		p.listener = listen_any(&o, &a, &len);
		CHECK(!migrate(p.listener, "127.0.0.3", 7655));
		p.client = sock_new(0, 0);
		set_timeo(p.client, 10000);
		CHECK(!connect(p.client, (void *)&a, len));
		CHECK(!event_on(p.client, QUIC_EVENT_CONNECTION_MIGRATION));
		CHECK_EQ(send_level(p.client, QUIC_CRYPTO_INITIAL, "hello", 5, 0), 5);
		p.server = accept(p.listener, NULL, NULL);
		CHECK(p.server >= 0);
		CHECK_EQ(recv_level(p.server, &level, buf, sizeof(buf)), 5);
		CHECK(!pair_handshake(&p, &o));
		CHECK(moved(p.client, 1));
		CHECK(same(name_of(p.client, 1), "127.0.0.3 7655"));
		CHECK(!talk(&p, 0));
		pair_close(&p);
	}
}

/* --- connection IDs --- */

static int ids(int sd, int dest, struct quic_connection_id_info *i)
{
	socklen_t len = sizeof(*i);

	memset(i, 0, sizeof(*i));
	i->dest = dest;
	return get_opt(sd, QUIC_SOCKOPT_CONNECTION_ID, i, &len);
}

static int set_ids(int sd, int dest, uint32_t active, uint32_t prior_to)
{
	struct quic_connection_id_info i = { .dest = dest, .active = active, .prior_to = prior_to };

	return set_opt(sd, QUIC_SOCKOPT_CONNECTION_ID, &i, sizeof(i));
}

static void connection_ids(void)
{
	struct quic_connection_id_info i, ev;
	struct pair_opts o = {};
	struct pair p;

	CHECK(!up(&p, &o));
	CHECK(!event_on(p.client, QUIC_EVENT_CONNECTION_ID));
	CHECK(!event_on(p.server, QUIC_EVENT_CONNECTION_ID));
	/* The server's IDs below 2 are to go: the client follows. */
	CHECK(!set_ids(p.server, 0, 0, 2));
	CHECK_EQ(event_wait(p.client, QUIC_EVENT_CONNECTION_ID, &ev, sizeof(ev)), 12);
	CHECK(ev.dest == 1 && ev.active == 2 && ev.prior_to == 2);
	CHECK_EQ(event_wait(p.server, QUIC_EVENT_CONNECTION_ID, &ev, sizeof(ev)), 12);
	CHECK(ev.dest == 0 && ev.prior_to == 1);
	CHECK(!ids(p.client, 1, &i) && i.active == 2 && i.prior_to == 2);
	CHECK(!talk(&p, 0));
	/* The client takes another of its own accord, and retires the rest. */
	CHECK(!set_ids(p.client, 1, 3, 3));
	CHECK(!ids(p.client, 1, &i) && i.active == 3 && i.prior_to == 3);
	CHECK(!talk(&p, 4));
	CHECK(!ids(p.server, 0, &i) && i.prior_to == 3);
	CHECK_ERR(set_ids(p.client, 1, 99, 0), EINVAL);
	CHECK_ERR(set_ids(p.client, 1, 0, 99), EINVAL);
	CHECK_ERR(set_ids(p.client, 0, 0, 99), EINVAL);
	CHECK_ERR(set_ids(p.client, 0, 99, 0), EINVAL);
	pair_close(&p);
}

static const struct ktap_case cases[] = {
	{ "client_moves_v4", client_moves_v4 },
	{ "client_moves_v6", client_moves_v6 },
	{ "client_moves_mapped", client_moves_mapped },
	{ "another_port", another_port },
	{ "errors", errors },
	{ "not_allowed", not_allowed },
	{ "preferred_v4", preferred_v4 },
	{ "preferred_v6", preferred_v6 },
	{ "preferred_mapped", preferred_mapped },
	{ "preferred_loopback", preferred_loopback },
	{ "preferred_listener", preferred_listener },
	{ "connection_ids", connection_ids },
};

int main(void)
{
	if (system("for a in fd00::1/128 fd00::2/128 fd00::3/128; do ip addr add $a dev lo nodad; done;"
		   "ip addr add 192.0.2.7/32 dev lo"))
		printf("# no addresses added\n");
	return ktap_main(cases, sizeof(cases) / sizeof(cases[0]));
}
