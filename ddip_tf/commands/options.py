"""Options that several commands share, and what becomes of them: a stack, an image. Help under headings."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ddip_tf._types import Box, Floats
from ddip_tf.commands import units
from ddip_tf.config import FitConfig
from ddip_tf.errors import InputError
from ddip_tf.formats import FAMILIES

if TYPE_CHECKING:
    from ddip_tf.slices.phase import Conversion
    from ddip_tf.slices.stack import Guide, SliceStack


#: what --slices takes, with commas between them, and how many slices at most
PICK, MOST_PICKED = re.compile(r"\s*(\d{1,6})(?:([:-])(\d{1,6}))?\s*", re.ASCII), 10_000
#: the heading of what `FitConfig` sets
SETTINGS = "How it is separated"
#: under which heading of --help an option stands, and where; settings that are not listed follow those that are, and
#: other options stand under "Options"
SECTIONS = {
    "Input": (
        *("family", "dataset", "slice_axis", "crop", "slices", "bin_slices", "pixel_size", "spacing"),
        *("energy", "electrons", "wavelength_m", "probe_angle_rad"),
        *("quantity", "steps", "guides", "start_files", "half_files"),
    ),
    SETTINGS: (
        *("preset", "config_file", "mixing", "prior", "gamma", "epochs"),
        *("normalisation", "model", "seed", "learning_rate", "width", "precision"),
    ),
    "Running and progress": (
        *("checkpoint_every", "stop_after", "resume", "overwrite", "device", "threads"),
        *("progress", "verbose", "tensorboard", "workers", "scheduler"),
    ),
}


class Sectioned(click.Command):
    """A command whose --help has its options under headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        place = {name: number for number, name in enumerate(SECTIONS[SETTINGS])}
        heading = {f.name: SETTINGS for f in dataclasses.fields(FitConfig)}
        heading |= {name: section for section, names in SECTIONS.items() for name in names}
        lines: dict[str, list[tuple[str, str]]] = {"Options": [], **{section: [] for section in SECTIONS}}
        for option in sorted(self.get_params(ctx), key=lambda option: place.get(option.name or "", len(place))):
            if record := option.get_help_record(ctx):
                lines[heading.get(option.name or "", "Options")].append(record)
        for section, records in lines.items():
            if records:
                with formatter.section(section):
                    formatter.write_dl(records)


def stack_options(command: Callable) -> Callable:
    """Options that choose what is read."""
    options: list[Callable] = [
        click.argument("files", nargs=-1, required=True, metavar="SLICE1 SLICE2 … | FILE", type=click.Path()),
        file_option,
        click.option(
            "--crop",
            metavar="Y0:Y1,X0:X1",
            help="Work on this part of the images (pixels); complex objects: auto, the scanned area, or whole.",
        ),
        click.option(
            "--slices", metavar="I,J,…", help="Use these, counted from 0: 0,3 or 8:12 (without 12) or 8-12 (with it)."
        ),
        click.option("--pixel-size", type=units.PIXEL, metavar="L", help="Such as 7.3nm or 0.2A; wins over the file."),
        click.option("--spacing", type=units.SPACING, metavar="L", help="Between slices, such as 30um or 10A."),
        click.option("--bin-slices", type=int, metavar="K", help="Sum K neighbouring slices each before all else."),
        beam_option,
        click.option(
            "--quantity",
            type=click.Choice(["phase", "amplitude", "both"]),
            default="phase",
            show_default=True,
            help="What is taken from complex objects; both: phases with the help of amplitudes, and RUN-amplitude.",
        ),
        click.option(
            "--steps",
            metavar="S,…|none",
            default="ramp,offset,unwrap",
            show_default=True,
            help="From complex objects to phase.",
        ),
    ]
    return _decorated(command, options)


class _Format(click.Choice):
    """Completes as a choice; a name that is none is refused by `ddip_tf.formats`, in one line."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The same text."""
        return value


def file_option(command: Callable) -> Callable:
    """Options that say how a file is to be opened."""
    options = [
        click.option(
            "--format",
            "family",
            type=_Format(list(FAMILIES)),
            metavar="NAME",
            help=f"File family, where the content does not say: {', '.join(FAMILIES)}.",
        ),
        click.option(
            "--dataset",
            metavar="PATH",
            help="Where the object lies in an HDF5, .npz or .mat file; of a TIFF channel=0, time=0 or series=0.",
        ),
        click.option("--slice-axis", type=click.Choice(["first", "last"]), help="Of an array; left out: found."),
    ]
    return _decorated(command, options)


def beam_option(command: Callable) -> Callable:
    """Options that say what the beam is; they win over the file."""
    options = [
        click.option(
            "--energy", type=units.ENERGY, metavar="E", help="12keV of photons, 300kV of electrons; wins over the file."
        ),
        click.option("--electrons", is_flag=True, help="The energy is that of electrons."),
        click.option("--wavelength", "wavelength_m", type=units.WAVELENGTH, metavar="L", help="Instead of an energy."),
        click.option(
            "--probe-angle", "probe_angle_rad", type=units.ANGLE, metavar="A", help="Half angle of its cone: 20mrad."
        ),
    ]
    return _decorated(command, options)


def read_stack(files: tuple[str, ...], options: dict[str, Any], quantity: str = "phase") -> SliceStack:
    """The stack that `stack_options` describe; ``quantity`` of complex objects."""
    from ddip_tf.formats import read

    stack = read(
        *files,
        pixel_size_m=options.get("pixel_size"),
        spacing_m=options.get("spacing"),
        slice_axis=options.get("slice_axis"),
        slices=picks(options["slices"]) if options.get("slices") else None,
        family=options.get("family"),
        dataset=options.get("dataset"),
        conversion=_conversion(options, quantity),
        wavelength_m=options.get("wavelength_m"),
        probe_angle_rad=options.get("probe_angle_rad"),
    )
    return _lit(stack, options)


def _lit(stack: SliceStack, options: dict[str, Any]) -> SliceStack:
    """The stack with the wavelength of the energy that --energy says. Raises InputError."""
    from ddip_tf.slices.quantities import stated_beam

    if not options.get("energy"):
        return stack
    found = stated_beam(
        options["energy"], options.get("wavelength_m"), stack.pixel_size_m, bool(options.get("electrons"))
    )
    return dataclasses.replace(stack, wavelength_m=found.wavelength_m)


def read_binned(files: tuple[str, ...], options: dict[str, Any], quantity: str = "phase") -> SliceStack:
    """As `read_stack`, and sums of neighbours if --bin-slices says so."""
    return binned(read_stack(files, options, quantity), options)


def binned(stack: SliceStack, options: dict[str, Any]) -> SliceStack:
    """The stack, or sums of its neighbours if --bin-slices says so. Raises InputError."""
    from ddip_tf.slices.sums import summed

    return stack if options.get("bin_slices") is None else summed(stack, options["bin_slices"])


def with_beside(stack: SliceStack, options: dict[str, Any], quantity: str = "phase") -> SliceStack:
    """The stack with the start and the halves that --start and --half name. Raises InputError."""
    from ddip_tf.formats import read_beside

    given = {}
    for name, files in (("start", options["start_files"]), ("half", options["half_files"])):
        if files:
            given[name] = read_beside(
                stack,
                *files,
                halves=name == "half",
                family=options.get("family"),
                dataset=options.get("dataset"),
                conversion=_conversion(options, quantity),
                slice_axis=options.get("slice_axis"),
            )
    return stack.beside(**given)


def _conversion(options: dict[str, Any], quantity: str) -> Conversion:
    """How complex objects become images."""
    from ddip_tf.slices.phase import STEPS, Conversion

    steps = options.get("steps", ",".join(STEPS))
    return Conversion(
        quantity,
        () if steps == "none" else tuple(steps.split(",")),
        _crop("auto" if options.get("crop") is None else options["crop"]),
    )


def read_guide(text: str, stack: SliceStack) -> Guide:
    """The map that ``sliceK=FILE`` names; K is the slice's number in its file. Raises InputError."""
    from ddip_tf.archive.manifest import sha256
    from ddip_tf.formats import read_images
    from ddip_tf.slices.numbering import listed
    from ddip_tf.slices.stack import Guide

    name, _, file = text.partition("=")
    number = name.removeprefix("slice")
    if not (file and name != number and number.isdigit()):
        raise InputError(f"--guide takes sliceK=MAP, such as slice2=nickel.tif, not {text!r}")
    images, _ = read_images(file)
    if len(images) != 1 or images.dtype.kind == "c":
        raise InputError(f"{file} must hold one real image to be a guide")
    if int(number) not in stack.numbers:
        raise InputError(f"--guide {text}: the slices are {listed(stack.numbers)}")
    return Guide(stack.numbers.index(int(number)), images[0], Path(file).name, sha256(Path(file)))


def _decorated(command: Callable, options: Sequence[Callable]) -> Callable:
    """``command`` with ``options``, first one on top."""
    for option in reversed(options):
        command = option(command)
    return command


def _crop(text: str) -> Box | str:
    if text in ("auto", "whole"):
        return text
    try:
        (y0, y1), (x0, x1) = (map(int, side.split(":")) for side in text.split(","))
    except ValueError:
        raise InputError(f"--crop takes Y0:Y1,X0:X1 in pixels, such as 0:272,16:288, not {text!r}") from None
    return (y0, y1), (x0, x1)


def picks(text: str) -> list[int]:
    """Slices, from 0, of ``0,3``, ``8:12`` (without 12, as Python counts), ``8-12`` (with it) or several of these."""
    found: list[int] = []
    for part in text.split(","):
        match = PICK.fullmatch(part)
        if match is None:
            raise InputError(f"--slices takes numbers such as 0,3, 8:12 (without 12) or 8-12 (with it), not {text!r}")
        first, end = int(match[1]), int(match[3] or match[1])
        last = end - 1 if match[2] == ":" else end
        if last < first:
            raise InputError(f"--slices {part} has no slice in it: the lower number comes first")
        if last - first >= MOST_PICKED:
            raise InputError(f"--slices {part} are more than {MOST_PICKED} slices")
        found += range(first, last + 1)
    return found


#: of commands that look at one image
PIXEL_SIZE = click.option("--pixel-size", type=units.PIXEL, metavar="L", help="Such as 7.3nm; wins over the file.")
PAGE = click.option("--slice", "index", type=int, default=0, show_default=True, help="Of a file of several, from 0.")


def read_image(image: str, index: int, pixel_size: float | None) -> tuple[Floats, tuple[float, float] | None]:
    """One image (H, W) of a file and its (y, x) pixel size in metres, if known."""
    import numpy as np

    from ddip_tf.formats import read_images

    images, size = read_images(image)
    if not 0 <= index < len(images):
        raise InputError(f"{image} has no slice {index}: it holds {len(images)}, counted from 0")
    if np.iscomplexobj(images):
        raise InputError(f"{image} is complex: give its phase in rad, for example numpy.angle(object)")
    return images[index], (pixel_size, pixel_size) if pixel_size is not None else size
