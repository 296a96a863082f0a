// Drives the official Node SDKs, unmodified but for the base URL, against a gateway.
//
// Environment and output are those of check.py, with `node.` before each case.

import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";

const url = process.env.TOLLGATE_URL.replace(/\/$/, "");
const key = process.env.TOLLGATE_KEY;
const poorKey = process.env.TOLLGATE_POOR_KEY;
const messages = [{ role: "user", content: "Say hello." }];

const say = (name, facts) => console.log(JSON.stringify({ case: `node.${name}`, ...facts }));
const openai = (apiKey = key) => new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0, timeout: 20_000 });
const anthropic = (apiKey = key) => new Anthropic({ baseURL: url, apiKey, maxRetries: 0, timeout: 20_000 });
const gemini = (apiKey = key) => new GoogleGenAI({ apiKey, vertexai: false, httpOptions: { baseUrl: url, timeout: 20_000 } });

async function openaiCases() {
  const client = openai();
  const chat = await client.chat.completions.create({ model: "gpt-test", messages });
  say("openai.chat", {
    text: chat.choices[0].message.content,
    prompt: chat.usage.prompt_tokens,
    completion: chat.usage.completion_tokens,
  });

  let text = "";
  let usageSeen = false;
  for await (const chunk of await client.chat.completions.create({ model: "gpt-test", messages, stream: true })) {
    usageSeen ||= Boolean(chunk.usage);
    text += chunk.choices.map((choice) => choice.delta.content ?? "").join("");
  }
  say("openai.chat.stream", { text, usage_seen: usageSeen });

  const response = await client.responses.create({ model: "gpt-test", input: "Say hello." });
  say("openai.responses", {
    text: response.output_text,
    prompt: response.usage.input_tokens,
    completion: response.usage.output_tokens,
  });

  text = "";
  let usage;
  for await (const event of await client.responses.create({ model: "gpt-test", input: "Say hello.", stream: true })) {
    if (event.type === "response.output_text.delta") text += event.delta;
    if (event.type === "response.completed") usage = event.response.usage;
  }
  say("openai.responses.stream", { text, prompt: usage.input_tokens, completion: usage.output_tokens });

  const embeddings = await client.embeddings.create({ model: "embed-test", input: ["one", "two"], encoding_format: "float" });
  say("openai.embeddings", { text: String(embeddings.data.length), prompt: embeddings.usage.prompt_tokens, completion: 0 });
}

async function anthropicCases() {
  const client = anthropic();
  const message = await client.messages.create({ model: "claude-test", max_tokens: 64, messages });
  say("anthropic.messages", {
    text: message.content[0].text,
    prompt: message.usage.input_tokens,
    completion: message.usage.output_tokens,
  });
  const final = await client.messages.stream({ model: "claude-test", max_tokens: 64, messages }).finalMessage();
  say("anthropic.messages.stream", {
    text: final.content[0].text,
    prompt: final.usage.input_tokens,
    completion: final.usage.output_tokens,
  });
}

async function geminiCases() {
  const client = gemini();
  const request = { model: "gemini-test", contents: "Say hello." };
  const answer = await client.models.generateContent(request);
  const counts = (usage) => ({ prompt: usage.promptTokenCount, completion: usage.candidatesTokenCount });
  say("gemini.generate", { text: answer.text, ...counts(answer.usageMetadata) });
  let text = "";
  let usage;
  for await (const chunk of await client.models.generateContentStream(request)) {
    text += chunk.text ?? "";
    usage = chunk.usageMetadata ?? usage;
  }
  say("gemini.generate.stream", { text, ...counts(usage) });
}

async function errorCases() {
  const surfaces = {
    openai: [(apiKey, model) => openai(apiKey).chat.completions.create({ model, messages }), "gpt-test"],
    anthropic: [(apiKey, model) => anthropic(apiKey).messages.create({ model, max_tokens: 64, messages }), "claude-test"],
    gemini: [(apiKey, model) => gemini(apiKey).models.generateContent({ model, contents: "Say hello." }), "gemini-test"],
  };
  for (const [name, [call, model]] of Object.entries(surfaces)) {
    for (const [status, apiKey, asked] of [[401, "tg-nobody", model], [402, poorKey, model], [404, key, "no-such-model"]]) {
      try {
        await call(apiKey, asked);
        say(`${name}.${status}`, { error: null, status: 200 });
      } catch (error) {
        say(`${name}.${status}`, { error: error.constructor.name, status: error.status, message: error.message });
      }
    }
  }
}

await openaiCases();
await anthropicCases();
await geminiCases();
await errorCases();
