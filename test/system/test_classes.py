# SPDX-License-Identifier: BSD-3-Clause
"""Inside one VF: urgent packets overtake, and nothing is reordered within a class."""

from harness.frames import DSCP, OUTSIDE, tag, udp4, udp6, udp_number, udp6_number
from harness.suite import test
from rigs import Limits, mac

N_LOW, N_URGENT = 48, 24
SIZE = 500      # 2 ms each at the VF's 2 Mb/s


def backlog_then_urgent(rig, make, number_of, vf="cls"):
    """Sends low, then urgent packets in one go; returns the numbers as they arrived: low < 1000 <= urgent."""
    source = mac(Limits.vfs[vf][1])
    low = [make(OUTSIDE, source, i, DSCP["CS1"]) for i in range(N_LOW)]
    urgent = [make(OUTSIDE, source, 1000 + i, DSCP["EF"]) for i in range(N_URGENT)]
    rig.net[vf].send(*low, *urgent)
    got = rig.net.collect(lambda g: len(g["pf"]) >= N_LOW + N_URGENT, timeout_s=5)["pf"]
    assert sorted(got) == sorted(low + urgent), "%d of %d frames arrived" % (len(got), N_LOW + N_URGENT)
    return [number_of(frame) for frame in got]


def check_order(numbers):
    urgent = [n for n in numbers if n >= 1000]
    low = [n for n in numbers if n < 1000]
    assert urgent == sorted(urgent), "urgent packets were reordered: %s" % urgent
    assert low == sorted(low), "low packets were reordered: %s" % low
    first, last = numbers.index(urgent[0]), numbers.index(urgent[-1])
    between = last - first - (N_URGENT - 1)
    assert first <= N_LOW // 2, "%d of %d low packets left before the first urgent one" % (first, N_LOW)
    assert between <= 3, "%d low packets left between urgent ones" % between


@test("EF overtakes a backlog of CS1 and goes strictly first, and each class keeps its order", Limits)
def overtake(rig):
    check_order(backlog_then_urgent(rig, lambda d, s, i, dscp: udp4(d, s, i, dscp, SIZE), udp_number))


@test("the DSCP of IPv6 counts the same", Limits)
def overtake_ipv6(rig):
    check_order(backlog_then_urgent(rig, lambda d, s, i, dscp: udp6(d, s, i, dscp, SIZE), udp6_number))


@test("the DSCP is found behind one tag and behind two", Limits)
def overtake_tagged(rig):
    for tags in ([tag(10)], [tag(10), tag(77)]):
        check_order(backlog_then_urgent(rig, lambda d, s, i, dscp: udp4(d, s, i, dscp, SIZE, tags),
                                        lambda frame: udp_number(frame, len(tags)), "tcls"))
