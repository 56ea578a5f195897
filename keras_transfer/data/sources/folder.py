"""A folder of photos, one sub-folder a class, to samples."""

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import NoReturn

import numpy as np

from keras_transfer.data.class_names import checked_name, one_spelling
from keras_transfer.data.dataset import SPLIT_NAMES, LabelledInputs, Source
from keras_transfer.data.photos.checking import good_photos
from keras_transfer.storage.printing import shortened

# What operating systems and tools leave behind: not worth a warning.
_CLUTTER = {".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX"}
PHOTO_SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp"),
    *(".tif", ".tiff", ".avif", ".jp2", ".heic"),
)


def find_folder(folder: Path, classes: Iterable[str] | None = None) -> Source:
    """Photos by split and class.

    `train/CLASS/`, `validation/CLASS/` (or `val/`) and `test/CLASS/`; or
    `CLASS/` alone, which gives one split, `"all"`.
    """
    parts = split_folders(folder)
    found = {name: _photos_by_class(part) for name, part in parts.items()}
    names = _class_names(folder, found, classes)
    kept, skipped = _keep_good(found, parts, names)
    splits = {
        name: _samples(parts[name], photos, names)
        for name, photos in kept.items()
    }
    return Source(splits, names, skipped=skipped)


def split_folders(folder: Path) -> dict[str, Path]:
    """Folders by split name: `{"all": folder}` where it has no splits."""
    parts = {
        SPLIT_NAMES[path.name.lower()]: path
        for path in sub_folders(folder)
        if path.name.lower() in SPLIT_NAMES
    }
    # A class may be called "train"; photos of trains lie in it directly.
    if "train" not in parts or not _is_split(parts["train"]):
        _refuse_test_alone(folder, parts)
        return {"all": folder}
    _warn_of_others(folder, parts)
    return parts


def _warn_of_others(folder: Path, parts: dict[str, Path]) -> None:
    """Names the folders beside train that are left out."""
    others = [p for p in sub_folders(folder) if p not in parts.values()]
    if others:
        warnings.warn(
            f"{folder}: beside train, these folders are left out: "
            f"{_listed(p.name for p in others)}. Parts are known by the names "
            f"{_listed(SPLIT_NAMES)}: rename one of them if it is such a "
            "part.",
            stacklevel=2,
        )


def sub_folders(folder: Path) -> list[Path]:
    """Sub-folders by name, without hidden ones and links to a parent."""
    return sorted(path for path in folder.iterdir() if _is_sub_folder(path))


def _is_split(folder: Path) -> bool:
    return bool(sub_folders(folder)) or (folder / "labels.csv").exists()


def _refuse_test_alone(folder: Path, parts: dict[str, Path]) -> None:
    names = {path.name.lower() for path in sub_folders(folder)}
    if parts and names <= set(SPLIT_NAMES):
        raise ValueError(
            f"{folder} holds {_listed(names)}, but no train folder with class "
            "folders in it. Expected: train/CLASS/photo.jpg and "
            "test/CLASS/photo.jpg, or CLASS/photo.jpg."
        )


def _is_sub_folder(path: Path) -> bool:
    if path.name.startswith(".") or path.name in _CLUTTER:
        return False
    try:
        return path.is_dir() and path.resolve() not in path.absolute().parents
    except (OSError, RuntimeError):
        return False


def _photos_by_class(part: Path) -> dict[str, list[Path]]:
    folders = _class_folders(part)
    if not folders:
        raise ValueError(_no_class_folder(part))
    return {
        name: sorted(
            path
            for folder in each
            for path in folder.iterdir()
            if path.name not in _CLUTTER
        )
        for name, each in folders.items()
    }


def _class_folders(part: Path) -> dict[str, list[Path]]:
    """Folders by class name: two, where macOS has spelt one of them."""
    found = {}
    for folder in sub_folders(part):
        found.setdefault(checked_name(folder.name), []).append(folder)
    return dict(sorted(found.items()))


def _no_class_folder(part: Path) -> str:
    suffixes = Counter(
        path.suffix or path.name for path in sorted(part.iterdir())
    )
    found = ", ".join(f"{n} {suffix}" for suffix, n in suffixes.most_common(5))
    return (
        f"{part} has no class folders. Found in it: {found or 'nothing'}. "
        "Expected: one sub-folder of photos a class, CLASS/photo.jpg, or a "
        "labels.csv beside the photos."
    )


def _class_names(
    folder: Path,
    found: dict[str, dict[str, list[Path]]],
    classes: Iterable[str] | None,
) -> list[str]:
    train_part = "all" if "all" in found else "train"
    names = list(found[train_part])
    if classes is not None:
        return chosen_classes(classes, names)
    for part, photos in found.items():
        _refuse_other_classes(folder, part, set(photos), set(names))
    if len(names) < 2:
        _refuse_one_class(folder)
    return names


def _refuse_one_class(folder: Path) -> NoReturn:
    parts = split_folders(folder)
    only = sub_folders(parts.get("all", parts.get("train")))[0]
    inner = sub_folders(only) if only.parent == folder else []
    if inner:
        raise ValueError(
            f"{folder} holds one folder, {only.name!r}, with the folders "
            f"{_listed(p.name for p in inner)} in it. Expected class folders. "
            f"If these are the classes, pass {only}."
        )
    raise ValueError(
        f"{folder} has one class: {only.name!r}. A classifier needs at "
        "least two; add a folder of photos of what is not that."
    )


def chosen_classes(classes: Iterable[str], names: Sequence[str]) -> list[str]:
    """The classes asked for, in that order, if they all exist."""
    chosen = [one_spelling(name) for name in classes]
    unknown = [name for name in chosen if name not in names]
    if unknown or len(set(chosen)) < 2:
        raise ValueError(
            f"`classes` must be at least two of {names}. Received: {chosen}"
            + (f", where {_listed(unknown)} is unknown." if unknown else ".")
        )
    return chosen


def _refuse_other_classes(
    folder: Path, part: str, here: set[str], expected: set[str]
) -> None:
    more, less = here - expected, expected - here
    if more or less:
        raise ValueError(
            f"{folder}: {part} and train don't hold the same classes. Only in "
            f"{part}: {_listed(more)}. Only in train: {_listed(less)}. "
            "Rename or remove the folders, or leave classes out: in Python "
            "classes=[...]."
        )


def _keep_good(
    found: dict[str, dict[str, list[Path]]],
    parts: dict[str, Path],
    names: list[str],
) -> tuple[dict[str, dict[str, list[Path]]], dict[str, str]]:
    """Drops what is no photo, in one pass and with one warning."""
    wanted = {
        (part, name): photos.get(name, [])
        for part, photos in found.items()
        for name in names
    }
    loose = [path for part in parts.values() for path in _loose_photos(part)]
    _warn_of_deeper(parts, names)
    good, skipped = good_photos(list(chain(*wanted.values())), loose)
    kept = {part: {} for part in found}
    for (part, name), photos in wanted.items():
        kept[part][name] = [path for path in photos if path in good]
        if not kept[part][name]:
            _refuse_empty_class(parts[part] / name, skipped)
    return kept, skipped


def _warn_of_deeper(parts: dict[str, Path], names: list[str]) -> None:
    """Names folders inside of class folders, whose photos are left out."""
    deeper = {}
    for part in parts.values():
        folders = _class_folders(part)
        for folder in chain(*(folders.get(name, ()) for name in names)):
            for inner in sub_folders(folder):
                number = sum(p.is_file() for p in inner.rglob("*"))
                if number:
                    deeper[str(inner)] = number
    if deeper:
        listed = [f"{path}: {n} files" for path, n in deeper.items()]
        warnings.warn(
            f"{sum(deeper.values())} files lie in folders inside of class "
            "folders, and are left out. Move them up into the folder of their "
            "class:\n  " + "\n  ".join(shortened(listed)),
            stacklevel=2,
        )


def _loose_photos(part: Path) -> list[Path]:
    """Photos and broken links that lie beside the class folders."""
    return [
        path
        for path in sorted(part.iterdir())
        if path.suffix.lower() in PHOTO_SUFFIXES and not path.is_dir()
    ]


def _refuse_empty_class(folder: Path, skipped: dict[str, str]) -> NoReturn:
    where = one_spelling(folder)
    bad = [p for p in skipped if one_spelling(Path(p).parent) == where]
    reasons = Counter(skipped[path] for path in bad)
    found = ", ".join(f"{n} x {reason}" for reason, n in reasons.items())
    raise ValueError(
        f"The class folder {folder} has no photo that can be read. Found in "
        f"it: {found or 'nothing'}. Add photos, or remove the folder."
    )


def _samples(
    part: Path, photos: dict[str, list[Path]], names: list[str]
) -> LabelledInputs:
    paths = [str(path) for name in names for path in photos[name]]
    counts = [len(photos[name]) for name in names]
    return LabelledInputs(paths, np.repeat(np.arange(len(names)), counts))


def _listed(names: Iterable) -> str:
    return ", ".join(shortened(sorted(map(str, names)))) or "none"
