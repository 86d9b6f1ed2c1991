# SPDX-License-Identifier: BSD-3-Clause
"""scripts/demo: three VMs fight for an uplink, and each gets what it was sold."""
import argparse
import json
import pathlib
import signal
import sys

from . import contract, guestvm, machine, picture, scenario, verdict, vmdemo
from .processes import Group, ProcessError
from .table import Live, verdict_lines

NOT_SHOWN = 3           # exit code
CPU_ENOUGH = 0.97       # of the time, to hold weir to its promises


def parse():
    """-> the arguments."""
    names = [s.name for s in scenario.SCENARIOS]
    parser = argparse.ArgumentParser(
        prog="scripts/demo", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Three VMs send all they can through weir; a sink at the uplink counts what arrives and compares\n"
                    "it with what each VM was sold. Exit code 1 if a promise is broken,\n"
                    "3 if none is, but a real VM offered too little to show one.",
        epilog="scenarios:\n" + "\n".join(f"  {s.name:12}{s.title}" for s in scenario.SCENARIOS)
               + f"\nonly when named, as root:\n  {vmdemo.NAME:12}{vmdemo.TITLE}")
    parser.add_argument("--scenario", action="append", choices=[*names, vmdemo.NAME], metavar="NAME",
                        help=f"{', '.join(names)}, {vmdemo.NAME}; may be repeated (default: all but {vmdemo.NAME})")
    parser.add_argument("--seconds", type=float, default=10, help="how long the VMs send in each scenario (default 10)")
    parser.add_argument("--json", metavar="FILE", help="write what was asked and what was got there")
    parser.add_argument("--config", metavar="FILE", help="start weir with this one; what is promised stays the scenario's")
    parser.add_argument("--no-install", action="store_true", help="do not look for missing packages")
    parser.add_argument("--build", metavar="DIR", help="use the programs of this build directory, as they are")
    parser.add_argument("--out", metavar="DIR", default=machine.ROOT / "build" / "demo",
                        help="picture and logs (default build/demo)")
    args = parser.parse_args()
    if args.config and len(args.scenario or []) != 1:
        parser.error("--config needs exactly one --scenario")
    if not 2 <= args.seconds <= 600:
        parser.error("--seconds is 2 to 600")
    args.vm = vmdemo.NAME in (args.scenario or [])
    if args.vm and (why := vmdemo.why_not()):
        parser.error(f"--scenario {vmdemo.NAME}: {why}")
    args.scenario = [s for s in scenario.SCENARIOS if not args.scenario or s.name in args.scenario]
    return args


def play(story, programs, args):
    """Runs and judges one scenario. -> (outcome, promises)."""
    promised = contract.read(story.config)
    live = Live(story, promised, contract.owed_pps(promised, story.frames))
    print(f"\n{story.name}: {story.title}", flush=True)
    with Group(pathlib.Path(args.out) / story.name) as group:
        outcome = scenario.play(story, group, programs, args.config, args.seconds, live)
    promises = verdict.judge(outcome)
    tell(promises, outcome.notes)
    return outcome, promises


def tell(promises, notes):
    """The verdict on a scenario."""
    print()
    for line in verdict_lines(promises):
        print("  " + line)
    for note in notes:
        print(f"  note: {note}")
    sys.stdout.flush()


def play_vms(programs, args):
    """The scenario with real VMs, once more where it shows less than it should. -> (its entry for --json, texts of what was not
    kept, of what was not shown)"""
    for left in (1, 0):
        print(f"\n{vmdemo.NAME}: {vmdemo.TITLE}", flush=True)
        try:
            with Group(pathlib.Path(args.out) / vmdemo.NAME) as group:
                promises, notes = vmdemo.play(group, programs, args.config, args.seconds)
        except (ProcessError, guestvm.VmError) as error:
            print(f"  {vmdemo.NAME} could not be played: {error}", flush=True)
            return ({"name": vmdemo.NAME, "vms": [], "kept": False, "error": str(error)},
                    [f"{vmdemo.NAME}: could not be played"], [])
        tell(promises, notes)
        broken = [f"{vmdemo.NAME}: {p.who}: {p.text}" for p in promises if p.is_shown and not p.kept]
        hidden = [f"{vmdemo.NAME}: {p.who}: {p.text}" for p in promises if not p.is_shown]
        if not broken and not hidden:
            break
        if left:
            print("  once more: " + ("not all is kept" if broken else "a VM offered too little to show all"), flush=True)
    return ({"name": vmdemo.NAME, "vms": verdict.plain(promises), "notes": notes, "kept": not broken, "shown": not hidden},
            broken, hidden)


def main():
    """-> the exit code."""
    args = parse()
    signal.signal(signal.SIGTERM, signal.default_int_handler)       # so that "with" ends what was started
    if args.build:
        programs = pathlib.Path(args.build).resolve()
    else:
        programs = machine.ROOT / "build"
        machine.build(programs, ["--buildtype=release"], ["app/weir/weir", "app/weir-sink/weir-sink"])
    if machine.Cpus().only_one:
        print("this machine lends one CPU only: weir and the VMs fight for it, and the figures will show it")
    if args.json:       # not after a minute's work
        try:
            pathlib.Path(args.json).touch()
        except OSError as error:
            sys.exit(f"scripts/demo: --json {args.json}: {error.strerror}")
    outcomes, documents, failed, starved, hidden = [], [], [], [], []
    for story in args.scenario:
        try:
            outcome, promises = play(story, programs, args)
        except ProcessError as error:
            print(f"  {story.name} could not be played: {error}", flush=True)
            documents.append({"name": story.name, "vms": [], "kept": False, "error": str(error)})
            failed.append(f"{story.name}: could not be played")
            continue
        outcomes.append(outcome)
        documents.append(verdict.as_json(outcome, promises))
        failed += [f"{story.name}: {p.who}: {p.text}" for p in promises if not p.kept]
        if outcome.cpu_part < CPU_ENOUGH and not all(p.kept for p in promises):
            starved.append(f"{story.name}: weir had its CPU for only {outcome.cpu_part:.0%} of the time")
    if args.vm:
        document, broken, hidden = play_vms(programs, args)
        documents.append(document)
        failed += broken
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps({"scenarios": documents}, indent=1) + "\n", encoding="utf-8")
    print()
    if outcomes:
        drawn = picture.draw(outcomes, pathlib.Path(args.out) / "demo.png")
        print(f"picture: {drawn}" if drawn else "no picture: python3-matplotlib is not installed")
    print(f"logs:    {args.out}")
    for text in failed:
        print(f"BROKEN   {text}")
    for text in hidden:
        print(f"NOT SHOWN {text}: a VM offered less than it is owed, so this machine was too busy to show it")
    if failed:
        print(f"{len(failed)} promises broken")
    else:
        print("every promise kept" if not hidden else f"no promise broken, {len(hidden)} not shown")
    for text in starved:
        print(f"{text}: that says more of this machine than of weir; play it again when nothing else runs here")
    return 1 if failed else NOT_SHOWN if hidden else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
