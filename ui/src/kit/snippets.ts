/** Lines to be taken along that speak to the server of this page. */

export interface Spoken {
  /** Of the server, without a slash at its end. */
  url: string;
  /** Whether it needs a key; the key itself is never written down. */
  keyed: boolean;
  /** Where it is not the server's own. */
  project: string;
}

/** Any OpenTelemetry SDK. */
export function telemetry({ url, keyed, project }: Spoken): string {
  const header = keyed
    ? "authorization=Bearer $TRIMTAB_KEY"
    : project && `x-trimtab-project=${project}`;
  const lines = [`export OTEL_EXPORTER_OTLP_ENDPOINT=${url}`];
  if (header) lines.push(`export OTEL_EXPORTER_OTLP_HEADERS="${header}"`);
  return lines.join("\n");
}

/** A program as it is; the key is taken from the environment. */
export function unchanged({ url }: Spoken): string {
  return `trimtab run --url ${url} -- python app.py`;
}

/** A client of OpenAI's with another URL. */
export function client({ url, keyed, project }: Spoken): string {
  const key = keyed ? 'os.environ["TRIMTAB_KEY"]' : '"unused"';
  const header =
    project && !keyed ? `,\n    default_headers={"x-trimtab-project": "${project}"}` : "";
  return `${keyed ? "import os\n" : ""}from openai import OpenAI

client = OpenAI(base_url="${url}/v1", api_key=${key}${header})
answer = client.chat.completions.create(
    model="trimtab/extract",
    messages=[{"role": "user", "content": "Hello"}],
)`;
}

/** Commands of the package, told which server they are for where it is not the usual one. */
export function commands(code: string, { url }: Pick<Spoken, "url">): string {
  const isMeant = /^trimtab (?!demo)/m.test(code) && url !== USUAL;
  return isMeant ? `export TRIMTAB_URL=${url}\n${code}` : code;
}

const USUAL = "http://127.0.0.1:8321";

/** A request with curl: what comes before its path and its body. */
export function request({ url, keyed, project }: Spoken, rest: string, method = ""): string {
  const header = keyed
    ? ' -H "authorization: Bearer $TRIMTAB_KEY"'
    : project && ` -H 'x-trimtab-project: ${project}'`;
  const how = method && `-X ${method} `;
  return `curl ${how}${url}${rest.replace(" ", `${header} -H 'content-type: application/json' `)}`;
}
