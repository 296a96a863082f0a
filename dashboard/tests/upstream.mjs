// A provider of the tests: it lists models and speaks OpenAI's chat completions, whole and streamed, and states the usage that the prompt asks for
// (`[[prompt=900 completion=120]]`).

import { createServer } from "node:http";

const number = (text, name, usual) => Number(new RegExp(`${name}=(\\d+)`).exec(text)?.[1] ?? usual);

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

async function answer(request, response) {
  if (request.method === "GET" && request.url === "/v1/models") {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ object: "list", data: ["gpt-4o", "gpt-4o-mini", "claude-sonnet"].map((id) => ({ id, object: "model" })) }));
    return;
  }
  const asked = await bodyOf(request);
  const text = JSON.stringify(asked.messages ?? asked.input ?? "");
  const prompt = number(text, "prompt", 40);
  const completion = number(text, "completion", 20);
  const usage = { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
  const head = { id: "chatcmpl-1", created: 1, model: asked.model };
  if (asked.stream) {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const chunk = (more) => response.write(`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", ...more })}\n\n`);
    chunk({ choices: [{ index: 0, delta: { role: "assistant", content: "Hello" }, finish_reason: null }] });
    chunk({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
    chunk({ choices: [], usage });
    response.end("data: [DONE]\n\n");
    return;
  }
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ ...head, object: "chat.completion", choices: [{ index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }], usage }));
}

/** Starts it; answers its address and how to stop it. */
export async function startUpstream() {
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => response.destroy(error));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return { url: `http://127.0.0.1:${port}`, stop: () => { server.closeAllConnections(); server.close(); } };
}
