"""The tables of tools/benchmark.py, in Markdown."""

from __future__ import annotations

from typing import Any


def table(found: dict[str, Any], pair_side: int) -> str:
    """What ``found`` holds of benchmark.json; whole commands and archives got pairs of ``pair_side`` pixels a side."""
    lines = []
    if found["epochs"]:
        lines = [
            "| pixels | ddip-tf, s an epoch | peer, s an epoch | times faster | µs a pixel | memory | peer's |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        ]
    for one in found["epochs"]:
        ours, peer, side = one["ddip-tf"], one.get("peer"), one["side"]
        memory = [f"{one['peak_bytes'] / 1e6:.0f} MB" if one else "–" for one in (ours, peer)]
        against = [shown(peer), f"{one['times_faster']:.2f}"] if peer else ["–", "–"]
        cells = [f"{side}²", shown(ours), *against, f"{ours['median'] / side**2 * 1e6:.2f}", *memory]
        lines.append(f"| {' | '.join(cells)} |")
    if found["growth"]:
        one = found["growth"]
        lines += ["", f"| growth over {one['epochs']} epochs, {one['side']}² | whole, % | second half, % |"]
        lines += ["| --- | --- | --- |"]
        for name, what in (("resident memory", "bytes"), ("allocated memory", "bytes_allocated")):
            if what not in one:
                continue
            halves = (100 * one[what][key] for key in ("growth", "growth_in_second_half"))
            lines.append(f"| {name} | {' | '.join(f'{percent:+.2f}' for percent in halves)} |")
    if found["commands"]:
        lines += ["", f"| whole cold command, {pair_side}² | seconds |", "| --- | --- |"]
        for name, parts in found["commands"].items():
            lines += [f"| {name}{'' if what == 'whole' else f': {what}'} | {shown(s)} |" for what, s in parts.items()]
    if found["archive"]:
        lines += ["", f"| a generator, {pair_side}² | SavedModel, s | ONNX, s |", "| --- | --- | --- |"]
        lines += [
            f"| {way} | {shown(one['SavedModel'])} | {shown(one['ONNX'])} |" for way, one in found["archive"].items()
        ]
    if found["large"]:
        lines += ["", "| default preset, whole command | seconds | memory | PSNR, dB, before | after |"]
        lines += ["| --- | --- | --- | --- | --- |"]
    for one in found["large"]:
        size, (before, after) = one["side"], (" / ".join(map(str, one[when])) for when in ("input", "output"))
        lines.append(f"| {size}² | {one['seconds']:.0f} | {one['peak_bytes'] / 1e6:.0f} MB | {before} | {after} |")
    return "\n".join(lines) + "\n"


def shown(one: dict[str, Any]) -> str:
    return f"{one['median']:.3g} ({one['least']:.3g}–{one['most']:.3g})"
