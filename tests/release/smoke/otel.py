"""Spans and metrics with the API alone, which keeps nothing: calls go on."""

import json
import os

from shared_core import HFRouter, OpenTelemetry

router = HFRouter("offline/echo", base_url=os.environ["OFFLINE"], api_key="any", hooks=[OpenTelemetry()])
print(json.dumps({"text": router.chat([{"role": "user", "content": "from the wheel"}]).text}))
