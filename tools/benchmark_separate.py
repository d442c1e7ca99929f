"""How long `ddip_tf.separate` takes, warm, in a process without TensorFlow.

    python tools/benchmark_separate.py --side 272 --turns 5

The pair that ships, reflected at its rims to SIDE x SIDE pixels, as many times as TURNS after one that does not count:
medians with the least and the most, and the time of the import and the first call.
"""

from __future__ import annotations

import statistics
import sys
import time

import click


@click.command(context_settings={"show_default": True})
@click.option("--side", default=272, type=click.IntRange(min=160), help="Pixels.")
@click.option("--turns", default=5, type=click.IntRange(min=1))
@click.option("--threads", default=0, help="0: all cores.")
def main(side: int, turns: int, threads: int) -> None:
    """Print the seconds of a warm separation as a Markdown table."""
    began = time.perf_counter()
    import numpy as np
    import tifffile

    import ddip_tf

    folder = f"{ddip_tf.__path__[0]}/demo_data"
    pair = np.stack([tifffile.imread(f"{folder}/slice{number}.tif") for number in (1, 2)])
    short = [max(0, side - length) for length in pair.shape[1:]]
    pair = np.pad(pair, ((0, 0), *((0, more) for more in short)), mode="symmetric")[:, :side, :side]
    ddip_tf.separate(pair, ddip_tf.preset("quick"), threads=threads or None)
    cold = time.perf_counter() - began
    print(f"| separate, warm, {side}² | seconds |\n| --- | --- |")
    for name in ("quick", "default"):
        seconds = []
        for _ in range(turns):
            began = time.perf_counter()
            solution = ddip_tf.separate(pair, ddip_tf.preset(name), threads=threads or None)
            seconds.append(time.perf_counter() - began)
        shown = f"{statistics.median(seconds):.3g} ({min(seconds):.3g}–{max(seconds):.3g})"
        print(f"| {name}, {solution.provenance['model']} | {shown} |")
    print(f"| import and first call | {cold:.3g} |")
    if "tensorflow" in sys.modules:
        raise click.ClickException("TensorFlow was imported")


if __name__ == "__main__":
    main()
