# SPDX-License-Identifier: BSD-3-Clause
"""Burst credits of a running weir: above its limit from what was banked, then at it; shown by all that show."""
import time

from harness.blast import Blast, measure
from harness.frames import OUTSIDE, udp4
from harness.suite import test
from harness.view import done, weirctl
from rigs import Changeable, mac

CABLES = ["pf", "a", "b"]
A = mac(1)


class Credit(Changeable):
    """One VM with credits, one without."""

    cables = CABLES
    vfs = {"a": ("a", 1, ["tx.max_bps = 8M", "tx.peak_bps = 24M", "tx.credit = 4s"]), "b": ("b", 2, [])}


@test("a VM has its peak from what it left unused, then its limit; what is left is told", Credit, timeout_s=60, retry=True)
def spent(rig):
    done(rig, "/weir/sla/set,a,tx.credit=none;tx.peak_bps=none")     # an empty bank, at a second try too
    done(rig, "/weir/sla/set,a,tx.credit=4s;tx.peak_bps=24M")
    time.sleep(1)
    credit = rig.ask("/weir/vf,a")["tx"]["credit"]
    assert 7e6 < credit["left_bits"] < 20e6 and credit["bank_bits"] == 32e6 and credit["peak_bps"] == 24000000, credit
    time.sleep(4)
    credit = rig.ask("/weir/vf,a")["tx"]["credit"]
    assert credit["left_bits"] == credit["bank_bits"] and credit["may_exceed"] == "yes" and credit["owed_bits"] == 0, credit
    assert "credit" not in rig.ask("/weir/vf,b")["tx"]
    assert "credit: 4.0 of 4 s" in weirctl(rig, "why", "a", "--seconds", "0.1").stdout
    assert "100.0 % of 0.03 Gb" in weirctl(rig, "vfs").stdout
    with Blast(rig.net, "a", [udp4(OUTSIDE, A, size=1014)], 6000):
        above = measure(rig, 1.0)
        time.sleep(2)       # 32 Mb are gone after 2 s
        at_limit = measure(rig, 1.0)
    above.check_offered("a", 4000)
    above.check("bits/s from credit", above["pf"].bps, 24e6, 0.05)
    at_limit.check("bits/s when it is spent", at_limit["pf"].bps, 8e6, 0.05)
    assert "credit: " in weirctl(rig, "why", "a", "--seconds", "0.1").stdout
    shown = weirctl(rig, "get", "a").stdout
    assert "24.00 Mb/s" in shown and "4 s" in shown, shown


@test("credits come and go while it runs, are dumped, and are refused where they make no sense", Credit)
def changed(rig):
    for terms, wanted in (("tx.max_bps=none", "the limit that credits go above"), ("tx.peak_bps=8M", "more than that"),
                          ("tx.credit=none", "both, or none"), ("rx.credit=5s", "tx.peak_bps and tx.credit")):
        assert wanted in rig.ask("/weir/sla/set,a," + terms)["wanted"], terms
    got = done(rig, "/weir/sla/set,b,tx.max_bps=10M;tx.peak_bps=20M;tx.credit=60s")
    assert got["changed"] == ["tx.max_bps none -> 10M", "tx.peak_bps none -> 20M", "tx.credit none -> 60s"], got
    lines = done(rig, "/weir/config/dump")["lines"]
    assert {"tx.peak_bps = 20M", "tx.credit = 60s", "tx.peak_bps = 24M"} <= set(lines), lines
    assert rig.ask("/weir/vf,b")["tx"]["credit"]["left_bits"] < 10e6
    done(rig, "/weir/sla/set,b,tx.max_bps=none;tx.peak_bps=none;tx.credit=none")
    assert "credit" not in rig.ask("/weir/vf,b")["tx"]
