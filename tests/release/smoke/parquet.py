"""A corpus from Parquet to Parquet."""

import json
import os

import pyarrow as pa
import pyarrow.parquet as pq

from shared_core import HFRouter
from shared_core.corpus import embed_corpus

pq.write_table(pa.table({"id": ["a", "b"], "text": ["one", "two"]}), "passages.parquet")
router = HFRouter("offline/embed-8", base_url=os.environ["OFFLINE"], api_key="any")
report = embed_corpus("passages.parquet", "vectors.parquet", router)
print(json.dumps({"ids": pq.read_table("vectors.parquet")["id"].to_pylist(), "report": str(report)}))
