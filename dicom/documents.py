"""The PDF inside a received Encapsulated PDF object (PS3.3 A.45.1)."""

from pathlib import Path

from pydicom import dcmread

from dicom.deflated import open_inflated
from dicom.header_reading import UnreadableObjectError, read_header
from grading.errors import PermanentError


class NotAPdfError(PermanentError):
    """The object holds no PDF."""

    code = "document.not_a_pdf"


def read_pdf(path: Path) -> bytes:
    """The encapsulated document without its padding.

    Raises `NotAPdfError` when the object holds something else, and `OSError` when it cannot be opened.
    """
    try:
        read_header(path)
    except UnreadableObjectError:
        raise NotAPdfError("The object is cut short: send it again.") from None
    with open_inflated(path) as file:
        dataset = dcmread(file)
    document = bytes(dataset.get("EncapsulatedDocument", b""))
    length = dataset.get("EncapsulatedDocumentLength")
    document = document[:length] if isinstance(length, int) and length else document
    if not document.startswith(b"%PDF-"):
        raise NotAPdfError("The object holds no PDF: send the document itself.")
    return document
