"""Check and change the traffic split of an endpoint. The split gives each deployed model's percentage of requests."""

import random
from collections.abc import Collection, Mapping
from typing import Any

from deskcloud.vertex.errors import FailedPreconditionError, InvalidArgumentError

type Split = dict[str, int]

_NEW = "0"  # the trafficSplit of a deployModel request has this id for the model to deploy


def checked(split: Any, deployed: Collection[str]) -> Split:
    """Check a split. Return a dict from deployed model ids to percentages.

    `deployed` are the ids of the models on the endpoint.

    Raises:
        InvalidArgumentError: `split` is not a JSON object, names an unknown model, has a share outside 0 to 100, or is
            not empty and does not add up to 100.
    """
    if not isinstance(split or {}, Mapping):
        raise InvalidArgumentError("trafficSplit must be a JSON object from deployed model id to percentage.")
    shares = {name: _percentage(name, share) for name, share in (split or {}).items()}
    for name in shares:
        if name not in deployed:
            raise InvalidArgumentError(
                f"trafficSplit names {name!r}; deployed here: {', '.join(sorted(deployed)) or 'none'}."
            )
    if shares and sum(shares.values()) != 100:
        raise InvalidArgumentError(
            f"trafficSplit adds up to {sum(shares.values())}: percentages must add up to 100, or the map be empty."
        )
    return shares


def deploying(split: Any, new: str, deployed: Collection[str], current: Split) -> Split:
    """Return the split after the model `new` is deployed. `current` is the split before.

    The result is `split` with the id `new` in place of "0". If `split` is empty, the result is `current`.

    Raises:
        InvalidArgumentError: see `checked`.
    """
    shares = checked(split, {*deployed, _NEW})
    return {new if name == _NEW else name: share for name, share in shares.items()} or current


def undeploying(split: Any, old: str, deployed: Collection[str], current: Split) -> Split:
    """Return the split after the model `old` is undeployed. `current` is the split before.

    The result is `split`, or `current` if `split` is empty. If no model except `old` is deployed, the result is empty.

    Raises:
        InvalidArgumentError: see `checked`; `split` must not contain `old`.
        FailedPreconditionError: `split` is empty, `old` receives traffic in `current`, and other models are deployed.
    """
    left = set(deployed) - {old}
    if not left:
        return {}
    shares = checked(split, left) or current
    if shares.get(old):
        raise FailedPreconditionError(
            f"Deployed model {old} receives {shares[old]} % of the traffic: give a trafficSplit without it."
        )
    return {name: share for name, share in shares.items() if name != old}


def choose(split: Split, chance: random.Random) -> str | None:
    """Return the id of a random deployed model, or None if no model receives traffic.

    The shares in `split` are the probabilities of the models.
    """
    if not any(split.values()):
        return None
    return chance.choices(list(split), weights=list(split.values()))[0]


def _percentage(name: str, share: Any) -> int:
    if isinstance(share, bool) or not isinstance(share, int) or not 0 <= share <= 100:
        raise InvalidArgumentError(f"trafficSplit[{name!r}] is {share!r}: it must be a whole number from 0 to 100.")
    return share
