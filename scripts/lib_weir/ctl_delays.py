# SPDX-License-Identifier: BSD-3-Clause
"""weirctl delays: how long a VM's packets waited in weir, over any time that somebody likes to wait for."""
import argparse
import time

from .delays import CLASSES, DIRECTIONS, Delays
from .table import grid

SHARES = (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))


def read_all(weir, name):
    return {(direction, tclass): Delays.read(weir.ask, name, direction, tclass)
            for direction in DIRECTIONS for tclass in CLASSES}


def collect(weir, args):
    before = read_all(weir, args.name)
    time.sleep(args.seconds)
    spans = {key: now.since(before[key]) for key, now in read_all(weir, args.name).items()}
    first = spans["tx", "urgent"]
    answer = {"vf": args.name, "span_ns": first.uptime_ns, "lost_ns": first.lost_ns, "tx": {}, "rx": {}}
    for (direction, tclass), span in spans.items():
        answer[direction][tclass] = {"pkts": span.n, **{key: span.quantile_ns(share) for key, share in SHARES},
                                     "longest": span.longest_ns}
    return answer


def draw(answer, _):
    print(f"{answer['vf']}, over {answer['span_ns'] / 1e9:.2f} s; weir itself was away for {answer['lost_ns'] / 1e6:.1f} ms of it")
    keys = [key for key, _ in SHARES] + ["longest"]
    rows = [[direction, tclass, str(figures["pkts"])] + [f"{figures[key] / 1e3:.0f} us" for key in keys]
            for direction in DIRECTIONS for tclass, figures in answer[direction].items() if figures["pkts"]]
    print("\n".join(grid(["", "class", "packets", *keys], rows)) if rows else "  no packet of it left in this time")


def seconds(text):
    value = float(text)
    if not 0 < value <= 86400:
        raise argparse.ArgumentTypeError(f"{text}: wanted seconds, more than 0, up to 86400")
    return value


def add_verbs(verbs):
    verb = verbs.add_parser("delays", help="how long packets of a VM waited inside weir, by class: percentiles of a time")
    verb.add_argument("name", help="the VF's name in the config")
    verb.add_argument("--seconds", type=seconds, default=1.0, help="of how long a time (default 1)")
    verb.set_defaults(collect=collect, draw=draw)
