# SPDX-License-Identifier: BSD-3-Clause
"""weirctl capture: packets of one VF into a pcap file, all of them or those that were dropped or delayed."""
import argparse
import os
import sys
import time

from .ctl_change import joined
from .table import grid

LOOK_S = 0.2
START = """Packets of one VM, or of the uplink (pf), into a file that tcpdump and Wireshark read, also while it grows.
weir's data path is not slowed: what its rings and the disk cannot take is counted as missed.  Of what may be asked:

  dir tx|rx|both     tx: what the VM sends, as weir reads it; rx: what goes to the VM, as its port gets it (default both)
  reason all         (default)
  reason dropped     what weir drops, whatever the reason, where it drops it
  reason NAME        what it drops for that reason: receiver_limit, spoof, no_buffer ... (with + between several; weirctl show drops)
  reason delayed     what waited in weir's own queues for longer than the VF's mark_above ...
  over 5ms           ... or than this
  packets 1k         the capture ends with so many (default 1000) ...
  bytes 100M         ... or when the file has so many bytes (default 100M) ...
  seconds 60         ... or after so long (default 60)
  snap 96            of each packet only so many bytes (default all)
  overwrite yes      the file may be there already"""
EXAMPLES = """examples:
  weirctl capture start web /tmp/web.pcap                              the next 1000 packets, both ways
  weirctl capture start web /tmp/drops.pcap reason receiver_limit seconds 3600
  weirctl capture start web /tmp/slow.pcap dir tx reason delayed over 5ms snap 96
  weirctl capture start pf /tmp/lost.pcap reason unknown_dest --wait
  tcpdump -nr /tmp/web.pcap                                            while it runs, too
weir writes the file, as its own user, on its own host, and for that user alone (0600)."""


def collect_start(weir, args):
    words = args.terms
    if len(words) % 2:
        args.parser.error(f"{words[-1]} has no value: wanted capture start VF FILE KEY VALUE [KEY VALUE ...]")
    for word in [*words, args.file]:
        if set(word) & set(";,"):
            args.parser.error(f"{word}: wanted it without , and ;")
    terms = [f"file={os.path.abspath(args.file)}"] + [f"{key}={value}" for key, value in zip(words[::2], words[1::2])]
    answer = weir.ask(f"/weir/capture/start,{args.name}," + ",".join(terms))
    return wait_for(weir, answer) if args.wait else answer


def wait_for(weir, capture):
    """Until it has ended; interrupted, it is ended.  -> what it came to."""
    number, warnings = capture["id"], capture.get("warnings", [])
    print(f"weirctl: capture {number} has begun; Ctrl-C, or weirctl capture stop {number} elsewhere, ends it", file=sys.stderr,
          flush=True)
    try:
        while capture["runs"]:
            time.sleep(LOOK_S)
            captures = weir.ask("/weir/capture/list")["captures"]
            if str(number) not in captures:
                sys.exit(f"weirctl: capture {number} ended so long ago that weir does not tell of it any more")
            capture = captures[str(number)]
    except KeyboardInterrupt:
        capture = weir.ask(f"/weir/capture/stop,{number}")
    return {"id": number, **capture, **({"warnings": warnings} if warnings else {})}


def draw_captures(captures, _):
    rows = [[number, c["vf"], c["dir"], "".join(joined(c["reason"])), f"{c['pkts']:,} of {c['max_pkts']:,}", f"{c['missed_pkts']:,}",
             f"{c['bytes']:,}", f"{c['ms'] / 1000:.1f} of {c['max_s']}", c["state"] + (": " + c["failure"] if "failure" in c else ""),
             "".join(joined(c["file"]))]
            for number, c in captures.items()]
    head = ["capture", "VF", "dir", "packets that are", "packets", "missed", "bytes", "seconds", "", "file"]
    print("\n".join(grid(head, rows)) if rows else "nothing is captured")


def draw_one(answer, args):
    draw_captures({str(answer["id"]): answer}, args)
    for line in joined(answer.get("warnings", [])):
        print(f"warning: {line}")


def collect_list(weir, _):
    return weir.ask("/weir/capture/list")["captures"]


def collect_stop(weir, args):
    return weir.ask(f"/weir/capture/stop,{args.number}")


def add_verbs(verbs):
    """Adds them to weirctl's parser."""
    parser = verbs.add_parser("capture", help="packets of a VM into a pcap file, all or those dropped or delayed: start, stop, list")
    what = parser.add_subparsers(dest="what", required=True, metavar="WHAT", action=type(verbs))
    verb = what.add_parser("start", help="begin one (--allow-set)", description=START, epilog=EXAMPLES,
                           formatter_class=argparse.RawDescriptionHelpFormatter)
    verb.add_argument("name", metavar="VF", help="a VF's name in the config, pf, or unknown_sender (whom no VF is)")
    verb.add_argument("file", metavar="FILE", help="where to, on weir's host; never over a file that is there, unless asked to")
    verb.add_argument("terms", nargs="*", metavar="KEY VALUE", help="see above")
    verb.add_argument("--wait", action="store_true", help="until it has ended; interrupted, it is ended")
    verb.set_defaults(collect=collect_start, draw=draw_one, parser=verb)
    verb = what.add_parser("stop", help="end one before its time (--allow-set)")
    verb.add_argument("number", type=int, metavar="NUMBER", help="as list tells")
    verb.set_defaults(collect=collect_stop, draw=draw_one)
    verb = what.add_parser("list", help="those that run, and the last ones that ended, the latest first")
    verb.set_defaults(collect=collect_list, draw=draw_captures)
