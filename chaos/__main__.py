"""`stormdrill`, and `python -m chaos`: a Ctrl-C is heard before the imports, which take a second."""

from chaos.machine.interrupts import end_at_once


def main() -> None:
    """Run one command and exit with its code."""
    end_at_once()
    from chaos.cli import main as command_line  # noqa: PLC0415  # only now, so that a signal meanwhile is no traceback

    command_line.main()


if __name__ == "__main__":
    main()
