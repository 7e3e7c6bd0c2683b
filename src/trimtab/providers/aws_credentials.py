"""AWS credentials that do not change: from the configuration, the environment, or a profile.

They are read once. Credentials that an AWS SDK renews (roles, SSO, instance and container
metadata, web identity) are not read: a profile that needs them says so in its error.

Source: docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path

from trimtab.errors import ConfigError
from trimtab.providers.sigv4 import Credentials

_RENEWED = ("role_arn", "sso_session", "sso_start_url", "credential_process", "login_session")
_FIX = (
    "give access_key_id and secret_access_key, a profile of ~/.aws/credentials that has them, or a"
    " Bedrock API key as api_key"
)


class AWSSettings:
    """The environment and the profile that AWS tools would use.

    Args:
        environ: the environment variables.
        home: where `.aws` is.
        profile: its name; None takes the environment's, or `default`.
    """

    def __init__(self, environ: Mapping[str, str], home: Path, profile: str | None = None) -> None:
        self._environ = environ
        self.name = profile or environ.get("AWS_PROFILE") or "default"
        self._explicit = profile is not None
        folder = home / ".aws"
        keys = Path(environ.get("AWS_SHARED_CREDENTIALS_FILE") or folder / "credentials")
        config = Path(environ.get("AWS_CONFIG_FILE") or folder / "config")
        section = self.name if self.name == "default" else f"profile {self.name}"
        self._profile = {**_section(config, section), **_section(keys, self.name)}

    @property
    def region(self) -> str | None:
        environ = self._environ
        named = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
        return named or self._profile.get("region")

    def credentials(self, given: Mapping[str, str], *, where: str) -> Credentials:
        """The first that are there: given, the environment's, the profile's.

        A profile that was asked for by name comes before the environment.

        Raises:
            ConfigError: there are none, or only half of them, or only such as are renewed.
        """
        environ = {
            "access_key_id": self._environ.get("AWS_ACCESS_KEY_ID", ""),
            "secret_access_key": self._environ.get("AWS_SECRET_ACCESS_KEY", ""),
            "session_token": self._environ.get("AWS_SESSION_TOKEN", ""),
        }
        profile = {name: self._profile.get(f"aws_{name}", "") for name in environ}
        order = (profile, environ) if self._explicit else (environ, profile)
        for source in (given, *order):
            if source.get("access_key_id") or source.get("secret_access_key"):
                return _credentials(source, where)
        if renewed := next((name for name in _RENEWED if name in self._profile), None):
            raise ConfigError(
                f"the AWS profile {self.name} has credentials that are renewed ({renewed}),"
                " which are not supported yet",
                where=where,
                fix=_FIX,
            )
        raise ConfigError("there are no AWS credentials", where=where, fix=_FIX)


def _credentials(source: Mapping[str, str], where: str) -> Credentials:
    for name in ("access_key_id", "secret_access_key"):
        if not source.get(name):
            raise ConfigError(f"the AWS credentials lack {name}", where=where, fix=_FIX)
    return Credentials(
        access_key_id=source["access_key_id"],
        secret_access_key=source["secret_access_key"],
        session_token=source.get("session_token") or None,
    )


def _section(path: Path, name: str) -> dict[str, str]:
    """One section of an AWS file; nothing where it is not there or cannot be read."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(path.expanduser().read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, configparser.Error):
        return {}
    return dict(parser.items(name)) if parser.has_section(name) else {}
