"""A chat by the core alone: the answer, the version, and what was loaded for it."""

import json
import os
import sys
from importlib.metadata import version

import shared_core

loaded_by_import = {name.partition(".")[0] for name in sys.modules}
options = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
router = shared_core.HFRouter("offline/echo", base_url=os.environ["OFFLINE"], api_key="any", **options)
reply = router.chat([{"role": "user", "content": "from the wheel"}])
heavy = {"httpx2", "httpx", "numpy", "torch", "langchain_core", "llama_index", "huggingface_hub", "pydantic"}
print(
    json.dumps(
        {
            "text": reply.text,
            "versions": [shared_core.__version__, version("hfrouter")],
            "heavy": sorted(heavy & loaded_by_import),
            "file": shared_core.__file__,
        }
    )
)
