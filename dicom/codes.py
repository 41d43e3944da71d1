"""The codes that our documents use: the private scheme 99FACEPALSY, and the published codes beside it.

`docs/codes.md` shows them as tables. A published code stands wherever one with the meaning is known; for the
poses, items and sub-scores there is none in SNOMED CT, LOINC or DICOM. The same strings serve HL7 and FHIR.
"""

from pydicom.sr.coding import Code

from dicom.uids import CODING_SCHEME
from grading.protocols import PROTOCOLS, Pose
from grading.scales import EFACE, Item, SubScore


def _private(value: str, meaning: str) -> Code:
    return Code(value, CODING_SCHEME, meaning)


METHOD = _private("EFACE", "eFACE")
PROCEDURE = _private("EFACE-PHOTO", "Photo series for grading facial palsy")
LOWEST = _private("SCALE-LOW", "Lowest score of the scale")
HIGHEST = _private("SCALE-HIGH", "Highest score of the scale")
NORMAL = _private("SCALE-NORMAL", "Score of a balanced face")
FLAG = _private("FLAG", "Quality flag")
FLAGGED_ITEM = _private("FLAG-ITEM", "Item that the flag is about")
FLAGGED_POSE = _private("FLAG-POSE", "Pose of the photo that the flag is about")
SEEN_POSE = _private("FLAG-POSE-SEEN", "Pose that the photo seems to show")
CONCEPTS = (METHOD, PROCEDURE, LOWEST, HIGHEST, NORMAL, FLAG, FLAGGED_ITEM, FLAGGED_POSE, SEEN_POSE)

FLAGS = {
    "clipped": _private("CLIPPED", "Score went beyond the item's range and is its limit"),
    "side.estimated": _private("SIDE-ESTIMATED", "Affected side was estimated from the photos"),
    "recording.unlike_training": _private("UNLIKE-TRAINING", "Recording is unlike the training data"),
    "face.small": _private("FACE-SMALL", "Face has few pixels"),
    "face.cut_off": _private("FACE-CUT-OFF", "Face is partly outside the photo"),
    "face.tilted": _private("FACE-TILTED", "Head leans to one shoulder"),
    "face.turned": _private("FACE-TURNED", "Face looks to one side"),
    "photo.blurred": _private("PHOTO-BLURRED", "Face is blurred"),
    "photo.overexposed": _private("PHOTO-OVEREXP", "Parts of the face are burnt out"),
    "photo.underexposed": _private("PHOTO-UNDEREXP", "Parts of the face are black"),
    "photo.mirrored": _private("PHOTO-MIRRORED", "Photo seems mirrored left to right"),
    "pose.wrong": _private("POSE-WRONG", "Photo seems to show another pose"),
    "pose.unperformed": _private("POSE-UNPERFORM", "Both sides of the face seem to be at rest"),
    "photo.flat": _private("PHOTO-FLAT", "Face shows few shades"),
}
"""Codes of quality flags by the kind that a grading names them by."""
OTHER_FLAG = _private("FLAG-OTHER", "Another flag, see the report in words")

FACE = Code("89545001", "SCT", "Face")
FACIAL_PALSY = Code("280816001", "SCT", "Facial palsy")
SIDES = {"L": Code("7771000", "SCT", "Left"), "R": Code("24028007", "SCT", "Right")}
BEFORE_SURGERY = Code("262068006", "SCT", "Pre-operative")
AFTER_SURGERY = Code("262061000", "SCT", "Post-operative")
SURGERY = Code("387713003", "SCT", "Surgical procedure")
DAY = Code("d", "UCUM", "day")
SCORE = Code("{score}", "UCUM", "score")
PUBLISHED = (FACE, FACIAL_PALSY, *SIDES.values(), BEFORE_SURGERY, AFTER_SURGERY, SURGERY, DAY, SCORE)

_FORMULAS = {"folded": ("", "mean of folded items"), "raj": ("-RAJ", "plain mean of items")}


def item_code(item: Item) -> Code:
    """The code of an eFACE item, such as EF-R1."""
    return _private(f"EF-{item.id}", item.name)


def sub_score_code(score: SubScore) -> Code:
    """The code of a sub-score made by one of the formulas ``folded`` and ``raj``, such as EF-STATIC-RAJ."""
    ending, words = _FORMULAS[score.formula]
    return _private(f"EF-{score.id.upper()}{ending}", f"{score.name} sub-score, {words}")


def pose_code(pose: Pose) -> Code:
    """The code of a pose, the same in every protocol that shows it."""
    return _private(pose.code, pose.name)


def flag_codes(flag: str) -> tuple[Code, list[tuple[Code, Code]]]:
    """A grading's flag as codes: its kind, and what it is about, as pairs of concept and value.

    ``flag`` is written as gradings hold it: ``clipped.M4``, ``side.estimated``, ``face.small (REST)``,
    ``pose.wrong.PUCKER (SMILE)``.
    """
    kind, _, place = flag.partition(" ")
    pose, about = POSES.get(place.strip("()")), []
    stem, _, detail = kind.rpartition(".")
    if stem == "clipped" and detail in EFACE.by_id:
        kind = stem
        about.append((FLAGGED_ITEM, item_code(EFACE.by_id[detail])))
    if stem in FLAGS and detail in POSES:
        kind = stem
        about.append((SEEN_POSE, pose_code(POSES[detail])))
    if pose is not None:
        about.append((FLAGGED_POSE, pose_code(pose)))
    return FLAGS.get(kind, OTHER_FLAG), about


POSES = {pose.code: pose for protocol in PROTOCOLS.values() for pose in protocol.poses}
"""Every pose of every protocol by its code."""
