r"""The shapes of keys, one row a shape: whose it is, and a pattern for RE2 and `re` alike.

Shapes are what vendors publish, or what their keys have in common; lengths are lower bounds where a
vendor has changed them before. A shape begins where a word does. A key that has no mark of its own
has `near`: a word that stands at most `NEAR` characters before it, in whatever names the value.
"""

from __future__ import annotations

from typing import NamedTuple

NEAR = 60


class Kind(NamedTuple):
    name: str
    pattern: str
    near: str = ""


_W = r"[0-9A-Za-z_-]"
_A = r"[0-9A-Za-z]"
_H = r"[0-9a-f]"
_UUID = rf"{_H}{{8}}-{_H}{{4}}-{_H}{{4}}-{_H}{{4}}-{_H}{{12}}"

_MODELS = (
    Kind("anthropic_api_key", rf"sk-ant-(?:api\d\d|admin\d\d|sid\d\d|oat\d\d)-{_W}{{20,}}"),
    Kind("anthropic_api_key", rf"sk-ant-{_W}{{32,}}"),
    Kind("openrouter_api_key", rf"sk-or-(?:v\d-)?{_A}{{32,}}"),
    Kind("langfuse_secret_key", rf"sk-lf-{_UUID}"),
    Kind("helicone_api_key", rf"sk-helicone-{_A}{{7,}}(?:-{_A}{{7,}}){{3}}"),
    Kind("openai_api_key", rf"sk-(?:proj|svcacct|admin|service|None)-{_W}{{20,}}"),
    Kind("openai_api_key", rf"sk-{_A}{{20}}T3BlbkFJ{_A}{{20}}"),
    Kind("deepseek_api_key", rf"sk-{_H}{{32}}\b"),
    Kind("openai_api_key", rf"sk-{_A}{{32,}}"),
    Kind("openai_session_key", rf"sess-{_A}{{40}}"),
    Kind("google_api_key", rf"AIza{_W}{{35}}"),
    Kind("google_api_key", rf"AQ\.Ab8RN6{_W}{{40,}}"),
    Kind("google_oauth_token", rf"ya29\.{_W}{{20,}}"),
    Kind("google_client_secret", rf"GOCSPX-{_W}{{20,}}"),
    Kind("google_refresh_token", rf"1//0{_W}{{30,}}"),
    Kind("gcp_private_key_id", rf'"private_key_id"\s{{0,3}}:\s{{0,3}}"{_H}{{40}}'),
    Kind("xai_api_key", rf"xai-{_A}{{40,}}"),
    Kind("groq_api_key", rf"gsk_{_A}{{40,}}"),
    Kind("mistral_api_key", rf"{_A}{{32}}\b", near="mistral"),
    Kind("cohere_api_key", rf"{_A}{{40}}\b", near="cohere|co_api"),
    Kind("together_api_key", rf"tgp_v1_{_W}{{40,}}"),
    Kind("together_api_key", rf"{_H}{{64}}\b", near="together"),
    Kind("huggingface_token", rf"hf_{_A}{{30,}}"),
    Kind("huggingface_token", rf"api_org_{_A}{{30,}}"),
    Kind("replicate_api_token", rf"r8_{_A}{{36,}}"),
    Kind("perplexity_api_key", rf"pplx-{_A}{{40,}}"),
    Kind("fireworks_api_key", rf"fw_{_A}{{22,}}"),
    Kind("cerebras_api_key", rf"csk-{_A}{{40,}}"),
    Kind("nvidia_api_key", rf"nvapi-{_W}{{50,}}"),
    Kind("voyage_api_key", rf"pa-{_W}{{43}}"),
    Kind("pinecone_api_key", rf"pcsk_{_A}{{5,}}_{_A}{{40,}}"),
    Kind("elevenlabs_api_key", rf"sk_{_H}{{48}}\b"),
    Kind("llamaindex_api_key", rf"llx-{_A}{{40,}}"),
    Kind("jina_api_key", rf"jina_{_A}{{40,}}"),
    Kind("firecrawl_api_key", rf"fc-{_H}{{32}}\b"),
    Kind("runpod_api_key", rf"rpa_{_A}{{40,}}"),
    Kind("e2b_api_key", rf"e2b_{_H}{{40}}\b"),
    Kind("browserbase_api_key", rf"bb_live_{_W}{{24,}}"),
    Kind("tavily_api_key", rf"tvly-(?:dev-|prod-)?{_A}{{28,}}"),
    Kind("langsmith_api_key", rf"lsv2_(?:pt|sk)_{_H}{{32}}_{_H}{{10}}"),
    Kind("langsmith_api_key", rf"ls__{_H}{{32}}"),
    Kind("wandb_api_key", rf"wandb_v\d_{_W}{{30,}}"),
    Kind("wandb_api_key", rf"{_H}{{40}}\b", near="wandb"),
    Kind("deepgram_api_key", rf"{_H}{{40}}\b", near="deepgram"),
    Kind("assemblyai_api_key", rf"{_H}{{32}}\b", near="assemblyai|aai_api"),
    Kind("composio_api_key", rf"ak_{_A}{{16,}}\b"),
    Kind("trimtab_api_key", rf"tt-{_W}{{43}}"),
)
_CLOUDS = (
    Kind("aws_access_key_id", r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b"),
    Kind("aws_secret_access_key", r"[0-9A-Za-z/+]{40}", near="secret_?access_?key|aws"),
    Kind("aws_session_token", r"(?:IQoJb3JpZ2lu|FwoGZXIvYXdz)[0-9A-Za-z/+=]{60,}"),
    Kind("aws_bedrock_api_key", r"(?:ABSK|bedrock-api-key-)[0-9A-Za-z/+]{80,}={0,2}"),
    Kind("aws_mws_key", rf"amzn\.mws\.{_UUID}"),
    Kind("azure_storage_key", r"AccountKey=[0-9A-Za-z/+]{86}=="),
    Kind("azure_shared_access_key", r"SharedAccessKey=[0-9A-Za-z/+]{43}="),
    Kind("azure_sas_signature", r"[?&]sig=[0-9A-Za-z%]{43,}"),
    Kind("azure_client_secret", r"[0-9A-Za-z_~.]{3}[78]Q~[0-9A-Za-z_~.-]{31,34}"),
    Kind("azure_api_key", rf"{_A}{{32}}\b", near="azure|ocp-apim|cognitive"),
    Kind("azure_api_key", rf"{_A}{{52}}JQQJ9{_A}{{27}}\b"),
    Kind("azure_devops_token", rf"{_A}{{76}}AZDO{_A}{{4}}\b"),
    Kind("digitalocean_token", rf"do[opr]_v1_{_H}{{64}}"),
    Kind("heroku_api_key", rf"HRKU-{_W}{{36,}}"),
    Kind("heroku_api_key", _UUID, near="heroku"),
    Kind("cloudflare_origin_ca_key", rf"v1\.0-{_H}{{24}}-{_H}{{100,}}"),
    Kind("cloudflare_api_token", rf"{_W}{{40}}\b", near="cloudflare|cf_api"),
    Kind("cloudflare_api_token", rf"cf[aukt]{{2}}_{_W}{{40,}}"),
    Kind("hashicorp_vault_token", rf"hv[sbr]\.{_W}{{24,}}"),
    Kind("terraform_cloud_token", rf"{_A}{{14}}\.atlasv1\.{_W}{{60,}}"),
    Kind("doppler_token", rf"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:{_W}{{2,20}}\.)?{_A}{{40,}}"),
    Kind("pulumi_access_token", rf"pul-{_H}{{40}}"),
    Kind("planetscale_token", rf"pscale_(?:tkn|pw|oauth)_{_W}{{32,}}"),
    Kind("supabase_secret_key", rf"(?:sbp_{_H}{{40}}|sb_secret_{_W}{{20,}})"),
    Kind("netlify_token", rf"nf[pc]_{_A}{{36,}}"),
    Kind("vercel_token", rf"(?:vc[pkrai]_{_A}{{24,}}|vercel_blob_rw_{_A}{{16,}}_{_A}{{20,}})"),
    Kind("fly_access_token", rf"fo1_{_W}{{43}}"),
    Kind("infisical_token", rf"st\.(?:{_UUID}|{_H}{{24}})\.{_H}{{32}}\.{_H}{{32}}"),
    Kind("fly_access_token", r"(?:FlyV1 )?fm[12][ar]?_[0-9A-Za-z+/=_-]{40,}"),
    Kind("render_api_key", rf"rnd_{_A}{{28,}}"),
    Kind("databricks_token", rf"dapi{_H}{{32}}(?:-\d)?"),
    Kind("snowflake_token", rf"ver:1-hint:\d+-ETMsDgAAA{_W}{{20,}}"),
    Kind("tailscale_key", rf"tskey-(?:auth|api|client|scim|webhook)-{_A}{{8,}}-{_A}{{16,}}"),
    Kind("alibaba_access_key_id", rf"LTAI{_A}{{20}}\b"),
    Kind("onepassword_token", rf"ops_eyJ{_W}{{60,}}"),
    Kind("age_secret_key", r"AGE-SECRET-KEY-1[0-9A-Z]{58}"),
)
_CODE = (
    Kind("github_token", rf"gh[pousr]_{_A}{{36,}}"),
    Kind("github_fine_grained_token", rf"github_pat_{_A}{{22}}_{_A}{{50,}}"),
    Kind("gitlab_token", rf"gl(?:pat|dt|rt|cbt|ptt|ft|soat|imt|agent|oas|ffct)-{_W}{{20,}}"),
    Kind("gitlab_token", rf"GR1348941{_W}{{20}}"),
    Kind("bitbucket_token", rf"ATBB{_A}{{32}}"),
    Kind("atlassian_api_token", r"AT[AC]TT3[0-9A-Za-z_=-]{60,}"),
    Kind("npm_token", rf"npm_{_A}{{36}}"),
    Kind("pypi_token", rf"pypi-Ag{_W}{{40,}}"),
    Kind("rubygems_token", rf"rubygems_{_H}{{48}}"),
    Kind("crates_io_token", rf"cio{_A}{{32}}\b"),
    Kind("nuget_api_key", r"oy2[0-9a-z]{43}\b"),
    Kind("docker_token", rf"dckr_[op]at_{_W}{{24,}}"),
    Kind("clojars_token", r"CLOJARS_[0-9a-z]{60}"),
    Kind("jfrog_token", rf"(?:AKC[pP]{_A}{{64,}}|cmVmdGtu{_A}{{50,}})"),
    Kind("circleci_token", rf"CCI(?:PAT|PRJ)_{_A}{{16,}}_{_H}{{40}}"),
    Kind("buildkite_token", rf"bk[uae]{{2}}_{_H}{{40}}"),
    Kind("sonarqube_token", rf"sq[pua]_{_H}{{40}}"),
    Kind("sentry_token", rf"(?:sntrys_[0-9A-Za-z_+/=]{{40,}}|sntryu_{_H}{{64}})"),
    Kind("sentry_dsn", rf"https://{_H}{{32}}(?::{_H}{{32}})?@[0-9a-z.-]+\.sentry\.io/\d+"),
    Kind("grafana_token", rf"glsa_{_A}{{32}}_[0-9A-Fa-f]{{8}}"),
    Kind("grafana_token", r"glc_[0-9A-Za-z+/]{32,}={0,2}"),
    Kind("new_relic_key", r"NR(?:AK|II|IQ|JS|RA|BR|MT)-[0-9A-Za-z_-]{19,32}"),
    Kind("new_relic_key", rf"{_H}{{36}}NRAL\b"),
    Kind("datadog_api_key", rf"{_H}{{32}}(?:{_H}{{8}})?\b", near="datadog|dd[_-]ap[ip]"),
    Kind("dynatrace_token", r"dt0[a-z]\d\d\.[0-9A-Z]{24}\.[0-9A-Z]{64}"),
    Kind("honeycomb_api_key", rf"hc[abx][il][kc]_{_A}{{58}}"),
    Kind("posthog_api_key", rf"phx_{_A}{{32,}}"),
    Kind("postman_api_key", rf"PMAK-{_H}{{24}}-{_H}{{34}}"),
    Kind("prefect_api_key", rf"pn[ub]_{_A}{{36}}"),
    Kind("snyk_token", _UUID, near="snyk"),
)
_SERVICES = (
    Kind("slack_token", r"xox[abeoprs](?:\.xox[bp])?-[0-9A-Za-z-]{16,}"),
    Kind("slack_app_token", r"xapp-\d-[0-9A-Z]{8,}-\d{8,}-[0-9a-z]{32,}"),
    Kind("slack_webhook", rf"https://hooks\.slack\.com/[a-z]{{6,12}}/T{_A}+/[0-9A-Za-z/]{{16,}}"),
    Kind("discord_webhook", rf"https://[a-z.]*discord(?:app)?\.com/api/webhooks/\d+/{_W}{{50,}}"),
    Kind("discord_bot_token", rf"[MNO]{_W}{{23,27}}\.{_W}{{6}}\.{_W}{{27,40}}"),
    Kind(
        "teams_webhook",
        r"https://[0-9a-z-]+\.webhook\.office\.com/webhookb2/[0-9a-zA-Z/@-]{80,}",
    ),
    Kind("telegram_bot_token", rf"\d{{8,10}}:AA{_W}{{33}}"),
    Kind("stripe_api_key", rf"[rs]k_(?:live|test)_{_A}{{16,}}"),
    Kind("stripe_webhook_secret", r"whsec_[0-9A-Za-z+/]{24,}={0,2}"),
    Kind("twilio_api_key", rf"SK{_H}{{32}}\b"),
    Kind("twilio_auth_token", rf"{_H}{{32}}\b", near="twilio"),
    Kind("sendgrid_api_key", rf"SG\.{_W}{{16,32}}\.{_W}{{32,64}}"),
    Kind("mailgun_api_key", rf"key-{_H}{{32}}\b"),
    Kind("mailgun_api_key", rf"{_H}{{32}}-{_H}{{8}}-{_H}{{8}}\b"),
    Kind("mailchimp_api_key", rf"{_H}{{32}}-us\d{{1,2}}\b"),
    Kind("brevo_api_key", rf"x(?:keysib|smtpsib)-{_H}{{64}}-{_A}{{16}}"),
    Kind("resend_api_key", rf"re_{_A}{{6,10}}_{_A}{{20,}}"),
    Kind("shopify_token", r"shp(?:at|ss|ca|pa|tka)_[0-9A-Fa-f]{32,}"),
    Kind("square_token", rf"(?:sq0(?:atp|csp|idp)-{_W}{{22,}}|EAAA[El]{_W}{{59,}})"),
    Kind(
        "paypal_braintree_token", rf"access_token\$(?:production|sandbox)\${_A}{{16}}\${_H}{{32}}"
    ),
    Kind("razorpay_key", rf"rzp_(?:live|test)_{_A}{{14,}}"),
    Kind("flutterwave_key", r"FLWSECK(?:_TEST)?-[0-9A-Za-z]{12,}-X"),
    Kind("plaid_access_token", rf"access-(?:sandbox|development|production)-{_UUID}"),
    Kind("easypost_api_key", rf"EZ[AT]K{_A}{{54}}"),
    Kind("shippo_token", rf"shippo_(?:live|test)_{_H}{{40}}"),
    Kind("lob_api_key", rf"(?:live|test)_{_H}{{35}}\b"),
    Kind("facebook_token", rf"EAA[A-Z0-9]{_A}{{80,}}"),
    Kind("twitter_bearer_token", r"AAAAAAAAAAAAAAAAAAAAA[0-9A-Za-z%]{50,}"),
    Kind("linear_api_key", rf"lin_(?:api|oauth|wh)_{_A}{{32,}}"),
    Kind("notion_token", rf"(?:ntn_{_A}{{40,}}|secret_{_A}{{43}}\b)"),
    Kind("figma_token", rf"fig[dour]{{1,2}}_{_W}{{36,}}"),
    Kind("airtable_token", rf"pat{_A}{{14}}\.{_H}{{64}}"),
    Kind("asana_token", rf"[12]/\d{{12,}}(?:/\d{{12,}})?:{_H}{{32}}"),
    Kind("hubspot_token", rf"pat-(?:na|eu|ap)\d-{_UUID}"),
    Kind("contentful_token", rf"CFPAT-{_W}{{43}}"),
    Kind("typeform_token", rf"tfp_{_W}{{40,}}"),
    Kind("dropbox_token", rf"sl\.(?:u\.)?{_W}{{100,}}"),
    Kind("mapbox_secret_token", rf"sk\.eyJ{_W}{{40,}}\.{_W}{{16,}}"),
    Kind("okta_token", rf"00{_W}{{40}}\b", near="okta|ssws"),
    Kind("readme_api_key", r"rdme_[0-9a-z]{70}"),
    Kind("duffel_token", rf"duffel_(?:live|test)_{_W}{{43}}"),
)
_FORMS = (Kind("jwt", rf"eyJ{_W}{{10,}}\.eyJ{_W}{{10,}}\.{_W}{{16,}}"),)

KINDS: tuple[Kind, ...] = (*_MODELS, *_CLOUDS, *_CODE, *_SERVICES, *_FORMS)
