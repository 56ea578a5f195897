"""How much memory there is to take."""

import contextlib
import os
import sys
from pathlib import Path


def available_bytes() -> int | None:
    """Memory that this process may still take, where the system says so."""
    known = [n for n in (_free_in_system(), _free_in_group()) if n is not None]
    return min(known) if known else None


def _free_in_system():
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        values = dict(line.split(":", 1) for line in lines)
        return 1024 * int(values["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _free_in_group(group=Path("/sys/fs/cgroup")):
    """What a container's own limit leaves; `None` where there is none."""
    try:
        limit, used = (
            int((group / name).read_text())
            for name in ("memory.max", "memory.current")
        )
    except (OSError, ValueError):  # "max" means no limit
        return None
    return max(limit - used, 0)


@contextlib.contextmanager
def forgetting_gradients():
    """Lets go of what TensorFlow keeps of models that were trained inside.

    For each function that it traces, TensorFlow registers a gradient, for
    good; with it stay the graph and the memory of all variables that it used,
    the optimizer's too. Models that were trained inside can no longer be
    trained afterwards.
    """
    known = set(_gradients())
    try:
        yield
    finally:
        registry = _gradients()
        for name in set(registry) - known:
            del registry[name]


def _gradients():
    """TensorFlow's registry of gradients; empty where there is none."""
    ops = sys.modules.get("tensorflow.python.framework.ops")
    registry = getattr(ops, "gradient_registry", None)
    return getattr(registry, "_registry", {})
