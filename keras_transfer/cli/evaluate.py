"""`keras-transfer evaluate DIR DATA`: how good is it, class by class."""

from keras_transfer.cli.command import progress, show
from keras_transfer.data import load
from keras_transfer.recipes import evaluation, run_folder
from keras_transfer.recipes.evaluation_text import evaluation_table
from keras_transfer.recipes.run_splits import RunSplits
from keras_transfer.recipes.which_samples import ChosenSamples
from keras_transfer.storage.tables import format_table

# The others are in the JSON.
_MOST_SHOWN = 20


def run(arguments):
    """Evaluates and prints."""
    model, config = run_folder.read(arguments.run_dir)
    data = load(
        arguments.data,
        image_size=tuple(config["input_shape"][:2]),
        batch_size=config["batch_size"] or 32,
        validation_split=0,
        test_split=0,
        channels=config["input_shape"][2],
        data_dir=config.get("data_dir"),
        task=config.get("task", "auto"),
        seed=config["seed"],
    )
    arguments.skipped = data.skipped
    run_folder.check_names(model, data)
    chosen = ChosenSamples(
        data, RunSplits.read(arguments.run_dir), arguments.split
    )
    progress(f"Measured on {chosen.about}. {chosen.seen_in_words}")
    result = evaluation.evaluate(model, chosen.batches, mistakes=True)
    result |= _seen(chosen, result)
    title = arguments.split or "evaluation"
    text = evaluation_table(result, title)
    show(arguments, result, text + _wrong_in_words(result))
    return 0


def _seen(chosen, result):
    """How many were seen in training, and the names of the wrong ones."""
    found = {"samples": chosen.about}
    if len(chosen.splits):
        found["seen_in_training"] = int(chosen.was_seen.sum())
    if "wrong" not in result:
        return found
    found["wrong"] = [
        {"file": chosen.names[row["number"]], **row} for row in result["wrong"]
    ]
    unseen = int((~chosen.was_seen).sum())
    if 0 < unseen < len(chosen.was_seen):
        numbers = [row["number"] for row in result["wrong"]]
        failed = int((~chosen.was_seen[numbers]).sum())
        found["accuracy_on_unseen"] = 1 - failed / unseen
    return found


def _wrong_in_words(result):
    wrong = result.get("wrong")
    if not wrong:
        return ""
    rows = [
        [row["file"], row["label"], row["predicted"], f"{row['score']:.3f}"]
        for row in wrong[:_MOST_SHOWN]
    ]
    columns = ["wrong", "true class", "predicted", "score"]
    rest = len(wrong) - len(rows)
    more = f"\nand {rest} more: --json has them all" if rest else ""
    return "\n" + format_table(columns, rows) + more
