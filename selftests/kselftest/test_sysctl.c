// SPDX-License-Identifier: GPL-2.0
/*
 * net.quic.*: of each network namespace, with limits; and who may do what: options and sysctls as
 * an unprivileged user, and as root of a user namespace of one's own.
 */
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "ktap.h"
#include "pair.h"

#define DIR	"/proc/sys/net/quic/"
#define NOBODY	65534

static const struct pair_opts plain = {};

static int put(const char *name, const char *text)
{
	char path[64];
	int fd, n, err;

	snprintf(path, sizeof(path), DIR "%s", name);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	err = errno;
	close(fd);
	errno = err;
	return n < 0 ? -1 : 0;
}

/* Without the newline, tabs as blanks */
static const char *get(const char *name)
{
	static char buf[128];
	char path[64], *p;
	FILE *f;

	snprintf(path, sizeof(path), DIR "%s", name);
	f = fopen(path, "r");
	buf[0] = 0;
	if (!f)
		return "nothing";
	if (!fgets(buf, sizeof(buf), f))
		buf[0] = 0;
	fclose(f);
	for (p = buf; *p; p++)
		if (*p == '\t')
			*p = ' ';
	buf[strcspn(buf, "\n")] = 0;
	return buf;
}

static int buffer(int sd, int name)
{
	socklen_t len = sizeof(int);
	int v = -1;

	getsockopt(sd, SOL_SOCKET, name, &v, &len);
	return v;
}

static bool begins_with_cc(const char *name)
{
	char cc[QUIC_CC_NAME_MAX] = "";
	socklen_t len = sizeof(cc);
	int sd = sock_new(AF_INET, 0);
	bool same = !get_opt(sd, QUIC_SOCKOPT_CONGESTION, cc, &len) && !strcmp(cc, name);

	close(sd);
	return same;
}

/* With quic_wmem changed; returns in whatever namespace it was when a check failed. */
static void namespaces(int old)
{
	char first[128];
	int sd;

	snprintf(first, sizeof(first), "%s", get("quic_rmem"));
	CHECK(!put("quic_wmem", "4096 70000 8000000"));
	CHECK(old >= 0 && !unshare(CLONE_NEWNET));
	/* As the first namespace is now */
	CHECK(!strcmp(get("quic_wmem"), "4096 70000 8000000"));
	CHECK(!strcmp(get("quic_rmem"), first));
	CHECK(!put("quic_rmem", "4096 300000 9000000"));
	CHECK(!put("quic_wmem", "4096 200000 9000000"));
	CHECK(!put("quic_congestion_control", "bbr"));
	sd = sock_new(AF_INET, 0);
	CHECK_EQ(buffer(sd, SO_RCVBUF), 300000);
	CHECK_EQ(buffer(sd, SO_SNDBUF), 200000);
	close(sd);
	CHECK(begins_with_cc("bbr"));
	/* What is of the whole system is not there. */
	CHECK_ERR(put("quic_mem", "1 2 3"), ENOENT);
	CHECK_ERR(put("quic_max_orphans", "1"), ENOENT);
	CHECK(!setns(old, CLONE_NEWNET));
	CHECK(!strcmp(get("quic_rmem"), first));
	CHECK(!strcmp(get("quic_wmem"), "4096 70000 8000000"));
	CHECK(begins_with_cc("cubic"));
}

static void each_namespace(void)
{
	int old = open("/proc/thread-self/ns/net", O_RDONLY), sd, size;
	char was[128];

	snprintf(was, sizeof(was), "%s", get("quic_wmem"));
	namespaces(old);
	/* Whatever came of it: what others find is what was there. */
	CHECK(!setns(old, CLONE_NEWNET));
	close(old);
	CHECK(!put("quic_wmem", was));
	CHECK(!strcmp(get("quic_wmem"), was));
	sd = sock_new(AF_INET, 0);
	size = buffer(sd, SO_SNDBUF);
	close(sd);
	CHECK_EQ(size, atoi(strchr(was, ' ')));
}

/* quic_rmem's last number bounds what windows grow to. */
static void bounds_windows(void)
{
	int old = open("/proc/thread-self/ns/net", O_RDONLY);
	struct quic_transport_param tp = { .remote = 1 };
	socklen_t len = sizeof(tp);
	struct pair p;

	CHECK(old >= 0 && !unshare(CLONE_NEWNET));
	CHECK(!system("ip link set lo up"));
	CHECK(!put("quic_rmem", "4096 65536 200000"));
	CHECK(!pair_open(&p, &plain));
	CHECK(!get_opt(p.client, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, &len));
	CHECK(tp.max_data <= 100000);
	CHECK(!pair_echo(&p));
	pair_close(&p);
	CHECK(!setns(old, CLONE_NEWNET));
	close(old);
}

static void limits(void)
{
	char was[128];

	strcpy(was, get("quic_rmem"));
	CHECK_ERR(put("quic_rmem", "4095 65536 100000"), EINVAL);
	CHECK_ERR(put("quic_wmem", "4096 65536 100"), EINVAL);
	CHECK_ERR(put("quic_rmem", "many"), EINVAL);
	CHECK_ERR(put("quic_max_orphans", "-1"), EINVAL);
	CHECK_ERR(put("quic_congestion_control", "nothing"), ENOENT);
	CHECK(!put("quic_congestion_control", "newreno\n"));
	CHECK(!strcmp(get("quic_congestion_control"), "newreno"));
	CHECK(!put("quic_congestion_control", "cubic\n"));
	CHECK(!strcmp(get("quic_rmem"), was));
}

/* --- who may --- */

static int set_int(int sd, int level, int name, int v)
{
	return setsockopt(sd, level, name, &v, sizeof(v));
}

/* 0, or errno of asking for 1-RTT packets without encryption */
static int no_encryption(int sd)
{
	const struct quic_transport_param tp = { .disable_1rtt_encryption = 1 };

	return set_opt(sd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, sizeof(tp)) ? errno : 0;
}

static int bind_low(void)
{
	struct sockaddr_storage a;
	socklen_t len = addr_loopback(&a, AF_INET, false, 443);
	int sd = sock_new(AF_INET, 0);
	int err = bind(sd, (void *)&a, len) ? errno : 0;

	close(sd);
	return err;
}

/* What a user may not. Return: 0, or the number of the check that failed */
static int as_user(void)
{
	struct pair p = { -1, -1, -1 };
	int sd;

	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		return 1;
	if (put("quic_rmem", "4096 65536 100000") == 0 || errno != EACCES)
		return 2;
	sd = sock_new(AF_INET, 0);
	if (sd < 0)
		return 3;
	if (no_encryption(sd) != EPERM)
		return 4;
	if (set_int(sd, SOL_SOCKET, SO_MARK, 1) == 0 || errno != EPERM)
		return 5;
	if (set_int(sd, SOL_SOCKET, SO_PRIORITY, 7) == 0 || errno != EPERM)
		return 6;
	if (set_int(sd, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20) == 0 || errno != EPERM)
		return 7;
	if (bind_low() != EACCES)
		return 8;
	/* And all of what needs no privilege */
	if (set_opt(sd, QUIC_SOCKOPT_CONGESTION, "bbr", 3) || set_int(sd, SOL_SOCKET, SO_PRIORITY, 6) ||
	    setsockopt(sd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2))
		return 9;
	if (pair_open(&p, &(struct pair_opts){}) || pair_echo(&p))
		return 10;
	pair_close(&p);
	return 0;
}

/* Without executing anything, which would cost an unmapped user his capabilities. */
static int lo_up(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int sd = socket(AF_INET, SOCK_DGRAM, 0), err = ioctl(sd, SIOCSIFFLAGS, &r);

	close(sd);
	return err;
}

/* Root of a user namespace, in a network namespace it owns, and outside of it. */
static int as_owner(void)
{
	int outside, inside;
	struct pair p;

	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		return 1;
	outside = sock_new(AF_INET, 0);
	if (unshare(CLONE_NEWUSER))
		return 2;
	/* Still the old network namespace: not ours. */
	if (no_encryption(outside) != EPERM || put("quic_rmem", "4096 65536 100000") == 0)
		return 3;
	if (unshare(CLONE_NEWNET))
		return 4;
	inside = sock_new(AF_INET, 0);
	if (no_encryption(inside) || no_encryption(outside) != EPERM)
		return 5;
	if (set_int(inside, SOL_SOCKET, SO_MARK, 1) || set_int(outside, SOL_SOCKET, SO_MARK, 1) == 0)
		return 6;
	if (bind_low())
		return 7;
	if (lo_up() || pair_open(&p, &plain) || pair_echo(&p))
		return 8;
	pair_close(&p);
	return 0;
}

/* The owner's root, who has an ID there, may change the sysctls; of the system's he sees none. */
static int as_mapped_root(void)
{
	char buf[32];
	int fd;

	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY) ||
	    prctl(PR_SET_DUMPABLE, 1) || unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return 1;
	fd = open("/proc/self/uid_map", O_WRONLY);
	snprintf(buf, sizeof(buf), "0 %d 1", NOBODY);
	if (fd < 0 || write(fd, buf, strlen(buf)) < 0)
		return 2;
	close(fd);
	if (put("quic_rmem", "4096 65536 100000") || strcmp(get("quic_rmem"), "4096 65536 100000"))
		return 3;
	if (put("quic_congestion_control", "bbr") || !begins_with_cc("bbr"))
		return 4;
	return !put("quic_mem", "1 2 3");
}

static int in_child(int (*fn)(void))
{
	pid_t pid = fork();
	int st;

	if (!pid)
		_exit(fn());
	if (waitpid(pid, &st, 0) != pid)
		return -1;
	return WIFEXITED(st) ? WEXITSTATUS(st) : 100 + WTERMSIG(st);
}

static void user(void)
{
	CHECK_EQ(in_child(as_user), 0);
}

static void owner(void)
{
	/* A kernel that has them gives them to users in every guest of ours. */
	if (access("/proc/self/ns/user", F_OK))
		SKIP("the kernel has no user namespaces");
	CHECK_EQ(in_child(as_owner), 0);
}

static void mapped_root(void)
{
	if (access("/proc/self/ns/user", F_OK))
		SKIP("the kernel has no user namespaces");
	CHECK_EQ(in_child(as_mapped_root), 0);
}

static const struct ktap_case cases[] = {
	{ "each network namespace has its own, but for the system's", each_namespace },
	{ "quic_rmem bounds windows", bounds_windows },
	{ "limits of values", limits },
	{ "an unprivileged user", user },
	{ "who owns a network namespace", owner },
	{ "its root changes sysctls", mapped_root },
};

KTAP_MAIN(cases)
