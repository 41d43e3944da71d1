"""The protocol side: receiving, reading, sending and building DICOM objects. Knows no database and no model.

Three process-wide settings of the DICOM libraries are made here, before any other module of the room runs:
pydicom's value checks are off, since their warnings quote the value, which may be a birth date; pynetdicom's
per-message logging is off, since it prints whole data sets at debug level; files are sent in pieces.
"""

import pydicom.config
import pynetdicom._config

pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
pynetdicom._config.LOG_HANDLER_LEVEL = "none"
pynetdicom._config.STORE_SEND_CHUNKED_DATASET = True
