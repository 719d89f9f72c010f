// SPDX-License-Identifier: GPL-2.0
/* net.quic.*: limits of memory, of the whole system as those of TCP. */
#include <linux/net.h>
#include <net/net_namespace.h>

#include "../compat/sysctl.h"
#include "sock.h"

#define BUF_MIN		4096

static int buf_min = BUF_MIN;
static struct ctl_table_header *header;

/* The name of an algorithm: what new sockets begin with */
static int do_congestion(QUIC_COMPAT_CTL_CONST struct ctl_table *ctl, int write, void *buf,
			 size_t *len, loff_t *pos)
{
	char name[QUIC_CC_NAME_MAX];
	struct ctl_table t = { .data = name, .maxlen = sizeof(name) };
	const struct quic_cc_ops *ops;
	int err;

	strscpy(name, READ_ONCE(quic_sysctl_cc)->name, sizeof(name));
	err = proc_dostring(&t, write, buf, len, pos);
	if (err || !write)
		return err;
	ops = quic_cc_find(name);
	if (!ops)
		return -ENOENT;
	WRITE_ONCE(quic_sysctl_cc, ops);
	return 0;
}

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
	{
		.procname	= "quic_congestion_control",
		.maxlen		= QUIC_CC_NAME_MAX,
		.mode		= 0644,
		.proc_handler	= do_congestion,
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
