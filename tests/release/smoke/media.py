"""A picture as a picture."""

import json
import os

from shared_core import HFRouter

host = {"base_url": os.environ["OFFLINE"], "hub_url": os.environ["OFFLINE_HUB"], "embedding_api": "router"}
router = HFRouter("offline/painter:fal-ai", api_key="any", **host)
picture = router.text_to_image("a red bicycle", width=64, height=48).files[0].image()
print(json.dumps({"size": picture.size}))
