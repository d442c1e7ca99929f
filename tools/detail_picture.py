"""How much of each slice's own contrast is kept, by frequency, over a matrix that `quality.py --kinds` has run.

    python tools/detail_picture.py OUT/cases.jsonl -o detail.png

One line a way of mixing: the gain of every output on its own truth over that of its input (`ddip_tf.quality.detail`),
median and the middle 80 % of slices. Left where inputs follow their truth (R² > 0.8), where
0.9 to 1.1 keeps detail; right where they do not, and less than 1 is shrinkage, of noise as well as of structure. Slices
that came back as they were are left out, for they keep all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
from json_lines import finished_rows
from quality_summary import KEPT
from simulated_kinds import KINDS

LEAST = 5  # slices a point stands for
TICKS = (0.02, 0.05, 0.1, 0.2, 0.4)  # cycles/pixel


def curves(cases: list[dict[str, Any]], follows: bool) -> dict[str, np.ndarray]:
    """By how slices were mixed: (4, K) k, and the 10th, 50th and 90th percentile of what was kept; nan for few."""
    found: dict[str, np.ndarray] = {}
    for name, painted in (("reconstructed together", False), ("ghosts painted in", True)):
        rows = []
        for case in cases:
            if (KINDS[case["kind"]].source != "scan") != painted:
                continue
            at, kept, where = (np.array(case["detail"][key], float) for key in ("k", "kept", "follows"))
            for i, one in enumerate(case["slices"]):
                if not one["same"]:
                    rows.append((at, np.where(where[:, i] == follows, kept[:, i], np.nan)))
        if not rows:
            continue
        k = np.geomspace(0.014, 0.45, 16)
        values = np.array([np.interp(np.log(k), np.log(at), part, np.nan, np.nan) for at, part in rows])
        few = np.isfinite(values).sum(0) < LEAST
        values[:, few] = 0
        found[name] = np.stack([k, *np.where(few, np.nan, np.nanpercentile(values, [10, 50, 90], axis=0))])
    return found


@click.command(help=__doc__)
@click.argument("cases", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path))
def main(cases: tuple[Path, ...], output: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    rows = finished_rows(cases)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")
    for ax, follows in zip(axes, (True, False), strict=True):
        ax.axhspan(*KEPT, color="0.9")
        for name, (k, low, middle, high) in curves(rows, follows).items():
            (line,) = ax.semilogx(k, middle, label=name)
            ax.fill_between(k, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
            click.echo(f"{name}, {'input follows its truth' if follows else 'it does not'}:")
            for values in zip(k, low, middle, high, strict=True):
                if np.isfinite(values).all():
                    click.echo("  k {:.3f}: {:.2f} {:.2f} {:.2f}".format(*values))
        ax.set(
            xlabel="k (cycles/pixel)", title=f"where the input {'follows' if follows else 'does not follow'} its truth"
        )
        ax.set_ylim(0, 2)
        ax.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
        ax.xaxis.minorticks_off()
    axes[0].set_ylabel("own contrast, output / input")
    axes[0].legend(frameon=False)
    figure.savefig(output, dpi=110)


if __name__ == "__main__":
    main()
