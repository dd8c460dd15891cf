"""What `generate` shows, and when: the prompt first, at a terminal at once."""

import sys

import pytest
import tensorflow as tf

from tasks import text
from tests.tasks.spoilt import spoil
from tests.zoo.models.language_models import make
from zoo.models import LanguageModel

GENERATE = "generate", "--length", 20, "--seed", 1, "--prompt", "ab c"


@pytest.fixture
def model(monkeypatch):
    model = make()
    monkeypatch.setattr(LanguageModel, "from_preset", lambda name: model)
    return model


@pytest.fixture
def terminal(monkeypatch):
    # Of the class: each phase of a test has a stdout of its own.
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: True)


@pytest.fixture
def shown(monkeypatch, capsys):
    """What stood on stdout when the model was first asked."""
    shown, stream = [], LanguageModel.stream

    def watched(*args, **kwargs):
        shown.append(capsys.readouterr().out)
        return stream(*args, **kwargs)

    monkeypatch.setattr(LanguageModel, "stream", watched)
    return shown


@pytest.mark.parametrize("flags", [(), ("--count", 2)], ids=["one", "two"])
def test_a_terminal_shows_the_prompt_before_the_model_reads_it(
    run, model, terminal, shown, flags
):
    outcome = run(*GENERATE, *flags, template=text.TEMPLATE)
    assert outcome.code == 0, outcome.err
    title = "--- 1 of 2\n" if flags else ""
    assert shown == [f"{title}ab c"]
    expected = model.generate(tf.constant(["ab c"] * (1 + bool(flags))), 20, seed=1)
    first, *others = (each.decode() for each in expected.numpy())
    rest = "".join(f"--- 2 of 2\nab c{each}\n" for each in others)
    assert outcome.out == f"{first}\n{rest}"


def test_a_pipe_gets_the_same_with_the_first_piece(run, model, shown):
    outcome = run(*GENERATE, template=text.TEMPLATE)
    assert shown == [""]
    [expected] = model.generate(tf.constant(["ab c"]), 20, seed=1).numpy()
    assert outcome.out == f"ab c{expected.decode()}\n"


def test_a_model_that_gives_nan_is_told_on_a_line_of_its_own(run, model, terminal):
    spoil(model)
    outcome = run(*GENERATE, template=text.TEMPLATE)
    assert (outcome.code, outcome.out) == (2, "ab c\n")
    assert "gives NaN for probabilities" in outcome.err
