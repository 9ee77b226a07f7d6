"""In which periods a customer may not be reached, because of statements about consent or because of suppressions."""

import datetime as dt

FIRST = dt.datetime(1, 1, 1, tzinfo=dt.UTC)


def july(day):
    return dt.datetime(2017, 7, day, tzinfo=dt.UTC)


def test_a_refusal_lasts_until_the_next_consent_and_a_suppression_until_its_end(warehouse):
    def states(day, is_granted, purpose="email"):
        return {"customer_id": "a", "purpose": purpose, "is_granted": is_granted, "stated_at": july(day)}

    suppression = {"customer_id": "a", "since": july(1)}
    warehouse.fill(
        {
            "customers": [{"customer_id": "a", "digest": "d"}],
            "consents": [
                *(states(2, is_granted=True), states(5, is_granted=False), states(5, is_granted=True)),
                *(states(8, is_granted=True), states(3, is_granted=False, purpose="analytics")),
            ],
            "suppressions": [
                {**suppression, "channel": "all", "reason": "complaint", "until": july(9)},
                {**suppression, "channel": "ads", "reason": "call Anna at 01 99 00 01 23"},
            ],
            "campaign_suppressions": [
                {**suppression, "channel": "email", "reason": "unsubscribe", "campaign": "c", "event_id": "1"}
            ],
        }
    )
    dataset = f"{warehouse.settings.project}.{warehouse.settings.dataset}"
    found = warehouse.run("tables/exclusion_periods", dataset=dataset)
    assert {(row["channel"], row["reason"], row["since"], row["until"]) for row in found} == {
        ("email", "no consent to email", FIRST, july(2)),
        ("email", "no consent to email", july(5), july(8)),
        ("ads", "no consent to ad_user_data", FIRST, None),
        ("ads", "no consent to ad_personalization", FIRST, None),
        ("ads", "no consent to analytics", july(3), None),
        ("email", "no consent to analytics", july(3), None),
        ("ads", "suppressed: complaint", july(1), july(9)),
        ("email", "suppressed: complaint", july(1), july(9)),
        ("ads", "suppressed: another reason", july(1), None),
        ("email", "suppressed: unsubscribe", july(1), None),
    }
