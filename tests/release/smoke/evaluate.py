"""A case that is checked by a JSON schema."""

import json
import os

from shared_core import HFRouter
from shared_core.evaluate import Evaluator

router = HFRouter(base_url=os.environ["OFFLINE"], api_key="any")
schema = {"type": "object", "required": ["a"]}
cases = [
    {"name": "fits", "prompt": '{"a": 1}', "checks": [{"json-schema": schema}]},
    {"name": "does not", "prompt": '{"b": 1}', "checks": [{"json-schema": schema}]},
]
results = Evaluator(router).run_cases(cases, ["offline/echo"])
print(json.dumps({result.case.name: result.outcome == "passed" for result in results.results}))
