"""Numbers of things as people write them."""

from __future__ import annotations


def counted(count: int, thing: str) -> str:
    """A number and what it counts.

    Args:
        count: how many.
        thing: one of them, in the singular; its plural ends in s.

    Example:
        >>> counted(1, "example"), counted(2000, "held-out example")
        ('1 example', '2,000 held-out examples')
    """
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"
