"""The document that a backtest keeps of each day, until all are done."""

from datetime import date

from msgspec import Struct

from shared.chain.documents import Document, Measured


class Judged(Struct, frozen=True):
    """What the model of one past day promised and what came.

    `promised` is the winner on its test visitors, `came` the same model on the visitors whose outcome was open, and
    `audience` those of them whom the audience would have held. All are None if nothing was learnt; `reasons` says why,
    or why the gate rejected the winner. `buyers` is the number of buyers that the model was trained on.
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
