"""How much memory there is to take."""

import os
from pathlib import Path


def available_bytes() -> int | None:
    """Memory that this process may still take, where the system says so."""
    known = [n for n in (_free_in_system(), _free_in_group()) if n is not None]
    return min(known) if known else None


def _free_in_system() -> int | None:
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


def _free_in_group(group: Path = Path("/sys/fs/cgroup")) -> int | None:
    """What a container's own limit leaves; `None` where there is none."""
    try:
        limit, used = (
            int((group / name).read_text())
            for name in ("memory.max", "memory.current")
        )
    except (OSError, ValueError):  # "max" means no limit
        return None
    return max(limit - used, 0)
