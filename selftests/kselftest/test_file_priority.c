// SPDX-License-Identifier: GPL-2.0
/*
 * QUIC_SOCKOPT_STREAM_PRIORITY (RFC 9218): values and errors, and the effect: how much of each
 * stream has arrived when the first of them is through.
 */
#include <sched.h>

#include "files.h"
#include "ktap.h"

#define LEN	100000	/* all of them fit into a send buffer of net.core.wmem_max */
#define N	3

static int prio(int fd, int urgency, int incremental)
{
	struct quic_stream_priority p = { .stream_id = -1, .urgency = urgency,
					  .incremental = incremental };

	return set_opt(fd, QUIC_SOCKOPT_STREAM_PRIORITY, &p, sizeof(p));
}

static void values(void)
{
	struct quic_stream_priority p = { .stream_id = -1 };
	socklen_t len = sizeof(p);
	struct ends e;

	CHECK(!ends_open(&e, &(struct pair_opts){}, 0));
	CHECK(!get_opt(e.c, QUIC_SOCKOPT_STREAM_PRIORITY, &p, &len));
	CHECK_EQ(p.stream_id, 0);
	CHECK_EQ(p.urgency, QUIC_STREAM_URGENCY_DEFAULT);
	CHECK_EQ(p.incremental, 1);
	CHECK(!prio(e.c, 7, 0));
	p.stream_id = 0;
	CHECK(!get_opt(e.p.client, QUIC_SOCKOPT_STREAM_PRIORITY, &p, &len));
	CHECK_EQ(p.urgency, 7);
	CHECK_EQ(p.incremental, 0);
	CHECK_ERR(prio(e.c, 8, 0), EINVAL);
	CHECK_ERR(prio(e.c, 0, 2), EINVAL);
	CHECK_ERR(prio(e.p.client, 0, 0), EINVAL);
	p.stream_id = 4;
	CHECK_ERR(set_opt(e.p.client, QUIC_SOCKOPT_STREAM_PRIORITY, &p, sizeof(p)), EINVAL);
	CHECK_ERR(set_opt(e.c, QUIC_SOCKOPT_STREAM_PRIORITY, &p, sizeof(p)), EINVAL);
	CHECK_ERR(set_opt(e.c, QUIC_SOCKOPT_STREAM_PRIORITY, &p, 8), EINVAL);
	ends_close(&e);
}

/* A loopback of 8 Mbit/s and 4 ms, in a namespace of our own. Return: whether that can be had */
static bool slow_link(void)
{
	static int have = -1;

	if (have < 0)
		have = !unshare(CLONE_NEWNET) &&
		       !system("ip link set lo mtu 1500 gso_max_segs 1 up && "
			       "tc qdisc add dev lo root netem delay 2ms rate 8mbit limit 400");
	return have;
}

/*
 * N streams with LEN bytes each in the send buffer: read whatever comes, and note in got[] what each
 * had when the first was complete. Return: which that was, or -1
 */
static int contest(const int *urgency, const int *incremental, size_t *got)
{
	struct quic_transport_param tp = { .max_data = 4 * LEN, .max_stream_data_bidi_remote = LEN };
	struct pair_opts o = { .server = &tp, .client_sndbuf = 200000 };
	struct pollfd fds[N] = {};
	static char buf[LEN];
	int c[N], s[N], i, k;
	struct pair p;
	ssize_t n;

	if (pair_open(&p, &o) || accept_on(p.server, 1))
		return -1;
	for (i = 0; i < N; i++) {
		c[i] = open_file(p.client, 0, NULL);
		if (c[i] < 0 || prio(c[i], urgency[i], incremental[i]) || write(c[i], buf, 1) != 1)
			return -1;
		got[i] = 0;
		s[i] = accept(p.server, NULL, NULL);
		fcntl(s[i], F_SETFL, O_NONBLOCK);
		fds[i].fd = s[i];
		fds[i].events = POLLIN;
	}
	for (i = 0; i < N; i++)
		if (write(c[i], buf, LEN - 1) != LEN - 1)
			return -1;
	for (i = N; i == N;) {
		if (poll(fds, N, 5000) <= 0)
			return -1;
		for (k = 0; k < N; k++) {
			n = read(s[k], buf, sizeof(buf));
			got[k] += n > 0 ? n : 0;
		}
		for (i = 0; i < N && got[i] != LEN; i++)
			;
	}
	printf("# when %d was complete: %zu %zu %zu bytes\n", i, got[0], got[1], got[2]);
	for (k = 0; k < N; k++) {
		close(c[k]);
		close(s[k]);
	}
	pair_close(&p);
	return i;
}

static void urgent(void)
{
	static const int u[N] = { 6, 1, 3 }, inc[N] = { 1, 1, 1 };
	size_t got[N];

	CHECK(slow_link());
	CHECK_EQ(contest(u, inc, got), 1);
	CHECK(got[0] < LEN / 4 && got[2] < LEN / 4);
}

static void turns(void)
{
	static const int u[N] = { 3, 3, 3 }, inc[N] = { 1, 1, 1 };
	size_t got[N];
	int i;

	CHECK(slow_link());
	CHECK(contest(u, inc, got) >= 0);
	for (i = 0; i < N; i++)
		CHECK(got[i] > LEN / 2);
}

static void in_a_row(void)
{
	static const int u[N] = { 3, 3, 3 }, inc[N] = { 0, 0, 0 };
	size_t got[N];

	CHECK(slow_link());
	CHECK_EQ(contest(u, inc, got), 0);
	CHECK(got[1] < LEN / 4 && got[2] < LEN / 4);
}

static const struct ktap_case cases[] = {
	{ "values and errors", values },
	{ "the most urgent stream comes first", urgent },
	{ "incremental streams share", turns },
	{ "others come one after the other", in_a_row },
};

KTAP_MAIN(cases)
