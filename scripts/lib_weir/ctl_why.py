# SPDX-License-Identifier: BSD-3-Clause
"""weirctl why: looks for a while, and says in words why a VM gets what it gets.  What concerns the whole switch comes
first: where weir itself did not run, or a port is down, the rest is a consequence."""
import argparse
import sys
import time

from .table import figure

LOST_PART = 0.03        # of the time: with that much away from its CPU weir cannot keep what it promised

# What to do about a bound, most telling first.
ADVICE = {
    "bps": "its own limit in bits (max_bps): it offers more than it was sold",
    "pps": "its own limit in packets (max_pps): it sends packets smaller than its SLA was made for",
    "tenant": "the limit of a tenant above it, which its other VMs share by weight and priority: the tenants' lines below tell whose",
    "link": "the link was others' turn: its share or guarantee is used up (weight, priority, min_bps)",
    "core": "waiting to be read: the core's packet capacity is shared (min_pps, weight)",
}
TENANT_ADVICE = {
    "bps": "the tenant's limit in bits (max_bps): its VMs together offer more than it was sold",
    "pps": "the tenant's limit in packets (max_pps): its VMs together send more packets than it was sold",
    "tenant": "the tenant it is in",
    "link": "the link was others' turn: the tenant's share or guarantee is used up (weight, priority, min_bps)",
    "core": "waiting to be read: the core's packet capacity is shared (min_pps, weight)",
}
DROP_ADVICE = {
    "spoof": "a source MAC that the config does not name: the guest's, or on af_packet this host's own (IPv6 is on there)",
    "vlan": "the guest tags what it may not: see vlan, trunk and native of the VF",
    "broadcast_limit": "it broadcasts more than broadcast_pps",
    "segmentation": "the guest's TSO frames are wrong (or UFO): its driver, or an MTU above those of weir's ports",
    "truncated": "af_packet cut them: at the far end ethtool -K DEV tso off gso off (or tx off), on weir's end gro off",
    "mtu": "frames longer than the egress port's mtu",
    "receiver_limit": "it is sent more than its rx limit (rx.max_bps, rx.max_pps)",
    "receiver_slow": "its guest does not read its ring fast enough",
    "receiver_gone": "its port is down: is the guest running and connected?",
    "uplink_gone": "the PF is down",
    "aqm": "when_full = drop, and they had waited too long: it offers more than it was sold",
    "pushed_out": "when_full = drop, and its queue was full: more important packets of it came",
    "queue_full": "its port is shared, so it cannot be held back: queue, or its limits, are too small",
    "no_buffer": "no mbufs: raise mbufs in [switch]",
}


def rate(side):
    return f"{figure(side['bps_1s'], 'bps')} {figure(side['pps_1s'], 'pps')}"


def drops(side):
    return {reason: n for reason, n in side["drops"].items() if n}


def sold(side):
    terms = side["effective"]
    shown = [f"{key} {figure(terms[key], key[4:])}" for key in ("min_bps", "max_bps", "min_pps", "max_pps") if terms[key]]
    return ", ".join(shown) or "nothing guaranteed, no limit"


def explain_held(before, after, seconds, advice):
    """Prints what held it back in the last seconds, the longest first. -> was there anything?"""
    held = {bound: ns - before["held_ns"][bound] for bound, ns in after.get("held_ns", {}).items()}
    shares = {bound: min(ns / (seconds * 1e9) * 100, 100) for bound, ns in held.items()}
    for bound, share in sorted(shares.items(), key=lambda item: -item[1]):
        if share >= 1:
            print(f"  {share:3.0f} % of the time held by {bound}: {advice[bound]}")
    return max(shares.values(), default=0) >= 1


def terms(side):
    return f"priority {side['effective']['priority']}, weight {side['effective']['weight']}"


def explain_tenant(before, after, seconds):
    """Prints what its tenant was sold, sends, and was held by."""
    print(f"tenant {after['name']}, tx of {after['n_all_vfs']} VFs: {rate(after['tx'])}; sold: {sold(after['tx'])};"
          f" {terms(after['tx'])}")
    explain_held(before["tx"], after["tx"], seconds, TENANT_ADVICE)


def explain(direction, before, after, seconds, is_up):
    """Prints what held this side back in the last seconds, in words."""
    print(f"{direction}: {rate(after)}; sold: {sold(after)}; {terms(after)}")
    is_held = explain_held(before, after, seconds, ADVICE)
    is_dropping = any(n > before["drops"][reason] for reason, n in after["drops"].items())
    if is_up and not is_held and not is_dropping and not after["backlog_pkts"]:
        print("  nothing holds it: " + ("its guest sends no more than this" if direction == "tx" else
                                        "no more than this is sent to it"))
    if after["backlog_pkts"]:
        print(f"  {after['backlog_pkts']} packets wait inside weir now")
    marked = after["marked_pkts"] - before["marked_pkts"]
    if marked:
        sent = after["out_pkts"] - before["out_pkts"]
        print(f"  {marked} of {sent} packets were marked CE: they waited longer than mark_above, and its TCP is told so")
    missed = after["guarantee_missed_ns"] - before["guarantee_missed_ns"]
    if missed:
        print(f"  its guarantee was missed for {missed / 1e6:.1f} ms: is the data core shared with another program?")
    for reason, n in drops(after).items():
        new = n - before["drops"][reason]
        since = f"{new} now, {n} since the start" if new else f"{n} since the start, none now"
        print(f"  dropped as {reason}: {since}: {DROP_ADVICE.get(reason, 'see /weir/drops')}")
    for name, tclass in after["classes"].items():
        if tclass["out_pkts"]:
            print(f"  {name:6} {tclass['out_pkts']:>12} packets, delay p50 {tclass['delay_p50_ns'] / 1e3:.0f} us,"
                  f" p99 {tclass['delay_p99_ns'] / 1e3:.0f} us, max {tclass['delay_max_ns'] / 1e3:.0f} us")


def explain_switch(seen):
    """Prints what is wrong with weir itself."""
    for number, worker in seen["info"]["workers"].items():
        lost_ns = worker["lost_ns"] - seen["info_before"]["workers"][number]["lost_ns"]
        part = lost_ns / (seen["seconds"] * 1e9)
        if part >= LOST_PART:
            print(f"weir itself ran for only {max(100 - 100 * part, 0):.0f} % of this time on lcore {worker['lcore']} (away for up to"
                  f" {worker['longest_gap_ns'] / 1e6:.0f} ms at once since the start):\n  another program, or the host, has its"
                  " CPU, and what follows is a consequence. Keep others off it: isolcpus, or chrt -f 10 before weir")


def explain_ports(seen):
    """Prints whose port is down."""
    for device, port in seen["ports"].items():
        if port["link"] == "up":
            continue
        if device == seen["after"]["port"]:
            print(f"its port {device} is down: is the guest running, and connected to its socket?")
        elif port["role"] == "pf":
            print(f"the uplink {device} is down: nothing goes out or comes in")


def collect_why(weir, args):
    """Looks for a while: before and after, of the VF and its tenants."""
    vfs = weir.listed("vfs")
    if args.name not in vfs:
        is_tenant = args.name in weir.listed("tenants")
        some = ", ".join(list(vfs)[:8]) + (", ..." if len(vfs) > 8 else "")
        sys.exit(f"weirctl: {args.name} is {'a tenant' if is_tenant else 'no VF'}: wanted one of {some}"
                 f" (weirctl {'show tenants' if is_tenant else 'vfs'})")
    before, tenants_before = weir.vf_and_tenants(args.name)
    info_before, start = weir.ask("/weir/info"), time.monotonic()
    time.sleep(args.seconds)
    info, seconds = weir.ask("/weir/info"), time.monotonic() - start
    after, tenants = weir.vf_and_tenants(args.name)
    return {"seconds": seconds, "before": before, "after": after, "tenants_before": tenants_before, "tenants": tenants,
            "info_before": info_before, "info": info, "ports": weir.ports()}


def draw_why(seen, args):
    """Says what bounds the VF."""
    before, after, seconds = seen["before"], seen["after"], seen["seconds"]
    print(f"{args.name} on {after['port']}, over {seconds:.1f} s (delays since the start)")
    explain_switch(seen)
    explain_ports(seen)
    for direction in ("tx", "rx"):
        explain(direction, before[direction], after[direction], seconds, seen["ports"][after["port"]]["link"] == "up")
    for name, tenant in seen["tenants"].items():
        explain_tenant(seen["tenants_before"].get(name, tenant), tenant, seconds)




def positive(text):
    """-> a number of seconds above 0, for argparse."""
    seconds = float(text)
    if not seconds > 0:
        raise argparse.ArgumentTypeError(f"{text}: wanted a number of seconds above 0")
    return seconds
