"""The threads that read photos: one pool for the whole process."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache


def num_threads() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def pool() -> ThreadPoolExecutor:
    """The process's own pool; a forked child gets a new one."""
    return _pool_of(os.getpid())


@lru_cache(maxsize=1)
def _pool_of(process_id: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(
        num_threads(), thread_name_prefix="keras_transfer_photos"
    )
