"""Run the platforms that the cloud's document lists, each on its own port, and their admin API."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiosmtpd.smtp import LoginPassword

from deskcloud.document import AdAccount, DataManager, MailRelay, MarketingCloud, Platforms
from deskcloud.platforms import admin, datamanager, mail, meta, salesforce
from deskcloud.platforms.clock import Clock
from deskcloud.platforms.faults import Plan
from deskcloud.platforms.front import ASYNCHRONOUS, Front
from deskcloud.platforms.quota import Quota
from deskcloud.platforms.state import State
from deskcloud.web import credentials, guard, serving
from deskcloud.web.guard import Rules

ADMIN = "platforms"
"""The name of the admin API among the services."""

type Address = Callable[[str, str], str]
"""A function that takes a service's name and address, and returns the address for clients, e.g. that of a proxy."""


@dataclass(frozen=True)
class Running:
    """The running platforms.

    `addresses` maps each platform's name to its address, without a secret. Data Manager and the admin API require
    `secret`, the secret of the local cloud's ports. `credentials` maps environment variables, such as
    META_ACCESS_TOKEN, to the credentials of the other platforms.
    """

    addresses: Mapping[str, str]
    credentials: Mapping[str, str]
    secret: str

    def services(self) -> dict[str, str]:
        """Return a dict from service names to addresses, with the secret for services that require the secret."""
        return {name: self._opened(name, address) for name, address in self.addresses.items()}

    def variables(self, address: Address) -> dict[str, str]:
        """Return the values of variables such as `${META_URL}`, which the functions' `environment` may contain."""
        # Data Manager's URL contains no secret, because Google's client sends the secret as a token.
        at = {name: address(name, one) for name, one in self.addresses.items()}
        if ADMIN in at:
            at[ADMIN] = self._opened(ADMIN, at[ADMIN])
        named = {f"{name.upper()}_{'HOST' if name == 'mail' else 'URL'}": one for name, one in at.items()}
        return {**named, **self.credentials}

    def environment(self, address: Address) -> dict[str, str]:
        """Return the environment variables with the platforms' addresses, such as META_EMULATOR_HOST."""
        return {
            f"{name.upper()}_EMULATOR_HOST": self._opened(name, address(name, one))
            for name, one in self.addresses.items()
        }

    def _opened(self, name: str, address: str) -> str:
        return guard.with_secret(address, self.secret) if name in {"datamanager", ADMIN} else address


@contextlib.contextmanager
def run(state: Path, named: Platforms, ports: Mapping[str, int], rules: Rules) -> Iterator[Running]:
    """Yield the platforms once all of them answer, and stop them when the context ends.

    If `named` has no platform, run nothing.

    Args:
        state: the local cloud's folder for persistent state. The platforms use the subfolder `platforms`.
        named: the platforms and their accounts.
        ports: maps the name of each platform, and of the admin API, to its port.
        rules: the access rules of the local cloud's ports.

    Raises:
        OSError: a port is taken.
        UnknownFaultError: a fault is planned for a platform that does not have this kind of fault.
    """
    with contextlib.ExitStack() as stack:
        starting = _Starting(stack, state, ports)
        if named.datamanager:
            starting.datamanager(named.datamanager, rules)
        if named.meta:
            starting.meta(named.meta)
        if named.salesforce:
            starting.salesforce(named.salesforce)
        if named.mail:
            starting.mail(named.mail)
        if starting.started:
            app = admin.create_app(starting.started, starting.clock)
            starting.addresses[ADMIN] = stack.enter_context(serving.serve(app, ports[ADMIN], rules))
        yield Running(starting.addresses, starting.credentials, rules.secret)


class _Starting:
    """Starts platforms, and collects their addresses and credentials."""

    def __init__(self, stack: contextlib.ExitStack, state: Path, ports: Mapping[str, int]) -> None:
        self._stack, self._cloud, self._folder, self._ports = stack, state, state / "platforms", ports
        self._folder.mkdir(parents=True, exist_ok=True)
        self.clock = Clock(self._folder / "clock.json")
        self.started: dict[str, admin.Platform] = {}
        self.addresses: dict[str, str] = {}
        self.credentials: dict[str, str] = {}

    def datamanager(self, settings: DataManager, rules: Rules) -> None:
        state = self._state("datamanager")
        audiences = datamanager.Audiences(state, self.clock, settings)
        app = datamanager.create_app(audiences, self.clock, settings)
        refusals = datamanager.REFUSALS
        plan = Plan(state, {*refusals, *ASYNCHRONOUS}, settings.faults)
        self._serve("datamanager", Front(app, state, plan, refusals), audiences.settle, rules)

    def meta(self, settings: AdAccount) -> None:
        state, token = self._state("meta"), self._secret("META_ACCESS_TOKEN")
        audiences = meta.Audiences(state, self.clock, settings)
        app = meta.create_app(audiences, self.clock, settings, token)
        refusals = meta.refusals(settings)
        plan = Plan(state, {*refusals, *ASYNCHRONOUS}, settings.faults)
        # On these paths, the guard asks for no secret, because clients send Meta's access token instead of the port's
        # secret. The guard also accepts forms on these paths, because Meta's clients send forms.
        forms = Rules(open=frozenset(f"/{one}" for one in meta.VERSIONS))
        self._serve("meta", Front(app, state, plan, refusals), audiences.settle, forms)

    def salesforce(self, settings: MarketingCloud) -> None:
        state = self._state("salesforce")
        client = salesforce.Client(self._secret("SALESFORCE_CLIENT_ID"), self._secret("SALESFORCE_CLIENT_SECRET"))
        rows = salesforce.Rows(state, self.clock, settings)
        parts = salesforce.Parts(
            salesforce.Tokens(state, self.clock, settings, client),
            rows,
            salesforce.Messages(state, self.clock, settings),
            Quota(settings.requests_per_minute, 60.0, self.clock.now),
        )
        refusals = salesforce.REFUSALS
        plan = Plan(state, {*refusals, *ASYNCHRONOUS}, settings.faults)
        app = salesforce.create_app(parts)
        self._serve("salesforce", Front(app, state, plan, refusals, salesforce.TOKEN_PATH), rows.settle, Rules())

    def mail(self, settings: MailRelay) -> None:
        state = self._state("mail")
        login = LoginPassword(self._secret("MAIL_USER").encode(), self._secret("MAIL_PASSWORD").encode())
        plan = Plan(state, mail.REFUSALS, settings.faults)
        relay = mail.Relay(state, self.clock, plan, settings, login)
        self.addresses["mail"] = self._stack.enter_context(mail.serve(relay, self._ports["mail"]))
        self.started["mail"] = admin.Platform(state, plan, lambda: None)

    def _state(self, name: str) -> State:
        state = State(self._folder / name)
        self._stack.callback(state.close)
        return state

    def _secret(self, variable: str) -> str:
        self.credentials |= credentials.secrets(self._cloud, [variable])
        return self.credentials[variable]

    def _serve(self, name: str, front: Front, settle: Callable[[], object], rules: Rules) -> None:
        self.addresses[name] = self._stack.enter_context(serving.serve(front, self._ports[name], rules))
        self.started[name] = admin.Platform(front.state, front.plan, settle)
