"""The names of the alerts in a folder of Prometheus rule files."""

from pathlib import Path

import yaml

from chaos.errors import InvalidFile
from chaos.spec.target import Target


def of_target(target: Target, ours: Path) -> frozenset[str]:
    """The alerts that may fire on this stack: of its own rule files, or of the folder `ours`. Raises InvalidFile."""
    if target.alerting is None:
        return frozenset()
    # Of a stack that is not ours any file of the folder is one of rules.
    return alert_names(Path(target.rules), "*.y*ml") if target.rules else alert_names(ours)


def alert_names(folder: Path, pattern: str = "*.rules.yml") -> frozenset[str]:
    """Every alert in the folder's rule files. Raises InvalidFile where there is none."""
    names = set()
    for file in sorted(folder.glob(pattern)):
        try:
            groups = yaml.safe_load(file.read_text())["groups"]
            names |= {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
        except (yaml.YAMLError, KeyError, TypeError) as error:
            raise InvalidFile(file, "", f"not a rule file: {error}") from error
    if not names:
        raise InvalidFile(folder, "", f"no alert in any {pattern}")
    return frozenset(names)
