"""A photo object to an array of pixels, by decoders that are named here: another decoder is another input.

pydicom's choice of plugin depends on what is installed, and two JPEG decoders differ by up to 8 of 255 in a
pixel, so each transfer syntax has one decoder.
"""
