// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A plugin of QEMU (10, API 4): how many instructions ran, by the block of code they are in: "ADDRESS INSTRUCTIONS" lines in
 * out=FILE when the guest ends. For profile. QEMU's header is not in a package of Debian 12's: what is used of it is declared
 * here, from QEMU's manual (TCG Emulation, API).
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;

extern void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
						  void (*cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb));
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, void (*cb)(unsigned int cpu, void *data),
						 int flags, void *data);
extern void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t id, void *data), void *data);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);

#define SLOTS (1u << 22)

static struct block {
	uint64_t addr, runs;
	uint32_t insns;
} *blocks[SLOTS];
static const char *out;

__attribute__((visibility("default"))) int qemu_plugin_version = 4;

static void ran(unsigned int cpu, void *data)
{
	((struct block *)data)->runs++;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	uint64_t addr = qemu_plugin_tb_vaddr(tb);
	uint32_t insns = qemu_plugin_tb_n_insns(tb);
	uint32_t i = (addr * 0x9e3779b97f4a7c15 + insns) >> 40 & (SLOTS - 1);
	struct block *b;

	while ((b = blocks[i]) && (b->addr != addr || b->insns != insns))
		i = (i + 1) & (SLOTS - 1);
	if (!b) {
		b = calloc(1, sizeof(*b));
		b->addr = addr;
		b->insns = insns;
		blocks[i] = b;
	}
	qemu_plugin_register_vcpu_tb_exec_cb(tb, ran, 0, b);
}

static void ended(qemu_plugin_id_t id, void *data)
{
	FILE *f = fopen(out, "w");
	uint32_t i;

	for (i = 0; f && i < SLOTS; i++)
		if (blocks[i] && blocks[i]->runs)
			fprintf(f, "%" PRIx64 " %" PRIu64 "\n", blocks[i]->addr, blocks[i]->runs * blocks[i]->insns);
	if (f)
		fclose(f);
}

__attribute__((visibility("default")))
int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	if (argc != 1 || strncmp(argv[0], "out=", 4))
		return -1;
	out = strdup(argv[0] + 4);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
