# SPDX-License-Identifier: BSD-3-Clause
"""weirctl: asks a running weir, says in words why a VM gets what it gets, and changes what it was sold.

Each verb has two halves: one collects an answer, which --json prints as it is, the other draws it for people."""
import argparse
import json
import os
import sys
import textwrap

from . import ctl_allocator, ctl_capture, ctl_change, ctl_delays, ctl_mark, ctl_remote, ctl_place, ctl_show, ctl_why
from .ctl_why import sold
from .table import figure, grid
from .telemetry import Telemetry


class Weir:
    """Questions to one running weir."""

    def __init__(self, prefix):
        run_dir = "/var/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "/tmp")
        if not os.path.exists(f"{run_dir}/dpdk/{prefix}") and os.path.exists(f"/var/run/dpdk/{prefix}/dpdk_telemetry.v2"):
            run_dir = "/var/run"        # root's weir, which lets a group in
        self._telemetry = Telemetry(run_dir, prefix, timeout_s=5.0)     # a change may take one itself
        self._where = f"{run_dir}/dpdk/{prefix}"

    def ask(self, command):
        answer = self._telemetry.ask(command)
        if answer is None:
            sys.exit(f"weirctl: nothing answers at {self._where}: is weir running, as which user, with which"
                     " --file-prefix (weirctl -f PREFIX), and do ten others ask all the time?")
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

    def ports(self):
        """-> {device: its line}, page by page."""
        lines, start = {}, 0
        while True:
            page = self.ask(f"/weir/ports,{start}" if start else "/weir/ports")
            lines.update({port["device"]: port for port in page["ports"].values()})
            start = page["next"]
            if start >= page["total"] or not page["ports"]:
                return lines

    def vfs(self):
        """-> {name: all that is known of it, and its port's link}."""
        ports = self.ports()
        vfs = {name: self.ask(f"/weir/vf,{name}") for name in self.listed("vfs")}
        return {name: dict(vf, link=ports[vf["port"]]["link"]) for name, vf in vfs.items()}


def held_now(tx):
    """-> the bound that has held it longest with no pause of a second so far, or '-'."""
    so_far = tx.get("held_for_ns", {})
    name = max(so_far, key=so_far.get, default=None)
    return name if name and so_far[name] else "-"


def collect_vfs(weir, _):
    return weir.vfs()


def credit(vf):
    """-> how much of its burst credits is left, or '-': none were sold."""
    if "credit" not in vf["tx"]:
        return "-"
    left, bank = vf["tx"]["credit"]["left_bits"], vf["tx"]["credit"]["bank_bits"]
    return f"{100 * left / bank:.1f} % of {bank / 1e9:.2f} Gb"


def draw_vfs(vfs, _):
    rows, has_credit = [], any("credit" in vf["tx"] for vf in vfs.values())
    for name, vf in vfs.items():
        tx, rx = vf["tx"], vf["rx"]
        rows.append([name, vf["link"], figure(tx["bps_1s"], "bps"), figure(tx["pps_1s"], "pps"),
                     figure(tx["peaks"]["recent"]["bps_1ms"], "bps"), str(tx["backlog_pkts"]),
                     held_now(tx), str(sum(tx["drops"].values())),
                     figure(rx["bps_1s"], "bps"), figure(rx["pps_1s"], "pps"),
                     figure(rx["peaks"]["recent"]["bps_1ms"], "bps"), str(sum(rx["drops"].values()))]
                    + ([credit(vf)] if has_credit else []))
    print("\n".join(grid(["VF", "link", "tx 1 s", "", "busiest ms", "waiting", "held by now", "tx drops", "rx 1 s", "",
                          "busiest ms", "rx drops"] + (["credit"] if has_credit else []), rows)))


def collect_tenants(weir, _):
    return {name: weir.ask(f"/weir/tenant,{name}") for name in weir.listed("tenants")}


def draw_tenants(tenants, _):
    if not tenants:
        print("there are no tenants")
        return
    rows = []
    for name, tenant in tenants.items():
        tx = tenant["tx"]
        rows.append([name, tenant["parent"] or "-", str(tenant["n_all_vfs"]), sold(tx), figure(tx["bps_1s"], "bps"),
                     figure(tx["pps_1s"], "pps"), str(tx["backlog_pkts"]), held_now(tx)])
    print("\n".join(grid(["tenant", "in", "VFs", "sold", "tx 1 s", "", "waiting", "held by now"], rows)))


def part(value, whole):
    """-> '12.3 %' of a whole that may not be known."""
    return f"{100 * value / whole:.1f} %" if whole else "of an unknown speed"


def collect_pf(weir, _):
    return weir.ask("/weir/pf")


def draw_pf(pf, _):
    out, came = pf["rx"], pf["tx"]
    print(f"uplink {pf['device']}, {pf['link']}, link {figure(pf['link_bps'], 'bps') if pf['link_bps'] else 'not paced'}"
          f" ({'with' if pf['link_basis'] == 'wire' else 'without'} preamble, FCS and gap)")
    print(f"  out, over 1 s  {figure(out['bps_1s'], 'bps')} {figure(out['pps_1s'], 'pps')},"
          f" {part(pf['link_used_bps_1s'], pf['link_bps'])} of the link; {out['backlog_pkts']} packets wait for it")
    print(f"  in, over 1 s   {figure(came['bps_1s'], 'bps')} {figure(came['pps_1s'], 'pps')}")
    capacity = pf["packet_capacity_pps"]
    print(f"  guaranteed     {figure(pf['guaranteed_bps'], 'bps')}, {part(pf['guaranteed_bps'], pf['link_bps'])};"
          f" {figure(pf['guaranteed_pps'], 'pps')}" + (f", {part(pf['guaranteed_pps'], capacity)} of the core" if capacity else ""))
    for what, side in (("of what it brought", came), ("of what was for it", out)):
        for reason, n in side["drops"].items():
            if n:
                print(f"  dropped {what}, {reason}: {n} since the start")


def collect_drops(weir, _):
    return weir.ask("/weir/drops")


def draw_drops(reasons, _):
    print("\n".join(grid(["reason", "of a drop"], [[name, text] for name, text in reasons.items()], is_prose=True)))


def refusal(answer):
    """-> what to print: every reason, what was wrong and what was wanted."""
    reasons = ctl_change.joined(answer.get("reasons", [])) or [f"{answer['error']}; wanted: {answer.get('wanted', '?')}"]
    return "\n".join(f"weirctl: {reason}" for reason in reasons)


SHOW = {"vfs": (collect_vfs, draw_vfs), "tenants": (collect_tenants, draw_tenants),
        "allocator": (ctl_allocator.collect, ctl_allocator.draw), "pf": (collect_pf, draw_pf),
        "drops": (collect_drops, draw_drops), "remote": (ctl_remote.collect, ctl_remote.draw),
        "vf": (ctl_show.collect_vf, ctl_show.draw_vf), "tenant": (ctl_show.collect_tenant, ctl_show.draw_tenant),
        "ports": (ctl_show.collect_ports, ctl_show.draw_ports), "info": (ctl_show.collect_info, ctl_show.draw_info)}
ONE = ("vf", "tenant")      # of these, which one

# "object verb" as ip and devlink have it, for what is "verb object" above all.
OBJECTS = {
    "vf": {verb: [verb] for verb in ("set", "get", "add", "del", "why", "delays", "dscp", "dryrun")},
    "tenant": {verb: [verb, "--tenant"] for verb in ("set", "get", "dryrun")},
    "config": {verb: [verb] for verb in ("dump", "reload")},
    **{what: {} for what in ("pf", "allocator", "drops", "remote", "ports", "info")},
}


def as_verb(words):
    """["vf", "set", "web", ...] -> ["set", "web", ...]; "show" of an object without a name: of all."""
    if not words or words[0] not in OBJECTS:
        return words
    what, verb, rest = words[0], (words[1:2] or ["show"])[0], words[2:]
    if verb == "show" and what != "config":
        named = what in ONE and rest and not rest[0].startswith("-")
        return ["show", what if named or what not in ONE else what + "s", *rest]
    if verb in OBJECTS[what]:
        return OBJECTS[what][verb] + rest
    known = list(OBJECTS[what]) + ([] if what == "config" else ["show"])
    sys.exit(f"weirctl: {what} {verb}: wanted {what} {', '.join(known[:-1])} or {known[-1]}")


def anywhere(words):
    """--json and -f PREFIX may stand anywhere: they come first."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-f", "--file-prefix")
    parser.add_argument("--json", action="store_true")
    known, rest = parser.parse_known_args(words)
    return (["--file-prefix", known.file_prefix] if known.file_prefix else []) + ["--json"] * known.json, rest


def show(weir, args):
    if (args.name is not None) != (args.what in ONE):
        args.parser.error(f"{args.what} {args.name}: wanted no name" if args.name else f"wanted {args.what} NAME, or {args.what}s")
    return SHOW[args.what][0](weir, args)


def draw_show(answer, args):
    SHOW[args.what][1](answer, args)


EXAMPLES = """examples:
  weirctl vfs                                       a line a VF
  weirctl show vf web                               all of one: rates, what waits, what holds it, drops, what it was sold
  weirctl show tenants                              what each was sold, has, and is held back by
  weirctl why web                                   what holds it back, since when, and what to do
  weirctl delays web --seconds 60                   how long its packets waited in this minute
  weirctl get web                                   what it was sold: asked, and what comes of it
  weirctl set web tx.max_bps 200M tx.weight 2       from now on, without losing a packet
  weirctl set web tx.max_pps none                   as if it had never been sold
  weirctl set --tenant lab tx.min_bps 300M
  weirctl dryrun web tx.min_bps 300M                would it fit, and who would get what?
  weirctl dscp web EF high AF41 'high medium'       other classes for its packets, from now on
  weirctl dscp web map default                      and back
  weirctl add web port net_vhost0 mac 02:00:00:00:00:05 tx.max_bps 100M
  weirctl del web                                   a VF less; its place is free for another
  weirctl mark add web vf vm1 protocol tcp dst_port 443 set AF41
  weirctl mark list                                 the rules, and what each matched
  weirctl mark del web                              the rule, not the VF
  weirctl capture start web /tmp/web.pcap reason receiver_limit packets 100
  weirctl capture list                              what each has, and what it missed
  weirctl capture stop 1                            by its number in the list
  weirctl dump >/etc/weir.conf                      what runs, as a file
  weirctl top --seconds 5                           a table each 5 s, until interrupted
  weirctl reload /etc/weir.conf                     the VFs, SLAs and DSCP maps of a file: all, or with one mistake none
The object may come first, as with ip and devlink: weirctl vf set web KEY VALUE, vf show web, tenant show lab, config dump.
--json and -f may stand anywhere.  Keys and values are those of weir.conf(5).  What changes something needs a weir that was started with --allow-set."""


class Verbs(argparse._SubParsersAction):    # pylint: disable=protected-access
    """Each verb's own --help says what it is for, and shows its examples."""

    def add_parser(self, name, **kwargs):
        words = f"{self._prog_prefix} {name} "
        examples = [line for line in EXAMPLES.splitlines() if (line.strip() + " ").startswith(words)]
        kwargs.setdefault("description", textwrap.fill(kwargs["help"], 110))
        kwargs.setdefault("epilog", "\n".join(["examples:", *examples]))
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        return super().add_parser(name, **kwargs)


def parse():
    parser = argparse.ArgumentParser(prog="weirctl", description="Asks a running weir, and changes what VMs were sold.",
                                     epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-f", "--file-prefix", default="rte", help="weir's EAL --file-prefix (default rte)")
    parser.add_argument("--json", action="store_true", help="print the answer itself, from which tables are drawn")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB", action=Verbs)
    verb = verbs.add_parser("vfs", help="a line a VF: rates, what waits, what holds it, drops")
    verb.set_defaults(collect=collect_vfs, draw=draw_vfs)
    verb = verbs.add_parser("show", help="vfs, tenants: a line each; vf NAME, tenant NAME: all of one; ports; pf: the uplink;"
                               " allocator: what the control core measures, decides and grants; drops: their reasons, in words;"
                               " remote: congestion beyond the uplink; info: the switch and its lcores")
    verb.add_argument("what", choices=tuple(SHOW), nargs="?", default="vfs", help="default vfs")
    verb.add_argument("name", nargs="?", metavar="NAME", help="of the vf or tenant")
    verb.set_defaults(collect=show, draw=draw_show, parser=verb)
    verb = verbs.add_parser("why", help="why a VM gets what it gets: bounds, drops, delays, with what to do")
    verb.add_argument("name", help="the VF's name in the config")
    verb.add_argument("--seconds", type=ctl_why.seconds, default=1.0, help="how long to look: 0.01 to 1 (default)")
    verb.set_defaults(collect=ctl_why.collect_why, draw=ctl_why.draw_why)
    ctl_delays.add_verbs(verbs)
    ctl_change.add_verbs(verbs)
    ctl_mark.add_verbs(verbs)
    ctl_capture.add_verbs(verbs)
    ctl_place.add_verbs(verbs)
    first, words = anywhere(sys.argv[1:])
    return parser.parse_args(first + as_verb(words))


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
