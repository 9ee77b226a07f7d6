"""Call Google's SQL analyzer and reference implementation (the package `zetasql`) as WebAssembly in this process.

BigQuery's dialect is GoogleSQL. So no other software that runs without a network is closer to BigQuery.

    from deskcloud.googlesql import analysis, reference
    from deskcloud.googlesql.catalog import Catalog

    catalog = Catalog({"t": [{"name": "x", "type": "INT64"}]})
    analysis.analyze("select x + 1 as y from t", catalog)     # [Column("y", INT64)], or raises Refused
    reference.run("select x + 1 as y from t", catalog, {"t": [{"x": 1}]}).rows     # [(2,)]
"""
