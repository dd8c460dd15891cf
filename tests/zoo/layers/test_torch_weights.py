"""Layers from torch, against torch."""

import keras
import numpy as np
import pytest

from tests.zoo.cells.units import N_A, N_X, draw
from tests.zoo.layers.masks import ROWS, STEPS
from zoo.layers import GRU, LSTM, Bidirectional, DeepRNN, SimpleRNN, from_torch

pytestmark = pytest.mark.slow

KINDS = {
    "tanh": ("RNN", {"nonlinearity": "tanh"}, SimpleRNN),
    "relu": ("RNN", {"nonlinearity": "relu"}, SimpleRNN),
    "gru": ("GRU", {}, GRU),
    "lstm": ("LSTM", {}, LSTM),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def torch():
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    return torch


def make(torch, kind, seed=0, **arguments):
    torch.manual_seed(seed)
    name, own, _ = KINDS[kind]
    return getattr(torch.nn, name)(N_X, N_A, **own, **arguments).eval()


def run(torch, module, sequences, states=None):
    """Returns the outputs, batch first, and the last states in our order."""
    batch_first = torch.tensor(sequences)
    inputs = batch_first if module.batch_first else batch_first.transpose(0, 1)
    with torch.no_grad():
        outputs, last = module(inputs, states)
    if not module.batch_first:
        outputs = outputs.transpose(0, 1)
    return outputs.numpy(), in_our_order(last)


def in_our_order(states):
    """(layers · directions, batch, n_a), of an LSTM two, as a flat list."""
    states = states if isinstance(states, tuple) else (states,)
    return [state[i].numpy() for i in range(len(states[0])) for state in states]


@every_kind
@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("bias", "batch_first"), [(True, True), (False, False)])
def test_outputs_and_last_states_equal_those_of_torch(
    torch, kind, num_layers, bidirectional, bias, batch_first
):
    module = make(
        torch,
        kind,
        num_layers=num_layers,
        bidirectional=bidirectional,
        bias=bias,
        batch_first=batch_first,
    )
    sequences = draw(ROWS, STEPS, N_X)

    layer = from_torch(module)
    outputs, *last = layer(sequences)

    expected, expected_last = run(torch, module, sequences)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    assert len(last) == len(expected_last)
    np.testing.assert_allclose(last, expected_last, atol=1e-5)
    wrapper = Bidirectional if bidirectional else KINDS[kind][2]
    assert type(layer) is (wrapper if num_layers == 1 else DeepRNN)


@every_kind
def test_states_that_are_given_do_the_same(torch, kind):
    module = make(torch, kind, num_layers=2, bidirectional=True, batch_first=True)
    sequences = draw(ROWS, STEPS, N_X)
    count = 2 if kind == "lstm" else 1
    states = tuple(torch.tensor(draw(4, ROWS, N_A, seed=7 + i)) for i in range(count))

    layer = from_torch(module)
    outputs, *last = layer(sequences, initial_state=in_our_order(states))

    given = states if kind == "lstm" else states[0]
    expected, expected_last = run(torch, module, sequences, given)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    np.testing.assert_allclose(last, expected_last, atol=1e-5)


@every_kind
def test_mask_does_what_torchs_packed_sequences_do(torch, kind):
    module = make(torch, kind, num_layers=2, bidirectional=True, batch_first=True)
    sequences, lengths = draw(3, STEPS, N_X), [5, 3, 1]
    mask = np.arange(STEPS) < np.array(lengths)[:, None]
    rnn = torch.nn.utils.rnn
    packed = rnn.pack_padded_sequence(
        torch.tensor(sequences), lengths, batch_first=True
    )
    with torch.no_grad():
        expected, expected_last = module(packed)
    expected, _ = rnn.pad_packed_sequence(expected, batch_first=True)

    outputs, *last = from_torch(module)(sequences, mask=mask)

    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    np.testing.assert_allclose(last, in_our_order(expected_last), atol=1e-5)


def test_float64_stays_float64(torch):
    module = make(torch, "lstm", num_layers=2, batch_first=True, dtype=torch.float64)
    sequences = draw(ROWS, STEPS, N_X).astype("float64")

    outputs, *_ = from_torch(module)(sequences)

    assert outputs.dtype == "float64"
    expected, _ = run(torch, module, sequences)
    np.testing.assert_allclose(outputs, expected, atol=1e-12)


def test_dropout_between_layers_comes_along(torch):
    layer = from_torch(make(torch, "gru", num_layers=3, dropout=0.4))
    assert layer.dropout == 0.4
    assert [dropout.rate for dropout in layer.between] == [0.4, 0.4]
    sequences = draw(ROWS, STEPS, N_X)
    trained, *_ = layer(sequences, training=True)
    assert np.abs(trained - layer(sequences)[0]).max() > 1e-3


def test_weights_go_on_to_keras(torch):
    layer = from_torch(make(torch, "lstm", num_layers=2, bidirectional=True))
    inputs = keras.Input((None, N_X))
    hidden = inputs
    for _ in range(2):
        lstm = keras.layers.LSTM(N_A, return_sequences=True)
        hidden = keras.layers.Bidirectional(lstm)(hidden)
    model = keras.Model(inputs, hidden)
    model.set_weights(layer.get_weights())
    sequences = draw(ROWS, STEPS, N_X)
    np.testing.assert_allclose(model(sequences), layer(sequences)[0], atol=1e-6)


def test_projected_state_is_refused(torch):
    with pytest.raises(ValueError, match="`proj_size=2`: it projects its"):
        from_torch(make(torch, "lstm", proj_size=2))


def test_other_modules_are_refused(torch):
    with pytest.raises(ValueError, match=r"Found: torch\.nn\.modules\.rnn\.LSTMCell"):
        from_torch(torch.nn.LSTMCell(2, 2))
    with pytest.raises(ValueError, match=r"Found: builtins\.str"):
        from_torch("lstm")
