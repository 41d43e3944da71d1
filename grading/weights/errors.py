"""What can be wrong with a backbone and its weights."""

from grading.errors import PermanentError, TransientError


class UnknownBackboneError(PermanentError):
    """No backbone or layer of that name."""

    code = "backbone.unknown"


class WeightsError(PermanentError):
    """A weights file is missing, damaged or belongs to another network."""

    code = "backbone.weights"


class DownloadError(TransientError):
    """Pretrained weights could not be downloaded."""

    code = "backbone.download"
