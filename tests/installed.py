"""What is installed here, laid into another place to import from: whoever asks what is needed asks no index."""

import os
import shutil
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from compose.settings import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def needs(*extras):
    """The distributions that our package needs with these extras, and all that they need; at the pinned versions."""
    wanted = [PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] for extra in extras)]
    return closure(Requirement(one) for several in wanted for one in several)


def closure(wanted):
    """The names of what is wanted and of all that it needs, as what is installed here says."""
    found, left = set(), list(wanted)
    while left:
        required = left.pop()
        name = canonicalize_name(required.name)
        assert metadata.version(name) in required.specifier, f"{required}: another one is installed here"
        for extra in {"", *required.extras}:
            if (name, extra) in found:
                continue
            found.add((name, extra))
            further = map(Requirement, metadata.requires(name) or [])
            left += [one for one in further if one.marker is None or one.marker.evaluate({"extra": extra})]
    return {name for name, _ in found}


def files(name):
    """Where each file of a distribution lies below its site-packages; its scripts are elsewhere, and left out."""
    found = metadata.distribution(name)
    there = Path(str(found.locate_file("")))
    return there, [Path(*file.parts) for file in found.files or () if file.parts[0] != ".."]


def lay(names, place):
    """Copy these distributions, each file of them."""
    for name in names:
        there, all_files = files(name)
        for file in all_files:
            if (there / file).is_file():
                (place / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(there / file, place / file)


def link(names, place):
    """The same in a moment, by links to whole packages; no package may be one of several distributions."""
    for name in names:
        there, all_files = files(name)
        for top in {file.parts[0] for file in all_files if not file.parts[0].startswith(".")}:
            if not (place / top).exists():
                (place / top).symlink_to(there / top)


def kilobytes(folder):
    """What all of it takes on a disk with blocks of 4 KiB."""
    sizes = [os.lstat(file).st_size for file in folder.rglob("*") if not file.is_dir()]
    return sum(-(-size // 4096) * 4 for size in sizes)
