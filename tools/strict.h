/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef QUIC_TOOLS_STRICT_H
#define QUIC_TOOLS_STRICT_H

#include <stdbool.h>

/*
 * From here on a system call that could wait, other than the loop's own, kills the process
 * (SIGSYS): to find such calls in tests, not to confine anybody. listener: what epoll's loop
 * accepts from. 0 or -errno; -EWOULDBLOCK: accepting from it would wait.
 */
int strict_begin(bool uring, int listener);

#endif /* QUIC_TOOLS_STRICT_H */
