"""What goes wrong in signalling, split by whose fault it is."""


class SignallingError(Exception):
    """Base of all that signalling raises on purpose."""
