"""Reads usage and costs with the official openai client, all pages of each case.

Environment: TOLLGATE_URL, of the management API; TOLLGATE_KEY, of a manager.
Takes a JSON list of {"of": "completions" | "embeddings" | "costs", "ask": parameters} on stdin, and prints a JSON list of the buckets
of each, in the words of the client's own types. Each page must be what these types say, strictly, with no field that they lack.
"""

import json
import os
import sys

import openai
from openai.types.admin.organization import usage_completions_response as completions
from openai.types.admin.organization import usage_costs_response as costs
from openai.types.admin.organization import usage_embeddings_response as embeddings

client = openai.OpenAI(
    base_url=f"{os.environ['TOLLGATE_URL']}/v1",
    api_key="none",
    admin_api_key=os.environ["TOLLGATE_KEY"],
    max_retries=0,
    timeout=120,
)
usage = client.admin.organization.usage
TYPES = {
    "completions": (completions.UsageCompletionsResponse, completions.DataResultOrganizationUsageCompletionsResult),
    "embeddings": (embeddings.UsageEmbeddingsResponse, embeddings.DataResultOrganizationUsageEmbeddingsResult),
    "costs": (costs.UsageCostsResponse, costs.DataResultOrganizationCostsResult),
}


def check(model):
    """The client takes whatever comes; its types do not, and they keep what they have no name for apart."""
    assert not model.model_extra, f"fields that the client does not know: {model.model_extra}"
    return model


def pages(of, ask):
    page_type, result_type = TYPES[of]
    page = openai.omit
    while True:
        answer = getattr(usage.with_raw_response, of)(**ask, page=page)
        parsed = answer.parse()
        assert isinstance(parsed, page_type)
        strict = check(page_type.model_validate_json(answer.text, strict=True))
        assert parsed == strict, "what the client read is not what its types say"
        for bucket in parsed.data:
            check(bucket)
            for result in bucket.results:
                assert type(result) is result_type, type(result)
                check(result)
                if of == "costs":
                    check(result.amount)
        yield parsed
        assert parsed.has_more == (parsed.next_page is not None)
        if not parsed.has_more:
            return
        page = parsed.next_page


# Kinds that are not told apart: the client reads each, and finds as many buckets as of any other kind, with nothing in them.
for of in (
    "moderations",
    "images",
    "audio_speeches",
    "audio_transcriptions",
    "vector_stores",
    "code_interpreter_sessions",
    "file_search_calls",
    "web_search_calls",
):
    page = getattr(usage, of)(start_time=1_790_000_000, end_time=1_790_000_000 + 5 * 86_400, limit=3)
    assert page.has_more and len(page.data) == 3, of
    assert all(check(bucket).results == [] for bucket in page.data), of

answers = []
for case in json.load(sys.stdin):
    read = list(pages(case["of"], case["ask"]))
    buckets = [bucket.to_dict(mode="json") for page in read for bucket in page.data]
    answers.append({"pages": len(read), "buckets": buckets})
json.dump(answers, sys.stdout)
