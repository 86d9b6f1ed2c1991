# SPDX-License-Identifier: BSD-3-Clause
"""Contract 3 written out once more, in another language and by another way, and both solvers in C held against it.

There the water level is found by halving an interval, and by walking its bends.  Here nothing is searched: water rises from one bend to
the next, and whoever is full, or the link, stops it.  Usage: arbiter.py PROGRAM [CASES [SEED]]; the seed is told.

Broken by: a solver in C whose floors are not lifted by what members are owed; one that gives a priority's rest to the next by weight.
"""
import random
import subprocess
import sys

TOLERANCE = 1e-6        # of the link
NEARLY = 1 + 1e-12      # of what rounding makes unequal


def fill(nodes, link):
    """-> the rate of each node of one level: (min, max, demand, weight, priority) in dicts."""
    caps = [min(node["max"], node["demand"]) for node in nodes]
    floors = [min(node["min"], cap) for node, cap in zip(nodes, caps)]
    rates = list(floors)
    left = link - sum(rates)
    for priority in sorted({node["priority"] for node in nodes}):
        mine = [i for i, node in enumerate(nodes) if node["priority"] == priority]
        level = 0.0
        for bend in sorted({one[i] / nodes[i]["weight"] for i in mine for one in (rates, caps)}):
            # Who rises with the water up to this bend: above its floor already, and below its cap.
            rising = [i for i in mine if floors[i] <= nodes[i]["weight"] * level * NEARLY and caps[i] >= nodes[i]["weight"] * bend / NEARLY]
            speed = sum(nodes[i]["weight"] for i in rising)
            if bend <= level or left <= 0:
                continue
            rise = min(bend - level, left / speed) if speed else bend - level
            for i in rising:
                rates[i] += nodes[i]["weight"] * rise
            left -= speed * rise
            level += rise
    return rates


def complete(node):
    """A tenant can send what its members can, and is owed what they are, if not more."""
    if "members" in node:
        for member in node["members"]:
            complete(member)
        node["demand"] = sum(min(one["max"], one["demand"]) for one in node["members"])
        owed = sum(min(one["min"], one["max"], one["demand"]) for one in node["members"])
        node["min"] = max(node["min"], min(owed, node["max"]))


def solve(nodes, link):
    """Writes each node's rate into it; a tenant's is divided among its members by the same rule."""
    for node, rate in zip(nodes, fill(nodes, link)):
        node["rate"] = rate
        solve(node.get("members", []), rate)


def draw(link, room, depth):
    """-> a VF, or down to a depth of three a tenant with members. 'room': a list of one, what may still be promised."""
    floor = random.choice([0, random.uniform(0, room[0] / 2)])
    node = {"weight": random.randint(1, 5), "priority": random.randint(0, 2), "min": floor, "max": random.choice([2 * link, floor + random.uniform(0.05, 0.9) * link])}
    room[0] -= floor
    if depth < 3 and random.random() < 0.25:
        node["members"] = [draw(link, room, depth + 1) for _ in range(random.randint(1, 5))]
        node["max"] = max(node["max"], sum(one["min"] for one in node["members"]) * 1.01)
    else:
        node["demand"] = random.choice([3 * link, random.uniform(0.001, 0.6) * link])
    return node


def flat(nodes, parent=0, into=None):
    """-> [(node, its parent's place from 1, or 0)], parents first."""
    into = [] if into is None else into
    for node in nodes:
        into.append((node, parent))
        flat(node.get("members", []), len(into), into)
    return into


def asked(nodes, link):
    """-> a case as the program reads it."""
    rows = flat(nodes)
    lines = [f"{len(rows)} {link!r}"]
    for node, parent in rows:
        is_tenant = "members" in node
        lines.append(f"{node['min']!r} {node['max']!r} {0 if is_tenant else node['demand']!r} {node['weight']} {node['priority']} {parent} {int(is_tenant)}")
    return "\n".join(lines) + "\n"


def main():
    """-> the exit code."""
    program, cases = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 32)
    random.seed(seed)
    link, trees, worst, unfit = 1000.0, [], [0.0, 0.0], 0
    for _ in range(cases):
        room = [link * 0.9]
        trees.append([draw(link, room, 1) for _ in range(random.randint(1, 8))])
    done = subprocess.run([program], input="".join(asked(tree, link) for tree in trees), capture_output=True, text=True, timeout=200, check=True)
    answers = iter(done.stdout.split("\n"))
    for number, tree in enumerate(trees):
        for node in tree:
            complete(node)
        solve(tree, link)
        for node, _ in flat(tree):
            rates = [float(one) for one in next(answers).split()]
            has_room = rates[1] == rates[1]
            for which, rate in enumerate(rates):
                error = abs(rate - node["rate"]) / link
                if error > TOLERANCE:
                    print(f"seed {seed}, case {number}: {('slow', 'fast')[which]} {rate}, wanted {node['rate']}, of\n{asked(tree, link)}")
                    return 1
                worst[which] = max(worst[which], error if error == error else 0)
        unfit += not has_room
    print(f"seed {seed}: {cases} trees, worst error {max(worst):.1e} of the link; of {unfit} the floors do not fit, and the fast one says so")
    return 1 if unfit > cases // 2 else 0


if __name__ == "__main__":
    sys.exit(main())
