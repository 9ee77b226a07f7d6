"""Build recommendations: association rules from baskets, and products for each visitor by the best method."""

from __future__ import annotations

import contextlib
import json
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from google.api_core.exceptions import NotFound, PreconditionFailed

from shared import jsontext, recommendations
from shared.chain import run_ids
from shared.chain.documents import RECOMMENDATIONS, Recommended
from shared.chain.log_events import FactorizationRefused, NewerRecommendationsServed
from shared.chain.opened_runs import RecommendationsRun
from shared.chain.recommendation_choice import POPULARITY, Ranking, better_than_popularity
from shared.chain.training import rows_of_run
from shared.chain.versions import model_name
from shared.errors import Permanent
from shared.events import RecommendationsDue
from shared.log import log
from shared.recommendations import ARTEFACT, Artefact, Rule
from shared.warehouse import Statement

if TYPE_CHECKING:
    from shared.chain.environment import Environment, StepContext

FACTORIZATION = "matrix_factorization"
# Maximum number of products that are used per visitor, the newest first. Longer histories carry little signal.
MOST_PRODUCTS = 100
# Maximum number of similar products stored for each product. The setting `most_similar` replaces this maximum if the
# setting is larger.
MOST_ALIKE = 20


def look(environment: Environment, now: datetime) -> RecommendationsRun | None:
    """Return the document of a run on the current data, with the products out of stock; None if there are no data yet.

    The run's id does not depend on the stock: a change of the stock needs no new run, because the online path reads the
    stock itself.

    Raises:
        Permanent: the shop's list of products out of stock is invalid.
    """
    [state] = environment.query("recommendations/state")
    as_of: date | None = state["day"]
    if as_of is None:
        return None
    return RecommendationsRun(
        opened_at=now,
        event=RecommendationsDue(run_ids.of_recommendations(as_of, state)),
        as_of=as_of,
        out_of_stock=sorted(_out_of_stock(environment)),
    )


def _out_of_stock(environment: Environment) -> frozenset[str]:
    blob = environment.bucket.blob(recommendations.OUT_OF_STOCK)
    try:
        return recommendations.out_of_stock(json.loads(blob.download_as_bytes()))
    except NotFound:
        return frozenset()
    except ValueError as error:
        raise Permanent(
            f"gs://{environment.settings.bucket}/{recommendations.OUT_OF_STOCK} cannot be read: {error}"
        ) from error


class Builder:
    """Builds the recommendations of one run.

    Call `count`, `judge`, `publish` and `summary` in this order. Each method replaces the rows that it writes.
    """

    def __init__(self, context: StepContext) -> None:
        self._context = context
        self._settings = context.settings.recommendations
        self._run = context.run_as(RecommendationsRun)
        self.as_of = self._run.as_of
        self._rows = rows_of_run(context)
        self._unavailable = self._run.out_of_stock

    def count(self) -> bool:
        """Compute the association rules and the products that interested each visitor.

        Return whether products were held out, on which the methods can be evaluated.
        """
        settings = self._settings
        window = {"from_day": self.as_of - timedelta(days=settings.window_days - 1), "as_of": self.as_of}
        least = {
            "min_baskets": settings.min_baskets,
            "min_count": settings.min_count,
            "min_support": settings.min_support,
        }
        most = {"most_products": MOST_PRODUCTS, "most_visitors": settings.evaluation_visitors}
        self._context.warehouse.query_all(
            [
                Statement("recommendations/itemsets", {**window, **least, **self._rows}),
                Statement("recommendations/visitor_products", {**window, **self._rows, **most}),
            ]
        )
        lively = {"min_confidence": settings.min_confidence, "min_lift": settings.min_lift}
        _, [held_out] = self._context.warehouse.query_all(
            [
                Statement("recommendations/rules", {"as_of": self.as_of, **self._rows, **lively}),
                Statement("recommendations/held_out", self._rows),
            ]
        )
        return bool(held_out["visitors"])

    def judge(self) -> list[Ranking]:
        """Return each method's metrics on visitors whose last product was held out."""
        methods = [POPULARITY, *self._fit(list(self._settings.methods), is_final=False)]
        self._recommend(methods, is_final=False)
        found = self._context.warehouse.query("recommendations/metrics", {**self._rows, "methods": methods})
        return [Ranking(**row) for row in found]

    def publish(self, better: list[str]) -> Artefact:
        """Compute all active visitors' recommendations with the first method of `better`, and return the artefact.

        If `better` is empty, all visitors get the popular products.
        """
        best = better[0] if better else POPULARITY
        self._fit([method for method in better if method in {best, "similarity"}], is_final=True)
        self._recommend(list({best: None, POPULARITY: None}), is_final=True)
        of_day = {"as_of": self.as_of}
        in_stock = {"unavailable": self._unavailable}
        settings = self._settings
        _, rules, similar, popular = self._context.warehouse.query_all(
            [
                Statement("recommendations/publish", {**self._rows, **of_day, "method": best}),
                Statement("recommendations/artefact_rules", {**of_day, **in_stock, "most_rules": settings.most_rules}),
                Statement(
                    "recommendations/artefact_similar",
                    {**self._rows, **in_stock, "most_similar": settings.most_similar},
                ),
                Statement(
                    "recommendations/artefact_popular",
                    {**self._rows, **in_stock, "most_popular": settings.most_popular},
                ),
            ]
        )
        return _artefact(self._run, rules, similar, popular)

    def summary(self) -> dict[str, Any]:
        """Return the number of rules, visitors and baskets, and the kind of baskets."""
        rows = self._context.warehouse.query("recommendations/summary", {"as_of": self.as_of, **self._rows})
        return rows[0]

    def _fit(self, methods: list[str], *, is_final: bool) -> list[str]:
        """Train the methods that need a training, and return `methods` without those that could not be trained."""
        fit = {**self._rows, "is_final": is_final}
        alike = {"shrinkage": self._settings.shrinkage, "most_similar": max(MOST_ALIKE, self._settings.most_similar)}
        if "similarity" in methods:
            self._context.warehouse.query("recommendations/similarities", {**fit, **alike})
        if FACTORIZATION in methods:
            try:
                self._context.warehouse.query(
                    "recommendations/factorization", fit, model=self._model(is_final=is_final)
                )
            except Permanent as error:
                # BigQuery refuses matrix factorization in a project without a reservation, so a retry cannot help. Use
                # the other methods, which need no reservation.
                if "reservation" not in str(error):
                    raise
                log(FactorizationRefused(self._context.run_id, str(error)))
                return [method for method in methods if method != FACTORIZATION]
        return methods

    def _recommend(self, methods: list[str], *, is_final: bool) -> None:
        values = {
            **self._rows,
            "is_final": is_final,
            "as_of": self.as_of,
            "active_from": self.as_of - timedelta(days=self._context.settings.audience.window_days - 1),
            # In the evaluation, include products that are out of stock now. They may have been available when the
            # evaluation's visitors looked at products.
            "unavailable": self._unavailable if is_final else [],
            "most_recommended": self._settings.per_visitor,
        }
        models = {FACTORIZATION: {"model": self._model(is_final=is_final)}}
        self._context.warehouse.query_all(
            [Statement(f"recommendations/by_{method}", values, models.get(method, {})) for method in methods]
        )

    def _model(self, *, is_final: bool) -> str:
        return model_name("factors" if is_final else "judged_factors", self._context.run_id)


def build(context: StepContext) -> Recommended:
    """Build the recommendations, and write and return the report about them.

    The artefact that the online path reads is replaced, unless the stored artefact is newer.
    """
    builder = Builder(context)
    rankings = builder.judge() if builder.count() else []
    better = better_than_popularity(rankings)
    artefact = builder.publish(better)
    found = {
        "as_of": builder.as_of,
        "method": better[0] if better else POPULARITY,
        "better_than_popularity": better,
        "methods": {one.method: one for one in rankings},
        **builder.summary(),
        "out_of_stock": len(context.run_as(RecommendationsRun).out_of_stock),
        "is_served": serve(artefact, context),
    }
    report = msgspec.convert(found, Recommended)
    context.runs.write(context.run_id, RECOMMENDATIONS, report)
    return report


def _artefact(
    run: RecommendationsRun, rules: list[dict[str, Any]], similar: list[dict[str, Any]], popular: list[dict[str, Any]]
) -> Artefact:
    """Return the artefact for the online path. The lists are the rows of sql/recommendations/artefact_*.sql."""
    following: dict[tuple[str, ...], list[tuple[str, float]]] = {}
    for row in rules:
        following.setdefault(tuple(row["antecedents"]), []).append((row["product_id"], row["confidence"]))
    alike: dict[str, list[tuple[str, float]]] = {}
    for row in similar:
        alike.setdefault(row["product_id"], []).append((row["similar_id"], row["similarity"]))
    return Artefact(
        run_id=run.event.run_id,
        as_of=run.as_of,
        opened_at=run.opened_at,
        rules=[Rule(list(one), products) for one, products in following.items()],
        similar=alike,
        popular=[row["product_id"] for row in popular],
    )


def serve(artefact: Artefact, context: StepContext) -> bool:
    """Store the artefact for the online path and return True. Return False if the stored artefact is newer.

    The stored artefact is newer if its newest day is later or, for the same day, if its run was opened later.
    """
    bucket = context.environment.bucket
    content = jsontext.encode(artefact)
    while True:
        standing = bucket.get_blob(ARTEFACT)
        generation = standing.generation if standing else 0
        try:
            if standing and _age(_served(standing.download_as_bytes(if_generation_match=generation))) > _age(artefact):
                log(NewerRecommendationsServed(context.run_id))
                return False
            bucket.blob(ARTEFACT).upload_from_string(
                content, content_type="application/json", if_generation_match=generation
            )
        except (NotFound, PreconditionFailed):
            # The stored artefact was replaced or deleted since it was read, so compare again.
            continue
        return True


def newer_run(context: StepContext) -> str | None:
    """Return the run whose artefact the online path reads, if that artefact is newer than this run; otherwise None."""
    served = _standing(context.environment)
    return served.run_id if served and _age(served) > _age(context.run_as(RecommendationsRun)) else None


def served_run(environment: Environment) -> str | None:
    """Return the run whose artefact the online path reads, or None if there is no artefact."""
    served = _standing(environment)
    return served.run_id if served else None


def withdraw(environment: Environment) -> None:
    """Delete the artefact, so that the online path recommends nothing."""
    with contextlib.suppress(NotFound):
        environment.bucket.blob(ARTEFACT).delete()


def _standing(environment: Environment) -> Artefact | None:
    try:
        return _served(environment.bucket.blob(ARTEFACT).download_as_bytes())
    except NotFound:
        return None


def _served(content: bytes) -> Artefact:
    return msgspec.json.decode(content, type=Artefact)


def _age(one: Artefact | RecommendationsRun) -> tuple[date, datetime]:
    return one.as_of, one.opened_at
