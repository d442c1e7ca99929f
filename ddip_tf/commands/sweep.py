"""``sweep``: many fits of the same slices, on the cores of this machine or on a cluster."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ddip_tf.archive.lock import FolderLock
from ddip_tf.commands.options import Sectioned, read_binned, stack_options
from ddip_tf.commands.settings import fit_options, settings_from
from ddip_tf.config import settings_of
from ddip_tf.errors import InputError, RunError

if TYPE_CHECKING:
    from ddip_tf.workflows.sweep import Task

#: fit's options that take lists here
SWEPT = ("preset", "mixing", "gamma")
#: and those that make no sense: fits of a sweep keep their state every five minutes, end with the sweep, and are many
OF_ONE_FIT = ("checkpoint_every", "stop_after", "tensorboard", "verbose")


@click.command(cls=Sectioned)
@stack_options
@click.option("-o", "--output", metavar="DIR", type=click.Path(), required=True, help="Folder of the sweep.")
@click.option("--runs", default=1, show_default=True, type=click.IntRange(min=1), help="Seeds, from --seed up.")
@click.option("--workers", type=click.IntRange(min=1), help="Fits at a time on this machine; cores are divided. [1]")
@click.option("--scheduler", metavar="ADDRESS", help="Use this Dask scheduler, such as tcp://host:8786.")
@fit_options(several=SWEPT, without=OF_ONE_FIT)
def sweep(files: tuple[str, ...], output: str, **options: Any) -> None:
    """Fit the same slices many times: lists of --gamma, --mixing and --preset, and several seeds.

    DIR/runs/ gets a run folder a fit; DIR/summary.csv and DIR/report.html follow after every one.

    \b
    ddip-tf sweep slice1.tif slice2.tif -o DIR --preset paper --gamma 0.04,0.1,0.2,0.4 --mixing shallow,kernel --runs 3
    ddip-tf sweep slice1.tif slice2.tif -o DIR … --workers 2 --resume
    """
    if options["workers"] and options["scheduler"]:
        raise InputError("--workers starts workers here, --scheduler uses those of a cluster: give one of them")
    if options["quantity"] == "both":
        raise InputError("sweep takes one quantity at a time: phase or amplitude")
    from ddip_tf import environment
    from ddip_tf.workflows import dask_cluster, sweep_page, sweep_table
    from ddip_tf.workflows import sweep as sweeping

    dask_cluster.need_dask()
    absolute = tuple(str(Path(file).absolute()) for file in files)
    read = functools.partial(read_binned, absolute, options, options["quantity"])
    stack = read()
    workers = options["workers"] or 1
    threads = options["threads"] or (None if options["scheduler"] else max(1, environment.available_cores() // workers))
    folder = Path(output).absolute()
    tasks = [
        sweeping.Task(name, preset, config, read, folder / "runs" / name, options["device"], threads)
        for name, preset, config in grid(options)
    ]
    with FolderLock(folder):
        left = tasks if options["overwrite"] else sweeping.unfinished(tasks, stack, resume=options["resume"])
        sweeping.prepare(folder, overwrite=options["overwrite"])
        workplace = (
            dask_cluster.existing(options["scheduler"])
            if options["scheduler"]
            else dask_cluster.local(min(workers, max(1, len(left))), threads or 1)
        )
        try:
            with workplace if left else contextlib.nullcontext() as client:
                if client is not None and options["scheduler"] and not client.nthreads():
                    click.echo(f"{options['scheduler']} has no workers yet: the fits wait for them", err=True)
                failed = carry_out(tasks, left, client, folder, options["progress"])
        except KeyboardInterrupt:
            click.echo("ddip-tf: interrupted; finished fits are kept, --resume does the rest", err=True)
            raise click.exceptions.Exit(130) from None
    if options["progress"] != "json":
        click.echo(f"table   {folder / sweep_table.SUMMARY}\npage    {folder / sweep_page.PAGE}")
    if failed:
        names = ", ".join(failed)
        raise RunError(f"{len(failed)} of {len(tasks)} fits failed: {names}; {folder / sweep_table.SUMMARY} says why")


def grid(options: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """(name, preset, settings) of every fit. Raises InputError for settings that do not go together."""
    from ddip_tf.workflows.sweep import name_of

    found: dict[str, tuple[str, str, Any]] = {}
    several = len(options["mixing"] or ()) > 1
    of_networks, of_transfer = (dict.fromkeys(settings_of(what)) for what in ("networks", "transfer"))
    for preset, mixing in product(options["preset"], options["mixing"] or [None]):
        common = {**options, "preset": preset, "mixing": mixing, "gamma": None}
        gammas: Sequence[float | None] = options["gamma"] or [None]
        if several and mixing == "transfer":  # flags that are for the other mixings of the list
            bare = settings_from(common | of_networks)
            common |= {} if bare.trained else of_networks
            gammas = [None]
        elif several:
            common |= of_transfer
        for gamma in gammas:
            first = settings_from({**common, "gamma": gamma})
            runs = options["runs"] if first.trained else 1  # else every seed gives the same pictures
            for seed in range(first.seed, first.seed + runs):
                config = settings_from({**common, "gamma": gamma, "seed": seed})
                name = name_of(config)
                name = f"{preset}-{name}" if len(options["preset"]) > 1 else name
                found.setdefault(name, (name, preset, config))
    return list(found.values())


def carry_out(tasks: list[Task], left: list[Task], client: Any, folder: Path, progress: str) -> list[str]:
    """Do what is left; table and page after every fit. Names of the fits that failed."""
    from ddip_tf.workflows import dask_cluster, sweep_page, sweep_table
    from ddip_tf.workflows import sweep as sweeping
    from ddip_tf.workflows.suggestion import suggest

    rows = {task.name: sweep_table.row(task) for task in tasks}

    def show() -> None:
        table = list(rows.values())
        sweep_table.write_summary(table, folder)
        sweep_page.write(table, folder, suggest(table))

    show()
    if len(left) < len(tasks) and progress not in ("json", "none"):
        click.echo(f"{len(tasks) - len(left)} of {len(tasks)} are there already")
    count, failed = len(tasks) - len(left), []
    for task, failure in dask_cluster.run(sweeping.work, left, client) if left else ():
        count += 1
        rows[task.name] = sweep_table.row(task, failure)
        if failure is not None:
            failed.append(task.name)
        show()
        if progress == "json":
            click.echo(json.dumps(rows[task.name], ensure_ascii=False))
        elif progress != "none":
            click.echo(line(count, len(tasks), rows[task.name]))
    advice = suggest(list(rows.values()))
    if advice and progress not in ("json", "none"):
        click.echo(f"look first at {advice.run}\n{advice.reason}")
    return failed


def line(count: int, total: int, row: dict[str, Any]) -> str:
    """What is said of a fit when it ends."""
    words = [f"[{count:{len(str(total))}}/{total}] {row['run']}"]
    if "fidelity" in row:
        words += [f"fidelity {row['fidelity']:.1e}", f"ghost correlation {row['ghost_correlation']:.2f}"]
        words += [f"detail kept {row['detail_kept']:.2f}", f"{row['wall_time_s']:.0f} s"]
    else:
        words.append(row["status"])
    return "  ".join(words)
