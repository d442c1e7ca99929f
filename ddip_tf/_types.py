"""The glossary: axis letters and array types used all over the package.

=======  ==================================================================
letter   meaning
=======  ==================================================================
N        slices (axial planes), upstream first
H, W     image height (y) and width (x) in pixels
C        channels of a network's tensor
L        levels of a network: how often it halves the image
E        epochs
K        spatial-frequency bands, k in cycles/pixel
=======  ==================================================================

Slices are counted from 1 in everything a user sees (``slice1``) and from 0 in arrays.
"""

from __future__ import annotations

import os
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

#: numbers of any type, inside the linear algebra of T(k)
Array: TypeAlias = np.ndarray
#: real images or profiles; float32 unless a docstring says otherwise
Floats: TypeAlias = NDArray[np.floating]
#: ((y0, y1), (x0, x1)): rows and columns of a part of an image, ends excluded
Box: TypeAlias = tuple[tuple[int, int], tuple[int, int]]
#: where a file lies
StrPath: TypeAlias = str | os.PathLike[str]
