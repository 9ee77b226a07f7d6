"""The statement "sessions/from_ga4" follows each rule of Google's default channel group.

The rules are from support.google.com/analytics/answer/9756891.
"""

import datetime as dt

import one_day
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shared.chain import source, traffic_sites

DAY = dt.date(2026, 6, 10)
TABLE = f"events_{DAY:%Y%m%d}"
PARAMETERS = {**one_day.parameters(DAY), **traffic_sites.PARAMETERS}
# Examples for the rules, in the order of the rules. Each has a source, a medium, a campaign and the expected channel.
RULES = [
    ("(direct)", "(none)", None, "Direct"),
    ("(direct)", "(not set)", None, "Direct"),
    ("(direct)", "mail", None, "Unassigned"),
    ("google", "cpc", "summer cross-network", "Cross-network"),
    ("ebay", "cpc", None, "Paid Shopping"),
    ("google", "cpc", "shopping-brand", "Paid Shopping"),
    ("google", "cpc", "eshop", "Paid Shopping"),
    ("google", "cpc", "workshop", "Paid Search"),
    ("google", "cpc", "my shop", "Paid Shopping"),
    ("google", "cpc", None, "Paid Search"),
    ("bing", "ppc", None, "Paid Search"),
    ("google", "cpm", None, "Paid Search"),
    ("facebook", "paid_social", None, "Paid Social"),
    ("instagram.com", "retargeting", None, "Paid Social"),
    ("youtube.com", "cpv_cpc", None, "Paid Video"),
    ("news.example", "display", None, "Display"),
    ("news.example", "banner", None, "Display"),
    ("news.example", "expandable", None, "Display"),
    ("news.example", "interstitial", None, "Display"),
    ("news.example", "cpm", None, "Display"),
    ("news.example", "cpc", None, "Paid Other"),
    ("news.example", "cpa", None, "Paid Other"),
    ("news.example", "paid", None, "Paid Other"),
    ("news.example", "ppcs", None, "Unassigned"),
    ("google shopping", "organic", None, "Organic Shopping"),
    ("ebay.co.uk", "referral", None, "Organic Shopping"),
    ("google", "organic", "Shopping Free Listings", "Organic Shopping"),
    ("facebook.com", "referral", None, "Organic Social"),
    ("m.facebook.com", "referral", None, "Organic Social"),
    ("l.facebook.com", "referral", None, "Organic Social"),
    ("lm.facebook.com", "referral", None, "Organic Social"),
    ("facebook", None, None, "Organic Social"),
    ("t.co", "referral", None, "Organic Social"),
    ("vk.com", "referral", None, "Organic Social"),
    ("br.pinterest.com", "referral", None, "Organic Social"),
    ("partner.example", "social", None, "Organic Social"),
    ("partner.example", "social-network", None, "Organic Social"),
    ("partner.example", "social-media", None, "Organic Social"),
    ("partner.example", "sm", None, "Organic Social"),
    ("partner.example", "social network", None, "Organic Social"),
    ("partner.example", "social media", None, "Organic Social"),
    ("m.youtube.com", "referral", None, "Organic Video"),
    ("partner.example", "in-video", None, "Organic Video"),
    ("google", "organic", None, "Organic Search"),
    ("uk.search.yahoo.com", "referral", None, "Organic Search"),
    ("partner.example", "organic", None, "Organic Search"),
    ("chatgpt.com", "ai-assistant", "(ai-assistant)", "AI Assistant"),
    ("partner.example", "referral", None, "Referral"),
    ("docs.google.com", "referral", None, "Referral"),
    ("notfacebook.com", "referral", None, "Referral"),
    ("facebook.com.example", "referral", None, "Referral"),
    ("blog", "referral", None, "Referral"),
    ("partner.example", "app", None, "Referral"),
    ("partner.example", "link", None, "Referral"),
    *(("shop", word, None, "Email") for word in ("email", "e-mail", "e_mail", "e mail")),
    *((word, None, None, "Email") for word in ("email", "e-mail", "e_mail", "e mail")),
    ("partner.example", "affiliate", None, "Affiliates"),
    ("podcast.example", "audio", None, "Audio"),
    ("shop", "sms", None, "SMS"),
    ("sms", "text", None, "SMS"),
    ("shop", "webpush", None, "Mobile Push Notifications"),
    ("shop", "mobile-app", None, "Mobile Push Notifications"),
    ("shop", "app_notification", None, "Mobile Push Notifications"),
    ("firebase", "fcm", None, "Mobile Push Notifications"),
    ("shop", "newsletter", None, "Unassigned"),
    (None, "email", None, "Email"),
    ("(not set)", "(not set)", None, None),
    (None, None, None, None),
]


def event(visitor, **columns):
    numbers = {"ga_session_id": 1, "ga_session_number": 2}
    return {
        "event_date": f"{DAY:%Y%m%d}",
        "event_timestamp": int(dt.datetime.combine(DAY, dt.time(10), dt.UTC).timestamp() * 1e6),
        "event_name": "page_view",
        "user_pseudo_id": visitor,
        "event_params": [{"key": key, "value": {"int_value": value}} for key, value in numbers.items()],
        "items": [],
        **columns,
    }


def channels(warehouse, tagged):
    """For each (source, medium, campaign) in `tagged`, return the channel of a session."""
    names = ("manual_source", "manual_medium", "manual_campaign_name")
    rows = [
        event(str(number), collected_traffic_source=dict(zip(names, tags, strict=True)))
        for number, tags in enumerate(tagged)
    ]
    warehouse.fill({TABLE: rows})
    export = f"{warehouse.client.project}.analytics"
    warehouse.run("sessions/from_ga4", PARAMETERS, source=export, **source.OPTIONAL_COLUMNS["ga4"])
    found = {row["visitor_id"]: row["channel"] for row in warehouse.rows("sessions")}
    warehouse.clean()
    return [found[str(number)] for number in range(len(tagged))]


@pytest.mark.slow
def test_each_rule_gives_its_channel(whole_warehouse):
    found = channels(whole_warehouse, [rule[:3] for rule in RULES])
    assert [(*rule[:3], channel) for rule, channel in zip(RULES, found, strict=True)] == RULES


@st.composite
def in_other_letters(draw):
    """Draw the sources, mediums and campaigns of RULES with random upper and lower case letters."""
    seed = draw(st.randoms(use_true_random=False))
    return [
        tuple(word and "".join(seed.choice((letter.upper(), letter.lower())) for letter in word) for word in rule[:3])
        for rule in RULES
        if "(not set)" not in rule
    ]


# A single example that Hypothesis generates contains all rules, so neither more examples nor smaller ones would help.
@pytest.mark.slow
@settings(max_examples=1, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(in_other_letters())
def test_upper_and_lower_case_letters_give_the_same_channel(whole_warehouse, tagged):
    assert channels(whole_warehouse, tagged) == [rule[3] for rule in RULES if "(not set)" not in rule]


def test_a_site_is_in_only_one_list_and_in_lower_case():
    names = [name for listed in traffic_sites.PARAMETERS.values() for name in listed]
    assert len(names) == len(set(names)) > 500
    assert [name for name in names if name != name.lower()] == []


@pytest.mark.slow
def test_every_listed_site_has_the_channel_of_its_list(whole_warehouse):
    kinds = {
        name: kind
        for kind in ("search", "social", "shopping", "video")
        for name in traffic_sites.PARAMETERS[f"{kind}_sites"]
    }
    found = channels(whole_warehouse, [(name, "cpc", None) for name in kinds])
    assert found == [f"Paid {kind.title()}" for kind in kinds.values()]
