// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "h3.h"

#define VECTORS		16
#define TABLE_BYTES	4096	/* of the QPACK dynamic table, each way */
#define STREAMS_AHEAD	100	/* where the socket does not tell how many a client may have */

nghttp3_nv h3_field(const char *name, const char *value)
{
	nghttp3_nv field = { .name = (uint8_t *)name, .value = (uint8_t *)value,
			     .namelen = strlen(name), .valuelen = strlen(value) };

	return field;
}

/* What close() will tell the peer. */
static void close_code(int sd, uint64_t code, const char *why)
{
	struct quic_connection_close end = { .errcode = code };

	if (why)
		memcpy(end.phrase, why, strnlen(why, sizeof(end.phrase)));
	setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_CONNECTION_CLOSE, &end, sizeof(end));
}

static bool fail(struct h3 *h, int err)
{
	h->why = nghttp3_strerror(err);
	close_code(h->sd, nghttp3_err_infer_quic_app_error_code(err), h->why);
	return false;
}

static int stop_sending(nghttp3_conn *conn, int64_t sid, uint64_t code, void *user, void *stream)
{
	struct quic_errinfo info = { .stream_id = sid, .errcode = code };
	struct h3 *h = user;

	(void)conn;
	(void)stream;
	/* No more will come of it, nor will its end. */
	if (!setsockopt(h->sd, SOL_QUIC, QUIC_SOCKOPT_STREAM_STOP_SENDING, &info, sizeof(info)) &&
	    sid & QUIC_STREAM_TYPE_UNI_MASK)
		h3_end(h, sid, NGHTTP3_H3_NO_ERROR);
	return 0;
}

/* A malformed message (RFC 9114, 4.1.2), or a push that we never asked for. */
static int reset_stream(nghttp3_conn *conn, int64_t sid, uint64_t code, void *user, void *stream)
{
	(void)conn;
	(void)stream;
	h3_end(user, sid, code);
	return 0;
}

static bool open_streams(struct h3 *h)
{
	int64_t sid[3];
	int i;

	for (i = 0; i < 3; i++) {
		struct quic_stream_info info = { .stream_id = -1, .stream_flags =
			MSG_QUIC_STREAM_UNI | MSG_QUIC_STREAM_DONTWAIT };
		socklen_t len = sizeof(info);

		if (getsockopt(h->sd, SOL_QUIC, QUIC_SOCKOPT_STREAM_OPEN, &info, &len)) {
			h->why = "the peer does not allow the streams that HTTP/3 needs";
			close_code(h->sd, NGHTTP3_H3_GENERAL_PROTOCOL_ERROR, h->why);
			return false;
		}
		sid[i] = info.stream_id;
	}
	if (nghttp3_conn_bind_control_stream(h->conn, sid[0]) ||
	    nghttp3_conn_bind_qpack_streams(h->conn, sid[1], sid[2]))
		return fail(h, NGHTTP3_ERR_NOMEM);
	return true;
}

/* How many the peer may have open at a time: what we offered it */
static uint64_t streams_allowed(int sd)
{
	struct quic_transport_param param = { 0 };
	socklen_t len = sizeof(param);

	if (getsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_TRANSPORT_PARAM, &param, &len) ||
	    !param.max_streams_bidi)
		return STREAMS_AHEAD;
	return param.max_streams_bidi;
}

/*
 * The kernel sees to it that no stream comes too early. But a PRIORITY_UPDATE may name one that has
 * not come, and nghttp3 makes it then: as many as could be open at a time, and no more.
 */
static void ids_raise(struct h3 *h, uint64_t streams)
{
	if (streams + h->ahead <= h->ids)
		return;
	h->ids = streams + h->ahead;
	nghttp3_conn_set_max_client_streams_bidi(h->conn, h->ids);
}

bool h3_new(struct h3 *h, int sd, bool server, const nghttp3_callbacks *callbacks)
{
	nghttp3_callbacks all = *callbacks;
	nghttp3_settings settings;
	int err;

	h->sd = sd;
	all.stop_sending = stop_sending;
	all.reset_stream = reset_stream;
	nghttp3_settings_default(&settings);
	settings.qpack_max_dtable_capacity = TABLE_BYTES;
	settings.qpack_encoder_max_dtable_capacity = TABLE_BYTES;
	/* nghttp3 keeps all that comes on a stream which waits for the table, without a bound. */
	settings.qpack_blocked_streams = 0;
	if (server)
		err = nghttp3_conn_server_new(&h->conn, &all, &settings, NULL, h);
	else
		err = nghttp3_conn_client_new(&h->conn, &all, &settings, NULL, h);
	if (err) {
		h->conn = NULL;
		return fail(h, err);
	}
	close_code(sd, NGHTTP3_H3_NO_ERROR, NULL);
	if (server) {
		h->ahead = 2 * streams_allowed(sd);
		ids_raise(h, 0);
	}
	return open_streams(h);
}

void h3_free(struct h3 *h)
{
	if (h->conn)
		nghttp3_conn_del(h->conn);
	h->conn = NULL;
	free(h->blocked);
	free(h->ends);
	h->blocked = NULL;
	h->ends = NULL;
}

/* Room for one more. */
static void *grown(void *array, size_t size, size_t count, size_t *room)
{
	void *more;

	if (count < *room)
		return array;
	more = reallocarray(array, *room ? *room * 2 : 16, size);
	if (more)
		*room = *room ? *room * 2 : 16;
	return more;
}

void h3_end(struct h3 *h, int64_t sid, uint32_t code)
{
	struct h3_end *more = grown(h->ends, sizeof(*more), h->ends_count, &h->ends_room);

	if (!more)
		return;		/* it stays until the connection ends */
	h->ends = more;
	h->ends[h->ends_count++] = (struct h3_end){ .sid = sid, .code = code };
}

static void ends_run(struct h3 *h)
{
	size_t i;

	/* Closing one may end others. */
	for (i = 0; i < h->ends_count; i++) {
		struct quic_errinfo info = { .stream_id = h->ends[i].sid, .errcode = h->ends[i].code };

		if (info.errcode != NGHTTP3_H3_NO_ERROR) {
			setsockopt(h->sd, SOL_QUIC, QUIC_SOCKOPT_STREAM_RESET, &info, sizeof(info));
			setsockopt(h->sd, SOL_QUIC, QUIC_SOCKOPT_STREAM_STOP_SENDING, &info,
				   sizeof(info));
		}
		nghttp3_conn_close_stream(h->conn, info.stream_id, info.errcode);
	}
	h->ends_count = 0;
}

bool h3_recv(struct h3 *h, int64_t sid, const uint8_t *data, size_t len, bool fin)
{
	bool uni = sid & QUIC_STREAM_TYPE_UNI_MASK;
	nghttp3_ssize ret;

	if (h->ahead && !uni)
		ids_raise(h, (uint64_t)sid / 4 + 1);
	ret = nghttp3_conn_read_stream(h->conn, sid, data, len, fin);
	if (ret < 0)
		return fail(h, ret);
	/* Of a type nobody knows (RFC 9114, 6.2.3): nghttp3 would keep it. */
	if (uni && fin)
		h3_end(h, sid, NGHTTP3_H3_NO_ERROR);
	ends_run(h);
	return true;
}

bool h3_reset(struct h3 *h, int64_t sid, uint32_t code)
{
	int err;

	if (sid & QUIC_STREAM_TYPE_UNI_MASK) {
		/* H3_CLOSED_CRITICAL_STREAM where it was one: RFC 9114, 6.2.1 */
		err = nghttp3_conn_close_stream(h->conn, sid, code);
		return err && err != NGHTTP3_ERR_STREAM_NOT_FOUND ? fail(h, err) : true;
	}
	h3_end(h, sid, NGHTTP3_H3_REQUEST_CANCELLED);
	ends_run(h);
	return true;
}

static bool block(struct h3 *h, int64_t sid)
{
	int64_t *more = grown(h->blocked, sizeof(*more), h->blocked_count, &h->blocked_room);

	if (!more)
		return false;
	h->blocked = more;
	h->blocked[h->blocked_count++] = sid;
	nghttp3_conn_block_stream(h->conn, sid);
	return true;
}

static ssize_t stream_write(const struct h3 *h, int64_t sid, const nghttp3_vec *vec, size_t count,
			    bool fin)
{
	char control[CMSG_SPACE(sizeof(struct quic_stream_info))] = { 0 };
	struct quic_stream_info info = { .stream_id = sid,
					 .stream_flags = fin ? MSG_QUIC_STREAM_FIN : 0 };
	struct msghdr msg = { .msg_iov = (struct iovec *)vec, .msg_iovlen = count,
			      .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	_Static_assert(sizeof(nghttp3_vec) == sizeof(struct iovec), "the same layout");
	cmsg->cmsg_level = SOL_QUIC;
	cmsg->cmsg_type = QUIC_STREAM_INFO;
	cmsg->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(cmsg), &info, sizeof(info));
	return sendmsg(h->sd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The socket took this much of what was offered. */
static bool taken(struct h3 *h, int64_t sid, size_t len, bool last)
{
	int err = nghttp3_conn_add_write_offset(h->conn, sid, len);

	if (!err)
		err = nghttp3_conn_add_ack_offset(h->conn, sid, len);
	if (err)
		return fail(h, err);
	if (last && h->finished)
		h->finished(h, sid);
	return true;
}

/* One write of one stream. 1: done, ask for the next; 0: nothing to send; -1: the connection is over. */
static int send_one(struct h3 *h, struct h3_sent *sent)
{
	nghttp3_vec vec[VECTORS];
	nghttp3_ssize count;
	int64_t sid = -1;
	ssize_t ret;
	int fin = 0;

	count = nghttp3_conn_writev_stream(h->conn, &sid, &fin, vec, VECTORS);
	if (count < 0) {
		fail(h, count);
		return -1;
	}
	if (sid < 0)
		return 0;
	ret = stream_write(h, sid, vec, count, fin);
	if (ret >= 0) {
		sent->bytes += ret;
		sent->moved = true;
		/* What is taken in part has not carried the FIN. */
		return taken(h, sid, ret, fin && (size_t)ret == nghttp3_vec_len(vec, count)) ? 1 : -1;
	}
	if (errno == EINTR)
		return 1;
	if (errno == EAGAIN || errno == ENOSPC)
		return block(h, sid) ? 1 : -1;
	if (errno != EINVAL || sid & QUIC_STREAM_TYPE_UNI_MASK)
		return -1;
	/* The peer's STOP_SENDING: nothing more of this stream. */
	sent->moved = true;
	h3_end(h, sid, NGHTTP3_H3_REQUEST_CANCELLED);
	ends_run(h);
	return 1;
}

bool h3_send(struct h3 *h, struct h3_sent *sent)
{
	int ret = 1;

	while (h->blocked_count)
		nghttp3_conn_unblock_stream(h->conn, h->blocked[--h->blocked_count]);
	while (ret > 0 && sent->bytes < H3_TURN_BYTES) {
		ret = send_one(h, sent);
		ends_run(h);
	}
	sent->waiting = h->blocked_count || ret > 0;
	return ret >= 0;
}
