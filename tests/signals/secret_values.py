"""Secrets for tests, made when they are needed: none stands in a file for scanners to find."""

from __future__ import annotations

import random
import re
import string
import zlib
from typing import NamedTuple

_ALPHABETS = {
    "A": string.ascii_letters + string.digits,
    "W": string.ascii_letters + string.digits + "-_",
    "B": string.ascii_letters + string.digits + "+/",
    "H": "0123456789abcdef",
    "U": string.ascii_uppercase + string.digits,
    "L": string.ascii_lowercase + string.digits,
    "D": string.digits,
}
_UUID = "<H8>-<H4>-<H4>-<H4>-<H12>"

SHAPES = {
    "openai_api_key": ["sk-proj-<W120>", "sk-svcacct-<W74>", "sk-<A20>T3BlbkFJ<A20>", "sk-<A48>"],
    "anthropic_api_key": ["sk-ant-api03-<W93>AA", "sk-ant-admin01-<W93>AA", "sk-ant-oat01-<W93>AA"],
    "openrouter_api_key": ["sk-or-v1-<H64>"],
    "deepseek_api_key": ["sk-<H32>"],
    "langfuse_secret_key": ["sk-lf-" + _UUID],
    "google_api_key": ["AIza<W35>", "AQ.Ab8RN6<W45>"],
    "google_client_secret": ["GOCSPX-<W28>"],
    "google_oauth_token": ["ya29.<W60>"],
    "xai_api_key": ["xai-<A80>"],
    "groq_api_key": ["gsk_<A52>"],
    "jina_api_key": ["jina_<A60>"],
    "firecrawl_api_key": ["fc-<H32>"],
    "runpod_api_key": ["rpa_<A46>"],
    "e2b_api_key": ["e2b_<H40>"],
    "browserbase_api_key": ["bb_live_<W27>"],
    "posthog_api_key": ["phx_<A43>"],
    "infisical_token": ["st.<H24>.<H32>.<H32>", "st." + _UUID + ".<H32>.<H32>"],
    "huggingface_token": ["hf_<A34>"],
    "replicate_api_token": ["r8_<A37>"],
    "together_api_key": ["tgp_v1_<W43>"],
    "perplexity_api_key": ["pplx-<A48>"],
    "fireworks_api_key": ["fw_<A24>"],
    "cerebras_api_key": ["csk-<L48>"],
    "nvidia_api_key": ["nvapi-<W64>"],
    "pinecone_api_key": ["pcsk_<A5>_<A60>"],
    "elevenlabs_api_key": ["sk_<H48>"],
    "tavily_api_key": ["tvly-dev-<A32>"],
    "langsmith_api_key": ["lsv2_pt_<H32>_<H10>", "lsv2_sk_<H32>_<H10>"],
    "trimtab_api_key": ["tt-<W43>"],
    "aws_access_key_id": ["AKIA<U16>", "ASIA<U16>"],
    "azure_storage_key": ["AccountKey=<B86>=="],
    "azure_client_secret": ["<A3>8Q~<A34>"],
    "digitalocean_token": ["dop_v1_<H64>"],
    "hashicorp_vault_token": ["hvs.<W24>", "hvb.<W90>"],
    "terraform_cloud_token": ["<A14>.atlasv1.<W67>"],
    "doppler_token": ["dp.pt.<A43>", "dp.st.prd.<A43>"],
    "pulumi_access_token": ["pul-<H40>"],
    "planetscale_token": ["pscale_tkn_<A43>"],
    "supabase_secret_key": ["sbp_<H40>"],
    "databricks_token": ["dapi<H32>"],
    "tailscale_key": ["tskey-auth-<A12>-<A32>"],
    "fly_access_token": ["fm2_<B80>"],
    "github_token": ["ghp_<A36>", "gho_<A36>", "ghs_<A36>"],
    "github_fine_grained_token": ["github_pat_<A22>_<A59>"],
    "gitlab_token": ["glpat-<W20>", "gldt-<W20>"],
    "atlassian_api_token": ["ATATT3xFfGF0<W170>=<U8>"],
    "npm_token": ["npm_<A36>"],
    "pypi_token": ["pypi-AgEIcHlwaS5vcmc<W80>"],
    "rubygems_token": ["rubygems_<H48>"],
    "docker_token": ["dckr_pat_<W27>"],
    "sentry_token": ["sntrys_<B80>", "sntryu_<H64>"],
    "grafana_token": ["glsa_<A32>_<H8>"],
    "new_relic_key": ["NRAK-<U27>"],
    "dynatrace_token": ["dt0c01.<U24>.<U64>"],
    "postman_api_key": ["PMAK-<H24>-<H34>"],
    "slack_token": ["xoxb-<D12>-<D13>-<A24>", "xoxp-<D12>-<D12>-<D12>-<H32>"],
    "slack_app_token": ["xapp-1-A<U10>-<D13>-<H64>"],
    "slack_webhook": ["https://hooks.slack.com/services/T<U10>/B<U10>/<A24>"],
    "discord_webhook": ["https://discord.com/api/webhooks/<D18>/<W68>"],
    "telegram_bot_token": ["<D10>:AA<W33>"],
    "stripe_api_key": ["sk_live_<A24>", "rk_live_<A98>", "sk_test_<A24>"],
    "stripe_webhook_secret": ["whsec_<A32>"],
    "twilio_api_key": ["SK<H32>"],
    "sendgrid_api_key": ["SG.<W22>.<W43>"],
    "mailgun_api_key": ["key-<H32>"],
    "mailchimp_api_key": ["<H32>-us12"],
    "brevo_api_key": ["xkeysib-<H64>-<A16>"],
    "resend_api_key": ["re_<A8>_<A24>"],
    "shopify_token": ["shpat_<H32>", "shpss_<H32>"],
    "square_token": ["sq0atp-<W22>"],
    "linear_api_key": ["lin_api_<A40>"],
    "notion_token": ["ntn_<A46>", "secret_<A43>"],
    "figma_token": ["figd_<W40>"],
    "airtable_token": ["pat<A14>.<H64>"],
    "hubspot_token": ["pat-na1-" + _UUID],
    "jwt": ["eyJ<W33>.eyJ<W90>.<W43>"],
    # Known by the words before them.
    "mistral_api_key": ["MISTRAL_API_KEY=<A32>"],
    "cohere_api_key": ['COHERE_API_KEY: "<A40>"'],
    "datadog_api_key": ["DD_API_KEY=<H32>"],
    "wandb_api_key": ["export WANDB_API_KEY=<H40>"],
    "azure_api_key": ['AZURE_OPENAI_API_KEY="<H32>"'],
    "cloudflare_api_token": ["CLOUDFLARE_API_TOKEN=<W40>"],
    "twilio_auth_token": ["TWILIO_AUTH_TOKEN=<H32>"],
    "heroku_api_key": ["HEROKU_API_KEY=" + _UUID],
    "aws_secret_access_key": ["aws_secret_access_key = <B40>"],
    "connection_string": [
        "postgresql://app:<A14>@db.internal:5432/orders",
        "mongodb+srv://svc:<A16>@cluster0.ab1cd.mongodb.net",
        "redis://:<A20>@cache.internal:6379/0",
    ],
    "basic_auth_url": ["https://deploy:<A18>@git.internal/team/repo.git"],
    "bearer_token": ["Authorization: Bearer <W40>"],
    "password": ["<P>"],
    "generic_secret": ["<A32>", "<H40>", "<W28>"],
    "private_key": ["-----BEGIN <K>-----\n<B64>\n<B64>\n<B64>\n<B20>==\n-----END <K>-----"],
}
"""A shape of every kind that is tried: `<H32>` is 32 characters of the alphabet H."""

_BARE = {
    **dict.fromkeys(("mistral_api_key", "datadog_api_key", "wandb_api_key"), r"[=](.+)$"),
    **dict.fromkeys(("cloudflare_api_token", "twilio_auth_token", "heroku_api_key"), r"[=](.+)$"),
    "cohere_api_key": r'"(.+)"',
    "azure_api_key": r'"(.+)"',
    "aws_secret_access_key": r"= (.+)$",
    "connection_string": r"://[a-z]*:([^@]+)@",
    "basic_auth_url": r"://[a-z]*:([^@]+)@",
    "bearer_token": r"Bearer (.+)$",
}
_KINDS_OF_PRIVATE_KEY = ("RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY")


class Row(NamedTuple):
    text: str
    spans: tuple[tuple[int, int, str], ...]


def filled(template: str, rng: random.Random) -> Row:
    """A template with a fresh value in each of its slots, `{{kind}}`, and the places of those."""
    text, spans, done = "", [], 0
    for slot in re.finditer(r"\{\{(\w+)\}\}", template):
        text += template[done : slot.start()]
        kind, value = slot[1], _value(slot[1], rng)
        bare = re.search(_BARE[kind], value) if kind in _BARE else None
        first, last = bare.span(1) if bare else (0, len(value))
        spans.append((len(text) + first, len(text) + last, kind))
        text += value
        done = slot.end()
    return Row(text + template[done:], tuple(spans))


def _value(kind: str, rng: random.Random) -> str:
    value = rng.choice(SHAPES[kind])
    value = value.replace("<K>", rng.choice(_KINDS_OF_PRIVATE_KEY))
    value = value.replace("<P>", _password(rng))
    value = re.sub(r"<([A-Z])(\d+)>", lambda part: _run(part[1], int(part[2]), rng), value)
    return value[:-6] + _checksum(value[4:-6]) if kind == "github_token" else value


def _run(alphabet: str, count: int, rng: random.Random) -> str:
    """Characters of which the first and the last are no signs, as in real keys mostly."""
    inner = "".join(rng.choice(_ALPHABETS[alphabet]) for _ in range(count))
    ends = _ALPHABETS["A"] if alphabet in "WB" else _ALPHABETS[alphabet]
    return rng.choice(ends) + inner[1:-1] + rng.choice(ends) if count > 1 else inner


def _password(rng: random.Random) -> str:
    word = rng.choice(["Winter", "harbor", "Tr0ub", "maple", "Zebra", "qu1et", "Falcon", "river"])
    tail = "".join(rng.choice(string.digits) for _ in range(rng.randint(2, 4)))
    return (
        word + rng.choice(["!", "#", "_", "", "-", "$"]) + tail + rng.choice(["x", "Q", "!", "k7"])
    )


def _checksum(body: str) -> str:
    rest, digits = zlib.crc32(body.encode()), ""
    alphabet = string.digits + string.ascii_uppercase + string.ascii_lowercase
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        digits = alphabet[digit] + digits
    return digits
