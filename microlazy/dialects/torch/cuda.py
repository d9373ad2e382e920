"""What programs ask before they choose a device: `torch.cuda`."""

__all__ = ["device_count", "is_available"]


def is_available() -> bool:
    """False: microlazy computes on the CPU.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> "cuda" if torch.cuda.is_available() else "cpu"
    'cpu'
    """
    return False


def device_count() -> int:
    """0: microlazy computes on the CPU."""
    return 0
