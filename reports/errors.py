"""Why a report cannot be drawn; trying again with the same content fails the same way."""

from grading.errors import PermanentError


class ReportError(PermanentError):
    """The report cannot be drawn from what was handed in."""

    code = "report"


class ReportPhotoError(ReportError):
    """A photo is not a JPEG that can be decoded."""

    code = "report.photo"


class ReportFontError(ReportError):
    """The fonts that the report embeds are not installed."""

    code = "report.font"


class ReportLanguageError(ReportError):
    """There is no catalogue of texts in the language that was asked for."""

    code = "report.language"
