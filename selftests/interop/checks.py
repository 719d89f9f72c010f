# SPDX-License-Identifier: GPL-2.0
"""What a case wants to see in its capture. check_NAME(packets, value, folder) says what is missing, or nothing."""
import os

DONE = {0x1e, *range(0x8, 0x10)}	# HANDSHAKE_DONE and STREAM, of a server, tell that its handshake is complete
ACK_ECN, NEW_CONNECTION_ID, RETIRE_CONNECTION_ID, PATH_CHALLENGE = 0x3, 0x18, 0x19, 0x1a
SILENT = {0x0, 0x2, 0x3}	# PADDING and ACK: what does not elicit an answer
INITIAL, EARLY, HANDSHAKE, RETRY = range(4)	# as in version 1: RFC 9000, 17.2
CLIENT_HELLO, SERVER_HELLO, CERTIFICATE = 1, 2, 11
PRE_SHARED_KEY = 41
ECT0 = 2


def of(packets, server):
    return [packet for packet in packets if packet.from_server == server]


def types(packet):
    """Version 2 counts from Retry on: RFC 9369, 3.2"""
    return packet.numbers("quic.long.packet_type") + [(kind - 1) % 4 for kind in packet.numbers("quic.long.packet_type_v2")]


def frames(packet):
    return packet.numbers("quic.frame_type")


def retries(packets):
    return sum(RETRY in types(packet) for packet in packets)


def connection(packet):
    return packet.text("quic.connection.number").split(";")[0]


def completed(packets):
    return {connection(packet) for packet in of(packets, True) if DONE.intersection(frames(packet))}


def check_connections(packets, value, _):
    """As many, or from so many on: one that the server has completed may fail to bring its file."""
    least, _, most = value.partition("-")
    done = completed(packets)
    if not int(least) <= len(done) <= int(most or least):
        return f"{len(done)} completed handshakes, not {value}"


def check_suite(packets, value, _):
    suites = {suite for packet in of(packets, True) if SERVER_HELLO in packet.numbers("tls.handshake.type")
              for suite in packet.numbers("tls.handshake.ciphersuite")}
    if suites != {int(value, 0)}:
        return f"cipher suites {', '.join(map(hex, suites))}, not {value}"


def check_retry(packets):
    if not retries(packets):
        return "no Retry packet"


def check_streams(packets, value, _):
    limits = [limit for packet in of(packets, True)
              for limit in packet.numbers("tls.quic.parameter.initial_max_streams_bidi")]
    if not limits or max(limits) > int(value):
        return f"the server allows {limits} streams at once"


def check_phases(packets, *_):
    """Both key phases from both sides: RFC 9001, 6."""
    for side, name in ((False, "client"), (True, "server")):
        phases = {phase for packet in of(packets, side) for phase in packet.numbers("quic.key_phase")}
        if len(phases) != 2:
            return f"no key update of the {name}"


def check_resumed(packets, value, _):
    """ServerHellos that chose a pre-shared key; the last connection has no certificate."""
    resumed = {connection(packet) for packet in of(packets, True)
               if SERVER_HELLO in packet.numbers("tls.handshake.type")
               and PRE_SHARED_KEY in packet.numbers("tls.handshake.extension.type")}
    certified = {connection(packet) for packet in of(packets, True)
                 if CERTIFICATE in packet.numbers("tls.handshake.type")}
    if len(resumed - certified) != int(value):
        return f"{len(resumed - certified)} resumed sessions, not {value}"


def check_early(packets, value, _):
    """The client's requests went as 0-RTT, and hardly anything after it: at most that many bytes."""
    early, late = 0, 0
    resumed = [connection(packet) for packet in packets if EARLY in types(packet)]
    for packet in of(packets, False):
        if connection(packet) not in resumed:
            continue
        if EARLY in types(packet):
            early += int(packet.text("udp.length"))
        elif not types(packet):
            late += int(packet.text("udp.length")) - 8
    if not early:
        return "no 0-RTT packets"
    if late > int(value):
        return f"{late} bytes from the client after 0-RTT"


def check_ecn(packets, *_):
    for side, name in ((False, "client"), (True, "server")):
        if not any(packet.ecn() == ECT0 for packet in of(packets, side)):
            return f"no ECT(0) from the {name}"
        if not any(ACK_ECN in frames(packet) for packet in of(packets, side)):
            return f"no ACK_ECN from the {name}"


def check_amplification(packets, value, _):
    """Captured where the server is: never more than three times what came, before a Handshake packet did. RFC 9000, 8.1"""
    received = sent = 0
    for packet in packets:
        if not packet.from_server:
            if HANDSHAKE in types(packet):
                return None
            received += int(packet.text("udp.length")) - 8
        else:
            sent += int(packet.text("udp.length")) - 8
            if sent > received * int(value):
                return f"{sent} bytes sent after {received} received (packet {packet.text('frame.number')})"
    return "no Handshake packet of the client"


def check_version(packets, value, _):
    """Compatible version negotiation: begun in version 1, ended in the other. RFC 9368, 2.3"""
    first = of(packets, False)[0].numbers("quic.version")
    if first[:1] != [1]:
        return f"the client began with version {first}"
    for side, name in ((False, "client"), (True, "server")):
        last = [version for packet in of(packets, side) for version in packet.numbers("quic.version")][-1]
        if last != int(value, 0):
            return f"the {name} ended in version {last:#x}"


def check_negotiated(packets, *_):
    """An unknown version, a Version Negotiation packet, then a connection. RFC 9000, 6"""
    first = of(packets, False)[0].numbers("quic.version")
    if not first or first[0] in (1, 0x6b3343cf):
        return f"the client began with version {first}"
    if not any(0 in packet.numbers("quic.version") for packet in of(packets, True)):
        return "no Version Negotiation packet"


def check_empty(packets, *_):
    """All packets to the client have a connection ID of no bytes, and nobody speaks of others of it. RFC 9000, 5.1.1, 19.16"""
    served, said = of(packets, True), of(packets, False)
    for packet in served:
        if any(packet.numbers("quic.dcil")) or packet.text("quic.dcid").strip(";"):
            return f"the server's packet {packet.text('frame.number')} has a connection ID"
    if not any(0 in packet.numbers("quic.dcil") for packet in served):
        return "the server sent no long header"
    if not any(not types(packet) and DONE.intersection(frames(packet)) for packet in served):
        return "the server sent no short header that decrypts"
    if not all(packet.text("quic.dcid").strip(";") for packet in said):
        return "the client sent to an empty connection ID"
    if any(NEW_CONNECTION_ID in frames(packet) for packet in said):
        return "the client issued a connection ID"
    if any(RETIRE_CONNECTION_ID in frames(packet) for packet in served):
        return "the server retired a connection ID"


def paths(packets):
    """The client's addresses in the order in which they came up, each with the server's first packet to it that does more
    than acknowledge: an ACK waits for nothing, not even the window that a challenge may have to wait for."""
    seen, answered = [], {}
    for packet in packets:
        if packet.from_server:
            path = packet.dest, packet.text("udp.dstport")
            if SILENT.issuperset(frames(packet)):
                continue
            answered.setdefault(path, packet)
        else:
            path = packet.source, packet.text("udp.srcport")
            if path not in seen:
                seen.append(path)
    return seen, answered


def check_rebound(packets, *_):
    """Each new path is challenged, before anything else that wants an answer goes there. RFC 9000, 9.3"""
    seen, answered = paths(packets)
    if len(seen) < 2:
        return "the client's address did not change"
    for path in seen[1:]:
        if path in answered and PATH_CHALLENGE not in frames(answered[path]):
            number = answered[path].text("frame.number")
            return f"the first packet to {' port '.join(path)} is no PATH_CHALLENGE (packet {number})"
    if not any(path in answered for path in seen[1:]):
        return "the server answered on none of the new paths"


def check_preferred(packets, *_):
    """The client moved to another address of the server, with another connection ID. RFC 9000, 9.6"""
    places = {}
    for packet in of(packets, False):
        if not types(packet):
            places.setdefault((packet.dest, packet.text("udp.dstport")), set()).update(packet.text("quic.dcid").split(";"))
    if len(places) != 2:
        return f"the client sent to {len(places)} addresses"
    first, second = places.values()
    if first & second:
        return "the connection ID came along to the preferred address"


def check_rate(_, value, folder):
    """kbit/s, at least."""
    with open(os.path.join(folder, "ms"), encoding="ascii") as file:
        rate = 10 * 8 * 1048576 / int(file.read())
    if rate < int(value):
        return f"{rate:.0f} kbit/s, less than {value}"
