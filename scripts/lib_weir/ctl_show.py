# SPDX-License-Identifier: BSD-3-Clause
"""weirctl show: one VF or tenant in full, the ports, the switch itself."""
import sys

from .ctl_change import draw_terms
from .table import figure, grid


def names_of(weir, args, what):
    """Ends where there is none of that name, and says which there are."""
    names = weir.listed(what)
    if args.name not in names:
        some = ", ".join(list(names)[:8]) + (", ..." if len(names) > 8 else "") or "none: there are none"
        sys.exit(f"weirctl: {args.name} is no {what[:-1].upper() if what == 'vfs' else what[:-1]}: wanted one of {some}")


# ---- One VF ----

def collect_vf(weir, args):
    names_of(weir, args, "vfs")
    vf = weir.ask(f"/weir/vf,{args.name}")
    return dict(vf, link=weir.ports()[vf["port"]]["link"])


def _time(ns):
    return f"{ns / 1e9:,.1f} s" if ns >= 5e7 else "-"


def _count(n):
    return f"{n:,}" if n else "-"


def _held_rows(sides):
    """A line a bound that held it: how long since the start, and for how long with no pause of a second so far."""
    rows = []
    for bound in sides[0]["held_ns"]:
        cells = []
        for side in sides:
            held, so_far = side["held_ns"][bound], side.get("held_for_ns", {}).get(bound, 0)
            cells.append(_time(held) + (f", on and off for {so_far / 1e9:,.1f} s" if so_far else ""))
        if any(cell != "-" for cell in cells):
            rows.append([f"held by {bound}", *cells])
    return rows


def draw_vf(vf, _):
    sides = (vf["tx"], vf["rx"])
    print(f"{vf['name']} on {vf['port']}, link {vf['link']}; " + (f"tenant {vf['tenant']}; " if vf["tenant"] else "")
          + f"DSCP map {vf['dscp_map']}; when full {vf['when_full']}")
    print("  mac " + (", ".join(vf["macs"]) or "any")
          + {"none": "", "access": f"; vlan {vf['vid']}", "trunk": "; VLAN trunk" + (f", native {vf['vid']}" if vf["vid"] else "")}[vf["vlan"]])
    rows = [["rate, 1 s", *(f"{figure(s['bps_1s'], 'bps')} {figure(s['pps_1s'], 'pps')}" for s in sides)],
            ["rate, 10 s", *(f"{figure(s['bps_10s'], 'bps')} {figure(s['pps_10s'], 'pps')}" for s in sides)],
            ["busiest ms lately", *(figure(s["peaks"]["recent"]["bps_1ms"], "bps") for s in sides)],
            ["packets so far", *(_count(s["out_pkts"]) for s in sides)],
            ["bytes so far", *(_count(s["out_bytes"]) for s in sides)],
            ["packets waiting", *(_count(s["backlog_pkts"]) for s in sides)],
            ["marked CE", *(_count(s["marked_pkts"]) for s in sides)],
            ["guarantee missed", *(_time(s["guarantee_missed_ns"]) for s in sides)], *_held_rows(sides)]
    for reason in sides[0]["drops"]:
        if any(s["drops"][reason] for s in sides):
            rows.append([f"dropped, {reason}", *(_count(s["drops"][reason]) for s in sides)])
    rows += [[f"dropped at VFs it sent to, {reason}", _count(n), "-"] for reason, n in vf["tx"].get("receiver_drops", {}).items() if n]
    print("\n".join(grid(["", "tx", "rx"], rows)))
    print()
    draw_terms(dict(vf, vf=vf["name"], tenant=None), None)
    if "credit" in vf["tx"]:
        credit = vf["tx"]["credit"]
        print(f"credit: {credit['left_bits'] / 1e9:.2f} of {credit['bank_bits'] / 1e9:.2f} Gb are left")


# ---- One tenant ----

def collect_tenant(weir, args):
    """-> /weir/tenant with the VFs of all its pages."""
    names_of(weir, args, "tenants")
    answer = page = weir.ask(f"/weir/tenant,{args.name}")
    while page["next"] < page["total"]:
        page = weir.ask(f"/weir/tenant,{args.name},{page['next']}")
        answer["vfs"] += page["vfs"]
    return answer


def draw_tenant(tenant, args):
    tx = tenant["tx"]
    print(f"{args.name}" + (f" in {tenant['parent']}" if tenant["parent"] else "") + f"; {tenant['n_all_vfs']} VF{'' if tenant['n_all_vfs'] == 1 else 's'}; directly in it: "
          + (", ".join(tenant["vfs"]) or "none"))
    rows = [["rate, 1 s", f"{figure(tx['bps_1s'], 'bps')} {figure(tx['pps_1s'], 'pps')}"],
            ["rate, 10 s", f"{figure(tx['bps_10s'], 'bps')} {figure(tx['pps_10s'], 'pps')}"],
            ["promised to members", f"{figure(tx['members_bps'], 'bps')} {figure(tx['members_pps'], 'pps')}"],
            ["packets waiting", _count(tx["backlog_pkts"])], ["guarantee missed", _time(tx.get("guarantee_missed_ns", 0))]]
    print("\n".join(grid(["", "tx"], rows + (_held_rows((tx,)) if "held_ns" in tx else []))))
    print()
    draw_terms({"tenant": args.name, "tx": tx}, None)


# ---- Ports, and the switch ----

def collect_ports(weir, _):
    return weir.ports()


def draw_ports(ports, _):
    rows = [[device, p["role"], p["driver"], p["link"], figure(p["link_bps"], "bps") if p["link_bps"] else "-", str(p["mtu"]),
             str(p["n_vfs"]), str(p["rx_lcore"]), str(p["tx_lcore"]), _count(p["rx_pkts"]), _count(p["tx_pkts"]),
             _count(p["rx_missed_pkts"])] for device, p in ports.items()]
    print("\n".join(grid(["port", "role", "driver", "link", "rate", "mtu", "VFs", "rx lcore", "tx lcore", "rx packets", "tx packets",
                          "missed"], rows)))


def collect_info(weir, _):
    return weir.ask("/weir/info")


def draw_info(info, _):
    print(f"weir {info['version']} on {info['dpdk']}, process {info['pid']}, up for {info['uptime_ns'] / 1e9:,.0f} s")
    print(f"  config {info['config']}" + (f", state {info['state']}" if info["state"] else "")
          + f"; changes allowed: {info['allow_set']}, made: {info['changes']}")
    print(f"  VFs {info['n_vfs']}, spare places {info['n_spare']}, ports {info['n_ports']};"
          f" {info['n_free_mbufs']:,} of {info['n_mbufs']:,} packet buffers free")
    rows = [[str(w["lcore"]), f"{w['rx_pkts']:,}", f"{w['tx_pkts']:,}",
             f"{100 * (1 - w['idle_turns'] / w['turns']) if w['turns'] else 0:.1f} %", f"{w['lost_ns'] / 1e9:,.3f} s",
             f"{w['longest_gap_ns'] / 1e6:,.2f} ms"] for w in info["workers"].values()]
    print("\n".join(grid(["data lcore", "rx packets", "tx packets", "turns with work", "lost to others", "longest gap"], rows)))
