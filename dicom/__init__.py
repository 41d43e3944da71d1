"""The protocol side: receiving, reading, sending and building DICOM objects. It knows no database and no model: it calls back."""
