"""`python -m chaos` is `stormdrill`."""

from chaos.cli import main

if __name__ == "__main__":
    main()
