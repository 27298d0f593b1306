"""What the wheel carries beside the engine; all else is in pyproject.toml.

The alert linter, the maker of drill time and the pager belong to other rooms. The engine starts them as processes that
import from `chaos/carried`, so an installed package has them, and takes no name such as `services` for itself.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

CARRIED = (
    "CHANGELOG.md",
    "alerts/__init__.py",
    "alerts/lint",
    "compose/__init__.py",
    "compose/drill_time.py",
    "compose/pace",
    "services/__init__.py",
    "services/kit",
    "services/pager",
)


class Carrying(build_py):
    """Builds the packages, and puts beside them what is carried."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:  # whoever has a checkout starts them from there
            return
        for name in map(Path, CARRIED):
            for file in [name] if name.is_file() else sorted(name.rglob("*.py")):
                place = Path(self.build_lib, "chaos", "carried", file)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, place)
            if not Path(self.build_lib, "chaos", "carried", name).exists():
                raise FileNotFoundError(f"{name}: the wheel is to carry it, and it is not there")


setup(cmdclass={"build_py": Carrying})
