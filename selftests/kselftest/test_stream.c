// SPDX-License-Identifier: GPL-2.0
/*
 * Streams between two sockets of one process: data both ways, many streams,
 * FIN, reset, stop, flow control, what recvmsg() merges and peeks at.
 */
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tls.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "ktap.h"
#include "pair.h"

static const struct pair_opts plain = {};

static void echo_once(const struct pair_opts *o)
{
	char buf[16] = {};
	uint32_t flags;
	struct pair p;
	int64_t sid;

	CHECK(!pair_open(&p, o));
	CHECK_EQ(send(p.client, "ping", 4, 0), 4);
	CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, sizeof(buf), 0), 4);
	CHECK_EQ(sid, 0);
	CHECK(!memcmp(buf, "ping", 4));
	CHECK(!(flags & MSG_QUIC_STREAM_FIN));
	CHECK_EQ(send_stream(p.server, 0, MSG_QUIC_STREAM_FIN, "pong!", 5, 0), 5);
	CHECK_EQ(recv_stream(p.client, &sid, &flags, buf, sizeof(buf), 0), 5);
	CHECK_EQ(sid, 0);
	CHECK(!memcmp(buf, "pong!", 5));
	CHECK(flags & MSG_QUIC_STREAM_FIN);
	CHECK(flags & MSG_EOR);
	pair_close(&p);
}

static void echo_v4(void)
{
	echo_once(&plain);
}

static void echo_v6(void)
{
	echo_once(&(struct pair_opts){ .family = AF_INET6 });
}

static void echo_mapped(void)
{
	echo_once(&(struct pair_opts){ .family = AF_INET6, .mapped = true });
}

static void echo_dgram_type(void)
{
	echo_once(&(struct pair_opts){ .type = SOCK_DGRAM });
}

static void echo_aes256(void)
{
	echo_once(&(struct pair_opts){ .cipher = TLS_CIPHER_AES_GCM_256 });
}

static void echo_ccm(void)
{
	echo_once(&(struct pair_opts){ .cipher = TLS_CIPHER_AES_CCM_128 });
}

static void echo_v2(void)
{
	struct quic_config cf = { .version = QUIC_VERSION_V2 };
	struct quic_info info = {};
	socklen_t len = sizeof(info);
	struct pair_opts o = { .client_config = &cf };
	struct pair p;

	echo_once(&o);
	CHECK(!pair_open(&p, &o));
	CHECK(!get_opt(p.server, QUIC_SOCKOPT_INFO, &info, &len));
	CHECK_EQ(info.version, QUIC_VERSION_V2);
	pair_close(&p);
}

static void echo_chacha(void)
{
	echo_once(&(struct pair_opts){ .cipher = TLS_CIPHER_CHACHA20_POLY1305 });
}

/* --- bulk --- */

struct bulk {
	int sd;
	int64_t sid;
	size_t total, piece;
	int err;
};

static void *bulk_send(void *arg)
{
	struct bulk *b = arg;
	char *buf = malloc(b->piece);
	size_t off = 0, n;
	ssize_t r;

	while (off < b->total) {
		n = b->total - off < b->piece ? b->total - off : b->piece;
		pattern_fill(buf, n, b->sid, off);
		r = send_stream(b->sd, b->sid, (off ? 0 : MSG_QUIC_STREAM_NEW) |
				(off + n == b->total ? MSG_QUIC_STREAM_FIN : 0), buf, n, 0);
		if (r != (ssize_t)n) {
			b->err = r < 0 ? errno : EMSGSIZE;
			break;
		}
		off += r;
	}
	free(buf);
	return NULL;
}

static void bulk(size_t total, size_t piece, size_t read_size, const struct pair_opts *o)
{
	struct bulk b = { .sid = 0, .total = total, .piece = piece };
	char *buf = malloc(read_size);
	uint64_t off = 0;
	pthread_t thread;
	struct pair p;
	uint32_t flags;
	int64_t sid;
	ssize_t n;
	int left;

	CHECK(!pair_open(&p, o));
	b.sd = p.client;
	CHECK(!pthread_create(&thread, NULL, bulk_send, &b));
	do {
		n = recv_stream(p.server, &sid, &flags, buf, read_size, 0);
		CHECK(n >= 0);
		CHECK_EQ(sid, 0);
		CHECK(pattern_ok(buf, n, 0, off));
		off += n;
	} while (!(flags & MSG_QUIC_STREAM_FIN));
	CHECK_EQ(off, total);
	pthread_join(thread, NULL);
	CHECK_EQ(b.err, 0);
	CHECK(!ioctl(p.server, SIOCINQ, &left));
	CHECK_EQ(left, 0);
	pair_close(&p);
	free(buf);
}

static void bulk_large_writes(void)
{
	bulk(4 << 20, 65536, 65536, &plain);
}

static void bulk_small_writes(void)
{
	bulk(200000, 100, 65536, &plain);
}

static void bulk_small_reads(void)
{
	bulk(300000, 20000, 777, &plain);
}

static void bulk_small_rcvbuf(void)
{
	bulk(1 << 20, 30000, 10000, &(struct pair_opts){ .server_rcvbuf = 8192 });
}

static void bulk_small_sndbuf(void)
{
	bulk(1 << 20, 30000, 10000, &(struct pair_opts){ .client_sndbuf = 4096 });
}

static void bulk_one_write(void)
{
	bulk(3 << 20, 3 << 20, 1 << 20, &plain);
}

/* --- many streams --- */

static void many_streams(void)
{
	enum { N = 100, LEN = 3000 };
	uint64_t got[N] = {};
	unsigned int fins = 0;
	struct pair p;
	char buf[8192];
	uint32_t flags;
	int64_t sid;
	ssize_t n;
	int i;

	CHECK(!pair_open(&p, &plain));
	for (i = 0; i < N; i++) {
		pattern_fill(buf, LEN, i * 4, 0);
		CHECK_EQ(send_stream(p.client, -1, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN, buf,
				     LEN, 0), LEN);
	}
	while (fins < N) {
		n = recv_stream(p.server, &sid, &flags, buf, sizeof(buf), 0);
		CHECK(n >= 0);
		CHECK(sid >= 0 && sid < N * 4 && sid % 4 == 0);
		CHECK(pattern_ok(buf, n, sid, got[sid / 4]));
		got[sid / 4] += n;
		if (flags & MSG_QUIC_STREAM_FIN) {
			CHECK_EQ(got[sid / 4], LEN);
			fins++;
		}
	}
	pair_close(&p);
}

/* More streams than the limit, one after the other: credit comes back. */
static void streams_one_by_one(void)
{
	struct quic_transport_param tp = { .max_streams_bidi = 2, .max_streams_uni = 3 };
	struct pair_opts o = { .server = &tp };
	struct pair p;
	char buf[16];
	uint32_t flags;
	int64_t sid;
	int i;

	CHECK(!pair_open(&p, &o));
	for (i = 0; i < 20; i++) {
		CHECK_EQ(send_stream(p.client, -1, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_UNI |
				     MSG_QUIC_STREAM_FIN, "abc", 3, 0), 3);
		CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, sizeof(buf), 0), 3);
		CHECK_EQ(sid, i * 4 + 2);
		CHECK(flags & MSG_QUIC_STREAM_FIN);
	}
	pair_close(&p);
}

static void stream_limit(void)
{
	struct quic_transport_param tp = { .max_streams_bidi = 2 };
	struct pair_opts o = { .server = &tp };
	struct quic_stream_info si = { .stream_id = -1,
				       .stream_flags = MSG_QUIC_STREAM_DONTWAIT };
	socklen_t len = sizeof(si);
	struct pair p;

	CHECK(!pair_open(&p, &o));
	CHECK_EQ(send_stream(p.client, -1, MSG_QUIC_STREAM_NEW, "a", 1, 0), 1);
	CHECK(!get_opt(p.client, QUIC_SOCKOPT_STREAM_OPEN, &si, &len));
	CHECK_EQ(si.stream_id, 4);
	si.stream_id = -1;
	CHECK_ERR(get_opt(p.client, QUIC_SOCKOPT_STREAM_OPEN, &si, &len), EAGAIN);
	CHECK_ERR(send_stream(p.client, -1, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_DONTWAIT, "b", 1,
			      0), EAGAIN);
	CHECK_ERR(send_stream(p.client, -1, MSG_QUIC_STREAM_NEW, "b", 1, MSG_DONTWAIT), EAGAIN);
	set_timeo(p.client, 50);
	CHECK_ERR(send_stream(p.client, -1, MSG_QUIC_STREAM_NEW, "b", 1, 0), EAGAIN);
	pair_close(&p);
}

static void stream_open_option(void)
{
	struct quic_stream_info si = { .stream_id = 8 };
	socklen_t len = sizeof(si);
	struct pair p;
	char buf[8];
	uint32_t flags;
	int64_t sid;

	CHECK(!pair_open(&p, &plain));
	CHECK(!get_opt(p.client, QUIC_SOCKOPT_STREAM_OPEN, &si, &len));
	CHECK_EQ(si.stream_id, 8);
	si.stream_id = 8;
	CHECK_ERR(get_opt(p.client, QUIC_SOCKOPT_STREAM_OPEN, &si, &len), EINVAL);
	si.stream_id = 1;
	CHECK_ERR(get_opt(p.client, QUIC_SOCKOPT_STREAM_OPEN, &si, &len), EINVAL);
	si.stream_id = -2;
	CHECK_ERR(get_opt(p.client, QUIC_SOCKOPT_STREAM_OPEN, &si, &len), EINVAL);
	si = (struct quic_stream_info){ .stream_id = -1, .stream_flags = MSG_QUIC_STREAM_UNI };
	CHECK(!get_opt(p.client, QUIC_SOCKOPT_STREAM_OPEN, &si, &len));
	CHECK_EQ(si.stream_id, 2);
	/* opened last: what a plain send() uses */
	CHECK_EQ(send(p.client, "uni", 3, 0), 3);
	CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, sizeof(buf), 0), 3);
	CHECK_EQ(sid, 2);
	/* those below 8 opened with it */
	CHECK_EQ(send_stream(p.client, 4, 0, "x", 1, 0), 1);
	CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, sizeof(buf), 0), 1);
	CHECK_EQ(sid, 4);
	pair_close(&p);
}

static void send_errors(void)
{
	struct pair p;
	char buf[8];
	uint32_t flags;
	int64_t sid;

	CHECK(!pair_open(&p, &plain));
	CHECK_ERR(send(p.client, "", 0, 0), EMSGSIZE);
	CHECK_ERR(send_stream(p.client, 4, 0, "x", 1, 0), EINVAL);
	CHECK_ERR(send_stream(p.client, 1, MSG_QUIC_STREAM_NEW, "x", 1, 0), EINVAL);
	CHECK_ERR(send_stream(p.client, 3, 0, "x", 1, 0), EINVAL);
	CHECK_ERR(send(p.client, "x", 1, MSG_QUIC_DATAGRAM), EINVAL);
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, "x", 1, 0), 1);
	CHECK_ERR(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, "x", 1, 0), EINVAL);
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_FIN, "", 0, 0), 0);
	CHECK_ERR(send_stream(p.client, 0, 0, "x", 1, 0), EINVAL);
	CHECK_ERR(send_stream(p.client, 0, MSG_QUIC_STREAM_FIN, "", 0, 0), EINVAL);
	CHECK_ERR(send(p.client, "x", 1, 0), EINVAL);
	/* the peer's unidirectional stream is not ours to write */
	CHECK_EQ(send_stream(p.server, -1, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_UNI, "u", 1, 0),
		 1);
	CHECK_EQ(recv_stream(p.client, &sid, &flags, buf, sizeof(buf), 0), 1);
	CHECK_EQ(sid, 3);
	CHECK_ERR(send_stream(p.client, 3, 0, "x", 1, 0), EINVAL);
	CHECK_ERR(send_stream(p.client, -1, MSG_QUIC_STREAM_NEW, (void *)8, 1, 0), EFAULT);
	pair_close(&p);
}

/* --- receiving --- */

static void merge_and_peek(void)
{
	char buf[16] = {};
	struct pair p;
	uint32_t flags;
	int64_t sid;
	int i, n;

	CHECK(!pair_open(&p, &plain));
	for (i = 0; i < 5; i++)
		CHECK_EQ(send_stream(p.client, 0, i ? 0 : MSG_QUIC_STREAM_NEW, "ab", 2, MSG_MORE),
			 2);
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_FIN, "z", 1, 0), 1);
	CHECK(poll_for(p.server, POLLIN, 2000) & POLLIN);
	CHECK(!ioctl(p.server, SIOCINQ, &n));
	CHECK_EQ(n, 11);
	/* The error queue is another one, and empty. */
	CHECK_ERR(recv_stream(p.server, &sid, &flags, buf, 4, MSG_ERRQUEUE), EAGAIN);
	CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, 4, MSG_PEEK), 4);
	CHECK(!(flags & MSG_QUIC_STREAM_FIN));
	CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, sizeof(buf), MSG_PEEK), 11);
	CHECK(flags & MSG_QUIC_STREAM_FIN);
	CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, 10, 0), 10);
	CHECK(!memcmp(buf, "ababababab", 10));
	CHECK(!(flags & MSG_QUIC_STREAM_FIN));
	CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, sizeof(buf), 0), 1);
	CHECK(flags & MSG_QUIC_STREAM_FIN);
	CHECK_ERR(recv(p.server, buf, 1, MSG_DONTWAIT), EAGAIN);
	pair_close(&p);
}

static void waitall(void)
{
	char buf[5000];
	struct bulk b = { .sid = 0, .total = 5000, .piece = 7 };
	pthread_t thread;
	struct pair p;

	CHECK(!pair_open(&p, &plain));
	b.sd = p.client;
	CHECK(!pthread_create(&thread, NULL, bulk_send, &b));
	CHECK_EQ(recv(p.server, buf, 5000, MSG_WAITALL), 5000);
	CHECK(pattern_ok(buf, 5000, 0, 0));
	pthread_join(thread, NULL);
	pair_close(&p);
}

static void flags_without_cmsg(void)
{
	struct iovec iov;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct pair p;
	char buf[8];

	CHECK(!pair_open(&p, &plain));
	CHECK_EQ(send(p.client, "fin", 3, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN), 3);
	iov = (struct iovec){ buf, sizeof(buf) };
	CHECK_EQ(recvmsg(p.server, &msg, 0), 3);
	CHECK(msg.msg_flags & MSG_CTRUNC);
	CHECK(msg.msg_flags & MSG_QUIC_STREAM_FIN);
	/* a unidirectional one, opened by the flags of the call */
	CHECK_EQ(send(p.client, "uni", 3, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_UNI), 3);
	CHECK_EQ(read(p.server, buf, sizeof(buf)), 3);
	pair_close(&p);
}

static void fin_alone(void)
{
	struct pair p;
	char buf[8];
	uint32_t flags;
	int64_t sid;

	CHECK(!pair_open(&p, &plain));
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_NEW, "x", 1, 0), 1);
	CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, sizeof(buf), 0), 1);
	CHECK(!(flags & MSG_QUIC_STREAM_FIN));
	CHECK_EQ(send_stream(p.client, 0, MSG_QUIC_STREAM_FIN, "", 0, 0), 0);
	CHECK_EQ(recv_stream(p.server, &sid, &flags, buf, sizeof(buf), 0), 0);
	CHECK_EQ(sid, 0);
	CHECK(flags & MSG_QUIC_STREAM_FIN);
	pair_close(&p);
}

static void tls_message_needs_cmsg(void)
{
	struct pair p;
	char buf[8];

	CHECK(!pair_begin(&p, &plain));
	CHECK_EQ(send_level(p.server, QUIC_CRYPTO_INITIAL, "answer", 6, 0), 6);
	CHECK(poll_for(p.client, POLLIN, 2000) & POLLIN);
	CHECK_ERR(recv(p.client, buf, sizeof(buf), 0), EINVAL);
	pair_close(&p);
}

/* --- small writes --- */

static uint64_t packets_sent(int sd)
{
	struct quic_info info = {};
	socklen_t len = sizeof(info);

	get_opt(sd, QUIC_SOCKOPT_INFO, &info, &len);
	return info.packets_sent;
}

/* 300 writes of 10 bytes: in few packets by default, at once when asked for. */
static void small_writes_fill_packets(void)
{
	struct pair p;
	uint64_t before;
	char buf[3000];
	int i;

	CHECK(!pair_open(&p, &plain));
	before = packets_sent(p.client);
	for (i = 0; i < 300; i++)
		CHECK_EQ(send(p.client, "0123456789", 10, 0), 10);
	CHECK_EQ(recv(p.server, buf, sizeof(buf), MSG_WAITALL), 3000);
	CHECK(packets_sent(p.client) - before < 150);
	pair_close(&p);
}

static void held_data_leaves(void)
{
	struct pair p;
	char buf[8];

	CHECK(!pair_open(&p, &plain));
	CHECK_EQ(send(p.client, "cork", 4, MSG_MORE), 4);
	/* MSG_MORE and no more comes: sent all the same, a little later */
	CHECK_EQ(recv(p.server, buf, sizeof(buf), 0), 4);
	pair_close(&p);
}

/* Streams that are open and have nothing to send leave the send buffer to others. */
static void idle_streams_hold_no_memory(void)
{
	const unsigned int streams = 1500;
	const struct quic_transport_param tp = { .max_streams_bidi = streams };
	struct pair_opts o = { .server = &tp };
	uint32_t flags;
	unsigned int i;
	struct pair p;
	int64_t sid;
	char c;

	CHECK(!pair_open(&p, &o));
	for (i = 0; i < streams; i++) {
		CHECK_EQ(send_stream(p.client, i * 4, MSG_QUIC_STREAM_NEW, "i", 1, 0), 1);
		CHECK_EQ(recv_stream(p.server, &sid, &flags, &c, 1, 0), 1);
		CHECK_EQ(sid, i * 4);
	}
	/* And they go on where they were. */
	CHECK_EQ(send_stream(p.client, 4, 0, "j", 1, 0), 1);
	CHECK_EQ(recv_stream(p.server, &sid, &flags, &c, 1, 0), 1);
	CHECK(c == 'j' && sid == 4);
	pair_close(&p);
}

static void sends_a_file(void)
{
	enum { LEN = 200000 };
	static char buf[LEN];
	struct pair p;
	FILE *f = tmpfile();
	off_t off = 0;
	ssize_t n;

	CHECK(f);
	pattern_fill(buf, LEN, 0, 0);
	CHECK_EQ(fwrite(buf, 1, LEN, f), LEN);
	CHECK(!fflush(f));
	memset(buf, 0, sizeof(buf));
	CHECK(!pair_open(&p, &plain));
	while (off < LEN) {
		n = sendfile(p.client, fileno(f), &off, LEN - off);
		CHECK(n > 0);
	}
	CHECK_EQ(recv(p.server, buf, LEN, MSG_WAITALL), LEN);
	CHECK(pattern_ok(buf, LEN, 0, 0));
	pair_close(&p);
	fclose(f);
}

/* --- both directions at once, from several threads --- */

static void *reader(void *arg)
{
	struct bulk *b = arg;
	char buf[20000];
	uint64_t off = 0;
	uint32_t flags;
	int64_t sid;
	ssize_t n;

	do {
		n = recv_stream(b->sd, &sid, &flags, buf, sizeof(buf), 0);
		if (n < 0 || !pattern_ok(buf, n, sid, off)) {
			b->err = n < 0 ? errno : EBADMSG;
			return NULL;
		}
		off += n;
	} while (!(flags & MSG_QUIC_STREAM_FIN));
	if (off != b->total)
		b->err = EMSGSIZE;
	return NULL;
}

static void both_directions(void)
{
	enum { TOTAL = 1 << 20 };
	struct bulk b[4] = {
		{ .sid = 0, .total = TOTAL, .piece = 30000 }, { .total = TOTAL },
		{ .sid = 1, .total = TOTAL, .piece = 50000 }, { .total = TOTAL },
	};
	pthread_t t[4];
	struct pair p;
	int i;

	CHECK(!pair_open(&p, &plain));
	b[0].sd = p.client;
	b[1].sd = p.server;
	b[2].sd = p.server;
	b[3].sd = p.client;
	for (i = 0; i < 4; i++)
		CHECK(!pthread_create(&t[i], NULL, i % 2 ? reader : bulk_send, &b[i]));
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	for (i = 0; i < 4; i++)
		CHECK_EQ(b[i].err, 0);
	pair_close(&p);
}

static const struct ktap_case cases[] = {
	{ "echo_v4", echo_v4 },
	{ "echo_v6", echo_v6 },
	{ "echo_mapped", echo_mapped },
	{ "echo_dgram_type", echo_dgram_type },
	{ "echo_aes256", echo_aes256 },
	{ "echo_ccm", echo_ccm },
	{ "echo_chacha", echo_chacha },
	{ "echo_v2", echo_v2 },
	{ "bulk_large_writes", bulk_large_writes },
	{ "bulk_small_writes", bulk_small_writes },
	{ "bulk_small_reads", bulk_small_reads },
	{ "bulk_small_rcvbuf", bulk_small_rcvbuf },
	{ "bulk_small_sndbuf", bulk_small_sndbuf },
	{ "bulk_one_write", bulk_one_write },
	{ "many_streams", many_streams },
	{ "streams_one_by_one", streams_one_by_one },
	{ "stream_limit", stream_limit },
	{ "stream_open_option", stream_open_option },
	{ "send_errors", send_errors },
	{ "merge_and_peek", merge_and_peek },
	{ "waitall", waitall },
	{ "flags_without_cmsg", flags_without_cmsg },
	{ "fin_alone", fin_alone },
	{ "tls_message_needs_cmsg", tls_message_needs_cmsg },
	{ "small_writes_fill_packets", small_writes_fill_packets },
	{ "held_data_leaves", held_data_leaves },
	{ "idle_streams_hold_no_memory", idle_streams_hold_no_memory },
	{ "sends_a_file", sends_a_file },
	{ "both_directions", both_directions },
};

KTAP_MAIN(cases)
