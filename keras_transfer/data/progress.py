"""A progress bar for passes that a person waits for."""

import sys
from collections.abc import Iterable


def progress(items: Iterable, total: int, description: str) -> Iterable:
    """Yields the items; a long pass shows a bar on a terminal."""
    if total < 2000 or not sys.stderr.isatty():
        return iter(items)
    from rich.console import Console
    from rich.progress import track

    return track(
        items,
        total=total,
        description=description,
        console=Console(stderr=True),
        transient=True,
    )
