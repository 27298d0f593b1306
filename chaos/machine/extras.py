"""Libraries that an extra of the package installs, for what few need."""

from importlib.util import find_spec

from chaos.errors import NotInstalled


def assert_installed(extra: str, what: str, *modules: str) -> None:
    """Raises NotInstalled, with the command that installs them, where one of these top-level modules is missing."""
    if missing := [name for name in modules if find_spec(name) is None]:
        raise NotInstalled(f"{what} needs {' and '.join(missing)}: pip install 'stormdrill[{extra}]'")
