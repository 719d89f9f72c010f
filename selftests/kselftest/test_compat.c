// SPDX-License-Identifier: GPL-2.0
/*
 * Control messages of 32-bit x86 programs, from a 64-bit one: sendmsg() and
 * recvmsg() by int $0x80, with everything they point to below 4 GiB. Needs a
 * kernel with IA32 emulation; User-Mode Linux has none.
 */
#include <sys/mman.h>

#include "ktap.h"
#include "pair.h"

static const struct pair_opts plain = {};

#if defined(__x86_64__)

#define NR_SENDMSG	370
#define NR_RECVMSG	372

struct msghdr32 {
	uint32_t name, namelen, iov, iovlen, control;
	uint32_t controllen, flags;
};

struct iov32 {
	uint32_t base, len;
};

struct cmsg32 {
	uint32_t len;
	int32_t level, type;
	char data[20];
};

/* One page below 4 GiB with all of a call's arguments. */
struct low {
	struct msghdr32 msg;
	struct iov32 iov;
	struct cmsg32 cmsg;
	char data[256];
};

static struct low *low;

static uint32_t ptr(const void *p)
{
	return (uint32_t)(uintptr_t)p;
}

static long call32(long nr, int sd, int flags)
{
	long ret;

	asm volatile("int $0x80" : "=a" (ret)
		     : "a" (nr), "b" ((long)sd), "c" ((long)ptr(&low->msg)), "d" ((long)flags)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
}

static bool usable(void)
{
	char buf[4096] = {};
	FILE *f = fopen("/proc/cpuinfo", "r");

	if (f) {
		if (!fread(buf, 1, sizeof(buf) - 1, f))
			buf[0] = 0;
		fclose(f);
	}
	if (strstr(buf, "User Mode Linux"))
		return false;
	low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1,
		   0);
	if (low == MAP_FAILED)
		return false;
	memset(low, 0, sizeof(*low));
	/* a bad descriptor: EBADF if anybody listens at int $0x80 */
	return call32(NR_RECVMSG, -1, 0) == -EBADF;
}

static void setup(size_t len, size_t controllen)
{
	memset(low, 0, sizeof(*low));
	low->iov = (struct iov32){ ptr(low->data), len };
	low->msg = (struct msghdr32){ .iov = ptr(&low->iov), .iovlen = 1,
				      .control = ptr(&low->cmsg), .controllen = controllen };
}

static void recv_stream_info(void)
{
	struct pair p;
	int64_t sid;
	uint32_t flags;

	if (!usable())
		SKIP("no 32-bit system calls here");
	CHECK(!pair_open(&p, &plain));
	CHECK_EQ(send_stream(p.client, 4, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN, "abc", 3, 0),
		 3);
	/* 12 bytes of header, 8 of ID and 4 of flags: no padding on 32 bit */
	setup(sizeof(low->data), 24);
	CHECK_EQ(call32(NR_RECVMSG, p.server, 0), 3);
	CHECK(!(low->msg.flags & MSG_CTRUNC));
	CHECK_EQ(low->msg.controllen, 24);
	CHECK_EQ(low->cmsg.len, 24);
	CHECK_EQ(low->cmsg.level, SOL_QUIC);
	CHECK_EQ(low->cmsg.type, QUIC_STREAM_INFO);
	memcpy(&sid, low->cmsg.data, 8);
	memcpy(&flags, low->cmsg.data + 8, 4);
	CHECK_EQ(sid, 4);
	CHECK(flags & MSG_QUIC_STREAM_FIN);
	pair_close(&p);
}

static void send_stream_info(void)
{
	uint32_t flags = MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN;
	struct pair p;
	int64_t sid = 8;
	char buf[8];

	if (!usable())
		SKIP("no 32-bit system calls here");
	CHECK(!pair_open(&p, &plain));
	setup(5, 24);
	memcpy(low->data, "hello", 5);
	low->cmsg.len = 24;
	low->cmsg.level = SOL_QUIC;
	low->cmsg.type = QUIC_STREAM_INFO;
	memcpy(low->cmsg.data, &sid, 8);
	memcpy(low->cmsg.data + 8, &flags, 4);
	CHECK_EQ(call32(NR_SENDMSG, p.client, 0), 5);
	CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, sizeof(buf), 0), 5);
	CHECK_EQ(sid, 8);
	CHECK(flags & MSG_QUIC_STREAM_FIN);
	pair_close(&p);
}

static void recv_level_info(void)
{
	struct pair p;

	if (!usable())
		SKIP("no 32-bit system calls here");
	CHECK(!pair_begin(&p, &plain));
	CHECK_EQ(send_level(p.server, QUIC_CRYPTO_INITIAL, "answer", 6, 0), 6);
	setup(sizeof(low->data), 12);
	CHECK_EQ(call32(NR_RECVMSG, p.client, 0), -EINVAL);
	setup(sizeof(low->data), 16);
	CHECK_EQ(call32(NR_RECVMSG, p.client, 0), 6);
	CHECK_EQ(low->cmsg.len, 13);
	CHECK_EQ(low->cmsg.type, QUIC_HANDSHAKE_INFO);
	CHECK_EQ(low->cmsg.data[0], QUIC_CRYPTO_INITIAL);
	pair_close(&p);
}

static const struct ktap_case cases[] = {
	{ "recv_stream_info", recv_stream_info },
	{ "send_stream_info", send_stream_info },
	{ "recv_level_info", recv_level_info },
};

#else

static void unsupported(void)
{
	SKIP("x86 only");
}

static const struct ktap_case cases[] = {
	{ "unsupported", unsupported },
};

#endif

KTAP_MAIN(cases)
