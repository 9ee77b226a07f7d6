import pandas as pd
import pandas_gbq


def test_frames_are_written_appended_and_read(client):
    frame = pd.DataFrame({"a": [1, 2], "t": pd.to_datetime(["2017-05-01", "2017-05-02"], utc=True)})
    named = {"project_id": client.project, "bigquery_client": client}
    pandas_gbq.to_gbq(frame, "shop.frame", if_exists="replace", progress_bar=False, **named)
    pandas_gbq.to_gbq(frame, "shop.frame", if_exists="append", progress_bar=False, **named)
    query = "select a, t from shop.frame order by a, t"
    read = pandas_gbq.read_gbq(query, progress_bar_type=None, **named)
    assert read["a"].tolist() == [1, 1, 2, 2]
    assert read["t"].tolist() == [frame["t"][index] for index in (0, 0, 1, 1)]
    assert len(pandas_gbq.read_gbq("shop.frame", progress_bar_type=None, **named)) == 4


def test_frames_are_read_by_the_storage_read_api(client, reading):
    rows = client.query("select 'a' as k, 1.5 as v").result()
    assert rows.to_dataframe(bqstorage_client=reading).to_dict("records") == [{"k": "a", "v": 1.5}]
