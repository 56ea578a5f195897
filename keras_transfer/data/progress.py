"""A progress bar for passes that a person waits for."""

import sys


def progress(items, total: int, description: str):
    """Yields the items; shows a bar on a terminal where `rich` is there."""
    if total < 2000 or not sys.stderr.isatty():
        return iter(items)
    try:
        from rich.console import Console
        from rich.progress import track
    except ImportError:
        return iter(items)
    return track(
        items,
        total=total,
        description=description,
        console=Console(stderr=True),
        transient=True,
    )
