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
#include "hq.h"
#include "progress.h"

#define BUF_SIZE	(1 << 20)
#define TURN_READS	64
#define BLOCKED_MS	20	/* ask again for a stream, should the event not come */

struct request {
	struct hq_url url;
	const char *text;
	int fd;
	bool opened, done, failed;
	int64_t sid;
	size_t asked;		/* bytes of the request line sent */
	uint64_t bytes;
	char *part, *file;	/* names; NULL: stdout or nowhere */
};

struct fetch {
	struct tool_opts o;
	const char *dir;
	const char *output;	/* -o; "-": stdout */
	const char *json;
	bool discard;
	unsigned int parallel;	/* 0: what the server allows */
	unsigned int stall_s;

	struct request *reqs;
	size_t count;
	size_t first, last;	/* the requests of the connection at work: [first, last) */
	size_t next;		/* to be opened */
	struct request **by_stream;	/* [stream ID / 4] */
	size_t by_stream_count;
	size_t active;
	bool stream_blocked, send_blocked;
	int sd;
	uint8_t *buf;

	uint64_t bytes;
	size_t files, failed;
	unsigned int connections;
	int64_t handshake_us, start, moved;
	struct quic_info info;
	bool have_info;
	struct progress progress;
};

static void help(void)
{
	printf("quic-hq fetch - fetch files by HTTP/0.9 over QUIC\n"
	       "\n"
	       "  quic-hq fetch [OPTIONS] URL...          https://HOST[:PORT]/PATH, port 443\n"
	       "\n"
	       "All files of a host come over one connection, as many at once as the server allows.\n"
	       "They are named after the last part of the path, so that part has to differ.\n"
	       "\n"
	       "  quic-hq fetch --ca ca.pem https://server.example:4433/a https://server.example:4433/b\n"
	       "\n"
	       "  -d DIR             put the files there (.)\n"
	       "  -o FILE            for a single URL: its file; - is standard output\n"
	       "  --discard          keep nothing, for measuring\n"
	       "  --parallel N       at most N files at once\n"
	       "  --stall S          give up when nothing comes for S seconds (60)\n"
	       "  --json FILE        a summary for programs; - is standard output\n"
	       "%s%s", tool_help_options, tool_help_exit);
}

static void request_close(struct fetch *f, struct request *r, bool failed, const char *why)
{
	if (r->done)
		return;
	r->done = true;
	r->failed = failed;
	if (r->fd >= 0 && r->fd != STDOUT_FILENO && close(r->fd) && !r->failed) {
		r->failed = true;
		why = strerror(errno);
	}
	r->fd = -1;
	if (!r->failed && r->part && rename(r->part, r->file)) {
		r->failed = true;
		why = strerror(errno);
	}
	if (r->failed && r->part)
		unlink(r->part);
	if (r->opened)
		f->active--;
	if (r->failed) {
		f->failed++;
		tool_say(&f->o, "%s: %s", r->text, why);
	} else {
		f->files++;
	}
}

/* The file appears with the first byte, or at the end when there is none. */
static bool request_file(struct fetch *f, struct request *r)
{
	const char *dir = f->output ? "" : f->dir;
	const char *name = f->output ? f->output : r->url.name;

	if (r->fd >= 0 || f->discard)
		return true;
	if (f->output && !strcmp(f->output, "-")) {
		r->fd = STDOUT_FILENO;
		return true;
	}
	if (asprintf(&r->file, "%s%s%s", dir, *dir ? "/" : "", name) < 0)
		r->file = NULL;
	if (r->file && asprintf(&r->part, "%s.part", r->file) < 0)
		r->part = NULL;
	if (r->part)
		r->fd = open(r->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (r->fd < 0 && r->part) {
		free(r->part);	/* not ours to remove */
		r->part = NULL;
	}
	return r->fd >= 0;
}

static bool write_all(int fd, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t ret = write(fd, data, len);

		if (ret < 0 && errno == EINTR)
			continue;
		if (ret < 0)
			return false;
		data += ret;
		len -= ret;
	}
	return true;
}

static void request_data(struct fetch *f, struct request *r, size_t len, bool fin)
{
	struct quic_errinfo stop = { .stream_id = r->sid };
	int err;

	if (r->done)
		return;
	r->bytes += len;
	f->bytes += len;
	f->moved = tool_now_us();
	if ((len || fin) &&
	    (!request_file(f, r) || (r->fd >= 0 && !write_all(r->fd, f->buf, len)))) {
		err = errno;
		setsockopt(f->sd, SOL_QUIC, QUIC_SOCKOPT_STREAM_STOP_SENDING, &stop, sizeof(stop));
		request_close(f, r, true, strerror(err));
		return;
	}
	if (fin)
		request_close(f, r, false, NULL);
}

static struct request *request_find(struct fetch *f, int64_t sid)
{
	if (sid < 0 || sid & QUIC_STREAM_TYPE_MASK || (uint64_t)sid / 4 >= f->by_stream_count)
		return NULL;
	return f->by_stream[sid / 4];
}

static bool stream_remember(struct fetch *f, int64_t sid, struct request *r)
{
	size_t index = sid / 4, count = f->by_stream_count;
	struct request **grown;

	if (index >= count) {
		while (count <= index)
			count = count ? count * 2 : 64;
		grown = reallocarray(f->by_stream, count, sizeof(*grown));
		if (!grown)
			return false;
		memset(grown + f->by_stream_count, 0,
		       (count - f->by_stream_count) * sizeof(*grown));
		f->by_stream = grown;
		f->by_stream_count = count;
	}
	f->by_stream[index] = r;
	return true;
}

/* 0: opened; EAGAIN: no more streams now; else the connection's end. */
static int request_open(struct fetch *f, struct request *r)
{
	struct quic_stream_info info = { .stream_id = -1,
					 .stream_flags = MSG_QUIC_STREAM_DONTWAIT };
	socklen_t len = sizeof(info);

	if (getsockopt(f->sd, SOL_QUIC, QUIC_SOCKOPT_STREAM_OPEN, &info, &len))
		return errno;
	r->sid = info.stream_id;
	r->opened = true;
	f->active++;
	return stream_remember(f, r->sid, r) ? 0 : ENOMEM;
}

/* A server may allow less at once than a line has. What is taken in part has not carried the FIN. */
static int request_send(struct fetch *f, struct request *r)
{
	char line[HQ_REQUEST_MAX];
	size_t len = snprintf(line, sizeof(line), "GET %s\r\n", r->url.path);
	ssize_t ret;

	while (r->asked < len) {
		ret = quic_sendmsg(f->sd, line + r->asked, len - r->asked, r->sid,
				   MSG_DONTWAIT | MSG_NOSIGNAL | MSG_QUIC_STREAM_FIN);
		if (ret < 0)
			return errno == ENOSPC ? EAGAIN : errno;
		r->asked += ret;
	}
	return 0;
}

/* The server answered, or said no, before it had the whole line. */
static void request_drop(struct fetch *f, struct request *r)
{
	struct quic_errinfo reset = { .stream_id = r->sid, .errcode = HQ_ERROR_NONE };

	setsockopt(f->sd, SOL_QUIC, QUIC_SOCKOPT_STREAM_RESET, &reset, sizeof(reset));
	request_close(f, r, true, "the server did not want to read the request");
}

/* Start what may be started. 0 or the errno that ended the connection. */
static int requests_start(struct fetch *f)
{
	int err = 0;

	f->stream_blocked = false;
	f->send_blocked = false;
	while (f->next < f->last) {
		struct request *r = &f->reqs[f->next];

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
		err = r->done ? EINVAL : request_send(f, r);
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

static void event_take(struct fetch *f, size_t len)
{
	struct quic_stream_update update;
	struct request *r;
	char why[64];

	if (f->buf[0] != QUIC_EVENT_STREAM_UPDATE || len < 1 + sizeof(update))
		return;
	memcpy(&update, f->buf + 1, sizeof(update));
	if (update.state != QUIC_STREAM_RECV_STATE_RESET_RECVD)
		return;
	r = request_find(f, update.id);
	if (!r)
		return;
	snprintf(why, sizeof(why), "the server refused it (error %u)", update.errcode);
	f->moved = tool_now_us();
	request_close(f, r, true, why);
}

static int receive_all(struct fetch *f)
{
	int i;

	for (i = 0; i < TURN_READS; i++) {
		uint32_t flags = MSG_DONTWAIT;
		struct request *r;
		int64_t sid = -1;
		ssize_t ret;

		ret = quic_recvmsg(f->sd, f->buf, BUF_SIZE, &sid, &flags);
		if (ret < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : errno;
		if (flags & MSG_QUIC_NOTIFICATION) {
			event_take(f, ret);
			continue;
		}
		if (flags & MSG_QUIC_DATAGRAM)
			continue;
		if (sid < 0)
			return ENOTCONN;
		r = request_find(f, sid);
		if (r)
			request_data(f, r, ret, flags & MSG_QUIC_STREAM_FIN);
	}
	return 0;
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
	if (err)
		return err;
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

/* All requests of one host. 0 or an exit code. */
static int connection_run(struct fetch *f)
{
	const struct hq_url *url = &f->reqs[f->first].url;
	int64_t start = tool_now_us();
	char text[160];
	size_t i;
	int err = 0;

	f->sd = tool_connect(&f->o, url->host, url->port);
	if (f->sd < 0) {
		err = -f->sd;
		f->failed += f->last - f->first;
		return err;
	}
	f->connections++;
	f->moved = tool_now_us();
	f->handshake_us += f->moved - start;
	f->next = f->first;
	f->active = 0;
	if (f->by_stream)
		memset(f->by_stream, 0, f->by_stream_count * sizeof(*f->by_stream));
	if (tool_nonblock(f->sd) || tool_event(f->sd, QUIC_EVENT_STREAM_UPDATE) ||
	    tool_event(f->sd, QUIC_EVENT_STREAM_MAX_STREAM))
		err = errno;
	while (!err && unfinished(f))
		err = connection_turn(f);

	f->have_info = tool_info(f->sd, &f->info);
	for (i = f->first; err && i < f->last; i++)
		request_close(f, &f->reqs[i], true, err == ETIMEDOUT ? "nothing came any more" :
			      tool_reason(f->sd, err, text, sizeof(text)));
	return f->failed ? TOOL_FAILED : TOOL_OK;
}

static bool json_write(struct fetch *f)
{
	FILE *out = strcmp(f->json, "-") ? fopen(f->json, "we") : stdout;
	double seconds = (tool_now_us() - f->start) / 1e6;

	if (!out) {
		tool_say(&f->o, "%s: %s", f->json, strerror(errno));
		return false;
	}
	fprintf(out, "{\"files\": %zu, \"failed\": %zu, \"bytes\": %llu, \"seconds\": %.6f, "
		"\"connections\": %u, \"handshake_ms\": %.3f",
		f->files, f->failed, (unsigned long long)f->bytes, seconds, f->connections,
		f->handshake_us / 1000.0);
	if (f->have_info)
		fprintf(out, ", \"smoothed_rtt_us\": %u, \"min_rtt_us\": %u, \"pmtu\": %u, "
			"\"packets_received\": %llu, \"packets_sent\": %llu, \"packets_lost\": %llu",
			f->info.smoothed_rtt, f->info.min_rtt, f->info.pmtu,
			(unsigned long long)f->info.packets_received,
			(unsigned long long)f->info.packets_sent,
			(unsigned long long)f->info.packets_lost);
	fprintf(out, "}\n");
	if (out == stdout ? fflush(out) : fclose(out)) {
		tool_say(&f->o, "%s: %s", f->json, strerror(errno));
		return false;
	}
	return true;
}

/* URLs of one host side by side, otherwise in the order given. */
static void group(struct request *reqs, size_t count)
{
	size_t i, j, end;

	for (i = 0; i < count; i = end) {
		end = i + 1;
		for (j = end; j < count; j++) {
			struct request moved = reqs[j];

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
	const struct hq_url *url = &f->reqs[i].url;

	while (i < f->count && !strcmp(url->host, f->reqs[i].url.host) &&
	       !strcmp(url->port, f->reqs[i].url.port))
		i++;
	return i;
}

/* Two files of one name would be written into each other. */
static bool names_differ(struct fetch *f)
{
	size_t i, j;

	for (i = 1; i < f->count && !f->discard; i++) {
		for (j = 0; j < i; j++) {
			if (strcmp(f->reqs[i].url.name, f->reqs[j].url.name))
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
		if (!hq_url_parse(argv[i], &f->reqs[i].url)) {
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
		if (f->sd >= 0)
			close(f->sd);
	}
	if (f->json && !json_write(f) && !ret)
		ret = TOOL_FAILED;
	return ret;
}

static void fetch_free(struct fetch *f)
{
	size_t i;

	for (i = 0; i < f->count; i++) {
		hq_url_free(&f->reqs[i].url);
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

int hq_fetch(int argc, char **argv)
{
	static const struct option own[] = {
		{ "discard", no_argument, NULL, OPT_DISCARD },
		{ "parallel", required_argument, NULL, OPT_PARALLEL },
		{ "stall", required_argument, NULL, OPT_STALL },
		{ "json", required_argument, NULL, OPT_JSON },
		{ NULL, 0, NULL, 0 },
	};
	struct option *options = tool_options(own);
	struct fetch f = { .dir = ".", .sd = -1, .stall_s = 60 };
	int c, err = 0;

	tool_init(&f.o, "quic-hq fetch", HQ_ALPN);
	while (!err && (c = getopt_long(argc, argv, TOOL_SHORT "d:o:", options, NULL)) != -1) {
		if (c == 'h')
			break;
		err = fetch_option(&f, c, optarg);
	}
	if (!err && c == 'h') {
		help();
	} else if (!err) {
		err = requests_parse(&f, argc - optind, argv + optind);
		if (!err)
			err = fetch_run(&f);
	}
	fetch_free(&f);
	free(options);
	return err;
}
