/* SPDX-License-Identifier: GPL-2.0 */
/* many: connections without TLS, as many as asked for, both ends in one process. */
#ifndef SELFTESTS_BENCH_MANY_H
#define SELFTESTS_BENCH_MANY_H

#include <netinet/in.h>
#include <sys/types.h>
#include "bench.h"
#include "pair.h"

extern const struct pair_opts many_opts;

/* Listens on @host (network order) for any number of clients; *a is where. */
int many_listen(in_addr_t host, struct sockaddr_in *a);
/* A client of @a that said nothing yet; the @nth: addresses of the loopback are shared out, ports of each do not last. */
int many_client(const struct sockaddr_in *a, unsigned int nth);
/* The first message of a client, with which it becomes an attempt */
void many_hello(int sd);
/* Both ends of the handshake, as far as it goes without TLS */
void many_pair(struct pair *p, const struct sockaddr_in *a, unsigned int nth);
int many_enter(const char *netns);	/* Return: the namespace left, to go back */
void many_leave(int ns);
uint64_t many_now(void);		/* ns */

/* many_burst.c: a process of its own, that ends with this one */
pid_t many_part(void);
/* The ends of round trips of 1 KiB. Return: mean of @n, or as many as were before *over, ns; *longest one */
void many_answer(int sd);
double many_ask(int sd, unsigned int n, const volatile unsigned int *over, double *longest);
/* Takes what comes and lets it go again; says how many. */
void many_take(int listener, unsigned int *taken);

int many_burst(const char *netns, const char *host, unsigned int n);
int many_flood(const char *netns, const char *host, unsigned int n, unsigned int per_ms, const char *how);
int many_senders(unsigned int n, uint64_t bytes);
int many_tiny(unsigned int streams, unsigned int writes);

#endif
