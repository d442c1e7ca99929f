"""Lengths and energies with units, in Python and on the command line."""

import numpy as np
import pytest
from helpers import DATA

from ddip_tf.errors import InputError
from ddip_tf.slices.optics import electron_wavelength_m
from ddip_tf.slices.quantities import beam, length_m, show_length, show_lengths


@pytest.mark.parametrize(
    ("text", "metres"),
    [
        ("7.3nm", 7.3e-9),
        ("7.3 nm", 7.3e-9),
        ("0.2A", 2e-11),
        ("0.2 Å", 2e-11),
        ("0.2Angstrom", 2e-11),
        ("30um", 30e-6),
        ("30µm", 30e-6),
        ("20pm", 2e-11),
        (".5mm", 5e-4),
        ("7.3e-9", 7.3e-9),
        ("7.3e-9m", 7.3e-9),
        ("1e1nm", 1e-8),
    ],
)
def test_lengths(text, metres):
    assert length_m(text) == pytest.approx(metres)


@pytest.mark.parametrize("text", ["", "nm", "7,3nm", "7.3 furlongs", "seven", "7.3nm 2"])
def test_words_that_are_no_lengths(text):
    with pytest.raises(InputError):
        length_m(text)


def test_energies():
    assert beam("12").wavelength_m == beam("12keV").wavelength_m == beam("12000 eV").wavelength_m
    assert beam("12").wavelength_m == pytest.approx(1.0332e-10, rel=1e-4)
    # de Broglie, relativistic: 300 kV is 1.9687 pm, 200 kV 2.5079 pm (any textbook of electron microscopy)
    assert beam("300kV").wavelength_m == beam("300keV", electrons=True).wavelength_m
    assert beam("300kV").wavelength_m == pytest.approx(1.9687e-12, rel=1e-4)
    assert electron_wavelength_m(200e3) == pytest.approx(2.5079e-12, rel=1e-4)
    for text in ("12000", "3MeV", "0", "-12", "12 kilos", ""):
        with pytest.raises(InputError):
            beam(text)
    assert beam("3MeV", electrons=True).electrons


def test_lengths_are_shown_in_the_unit_that_suits_them():
    shown = {7.3e-9: "7.3 nm", 2e-11: "0.2 Å", 1.96875e-12: "1.969 pm", 30e-6: "30 µm", 1e-3: "1 mm", 1e-9: "1 nm"}
    assert {metres: show_length(metres) for metres in shown} == shown
    assert show_lengths((10e-6, 20e-6)) == "10, 20 µm"
    assert show_lengths((1e-9,) * 23) == "1 nm, 23 times"


def shown(call, *arguments) -> str:
    code, out, err = call("show", *arguments)
    assert (code, err) == (0, "")
    return out


def test_show_takes_units_and_says_whose_wavelength(call, tmp_path):
    np.save(tmp_path / "object.npy", np.load(DATA / "ptychi.npy"))
    for energy in ("12", "12keV", "12000eV"):
        out = shown(call, "object.npy", "--energy", energy, "--pixel-size", "7.3nm", "--spacing", "10um")
        assert "wavelength 1.033 Å (photons, 12 keV)" in out and "depth of focus 2.77 µm" in out
        assert "pixel size 7.3 x 7.3 nm" in out and "spacing    10, 10 µm" in out
    for words in (["300kV"], ["300", "--electrons"], ["300keV", "--electrons"]):
        out = shown(call, "object.npy", "--energy", *words, "--pixel-size", "0.2A", "--spacing", "14.2Å")
        assert "wavelength 1.969 pm (electrons, 300 keV)" in out and "slices lie 1.3 depths of focus apart" in out
    # pixels of 0.2 Å, and files of electrons, have no photons
    assert "(electrons, 300 keV)" in shown(call, "object.npy", "--energy", "300", "--pixel-size", "20pm")
    assert "wavelength 2.508 pm (electrons, 200 keV)" in shown(call, DATA / "phaser.h5", "--energy", "200")
    assert "wavelength 12 nm" in shown(call, "object.npy", "--wavelength", "12nm")


@pytest.mark.parametrize("name", ["electrons.hdf5", "phaser.h5", "signal.hspy"])
def test_show_of_electron_files(call, name):
    out = shown(call, DATA / name)
    assert "wavelength 1.969 pm (electrons)" in out and "pixel size 0.2 x" in out and "Å\nspacing" in out
    assert ("spacing    1.42 nm, 4 times" if name == "electrons.hdf5" else "spacing    ") in out
    assert "quantity   complex objects: phase in rad, and magnitude" in out
    assert "depth of focus" in out
    assert out.count("the same everywhere") == (2 if name == "electrons.hdf5" else 0)


def test_show_of_an_image_with_gaps(call, tmp_path):
    image = np.linspace(0, 1, 2 * 40 * 47).reshape(2, 40, 47).astype("f4")
    image[:, :4] = np.nan
    np.save(tmp_path / "gap.npy", image)
    out = shown(call, "gap.npy")
    assert "NaN or infinite in 188 pixels (10 %)" in out and "--crop 4:40,0:47" in out
    assert "quantity   real images, taken as phase in rad" in out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--pixel-size", "7.3"], "pixel size must be over 0 and at most 1 mm, not 7.3 m: give the unit"),
        (["--pixel-size", "2mm"], "at most 1 mm, not 2 mm"),
        (["--pixel-size", "0nm"], "pixel size must be over 0 and at most 1 mm, not 0 m"),
        (["--pixel-size", "-7nm"], "not -7e-09 m"),
        (["--pixel-size", "7nanos"], "pixel size must be a length: no unit of length 'nanos'"),
        (["--spacing", "30"], "spacing must be over 0 and at most 1 m, not 30 m"),
        (["--wavelength", "1"], "wavelength must be over 0 and at most 100 µm, not 1 m"),
        (["--energy", "12000"], "12000 is 1.2e+04 keV, which no beam has"),
        (["--energy", "2MeV"], "of electrons say --electrons, or kV"),
        (["--energy", "12nm"], "no unit of energy 'nm'"),
        (["--energy", "12keV", "--wavelength", "1A"], "an energy and a wavelength say the same"),
    ],
)
def test_absurd_magnitudes_are_refused(call, flags, message):
    code, _, err = call("show", DATA / "ptychi.npy", *flags)
    assert code == 2
    assert message in err and len(err.splitlines()) == 1


def test_a_fit_takes_units_and_the_slice_axis(call, tmp_path):
    from ddip_tf.archive.manifest import load_manifest

    np.save(tmp_path / "last.npy", np.moveaxis(np.angle(np.load(DATA / "ptychi.npy")), 0, -1))
    flags = ["--slice-axis", "last", "--pixel-size", "0.2A", "--spacing", "10A", "--slices", "0,2"]
    code, _, err = call("fit", "last.npy", *flags, "-o", "run", "--preset", "quick")
    assert (code, err) == (0, "")
    manifest = load_manifest("run")
    assert manifest["pixel_size_m"] == pytest.approx([2e-11, 2e-11])
    assert manifest["spacing_m"] == pytest.approx([2e-9])
    assert [entry["page"] for entry in manifest["inputs"]] == [0, 2]
    assert manifest["inputs"][0]["slice_axis"] == "last"
    assert call("fit", "last.npy", "--slice-axis", "first", "-o", "other")[0] == 2
