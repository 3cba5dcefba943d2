#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docs/c-api.md, from the comments of include/slipring/*.h.

    docs/generators/c_api.py            write it
    docs/generators/c_api.py --check    1 when the file says anything else than the headers

The same headers give the same bytes. Nothing is said here that is not said there: to change the page, change the header."""
import os
import re
import sys
import textwrap

from headers import ROOT, headers, paragraphs, statuses

PAGE = os.path.join(ROOT, "docs", "c-api.md")
HEAD = """# The C API

What the public headers say, header by header; made from their comments by `docs/generators/c_api.py`, so change those, not this page.
Programs to copy stand in `docs/examples/` and in the [README](../README.md); the same is in the manual: `man slipring`,
`man 3 slipring_record`.

Every function that can fail returns an [`enum slipring_status`](#enum-slipring_status), of which 0 is success; what is declared `SLIPRING_MUST_CHECK` the compiler warns of
when nobody looks at it.

"""
# What stands in backquotes: names of ours, calls, arguments, paths and options, and what looks like them.
WORD = re.compile(r"`[^`]+`|<slipring/\w+\.h>|(?<![\w/`.])(?:\*?\b(?:slipring_|SLIPRING_)\w+(?:\.\.\.)?(?:\(\))?(?![\w/])|\*?out_\w+|\*out_\.\.\.|--[a-z]\w[\w-]*"
                  r"|\$[A-Z_]{3,}|\b[A-Z]+_[A-Z_]+\b|\b[a-z]\w*_[a-z]\w*(?:\(\))?|\b[a-z]+\(\)|docs/[\w/.-]+\w|libshm/[\w/.-]+\w|\bNULL\b)")


def slug(heading):
    """The anchor that the web makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def title(item):
    return f"{item.name}()" if item.kind == "function" else f"{item.kind} {item.name}"


def joined(items):
    """Macros that stand together, a line each, are one block; one that shares its comment with what follows is in the block of that."""
    result = []
    for item in items:
        last = result[-1] if result else None
        if last and last.kind == item.kind == "macro" and item.comment == last.comment and item.line == last.line + last.code.count("\n") + 1:
            result[-1] = last._replace(code=last.code + "\n" + item.code)
        elif last and last.kind == "macro" and item.comment and item.comment is last.comment:
            result[-1] = item._replace(code=last.code + "\n" + item.code)
        else:
            result.append(item)
    return result


class Writer:
    def __init__(self, all_headers):
        self.headers = all_headers
        self.anchors = {item.name: (title(item), slug(title(item))) for header in all_headers for item in header.items
                        if item.kind in ("function", "struct", "enum")}
        self.out = []

    def mark(self, found, own):
        word = found.group()
        if word.startswith("`"):
            return word
        bare = word.strip("*").removesuffix("()")
        path = os.path.join(ROOT, word)
        if bare in self.anchors and bare != own:
            return f"[`{word}`](#{self.anchors[bare][1]})"
        if word.startswith("docs/") and os.path.exists(path):
            return f"[{word}]({os.path.relpath(path, os.path.join(ROOT, 'docs'))})"
        return f"`{word}`"

    def text(self, lines, own=""):
        """A comment: its paragraphs, and what is indented as it stands."""
        for literal, part in paragraphs(lines):
            if literal:
                language = "c" if any(line.endswith(";") for line in part) else "text"
                self.out += [f"```{language}", *textwrap.dedent("\n".join(part)).split("\n"), "```", ""]
                continue
            safe = []
            for line in part:
                pieces, at = [], 0
                for found in WORD.finditer(line):
                    pieces += [re.sub(r"([*<])", r"\\\1", line[at:found.start()]), self.mark(found, own)]
                    at = found.end()
                pieces.append(re.sub(r"([*<])", r"\\\1", line[at:]))
                safe.append("".join(pieces))
            self.out += [*safe, ""]

    def status_table(self):
        self.out += ["| status | value | what it says |", "| --- | --- | --- |"]
        self.out += [f"| `SLIPRING_{name}` | {value} | {sentence} |" for name, value, sentence in statuses()] + [""]

    def item(self, item, before):
        """before: the item above it in the same header, or None."""
        shared = before and item.comment and item.comment is before.comment
        if item.kind == "text":
            self.text(item.comment)
            return
        if item.kind != "macro":
            self.out += [f"### `{title(item)}`", ""]
        if item.name == "slipring_status":
            self.text(item.comment, item.name)
            self.status_table()
            return
        self.out += ["```c", *item.code.split("\n"), "```", ""]
        if shared:
            self.out += [f"Told of together with `{title(before)}`:", ""]
        self.text(item.comment, item.name)

    def header(self, header):
        self.out += [f"## `<slipring/{header.name}>`", ""]
        self.text(header.essay)
        before = None
        for item in joined(header.items):
            self.item(item, before)
            before = item

    def contents(self):
        for header in self.headers:
            names = [f"[`{item.name}`](#{slug(title(item))})" for item in header.items if item.kind == "function"]
            line = f"- [`<slipring/{header.name}>`](#{slug(f'<slipring/{header.name}>')})"
            self.out.append(line + (": " + ", ".join(names) if names else ""))
        self.out.append("")

    def page(self):
        self.contents()
        for header in self.headers:
            self.header(header)
        while not self.out[-1]:
            self.out.pop()
        return HEAD + "\n".join(self.out) + "\n"


def main():
    page = Writer(headers()).page()
    if sys.argv[1:] == ["--check"]:
        with open(PAGE, encoding="utf-8") as there:
            if there.read() != page:
                sys.exit("docs/c-api.md is not what the headers say: run docs/generators/c_api.py")
        return
    if sys.argv[1:]:
        sys.exit(__doc__)
    with open(PAGE, "w", encoding="utf-8") as out:
        out.write(page)


if __name__ == "__main__":
    main()
