"""What pyproject.toml can't tell: the presets lie outside of the packages.

`pretrained/` of a checkout is `zoo/pretrained/` of what is installed from it.
"""

from setuptools import find_namespace_packages, find_packages, setup

# To setuptools every folder is a package.
PRESETS = ["zoo.pretrained"]
PRESETS += [f"zoo.pretrained.{name}" for name in find_namespace_packages("pretrained")]

setup(
    packages=find_packages(include=["zoo*", "tasks*"]) + PRESETS,
    package_dir={"zoo.pretrained": "pretrained"},
    package_data={
        **{name: ["*"] for name in PRESETS},
        "zoo": ["py.typed"],
        "tasks": [f"datasets/**/*.{kind}" for kind in ("md", "bib", "txt", "tsv")],
    },
    zip_safe=False,
)
