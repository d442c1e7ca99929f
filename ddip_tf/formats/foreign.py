"""Files that are no slices: what they are, and what to do, in one line."""

from __future__ import annotations

import zipfile
from pathlib import Path

SAVE = "save the object as .npy or HDF5, or its phase as float TIFF"
#: (offset, first bytes, what the file is, what to do)
KNOWN = (
    (0, b"\x89PNG\r\n", "a PNG picture: 8 or 16 bits of grey, not phase", SAVE),
    (0, b"\xff\xd8\xff", "a JPEG picture: 8 bits, packed with loss, not phase", SAVE),
    (0, b"GIF8", "a GIF picture, not phase", SAVE),
    (0, b"BM", "a BMP picture, not phase", SAVE),
    (208, b"MAP ", "an MRC file", "save it as TIFF or .npy (the Python package mrcfile reads it)"),
    (0, b"\0\0\0\3", "a DigitalMicrograph file (DM3)", "save it as TIFF or .hspy (RosettaSciIO reads it)"),
    (0, b"\0\0\0\4", "a DigitalMicrograph file (DM4)", "save it as TIFF or .hspy (RosettaSciIO reads it)"),
    (0, b"SIMPLE  =", "a FITS file", "save it as TIFF or .npy"),
    (0, b"\xd0\xcf\x11\xe0", "an OLE file such as Zeiss's .txrm", "save it as TIFF"),
    (0, b"\x1f\x8b", "packed by gzip", "unpack it (gunzip)"),
    (0, b"BZh", "packed by bzip2", "unpack it (bunzip2)"),
    (0, b"\xfd7zXZ", "packed by xz", "unpack it (unxz)"),
    (0, b"7z\xbc\xaf", "a 7z archive", "unpack it"),
    (257, b"ustar", "a tar archive", "unpack it"),
    (0, b"CDF\1", "a NetCDF 3 file", SAVE),
    (0, b"CDF\2", "a NetCDF 3 file", SAVE),
    (0, b"%PDF", "a PDF", SAVE),
    (0, b"\x80\2", "a Python pickle, which is never loaded", SAVE),
    (0, b"\x80\3", "a Python pickle, which is never loaded", SAVE),
    (0, b"\x80\4", "a Python pickle, which is never loaded", SAVE),
    (0, b"\x80\5", "a Python pickle, which is never loaded", SAVE),
)
#: (a member's name or its end, what the zip archive is then, what to do)
ZIPPED = (
    ("data.pkl", "a PyTorch file (pickled, which is never loaded)", "save the object by numpy.save"),
    ("metadata.json", "a Nion Swift file", "export it as HDF5, or save its data.npy"),
    ("model.weights.h5", "a Keras model", "give images"),
    ("word/document.xml", "a Word document", "give images"),
    ("xl/workbook.xml", "an Excel workbook", "give images"),
)


def complaint(path: Path, head: bytes, families: tuple[str, ...]) -> str:
    """Why a file that no family knows is not read: what it is, as far as its ``head`` says, and what to do."""
    if not head:
        return f"{path} is empty (0 bytes): was it written to its end?"
    for offset, magic, what, todo in KNOWN:
        if head[offset : offset + len(magic)] == magic:
            return f"{path} is {what}, which ddip-tf does not read: {todo}"
    if not head.strip(b"\0"):
        return f"{path} begins with {len(head)} bytes of zero: it was never written, or is raw data; {SAVE}"
    what = "it is text; " if _is_text(head) else ""
    return f"{path} is not an image file that ddip-tf reads ({what}formats: {', '.join(families)})"


def zip_complaint(path: Path) -> str:
    """Why a zip archive without arrays is not read. Raises what zipfile raises for a damaged one."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    for end, what, todo in ZIPPED:
        if any(name == end or name.endswith("/" + end) for name in names):
            return f"{path} is {what}, which ddip-tf does not read: {todo}"
    inside = ", ".join(names[:4]) + (" …" if len(names) > 4 else "")
    return f"{path} is a zip archive of {inside or 'nothing'}, not of NumPy arrays: unpack it"


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8", "ignore" if len(head) > 500 else "strict")
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter.isspace() for letter in text)
