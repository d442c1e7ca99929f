"""``report``: the pages of runs and sweeps, made again, and made at the end of every fit."""

from __future__ import annotations

from pathlib import Path

import click

from ddip_tf.errors import InputError


@click.command()
@click.argument("path", metavar="RUN|SWEEP", type=click.Path())
def report(path: str) -> None:
    """Make the page report.html of a run or of a sweep again.

    One file, to look at in a browser without a network: slices to compare, ghosts, edges to measure, curves, warnings,
    and how to reproduce. Of a sweep: the pages of its runs, too.

    \b
    ddip-tf report saved_models/sample7
    ddip-tf report saved_models/my_sweep
    """
    from ddip_tf.archive.manifest import MANIFEST
    from ddip_tf.report import run_page
    from ddip_tf.workflows import sweep_page, sweep_table
    from ddip_tf.workflows.suggestion import suggest

    folder = Path(path)
    if (folder / MANIFEST).exists():
        return click.echo(run_page.write(folder))
    if not (folder / sweep_table.SUMMARY).exists():
        raise InputError(f"{folder} is neither a run nor a sweep: it holds no {MANIFEST} and no {sweep_table.SUMMARY}")
    rows = sweep_table.read_summary(folder)
    for row in rows:
        run = folder / "runs" / row["run"]
        if (run / MANIFEST).exists():
            click.echo(run_page.write(run))
    click.echo(sweep_page.write(rows, folder, suggest(rows)))
