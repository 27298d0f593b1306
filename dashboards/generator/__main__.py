"""Writes every dashboard's JSON file; `python -m dashboards.generator`."""

from pathlib import Path

from dashboards.generator import alerts, haproxy, instances, overview, postgres, redis, telemetry
from dashboards.generator.render import to_json

FOLDER = Path(__file__).resolve().parent.parent
BOARDS = (
    overview.BOARD,
    instances.BOARD,
    haproxy.BOARD,
    postgres.BOARD,
    redis.BOARD,
    alerts.BOARD,
    telemetry.BOARD,
)


def main() -> None:
    """Write the files, and remove those of dashboards that are no more."""
    wanted = {FOLDER / f"{board.uid}.json": to_json(board) for board in BOARDS}
    for file in set(FOLDER.glob("*.json")) - set(wanted):
        file.unlink()
    for file, text in wanted.items():
        file.write_text(text)


if __name__ == "__main__":
    main()
