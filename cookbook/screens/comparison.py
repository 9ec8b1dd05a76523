"""Makes comparison.png: the report of `hfrouter compare` on the offline router, as a browser shows it.

    python cookbook/screens/comparison.py

from the root of the repository; it needs `chromium`. The models are the offline router's stand-ins at its own prices;
each was told to take its time, and one to fail now and then, so that there is something to compare.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from shared_core import HFRouter
from shared_core.evaluate import Evaluator
from shared_core.testing import OfflineRouter, SlowChunks, SlowHead, Status, offline_router
from tests.services.browser import Browser

TITLE = "Five stand-ins on three prompts (offline router)"
PLACES = {
    # seconds to the first token, and for each piece after
    "offline/echo:groq": (0.12, 0.01),
    "offline/echo:novita": (0.35, 0.03),
    "offline/reasoner:together": (0.2, 0.012),
    "offline/extractive:cerebras": (0.05, 0.002),
    "offline/tools:featherless-ai": (0.3, 0.02),
}
PROMPTS = [
    {"name": "greeting", "prompt": "Write a greeting for a colleague who comes back from a long journey."},
    {"name": "sky", "prompt": "Why is the sky blue? Answer in two sentences that a child understands."},
    {
        "name": "summary",
        "prompt": "Summarise in one line: the meeting is moved to Friday, the room stays the same.",
    },
]
REPEATS = 6
WIDTH = 1100
ENDS = "[...document.querySelectorAll('h2')].find(each => each.innerText.startsWith('Who')).offsetTop"


def slow_down(host: OfflineRouter) -> None:
    """Tells the offline router how long each model takes, now a little more and now a little less."""
    for place, (model, (first, piece)) in enumerate(PLACES.items()):
        for turn in range(len(PROMPTS) * REPEATS):
            if place == 1 and turn % 5 == 2:
                host.queue(Status(503), match=model)
            else:
                more = 1 + (turn * 7 + place * 3) % 10 / 12
                host.queue((SlowHead(first * more), SlowChunks(piece * more, after=1)), match=model)


def main() -> None:
    with offline_router(embedder="words") as host, tempfile.TemporaryDirectory() as folder:
        slow_down(host)
        router = HFRouter(base_url=host, api_key="offline", max_retries=0)
        found = Evaluator(router).compare(
            list(PLACES), PROMPTS, repeats=REPEATS, budget="0.50", max_concurrency=4
        )
        page = found.save(Path(folder) / "report.html", title=TITLE)
        browser = Browser(Path(folder) / "profile")
        shown = browser.open(page, width=WIDTH, color_scheme="light")
        height = int(shown.evaluate(ENDS)) - 20
        shot = shown.picture(Path(folder) / "report.png")
        browser.close()
        with Image.open(shot) as picture:
            top = picture.convert("RGB").crop((0, 0, WIDTH, height))
            top.quantize(64).save(Path(__file__).with_suffix(".png"), optimize=True)
    print(found)


if __name__ == "__main__":
    main()
