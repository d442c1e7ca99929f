"""Fits whose disk fills up, turns read-only or loses their folder: one line, exit 1, and the last state whole.

    sudo python tools/disk_failures.py OUT

Mounts a file system of 4 MB in memory on OUT/small (so it must be root), and leaves less and less room on it: the fit
fails in a checkpoint, in the archive, or in the preview. Afterwards there is room again, and `--resume` must end with
the bits of a run that had room all the time.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import click
from kill_and_resume import Fit, differences, epochs_on_disk, write_slices

from ddip_tf import environment
from ddip_tf.training.checkpoint import STATE

ROOM_KB = (0, 30, 150, 280, 400, 700, 1000, 1300, 1500, 1600)


def one_line(fit: Fit, code: int) -> str:
    """What is wrong with how a fit failed, or nothing."""
    lines = [line for line in fit.said().splitlines() if line.startswith("ddip-tf:")]
    bad = "Traceback" in fit.said() or len(lines) != 1 or code != 1
    return f"exit {code}: {fit.said()[-1500:]}" if bad else ""


def wait_for(path: Path, seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.01)


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
def main(out: Path) -> None:
    write_slices(out)
    small = out / "small"
    small.mkdir(exist_ok=True)
    with environment.quiet():
        import ddip_tf.training.fitting  # noqa: F401
    if Fit(out, out / "reference").wait(3600):
        raise SystemExit("the fit with room failed")
    faults = []
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", small], check=True)
    try:
        for room in ROOM_KB:
            run = small / f"run{room}"
            free = shutil.disk_usage(small).free
            (small / "ballast").write_bytes(bytes(max(0, free - room * 1024)))
            fit = Fit(out, run)
            code = fit.wait(3600)
            fault = one_line(fit, code)
            said = fit.said().splitlines()[0]
            (small / "ballast").unlink()
            kept = epochs_on_disk(run)
            again = Fit(out, run)
            fault = fault or (again.said() if again.wait(3600) else "")
            fault = fault or ", ".join(differences(run, out / "reference"))
            click.echo(f"{room} kB: {said[:200]}; state of epoch {kept}; then {fault or 'same bits'}")
            faults += [fault] if fault else []
            shutil.rmtree(run)

        run = small / "sealed"
        fit = Fit(out, run)
        wait_for(run / STATE)
        while subprocess.run(["mount", "-o", "remount,ro", small], check=False, stderr=subprocess.DEVNULL).returncode:
            time.sleep(0.01)  # busy while a file is being written
        fault = one_line(fit, fit.wait(3600))
        click.echo(f"read-only while it works: {fit.said().strip()[:200]}; state of epoch {epochs_on_disk(run)}")
        fit = Fit(out, small / "another")
        fault = fault or one_line(fit, fit.wait(3600))
        click.echo(f"read-only from the start: {fit.said().strip()[:200]}")
        faults += [fault] if fault else []
    finally:
        subprocess.run(["umount", "-l", small], check=False)

    for name, lost in (("run folder", "gone/run"), ("its parent", "gone")):
        run = out / "gone" / "run"
        fit = Fit(out, run)
        wait_for(run / STATE)
        shutil.rmtree(out / lost, ignore_errors=True)
        code = fit.wait(3600)
        fault = "" if code == 0 else one_line(fit, code)
        click.echo(f"{name} removed: exit {code}: {fit.said().strip().splitlines()[0][:200]}")
        faults += [fault] if fault else []
        shutil.rmtree(out / "gone", ignore_errors=True)
    click.echo(f"{len(ROOM_KB) + 4} troubles, {len(faults)} not borne")
    for fault in faults:
        click.echo(fault)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
