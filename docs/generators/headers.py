# SPDX-License-Identifier: Apache-2.0
"""The public headers of include/slipring/, taken apart: of each its essay, and what it declares with the comment above it.

No parser of C: it relies on how these headers are written, which tests/lint and clang-format hold them to. A file opens with its licence and its
essay; a comment right above a declaration, without a blank line, is about it, and about those that follow it without a blank line;
any other comment stands for itself. What cannot be read is a Fault with file and line, never left out in silence."""
import collections
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INCLUDE = os.path.join(ROOT, "include", "slipring")

# In the order in which a reader wants them; a header that is not named here comes after these.
ORDER = ["slipring.h", "store.h", "record.h", "trace.h", "usage.h", "objective.h", "stats.h", "slo.h", "status.h", "usage_json.h", "inline.h"]
# Everything else in there is private, as its essay says.
ONLY = {"inline.h": ("slipring_record_inline", "SLIPRING_INLINE_ABI")}

Header = collections.namedtuple("Header", "name essay items")
# kind: function, struct, enum, macro, text. name: "" for text. code: as declared. comment: lines without their stars. line: of the code.
Item = collections.namedtuple("Item", "kind name code comment line")


class Fault(Exception):
    """A header that is written in another way than these are."""


def comment_lines(raw):
    """The text of /* ... */, a line an item, without stars and without the blanks that all lines begin with."""
    body = raw.strip()[2:-2]
    lines = [re.sub(r"^\s*\* ?", "", line) if at else line.strip() for at, line in enumerate(body.split("\n"))]
    lines = [line.rstrip() for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def statuses():
    """[(name, value, sentence)] of status.def."""
    with open(os.path.join(INCLUDE, "status.def"), encoding="utf-8") as source:
        text = source.read()
    found = re.findall(r'^SLIPRING_STATUS\((\w+),\s*(\d+),\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)', text, re.M)
    return [(name, int(value), "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', sentence)).replace('\\"', '"')) for name, value, sentence in found]


def declaration_end(text, at):
    """Just after the semicolon, or the brace of a function's body, that ends what begins at `at`."""
    depth, opened = 0, False
    while at < len(text):
        if text.startswith("/*", at):
            at = text.index("*/", at) + 2
            continue
        letter = text[at]
        if letter == "{":
            depth, opened = depth + 1, True
        elif letter == "}":
            depth -= 1
            if depth == 0 and text[at + 1:at + 2] == "\n":
                return at + 1
        elif letter == ";" and depth == 0:
            return at + 1
        at += 1
    raise ValueError("no end")


def kind_and_name(code):
    """Of a declaration."""
    bare = re.sub(r"/\*.*?\*/", "", code, flags=re.S)
    tag = re.match(r"\s*(struct|enum)\s+(slipring_\w+)\s*(\{|;)", bare)
    if tag:
        return tag.group(1), tag.group(2)
    function = re.search(r"\b(slipring_\w+)\s*\(", bare)
    if function and not bare.lstrip().startswith("extern const"):
        return "function", function.group(1)
    return None, None


def macro_end(text, at):
    end = text.index("\n", at)
    while text[end - 1] == "\\":
        end = text.index("\n", end + 1)
    return end


def take_macro(code):
    """(name, code) of a #define that is for users; None for guards and for what only the header itself needs."""
    name = re.match(r"#\s*define\s+(\w+)", code).group(1)
    if name.endswith("_H") or name in ("SLIPRING_MUST_CHECK", "SLIPRING_STATUS"):
        return None
    return name


def items_of(name, text, start):
    """Everything that a header declares below its essay."""
    items, comment, near, at = [], [], False, start
    line_of = lambda place: text.count("\n", 0, place) + 1  # noqa: E731

    def add(kind, what, code, place):
        nonlocal comment, near
        shared = comment if comment or not near or not items else items[-1].comment
        items.append(Item(kind, what, code.strip(), shared, line_of(place)))
        comment, near = [], True

    while at < len(text):
        if text.startswith("\n\n", at):
            if comment:
                items.append(Item("text", "", "", comment, line_of(at)))
            comment, near, at = [], False, at + 1
        elif text[at].isspace():
            at += 1
        elif text.startswith("/*", at):
            end = text.index("*/", at) + 2
            comment, at = comment_lines(text[at:end]), end
        elif text[at] == "#":
            end = macro_end(text, at)
            directive = text[at:end]
            if re.match(r"#\s*define\b", directive) and take_macro(directive):
                add("macro", take_macro(directive), directive, at)
            at = end
        elif text.startswith('extern "C"', at) or text[at] == "}":
            at = text.index("\n", at)
        else:
            try:
                end = declaration_end(text, at)
            except ValueError:
                raise Fault(f"{name}:{line_of(at)}: a declaration without an end") from None
            kind, what = kind_and_name(text[at:end])
            if kind:
                tail = re.match(r"[ \t]*/\*[^\n]*\*/", text[end:])
                add(kind, what, text[at:end] + (tail.group() if tail else ""), at)
                end += len(tail.group()) if tail else 0
            elif not text[at:end].lstrip().startswith("extern") and name not in ONLY:
                raise Fault(f"{name}:{line_of(at)}: what is {text[at:end].split(chr(10))[0]!r}?")
            at = end
    return items


def read_header(name):
    with open(os.path.join(INCLUDE, name), encoding="utf-8") as source:
        text = source.read()
    licence = text.index("*/") + 2
    begin = text.index("/*", licence)
    end = text.index("*/", begin) + 2
    items = items_of(name, text, end)
    if name in ONLY:
        items = [item for item in items if item.name in ONLY[name]]
        if sorted(item.name for item in items) != sorted(ONLY[name]):
            raise Fault(f"{name}: not all of {ONLY[name]} are there")
        items = [item._replace(code=item.code[:item.code.index("\n{")] + ";") if "\n{" in item.code and item.kind == "function" else item
                 for item in items]
    return Header(name, comment_lines(text[begin:end]), items)


def headers():
    names = sorted(name for name in os.listdir(INCLUDE) if name.endswith(".h"))
    return [read_header(name) for name in sorted(names, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))]


def paragraphs(lines):
    """[(is_literal, [lines])] of a comment: text, and what has to stay as it stands (code, tables), which is indented."""
    parts, literal = [], None
    for line in lines:
        if not line:
            parts.append((None, []))
            continue
        literal = line.startswith("  ")
        if parts and parts[-1][0] == literal:
            parts[-1][1].append(line)
        else:
            parts.append((literal, [line]))
    joined = []
    for at, (literal, part) in enumerate(parts):
        if literal is None:
            continue
        blank = at > 0 and parts[at - 1][0] is None
        if literal and joined and joined[-1][0] and blank:
            joined[-1] = (True, joined[-1][1] + [""] + part)
        else:
            joined.append((literal, part))
    return joined
