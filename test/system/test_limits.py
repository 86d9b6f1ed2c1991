# SPDX-License-Identifier: BSD-3-Clause
"""Limits on real ports.  Rates are what the kernel counted at the far end over more than a second."""

from harness.blast import Blast, measure
from harness.frames import OUTSIDE, udp4
from harness.suite import test
from rigs import Limits, mac

PPS, BPS, SLOW, FREE = (mac(Limits.vfs[n][1]) for n in ("pps", "bps", "slow", "free"))
SECONDS = 1.2


@test("tx.max_pps is held with 60-byte frames, and nothing is lost inside weir", Limits, split=True, retry=True)
def max_pps(rig):
    before = rig.all_drops("pps")
    with Blast(rig.net, "pps", [udp4(OUTSIDE, PPS)], 15000):
        rates = measure(rig, SECONDS)
    rates.check_offered("pps", 7000)
    rates.check("packets/s", rates["pf"].pps, 5000)
    assert rig.all_drops("pps") == before, "dropped for the sender's own limit: %s" % rig.all_drops("pps")


@test("tx.max_bps is held with 1514-byte frames, and nothing is lost inside weir", Limits, split=True, retry=True)
def max_bps(rig):
    before = rig.all_drops("bps")
    with Blast(rig.net, "bps", [udp4(OUTSIDE, BPS, size=1514)], 10000):
        rates = measure(rig, SECONDS)
    rates.check_offered("bps", 5000)
    rates.check("bits/s", rates["pf"].bps, 40e6)
    assert rig.all_drops("bps") == before, "dropped for the sender's own limit: %s" % rig.all_drops("bps")


@test("tx.max_bps holds for what goes to the PF and to a VF together, mixed sizes", Limits, split=True, retry=True)
def max_bps_both_ways(rig):
    frames = [udp4(OUTSIDE, BPS, size=1514), udp4(FREE, BPS, size=1514), udp4(OUTSIDE, BPS, size=300),
              udp4(FREE, BPS, size=700)]
    with Blast(rig.net, "bps", frames, 12000):
        rates = measure(rig, SECONDS)
    rates.check_offered("bps", 7000)
    rates.check("bits/s", rates["pf"].bps + rates["free"].bps, 40e6)


@test("under its limits a VF gets all it sends", Limits, split=True, retry=True)
def under_limit(rig):
    with Blast(rig.net, "pps", [udp4(OUTSIDE, PPS)], 3000):
        rates = measure(rig, SECONDS)
    rates.check("packets/s", rates["pf"].pps, rates["pps"].sent_pps)


@test("rx.max_bps is held from the PF; the excess is dropped as receiver_limit", Limits, split=True, retry=True)
def rx_limit(rig):
    before = rig.drop_count("slow", "receiver_limit", "rx")
    with Blast(rig.net, "pf", [udp4(SLOW, OUTSIDE, size=1000)], 4000):
        rates = measure(rig, SECONDS)
    rates.check_offered("pf", 3000)
    rates.check("bits/s", rates["slow"].bps, 8e6)
    dropped = rig.drop_count("slow", "receiver_limit", "rx") - before
    assert dropped > 1900 * SECONDS, "only %d counted as receiver_limit" % dropped


@test("a receiver over its limit does not delay the same sender's other receivers", Limits, split=True, retry=True)
def no_head_of_line(rig):
    frames = [udp4(SLOW, BPS, size=400), udp4(FREE, BPS, size=400), udp4(OUTSIDE, BPS, size=400)]
    with Blast(rig.net, "bps", frames, 10000):
        rates = measure(rig, SECONDS)
    rates.check_offered("bps", 9000)
    rates.check("the limited receiver's bits/s", rates["slow"].bps, 8e6)
    rates.check("the free receiver's packets/s", rates["free"].pps, rates["bps"].sent_pps / 3)
    rates.check("the PF's packets/s", rates["pf"].pps, rates["bps"].sent_pps / 3)


@test("a VF at its limit does not slow another VF", Limits, split=True, retry=True)
def isolation(rig):
    flood, modest = [udp4(OUTSIDE, PPS)], [udp4(SLOW, FREE, size=300)]
    with Blast(rig.net, "pps", flood, 15000), Blast(rig.net, "free", modest, 2000):
        rates = measure(rig, SECONDS)
    rates.check("the limited VF's packets/s", rates["pf"].pps, 5000)
    rates.check("the other VF's packets/s", rates["slow"].pps, rates["free"].sent_pps)
