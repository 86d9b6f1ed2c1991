# SPDX-License-Identifier: BSD-3-Clause
"""weir-bench as a program: its arguments, its rows, its picture. Never how fast anything is."""

import csv
import json
import os
import subprocess

from harness.suite import test

KEYS = {"suite", "case", "contender", "metric", "value", "unit"}


def bench(context, *options, seconds=120):
    binary = os.path.join(os.path.dirname(context.binary), "..", "weir-bench", "weir-bench")
    return subprocess.run([binary, *options], capture_output=True, text=True, timeout=seconds)


def rows_of(path):
    with open(path) as f:
        return json.load(f)


@test("weir-bench --list names each suite with a line on what it measures")
def bench_list(context):
    done = bench(context, "--list")
    assert done.returncode == 0, done.stderr
    listed = dict(line.split(None, 1) for line in done.stdout.splitlines())
    for name in ("pq_hold", "pq_link", "stamp", "timer", "window", "many_flows", "multi"):
        assert len(listed.get(name, "")) > 20, "%s: %r" % (name, listed.get(name))


@test("weir-bench refuses what it does not understand, says what it wants, and measures nothing")
def bench_bad_arguments(context):
    for options, wanted in ((["--suite", "pq_hol"], "pq_hold"), (["--cpu", "9999"], "CPU"), (["--cpu", "-1"], "CPU"),
                            (["--seed", "x"], "number"), (["--plot", "x.pdf"], ".svg"), (["--quik"], "--help"),
                            (["pq_hold"], "--help"), (["--json"], "--help")):
        done = bench(context, *options)
        assert done.returncode == 2, "%s: exit code %d" % (options, done.returncode)
        assert wanted in done.stderr, "%s: %s" % (options, done.stderr)
        assert done.stdout == "", "%s: %s" % (options, done.stdout)


@test("weir-bench tells of a file it cannot write before it measures", timeout_s=90)
def bench_unwritable(context):
    for option, path in (("--json", "/nonexistent/rows.json"), ("--plot", "/nonexistent/rows.svg")):
        done = bench(context, "--quick", "--suite", "timer", option, path)
        assert done.returncode == 1, done.returncode
        assert path in done.stderr, done.stderr
        assert "timer:" not in done.stdout, done.stdout


@test("weir-bench writes the same rows as JSON and CSV, each contender in each case with its spread, and draws them", timeout_s=90)
def bench_rows(context):
    json_path, csv_path, picture = (os.path.join(context.folder, name) for name in ("rows.json", "rows.csv", "rows.svg"))
    done = bench(context, "--quick", "--suite", "timer", "--json", json_path, "--csv", csv_path, "--plot", picture)
    assert done.returncode == 0, done.stderr
    rows = rows_of(json_path)
    for row in rows:
        assert set(row) == KEYS, row
        assert row["suite"] == "timer", row
        assert isinstance(row["value"], (int, float)) and row["value"] > 0, row
        assert all(isinstance(row[key], str) and row[key] for key in KEYS - {"value"}), row
    values = {(r["case"], r["contender"], r["metric"]): r["value"] for r in rows}
    assert len(values) == len(rows), "a row is there twice"
    assert {contender for _, contender, _ in values} == {"weir", "rte_timer"}, values
    for case in {case for case, _, _ in values}:
        for who in ("weir", "rte_timer"):
            middle = values[case, who, "cycles"]
            assert values[case, who, "cycles_p15"] <= middle <= values[case, who, "cycles_p95"], (case, who)
            assert abs(values[case, who, "ns"] * 2 - middle) < 1e-6 * middle, (case, who)
            assert case in done.stdout, "%s is not in the table" % case
    with open(csv_path, newline="") as f:
        again = {(r["case"], r["contender"], r["metric"]): float(r["value"]) for r in csv.DictReader(f)}
    assert again == values, "CSV and JSON differ"
    with open(picture) as f:
        drawn = f.read()
    assert "<svg" in drawn, "no picture in " + picture
    for words in ("timer: rte_timer as a shaper", ">cycles (2 = 1 ns)<", ">number of pending<"):
        assert words in drawn, "%s: no %r" % (picture, words)


@test("weir-bench finds no fault in our queues where windows end, and the known ones in the naive forms", timeout_s=90)
def bench_window(context):
    path = os.path.join(context.folder, "rows.json")
    done = bench(context, "--quick", "--suite", "window", "--json", path)
    assert done.returncode == 0, done.stderr
    wrong = {}
    for row in rows_of(path):
        if row["metric"] in ("early", "late", "reordered", "lost"):
            key = row["contender"], row["metric"]
            wrong[key] = wrong.get(key, 0) + row["value"]
    for metric in ("early", "late", "reordered", "lost"):
        assert wrong["weir", metric] == 0, "weir: %d %s" % (wrong["weir", metric], metric)
    assert wrong["naive: swaps when empty", "late"] > 0, wrong
    assert wrong["naive: cuts to the horizon", "early"] > 0, wrong
    assert wrong["naive: last in first out", "reordered"] > 0, wrong
    assert "bar: weir: early, late, reordered or lost: <= 0 items: 0 met" in done.stdout, done.stdout
