"""Builds the API reference out of the docstrings: static pages in `build/reference/html`.

Nothing is imported: griffe reads the sources, and follows the public names to the files that they are loaded from when
they are first used. The tools are mkdocstrings and Zensical because the docstrings are Markdown with Google's
sections; pdoc, the smaller one, imports the modules and shows inherited methods only where their classes are public.

    python .ci/reference/build.py
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WORK = ROOT / "build" / "reference"


def main() -> int:
    """Writes the pages and runs Zensical; its exit status, which is not 0 after a warning."""
    shutil.rmtree(WORK, ignore_errors=True)
    pages = WORK / "pages"
    pages.mkdir(parents=True)
    index = [
        "# hfrouter",
        "",
        "The public names of the three packages. What they are for stands in the README.",
    ]
    for part, modules in sections().items():
        index += ["", f"## {part}", ""]
        for name in modules:
            (pages / f"{name}.md").write_text(page_of(name))
            index.append(f"- [`{name}`]({name}.md): {first_line(name)}")
    (pages / "index.md").write_text("\n".join([*index, ""]))
    shutil.copy(HERE / "reference.css", pages)
    shutil.copy(HERE / "docstrings.py", WORK)
    shutil.copy(HERE / "zensical.toml", WORK)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    done = subprocess.run(command, cwd=WORK, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    sys.stdout.write(done.stdout)
    return done.returncode or int("griffe: " in done.stdout)


def sections() -> dict[str, list[str]]:
    """The modules of each part, from `nav`."""
    (_, *parts) = tomllib.loads((HERE / "zensical.toml").read_text())["project"]["nav"]
    return {
        title: [page.removesuffix(".md") for page in pages] for part in parts for title, pages in part.items()
    }


def page_of(module: str) -> str:
    """The page of a module, which mkdocstrings fills in."""
    page = f"# {module}\n\n::: {module}\n"
    for name in sorted(hidden(module)):
        options = "    options:\n      show_root_heading: true\n      heading_level: 2\n"
        page += f"\n::: {module}.{name}.{name}\n{options}"
    return page


def hidden(module: str) -> set[str]:
    """Public names that griffe takes for the files of the same name which they come from."""
    source = source_of(module)
    files = {path.stem for path in source.parent.glob("*.py")} if source.name == "__init__.py" else set()
    for node in ast.parse(source.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return {str(name) for name in ast.literal_eval(node.value)} & files
    return set()


def first_line(module: str) -> str:
    """What a module says of itself."""
    return (ast.get_docstring(ast.parse(source_of(module).read_text())) or "").partition("\n")[0]


def source_of(module: str) -> Path:
    """Its file."""
    path = ROOT / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


if __name__ == "__main__":
    raise SystemExit(main())
