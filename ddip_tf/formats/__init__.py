"""Files in, and changed copies out: one module a file family, one table of them. ``read`` is the way in.

Light: h5py, tifffile and the like are imported where a file needs them. Imports `ddip_tf.slices` and the rooms before.
"""

from ddip_tf.formats.families import FAMILIES, change_content, family_of, files_of, open_content, read_images
from ddip_tf.formats.reading import read, read_beside

__all__ = ["FAMILIES", "change_content", "family_of", "files_of", "open_content", "read", "read_beside", "read_images"]
