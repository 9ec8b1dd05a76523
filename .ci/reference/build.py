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
            (pages / f"{name}.md").write_text(f"# {name}\n\n::: {name}\n")
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


def first_line(module: str) -> str:
    """What a module says of itself."""
    path = ROOT / module.replace(".", "/")
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return (ast.get_docstring(ast.parse(source.read_text())) or "").partition("\n")[0]


if __name__ == "__main__":
    raise SystemExit(main())
