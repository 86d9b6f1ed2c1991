# SPDX-License-Identifier: BSD-3-Clause
"""weirctl mark: the rules by which an operator ranks packets himself."""
from .ctl_change import joined, key_values
from .table import grid


def collect_list(weir, args):
    """-> {name: rule} in the order in which they are tried, of all VFs or of one."""
    rules, start = {}, 0
    while True:
        page = weir.ask(f"/weir/mark/list,{start}" if start else "/weir/mark/list")
        rules.update(page["marks"])
        start = page["next"]
        if start >= page["total"] or not page["marks"]:
            break
    return {name: rule for name, rule in rules.items() if args.vf in (None, rule["vf"])}


def _match(rule):
    """-> what it asks of a packet, without what has a column of its own."""
    words = "".join(joined(rule["rule"])).split(";")
    return " ".join(word.replace("=", " ") for word in words if word.split("=")[0] not in ("vf", "order", "set")) or "all"


def draw_list(rules, _):
    rows = [[rule["vf"], str(rule["order"]), name, _match(rule), rule["set"], f"{rule['pkts']:,}", f"{rule['bytes']:,}"]
            for name, rule in rules.items()]
    print("\n".join(grid(["VF", "order", "rule", "packets", "set", "matched", "bytes"], rows)) if rows else "no rules")


def collect_add(weir, args):
    return weir.ask(f"/weir/mark/add,{args.name}," + key_values(args, "mark add NAME", "dst_port 443"))


def draw_add(answer, args):
    draw_list({answer["mark"]: answer}, args)
    for line in joined(answer.get("warnings", [])):
        print(f"warning: {line}")


def collect_del(weir, args):
    return weir.ask(f"/weir/mark/del,{args.name}")


def draw_del(answer, _):
    print(f"{answer['mark']} is gone; {answer['total']} rules left")


def add_verbs(verbs):
    """Adds them to weirctl's parser."""
    parser = verbs.add_parser("mark", help="rules that set or trust the DSCP of what a VM sends: list, add, del")
    what = parser.add_subparsers(dest="what", required=True, metavar="WHAT", action=type(verbs))
    verb = what.add_parser("list", help="the rules in the order in which they are tried, and what they matched")
    verb.add_argument("vf", nargs="?", metavar="VF", help="only its rules")
    verb.set_defaults(collect=collect_list, draw=draw_list)
    verb = what.add_parser("add", help="one more, now (--allow-set)")
    verb.add_argument("name", metavar="NAME", help="letters, digits and _")
    verb.add_argument("terms", nargs="+", metavar="KEY VALUE",
                      help="keys of [mark] in weir.conf(5): vf web protocol tcp dst_port 443 set AF41")
    verb.set_defaults(collect=collect_add, draw=draw_add, parser=verb)
    verb = what.add_parser("del", help="one less, now (--allow-set)")
    verb.add_argument("name", metavar="NAME")
    verb.set_defaults(collect=collect_del, draw=draw_del)
