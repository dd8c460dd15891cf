"""Weights of classes, which Keras makes weights of rows before a loss sees anything."""

import sys
import types


def refuse_class_weight(why: str) -> None:
    """Raises if Keras' `fit`, or `train_on_batch`, was given class weights.

    Where targets are sequences Keras makes them weights of rows, by the place of a
    row's largest target: what was asked for is told by the call alone.

    Args:
        why: what class weights can't mean here, and what to give instead.

    Raises:
        ValueError: the call that this one is in was given class weights.
    """
    frame: types.FrameType | None = sys._getframe()
    while frame is not None:
        method = frame.f_code.co_name in ("fit", "train_on_batch")
        if method and frame.f_globals.get("__name__", "").startswith("keras."):
            if frame.f_locals.get("class_weight") is not None:
                raise ValueError(f"class_weight has no meaning {why}")
            return
        frame = frame.f_back
