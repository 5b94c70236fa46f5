"""Hooks of MkDocs: add the pages made from code, and lead links out of docs/ to the repository.

mkdocs.yml names this file. `reference.py` beside it makes the pages.
"""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(Path(__file__).parent))  # MkDocs loads a hook by its path, so it has no package

import reference  # noqa: E402  # found by the line above

# Of a package that the tests of tests/exchange install; without it diagrams stand as text.
MERMAID = ROOT / "tests" / "exchange" / "node_modules" / "mermaid" / "dist" / "mermaid.min.js"
ASSETS = ROOT / "docs" / "site" / "assets"
FENCE = re.compile(r"^```([a-z]+) [^\n]*\n", re.MULTILINE)
LINK = re.compile(r"(\]\()(\.\./[^)#\s]+|schemas/?)(#[^)\s]*)?(\))")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill in the commands, and leave out entries of `nav` that have no page yet."""
    made = reference.pages()
    config.extra["made"] = made
    config.nav = _existing(config.nav, set(made))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages made from code, and the scripts of the site."""
    for uri, text in config.extra["made"].items():
        files.append(File.generated(config, uri, content=text))
    scripts = [*ASSETS.glob("*.js"), *([MERMAID] if MERMAID.is_file() else [])]
    for script in scripts:
        files.append(File.generated(config, f"assets/{script.name}", abs_src_path=str(script)))
    return files


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001  # MkDocs gives all
    """Lead links to files outside docs/ to the repository, and a diagram without its library to plain text."""
    folder = posixpath.dirname(page.file.src_uri)

    def led(found: re.Match[str]) -> str:
        opening, target, anchor, closing = found.group(1), found.group(2), found.group(3) or "", found.group(4)
        if target.startswith("schemas"):
            return f"{opening}{posixpath.relpath('schemas/index.md', folder or '.')}{anchor}{closing}"
        path = posixpath.normpath(posixpath.join("docs", folder, target))
        if path.startswith("docs/"):
            return found.group(0)
        if not (ROOT / path).exists():
            return found.group(0)  # the strict check of links tells it
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        return f"{opening}{config.extra['repository']}/{kind}/main/{path}{anchor}{closing}"

    markdown = FENCE.sub(r"```\1\n", LINK.sub(led, markdown))  # tests find blocks by more words, Python-Markdown none
    return markdown if MERMAID.is_file() else markdown.replace("```mermaid\n", "```text\n")


def on_post_page(output: str, page: Any, config: MkDocsConfig) -> str:  # noqa: ARG001  # MkDocs gives all
    """Load the library of diagrams where there is one; the theme would ask another server for it."""
    if 'class="mermaid"' not in output:
        return output
    path = posixpath.relpath("assets/mermaid.min.js", posixpath.dirname(page.file.dest_uri) or ".")
    return output.replace("</head>", f'<script src="{path}"></script></head>', 1)


def _existing(entries: list[Any], made: set[str]) -> list[Any]:
    """Return the entries of a `nav` whose pages are there; `reference/cli` stands for the pages of all commands."""
    kept: list[Any] = []
    for entry in entries:
        if isinstance(entry, dict):
            ((title, below),) = entry.items()
            if below == "reference/cli":
                kept.append({title: sorted(uri for uri in made if uri.startswith("reference/cli/"))})
            elif isinstance(below, list):
                kept.append({title: _existing(below, made)})
            else:
                kept.append(entry)
        elif entry not in reference.LATER or (ROOT / "docs" / entry).is_file():
            kept.append(entry)
    return kept
