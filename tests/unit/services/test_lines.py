"""Who logs never waits for who reads, and no line is lost without being counted."""

import os
import threading

import pytest
from prometheus_client import CollectorRegistry

from services.kit.telemetry.lines import Lines
from tests.waiting import until

MOST = 50


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    yield reading, writing
    for end in (reading, writing):
        os.close(end)


def lost(registry):
    return registry.get_sample_value("app_log_lines_lost_total")


def read_lines(reading, number):
    text = b""
    while text.count(b"\n") < number:
        text += os.read(reading, 65536)
    return text.decode().splitlines()


def test_lines_come_in_their_order(registry, pipe):
    lines = Lines(registry, pipe[1])
    for number in range(MOST):
        lines.msg(f"line {number}")
    lines.close()
    assert read_lines(pipe[0], MOST) == [f"line {number}" for number in range(MOST)]
    assert lost(registry) == 0


def test_nobody_waits_for_a_reader_that_hangs_and_what_is_lost_is_counted(registry, pipe):
    lines, said = Lines(registry, pipe[1], MOST), 0
    long = "x" * 10_000

    def log_until_full():
        # A pipe holds 64 KiB, so that the thread that writes is stuck before long; this one must not be.
        nonlocal said
        while not lost(registry):
            lines.msg(long)
            said += 1

    logging = threading.Thread(target=log_until_full, daemon=True)
    logging.start()
    until(lambda: not logging.is_alive())
    assert said > MOST
    assert len(read_lines(pipe[0], said - 1)) == said - lost(registry)
    lines.close()


def test_a_descriptor_that_cannot_be_written_loses_lines_and_nothing_more(registry):
    with open(os.devnull, "rb") as unwritable:  # noqa: PTH123  (a descriptor is what is wanted)
        lines = Lines(registry, unwritable.fileno())
        lines.msg("lost")
        lines.close()
    assert lost(registry) == 1
