"""Lengths and energies as people and files write them, and as they are best read.

>>> length_m("7.3nm"), length_m("0.2 Å"), length_m("7.3e-9")
(7.3e-09, 2e-11, 7.3e-09)
>>> beam("300kV").electrons
True
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass

from ddip_tf.errors import InputError
from ddip_tf.slices.optics import HC_EV_M, electron_wavelength_m

ANGSTROM_M = 1e-10
#: no pixel of a ptychographic image is larger, no slice lies farther from the next, no wave is longer
LARGEST_PIXEL_M, LARGEST_SPACING_M, LARGEST_WAVELENGTH_M = 1e-3, 1.0, 1e-4
#: all lengths are larger than this, a hundredth of the wavelength of electrons of 1 MeV
SMALLEST_M = 1e-14
#: eV: of photons and of electrons; photons of more are in no microscope, less is no wave that crosses a sample
LARGEST_PHOTON_EV, LARGEST_ELECTRON_EV, SMALLEST_EV = 1e6, 1e7, 0.1
#: an image with pixels smaller than this was made with electrons
ELECTRONS_UNDER_M = 1e-10

_PREFIXES = {"": 1.0, "centi": 1e-2, "milli": 1e-3, "micro": 1e-6, "nano": 1e-9, "pico": 1e-12, "femto": 1e-15}
#: metres in a unit, spelled in lower case
_UNITS_M = (
    {f"{prefix}{word}": factor for prefix, factor in _PREFIXES.items() for word in ("meter", "metre")}
    | {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "μm": 1e-6, "um": 1e-6, "micron": 1e-6, "μ": 1e-6, "mum": 1e-6}
    | {"nm": 1e-9, "pm": 1e-12, "fm": 1e-15, "inch": 0.0254, "in": 0.0254}
    | dict.fromkeys(("å", "a", "ang", "angstrom", "ångström", "ångstrom", "angström"), ANGSTROM_M)
)
_VOLTAGES = ("v", "kv", "mv")
_ENERGIES_EV = {"ev": 1.0, "kev": 1e3, "mev": 1e6, "v": 1.0, "kv": 1e3, "mv": 1e6}
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\D.*)?", re.DOTALL)


@dataclass(frozen=True)
class Beam:
    """What lights a sample: ``energy_ev`` of each photon or electron, and which of them."""

    energy_ev: float
    electrons: bool

    @property
    def wavelength_m(self) -> float:
        """Of the photon, or de Broglie's of the electron, relativistic."""
        return electron_wavelength_m(self.energy_ev) if self.electrons else HC_EV_M / self.energy_ev


def unit_m(spelling: object) -> float | None:
    """Metres in a unit of length as files spell it (``nm``, ``\\u00c5``, ``[µ_m]``, ``Microns``), or None."""
    text = spelling.decode("utf-8", "replace") if isinstance(spelling, bytes) else str(spelling)
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
    # NFKC: the Ångström sign becomes Å, the micro sign the Greek letter; brackets and _ are EMD's
    text = unicodedata.normalize("NFKC", text).strip().strip("[]()").replace("_", "").lower()
    return _UNITS_M.get(text) or (_UNITS_M.get(text[:-1]) if len(text) > 2 and text.endswith("s") else None)


def length_m(text: str) -> float:
    """A length in metres from ``7.3nm``, ``0.2 Å``, ``30um``; a bare number is metres. Raises InputError."""
    value, unit = _split(text, "a length such as 7.3nm, 0.2A or 30um")
    factor = unit_m(unit) if unit else 1.0
    if factor is None:
        raise InputError(f"no unit of length {unit!r}: there are pm, Å (or A), nm, um, mm, m")
    return value * factor


def stated_beam(
    energy: str, wavelength_m: float | None, pixel_size_m: tuple[float, float] | None, electrons: bool
) -> Beam:
    """The beam of an ``energy`` as `beam` takes it: of electrons, if it is said, or where pixels are so small.

    Raises InputError if a wavelength is given beside it.
    """
    if wavelength_m:
        raise InputError("an energy and a wavelength say the same thing: give one of them")
    return beam(energy, electrons=electrons or bool(pixel_size_m and max(pixel_size_m) < ELECTRONS_UNDER_M))


def beam(text: str, *, electrons: bool = False) -> Beam:
    """From ``12keV``, ``300kV`` (electrons) or a bare number of keV; ``electrons``: of electrons whatever the unit.

    Raises InputError for other words, and for energies that no such beam has.
    """
    value, unit = _split(text, "an energy such as 12keV, or 300kV of electrons")
    if unit and unit.lower() not in _ENERGIES_EV:
        raise InputError(f"no unit of energy {unit!r}: there are eV, keV, MeV, and kV of electrons")
    electrons = electrons or unit.lower() in _VOLTAGES
    energy = value * (_ENERGIES_EV[unit.lower()] if unit else 1e3)
    most = LARGEST_ELECTRON_EV if electrons else LARGEST_PHOTON_EV
    if not SMALLEST_EV <= energy <= most:
        hint = "" if electrons else "; of electrons say `electrons`, or kV"
        raise InputError(f"{text} is {energy / 1e3:.4g} keV, which no beam has (a bare number is keV){hint}")
    return Beam(energy, electrons)


def angle_rad(text: str) -> float:
    """``20mrad``, ``0.02rad``, ``1.2deg`` or a bare number of mrad, in rad. Raises InputError for one that is no cone.

    >>> angle_rad("21.4"), angle_rad("0.02 rad")
    (0.0214, 0.02)
    """
    number, unit = _split(text, "an angle such as 20mrad")
    units = {"": 1e-3, "mrad": 1e-3, "rad": 1.0, "deg": math.pi / 180, "°": math.pi / 180}
    found = number * units.get(unit.lower(), math.nan)
    if not 0 < found < math.pi / 2:
        raise InputError(f"{text!r} is no angle such as 20mrad between 0 and 90 degrees")
    return found


def check_length(name: str, metres: float, most: float) -> float:
    """``metres``; raises InputError for a length that is no such thing, most often one in another unit."""
    if not SMALLEST_M <= metres <= most:
        size = show_length(metres) if 0 < metres < math.inf else f"{metres:g} m"
        raise InputError(
            f"{name} must be over 0 and at most {show_length(most)}, not {size}: "
            "give the unit, such as 7.3nm or 0.2A (a bare number is metres)"
        )
    return metres


def show_length(metres: float, digits: int = 4) -> str:
    """``7.3 nm``, ``0.2 Å``, ``1.97 pm``: in the unit that suits it."""
    factor, unit = suiting_unit(metres)
    return f"{metres / factor:.{digits}g} {unit}"


def show_lengths(lengths_m: tuple[float, ...], separator: str = ", ") -> str:
    """Several lengths in the unit that suits the smallest; three or more equal ones once."""
    factor, unit = suiting_unit(min(lengths_m))
    words = [f"{length / factor:.4g}" for length in lengths_m]
    if separator == ", " and len(words) > 2 and len(set(words)) == 1:
        return f"{words[0]} {unit}, {len(words)} times"
    return f"{separator.join(words)} {unit}"


def suiting_unit(metres: float) -> tuple[float, str]:
    """The unit in which a length reads best: its metres, and its name."""
    units = ((1.0, "m"), (1e-3, "mm"), (1e-6, "µm"), (1e-9, "nm"), (1e-11, "Å"))
    for least, unit in units:
        if metres >= least * (1 - 1e-9):
            return (ANGSTROM_M if unit == "Å" else least), unit
    return 1e-12, "pm"


def _split(text: str, wanted: str) -> tuple[float, str]:
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise InputError(f"{text!r} is not {wanted}")
    return float(found[1]), (found[2] or "").strip()
