# SPDX-License-Identifier: BSD-3-Clause
"""weirctl add and del: VFs that come and go while weir runs."""
from .ctl_change import draw_terms, joined, key_values


def _places(answer):
    n = answer["port_places_left"]
    return f"{answer['port']} has {answer['port_vfs']} VF{'' if answer['port_vfs'] == 1 else 's'}, and places for {n} more"


def collect_add(weir, args):
    return weir.ask(f"/weir/vf/add,{args.name}," + key_values(args, "add NAME", "port net_vhost0"))


def draw_add(answer, args):
    print(f"{answer['vf']} is there: {_places(answer)}")
    print()
    draw_terms(answer, args)


def collect_del(weir, args):
    return weir.ask(f"/weir/vf/del,{args.name}")


def draw_del(answer, _):
    print(f"{answer['vf']} is gone: {_places(answer)}")
    for line in joined(answer.get("warnings", [])):
        print(f"warning: {line}")


def add_verbs(verbs):
    """Adds them to weirctl's parser."""
    verb = verbs.add_parser("add", help="a VF more, now, on a port that has a place for it (--allow-set)")
    verb.add_argument("name", metavar="NAME", help="letters, digits and _")
    verb.add_argument("terms", nargs="+", metavar="KEY VALUE",
                      help="keys of [vf] in weir.conf(5): port net_vhost0 mac 02:00:00:00:00:05 tx.max_bps 100M")
    verb.set_defaults(collect=collect_add, draw=draw_add, parser=verb)
    verb = verbs.add_parser("del", help="a VF less, now: what waits of it and for it is dropped (--allow-set)")
    verb.add_argument("name", metavar="NAME")
    verb.set_defaults(collect=collect_del, draw=draw_del)
