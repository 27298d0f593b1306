"""What happened in a round, as people say it."""

from chaos.facts.game import InjectTold, Steered
from chaos.report import game_words


def test_lengths_of_time_are_said_as_everywhere():
    assert game_words.line(Steered(5, 1.0, "Hana", "extend", 300.0)) == "Hana, the host: extend by 5 min"
    assert game_words.line(Steered(5, 1.0, "Hana", "start")) == "Hana, the host: start"
    asked = InjectTold(4, 1.0, "sales", "Is it down?", 120.0)
    assert game_words.line(asked) == "sales (4): Is it down? (answer within 2 min)"
