"""The statement "why/drivers" says which features moved the score of one visitor."""

import datetime as dt

from learning import training_rows

DAY = dt.date(2017, 8, 1)


def test_the_features_of_the_scored_visit_have_their_values_and_effects(warehouse, models):
    [row] = training_rows()[:1]
    features = {name: row[name] for name in row.keys() - NO_FEATURES}
    visit = {"visitor_id": "v1", "is_new_visit": True, "is_internal": False}
    first = {**visit, "session_id": "1", "day": DAY, "started_at": dt.datetime(2017, 8, 1, 10, tzinfo=dt.UTC)}
    later = {**first, "session_id": "2", "started_at": dt.datetime(2017, 8, 1, 20, tzinfo=dt.UTC), "time_on_site": 0}
    warehouse.fill({"sessions": [first | features | {"time_on_site": 900, "source": "mail"}, later]})

    of = {"visitor_id": "v1", "day": DAY, "from_day": DAY}
    [found] = warehouse.run("why/drivers", of, model="logistic")
    effects = {one["feature"]: one["moved"] for one in found["reasons"]}
    assert len(effects) == 5
    assert (found["time_on_site"], found["source"]) == (900, "mail")
    # In the training rows, visitors who stay long or come by mail are more likely to buy.
    assert effects["time_on_site"] > 0.5
    assert effects["source"] > 0
    assert warehouse.run("why/drivers", {**of, "visitor_id": "nobody"}, model="logistic") == []


NO_FEATURES = {"run_id", "created_on", "split", "visitor_id", "first_day", "will_buy_on_return_visit"}
