# bash completion of acache, as `acache completion bash` prints it.

# Set `kind` to what completes the value of an option of a command, its options (-), its first
# argument, or `more` arguments.
_acache_kind() {
    case "$1 $2" in
        ' -' |\
        'completion -')
            kind='words --cache-dir --env-prefix --python --version --help' ;;
        ' ')
            kind='words stats ls show find browse report clear prune compress copy bench run why simulate doctor verify config completion' ;;
        ' --cache-dir' |\
        'stats --cache-dir' |\
        'ls --cache-dir' |\
        'show --cache-dir' |\
        'find --cache-dir' |\
        'browse --cache-dir' |\
        'report --cache-dir' |\
        'clear --cache-dir' |\
        'prune --cache-dir' |\
        'compress --cache-dir' |\
        'copy --cache-dir' |\
        'bench --cache-dir' |\
        'run --cache-dir' |\
        'why --cache-dir' |\
        'simulate --cache-dir' |\
        'doctor --cache-dir' |\
        'verify --cache-dir' |\
        'config --cache-dir' |\
        'completion --cache-dir')
            kind='folders' ;;
        ' --env-prefix' |\
        'stats --older-than' |\
        'stats --unused-for' |\
        'stats --larger-than' |\
        'stats --smaller-than' |\
        'stats --arg' |\
        'stats --top' |\
        'stats --since' |\
        'stats --workers' |\
        'stats --scheduler' |\
        'stats --env-prefix' |\
        'ls --older-than' |\
        'ls --unused-for' |\
        'ls --larger-than' |\
        'ls --smaller-than' |\
        'ls --arg' |\
        'ls --limit' |\
        'ls --env-prefix' |\
        'show --env-prefix' |\
        'find ' |\
        'find more' |\
        'find --env-prefix' |\
        'browse --older-than' |\
        'browse --unused-for' |\
        'browse --larger-than' |\
        'browse --smaller-than' |\
        'browse --arg' |\
        'browse --env-prefix' |\
        'report --older-than' |\
        'report --unused-for' |\
        'report --larger-than' |\
        'report --smaller-than' |\
        'report --arg' |\
        'report --env-prefix' |\
        'clear --older-than' |\
        'clear --unused-for' |\
        'clear --larger-than' |\
        'clear --smaller-than' |\
        'clear --arg' |\
        'clear --grace' |\
        'clear --env-prefix' |\
        'prune --max-size' |\
        'prune --max-items' |\
        'prune --max-age' |\
        'prune --min-free' |\
        'prune --half-life' |\
        'prune --env-prefix' |\
        'compress --older-than' |\
        'compress --unused-for' |\
        'compress --larger-than' |\
        'compress --smaller-than' |\
        'compress --arg' |\
        'compress --compression-level' |\
        'compress --workers' |\
        'compress --scheduler' |\
        'compress --env-prefix' |\
        'copy --older-than' |\
        'copy --unused-for' |\
        'copy --larger-than' |\
        'copy --smaller-than' |\
        'copy --arg' |\
        'copy --allow' |\
        'copy --workers' |\
        'copy --scheduler' |\
        'copy --env-prefix' |\
        'bench --engine' |\
        'bench --runs' |\
        'bench --warmup' |\
        'bench --time-limit' |\
        'bench --fail-under' |\
        'bench --fail-slower' |\
        'bench --env-prefix' |\
        'run --env-prefix' |\
        'why ' |\
        'why more' |\
        'why --since' |\
        'why --limit' |\
        'why --env-prefix' |\
        'simulate --since' |\
        'simulate --sizes' |\
        'simulate --policy' |\
        'simulate --env-prefix' |\
        'doctor --env-prefix' |\
        'verify --older-than' |\
        'verify --unused-for' |\
        'verify --larger-than' |\
        'verify --smaller-than' |\
        'verify --arg' |\
        'verify --allow' |\
        'verify --workers' |\
        'verify --scheduler' |\
        'verify --env-prefix' |\
        'config --env-prefix' |\
        'completion --env-prefix')
            kind='anything' ;;
        ' --python' |\
        'stats --python' |\
        'ls --python' |\
        'show --python' |\
        'find --python' |\
        'browse --python' |\
        'report --output' |\
        'report -o' |\
        'report --python' |\
        'clear --python' |\
        'prune --python' |\
        'compress --python' |\
        'copy ' |\
        'copy more' |\
        'copy --python' |\
        'bench --compare' |\
        'bench --export-json' |\
        'bench --export-markdown' |\
        'bench --plot' |\
        'bench --python' |\
        'run --export-json' |\
        'run --python' |\
        'why --python' |\
        'simulate --plot' |\
        'simulate --python' |\
        'doctor --python' |\
        'verify --python' |\
        'config --python' |\
        'completion --python')
            kind='files' ;;
        'stats -')
            kind='words --level --function --older-than --unused-for --larger-than --smaller-than --arg --stale --by --top --sort --no-cost --calls --since --workers --scheduler --json --cache-dir --env-prefix --python --version --help' ;;
        'stats ' |\
        'stats more' |\
        'ls ' |\
        'ls more' |\
        'browse ' |\
        'browse more' |\
        'report ' |\
        'report more' |\
        'clear ' |\
        'clear more' |\
        'compress ' |\
        'compress more' |\
        'verify ' |\
        'verify more')
            kind='entries' ;;
        'stats --level' |\
        'ls --level' |\
        'browse --level' |\
        'report --level' |\
        'clear --level' |\
        'compress --level' |\
        'copy --level' |\
        'verify --level')
            kind='levels' ;;
        'stats --function' |\
        'ls --function' |\
        'browse --function' |\
        'report --function' |\
        'clear --function' |\
        'compress --function' |\
        'copy --function' |\
        'verify --function')
            kind='functions' ;;
        'stats --by')
            kind='words level function module' ;;
        'stats --sort')
            kind='words size disk entries time name' ;;
        'ls -')
            kind='words --level --function --older-than --unused-for --larger-than --smaller-than --arg --stale --sort --reverse --limit --args --quiet --json --jsonl --csv --cache-dir --env-prefix --python --version --help' ;;
        'ls --sort')
            kind='words name size disk created used time' ;;
        'show -' |\
        'doctor -' |\
        'config -')
            kind='words --json --cache-dir --env-prefix --python --version --help' ;;
        'show ')
            kind='entry-or-function' ;;
        'find -')
            kind='words --no-size --cross --json --cache-dir --env-prefix --python --version --help' ;;
        'browse -')
            kind='words --level --function --older-than --unused-for --larger-than --smaller-than --arg --stale --cache-dir --env-prefix --python --version --help' ;;
        'report -')
            kind='words --level --function --older-than --unused-for --larger-than --smaller-than --arg --stale --output --open --no-verify --json --cache-dir --env-prefix --python --version --help' ;;
        'clear -')
            kind='words --level --function --older-than --unused-for --larger-than --smaller-than --arg --stale --all --leftovers --grace --dry-run --yes --quiet --json --cache-dir --env-prefix --python --version --help' ;;
        'prune -')
            kind='words --max-size --max-items --max-age --min-free --policy --half-life --apparent-size --dry-run --yes --quiet --json --cache-dir --env-prefix --python --version --help' ;;
        'prune --policy')
            kind='words lru oldest largest cost' ;;
        'compress -')
            kind='words --level --function --older-than --unused-for --larger-than --smaller-than --arg --stale --all --method --compression-level --workers --scheduler --dry-run --quiet --json --cache-dir --env-prefix --python --version --help' ;;
        'compress --method')
            kind='words zlib gzip bz2 lzma xz lz4 none' ;;
        'copy -')
            kind='words --level --function --older-than --unused-for --larger-than --smaller-than --arg --stale --overwrite --allow --allow-unsafe --layout --workers --scheduler --dry-run --quiet --json --cache-dir --env-prefix --python --version --help' ;;
        'copy --layout')
            kind='words flat split' ;;
        'bench -')
            kind='words --levels --engine --runs --warmup --time-limit --fail-under --compare --fail-slower --export-json --export-markdown --plot --show-output --json --cache-dir --env-prefix --python --version --help' ;;
        'bench ' |\
        'bench more' |\
        'run ' |\
        'run more')
            kind='command' ;;
        'bench --levels')
            kind='level-list' ;;
        'run -')
            kind='words --level --engine --why --export-json --cache-dir --env-prefix --python --version --help' ;;
        'run --level')
            kind='level' ;;
        'run --engine')
            kind='words fast joblib' ;;
        'why -')
            kind='words --since --limit --all --json --cache-dir --env-prefix --python --version --help' ;;
        'simulate -')
            kind='words --since --sizes --policy --plot --json --cache-dir --env-prefix --python --version --help' ;;
        'verify -')
            kind='words --level --function --older-than --unused-for --larger-than --smaller-than --arg --stale --delete --delete-unsafe --allow --strict --workers --scheduler --dry-run --yes --quiet --json --cache-dir --env-prefix --python --version --help' ;;
        'completion ')
            kind='words bash zsh fish' ;;
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
