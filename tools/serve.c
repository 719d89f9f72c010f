// SPDX-License-Identifier: LGPL-2.1-or-later
/* The server: one process, one epoll loop, any number of connections. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>
#include "serve.h"
#include "progress.h"

#define EVENTS		64
#define SWEEP_US	500000		/* handshake deadlines are looked at this often */
#define FULL_US		100000		/* out of descriptors: accept again after this */

struct serve {
	struct serve_server s;
	int sd;
	struct serve_conn *conns;
	struct serve_conn *last;		/* whose figures the progress line shows */
	int64_t sweep, full_until;
	bool broken;			/* accept() does not work any more */
	unsigned int once;		/* end after this many connections; 0: never */
	const char *preferred;		/* address to announce; NULL: none */
	sigset_t unblocked;
	struct progress progress;
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static void help(const struct serve_proto *proto)
{
	printf("%s - %s"
	       "\n"
	       "  --once N           end after N connections are over\n"
	       "  --preferred ADDR   an address of this machine, same family and port, that clients are\n"
	       "                     asked to move to after the handshake; ADDRESS must not be it\n"
	       "%s%s%s", proto->name, proto->about, tool_help_server_options, tool_help_options,
	       tool_help_exit);
}

static void conn_remove(struct serve *v, struct serve_conn *c)
{
	if (v->last == c)
		v->last = NULL;
	if (c->prev)
		c->prev->next = c->next;
	else
		v->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	serve_conn_free(c);
	v->s.open--;
	if (v->once && !--v->once)
		stop = 1;
}

static void conn_turn(struct serve *v, struct serve_conn *c, uint32_t events)
{
	uint64_t before = v->s.bytes;

	if (!serve_conn_turn(c, events, tool_now_us())) {
		conn_remove(v, c);
		return;
	}
	if (v->s.bytes != before)
		v->last = c;
}

static void conn_add(struct serve *v, int sd)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct serve_conn *c = serve_conn_new(&v->s, sd);

	if (!c) {
		close(sd);
		v->s.failed++;
		return;
	}
	event.data.ptr = c;
	if (epoll_ctl(v->s.epoll, EPOLL_CTL_ADD, sd, &event)) {
		serve_conn_free(c);
		v->s.failed++;
		return;
	}
	c->next = v->conns;
	if (c->next)
		c->next->prev = c;
	v->conns = c;
	v->s.open++;
	v->s.connections++;
	conn_turn(v, c, EPOLLIN);	/* the ClientHello is there already */
}

static void listener_watch(struct serve *v, bool on)
{
	struct epoll_event event = { .events = on ? EPOLLIN : 0, .data.ptr = NULL };

	epoll_ctl(v->s.epoll, EPOLL_CTL_MOD, v->sd, &event);
}

static void accept_all(struct serve *v)
{
	int i, sd;

	for (i = 0; i < EVENTS; i++) {
		sd = accept4(v->sd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (sd >= 0) {
			conn_add(v, sd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			v->full_until = tool_now_us() + FULL_US;
			listener_watch(v, false);
		} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
			tool_say(&v->s.o, "accept: %s", strerror(errno));
			v->broken = true;
			stop = 1;
		}
		return;
	}
}

/* Deadlines and back-offs. Returns milliseconds to the next of them. */
static int timers(struct serve *v)
{
	int64_t now = tool_now_us(), next = INT64_MAX;
	struct serve_conn *c, *following;
	bool sweep = now >= v->sweep;
	int wait;

	if (sweep)
		v->sweep = now + SWEEP_US;
	if (v->full_until && now >= v->full_until) {
		v->full_until = 0;
		listener_watch(v, true);
	}
	for (c = v->conns; c; c = following) {
		following = c->next;
		if ((c->retry_at && now >= c->retry_at) || (sweep && c->session))
			conn_turn(v, c, 0);
	}
	for (c = v->conns; c; c = c->next) {
		if (c->session && v->sweep < next)
			next = v->sweep;
		if (c->retry_at && c->retry_at < next)
			next = c->retry_at;
	}
	if (v->full_until && v->full_until < next)
		next = v->full_until;
	wait = next == INT64_MAX ? -1 : next > now ? (int)((next - now) / 1000 + 1) : 0;
	if (progress_wait(&v->progress) >= 0 && (wait < 0 || progress_wait(&v->progress) < wait))
		wait = progress_wait(&v->progress);
	return wait;
}

static void show(struct serve *v, bool end)
{
	char text[120];

	snprintf(text, sizeof(text), "%llu files  %u of %llu connections open",
		 (unsigned long long)v->s.files, v->s.open, (unsigned long long)v->s.connections);
	if (end)
		progress_end(&v->progress, v->last ? v->last->sd : -1, v->s.bytes, text);
	else
		progress_show(&v->progress, v->last ? v->last->sd : -1, v->s.bytes, text);
}

static int serve_run(struct serve *v)
{
	struct epoll_event events[EVENTS];
	int i, n, timeout;

	progress_start(&v->progress, v->s.o.name, v->s.o.progress);
	for (;;) {
		timeout = timers(v);
		if (stop)
			break;
		/* Signals come only in here: none is lost between the look at stop and the wait. */
		n = epoll_pwait(v->s.epoll, events, EVENTS, timeout, &v->unblocked);
		if (n < 0 && errno != EINTR) {
			tool_say(&v->s.o, "epoll_wait: %s", strerror(errno));
			return TOOL_NETWORK;
		}
		for (i = 0; i < n; i++) {
			/* A connection frees itself only; the others of this batch stay valid. */
			if (events[i].data.ptr)
				conn_turn(v, events[i].data.ptr, events[i].events);
			else
				accept_all(v);
		}
		show(v, false);
	}
	show(v, true);
	return v->broken ? TOOL_NETWORK : TOOL_OK;
}

static void signals(struct serve *v)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigprocmask(SIG_BLOCK, &ours, &v->unblocked);
	sigdelset(&v->unblocked, SIGINT);
	sigdelset(&v->unblocked, SIGTERM);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* RFC 9000, 9.6. Another socket need not listen there: the connections do. */
static int announce_preferred(struct serve *v, const char *port)
{
	struct addrinfo hints = { .ai_family = v->s.o.family, .ai_socktype = SOCK_DGRAM,
				  .ai_flags = AI_NUMERICHOST };
	struct addrinfo *ai;
	int err;

	err = getaddrinfo(v->preferred, port, &hints, &ai);
	if (err) {
		tool_say(&v->s.o, "--preferred %s: %s", v->preferred, gai_strerror(err));
		return TOOL_USAGE;
	}
	err = setsockopt(v->sd, SOL_QUIC, QUIC_SOCKOPT_CONNECTION_MIGRATION, ai->ai_addr,
			 ai->ai_addrlen);
	freeaddrinfo(ai);
	if (!err)
		return 0;
	tool_say(&v->s.o, "--preferred %s: %s", v->preferred, strerror(errno));
	return TOOL_NETWORK;
}

static int serve_open(struct serve *v, int argc, char **argv)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct tool_opts *o = &v->s.o;
	struct rlimit lim;
	char text[400] = "";
	int err;

	if (argc != 3) {
		tool_say(o, "give DIR ADDRESS PORT; --help explains");
		return TOOL_USAGE;
	}
	if (tool_options_done(o, true))
		return TOOL_USAGE;
	v->s.root = open(argv[0], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (v->s.root < 0) {
		tool_say(o, "%s: %s", argv[0], strerror(errno));
		return TOOL_USAGE;
	}
	o->tls.errbuf = text;
	o->tls.errlen = sizeof(text);
	err = quic_tls_new_server(&v->s.tls, &o->tls);
	if (err) {
		tool_say(o, "%s", text[0] ? text : quic_strerror(err));
		return TOOL_HANDSHAKE;
	}
	if (!getrlimit(RLIMIT_NOFILE, &lim)) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
	v->sd = tool_listen(o, strcmp(argv[1], "*") ? argv[1] : NULL, argv[2]);
	if (v->sd < 0)
		return -v->sd;
	if (v->preferred) {
		err = announce_preferred(v, argv[2]);
		if (err)
			return err;
	}
	v->s.epoll = epoll_create1(EPOLL_CLOEXEC);
	v->s.buf = malloc(SERVE_BUF);
	if (v->s.epoll < 0 || !v->s.buf || epoll_ctl(v->s.epoll, EPOLL_CTL_ADD, v->sd, &event)) {
		tool_say(o, "epoll: %s", strerror(errno));
		return TOOL_NETWORK;
	}
	return TOOL_OK;
}

static void serve_close(struct serve *v)
{
	struct serve_conn *c;

	for (c = v->conns; c; c = c->next)
		if (c->state && v->s.proto->stop)
			v->s.proto->stop(c);
	while (v->conns)
		conn_remove(v, v->conns);
	if (v->sd >= 0)
		close(v->sd);
	if (v->s.epoll >= 0)
		close(v->s.epoll);
	if (v->s.root >= 0)
		close(v->s.root);
	quic_tls_free(v->s.tls);
	free(v->s.buf);
}

int serve_main(const struct serve_proto *proto, int argc, char **argv)
{
	enum { OPT_ONCE = 512, OPT_PREFERRED };
	static const struct option own[] = {
		{ "once", required_argument, NULL, OPT_ONCE },
		{ "preferred", required_argument, NULL, OPT_PREFERRED },
		{ NULL, 0, NULL, 0 },
	};
	struct option *options = tool_options(own);
	struct serve v = { .sd = -1, .s.epoll = -1, .s.root = -1, .s.proto = proto };
	int c, err = 0;

	tool_init(&v.s.o, proto->name, proto->alpn);
	while (!err && (c = getopt_long(argc, argv, TOOL_SHORT, options, NULL)) != -1) {
		if (c == 'h')
			break;
		if (c == OPT_ONCE)
			err = tool_number(&v.s.o, "--once", optarg, 0, 1000000, &v.once);
		else if (c == OPT_PREFERRED)
			v.preferred = optarg;
		else
			err = c == '?' ? TOOL_USAGE : tool_option(&v.s.o, c, optarg);
	}
	if (!err && c == 'h') {
		help(proto);
	} else if (!err) {
		signals(&v);
		err = serve_open(&v, argc - optind, argv + optind);
		if (!err)
			err = serve_run(&v);
	}
	serve_close(&v);
	free(options);
	return err;
}
