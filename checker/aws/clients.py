"""Sessions, assumed roles, clients and their endpoints."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from checker import __version__
from checker.aws.access import Access, Clients, Identity
from checker.aws.actions import PERMITTED, SERVICE, Deed, on_runs
from checker.aws.credentials import (
    LATE,
    CredentialSource,
    Provider,
    StrictCredentials,
    UnusableError,
    with_timeout,
)
from checker.aws.deadlines import DEADLINES, OBJECT_DEADLINES, S3_DEADLINES, UPLOAD_DEADLINES, Deadlines
from checker.aws.guard import RefusedActionError, Watch, attach_watch, guard
from checker.aws.profiles import (
    core_session,
    default_region,
    exceptions,
    loader,
    needs_mfa_code,
    profile_error,
    remember_environment,
    setting_errors,
)
from checker.aws.transport import limit_answers
from checker.problems import InvalidInputError, Problem
from checker.redaction import redact, register_url_secrets

SESSION_NAME = "imageset-checker"
"""RoleSessionName of assumed roles: what CloudTrail shows."""

S3_REGION = "us-east-1"
"""Where a bucket is asked for first, if nothing names a Region: S3 there knows every bucket's."""
ATTEMPTS = 5
"""Of one call, by botocore in its standard mode. Set explicitly: boto3 1.44 changed the defaults of both."""


@dataclass(frozen=True, slots=True, eq=False)
class _Session:
    """A session twice: botocore's takes components, boto3's makes clients and names itself in the user agent. `made` are
    its clients, and those by which its credentials are asked for."""

    core: Any
    boto: Any
    made: list[Any] = field(default_factory=list)


@dataclass
class Sessions:
    """Sessions and clients of a run. Sessions share botocore's loader: each of their own would cost 8 MB and 120 ms.

    `endpoint_url` and `runtime_endpoint_url` override HealthImaging's two endpoints. The runtime one falls back to
    the other, then to what AWS's settings say. `deadlines` are not S3's: `s3_deadlines` and, for its files,
    `object_deadlines` are.
    """

    endpoint_url: str | None = None
    runtime_endpoint_url: str | None = None
    watch: Watch | None = None
    connections: int = 10
    attempts: int = ATTEMPTS
    deadlines: Deadlines = DEADLINES
    s3_deadlines: Deadlines = S3_DEADLINES
    object_deadlines: Deadlines = OBJECT_DEADLINES
    _sessions: dict[tuple[Access, str], _Session] = field(default_factory=dict, init=False)
    _outdated: dict[tuple[Access, str], list[_Session]] = field(default_factory=dict, init=False)
    _checked: set[str | None] = field(default_factory=set, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    # credentials of roles that profiles assume, for every Region: a code for one is typed once
    _roles: dict[str, Any] = field(default_factory=dict, init=False)
    _typing: threading.Lock = field(default_factory=threading.Lock, init=False)
    # sessions are not thread-safe
    _making: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        for url in (self.endpoint_url, self.runtime_endpoint_url):
            register_url_secrets(url)
        remember_environment()

    def check(self, access: Access) -> None:
        """Reads AWS's configuration for the profile, without a call.

        Raises:
            InvalidInputError: the profile is unknown, AWS's configuration files cannot be read, or a setting has a value
                that it cannot have.
        """
        if access.profile in self._checked:
            return
        message, hint = profile_error(access.profile)
        if message:
            where = "AWS_PROFILE" if access.profile is None else f"the profile {access.profile}"
            raise InvalidInputError(Problem(where, message, hint))
        if wrong := setting_errors(access.profile):
            raise InvalidInputError(Problem(name, reason) for name, reason in wrong)
        self._checked.add(access.profile)

    def sign_in(self, access: Access, region: str) -> None:
        """Gets credentials: what AWS's configuration asks for, and a role, are asked for here, and a person may be.

        Raises:
            UnusableError: there are none, or they cannot be had.
        """
        source = CredentialSource(access.profile)

        def get() -> bool:
            with _unusable():
                found = self._session(access, region).core.get_credentials()
            if found is None:
                return False
            try:
                found.get_frozen_credentials()
            except (exceptions().ClientError, exceptions().HTTPClientError, exceptions().ConnectionError):
                pass  # a call that failed: the first one of the service needs it too, and may repeat it
            return True

        try:
            # one person types one code at a time
            with self._typing if needs_mfa_code(access.profile) else nullcontext():
                found = with_timeout(self.deadlines.credentials, get, "sign-in")
        except TimeoutError:
            late = f"no credentials came from {source} within {self.deadlines.credentials:g} s"
            raise UnusableError(LATE, late) from None
        if not found:
            where = f" in {source}" if access.profile else ""
            raise UnusableError("NoCredentialsError", f"no AWS credentials were found{where}")

    def clients(self, access: Access, region: str, watch: Watch | None = None) -> Clients:
        """The clients of a Region. With an endpoint override the `runtime-` prefix is not put before its host.

        Raises:
            UnusableError: botocore can make none for this Region or endpoint.
        """
        with _unusable():
            session = self._session(access, region)
            control = self._client(session, SERVICE, region, watch, endpoint=self.endpoint_url)
            runtime_url = self.runtime_endpoint_url or self.endpoint_url
            given = runtime_url is not None or _overridden(session, control)
            plain: dict[str, Any] = {"inject_host_prefix": False} if given else {}
            runtime = self._client(session, SERVICE, region, watch, endpoint=runtime_url, **plain)
        return Clients(control, runtime, _host(runtime.meta.endpoint_url) if given else None)

    def anew(self, access: Access, region: str, watch: Watch | None = None) -> Clients:
        """As `clients`, with credentials that are asked for anew: those of the session so far have expired.

        Raises:
            UnusableError: botocore can make none for this Region or endpoint.
        """
        key = (access, region)
        self._roles.clear()
        with self._lock:
            if old := self._sessions.pop(
                key, None
            ):  # its clients are closed with the others: some may be in a call
                self._outdated.setdefault(key, []).append(old)
        return self.clients(access, region, watch)

    def organizations(self, access: Access, region: str) -> Any:
        """A client of AWS Organizations.

        Raises:
            UnusableError: botocore can make none.
        """
        with _unusable():
            return self._client(self._session(access, region), "organizations", region, self.watch)

    def s3(self, deed: Deed) -> Any:
        """A client of S3 that may do nothing else with kept runs, with AWS's own settings: credentials, endpoint, Region.

        Where they name no Region, botocore finds the bucket's.

        Raises:
            InvalidInputError: AWS's configuration cannot be read.
            UnusableError: botocore can make no client with it.
        """
        self.check(Access())
        region = default_region(None) or S3_REGION
        own = {"fetch": self.object_deadlines, "read": self.s3_deadlines}
        limits = own.get(deed, UPLOAD_DEADLINES)
        with _unusable():
            session = self._session(Access(), region)
            return self._client(session, "s3", region, None, permitted=on_runs(deed), deadlines=limits)

    def caller_identity(self, access: Access, region: str) -> Identity:
        """What sts:GetCallerIdentity says: one attempt, 5 s in total. A failure is a note, never an error."""
        seconds = self.deadlines.identity

        def ask() -> Identity:
            once: dict[str, Any] = {"retries": {"mode": "standard", "total_max_attempts": 1}}
            once |= {"connect_timeout": seconds, "read_timeout": seconds}
            client = self._client(self._session(access, region), "sts", region, self.watch, **once)
            answer = client.get_caller_identity()
            return Identity(answer["Account"], answer["Arn"])

        try:
            return with_timeout(seconds, ask, "caller-identity")
        except TimeoutError:
            late = f"GetCallerIdentity did not answer within {seconds:g} s, so the identity is not known"
            return Identity(note=late)
        except Exception as error:  # noqa: BLE001 - whatever it was, the identity is a note in the report
            note = "GetCallerIdentity failed, so the identity is not known"
            return Identity(note=redact(f"{note}: {type(error).__name__}: {error}"))

    def release(self, access: Access, region: str) -> None:
        """Closes the connections of the clients of a Region, and forgets its session: there may be thousands of accounts."""
        with self._lock:
            session = self._sessions.pop((access, region), None)
            every = [*self._outdated.pop((access, region), ()), *([session] if session else [])]
        with self._making:
            for client in (client for total in every for client in total.made):
                client.close()

    def close(self) -> None:
        """Closes the connections of every client made here."""
        with self._lock:
            every = [*self._sessions, *self._outdated]
        for access, region in every:
            self.release(access, region)

    def _session(self, access: Access, region: str) -> _Session:
        key = (access, region)
        with self._lock:
            if key not in self._sessions:
                assumed = access.role_arn is not None
                made = self._assume(access, region) if assumed else self._plain(access.profile, region)
                self._sessions[key] = made
            return self._sessions[key]

    def _plain(self, profile: str | None, region: str) -> _Session:
        """A session; in the target's Region its own calls are made, such as those for a profile's role."""
        import boto3
        from botocore.credentials import create_credential_resolver

        core = core_session(profile)
        core.set_config_variable("region", region)
        core.register_component("data_loader", loader(core.get_config_variable("data_path")))
        chain = create_credential_resolver(core, cache=self._roles, region_name=region)
        core.register_component("credential_provider", Provider(chain, profile))
        return _Session(core, boto3.Session(botocore_session=core))

    def _assume(self, access: Access, region: str) -> _Session:
        """A session whose credentials are the role's, asked for at the first use and anew before they expire.

        STS is asked in the target's Region: nothing else need name one.
        """
        from botocore.credentials import (
            AssumeRoleCredentialFetcher,
            CredentialResolver,
            DeferredRefreshableCredentials,
        )

        source = self._plain(access.profile, region)
        extra = {"RoleSessionName": SESSION_NAME}
        if access.external_id is not None:
            extra["ExternalId"] = access.external_id

        def create_client(service: str, **options: Any) -> Any:
            return self._client(source, service, region, self.watch, **options)

        credentials = source.core.get_credentials()
        if credentials is not None:
            fetcher = AssumeRoleCredentialFetcher(create_client, credentials, access.role_arn or "", extra)
            deferred = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
            credentials = StrictCredentials(deferred, CredentialSource(access.profile, "assume-role"))
        session = self._plain(access.profile, region)
        session.core.register_component("credential_provider", CredentialResolver([_given(credentials)]))
        return replace(session, made=source.made)

    def _client(
        self,
        session: _Session,
        service: str,
        region: str | None,
        watch: Watch | None,
        *,
        endpoint: str | None = None,
        permitted: frozenset[str] = PERMITTED,
        deadlines: Deadlines | None = None,
        **options: Any,
    ) -> Any:
        from botocore.config import Config

        limits = deadlines or self.deadlines
        keys = {name: options.pop(name) for name in list(options) if name.startswith("aws_")}
        settings: dict[str, Any] = {
            "retries": {"mode": "standard", "total_max_attempts": self.attempts},
            "connect_timeout": limits.connect,
            "read_timeout": limits.read,
            "max_pool_connections": self.connections,
            "user_agent_extra": f"imageset-checker/{__version__}",
        }
        config = Config(**(settings | options))
        with self._making:
            made = session.boto.client(
                service, region_name=region, endpoint_url=endpoint, config=config, **keys
            )
            session.made.append(made)
        register_url_secrets(made.meta.endpoint_url)
        limit_answers(made, limits)
        guard(made, permitted)
        attach_watch(made, watch, limits.call)
        return made


@contextmanager
def _unusable() -> Iterator[None]:
    """Whatever goes wrong while clients are made makes a target unusable: an endpoint that is no URL, a setting of AWS.

    Raises:
        UnusableError: something did.
    """
    try:
        yield
    except (UnusableError, RefusedActionError):
        raise
    except Exception as error:  # noqa: BLE001 - botocore lets exceptions of any kind out
        raise UnusableError(type(error).__name__, str(error)) from None


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


def _host(url: str) -> str:
    parts = urlsplit(redact(url))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
