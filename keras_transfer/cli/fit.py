"""`keras-transfer fit DATA`: from a folder of photos to a served model."""

from pathlib import Path

from keras_transfer import recipes, tuner
from keras_transfer.cli import rank, training
from keras_transfer.cli.command import chosen, progress
from keras_transfer.recipes import (
    config_schema,
    label_counts,
    run_folder,
    run_in_progress,
)
from keras_transfer.recipes.assessment.before_training import (
    assess_before_training,
)
from keras_transfer.storage.json_files import read_json
from keras_transfer.training import distribution
from keras_transfer.tuner import trial

SUMMARY = "fine-tune a source model on your own data and keep all of the run"
EXAMPLES = """  keras-transfer fit photos/ --backbone MobileNetV2 --output run/
  keras-transfer fit photos/ --backbone auto              (the best of five)
  keras-transfer fit photos/ --shots 20 --epochs 0        (head only)
  keras-transfer fit tfds:beans --backbone ResNet50 --head 256 --dropout 0.3
  keras-transfer fit --config run/config.json --seed 1 --output run-1/
  keras-transfer fit --output run/ --resume       (after a kill, or further)"""

_HELD_OUT = 0.1
# Of a recipe that was searched; these come by --config alone.
DEFAULTS = {"hyperparameters": None, "objective": "val_accuracy"}
# Whatever determines a run, apart from the data themselves.
REPEATABLE = (
    "data", "data_dir", "task", "shots", "validation_split", "image_size",
    "batch_size", "backbone", "weights", "head", "dropout", "loss", "recipe",
    "head_epochs", "epochs", "blocks", "head_rate", "learning_rate",
    "max_minutes", "hyperparameters", "objective", "no_unknown", "seed",
    "strategy",
)  # fmt: skip


def add_options(add):
    """Adds the options, in the order in which a run uses them."""
    add("data", nargs="?")
    add("--config", str, "FILE",
        "config.json of an earlier run; options given here go "
        "before it")  # fmt: skip
    add("--output", str, "DIR", "folder to write", "transfer_run")
    add("--overwrite", bool, None, "replace the run in --output")
    add("--resume", bool, None,
        "go on with the run in --output: end what was interrupted, as it was "
        "begun; train the top blocks of a whole one further")  # fmt: skip
    add("--data-dir")
    add("--task")
    add("--shots")
    add("--validation-split", float, "P",
        "part of the training data held out [none below 50 samples a class, "
        "else 0.1]")  # fmt: skip
    add("--image-size", int, "PX",
        "side of the images [of a .keras backbone its own, else 224; "
        "8 for digits]")  # fmt: skip
    add("--batch-size")
    add("--backbone", str, "NAME",
        "keras.applications name or .keras file; auto: the best of "
        f"{len(rank.SMALL)} small ones for these data, as `rank` finds it",
        "MobileNetV2")  # fmt: skip
    add("--weights")
    add("--head", str, "UNITS",
        'hidden layers of the head, as in "256" or "256,128" [none]',
        "")  # fmt: skip
    add("--dropout")
    add("--loss", str, "NAME", "a Keras loss [what fits the labels]")
    _add_training_options(add)


def _add_training_options(add):
    add("--recipe", str, None,
        "auto: fine-tunes unless the head alone is better; two-stage: "
        "always, at a fixed rate; searched: as a trial of `tune`, whose "
        "best_recipe.json is the --config", "auto",
        choices=("auto", "two-stage", "searched"))  # fmt: skip
    add("--epochs", int, "N",
        "epochs for the top blocks, 0 for the head alone [auto by the number "
        "of samples; two-stage 3]")  # fmt: skip
    add(
        "--blocks",
        int,
        "N",
        "how many blocks to fine-tune [all with few labels, else a third]",
    )
    add("--learning-rate", float, "R",
        "learning rate of the top blocks [auto by the number of samples; "
        "two-stage 3e-5]")  # fmt: skip
    add("--max-minutes", float, "M",
        "auto: ends fine-tuning in time and keeps the best so "
        "far")  # fmt: skip
    add("--head-epochs", int, "N",
        "two-stage: most epochs for a head that is trained", 30)  # fmt: skip
    add("--head-rate", float, "R", "two-stage: learning rate of the head", 1e-3)
    add("--no-assess", bool, None,
        "auto: leave out the assessment of the data before "
        "training")  # fmt: skip
    add("--no-unknown", bool, None,
        "keep no unknown score, which predict shows beside the "
        "scores")  # fmt: skip
    add("--seed")
    add("--strategy")


def config_of(arguments):
    """The file whose options hold where the command line gives none."""
    if arguments.config is None and arguments.resume:
        found = run_in_progress.config_to_resume(arguments.output)
        return found if found.is_file() else None
    return arguments.config


def read_config(path):
    """Returns the options that a `config.json` holds.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not one that `fit` has written.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file '{path}'. Expected the config.json of an "
            "earlier run."
        )
    content = read_json(
        path, config_schema.OPTIONS,
        "Expected the config.json of a run or a best_recipe.json; mend it.",
    )  # fmt: skip
    return {k: content[k] for k in REPEATABLE if k in content}


def run(arguments):
    """Trains, evaluates and writes the run."""
    if not arguments.resume:
        _check_data(arguments)
    with training.begun(arguments) as run:
        return _run(arguments, run)


def _check_data(arguments):
    if not arguments.data:
        raise ValueError(
            "fit needs data. Expected a folder of photos, 'digits' or "
            "'tfds:NAME', or --config with the config.json of an earlier run."
        )


def _run(arguments, run):
    _check_data(arguments)
    backbone = training.named_or_read(arguments.backbone)
    strategy = distribution.strategy(arguments.strategy)
    data = _loaded(arguments, backbone)
    if arguments.backbone == rank.AUTO:
        backbone = arguments.backbone = rank.best_of_small(arguments, data)
    run.describe(chosen(arguments, *REPEATABLE), data)
    with strategy.scope():
        if run.trains_further:
            model = _of_run(arguments, data)
        else:
            model = _new(arguments, backbone, data)
        distribution.prepare(model, strategy)
        progress(
            f"{arguments.backbone}: {len(model.blocks)} blocks, "
            f"{model.count_params():,} parameters"
        )
        run.reserve(model)
        result = _train(arguments, model, data, run)
    if not result.history:
        raise KeyboardInterrupt
    return training.finish(
        arguments, model, data, result, REPEATABLE, run,
        resume=f"keras-transfer fit --output {arguments.output} --resume",
        unknown=not arguments.no_unknown,
    )  # fmt: skip


def _loaded(arguments, backbone):
    """Reads the data; of few labels nothing is held out unless asked for."""
    if arguments.validation_split is None:
        arguments.validation_split = 0.0
        data = training.load_data(arguments, backbone)
        if arguments.recipe == "auto" and _has_few_labels(data):
            return data
        arguments.validation_split = _HELD_OUT
    return training.load_data(arguments, backbone)


def _has_few_labels(data):
    # Other labels than classes are judged on what is held out.
    classes = len(data.class_names or ())
    is_few = data.num_samples["train"] < label_counts.FEW * classes
    return data.task == "classification" and is_few


def _of_run(arguments, data):
    """The model of the whole run in --output."""
    model, _ = run_folder.read(arguments.output)
    run_folder.check_names(model, data)
    return model


def _new(arguments, backbone, data):
    if arguments.recipe == "searched":
        return _as_searched(arguments, backbone, data)
    model = training.model_for(arguments, backbone, data)
    if arguments.loss:
        metrics = ["accuracy"] if data.task == "classification" else None
        model.compile("auto", loss=arguments.loss, metrics=metrics)
    return model


def _as_searched(arguments, backbone, data):
    model = trial.build(
        _settings(arguments),
        backbone,
        len(data.class_names),
        input_shape=training.input_shape_of(data),
        weights=training.weights_of(arguments),
        seed=arguments.seed,
    )
    model.class_names = list(data.class_names)
    return model


def _settings(arguments):
    found = arguments.hyperparameters
    if not found:
        raise ValueError(
            "The recipe 'searched' needs the hyperparameters of a search. "
            f"Received: {arguments.hyperparameters!r}. Expected --config with "
            "the best_recipe.json of `keras-transfer tune`."
        )
    return trial.Settings(**found)


def _train(arguments, model, data, run):
    options = {"seed": arguments.seed, "verbose": training.verbosity()}
    is_new = not run.trains_further
    if arguments.recipe == "searched" and is_new:
        return tuner.repeat_trial(
            model,
            _settings(arguments),
            data,
            epochs=_or(arguments.epochs, 20),
            head_epochs=arguments.head_epochs,
            objective=arguments.objective,
            **options,
        )
    options["checkpoint"] = run.checkpoints
    if arguments.recipe == "auto" and is_new:
        return recipes.fine_tune(
            model,
            data,
            **chosen(
                arguments,
                "epochs",
                "blocks",
                "learning_rate",
                "max_minutes",
                "batch_size",
            ),
            on_features=None if arguments.no_assess else _assessed(arguments),
            **options,
        )
    return recipes.two_stage(
        model,
        data,
        head_epochs=arguments.head_epochs if is_new else 0,
        epochs=_or(arguments.epochs, 3),
        blocks=arguments.blocks,
        head_learning_rate=arguments.head_rate,
        learning_rate=_or(arguments.learning_rate, 3e-5),
        **options,
    )


def _assessed(arguments):
    """A function that tells about the data before the head is solved."""

    def assess(model, train, features, labels):
        try:
            found = assess_before_training(
                model, train, features, labels, seed=arguments.seed
            )
            found.save(arguments.output, pictures=False)
        except Exception as error:
            # What is told about data must not keep anybody from training.
            progress(f"Assessment of the data left out: {error}")
            return
        progress(f"{found.summary}\n")

    return assess


def _or(value, default):
    return default if value is None else value
