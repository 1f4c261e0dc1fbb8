"""Earlier name of `benchmark.core.images`, kept for plugins."""

from benchmark.core.image_files import find_images as find_pictures
from benchmark.core.image_files import is_image as is_picture
from benchmark.core.image_files import list_images as list_pictures
from benchmark.core.image_files import named_images as named_pictures
from benchmark.core.image_open import image_shape as picture_shape
from benchmark.core.images import fit
from benchmark.core.images import read_image as read_picture

__all__ = [
    "find_pictures",
    "fit",
    "is_picture",
    "list_pictures",
    "named_pictures",
    "picture_shape",
    "read_picture",
]
