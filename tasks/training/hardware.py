"""What a figure was measured on."""

import importlib
import os
import platform
from pathlib import Path


def describe() -> str:
    """Returns the processor, its cores and the GPUs, in a line."""
    import tensorflow as tf

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    parts = [f"{_processor()}, {cores or os.cpu_count()} cores"]
    for device in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(device)
        parts.append(details.get("device_name", device.name))
    return " + ".join(parts)


def versions() -> dict[str, str]:
    """Returns the versions of what computes.

    As modules tell them: they may be installed under another name, `tensorflow-cpu`.
    """
    names = ("tensorflow", "keras", "tensorflow-datasets", "numpy")
    modules = (importlib.import_module(name.replace("-", "_")) for name in names)
    return {"python": platform.python_version()} | {
        name: module.__version__ for name, module in zip(names, modules, strict=True)
    }


def _processor():
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
