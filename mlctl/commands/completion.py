"""``mlctl completion``: what makes a shell complete mlctl's command lines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from mlctl import render
from mlctl.errors import MlctlError, UsageError

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_BASH = r"""# Completion of mlctl for bash.
_mlctl() {
    local IFS=$'\n' mode word=${COMP_WORDS[COMP_CWORD]}
    local -a found
    mapfile -t found < <("${COMP_WORDS[0]}" __complete bash "${COMP_LINE:0:COMP_POINT}" "$word" "$COMP_TYPE" 2>/dev/null)
    mode=${found[0]}
    COMPREPLY=()
    case $mode in
        words) compopt -o nospace; COMPREPLY=("${found[@]:1}") ;;
        files) compopt -o filenames; COMPREPLY=($(compgen -f -- "$word")) ;;
        folders) compopt -o filenames; COMPREPLY=($(compgen -d -- "$word")) ;;
    esac
}
complete -o nosort -F _mlctl mlctl
"""
_ZSH = r"""#compdef mlctl
# Completion of mlctl for zsh.
_mlctl() {
    local -a found values shown open_values open_shown
    local line value text
    found=("${(@f)$("${(Q)words[1]}" __complete zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    case $found[1] in
        files) _files; return ;;
        folders) _files -/; return ;;
    esac
    for line in "${(@)found[2,-1]}"; do
        value=${line%%$'\t'*} text=${line#*$'\t'}
        if [[ $value == *[=/] ]]; then
            open_values+=("$value") open_shown+=("$value${text:+  -- $text}")
        else
            values+=("$value") shown+=("$value${text:+  -- $text}")
        fi
    done
    (( $#values )) && compadd -V mlctl -l -d shown -- "${(@)values}"
    (( $#open_values )) && compadd -V mlctl-open -S '' -l -d open_shown -- "${(@)open_values}"
}
if [[ $funcstack[1] == _mlctl ]]; then _mlctl "$@"; else compdef _mlctl mlctl; fi
"""
_FISH = r"""# Completion of mlctl for fish.
function __mlctl_complete
    set -l words (commandline -opc)
    set -l found ($words[1] __complete fish $words[2..-1] (commandline -ct) 2>/dev/null)
    switch "$found[1]"
        case files
            __fish_complete_path (commandline -ct)
        case folders
            __fish_complete_directories (commandline -ct) ''
        case words
            printf '%s\n' $found[2..-1]
    end
end
complete --command mlctl --no-files --keep-order --arguments '(__mlctl_complete)'
"""
SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


@app.command("completion")
def completion(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
    install: Annotated[bool, typer.Option("--install", help="Put it where the shell looks for completions.")] = False,
) -> render.Result:
    """Print the script that makes a shell complete commands, options, run ids, experiments, entry points and parameters.

    For one session: source <(mlctl completion bash). --install makes it last.
    """
    if shell not in SCRIPTS:
        raise UsageError(f"There is no completion for {shell!r}.", hint=f"Shells: {', '.join(SCRIPTS)}.")
    if not install:
        return render.Result({"shell": shell, "script": SCRIPTS[shell]}, text=SCRIPTS[shell].rstrip("\n"))
    path, then = _place(shell)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SCRIPTS[shell], "utf-8")
    except OSError as error:
        raise MlctlError(f"{path} cannot be written: {error.strerror}.", hint=f"`mlctl completion {shell}` prints the script.") from None
    return render.Result({"shell": shell, "file": str(path)}, text=str(path), ids=[str(path)], notes=[then])


def _place(shell: str) -> tuple[Path, str]:
    """Where a shell looks, and what is to be done for it to look there."""
    home = Path.home()
    if shell == "bash":
        data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
        path = data / "bash-completion" / "completions" / "mlctl"
        return path, f"the bash-completion package loads it in new shells; without that package add to ~/.bashrc: source '{path}'"
    if shell == "zsh":
        folder = home / ".zfunc"
        return folder / "_mlctl", f"add to ~/.zshrc, before compinit: fpath=('{folder}' $fpath)"
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    return config / "fish" / "completions" / "mlctl.fish", "new shells have it"
