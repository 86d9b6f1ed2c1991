# SPDX-License-Identifier: BSD-3-Clause
"""Tenants on real ports: one limit for several VFs, by the uplink and locally, and what weirctl tells of it."""

from harness.blast import Blast, measure
from harness.frames import OUTSIDE, udp4
from harness.suite import test
from harness.view import weirctl
from rigs import Cables, mac

SECONDS = 1.2


class Tenants(Cables):
    """One tenant of two VMs under 40 Mb/s, one VM of nobody."""

    cables = ["pf", "a", "b", "free"]
    vfs = {
        "a": ("a", 0x0a, ["tenant = inner"]),
        "b": ("b", 0x0b, ["tenant = outer"]),
        "free": ("free", 0x0f, []),
    }

    pf_rate, maps = "10G", "[tenant outer]\ntx.max_bps = 40M\n\n[tenant inner]\nparent = outer\ntx.weight = 3\n"


A, B, FREE = (mac(Tenants.vfs[n][1]) for n in ("a", "b", "free"))


@test("a tenant's limit holds for all its VMs together, to the PF and to a VF, and weirctl tells that it does", Tenants,
      split=True, retry=True)
def limit_of_a_tenant(rig):
    dropped = rig.all_drops("a"), rig.all_drops("b")
    held = {n: rig.ask("/weir/vf," + n)["tx"]["held_ns"]["tenant"] for n in ("a", "b", "free")}
    with Blast(rig.net, "a", [udp4(OUTSIDE, A, size=1514), udp4(FREE, A, size=1514)], 8000), \
            Blast(rig.net, "b", [udp4(OUTSIDE, B, size=1000)], 8000):
        rates = measure(rig, SECONDS)
        why, tenants = weirctl(rig, "why", "a").stdout, weirctl(rig, "show", "tenants").stdout
    rates.check_offered("a", 4000)
    rates.check("bits/s", rates["pf"].bps + rates["free"].bps, 40e6)
    assert dropped == (rig.all_drops("a"), rig.all_drops("b")), "dropped for their own tenant's limit"
    for name in held:
        grown = rig.ask("/weir/vf," + name)["tx"]["held_ns"]["tenant"] - held[name]
        assert (grown > SECONDS / 2 * 1e9) == (name != "free"), "%s was held %d ns by its tenant" % (name, grown)
    assert rig.ask("/weir/tenant,outer")["tx"]["held_ns"]["bps"] > SECONDS / 2 * 1e9
    assert "outer" in tenants and "inner" in tenants, tenants
    assert "tenant" in why and "outer" in why, why
