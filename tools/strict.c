// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a process may still call once it only serves. The list has no call that waits for anything
 * but epoll_pwait() and io_uring_enter(), of which each engine has its own; memory, time and
 * options of sockets are answered at once. Sends and receives have to say that they do not wait,
 * accepted descriptors are born not to; files of a file system always may, for a disk.
 *
 * This finds mistakes of ours, in tests. It is no defence: whoever runs code in here can do much by
 * these calls, by io_uring above all.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include "strict.h"

#define RULES	128

/* Numbers of calls mean something only together with the architecture they are of. */
#if defined(__x86_64__)
#define ARCH	AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH	AUDIT_ARCH_AARCH64
#else
#define ARCH	0	/* nobody's: strict_begin() refuses */
#endif

/*
 * Of the C library and GnuTLS: memory, random numbers, clocks where they are no vDSO's; libquic:
 * options.
 */
static const unsigned int both[] = {
	SYS_setsockopt, SYS_getsockopt, SYS_getpeername,
	SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap, SYS_madvise, SYS_getrandom,
	SYS_clock_gettime, SYS_gettimeofday, SYS_getpid, SYS_getrusage,
	SYS_fstat, SYS_newfstatat, SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_exit, SYS_exit_group,
#ifdef SYS_time
	SYS_time,
#endif
};

static const unsigned int of_epoll[] = {
	SYS_epoll_pwait, SYS_epoll_ctl, SYS_openat2, SYS_pread64, SYS_close,
};

/* Calls that may be made with a flag only */
static const struct flagged {
	unsigned int call, arg, flag;
} flagged[] = {
	{ SYS_accept4, 3, SOCK_NONBLOCK },
	{ SYS_recvfrom, 3, MSG_DONTWAIT },
	{ SYS_sendto, 3, MSG_DONTWAIT },
	{ SYS_recvmsg, 2, MSG_DONTWAIT },
	{ SYS_sendmsg, 2, MSG_DONTWAIT },
};

static const unsigned int of_uring[] = { SYS_io_uring_enter };

struct rules {
	struct sock_filter f[RULES];
	unsigned short n;
};

static void rule(struct rules *r, struct sock_filter f)
{
	if (r->n < RULES)
		r->f[r->n++] = f;
}

static void allow(struct rules *r, const unsigned int *calls, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		rule(r, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i], 0, 1));
		rule(r, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	}
}

static void load_arg(struct rules *r, unsigned int n)
{
	rule(r, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					     offsetof(struct seccomp_data, args[n])));
}

static void allow_flagged(struct rules *r, const struct flagged *c)
{
	rule(r, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, c->call, 0, 4));
	load_arg(r, c->arg);
	rule(r, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, c->flag, 0, 1));
	rule(r, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	rule(r, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
}

/* Of no other architecture: int 0x80 on x86-64 has numbers of its own. */
static void demand_arch(struct rules *r)
{
	rule(r, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					     offsetof(struct seccomp_data, arch)));
	rule(r, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0));
	rule(r, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
}

/* The C library wakes whoever may wait at the end of pthread_once(). Waiting itself is not allowed. */
static void allow_wake(struct rules *r)
{
	rule(r, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 0, 5));
	load_arg(r, 1);
	rule(r, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, FUTEX_CMD_MASK));
	rule(r, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FUTEX_WAKE, 0, 1));
	rule(r, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	rule(r, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
}

/* Messages, on stderr only. */
static void allow_messages(struct rules *r)
{
	rule(r, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 0, 3));
	load_arg(r, 0);
	rule(r, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 1));
	rule(r, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
}

int strict_begin(bool uring, int listener)
{
	static struct rules r;
	struct sock_fprog prog = { .filter = r.f };
	int status;
	size_t i;

	if (!ARCH)
		return -EOPNOTSUPP;
	status = uring ? 0 : fcntl(listener, F_GETFL);
	if (status < 0)
		return -errno;
	/* accept4() waits where the listener does. */
	if (!uring && !(status & O_NONBLOCK))
		return -EWOULDBLOCK;
	r.n = 0;
	demand_arch(&r);
	rule(&r, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					      offsetof(struct seccomp_data, nr)));
	if (uring)
		allow(&r, of_uring, sizeof(of_uring) / sizeof(*of_uring));
	else
		allow(&r, of_epoll, sizeof(of_epoll) / sizeof(*of_epoll));
	for (i = 0; !uring && i < sizeof(flagged) / sizeof(*flagged); i++)
		allow_flagged(&r, &flagged[i]);
	allow(&r, both, sizeof(both) / sizeof(*both));
	allow_wake(&r);
	allow_messages(&r);
	rule(&r, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
	if (r.n == RULES)
		return -E2BIG;
	prog.len = r.n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0))
		return -errno;
	return 0;
}
