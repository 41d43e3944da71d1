"""The method: scales, photo protocols, face preprocessing, CNN features, regression, model bundles.

Arrays and dataclasses in, arrays and dataclasses out. This room knows no DICOM, no database and no queue.
"""
