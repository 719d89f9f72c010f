// SPDX-License-Identifier: GPL-2.0
/*
 * Control messages, both ways. The layouts differ for 32-bit x86 programs only
 * in the padding at the end: 12 bytes of struct quic_stream_info there.
 */
#include <linux/net_tstamp.h>
#include <net/compat.h>

#include "sock.h"

#define STREAM_INFO_LEN	offsetofend(struct quic_stream_info, stream_flags)
#define STREAM_FLAGS	(MSG_QUIC_STREAM_FIN | MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_UNI | \
			 MSG_QUIC_STREAM_SNDBLOCK | MSG_QUIC_STREAM_DONTWAIT)
#define CALL_FLAGS	(MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL | MSG_WAITALL | MSG_BATCH | \
			 MSG_QUIC_DATAGRAM | MSG_ZEROCOPY)

static int parse_stream(const struct cmsghdr *cmsg, struct quic_cmsg *out)
{
	struct quic_stream_info info = {};

	if (cmsg->cmsg_len < CMSG_LEN(STREAM_INFO_LEN))
		return -EINVAL;
	memcpy(&info, CMSG_DATA(cmsg), STREAM_INFO_LEN);
	/* Libraries pass one set of flags for both places. */
	if (info.stream_flags & ~(STREAM_FLAGS | CALL_FLAGS))
		return -EINVAL;
	if (info.stream_id < -1)
		return -EINVAL;
	out->has_stream = true;
	out->sid = info.stream_id;
	out->flags = info.stream_flags & STREAM_FLAGS;
	return 0;
}

static int parse_level(const struct cmsghdr *cmsg, struct quic_cmsg *out)
{
	struct quic_handshake_info info;

	if (cmsg->cmsg_len < CMSG_LEN(sizeof(info)))
		return -EINVAL;
	memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
	if (info.crypto_level >= QUIC_CRYPTO_EARLY)
		return -EINVAL;
	out->has_level = true;
	out->level = info.crypto_level;
	return 0;
}

int quic_cmsg_parse(struct msghdr *msg, struct quic_cmsg *out)
{
	struct cmsghdr *cmsg;
	int err = 0;

	*out = (struct quic_cmsg){ .sid = -1 };
	if (msg->msg_flags & ~(STREAM_FLAGS | CALL_FLAGS | QUIC_MSG_KERNEL_FLAGS))
		return -EINVAL;
	out->flags = msg->msg_flags & STREAM_FLAGS;
	for_each_cmsghdr(cmsg, msg) {
		if (!CMSG_OK(msg, cmsg))
			return -EINVAL;
		if (cmsg->cmsg_level != SOL_QUIC)
			continue;
		if (out->has_stream || out->has_level)
			return -EINVAL;
		if (cmsg->cmsg_type == QUIC_STREAM_INFO)
			err = parse_stream(cmsg, out);
		else if (cmsg->cmsg_type == QUIC_HANDSHAKE_INFO)
			err = parse_level(cmsg, out);
		else
			err = -EINVAL;
		if (err)
			return err;
	}
	if ((msg->msg_flags & MSG_QUIC_DATAGRAM) && (out->has_stream || out->has_level))
		return -EINVAL;
	return 0;
}

static bool is_compat(const struct msghdr *msg)
{
#ifdef CONFIG_COMPAT
	return msg->msg_flags & MSG_CMSG_COMPAT;
#else
	return false;
#endif
}

void quic_cmsg_put_stream(struct msghdr *msg, u64 id, u32 flags)
{
	struct quic_stream_info info;

	/* All of it goes to the user, what lies behind the last field too. */
	memset(&info, 0, sizeof(info));
	info.stream_id = id;
	info.stream_flags = flags;
	put_cmsg(msg, SOL_QUIC, QUIC_STREAM_INFO,
		 is_compat(msg) ? STREAM_INFO_LEN : sizeof(info), &info);
	if (msg->msg_flags & MSG_CTRUNC)
		msg->msg_flags |= flags;
}

bool quic_cmsg_fits_level(const struct msghdr *msg)
{
	size_t need = CMSG_LEN(sizeof(struct quic_handshake_info));

#ifdef CONFIG_COMPAT
	if (is_compat(msg))
		need = sizeof(struct compat_cmsghdr) + sizeof(struct quic_handshake_info);
#endif
	return msg->msg_control && msg->msg_controllen >= need;
}

void quic_cmsg_put_level(struct msghdr *msg, u8 level)
{
	struct quic_handshake_info info = { .crypto_level = level };

	put_cmsg(msg, SOL_QUIC, QUIC_HANDSHAKE_INFO, sizeof(info), &info);
}

static void put_timespec(struct sock *sk, struct msghdr *msg, u64 stamp)
{
	struct timespec64 ts = ns_to_timespec64(stamp);
	struct __kernel_old_timespec old = { ts.tv_sec, ts.tv_nsec };
	struct __kernel_timespec new = { ts.tv_sec, ts.tv_nsec };

	if (sock_flag(sk, SOCK_TSTAMP_NEW))
		put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMPNS_NEW, sizeof(new), &new);
	else
		put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMPNS_OLD, sizeof(old), &old);
}

static void put_timeval(struct sock *sk, struct msghdr *msg, u64 stamp)
{
	struct __kernel_old_timeval old = ns_to_kernel_old_timeval(stamp);
	struct __kernel_sock_timeval new = { old.tv_sec, old.tv_usec };

	if (sock_flag(sk, SOCK_TSTAMP_NEW))
		put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMP_NEW, sizeof(new), &new);
	else
		put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMP_OLD, sizeof(old), &old);
}

/* SO_TIMESTAMPING: what software takes when a packet comes in. */
static void put_timestamping(struct sock *sk, struct msghdr *msg, u64 stamp)
{
	const u32 wanted = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
	struct scm_timestamping_internal tss = {};

	if ((READ_ONCE(sk->sk_tsflags) & wanted) != wanted)
		return;
	tss.ts[0] = ns_to_timespec64(stamp);
	if (sock_flag(sk, SOCK_TSTAMP_NEW))
		put_cmsg_scm_timestamping64(msg, &tss);
	else
		put_cmsg_scm_timestamping(msg, &tss);
}

void quic_cmsg_put_stamp(struct sock *sk, struct msghdr *msg, u64 stamp)
{
	if (!stamp)
		return;
	put_timestamping(sk, msg, stamp);
	if (!sock_flag(sk, SOCK_RCVTSTAMP))
		return;
	if (sock_flag(sk, SOCK_RCVTSTAMPNS))
		put_timespec(sk, msg, stamp);
	else
		put_timeval(sk, msg, stamp);
}
