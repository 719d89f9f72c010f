// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * quic-load: many connections at once to a server of HTTP/0.9, many streams on each, in one
 * process over the epoll loop. In phases, so that each can be measured: all connect; all ask on
 * all streams; all close.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "bench.h"
#include "common.h"
#include "loop.h"

#define KEEPALIVE_US	10000000	/* of the 30 s that an idle connection has */

struct load;

struct conn {
	struct load *load;
	struct loop_op op;
	int sd;
	quic_session_t session;
	struct quic_handshake_step *step;
	bool connected;
};

struct stream {
	struct load *load;
	struct loop_op out, in;
	int fd;
	unsigned int busy;		/* operations under way */
	uint64_t got;
};

struct load {
	struct tool_opts o;
	struct loop *loop;
	struct quic_tls *tls;
	struct addrinfo *ai;
	const char *host;
	unsigned int count, streams_each, at_once, stall_s;
	bool cost;
	struct conn *conns;
	struct stream *streams;
	struct loop_buf request;
	unsigned int started, shaking, connected, pending, whole, failed;
	uint64_t bytes, size;		/* got in all; of the first file: all have to be as long */
	int64_t moved;
	struct bench_moment begin, end;
};

void bench_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("quic-load: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(TOOL_FAILED);
}

static void help(void)
{
	printf("quic-load - load a server of HTTP/0.9 over QUIC with many connections and streams\n"
	       "\n"
	       "  quic-load [OPTIONS] HOST PORT PATH\n"
	       "\n"
	       "Opens all connections, then all streams on all of them, each asking for the file PATH,\n"
	       "takes the answers and prints what became of them. The files are counted, compared in\n"
	       "length and thrown away. \"quic-serve\" and \"quic-hq serve\" answer.\n"
	       "\n"
	       "  quic-load --connections 1000 --streams 10 --ca ca.pem localhost 4433 /index.html\n"
	       "\n"
	       "  --connections N    so many (100)\n"
	       "  --streams N        so many on each (10), no more than the server allows\n"
	       "  --at-once N        handshakes at a time (32)\n"
	       "  --stall S          give up when nothing happens for S seconds (60)\n"
	       "  --cost             time the whole machine worked, both ends, for each connection and\n"
	       "                     stream; in QEMU with -icount that is instructions (needs root)\n"
	       "%s%s", tool_help_options, tool_help_exit);
}

/* --- connections --- */

static void step_submit(struct conn *c);

static void conn_ended(struct conn *c, const char *why)
{
	struct load *l = c->load;

	if (why)
		tool_say(&l->o, "connection %ld: %s", (long)(c - l->conns), why);
	l->failed += !!why;
	l->connected += !why;
	l->shaking--;
	c->connected = !why;
	quic_session_free(c->session);
	c->session = NULL;
}

static void step_done(struct loop_op *op, int res, bool more)
{
	struct conn *c = (void *)((char *)op - offsetof(struct conn, op));
	const char *text;
	int err;

	(void)more;
	c->load->moved = tool_now_us();
	if (c->step->op == QUIC_HANDSHAKE_STEP_OP_SENDMSG)
		c->step->s_sendmsg.retval = res;
	else
		c->step->s_recvmsg.retval = res;
	err = quic_handshake_step(c->session, &c->step);
	if (err) {
		text = quic_handshake_error(c->session);
		conn_ended(c, text[0] ? text : quic_strerror(err));
	} else if (c->step) {
		step_submit(c);
	} else {
		conn_ended(c, NULL);
	}
}

static void step_submit(struct conn *c)
{
	bool send = c->step->op == QUIC_HANDSHAKE_STEP_OP_SENDMSG;

	c->op.kind = send ? LOOP_SENDMSG : LOOP_RECVMSG;
	c->op.done = step_done;
	c->op.fd = c->sd;
	c->op.msg = send ? (struct msghdr *)c->step->s_sendmsg.msg : c->step->s_recvmsg.msg;
	c->op.flags = send ? c->step->s_sendmsg.flags : c->step->s_recvmsg.flags;
	loop_submit(c->load->loop, &c->op);
}

/* The first connection may wait for longer than its idle timeout until the last is there. */
static int keep_alive(int sd)
{
	struct quic_config config = { 0 };
	socklen_t len = sizeof(config);

	if (getsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_CONFIG, &config, &len))
		return -1;
	config.keepalive_probe_interval = KEEPALIVE_US;
	return setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_CONFIG, &config, len);
}

static int conn_start(struct load *l, struct conn *c)
{
	int err;

	c->load = l;
	c->sd = socket(l->ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_QUIC);
	if (c->sd < 0 || keep_alive(c->sd) || connect(c->sd, l->ai->ai_addr, l->ai->ai_addrlen)) {
		tool_say(&l->o, "%s: %s", c->sd < 0 ? "socket (is the quic module loaded?)" :
			 "connect", strerror(errno));
		return TOOL_NETWORK;
	}
	err = quic_tls_session(l->tls, c->sd, l->host, &c->session);
	if (!err)
		err = quic_handshake_init(c->session, &c->step);
	if (err) {
		tool_say(&l->o, "%s", quic_strerror(err));
		return TOOL_HANDSHAKE;
	}
	l->shaking++;
	step_submit(c);
	return 0;
}

/* --- streams --- */

static void stream_done(struct stream *s, const char *why)
{
	struct load *l = s->load;

	if (why && s->fd >= 0) {
		tool_say(&l->o, "stream %ld: %s", (long)(s - l->streams), why);
		l->failed++;
		s->got = UINT64_MAX;	/* told */
	}
	if (s->busy)
		return;
	if (s->fd >= 0)
		l->loop->engine->close(l->loop, s->fd);
	s->fd = -1;
	l->pending--;
	if (s->got == UINT64_MAX)
		return;
	if (!l->whole)
		l->size = s->got;
	if (s->got == l->size) {
		l->whole++;
		return;
	}
	tool_say(&l->o, "stream %ld: %llu bytes, others had %llu", (long)(s - l->streams),
		 (unsigned long long)s->got, (unsigned long long)l->size);
	l->failed++;
}

static void asked(struct loop_op *op, int res, bool more)
{
	struct stream *s = (void *)((char *)op - offsetof(struct stream, out));

	(void)more;
	s->busy--;
	/* EPIPE: it was answered, or refused, before it was read. */
	stream_done(s, res < 0 && res != -EPIPE ? strerror(-res) : NULL);
}

static void received(struct loop_op *op, int res, bool more)
{
	struct stream *s = (void *)((char *)op - offsetof(struct stream, in));

	s->load->moved = tool_now_us();
	if (res > 0) {
		s->got += res;
		s->load->bytes += res;
	}
	if (more)
		return;
	s->busy--;
	stream_done(s, res < 0 ? strerror(-res) : NULL);
}

static int stream_start(struct load *l, struct conn *c, struct stream *s)
{
	struct quic_stream_file v = { .stream_id = -1, .flags = O_CLOEXEC | O_NONBLOCK,
				      .stream_flags = MSG_QUIC_STREAM_DONTWAIT, .sd = -1 };
	socklen_t len = sizeof(v);

	if (getsockopt(c->sd, SOL_QUIC, QUIC_SOCKOPT_STREAM_FILE, &v, &len)) {
		tool_say(&l->o, "a stream cannot be opened: %s", errno == EAGAIN ?
			 "the server allows no more" : strerror(errno));
		return TOOL_FAILED;
	}
	s->load = l;
	s->fd = v.sd;
	s->busy = 2;
	s->out = (struct loop_op){ .kind = LOOP_SEND, .fd = v.sd, .done = asked,
				   .buf = &l->request, .len = l->request.size, .last = true };
	s->in = (struct loop_op){ .kind = LOOP_RECV, .fd = v.sd, .done = received };
	loop_submit(l->loop, &s->out);
	loop_submit(l->loop, &s->in);
	l->pending++;
	return 0;
}

/* --- phases --- */

static int turn(struct load *l)
{
	sigset_t none;
	int err;

	sigemptyset(&none);
	err = l->loop->engine->wait(l->loop, 1000, &none);
	if (err && err != -EINTR) {
		tool_say(&l->o, "%s", strerror(-err));
		return TOOL_NETWORK;
	}
	if (tool_now_us() - l->moved < l->stall_s * 1000000ll)
		return 0;
	tool_say(&l->o, "nothing came for %u seconds; %u connections, %u streams wait", l->stall_s,
		 l->shaking, l->pending);
	return TOOL_NETWORK;
}

static int connect_all(struct load *l)
{
	int err = 0;

	while (!err && (l->started < l->count || l->shaking)) {
		while (!err && l->started < l->count && l->shaking < l->at_once)
			err = conn_start(l, &l->conns[l->started++]);
		if (!err)
			err = turn(l);
	}
	return err ? err : l->failed ? TOOL_HANDSHAKE : 0;
}

static int ask_all(struct load *l)
{
	unsigned int i, k;
	int err = 0;

	/* Each connection its first, then each its second: so they come from many at a time. */
	for (k = 0; k < l->streams_each && !err; k++)
		for (i = 0; i < l->count && !err; i++)
			err = stream_start(l, &l->conns[i], &l->streams[i * l->streams_each + k]);
	while (!err && l->pending)
		err = turn(l);
	return err ? err : l->failed ? TOOL_FAILED : 0;
}

static void phase(struct load *l, const char *what, unsigned int n, int (*run)(struct load *l),
		  int *err)
{
	int64_t start = tool_now_us();

	if (*err)
		return;
	l->moved = start;
	if (l->cost)
		bench_moment_begin(&l->begin);
	*err = run(l);
	if (l->cost)
		bench_moment_end(&l->end);
	printf("%s n=%u seconds=%.3f", what, n, (tool_now_us() - start) / 1e6);
	if (l->cost)
		printf(" each=%.0f", bench_busy(&l->begin, &l->end) / n);
	putchar('\n');
	fflush(stdout);
}

static int prepare(struct load *l, char **argv)
{
	struct addrinfo hints = { .ai_family = l->o.family, .ai_socktype = SOCK_DGRAM };
	struct rlimit lim;
	char text[400] = "", *line;
	int err;

	if (tool_options_done(&l->o, false))
		return TOOL_USAGE;
	err = getaddrinfo(argv[0], argv[1], &hints, &l->ai);
	if (err) {
		tool_say(&l->o, "%s port %s: %s", argv[0], argv[1], gai_strerror(err));
		return TOOL_NETWORK;
	}
	l->host = l->o.tls.hostname ? l->o.tls.hostname : argv[0];
	l->o.tls.errbuf = text;
	l->o.tls.errlen = sizeof(text);
	err = quic_tls_new_client(&l->tls, &l->o.tls);
	if (err) {
		tool_say(&l->o, "%s", text[0] ? text : quic_strerror(err));
		return TOOL_HANDSHAKE;
	}
	if (!getrlimit(RLIMIT_NOFILE, &lim)) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
	l->loop = loop_epoll.open(text, sizeof(text));
	l->conns = calloc(l->count, sizeof(*l->conns));
	l->streams = calloc((size_t)l->count * l->streams_each, sizeof(*l->streams));
	if (!l->loop || !l->conns || !l->streams ||
	    asprintf(&line, "GET %s\r\n", argv[2]) < 0) {
		tool_say(&l->o, "no memory");
		return TOOL_FAILED;
	}
	l->request = (struct loop_buf){ .data = (uint8_t *)line, .size = strlen(line), .index = -1 };
	return 0;
}

static int load_run(struct load *l, char **argv)
{
	unsigned int streams = l->count * l->streams_each, i;
	int err = prepare(l, argv);

	phase(l, "connections", l->count, connect_all, &err);
	phase(l, "streams", streams, ask_all, &err);
	for (i = 0; i < l->started; i++)
		close(l->conns[i].sd);
	if (l->loop)
		printf("result connected=%u whole=%u failed=%u size=%llu bytes=%llu\n",
		       l->connected, l->whole, l->failed, (unsigned long long)l->size,
		       (unsigned long long)l->bytes);
	return err;
}

enum { OPT_CONNECTIONS = 512, OPT_STREAMS, OPT_AT_ONCE, OPT_STALL, OPT_COST };

static int option(struct load *l, int c, const char *arg)
{
	switch (c) {
	case OPT_CONNECTIONS:
		return tool_number(&l->o, "--connections", arg, 1, 1000000, &l->count);
	case OPT_STREAMS:
		return tool_number(&l->o, "--streams", arg, 1, 1000, &l->streams_each);
	case OPT_AT_ONCE:
		return tool_number(&l->o, "--at-once", arg, 1, 1000000, &l->at_once);
	case OPT_STALL:
		return tool_number(&l->o, "--stall", arg, 1, 86400, &l->stall_s);
	case OPT_COST:
		l->cost = true;
		return 0;
	case '?':
		return TOOL_USAGE;
	default:
		return tool_option(&l->o, c, arg);
	}
}

int main(int argc, char **argv)
{
	static const struct option own[] = {
		{ "connections", required_argument, NULL, OPT_CONNECTIONS },
		{ "streams", required_argument, NULL, OPT_STREAMS },
		{ "at-once", required_argument, NULL, OPT_AT_ONCE },
		{ "stall", required_argument, NULL, OPT_STALL },
		{ "cost", no_argument, NULL, OPT_COST },
		{ NULL, 0, NULL, 0 },
	};
	struct load l = { .count = 100, .streams_each = 10, .at_once = 32, .stall_s = 60 };
	struct option *options = tool_options(own);
	int c, err = 0;

	signal(SIGPIPE, SIG_IGN);
	quic_set_log_level(-1);
	tool_init(&l.o, "quic-load", "hq-interop");
	while (!err && (c = getopt_long(argc, argv, TOOL_SHORT, options, NULL)) != -1) {
		if (c == 'h')
			break;
		err = option(&l, c, optarg);
	}
	if (!err && c == 'h') {
		help();
	} else if (!err && argc - optind != 3) {
		tool_say(&l.o, "give HOST PORT PATH; --help explains");
		err = TOOL_USAGE;
	} else if (!err) {
		err = load_run(&l, argv + optind);
	}
	free(options);
	return err;
}
