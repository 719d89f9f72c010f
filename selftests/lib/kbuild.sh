# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
# Sourced after common.sh: build a tree of module sources for one of the kernels 6.1, 6.12, uml-fast and uml-debug.
# Each kernel has its own copy of the sources, since one object folder serves one kernel only; make sees only what changed.

# kbuild_kernel KERNEL: set kdir and arch
kbuild_kernel()
{
	arch=()
	case $1 in
	uml-*) kdir=$("$top/selftests/uml/build" "${1#uml-}"); arch=(ARCH=um) ;;
	*) read -r _ _ kdir < <("$top/selftests/lib/stock" "$1") ;;
	esac
	[ -n "${kdir:-}" ] || die "no kernel $1"
}

# kbuild_copy FROM... TO: as rsync, leaving alone what a build has made in TO. What differs is new from now on: a source
# that changed while its object was being built must not look older than that.
kbuild_copy()
{
	rsync -a --no-times --checksum --delete --exclude='*.o' --exclude='*.ko' --exclude='*.mod' --exclude='*.mod.c' --exclude='.*.cmd' \
		--exclude=Module.symvers --exclude=modules.order --exclude=.kdir --exclude=make.log "$@"
}

# kbuild_make DIR [MAKE-ARGUMENT...]
kbuild_make()
{
	local dir=$1
	shift
	if [ "$(cat "$dir/.kdir" 2>/dev/null)" != "$kdir" ]; then
		find "$dir" \( -name '*.o' -o -name '.*.cmd' -o -name '*.ko' \) -delete
		echo "$kdir" >"$dir/.kdir"
	fi
	logged "$dir/make.log" make -C "$kdir" "${arch[@]}" M="$dir" -j2 modules "$@"
	grep 'warning:' "$dir/make.log" >&2 || :
}
