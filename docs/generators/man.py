#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The manual pages: sections 1 and 8 from man/*.scd with what --help says put in, section 3 from the headers' comments, section 7 as it
stands in man/. cmake calls it when scdoc is there.

    docs/generators/man.py --slipring PROGRAM --slipringd PROGRAM --out FOLDER

writes FOLDER/man1, man3, man7 and man8. A line @OPTIONS@ of a page in man/ is replaced by the options of its program, @COMMANDS@ by
its commands, each with its own, and @TITLE@ by the section of that title."""
import argparse
import collections
import glob
import os
import re
import subprocess
import textwrap

import help as programs
from headers import ROOT, headers, paragraphs, statuses

Page = collections.namedtuple("Page", "purpose functions")
# Functions that are told of together; the first one names the page, the others are links to it. One that is in no group has a page of its own.
GROUPS = [
    Page("open and close a shared-memory metrics store, ask how it stands",
         "slipring_open slipring_open_oneshot slipring_close slipring_default slipring_store_status slipring_store_errno slipring_store_dropped"),
    Page("name what is recorded, and how", "slipring_primitive_get slipring_primitive_status slipring_primitive_set_mode slipring_category_get"),
    Page("record an execution, or a cost alone", "slipring_record slipring_record_inline slipring_record_cost"),
    Page("time an execution and record it", "slipring_begin slipring_end slipring_lap slipring_cancel"),
    Page("record in two steps", "slipring_reserve slipring_commit slipring_discard"),
    Page("record under a trace, for exemplars",
         "slipring_record_traced slipring_begin_traced slipring_end_traced slipring_trace_parse slipring_trace_format"),
    Page("read exemplars back", "slipring_exemplars_read"),
    Page("record what an execution used, for the agent to price", "slipring_record_usage"),
    Page("read usage objects of providers of language models", "slipring_usage_from_json"),
    Page("give a primitive objectives", "slipring_slo_configure slipring_objective_add slipring_objective_change"),
    Page("read published figures back", "slipring_stats_read slipring_stats_read_detail"),
    Page("read error budgets and burn rates back", "slipring_slo_read slipring_budget_remaining slipring_burn_rate"),
    Page("what a status means", "slipring_status_text slipring_status_name"),
]
LINKS = {"usage_json.h": ("slipring-usage", "-lslipring-usage")}


class Fault(Exception):
    """Something that no page can be made of."""


def escape(text):
    text = re.sub(r"([\\*_~`+])", r"\\\1", text)
    return re.sub(r"^(?=[-#|\[\];.<])", r"\\", text) if not text.startswith(".") else text


def prose(text, functions=()):
    """A paragraph, with calls of ours as references to their pages."""
    parts, at = [], 0
    for found in re.finditer(r"\b(slipring_\w+)\(\)|\$([A-Z_]{3,})\b|(?<![\w-])(--[a-z][\w-]*)", text):
        name = found.group(1)
        shown = f"*{escape(name)}*(3)" if name in functions else f"*{escape(name)}*()" if name else f"*{escape(found.group())}*"
        parts += [escape(text[at:found.start()]) if at or found.start() else "", shown]
        at = found.end()
    return "".join(parts) + (escape(text[at:]) if at == 0 else re.sub(r"([\\*_~`+])", r"\\\1", text[at:]))


def literal(lines, indent=""):
    return [indent + "```", *[indent + line if line else "" for line in lines], indent + "```", ""]


def comment(lines, functions):
    out = []
    for is_literal, part in paragraphs(lines):
        out += literal(textwrap.dedent("\n".join(part)).split("\n")) if is_literal else [prose(" ".join(part), functions), ""]
    return out


# --- sections 1 and 8 -------------------------------------------------------------------------------------------------------

def joined(lines):
    """The paragraphs of a section of --help."""
    return [" ".join(line.strip() for line in part.split("\n")) for part in "\n".join(lines).split("\n\n")]


def term_list(pairs, bold=True, indent=""):
    out = []
    for term, meaning in pairs:
        out += [f"{indent}*{escape(term)}*" if bold else indent + escape(term), f"{indent}\t{prose(meaning)}", ""]
    return out


def option_list(options, indent=""):
    out = []
    for option in options:
        names = ([f"*{escape(option.letter)}*"] if option.letter else []) + [f"*{escape(option.name)}*"]
        value = f" _{escape(option.value)}_" if option.value else ""
        out += [indent + ", ".join(names) + value, f"{indent}\t{prose(option.text)}", ""]
    return out


def section(lines, title):
    if title == "EXAMPLES":
        return literal(textwrap.dedent("\n".join(lines)).split("\n"))
    if title in ("ENVIRONMENT", "FILES", "EXIT STATUS", "SIGNALS", "HTTP"):
        return term_list(programs.terms(lines))
    return [line for part in joined(lines) for line in (prose(part), "")]


COMMON = ("--store", "--color", "--help", "--version")


def command(name, page):
    parts = programs.sections(page)
    synopsis = " ".join(joined(parts["SYNOPSIS"]))
    out = [f"## {escape('slipring ' + name)}", "", f"*{escape(synopsis)}*", ""]
    purpose = joined(parts["NAME"])[0].split(" - ", 1)[1]
    out += [prose(purpose[:1].upper() + purpose[1:] + ("" if purpose.endswith(("?", ".")) else ".")), ""]
    out += section(parts["DESCRIPTION"], "DESCRIPTION")
    own = [option for option in programs.options(page) if option.name not in COMMON]
    out += option_list(own)
    out += ["Exit status:", ""] + term_list(programs.terms(parts["EXIT STATUS"]))
    return out + section(parts["EXAMPLES"], "EXAMPLES")


def fill(template, program):
    """A page of man/ with the program's own words in it."""
    overview = programs.said(program, "--help")
    parts = programs.sections(overview)
    out = []
    for line in template.split("\n"):
        marked = re.fullmatch(r"@([A-Z ]+)@", line)
        if not marked:
            out.append(line)
        elif marked.group(1) == "OPTIONS":
            out += option_list(programs.options(overview))
        elif marked.group(1) == "COMMANDS":
            for name, page in programs.commands(program).items():
                out += command(name, page)
        elif marked.group(1) in parts:
            out += section(parts[marked.group(1)], marked.group(1))
        else:
            raise Fault(f"--help has no section {marked.group(1)}")
    return "\n".join(out)


# --- section 3 --------------------------------------------------------------------------------------------------------------

class Three:
    def __init__(self, version):
        self.headers = headers()
        self.version = version
        self.of = {item.name: header for header in self.headers for item in header.items if item.kind == "function"}
        self.items = {item.name: item for header in self.headers for item in header.items if item.name}

    def pages(self):
        groups = [Page(page.purpose, page.functions.split()) for page in GROUPS]
        grouped = {name for page in groups for name in page.functions}
        unknown = grouped - set(self.of)
        if unknown:
            raise Fault(f"no header declares {unknown}")
        for name in self.of:
            if name not in grouped:
                first = " ".join(self.items[name].comment).split(". ")[0].rstrip(".")
                groups.append(Page(first[:1].lower() + first[1:70] if first else name, [name]))
        return groups

    def types(self, functions):
        """The structs and enums that the functions' arguments are of, and those within these, in the order of the headers."""
        wanted, todo = set(), [self.items[name].code for name in functions]
        while todo:
            for kind, name in re.findall(r"\b(struct|enum) (slipring_\w+)", todo.pop()):
                item = self.items.get(name)
                if item and name not in wanted and name != "slipring_status" and "{" in item.code:
                    wanted.add(name)
                    todo.append(item.code)
        return [item for header in self.headers for item in header.items if item.name in wanted]

    def constants(self, functions, types):
        text = " ".join(item.code + " ".join(item.comment) for item in [self.items[name] for name in functions] + types)
        return [item for header in self.headers for item in header.items if item.kind == "macro" and re.search(rf"\b{item.name}\b", text)]

    def page(self, page):
        names, known = page.functions, self.of
        used = [header for header in self.headers if any(known[name] is header for name in names)]
        package, link = LINKS.get(used[0].name, ("slipring", "-lslipring"))
        out = [f'{names[0]}(3) "Slipring {self.version}" "Slipring C API"', "", "# NAME", "", ", ".join(map(escape, names)) + f" - {page.purpose}", "",
               "# LIBRARY", "", f"Slipring, a lock-free shared-memory metrics store (_{package}_ of *pkg-config*(1), _{link}_)", "", "# SYNOPSIS", ""]
        for header in used:
            code = [line for name in names if known[name] is header for line in self.items[name].code.replace("SLIPRING_MUST_CHECK ", "").split("\n")]
            out += literal([f"#include <slipring/{header.name}>", "", *[re.sub(r"^ {20,}", " " * 8, line) for line in code]])
        out += ["# DESCRIPTION", ""]
        shown = None
        for name in names:
            item = self.items[name]
            out += [f"## {escape(name)}()", ""]
            out += comment(item.comment, known) if item.comment is not shown else ["As above.", ""]
            shown = item.comment or None
        types = self.types(names)
        constants = self.constants(names, types)
        if types or constants:
            out += ["# TYPES", ""]
            out += literal([line for item in constants for line in item.code.split("\n")]) if constants else []
            for item in types:
                out += comment(item.comment, known) + literal(item.code.split("\n"))
        if "slipring_status_text" in names:
            out += ["# STATUSES", ""] + term_list([(f"SLIPRING_{name}", sentence) for name, _, sentence in statuses()])
        elif any("enum slipring_status " in self.items[name].code for name in names):
            out += ["# RETURN VALUE", "", "Functions of type _enum slipring\\_status_ return *SLIPRING\\_OK*, which is 0, or what went wrong; *slipring\\_status\\_text*(3) "
                    "lists the statuses and has a sentence for each. In what stands here they are without their prefix: NO\\_SPACE is *SLIPRING\\_NO\\_SPACE*.", ""]
        for header in used:
            out += [f"# NOTES ON {header.name.upper().replace('_', ' ')}", ""] + comment(header.essay, known)
        others = [one.functions[0] for one in self.pages() if one.functions[0] != names[0]]
        out += ["# SEE ALSO", "", ", ".join(["*slipring*(7)", "*slipring*(1)", "*slipringd*(8)"] + [f"*{escape(name)}*(3)" for name in sorted(others)])]
        return "\n".join(out) + "\n"


# --- all of them ------------------------------------------------------------------------------------------------------------

def write(scdoc, folder, name, source):
    section_of = name.rsplit(".", 1)[1]
    os.makedirs(os.path.join(folder, "man" + section_of), exist_ok=True)
    made = subprocess.run([scdoc], input=source, capture_output=True, text=True)
    if made.returncode != 0:
        raise Fault(f"scdoc on {name}: {made.stderr}\n" + "\n".join(f"{n:4} {line}" for n, line in enumerate(source.split("\n"), 1)))
    with open(os.path.join(folder, "man" + section_of, name), "w", encoding="utf-8") as out:
        out.write(made.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--slipring", required=True)
    parser.add_argument("--slipringd", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--scdoc", default="scdoc")
    options = parser.parse_args()
    for old in glob.glob(os.path.join(options.out, "man[1378]", "*.[1378]")):
        os.unlink(old)
    version = programs.said(options.slipring, "--version").split()[1]
    by_name = {"slipring": options.slipring, "slipringd": options.slipringd}
    for path in sorted(glob.glob(os.path.join(ROOT, "man", "*.scd"))):
        name = os.path.basename(path).removesuffix(".scd")
        with open(path, encoding="utf-8") as source:
            text = source.read().replace("@version@", version)
        write(options.scdoc, options.out, name, text if name.endswith(".7") else fill(text, by_name[name.split(".")[0]]))
    three = Three(version)
    for page in three.pages():
        write(options.scdoc, options.out, page.functions[0] + ".3", three.page(page))
        for alias in page.functions[1:]:
            with open(os.path.join(options.out, "man3", alias + ".3"), "w", encoding="utf-8") as out:
                out.write(f".so man3/{page.functions[0]}.3\n")


if __name__ == "__main__":
    main()
