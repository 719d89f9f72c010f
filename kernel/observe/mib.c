// SPDX-License-Identifier: GPL-2.0
/* /proc/net/quic_stat: the counters of a network namespace, a line each: name and sum. */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>

#include "../net/mib.h"
#include "observe.h"

/* Programs know them by these names: add, never change. */
static const char *const names[QUIC_MIB_MAX] = {
	[QUIC_MIB_ACTIVE_OPENS]		= "QuicActiveOpens",
	[QUIC_MIB_PASSIVE_OPENS]	= "QuicPassiveOpens",
	[QUIC_MIB_ESTABLISHED]		= "QuicEstablished",
	[QUIC_MIB_ATTEMPT_FAILS]	= "QuicAttemptFails",
	[QUIC_MIB_CLOSES]		= "QuicCloses",
	[QUIC_MIB_PEER_CLOSES]		= "QuicPeerCloses",
	[QUIC_MIB_IDLE_TIMEOUTS]	= "QuicIdleTimeouts",
	[QUIC_MIB_RESETS_IN]		= "QuicInStatelessResets",
	[QUIC_MIB_MIGRATIONS]		= "QuicMigrations",
	[QUIC_MIB_KEY_UPDATES]		= "QuicKeyUpdates",
	[QUIC_MIB_IN_PACKETS]		= "QuicInPackets",
	[QUIC_MIB_OUT_PACKETS]		= "QuicOutPackets",
	[QUIC_MIB_IN_BYTES]		= "QuicInBytes",
	[QUIC_MIB_OUT_BYTES]		= "QuicOutBytes",
	[QUIC_MIB_IN_DROPPED]		= "QuicInDropped",
	[QUIC_MIB_IN_DUPLICATES]	= "QuicInDuplicates",
	[QUIC_MIB_LOST]			= "QuicLost",
	[QUIC_MIB_SPURIOUS]		= "QuicSpuriousLosses",
	[QUIC_MIB_RETRANS]		= "QuicRetrans",
	[QUIC_MIB_CSUM_ERRORS]		= "QuicInCsumErrors",
	[QUIC_MIB_NOISE]		= "QuicInNoise",
	[QUIC_MIB_NO_LISTENER]		= "QuicInNoListener",
	[QUIC_MIB_ATTEMPTS_DROPPED]	= "QuicAttemptsDropped",
	[QUIC_MIB_ATTEMPTS_EXPIRED]	= "QuicAttemptsExpired",
	[QUIC_MIB_BACKLOG_DROPS]	= "QuicBacklogDrops",
	[QUIC_MIB_NO_BUFFER]		= "QuicInNoBuffer",
	[QUIC_MIB_VERSION_NEGOTIATIONS_OUT] = "QuicOutVersionNegotiations",
	[QUIC_MIB_RETRIES_OUT]		= "QuicOutRetries",
	[QUIC_MIB_REFUSALS_OUT]		= "QuicOutRefusals",
	[QUIC_MIB_RESETS_OUT]		= "QuicOutStatelessResets",
	[QUIC_MIB_CLOSE_REPEATS]	= "QuicOutCloseRepeats",
};

static int show(struct seq_file *seq, void *v)
{
	const struct quic_mibs __percpu *mibs = quic_net_mibs(seq->private);
	unsigned long sum;
	unsigned int i;
	int cpu;

	for (i = 0; i < QUIC_MIB_MAX; i++) {
		sum = 0;
		for_each_possible_cpu(cpu)
			sum += per_cpu_ptr(mibs, cpu)->val[i];
		seq_printf(seq, "%-32s%lu\n", names[i], sum);
	}
	return 0;
}

int quic_mib_proc_init(struct net *net)
{
	return proc_create_net_single("quic_stat", 0444, net->proc_net, show, NULL) ? 0 : -ENOMEM;
}

void quic_mib_proc_exit(struct net *net)
{
	remove_proc_entry("quic_stat", net->proc_net);
}
