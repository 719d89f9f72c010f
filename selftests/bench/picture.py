# SPDX-License-Identifier: GPL-2.0
"""The rows of cases.asked() as a picture: for each a bar a protocol, the mark of what must be reached, and the verdict."""
from html import escape

import cases

COLOURS = {"tcp": "#b8b8b8", "tls": "#b8b8b8", "udp": "#b8b8b8", "ktls": "#7f9fc6", "epoll": "#7f9fc6",
           "quic": "#e0862f", "quic-zc": "#f2bd7d"}
VERDICTS = {"goal": "#2e7d32", "must": "#2e7d32", "misses": "#b71c1c"}
LEFT, BARS, RIGHT, BAR, GAP = 350, 360, 330, 11, 9


def text(x, y, what, size=11, anchor="start", colour="#222"):
    return f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{escape(what)}</text>'


def one(y, row):
    label, columns, per, counts, value, must, goal, down = row
    out = [text(LEFT - 8, y + BAR - 1, label, anchor="end")]
    if counts == "QUIC":
        mark = must
    else:
        mark = must * columns["quic"] / value if must and value and "quic" in columns else 0
    top = max([*columns.values(), mark]) or 1
    at = y
    for proto, v in columns.items():
        width = max(1, v / top * BARS)
        out.append(f'<rect x="{LEFT}" y="{at}" width="{width:.1f}" height="{BAR - 1}" fill="{COLOURS[proto]}"/>')
        out.append(text(LEFT + 4, at + BAR - 3, f"{cases.NAMES[proto]} {cases.short(v)}", 9))
        at += BAR
    x = LEFT + mark / top * BARS
    if must:
        out.append(f'<line x1="{x:.1f}" y1="{y - 2}" x2="{x:.1f}" y2="{at + 1}" stroke="#b71c1c" stroke-dasharray="3 2"/>')
    reached = cases.verdict(value, must, goal, down)
    asked = f", must {cases.short(must)}, goal {cases.short(goal)}: {reached}" if must else ""
    out.append(text(LEFT + BARS + 12, y + BAR - 1, f"{per}; {counts} {cases.short(value)}{asked}",
                    colour=VERDICTS.get(reached, "#666")))
    return out, at + GAP


def draw(records):
    out, y = [], 46
    for row in cases.asked(records):
        lines, y = one(y, row)
        out += lines
    width = LEFT + BARS + RIGHT
    head = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" viewBox="0 0 {width} {y}" '
            'font-family="sans-serif">',
            f'<rect width="{width}" height="{y}" fill="#fff"/>',
            text(12, 22, "Cost of QUIC next to TCP, TLS and kTLS, in instructions of both ends unless said", 15),
            text(12, 38, "red line: what must be reached (AES-128-GCM; selftests/bench)", 10, colour="#666")]
    return "\n".join(head + out + ["</svg>"]) + "\n"
