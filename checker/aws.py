"""The only door to boto3: sessions, clients, endpoints, and the actions that the checker may call.

boto3 and botocore are imported inside functions: they take 150 ms.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from checker import __version__
from checker.problems import CheckerError, InvalidInputError, Problem, nearest

COLLECTED = frozenset({"GetImageSet", "GetDatastore"})
"""Actions of HealthImaging that a collection calls. Neither counts as access to an image set, so neither moves a set
between storage tiers or touches `lastAccessedAt` (AWS HealthImaging developer guide, cost optimization)."""

PERMITTED = COLLECTED | {"GetCallerIdentity", "AssumeRole"}
"""Every action that a client made here may call; any other is refused before it is sent."""

SESSION_NAME = "imageset-checker"
"""RoleSessionName of assumed roles: what CloudTrail shows."""

IDENTITY_SECONDS = 5.0
CONNECT_SECONDS = 5
READ_SECONDS = 30
ATTEMPTS = 5
"""Of one call, by botocore in its standard mode. Set explicitly: boto3 1.44 changed the defaults of both."""


class RefusedActionError(RuntimeError):
    """Our own code asked for an action that is not in `PERMITTED`: a bug, never the user's mistake."""


class UnusableError(CheckerError):
    """No client can be made for a target: it has no credentials, or its endpoint or Region cannot be used.

    `code` is botocore's name of the failure.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Watch(Protocol):
    """Told of every attempt of a call, retries by botocore included."""

    def before(self, action: str) -> None:
        """Before the attempt is signed, so that a signature does not age while this waits."""

    def sent(self, action: str) -> None:
        """As the attempt is sent: an attempt that cannot be signed never is."""

    def after(self, action: str, code: str | None, status: int | None) -> None:
        """With the error's code, None for a success, and the HTTP status, None where nothing came."""


@dataclass(frozen=True, slots=True)
class Access:
    """As whom a target is read: a profile of AWS's configuration files, then a role to assume."""

    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Clients:
    """boto3's clients of one Region: `control` for GetDatastore, `runtime` for GetImageSet."""

    control: Any
    runtime: Any


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the service says we are; or in `note` why that is not known."""

    account: str | None = None
    arn: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Session:
    """A session twice: botocore's takes components, boto3's makes clients and names itself in the user agent."""

    core: Any
    boto: Any


@dataclass
class Door:
    """Sessions and clients of a run. Sessions share botocore's loader: each of their own would cost 8 MB and 120 ms.

    `endpoint_url` and `runtime_endpoint_url` override HealthImaging's two endpoints. The runtime one falls back to
    the other, then to what AWS's settings say.
    """

    endpoint_url: str | None = None
    runtime_endpoint_url: str | None = None
    watch: Watch | None = None
    connections: int = 10
    attempts: int = ATTEMPTS
    _loader: Any = field(default=None, init=False)
    _made: list[Any] = field(default_factory=list, init=False)
    _sessions: dict[Access, _Session] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _making: threading.Lock = field(
        default_factory=threading.Lock, init=False
    )  # sessions are not thread-safe

    def check(self, access: Access) -> None:
        """Reads AWS's configuration for the profile, without a call.

        Raises:
            InvalidInputError: the profile is unknown, or AWS's configuration files cannot be read.
        """
        message, hint = why_no_profile(access.profile)
        if message:
            where = "AWS_PROFILE" if access.profile is None else f"the profile {access.profile}"
            raise InvalidInputError(Problem(where, message, hint))

    def sign_in(self, access: Access) -> None:
        """Finds credentials, without a call unless AWS's configuration asks for one; a role is assumed later.

        Raises:
            UnusableError: there are none, or they cannot be had.
        """
        try:
            found = self._session(access).core.get_credentials()
        except exceptions().BotoCoreError as error:
            raise UnusableError(type(error).__name__, str(error)) from error
        if found is None:
            raise UnusableError("NoCredentialsError", "no AWS credentials were found")

    def clients(self, access: Access, region: str, watch: Watch | None = None) -> Clients:
        """The clients of a Region. With an endpoint override the `runtime-` prefix is not put before its host.

        Raises:
            UnusableError: botocore can make none for this Region or endpoint.
        """
        try:
            session = self._session(access)
            control = self._client(session, "medical-imaging", region, watch, endpoint=self.endpoint_url)
            runtime_url = self.runtime_endpoint_url or self.endpoint_url
            plain = (
                {}
                if runtime_url is None and not _overridden(session, control)
                else {"inject_host_prefix": False}
            )
            runtime = self._client(session, "medical-imaging", region, watch, endpoint=runtime_url, **plain)
        except (exceptions().BotoCoreError, ValueError) as error:  # ValueError: an endpoint that is no URL
            raise UnusableError(type(error).__name__, str(error)) from error
        return Clients(control, runtime)

    def caller_identity(self, access: Access, region: str) -> Identity:
        """What sts:GetCallerIdentity says: one attempt, 5 s in total. A failure is a note, never an error."""
        found: list[Identity] = []

        def ask() -> None:
            once: dict[str, Any] = {"retries": {"mode": "standard", "total_max_attempts": 1}}
            once |= {"connect_timeout": IDENTITY_SECONDS, "read_timeout": IDENTITY_SECONDS}
            try:
                client = self._client(self._session(access), "sts", region, self.watch, **once)
                answer = client.get_caller_identity()
                found.append(Identity(answer["Account"], answer["Arn"]))
            except RefusedActionError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it was, the identity is a note in the report
                reason = f"{type(error).__name__}: {error}"
                found.append(
                    Identity(note=f"GetCallerIdentity failed, so the identity is not known: {reason}")
                )

        # In a thread of its own: name resolution and credential processes know no time limit.
        thread = threading.Thread(target=ask, name="caller-identity", daemon=True)
        thread.start()
        thread.join(IDENTITY_SECONDS)
        late = f"GetCallerIdentity did not answer within {IDENTITY_SECONDS:g} s, so the identity is not known"
        return found[0] if found else Identity(note=late)

    def close(self) -> None:
        """Closes the connections of every client made here."""
        with self._making:
            for client in self._made:
                client.close()

    def _session(self, access: Access) -> _Session:
        with self._lock:
            if access not in self._sessions:
                self._sessions[access] = (
                    self._assume(access) if access.role_arn else self._plain(access.profile)
                )
            return self._sessions[access]

    def _plain(self, profile: str | None) -> _Session:
        import boto3
        from botocore.loaders import create_loader

        core = _core(profile)
        self._loader = self._loader or create_loader(core.get_config_variable("data_path"))
        core.register_component("data_loader", self._loader)
        return _Session(core, boto3.Session(botocore_session=core))

    def _assume(self, access: Access) -> _Session:
        """A session whose credentials are the role's, asked for at the first use and anew before they expire."""
        from botocore.credentials import (
            AssumeRoleCredentialFetcher,
            CredentialResolver,
            DeferredRefreshableCredentials,
        )

        source = self._plain(access.profile)
        extra = {"RoleSessionName": SESSION_NAME}
        if access.external_id is not None:
            extra["ExternalId"] = access.external_id

        def create_client(service: str, **options: Any) -> Any:
            return self._client(source, service, options.pop("region_name", None), self.watch, **options)

        credentials = source.core.get_credentials()
        if credentials is not None:
            fetcher = AssumeRoleCredentialFetcher(create_client, credentials, access.role_arn or "", extra)
            credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
        session = self._plain(access.profile)
        session.core.register_component("credential_provider", CredentialResolver([_given(credentials)]))
        return session

    def _client(
        self,
        session: _Session,
        service: str,
        region: str | None,
        watch: Watch | None,
        *,
        endpoint: str | None = None,
        **options: Any,
    ) -> Any:
        from botocore.config import Config

        keys = {name: options.pop(name) for name in list(options) if name.startswith("aws_")}
        settings: dict[str, Any] = {
            "retries": {"mode": "standard", "total_max_attempts": self.attempts},
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": READ_SECONDS,
            "max_pool_connections": self.connections,
            "user_agent_extra": f"imageset-checker/{__version__}",
        }
        config = Config(**(settings | options))
        with self._making:
            made = session.boto.client(
                service, region_name=region, endpoint_url=endpoint, config=config, **keys
            )
            self._made.append(made)
        _guard(made)
        if watch:
            _attach(made, watch)
        return made


def why_no_profile(profile: str | None) -> tuple[str, str]:
    """Why AWS's configuration files give no session for a profile (None: AWS_PROFILE or the default one), and a hint;
    two empty texts where they do."""
    known = exceptions()
    try:
        _core(profile).get_scoped_config()
    except known.ProfileNotFound as error:
        name = str(error.kwargs.get("profile", ""))
        profiles = _core("default").full_config["profiles"]
        return f"AWS's configuration files have no profile {name}", nearest(name, profiles)
    except (known.ConfigParseError, known.ConfigNotFound) as error:
        return f"AWS's configuration cannot be read: {error}", ""
    return "", ""


def default_region(profile: str | None) -> str | None:
    """The Region that AWS's settings (AWS_DEFAULT_REGION, the profile) name, if any."""
    try:
        region = _core(profile).get_config_variable("region")
    except exceptions().BotoCoreError:
        return None  # `why_no_profile` says why
    return str(region) if region else None


def _core(profile: str | None) -> Any:
    from botocore.session import Session

    return Session(profile=profile)


def _given(credentials: Any) -> Any:
    from botocore.credentials import CredentialProvider

    class Given(CredentialProvider):
        METHOD = "assume-role"

        def load(self) -> Any:
            return credentials

    return Given()


def _overridden(session: _Session, client: Any) -> bool:
    """Whether AWS's settings put another endpoint in the place of the service's own (environment, configuration)."""
    from botocore.config import Config

    own = session.boto.client(
        client.meta.service_model.service_name,
        region_name=client.meta.region_name,
        config=Config(ignore_configured_endpoint_urls=True),  # type: ignore[call-arg] # the stubs lag
    )
    return bool(own.meta.endpoint_url != client.meta.endpoint_url)


def _guard(client: Any) -> None:
    def refuse(model: Any, **_: Any) -> None:
        if model.name not in PERMITTED:
            raise RefusedActionError(f"{model.name} is not an action that the checker may call")

    client.meta.events.register_first("provide-client-params", refuse)


def _attach(client: Any, watch: Watch) -> None:
    service = client.meta.service_model.service_id.hyphenize()

    def before(operation_name: str, **_: Any) -> None:
        watch.before(operation_name)

    def sent(event_name: str, **_: Any) -> None:
        watch.sent(event_name.rpartition(".")[2])

    def after(operation: Any, response: tuple[Any, Mapping[str, Any]] | None, **_: Any) -> None:
        status = getattr(response[0], "status_code", None) if response else None
        failed = response is None or (status or 0) >= 300
        code = str((response[1] if response else {}).get("Error", {}).get("Code", "")) if failed else None
        watch.after(operation.name, code, status)

    client.meta.events.register_first(f"request-created.{service}", before)
    client.meta.events.register_first(f"before-send.{service}", sent)
    client.meta.events.register_first(f"needs-retry.{service}", after)


def exceptions() -> Any:
    """The module of botocore's exceptions, for those who judge a failure."""
    from botocore import exceptions as known

    return known
