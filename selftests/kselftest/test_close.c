// SPDX-License-Identifier: GPL-2.0
/*
 * The ends of connections and sockets: close() with data queued, shutdown(),
 * SO_LINGER, what the other side reads, which errno follows, poll and events.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "ktap.h"
#include "pair.h"

static const struct pair_opts plain = {};

static uint8_t state_of(int sd)
{
	struct quic_info info = {};
	socklen_t len = sizeof(info);

	return get_opt(sd, QUIC_SOCKOPT_INFO, &info, &len) ? 255 : info.state;
}

static void close_delivers(void)
{
	enum { LEN = 100000 };
	static char buf[LEN];
	struct pair p;
	ssize_t n, off = 0;

	CHECK(!pair_open(&p, &plain));
	pattern_fill(buf, LEN, 0, 0);
	CHECK_EQ(send(p.client, buf, LEN, 0), LEN);
	CHECK(!close(p.client));
	p.client = -1;
	while (off < LEN) {
		n = recv(p.server, buf, LEN, 0);
		CHECK(n > 0);
		CHECK(pattern_ok(buf, n, 0, off));
		off += n;
	}
	CHECK_ERR(recv(p.server, buf, LEN, 0), ENOTCONN);
	CHECK_ERR(recv(p.server, buf, LEN, 0), ENOTCONN);
	CHECK_ERR(send(p.server, "x", 1, MSG_NOSIGNAL), EPIPE);
	pair_close(&p);
}

/* All of it is there before the reader looks: data first, then the end. */
static void data_before_end(void)
{
	struct pair p;
	char buf[8];
	uint32_t flags;
	int64_t sid;

	CHECK(!pair_open(&p, &plain));
	CHECK_EQ(send(p.client, "last", 4, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN), 4);
	CHECK(!close(p.client));
	p.client = -1;
	usleep(100000);
	CHECK(poll_for(p.server, POLLIN, 0) & POLLHUP);
	CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, sizeof(buf), 0), 4);
	CHECK(flags & MSG_QUIC_STREAM_FIN);
	CHECK_ERR(recv(p.server, buf, sizeof(buf), 0), ENOTCONN);
	pair_close(&p);
}

static void close_code(void)
{
	struct quic_connection_close cl = { .errcode = 1234, .phrase = "that is all" }, got;
	struct quic_info info;
	struct pair p;
	socklen_t len;

	CHECK(!pair_open(&p, &plain));
	CHECK(!event_on(p.server, QUIC_EVENT_CONNECTION_CLOSE));
	CHECK(!set_opt(p.client, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, sizeof(cl)));
	CHECK(!close(p.client));
	p.client = -1;
	CHECK_EQ(event_wait(p.server, QUIC_EVENT_CONNECTION_CLOSE, &got, sizeof(got)), sizeof(got));
	CHECK_EQ(got.errcode, 1234);
	CHECK(!strcmp((char *)got.phrase, "that is all"));
	len = sizeof(got);
	memset(&got, 0, sizeof(got));
	CHECK(!get_opt(p.server, QUIC_SOCKOPT_CONNECTION_CLOSE, &got, &len));
	CHECK_EQ(got.errcode, 1234);
	len = sizeof(info);
	CHECK(!get_opt(p.server, QUIC_SOCKOPT_INFO, &info, &len));
	CHECK_EQ(info.state, QUIC_STATE_DRAINING);
	CHECK(info.flags & QUIC_INFO_CLOSED_BY_APP);
	CHECK(!(info.flags & QUIC_INFO_CLOSED_BY_US));
	CHECK(info.flags & QUIC_INFO_SERVER);
	CHECK_ERR(recv(p.server, &got, 1, 0), ENOTCONN);
	pair_close(&p);
}

static void close_in_handshake(void)
{
	struct quic_connection_close cl = { .errcode = 0x128, .frame = 6, .phrase = "no way" };
	struct pair p;
	char buf[8];
	socklen_t len = sizeof(cl);

	CHECK(!pair_begin(&p, &plain));
	CHECK(!set_opt(p.server, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, sizeof(cl)));
	CHECK(!close(p.server));
	p.server = -1;
	CHECK_ERR(recv(p.client, buf, sizeof(buf), 0), EPROTO);
	CHECK_ERR(recv(p.client, buf, sizeof(buf), 0), ENOTCONN);
	memset(&cl, 0, sizeof(cl));
	CHECK(!get_opt(p.client, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, &len));
	CHECK_EQ(cl.errcode, 0x128);
	CHECK(!strcmp((char *)cl.phrase, "no way"));
	pair_close(&p);
}

static void sigpipe(void)
{
	struct pair p;
	pid_t pid;
	int status;

	CHECK(!pair_open(&p, &plain));
	CHECK(!shutdown(p.client, SHUT_WR));
	pid = fork();
	if (!pid) {
		send(p.client, "x", 1, 0);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGPIPE);
	CHECK_ERR(send(p.client, "x", 1, MSG_NOSIGNAL), EPIPE);
	pair_close(&p);
}

static void shutdown_write(void)
{
	struct pair p;
	char buf[8];

	CHECK(!pair_open(&p, &plain));
	CHECK_EQ(send(p.client, "bye", 3, 0), 3);
	CHECK(!shutdown(p.client, SHUT_WR));
	CHECK_EQ(recv(p.server, buf, sizeof(buf), 0), 3);
	CHECK_ERR(recv(p.server, buf, sizeof(buf), 0), ENOTCONN);
	CHECK_ERR(recv(p.client, buf, sizeof(buf), 0), ENOTCONN);
	CHECK_ERR(shutdown(p.server, SHUT_WR), ENOTCONN);
	pair_close(&p);
}

static void shutdown_read(void)
{
	static char buf[200000];
	struct pair p;
	int i;

	CHECK(!pair_open(&p, &plain));
	CHECK_EQ(send(p.client, "unread", 6, 0), 6);
	CHECK(poll_for(p.server, POLLIN, 2000) & POLLIN);
	CHECK(!shutdown(p.server, SHUT_RD));
	CHECK_EQ(recv(p.server, buf, sizeof(buf), 0), 0);
	CHECK(poll_for(p.server, POLLIN | POLLRDHUP, 0) & POLLRDHUP);
	/* thrown away quietly, many windows of it */
	for (i = 0; i < 30; i++)
		CHECK_EQ(send(p.client, buf, sizeof(buf), 0), sizeof(buf));
	CHECK_EQ(send(p.server, "talk", 4, 0), 4);
	CHECK_EQ(recv(p.client, buf, sizeof(buf), 0), 4);
	pair_close(&p);
}

struct waiter {
	int sd;
	ssize_t ret;
	int err;
};

static void *blocked_recv(void *arg)
{
	struct waiter *w = arg;
	char c;

	w->ret = recv(w->sd, &c, 1, 0);
	w->err = errno;
	return NULL;
}

static void *blocked_accept(void *arg)
{
	struct waiter *w = arg;

	w->ret = accept(w->sd, NULL, NULL);
	w->err = errno;
	return NULL;
}

static void *blocked_send(void *arg)
{
	static char buf[1 << 20];
	struct waiter *w = arg;

	do
		w->ret = send(w->sd, buf, sizeof(buf), MSG_NOSIGNAL);
	while (w->ret > 0);
	w->err = errno;
	return NULL;
}

static void shutdown_wakes(void)
{
	struct waiter rx = {}, ac = {}, tx = {};
	pthread_t a, b, c;
	struct pair p;

	CHECK(!pair_open(&p, &plain));
	rx.sd = p.server;
	tx.sd = p.client;
	ac.sd = p.listener;
	set_timeo(p.listener, 0);
	CHECK(!pthread_create(&a, NULL, blocked_recv, &rx));
	CHECK(!pthread_create(&b, NULL, blocked_accept, &ac));
	usleep(50000);
	CHECK(!shutdown(p.server, SHUT_RDWR));
	CHECK(!shutdown(p.listener, SHUT_RDWR));
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	/* woken by the flag, or by the close that follows at once */
	CHECK(rx.ret == 0 || rx.err == ENOTCONN);
	CHECK_EQ(ac.ret, -1);
	CHECK_EQ(ac.err, EINVAL);
	pair_close(&p);

	CHECK(!pair_open(&p, &plain));
	tx.sd = p.client;
	CHECK(!pthread_create(&c, NULL, blocked_send, &tx));
	usleep(200000);
	CHECK(!shutdown(p.client, SHUT_RDWR));
	pthread_join(c, NULL);
	CHECK_EQ(tx.ret, -1);
	CHECK_EQ(tx.err, EPIPE);
	pair_close(&p);
}

static void linger_zero_aborts(void)
{
	struct linger l = { .l_onoff = 1 };
	struct quic_transport_param tp = { .max_data = 1 << 20 };
	struct pair_opts o = { .server = &tp };
	static char buf[1 << 20];
	struct pair p;

	CHECK(!pair_open(&p, &o));
	CHECK(!setsockopt(p.client, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	CHECK_EQ(send(p.client, "x", 1, MSG_MORE), 1);
	CHECK(!close(p.client));
	p.client = -1;
	CHECK_ERR(recv(p.server, buf, 1, 0), ENOTCONN);
	pair_close(&p);
}

static void linger_waits(void)
{
	struct linger l = { .l_onoff = 1, .l_linger = 5 };
	static char buf[100000];
	struct pair p;
	int n;

	CHECK(!pair_open(&p, &plain));
	CHECK(!setsockopt(p.client, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	CHECK_EQ(send(p.client, buf, sizeof(buf), 0), sizeof(buf));
	CHECK(!close(p.client));
	p.client = -1;
	/* All was acknowledged by then: no waiting any more. */
	CHECK_EQ(recv(p.server, buf, sizeof(buf), MSG_DONTWAIT | MSG_WAITALL), sizeof(buf));
	for (n = 0; n < 100 && state_of(p.server) != QUIC_STATE_DRAINING; n++)
		usleep(10000);
	CHECK(n < 100);
	pair_close(&p);
}

static void both_close_at_once(void)
{
	struct pair p;
	int i;

	for (i = 0; i < 10; i++) {
		CHECK(!pair_open(&p, &plain));
		CHECK_EQ(send(p.client, "abc", 3, 0), 3);
		CHECK_EQ(send(p.server, "abc", 3, MSG_QUIC_STREAM_NEW), 3);
		pair_close(&p);
	}
}

static void close_blocked_orphan(void)
{
	/* The peer's window is full and it never reads: its close ends our orphan. */
	struct quic_transport_param tp = { .max_data = 3000 };
	struct pair_opts o = { .server = &tp };
	char buf[3000];
	struct pair p;

	CHECK(!pair_open(&p, &o));
	CHECK_EQ(send(p.client, buf, sizeof(buf), 0), sizeof(buf));
	CHECK(!close(p.client));
	p.client = -1;
	usleep(100000);
	pair_close(&p);
}

/* Nothing passes the loopback any more, or all of it does. Return: 0 */
static int lossy(bool on)
{
	return system(on ? "tc qdisc add dev lo root netem loss 100%" :
			   "tc qdisc del dev lo root");
}

/* A CLOSE lost in an outage: whoever knocks afterwards is told (RFC 9000, 10.2.1). */
static void close_lost(void)
{
	struct pair p;
	char c;

	CHECK(!pair_open(&p, &plain));
	usleep(100000);
	CHECK(!lossy(true));
	close(p.client);
	p.client = -1;
	usleep(1000000);
	CHECK(!lossy(false));
	set_timeo(p.server, 3000);
	CHECK_EQ(send(p.server, "x", 1, MSG_QUIC_STREAM_NEW), 1);
	CHECK_ERR(recv(p.server, &c, 1, 0), ENOTCONN);
	CHECK_EQ(state_of(p.server), QUIC_STATE_DRAINING);
	pair_close(&p);
}

static int max_orphans(int n)
{
	FILE *f = fopen("/proc/sys/net/quic/quic_max_orphans", "w");

	return f ? fprintf(f, "%d\n", n) < 0 || fclose(f) : -1;
}

/* Data outlives close(), unless too many closed sockets do so already. */
static void orphans_limited(void)
{
	struct pair p;
	char buf[8];
	int n;

	for (n = 1; n >= 0; n--) {
		CHECK(!pair_open(&p, &plain));
		usleep(100000);
		CHECK(!max_orphans(n));
		CHECK(!lossy(true));
		CHECK_EQ(send(p.client, "late", 4, 0), 4);
		close(p.client);
		p.client = -1;
		CHECK(!lossy(false));
		CHECK(!max_orphans(8192));
		set_timeo(p.server, 3000);
		if (n) {
			CHECK_EQ(recv(p.server, buf, sizeof(buf), 0), 4);
		} else {
			CHECK_EQ(send(p.server, "x", 1, MSG_QUIC_STREAM_NEW), 1);
			CHECK_ERR(recv(p.server, buf, sizeof(buf), 0), ENOTCONN);
		}
		pair_close(&p);
	}
}

static void idle_timeout(void)
{
	struct quic_transport_param tp = { .max_idle_timeout = 300000 };
	struct pair_opts o = { .client = &tp };
	struct pair p;
	char c;

	CHECK(!pair_open(&p, &o));
	CHECK_ERR(recv(p.client, &c, 1, 0), ETIMEDOUT);
	CHECK_ERR(recv(p.client, &c, 1, 0), ENOTCONN);
	CHECK_ERR(send(p.client, &c, 1, MSG_NOSIGNAL), EPIPE);
	CHECK(poll_for(p.client, POLLIN | POLLOUT, 0) & POLLHUP);
	CHECK_EQ(state_of(p.client), QUIC_STATE_CLOSED);
	pair_close(&p);
}

static void keepalive(void)
{
	struct quic_transport_param tp = { .max_idle_timeout = 300000 };
	struct quic_config cf = { .keepalive_probe_interval = 100000 };
	struct pair_opts o = { .client = &tp, .client_config = &cf };
	struct pair p;
	char c;

	CHECK(!pair_open(&p, &o));
	set_timeo(p.client, 1500);
	CHECK_ERR(recv(p.client, &c, 1, 0), EAGAIN);
	CHECK_EQ(send(p.client, "x", 1, 0), 1);
	CHECK_EQ(recv(p.server, &c, 1, 0), 1);
	pair_close(&p);
}

static void poll_states(void)
{
	struct pair p;
	char c;

	CHECK(!pair_begin(&p, &plain));
	CHECK_EQ(poll_for(p.client, POLLIN | POLLOUT, 0), 0);
	CHECK_EQ(poll_for(p.listener, POLLIN, 0), 0);
	CHECK(!pair_handshake(&p, &plain));
	CHECK_EQ(poll_for(p.client, POLLIN | POLLOUT, 1000), POLLOUT);
	CHECK_EQ(send(p.client, "x", 1, 0), 1);
	CHECK(poll_for(p.server, POLLIN, 1000) & POLLIN);
	CHECK_EQ(recv(p.server, &c, 1, 0), 1);
	CHECK_EQ(poll_for(p.server, POLLIN, 0), 0);
	CHECK_EQ(state_of(p.server), QUIC_STATE_CONFIRMED);
	pair_close(&p);
}

static void recv_timeout_and_signal(void)
{
	struct pair p;
	char c;

	CHECK(!pair_open(&p, &plain));
	set_timeo(p.client, 50);
	CHECK_ERR(recv(p.client, &c, 1, 0), EAGAIN);
	CHECK_ERR(recv(p.client, &c, 1, MSG_DONTWAIT), EAGAIN);
	fcntl(p.client, F_SETFL, O_NONBLOCK);
	CHECK_ERR(read(p.client, &c, 1), EAGAIN);
	pair_close(&p);
}

static void key_update(void)
{
	struct pair p;
	uint8_t phase;
	struct quic_info info = {};
	socklen_t len = sizeof(info);
	char buf[8];
	int i;

	CHECK(!pair_open(&p, &plain));
	CHECK(!event_on(p.server, QUIC_EVENT_KEY_UPDATE));
	/* confirmed once HANDSHAKE_DONE came */
	CHECK_EQ(send(p.server, "a", 1, MSG_QUIC_STREAM_NEW), 1);
	CHECK_EQ(recv(p.client, buf, 1, 0), 1);
	for (i = 0; i < 100 && set_opt(p.client, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0); i++)
		usleep(10000);
	CHECK(i < 100);
	CHECK_EQ(send(p.client, "new keys", 8, MSG_QUIC_STREAM_NEW), 8);
	CHECK_EQ(event_wait(p.server, QUIC_EVENT_KEY_UPDATE, &phase, 1), 1);
	CHECK(!get_opt(p.server, QUIC_SOCKOPT_INFO, &info, &len));
	CHECK_EQ(info.key_updates, 1);
	CHECK_EQ(phase, 1);
	CHECK_EQ(send(p.server, "b", 1, 0), 1);
	CHECK_EQ(recv(p.client, buf, 1, 0), 1);
	pair_close(&p);
}

static void many_connections(void)
{
	enum { N = 30 };
	struct pair p[N];
	char c;
	int i;

	for (i = 0; i < N; i++)
		CHECK(!pair_open(&p[i], &plain));
	for (i = 0; i < N; i++)
		CHECK_EQ(send(p[i].client, "x", 1, 0), 1);
	for (i = 0; i < N; i++)
		CHECK_EQ(recv(p[i].server, &c, 1, 0), 1);
	for (i = 0; i < N; i++)
		pair_close(&p[i]);
}

/* A listener goes while attempts wait in it. */
static void listener_closes(void)
{
	struct sockaddr_storage a;
	socklen_t len;
	int sd = listen_any(&plain, &a, &len), c[3], i;

	CHECK(sd >= 0);
	for (i = 0; i < 3; i++) {
		c[i] = sock_new(AF_INET, 0);
		CHECK(!connect(c[i], (void *)&a, len));
		CHECK_EQ(send_level(c[i], QUIC_CRYPTO_INITIAL, "hello", 5, 0), 5);
	}
	CHECK(poll_for(sd, POLLIN, 1000) & POLLIN);
	CHECK(!close(sd));
	for (i = 0; i < 3; i++)
		close(c[i]);
}

static const struct ktap_case cases[] = {
	{ "close_delivers", close_delivers },
	{ "data_before_end", data_before_end },
	{ "close_code", close_code },
	{ "close_in_handshake", close_in_handshake },
	{ "sigpipe", sigpipe },
	{ "shutdown_write", shutdown_write },
	{ "shutdown_read", shutdown_read },
	{ "shutdown_wakes", shutdown_wakes },
	{ "linger_zero_aborts", linger_zero_aborts },
	{ "linger_waits", linger_waits },
	{ "both_close_at_once", both_close_at_once },
	{ "close_blocked_orphan", close_blocked_orphan },
	{ "close_lost", close_lost },
	{ "orphans_limited", orphans_limited },
	{ "idle_timeout", idle_timeout },
	{ "keepalive", keepalive },
	{ "poll_states", poll_states },
	{ "recv_timeout_and_signal", recv_timeout_and_signal },
	{ "key_update", key_update },
	{ "many_connections", many_connections },
	{ "listener_closes", listener_closes },
};

KTAP_MAIN(cases)
