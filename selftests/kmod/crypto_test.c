// SPDX-License-Identifier: GPL-2.0
/*
 * The packet protection suite over the kernel's ciphers: in process context, in
 * softirq, and with the FPU taken. Loading it is the test: it fails to load when
 * a case fails. bench=1 prints nanoseconds a call as well, which under icount are
 * instructions.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>

#include "compat/simd.h"
#include "crypto/crypto.h"
#include "../core/protect_suite.h"

static bool bench;
module_param(bench, bool, 0444);
MODULE_PARM_DESC(bench, "also measure");

static unsigned int number, failures;
static struct quic_crypto_ops ops;

void protect_suite_complain(const char *file, int line, const char *what)
{
	pr_info("# %s:%d: %s\n", kbasename(file), line, what);
}

static void verdict(bool ok, const char *name, const char *how)
{
	pr_info("%s %u - %s%s\n", ok ? "ok" : "not ok", ++number, name, how);
	failures += !ok;
}

static void run_suite(const struct quic_crypto_ops *with, const char *how)
{
	unsigned int i;

	for (i = 0; i < protect_cases_count; i++) {
		verdict(!protect_cases[i].run(with), protect_cases[i].name, how);
		cond_resched();
	}
}

/* Calls of the datapath, each made in a softirq. */
struct call {
	struct tasklet_struct tasklet;
	struct completion done;
	int (*run)(void *aead, const u8 *nonce, u8 *pkt, u32 hdr_len,
		   const struct quic_vec *src, unsigned int nsrc, u32 len);
	void *obj;
	const u8 *nonce;
	u8 *pkt;
	u32 hdr_len, len;
	const struct quic_vec *src;
	unsigned int nsrc;
	struct quic_hp_item *it;
	int err;
};

static struct call call;

static void in_softirq_now(struct tasklet_struct *t)
{
	call.err = call.run ? call.run(call.obj, call.nonce, call.pkt, call.hdr_len, call.src,
				       call.nsrc, call.len) :
			      quic_crypto_kernel.masks(call.obj, call.it, call.nsrc);
	complete(&call.done);
}

static int by_tasklet(void)
{
	reinit_completion(&call.done);
	tasklet_schedule(&call.tasklet);
	wait_for_completion(&call.done);
	return call.err;
}

static int softirq_call(int (*run)(void *aead, const u8 *nonce, u8 *pkt, u32 hdr_len,
				   const struct quic_vec *src, unsigned int nsrc, u32 len),
			void *aead, const u8 *nonce, u8 *pkt, u32 hdr_len,
			const struct quic_vec *src, unsigned int nsrc, u32 len)
{
	call.run = run;
	call.obj = aead;
	call.nonce = nonce;
	call.pkt = pkt;
	call.hdr_len = hdr_len;
	call.src = src;
	call.nsrc = nsrc;
	call.len = len;
	return by_tasklet();
}

static int softirq_seal(void *aead, const u8 *nonce, u8 *pkt, u32 hdr_len,
			const struct quic_vec *src, unsigned int nsrc, u32 len)
{
	return softirq_call(quic_crypto_kernel.seal, aead, nonce, pkt, hdr_len, src, nsrc, len);
}

static int softirq_open(void *aead, const u8 *nonce, u8 *dst, u32 hdr_len,
			const struct quic_vec *src, unsigned int nsrc, u32 len)
{
	return softirq_call(quic_crypto_kernel.open, aead, nonce, dst, hdr_len, src, nsrc, len);
}

static int softirq_masks(void *hp, struct quic_hp_item *it, unsigned int n)
{
	call.run = NULL;
	call.obj = hp;
	call.it = it;
	call.nsrc = n;
	return by_tasklet();
}

static void run_softirq(void)
{
	init_completion(&call.done);
	tasklet_setup(&call.tasklet, in_softirq_now);
	ops = quic_crypto_kernel;
	ops.seal = softirq_seal;
	ops.open = softirq_open;
	ops.masks = softirq_masks;
	run_suite(&ops, " in softirq");
	tasklet_kill(&call.tasklet);
}

#ifdef CONFIG_X86
/* Nothing vectorised may run here: the product must notice by itself. */
static int taken_seal(void *aead, const u8 *nonce, u8 *pkt, u32 hdr_len,
		      const struct quic_vec *src, unsigned int nsrc, u32 len)
{
	int err;

	kernel_fpu_begin();
	err = quic_simd_usable() ? -EDOM :
	      quic_crypto_kernel.seal(aead, nonce, pkt, hdr_len, src, nsrc, len);
	kernel_fpu_end();
	return err;
}

static int taken_open(void *aead, const u8 *nonce, u8 *dst, u32 hdr_len,
		      const struct quic_vec *src, unsigned int nsrc, u32 len)
{
	int err;

	kernel_fpu_begin();
	err = quic_crypto_kernel.open(aead, nonce, dst, hdr_len, src, nsrc, len);
	kernel_fpu_end();
	return err;
}

static int taken_masks(void *hp, struct quic_hp_item *it, unsigned int n)
{
	int err;

	kernel_fpu_begin();
	err = quic_crypto_kernel.masks(hp, it, n);
	kernel_fpu_end();
	return err;
}

static void run_fpu_taken(void)
{
	ops = quic_crypto_kernel;
	ops.seal = taken_seal;
	ops.open = taken_open;
	ops.masks = taken_masks;
	run_suite(&ops, " with the FPU taken");
}
#else
static void run_fpu_taken(void)
{
}
#endif

#define TIMES	2000
#define OVERLAID	16	/* bytes a stream's piece lends */

struct bed {
	void *aead, *hp;
	u8 *pkt, *page, *out;
	struct quic_hp_item it[QUIC_BURST_MAX];
};

static const u8 nonce[12];

/* Packets one after the other, as in a burst or train. */
static u8 *at(u8 *buf, u32 len, unsigned int i)
{
	return buf + i * (13 + len + QUIC_AEAD_TAG) % (2 * PAGE_SIZE);
}

/* A frame header of 9 bytes in place, the rest from a page, as a STREAM frame goes out. */
static void seal_stream(struct bed *b, u32 len, unsigned int i)
{
	u8 *pkt = at(b->pkt, len, i);
	struct quic_vec v[] = {
		{ pkt + 13, 9 },
		{ b->page + OVERLAID + i * len % 16384, len - 9, OVERLAID },
	};

	quic_crypto_kernel.seal(b->aead, nonce, pkt, 13, v, 2, len);
}

static void seal_in_place(struct bed *b, u32 len, unsigned int i)
{
	u8 *pkt = at(b->pkt, len, i);
	struct quic_vec v = { pkt + 13, len };

	quic_crypto_kernel.seal(b->aead, nonce, pkt, 13, &v, 1, len);
}

/* From the train to fresh memory. What is opened is no real packet: the cost is the same. */
static void open_copy(struct bed *b, u32 len, unsigned int i)
{
	u8 *out = at(b->out + 1000, len, i);
	struct quic_vec v = { at(b->pkt, len, i) + 13, len + QUIC_AEAD_TAG };

	memcpy(out, at(b->pkt, len, i), 13);
	quic_crypto_kernel.open(b->aead, nonce, out, 13, &v, 1, v.len);
}

static void measure(struct bed *b, const char *cipher, const char *what, u32 len,
		    void (*one)(struct bed *b, u32 len, unsigned int i))
{
	unsigned int i;
	u64 ns;

	one(b, len, 0);
	ns = ktime_get_ns();
	for (i = 0; i < TIMES; i++)
		one(b, len, i);
	ns = ktime_get_ns() - ns;
	pr_info("# %s %s %u bytes: %llu ns a call, %llu.%02llu a byte\n", cipher, what, len,
		div_u64(ns, TIMES), div_u64(ns, TIMES * len),
		div_u64(ns * 100, TIMES * len) - 100 * div_u64(ns, TIMES * len));
}

static void measure_masks(struct bed *b, const char *cipher, unsigned int n)
{
	unsigned int i;
	u64 ns;

	for (i = 0; i < n; i++)
		b->it[i].sample = b->page + 1000 * i;
	quic_crypto_kernel.masks(b->hp, b->it, n);
	ns = ktime_get_ns();
	for (i = 0; i < TIMES; i++)
		quic_crypto_kernel.masks(b->hp, b->it, n);
	ns = ktime_get_ns() - ns;
	pr_info("# %s masks of %u: %llu ns a packet\n", cipher, n, div_u64(ns, TIMES * n));
}

static void measure_setup(u32 cipher, const char *name, const u8 *key)
{
	unsigned int i;
	int err;
	u64 ns = ktime_get_ns();

	for (i = 0; i < 100; i++) {
		quic_crypto_kernel.aead_free(quic_crypto_kernel.aead_alloc(cipher, key, &err));
		quic_crypto_kernel.hp_free(quic_crypto_kernel.hp_alloc(cipher, key, &err));
	}
	ns = ktime_get_ns() - ns;
	pr_info("# %s aead and hp set up: %llu ns\n", name, div_u64(ns, 100));
}

static void measure_cipher(struct bed *b, u32 cipher, const char *name)
{
	static const u8 key[32] = { 1 };
	int err;

	measure_setup(cipher, name, key);
	b->aead = quic_crypto_kernel.aead_alloc(cipher, key, &err);
	b->hp = quic_crypto_kernel.hp_alloc(cipher, key, &err);
	if (b->aead && b->hp) {
		measure(b, name, "seal in place", 1400, seal_in_place);
		measure(b, name, "seal from page", 1400, seal_stream);
		measure(b, name, "open", 1400, open_copy);
		measure(b, name, "seal from page", 16000, seal_stream);
		measure(b, name, "open", 16000, open_copy);
		measure(b, name, "seal in place", 40, seal_in_place);
		measure_masks(b, name, 1);
		measure_masks(b, name, 2);
		measure_masks(b, name, 44);
		measure_masks(b, name, 64);
	}
	quic_crypto_kernel.aead_free(b->aead);
	quic_crypto_kernel.hp_free(b->hp);
}

static void measure_all(void)
{
	struct bed *b = kzalloc(sizeof(*b), GFP_KERNEL);
	unsigned long mem = __get_free_pages(GFP_KERNEL, 5);

	if (b && mem) {
		b->pkt = (u8 *)mem;
		b->out = (u8 *)mem + 32768;
		b->page = (u8 *)mem + 65536;
		measure_cipher(b, QUIC_CIPHER_AES_GCM_128, "aes-128-gcm");
		measure_cipher(b, QUIC_CIPHER_AES_GCM_256, "aes-256-gcm");
		measure_cipher(b, QUIC_CIPHER_CHACHA20_POLY1305, "chacha20-poly1305");
		measure_cipher(b, QUIC_CIPHER_AES_CCM_128, "aes-128-ccm");
	}
	free_pages(mem, 5);
	kfree(b);
}

static int __init crypto_test_init(void)
{
	int err = quic_crypto_init();

	if (err)
		return err;
	pr_info("TAP version 13\n");
	run_suite(&quic_crypto_kernel, "");
	run_softirq();
	run_fpu_taken();
	pr_info("1..%u\n", number);
	if (bench)
		measure_all();
	if (failures)
		quic_crypto_exit();
	return failures ? -EINVAL : 0;
}

static void __exit crypto_test_exit(void)
{
	quic_crypto_exit();
}

module_init(crypto_test_init);
module_exit(crypto_test_exit);
MODULE_DESCRIPTION("Self-test of QUIC packet protection");
MODULE_LICENSE("GPL");
