# SPDX-License-Identifier: GPL-2.0
# Dispatches only: every target is a script or another folder's Makefile. `make help` lists them.
# Kbuild never reads this file: `make -C KDIR M=$PWD` finds Kbuild first.
KERNEL	?= 6.12
KDIR	?= /lib/modules/$(shell uname -r)/build
FILE	?=
TIME	?= 60
export KERNEL KDIR FILE

all: module userlib tools	## build the module, the library and the tools

module:		## build kernel/quic.ko for KDIR, or for Debian's KERNEL=6.1|6.12 when KDIR has no headers
	@if [ -e "$(KDIR)/Makefile" ]; then $(MAKE) -C "$(KDIR)" M="$(CURDIR)" modules; \
	else selftests/lib/packages && selftests/lib/module "$(KERNEL)"; fi

userlib:	## build libquic into build/lib
	@selftests/lib/packages
	@$(MAKE) -s -C userlib

tools: userlib	## build quicat, quic-hq and quic-h3 into build/bin
	@$(MAKE) -s -C tools

demo:		## watch a file cross IPPROTO_QUIC in a VM (KERNEL=6.1|6.12, FILE=...)
	@selftests/demo/run

test:		## run every test suite; SUITES="core check" runs those
	@selftests/run $(SUITES)

check:		## checkpatch, sparse, W=1, purity of the core, shellcheck
	@selftests/run check

bench:		## cost in instructions next to TCP and TCP+kTLS; writes build/bench.json
	@selftests/lib/packages
	@selftests/bench/run

grid:		## goodput next to TCP over rates, delays and losses, in virtual time; writes build/grid.json
	@selftests/grid/run

interop:	## 10 MiB with aioquic and nginx, IPv4 and IPv6; WORDS="transfer quic-go IPv6" runs those cells of the matrix
	@selftests/lib/packages
	@selftests/interop/run $(or $(WORDS),--quick)

matrix:		## every interop case with every peer in every role: hours; selftests/interop/run --resume goes on with one
	@selftests/lib/packages
	@selftests/interop/run

fuzz:		## fuzz the core for TIME=60 seconds a target
	@selftests/lib/packages
	@$(MAKE) -s -C selftests/core fuzz-run TIME=$(TIME)

install: all	## install module (KDIR), library, header, tools and manual pages on this machine
	@selftests/lib/install-module "$(KDIR)"
	@$(MAKE) -s -C userlib install
	@$(MAKE) -s -C tools install

clean:		## remove what was built here; downloads and guest kernels stay in the cache
	@rm -rf build
	@find kernel \( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' -o -name '.*.cmd' -o -name modules.order \) -delete
	@rm -f Module.symvers modules.order .module-common.o .*.cmd

help:		## list the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

.PHONY: all module userlib tools demo test check bench grid interop matrix fuzz install clean help
