"""Deflated objects (PS3.5 A.5), unpacked to a file up to a limit: a small one may hold gigabytes."""

import tempfile
import zlib
from pathlib import Path
from typing import IO, BinaryIO, cast

from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_file_meta_info
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from grading.errors import PermanentError

MAX_UNPACKED_BYTES = 1 << 29
"""More than an uncompressed photo of 80 million pixels in 16 bit."""

_CHUNK = 1 << 20


class UnpackedTooLargeError(PermanentError):
    """A deflated object unpacks to more than the limit."""

    code = "dicom.unpacks_too_large"


def open_inflated(
    path: Path, meta: FileMetaDataset | None = None, *, max_bytes: int = MAX_UNPACKED_BYTES
) -> BinaryIO:
    """Open a DICOM file, at its start; a deflated one as the explicit little endian file that it stands for.

    ``meta`` is the file meta information, if it has been read already.

    Raises `UnpackedTooLargeError`, ``zlib.error`` when the packed data are damaged, `EOFError` when they end
    early, `OSError`, and what pydicom raises when the file is no DICOM object.
    """
    meta = read_file_meta_info(path) if meta is None else meta
    packed = path.open("rb")
    if meta.TransferSyntaxUID != DeflatedExplicitVRLittleEndian:
        return packed
    with packed:
        # Preamble, prefix and the group length's element, which counts what follows it (PS3.10 7.1).
        packed.seek(132 + 12 + meta.FileMetaInformationGroupLength)
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        head = DicomBytesIO()
        write_file_meta_info(head, meta)
        plain = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        try:
            plain.write(b"\0" * 128 + b"DICM" + head.getvalue())
            _inflate(packed, plain, max_bytes)
        except BaseException:
            plain.close()
            raise
    plain.seek(0)
    return cast(BinaryIO, plain)


def _inflate(packed: IO[bytes], plain: IO[bytes], max_bytes: int) -> None:
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    written = 0
    source = b""
    while not unpacker.eof:
        source = source or packed.read(_CHUNK)
        piece = unpacker.decompress(source, _CHUNK)
        if not source and not piece:
            raise EOFError("the deflated data end early")
        source = unpacker.unconsumed_tail
        written += len(piece)
        if written > max_bytes:
            raise UnpackedTooLargeError(
                f"The object unpacks to more than {max_bytes} bytes: send it in another transfer syntax."
            )
        plain.write(piece)
