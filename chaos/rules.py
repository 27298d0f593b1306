"""The names of the alerts in a folder of Prometheus rule files."""

from pathlib import Path

import yaml

from chaos.errors import InvalidFile


def alert_names(folder: Path) -> frozenset[str]:
    """Every alert in the folder's `*.rules.yml`. Raises InvalidFile where there is none."""
    names = set()
    for file in sorted(folder.glob("*.rules.yml")):
        try:
            groups = yaml.safe_load(file.read_text())["groups"]
            names |= {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
        except (yaml.YAMLError, KeyError, TypeError) as error:
            raise InvalidFile(file, "", f"not a rule file: {error}") from error
    if not names:
        raise InvalidFile(folder, "", "no alert in any *.rules.yml")
    return frozenset(names)
