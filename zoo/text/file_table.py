"""Look-up tables that are read from a file, in a process or in a SavedModel."""

import contextlib
import contextvars
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.typing import Tensor

_WHOLE_LINE, _LINE_NUMBER = -2, -1
_are_constants = contextvars.ContextVar("are_constants", default=False)


@contextlib.contextmanager
def constant_tables() -> Iterator[None]:
    """Has tables of what is saved in it hold their lines as constants of the graph.

    TensorFlow Lite fills a table with constants, and leaves one that reads a file
    empty.
    """
    token = _are_constants.set(True)
    try:
        yield
    finally:
        _are_constants.reset(token)


class FileTable(tf.saved_model.experimental.TrackableResource):
    """Lines and their numbers, from 0: the one by the other.

    In Python a table is its object's own, and goes with it, as it does in a SavedModel
    that Python has loaded. Where a SavedModel runs in a session, as in TensorFlow
    Serving, with `saved_model_cli` or from C, Java or Go, an operation that initializes
    a table and one that looks into it only meet by the table's name. Tables of one name
    are one there, of all that the session has loaded.

    Args:
        file: a `tf.saved_model.Asset`, a text file. Whoever has the table also has to
            have it as an attribute, so that a SavedModel finds it.
        name: tells the table from all others: the same for the same content, or the
            same table would be another's, and a SavedModel of the same model another.
        key_dtype: string for lines, int64 for their numbers.
        value_dtype: the other one.
        default: the value of what is not in the table.
    """

    def __init__(
        self,
        file: Any,
        name: str,
        key_dtype: tf.DType,
        value_dtype: tf.DType,
        default: Any,
    ):
        super().__init__()
        self._path = file.asset_path
        self._name = name
        self._dtypes = {"key_dtype": key_dtype, "value_dtype": value_dtype}
        self._default = default
        self._initialize()

    def lookup(self, keys: Tensor) -> Any:
        """Returns the values of keys, of any shape, dense or ragged."""
        return tf.ragged.map_flat_values(self._find, keys)

    def _find(self, keys):
        keys = tf.convert_to_tensor(keys, self._dtypes["key_dtype"])
        values = tf.raw_ops.LookupTableFindV2(
            table_handle=self.resource_handle,
            keys=keys,
            default_value=tf.constant(self._default, self._dtypes["value_dtype"]),
        )
        values.set_shape(keys.shape)
        return values

    # What TensorFlow calls, to make and to fill a table here and where it is loaded.

    def _create_resource(self):
        if tf.executing_eagerly() or tf.inside_function():
            return tf.raw_ops.AnonymousHashTable(**self._dtypes)
        return tf.raw_ops.HashTableV2(shared_name=self._name, **self._dtypes)

    def _initialize(self):
        by_line = self._dtypes["key_dtype"] == tf.string
        if _are_constants.get():
            lines = Path(tf.get_static_value(self._path).decode()).read_bytes()
            lines = tf.constant(lines.split(b"\n")[:-1])
            numbers = tf.constant(np.arange(lines.shape[0]))
            keys, values = (lines, numbers) if by_line else (numbers, lines)
            # TensorFlow Lite has this operation of its own, `InitializeTable` not.
            tf.raw_ops.LookupTableImportV2(
                table_handle=self.resource_handle, keys=keys, values=values
            )
            return
        places = (_WHOLE_LINE, _LINE_NUMBER) if by_line else (_LINE_NUMBER, _WHOLE_LINE)
        tf.raw_ops.InitializeTableFromTextFileV2(
            table_handle=self.resource_handle,
            filename=self._path,
            key_index=places[0],
            value_index=places[1],
        )
