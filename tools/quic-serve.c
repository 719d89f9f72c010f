// SPDX-License-Identifier: LGPL-2.1-or-later
/* quic-serve: the command. What it does is in site_*.c, how it waits in loop_*.c. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "site.h"
#include "strict.h"

#define SWEEP_MS	500

struct server {
	struct site site;
	const struct loop_engine *engine;
	bool strict, stats;
	sigset_t unblocked;
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static void help(void)
{
	printf("quic-serve - serve a directory by HTTP/0.9 over QUIC, each stream a descriptor\n"
	       "\n"
	       "  quic-serve --cert FILE --key FILE [OPTIONS] DIR ADDRESS PORT\n"
	       "\n"
	       "Answers \"GET /path\" as \"quic-hq serve\" does (\"quic-hq fetch\" asks), but in another way:\n"
	       "accept() on a connection gives each of its streams as a descriptor, and one thread serves\n"
	       "them all through io_uring, without a system call for each thing done. ADDRESS * means\n"
	       "every address, IPv6 and IPv4.\n"
	       "\n"
	       "  quic-serve --cert server.pem --key server.key /srv/www '*' 4433\n"
	       "\n"
	       "  --engine NAME      uring (default) or epoll: the same server over either, to compare.\n"
	       "                     uring accepts connections and streams by multishot requests,\n"
	       "                     receives into provided buffers and sends from registered memory,\n"
	       "                     without a copy where the kernel's sockets can. It needs Linux 6.0.\n"
	       "  --strict           once set up, a system call that could wait, other than the loop's\n"
	       "                     own, ends the process (SIGSYS), to find such calls; with uring\n"
	       "                     the loop's own is io_uring_enter() alone. It is no sandbox.\n"
	       "  --once N           end after N connections are over\n"
	       "  --stats            at the end a line of figures on standard error\n"
	       "%s%s%s", tool_help_server_options, tool_help_options, tool_help_exit);
}

/* --- serving --- */

static void accept_done(struct loop_op *op, int res, bool more)
{
	struct site *site = (void *)((char *)op - offsetof(struct site, accept));

	if (res >= 0) {
		site_conn_new(site, res);
		return;
	}
	site->accepting = more;
	/* These pass: the sweep begins again. */
	if (more || res == -EMFILE || res == -ENFILE || res == -ENOBUFS || res == -ENOMEM ||
	    res == -EINTR || res == -ECONNABORTED)
		return;
	tool_say(&site->o, "accept: %s", strerror(-res));
	site->failed++;
	site->stop = true;
}

static void accept_connections(struct site *site)
{
	site->accept = (struct loop_op){ .kind = LOOP_ACCEPT, .fd = site->listener,
					 .done = accept_done };
	site->accepting = true;
	loop_submit(site->loop, &site->accept);
}

static int serve(struct server *v)
{
	struct site *site = &v->site;
	int64_t sweep = 0, now;
	int err;

	accept_connections(site);
	while (!stop && !site->stop) {
		err = site->loop->engine->wait(site->loop, site->open || !site->accepting ?
					       SWEEP_MS : -1, &v->unblocked);
		if (err && err != -EINTR) {
			tool_say(&site->o, "%s: %s", v->engine->name, strerror(-err));
			return TOOL_NETWORK;
		}
		now = tool_now_us();
		if (now < sweep)
			continue;
		sweep = now + SWEEP_MS * 1000;
		site_conns_sweep(site, now);
		if (!site->accepting)
			accept_connections(site);
	}
	return TOOL_OK;
}

static void show(const struct server *v)
{
	const struct site *site = &v->site;
	const struct loop_stats *s = &site->loop->stats;
	struct rusage r = { 0 };

	getrusage(RUSAGE_SELF, &r);
	tool_say(&site->o, "engine=%s connections=%llu at_once=%u failed=%llu files=%llu refused=%llu bytes=%llu ops=%llu calls=%llu fixed=%llu zero_copy=%llu cpu_us=%lld",
		 v->engine->name, (unsigned long long)site->connections, site->open_max,
		 (unsigned long long)site->failed, (unsigned long long)site->files,
		 (unsigned long long)site->refused, (unsigned long long)site->bytes,
		 (unsigned long long)s->ops, (unsigned long long)s->calls,
		 (unsigned long long)s->fixed, (unsigned long long)s->zero_copy,
		 (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000ll + r.ru_utime.tv_usec +
		 r.ru_stime.tv_usec);
}

/* --- setting up --- */

static void signals(struct server *v)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t ours;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigprocmask(SIG_BLOCK, &ours, &v->unblocked);
	sigdelset(&v->unblocked, SIGINT);
	sigdelset(&v->unblocked, SIGTERM);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static int listener_open(struct server *v, const char *host, const char *port)
{
	struct tool_opts *o = &v->site.o;
	uint32_t on = 1;
	int flags;

	v->site.listener = tool_listen(o, strcmp(host, "*") ? host : NULL, port);
	if (v->site.listener < 0)
		return -v->site.listener;
	/* io_uring waits by itself, but not for descriptors that say they do not wait. */
	flags = fcntl(v->site.listener, F_GETFL);
	if (v->engine == &loop_uring && fcntl(v->site.listener, F_SETFL, flags & ~O_NONBLOCK)) {
		tool_say(o, "fcntl: %s", strerror(errno));
		return TOOL_NETWORK;
	}
	/* What is accepted from it inherits that. */
	if (setsockopt(v->site.listener, SOL_QUIC, QUIC_SOCKOPT_STREAM_ACCEPT, &on, sizeof(on))) {
		tool_say(o, "this quic module gives no streams as descriptors: %s", strerror(errno));
		return TOOL_NETWORK;
	}
	return 0;
}

static int server_open(struct server *v, int argc, char **argv)
{
	struct tool_opts *o = &v->site.o;
	struct rlimit lim;
	char text[400] = "";
	int err;

	if (argc != 3) {
		tool_say(o, "give DIR ADDRESS PORT; --help explains");
		return TOOL_USAGE;
	}
	if (tool_options_done(o, true))
		return TOOL_USAGE;
	v->site.root = open(argv[0], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (v->site.root < 0) {
		tool_say(o, "%s: %s", argv[0], strerror(errno));
		return TOOL_USAGE;
	}
	o->tls.errbuf = text;
	o->tls.errlen = sizeof(text);
	err = quic_tls_new_server(&v->site.tls, &o->tls);
	if (err) {
		tool_say(o, "%s", text[0] ? text : quic_strerror(err));
		return TOOL_HANDSHAKE;
	}
	if (!getrlimit(RLIMIT_NOFILE, &lim)) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
	v->site.loop = v->engine->open(text, sizeof(text));
	if (!v->site.loop) {
		tool_say(o, "%s: %s", v->engine->name, text);
		return TOOL_NETWORK;
	}
	err = listener_open(v, argv[1], argv[2]);
	if (err || !v->strict)
		return err;
	err = strict_begin(v->engine == &loop_uring, v->site.listener);
	if (err)
		tool_say(o, "--strict: %s", err == -EINVAL ?
			 "this kernel has no seccomp filters" : strerror(-err));
	return err ? TOOL_NETWORK : 0;
}

/* The operations under way die with the process; their memory is the kernel's until then. */
static void server_close(struct server *v, int err)
{
	if (v->site.loop && v->stats)
		show(v);
	if (v->site.loop)
		v->engine->stop(v->site.loop);
	if (v->strict)
		_exit(err);
	if (v->site.listener >= 0)
		close(v->site.listener);
	if (v->site.root >= 0)
		close(v->site.root);
	if (v->site.loop)
		v->engine->free(v->site.loop);
}

static int engine_choose(struct server *v, const char *arg)
{
	if (!strcmp(arg, "uring")) {
		v->engine = &loop_uring;
	} else if (!strcmp(arg, "epoll")) {
		v->engine = &loop_epoll;
	} else {
		tool_say(&v->site.o, "--engine is uring or epoll, not %s", arg);
		return TOOL_USAGE;
	}
	return 0;
}

enum { OPT_ENGINE = 512, OPT_STRICT, OPT_ONCE, OPT_STATS };

static int option(struct server *v, int c, const char *arg)
{
	switch (c) {
	case OPT_ENGINE:
		return engine_choose(v, arg);
	case OPT_STRICT:
		v->strict = true;
		return 0;
	case OPT_ONCE:
		return tool_number(&v->site.o, "--once", arg, 0, 100000000, &v->site.once);
	case OPT_STATS:
		v->stats = true;
		return 0;
	case '?':
		return TOOL_USAGE;
	default:
		return tool_option(&v->site.o, c, arg);
	}
}

int main(int argc, char **argv)
{
	static const struct option own[] = {
		{ "engine", required_argument, NULL, OPT_ENGINE },
		{ "strict", no_argument, NULL, OPT_STRICT },
		{ "once", required_argument, NULL, OPT_ONCE },
		{ "stats", no_argument, NULL, OPT_STATS },
		{ NULL, 0, NULL, 0 },
	};
	struct server v = { .engine = &loop_uring, .site.listener = -1, .site.root = -1 };
	struct option *options = tool_options(own);
	int c, err = 0;

	quic_set_log_level(-1);		/* reasons come back as text */
	tool_init(&v.site.o, "quic-serve", SITE_ALPN);
	while (!err && (c = getopt_long(argc, argv, TOOL_SHORT, options, NULL)) != -1) {
		if (c == 'h')
			break;
		err = option(&v, c, optarg);
	}
	if (!err && c == 'h') {
		help();
	} else if (!err) {
		signals(&v);
		err = server_open(&v, argc - optind, argv + optind);
		if (!err)
			err = serve(&v);
		server_close(&v, err);
	}
	free(options);
	return err;
}
