// SPDX-License-Identifier: GPL-2.0
/*
 * net.quic.*: as with TCP, buffers and congestion control are of each network
 * namespace, which begins with the values of the first one; memory of all
 * sockets together and orphans are of the system, and shown there only.
 *
 * Who is root in the user namespace that owns it may change what is of a namespace.
 */
#include <linux/net.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "../compat/sysctl.h"
#include "sock.h"

#define BUF_MIN		4096

struct sysctl_net {
	struct quic_sysctls val;
	struct ctl_table *table;
	struct ctl_table_header *header;
};

static unsigned int net_id __read_mostly;
static int buf_min = BUF_MIN;

const struct quic_sysctls *quic_sysctls(const struct net *net)
{
	return &((struct sysctl_net *)net_generic(net, net_id))->val;
}

/* The name of an algorithm: what new sockets begin with */
static int do_congestion(QUIC_COMPAT_CTL_CONST struct ctl_table *ctl, int write, void *buf,
			 size_t *len, loff_t *pos)
{
	const struct quic_cc_ops **cc = ctl->data, *ops;
	char name[QUIC_CC_NAME_MAX];
	struct ctl_table t = { .data = name, .maxlen = sizeof(name) };
	int err;

	strscpy(name, READ_ONCE(*cc)->name, sizeof(name));
	err = proc_dostring(&t, write, buf, len, pos);
	if (err || !write)
		return err;
	ops = quic_cc_find(name);
	if (!ops)
		return -ENOENT;
	WRITE_ONCE(*cc, ops);
	return 0;
}

enum { RMEM, WMEM, CONGESTION, EACH_NS, MEM = EACH_NS, MAX_ORPHANS, ALL };

/* The data of those of a namespace is filled in. */
static const struct ctl_table entries[ALL] = {
	[RMEM] = {
		.procname	= "quic_rmem",
		.maxlen		= sizeof_field(struct quic_sysctls, rmem),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= &buf_min,
	},
	[WMEM] = {
		.procname	= "quic_wmem",
		.maxlen		= sizeof_field(struct quic_sysctls, wmem),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= &buf_min,
	},
	[CONGESTION] = {
		.procname	= "quic_congestion_control",
		.maxlen		= QUIC_CC_NAME_MAX,
		.mode		= 0644,
		.proc_handler	= do_congestion,
	},
	[MEM] = {
		.procname	= "quic_mem",
		.data		= quic_sysctl_mem,
		.maxlen		= sizeof(quic_sysctl_mem),
		.mode		= 0644,
		.proc_handler	= proc_doulongvec_minmax,
	},
	[MAX_ORPHANS] = {
		.procname	= "quic_max_orphans",
		.data		= &quic_sysctl_max_orphans,
		.maxlen		= sizeof(quic_sysctl_max_orphans),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
	},
};

static void set_defaults(struct net *net, struct quic_sysctls *v)
{
	if (!net_eq(net, &init_net)) {
		*v = *quic_sysctls(&init_net);
		return;
	}
	*v = (struct quic_sysctls){
		.rmem = { BUF_MIN, 1 << 20, 32 << 20 },
		.wmem = { BUF_MIN, 64 << 10, 32 << 20 },
		.cc = &quic_cc_cubic,
	};
}

static int __net_init net_init(struct net *net)
{
	struct sysctl_net *sn = net_generic(net, net_id);
	unsigned int n = net_eq(net, &init_net) ? ALL : EACH_NS;

	set_defaults(net, &sn->val);
	/* One more: the empty one that older kernels want at the end. */
	sn->table = kcalloc(n + 1, sizeof(*sn->table), GFP_KERNEL_ACCOUNT);
	if (!sn->table)
		return -ENOMEM;
	memcpy(sn->table, entries, n * sizeof(*entries));
	sn->table[RMEM].data = sn->val.rmem;
	sn->table[WMEM].data = sn->val.wmem;
	sn->table[CONGESTION].data = &sn->val.cc;
	sn->header = quic_compat_register_sysctl(net, "net/quic", sn->table, n);
	if (sn->header)
		return 0;
	kfree(sn->table);
	return -ENOMEM;
}

static void __net_exit net_exit(struct net *net)
{
	struct sysctl_net *sn = net_generic(net, net_id);

	unregister_net_sysctl_table(sn->header);
	kfree(sn->table);
}

static struct pernet_operations net_ops = {
	.init = net_init,
	.exit = net_exit,
	.id = &net_id,
	.size = sizeof(struct sysctl_net),
};

int quic_sysctl_init(void)
{
	return register_pernet_subsys(&net_ops);
}

void quic_sysctl_exit(void)
{
	unregister_pernet_subsys(&net_ops);
}
