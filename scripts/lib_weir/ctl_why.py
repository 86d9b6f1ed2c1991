# SPDX-License-Identifier: BSD-3-Clause
"""weirctl why: weir looks for a while, and says in words why a VM gets what it gets."""
import argparse
import sys

from .ctl_change import joined
from .table import figure


def sold(side):
    terms = side["effective"]
    shown = [f"{key} {figure(terms[key], key[4:])}" for key in ("min_bps", "max_bps", "min_pps", "max_pps") if terms[key]]
    return ", ".join(shown) or "nothing guaranteed, no limit"


def collect_why(weir, args):
    vfs = weir.listed("vfs")
    if args.name not in vfs:
        is_tenant = args.name in weir.listed("tenants")
        some = ", ".join(list(vfs)[:8]) + (", ..." if len(vfs) > 8 else "")
        sys.exit(f"weirctl: {args.name} is {'a tenant' if is_tenant else 'no VF'}: wanted one of {some}"
                 f" (weirctl {'show tenants' if is_tenant else 'vfs'})")
    return weir.ask(f"/weir/why,{args.name},{round(args.seconds * 1000)}")


def draw_why(answer, _):
    print("\n".join(joined(answer["lines"])))


def seconds(text):
    """-> how long weir shall look, for argparse."""
    value = float(text)
    if not 0.01 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text}: wanted seconds from 0.01 to 1")
    return value
