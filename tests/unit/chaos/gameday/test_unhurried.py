"""A terminal that is stopped keeps nobody waiting."""

import io
import threading

from chaos.gameday.unhurried import Unhurried


class Stopped(io.StringIO):
    """As a terminal after Ctrl-S."""

    def __init__(self):
        super().__init__()
        self.goes_on = threading.Event()

    def write(self, text):
        assert self.goes_on.wait(20)
        return super().write(text)


def test_who_prints_does_not_wait_and_nothing_is_lost():
    out = Stopped()
    printer = Unhurried(out)
    for number in range(100):
        print(number, file=printer, flush=True)
    assert not printer.drain(0.05)
    out.goes_on.set()
    assert printer.drain(20)
    assert out.getvalue().split() == [str(number) for number in range(100)]


def test_a_terminal_that_is_gone_is_no_matter():
    out = io.StringIO()
    out.close()
    printer = Unhurried(out)
    print("there", file=printer)
    assert printer.drain(20)
