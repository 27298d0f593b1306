"""What traffic faults read is what their words say."""

import re
from typing import get_args
from urllib.parse import parse_qs, urlsplit

import pytest

from chaos.agents.read_paths import path
from chaos.spec.faults.traffic import Reads
from chaos.spec.mix import SKUS


@pytest.mark.parametrize("reads", get_args(Reads))
def test_each_word_reads_what_no_other_reads(reads):
    paths = {path(reads) for _ in range(500)}
    others = {path(one) for one in get_args(Reads) if one != reads for _ in range(100)}
    assert not paths & others
    assert len(paths) > 50


def test_what_does_not_exist_is_asked_for_again_and_is_a_product_all_the_same():
    paths = [path("absent") for _ in range(1000)]
    assert len(set(paths)) <= 200
    skus = {one.removeprefix("/products/") for one in paths}
    assert all(re.fullmatch("[a-z0-9-]{1,64}", sku) for sku in skus)
    assert not skus & set(SKUS)


def test_a_page_begins_at_a_product_and_names_what_is_wanted():
    asked = parse_qs(urlsplit(path("pages")).query)
    assert bytes.fromhex(asked["cursor"][0]).decode() in SKUS
    assert asked["fields"] == ["name"]
