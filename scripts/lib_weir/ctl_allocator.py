# SPDX-License-Identifier: BSD-3-Clause
"""weirctl show allocator: what the control core measures, decides and grants."""
from .table import figure, grid


def collect(weir, _):
    """-> /weir/allocator with the grants of all its pages."""
    answer = weir.ask("/weir/allocator")
    grants, end = answer["grants"], answer["next"]
    while end < answer["total"]:
        page = weir.ask(f"/weir/allocator,{end}")
        grants.update(page["grants"])
        end = page["next"]
    answer["now_ns"] = weir.ask("/weir/info")["uptime_ns"]
    return answer


def known(value, unit):
    return figure(value, unit) if value else "-"


def draw(answer, _):
    print(f"period {answer['period_ns'] / 1e6:g} ms (asked {answer['period_asked_ns'] / 1e6:g} ms), {answer['runs']} runs: p50"
          f" {answer['cost_p50_ns'] / 1e3:.1f}, p99 {answer['cost_p99_ns'] / 1e3:.1f}, longest {answer['cost_max_ns'] / 1e3:.1f} us")
    print(f"grants handed to the workers {answer['published']} times, put off {answer['deferred']} times")
    if answer["times_away"]:
        print(f"away {answer['times_away']} times, last for {answer['last_away_ns'] / 1e9:.3f} s,"
              f" {(answer['now_ns'] - answer['last_away_at_ns']) / 1e9:.1f} s ago")
    rows = []
    for name, key, unit in (("core", "core_pps", "pps"), ("uplink", "port_bps", "bps")):
        is_ = answer[key]
        rows.append([name, known(is_["asked"], unit), known(is_["measured"], unit), known(is_["effective"], unit), is_["by"],
                     f"{(answer['now_ns'] - is_['since_ns']) / 1e9:.0f} s"])
    print("\n".join(grid(["capacity", "asked", "measured", "effective", "by", "since"], rows)))
    split = {worker: pps for worker, pps in answer["worker_pps"].items() if pps}
    if split:
        print("packet capacity by demand: " + ", ".join(f"worker {w} {figure(pps, 'pps')}" for w, pps in split.items()))
    cut = [[name, figure(g["sold_bps"], "bps"), figure(g["granted_bps"], "bps"), figure(g["sold_pps"], "pps"),
            figure(g["granted_pps"], "pps")] for name, g in answer["grants"].items()
           if g["granted_bps"] < g["sold_bps"] or g["granted_pps"] < g["sold_pps"]]
    if cut:
        print("\n".join(grid(["cut, lowest priority first", "sold", "granted", "sold", "granted"], cut)))
    else:
        print("all guarantees are granted as sold")
    for _, decision in sorted(answer["decisions"].items(), key=lambda item: int(item[0])):
        print(f"{(answer['now_ns'] - decision['at_ns']) / 1e9:9.1f} s ago  {decision['text']}")
