"""What has changed since a run was begun."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_transfer._private.types import PathLike

if TYPE_CHECKING:
    from keras_transfer.recipes.run_splits import RunSplits


def refuse_other_options(
    folder: PathLike, before: dict[str, Any], now: dict[str, Any]
) -> None:
    """Makes sure that a run goes on as it was begun.

    Args:
        folder: the folder of the run.
        before: dict of what decided about it.
        now: the same, of what is asked for.

    Raises:
        ValueError: they differ; names what, and both values.
    """
    changed = [
        f"{name} {now[name]!r} after {before.get(name)!r}"
        for name in now
        if now[name] != before.get(name)
    ]
    if changed:
        raise ValueError(
            f"The run in '{folder}' goes on as it was begun. Received: "
            f"{', '.join(changed)}. Leave these out, or begin anew by "
            "--overwrite."
        )


def refuse_other_samples(
    folder: PathLike, before: RunSplits, now: RunSplits
) -> None:
    """Makes sure that a run goes on with the samples of before.

    Args:
        folder: the folder of the run.
        before: the `RunSplits` of then.
        now: those of now.

    Raises:
        ValueError: there are others, fewer or more; names some.
    """
    if [r | {"file": ""} for r in before.rows] == [
        r | {"file": ""} for r in now.rows
    ]:
        return
    new = [row for row in now.rows if not before.knows(row["digest"])]
    gone = [row for row in before.rows if not now.knows(row["digest"])]
    raise ValueError(
        f"The data have changed since the run in '{folder}' was begun: "
        f"{_some(new)} new, {_some(gone)} gone. Bring them back as they were, "
        "or begin anew by --overwrite."
    )


def _some(rows: list[dict[str, str]]) -> str:
    names = ", ".join(row["file"] for row in rows[:3])
    return f"{len(rows)} ({names})" if names else "0"
