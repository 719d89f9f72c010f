#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What can be said about the sources without running them.
# shellcheck source=../lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
# shellcheck source=../lib/tap.sh
. "$top/selftests/lib/tap.sh"
cd "$top"

files() { git ls-files -co --exclude-standard -- "$@" | grep -v '/corpus/' || :; }
# none COMMAND...: good when it prints nothing
none() { local text; text=$("$@" || :); [ -z "$text" ] || { echo "$text"; return 1; }; }

spdx() { files '*.[ch]' '*.sh' '*Kbuild' '*Makefile' '*.py' | xargs -r grep -L SPDX-License-Identifier; }
versions() { files 'kernel/*.[ch]' | grep -v '^kernel/compat/' | xargs -r grep -nE 'LINUX_VERSION_CODE|KERNEL_VERSION'; }
# Arrows go one way: net and crypto know nothing of sock, nobody below knows of observe (core: purity.sh).
arrows()
{
	files 'kernel/net/*' 'kernel/crypto/*' 'kernel/compat/*' | xargs -r grep -nE '#include "([^"]*/)?(sock|observe)/|struct quic_sock\b'
	files 'kernel/crypto/*' 'kernel/compat/*' | xargs -r grep -nE '#include "([^"]*/)?net/'
}
scripts()
{
	files '*' | while read -r file; do
		head -c 20 "$file" | head -n 1 | grep -aqE '^#!/bin/(ba)?sh' && echo "$file"
	done
}

# checked SCRIPTS FILE: what checkpatch says. It is slow, and depends on nothing else.
checked()
{
	local options=(--no-tree --strict --terse --quiet --no-summary --ignore FILE_PATH_CHANGES,LINUX_VERSION_CODE --show-types)
	local said status=0
	said=$cache/checkpatch/$(hash_of "$1"/{checkpatch.pl,spelling.txt,const_structs.checkpatch} "name: $2" "$2" "${options[@]}")
	if [ ! -e "$said" ]; then
		mkdir -p "$cache/checkpatch"
		perl "$1/checkpatch.pl" "${options[@]}" -f "$2" >"$said.$$" || status=$?
		[ $status -le 1 ] || { echo "$2:0: checkpatch failed: $status"; return; }
		mv "$said.$$" "$said"
	fi
	cat "$said"
}

checkpatch()
{
	local source file line text
	source=$("$top/selftests/lib/linux-source")
	files 'kernel/*.[ch]' 'uapi/*.h' | while read -r file; do
		checked "$source/scripts" "$file"
	done | while IFS=: read -r file line text; do
		# compat/ is macros that stand for prototypes and version numbers, and __has_include() is not known yet
		case $file in kernel/compat/*) [[ $text != *:@(MACRO_*|CONSTANT_COMPARISON|SPACING):* ]] || continue ;; esac
		# tracepoints are a language of their own
		case $file in kernel/observe/trace.h) [[ $text != *:@(COMPLEX_MACRO|MACRO_ARG_REUSE|OPEN_ENDED_LINE|PARENTHESIS_ALIGNMENT):* ]] || continue ;; esac
		echo "$file:$line:$text"
	done
}

# Folders of more than five files say what lives there, or the folder above does; corpora are only inputs.
readmes()
{
	local count dir
	files '*' | grep '/' | sed 's|/[^/]*$||' | sort | uniq -c | while read -r count dir; do
		[ "$count" -le 5 ] || [ -e "$dir/README" ] || grep -qwF "${dir##*/}" "${dir%/*}/README" 2>/dev/null || echo "$dir: no README"
	done
}

# sparse and W=1: only what they say of our files
compiled()
{
	local text=''
	text=$("$top/selftests/lib/module" "$1-check" W=1 C=2 2>&1 >/dev/null) || { echo "$text"; return 1; }
	none grep -E "(^|/)(kernel|uapi)/.*(warning|error):" "$build/module/$1-check/make.log"
}

headers()
{
	local flag
	for flag in -m64 -m32; do
		echo '#include <linux/quic.h>' | gcc $flag -Iuapi -Wall -Wextra -Wpedantic -std=c99 -fsyntax-only -x c -
	done
	echo '#include <linux/quic.h>' | g++ -Iuapi -Wall -Wextra -fsyntax-only -x c++ -
}

# Counters nobody has seen move may count something else, or nothing.
counters()
{
	local name
	sed -nE 's/^\t\[QUIC_MIB_\w+\]\s*= "(\w+)".*/\1/p' kernel/observe/mib.c | while read -r name; do
		grep -rqw "$name" selftests/kselftest || echo "$name: no test has it"
	done
}

tap "every source names its licence" none spdx
tap "kernel-version #ifs only in kernel/compat" none versions
tap "every larger folder says what lives there" none readmes
tap "net and crypto know nothing of sock" none arrows
tap "every counter is in some test" none counters
tap "core is pure" selftests/core/purity.sh
tap "the purity check finds what it should" selftests/core/purity.sh --self-test
tap "uapi header compiles as C (64 and 32 bit) and C++" headers
tap "checkpatch --strict" none checkpatch
tap "manual pages: lint, nothing missing, nothing made up" selftests/check/man "$top"
for kernel in 6.1 6.12; do
	tap "sparse and W=1, headers of $kernel" compiled $kernel
done
mapfile -t shell < <(scripts)
tap "shellcheck" shellcheck -S warning -x "${shell[@]}"
tap_end
