"""What pyproject.toml can't say of a build; all else is there."""

import shutil

from setuptools import setup
from setuptools.command.build_py import build_py


class FreshBuild(build_py):
    """Copies modules and presets to where no earlier build has left any.

    What has gone since then would be in the wheel, too.
    """

    def run(self):
        """Copies them."""
        if not self.editable_mode:
            for left in (
                self.build_lib,
                self.get_finalized_command("bdist").bdist_base,
            ):
                shutil.rmtree(left, ignore_errors=True)
        super().run()


setup(cmdclass={"build_py": FreshBuild})
