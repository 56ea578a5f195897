"""`keras-transfer adapt DIR PHOTOS`: a run set to another style of photos."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_transfer.cli.command import progress, show
from keras_transfer.data import load
from keras_transfer.data.sources.loose_photos import loose_photos
from keras_transfer.recipes import adapting, run_folder
from keras_transfer.recipes.best_weights import TwoStageResult
from keras_transfer.recipes.run_splits import RunSplits
from keras_transfer.storage.printing import verbosity

if TYPE_CHECKING:
    from keras_transfer.data.dataset import Dataset
    from keras_transfer.models.transfer.transfer_model import TransferModel
    from keras_transfer.recipes.adapting import Adaptation


def run(arguments: Namespace) -> int:
    """Adapts, prints, and writes another run; the first stays as it is."""
    folder = Path(arguments.run_dir)
    output = Path(arguments.output or f"{folder}_adapted")
    model, config = run_folder.read(folder)
    adapting.check_adaptable(model, arguments.batch_norm)
    _check_output(folder, output, arguments.overwrite)
    progress(f"Reading {arguments.photos} ...")
    *size, channels = config["input_shape"]
    unlabelled = loose_photos(
        arguments.photos, image_size=tuple(size), channels=channels,
        seed=arguments.seed,
    )  # fmt: skip
    validation = _validation(arguments, model, config)
    found = adapting.adapt(
        model, unlabelled, batch_norm=arguments.batch_norm,
        validation=validation and validation.train, seed=arguments.seed,
        verbose=verbosity("auto"),
    )  # fmt: skip
    told = _told(found) | {"num_unlabelled": unlabelled.num_samples}
    result = TwoStageResult(
        choices=[
            {
                "choice": "adapted",
                "value": str(arguments.photos),
                "reason": f"{unlabelled.num_samples} photos without labels",
            }
        ],
        warnings=found.warnings,
    )
    config = config | {"adapted_from": str(folder)}
    config.pop("made_with", None)
    metrics = {"adaptation": told, "warnings": found.warnings}
    written = run_folder.write(
        output, found.model, result, metrics, config, RunSplits.read(folder)
    )
    lines = [*_lines(found), f"{output}: {', '.join(written)}"]
    show(arguments, told | {"output": str(output)}, "\n".join(lines))
    return 0


def _check_output(folder: Path, output: Path, overwrite: bool) -> None:
    if output.resolve() == folder.resolve():
        raise ValueError(
            "The run stays as it is, and the adapted one is another. Received: "
            f"--output {output}, the run itself. Choose another folder."
        )
    if (output / "config.json").is_file() and not overwrite:
        raise ValueError(
            f"'{output}' holds a run already. Choose another --output, or "
            "replace it by --overwrite."
        )
    run_folder.check_writable(output)


def _validation(
    arguments: Namespace, model: TransferModel, config: dict[str, Any]
) -> Dataset | None:
    """Labelled photos, or `None`."""
    if arguments.validation is None:
        return None
    data = load(
        arguments.validation,
        image_size=tuple(config["input_shape"][:2]),
        channels=config["input_shape"][2],
        validation_split=0,
        test_split=0,
        seed=arguments.seed,
    )
    run_folder.check_names(model, data)
    return data


def _told(found: Adaptation) -> dict[str, Any]:
    before, after = found.expected_before, found.expected_after
    return {
        "class_shares": _named_shares(found),
        "warnings": found.warnings,
        "expected_before": before and before.to_json(),
        "expected_after": after and after.to_json(),
    }


def _named_shares(found: Adaptation) -> dict[str, float] | None:
    if found.class_shares is None:
        return None
    names = found.model.class_names or range(len(found.class_shares))
    return {
        str(name): float(share)
        for name, share in zip(names, found.class_shares, strict=True)
    }


def _lines(found: Adaptation) -> list[str]:
    lines = []
    if found.expected_before is not None:
        lines = [
            f"before: {found.expected_before}",
            f"after: {found.expected_after}",
            "These are estimates, which often call adapting worse where it "
            "helps: they decide nothing.",
        ]
    shares = _named_shares(found)
    if shares is not None:
        named = ", ".join(f"{k} {share:.0%}" for k, share in shares.items())
        lines.append(f"predicted classes: {named}")
    return lines + [f"Note: {sentence}" for sentence in found.warnings]
