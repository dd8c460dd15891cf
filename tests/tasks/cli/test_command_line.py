"""The command line: help, flags, exit codes, and what goes to stderr."""

import dataclasses
import io
import os
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tasks import __main__ as front
from tasks import ner, sentiment, text, translation
from tasks.cli import command_line as cli
from tasks.cli.config import CELLS, ELEMENTWISE_CELLS, PredictionConfig
from tasks.cli.templates import Command
from tasks.errors import UserError
from tests.tasks.templates import TEMPLATES
from zoo.layers import BY_CELL

templates = pytest.mark.parametrize("template", TEMPLATES, ids=lambda t: t.name)


def python(*arguments, **kwargs):
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, **kwargs
    )


@templates
def test_without_arguments_help_with_examples_is_shown(run, template):
    outcome = run(template=template)
    assert outcome.code == 0
    assert outcome.err == ""
    assert "examples:" in outcome.out
    for example in template.examples:
        assert example in outcome.out
    for command in ("train", "evaluate", *template.all_commands(), "export"):
        assert re.search(rf"^ +{command}\s+\w", outcome.out, re.MULTILINE)


@templates
@pytest.mark.parametrize(
    ("command", "config"), [("train", "config"), ("evaluate", "evaluation")]
)
def test_every_field_of_a_config_is_a_flag_with_help(run, template, command, config):
    outcome = run(command, "--help", template=template)
    assert outcome.code == 0
    told = re.split(r"\n  (?=--)", outcome.out.partition("options:")[2])
    told = {part.split()[0].rstrip(","): " ".join(part.split()) for part in told}
    for field in dataclasses.fields(getattr(template, config)):
        flag = "--" + field.name.replace("_", "-")
        text = " ".join(part for name, part in told.items() if name == flag)
        words = re.sub(r"--[\w-]+|\(default:.*\)|[A-Z_]{2,}|\{.*?\}", "", text)
        assert len(words.split()) >= 3, f"{flag}: {text!r}"


@templates
def test_every_flag_of_every_command_has_help(template):
    parser = cli._parser(template)
    subparsers = next(a for a in parser._actions if a.dest == "command")
    for command, own in subparsers.choices.items():
        own.format_help()  # adds the config's flags
        silent = [
            action.option_strings[0]
            for action in own._actions
            if action.option_strings and not action.help
        ]
        assert silent == [], command


def test_cells_are_the_layers_that_models_know():
    assert list(BY_CELL) == list(CELLS)
    dropping = [c for c in CELLS if hasattr(BY_CELL[c], "recurrent_weight_dropout")]
    assert dropping == [c for c in CELLS if c not in ELEMENTWISE_CELLS]


def test_help_shows_defaults_and_choices(run):
    outcome = run("train", "--help")
    assert "--cell {rnn,gru,lstm,mingru,minlstm,sru,rglru}" in outcome.out
    assert "(default: lstm)" in outcome.out
    assert "train[:10%]" in outcome.out
    assert "%%" not in outcome.out


def test_the_templates_are_listed_without_tensorflow():
    # Its own seconds: how long it has to wait for a processor is the machine's.
    program = (
        "import sys, time; from tasks import __main__ as front\n"
        "assert front.main([], front.MODULE) == 0\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
        "assert time.process_time() < 3, time.process_time()"
    )
    outcome = python("-c", program)
    assert outcome.returncode == 0, outcome.stderr
    assert "python -m tasks.sentiment" in outcome.stdout


def test_help_and_mistakes_in_flags_need_no_tensorflow():
    program = (
        "import sys; from tasks.__main__ import TEMPLATES, main\n"
        "for name in TEMPLATES:\n"
        "    assert main([name]) == 0\n"
        "    try: main([name, 'train', '--epoch', '3'])\n"
        "    except SystemExit as stop: assert stop.code == 2\n"
        "    assert not {'tensorflow', 'keras'} & set(sys.modules), name"
    )
    outcome = python("-c", program)
    assert outcome.returncode == 0, outcome.stderr
    told = outcome.stderr.splitlines()
    assert len(told) == len(TEMPLATES)
    assert all("Did you mean '--epochs'?" in line for line in told)


@pytest.mark.slow
def test_stderr_of_a_mistake_that_needs_tensorflow_is_one_line():
    outcome = python("-m", "tasks.sentiment", "predict", "--model", "no", "A text.")
    assert outcome.returncode == 2
    assert outcome.stdout == ""
    [line] = outcome.stderr.splitlines()
    assert line.startswith("python -m tasks.sentiment: error: Unknown preset 'no'.")


def test_a_shorter_flag_is_not_taken_for_a_longer_one(run):
    assert "Did you mean '--epochs'?" in run("train", "--epoch", "3").err


def received(run, *argv, template=sentiment.TEMPLATE):
    """Returns the config that `train` gets."""
    configs = []
    template = dataclasses.replace(
        template, train=lambda config, output: configs.append((config, output))
    )
    outcome = run("train", *argv, template=template)
    assert outcome.code == 0, outcome.err
    return configs[0]


def test_flags_reach_the_config(run, tmp_path):
    config, output = received(
        run,
        *("--output", tmp_path, "--epochs", "3", "--learning-rate", "1e-2"),
        *("--no-bidirectional", "--cell", "gru", "--clip-norm", "0"),
        *("--clip-value", "0.5", "--text-column", "data/body", "--mirrored"),
    )
    assert output == tmp_path
    assert config == sentiment.Config(
        epochs=3,
        learning_rate=0.01,
        bidirectional=False,
        cell="gru",
        clip_norm=0.0,
        clip_value=0.5,
        text_column="data/body",
        mirrored=True,
    )


def test_the_recorded_command_gives_the_same_config(run, tmp_path):
    config = sentiment.Config(
        dataset="glue/sst2", epochs=3, bidirectional=False, mirrored=True, cell="rnn"
    )
    command = config.command("sentiment").split()
    assert command[:4] == ["python", "-m", "tasks.sentiment", "train"]
    assert received(run, *command[4:], "--output", tmp_path)[0] == config


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("sentiment_en", "sentiment_en"),
        ("../elsewhere/mine/", "mine"),
        ("here/..", "folder"),
        ("run", "run"),
        ("run/preset", "run"),
        ("other/preset", "preset"),
        ("https://a.example/b/mine.zip", "https://a.example/b/mine.zip"),
        (
            "http://a.example/mine.zip?key=K#sha256=0",
            "http://a.example/mine.zip#sha256=0",
        ),
    ],
)
def test_a_preset_has_its_name_in_the_recorded_command(
    tmp_path, monkeypatch, given, told
):
    (tmp_path / "folder" / "run" / "checkpoints").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "folder")
    command = sentiment.Config(from_preset=given).command("sentiment")
    assert shlex.split(command)[-2:] == ["--from-preset", told]


def test_output_is_named_after_the_dataset(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, output = received(run, "--dataset", "synthetic/stars")
    assert output.as_posix() == "runs/sentiment/synthetic-stars"
    _, output = received(run, "--train-file", "my/own.conll", template=ner.TEMPLATE)
    assert output.as_posix() == "runs/ner/my-own.conll"


@pytest.mark.parametrize("given", ["*", "**", ".*", "../*"])
def test_a_training_has_a_folder_of_its_own_whatever_the_files_are_called(
    run, tmp_path, monkeypatch, given
):
    monkeypatch.chdir(tmp_path)
    _, output = received(run, "--files", given, template=text.TEMPLATE)
    assert output.as_posix() == "runs/text/files"


def test_a_folder_that_is_named_after_long_paths_can_be_made(
    run, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    outputs = []
    for last in ("de", "fr", "de"):
        files = f"/{'long/' * 40}é.{last}", f"/{'long/' * 40}é.en"
        given = "--files", *files
        _, output = received(run, *given, template=translation.TEMPLATE)
        output.mkdir(parents=True, exist_ok=True)
        outputs.append(output)
    assert outputs[0] == outputs[2] != outputs[1]
    assert outputs[0].as_posix().startswith("runs/translation/long-long-")


def failing(error):
    def train(config, output):
        raise error

    return dataclasses.replace(sentiment.TEMPLATE, train=train)


def test_a_template_has_commands_of_its_own_instead_of_predict(run):
    calls = []
    template = dataclasses.replace(
        sentiment.TEMPLATE,
        predict=None,
        commands={
            "sing": Command(
                "sing a song", PredictionConfig, lambda *given: calls.append(given)
            ),
            "read": Command(
                "read texts",
                PredictionConfig,
                lambda name, texts, config: calls.append((name, list(texts), config)),
                takes_texts=True,
            ),
        },
    )
    assert run("sing", "--json", "--model", "x", template=template).code == 0
    assert run("read", "A text.", "Another.", template=template).code == 0
    assert calls == [
        ("x", PredictionConfig(json=True)),
        (template.preset, [b"A text.", b"Another."], PredictionConfig()),
    ]
    outcome = run("sing", "--batch-size", 0, template=template)
    assert outcome.code == 2
    assert "--batch-size must be" in outcome.err
    assert "unknown 'predict'" in run("predict", "A text.", template=template).err
    help_text = run(template=template).out
    assert re.search(r"^ +sing  +sing a song$", help_text, re.MULTILINE)


def test_an_interrupted_training_gives_130_and_names_resume(run, tmp_path):
    outcome = run("train", "--output", tmp_path, template=failing(KeyboardInterrupt()))
    assert outcome.code == 130
    assert "--resume" in outcome.err
    assert "Traceback" not in outcome.err


def test_an_interruption_while_tensorflow_is_imported_gives_130(run, monkeypatch):
    def interrupted(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "imports_told_briefly", interrupted)
    assert run("predict", "A text.").code == 130


def test_an_interrupted_prediction_does_not_speak_of_resuming(run):
    def predict(*arguments):
        raise KeyboardInterrupt

    template = dataclasses.replace(sentiment.TEMPLATE, predict=predict)
    outcome = run("predict", "A text.", template=template)
    assert outcome.code == 130
    assert "--resume" not in outcome.err


def test_a_current_folder_that_is_gone_is_told(run, monkeypatch, tmp_path):
    def predict(*_):
        monkeypatch.chdir(folder)
        folder.rmdir()
        os.getcwd()

    folder = tmp_path / "gone"
    folder.mkdir()
    template = dataclasses.replace(sentiment.TEMPLATE, predict=predict)
    outcome = run("predict", "A text.", template=template)
    assert outcome.code == 2
    assert "error: the current folder is gone. Change to another" in outcome.err


def test_a_users_error_gives_2_and_its_line(run, tmp_path):
    template = failing(UserError("No such thing."))
    outcome = run("train", "--output", tmp_path, template=template)
    assert outcome.code == 2
    assert outcome.err == "python -m tasks.sentiment: error: No such thing.\n"


def test_an_error_of_ours_is_not_hidden(run, tmp_path):
    given = None, None, "no such shape"
    graph = None, None, "Graph execution error:\n\nno such shape"
    for error in (
        ZeroDivisionError(),
        tf.errors.InvalidArgumentError(*given),
        tf.errors.ResourceExhaustedError(*graph),
    ):
        with pytest.raises(type(error)):
            run("train", "--output", tmp_path, template=failing(error))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"),
        tf.errors.ResourceExhaustedError(
            None, None, "Graph execution error:\n\nOut of memory while trying to"
        ),
    ],
    ids=["python", "tensor", "graph"],
)
def test_too_little_memory_gives_2_and_the_numbers_to_lower(run, tmp_path, error):
    outcome = run("train", "--output", tmp_path, template=failing(error))
    assert outcome.code == 2
    [line] = outcome.err.splitlines()
    assert "error: there isn't enough memory for what was asked. Try a lower" in line
    assert " --batch-size, " in line
    assert line.endswith(" or --units.")


def test_a_file_that_tensorflow_cannot_write_gives_2_and_a_line(run, tmp_path):
    said = "{{function_node x}} /d/a.index; No space left on device [Op:SaveV2] name: "
    error = tf.errors.ResourceExhaustedError(None, None, said)
    outcome = run("train", "--output", tmp_path, template=failing(error))
    assert outcome.code == 2
    [line] = outcome.err.splitlines()
    told = "error: /d/a.index; No space left on device. Go on with --resume."
    assert line == f"python -m tasks.sentiment: {told}"


@pytest.mark.slow
@pytest.mark.usefixtures("by_cells")
def test_a_diverged_training_gives_1_and_one_message(run, data_dir, tmp_path):
    """Its step size makes the second batch's logits infinite."""
    small = """
        --train-split train[:200] --pooling mean --units 4 --embedding-units 4
        --cell rnn --no-bidirectional --max-length 6 --batch-size 50
        --learning-rate 1e38 --schedule constant
    """
    where = ("--data-dir", data_dir, "--output", tmp_path / "run")
    outcome = run("train", *where, *small.split())
    assert outcome.code == 1, outcome
    [line] = outcome.err.splitlines()
    assert "training failed: loss is " in line
    assert "--learning-rate" in line


@pytest.mark.slow
def test_export_writes_a_saved_model_that_agrees(run, preset, tmp_path):
    from zoo.models import SequenceClassifier

    outcome = run("export", "--model", preset, "--output", tmp_path / "exported")
    assert outcome.code == 0, outcome.err
    assert str(tmp_path / "exported") in outcome.out
    loaded = tf.saved_model.load(tmp_path / "exported")
    texts = tf.constant(["A good film.", "", "The plot was bad, not good."])
    found = loaded.signatures["serving_default"](text=texts)
    expected = SequenceClassifier.from_preset(preset).classify(texts)
    assert set(found) == set(expected)
    assert found["label"].numpy().tolist() == expected["label"].numpy().tolist()
    for name in ("probability", "probabilities"):
        np.testing.assert_allclose(found[name], expected[name], atol=1e-5)


@pytest.mark.slow
def test_a_reader_who_has_had_enough_is_no_error(preset, tmp_path):
    texts = tmp_path / "texts"
    texts.write_text("A good film.\n" * 2000)
    command = f"{sys.executable} -m tasks.sentiment predict --model {preset}"
    outcome = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} --input {texts} | head -n 1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0
    assert len(outcome.stdout.splitlines()) == 1
    assert outcome.stderr == ""


full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")


@full
@pytest.mark.parametrize("flush", [True, False])
@pytest.mark.parametrize("error", [None, UserError("Another mistake.")])
def test_output_that_a_full_disk_takes_no_more_of_is_told(
    run, monkeypatch, flush, error
):
    def predict(*arguments):
        print("an answer", flush=flush)
        if error:
            raise error

    template = dataclasses.replace(sentiment.TEMPLATE, predict=predict)
    with monkeypatch.context() as patch, open("/dev/full", "w") as stdout:
        patch.setattr("sys.stdout", stdout)
        outcome = run("predict", "A text.", template=template)
    assert outcome.code == 2
    [line] = outcome.err.splitlines()
    told = "Another mistake." if error and not flush else "No space left on device"
    assert told in line
    assert "Errno" not in line


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_are_no_mistake(closed, tmp_path):
    script = """
import os, sys
from tasks.cli import outputs
outputs.open_streams()
for stream in (sys.stdout, sys.stderr):
    print("é", file=stream, flush=True)
    stream.isatty(), stream.encoding
with open("kept", "w") as kept:
    assert kept.fileno() > 2 or sys.stdin is None
    os.close(os.dup(2))
    kept.write("all is well")
"""
    (tmp_path / "script.py").write_text(script, "utf-8")
    command = f"{sys.executable} script.py {closed}"
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=True,
    )
    assert (tmp_path / "kept").read_text() == "all is well"


@full
@pytest.mark.parametrize("argv", [[], ["presets"], ["--help"]])
def test_a_list_that_a_full_disk_takes_no_more_of_is_told(monkeypatch, capsys, argv):
    with monkeypatch.context() as patch, open("/dev/full", "wb", 0) as disk:
        # Unbuffered, as by PYTHONUNBUFFERED.
        patch.setattr("sys.stdout", io.TextIOWrapper(disk, write_through=True))
        assert front.main(argv) == 2
    told = "no more can be written: No space left on device. Make room"
    assert capsys.readouterr().err.startswith(f"zoo: error: {told}")


@full
@pytest.mark.parametrize("argv", ["", "text --help", "sentiment"])
def test_help_that_a_full_disk_takes_no_more_of_is_told(argv):
    command = f"{sys.executable} -m tasks {argv} > /dev/full"
    outcome = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": ""},  # it is written at the end
    )
    assert outcome.returncode == 2
    [line] = outcome.stderr.splitlines()
    told = "What was printed can't be written: No space left on device."
    assert line.endswith(f": error: {told}")
