# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
# Sourced: fill a folder $stage with files as they shall appear in the guest, and pack it.
# Later archives win over earlier ones: the kernel unpacks them one after another.

# stage_file SOURCE TARGET: a file, and if it is a program the libraries it is linked with
stage_file()
{
	local lib
	mkdir -p "$stage${2%/*}"
	cp -L "$1" "$stage$2"
	for lib in $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*'); do
		stage_library "$lib"
	done
}

stage_library()
{
	case $1 in
	/lib/*|/lib64/*) set -- "$1" "/usr$1" ;;
	*) set -- "$1" "$1" ;;
	esac
	[ -e "$stage$2" ] && return
	mkdir -p "$stage${2%/*}"
	cp -L "$1" "$stage$2"
}

# stage_tree FOLDER: a folder at the same place, without what only a compiler wants
stage_tree()
{
	local file
	[ -d "$1" ] || return 0
	find "$1" -type f ! -name '*.o' ! -name '*.a' ! -name '*.d' ! -name '*.cmd' -print0 |
	while IFS= read -r -d '' file; do
		stage_file "$file" "$file"
	done
	find "$1" -type l -print0 | while IFS= read -r -d '' file; do
		mkdir -p "$stage${file%/*}" && cp -P "$file" "$stage$file"
	done
}

# stage_pack FOLDER ARCHIVE
stage_pack()
{
	(cd "$1" && find . -print0 | cpio --quiet --null -o -H newc -R 0:0) >"$2.new"
	mv "$2.new" "$2"
}
