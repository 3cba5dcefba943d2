#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What bash, zsh and fish complete, asked of real shells: every command and option of both programs, values, and names of the running store, which
strangers chose. Takes 15 s."""
import os
import pty
import select
import sys
import time

from _scene import BIN, BUILD, ROOT
from _tests import check, equal, main, test, until

sys.path.insert(0, os.path.join(ROOT, "docs", "generators"))
sys.dont_write_bytecode = True
import help as programs  # noqa: E402  (its folder is known only now)

SHARE = os.path.join(BUILD, "share")
HOSTILE = "arch$(touch pwned)`touch pwned`;touch pwned"
NAMES = ["archive_file", HOSTILE, "with blank"]

BASH = r"""
source /usr/share/bash-completion/bash_completion
source "$1/bash-completion/completions/slipring"
source "$1/bash-completion/completions/slipringd"
compopt() { :; }  # of bash's own completion: it takes a real line, which there is none here
while IFS= read -r COMP_LINE; do
    COMP_POINT=${#COMP_LINE}
    IFS=' ' read -ra COMP_WORDS <<<"$COMP_LINE"
    [[ $COMP_LINE == *' ' ]] && COMP_WORDS+=('')
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
    "_${COMP_WORDS[0]}"
    printf '%s\n' "${COMPREPLY[@]}" $'\x01'
done
"""
FISH = r"""
source $argv[1]/fish/vendor_completions.d/slipring.fish
source $argv[1]/fish/vendor_completions.d/slipringd.fish
while read -l line
    complete -C $line | string replace -r '\t.*' ''
    echo \x01
end
"""


def answers(scene, shell, lines):
    """{line: list of candidates} of bash or fish."""
    script = os.path.join(scene.work, "ask." + shell)
    with open(script, "w") as out:
        out.write({"bash": BASH, "fish": FISH}[shell])
    asked = os.path.join(scene.work, "lines")
    with open(asked, "w") as out:
        out.write("".join(line + "\n" for line in lines))
    command = {"bash": ["bash", "--norc", script, SHARE], "fish": ["fish", "--no-config", script, SHARE]}[shell]
    with open(asked) as stdin:
        said = scene.run(command, stdin=stdin, seconds=60, environment={"HOME": scene.work})
    equal((said.returncode, said.stderr), (0, ""), shell)
    parts = said.stdout.split("\x01\n")
    equal(len(parts), len(lines) + 1, f"answers of {shell}")
    return {line: [one for one in part.split("\n") if one] for line, part in zip(lines, parts)}


def helped():
    """{(program, command): page}"""
    slipring, slipringd = (os.path.join(BIN, name) for name in ("slipring", "slipringd"))
    pages = {("slipring", name): page for name, page in programs.commands(slipring).items()}
    return {**pages, ("slipring", ""): programs.said(slipring, "help"), ("slipringd", ""): programs.said(slipringd, "--help")}


def populate(scene):
    agent = scene.agent()
    for name, kind in zip(NAMES, ("workflow", "step", "step")):
        equal(scene.slipring("record", name, "--type", kind, "--duration", "3ms").returncode, 0, "slipring record")
    until(lambda: all(agent.metrics().recorded(name) == 1 for name in NAMES), "what was recorded")
    return agent


QUESTIONS = {
    "slipring show ": "names", "slipring show arch": "names", "slipring -s e2e show ": "names", "slipring slo check --max-age 3s ": "names",
    "slipring show --store=nowhere ": [], "slipring -s nowhere show ": [], "slipring show archive_file ": [],
    "slipring rm ": ["e2e"], "slipring verify --store ": ["e2e"], "slipring show --type ": ["step", "workflow"],
    "slipring show --by ": ["process", "thread"], "slipring report --format ": ["json", "markdown", "text"],
    "slipring ingest --format ": ["apache", "combined", "common", "csv", "jsonl"], "slipring help rel": ["reload"], "slipring sho": ["show"],
    "slipringd --expose ": ["all", "few"], "slipringd --log-level w": ["warning"], "slipring exec archive_file slipringd": ["slipringd"],
}


def check_shell(scene, shell, written):
    """written: a name as the shell shows it among its candidates."""
    populate(scene)
    pages = helped()
    starts = {(program, command): f"{program} {command + ' ' if command else ''}--" for program, command in pages}
    lines = ["slipring ", "slipring slo ", "slipring help ", *starts.values(), *QUESTIONS]
    seen = answers(scene, shell, lines)
    commands = {command for _, command in pages if command and " " not in command}
    equal(set(seen["slipring "]), commands | {"help"}, "commands")
    check(commands <= set(seen["slipring help "]), "commands after help:", seen["slipring help "])
    check({"explain", "check", "archive_file"} <= set(seen["slipring slo "]), "after slo:", seen["slipring slo "])
    for key, line in starts.items():
        equal(set(seen[line]), {option.name for option in programs.options(pages[key])}, f"options after {line!r}")
    for line, wanted in QUESTIONS.items():
        if wanted == "names":
            wanted = [written(name) for name in NAMES if name.startswith(line.split(" ")[-1])]
        equal(sorted(seen[line]), sorted(wanted), f"candidates after {line!r}")
    check(not os.path.exists(os.path.join(scene.work, "pwned")), "a name was evaluated")


def backslashed(name):
    """As bash's printf %q has it."""
    return "".join(letter if letter.isalnum() or letter in "_/." else "\\" + letter for letter in name)


@test
def bash_completes_commands_options_values_and_names(scene):
    check_shell(scene, "bash", backslashed)


@test
def fish_completes_commands_options_values_and_names(scene):
    check_shell(scene, "fish", lambda name: name)


@test
def without_a_store_no_name_is_offered_and_nothing_is_said(scene):
    for shell in ("bash", "fish"):
        seen = answers(scene, shell, ["slipring show ", "slipring rm ", "slipring record --type "])
        equal(list(seen.values()), [[], [], []], f"candidates of {shell}")


class Line:
    """A zsh on a terminal of its own, whose slipring and slipringd print what they were called with."""

    def __init__(self, scene):
        self.folder = os.path.join(scene.work, "zsh")
        os.mkdir(self.folder)
        with open(os.path.join(self.folder, ".zshrc"), "w") as out:
            out.write(f"PROMPT='READY> ' RPROMPT='' fpath=({SHARE}/zsh/site-functions $fpath)\nsetopt no_beep no_always_last_prompt\n"
                      "autoload -Uz compinit && compinit -u -D\nzstyle ':completion:*' menu no\nsetopt no_list_ambiguous no_auto_list\n"
                      "slipring() { print -r -- 'CALLED' slipring ${(q-)@} }\nslipringd() { print -r -- 'CALLED' slipringd ${(q-)@} }\n")
        leader, follower = pty.openpty()
        self.leader, self.seen = leader, ""
        scene.spawn(["zsh", "-i"], environment={"ZDOTDIR": self.folder, "HOME": self.folder, "TERM": "dumb", "COLUMNS": "4000"}, stdin=follower, stdout=follower,
                    stderr=follower, start_new_session=True)
        os.close(follower)
        self.wait("READY> ")

    def wait(self, text, seconds=20):
        end = time.monotonic() + seconds
        while text not in self.seen:
            ready = select.select([self.leader], [], [], max(0, end - time.monotonic()))[0]
            check(ready, f"zsh shows no {text!r}:", repr(self.seen[-600:]))
            self.seen += os.read(self.leader, 65536).decode(errors="replace")
        self.seen = self.seen.split(text, 1)[1]

    def type(self, typed):
        """What the program is called with when somebody types this and Enter."""
        self.seen = ""
        os.write(self.leader, (typed + "\n").encode())
        self.wait("CALLED ")
        while "\n" not in self.seen:
            self.seen += os.read(self.leader, 65536).decode(errors="replace")
        called = self.seen.split("\r\n", 1)[0].strip()
        self.wait("READY> ")
        return called

    def close(self):
        os.close(self.leader)


@test
def zsh_completes_commands_options_values_and_names(scene):
    populate(scene)
    line = Line(scene)
    try:
        for typed, called in {
            "slipring sho\t": "slipring show", "slipring show archive_\t": "slipring show archive_file", "slipring show w\t": "slipring show 'with blank'",
            "slipring show arch\\$\t": "slipring show '" + HOSTILE + "'", "slipring show --by pr\t": "slipring show --by process",
            "slipring show --store=nowhere archive_\t": "slipring show --store=nowhere archive_", "slipring slo expl\t": "slipring slo explain",
            "slipring slo check --min\t10%": "slipring slo check --min-budget=10%", "slipring report --format ma\t": "slipring report --format markdown",
            "slipring rm e\t": "slipring rm e2e", "slipring record --type wor\t": "slipring record --type workflow",
            "slipring help relo\t": "slipring help reload", "slipringd --expo\tfe\t": "slipringd --expose=few",
        }.items():
            equal(line.type(typed), called, f"zsh, typed {typed!r}")
        for (program, command), page in helped().items():
            for option in programs.options(page):
                wanted = {f"{program} {command} {option.name}{end}".replace("  ", " ") for end in ("", "=")}
                unique = option.name
                typed = f"{program} {command} {unique[:-1]}\t".replace("  ", " ")
                alike = [one for one in programs.options(page) if one.name.startswith(unique[:-1]) and one.name != unique]
                if not alike:
                    check(line.type(typed).replace("'", "") in wanted, f"zsh, typed {typed!r}:", wanted)
    finally:
        line.close()
    check(not os.path.exists(os.path.join(scene.work, "pwned")), "a name was evaluated")


if __name__ == "__main__":
    main()
