// SPDX-License-Identifier: LGPL-2.1-or-later
/* A file is written as NAME.part and renamed when the stream ended: what has its name is whole. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "fetch.h"

void fetch_request_end(struct fetch *f, struct fetch_request *r, bool failed, const char *why)
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
static bool request_file(struct fetch *f, struct fetch_request *r)
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

void fetch_request_data(struct fetch *f, struct fetch_request *r, const uint8_t *data, size_t len, bool fin)
{
	struct quic_errinfo stop = { .stream_id = r->sid, .errcode = f->proto->cancelled };
	int err;

	if (r->done)
		return;
	r->bytes += len;
	f->bytes += len;
	f->moved = tool_now_us();
	if ((len || fin) &&
	    (!request_file(f, r) || (r->fd >= 0 && !write_all(r->fd, data, len)))) {
		err = errno;
		setsockopt(f->sd, SOL_QUIC, QUIC_SOCKOPT_STREAM_STOP_SENDING, &stop, sizeof(stop));
		fetch_request_end(f, r, true, strerror(err));
		return;
	}
	if (fin)
		fetch_request_end(f, r, false, NULL);
}

struct fetch_request *fetch_request_find(struct fetch *f, int64_t sid)
{
	if (sid < 0 || sid & QUIC_STREAM_TYPE_MASK || (uint64_t)sid / 4 >= f->by_stream_count)
		return NULL;
	return f->by_stream[sid / 4];
}

bool fetch_stream_remember(struct fetch *f, int64_t sid, struct fetch_request *r)
{
	size_t index = sid / 4, count = f->by_stream_count;
	struct fetch_request **grown;

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

bool fetch_json(struct fetch *f)
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
