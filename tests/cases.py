"""Which cases of a test are slow, and what CI runs of them."""

import pytest


def some_slow(names, quick, graphs=()):
    """Cases of which a few are always run.

    Args:
        names: all cases.
        quick: those that are not slow.
        graphs: those that are about graphs.
    """
    slow, on_graphs = pytest.mark.slow, pytest.mark.on_graphs
    return [
        pytest.param(
            name,
            marks=[slow] * (name not in quick) + [on_graphs] * (name in graphs),
        )
        for name in names
    ]
