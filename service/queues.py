"""The queues that carry work: the names by which those who send and those who serve know them."""

from service.records import constancy, regrading
from service.records.flow import Stage

REGRADE, CONSTANCY = regrading.QUEUE, constancy.QUEUE
RECONCILE, FEATURES = "reconcile", "features"
NEEDED = (*(stage.value for stage in Stage), REGRADE, CONSTANCY, RECONCILE)
"""Those that an installation cannot do without."""
QUEUES = (*NEEDED, FEATURES)
