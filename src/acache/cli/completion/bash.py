"""The script for bash.

bash splits words at ``=`` and ``:``, passes them with their quotes, and inserts words unquoted. So
the script joins the line again, and acache quotes what it offers.
"""

from __future__ import annotations

from acache.cli.completion.grammar import WORDS, Command, Grammar, Value

_SCRIPT = r"""# bash completion of acache, as `acache completion bash` prints it.

# Set `kind` to what completes the value of an option of a command, its options (-), its first
# argument, or `more` arguments.
_acache_kind() {
    case "$1 $2" in
CASES
        *) kind='' && return 1 ;;
    esac
}

# Split the line up to the cursor into words as they were typed; bash splits at = and : too.
_acache_split() {
    local part rest=${COMP_LINE:0:COMP_POINT}
    words=()
    for part in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        if [[ ${#words[@]} -eq 0 || $rest == [[:space:]]* ]]; then
            words+=('')
            rest=${rest#"${rest%%[![:space:]]*}"}
        fi
        [[ $rest == "$part"* ]] || part=$rest
        words[${#words[@]} - 1]+=$part
        rest=${rest#"$part"}
    done
}

# Ask acache, which quotes what it offers; its first line says whether a space follows.
_acache_ask() {
    local program=${words[0]} line
    [[ $program != \~/* ]] || program=$HOME/${program#\~/}
    program=$(type -P -- "$program" || type -P acache) || return 0
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <("$program" completion --offer bash "$kind" "$cur" "${words[@]:1:last-1}" \
        2>/dev/null </dev/null)
    [[ ${COMPREPLY[0]-} != nospace ]] || compopt -o nospace
    COMPREPLY=("${COMPREPLY[@]:1}")
}

_acache() {
    local IFS=$' \t\n' words kind='' command='' option='' operands='' place='' prefix='' i word
    COMPREPLY=()
    _acache_split
    local last=$((${#words[@]} - 1))
    local cur=${words[last]}
    for ((i = 1; i < last; i++)); do
        word=${words[i]}
        if [[ $option ]]; then
            option=''
        elif [[ ! $operands && $word == -- ]]; then
            operands=1
        elif [[ ! $operands && $word == -* ]]; then
            [[ $word != *=* ]] && _acache_kind "$command" "$word" && option=$word
        elif [[ ! $command ]]; then
            command=$word
        else
            _acache_kind "$command" ''
            [[ $kind != command ]] || operands=1
            place=more
        fi
    done
    if [[ $option ]]; then
        _acache_kind "$command" "$option"
    elif [[ ! $operands && $cur == --*=* ]]; then
        option=${cur%%=*} cur=${cur#*=}
        _acache_kind "$command" "$option"
        [[ $COMP_WORDBREAKS == *=* ]] || prefix=$option=
    elif [[ ! $operands && $cur == -* ]]; then
        _acache_kind "$command" -
    else
        _acache_kind "$command" "$place"
    fi
    case $kind in
        '' | anything) ;;
        files | command) compopt -o default ;;
        folders) compopt -o dirnames ;;
        words\ *)
            word=${cur#[\"\']}
            COMPREPLY=($(compgen -W "${kind#words }" -- "$word"))
            ;;
        *) _acache_ask ;;
    esac
    [[ ! $prefix ]] || COMPREPLY=("${COMPREPLY[@]/#/$prefix}")
} 2>/dev/null

complete -F _acache acache
"""


def script(grammar: Grammar) -> str:
    """Write the script."""
    places: dict[str, list[str]] = {}
    for command in grammar.all:
        for place, kind in _places(command):
            places.setdefault(kind, []).append(f"'{command.name} {place}'")
    cases = [
        f"        {_patterns(where)})\n            kind='{kind}' ;;"
        for kind, where in places.items()
    ]
    return _SCRIPT.replace("CASES", "\n".join(cases))


def _places(command: Command) -> list[tuple[str, str]]:
    """List what completes options, arguments, and the value of each option."""
    names = [name for option in command.options for name in option.names if len(name) > 2]
    found = [("-", f"{WORDS} {' '.join(names)}")]
    if command.argument is not None:
        places = ("", "more") if command.argument.many else ("",)
        found += [(place, _kind(command.argument)) for place in places]
    for option in command.options:
        if option.value is not None:
            found += [(name, _kind(option.value)) for name in option.names]
    return found


def _kind(value: Value) -> str:
    if value.kind == WORDS:
        return f"{WORDS} {' '.join(value.words)}"
    return value.kind


def _patterns(places: list[str]) -> str:
    return " |\\\n        ".join(places)
