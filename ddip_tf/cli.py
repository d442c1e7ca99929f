"""The command line: the group of commands and their exit codes. Nobody else imports it."""

from __future__ import annotations

import atexit
import gc
import signal
import sys

import click

from ddip_tf.commands import (
    config,
    doctor,
    export,
    fit,
    regenerate,
    report,
    resolution,
    score,
    show,
    spectrum,
    sweep,
    transfer,
    wording,
)
from ddip_tf.errors import InputError, Interrupted, RunError


def main() -> None:
    """Entry point of ``ddip-tf``: one line on standard error and the contract's exit codes."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a batch queue's end is an interruption
    atexit.register(gc.freeze)  # no search for garbage at the end: among TensorFlow's objects it takes half a second
    try:
        code = cli.main(prog_name="ddip-tf", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except InputError as error:
        code = _complain(error, 2)
    except (RunError, FloatingPointError, OSError, MemoryError) as error:
        code = _complain(error, 1)
    except Interrupted as error:
        code = _complain(error, 130)
    except ModuleNotFoundError as error:
        code = _complain(f"this needs the package {error.name}: install ddip-tf with its dependencies", 1)
    except (click.Abort, KeyboardInterrupt):
        code = _complain("interrupted", 130)
    sys.exit(code)


def _complain(error: BaseException | str, code: int) -> int:
    click.echo(f"ddip-tf: {wording.as_flags(str(error)) or type(error).__name__}", err=True)
    return code


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(None, "-v", "--version", package_name="ddip-tf")
def cli() -> None:
    """Separate crosstalk between the slices of a multislice ptychography reconstruction.

    \b
    ddip-tf fit slice1.tif slice2.tif -o RUN     separate two slices, archive the generators
    ddip-tf regenerate RUN --check               make the same pictures again, and compare
    ddip-tf demo                                 the same on a small pair that ships with ddip-tf
    """


@cli.command("help")
@click.argument("command", required=False, metavar="[COMMAND]", type=click.Choice([]))
@click.pass_context
def help_command(context: click.Context, command: str | None) -> None:
    """Say what ddip-tf does, or one of its commands, as --help does.

    \b
    ddip-tf help fit
    """
    above = context.find_root()
    if command is not None:
        above = click.Context(cli.commands[command], info_name=command, parent=above)
    click.echo(above.get_help())


for command in (
    fit.fit,
    transfer.transfer,
    regenerate.regenerate,
    report.report,
    score.score,
    export.export,
    spectrum.spectrum,
    resolution.resolution,
    sweep.sweep,
    show.show,
    config.config_command,
    doctor.doctor,
    fit.demo,
):
    cli.add_command(command)
help_command.params[0].type = click.Choice(list(cli.commands))
