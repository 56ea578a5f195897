"""`keras-transfer evaluate DIR DATA`: how good is it, class by class."""

from keras_transfer.cli.command import show
from keras_transfer.data import load
from keras_transfer.recipes import evaluation, run_folder
from keras_transfer.recipes.evaluation_text import evaluation_table

SUMMARY = "measure a run on labelled data"
EXAMPLES = """  keras-transfer evaluate run/ photos/
  keras-transfer evaluate run/ other_photos/ --split all --json"""


def add_options(add):
    """Adds the options of the command."""
    add("run_dir")
    add("data", str, "DATA", "folder of photos")
    add("--split", str, None,
        "which part of DATA; all: every photo of a folder that is not divided "
        "into parts", "test",
        choices=("test", "validation", "train", "all"))  # fmt: skip


def run(arguments):
    """Evaluates and prints."""
    model, config = run_folder.read(arguments.run_dir)
    data = load(
        arguments.data,
        image_size=tuple(config["input_shape"][:2]),
        batch_size=config["batch_size"] or 32,
        **_splits(arguments.split, config),
        channels=config["input_shape"][2],
        data_dir=config.get("data_dir"),
        task=config.get("task", "auto"),
        seed=config["seed"],
    )
    arguments.skipped = data.skipped
    run_folder.check_names(model, data)
    part = _part(arguments, data)
    part.shuffle = False
    result = evaluation.evaluate(model, part)
    show(arguments, result, evaluation_table(result, arguments.split))
    return 0


def _splits(split, config):
    if split == "all":
        return {"validation_split": 0, "test_split": 0}
    return {"validation_split": config["validation_split"]}


def _part(arguments, data):
    """The part of the data that --split names."""
    has, split = list(data.num_samples), arguments.split
    if split == "all" and has == ["train"]:
        return data.train
    if split not in has:
        raise ValueError(
            f"--split {split} does not fit '{arguments.data}', which is "
            f"divided into: {', '.join(has)}. Choose one of these."
        )
    return getattr(data, split)
