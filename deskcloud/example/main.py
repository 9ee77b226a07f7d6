"""A function to which Pub/Sub pushes orders. Google's client finds the local BigQuery by environment variables."""

import base64
import json

import flask
import functions_framework
from google.cloud import bigquery


@functions_framework.http
def count_orders(request: flask.Request) -> str:
    """Insert the order that a message contains, and print the number of all orders."""
    order = json.loads(base64.b64decode(request.get_json()["message"]["data"]))
    client = bigquery.Client()
    parameters = [
        bigquery.ScalarQueryParameter("order_id", "STRING", order["order_id"]),
        bigquery.ScalarQueryParameter("revenue", "NUMERIC", order["revenue"]),
    ]
    client.query_and_wait(
        "insert into shop.orders (order_id, day, revenue) values (@order_id, current_date(), @revenue)",
        job_config=bigquery.QueryJobConfig(query_parameters=parameters),
    )
    [row] = client.query_and_wait("select count(*) as orders from shop.orders")
    print(json.dumps({"severity": "INFO", "message": f"{row.orders} orders"}), flush=True)
    return ""
