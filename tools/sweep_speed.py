"""What two workers gain: one sweep by one worker of one core, two of one core, and one of two cores.

    python tools/sweep_speed.py OUT --epochs 100

4 γ × 2 mixings × 3 seeds on 128 × 128 pixels of the pair that ships. Prints seconds of the whole command and the load
of the machine before each: on a machine that others use the ratios mean little. Demanded: two workers of one core at
least 1.6 times as fast as one, and no slower than 0.95 × one worker of two cores.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import click

import ddip_tf

DEMO = Path(ddip_tf.__file__).with_name("demo_data")
PLACES = {"1 worker x 1 core": (1, 1), "2 workers x 1 core": (2, 1), "1 worker x 2 cores": (1, 2)}


@click.command(help=__doc__.split("\n")[0] if __doc__ else None)
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--epochs", default=100, show_default=True)
@click.option("--gamma", default="0.04,0.1,0.2,0.4", show_default=True)
@click.option("--runs", default=3, show_default=True)
def main(output: Path, epochs: int, gamma: str, runs: int) -> None:
    seconds = {}
    for name, (workers, threads) in PLACES.items():
        command = [sys.executable, "-c", "from ddip_tf.cli import main; main()", "sweep"]
        command += [str(DEMO / "slice1.tif"), str(DEMO / "slice2.tif"), "-o", str(output / name.replace(" ", "-"))]
        command += ["--crop", "16:144,32:160", "--preset", "paper", "--mixing", "shallow,kernel", "--gamma", gamma]
        command += ["--runs", str(runs), "--epochs", str(epochs), "--progress", "none", "--overwrite"]
        load, began = os.getloadavg()[0], time.perf_counter()
        subprocess.run([*command, "--workers", str(workers), "--threads", str(threads)], check=True)
        seconds[name] = time.perf_counter() - began
        click.echo(f"{name:20s} {seconds[name]:7.0f} s   (load before: {load:.1f})")
    one, two, wide = seconds.values()
    click.echo(f"gain of two workers over one: {one / two:.2f} (at least 1.6)")
    click.echo(f"two workers over one of two cores: {wide / two:.2f} (at least 0.95)")


if __name__ == "__main__":
    main()
