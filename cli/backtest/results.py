"""The document that a backtest stores for each day, until all days are done."""

from datetime import date

from msgspec import Struct

from shared.chain.documents import Document, Measured


class Judged(Struct, frozen=True):
    """The promises of the model of one past day, and the later outcomes.

    `promised` holds the winner's metrics on its test visitors. `came` holds the winner's metrics on visitors whose
    outcome was unknown on that day. `audience` holds the winner's metrics on those of these visitors who were in the
    audience. All three are None if no model could be trained. `reasons` says why no model could be trained, or why the
    gate rejected the winner. `buyers` is the number of buyers in the training rows.
    """

    day: date
    run_id: str
    passes: bool
    reasons: list[str]
    winner: str = ""
    buyers: int = 0
    promised: Measured | None = None
    came: Measured | None = None
    audience: Measured | None = None


JUDGED = Document("judged", Judged)
