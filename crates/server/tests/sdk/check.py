"""Drives the official Python SDKs, unmodified but for the base URL, against a gateway.

Environment: TOLLGATE_URL, TOLLGATE_KEY (a customer with credits), TOLLGATE_POOR_KEY (one without).
Models expected there: gpt-test, claude-test, gemini-test, embed-test.
Prints one JSON object per line: {"case", "text", "prompt", "completion"} or {"case", "error", "status"}.
"""

import json
import os

import anthropic
import openai
from google import genai
from google.genai import errors as genai_errors
from google.genai import types as genai_types

URL = os.environ["TOLLGATE_URL"].rstrip("/")
KEY = os.environ["TOLLGATE_KEY"]
POOR_KEY = os.environ["TOLLGATE_POOR_KEY"]
MESSAGES = [{"role": "user", "content": "Say hello."}]


def say(case, **facts):
    print(json.dumps({"case": case, **facts}), flush=True)


def openai_client(key=KEY):
    return openai.OpenAI(base_url=f"{URL}/v1", api_key=key, max_retries=0, timeout=20)


def anthropic_client(key=KEY):
    return anthropic.Anthropic(base_url=URL, api_key=key, max_retries=0, timeout=20)


def genai_client(key=KEY):
    return genai.Client(
        vertexai=False, api_key=key, http_options=genai_types.HttpOptions(base_url=URL, timeout=20_000)
    )


def openai_cases():
    client = openai_client()
    answer = client.chat.completions.create(model="gpt-test", messages=MESSAGES)
    say("openai.chat", text=answer.choices[0].message.content,
        prompt=answer.usage.prompt_tokens, completion=answer.usage.completion_tokens)

    text, usage, chunks = "", None, 0
    for chunk in client.chat.completions.create(model="gpt-test", messages=MESSAGES, stream=True):
        chunks += 1
        usage = usage or chunk.usage
        text += "".join(choice.delta.content or "" for choice in chunk.choices)
    say("openai.chat.stream", text=text, chunks=chunks, usage_seen=usage is not None)

    text, usage = "", None
    for chunk in client.chat.completions.create(
        model="gpt-test", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    ):
        usage = chunk.usage or usage
        text += "".join(choice.delta.content or "" for choice in chunk.choices)
    say("openai.chat.stream.usage", text=text, prompt=usage.prompt_tokens, completion=usage.completion_tokens)

    answer = client.responses.create(model="gpt-test", input="Say hello.")
    say("openai.responses", text=answer.output_text,
        prompt=answer.usage.input_tokens, completion=answer.usage.output_tokens)

    with client.responses.stream(model="gpt-test", input="Say hello.") as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()
    say("openai.responses.stream", text=text, prompt=final.usage.input_tokens, completion=final.usage.output_tokens)

    answer = client.embeddings.create(model="embed-test", input=["one", "two"])
    say("openai.embeddings", text=str(len(answer.data)), prompt=answer.usage.prompt_tokens, completion=0)

    say("openai.models", models=sorted(model.id for model in client.models.list()))


def anthropic_cases():
    client = anthropic_client()
    answer = client.messages.create(model="claude-test", max_tokens=64, messages=MESSAGES)
    say("anthropic.messages", text=answer.content[0].text,
        prompt=answer.usage.input_tokens, completion=answer.usage.output_tokens)
    with client.messages.stream(model="claude-test", max_tokens=64, messages=MESSAGES) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    say("anthropic.messages.stream", text=text, prompt=final.usage.input_tokens, completion=final.usage.output_tokens)


def genai_cases():
    client = genai_client()
    answer = client.models.generate_content(model="gemini-test", contents="Say hello.")
    say("gemini.generate", text=answer.text, prompt=answer.usage_metadata.prompt_token_count,
        completion=answer.usage_metadata.candidates_token_count)
    text, usage = "", None
    for chunk in client.models.generate_content_stream(model="gemini-test", contents="Say hello."):
        text += chunk.text or ""
        usage = chunk.usage_metadata or usage
    say("gemini.generate.stream", text=text, prompt=usage.prompt_token_count,
        completion=usage.candidates_token_count)


def error_cases():
    def openai_call(key, model):
        openai_client(key).chat.completions.create(model=model, messages=MESSAGES)

    def anthropic_call(key, model):
        anthropic_client(key).messages.create(model=model, max_tokens=64, messages=MESSAGES)

    def genai_call(key, model):
        client = genai_client(key)  # Held: it closes its connections when it is collected.
        client.models.generate_content(model=model, contents="Say hello.")

    surfaces = [("openai", openai_call, "gpt-test"), ("anthropic", anthropic_call, "claude-test"),
                ("gemini", genai_call, "gemini-test")]
    for name, call, model in surfaces:
        for status, key, asked in [(401, "tg-nobody", model), (402, POOR_KEY, model), (404, KEY, "no-such-model")]:
            try:
                call(key, asked)
                say(f"{name}.{status}", error=None, status=200)
            except (openai.APIStatusError, anthropic.APIStatusError) as error:
                say(f"{name}.{status}", error=type(error).__name__, status=error.status_code, message=str(error))
            except genai_errors.APIError as error:
                say(f"{name}.{status}", error=type(error).__name__, status=error.code, message=str(error))


openai_cases()
anthropic_cases()
genai_cases()
error_cases()
