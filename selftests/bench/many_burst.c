// SPDX-License-Identifier: GPL-2.0
/*
 * An established connection that asks and is answered over a link with delay, and a listener at the same UDP port that
 * many clients come to at once. Each part is a process; the clients are made before the clock runs. They are the kernel's
 * own and share the processor with all the rest, so their handshakes' cost is in the figure (many_flood.c: without it).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "many.h"

#define ROUNDS	300
#define SIZE	1024

pid_t many_part(void)
{
	pid_t pid = fork();

	if (pid < 0)
		bench_die("fork: %s", strerror(errno));
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void message(int sd, char *buf)
{
	ssize_t n, left = SIZE;

	for (; left; left -= n, buf += n) {
		n = recv(sd, buf, left, 0);
		if (n <= 0)
			bench_die("the established connection: %s", n ? strerror(errno) : "ended");
	}
}

void many_answer(int sd)
{
	char buf[SIZE];

	for (;;) {
		message(sd, buf);
		if (send(sd, buf, SIZE, 0) != SIZE)
			bench_die("answer: %s", strerror(errno));
	}
}

double many_ask(int sd, unsigned int n, const volatile unsigned int *over, double *longest)
{
	char buf[SIZE] = "";
	uint64_t begin = many_now(), at = begin, now;
	unsigned int i;

	*longest = 0;
	for (i = 0; i < n && !(over && *over); i++, at = now) {
		if (send(sd, buf, SIZE, 0) != SIZE)
			bench_die("ask: %s", strerror(errno));
		message(sd, buf);
		now = many_now();
		if (now - at > *longest)
			*longest = now - at;
	}
	return i ? (double)(at - begin) / i : 0;
}

void many_take(int listener, unsigned int *taken)
{
	for (;;) {
		int sd = accept(listener, NULL, NULL);

		if (sd < 0)
			continue;
		++*taken;
		close(sd);
	}
}

int many_burst(const char *netns, const char *host, unsigned int n)
{
	unsigned int i, *taken = mmap(NULL, sizeof(*taken), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double calm, busy, longest_calm, longest;
	struct pair p = { .client = -1 };
	struct sockaddr_in a;
	int ns, *clients = calloc(n, sizeof(*clients));
	uint64_t began;
	pid_t flood;

	if (!clients || taken == MAP_FAILED)
		bench_die("no memory");
	p.listener = many_listen(htonl(INADDR_ANY), &a);
	inet_pton(AF_INET, host, &a.sin_addr);
	ns = many_enter(netns);
	p.client = many_client(&a, 0);
	many_leave(ns);
	many_pair(&p, &a, 0);
	if (!many_part())
		many_answer(p.server);
	set_timeo(p.listener, 0);
	if (!many_part())
		many_take(p.listener, taken);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (i = 0; i < n; i++)
		clients[i] = many_client(&a, i);
	many_ask(p.client, ROUNDS, NULL, &longest);
	calm = many_ask(p.client, ROUNDS, NULL, &longest_calm);
	began = many_now();
	flood = many_part();
	if (!flood) {
		for (i = 0; i < n; i++)
			many_hello(clients[i]);
		fprintf(stderr, "burst: %u clients in %.0f ms\n", n, (many_now() - began) / 1e6);
		pause();
	}
	busy = many_ask(p.client, ROUNDS, NULL, &longest);
	printf("burst clients=%u taken=%u calm=%.0f busy=%.0f longest_calm=%.0f longest=%.0f\n", n, *taken, calm, busy,
	       longest_calm, longest);
	return 0;
}
