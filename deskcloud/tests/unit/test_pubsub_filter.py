"""Subscription filters of the local Pub/Sub."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskcloud.filters import FilterError
from deskcloud.pubsub.filter import parse

ATTRIBUTES = {"domain": "com", "iana.org/language_tag": "en", "region": "us-east1", "my-key": "", "quote": 'a"b\n'}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("  ", True),
        ("attributes:domain", True),
        ("attributes:missing", False),
        ("NOT attributes:missing", True),
        ("-attributes:domain", False),
        ("NOT NOT attributes:domain", True),
        ('attributes.domain = "com"', True),
        ('attributes.domain="COM"', False),
        ('attributes.domain != "com"', False),
        ('attributes.missing != "com"', True),
        ('attributes."iana.org/language_tag" = "en"', True),
        ('attributes:"iana.org/language_tag"', True),
        ("attributes:my-key", True),
        ('attributes.my-key = ""', True),
        ('attributes.missing = ""', False),
        (r'attributes.quote = "a\"b\n"', True),
        (r'attributes.domain = "\x63\u006f\155"', True),
        ('hasPrefix(attributes.region, "us-")', True),
        ('hasPrefix(attributes.region, "eu-")', False),
        ('hasPrefix(attributes.missing, "")', False),
        ('attributes:domain AND attributes.region = "eu"', False),
        ('attributes:domain OR attributes.region = "eu" OR attributes:none', True),
        ("attributes:domain AND (attributes:none OR attributes:region)", True),
        ("NOT (attributes:domain AND attributes:region)", False),
        ('attributes.domain = "AND" OR attributes.domain = "com"', True),
    ],
)
def test_a_filter_matches_as_google_documents_it(text, expected):
    assert parse(text)(ATTRIBUTES) is expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("attributes:a AND attributes:b OR attributes:c", "parentheses"),
        ("attributes.a = unquoted", "double-quoted string"),
        ("attributes.a", "= or !="),
        ("attributes.a < 'x'", "cannot read"),
        ('labels.a = "x"', "attributes:KEY"),
        ('hasPrefix(attributes.a "x")', "','"),
        ('hasSuffix(attributes.a, "x")', "attributes:KEY"),
        ("(attributes:a", "')'"),
        ("attributes:a attributes:b", "AND, OR or the end"),
        ("attributes:a and attributes:b", "AND, OR or the end"),
        ('attributes.a = "open', "cannot read"),
        (r'attributes.a = "\UFFFFFFFF"', "UFFFFFFFF is not a character"),
        ("attributes:a AND attributes:b,  ", "found ',' at column 30 of the filter"),
        ("NOT", "the end"),
        ("attributes:" + "a" * 256, "256"),
    ],
)
def test_an_invalid_filter_is_refused_with_the_reason(text, complaint):
    with pytest.raises(FilterError, match=r".") as refusal:
        parse(text)
    assert complaint in str(refusal.value)


keys = st.text(string.ascii_letters + string.digits + "_", min_size=1, max_size=5)
values = st.text(string.ascii_letters + " \\\"'=()", max_size=5)


def literal(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@st.composite
def filters_with_meaning(draw, depth=2):
    """Draw the text of a filter, and a Python function that applies the same condition to a message's attributes."""
    if depth == 0 or draw(st.booleans()):
        key, value = draw(keys), draw(values)
        name = literal(key) if draw(st.booleans()) else key
        return draw(
            st.sampled_from(
                [
                    (f"attributes:{name}", lambda a: key in a),
                    (f"attributes.{name} = {literal(value)}", lambda a: a.get(key) == value),
                    (f"attributes.{name}!={literal(value)}", lambda a: a.get(key) != value),
                    (f"hasPrefix(attributes.{name},{literal(value)})", lambda a: key in a and a[key].startswith(value)),
                ]
            )
        )
    left, left_means = draw(filters_with_meaning(depth=depth - 1))
    right, right_means = draw(filters_with_meaning(depth=depth - 1))
    return draw(
        st.sampled_from(
            [
                (f"({left}) AND ({right})", lambda a: left_means(a) and right_means(a)),
                (f"({left}) OR ({right})", lambda a: left_means(a) or right_means(a)),
                (f"NOT ({left})", lambda a: not left_means(a)),
                (f"-({left})", lambda a: not left_means(a)),
            ]
        )
    )


@given(filters_with_meaning(), st.dictionaries(keys, values, max_size=4))
def test_a_nested_filter_means_the_combination_of_its_parts(filter_and_meaning, attributes):
    text, means = filter_and_meaning
    if len(text) <= 256:
        assert parse(text)(attributes) is means(attributes)


@given(st.text(max_size=60) | st.text('attributes:.="()ANDORNOT- ab\\', max_size=60))
def test_any_text_is_a_filter_or_a_filter_error(text):
    try:
        predicate = parse(text)
    except FilterError:
        return
    assert isinstance(predicate({"a": "b"}), bool)
