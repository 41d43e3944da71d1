"""Tables that spreadsheets and registries write, of patients, surgeries, events, scores: all rows or none."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, Field

from service.api.context import Held
from service.api.gate import Admin
from service.api.problems import ApiError, Fault, described
from service.database import transaction
from service.records import audit
from service.records.annotations import ANNOTATIONS
from service.records.audit_events import AuditEventKind
from service.records.importing import EVENTS, PATIENTS, SURGERIES, Remark, import_rows
from service.tables import TableError, read_table

router = APIRouter(prefix="/imports", tags=["imports"])

TABLES = {"patients": PATIENTS, "surgeries": SURGERIES, "events": EVENTS, "annotations": ANNOTATIONS}
Kind = Literal["patients", "surgeries", "events", "annotations"]
Encoding = Literal["utf-8", "cp1252", "latin-1"]


class ImportProblemsError(ApiError):
    """A table has rows that cannot be recorded, so nothing of it was."""

    code = "import.problems"
    status = 422

    def __init__(self, problems: Sequence[Remark]) -> None:
        super().__init__("rows of the table have problems, so nothing was stored")
        self.faults = [
            Fault(at=", ".join(filter(None, (f"row {one.row}", one.column))), detail=one.message)
            for one in problems
        ]


class RemarkShown(BaseModel):
    """Something to know of a row."""

    row: int = Field(description="In a spreadsheet, where the header is row 1.", examples=[2])
    column: str = Field(examples=["surgeon"])
    message: str = Field(examples=["differs from the record, which is kept"])


class Imported(BaseModel):
    """What a table held."""

    stored: bool
    added: int = Field(description="Rows that were not on record.")
    known: int = Field(description="Rows that were.")
    new_patients: int
    remarks: list[RemarkShown]


@router.post("/{kind}", responses=described())
def import_table(
    kind: Kind,
    table: Annotated[bytes, Body(media_type="text/csv", description="docs/records.md names its columns.")],
    held: Held,
    caller: Admin,
    dry_run: Annotated[bool, Query(description="Store nothing, only tell what would be.")] = False,
    encoding: Encoding = "utf-8",
) -> Imported:
    """Take in a CSV table. Any problem, told by row, keeps all of it out; the same again changes nothing."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "table.csv"
        file.write_bytes(table)
        try:
            rows = read_table(file, TABLES[kind].columns, encoding)
        except TableError as error:
            told = str(error).replace(str(file), "the table").replace("--encoding ", "encoding=")
            raise TableError(told) from None
    with transaction(held.engine) as session:
        outcome = import_rows(session, TABLES[kind], rows)
        if outcome.problems:
            raise ImportProblemsError(outcome.problems)
        if dry_run:
            session.rollback()
        else:
            event = AuditEventKind.DATA_IMPORTED
            audit.record(session, caller.actor, event, table=kind, added=outcome.added, known=outcome.known)
    return Imported(
        stored=not dry_run,
        added=outcome.added,
        known=outcome.known,
        new_patients=outcome.new_patients,
        remarks=[RemarkShown(row=one.row, column=one.column, message=one.message) for one in outcome.remarks],
    )
