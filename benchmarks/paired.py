"""Two sides, measured in turn in one process: the ratio and its interval."""

import os
import platform
import time

import numpy as np


def paired(ours, theirs, *, pairs=30, warm_up=3):
    """Times two callables alternately.

    Args:
        ours: callable without arguments; the numerator.
        theirs: callable without arguments; the denominator.
        pairs: number of pairs. The order within a pair alternates.
        warm_up: calls of each that are not counted.

    Returns:
        Dict with the median seconds of both, the median of the ratios
        ours/theirs and its 95 % interval (bootstrap of the median).
    """
    for _ in range(warm_up):
        ours(), theirs()
    return summary([_pair(ours, theirs, i % 2) for i in range(pairs)])


def summary(times):
    """The result of `paired` for seconds measured elsewhere.

    Args:
        times: array-like `(pairs, 2)`, seconds of ours and of theirs.
    """
    times = np.asarray(times)
    ratios = times[:, 0] / times[:, 1]
    low, high = _interval(ratios)
    return {
        "ours_s": float(np.median(times[:, 0])),
        "theirs_s": float(np.median(times[:, 1])),
        "ratio": float(np.median(ratios)),
        "low": low,
        "high": high,
        "pairs": len(times),
    }


def line(name, result):
    """One readable line for a result of `paired`."""
    return (
        f"{name:<28} ours {1e3 * result['ours_s']:9.2f} ms   theirs "
        f"{1e3 * result['theirs_s']:9.2f} ms   ratio {result['ratio']:.3f} "
        f"[{result['low']:.3f}, {result['high']:.3f}]"
    )


def machine():
    """The machine, in words, with the cores that this process may use."""
    cores = os.cpu_count()
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    return f"{platform.machine()}, {cores} cores, {platform.system()}"


def _pair(ours, theirs, swapped):
    sides = (theirs, ours) if swapped else (ours, theirs)
    seconds = [_seconds(side) for side in sides]
    return seconds[::-1] if swapped else seconds


def _seconds(side):
    started = time.perf_counter()
    side()
    return time.perf_counter() - started


def _interval(ratios, draws=10_000):
    rng = np.random.default_rng(0)
    picks = rng.choice(ratios, size=(draws, len(ratios)))
    low, high = np.percentile(np.median(picks, axis=1), [2.5, 97.5])
    return float(low), float(high)
