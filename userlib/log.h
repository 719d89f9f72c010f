/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages to the application. Besides early.c's table the function and level are all global state. */
#ifndef QUIC_USERLIB_LOG_H
#define QUIC_USERLIB_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <syslog.h>

/* In place: control characters that a peer may have sent become '?'. */
void quic_log_clean(char *text);
void quic_log(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* keylog.c: is there $SSLKEYLOGFILE? And a line of the NSS format, to be appended to it */
bool quic_keylog_wanted(void);
void quic_keylog_line(const char *line);

#endif /* QUIC_USERLIB_LOG_H */
