// SPDX-License-Identifier: GPL-2.0
/*
 * A stream's descriptor with splice(), tee() and sendfile(): every byte in its place, in both
 * directions, between two streams without the bytes passing through the process, and to the end.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "files.h"
#include "ktap.h"

#define TOTAL	(300 * 1000 + 17)

static const struct pair_opts plain = {};
static char in[TOTAL + 1];

static int file_with_pattern(size_t len)
{
	int fd = memfd_create("pattern", 0);
	char *p = malloc(len);

	pattern_fill(p, len, 9, 0);
	if (fd < 0 || write(fd, p, len) != (ssize_t)len)
		fd = -1;
	free(p);
	return fd;
}

struct reader {
	pthread_t t;
	int fd;
	ssize_t got;
};

static void *read_all(void *arg)
{
	struct reader *r = arg;
	ssize_t n;

	memset(in, 0, sizeof(in));
	for (r->got = 0; r->got < (ssize_t)sizeof(in); r->got += n) {
		n = read(r->fd, in + r->got, sizeof(in) - r->got);
		if (n <= 0)
			break;
	}
	return NULL;
}

static void sendfile_out(void)
{
	struct reader r = {};
	int fd = file_with_pattern(TOTAL);
	off_t off = 0;
	struct ends e;

	CHECK(fd >= 0);
	CHECK(!ends_open(&e, &plain, 0));
	r.fd = e.s;
	CHECK(!pthread_create(&r.t, NULL, read_all, &r));
	while (off < TOTAL)
		CHECK(sendfile(e.c, fd, &off, TOTAL - off) > 0);
	/* The copy is stable: what the file becomes is not sent (RFC 9000, 2.2). */
	CHECK(!ftruncate(fd, 0));
	CHECK_EQ(pwrite(fd, "overwritten", 11, 0), 11);
	CHECK(!shutdown(e.c, SHUT_WR));
	pthread_join(r.t, NULL);
	CHECK_EQ(r.got, TOTAL);
	CHECK(pattern_ok(in, TOTAL, 9, 0));
	close(fd);
	ends_close(&e);
}

/* pipe -> stream -> pipe -> file */
static void splice_through(void)
{
	int a[2], b[2], from = file_with_pattern(TOTAL), to = memfd_create("copy", 0);
	loff_t off = 0, done = 0;
	ssize_t n, m;
	struct ends e;
	char *p;

	CHECK(!pipe(a) && !pipe(b) && from >= 0 && to >= 0);
	CHECK(!ends_open(&e, &plain, 0));
	while (done < TOTAL) {
		if (off < TOTAL) {
			n = splice(from, &off, a[1], NULL, 20000, 0);
			CHECK(n > 0);
			for (; n > 0; n -= m) {
				m = splice(a[0], NULL, e.c, NULL, n, off < TOTAL ? SPLICE_F_MORE :
										   0);
				CHECK(m > 0);
			}
		}
		n = splice(e.s, NULL, b[1], NULL, 65536, 0);
		CHECK(n > 0);
		for (; n > 0; n -= m, done += m) {
			m = splice(b[0], NULL, to, NULL, n, 0);
			CHECK(m > 0);
		}
	}
	CHECK_EQ(done, TOTAL);
	CHECK(!shutdown(e.c, SHUT_WR));
	CHECK_EQ(splice(e.s, NULL, b[1], NULL, 100, 0), 0);
	p = mmap(NULL, TOTAL, PROT_READ, MAP_SHARED, to, 0);
	CHECK(p != MAP_FAILED);
	CHECK(pattern_ok(p, TOTAL, 9, 0));
	munmap(p, TOTAL);
	close(a[0]);
	close(a[1]);
	close(b[0]);
	close(b[1]);
	close(from);
	close(to);
	ends_close(&e);
}

/* What comes on one stream goes on to another and, by tee(), into a pipe, too. */
static void relay_and_tee(void)
{
	struct ends x, y;
	int a[2], b[2];
	char buf[64] = {};

	CHECK(!pipe(a) && !pipe(b));
	CHECK(!ends_open(&x, &plain, 0));
	CHECK(!ends_open(&y, &plain, 0));
	CHECK_EQ(write(x.c, "to be seen twice", 16), 16);
	CHECK_EQ(splice(x.s, NULL, a[1], NULL, 100, 0), 16);
	CHECK_EQ(tee(a[0], b[1], 100, 0), 16);
	CHECK_EQ(splice(a[0], NULL, y.c, NULL, 16, 0), 16);
	CHECK_EQ(recv(y.s, buf, 16, MSG_WAITALL), 16);
	CHECK(!strcmp(buf, "to be seen twice"));
	memset(buf, 0, sizeof(buf));
	CHECK_EQ(read(b[0], buf, sizeof(buf)), 16);
	CHECK(!strcmp(buf, "to be seen twice"));
	/* Nothing there, and not willing to wait */
	fcntl(x.s, F_SETFL, O_NONBLOCK);
	CHECK_ERR(splice(x.s, NULL, a[1], NULL, 100, SPLICE_F_NONBLOCK), EAGAIN);
	/* A socket has no position. */
	loff_t off = 0;

	CHECK_ERR(splice(x.s, &off, a[1], NULL, 100, 0), EINVAL);
	CHECK_ERR(lseek(x.s, 0, SEEK_SET), ESPIPE);
	close(a[0]);
	close(a[1]);
	close(b[0]);
	close(b[1]);
	ends_close(&x);
	ends_close(&y);
}

/* Errors come through as from write(). */
static void errors(void)
{
	int fd = file_with_pattern(100), p[2];
	off_t off = 0;
	struct ends e;

	CHECK(!pipe(p));
	CHECK(!ends_open(&e, &plain, 0));
	CHECK(!shutdown(e.c, SHUT_WR));
	signal(SIGPIPE, SIG_IGN);
	CHECK_ERR(sendfile(e.c, fd, &off, 100), EPIPE);
	CHECK_EQ(write(p[1], "x", 1), 1);
	CHECK_ERR(splice(p[0], NULL, e.c, NULL, 1, 0), EPIPE);
	close(p[0]);
	close(p[1]);
	close(fd);
	ends_close(&e);
}

static const struct ktap_case cases[] = {
	{ "sendfile() from a file that changes afterwards", sendfile_out },
	{ "splice() in and out, to the stream's end", splice_through },
	{ "a relay by splice(), with tee()", relay_and_tee },
	{ "errors of splice() and sendfile()", errors },
};

KTAP_MAIN(cases)
