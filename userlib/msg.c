// SPDX-License-Identifier: LGPL-2.1-or-later
/* sendmsg() and recvmsg() with the stream in a control message. */
#include <errno.h>
#include <string.h>
#include <netinet/quic.h>

/* Flags that belong to the stream; MSG_QUIC_STREAM_* share values with flags of no use here. */
#define STREAM_FLAGS	((uint32_t)(MSG_QUIC_STREAM_FIN | MSG_QUIC_STREAM_NEW | \
				    MSG_QUIC_STREAM_UNI | MSG_QUIC_STREAM_SNDBLOCK | \
				    MSG_QUIC_STREAM_DONTWAIT))

union stream_control {
	char buf[CMSG_SPACE(sizeof(struct quic_stream_info))];
	struct cmsghdr align;
};

ssize_t quic_sendmsg(int sd, const void *data, size_t len, int64_t sid, uint32_t flags)
{
	struct quic_stream_info info = { .stream_id = sid, .stream_flags = flags & STREAM_FLAGS };
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union stream_control control;
	struct cmsghdr *cmsg;

	/* A datagram belongs to no stream (RFC 9221, 5). */
	if (flags & MSG_QUIC_DATAGRAM)
		return sendmsg(sd, &msg, flags);

	memset(&control, 0, sizeof(control));
	msg.msg_control = control.buf;
	msg.msg_controllen = sizeof(control.buf);
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_QUIC;
	cmsg->cmsg_type = QUIC_STREAM_INFO;
	cmsg->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(cmsg), &info, sizeof(info));
	return sendmsg(sd, &msg, flags & ~STREAM_FLAGS);
}

ssize_t quic_recvmsg(int sd, void *data, size_t len, int64_t *sid, uint32_t *flags)
{
	struct iovec iov = { .iov_base = data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct quic_stream_info info = { .stream_id = -1 };
	union stream_control control;
	struct cmsghdr *cmsg;
	ssize_t ret;

	memset(&control, 0, sizeof(control));
	msg.msg_control = control.buf;
	msg.msg_controllen = sizeof(control.buf);
	ret = recvmsg(sd, &msg, flags ? *flags : 0);
	if (ret < 0)
		return ret;

	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg))
		if (cmsg->cmsg_level == SOL_QUIC && cmsg->cmsg_type == QUIC_STREAM_INFO &&
		    cmsg->cmsg_len >= CMSG_LEN(sizeof(info)))
			memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
	if (sid)
		*sid = info.stream_id;
	if (flags)
		*flags = (uint32_t)msg.msg_flags | info.stream_flags;
	return ret;
}
