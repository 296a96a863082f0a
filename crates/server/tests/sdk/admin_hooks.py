"""What schemathesis needs to know of this installation, and a log of what it was answered.

Environment: TOLLGATE_IDS, JSON: {"keep": {parameter: id}, "spend": {parameter: id}, "own": [id, …]}; TOLLGATE_CALLS, the log.
Ids made up by a generator are the ids of nothing, so every second request has the id of something that is there: of what is kept, or
of what is there to be deleted. Nothing is done to what is in "own": the run would lose its key.
Writes one JSON list per request: [operation, method, status].
"""

import collections
import json
import os

import schemathesis

IDS = json.loads(os.environ["TOLLGATE_IDS"])
CALLS = open(os.environ["TOLLGATE_CALLS"], "w", encoding="utf-8")
ENDS_SOMETHING = ("/deactivate", "/revoke")
seen = collections.Counter()


@schemathesis.hook
def before_call(context, case, kwargs):
    operation = case.operation.label
    # An identity is one of the user that is kept: whoever is deactivated has none.
    ends = operation.startswith("DELETE") and not operation.endswith("{identity_id}") or operation.endswith(ENDS_SOMETHING)
    known = IDS["spend"] if ends else IDS["keep"]
    seen[operation] += 1
    for place in (case.path_parameters, case.query if operation == "GET /api/v1/generation" else None):
        for name in place or {}:
            is_own = str(place[name]) in IDS["own"] and case.method != "GET"
            if name in known and (is_own or seen[operation] % 2 == 0):
                place[name] = known[name]


@schemathesis.hook
def after_call(context, case, response):
    CALLS.write(json.dumps([case.operation.label, case.method, response.status_code]) + "\n")
    CALLS.flush()
