"""The kinds of data that `simulate.py --kind` makes: one table, one row a kind.

A kind is where its slices come from (`Source`), a sample that the seed chooses among a few, settings of the experiment
that differ from those of `SIZE` and `FAST`, and a chain of effects.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal
from zlib import crc32

import numpy as np
from simulated_effects import Bytes, Case, Cut, DepthFilter, Double, Effect, Gain, Ghost, Grain, Halve, Noise
from simulated_reconstruction import describe, phases, simulate
from simulated_scan import Experiment, draw_phases

#: scan: reconstructed together, with crosstalk; alone: every slice scanned and reconstructed as if there were no other;
#: repeat: truth plus the difference of two reconstructions of one sample, over sqrt 2; truth: nothing but the truth
Source = Literal["scan", "alone", "repeat", "truth"]

#: 225 positions on 160 x 160 pixels; the engine, where a kind has none of its own, follows the seed
SIZE: dict[str, Any] = {"size": 160, "detector": 64}
#: 12 to 20 s on one thread each, with a T(k) like that of the long default: a half at low k, then a crossover
FAST: dict[str, dict[str, Any]] = {
    "lsqml": {"batch": 45, "epochs": 60},
    "adam": {"batch": 20, "epochs": 40},
    "epie": {"batch": 8, "epochs": 50},
    "rpie": {"batch": 8, "epochs": 50},
}

FAMILY = (("discs", "particle"), ("cells", "discs"), ("fibres", "particle"), ("print", "cells"))
GRAINY = (("zones", "tpart"), ("fibres", "tpart"), ("tpart", "discs"), ("print", "tpart"))
TEXTURES = (("cell", "gravel"), ("camera", "grass"), ("gravel", "brick"), ("coins", "moon"))
HALF_TEXTURES = (("discs", "brick"), ("gravel", "particle"), ("grass", "zones"), ("fibres", "camera"))
MIXED = (("discs", "particle"), ("gravel", "cells"), ("zones", "tpart"), ("camera", "brick"))
CRYSTALS = (("lattice", "atoms"), ("atoms", "lattice"))
SIX = (
    ("discs", "cells", "particle", "fibres", "zones", "print"),
    ("gravel", "discs", "tpart", "cells", "coins", "print"),
)
SIX_CRYSTALS = (CRYSTALS[0] * 3, CRYSTALS[1] * 3)
ELECTRONS: dict[str, Any] = {
    "electrons": True, "energy_kev": 300.0, "pixel_size_m": 2e-11, "spacing_m": 4e-9, "photons": 5e5,
    "aperture": 0.2, "beam_width_px": 35,
}  # fmt: skip
PAINT_NOISE = Noise(0.02, 1.5)
ONE_SIDED = Ghost(-0.2, bump=-0.4, anisotropy=0.25)


@dataclass(frozen=True)
class Kind:
    """One row of the table."""

    about: str
    source: Source = "scan"
    samples: tuple[tuple[str, ...], ...] = FAMILY
    effects: tuple[Effect, ...] = ()
    depths_of_focus: float | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def reconstructs(self) -> bool:
        """Does it need pty-chi?"""
        return self.source != "truth"

    def experiment(self, seed: int) -> Experiment:
        """What is scanned for this seed: four seeds see all samples, kinds alike but for their effects the same one."""
        engine = self.settings.get("engine") or ("lsqml", "adam")[(seed + seed // 4) % 2]
        twice = {"size": 320} if self.source == "truth" and any(isinstance(e, Halve) for e in self.effects) else {}
        turn = crc32(repr((self.source, self.samples, self.depths_of_focus, self.settings)).encode())
        sample = self.samples[(seed + turn) % len(self.samples)]
        chosen = {"sample": sample, "engine": engine, "seed": seed}
        made = Experiment(**{**SIZE, **FAST[engine], **twice, **self.settings, **chosen})
        return made if self.depths_of_focus is None else made.at_depths_of_focus(self.depths_of_focus)


def _painted(about: str, *effects: Effect, samples: tuple[tuple[str, ...], ...] = GRAINY) -> Kind:
    return Kind(about, "truth", samples, (PAINT_NOISE, *effects))


def _scan(about: str, samples: tuple[tuple[str, ...], ...] = FAMILY, *effects: Effect, **settings: Any) -> Kind:
    return Kind(about, "scan", samples, effects, settings.pop("depths_of_focus", None), settings)


def _alone(about: str, samples: tuple[tuple[str, ...], ...] = MIXED, *effects: Effect, **settings: Any) -> Kind:
    return Kind(about, "alone", samples, effects, None, settings)


KINDS: dict[str, Kind] = {
    # samples
    "family": _scan("smooth-edged objects, 30 um"),
    "grainy": _scan("a particle with a grain of 1 px", GRAINY),
    "textures": _scan("pictures that fill the field, 30 um", TEXTURES),
    "textures-near": _scan("pictures that fill the field, 10 um", TEXTURES, spacing_m=10e-6),
    "half-textures": _scan("one picture, one object", HALF_TEXTURES),
    "half-textures-near": _scan("one picture, one object, 10 um", HALF_TEXTURES, spacing_m=10e-6),
    "text": _scan("printed pages and clocks", (("page", "clock"), ("clock", "text"))),
    "weak": _scan("second slice a fifth as strong", MIXED, strength=(1.0, 0.2)),
    "empty": _scan("second slice almost empty", MIXED, strength=(1.0, 0.03)),
    "strong": _scan("phases up to 1.5 rad", FAMILY, strength=(2.5, 2.5)),
    "absorbing": _scan("beta/delta 0.1", MIXED, beta_over_delta=0.1),
    "three": _scan("three slices", (("discs", "particle", "fibres"), ("gravel", "zones", "cells"))),
    # engines
    "epie": _scan("ePIE", MIXED, engine="epie"),
    "rpie": _scan("rPIE", MIXED, engine="rpie"),
    "rpie-early": _scan("rPIE stopped early", MIXED, engine="rpie", epochs=25),
    "lsqml": _scan("LSQML", MIXED, engine="lsqml"),
    "adam": _scan("Adam on the automatic gradient", MIXED, engine="adam"),
    "adam-cells": _scan("Adam, cells and fibres", (("cells", "fibres"), ("fibres", "cells")), engine="adam"),
    "early": _scan("stopped early", MIXED, epochs=12),
    "long": _scan("three times the epochs", MIXED, epochs=150),
    "default": _scan("LSQML, as without --kind", FAMILY, engine="lsqml", detector=96, batch=64, epochs=150),
    # starts
    "start-half": _scan("from half the single-slice result in each slice", MIXED, start="half"),
    "start-single": _scan("from the single-slice result and a flat slice", MIXED, start="single"),
    "start-map": _scan("from a map of the second slice, 30 um", MIXED, start="map"),
    "start-map-near": _scan("from a map of the second slice, 0.5 um", GRAINY, start="map", spacing_m=0.5e-6),
    # contrast
    "gain-0.5": _scan("first slice's contrast x 0.5", FAMILY, Gain(0.5)),
    "gain-0.67": _scan("first slice's contrast x 0.67", FAMILY, Gain(0.67)),
    "gain-1.5": _scan("second slice's contrast x 1.5", FAMILY, Gain(1.5, 2)),
    "gain-2": _scan("first slice's contrast x 2", FAMILY, Gain(2.0)),
    "gain-textures": _scan("first picture's contrast x 0.6", TEXTURES, Gain(0.6)),
    "bytes": _scan("each slice scaled to 0 to 255 and inverted", FAMILY, Bytes()),
    "bytes-grainy": _scan("each slice scaled to 0 to 255 and inverted", GRAINY, Bytes()),
    # one-sided or painted ghosts: no reconstruction
    "onesided": _painted("ghost of opposite sign, one way, anisotropic, 8 bit", ONE_SIDED, Halve(), Bytes()),
    "onesided-float": _painted("ghost of opposite sign, one way, anisotropic", ONE_SIDED, Halve(), samples=MIXED),
    "onesided-back": _painted(
        "ghost of the second slice in the first, 8 bit", replace(ONE_SIDED, source=2, target=1), Halve(), Bytes()
    ),
    "onesided-positive": _painted(
        "ghost of the same sign, one way, 8 bit",
        Ghost(0.15, bump=0.35, anisotropy=0.2, turn=0.8), Halve(), Bytes(), samples=MIXED,
    ),
    "onesided-scalar": _painted("ghost of -0.3, the same at all frequencies", Ghost(-0.3), Halve(), samples=TEXTURES),
    "onesided-edges": _painted("only fine detail ghosts", Ghost(0.0, bump=0.5, centre=0.08, width=0.5), Halve()),
    "onesided-changing": _painted(
        "sign changes with frequency", Ghost(-0.3, bump=0.7, centre=0.015, width=0.7), Halve(), samples=MIXED
    ),
    "onesided-displaced": _painted("a displaced ghost", Ghost(0.3, shift=(3.0, -2.0)), Halve(), samples=MIXED),
    "painted-both": _painted(
        "ghosts of opposite signs both ways, 8 bit",
        Ghost(-0.25, bump=-0.2), Ghost(0.15, bump=0.2, source=2, target=1), Halve(), Bytes(), samples=MIXED,
    ),
    # clean
    "truth": Kind("the truth itself", "truth", MIXED),
    "clean-noise": Kind("truth and white noise", "truth", MIXED, (Noise(0.03),)),
    "clean-grain": Kind("truth and noise that grows with contrast", "truth", MIXED, (Noise(0.005), Grain(0.2, 1.5))),
    "clean-bytes": _painted("no ghost, 8 bit", Halve(), Bytes()),
    "clean-textures": Kind("pictures and white noise", "truth", TEXTURES, (Noise(0.02, 0.7),)),
    "alone": _alone("each slice reconstructed alone"),
    "alone-textures": _alone("each picture reconstructed alone", TEXTURES),
    "alone-bytes": _alone("each slice reconstructed alone, 8 bit", MIXED, Bytes()),
    "repeat": Kind("truth and what two scans differ by, 50,000 photons", "repeat", MIXED, (), None, {"photons": 5e4}),
    **{
        f"alone-ghost-{amplitude:g}": _alone(
            f"each slice reconstructed alone, a ghost of {amplitude:g} painted in", MIXED, Ghost(amplitude)
        )
        for amplitude in (0.05, 0.1, 0.2, 0.4)
    },
    **{
        f"noise-ghost-{amplitude:g}": Kind(
            f"truth, noise, a ghost of {amplitude:g} painted in", "truth", MIXED, (Noise(0.02, 0.7), Ghost(amplitude))
        )
        for amplitude in (0.05, 0.1, 0.2, 0.4)
    },
    # the same structure truly in both
    "shared": _scan("the same cells in both slices, with crosstalk", shared="cells"),
    "shared-texture": _scan("the same picture in both slices, with crosstalk", FAMILY, shared="gravel"),
    "shared-alone": _alone("the same cells in both slices, each reconstructed alone", FAMILY, shared="cells"),
    "shared-noise": Kind(
        "the same cells in both slices and noise", "truth", FAMILY, (Noise(0.02, 0.7),), settings={"shared": "cells"}
    ),
    # measurement
    "dose-low": _scan("20,000 photons a position", MIXED, photons=2e4),
    "dose-lower": _scan("4,000 photons a position", MIXED, photons=4e3),
    "dose-high": _scan("1e8 photons a position", MIXED, photons=1e8),
    "probe-20": _scan("first probe 20 % off", MIXED, probe_error=0.2),
    "pupil-0.1": _scan("pupil twice as wide", MIXED, aperture=0.1),
    "pupil-0.03": _scan("pupil of 0.03 cycles/pixel", MIXED, aperture=0.03),
    "positions-1": _scan("positions off by 1 px", MIXED, position_error_px=1.0),
    **{
        f"spacing-{depths:g}": _scan(f"slices {depths:g} depths of focus apart", MIXED, depths_of_focus=depths)
        for depths in (0.1, 0.3, 1.0, 2.0, 4.0, 30.0)
    },
    # electrons
    "electrons": _scan("300 keV, 0.2 A pixels, 4 nm", CRYSTALS, **ELECTRONS),
    "electrons-far": _scan("300 keV, 0.2 A pixels, 10 nm", CRYSTALS, **{**ELECTRONS, "spacing_m": 10e-9}),
    "electrons-low": _scan("300 keV, 0.2 A pixels, 4 nm, 20,000 electrons", CRYSTALS, **{**ELECTRONS, "photons": 2e4}),
    # many slices
    **{
        f"six-{depths:g}": _scan(f"six slices, {depths:g} depths of focus apart", SIX, depths_of_focus=depths)
        for depths in (0.5, 1.0, 2.0, 4.0, 10.0)
    },
    **{  # at the step that pty-chi takes by itself they diverge
        f"twelve-{depths:g}": _scan(
            f"twelve slices, {depths:g} depths of focus apart", tuple(of * 2 for of in SIX), engine="lsqml", step=0.3,
            depths_of_focus=depths,
        )
        for depths in (0.5, 1.0, 2.0, 4.0)
    },
    "six-4-filtered": _scan("the same, regularised along depth", SIX, DepthFilter(0.5), depths_of_focus=4.0),
    "electrons-6": _scan("300 keV, six slices 4 nm apart", SIX_CRYSTALS, **ELECTRONS),
    "electrons-12": _scan(
        "300 keV, twelve slices 4 nm apart", tuple(of * 2 for of in SIX_CRYSTALS), engine="adam", **ELECTRONS
    ),
    "electrons-6-filtered": _scan("the same, regularised along depth", SIX_CRYSTALS, DepthFilter(), **ELECTRONS),
    # sampling
    "fine": _scan("sampled twice as fine", MIXED, Cut(110, 96), Double()),
    "coarse": _scan("sampled half as fine", MIXED, Halve(), size=224),
    "oblong": _scan("113 x 150 pixels", MIXED, Cut(113, 150)),
    # two things at once, kept for judging (`judged_lists`): no setting was ever tried on them
    "half-textures-gain": _scan("one picture, one object, second contrast x 1.4", HALF_TEXTURES, Gain(1.4, 2)),
    "textures-epie": _scan("pictures, ePIE, 200,000 photons", TEXTURES, engine="epie", photons=2e5),
    "grainy-half": _scan("a grain of 1 px, from half the single-slice result", GRAINY, start="half", photons=1e5),
    "onesided-pictures": _painted(
        "ghost of the second picture in the first, of the same sign",
        Ghost(0.25, bump=0.2, source=2, target=1, turn=0.4), samples=TEXTURES,
    ),
    # kept for judging as well
    "text-rpie": _scan("printed pages and clocks, rPIE", (("page", "clock"), ("clock", "text")), engine="rpie"),
    "half-textures-strong": _scan("one picture, one object, up to 1.2 rad", HALF_TEXTURES, strength=(2.0, 2.0)),
    "grainy-dose": _scan("a grain of 1 px, 50,000 photons a position", GRAINY, photons=5e4),
    "onesided-faint": Kind(
        "a ghost of -0.15, one way, white noise", "truth", FAMILY, (Noise(0.03, 1.0), Ghost(-0.15)),
    ),
}  # fmt: skip


def make_case(kind: str, seed: int, threads: int = 1, **settings: Any) -> tuple[Case, dict[str, Any]]:
    """Slices, truth and start of a kind, and all that describes them; the same for the same seed.

    `settings` of the experiment take the place of the kind's own.
    """
    row = KINDS[kind]
    case, scanned = make_source(row.source, replace(row.experiment(seed), **settings), threads)
    rng = np.random.default_rng([seed, 7, *kind.encode()])
    for effect in row.effects:
        case = effect(case, rng)
    about = {
        "kind": kind,
        "about": row.about,
        "source": row.source,
        "effects": [repr(effect) for effect in row.effects],
    }
    return case.each(lambda part: part.astype(np.float32)), {**about, **scanned}


def make_source(source: Source, experiment: Experiment, threads: int = 1) -> tuple[Case, dict[str, Any]]:
    """Slices of an experiment before any effect, and what describes the scan."""
    if source == "truth":
        truth = draw_phases(experiment, experiment.size)
        return Case(truth, truth), {"sample": " over ".join(experiment.sample), "seed": experiment.seed}
    if source == "alone":
        parts = [simulate(experiment, threads, n) for n in range(len(experiment.sample))]
        images, truth = (
            np.concatenate([phases(obj, experiment) for obj in objects])
            for objects in ([part.obj for part in parts], [part.truth for part in parts])
        )
        return Case(images, truth), describe(experiment, parts[0].positions)
    made = simulate(experiment, threads)
    images, truth, start = (phases(obj, experiment) for obj in made[:3])
    if source == "repeat":
        again = simulate(replace(experiment, scan_number=1), threads)
        images = truth + (images - phases(again.obj, experiment)) / np.sqrt(2)
    return Case(images, truth, None if experiment.start == "flat" else start), describe(experiment, made.positions)
