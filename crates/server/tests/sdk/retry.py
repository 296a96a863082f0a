"""Uses up a limit with the official SDKs, and then asks once more with clients that may try again once.

Environment: TOLLGATE_URL; TOLLGATE_OPENAI_KEY and TOLLGATE_ANTHROPIC_KEY, each with a limit of twenty requests a minute.
A client that tries again without heeding `Retry-After` does so within a second, which is too early.
Prints one JSON object per SDK.
"""

import json
import os

import anthropic
import openai

URL = os.environ["TOLLGATE_URL"].rstrip("/")
MESSAGES = [{"role": "user", "content": "Say hello."}]


def report(sdk, ask, rate_limit_error):
    for _ in range(200):
        try:
            ask(0)
        except rate_limit_error as error:
            headers = {name: value for name, value in error.response.headers.items() if "limit" in name or "retry" in name}
            break
    answered = ask(1)
    print(json.dumps({"sdk": sdk, "headers": headers, "answered": answered}))


def openai_ask(max_retries):
    client = openai.OpenAI(
        base_url=f"{URL}/v1", api_key=os.environ["TOLLGATE_OPENAI_KEY"], max_retries=max_retries, timeout=60
    )
    return client.chat.completions.create(model="gpt-test", messages=MESSAGES).choices[0].message.content


def anthropic_ask(max_retries):
    client = anthropic.Anthropic(
        base_url=URL, api_key=os.environ["TOLLGATE_ANTHROPIC_KEY"], max_retries=max_retries, timeout=60
    )
    return client.messages.create(model="gpt-test", max_tokens=64, messages=MESSAGES).content[0].text


report("openai", openai_ask, openai.RateLimitError)
report("anthropic", anthropic_ask, anthropic.RateLimitError)
