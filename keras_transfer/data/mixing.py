"""MixUp and CutMix: the samples of a batch, mixed in pairs."""

from __future__ import annotations

import dataclasses
import difflib
from typing import NoReturn

import keras
import numpy as np

from keras_transfer._private.types import Nested
from keras_transfer.data.nested import as_tuple, map_arrays, num_rows
from keras_transfer.data.sampling import generator_of
from keras_transfer.data.views import weights_of_samples

# Of the Beta distribution that shares are drawn from, as in the papers.
ALPHAS = {"mixup": 0.2, "cutmix": 1.0}
# Another stream of random numbers than those of `sampling`.
_STREAM = (0, 3)


@dataclasses.dataclass(frozen=True)
class Mixing:
    """How the samples of each batch are mixed, by seed, epoch and batch.

    Each sample is mixed with another one of its batch, at a share of its own
    (Keras does so too; the papers' code draws one share a batch).

        mixup    x = s x_a + (1 - s) x_b              s ~ Beta(0.2, 0.2)
        cutmix   x = x_a with a box out of x_b        s ~ Beta(1, 1)

    The box has the area 1 - s, and any centre; what of it is outside of the
    image is cut off, and s follows what is left.

    Args:
        method: `"mixup"` or `"cutmix"`.
        class_weight: weights by class, as in `fit`, or `None`.

    Raises:
        ValueError: another method.

    Reference:
        Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018,
        https://arxiv.org/abs/1710.09412; Yun et al., "CutMix: Regularization
        Strategy to Train Strong Classifiers with Localizable Features", ICCV
        2019, https://arxiv.org/abs/1905.04899.
    """

    method: str
    class_weight: dict[int, float] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.method, str) or self.method not in ALPHAS:
            raise _no_such_method(self.method)

    def mixed(self, batch: Nested, *entropy: int) -> tuple[Nested, Nested]:
        """Returns a batch `(x, y)` of mixed samples.

        Args:
            batch: arrays `(x, y)` or `(x, y, sample_weight)`.
            *entropy: seed, epoch and number of the batch.

        Returns:
            Inputs, and labels for which `is_mixed` holds.
        """
        x, y, *weights = as_tuple(batch)
        random = generator_of(*_STREAM, *entropy)
        partners = random.permutation(num_rows(x))
        alpha = ALPHAS[self.method]
        shares = random.beta(alpha, alpha, len(partners))
        if self.method == "cutmix":
            x, shares = _cut_mixed(x, partners, shares, random)
        else:
            x = map_arrays(lambda leaf: mix_up(leaf, partners, shares), x)
        weights = self._weights(y, *weights)
        return x, {
            "mixing_share": shares.astype("float32"),
            "labels": y,
            "partner_labels": y[partners],
            "weights": weights,
            "partner_weights": weights[partners],
        }

    def _weights(
        self, y: np.ndarray, weights: np.ndarray | None = None
    ) -> np.ndarray:
        found = np.ones(len(y), "float32")
        if self.class_weight:
            found = weights_of_samples(y, self.class_weight)
        return found if weights is None else found * weights.reshape(-1)

    def check(self, batch: Nested) -> None:
        """Raises if the samples of a batch cannot be mixed.

        Args:
            batch: one of the data.

        Raises:
            ValueError: no labels, several, or inputs such as token ids.
        """
        x, *labels = as_tuple(batch)
        leaves = keras.tree.flatten(x)
        if len(labels) > 1 and np.size(labels[1]) != num_rows(x):
            raise ValueError(
                f"mixing='{self.method}' takes one weight a sample. Received: "
                f"sample weights of shape {np.shape(labels[1])}."
            )
        if not labels or not isinstance(labels[0], np.ndarray):
            raise ValueError(
                f"mixing='{self.method}' mixes labels too. Received: samples "
                f"{'with several labels each' if labels else 'without any'}. "
                "Expected one array of labels."
            )
        found = ", ".join(f"{leaf.dtype}{leaf.shape[1:]}" for leaf in leaves)
        if self.method == "cutmix" and not _is_one_image(leaves):
            raise ValueError(
                "mixing='cutmix' is for one image a sample. Received: inputs "
                f"of {found}. Use mixing='mixup', which mixes vectors and "
                "sequences too."
            )
        if not all(map(_is_mixable, leaves)):
            raise ValueError(
                "mixing='mixup' takes weighted means of inputs, which token "
                "ids, categories and texts have none of. Received: inputs of "
                f"{found}. Expected images or floats; leave `mixing` out."
            )


def mix_up(
    leaf: np.ndarray, partners: np.ndarray, shares: np.ndarray
) -> np.ndarray:
    """Returns samples, each with `1 - share` of another one.

    Args:
        leaf: array `(batch, ...)`.
        partners: numbers of the other samples, integers `(batch,)`.
        shares: weights of the samples themselves, `(batch,)`.
    """
    leaf = np.asarray(leaf, keras.config.floatx())
    own = shares.astype(leaf.dtype).reshape(-1, *[1] * (leaf.ndim - 1))
    return own * leaf + (1 - own) * leaf[partners]


def _cut_mixed(
    x: Nested,
    partners: np.ndarray,
    shares: np.ndarray,
    random: np.random.Generator,
) -> tuple[Nested, np.ndarray]:
    (images,) = keras.tree.flatten(x)
    centres = random.random((len(shares), 2))
    images, shares = cut_mix(images, partners, shares, centres)
    return keras.tree.pack_sequence_as(x, [images]), shares


def cut_mix(
    images: np.ndarray,
    partners: np.ndarray,
    shares: np.ndarray,
    centres: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns images with a box out of another one, and their true shares.

    Args:
        images: array `(batch, height, width, channels)`, or with the channels
            first where Keras is set to that.
        partners: numbers of the other images, integers `(batch,)`.
        shares: the part of the area that is to stay, `(batch,)`.
        centres: of the boxes, rows and columns in 0..1, `(batch, 2)`.
    """
    first = keras.config.image_data_format() == "channels_first"
    size = images.shape[2:] if first else images.shape[1:3]
    images, kept = np.array(images), np.array(images)
    found = np.empty(len(shares))
    for index, (share, centre) in enumerate(zip(shares, centres, strict=True)):
        rows, columns = _box(size, share, centre)
        box = (..., rows, columns) if first else (rows, columns)
        images[index][box] = kept[partners[index]][box]
        area = (rows.stop - rows.start) * (columns.stop - columns.start)
        found[index] = 1 - area / (size[0] * size[1])
    return images, found


def _box(size: tuple, share: float, centre: np.ndarray) -> list[slice]:
    """A box of `1 - share` of an image, without what is outside of it."""
    half = (np.array(size) * np.sqrt(1 - share)).astype(int) // 2
    middle = (np.array(size) * centre).astype(int)
    starts = np.clip(middle - half, 0, size)
    stops = np.clip(middle + half, 0, size)
    return [slice(*each) for each in zip(starts, stops, strict=True)]


def is_mixed(y: Nested) -> bool:
    """Whether these are the labels of a batch of mixed samples."""
    return isinstance(y, dict) and "mixing_share" in y


def _no_such_method(method: object) -> ValueError:
    near = difflib.get_close_matches(str(method).lower(), ALPHAS, n=1)
    meant = f" Did you mean '{near[0]}'?" if near else ""
    return ValueError(
        f"Samples cannot be mixed in this way. Received: mixing={method!r}. "
        f"Expected 'mixup', 'cutmix' or None.{meant}"
    )


def refuse(kind: str) -> NoReturn:
    """Raises for data whose batches have no numbers.

    Args:
        kind: what the data are.

    Raises:
        ValueError: always.
    """
    raise ValueError(
        "`mixing` draws by seed, epoch and number of the batch, which a "
        f"{kind} does not tell. Expected arrays, keras_transfer.data.load or "
        "a PyDataset with one worker; or mix in the pipeline, with "
        "keras.layers.MixUp and one-hot labels."
    )


def _is_one_image(leaves: list) -> bool:
    return len(leaves) == 1 and leaves[0].ndim == 4


def _is_mixable(leaf: np.ndarray) -> bool:
    if leaf.dtype.kind in "OSUb":
        return False
    is_image = leaf.ndim == 4 and leaf.dtype.kind in "iu"
    return is_image or keras.backend.is_float_dtype(str(leaf.dtype))
