"""Files in, and changed copies out: ``readers/`` has a module a file family, `families` the table of them.

``read`` is the way in; the other modules are what all families need: axes, sizes, limits, TIFF and HDF5 containers.

Light: h5py, tifffile and the like are imported where a file needs them. Imports `ddip_tf.slices` and the rooms before.
"""

from ddip_tf.formats.families import FAMILIES, change_content, family_of, files_of, open_content, read_images
from ddip_tf.formats.reading import read, read_beside

__all__ = ["FAMILIES", "change_content", "family_of", "files_of", "open_content", "read", "read_beside", "read_images"]
