// SPDX-License-Identifier: GPL-2.0
/* net.quic.*: limits of memory, of the whole system as those of TCP. */
#include <linux/net.h>
#include <net/net_namespace.h>

#include "../compat/sysctl.h"
#include "../sock/sock.h"
#include "private.h"

#define BUF_MIN		4096

static int buf_min = BUF_MIN;
static struct ctl_table_header *header;

static struct ctl_table table[] = {
	{
		.procname	= "quic_mem",
		.data		= quic_sysctl_mem,
		.maxlen		= sizeof(quic_sysctl_mem),
		.mode		= 0644,
		.proc_handler	= proc_doulongvec_minmax,
	},
	{
		.procname	= "quic_rmem",
		.data		= quic_sysctl_rmem,
		.maxlen		= sizeof(quic_sysctl_rmem),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= &buf_min,
	},
	{
		.procname	= "quic_wmem",
		.data		= quic_sysctl_wmem,
		.maxlen		= sizeof(quic_sysctl_wmem),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= &buf_min,
	},
	{
		.procname	= "quic_max_orphans",
		.data		= &quic_sysctl_max_orphans,
		.maxlen		= sizeof(quic_sysctl_max_orphans),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
	},
	QUIC_COMPAT_SYSCTL_END
};

int quic_sysctl_init(void)
{
	header = register_net_sysctl(&init_net, "net/quic", table);
	return header ? 0 : -ENOMEM;
}

void quic_sysctl_exit(void)
{
	unregister_net_sysctl_table(header);
}
