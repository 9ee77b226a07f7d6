"""Python's SMTP client works with the local relay."""

import smtplib
from email.message import EmailMessage

import pytest

from deskcloud.document import MailRelay

SETTINGS = MailRelay(refused_recipients=("nobody@example.com",), deferred_recipients=("later@example.com",))


@pytest.fixture
def relay(desk):
    return desk(mail=SETTINGS)


def connected(relay, password=None):
    host, port = relay.url["mail"].split(":")
    client = smtplib.SMTP(host, int(port), timeout=10)
    known = relay.running.credentials
    client.login(known["MAIL_USER"], password or known["MAIL_PASSWORD"])
    return client


def message(*to, message_id="<1@shop.example>"):
    found = EmailMessage()
    found["From"], found["To"] = "shop@example.com", ", ".join(to or ["a@example.com"])
    found["Subject"], found["Message-ID"] = "Grüße", message_id
    found.set_content("A letter.")
    return found


def kept(relay):
    return relay.admin("GET", "mail/messages")["messages"]


def test_a_message_is_kept(relay):
    with connected(relay) as client:
        assert client.has_extn("auth")
        assert client.esmtp_features["auth"].split() == ["PLAIN"]
        client.send_message(message("a@example.com", "b@example.com"))
    (found,) = kept(relay)
    assert (found["from"], found["to"]) == ("shop@example.com", ["a@example.com", "b@example.com"])
    assert (found["message_id"], found["subject"]) == ("<1@shop.example>", "Grüße")
    assert "A letter." in found["content"]


def test_a_message_that_is_sent_twice_is_recognized_by_its_id(relay):
    with connected(relay) as client:
        client.send_message(message())
        client.send_message(message())
        client.send_message(message(message_id="<2@shop.example>"))
    assert relay.members("mail", "messages") == {
        "<1@shop.example>": (True, 1, 1, 0),
        "<2@shop.example>": (True, 1, 0, 0),
    }
    assert len(kept(relay)) == 3


def test_recipients_are_refused_or_deferred(relay):
    with connected(relay) as client:
        refused = client.send_message(message("a@example.com", "nobody@example.com", "later@example.com"))
        assert {address: code for address, (code, _) in refused.items()} == {
            "nobody@example.com": 550,
            "later@example.com": 451,
        }
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.send_message(message("nobody@example.com"))
    assert [one["to"] for one in kept(relay)] == [["a@example.com"]]


def test_without_the_password_no_message_is_accepted(relay):
    with pytest.raises(smtplib.SMTPAuthenticationError):
        connected(relay, password="wrong")  # noqa: S106 - a wrong password, as the test needs
    host, port = relay.url["mail"].split(":")
    with smtplib.SMTP(host, int(port), timeout=10) as client, pytest.raises(smtplib.SMTPSenderRefused) as refused:
        client.send_message(message())
    assert refused.value.smtp_code == 530
    assert kept(relay) == []


@pytest.mark.parametrize(
    ("kind", "code"), [("too_many_requests", 451), ("server_error", 554), ("permission_denied", 550), ("blocked", 421)]
)
def test_sending_a_message_triggers_a_planned_fault(relay, kind, code):
    relay.plan("mail", {"kind": kind})
    with connected(relay) as client:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.send_message(message())
        assert refused.value.smtp_code == code
        assert kept(relay) == []


def test_a_login_triggers_only_faults_that_are_planned_for_logins(relay):
    relay.plan("mail", {"kind": "server_error"}, {"kind": "expired_token", "request": "AUTH"})
    with pytest.raises(smtplib.SMTPAuthenticationError):
        connected(relay)
    with connected(relay) as client, pytest.raises(smtplib.SMTPDataError):
        client.send_message(message())
    assert relay.received("mail") == [("AUTH", 535), ("AUTH", 235), ("DATA", 554)]


@pytest.mark.parametrize(("kind", "messages"), [("reset_before", 0), ("reset_after", 1)])
def test_a_reset_connection_does_not_show_whether_the_message_was_accepted(relay, kind, messages):
    relay.plan("mail", {"kind": kind})
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionResetError)), connected(relay) as client:
        client.send_message(message())
    assert len(kept(relay)) == messages
    with connected(relay) as client:
        client.send_message(message())
    assert relay.members("mail", "messages") == {"<1@shop.example>": (True, 1, messages, 0)}
