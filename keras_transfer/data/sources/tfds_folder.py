"""Where tensorflow-datasets has prepared a data set on this disk."""

import difflib
import os
import re
from pathlib import Path

from keras_transfer._private.types import PathLike


def prepared_folder(name: str, data_dir: PathLike | None = None) -> Path:
    """The newest fitting version that lies there complete.

    Args:
        name: `NAME`, `NAME/CONFIG`, either followed by `:VERSION`.
        data_dir: folder to look in; `None` is `$TFDS_DATA_DIR` or
            `~/tensorflow_datasets`.

    Raises:
        FileNotFoundError: saying what lies there instead.
        ValueError: where several configurations fit.
    """
    default = os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")
    data_dir = Path(data_dir or default).expanduser()
    path, _, version = name.partition(":")
    wanted = path.split("/")
    found = [
        folder
        for folder in _complete_folders(data_dir)
        if list(folder.relative_to(data_dir).parts[: len(wanted)]) == wanted
        and version in ("", folder.name)
    ]
    if not found:
        raise FileNotFoundError(_not_prepared(name, data_dir))
    configs = {folder.parent for folder in found}
    if len(configs) > 1:
        raise ValueError(
            f"tfds:{name} lies in several configurations: "
            f"{sorted(c.name for c in configs)}. Pass one of them, like "
            f"tfds:{path}/{min(c.name for c in configs)}."
        )
    return max(found, key=_version_numbers)


def _version_numbers(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", folder.name)]


def _complete_folders(data_dir: Path) -> list[Path]:
    """NAME/VERSION and NAME/CONFIG/VERSION that were prepared to the end."""
    patterns = ("*/*/features.json", "*/*/*/features.json")
    return [
        path.parent
        for pattern in patterns
        for path in sorted(data_dir.glob(pattern))
        if (path.parent / "dataset_info.json").exists()
        and "incomplete" not in path.parent.name
    ]


def _not_prepared(name: str, data_dir: Path) -> str:
    there = sorted(
        {
            "/".join(folder.relative_to(data_dir).parts[:-1])
            + f":{folder.name}"
            for folder in _complete_folders(data_dir)
        }
    )
    names = sorted({entry.split(":")[0] for entry in there})
    near = difflib.get_close_matches(name.split(":")[0], names, n=3)
    lies = ", ".join(there[:20]) or "nothing"
    return (
        f"tfds:{name} is not prepared in {data_dir}. What lies there: {lies}. "
        + (f"Near: {', '.join(near)}. " if near else "")
        + "Nothing is downloaded here. On a machine with a network run: "
        'python -c "import tensorflow_datasets as tfds; '
        f"tfds.builder('{name}', data_dir='DIR', "
        "file_format='array_record').download_and_prepare()\" "
        "and copy DIR here, then pass data_dir=DIR or set TFDS_DATA_DIR."
    )
