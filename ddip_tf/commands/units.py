"""Lengths and energies with their units, as types of options."""

from __future__ import annotations

import click

from ddip_tf.errors import InputError
from ddip_tf.slices.quantities import (
    LARGEST_PIXEL_M,
    LARGEST_SPACING_M,
    LARGEST_WAVELENGTH_M,
    angle_rad,
    beam,
    check_length,
    length_m,
)


class Length(click.ParamType):
    """``7.3nm``, ``0.2A``, ``30um`` or a bare number of metres, as metres; InputError for one that cannot be."""

    name = "length"

    def __init__(self, what: str, most: float) -> None:
        self.what, self.most = what, most

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """In metres."""
        try:
            metres = value if isinstance(value, float) else length_m(str(value))
        except InputError as error:
            raise InputError(f"{self.what} must be a length: {error}") from error
        return check_length(self.what, metres, self.most)


class Energy(click.ParamType):
    """``12keV``, ``300kV`` or a bare number of keV, checked; given on as it was written, for `quantities.beam`."""

    name = "energy"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The same text. Raises InputError for one that is no energy, whatever the beam."""
        beam(str(value), electrons=True)
        return str(value)


class Angle(click.ParamType):
    """``20mrad``, ``0.02rad``, ``1.2deg`` or a bare number of mrad, as rad; InputError for one that is no cone."""

    name = "angle"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """In rad."""
        return value if isinstance(value, float) else angle_rad(str(value))


PIXEL = Length("pixel size", LARGEST_PIXEL_M)
SPACING = Length("spacing", LARGEST_SPACING_M)
WAVELENGTH = Length("wavelength", LARGEST_WAVELENGTH_M)
ENERGY = Energy()
ANGLE = Angle()
