/* SPDX-License-Identifier: GPL-2.0 */
/*
 * May vector registers be used here and now? On x86 a softirq can come in the
 * middle of somebody's FPU section (before 6.16), and crypto_simd_usable() is
 * not exported. Elsewhere no cipher of ours depends on it.
 */
#ifndef QUIC_COMPAT_SIMD_H
#define QUIC_COMPAT_SIMD_H

#include <linux/types.h>

#ifdef CONFIG_X86
#include <asm/fpu/api.h>

static inline bool quic_simd_usable(void)
{
	return irq_fpu_usable();
}

/* What makes AES fast, for when modprobe loads us. */
#define QUIC_SIMD_SOFTDEP	"pre: aesni_intel"
#else
static inline bool quic_simd_usable(void)
{
	return true;
}

#define QUIC_SIMD_SOFTDEP	"pre: gcm"
#endif

#endif
