// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The client: one connection for each host, a stream for each URL, as many at once as the server
 * allows. A file is written as NAME.part and renamed when the stream ended: what has its name is
 * whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "fetch.h"

#define BUF_SIZE	(1 << 20)
#define TURN_READS	64
#define BLOCKED_MS	20	/* ask again for a stream, should the event not come */

static void help(const struct fetch_proto *proto)
{
	printf("%s - %s"
	       "\n"
	       "All files of a host come over one connection, as many at once as the server allows.\n"
	       "They are named after the last part of the path, so that part has to differ.\n"
	       "\n"
	       "  %s --ca ca.pem https://server.example:4433/a https://server.example:4433/b\n"
	       "\n"
	       "  -d DIR             put the files there (.)\n"
	       "  -o FILE            for a single URL: its file; - is standard output\n"
	       "%s"
	       "  --discard          keep nothing, for measuring\n"
	       "  --parallel N       at most N files at once\n"
	       "  --stall S          give up when nothing comes for S seconds (60)\n"
	       "  --json FILE        a summary for programs; - is standard output\n"
	       "%s%s", proto->name, proto->about, proto->name,
	       proto->has_head ? "  -I, --head         ask for headers only (HEAD) and print them\n" : "",
	       tool_help_options, tool_help_exit);
}

/* 0: opened; EAGAIN: no more streams now; else the connection's end. */
static int request_open(struct fetch *f, struct fetch_request *r)
{
	struct quic_stream_info info = { .stream_id = -1,
					 .stream_flags = MSG_QUIC_STREAM_DONTWAIT };
	socklen_t len = sizeof(info);

	if (getsockopt(f->sd, SOL_QUIC, QUIC_SOCKOPT_STREAM_OPEN, &info, &len))
		return errno;
	r->sid = info.stream_id;
	r->opened = true;
	f->active++;
	return fetch_stream_remember(f, r->sid, r) ? 0 : ENOMEM;
}

/* The server answered, or said no, before it had the whole line. */
static void request_drop(struct fetch *f, struct fetch_request *r)
{
	struct quic_errinfo reset = { .stream_id = r->sid, .errcode = f->proto->cancelled };

	setsockopt(f->sd, SOL_QUIC, QUIC_SOCKOPT_STREAM_RESET, &reset, sizeof(reset));
	fetch_request_end(f, r, true, "the server did not want to read the request");
}

/* Start what may be started. 0 or the errno that ended the connection. */
static int requests_start(struct fetch *f)
{
	int err = 0;

	f->stream_blocked = false;
	f->send_blocked = false;
	while (f->next < f->last) {
		struct fetch_request *r = &f->reqs[f->next];

		if (!r->opened) {
			if (f->parallel && f->active >= f->parallel)
				return 0;
			err = request_open(f, r);
			if (err) {
				f->stream_blocked = err == EAGAIN;
				break;
			}
		}
		/* EINVAL: the stream takes no more, by the server's STOP_SENDING. */
		err = r->done ? EINVAL : f->proto->ask(f, r);
		if (err == EINVAL) {
			request_drop(f, r);
			err = 0;
		}
		if (err) {
			f->send_blocked = err == EAGAIN;
			break;
		}
		f->next++;
	}
	return err == EAGAIN || err == EINTR ? 0 : err;
}

/* A stream that the server reset; 0 or the errno that ended the connection. */
static int event_take(struct fetch *f, size_t len)
{
	struct quic_stream_update update;
	struct fetch_request *r;
	char why[64];

	if (f->buf[0] != QUIC_EVENT_STREAM_UPDATE || len < 1 + sizeof(update))
		return 0;
	memcpy(&update, f->buf + 1, sizeof(update));
	if (update.state != QUIC_STREAM_RECV_STATE_RESET_RECVD)
		return 0;
	r = fetch_request_find(f, update.id);
	if (r) {
		snprintf(why, sizeof(why), "the server refused it (error %u)", update.errcode);
		f->moved = tool_now_us();
		fetch_request_end(f, r, true, why);
	}
	return f->proto->reset ? f->proto->reset(f, update.id, update.errcode) : 0;
}

static int receive_all(struct fetch *f)
{
	int i, err = 0;

	for (i = 0; i < TURN_READS && !err; i++) {
		uint32_t flags = MSG_DONTWAIT;
		int64_t sid = -1;
		ssize_t ret;

		ret = quic_recvmsg(f->sd, f->buf, BUF_SIZE, &sid, &flags);
		if (ret < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : errno;
		if (flags & MSG_QUIC_NOTIFICATION)
			err = event_take(f, ret);
		else if (flags & MSG_QUIC_DATAGRAM)
			continue;
		else if (sid < 0)
			err = ENOTCONN;
		else
			err = f->proto->recv(f, sid, ret, flags & MSG_QUIC_STREAM_FIN);
	}
	return err;
}

static void show(struct fetch *f, bool end)
{
	char text[64];

	snprintf(text, sizeof(text), "%zu/%zu files", f->files, f->count);
	if (end)
		progress_end(&f->progress, f->sd, f->bytes, text);
	else
		progress_show(&f->progress, f->sd, f->bytes, text);
}

static size_t unfinished(const struct fetch *f)
{
	return f->active + (f->last - f->next);
}

static int connection_turn(struct fetch *f)
{
	struct pollfd pfd = { .fd = f->sd };
	int timeout = progress_wait(&f->progress), err;

	err = requests_start(f);
	if (!err && f->proto->flush)
		err = f->proto->flush(f);
	if (err)
		return err;
	tool_key_update(&f->o, f->sd, f->bytes, &f->key_updated);
	pfd.events = POLLIN;
	if ((f->stream_blocked || f->send_blocked) && (timeout < 0 || timeout > BLOCKED_MS))
		timeout = BLOCKED_MS;
	if (timeout < 0 || timeout > 1000)
		timeout = 1000;
	if (poll(&pfd, 1, timeout) < 0 && errno != EINTR)
		return errno;
	if (pfd.revents) {
		err = receive_all(f);
		if (err)
			return err;
	}
	show(f, false);
	if (tool_now_us() - f->moved > f->stall_s * 1000000LL)
		return ETIMEDOUT;
	return 0;
}

static void requests_reset(struct fetch *f)
{
	size_t i;

	f->next = f->first;
	f->active = 0;
	if (f->by_stream)
		memset(f->by_stream, 0, f->by_stream_count * sizeof(*f->by_stream));
	for (i = f->first; i < f->last; i++) {
		f->reqs[i].opened = false;
		f->reqs[i].asked = 0;
	}
}

static void proto_close(struct fetch *f)
{
	if (f->proto->close)
		f->proto->close(f);
	f->opened = false;
}

/* The protocol's own streams, unless 0-RTT took them along. 0 or an errno. */
static int proto_open(struct fetch *f)
{
	int err = f->proto->open && !f->opened ? f->proto->open(f) : 0;

	f->opened = true;
	return err;
}

/*
 * --zerortt: the requests leave with the ClientHello, as many as the server allowed last time. Called
 * again when the connection begins anew. What fails here fails again once it is established.
 */
static void requests_early(int sd, void *arg)
{
	struct fetch *f = arg;

	f->sd = sd;
	requests_reset(f);
	if (f->opened)
		proto_close(f);
	if (proto_open(f)) {
		proto_close(f);
		return;
	}
	if (!requests_start(f) && f->proto->flush)
		f->proto->flush(f);
}

/* All requests of one host. 0 or an exit code. */
static int connection_run(struct fetch *f)
{
	const struct http_url *url = &f->reqs[f->first].url;
	int64_t start = tool_now_us();
	char text[160];
	size_t i;
	int err = 0;

	requests_reset(f);
	f->opened = false;
	f->o.tls.early = requests_early;
	f->o.tls.early_arg = f;
	f->sd = tool_connect(&f->o, url->host, url->port);
	if (f->sd < 0) {
		err = -f->sd;
		f->failed += f->last - f->first;
		proto_close(f);
		return err;
	}
	f->connections++;
	f->moved = tool_now_us();
	f->handshake_us += f->moved - start;
	if (tool_nonblock(f->sd) || tool_event(f->sd, QUIC_EVENT_STREAM_UPDATE) ||
	    tool_event(f->sd, QUIC_EVENT_STREAM_MAX_STREAM))
		err = errno;
	f->key_updated = false;
	f->why = NULL;
	if (!err)
		err = proto_open(f);
	while (!err && unfinished(f))
		err = connection_turn(f);

	f->have_info = tool_info(f->sd, &f->info);
	for (i = f->first; err && i < f->last; i++)
		fetch_request_end(f, &f->reqs[i], true, err == ETIMEDOUT ? "nothing came any more" :
				  f->why ? f->why : tool_reason(f->sd, err, text, sizeof(text)));
	proto_close(f);
	return f->failed ? TOOL_FAILED : TOOL_OK;
}

/* URLs of one host side by side, otherwise in the order given. */
static void group(struct fetch_request *reqs, size_t count)
{
	size_t i, j, end;

	for (i = 0; i < count; i = end) {
		end = i + 1;
		for (j = end; j < count; j++) {
			struct fetch_request moved = reqs[j];

			if (strcmp(reqs[i].url.host, moved.url.host) ||
			    strcmp(reqs[i].url.port, moved.url.port))
				continue;
			memmove(&reqs[end + 1], &reqs[end], (j - end) * sizeof(*reqs));
			reqs[end++] = moved;
		}
	}
}

static size_t group_end(const struct fetch *f, size_t i)
{
	const struct http_url *url = &f->reqs[i].url;

	while (i < f->count && !strcmp(url->host, f->reqs[i].url.host) &&
	       !strcmp(url->port, f->reqs[i].url.port))
		i++;
	return i;
}

/* Is @b what @a is called while it comes? */
static bool part_of(const char *a, const char *b)
{
	size_t len = strlen(a);

	return !strncmp(a, b, len) && !strcmp(b + len, ".part");
}

/* Two files of one name would be written into each other. */
static bool names_differ(struct fetch *f)
{
	size_t i, j;

	for (i = 1; i < f->count && !f->discard; i++) {
		for (j = 0; j < i; j++) {
			const char *one = f->reqs[j].url.name, *other = f->reqs[i].url.name;

			if (strcmp(one, other) && !part_of(one, other) && !part_of(other, one))
				continue;
			tool_say(&f->o, "%s and %s would both be saved as %s: fetch them one after the other, into folders of their own",
				 f->reqs[j].text, f->reqs[i].text, f->reqs[i].url.name);
			return false;
		}
	}
	return true;
}

static int requests_parse(struct fetch *f, int argc, char **argv)
{
	int i;

	if (!argc || (f->output && argc > 1)) {
		tool_say(&f->o, argc ? "-o takes a single URL; use -d DIR" :
				       "give a URL; --help explains");
		return TOOL_USAGE;
	}
	f->reqs = calloc(argc, sizeof(*f->reqs));
	f->buf = malloc(BUF_SIZE);
	if (!f->reqs || !f->buf) {
		tool_say(&f->o, "no memory");
		return TOOL_FAILED;
	}
	for (i = 0; i < argc; i++) {
		f->reqs[i].fd = -1;
		f->reqs[i].text = argv[i];
		if (!http_url_parse(argv[i], &f->reqs[i].url)) {
			tool_say(&f->o, "not a URL of the form https://host[:port]/path: %s", argv[i]);
			return TOOL_USAGE;
		}
		f->count++;
	}
	if (!names_differ(f))
		return TOOL_USAGE;
	group(f->reqs, f->count);
	return tool_options_done(&f->o, false);
}

static int fetch_run(struct fetch *f)
{
	struct rlimit lim;
	int err, ret = TOOL_OK;

	if (!getrlimit(RLIMIT_NOFILE, &lim)) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
	f->start = tool_now_us();
	progress_start(&f->progress, f->o.name, f->o.progress);
	for (f->first = 0; f->first < f->count; f->first = f->last) {
		f->last = group_end(f, f->first);
		err = connection_run(f);
		if (err > ret)
			ret = err;
		if (f->last == f->count)
			show(f, true);
		tool_session_save(&f->o);
		if (f->sd >= 0)
			close(f->sd);
	}
	if (f->json && !fetch_json(f) && !ret)
		ret = TOOL_FAILED;
	return ret;
}

static void fetch_free(struct fetch *f)
{
	size_t i;

	for (i = 0; i < f->count; i++) {
		http_url_free(&f->reqs[i].url);
		free(f->reqs[i].part);
		free(f->reqs[i].file);
	}
	free(f->reqs);
	free(f->by_stream);
	free(f->buf);
}

enum { OPT_DISCARD = 512, OPT_PARALLEL, OPT_STALL, OPT_JSON };

static int fetch_option(struct fetch *f, int c, const char *arg)
{
	switch (c) {
	case 'd':
		f->dir = arg;
		return 0;
	case 'o':
		f->output = arg;
		return 0;
	case 'I':
		if (!f->proto->has_head) {
			tool_say(&f->o, "HTTP/0.9 has no headers");
			return TOOL_USAGE;
		}
		f->head = true;
		f->discard = true;
		return 0;
	case OPT_DISCARD:
		f->discard = true;
		return 0;
	case OPT_PARALLEL:
		return tool_number(&f->o, "--parallel", arg, 0, 1000000, &f->parallel);
	case OPT_STALL:
		return tool_number(&f->o, "--stall", arg, 1, 86400, &f->stall_s);
	case OPT_JSON:
		f->json = arg;
		return 0;
	case '?':
		return TOOL_USAGE;
	default:
		return tool_option(&f->o, c, arg);
	}
}

int fetch_main(const struct fetch_proto *proto, int argc, char **argv)
{
	static const struct option own[] = {
		{ "discard", no_argument, NULL, OPT_DISCARD },
		{ "parallel", required_argument, NULL, OPT_PARALLEL },
		{ "stall", required_argument, NULL, OPT_STALL },
		{ "json", required_argument, NULL, OPT_JSON },
		{ "head", no_argument, NULL, 'I' },
		{ NULL, 0, NULL, 0 },
	};
	struct option *options = tool_options(own);
	struct fetch f = { .dir = ".", .sd = -1, .stall_s = 60, .proto = proto };
	int c, err = 0;

	tool_init(&f.o, proto->name, proto->alpn);
	while (!err && (c = getopt_long(argc, argv, TOOL_SHORT "d:o:I", options, NULL)) != -1) {
		if (c == 'h')
			break;
		err = fetch_option(&f, c, optarg);
	}
	if (!err && c == 'h') {
		help(proto);
	} else if (!err) {
		err = requests_parse(&f, argc - optind, argv + optind);
		if (!err)
			err = fetch_run(&f);
		if ((fflush(stdout) || ferror(stdout)) && !err) {
			tool_say(&f.o, "standard output: %s", strerror(errno));
			err = TOOL_FAILED;
		}
	}
	fetch_free(&f);
	free(options);
	return err;
}
