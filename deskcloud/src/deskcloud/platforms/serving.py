"""Run the platforms that the document lists, each on its own port, and their admin API."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.types import ASGIApp

from deskcloud.document import Fault, Platforms
from deskcloud.platforms import admin, datamanager
from deskcloud.platforms.clock import Clock
from deskcloud.platforms.faults import Plan
from deskcloud.platforms.front import Front, Refusals
from deskcloud.platforms.state import State
from deskcloud.web import guard, serving
from deskcloud.web.guard import Rules

ADMIN = "platforms"
"""The name of the admin API among the services."""

type Address = Callable[[str, str], str]
"""From a service's name and address to the address that a client shall use."""


@dataclass(frozen=True)
class Running:
    """The running platforms.

    `addresses` has each one's address by its name, without a secret. `secret` is the secret of the local cloud's ports,
    which Data Manager and the admin API require. `credentials` has the other platforms' credentials by variable.
    """

    addresses: Mapping[str, str]
    credentials: Mapping[str, str]
    secret: str

    def services(self) -> dict[str, str]:
        """Return each address by the service's name, with the secret if the service requires the secret."""
        return {name: self._opened(name, address) for name, address in self.addresses.items()}

    def variables(self, address: Address) -> dict[str, str]:
        """Return the values of the variables in the document's `environment`, such as `${META_URL}`."""
        at = {name: self._opened(name, address(name, one)) for name, one in self.addresses.items()}
        named = {f"{name.upper()}_{'HOST' if name == 'mail' else 'URL'}": one for name, one in at.items()}
        return {**named, **self.credentials}

    def environment(self, address: Address) -> dict[str, str]:
        """Return the environment variables with the platforms' addresses."""
        return {
            f"{name.upper()}_EMULATOR_HOST": self._opened(name, address(name, one))
            for name, one in self.addresses.items()
        }

    def _opened(self, name: str, address: str) -> str:
        return guard.with_secret(address, self.secret) if name in {"datamanager", ADMIN} else address


@contextlib.contextmanager
def run(folder: Path, named: Platforms, ports: Mapping[str, int], rules: Rules) -> Iterator[Running]:
    """Yield the platforms once all of them answer; stop them when the context ends. Without platforms, run nothing.

    Args:
        folder: the folder for persistent state.
        named: the platforms and their accounts.
        ports: the port of each platform and of the admin API, by name.
        rules: the access rules of the local cloud's ports.

    Raises:
        OSError: a port is taken.
    """
    with contextlib.ExitStack() as stack:
        clock = _clock(folder)
        started: dict[str, admin.Platform] = {}
        addresses: dict[str, str] = {}
        credentials: dict[str, str] = {}

        def opened(name: str, faults: tuple[Fault, ...]) -> tuple[State, Plan]:
            state = State(folder / name)
            stack.callback(state.close)
            return state, Plan(state, faults)

        def serve(name: str, app: ASGIApp, platform: admin.Platform, refusals: Refusals, own: Rules) -> None:
            fronted = Front(app, platform.state, platform.plan, refusals)
            addresses[name] = stack.enter_context(serving.serve(fronted, ports[name], own))
            started[name] = platform

        if named.datamanager:
            state, plan = opened("datamanager", named.datamanager.faults)
            audiences = datamanager.Audiences(state, clock, named.datamanager)
            app = datamanager.create_app(audiences, clock, named.datamanager)
            serve("datamanager", app, admin.Platform(state, plan, audiences.settle), datamanager.REFUSALS, rules)
        if started:
            app = admin.create_app(started, clock)
            addresses[ADMIN] = stack.enter_context(serving.serve(app, ports[ADMIN], rules))
        yield Running(addresses, credentials, rules.secret)


def _clock(folder: Path) -> Clock:
    folder.mkdir(parents=True, exist_ok=True)
    return Clock(folder / "clock.json")
