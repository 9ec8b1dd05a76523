"""Records every cassette anew: `python tests/cassettes/record.py`.

With `HF_TOKEN` the live router answers, which costs money (some 50 short calls; the models are printed first);
without it, or with `HFROUTER_OFFLINE=1`, the offline router does. Scripted failures always come from the
latter. Each cassette says which it was.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def main() -> int:
    live = bool(os.environ.get("HF_TOKEN")) and not os.environ.get("HFROUTER_OFFLINE")
    players = [
        str(HERE / name)
        for name in ("test_cassettes.py", "test_vector_cassettes.py", "test_media_cassettes.py")
    ]
    arguments = [*players, "--record-mode=rewrite"]
    if live:
        sys.stdout.write(
            "Recording from the LIVE router, on the account of HF_TOKEN: openai/gpt-oss-20b:cheapest and "
            "Qwen/Qwen2.5-VL-7B-Instruct, at most 300 tokens a call, and four embedding models, two texts each.\n"
        )
        arguments.append("--force-enable-socket")
    else:
        sys.stdout.write("Recording from the offline router: no token, no network, no model.\n")
    sys.stdout.flush()
    return int(pytest.main(arguments))


if __name__ == "__main__":
    raise SystemExit(main())
