// SPDX-License-Identifier: GPL-2.0
/* RFC 9000, 19 and RFC 9221: frames that are malformed, or mean what may not be meant. */
#include "drill.h"

static const struct drill_case frames[] = {
	{ "9000/19.4/send-only", "RESET_STREAM for a stream only the kernel sends on",
	  V(0x04, YOURS_UNI(0), 0, 0), CLOSE(STREAM_STATE, 0x04) },
};

GROUP(frames);
