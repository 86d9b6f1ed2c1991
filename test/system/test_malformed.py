# SPDX-License-Identifier: BSD-3-Clause
"""Frames that no kernel would send, replayed from a file by a pcap port."""

import os
import struct

from harness.frames import BROADCAST, OUTSIDE, eth, mac_bytes, numbered
from harness.suite import test
from harness.view import View
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
