"""Writes docs/conformance.md, the DICOM Conformance Statement (PS3.2), from the tables that the code uses."""

from dataclasses import fields
from pathlib import Path

from pydicom.uid import UID
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from dicom.committing import MAX_OBJECTS
from dicom.contexts import ACCEPTED, CREATED, KINDS
from dicom.notices import ANNOUNCING
from dicom.peers import MAX_PDU
from dicom.receiver import ReceiverConfig
from dicom.sending import FALLBACKS
from dicom.statuses import (
    INVALID_ARGUMENT,
    MISMATCH,
    NOT_AUTHORIZED,
    NOT_UNDERSTOOD,
    OUT_OF_RESOURCES,
    PROCESSING_FAILURE,
    REPLIES,
    SUCCESS,
    is_stored,
    is_transient,
    words,
)
from dicom.tls import SUITES
from dicom.uids import (
    CODING_SCHEME,
    CODING_SCHEME_UID,
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
)
from service.peer_settings import DicomAddress
from service.records.commitment_questions import KEPT
from service.settings import Settings
from tools.made_objects import tables
from workers.deliver import COMMITMENT_SECONDS

QUERY_MODELS = (
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)
ANSWERS = {
    SUCCESS: "on disk and recorded; known already; or kept beside another version, for a person",
    OUT_OF_RESOURCES: "disk full, or the records cannot be written now: nothing is kept, send again",
    MISMATCH: "the data set has other UIDs than the command: the bytes are kept aside",
    NOT_UNDERSTOOD: "no DICOM object, cut short, too large, or an attribute over its length",
}
TITLE = f"""# DICOM Conformance Statement

Of Facialis, {IMPLEMENTATION_VERSION_NAME}. In the order of PS3.2; what it says about negotiation, replies
and attributes is written by `make docs` from the tables that the program itself uses.
"""
INTRODUCTION = """## 2 Introduction

For those who connect Facialis to cameras, gateways and archives. It does not replace tests with them. SCU
and SCP are the two roles of a service (PS3.4), AE is an application entity; further terms are those of PS3.

## 3 Implementation model

Facialis receives photo series of faces, grades facial palsy on the eFACE scale and returns the result to
the study of the photos.

- The **receiver** (`facialis receive`) takes objects from cameras and archives, commits itself to keep them
  where a sender asks, and takes the answers to our own requests for storage commitment.
- The **sender** (in the workers) stores results at the destinations, asks for storage commitment where that
  is set, and repeats what fails for the time being. `facialis send` and `facialis check` use the same code.
- The **fetcher** (`facialis fetch`) searches archives and takes in what was never sent.

All use one AE title. They are started by `facialis up`, or each by itself on any machine.
"""
FETCHING = """
Keys of queries: Study Date (a range), Modalities in Study, Modality, and the unique keys of each level.
Studies are searched first, by spans of a month, then series, then instances. Objects are retrieved by
instance, only those that are not there yet. For C-GET we propose ourselves as SCP of the storage classes
above, each transfer syntax in a presentation context of its own; for C-MOVE the destination is our
receiver's AE title. A final status of A7xx, or B000 (sub-operations failed), lets the series be fetched
again by the next run; others are told to the operator.
"""
COMMITTING = f"""
Where a destination has `commitment`, an N-ACTION (request storage commitment) follows each association on
which objects were stored; it names those that were stored. The N-EVENT-REPORT is awaited for two seconds on
the same association, then on an association that the peer opens to the receiver with role selection (it is
SCP). An object that the peer does not commit to, or that it says nothing of for
{COMMITMENT_SECONDS / 60:g} minutes, is sent again.
"""
KEEPING = f"""
An N-ACTION (request storage commitment) of at most {MAX_OBJECTS} objects is answered with 0x0000 to a peer
of `commitment_peers`, with 0x{NOT_AUTHORIZED:04X} to others, with 0x{INVALID_ARGUMENT:04X} where it cannot
be read. The N-EVENT-REPORT follows on an association that the receiver opens to the peer, with role
selection (we are SCP). An object is committed to when it is recorded and its file is there; for others
the failure reason is 0x0112. The request is on record before it is answered with 0x0000; where that cannot
be done now the answer is 0x{PROCESSING_FAILURE:04X}. A report that the peer does not take is repeated, after
a second and then ever less often, for {KEPT.days} days.
"""
ANNOUNCED = f"""
A series ends, without the wait of `quiet_seconds`, when an N-CREATE of the Instance Availability
Notification, or an N-SET (or N-CREATE) of a performed procedure step with status COMPLETED, names it and all
instances that it names are here; else it ends as without. The notice itself is not kept, and an N-SET is
taken of any step. Replies: 0x0000, or 0x{PROCESSING_FAILURE:04X} when the records cannot be written now.
"""
WEB = """## 5 DICOMweb

As a client only; HTTP basic authentication and TLS where set.

| resource | use |
|---|---|
| `POST /studies` (STOW-RS) | results, one object per request, `multipart/related; type="application/dicom"` |
| `GET /studies`, `…/{study}/series`, `…/{series}/instances` (QIDO-RS) | search as in 4.3, by pages |
| `GET …/instances/{instance}` (WADO-RS) | `application/dicom; transfer-syntax=*` |

HTTP 408, 425, 429 and 5xx are tried again; failure reasons are read as the C-STORE statuses in 4.2.
"""
CONTENT = f"""### 8.2 Content of the structured report

TID 1500 Measurement Report, titled (126000, DCM, "Imaging Measurement Report"): language, device observer
(TID 1002, 1004), procedure reported, image library (TID 1600) of the graded photos, and one measurement
group (TID 1501): tracking identifier (the same for all reports of a patient), finding (280816001, SCT,
"Facial palsy"), method, finding site face with the affected side as laterality, algorithm (TID 4019), time
point (TID 1502) with its longitudinal temporal offset from (387713003, SCT, "Surgical procedure") in days.

Each item and sub-score is a NUM (TID 300) in `{{score}}` with its algorithm, the photos that it was read
from, the bounds of its scale and the score of a balanced face (added to TID 300, which is extensible), and
its 90 % prediction interval as upper and lower measurement uncertainty (TID 310) where the model knows one.
A score that could not be given is absent. Quality flags are CODE items of the group. The codes:
[codes.md](codes.md).

The tree is Enhanced SR. One grading gives one draft of each kind, UNVERIFIED as shown above, whose UIDs
follow from the grading. Once a clinician has signed the report off there is one final version of each kind:
another object that is VERIFIED; in the structured report the Verifying Observer Sequence (0040,A073) has the
clinician's name, the organization of the settings (or `not stated`) and the moment. The Predecessor
Documents Sequence of a final version names its draft, that of the documents of a later grading names those
that they replace.

### 8.3 Private and extended terms

The coding scheme `{CODING_SCHEME}` ({CODING_SCHEME_UID}) is declared in each object that uses it.
Longitudinal Temporal Event Type (0012,0053) has the further term `SURGERY`. There are no private
attributes.

### 8.4 Attributes that are used

Of received photos, beside identity, study and pixels: the pose, from a code in Acquisition Context (130324,
DCM) or View Code, else from words in Image Comments, Acquisition Context Description, Series Description
and Protocol Name, else from the Instance Number of a full series (the order is a setting); the moment, from
Acquisition DateTime, Content, Series or Study Date and Time. Received objects are kept to the byte; nothing
is coerced.

## 9 Character sets

Every character set of PS3.3 C.12.1.1.2 is read. What Facialis makes is Unicode in UTF-8 (`ISO_IR 192`).
"""


def page() -> str:
    """The whole page."""
    return "\n".join(
        [TITLE, *_overview(), INTRODUCTION, *_services(), WEB, *_configuration(), *_communication(),
         *_objects(), CONTENT, *_security()]
    )  # fmt: skip


def _overview() -> list[str]:
    rows = ["## 1 Overview\n", "| service | SOP class | SCU | SCP |", "|---|---|---|---|"]
    rows.append(_row("Verification", Verification, scu=True, scp=True))
    rows += [
        _row("Storage", sop_class, scu=sop_class in CREATED, scp=sop_class in KINDS)
        for sop_class in dict.fromkeys([*CREATED, *KINDS])
    ]
    rows += [_row("Query/Retrieve", model, scu=True, scp=False) for model in QUERY_MODELS]
    rows += [_row("End of a series", sop_class, scu=False, scp=True) for sop_class in ANNOUNCING]
    rows.append(_row("Storage commitment", StorageCommitmentPushModel, scu=True, scp=True))
    return [
        *rows,
        "\n`facialis send` stores objects of any class. DICOMweb: STOW-RS, QIDO-RS, WADO-RS as a client.\n",
    ]


def _row(service: str, sop_class: UID, *, scu: bool, scp: bool) -> str:
    return f"| {service} | {sop_class.name} (`{sop_class}`) | {_yes(scu)} | {_yes(scp)} |"


def _yes(given: bool) -> str:
    return "yes" if given else "no"


def _services() -> list[str]:
    lines = [
        "## 4 Services\n",
        "### 4.1 Receiver: SCP of Verification, Storage, Storage Commitment and what ends a series\n",
    ]
    lines.append(
        "Transfer syntaxes in order of preference; the first that the peer proposes too is chosen.\n"
    )
    by_syntaxes: dict[tuple[UID, ...], list[UID]] = {}
    for sop_class, syntaxes in ACCEPTED.items():
        by_syntaxes.setdefault(syntaxes, []).append(sop_class)
    lines += ["| SOP classes | transfer syntaxes |", "|---|---|"]
    for syntaxes, classes in by_syntaxes.items():
        names = "<br>".join(sop_class.name for sop_class in classes)
        lines.append(f"| {names} | {'<br>'.join(f'{syntax.name} (`{syntax}`)' for syntax in syntaxes)} |")
    lines += ["\n| C-STORE reply | when |", "|---|---|"]
    lines += [f"| 0x{status:04X} | {when} |" for status, when in ANSWERS.items()]
    lines += [KEEPING, ANNOUNCED]
    lines += ["### 4.2 Sender: Storage SCU, Verification SCU, Storage Commitment SCU\n"]
    lines += ["| SOP class | transfer syntaxes, in order |", "|---|---|"]
    for sop_class, own in CREATED.items():
        proposed = dict.fromkeys([*own, *FALLBACKS])
        lines.append(f"| {sop_class.name} | {', '.join(syntax.name for syntax in proposed)} |")
    lines.append(
        "\nEach pair of class and syntax is a presentation context of its own. Reaction to replies:\n"
    )
    lines += ["| status | meaning | reaction |", "|---|---|---|"]
    lines += [
        f"| 0x{status:04X} | {words(status).split(' (')[0]} | {_reaction(status)} |" for status in REPLIES
    ]
    lines += [COMMITTING, "### 4.3 Fetcher: Query/Retrieve SCU\n"]
    lines += [f"- {model.name} (`{model}`)" for model in QUERY_MODELS]
    return [*lines, FETCHING]


def _reaction(status: int) -> str:
    if is_stored(status):
        return "delivered"
    return "sent again later" if is_transient(status) else "failed; a person is told"


def _configuration() -> list[str]:
    receiver, settings = ReceiverConfig(spool=Path()), Settings.model_fields["receiver"].default
    names = ", ".join(f"`{name}`" for name in DicomAddress.model_fields if name != "kind")
    return [
        "## 6 Configuration\n",
        "All settings: [settings.md](settings.md). A peer has " + names + ". Defaults of the receiver:\n",
        "| | |\n|---|---|",
        f"| AE title, port | `{settings.ae_title}`, {settings.port} |",
        f"| associations at once | {settings.max_associations}; further ones are rejected, transient |",
        f"| largest object | {settings.max_object_bytes >> 20} MiB |",
        *(
            f"| {field.name.replace('_', ' ')} | {field.default:g} s |"
            for field in fields(receiver)
            if field.name.endswith("_timeout")
        ),
        "",
    ]


def _communication() -> list[str]:
    return [
        "## 7 Communication\n",
        "| | |\n|---|---|",
        "| application context | `1.2.840.10008.3.1.1.1` |",
        f"| implementation class UID | `{IMPLEMENTATION_CLASS_UID}` |",
        f"| implementation version name | `{IMPLEMENTATION_VERSION_NAME}` |",
        f"| largest PDU | {ReceiverConfig(spool=Path()).max_pdu} (receiver), {MAX_PDU} (sender, fetcher) |",
        "| asynchronous operations, user identity | not used |",
        "\nThe receiver rejects associations to another AE title, and from AE titles that it does not know "
        "where `known_callers` is set; connections from addresses outside `known_addresses` are closed.\n",
    ]


def _objects() -> list[str]:
    lines = ["## 8 Objects and attributes\n", "### 8.1 Objects that are made\n"]
    for name, rows in tables().items():
        lines += [f"**{name}**\n", "| tag | attribute | VR | value |", "|---|---|---|---|", *rows, ""]
    return lines


def _security() -> list[str]:
    suites = ", ".join(SUITES)
    return [
        "## 10 Security\n",
        "TLS after the BCP 195 RFC 8996, 9325 profile (PS3.15 B.12), where set: TLS 1.3, or 1.2 with "
        f"{suites}. The peer's certificate and host name are checked; client certificates are asked for and "
        "shown where set. Photos of faces identify; Facialis exports no de-identified objects.\n",
    ]


if __name__ == "__main__":
    (Path(__file__).parent.parent / "docs" / "conformance.md").write_text(page())
