"""Training data for benchmarks: numeric features, and a label that depends on some of them and on noise."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

COLUMNS = 20

Matrix = npt.NDArray[np.float32]


def matrix(rows: int) -> tuple[Matrix, Matrix]:
    """Return a matrix of 20 features per row, and one label per row. One row in ten is positive.

    Each call returns the same values.
    """
    random = np.random.default_rng(1)
    features = random.normal(size=(rows, COLUMNS)).astype(np.float32)
    score = features[:, :5].sum(axis=1) + features[:, 5] * features[:, 6] + random.normal(size=rows)
    return features, (score > np.quantile(score, 0.9)).astype(np.float32)


def table(features: Matrix, labels: Matrix | None = None) -> pa.Table:
    """Return an Arrow table with float64 features f0, f1, ... and, if labels are given, the int64 column `label`."""
    columns = {f"f{number}": features[:, number].astype(np.float64) for number in range(COLUMNS)}
    return pa.table(columns | ({} if labels is None else {"label": labels.astype(np.int64)}))
