# SPDX-License-Identifier: BSD-3-Clause
"""The verbs of weirctl that change something, and those that belong to them: set, get, dscp, dump, reload, dryrun, top."""
import json
import os
import sys
import time

from .table import figure, grid

RATES = ("min_bps", "max_bps", "min_pps", "max_pps", "urgent_bps", "urgent_pps", "peak_bps")
PAGES_AGAIN = 5     # a config that changes while it is read is read again


def joined(pieces):
    """-> lines: a piece that ends in a backslash goes on in the next one."""
    lines, line = [], ""
    for piece in pieces:
        if piece.endswith("\\"):
            line += piece[:-1]
        else:
            lines.append(line + piece)
            line = ""
    return lines


def _kind(args):
    return "tenant" if args.tenant else "sla"


def key_values(args, usage, example, never=";="):
    """-> "key=value;key=value" of what stands on the command line."""
    words = args.terms
    for i, word in enumerate(words):
        if set(word) & set(never):
            key, _, value = word.partition("=")
            if word == "=" and 0 < i < len(words) - 1:     # KEY = VALUE, as in a file
                key, value = words[i - 1], words[i + 1]
            meant = f"{key} {value}" if key and value and "=" not in value else example
            args.parser.error(f"{word}: wanted KEY VALUE with a blank between, as in {meant}")
    if len(words) % 2:
        args.parser.error(f"{words[-1]} has no value: wanted {usage} KEY VALUE [KEY VALUE ...]")
    return ";".join(f"{key}={value}" for key, value in zip(words[::2], words[1::2]))


def _terms(args):
    return key_values(args, f"{args.verb} {args.name}", "EF high" if args.verb == "dscp" else "tx.max_bps 200M", ";=,")


# ---- Terms ----

def _shown(term, value):
    if term in RATES:
        return figure(value, term.rsplit("_", 1)[1]) if value else "-"
    if term == "credit_ns":
        return f"{value / 1e9:g} s" if value else "-"
    if term == "burst_ns":
        return f"{value / 1e6:g} ms" if value else "auto"
    return str(value) if value else "-" if term == "weight" else str(value)


def draw_terms(answer, _):
    """What was asked and what holds, a line a term that was asked or is not its default."""
    rows = []
    for direction in ("tx", "rx"):
        side = answer.get(direction)
        if side is None:
            continue
        for term, value in side["effective"].items():
            if (side["asked"][term] and not (term == "basis" and value == "l2")) or (term in RATES and value):
                rows.append([f"{direction}.{term.removesuffix('_ns')}", _shown(term, side["asked"][term]),
                             _shown(term, value)])
    for key in ("remote", "echo"):      # there with [remote] only
        if key in answer:
            rows.append([key, answer[key], answer[key]])
    name = answer.get("vf") or answer.get("tenant")
    if rows:
        print("\n".join(grid([name, "asked", "effective"], rows)))
    else:
        print(f"{name}: nothing guaranteed, no limit")
    for line in joined(answer.get("warnings", [])):
        print(f"warning: {line}")


def collect_set(weir, args):
    return weir.ask(f"/weir/{_kind(args)}/set,{args.name},{_terms(args)}")


def draw_set(answer, args):
    for line in joined(answer["changed"]) or ["nothing: it was so already"]:
        print(line)
    print()
    draw_terms(answer, args)


def collect_get(weir, args):
    return weir.ask(f"/weir/{_kind(args)}/get,{args.name}")


# ---- DSCP maps ----

def collect_dscp(weir, args):
    """Without terms it looks, with some it changes."""
    return weir.ask(f"/weir/dscp/set,{args.name},{_terms(args)}" if args.terms else f"/weir/dscp/get,{args.name}")


def draw_dscp(answer, args):
    """What was changed, and the classes, a line each with the code points that have it."""
    if args.terms:
        for line in joined(answer["changed"]) or ["nothing: it was so already"]:
            print(line)
        print()
    others = answer["map_vfs"] - 1
    print(f"{answer['vf']}: map {answer['map']}" + (f", as {_count(others, 'other VF')}" if others else ""))
    by_class = {}
    for dscp, text in answer["classes"].items():
        by_class.setdefault(tuple(text.split()), []).append(dscp)
    order = ("urgent", "high", "medium", "low")
    rows = [[tclass, prec, str(len(codes)), _some(codes)] for (tclass, prec), codes in
            sorted(by_class.items(), key=lambda item: (order.index(item[0][0]), item[0][1] != "low", item[0][1] == "high"))]
    print("\n".join(grid(["class", "drop precedence", "", "DSCP"], rows)))
    for line in joined(answer.get("warnings", [])):
        print(f"warning: {line}")


def _some(codes, most=14):
    """-> those with names of their own first; of a long list the beginning."""
    named = sorted(codes, key=lambda code: code.startswith("dscp"))
    return " ".join(named[:most]) + (f" and {len(named) - most} more" if len(named) > most else "")


# ---- The config ----

def collect_dump(weir, _):
    """All pages of one moment."""
    for _ in range(PAGES_AGAIN):
        page = weir.ask("/weir/config/dump")
        lines, changes = page["lines"], page["changes"]
        while page["next"] < page["total"] and page["changes"] == changes:
            page = weir.ask(f"/weir/config/dump,{page['next']}")
            lines += page["lines"]
        if page["changes"] == changes:
            return {"lines": joined(lines)}
    sys.exit("weirctl: the config changes faster than it can be read: wanted a quieter moment")


def draw_dump(answer, _):
    print("\n".join(answer["lines"]))


def collect_reload(weir, args):
    path = os.path.abspath(args.file)
    if not os.path.exists(path):
        sys.exit(f"weirctl: {path} does not exist: wanted a file that weir, on this host, can read")
    return weir.ask(f"/weir/config/reload,{path}")


def _count(n, what):
    return f"{n} {what}{'' if n == 1 else 's'}"


def draw_reload(answer, _):
    print(f"{answer['file']}: terms of {_count(answer['changed_vfs'], 'VF')} and"
          f" {_count(answer['changed_tenants'], 'tenant')} changed, and {_count(answer['changed_maps'], 'DSCP map')}")
    if answer["added_vfs"] + answer["deleted_vfs"]:
        print(f"{_count(answer['added_vfs'], 'VF')} added, {answer['deleted_vfs']} deleted")
    if answer["added_marks"] + answer["deleted_marks"] + answer["changed_marks"]:
        print(f"{_count(answer['added_marks'], 'marking rule')} added, {answer['deleted_marks']} deleted,"
              f" {answer['changed_marks']} changed")
    for line in joined(answer.get("warnings", [])):
        print(f"warning: {line}")


# ---- What if ----

def collect_dryrun(weir, args):
    command = f"/weir/{_kind(args)}/dryrun,{args.name},{_terms(args)}"
    answer = page = weir.ask(command)
    while "vfs" in page and page["next"] < page["total"]:
        page = weir.ask(f"{command},{page['next']}")
        answer["vfs"].update(page["vfs"])
        answer["next"] = page["next"]
    return answer


def draw_dryrun(answer, _):
    print("it would be admitted: " + (", ".join(joined(answer["changed"])) or "nothing would change"))
    if "rates_unknown" in answer:
        print(f"who would get what is not known: {answer['rates_unknown']}")
        return
    print(f"if all VFs sent packets of {answer['packet_bytes']} bytes by the uplink"
          f" ({figure(answer['capacity_bps'], 'bps')} of them):")
    rows = [[name, figure(line["now_bps"], "bps") if "now_bps" in line else "?", figure(line["then_bps"], "bps"),
             line["bound"]] for name, line in answer["vfs"].items()]
    print("\n".join(grid(["VF", "now", "then", "bounded by"], rows)))


# ---- top ----

def top(weir, args, draw):
    """The table of all VFs again and again; elsewhere than on a terminal one below the other."""
    shown = 0
    while True:
        answer = args.collect(weir, args)
        if args.json:
            print(json.dumps(answer), flush=True)
        else:
            if sys.stdout.isatty():
                print("\033[H\033[J", end="")
            print(time.strftime("%H:%M:%S"))
            draw(answer, args)
            sys.stdout.flush()
        shown += 1
        if args.count and shown >= args.count:
            return
        time.sleep(args.seconds)


def _collect_top(weir, _):
    return weir.vfs()


def _add_object(verb, with_terms):
    verb.add_argument("--tenant", action="store_true", help="NAME is a tenant's, not a VF's")
    verb.add_argument("name", metavar="NAME", help="a name in the config")
    if with_terms:
        verb.add_argument("terms", nargs="+", metavar="KEY VALUE",
                          help="a key of weir.conf(5) such as tx.max_bps, and its value; none takes it away")
    verb.set_defaults(parser=verb)


def add_verbs(verbs):
    """Adds them to weirctl's parser."""
    verb = verbs.add_parser("set", help="change what a VM was sold, now, without losing a packet (--allow-set)")
    _add_object(verb, True)
    verb.set_defaults(collect=collect_set, draw=draw_set)
    verb = verbs.add_parser("get", help="what a VM was sold: asked and effective")
    _add_object(verb, False)
    verb.set_defaults(collect=collect_get, draw=draw_terms)
    verb = verbs.add_parser("dscp", help="which class a VM's packets have, by DSCP; with DSCP CLASS another one, from now on"
                            " (--allow-set)")
    verb.add_argument("name", metavar="NAME", help="a VF's name in the config")
    verb.add_argument("terms", nargs="*", metavar="DSCP CLASS",
                      help="a code point such as EF, AF41 or 10, or default, and its class, perhaps with a drop precedence:"
                      " low, 'high medium'; or map and the name of a [dscp]")
    verb.set_defaults(parser=verb, collect=collect_dscp, draw=draw_dscp)
    verb = verbs.add_parser("dryrun", help="what a set would do: whether it fits, and who would get what")
    _add_object(verb, True)
    verb.set_defaults(collect=collect_dryrun, draw=draw_dryrun)
    verb = verbs.add_parser("dump", help="the running config, as a file that weir reads")
    verb.set_defaults(collect=collect_dump, draw=draw_dump)
    verb = verbs.add_parser("reload", help="take the VFs, SLAs and DSCP maps of a file, all or none (--allow-set)")
    verb.add_argument("file", metavar="FILE")
    verb.set_defaults(collect=collect_reload, draw=draw_reload)
    verb = verbs.add_parser("top", help="all VFs, again and again")
    verb.add_argument("--seconds", type=float, default=1.0, help="between two tables (default 1)")
    verb.add_argument("--count", type=int, default=0, help="end after so many (default: until interrupted)")
    verb.set_defaults(collect=_collect_top)
