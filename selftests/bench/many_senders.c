// SPDX-License-Identifier: GPL-2.0
/* Several clients, a process each, send to one listener's port, where each connection has a process to read it. */
#include <errno.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "many.h"

#define WRITE	65536
#define MOST	64

static void reader(int sd, uint64_t left)
{
	static char buf[WRITE];
	ssize_t n;

	for (; left; left -= n) {
		n = recv(sd, buf, sizeof(buf), 0);
		if (n <= 0)
			bench_die("%llu bytes did not come: %s", (unsigned long long)left, strerror(errno));
	}
	exit(0);
}

static void writer(int sd, uint64_t left)
{
	static char buf[WRITE];
	ssize_t n;

	for (; left; left -= n) {
		n = send(sd, buf, left < WRITE ? left : WRITE, 0);
		if (n <= 0)
			bench_die("send: %s", strerror(errno));
	}
	pause();	/* the reader ends it */
}

int many_senders(unsigned int n, uint64_t bytes)
{
	pid_t from[MOST], to[MOST];
	struct pair p[MOST];
	struct sockaddr_in a;
	uint64_t begin;
	unsigned int i;
	int status;

	if (n > MOST)
		return 2;
	p[0].listener = many_listen(htonl(INADDR_LOOPBACK), &a);
	for (i = 0; i < n; i++) {
		p[i].listener = p[0].listener;
		p[i].client = -1;
		many_pair(&p[i], &a, i);
	}
	begin = many_now();
	for (i = 0; i < n; i++) {
		to[i] = fork();
		if (!to[i])
			reader(p[i].server, bytes);
		from[i] = fork();
		if (!from[i])
			writer(p[i].client, bytes);
	}
	for (i = 0; i < n; i++)
		if (waitpid(to[i], &status, 0) != to[i] || status)
			bench_die("a reader failed");
	printf("senders n=%u bytes=%llu elapsed=%llu\n", n, (unsigned long long)bytes,
	       (unsigned long long)(many_now() - begin));
	for (i = 0; i < n; i++) {
		kill(from[i], 9);
		waitpid(from[i], &status, 0);
	}
	return 0;
}
