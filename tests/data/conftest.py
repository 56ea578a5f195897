"""Photos made on the spot: good ones of many kinds, and bad ones."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

Image = pytest.importorskip("PIL.Image")


def picture(seed=0, height=24, width=36):
    """A smooth RGB picture that compresses well and differs by seed."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (3, 4, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height))


def save(image, path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def cut(path, part):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])


def flip_bytes(path, start):
    data = bytearray(path.read_bytes())
    data[start : start + 40] = bytes(255 - b for b in data[start : start + 40])
    path.write_bytes(data)


def png(width, height):
    """The beginning of a PNG that claims this size: a bomb of 100 bytes."""
    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(10_000))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body))
        + kind
        + body
        + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in [(b"IHDR", size), (b"IDAT", pixels)]
    )


def _empty(folder):
    (folder / "empty.jpg").touch()


def _text(folder):
    (folder / "notes.txt").write_text("not a photo")


def _web_page(folder):
    (folder / "page.jpg").write_text("<!doctype html><p>404 not found</p>")


def _drawing(folder):
    (folder / "drawing.svg").write_text("<svg xmlns='x'></svg>")


def _random_bytes(folder):
    noise = np.random.default_rng(0).bytes(2000)
    (folder / "noise.jpg").write_bytes(noise)


def _truncated_jpeg(folder):
    cut(save(picture(1, 200, 300), folder / "half.jpg"), 0.6)


def _truncated_progressive_jpeg(folder):
    photo = picture(1, 200, 300)
    cut(save(photo, folder / "half_progressive.jpg", progressive=True), 0.6)


def _truncated_png(folder):
    cut(save(picture(2, 200, 300), folder / "half.png"), 0.6)


def _header_only_jpeg(folder):
    cut(save(picture(3), folder / "header.jpg"), 0.02)


def _corrupt_png(folder):
    path = save(picture(4, 200, 300), folder / "corrupt.png")
    flip_bytes(path, path.stat().st_size // 2)


def _corrupt_jpeg(folder):
    path = save(picture(5), folder / "corrupt.jpg")
    flip_bytes(path, path.read_bytes().index(b"\xff\xc4") + 2)


def _huge(folder):
    (folder / "huge.png").write_bytes(png(60_000, 60_000))


def _rather_huge(folder):
    (folder / "rather_huge.png").write_bytes(png(11_000, 11_000))


def _folder(folder):
    (folder / "folder.jpg").mkdir()


def _broken_link(folder):
    (folder / "broken.jpg").symlink_to(folder / "gone.jpg")


def _link_loop(folder):
    (folder / "loop.jpg").symlink_to(folder / "loop.jpg")


def _link_to_parent(folder):
    (folder / "parent").symlink_to(folder.parent, target_is_directory=True)


def _pipe(folder):
    os.mkfifo(folder / "pipe.jpg")


def _floating_point(folder):
    values = np.linspace(-3, 900, 100, dtype="float32").reshape(10, 10)
    save(Image.fromarray(values), folder / "float.tif")


BAD_KINDS = {
    _empty: "empty",
    _text: "not an image",
    _web_page: "not an image",
    _drawing: "not an image",
    _random_bytes: "not an image",
    _truncated_jpeg: "truncated",
    _truncated_progressive_jpeg: "truncated",
    _truncated_png: "truncated",
    _header_only_jpeg: "damaged",
    _corrupt_png: "damaged",
    _corrupt_jpeg: "damaged",
    _huge: "huge",
    _rather_huge: "huge",
    _folder: "a folder",
    _broken_link: "broken link",
    _link_loop: "leads back",
    _link_to_parent: "a folder",
    _pipe: "not a regular file",
    _floating_point: "floating-point",
}


def add_bad_files(folder: Path) -> dict[str, str]:
    """One file of every bad kind; gives `{path: part of its reason}`."""
    expected = {}
    for make, reason in BAD_KINDS.items():
        before = set(folder.iterdir())
        make(folder)
        (made,) = set(folder.iterdir()) - before
        expected[str(made)] = reason
    return expected


def fill(folder, counts, seed=0):
    """`counts[class]` photos in each class folder."""
    for name, count in counts.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            seed += 1
            save(picture(seed), folder / name / f"{number:03d}.jpg")
    return folder


@pytest.fixture
def photos():
    """The helpers above, for the tests of this folder."""
    from types import SimpleNamespace

    return SimpleNamespace(
        picture=picture, save=save, fill=fill, add_bad_files=add_bad_files
    )
