#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The manual pages and docs/c-api.md say what the programs and the headers say, all of it, and can be read. Takes 10 s."""
import glob
import os
import re
import shutil
import subprocess
import sys

from _scene import BIN, BUILD, ROOT
from _tests import check, equal, main, test, until

GENERATORS = os.path.join(ROOT, "docs", "generators")
sys.path.insert(0, GENERATORS)
sys.dont_write_bytecode = True
import headers  # noqa: E402  (its folder is known only now)
import help as programs  # noqa: E402

MAN = os.path.join(BUILD, "share", "man")
C_API = os.path.join(ROOT, "docs", "c-api.md")


def pages():
    found = sorted(glob.glob(os.path.join(MAN, "man[1378]", "*")))
    check(len(found) > 40, "manual pages:", found)
    return found


SHOWN = {}


def shown(scene, name, section):
    """A page as man shows it, without the hyphens at the ends of lines."""
    if (name, section) not in SHOWN:
        SHOWN[name, section] = ask_man(scene, name, section)
    return SHOWN[name, section]


def ask_man(scene, name, section):
    said = scene.run(["man", "-M", MAN, "-E", "UTF-8", "--no-hyphenation", section, name], environment={"MANWIDTH": "400", "MAN_KEEP_FORMATTING": ""})
    equal((said.returncode, said.stderr), (0, ""), f"man {section} {name}")
    return re.sub(r"[ \n]+", " ", re.sub(".\b", "", said.stdout))


def says(page, text, where):
    """The words of text stand in the page, however either is broken into lines."""
    words = re.sub(r"\s+", " ", text).strip()
    check(words in page, where, "does not say:", words, "\n", page[:400])


def plain(text):
    """A sentence as a page has it: references to pages of functions carry their section there."""
    return re.sub(r"\b(slipring_\w+)\(\)", r"\1(3)", text)


@test
def every_page_is_free_of_errors(scene):
    for path in pages():
        with open(path) as source:
            if source.read().startswith(".so "):
                continue  # relative to the manual's folder, which is not where mandoc runs here
        found = scene.run(["mandoc", "-T", "lint", "-W", "error", path])
        equal((found.returncode, found.stdout), (0, ""), path)


@test
def every_page_can_be_read_under_its_name_and_names_it(scene):
    for path in pages():
        name, section = os.path.basename(path).rsplit(".", 1)
        page = shown(scene, name, section)
        check(re.search(rf"NAME [^-]*\b{name}\b[^-]* - ", page), path, "does not name", name, ":", page[:300])


@test
def what_a_page_refers_to_exists(scene):
    there = {tuple(os.path.basename(path).rsplit(".", 1)) for path in pages()}
    count = 0
    for path in pages():
        with open(path) as source:
            text = source.read()
        alias = re.match(r"\.so (\S+)\n", text)
        if alias:
            check(os.path.exists(os.path.join(MAN, alias.group(1))), path, "leads to", alias.group(1))
            continue
        for name, section in re.findall(r"\\fB(slipring[\w\\-]*)\\fR\((\d)\)", text):
            count += 1
            check((name.replace("\\", ""), section) in there, path, "refers to", name, section)
    check(count > 100, "references:", count)


def exported(library):
    """The functions that a library shows the world: what its map lets through of what it defines."""
    listed = subprocess.run(["nm", "-D", "--defined-only", os.path.join(BUILD, "lib", library)], check=True, capture_output=True, text=True).stdout
    return {re.sub("@.*", "", line.split()[2]) for line in listed.splitlines() if line.split()[1] == "T"}


@test
def every_public_function_has_a_page_with_all_that_its_header_says(scene):
    declared = {item.name: item for header in headers.headers() for item in header.items if item.kind == "function"}
    lost = (exported("libslipring.so") | exported("libslipring-usage.so")) - set(declared)
    equal(lost, set(), "exported, and in no header")
    check(len(declared) > 30, "functions:", declared)
    for name, item in declared.items():
        page = shown(scene, name, "3")
        prototype = re.sub(r"\bSLIPRING_MUST_CHECK |/\*.*?\*/", "", item.code)
        says(page, prototype, f"man 3 {name}")
        for is_literal, lines in headers.paragraphs(item.comment):
            for line in lines if is_literal else [" ".join(lines)]:
                says(page, line if is_literal else plain(line), f"man 3 {name}")


@test
def every_option_and_command_is_on_the_page_of_its_program(scene):
    for name, section in (("slipring", "1"), ("slipringd", "8")):
        page = shown(scene, name, section)
        helped = {"": programs.said(os.path.join(BIN, name), "--help")}
        if name == "slipring":
            helped.update(programs.commands(os.path.join(BIN, name)))
        for command, text in helped.items():
            if command:
                says(page, " ".join(programs.sections(text)["SYNOPSIS"]), f"man {section} {name}")
            options = programs.options(text)
            check(len(options) >= 3, "options of", name, command, options)
            for option in options:
                shape = f"{option.letter}, " if option.letter else ""
                says(page, f"{shape}{option.name} {option.value}".strip() + " " + plain(option.text).replace("(3)", "()"), f"man {section} {name}, {command}")
            for title in ("DESCRIPTION", "EXAMPLES"):
                for line in re.split(r"\n\s*\n", "\n".join(programs.sections(text)[title])):
                    says(page, line, f"man {section} {name}, {command}")


@test
def the_program_of_the_overview_compiles_and_runs(scene):
    with open(os.path.join(ROOT, "man", "slipring.7.scd")) as source:
        program = re.search(r"# A PROGRAM\n\n```\n(.*?)```", source.read(), re.S).group(1)
    path, lib = os.path.join(scene.work, "app.c"), os.path.join(BUILD, "lib")
    with open(path, "w") as out:
        out.write(program)
    built = scene.run(["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", path, "-o", os.path.join(scene.work, "app"), "-I" + os.path.join(ROOT, "include"),
                       "-I" + os.path.join(BUILD, "generated"), "-L" + lib, "-lslipring", "-Wl,-rpath," + lib])
    equal((built.returncode, built.stderr), (0, ""), "cc")
    agent = scene.agent()
    equal(scene.run([os.path.join(scene.work, "app")]).returncode, 0, "the program")
    equal(scene.slipring("verify").returncode, 0, "verify")
    until(lambda: agent.metrics().recorded("resize_image") == 1, "what it recorded")


@test
def the_c_api_page_is_what_the_headers_say(scene):
    said = scene.run([sys.executable, "-B", os.path.join(GENERATORS, "c_api.py"), "--check"])
    equal((said.returncode, said.stderr), (0, ""), "docs/generators/c_api.py --check")
    with open(C_API) as page:
        text = page.read()
    for header in headers.headers():
        for item in header.items:
            if item.kind == "function":
                check(f"\n### `{item.name}()`\n" in text, "docs/c-api.md has no", item.name)
            if item.kind != "text" and item.name != "slipring_status":
                check(item.code in text, "docs/c-api.md has not the declaration of", item.name)
    for name, value, sentence in headers.statuses():
        check(f"| `SLIPRING_{name}` | {value} | {sentence} |" in text, "docs/c-api.md has no status", name)


@test
def links_within_the_c_api_page_lead_somewhere(scene):
    with open(C_API) as page:
        text = page.read()
    anchors = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.*)$", text, re.M)]
    equal(sorted(anchors), sorted(set(anchors)), "headings, none twice")
    links = re.findall(r"\]\(#([^)]+)\)", text)
    check(len(links) > 60, "links:", len(links))
    equal(set(links) - set(anchors), set(), "links that lead nowhere")


@test
def a_header_that_says_something_else_is_noticed(scene):
    """A copy of what the generators read, with one word changed: --check says so. And what cannot be read is told."""
    copy = os.path.join(scene.work, "tree")
    shutil.copytree(os.path.join(ROOT, "include"), os.path.join(copy, "include"))
    shutil.copytree(os.path.join(ROOT, "docs"), os.path.join(copy, "docs"))
    command = [sys.executable, "-B", os.path.join(copy, "docs", "generators", "c_api.py"), "--check"]
    equal(scene.run(command).returncode, 0, "the copy as it is")
    header = os.path.join(copy, "include", "slipring", "record.h")
    with open(header) as source:
        text = source.read()
    for what, changed in (("a comment", text.replace("Reads no clock", "Reads the clock")), ("a prototype", text.replace("uint64_t duration_ns,", "uint32_t duration_ns,")),
                          ("a constant", text.replace("<< 53", "<< 52")), ("no declaration", text.replace("void slipring_discard(", "void discard("))):
        check(changed != text, what, "is not there any more")
        with open(header, "w") as out:
            out.write(changed)
        check(scene.run(command).returncode != 0, "not noticed:", what)


if __name__ == "__main__":
    main()
