"""Configuration: one YAML file, the environment and the command line become one typed value.

In: `trimtab.yaml`, `TRIMTAB_*` variables and command-line flags; a flag beats the environment, the
environment beats the file, the file beats the defaults. Out: a frozen `Config` and, for every key,
where its value came from. Never opens anything but that one file, and never shows a secret: not in
an error, a repr, the schema or the output of `config show`.
"""

from trimtab.config.gateway import GatewaySection
from trimtab.config.load import CONFIG_NAME, Loaded, load
from trimtab.config.references import require_references
from trimtab.config.safety import is_loopback, require_safe
from trimtab.config.schema import (
    Access,
    AccessKey,
    Config,
    Corpus,
    Limits,
    Log,
    LongContext,
    ModelEntry,
    PriceEntry,
    ProviderEntry,
    Scoring,
    Tls,
    json_schema,
)
from trimtab.config.secret import ConnectionUrl, Secret
from trimtab.config.show import dump, settings

__all__ = [
    "CONFIG_NAME",
    "Access",
    "AccessKey",
    "Config",
    "ConnectionUrl",
    "Corpus",
    "GatewaySection",
    "Limits",
    "Loaded",
    "Log",
    "LongContext",
    "ModelEntry",
    "PriceEntry",
    "ProviderEntry",
    "Scoring",
    "Secret",
    "Tls",
    "dump",
    "is_loopback",
    "json_schema",
    "load",
    "require_references",
    "require_safe",
    "settings",
]
