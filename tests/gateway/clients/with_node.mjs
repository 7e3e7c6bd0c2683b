// What the clients of JavaScript say through the gateway, as one line of JSON: OpenAI's own, and
// Vercel's AI SDK with its providers of both dialects.
//
// Packages are found from the folder in PACKAGES, not from where this file lies.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.env.PACKAGES}/package.json`);
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { default: OpenAI } = await load("openai");
const { generateText, streamText, tool, embed } = await load("ai");
const { createOpenAICompatible } = await load("@ai-sdk/openai-compatible");
const { createAnthropic } = await load("@ai-sdk/anthropic");
const { z } = await load("zod");

const { URL: url, KEY: apiKey } = process.env;
const baseURL = `${url}/v1`;
const messages = [{ role: "user", content: "Hello?" }];
const found = {};

// -- openai ---------------------------------------------------------------------------------------

const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
for (const model of ["oa/plain", "oa/keep-alive", "oa/several-lines", "an/thinking"]) {
  const whole = await client.chat.completions.create({ model, messages });
  found[`openai ${model} whole`] = [
    whole.choices[0].message.content,
    whole.choices[0].finish_reason,
    whole.usage.prompt_tokens,
    whole.usage.completion_tokens,
  ];
  let text = "";
  let usage;
  const options = { stream: true, stream_options: { include_usage: true } };
  for await (const chunk of await client.chat.completions.create({ model, messages, ...options })) {
    text += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage ?? usage;
  }
  found[`openai ${model} streamed`] = [text, usage.prompt_tokens, usage.completion_tokens];
}
for (const model of ["oa/chat-calls-in-turns", "an/messages-thinking-text-and-calls"]) {
  const final = await client.chat.completions.stream({ model, messages }).finalChatCompletion();
  found[`openai ${model} calls`] = final.choices[0].message.tool_calls.map((call) => [
    call.function.name,
    JSON.parse(call.function.arguments),
  ]);
}
const response = await client.responses.create({ model: "oa/response", input: "Hello?" });
found["openai responses"] = response.output_text;
const bytes = await client.audio.speech.create({ model: "oa/speech", input: "x", voice: "alloy" });
found["openai speech"] = (await bytes.arrayBuffer()).byteLength;
for (const model of ["oa-status-429", "oa/nobody", "oa-reset"]) {
  try {
    await client.chat.completions.create({ model, messages });
  } catch (error) {
    found[`openai ${model}`] = [error.constructor.name, error.status];
  }
}

// -- ai -------------------------------------------------------------------------------------------

const gateways = {
  compatible: createOpenAICompatible({ name: "trimtab", baseURL, apiKey, includeUsage: true }),
  anthropic: createAnthropic({ baseURL, apiKey }),
};
const weather = tool({
  description: "The weather of a city.",
  inputSchema: z.object({ city: z.string() }),
});
const now = tool({ description: "The time.", inputSchema: z.object({}) });
const time = tool({ description: "A time.", inputSchema: z.object({ zone: z.string() }) });
const tools = { weather, now, time };
const called = (calls) => calls.map((call) => [call.toolName, call.input]);
const spent = (usage) => [usage.inputTokens, usage.outputTokens];

for (const [name, gateway] of Object.entries(gateways)) {
  const how = { maxRetries: 0, prompt: "Hello?" };
  for (const id of ["oa/plain", "an/thinking"]) {
    const whole = await generateText({ model: gateway(id), ...how });
    found[`${name} ${id} whole`] = [whole.text, whole.finishReason, ...spent(whole.usage)];
    const stream = streamText({ model: gateway(id), ...how });
    let text = "";
    for await (const piece of stream.textStream) text += piece;
    const usage = spent(await stream.usage);
    found[`${name} ${id} streamed`] = [text, await stream.finishReason, ...usage];
  }
  for (const id of ["oa/chat-calls-in-turns", "an/messages-thinking-text-and-calls"]) {
    const whole = await generateText({ model: gateway(id), tools, ...how });
    found[`${name} ${id} calls`] = called(whole.toolCalls);
    const stream = streamText({ model: gateway(id), tools, ...how });
    found[`${name} ${id} streamed calls`] = called(await stream.toolCalls);
  }
  try {
    await generateText({ model: gateway("oa-status-429"), ...how });
  } catch (error) {
    found[`${name} limited`] = [error.name, error.statusCode];
  }
}
const model = gateways.compatible.textEmbeddingModel("oa/text-embedding");
found["embedding"] = (await embed({ model, value: "Hello", maxRetries: 0 })).embedding;
console.log(JSON.stringify(found));
