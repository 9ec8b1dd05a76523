"""The wire: values to HTTP requests, bytes to values.

Pure: no clock, no socket, no environment. A reader is fed bytes cut anywhere and gives deltas.
"""
