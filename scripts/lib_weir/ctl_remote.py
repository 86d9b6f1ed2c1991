# SPDX-License-Identifier: BSD-3-Clause
"""weirctl show remote: congestion beyond the uplink, as VFs hear of it, and who is held for it."""
from .table import figure, grid


def collect(weir, _):
    """-> /weir/remote with the VFs of all its pages."""
    answer = weir.ask("/weir/remote")
    vfs, end = answer["vfs"], answer["next"]
    while end < answer["total"]:
        page = weir.ask(f"/weir/remote,{end}")
        vfs.update(page["vfs"])
        end = page["next"]
    answer["now_ns"] = weir.ask("/weir/info")["uptime_ns"]
    return answer


def known(value):
    return figure(value, "bps") if value else "-"


def draw(answer, _):
    print(f"period {answer['period_ns'] / 1e6:g} ms (asked {answer['period_asked_ns'] / 1e6:g} ms); {answer['n_held']} of"
          f" {answer['total']} VFs held")
    if answer["bottleneck_bps"]:
        print(f"bottleneck beyond the uplink {figure(answer['bottleneck_bps'], 'bps')}, measured"
              f" {(answer['now_ns'] - answer['calibrated_at_ns']) / 1e9:.1f} s ago, anew {answer['recalibrations']} times"
              if answer["calibrated_at_ns"] else
              f"bottleneck beyond the uplink {figure(answer['bottleneck_bps'], 'bps')}, as configured")
    else:
        print("bottleneck beyond the uplink: nothing was heard of one yet")
    rows = [[name, known(vf["rate_bps"]), known(vf["grant_bps"]), known(vf["target_bps"]), f"{vf['alpha_ppm'] / 1e4:.2f} %",
             f"{vf['quality_ppm'] / 1e6:.2f}" if vf["quality_ppm"] else "-", str(vf["echoes"]), vf["state"]]
            for name, vf in answer["vfs"].items()]
    print("\n".join(grid(["VF", "sends", "may send", "its part", "alpha", "Q", "echoes", ""], rows)))
