// SPDX-License-Identifier: GPL-2.0
/*
 * What quic-serve --strict says of itself: after strict_begin() a call that could wait ends the
 * process. Each case is a process of its own. selftests/vm/load.sh has the server under it;
 * here is that it can fail. UML's kernels have no seccomp, the stock ones do.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <linux/seccomp.h>

#include "../../tools/strict.h"
#include "ktap.h"

#define FINE	0
#define KILLED	(128 + SIGSYS)

static int pair[2];

static bool no_seccomp(void)
{
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0)
		return false;
	ktap_skip_why = "this kernel has no seccomp";
	return true;
}

/* How a process ends that calls this after strict_begin(): FINE, KILLED, or what it said itself */
static int ends(bool uring, void (*call)(void))
{
	pid_t pid;
	int status;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair))
		return -1;
	pid = fork();
	if (!pid) {
		if (strict_begin(uring, pair[0]))
			_exit(3);
		call();
		_exit(FINE);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	close(pair[0]);
	close(pair[1]);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void no_call(void)
{
}

/* With raw calls: the C library's are not always the one they are named for. */
static void call_poll(void)
{
	struct pollfd p = { .fd = pair[0], .events = POLLIN };

	syscall(SYS_poll, &p, 1, 1);
}

static void call_nanosleep(void)
{
	struct timespec ts = { .tv_nsec = 1 };

	syscall(SYS_nanosleep, &ts, NULL);
}

static void call_futex_wait(void)
{
	uint32_t word = 0;
	struct timespec ts = { .tv_nsec = 1 };

	syscall(SYS_futex, &word, 0 /* FUTEX_WAIT */, 0, &ts);
}

static void call_read(void)
{
	char c;

	syscall(SYS_read, pair[0], &c, 1);
}

static void call_enter(void)
{
	syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0);
}

static void call_epoll(void)
{
	struct epoll_event event;

	syscall(SYS_epoll_pwait, -1, &event, 1, 0, NULL, 8);
}

static void call_send_waiting(void)
{
	syscall(SYS_sendto, pair[0], "x", 1, MSG_NOSIGNAL, NULL, 0);
}

static void call_send(void)
{
	syscall(SYS_sendto, pair[0], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0);
}

static void call_recvmsg_waiting(void)
{
	struct msghdr msg = { 0 };

	syscall(SYS_recvmsg, pair[0], &msg, 0);
}

static void call_recvmsg(void)
{
	struct msghdr msg = { 0 };

	syscall(SYS_recvmsg, pair[0], &msg, MSG_DONTWAIT);
}

static void call_accept_waiting(void)
{
	syscall(SYS_accept4, pair[0], NULL, NULL, SOCK_CLOEXEC);
}

static void call_accept(void)
{
	syscall(SYS_accept4, pair[0], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static void call_clock(void)
{
	struct timespec ts;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
}

static void waits(void)
{
	int uring;

	if (no_seccomp())
		return;
	for (uring = 0; uring < 2; uring++) {
		CHECK_EQ(ends(uring, no_call), FINE);
		CHECK_EQ(ends(uring, call_clock), FINE);
		CHECK_EQ(ends(uring, call_poll), KILLED);
		CHECK_EQ(ends(uring, call_nanosleep), KILLED);
		CHECK_EQ(ends(uring, call_futex_wait), KILLED);
		CHECK_EQ(ends(uring, call_read), KILLED);
	}
}

static void own(void)
{
	if (no_seccomp())
		return;
	CHECK_EQ(ends(true, call_enter), FINE);
	CHECK_EQ(ends(false, call_enter), KILLED);
	CHECK_EQ(ends(true, call_epoll), KILLED);
	CHECK_EQ(ends(false, call_epoll), FINE);
	CHECK_EQ(ends(true, call_send), KILLED);
}

static void flags(void)
{
	if (no_seccomp())
		return;
	CHECK_EQ(ends(false, call_send), FINE);
	CHECK_EQ(ends(false, call_send_waiting), KILLED);
	CHECK_EQ(ends(false, call_recvmsg), FINE);
	CHECK_EQ(ends(false, call_recvmsg_waiting), KILLED);
	CHECK_EQ(ends(false, call_accept), FINE);
	CHECK_EQ(ends(false, call_accept_waiting), KILLED);
}

static void listener(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (no_seccomp())
		return;
	CHECK(fd >= 0);
	CHECK_EQ(strict_begin(false, fd), -EWOULDBLOCK);
	CHECK_EQ(strict_begin(false, -1), -EBADF);
	close(fd);
}

#ifdef __x86_64__
/* Of the 32-bit table: number 20 is getpid() there, and writev() in ours. */
static long int80(long nr, long a, long b)
{
	long ret;

	asm volatile("int $0x80" : "=a"(ret) : "a"(nr), "b"(a), "c"(b)
		     : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

/* 228 is clock_gettime() for us, which is allowed; there it is fsetxattr(). */
static void call_other(void)
{
	int80(SYS_clock_gettime, 0, 0);
}

static void arch(void)
{
	pid_t pid;
	int status;

	if (no_seccomp())
		return;
	pid = fork();
	if (!pid)
		_exit(int80(20, 0, 0) != getpid());
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	if (status)
		SKIP("this kernel runs no 32-bit calls");
	CHECK_EQ(ends(true, call_other), KILLED);
	CHECK_EQ(ends(false, call_other), KILLED);
}
#endif

static const struct ktap_case cases[] = {
	{ "a call that waits ends the process", waits },
	{ "each engine has its own wait, and no other's", own },
	{ "epoll: without the flag that says not to wait, no send, receive, accept", flags },
	{ "epoll: a listener that waits is refused", listener },
#ifdef __x86_64__
	{ "calls of another architecture end the process, whatever their number", arch },
#endif
};
KTAP_MAIN(cases)
