"""A result as an HL7 v2.5.1 message ORU^R01: scores as OBX NM, the report as OBX ED.

The same result, settings and control id make the same bytes.
"""

import base64
from collections.abc import Iterator

from dicom.codes import DAY, PROCEDURE, SCORE
from dicom.uids import CODING_SCHEME, derived_uid
from service.hl7.fields import SEPARATORS, encoded, escaped, name_components, timestamp
from service.peer_settings import MessageSettings
from service.results import Result, ResultScore

VERSION = "2.5.1"
STRUCTURE = "ORU^R01^ORU_R01"
CONTROL_ID_LENGTH = 20
"""Characters of MSH-10 in version 2.5.1."""
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SEXES = {"M": "M", "F": "F", "O": "O"}
_SIDES = {"L": "7771000^Left^SCT", "R": "24028007^Right^SCT", "B": "51440002^Right and left^SCT"}


def control_id(document_uid: str, destination: str, retries: int) -> str:
    """MSH-10: the same for every attempt of a delivery, another one after a person let it be tried again."""
    number = int(derived_uid("message", document_uid, destination, str(retries)).rpartition(".")[2])
    digits = ""
    while number and len(digits) < CONTROL_ID_LENGTH:
        number, digit = divmod(number, 36)
        digits += _DIGITS[digit]
    return digits.ljust(CONTROL_ID_LENGTH, "0")


def make_message(
    result: Result, pdf: bytes | None, settings: MessageSettings, control: str, *, accept: bool = False
) -> bytes:
    """The message; ``pdf`` is the report, ``accept`` asks for an acknowledgement of the receipt alone.

    Raises:
        CharacterSetError: the settings' character set cannot carry it.
    """
    status = "F" if result.final else "P"
    segments = [
        _msh(result, settings, control, accept=accept),
        _pid(result, settings),
        _obr(result, status),
        *_notes((*((f"Signed off by {result.signed_by}",) if result.signed_by else ()), *result.notes)),
        *_observations(result, pdf, settings, status),
    ]
    return encoded("".join(f"{segment}\r" for segment in segments), settings.character_set)


def _msh(result: Result, settings: MessageSettings, control: str, *, accept: bool) -> str:
    parties = (
        settings.sending_application,
        settings.sending_facility,
        settings.receiving_application,
        settings.receiving_facility,
    )
    return _segment(
        "MSH", SEPARATORS, *map(escaped, parties), timestamp(result.created_at), "", STRUCTURE, control,
        "P", VERSION, "", "", "AL" if accept else "", "NE" if accept else "", "",
        settings.character_set,
    )  # fmt: skip


def _pid(result: Result, settings: MessageSettings) -> str:
    patient = result.patient
    authority = escaped(patient.issuer or settings.assigning_authority)
    return _segment(
        "PID", "1", "", f"{escaped(patient.id)}^^^{authority}^MR", "", name_components(patient.name), "",
        timestamp(patient.birth_date) if patient.birth_date else "", _SEXES.get(patient.sex, "U"),
    )  # fmt: skip


def _obr(result: Result, status: str) -> str:
    return _segment(
        "OBR", "1", "", f"{result.recording_uid}^FACIALIS",
        _coded(PROCEDURE.value, PROCEDURE.meaning), "", "",
        timestamp(result.recorded_at), *[""] * 10, escaped(result.accession_number), *[""] * 3,
        timestamp(result.created_at), "", "OTH", status,
    )  # fmt: skip


def _observations(result: Result, pdf: bytes | None, settings: MessageSettings, status: str) -> list[str]:
    method = f"{escaped(result.model)} {result.model_hash[:12]}"
    lines = []
    for number, (kind, code, value, unit, notes) in enumerate(_values(result, pdf, settings), start=1):
        observed = timestamp(result.recorded_at)
        head = ("OBX", str(number), kind, code, "1", value, unit)
        lines.append(_segment(*head, *[""] * 4, status, *[""] * 2, observed, "", "", method))
        lines += _notes(notes)
    return lines


def _values(
    result: Result, pdf: bytes | None, settings: MessageSettings
) -> Iterator[tuple[str, str, str, str, tuple[str, ...]]]:
    """What is observed: the type, code, value and unit of each OBX, and its notes."""
    if "scores" in settings.parts:
        for score in result.scores:
            unit = f"{SCORE.value}^score^UCUM"
            yield "NM", _coded(score.code, score.words), _number(score.value), unit, (_within(score),)
        if result.days_from_surgery is not None:
            offset = "128740^Longitudinal Temporal Offset from Event^DCM"
            yield "NM", offset, str(result.days_from_surgery), f"{DAY.value}^day^UCUM", ()
        if result.side is not None:
            yield "CE", "272741003^Laterality^SCT", _SIDES[result.side], "", ()
    yield "ST", "113014^DICOM Study^DCM", result.study_uid, "", ()
    if "pdf" in settings.parts and pdf is not None:
        data = "^".join([*map(escaped, settings.pdf_data), base64.b64encode(pdf).decode()])
        yield "ED", "^".join(map(escaped, settings.pdf_code)), data, "", ()


def _within(score: ResultScore) -> str:
    scale = f"scale {_number(score.low)} to {_number(score.high)}"
    if score.interval is None:
        return scale
    low, high = score.interval
    return f"{scale}; 90 % prediction interval {_number(low)} to {_number(high)}"


def _notes(notes: tuple[str, ...]) -> list[str]:
    return [_segment("NTE", str(number), "L", escaped(note)) for number, note in enumerate(notes, start=1)]


def _coded(code: str, words: str) -> str:
    return f"{code}^{escaped(words)}^{CODING_SCHEME}"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _segment(*fields: str) -> str:
    return "|".join(fields).rstrip("|")
