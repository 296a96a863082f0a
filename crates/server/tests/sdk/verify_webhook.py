"""Verifies a message with the library of the Standard Webhooks specification.

Reads {"secret", "headers", "body"} as JSON and says what it found.
"""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError

message = json.load(sys.stdin)
Webhook(message["secret"]).verify(message["body"], message["headers"])
try:
    Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").verify(message["body"], message["headers"])
except WebhookVerificationError:
    print("right, and wrong with another secret")
