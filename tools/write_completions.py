"""Write the completions of bash, zsh and fish below share/ from the help texts; run it after changing a verb.

They know verbs, options and the few values that options take, and start no Python: a key press is not the
time for that.
"""

from __future__ import annotations

from pathlib import Path

from verb_tree import Option, Verb, read_verbs

SHARE = Path(__file__).resolve().parent.parent / "share"
BASH = "bash-completion/completions/aoftool"
ZSH = "zsh/site-functions/_aoftool"
FISH = "fish/vendor_completions.d/aoftool.fish"
_MADE = "# Made by tools/write_completions.py from the help texts of the verbs."


def completions() -> dict[str, str]:
    """Return the text of every file by its path below share/."""
    verbs = read_verbs()
    return {BASH: _bash(verbs), ZSH: _zsh(verbs), FISH: _fish(verbs)}


def _quoted(text: str) -> str:
    """Return text as one word of a shell."""
    return "'" + text.replace("'", "'\\''") + "'"


def _short(text: str) -> str:
    """Return the first sentence of a help text, on one line."""
    sentence = text.partition(". ")[0].rstrip(".")
    return " ".join(sentence.split())


def _bash(verbs: list[Verb]) -> str:
    lines = [
        _MADE,
        "_aoftool() {",
        "  local cur prev verb word options",
        '  cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb=""',
        '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
        "    case $word in -*) ;; *) verb=$word; break ;; esac",
        "  done",
        "  COMPREPLY=()",
        '  case "$verb $prev" in',
    ]
    for verb in verbs:
        for option in verb.options:
            lines += _bash_value(verb, option)
    names = " ".join(["help", *(verb.name for verb in verbs)])
    lines += [
        "  esac",
        '  case "$verb" in',
        f"    \"\") options='{names} --help --version' ;;",
        f"    help) options='{names}' ;;",
    ]
    for verb in verbs:
        spelled = " ".join(name for option in verb.options for name in option.names)
        lines.append(f"    {verb.name}) options='{spelled}' ;;")
    lines += [
        "    *) options='' ;;",
        "  esac",
        "  if [[ $cur == -* || -z $verb || $verb == help ]]; then",
        '    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")',
        "  else",
        '    compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur")',
        "  fi",
        "}",
        "complete -F _aoftool aoftool",
    ]
    return "\n".join(lines) + "\n"


def _bash_value(verb: Verb, option: Option) -> list[str]:
    """Return what completes the value of an option; nothing for a flag."""
    if not option.metavar:
        return []
    pattern = "|".join(f'"{verb.name} {name}"' for name in option.names)
    if option.choices:
        words = " ".join(option.choices)
        done = f"mapfile -t COMPREPLY < <(compgen -W '{words}' -- \"$cur\")"
    elif option.takes_path:
        done = 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur")'
    else:
        done = ":"
    return [f"    {pattern}) {done}; return ;;"]


def _zsh(verbs: list[Verb]) -> str:
    lines = ["#compdef aoftool", _MADE, "_aoftool() {", "  local line state", "  local -a verbs=("]
    lines += [f"    {_quoted(verb.name + ':' + _zsh_text(verb.summary))}" for verb in verbs]
    lines += [
        "    'help:Show the help of a verb.'",
        "  )",
        "  _arguments -C '(-h --help)'{-h,--help}'[Show help]' '--version[Show versions]' \\",
        "    '1: :->verb' '*:: :->rest'",
        "  case $state in",
        "    verb) _describe -t verbs verb verbs ;;",
        "    rest)",
        "      case $line[1] in",
        "        help) _describe -t verbs verb verbs ;;",
    ]
    for verb in verbs:
        lines.append(f"        {verb.name})")
        lines.append("          _arguments -s -S \\")
        lines += [f"            {word} \\" for option in verb.options for word in _zsh_option(option)]
        lines += [f"            {_zsh_arguments(verb)}", "          ;;"]
    lines += ["      esac", "      ;;", "  esac", "}", '_aoftool "$@"']
    return "\n".join(lines) + "\n"


def _zsh_text(text: str) -> str:
    """Return text for a specification, where brackets, colons and backslashes mean something."""
    found = _short(text)
    for sign in "\\[]:":
        found = found.replace(sign, "\\" + sign)
    return found


def _zsh_option(option: Option) -> list[str]:
    value = ""
    if option.metavar:
        name = option.metavar.partition("|")[0].partition(":")[0].strip("<>").lower() or "value"
        action = f"({' '.join(option.choices)})" if option.choices else "_files" if option.takes_path else " "
        value = f":{name}:{action}"
    star = "*" if option.repeats else ""
    others = "" if option.repeats or len(option.names) == 1 else f"({' '.join(option.names)})"
    text = _zsh_text(option.help)
    return [_quoted(f"{others}{star}{name}[{text}]{value}") for name in option.names]


def _zsh_arguments(verb: Verb) -> str:
    found = []
    for number, item in enumerate(verb.arguments, 1):
        place = "*" if item.repeats else str(number)
        mark = "::" if not item.required else ":"
        if item.repeats:
            mark = ":"
        found.append(_quoted(f"{place}{mark}{item.name.lower()}:{'_files' if item.takes_path else ' '}"))
    return " ".join(found) or ":"


def _fish(verbs: list[Verb]) -> str:
    first = "complete -c aoftool -f -n __fish_use_subcommand"
    lines = [_MADE, f"{first} -a help -d 'Show the help of a verb'"]
    lines += [f"{first} -a {verb.name} -d {_quoted_fish(_short(verb.summary))}" for verb in verbs]
    lines.append(f"{first} -l version -d 'Show versions'")
    names = " ".join(verb.name for verb in verbs)
    lines.append(f"complete -c aoftool -f -n '__fish_seen_subcommand_from help' -a '{names}'")
    for verb in verbs:
        lines += [_fish_option(verb, option) for option in verb.options]
    return "\n".join(lines) + "\n"


def _quoted_fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _fish_option(verb: Verb, option: Option) -> str:
    words = [f"complete -c aoftool -n '__fish_seen_subcommand_from {verb.name}'"]
    words += [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names]
    if option.choices:
        words.append(f"-x -a '{' '.join(option.choices)}'")
    elif option.metavar:
        words.append("-r" if option.takes_path else "-x")
    words.append(f"-d {_quoted_fish(_short(option.help))}")
    return " ".join(words)


def write() -> None:
    """Write the files."""
    for name, text in completions().items():
        path = SHARE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
