"""Names shared by the phantom's modules."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Side = Literal["L", "R"]
"""A side of the person; the person's right is on the left of the picture."""

Field = NDArray[np.float32]
"""A value per pixel (or per row, or per column), broadcast together."""

Rgb = tuple[float, float, float]
"""A colour in linear light, 0 to 1."""
