/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For the tests of what is sent from pages that are not ours: options, what the error queue tells,
 * and a thread that reads the other end into in[].
 */
#ifndef SELFTESTS_ZEROCOPY_H
#define SELFTESTS_ZEROCOPY_H

#include <time.h>

#include <linux/errqueue.h>
#include <pthread.h>
#include <sys/mman.h>

#include "files.h"
#include "ktap.h"
#include "loss.h"

#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY	0x4000000
#endif
#define PART	40000		/* fits into any send buffer */
#define TOTAL	(2 * 1000 * 1000 + 17)

static const struct pair_opts plain = { .client_sndbuf = 200000 };
static char out[TOTAL], in[TOTAL + 1];

static inline int opt_on(int sd, int name, uint32_t on)
{
	return set_opt(sd, name, &on, sizeof(on));
}

static inline int opt_of(int sd, int name)
{
	socklen_t len = sizeof(uint32_t);
	uint32_t val = 99;

	return get_opt(sd, name, &val, &len) || len != sizeof(val) ? -1 : (int)val;
}

/* --- what was told --- */

struct told {
	unsigned int calls;		/* how many are done */
	unsigned int copied;		/* of them */
	unsigned int notes;
	uint32_t next;			/* all below are done, when they come in order */
	bool bad;
	uint8_t seen[4096];		/* by number */
};

/* One note. Return: 0; -1 with errno */
static inline int told_one(int sd, struct told *t)
{
	union { char buf[256]; struct cmsghdr align; } ctl = {};
	struct msghdr msg = { .msg_control = &ctl, .msg_controllen = sizeof(ctl) };
	struct sock_extended_err ee;
	struct cmsghdr *c;
	uint32_t i;

	if (recvmsg(sd, &msg, MSG_ERRQUEUE) < 0)
		return -1;
	c = CMSG_FIRSTHDR(&msg);
	if (!(msg.msg_flags & MSG_ERRQUEUE) || !c || c->cmsg_level != SOL_IP ||
	    c->cmsg_type != IP_RECVERR || c->cmsg_len < CMSG_LEN(sizeof(ee))) {
		t->bad = true;
		return 0;
	}
	memcpy(&ee, CMSG_DATA(c), sizeof(ee));
	if (ee.ee_origin != SO_EE_ORIGIN_ZEROCOPY || ee.ee_errno || ee.ee_data < ee.ee_info ||
	    ee.ee_data >= sizeof(t->seen)) {
		t->bad = true;
		return 0;
	}
	t->notes++;
	for (i = ee.ee_info; i <= ee.ee_data; i++) {
		t->bad |= t->seen[i]++;
		t->calls++;
		t->copied += !!(ee.ee_code & SO_EE_CODE_ZEROCOPY_COPIED);
	}
	return 0;
}

/* All there are; with @want, wait until so many calls are done. Return: 0 */
static inline int told_all(int sd, struct told *t, unsigned int want)
{
	int rounds = 0;

	for (;;) {
		while (!told_one(sd, t))
			;
		if (errno != EAGAIN || t->bad)
			return -1;
		if (t->calls >= want)
			return 0;
		if (!(poll_for(sd, 0, 10000) & POLLERR) || ++rounds > 10000)
			return -1;
	}
}

/* --- reading the other end --- */

struct reader {
	pthread_t t;
	int fd;
	size_t got;
};

static inline void *read_all(void *arg)
{
	struct reader *r = arg;
	ssize_t n;

	memset(in, 0, sizeof(in));
	for (r->got = 0; r->got < sizeof(in); r->got += n) {
		n = read(r->fd, in + r->got, sizeof(in) - r->got);
		if (n <= 0)
			break;
	}
	return NULL;
}

static inline uint64_t sent_again(int sd)
{
	struct quic_info i = {};
	socklen_t len = sizeof(i);

	return get_opt(sd, QUIC_SOCKOPT_INFO, &i, &len) ? 0 : i.data_retransmitted;
}

static inline int begin(struct ends *e, int name)
{
	if (!loss_link() || loss_set(0) || ends_open(e, &plain, 0))
		return -1;
	return opt_on(e->c, name, 1);
}

#endif
