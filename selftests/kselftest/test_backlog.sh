#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A boot of its own for `backlog`: no cipher was used yet.
exec backlog
