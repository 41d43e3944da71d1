"""Phantoms: faces drawn from parameters, so that their true eFACE scores are known by construction.

They serve as phantoms do elsewhere in imaging: commissioning, constancy checks, demonstration, tests. No
person is depicted.
"""

from grading.phantom.anatomy import Anatomy, random_anatomy
from grading.phantom.cohort import write_cohort
from grading.phantom.palsy import HEALTHY, Palsy, PhantomError, random_palsy, recovered, true_scores
from grading.phantom.photo import draw_photo
from grading.phantom.series import PhantomPatient, PhantomRecording, draw_series, phantom_patient

__all__ = [
    "HEALTHY",
    "Anatomy",
    "Palsy",
    "PhantomError",
    "PhantomPatient",
    "PhantomRecording",
    "draw_photo",
    "draw_series",
    "phantom_patient",
    "random_anatomy",
    "random_palsy",
    "recovered",
    "true_scores",
    "write_cohort",
]
