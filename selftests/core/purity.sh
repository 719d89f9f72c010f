#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kernel/core is pure: it includes only kernel/core/*.h (os.h alone reaches
# further) and uses no socket, packet buffer, clock, randomness or lock, and no
# kernel version. TAP on stdout, non-zero exit on a hit.
# usage: purity.sh [--self-test] [DIR]
here=$(cd "$(dirname "$0")" && pwd)

banned='struct sock\b|sk_buff|\bskb_|ktime_|jiffies|\bHZ\b|get_random|prandom|\bspin_|spinlock|raw_spin'
banned+='|struct mutex|\bmutex_|rcu_|\bsmp_|LINUX_VERSION_CODE|KERNEL_VERSION|\bschedule\(|msleep|udelay'
banned+='|\bcurrent->|copy_(to|from)_user|struct net\b|EXPORT_SYMBOL|module_param'

# The file without comments and strings, lines kept.
strip() {
	perl -0777 -pe 's{(^[ \t]*#[ \t]*include[^\n]*)|"(?:\\.|[^"\\\n])*"|/\*.*?\*/|//[^\n]*}
		{defined $1 ? $1 : ($& =~ tr/\n//cdr)}gmse' "$1"
}

includes() {
	local file=$1 dir=$2 line name
	[ "$(basename "$file")" = os.h ] && return 0
	strip "$file" | grep -nE '^\s*#\s*include' | while read -r line; do
		name=$(sed -nE 's/^[0-9]+:\s*#\s*include\s*"([a-z0-9_]+\.h)".*/\1/p' <<<"$line")
		[ -n "$name" ] && [ -f "$dir/$name" ] || echo "$file:$line"
	done
}

check() {
	local dir=$1 file hits n=0 bad=0
	for file in "$dir"/*.[ch]; do
		n=$((n + 1))
		hits=$(includes "$file" "$dir"
			strip "$file" | grep -nE "$banned" | sed "s|^|$file:|"
			[ "$(basename "$file")" = os.h ] ||
				strip "$file" | grep -n __KERNEL__ | sed "s|^|$file:|")
		if [ -n "$hits" ]; then
			bad=1
			echo "not ok $n - $(basename "$file")"
			sed 's/^/# /' <<<"$hits"
		else
			echo "ok $n - $(basename "$file")"
		fi
	done
	echo "1..$n"
	[ $n -gt 0 ] && [ $bad = 0 ]
}

# Each of these lines, put into a clean file, must be found.
self_test() {
	local dir line n=0 bad=0
	dir=$(mktemp -d) || exit 1
	trap 'rm -rf "$dir"' EXIT
	echo '/* struct sock, jiffies: only words */ static const char *s = "sk_buff";' >"$dir/ok.h"
	echo '#include "ok.h"' >"$dir/x.c"
	check "$dir" >/dev/null || { echo "not ok 0 - clean file refused"; bad=1; }
	while read -r line; do
		n=$((n + 1))
		printf '#include "ok.h"\n%s\n' "$line" >"$dir/x.c"
		if check "$dir" >/dev/null; then
			echo "not ok $n - missed: $line"
			bad=1
		else
			echo "ok $n - finds: $line"
		fi
	done <<-'EOF'
	#include <linux/skbuff.h>
	#include <linux/slab.h>
	#include "../net/demux.h"
	#include "gone.h"
	# include <net/sock.h>
	int f(struct sock *sk);
	void f(struct sk_buff *skb);
	u64 f(void) { return ktime_get_ns(); }
	u64 f(void) { return ktime_get(); }
	u64 f(void) { return jiffies; }
	int t = 5 * HZ;
	u32 f(void) { return get_random_u32(); }
	static spinlock_t lock;
	void f(void) { spin_lock(&lock); }
	static struct mutex m;
	void f(void) { mutex_lock(&m); }
	#if LINUX_VERSION_CODE >= 1
	#ifdef __KERNEL__
	void f(void) { rcu_read_lock(); }
	struct net *net;
	EOF
	echo "1..$n"
	return $bad
}

if [ "$1" = --self-test ]; then
	self_test
else
	(self_test) >/dev/null || { echo "not ok 0 - the check itself: try --self-test"; exit 1; }
	echo "ok 0 - the check finds what it should"
	check "$(realpath "${1:-$here/../../kernel/core}")"
fi
