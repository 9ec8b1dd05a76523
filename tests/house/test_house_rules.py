"""The rules of the house, read from the syntax of the files: nothing is imported, nothing is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("shared_core", "langchain_hfrouter", "llama_index_hfrouter")

ROOMS = [
    "errors",
    "types",
    "flow",
    "wire",
    "catalog",
    "providers",
    "routing",
    "storage",
    "observe",
    "cache",
    "media",
    "policy",
    "transport",
    "client",
    "hub",
    "evaluate",
    "cli",
]
"""Each may import those before it."""

FOR_ALL = {"_lazy", "_locks", "_page", "_text", "_version"}
"""Files that every room may import."""

EXTRA_IMPORTS = {"errors": {"types"}, "types": {"errors"}, "flow": {"transport"}}
USES = {"evaluate": {"local"}, "cli": {"testing", "local", "corpus"}}
"""What a room may import besides, for its annotations alone where it comes later in the list (checked below); and what
the command drives that stands apart."""

APART = {
    "local": {"local", "errors", "types", "cache", "storage", "_lazy"},
    "corpus": {"corpus", "errors", "types", "_lazy"},
}
"""Rooms beside that order, and all they may import: what runs on this machine needs no client."""

ADAPTERS_MAY_IMPORT = {"", "cache", "catalog", "errors", "types", "local", "media", "evaluate"}
HTTP_LIBRARIES = {"httpx", "httpx2", "httpcore", "httpcore2", "aiohttp", "requests", "urllib3", "h11"}


def files(*where: str) -> list[Path]:
    return sorted(
        path for place in where for path in (ROOT / place).rglob("*.py") if "__pycache__" not in path.parts
    )


SOURCES = files(*PACKAGES)
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


each_file = pytest.mark.parametrize("path", SOURCES, ids=name_of)


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path, *, at_run_time: bool = False) -> Iterator[str]:
    """Full names of the modules that a file imports; the name behind `from package import` counts as one."""
    package = module_of(path) if path.name == "__init__.py" else module_of(path).rpartition(".")[0]
    hidden: set[ast.AST] = set()
    if at_run_time:
        for node in ast.walk(TREES[path]):
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
                hidden.update(inner for statement in node.body for inner in ast.walk(statement))
    for node in ast.walk(TREES[path]):
        if node in hidden:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base]).rstrip(".")
            yield from (f"{base}.{alias.name}" for alias in node.names)


def room_of(module: str) -> str:
    """The room of a `shared_core` module, "" for the package itself and its own names."""
    parts = module.split(".")
    rooms = {path.stem for path in (ROOT / "shared_core").iterdir() if path.is_dir() or path.suffix == ".py"}
    return parts[1] if len(parts) > 1 and parts[0] == "shared_core" and parts[1] in rooms else ""


CORE = [path for path in SOURCES if path.is_relative_to(ROOT / "shared_core")]
IN_ROOMS = [path for path in CORE if room_of(module_of(path)) in ROOMS]


def test_every_room_of_the_core_has_its_place_in_the_order() -> None:
    known = {*ROOMS, *APART, *FOR_ALL, "testing", "__init__"}
    found = {path.relative_to(ROOT / "shared_core").parts[0].removesuffix(".py") for path in CORE}
    assert found <= known


@pytest.mark.parametrize("path", IN_ROOMS, ids=name_of)
def test_a_room_imports_only_those_before_it(path: Path) -> None:
    room = room_of(module_of(path))
    allowed = {
        *ROOMS[: ROOMS.index(room) + 1],
        *FOR_ALL,
        *EXTRA_IMPORTS.get(room, ()),
        *USES.get(room, ()),
    }
    used = {room_of(module) for module in imports_of(path) if module.split(".")[0] == "shared_core"}
    assert used <= allowed


@pytest.mark.parametrize("path", IN_ROOMS, ids=name_of)
def test_at_run_time_even_the_exceptions_keep_to_the_order(path: Path) -> None:
    room = room_of(module_of(path))
    allowed = {*ROOMS[: ROOMS.index(room) + 1], *FOR_ALL, *USES.get(room, ())}
    used = {
        room_of(module) for module in imports_of(path, at_run_time=True) if module.startswith("shared_core")
    }
    assert used <= allowed


@pytest.mark.parametrize("path", [path for path in CORE if room_of(module_of(path)) in APART], ids=name_of)
def test_local_models_and_corpora_know_nothing_of_the_client(path: Path) -> None:
    used = {room_of(module) for module in imports_of(path) if module.startswith("shared_core")}
    assert used <= APART[room_of(module_of(path))]


@pytest.mark.parametrize(
    "path", [path for path in CORE if room_of(module_of(path)) == "testing"], ids=name_of
)
def test_the_offline_router_imports_nothing_of_ours_so_that_it_cannot_agree_with_our_client(
    path: Path,
) -> None:
    ours = {module for module in imports_of(path) if module.split(".")[0] in PACKAGES}
    assert {room_of(module) for module in ours} <= {"testing", "_version"}


@pytest.mark.parametrize("path", files(*PACKAGES[1:]), ids=name_of)
def test_an_adapter_imports_only_public_names_of_the_core(path: Path) -> None:
    ours = [module for module in imports_of(path) if module.split(".")[0] == "shared_core"]
    for module in ours:
        assert room_of(module) in ADAPTERS_MAY_IMPORT, module
        assert not any(part.startswith("_") and part != "__version__" for part in module.split(".")), module
        assert module.count(".") <= 2, f"{module} reaches into a room"


@pytest.mark.parametrize("path", files(*PACKAGES[1:]), ids=name_of)
def test_the_two_adapters_do_not_know_each_other(path: Path) -> None:
    own = path.relative_to(ROOT).parts[0]
    assert not [module for module in imports_of(path) if module.split(".")[0] in {*PACKAGES[1:]} - {own}]


@each_file
def test_nothing_of_the_core_knows_a_framework(path: Path) -> None:
    used = {module.split(".")[0] for module in imports_of(path)}
    if path in CORE:
        assert not used & {"langchain", "langchain_core", "llama_index", "openai", "litellm", "tiktoken"}


ASYNC_ROOMS = (
    "shared_core/flow/asynchronous.py",
    "shared_core/transport/",
    "shared_core/client/",
    "shared_core/hub/endpoints.py",
    "shared_core/hub/hub.py",
    "shared_core/evaluate/evaluator.py",
    "shared_core/local/",
    "shared_core/testing/",
    *(f"{name}/" for name in PACKAGES[1:]),
)


@each_file
def test_async_def_stands_only_in_driver_transports_clients_and_adapters(path: Path) -> None:
    if not name_of(path).startswith(ASYNC_ROOMS):
        assert not [node.name for node in ast.walk(TREES[path]) if isinstance(node, ast.AsyncFunctionDef)]


@each_file
def test_the_environment_is_read_in_one_place(path: Path) -> None:
    if name_of(path) in ("shared_core/client/settings.py", "shared_core/client/environment.py"):
        return
    touched = {node.attr for node in ast.walk(TREES[path]) if isinstance(node, ast.Attribute)}
    touched |= {module.rpartition(".")[2] for module in imports_of(path)}
    assert not touched & {"environ", "getenv", "environb", "getproxies", "BaseSettings", "get_token"}


@each_file
def test_an_http_library_is_imported_in_the_transport_alone(path: Path) -> None:
    if not name_of(path).startswith(("shared_core/transport/", "shared_core/testing/")):
        assert not {module.split(".")[0] for module in imports_of(path)} & HTTP_LIBRARIES


def test_the_offline_router_is_a_server_and_has_no_client_in_it() -> None:
    used = {module.split(".")[0] for path in files("shared_core/testing") for module in imports_of(path)}
    assert not used & {"httpx", "httpx2", "aiohttp", "requests", "openai"}


def public_names(path: Path) -> list[str] | None:
    for node in TREES[path].body:
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets
        ):
            names = ast.literal_eval(node.value)
            assert isinstance(names, list)
            return names
    return None


LISTED_BY_THE_ROOM = ("shared_core/catalog/", "shared_core/testing/")
"""Rooms whose `__init__` lists every public name; their files are not imported from outside."""


def may_go_without_a_list(path: Path) -> bool:
    only_words = all(isinstance(node, ast.Expr) for node in TREES[path].body)
    inside = name_of(path).startswith(LISTED_BY_THE_ROOM) and path.parent.parent == ROOT / "shared_core"
    private = path.stem.startswith("_") and path.stem != "__init__"
    return only_words or private or (inside and path.stem != "__init__") or path.parent.name == "brains"


@each_file
def test_every_file_says_at_its_head_what_it_is(path: Path) -> None:
    assert ast.get_docstring(TREES[path])


@each_file
def test_every_public_file_lists_its_names_in_order(path: Path) -> None:
    names = public_names(path)
    if names is None:
        assert may_go_without_a_list(path), "no __all__"
        return
    assert len(names) == len(set(names))

    def as_ruff_sorts(name: str) -> tuple[int, str]:
        return (0 if name.isupper() else 1 if name[:1].isupper() else 2, name)

    assert names == sorted(names, key=as_ruff_sorts)


@each_file
def test_every_listed_name_exists_and_explains_itself(path: Path) -> None:
    tree, names = TREES[path], set(public_names(path) or ())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name in names:
            explained = ast.get_docstring(node) or (isinstance(node, ast.FunctionDef) and is_short(node))
            assert explained, f"{node.name} has no docstring"


def is_short(node: ast.FunctionDef) -> bool:
    """A function of one statement says what it does."""
    return len(node.body) == 1


@each_file
def test_no_file_is_longer_than_a_reader_takes_in_at_one_sitting(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 450


@each_file
def test_no_file_is_a_drawer_for_whatever(path: Path) -> None:
    assert not re.search(r"util|helper|manager|common|misc", path.stem)


@each_file
def test_nothing_is_left_to_be_done_or_swallowed(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", text)
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"line {node.lineno}: a bare except"
            assert not all(isinstance(inner, ast.Pass) for inner in node.body) or _is_narrow(node), (
                f"line {node.lineno}"
            )


def _is_narrow(handler: ast.ExceptHandler) -> bool:
    """Whether passing over it can be meant: one named kind, with an else or code that goes on."""
    return "Exception" not in ast.dump(handler.type or ast.Name("Exception")).split("'")


STORES = ROOT / "shared_core" / "policy" / "stores"
"""Files and servers that policies share: they have sockets, clocks and errors of their own."""


@pytest.mark.parametrize(
    "path",
    [path for path in CORE if "policy" in path.parts and not path.is_relative_to(STORES)],
    ids=name_of,
)
def test_a_policy_catches_errors_of_ours_alone_and_reads_no_status(path: Path) -> None:
    ours = {"RouterError", "ModelLoading", "RateLimited", "Overloaded", "StreamInterrupted"}
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.ExceptHandler):
            assert isinstance(node.type, ast.Name), f"line {node.lineno}"
            assert node.type.id in ours, f"line {node.lineno}"
        if isinstance(node, ast.Attribute):
            assert node.attr != "status", f"line {node.lineno}"


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in CORE
        if room_of(module_of(path)) in ("wire", "policy", "types", "errors")
        and not path.is_relative_to(STORES)
    ],
    ids=name_of,
)
def test_the_wire_the_policies_and_the_values_have_neither_clock_nor_socket(path: Path) -> None:
    used = {module.split(".")[0] for module in imports_of(path, at_run_time=True)}
    if name_of(path).startswith("shared_core/policy/state/"):  # shared memory needs a lock, and no clock
        used -= {"threading"}
    assert not used & {
        "time",
        "socket",
        "ssl",
        "asyncio",
        "threading",
        "os",
        "datetime",
        "subprocess",
        "pathlib",
    }


@each_file
def test_a_finally_in_a_flow_never_yields(path: Path) -> None:
    for node in ast.walk(TREES[path]):
        if (
            isinstance(node, ast.Try)
            and path.is_relative_to(ROOT / "shared_core")
            and "testing" not in path.parts
        ):
            for statement in node.finalbody:
                yields = [
                    inner for inner in ast.walk(statement) if isinstance(inner, ast.Yield | ast.YieldFrom)
                ]
                assert not yields, f"line {node.lineno}"
