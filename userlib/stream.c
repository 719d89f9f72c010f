// SPDX-License-Identifier: LGPL-2.1-or-later
/* Streams as file descriptors: the socket options and accept4() by names. */
#include <errno.h>
#include <string.h>
#include <netinet/quic.h>

static int get(int sd, int opt, void *val, socklen_t len)
{
	return getsockopt(sd, SOL_QUIC, opt, val, &len) ? -errno : 0;
}

static int set(int sd, int opt, const void *val, socklen_t len)
{
	return setsockopt(sd, SOL_QUIC, opt, val, len) ? -errno : 0;
}

int quic_stream_open(int sd, int64_t *id, uint32_t stream_flags, int fd_flags)
{
	struct quic_stream_file file = { .stream_id = -1, .flags = fd_flags,
					 .stream_flags = stream_flags };
	int err = get(sd, QUIC_SOCKOPT_STREAM_FILE, &file, sizeof(file));

	if (err)
		return err;
	if (id)
		*id = file.stream_id;
	return file.sd;
}

int quic_stream_accepting(int sd, int on)
{
	uint32_t value = !!on;

	return set(sd, QUIC_SOCKOPT_STREAM_ACCEPT, &value, sizeof(value));
}

int quic_stream_accept(int sd, int64_t *id, int fd_flags)
{
	struct quic_stream_status status;
	int fd = accept4(sd, NULL, NULL, fd_flags);

	if (fd < 0)
		return -errno;
	/* This cannot fail on a stream's descriptor. */
	if (id)
		*id = quic_stream_status(fd, -1, &status) ? -1 : (int64_t)status.stream_id;
	return fd;
}

int quic_stream_peeloff(int sd, int64_t id, int fd_flags)
{
	struct quic_stream_peeloff peeloff = { .stream_id = id, .flags = fd_flags };
	int err = get(sd, QUIC_SOCKOPT_STREAM_PEELOFF, &peeloff, sizeof(peeloff));

	return err ? err : peeloff.sd;
}

int quic_stream_set_priority(int sd, int64_t id, unsigned int urgency, int incremental)
{
	struct quic_stream_priority priority = { .stream_id = id, .urgency = urgency,
						 .incremental = !!incremental };

	if (urgency > QUIC_STREAM_URGENCY_MAX)
		return -EINVAL;
	return set(sd, QUIC_SOCKOPT_STREAM_PRIORITY, &priority, sizeof(priority));
}

int quic_stream_status(int sd, int64_t id, struct quic_stream_status *status)
{
	memset(status, 0, sizeof(*status));
	status->stream_id = id;
	return get(sd, QUIC_SOCKOPT_STREAM_STATUS, status, sizeof(*status));
}

int quic_stream_reset(int sd, int64_t id, uint32_t code)
{
	struct quic_errinfo info = { .stream_id = id, .errcode = code };

	return set(sd, QUIC_SOCKOPT_STREAM_RESET, &info, sizeof(info));
}

int quic_stream_stop(int sd, int64_t id, uint32_t code)
{
	struct quic_errinfo info = { .stream_id = id, .errcode = code };

	return set(sd, QUIC_SOCKOPT_STREAM_STOP_SENDING, &info, sizeof(info));
}
