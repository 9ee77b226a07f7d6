"""Whether and when a customer gets a message, and what the message contains."""

import datetime as dt
from email import message_from_bytes, policy

import pytest
from typer.testing import CliRunner

from cli.main import app
from functions import message_customer
from shared.errors import Malformed, Permanent
from shared.mail_settings import Mail
from shared.messages import relay, rendering, rules
from shared.messages.intents import KEPT, Intents
from shared.messages.rules import Recipient
from shared.settings import SettingsError

NOON = dt.datetime(2017, 8, 1, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def sent(*days_ago, outcome="sent"):
    intents = Intents()
    for number in sorted(days_ago, reverse=True):
        intents = intents.with_intent(f"c/{number}", outcome, NOON - number * DAY)
    return intents


@pytest.mark.parametrize(
    ("former", "is_allowed"),
    [
        (sent(), True),
        (sent(1), True),
        (sent(1, 2), False),
        (sent(1, 7), True),
        (sent(1, 2, outcome="refused"), True),
        (sent(1, 2, outcome="unconfirmed"), False),
        (sent(1, 2, outcome="intended"), False),
    ],
)
def test_a_customer_gets_at_most_the_configured_number_of_messages_per_period(former, is_allowed):
    assert former.allow(Mail(most=2, per_days=7), NOON) == is_allowed


def test_an_outcome_replaces_that_of_its_intent_and_old_intents_are_left_out():
    oldest = KEPT.days - 1
    intents = sent(0, oldest).with_intent("c/0", "refused", NOON)
    assert [(one.key, one.outcome) for one in intents.intents] == [("c/0", "refused"), (f"c/{oldest}", "sent")]
    assert [one.key for one in intents.with_intent("c/new", "intended", NOON + DAY).intents] == ["c/new", "c/0"]
    assert intents.without("c/0").of("c/0") is None


@pytest.mark.parametrize(
    ("hours", "quiet"),
    [((21, 8), {21, 22, 23, *range(8)}), ((1, 3), {1, 2}), ((5, 5), set())],
)
def test_in_quiet_hours_no_message_is_sent(hours, quiet):
    mail = Mail(quiet_from=hours[0], quiet_until=hours[1])
    times = [NOON.replace(hour=hour) for hour in range(24)]
    assert {time.hour for time in times if rules.why_not_now(mail, time, time) == "quiet hours"} == quiet


def test_after_a_checkout_of_the_day_before_no_message_is_sent():
    assert rules.why_not_now(Mail(), NOON - DAY, NOON) is None
    assert "more than 1 day ago" in rules.why_not_now(Mail(), NOON - DAY - dt.timedelta(seconds=1), NOON)


@pytest.mark.parametrize(
    ("arm", "reasons", "email", "why"),
    [
        ("treated", (), "a@example.com", None),
        ("control", (), "a@example.com", "the customer is in the control arm"),
        (
            "treated",
            ("bought recently", "no consent to email"),
            "a@example.com",
            "bought recently; no consent to email",
        ),
        ("treated", (), None, "the customer has no e-mail address"),
    ],
)
def test_only_treated_customers_who_may_be_reached_get_a_message(arm, reasons, email, why):
    assert rules.why_not(Recipient("a", email, None, None, arm, reasons)) == why


def test_a_name_is_escaped_only_in_the_html_part():
    rendered = rendering.render(Mail(), "", "<b>Anna</b>", ["A & B"], "coupon")
    assert "Hello <b>Anna</b>," in rendered.text
    assert "Hello &lt;b&gt;Anna&lt;/b&gt;," in rendered.html
    assert "<li>A &amp; B</li>" in rendered.html
    assert rendered.subject == "A coupon for your cart, <b>Anna</b>"


@pytest.mark.parametrize(
    ("language", "hello"), [("fr", "Bonjour,"), ("fr-CA", "Bonjour,"), ("de", "Hello,"), ("", "Hello,")]
)
def test_a_message_is_in_the_customers_language_if_there_is_a_template(language, hello):
    rendered = rendering.render(Mail(), language, "", [], "full_price")
    assert rendered.text.startswith(hello)
    assert f"<p>{hello}</p>" in rendered.html


def test_a_missing_template_is_an_error_that_names_the_existing_ones():
    with pytest.raises(Permanent, match=r"mail\.template is summer, .* name one of checkout, or add the file"):
        rendering.render(Mail(template="summer"), "", "", [], "coupon")


def test_a_message_has_text_and_html_parts_a_stable_id_and_a_link_to_unsubscribe():
    mail = Mail(sender="Café <hello@shop.example>", unsubscribe="https://shop.example/stop")
    rendered = rendering.render(mail, "fr", "Zoë", ["TEA"], "coupon")
    composed = rendering.compose(mail, "z@example.com", rendered, "abc", NOON)
    read = message_from_bytes(composed.as_bytes(policy=policy.SMTP), policy=policy.default)
    assert (read["From"], read["To"], read["Message-ID"]) == (mail.sender, "z@example.com", "<abc@shop.example>")
    assert read["Subject"] == "Un bon de réduction pour votre panier, Zoë"
    assert read["List-Unsubscribe"] == "<https://shop.example/stop>"
    assert [part.get_content_type() for part in read.iter_parts()] == ["text/plain", "text/html"]
    assert all("https://shop.example/stop" in part.get_content() for part in read.iter_parts())


def test_an_invalid_message_is_refused_without_its_values():
    with pytest.raises(Malformed) as refused:
        message_customer.decode({"visitor_id": 17, "offer": "anna@example.com"})
    assert "anna" not in str(refused.value)


@pytest.mark.parametrize("lacking", [relay.USER, relay.PASSWORD])
def test_without_credentials_the_function_does_not_start(lacking):
    known = {relay.USER: "u", relay.PASSWORD: "p"}
    with pytest.raises(SettingsError, match=lacking):
        relay.credentials(known | {lacking: ""})


def test_a_message_can_be_previewed_without_sending_it(tmp_path):
    file = tmp_path / "message.html"
    shown = CliRunner().invoke(app, ["preview-message", "--language", "fr", "--html", str(file)])
    assert shown.output.startswith("subject: Un bon de réduction pour votre panier, Anna\n\nBonjour Anna,\n")
    assert "<li>TEA-250</li>" in file.read_text()
