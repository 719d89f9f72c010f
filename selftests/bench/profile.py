# SPDX-License-Identifier: GPL-2.0
"""profile.py DIR FROM TO LINES: instructions a unit by symbol, what count.c wrote in DIR/TO less what it wrote in DIR/FROM."""
import bisect
import collections
import sys

folder, first, last, lines = sys.argv[1:]
symbols = []
for line in open(f"{folder}/symbols"):
    address, kind, name, *module = line.split()
    if kind in "tTwW":
        symbols.append((int(address, 16), name + (" " + module[0] if module else "")))
symbols.sort()
addresses = [s[0] for s in symbols]


def name_of(address):
    if address < 1 << 63:
        return "(programs)"
    place = bisect.bisect_right(addresses, address) - 1
    return symbols[place][1] if place >= 0 else "?"


def counted(units):
    sums = collections.Counter()
    for line in open(f"{folder}/{units}"):
        address, n = line.split()
        sums[name_of(int(address, 16))] += int(n)
    return sums


more = counted(last)
more.subtract(counted(first))
units = int(last) - int(first)
total = sum(more.values())
print(f"{total / units:12.2f} all")
for name, n in more.most_common(int(lines)):
    print(f"{n / units:12.2f} {100 * n / total:5.1f} % {name}")
