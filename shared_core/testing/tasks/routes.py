"""Which path of which provider is answered by what."""

from __future__ import annotations

from starlette.routing import Route

from shared_core.testing.brains import Brains
from shared_core.testing.state import State

from .completions import Completions
from .endpoint import FilesEndpoint, TaskEndpoint
from .fal import Fal, FalCancel, FalResult, FalStatus
from .hf import HFInference, Similarity
from .pictures import NovitaVideo, NscaleImages, ZaiImages, ZaiResult
from .replicate import Replicate, ReplicateCancel, ReplicatePrediction
from .speech import DeepinfraSpeech, TogetherSpeech, Transcription
from .together import TogetherImages, TogetherVideo, TogetherVideos
from .wavespeed import Wavespeed, WavespeedResult

__all__ = ["file_routes", "task_routes"]

_ROUTES: tuple[tuple[str, str, type[TaskEndpoint]], ...] = (
    ("GET", "/fal-ai/{application:path}/requests/{job}/status", FalStatus),
    ("PUT", "/fal-ai/{application:path}/requests/{job}/cancel", FalCancel),
    ("GET", "/fal-ai/{application:path}/requests/{job}", FalResult),
    ("POST", "/fal-ai/{model:path}", Fal),
    ("POST", "/replicate/v1/models/{model:path}/predictions", Replicate),
    ("POST", "/replicate/v1/predictions", Replicate),
    ("POST", "/replicate/v1/predictions/{job}/cancel", ReplicateCancel),
    ("GET", "/replicate/v1/predictions/{job}", ReplicatePrediction),
    ("GET", "/wavespeed/api/v3/predictions/{job}/result", WavespeedResult),
    ("POST", "/wavespeed/api/v3/{model:path}", Wavespeed),
    ("POST", "/together/v1/images/generations", TogetherImages),
    ("POST", "/together/v2/videos", TogetherVideos),
    ("GET", "/together/v2/videos/{job}", TogetherVideo),
    ("POST", "/together/v1/audio/speech", TogetherSpeech),
    ("POST", "/nscale/v1/images/generations", NscaleImages),
    ("POST", "/zai-org/api/paas/v4/async/images/generations", ZaiImages),
    ("GET", "/zai-org/api/paas/v4/async-result/{job}", ZaiResult),
    ("POST", "/novita/v3/hf/{model:path}", NovitaVideo),
    ("POST", "/deepinfra/v1/openai/audio/speech", DeepinfraSpeech),
    ("POST", "/deepinfra/v1/openai/audio/transcriptions", Transcription),
    ("POST", "/hf-inference/models/{model:path}/pipeline/sentence-similarity", Similarity),
    ("POST", "/hf-inference/models/{model:path}", HFInference),
)
_COMPLETIONS = {
    "deepinfra": "/deepinfra/v1/openai/completions",
    "featherless-ai": "/featherless-ai/v1/completions",
    "novita": "/novita/v3/openai/completions",
    "together": "/together/v1/completions",
}


def task_routes(state: State, brains: Brains) -> list[Route]:
    """The routes behind the router; those of embeddings come before them, where one path is both's."""
    routes = [Route(path, endpoint(state, brains), methods=[method]) for method, path, endpoint in _ROUTES]
    for provider, path in _COMPLETIONS.items():
        routes.append(Route(path, Completions(state, brains, provider), methods=["POST"]))
    return routes


def file_routes(state: State, brains: Brains) -> list[Route]:
    """The routes of the second origin, where result files lie."""
    return [Route("/files/{name:path}", FilesEndpoint(state, brains), methods=["GET"])]
