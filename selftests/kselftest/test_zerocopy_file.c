// SPDX-License-Identifier: GPL-2.0
/*
 * Files sent from their own pages: sendfile() and splice() with QUIC_SOCKOPT_ZEROCOPY_RO. What
 * arrives when packets are lost, when the bytes change meanwhile, and when the file goes.
 */
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "zerocopy.h"

static int file_with(const char *buf, size_t len)
{
	int fd = memfd_create("bytes", 0);

	return fd >= 0 && write(fd, buf, len) == (ssize_t)len ? fd : -1;
}

/*
 * What sendfile() took is on its way while nothing gets through, and is sent again from where it
 * lies: the file as it was, or, with the option, as it is then.
 */
static void change_after(bool ro)
{
	off_t off = 0;
	struct ends e;
	char *mark;
	int fd;

	pattern_fill(out, PART, 9, 0);
	fd = file_with(out, PART);
	CHECK(fd >= 0);
	CHECK(!begin(&e, QUIC_SOCKOPT_ZEROCOPY));
	CHECK(!opt_on(e.c, QUIC_SOCKOPT_ZEROCOPY_RO, ro));
	CHECK(!loss_set(100));
	while (off < PART)
		CHECK(sendfile(e.c, fd, &off, PART - off) > 0);
	CHECK_EQ(pwrite(fd, "changed", 7, 10000), 7);
	CHECK(!loss_set(0));
	CHECK_EQ(recv(e.s, in, PART, MSG_WAITALL), PART);
	CHECK(sent_again(e.p.client));
	mark = memmem(in, PART, "changed", 7);
	CHECK(ro ? mark == in + 10000 : !mark);
	pattern_fill(out, PART, 9, 0);
	if (ro)
		memcpy(out + 10000, "changed", 7);
	CHECK(!memcmp(in, out, PART));
	close(fd);
	ends_close(&e);
}

static void stable(void)
{
	change_after(false);
}

static void unstable(void)
{
	change_after(true);
}

/* The same through a pipe, to the connection's own descriptor */
static void spliced(void)
{
	int a[2], fd;
	uint32_t flags;
	struct pair p;
	loff_t off = 0;
	int64_t sid;
	ssize_t n;
	size_t got;

	pattern_fill(out, PART, 3, 0);
	fd = file_with(out, PART);
	CHECK(fd >= 0 && !pipe(a));
	CHECK(loss_link() && !loss_set(0));
	CHECK(!pair_open(&p, &plain));
	CHECK(!opt_on(p.client, QUIC_SOCKOPT_ZEROCOPY_RO, 1));
	CHECK(!loss_set(100));
	while (off < PART) {
		n = splice(fd, &off, a[1], NULL, PART - off, 0);
		CHECK(n > 0);
		CHECK_EQ(splice(a[0], NULL, p.client, NULL, n, 0), n);
	}
	CHECK_EQ(pwrite(fd, "changed", 7, 20000), 7);
	memcpy(out + 20000, "changed", 7);
	CHECK(!loss_set(0));
	for (got = 0; got < PART; got += n) {
		n = recv_stream(p.server, &sid, &flags, in + got, PART - got, 0);
		CHECK(n > 0);
	}
	CHECK(!memcmp(in, out, PART));
	close(a[0]);
	close(a[1]);
	close(fd);
	pair_close(&p);
}

/* Pages that change all the time, in the midst of being sealed: nothing breaks, all bytes come. */
static volatile bool stop_changing;
static void *change_all_the_time(void *arg)
{
	unsigned char *p = arg;
	unsigned int i;

	while (!stop_changing) {
		for (i = 0; i < TOTAL; i += 61)
			p[i]++;
		usleep(100);
	}
	return NULL;
}

static void changing(uint32_t cipher)
{
	struct pair_opts o = { .client_sndbuf = 200000, .cipher = cipher };
	struct reader r = {};
	pthread_t changer;
	size_t i, diff = 0;
	off_t off = 0;
	struct ends e;
	char *p;
	int fd;

	memset(out, 0, TOTAL);
	fd = file_with(out, TOTAL);
	CHECK(fd >= 0);
	p = mmap(NULL, TOTAL, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	CHECK(loss_link() && !loss_set(0) && !ends_open(&e, &o, 0));
	CHECK(!opt_on(e.c, QUIC_SOCKOPT_ZEROCOPY_RO, 1));
	stop_changing = false;
	CHECK(!pthread_create(&changer, NULL, change_all_the_time, p));
	r.fd = e.s;
	CHECK(!pthread_create(&r.t, NULL, read_all, &r));
	while (off < TOTAL)
		CHECK(sendfile(e.c, fd, &off, TOTAL - off) > 0);
	CHECK(!shutdown(e.c, SHUT_WR));
	pthread_join(r.t, NULL);
	stop_changing = true;
	pthread_join(changer, NULL);
	CHECK_EQ(r.got, TOTAL);
	/* Every 61st is what it was at some time, the others never changed. */
	for (i = 0; i < TOTAL; i++)
		diff += i % 61 && in[i];
	CHECK_EQ(diff, 0);
	munmap(p, TOTAL);
	close(fd);
	ends_close(&e);
}

static void changing_gcm(void)
{
	changing(51);
}

static void changing_ccm(void)
{
	changing(53);
}

static void changing_chacha(void)
{
	changing(54);
}

/* A file with losses on the way, cut off and gone before the last byte is acknowledged */
static void lossy_file(void)
{
	struct reader r = {};
	off_t off = 0;
	struct ends e;
	int fd;

	pattern_fill(out, TOTAL, 5, 0);
	fd = file_with(out, TOTAL);
	CHECK(fd >= 0);
	CHECK(!begin(&e, QUIC_SOCKOPT_ZEROCOPY_RO));
	CHECK(!loss_set(5));
	r.fd = e.s;
	CHECK(!pthread_create(&r.t, NULL, read_all, &r));
	while (off < TOTAL)
		CHECK(sendfile(e.c, fd, &off, TOTAL - off) > 0);
	CHECK(!shutdown(e.c, SHUT_WR));
	/* Whole pages: what has been taken of a file stays when the file goes. */
	CHECK(!ftruncate(fd, 0));
	close(fd);
	pthread_join(r.t, NULL);
	CHECK_EQ(r.got, TOTAL);
	CHECK(!memcmp(in, out, TOTAL - 4096));
	CHECK(sent_again(e.p.client));
	CHECK(!loss_set(0));
	ends_close(&e);
}

static const struct ktap_case cases[] = {
	{ "sendfile() without the option: a stable copy", stable },
	{ "sendfile() with it: sent again from the page, as that is then", unstable },
	{ "splice() from a pipe to the connection, with it", spliced },
	{ "pages that never rest, AES-GCM", changing_gcm },
	{ "pages that never rest, AES-CCM", changing_ccm },
	{ "pages that never rest, ChaCha20-Poly1305", changing_chacha },
	{ "sendfile() with it, losses, and the file gone", lossy_file },
};

KTAP_MAIN(cases)
