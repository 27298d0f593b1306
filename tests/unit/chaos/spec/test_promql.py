"""What an expression needs to be there: each operator says it in its own way."""

import pytest

from chaos.spec import promql


@pytest.mark.parametrize(
    ("expression", "needs"),
    [
        ("up == 0", [{"up"}]),
        (
            'rate(errors_total{job="shop"}[1m]) / rate(requests_total[1m]) > 0.1',
            [{'errors_total{job="shop"}', "requests_total"}],
        ),
        ("a > 1 and b < 2", [{"a", "b"}]),
        ("a or b", [{"a"}, {"b"}]),
        ("a unless b", [{"a"}]),
        ("(a or b) and c", [{"a", "c"}, {"b", "c"}]),
        ("absent(up)", [set()]),
        ("a and absent(b)", [{"a"}]),
        ("vector(1)", [set()]),
        ("max_over_time((sum by (x) (a))[5m:1m]) > 3", [{"a"}]),
        ("-a * on (x) group_left () b", [{"a", "b"}]),
        ("histogram_quantile(0.9, sum by (le) (rate(d_bucket[1m]))) > 1", [{"d_bucket"}]),
    ],
)
def test_what_it_needs(expression, needs):
    assert [set(one) for one in promql.needs(expression)] == needs


def test_what_is_no_expression_is_an_error():
    with pytest.raises(ValueError, match="parenthesis"):
        promql.needs("sum(")


def test_what_needs_too_many_things_is_judged_by_some_of_them():
    found = promql.needs(" and ".join(f"(a{n} or b{n})" for n in range(10)))
    assert 1 <= len(found) <= promql.MOST
    assert all(len({f"a{n}", f"b{n}"} & one) <= 1 for one in found for n in range(10))
