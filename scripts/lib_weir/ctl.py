# SPDX-License-Identifier: BSD-3-Clause
"""weirctl: asks a running weir, says in words why a VM gets what it gets, and changes what it was sold.

Each verb has two halves: one collects an answer, which --json prints as it is, the other draws it for people."""
import argparse
import json
import os
import sys
import time

from . import ctl_change
from .table import figure, grid
from .telemetry import Telemetry

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


class Weir:
    """Questions to one running weir."""

    def __init__(self, prefix):
        run_dir = "/var/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "/tmp")
        self._telemetry = Telemetry(run_dir, prefix, timeout_s=5.0)     # a change may take one itself
        self._where = f"{run_dir}/dpdk/{prefix}"

    def ask(self, command):
        answer = self._telemetry.ask(command)
        if answer is None:
            sys.exit(f"weirctl: nothing answers at {self._where}: is weir running, as which user, and with which"
                     " --file-prefix? (weirctl -f PREFIX)")
        if isinstance(answer, dict) and "error" in answer:
            sys.exit(refusal(answer))
        return answer

    def listed(self, what):
        """-> {name: its line} of all 'vfs' or 'tenants', page by page."""
        lines = {}
        while True:
            page = self.ask(f"/weir/{what},{len(lines)}" if lines else f"/weir/{what}")
            lines.update(page[what])
            if page["next"] >= page["total"] or not page[what]:
                return lines

    def vf_and_tenants(self, name):
        """-> what is known of a VF, and {name: answer} of its tenants, the nearest first."""
        vf, tenants = self.ask(f"/weir/vf,{name}"), {}
        above = vf.get("tenant")
        while above:
            tenants[above] = self.ask(f"/weir/tenant,{above}")
            above = tenants[above]["parent"]
        return vf, tenants


def rate(side):
    return f"{figure(side['bps_1s'], 'bps')} {figure(side['pps_1s'], 'pps')}"


def drops(side):
    return {reason: n for reason, n in side["drops"].items() if n}


def heaviest_bound(held):
    """-> the bound that held it longest, or '-'."""
    name = max(held, key=held.get, default=None)
    return name if name and held[name] else "-"


def collect_vfs(weir, _):
    return {name: weir.ask(f"/weir/vf,{name}") for name in weir.listed("vfs")}


def draw_vfs(vfs, _):
    rows = []
    for name, vf in vfs.items():
        tx, rx = vf["tx"], vf["rx"]
        rows.append([name, figure(tx["bps_1s"], "bps"), figure(tx["pps_1s"], "pps"), str(tx["backlog_pkts"]),
                     heaviest_bound(tx["held_ns"]), str(sum(tx["drops"].values())),
                     figure(rx["bps_1s"], "bps"), figure(rx["pps_1s"], "pps"), str(sum(rx["drops"].values()))])
    print("\n".join(grid(["VF", "tx 1 s", "", "waiting", "held so far", "tx drops", "rx 1 s", "", "rx drops"], rows)))


def collect_tenants(weir, _):
    return {name: weir.ask(f"/weir/tenant,{name}") for name in weir.listed("tenants")}


def draw_tenants(tenants, _):
    rows = []
    for name, tenant in tenants.items():
        tx = tenant["tx"]
        rows.append([name, tenant["parent"] or "-", str(tenant["n_all_vfs"]), sold(tx), figure(tx["bps_1s"], "bps"),
                     figure(tx["pps_1s"], "pps"), str(tx["backlog_pkts"]), heaviest_bound(tx.get("held_ns", {}))])
    print("\n".join(grid(["tenant", "in", "VFs", "sold", "tx 1 s", "", "waiting", "held so far"], rows)))


def sold(side):
    terms = side["effective"]
    shown = [f"{key} {figure(terms[key], key[4:])}" for key in ("min_bps", "max_bps", "min_pps", "max_pps") if terms[key]]
    return ", ".join(shown) or "nothing guaranteed, no limit"


def explain_held(before, after, seconds, advice):
    """Prints what held it back in the last seconds, the longest first."""
    held = {bound: ns - before["held_ns"][bound] for bound, ns in after.get("held_ns", {}).items()}
    for bound, ns in sorted(held.items(), key=lambda item: -item[1]):
        share = ns / (seconds * 1e9) * 100
        if share >= 1:
            print(f"  {share:3.0f} % of the time held by {bound}: {advice[bound]}")


def terms(side):
    return f"priority {side['effective']['priority']}, weight {side['effective']['weight']}"


def explain_tenant(before, after, seconds):
    """Prints what its tenant was sold, sends, and was held by."""
    print(f"tenant {after['name']}, tx of {after['n_all_vfs']} VFs: {rate(after['tx'])}; sold: {sold(after['tx'])};"
          f" {terms(after['tx'])}")
    explain_held(before["tx"], after["tx"], seconds, TENANT_ADVICE)


def explain(direction, before, after, seconds):
    """Prints what held this side back in the last seconds, in words."""
    print(f"{direction}: {rate(after)}; sold: {sold(after)}; {terms(after)}")
    explain_held(before, after, seconds, ADVICE)
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


def collect_why(weir, args):
    """Looks for a while: before and after, of the VF and its tenants."""
    vfs = weir.listed("vfs")
    if args.name not in vfs:
        is_tenant = args.name in weir.listed("tenants")
        some = ", ".join(list(vfs)[:8]) + (", ..." if len(vfs) > 8 else "")
        sys.exit(f"weirctl: {args.name} is {'a tenant' if is_tenant else 'no VF'}: wanted one of {some}"
                 f" (weirctl {'show tenants' if is_tenant else 'vfs'})")
    before, tenants_before = weir.vf_and_tenants(args.name)
    start = time.monotonic()
    time.sleep(args.seconds)
    after, tenants = weir.vf_and_tenants(args.name)
    return {"seconds": time.monotonic() - start, "before": before, "after": after, "tenants_before": tenants_before,
            "tenants": tenants}


def draw_why(seen, args):
    """Says what bounds the VF."""
    before, after, seconds = seen["before"], seen["after"], seen["seconds"]
    print(f"{args.name} on {after['port']}, over {seconds:.1f} s (delays since the start)")
    for direction in ("tx", "rx"):
        explain(direction, before[direction], after[direction], seconds)
    for name, tenant in seen["tenants"].items():
        explain_tenant(seen["tenants_before"].get(name, tenant), tenant, seconds)


def refusal(answer):
    """-> what to print: every reason, what was wrong and what was wanted."""
    reasons = ctl_change.joined(answer.get("reasons", [])) or [f"{answer['error']}; wanted: {answer.get('wanted', '?')}"]
    return "\n".join(f"weirctl: {reason}" for reason in reasons)


def show(weir, args):
    return (collect_vfs if args.what == "vfs" else collect_tenants)(weir, args)


def draw_show(answer, args):
    (draw_vfs if args.what == "vfs" else draw_tenants)(answer, args)


EXAMPLES = """examples:
  weirctl vfs                                       a line a VF
  weirctl why web                                   what holds it back, and what to do
  weirctl set web tx.max_bps 200M tx.weight 2       from now on, without losing a packet
  weirctl set web tx.max_pps none                   as if it had never been sold
  weirctl set --tenant lab tx.min_bps 300M
  weirctl dryrun web tx.min_bps 300M                would it fit, and who would get what?
  weirctl dump >/etc/weir.conf                      what runs, as a file
  weirctl reload /etc/weir.conf                     the SLAs of a file: all of them, or with one mistake none
Keys and values are those of weir.conf(5).  What changes something needs a weir that was started with --allow-set."""


def parse():
    parser = argparse.ArgumentParser(prog="weirctl", description="Asks a running weir, and changes what VMs were sold.",
                                     epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-f", "--file-prefix", default="rte", help="weir's EAL --file-prefix (default rte)")
    parser.add_argument("--json", action="store_true", help="print the answer itself: tables are drawn from it")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verb = verbs.add_parser("vfs", help="a line a VF: rates, what waits, what holds it, drops")
    verb.set_defaults(collect=collect_vfs, draw=draw_vfs)
    verb = verbs.add_parser("show", help="a line a VF, as vfs; or a tenant: what it was sold, and all its VFs together")
    verb.add_argument("what", choices=("vfs", "tenants"))
    verb.set_defaults(collect=show, draw=draw_show)
    verb = verbs.add_parser("why", help="why a VM gets what it gets: bounds, drops, delays, with what to do")
    verb.add_argument("name", help="the VF's name in the config")
    verb.add_argument("--seconds", type=float, default=1.0, help="how long to look (default 1)")
    verb.set_defaults(collect=collect_why, draw=draw_why)
    ctl_change.add_verbs(verbs)
    return parser.parse_args()


def main():
    args = parse()
    weir = Weir(args.file_prefix)
    try:
        if args.verb == "top":
            ctl_change.top(weir, args, draw_vfs)
        else:
            answer = args.collect(weir, args)
            if args.json:
                print(json.dumps(answer, indent=1))
            else:
                args.draw(answer, args)
    except (KeyboardInterrupt, BrokenPipeError):
        sys.stderr.close()      # whoever reads has gone: no last words


if __name__ == "__main__":
    main()
