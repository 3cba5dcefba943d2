#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Completion of the command lines of both programs in bash, zsh and fish, from what their --help says. cmake calls it.

    docs/generators/completion.py --slipring PROGRAM --slipringd PROGRAM --out FOLDER

writes FOLDER/bash-completion/completions/, FOLDER/zsh/site-functions/ and FOLDER/fish/vendor_completions.d/, where each shell looks.
Names of primitives, types and stores come from the running store; where there is none, there are none, and nothing is said.
They are what strangers registered: no shell ever evaluates them."""
import argparse
import os
import re

import help as programs

# What an option takes, where it is one of few words: all of them stand in its help, or this is a Fault. By command, where commands differ.
CHOICES = {
    "--color": "auto always never", "--by": "process thread", "--no-data": "ok fail", "--provider": "openai anthropic google mistral",
    "--sort": "name type rps active count failed p50 p99 spilled slo budget burn cost",
    "report --format": "text markdown json", "ingest --format": "jsonl csv combined common apache",
    "--expose": "all few", "--aborted": "count ignore", "--clock": "auto monotonic", "--log-level": "error warning info debug",
}
# What else is known of a value: what there is in the store, or files.
KINDS = {"--store": "stores", "--type": "types", "--config": "files", "--prices": "files", "--checkpoint": "folders", "--shm-dir": "folders"}
STORES_OF = ("rm",)  # its NAME is a store's


class Fault(Exception):
    """The tables and this file say different things."""


def value_of(command, option):
    """What completes the option's value: a list of words, the name of a kind, or "" for anything."""
    words = CHOICES.get(f"{command} {option.name}") or CHOICES.get(option.name)
    if words:
        lost = [word for word in words.split() if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", option.text)]
        if lost:
            raise Fault(f"{command} {option.name}: its help does not name {lost}: {option.text}")
        return words.split()
    return KINDS.get(option.name, "")


def words_of(command, page):
    """What completes the arguments beside options: names, stores, files, command, or ""."""
    synopsis = " ".join(line.strip() for line in programs.sections(page)["SYNOPSIS"])
    if command in STORES_OF:
        return "stores"
    if "COMMAND" in synopsis:
        return "command"
    if "[FILE]" in synopsis:
        return "files"
    return "names" if re.search(r"\b(NAME|PATTERN)\b(?!,|=)", re.sub(r"--\S+ \S+", "", synopsis)) else ""


class Command:
    def __init__(self, name, page, program="slipring"):
        self.name, self.words = name, words_of(name, page) if program == "slipring" else ""
        self.summary = " ".join(line.strip() for line in programs.sections(page)["NAME"]).split(" - ", 1)[1]
        self.options = programs.options(page)
        self.many = "]..." in " ".join(programs.sections(page)["SYNOPSIS"]).replace("[OPTION]...", "")


def short(text):
    """The first sentence or so of an option's help."""
    first = re.split(r"(?<=[a-z)])[.;:](?:\s|$)", text)[0]
    return first if len(first) <= 78 else first[:75].rsplit(" ", 1)[0] + " …"


# --- bash -------------------------------------------------------------------------------------------------------------------

BASH_SLIPRING = r"""# bash completion for slipring
_slipring_ask() # names|types|stores STORE
{
    case $1 in
    stores) command slipring ls --json 2>/dev/null | grep -oE '"(name|store)":"[A-Za-z0-9_.-]+"' | cut -d'"' -f4 ;;
    names) command slipring show --json ${2:+--store "$2"} 2>/dev/null | grep -oE '"name":"[^"\\]+","type":"' | cut -d'"' -f4 ;;
    types) command slipring show --json ${2:+--store "$2"} 2>/dev/null | grep -oE '"name":"[^"\\]+","type":"[^"\\]+"' | cut -d'"' -f8 ;;
    esac | sort -u
}

# Never by compgen -W, which would evaluate what somebody called a primitive.
_slipring_offer() # names|types|stores STORE
{
    local one
    while IFS= read -r one; do
        if [[ $one == "$cur"* ]] || [[ $(printf %q "$one") == "$cur"* ]]; then
            COMPREPLY+=("$(printf %q "$one")")
        fi
    done < <(_slipring_ask "$@")
}

_slipring_value() # COMMAND OPTION STORE; 1: it takes none
{
    case "$1 $2" in
@values@    *) return 1 ;;
    esac
}

_slipring()
{
    local cur prev words cword split
    _init_completion -s || return
    local command= store= place=0 at ended= word first=
    for ((at = 1; at < cword; at++)); do
        word=${words[at]}
        if [[ ! $ended && $word == -?* ]]; then
            case $word in
            --) ended=1 ;;
            --store=*) store=${word#*=} ;;
            --*=*) ;;
            @takers@)
                ((++at))
                [[ $word == -s || $word == --store ]] && store=${words[at]}
                ;;
            esac
        elif [[ ! $command ]]; then
            command=$word
        elif [[ $command == slo && $place == 0 && ( $word == explain || $word == check ) ]]; then
            command="slo $word"
        else
            ((++place))
            [[ $command == exec && $place == 1 ]] && ended=1 first=$((at + 1))
        fi
    done
    if [[ $first && $cword -ge $first ]]; then
        [[ ${words[first]} == -- ]] && ((++first))
        [[ $cword -ge $first ]] && _command_offset "$first"
        return
    fi
    if [[ $prev == -* && ! $ended ]] && _slipring_value "$command" "$prev" "$store"; then
        return
    fi
    $split && return
    if [[ $cur == -* && ! $ended ]]; then
        case $command in
@options@        esac
        return
    fi
    case $command in
    '') COMPREPLY=($(compgen -W '@commands@ help' -- "$cur")) ;;
    help) ((place == 0)) && COMPREPLY=($(compgen -W '@commands@' -- "$cur")) ;;
@words@    esac
    return 0
} && complete -F _slipring slipring
"""
BASH_SLIPRINGD = r"""# bash completion for slipringd
_slipringd()
{
    local cur prev words cword split
    _init_completion -s || return
    case $prev in
@values@    esac
    $split && return
    COMPREPLY=($(compgen -W '@options@' -- "$cur"))
} && complete -F _slipringd slipringd
"""


def bash_value(value, store="$3"):
    if isinstance(value, list):
        return f"""COMPREPLY=($(compgen -W '{" ".join(value)}' -- "$cur"))"""
    return {"": ":", "files": "_filedir", "folders": "_filedir -d"}.get(value, f'_slipring_offer {value} "{store}"')


def bash(commands, agent):
    values = options = words = ""
    takers = set()
    for one in commands:
        for option in one.options:
            if option.value:
                takers |= {option.name, option.letter} - {""}
                names = "|".join(f"'{one.name} {name}'" for name in (option.letter, option.name) if name)
                values += f"    {names}) {bash_value(value_of(one.name, option))} ;;\n"
        if one.name:
            options += f"""        '{one.name}') COMPREPLY=($(compgen -W '{" ".join(o.name for o in one.options)}' -- "$cur")) ;;\n"""
        if one.name and one.words in ("names", "stores", "command"):
            limit = "" if one.many and one.words != "command" else "((place == 0)) && "
            more = """COMPREPLY=($(compgen -W 'explain check' -- "$cur")); """ if one.name == "slo" else ""
            words += f"""    '{one.name}') {more}{limit}_slipring_offer {"stores" if one.words == "stores" else "names"} "$store" ;;\n"""
        elif one.words == "files":
            words += f"    '{one.name}') _filedir ;;\n"
    own = next(one for one in commands if not one.name)
    options += f"""        *) COMPREPLY=($(compgen -W '{" ".join(o.name for o in own.options)}' -- "$cur")) ;;\n"""
    top = " ".join(one.name for one in commands if one.name and " " not in one.name)
    text = BASH_SLIPRING
    for key, put in (("values", values), ("options", options), ("words", words), ("commands", top), ("takers", " | ".join(sorted(takers)))):
        text = text.replace(f"@{key}@", put)
    of_agent = "".join(f"    {option.name}) {bash_value(value_of('slipringd', option) if option.name != '--store' else '')}; return ;;\n"
                       for option in agent.options if option.value)
    return text, BASH_SLIPRINGD.replace("@values@", of_agent).replace("@options@", " ".join(o.name for o in agent.options))


# --- zsh --------------------------------------------------------------------------------------------------------------------

ZSH_SLIPRING = r"""#compdef slipring
_slipring_store() {
    local at
    for ((at = 1; at < $#words; at++)); do
        case $words[at] in
        (--store=*) print -r -- "${words[at]#*=}" ;;
        (-s | --store) print -r -- "${words[at + 1]}" ;;
        esac
    done
}
_slipring_ask() {
    local store=$(_slipring_store)
    case $1 in
    (stores) command slipring ls --json 2>/dev/null | grep -oE '"(name|store)":"[A-Za-z0-9_.-]+"' | cut -d'"' -f4 ;;
    (names) command slipring show --json ${store:+--store=$store} 2>/dev/null | grep -oE '"name":"[^"\\]+","type":"' | cut -d'"' -f4 ;;
    (types) command slipring show --json ${store:+--store=$store} 2>/dev/null | grep -oE '"name":"[^"\\]+","type":"[^"\\]+"' | cut -d'"' -f8 ;;
    esac | sort -u
}
_slipring_offer() {
    local -a found
    found=("${(@f)$(_slipring_ask $1)}")
    found=(${found:#})
    compadd -a found
}
_slipring_commands() {
    local -a commands
    commands=(
@commands@    )
    _describe command commands
}
_slipring() {
    local context state state_descr line ret=1
    typeset -A opt_args
    _arguments -C -s -S @common@ '1:command:_slipring_commands' '*::argument:->argument' && ret=0
    [[ $state == argument ]] || return ret
    if [[ $words[1] == slo && $words[2] == (explain|check) ]] && ((CURRENT > 2)); then
        words=("slo $words[2]" $words[3,-1])
        ((CURRENT--))
    fi
    case $words[1] in
    (help) _arguments '1:command:_slipring_commands' && ret=0 ;;
@each@    esac
    return ret
}
_slipring "$@"
"""


def zsh_quote(text):
    return "'" + text.replace("'", "'\\''") + "'"


def zsh_value(value):
    if isinstance(value, list):
        return f"({' '.join(value)})"
    return {"": " ", "files": "_files", "folders": "_files -/"}.get(value, f" _slipring_offer {value}")


def zsh_option(command, option):
    text = re.sub(r"([\[\]:])", r"\\\1", short(option.text))
    tail = f":{option.value.rstrip('.,').replace(':', ' ').lower()}:{zsh_value(value_of(command, option))}" if option.value else ""
    equals = "=" if option.value else ""
    if option.letter:
        plus = "+" if option.value else ""
        return f"'({option.letter} {option.name})'{{{option.letter}{plus},{option.name}{equals}}}" + zsh_quote(f"[{text}]{tail}")
    return zsh_quote(f"{option.name}{equals}[{text}]{tail}")


def zsh_words(one):
    if one.name == "slo":
        return "'*:name:{ compadd explain check; _slipring_offer names }'"
    if one.words == "command":
        return "'1:name: _slipring_offer names' '*::command:_normal'"
    if one.words == "files":
        return "'*:file:_files'"
    if one.words:
        return f"'{'*' if one.many else '1'}:{one.words}: _slipring_offer {one.words}'"
    return ""


def zsh(commands, agent):
    listed = "".join("        " + zsh_quote(one.name + ":" + one.summary) + "\n" for one in commands if one.name and " " not in one.name)
    each = "".join(f"    ({re.sub(' ', chr(92) + ' ', one.name)}) _arguments -s -S {' '.join(zsh_option(one.name, o) for o in one.options)} {zsh_words(one)} && ret=0 ;;\n"
                   for one in commands if one.name)
    own = next(one for one in commands if not one.name)
    text = ZSH_SLIPRING.replace("@commands@", listed + "        'help:a page of the manual'\n").replace("@each@", each)
    text = text.replace("@common@", " ".join(zsh_option("", o) for o in own.options))
    return text, "#compdef slipringd\n_arguments " + " \\\n    ".join(zsh_option("slipringd", o) for o in agent.options if o.name != "--store") \
        + " \\\n    '--store=[The store to serve]:name: '\n"


# --- fish -------------------------------------------------------------------------------------------------------------------

FISH_SLIPRING = r"""# fish completion for slipring
function __slipring_words # the command, then its arguments, without options
    set -l tokens (commandline -opc)
    set -e tokens[1]
    set -l skip 0
    set -l found
    for token in $tokens
        if test $skip = 1
            set skip 0
        else if contains -- $token @takers@
            set skip 1
        else if not string match -q -- '-*' $token
            set -a found $token
        end
    end
    if test (count $found) -ge 2; and test "$found[1]" = slo; and contains -- $found[2] explain check
        set found "slo $found[2]" $found[3..-1]
    end
    string join \n -- $found
end
function __slipring_is # COMMAND
    set -l found (__slipring_words)
    test "$found[1]" = "$argv[1]"
end
function __slipring_place # COMMAND ARGUMENTS: so many stand before the cursor
    set -l found (__slipring_words)
    test "$found[1]" = "$argv[1]"; and test (count $found) -eq (math $argv[2] + 1)
end
function __slipring_store
    set -l tokens (commandline -opc)
    for at in (seq (count $tokens))
        switch $tokens[$at]
            case '--store=*'
                printf '%s\n' --store (string replace -- '--store=' '' $tokens[$at])
            case -s --store
                printf '%s\n' --store $tokens[(math $at + 1)]
        end
    end
end
function __slipring_ask
    switch $argv[1]
        case stores
            command slipring ls --json 2>/dev/null | string match -ra '"(?:name|store)":"[A-Za-z0-9_.-]+"' | cut -d'"' -f4
        case names
            command slipring show --json (__slipring_store) 2>/dev/null | string match -ra '"name":"[^"\\\\]+","type":"' | cut -d'"' -f4
        case types
            command slipring show --json (__slipring_store) 2>/dev/null | string match -ra '"name":"[^"\\\\]+","type":"[^"\\\\]+"' | cut -d'"' -f8
    end | sort -u
end
complete -c slipring -f
"""


def fish_quote(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fish_option(program, command, option, condition):
    line = f"complete -c {program}{condition} -l {option.name[2:]}" + (f" -s {option.letter[1:]}" if option.letter else "")
    if option.value:
        value = value_of(command, option) if program == "slipring" or option.name != "--store" else ""
        if isinstance(value, list):
            line += f" -x -a {fish_quote(' '.join(value))}"
        else:
            line += {"": " -x", "files": " -r -F", "folders": " -x -a '(__fish_complete_directories)'"}.get(value, f" -x -a '(__slipring_ask {value})'")
    return line + f" -d {fish_quote(short(option.text))}\n"


def fish(commands, agent):
    takers = sorted({name for one in commands for o in one.options if o.value for name in (o.name, o.letter) if name})
    text = FISH_SLIPRING.replace("@takers@", " ".join(takers))
    for one in commands:
        if one.name and " " not in one.name:
            text += f"complete -c slipring -n 'test -z (__slipring_words | string collect)' -a {one.name} -d {fish_quote(short(one.summary))}\n"
            text += f"complete -c slipring -n '__slipring_place help 0' -a {one.name} -d {fish_quote(short(one.summary))}\n"
    text += "complete -c slipring -n 'test -z (__slipring_words | string collect)' -a help -d 'a page of the manual'\n"
    text += "complete -c slipring -n '__slipring_place slo 0' -a 'explain check'\n"
    for one in commands:
        condition = f" -n {fish_quote(f'__slipring_is {chr(34)}{one.name}{chr(34)}')}" if one.name else " -n 'test -z (__slipring_words | string collect)'"
        text += "".join(fish_option("slipring", one.name, option, condition) for option in one.options)
        first = f'__slipring_place "{one.name}" 0' if not one.many or one.words == "command" else f'__slipring_is "{one.name}"'
        if one.name and one.words == "files":
            text += f"complete -c slipring -n {fish_quote(first)} -F\n"
        elif one.name and one.words:
            text += f"complete -c slipring -n {fish_quote(first)} -a '(__slipring_ask {'stores' if one.words == 'stores' else 'names'})'\n"
    text += "complete -c slipring -n '__slipring_is exec; and not __slipring_place exec 0' -a '(__fish_complete_subcommand --fcs-skip=3)'\n"
    return text, "# fish completion for slipringd\ncomplete -c slipringd -f\n" + "".join(
        fish_option("slipringd", "slipringd", o, "") for o in agent.options)


# --- all of them ------------------------------------------------------------------------------------------------------------

def main():
    parser = argparse.ArgumentParser()
    for name in ("--slipring", "--slipringd", "--out"):
        parser.add_argument(name, required=True)
    given = parser.parse_args()
    commands = [Command(name, page) for name, page in programs.commands(given.slipring).items()]
    overview = Command("", programs.said(given.slipring, "help"))
    agent = Command("slipringd", programs.said(given.slipringd, "--help"), "slipringd")
    for make, places in ((bash, ("bash-completion/completions/slipring", "bash-completion/completions/slipringd")),
                         (zsh, ("zsh/site-functions/_slipring", "zsh/site-functions/_slipringd")),
                         (fish, ("fish/vendor_completions.d/slipring.fish", "fish/vendor_completions.d/slipringd.fish"))):
        for place, text in zip(places, make([overview] + commands, agent)):
            path = os.path.join(given.out, place)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as out:
                out.write(text)


if __name__ == "__main__":
    main()
