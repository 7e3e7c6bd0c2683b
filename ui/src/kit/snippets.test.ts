import { expect, test } from "vitest";
import { client, commands, request, telemetry, unchanged } from "./snippets";

const open = { url: "http://h:9", keyed: false, project: "" };
const keyed = { ...open, keyed: true };
const shop = { ...open, project: "shop" };

test("lines speak to the server of the page, with its key or project where one is needed", () => {
  expect(telemetry(open)).toBe("export OTEL_EXPORTER_OTLP_ENDPOINT=http://h:9");
  expect(telemetry(keyed)).toContain('HEADERS="authorization=Bearer $TRIMTAB_KEY"');
  expect(telemetry(shop)).toContain('HEADERS="x-trimtab-project=shop"');
  expect(unchanged(open)).toBe("trimtab run --url http://h:9 -- python app.py");
  expect(client(open)).toContain('base_url="http://h:9/v1", api_key="unused")');
  expect(client(keyed)).toContain('api_key=os.environ["TRIMTAB_KEY"])');
  expect(client(shop)).toContain('default_headers={"x-trimtab-project": "shop"}');
});

test("a request with curl has what the server needs", () => {
  expect(request(open, "/x -d '{}'")).toBe(
    "curl http://h:9/x -H 'content-type: application/json' -d '{}'",
  );
  expect(request(keyed, "/x -d '{}'", "PUT")).toBe(
    "curl -X PUT http://h:9/x -H \"authorization: Bearer $TRIMTAB_KEY\" -H 'content-type: application/json' -d '{}'",
  );
});

test("commands say which server they are for where it is not the usual one", () => {
  expect(commands("trimtab spend", open)).toBe("export TRIMTAB_URL=http://h:9\ntrimtab spend");
  expect(commands("trimtab spend", { url: "http://127.0.0.1:8321" })).toBe("trimtab spend");
  expect(commands("curl http://h:9", open)).toBe("curl http://h:9");
});
