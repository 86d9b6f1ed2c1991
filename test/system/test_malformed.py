# SPDX-License-Identifier: BSD-3-Clause
"""Frames that no kernel would send, replayed from a file by a pcap port."""

import os
import struct

from harness.frames import BROADCAST, OUTSIDE, eth, mac_bytes, numbered
from harness.suite import test
from harness.vhost_user import F_CSUM, F_HOST_TSO4, F_HOST_TSO6, F_HOST_UFO, GSO_TCPV4, GSO_TCPV6, GSO_UDP, Frontend
from harness.view import View, wait_until
from rigs import mac, sections, vdevs_of

P = mac(1)


def write_pcap(path, frames):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for i, frame in enumerate(frames):
            f.write(struct.pack("<IIII", 1, i, len(frame), len(frame)) + frame)


@test("runts and cut tags are dropped as malformed, giants as mtu, and the good frames between them pass")
def malformed(context):
    head = mac_bytes(OUTSIDE) + mac_bytes(P)
    runts = [b"\2", head[:6], head, head + b"\x88"]
    cut_tags = [head + b"\x81\0", head + b"\x81\0\0\x0a", head + b"\x88\xa8\0\0\x81"]
    giants = [eth(OUTSIDE, P, size=1515), eth(OUTSIDE, P, size=9000), eth(BROADCAST, P, size=4000)]
    good = [numbered(OUTSIDE, P, i) for i in range(4)] + [eth(OUTSIDE, P, size=14), eth(OUTSIDE, P, size=1514)]
    cut_ip = [eth(OUTSIDE, P, b"\x45", ether_type=0x0800, size=15),
              eth(OUTSIDE, P, b"\x60", ether_type=0x86dd, size=20)]
    frames = runts + good[:2] + cut_tags + good[2:4] + giants + cut_ip + good[4:]
    path = os.path.join(context.folder, "malformed.pcap")
    write_pcap(path, frames)
    config = sections(["pf"], "1G", {}) + "[port net_pcap0]\nrole = vf\n\n[vf p]\nport = net_pcap0\nmac = %s\n" % P
    net, weir = context.launch(["pf"], config, vdevs_of(["pf"]) + ["net_pcap0,rx_pcap=%s" % path])
    wanted = good[:4] + cut_ip + good[4:]
    got = net.collect(lambda g: len(g["pf"]) >= len(wanted))["pf"]
    assert got == wanted, "%d frames reached the PF, wanted %d" % (len(got), len(wanted))
    view = View(weir)
    for reason, count in (("malformed", len(runts) + len(cut_tags)), ("mtu", len(giants))):
        seen = sum(view.drop_count(who, reason, direction) for who in ("p", "pf") for direction in ("tx", "rx"))
        assert seen == count, "%d counted as %s, wanted %d" % (seen, reason, count)
    assert weir.stop() == 0, "not every mbuf came home"


TAG = struct.pack("!HHH", 0x8100, 10, 0)[:4]
IP_AT = 18
ACK, PSH, FIN, SYN, CWR = 0x10, 0x08, 0x01, 0x02, 0x80


def ones_sum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def tcp_frame(is_v6, payload, seq=0xfffff000, ident=0xfffe, flags=ACK, is_finished=True):
    """In VLAN 10, with timestamps; without a checksum when it is to be cut."""
    tcp = struct.pack("!HHIIBBHHH", 4000, 5000, seq & 0xffffffff, 9, 8 << 4, flags, 500, 0, 0) + bytes(range(1, 13)) + payload
    if is_v6:
        addresses = bytes(range(32))
        ip = struct.pack("!IHBB", 6 << 28, len(tcp), 6, 64) + addresses
    else:
        addresses = bytes(range(8))
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), ident & 0xffff, 0x4000, 64, 6, 0) + addresses
        ip = ip[:10] + struct.pack("!H", 0xffff ^ ones_sum(ip)) + ip[12:]
    pseudo = addresses + struct.pack("!II", len(tcp), 6)
    checksum = 0xffff ^ ones_sum(pseudo + tcp) if is_finished else ones_sum(pseudo)
    tcp = tcp[:16] + struct.pack("!H", checksum) + tcp[18:]
    return mac_bytes(OUTSIDE) + mac_bytes(P) + TAG + (b"\x86\xdd" if is_v6 else b"\x08\0") + ip + tcp


def packets_of(is_v6, payload, mss, flags):
    """What a NIC makes of it."""
    parts, made = [payload[i:i + mss] for i in range(0, len(payload), mss)], []
    for i, part in enumerate(parts):
        these = flags & ~(FIN | PSH) if i + 1 < len(parts) else flags
        made.append(tcp_frame(is_v6, part, 0xfffff000 + i * mss, 0xfffe + i, these & ~CWR if i > 0 else these))
    return made


def to_cut(is_v6, payload, mss, flags=ACK, change=lambda frame: frame, kind=None):
    frame = change(tcp_frame(is_v6, payload, flags=flags, is_finished=False))
    return kind or (GSO_TCPV6 if is_v6 else GSO_TCPV4), mss, IP_AT + (40 if is_v6 else 20), 16, frame


def with_byte(at, value):
    return lambda frame: frame[:at] + bytes([value]) + frame[at + 1:]


# Breaks without the checks in frame_cut_begin() (the bad ones would be sent on), and with any field of a packet's wrong.
@test("a guest's TSO frames, tagged, over IPv4 and IPv6, become exactly the packets a NIC would send; those that make no sense are "
      "dropped as segmentation, one by one")
def segmentation(context):
    path, all_flags = os.path.join(context.folder, "tso.sock"), ACK | PSH | FIN | CWR
    config = sections(["pf"], "10G", {}) + "[port net_vhost0]\n[vf p]\nport = net_vhost0\ntrunk = 10\nmac = %s\n" % P
    net, weir = context.launch(["pf"], config, vdevs_of(["pf"]) + ["net_vhost0,tso=1,iface=" + path])
    view, small, large = View(weir), os.urandom(1200), os.urandom(64000)
    tcp_at = IP_AT + 20
    bad = [to_cut(False, small, 300, change=with_byte(tcp_at + 12, 0x40)),         # a TCP header of 16 bytes
           to_cut(False, small * 2, 2000), to_cut(False, small, 300, ACK | SYN),
           to_cut(False, bytes(4), 300, change=with_byte(tcp_at + 12, 0xf0)),     # a header beyond the frame
           to_cut(False, small, 300, change=lambda frame: frame[:-1])]            # IP's length lies
    udp = eth(OUTSIDE, P, TAG[2:] + b"\x08\0" + struct.pack("!BBHHHBBHII", 0x45, 0, 1228, 1, 0, 64, 17, 0, 1, 2)
              + struct.pack("!HHHH", 1, 2, 1208, 0) + small, ether_type=0x8100, size=1246)
    # Of these the vhost library tells as of any other frame: too long a one.
    long = [to_cut(False, small * 2, 0), to_cut(False, small * 2, 300, change=with_byte(IP_AT + 6, 0x60))]    # a fragment
    bad.append((GSO_UDP, 300, IP_AT + 20, 6, udp))
    good = [(False, small, 300, ACK), (True, small, 333, all_flags), (False, large, 1400, all_flags), (True, large, 1428, ACK),
            (False, b"x", 1400, ACK | PSH)]
    wanted = [packet for is_v6, payload, mss, flags in good for packet in packets_of(is_v6, payload, mss, flags)]
    mixed = [to_cut(*arguments) for arguments in good]
    mixed[1:1], mixed[4:4] = bad[:4] + long, bad[4:]
    guest = Frontend(path, F_CSUM | F_HOST_TSO4 | F_HOST_TSO6 | F_HOST_UFO).start()
    try:
        wait_until(lambda: [p["link"] for p in weir.ask("/weir/ports")["ports"].values()].count("up") == 2, "the guest is up")
        guest.send_to_cut(*mixed)
        got = net.collect(lambda g: len(g["pf"]) >= len(wanted))["pf"]
        assert got == wanted, "%d packets reached the PF, wanted %d; the first wrong one is %d" % (
            len(got), len(wanted), [a == b for a, b in zip(got + [None], wanted + [1])].index(False))
        assert view.all_drops("p") == {"segmentation": len(bad), "mtu": len(long)}, view.all_drops("p")
        sent = view.direction("p", "tx")
        assert sent["out_bytes"] == sum(map(len, wanted)), "it is not charged what goes on the wire"
    finally:
        guest.close()
    assert weir.stop() == 0, "not every mbuf came home"
