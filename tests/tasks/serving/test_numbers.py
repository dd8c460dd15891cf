"""What a request's numbers become, and which are refused. KServe need not be there."""

import importlib.util
import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

FILE = Path(__file__).parents[3] / "tasks" / "serving" / "kserve_model.py"


class ClientError(ValueError):
    """KServe's error of a client."""


@pytest.fixture(scope="module")
def module():
    """Returns `kserve_model`."""
    kserve, errors = types.ModuleType("kserve"), types.ModuleType("kserve.errors")
    kserve.Model, errors.InvalidInput = object, ClientError
    spec = importlib.util.spec_from_file_location("kserve_model", FILE)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "kserve", kserve)
        patch.setitem(sys.modules, "kserve.errors", errors)
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tensor(module):
    """Returns what makes a tensor of a request's value, as `kserve_model` has it."""

    def tensor(value, dtype):
        return module._tensor(value, tf.TensorSpec(None, dtype, name="length"))

    return tensor


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_whole_numbers_in_their_range_are_taken(dtype, tensor):
    for value in (dtype.min, dtype.max, 0, [], [3], [[1, -2], [3, 4]]):
        found = tensor(value, dtype)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, np.array(value, dtype.as_numpy_dtype))


RANGE = "not from -2147483648 to 2147483647"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (2**31, f"2147483648, {RANGE}"),
        (2**32 + 50, f"4294967346, {RANGE}"),
        (2**40, RANGE),
        (2**70, RANGE),
        ([1, -(2**31) - 1], f"-2147483649, {RANGE}"),
        ([[1], [2**32]], f"4294967296, {RANGE}"),
        (True, "true, which is no whole number"),
        ([1, False], "false, which is no whole number"),
        (1.0, "1.0, which is no whole number"),
        ([1, None], "null, which is no whole number"),
        ("5", '"5", which is no whole number'),
        ({"b64": "NQ=="}, '{"b64": "NQ=="}, which is no whole number'),
    ],
)
def test_what_tensorflow_would_wrap_round_is_told(value, told, tensor):
    message = f"^length must be int32: found .*{re.escape(told)}$"
    with pytest.raises(ClientError, match=message):
        tensor(value, tf.int32)


def test_int64_has_a_range_too(tensor):
    with pytest.raises(ClientError, match="length must be int64: found 9223372036854"):
        tensor(2**63, tf.int64)


def test_lists_of_several_lengths_are_told(tensor):
    with pytest.raises(ClientError, match="length must be int32: "):
        tensor([[1], [2, 3]], tf.int32)


def test_other_numbers_may_be_whole_and_are_no_truth(tensor):
    assert tensor([1, 0.5], tf.float32).numpy().tolist() == [1, 0.5]
    with pytest.raises(ClientError, match="length must be float32: found true, which"):
        tensor([True], tf.float32)


def test_what_is_nested_too_deeply_is_the_clients_mistake(module, tensor):
    nested = []
    for _ in range(10**5):
        nested = [nested]
    with pytest.raises(ClientError, match="length is nested too deeply"):
        tensor(nested, tf.int32)
    with pytest.raises(ClientError, match="length is nested too deeply"):
        tensor(nested, tf.string)
    deep = b"[" * 10**5 + b"]" * 10**5
    with pytest.raises(ClientError, match="The request is nested too deeply"):
        module._read(deep)
