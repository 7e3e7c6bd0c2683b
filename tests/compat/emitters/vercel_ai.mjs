// The Vercel AI SDK with its telemetry on, exported as OTLP in JSON, as its documentation says.
// Needs Node and the packages ai, @ai-sdk/openai-compatible, @opentelemetry/sdk-trace-node,
// @opentelemetry/exporter-trace-otlp-http and zod. The story's words are story.py's.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { context, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { embed, generateText, stepCountIs, tool } from "ai";
import { z } from "zod";

const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": "helpdesk" }),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
});
provider.register();

const openai = createOpenAICompatible({
  name: "openai",
  baseURL: process.env.OPENAI_BASE_URL,
  apiKey: process.env.OPENAI_API_KEY,
});
const order = z.object({ order: z.string() });
const card = z.object({ card: z.string() });
const root = trace.getTracer("helpdesk").startSpan("request");
await context.with(trace.setSpan(context.active(), root), async () => {
  await embed({
    model: openai.textEmbeddingModel("text-embedding-3-small"),
    value: "return period kettle",
    experimental_telemetry: { isEnabled: true, functionId: "search-handbook" },
  });
  await generateText({
    model: openai("gpt-4o-mini"),
    system: "Answer from the handbook in one sentence.",
    prompt: "How long may I return a kettle?",
    temperature: 0.2,
    stopWhen: stepCountIs(3),
    tools: {
      "look-up-order": tool({
        description: "Looks an order up.",
        inputSchema: order,
        execute: async () => ({ order: "A-17", state: "delivered" }),
      }),
      "charge-card": tool({
        description: "Charges a card.",
        inputSchema: card,
        execute: async () => {
          throw new Error("the card was declined");
        },
      }),
    },
    experimental_telemetry: {
      isEnabled: true,
      functionId: "support-agent",
      metadata: { userId: "u7", sessionId: "s42", tags: ["demo"], tenant: "acme" },
    },
  });
});
root.end();
await provider.shutdown();
console.log(JSON.stringify({ trace_id: root.spanContext().traceId }));
