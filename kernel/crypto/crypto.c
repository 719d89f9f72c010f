// SPDX-License-Identifier: GPL-2.0
/*
 * The table of ciphers, the working memory of the CPUs, and the end of
 * transforms: those must not be freed in softirq (the last user of an algorithm
 * that is going away would sleep), connections must be.
 */
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/workqueue.h>

#include "../compat/cipher.h"
#include "../compat/simd.h"
#include "crypto.h"
#include "parts.h"

DEFINE_PER_CPU(struct quic_scratch *, quic_scratch);
static LLIST_HEAD(dead_list);

int quic_scratch_init(void)
{
	struct quic_scratch *s;
	int cpu;

	for_each_possible_cpu(cpu) {
		s = kzalloc_node(sizeof(*s), GFP_KERNEL, cpu_to_node(cpu));
		if (!s) {
			quic_scratch_exit();
			return -ENOMEM;
		}
		sg_init_table(s->src, QUIC_SG_MAX);
		sg_unmark_end(&s->src[QUIC_SG_MAX - 1]);
		sg_init_table(s->dst, 2);
		per_cpu(quic_scratch, cpu) = s;
	}
	return 0;
}

void quic_scratch_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		kfree_sensitive(per_cpu(quic_scratch, cpu));
		per_cpu(quic_scratch, cpu) = NULL;
	}
}

static void bury(struct work_struct *work)
{
	struct quic_dead *dead, *next;

	llist_for_each_entry_safe(dead, next, llist_del_all(&dead_list), node)
		dead->free(dead);
}

static DECLARE_WORK(bury_work, bury);

void quic_dead_add(struct quic_dead *dead)
{
	if (llist_add(&dead->node, &dead_list))
		schedule_work(&bury_work);
}

void quic_dead_flush(void)
{
	flush_work(&bury_work);
}

int quic_crypto_init(void)
{
	int err;

	err = quic_scratch_init();
	if (err)
		return err;
	err = quic_hmac_init();
	if (err)
		quic_scratch_exit();
	return err;
}

void quic_crypto_exit(void)
{
	quic_dead_flush();
	quic_hmac_exit();
	quic_scratch_exit();
}

const struct quic_crypto_ops quic_crypto_kernel = {
	.hmac = quic_hmac,
	.hmacs = quic_hmacs,
	.gmac = quic_aead_gmac,
	.aead_alloc = quic_aead_alloc,
	.aead_free = quic_aead_free,
	.hp_alloc = quic_hp_alloc,
	.hp_free = quic_hp_free,
	.seal = quic_aead_seal,
	.open = quic_aead_open,
	.masks = quic_hp_masks,
};

MODULE_SOFTDEP(QUIC_SIMD_SOFTDEP);
MODULE_IMPORT_NS(QUIC_CIPHER_NS);
