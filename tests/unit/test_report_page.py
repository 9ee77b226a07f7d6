"""The parts of which a report consists: axes, rounded numbers, tables, and drawings with texts for screen readers."""

import re

import pytest

from shared.chain import intervals
from shared.report import axes, page, words
from shared.report.page import Bars, Graph, Line, Lines, Node, Section, Spread, Spreads, Table

FIGURES = [
    Lines("Gains", "All in the first tenth.", axes.shares("x"), axes.shares("y"), [Line("a", [(0, 0), (0.1, 1)])]),
    Bars("Deciles", "One.", "decile", axes.amounts("buyers", 3), ["1", "2"], {"a": [3, 0], "b": [1, 2]}),
    Spreads("ROC AUC", "One model.", axes.shares("x"), [Spread("a", 0.5, 0.4, 0.6, "half")], [0.55]),
    Graph(
        "Steps", "Two.", [Node("one", "done", 0, 2, "2 s"), Node("two", "failed", text="failed"), Node("three", "open")]
    ),
]


def rendered(*parts):
    return page.render("A run", [Section("run", "The run", ["It ended."], parts)]).decode()


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.kind)
def test_a_drawing_has_its_title_and_description_as_its_accessible_name(figure):
    text = rendered(figure)
    [(title, said)] = re.findall(r'<svg [^>]*role="img" aria-labelledby="(\S+) (\S+)"', text)
    assert f'<h3 id="{title}">{figure.title}</h3>' in text
    assert f'<p id="{said}">{figure.words}</p>' in text


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.kind)
def test_a_drawing_stays_within_its_frame(figure):
    text = rendered(figure)
    for x in re.findall(r' (?:x|cx)="([\d.-]+)"', text):
        assert 0 <= float(x) <= page.WIDTH


def test_a_table_names_its_columns_and_rows():
    text = rendered(Table("Splits", ("split", "visitors"), [("train", "1,000")]))
    assert '<th scope="col">visitors</th>' in text
    assert '<th scope="row">train</th><td>1,000</td>' in text
    assert "<caption>Splits</caption>" in text


def test_a_column_without_a_name_is_refused():
    with pytest.raises(ValueError, match="'Splits' has a column without a name"):
        Table("Splits", ("", "visitors"), [("train", "1,000")])


def test_the_page_loads_nothing():
    assert not re.search(r"<script|<link|src=|url\(|https?:", rendered(*FIGURES))


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0, 7, [0, 2, 4, 6]), (0.047, 0.093, [0.05, 0.06, 0.07, 0.08, 0.09])],
)
def test_ticks_are_round_values_within_the_axis(low, high, ticks):
    assert axes.Axis("", low, high).ticks() == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, "-"), (0, "0 %"), (0.0123, "1.23 %"), (0.123, "12.3 %"), (1, "100 %"), (0.00042, "0.04 %")],
)
def test_a_share_is_printed_in_percent(share, text):
    assert words.percent(share) == text


@pytest.mark.parametrize(
    ("number", "text"), [(4.23, "4.2 s"), (59.96, "1 min 0 s"), (192, "3 min 12 s"), (239.8, "4 min 0 s")]
)
def test_a_duration_is_printed_in_minutes_and_seconds(number, text):
    assert words.seconds(number) == text


def test_the_interval_of_a_share_is_wilsons():
    """Newcombe (1998, method 3) publishes the interval 0.112 to 0.330 for 10 of 50."""
    assert intervals.share_interval(10, 50) == pytest.approx((0.1124, 0.3304), abs=1e-4)
    assert intervals.share_interval(0, 10)[0] == 0
    assert intervals.share_interval(0, 0) == (0, 1)
