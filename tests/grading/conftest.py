"""One drawn series and the commissioning bundle, made once."""

import numpy as np
import pytest
from numpy.typing import NDArray

from grading.bundle import COMMISSIONING_BUNDLE, Bundle, load_bundle
from grading.grader import Grader
from grading.phantom import PhantomRecording, draw_series, phantom_patient

Series = dict[str, NDArray[np.uint8]]


@pytest.fixture(scope="session")
def phantom() -> tuple[PhantomRecording, Series]:
    """A phantom's recording before surgery and its photos by pose code."""
    patient = phantom_patient(3)
    return patient.recordings[0], draw_series(patient, patient.recordings[0])


@pytest.fixture(scope="session")
def photos(phantom: tuple[PhantomRecording, Series]) -> Series:
    """The photos of the phantom's recording."""
    return phantom[1]


@pytest.fixture(scope="session")
def commissioning() -> Bundle:
    """The bundle that comes with Facialis."""
    return load_bundle(COMMISSIONING_BUNDLE)


@pytest.fixture(scope="session")
def grader(commissioning: Bundle) -> Grader:
    """The commissioning bundle, ready to grade on the CPU."""
    return Grader(commissioning, device="cpu")
