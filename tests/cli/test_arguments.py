"""What arguments mean, what the parser says, and how errors are shown."""

import errno
import json
import warnings

import pytest

from keras_transfer.cli import fit, main

pytestmark = pytest.mark.any_backend


def test_a_folder_without_a_run_is_named(tmp_path, capsys):
    assert main(["predict", str(tmp_path), "x.png"]) == 1
    assert "does not hold a run" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["fly"], ["fit", "--epochs", "x"]])
def test_what_the_parser_refuses_is_exit_code_2(arguments):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2


@pytest.mark.parametrize(
    "command",
    ["fit", "evaluate", "predict", "export", "demo", "backbones", "completion"],
)
def test_help_has_examples_and_exit_codes(command, capsys):
    with pytest.raises(SystemExit) as exit_:
        main([command, "--help"])
    assert exit_.value.code == 0
    text = capsys.readouterr().out
    assert f"keras-transfer {command}" in text
    assert "exit codes" in text


def test_backbones_lists_all_forty(capsys):
    assert main(["backbones", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 40
    by_name = {row["name"]: row for row in rows}
    assert by_name["VGG16"]["num_blocks"] == 13
    assert main(["backbones", "resnet50"]) == 0
    assert "ResNet50V2" in capsys.readouterr().out
    assert main(["backbones", "resnet51"]) == 1


def test_completion_knows_the_commands(capsys):
    pytest.importorskip("shtab")
    assert main(["completion", "bash"]) == 0
    assert "--head-epochs" in capsys.readouterr().out


@pytest.fixture
def arguments_of_fit(monkeypatch):
    """A list that gets the parsed arguments of each `fit`."""
    seen = []
    monkeypatch.setattr(fit, "run", lambda given: seen.append(given) or 0)
    return seen


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.json"
    content = {"data": "photos", "seed": 7, "epochs": 9, "num_samples": {}}
    path.write_text(json.dumps(content))
    return str(path)


def test_an_option_that_is_given_goes_before_the_config(
    arguments_of_fit, config
):
    assert main(["fit", "--config", config]) == 0
    # 0 is the default of --seed too, and is meant all the same.
    assert main(["fit", "other", "--config", config, "--seed", "0"]) == 0
    first, second = arguments_of_fit
    assert (first.data, first.seed, first.epochs) == ("photos", 7, 9)
    assert (second.data, second.seed, second.epochs) == ("other", 0, 9)
    assert first.backbone == "MobileNetV2"


def raising(error):
    def run(arguments):
        raise error

    return run


def test_errors_of_the_system_come_without_their_number(monkeypatch, capsys):
    error = OSError(errno.ENOSPC, "Could not write 'a': no space left")
    monkeypatch.setattr(fit, "run", raising(error))
    assert main(["fit", "photos"]) == 1
    message = capsys.readouterr().err
    assert message == "keras-transfer: Could not write 'a': no space left\n"


def test_debug_shows_the_traceback(monkeypatch):
    monkeypatch.setattr(fit, "run", raising(ValueError("bad")))
    assert main(["fit", "photos"]) == 1
    with pytest.raises(ValueError, match="bad"):
        main(["fit", "photos", "--debug"])


def test_warnings_are_one_line_and_leave_json_alone(monkeypatch, capsys):
    def run(arguments):
        warnings.warn("one photo was skipped", stacklevel=1)
        print("noise of a library")
        print("{}", file=arguments.result_stream)
        return 0

    monkeypatch.setattr(fit, "run", run)
    assert main(["fit", "photos", "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "{}\n"
    assert "keras-transfer: warning: one photo was skipped\n" in captured.err
    assert "noise of a library" in captured.err
    assert warnings.showwarning.__module__ != "keras_transfer.cli"
