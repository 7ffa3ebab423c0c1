# fish completion of acache, as `acache completion fish` prints it.

# Whether the word after an option of a command is its value.
function __acache_takes_value --argument-names command option
    switch "$command $option"
        case ' --cache-dir' \
            ' --env-prefix' \
            ' --python' \
            'stats --level' \
            'stats --function' \
            'stats --older-than' \
            'stats --unused-for' \
            'stats --larger-than' \
            'stats --smaller-than' \
            'stats --arg' \
            'stats --by' \
            'stats --top' \
            'stats --sort' \
            'stats --since' \
            'stats --workers' \
            'stats --scheduler' \
            'stats --cache-dir' \
            'stats --env-prefix' \
            'stats --python' \
            'ls --level' \
            'ls --function' \
            'ls --older-than' \
            'ls --unused-for' \
            'ls --larger-than' \
            'ls --smaller-than' \
            'ls --arg' \
            'ls --sort' \
            'ls --limit' \
            'ls --cache-dir' \
            'ls --env-prefix' \
            'ls --python' \
            'show --cache-dir' \
            'show --env-prefix' \
            'show --python' \
            'find --cache-dir' \
            'find --env-prefix' \
            'find --python' \
            'browse --level' \
            'browse --function' \
            'browse --older-than' \
            'browse --unused-for' \
            'browse --larger-than' \
            'browse --smaller-than' \
            'browse --arg' \
            'browse --cache-dir' \
            'browse --env-prefix' \
            'browse --python' \
            'report --level' \
            'report --function' \
            'report --older-than' \
            'report --unused-for' \
            'report --larger-than' \
            'report --smaller-than' \
            'report --arg' \
            'report --output' \
            'report -o' \
            'report --cache-dir' \
            'report --env-prefix' \
            'report --python' \
            'clear --level' \
            'clear --function' \
            'clear --older-than' \
            'clear --unused-for' \
            'clear --larger-than' \
            'clear --smaller-than' \
            'clear --arg' \
            'clear --grace' \
            'clear --cache-dir' \
            'clear --env-prefix' \
            'clear --python' \
            'prune --max-size' \
            'prune --max-items' \
            'prune --max-age' \
            'prune --min-free' \
            'prune --policy' \
            'prune --half-life' \
            'prune --cache-dir' \
            'prune --env-prefix' \
            'prune --python' \
            'compress --level' \
            'compress --function' \
            'compress --older-than' \
            'compress --unused-for' \
            'compress --larger-than' \
            'compress --smaller-than' \
            'compress --arg' \
            'compress --method' \
            'compress --compression-level' \
            'compress --workers' \
            'compress --scheduler' \
            'compress --cache-dir' \
            'compress --env-prefix' \
            'compress --python' \
            'copy --level' \
            'copy --function' \
            'copy --older-than' \
            'copy --unused-for' \
            'copy --larger-than' \
            'copy --smaller-than' \
            'copy --arg' \
            'copy --allow' \
            'copy --layout' \
            'copy --workers' \
            'copy --scheduler' \
            'copy --cache-dir' \
            'copy --env-prefix' \
            'copy --python' \
            'bench --levels' \
            'bench --engine' \
            'bench --runs' \
            'bench --warmup' \
            'bench --time-limit' \
            'bench --fail-under' \
            'bench --compare' \
            'bench --fail-slower' \
            'bench --export-json' \
            'bench --export-markdown' \
            'bench --plot' \
            'bench --cache-dir' \
            'bench --env-prefix' \
            'bench --python' \
            'run --level' \
            'run --engine' \
            'run --export-json' \
            'run --cache-dir' \
            'run --env-prefix' \
            'run --python' \
            'why --since' \
            'why --limit' \
            'why --cache-dir' \
            'why --env-prefix' \
            'why --python' \
            'simulate --since' \
            'simulate --sizes' \
            'simulate --policy' \
            'simulate --plot' \
            'simulate --cache-dir' \
            'simulate --env-prefix' \
            'simulate --python' \
            'doctor --cache-dir' \
            'doctor --env-prefix' \
            'doctor --python' \
            'verify --level' \
            'verify --function' \
            'verify --older-than' \
            'verify --unused-for' \
            'verify --larger-than' \
            'verify --smaller-than' \
            'verify --arg' \
            'verify --allow' \
            'verify --workers' \
            'verify --scheduler' \
            'verify --cache-dir' \
            'verify --env-prefix' \
            'verify --python' \
            'config --cache-dir' \
            'config --env-prefix' \
            'config --python' \
            'completion --cache-dir' \
            'completion --env-prefix' \
            'completion --python'
            return 0
    end
    return 1
end

# Whether the cursor is at the options and arguments of a command, or at its `first` argument;
# what comes after the script of `run` is at `run-`.
function __acache_at --argument-names place first
    set -l given no
    set -l command ''
    set -l value no
    set -l operands no
    for word in (commandline -opc)[2..]
        if test $value = yes
            set value no
        else if test $operands = no; and string match -q -- -- "$word"
            set operands yes
        else if test $operands = no; and string match -q -- '-*' "$word"
            __acache_takes_value "$command" "$word"; and set value yes
        else if test -z "$command"
            set command $word
        else if contains -- $command bench run
            set command $command-
            break
        else
            set given yes
        end
    end
    string match -q -- "$place" "$command"; and test -z "$first" -o $given = no
end

# What acache finds in the store; its first line is for other shells.
function __acache_ask --argument-names kind
    # fish asks for arguments even where an option has been begun.
    string match -qr -- '^-[^=]*$' (commandline -ct); and return
    set -l words (commandline -opc)
    set -l current (commandline -ct | string replace -r -- '^--[^=]*=' '')
    set -l plain (string unescape -- $current)
    or set plain (string replace -r -- '^["\']' '' $current)
    set -l program $words[1]
    command -q $program; or set program acache
    command -q $program; or return
    set -l offered (command $program completion --offer fish $kind "$plain" $words[2..] \
        2>/dev/null </dev/null)
    string join \n -- $offered[2..]
end

complete -c acache -f
complete -c acache -n '__acache_at ""' -l cache-dir -r -f -a '(__fish_complete_directories)' -d 'Location of the cache; instead of LIBROSA_CACHE_DIR.'
complete -c acache -n '__acache_at ""' -l env-prefix -r -f -a '' -d 'Read NAME_CACHE_DIR and so on.'
complete -c acache -n '__acache_at ""' -l python -r -F -d 'Python whose packages to use.'
complete -c acache -n '__acache_at ""' -l version -d 'Show the version and exit.'
complete -c acache -n '__acache_at ""' -l help -s h -d 'Show this message and exit.'
complete -c acache -n '__acache_at stats' -l level -r -f -a '(__acache_ask levels)' -d 'Level: 30, \'>=30\', 20-30, or none (unknown).'
complete -c acache -n '__acache_at stats' -l function -r -f -a '(__acache_ask functions)' -d 'Function: stft, \'librosa.core.*\', /whole/id.'
complete -c acache -n '__acache_at stats' -l older-than -r -f -a '' -d 'Written longer ago than AGE: 90s, 12h, 7d, 1d12h.'
complete -c acache -n '__acache_at stats' -l unused-for -r -f -a '' -d 'Last used longer ago than AGE; accurate to a day.'
complete -c acache -n '__acache_at stats' -l larger-than -r -f -a '' -d 'Larger than SIZE: 500, 10k, 5MB, 1.5GiB.'
complete -c acache -n '__acache_at stats' -l smaller-than -r -f -a '' -d 'Smaller than SIZE.'
complete -c acache -n '__acache_at stats' -l arg -r -f -a '' -d 'Called with this argument: n_fft=2048.'
complete -c acache -n '__acache_at stats' -l stale -d 'Only functions whose source has changed or is gone.'
complete -c acache -n '__acache_at stats' -l by -r -f -a 'level function module' -d 'Show only this table.'
complete -c acache -n '__acache_at stats' -l top -r -f -a '' -d 'Show only the first N functions or modules.'
complete -c acache -n '__acache_at stats' -l sort -r -f -a 'size disk entries time name' -d 'Order of the rows, the largest first; time is compute time.'
complete -c acache -n '__acache_at stats' -l no-cost -d 'Do not read compute times: faster.'
complete -c acache -n '__acache_at stats' -l calls -d 'Show logged calls, hits, and seconds saved, too.'
complete -c acache -n '__acache_at stats' -l since -r -f -a '' -d 'Only calls of the last: 90s, 12h, 7d, 1d12h.'
complete -c acache -n '__acache_at stats' -l workers -r -f -a '' -d 'Share the work among N processes on this machine.'
complete -c acache -n '__acache_at stats' -l scheduler -r -f -a '' -d 'Share the work among the workers of a Dask scheduler that see the same cache.'
complete -c acache -n '__acache_at stats' -l json -d 'Print one JSON document.'
complete -c acache -n '__acache_at stats' -l cache-dir -r -f -a '(__fish_complete_directories)' -d 'Location of the cache; instead of LIBROSA_CACHE_DIR.'
complete -c acache -n '__acache_at stats' -l env-prefix -r -f -a '' -d 'Read NAME_CACHE_DIR and so on.'
complete -c acache -n '__acache_at stats' -l python -r -F -d 'Python whose packages to use.'
complete -c acache -n '__acache_at stats' -l version -d 'Show the version and exit.'
complete -c acache -n '__acache_at stats' -l help -s h -d 'Show this message and exit.'
complete -c acache -n '__acache_at stats' -f -a '(__acache_ask entries)'
complete -c acache -n '__acache_at ls' -l level -r -f -a '(__acache_ask levels)' -d 'Level: 30, \'>=30\', 20-30, or none (unknown).'
complete -c acache -n '__acache_at ls' -l function -r -f -a '(__acache_ask functions)' -d 'Function: stft, \'librosa.core.*\', /whole/id.'
complete -c acache -n '__acache_at ls' -l older-than -r -f -a '' -d 'Written longer ago than AGE: 90s, 12h, 7d, 1d12h.'
complete -c acache -n '__acache_at ls' -l unused-for -r -f -a '' -d 'Last used longer ago than AGE; accurate to a day.'
complete -c acache -n '__acache_at ls' -l larger-than -r -f -a '' -d 'Larger than SIZE: 500, 10k, 5MB, 1.5GiB.'
complete -c acache -n '__acache_at ls' -l smaller-than -r -f -a '' -d 'Smaller than SIZE.'
complete -c acache -n '__acache_at ls' -l arg -r -f -a '' -d 'Called with this argument: n_fft=2048.'
complete -c acache -n '__acache_at ls' -l stale -d 'Only functions whose source has changed or is gone.'
complete -c acache -n '__acache_at ls' -l sort -r -f -a 'name size disk created used time' -d 'Largest, latest, longest first, or by name.'
complete -c acache -n '__acache_at ls' -l reverse -s r -d 'Reverse the order.'
complete -c acache -n '__acache_at ls' -l limit -r -f -a '' -d 'List the first N.'
complete -c acache -n '__acache_at ls' -l args -d 'Show the arguments of each call.'
complete -c acache -n '__acache_at ls' -l quiet -s q -d 'Print only the ids, in full.'
complete -c acache -n '__acache_at ls' -l json -d 'Print one JSON document.'
complete -c acache -n '__acache_at ls' -l jsonl -d 'Print one JSON document per line, as entries are found.'
complete -c acache -n '__acache_at ls' -l csv -d 'Print comma-separated values.'
complete -c acache -n '__acache_at ls' -l cache-dir -r -f -a '(__fish_complete_directories)' -d 'Location of the cache; instead of LIBROSA_CACHE_DIR.'
complete -c acache -n '__acache_at ls' -l env-prefix -r -f -a '' -d 'Read NAME_CACHE_DIR and so on.'
complete -c acache -n '__acache_at ls' -l python -r -F -d 'Python whose packages to use.'
complete -c acache -n '__acache_at ls' -l version -d 'Show the version and exit.'
complete -c acache -n '__acache_at ls' -l help -s h -d 'Show this message and exit.'
complete -c acache -n '__acache_at ls' -f -a '(__acache_ask entries)'
complete -c acache -n '__acache_at show' -l json -d 'Print one JSON document.'
complete -c acache -n '__acache_at show' -l cache-dir -r -f -a '(__fish_complete_directories)' -d 'Location of the cache; instead of LIBROSA_CACHE_DIR.'
complete -c acache -n '__acache_at show' -l env-prefix -r -f -a '' -d 'Read NAME_CACHE_DIR and so on.'
complete -c acache -n '__acache_at show' -l python -r -F -d 'Python whose packages to use.'
complete -c acache -n '__acache_at show' -l version -d 'Show the version and exit.'
complete -c acache -n '__acache_at show' -l help -s h -d 'Show this message and exit.'
complete -c acache -n '__acache_at show first' -f -a '(__acache_ask entry-or-function)'
complete -c acache -n '__acache_at find' -l no-size -d 'Print only paths, as they are found: faster.'
complete -c acache -n '__acache_at find' -l cross -d 'Search other file systems mounted below, too.'
complete -c acache -n '__acache_at find' -l json -d 'Print one JSON document.'
complete -c acache -n '__acache_at find' -l cache-dir -r -f -a '(__fish_complete_directories)' -d 'Location of the cache; instead of LIBROSA_CACHE_DIR.'
complete -c acache -n '__acache_at find' -l env-prefix -r -f -a '' -d 'Read NAME_CACHE_DIR and so on.'
complete -c acache -n '__acache_at find' -l python -r -F -d 'Python whose packages to use.'
complete -c acache -n '__acache_at find' -l version -d 'Show the version and exit.'
complete -c acache -n '__acache_at find' -l help -s h -d 'Show this message and exit.'
complete -c acache -n '__acache_at find' -f -a ''
complete -c acache -n '__acache_at browse' -l level -r -f -a '(__acache_ask levels)' -d 'Level: 30, \'>=30\', 20-30, or none (unknown).'
complete -c acache -n '__acache_at browse' -l function -r -f -a '(__acache_ask functions)' -d 'Function: stft, \'librosa.core.*\', /whole/id.'
complete -c acache -n '__acache_at browse' -l older-than -r -f -a '' -d 'Written longer ago than AGE: 90s, 12h, 7d, 1d12h.'
complete -c acache -n '__acache_at browse' -l unused-for -r -f -a '' -d 'Last used longer ago than AGE; accurate to a day.'
complete -c acache -n '__acache_at browse' -l larger-than -r -f -a '' -d 'Larger than SIZE: 500, 10k, 5MB, 1.5GiB.'
complete -c acache -n '__acache_at browse' -l smaller-than -r -f -a '' -d 'Smaller than SIZE.'
complete -c acache -n '__acache_at browse' -l arg -r -f -a '' -d 'Called with this argument: n_fft=2048.'
complete -c acache -n '__acache_at browse' -l stale -d 'Only functions whose source has changed or is gone.'
complete -c acache -n '__acache_at browse' -l cache-dir -r -f -a '(__fish_complete_directories)' -d 'Location of the cache; instead of LIBROSA_CACHE_DIR.'
complete -c acache -n '__acache_at browse' -l env-prefix -r -f -a '' -d 'Read NAME_CACHE_DIR and so on.'
complete -c acache -n '__acache_at browse' -l python -r -F -d 'Python whose packages to use.'
complete -c acache -n '__acache_at browse' -l version -d 'Show the version and exit.'
complete -c acache -n '__acache_at browse' -l help -s h -d 'Show this message and exit.'
complete -c acache -n '__acache_at browse' -f -a '(__acache_ask entries)'
complete -c acache -n '__acache_at report' -l level -r -f -a '(__acache_ask levels)' -d 'Level: 30, \'>=30\', 20-30, or none (unknown).'
complete -c acache -n '__acache_at report' -l function -r -f -a '(__acache_ask functions)' -d 'Function: stft, \'librosa.core.*\', /whole/id.'
complete -c acache -n '__acache_at report' -l older-than -r -f -a '' -d 'Written longer ago than AGE: 90s, 12h, 7d, 1d12h.'
complete -c acache -n '__acache_at report' -l unused-for -r -f -a '' -d 'Last used longer ago than AGE; accurate to a day.'
complete -c acache -n '__acache_at report' -l larger-than -r -f -a '' -d 'Larger than SIZE: 500, 10k, 5MB, 1.5GiB.'
complete -c acache -n '__acache_at report' -l smaller-than -r -f -a '' -d 'Smaller than SIZE.'
complete -c acache -n '__acache_at report' -l arg -r -f -a '' -d 'Called with this argument: n_fft=2048.'
complete -c acache -n '__acache_at report' -l stale -d 'Only functions whose source has changed or is gone.'
complete -c acache -n '__acache_at report' -l output -s o -r -F -d 'Write to FILE; - is stdout.'
complete -c acache -n '__acache_at report' -l open -d 'Open the page in a browser.'
complete -c acache -n '__acache_at report' -l no-verify -d 'Do not check entries, which reads all of them: faster.'
complete -c acache -n '__acache_at report' -l json -d 'Print one JSON document.'
complete -c acache -n '__acache_at report' -l cache-dir -r -f -a '(__fish_complete_directories)' -d 'Location of the cache; instead of LIBROSA_CACHE_DIR.'
complete -c acache -n '__acache_at report' -l env-prefix -r -f -a '' -d 'Read NAME_CACHE_DIR and so on.'
complete -c acache -n '__acache_at report' -l python -r -F -d 'Python whose packages to use.'
complete -c acache -n '__acache_at report' -l version -d 'Show the version and exit.'
complete -c acache -n '__acache_at report' -l help -s h -d 'Show this message and exit.'
complete -c acache -n '__acache_at report' -f -a '(__acache_ask entries)'
complete -c acache -n '__acache_at clear' -l level -r -f -a '(__acache_ask levels)' -d 'Level: 30, \'>=30\', 20-30, or none (unknown).'
complete -c acache -n '__acache_at clear' -l function -r -f -a '(__acache_ask functions)' -d 'Function: stft, \'librosa.core.*\', /whole/id.'
complete -c acache -n '__acache_at clear' -l older-than -r -f -a '' -d 'Written longer ago than AGE: 90s, 12h, 7d, 1d12h.'
complete -c acache -n '__acache_at clear' -l unused-for -r -f -a '' -d 'Last used longer ago than AGE; accurate to a day.'
complete -c acache -n '__acache_at clear' -l larger-than -r -f -a '' -d 'Larger than SIZE: 500, 10k, 5MB, 1.5GiB.'
complete -c acache -n '__acache_at clear' -l smaller-than -r -f -a '' -d 'Smaller than SIZE.'
complete -c acache -n '__acache_at clear' -l arg -r -f -a '' -d 'Called with this argument: n_fft=2048.'
complete -c acache -n '__acache_at clear' -l stale -d 'Only functions whose source has changed or is gone.'
complete -c acache -n '__acache_at clear' -l all -d 'Remove every entry and all leftovers.'
complete -c acache -n '__acache_at clear' -l leftovers -d 'Remove what interrupted writes left: of the selected functions, or of all.'
complete -c acache -n '__acache_at clear' -l grace -r -f -a '' -d 'Keep temporary files that are younger.'
complete -c acache -n '__acache_at clear' -l dry-run -s n -d 'Show what would be removed; remove nothing.'
complete -c acache -n '__acache_at clear' -l yes -s y -d 'Do not ask.'
complete -c acache -n '__acache_at clear' -l quiet -s q -d 'Print nothing unless something fails.'
complete -c acache -n '__acache_at clear' -l json -d 'Print one JSON document.'
complete -c acache -n '__acache_at clear' -l cache-dir -r -f -a '(__fish_complete_directories)' -d 'Location of the cache; instead of LIBROSA_CACHE_DIR.'
complete -c acache -n '__acache_at clear' -l env-prefix -r -f -a '' -d 'Read NAME_CACHE_DIR and so on.'
complete -c acache -n '__acache_at clear' -l python -r -F -d 'Python whose packages to use.'
complete -c acache -n '__acache_at clear' -l version -d 'Show the version and exit.'
complete -c acache -n '__acache_at clear' -l help -s h -d 'Show this message and exit.'
complete -c acache -n '__acache_at clear' -f -a '(__acache_ask entries)'
complete -c acache -n '__acache_at prune' -l max-size -r -f -a '' -d 'Size of all entries: 500MB, 10GiB.'
complete -c acache -n '__acache_at prune' -l max-items -r -f -a '' -d 'Number of entries.'
complete -c acache -n '__acache_at prune' -l max-age -r -f -a '' -d 'Time since the last use: 12h, 30d.'
complete -c acache -n '__acache_at prune' -l min-free -r -f -a '' -d 'Free space on the disk.'
complete -c acache -n '__acache_at prune' -l policy -r -f -a 'lru oldest largest cost' -d 'Eviction order: least recently used, first written, largest, or lowest recomputation cost per byte.'
complete -c acache -n '__acache_at prune' -l half-life -r -f -a '' -d 'For --policy cost: time without use that halves the cost.'
complete -c acache -n '__acache_at prune' -l apparent-size -d 'Count file sizes, as joblib does, instead of disk blocks.'
complete -c acache -n '__acache_at prune' -l dry-run -s n -d 'Show what would be removed; remove nothing.'
complete -c acache -n '__acache_at prune' -l yes -s y -d 'Do not ask.'
complete -c acache -n '__acache_at prune' -l quiet -s q -d 'Print nothing unless something fails.'
complete -c acache -n '__acache_at prune' -l json -d 'Print one JSON document.'
complete -c acache -n '__acache_at prune' -l cache-dir -r -f -a '(__fish_complete_directories)' -d 'Location of the cache; instead of LIBROSA_CACHE_DIR.'
complete -c acache -n '__acache_at prune' -l env-prefix -r -f -a '' -d 'Read NAME_CACHE_DIR and so on.'
complete -c acache -n '__acache_at prune' -l python -r -F -d 'Python whose packages to use.'
complete -c acache -n '__acache_at prune' -l version -d 'Show the version and exit.'
complete -c acache -n '__acache_at prune' -l help -s h -d 'Show this message and exit.'
complete -c acache -n '__acache_at compress' -l level -r -f -a '(__acache_ask levels)' -d 'Level: 30, \'>=30\', 20-30, or none (unknown).'
complete -c acache -n '__acache_at compress' -l function -r -f -a '(__acache_ask functions)' -d 'Function: stft, \'librosa.core.*\', /whole/id.'
complete -c acache -n '__acache_at compress' -l older-than -r -f -a '' -d 'Written longer ago than AGE: 90s, 12h, 7d, 1d12h.'
complete -c acache -n '__acache_at compress' -l unused-for -r -f -a '' -d 'Last used longer ago than AGE; accurate to a day.'
complete -c acache -n '__acache_at compress' -l larger-than -r -f -a '' -d 'Larger than SIZE: 500, 10k, 5MB, 1.5GiB.'
complete -c acache -n '__acache_at compress' -l smaller-than -r -f -a '' -d 'Smaller than SIZE.'
complete -c acache -n '__acache_at compress' -l arg -r -f -a '' -d 'Called with this argument: n_fft=2048.'
complete -c acache -n '__acache_at compress' -l stale -d 'Only functions whose source has changed or is gone.'
complete -c acache -n '__acache_at compress' -l all -d 'Compress every entry.'
complete -c acache -n '__acache_at compress' -l method -r -f -a 'zlib gzip bz2 lzma xz lz4 none' -d 'Method; none uncompresses.'
complete -c acache -n '__acache_at compress' -l compression-level -r -f -a '' -d 'Level of the method, 1 to 9.'
complete -c acache -n '__acache_at compress' -l workers -r -f -a '' -d 'Share the work among N processes on this machine.'
complete -c acache -n '__acache_at compress' -l scheduler -r -f -a '' -d 'Share the work among the workers of a Dask scheduler that see the same cache.'
complete -c acache -n '__acache_at compress' -l dry-run -s n -d 'Compress and count; change nothing.'
complete -c acache -n '__acache_at compress' -l quiet -s q -d 'Print nothing unless something fails.'
complete -c acache -n '__acache_at compress' -l json -d 'Print one JSON document.'
complete -c acache -n '__acache_at compress' -l cache-dir -r -f -a '(__fish_complete_directories)' -d 'Location of the cache; instead of LIBROSA_CACHE_DIR.'
complete -c acache -n '__acache_at compress' -l env-prefix -r -f -a '' -d 'Read NAME_CACHE_DIR and so on.'
complete -c acache -n '__acache_at compress' -l python -r -F -d 'Python whose packages to use.'
complete -c acache -n '__acache_at compress' -l version -d 'Show the version and exit.'
complete -c acache -n '__acache_at compress' -l help -s h -d 'Show this message and exit.'
complete -c acache -n '__acache_at compress' -f -a '(__acache_ask entries)'
complete -c acache -n '__acache_at copy' -l level -r -f -a '(__acache_ask levels)' -d 'Level: 30, \'>=30\', 20-30, or none (unknown).'
complete -c acache -n '__acache_at copy' -l function -r -f -a '(__acache_ask functions)' -d 'Function: stft, \'librosa.core.*\', /whole/id.'
complete -c acache -n '__acache_at copy' -l older-than -r -f -a '' -d 'Written longer ago than AGE: 90s, 12h, 7d, 1d12h.'
complete -c acache -n '__acache_at copy' -l unused-for -r -f -a '' -d 'Last used longer ago than AGE; accurate to a day.'
complete -c acache -n '__acache_at copy' -l larger-than -r -f -a '' -d 'Larger than SIZE: 500, 10k, 5MB, 1.5GiB.'
complete -c acache -n '__acache_at copy' -l smaller-than -r -f -a '' -d 'Smaller than SIZE.'
complete -c acache -n '__acache_at copy' -l arg -r -f -a '' -d 'Called with this argument: n_fft=2048.'
complete -c acache -n '__acache_at copy' -l stale -d 'Only functions whose source has changed or is gone.'
complete -c acache -n '__acache_at copy' -l overwrite -d 'Replace entries that DST has.'
complete -c acache -n '__acache_at copy' -l allow -r -f -a '' -d 'Trust a class or function that entries of an archive name.'
complete -c acache -n '__acache_at copy' -l allow-unsafe -d 'Copy entries of an archive that may run code when loaded.'
complete -c acache -n '__acache_at copy' -l layout -r -f -a 'flat split' -d 'Layout of new entries: FUNCTION/HASH, or FUNCTION/abc/... of joblib to come.'
complete -c acache -n '__acache_at copy' -l workers -r -f -a '' -d 'Share the work among N processes on this machine.'
complete -c acache -n '__acache_at copy' -l scheduler -r -f -a '' -d 'Share the work among the workers of a Dask scheduler that see the same cache.'
complete -c acache -n '__acache_at copy' -l dry-run -s n -d 'Show what would be copied; copy nothing.'
complete -c acache -n '__acache_at copy' -l quiet -s q -d 'Print nothing unless something fails.'
complete -c acache -n '__acache_at copy' -l json -d 'Print one JSON document.'
complete -c acache -n '__acache_at copy' -l cache-dir -r -f -a '(__fish_complete_directories)' -d 'Location of the cache; instead of LIBROSA_CACHE_DIR.'
complete -c acache -n '__acache_at copy' -l env-prefix -r -f -a '' -d 'Read NAME_CACHE_DIR and so on.'
complete -c acache -n '__acache_at copy' -l python -r -F -d 'Python whose packages to use.'
complete -c acache -n '__acache_at copy' -l version -d 'Show the version and exit.'
complete -c acache -n '__acache_at copy' -l help -s h -d 'Show this message and exit.'
complete -c acache -n '__acache_at copy' -F
complete -c acache -n '__acache_at bench' -l levels -r -f -a '(__acache_ask level-list)' -d 'Levels to compare.'
complete -c acache -n '__acache_at bench' -l engine -r -f -a '' -d 'What answers joblib\'s functions: fast,joblib compares both.'
complete -c acache -n '__acache_at bench' -l runs -r -f -a '' -d 'Rounds.'
complete -c acache -n '__acache_at bench' -l warmup -r -f -a '' -d 'Untimed runs with the cache off, before the first round.'
complete -c acache -n '__acache_at bench' -l time-limit -r -f -a '' -d 'Start no round that would end later; at least one is run.'
complete -c acache -n '__acache_at bench' -l fail-under -r -f -a '' -d 'Exit with 4 unless some level\'s speed-up is at least this.'
complete -c acache -n '__acache_at bench' -l compare -r -F -d 'Compare with what --export-json wrote at an earlier time.'
complete -c acache -n '__acache_at bench' -l fail-slower -r -f -a '' -d 'Exit with 4 if it is slower than --compare by more, and by more than noise.'
complete -c acache -n '__acache_at bench' -l export-json -r -F -d 'Write the JSON document.'
complete -c acache -n '__acache_at bench' -l export-markdown -r -F -d 'Write the table as Markdown.'
complete -c acache -n '__acache_at bench' -l plot -r -F -d 'Draw times and speed-ups: FILE.png, .svg or .pdf; needs acache[plot].'
complete -c acache -n '__acache_at bench' -l show-output -d 'Print the output of each run on stderr.'
complete -c acache -n '__acache_at bench' -l json -d 'Print one JSON document.'
complete -c acache -n '__acache_at bench' -l cache-dir -r -f -a '(__fish_complete_directories)' -d 'Location of the cache; instead of LIBROSA_CACHE_DIR.'
complete -c acache -n '__acache_at bench' -l env-prefix -r -f -a '' -d 'Read NAME_CACHE_DIR and so on.'
complete -c acache -n '__acache_at bench' -l python -r -F -d 'Python whose packages to use.'
complete -c acache -n '__acache_at bench' -l version -d 'Show the version and exit.'
complete -c acache -n '__acache_at bench' -l help -s h -d 'Show this message and exit.'
complete -c acache -n '__acache_at bench' -F
complete -c acache -n '__acache_at bench-' -a '(__fish_complete_subcommand --fcs-skip=2 --levels --engine --runs --warmup --time-limit --fail-under --compare --fail-slower --export-json --export-markdown --plot --cache-dir --env-prefix --python)'
complete -c acache -n '__acache_at run' -l level -r -f -a '(__acache_ask level)' -d 'Level to use instead of LIBROSA_CACHE_LEVEL.'
complete -c acache -n '__acache_at run' -l engine -r -f -a 'fast joblib' -d 'What answers joblib\'s functions.'
complete -c acache -n '__acache_at run' -l why -d 'Explain the misses of this run at its end.'
complete -c acache -n '__acache_at run' -l export-json -r -F -d 'Write the report to FILE as JSON.'
complete -c acache -n '__acache_at run' -l cache-dir -r -f -a '(__fish_complete_directories)' -d 'Location of the cache; instead of LIBROSA_CACHE_DIR.'
complete -c acache -n '__acache_at run' -l env-prefix -r -f -a '' -d 'Read NAME_CACHE_DIR and so on.'
complete -c acache -n '__acache_at run' -l python -r -F -d 'Python whose packages to use.'
complete -c acache -n '__acache_at run' -l version -d 'Show the version and exit.'
complete -c acache -n '__acache_at run' -l help -s h -d 'Show this message and exit.'
complete -c acache -n '__acache_at run' -F
complete -c acache -n '__acache_at run-' -a '(__fish_complete_subcommand --fcs-skip=2 --level --engine --export-json --cache-dir --env-prefix --python)'
complete -c acache -n '__acache_at why' -l since -r -f -a '' -d 'Only calls of the last: 90s, 12h, 7d, 1d12h.'
complete -c acache -n '__acache_at why' -l limit -r -f -a '' -d 'Explain the latest N.'
complete -c acache -n '__acache_at why' -l all -d 'Explain all, whatever --limit is.'
complete -c acache -n '__acache_at why' -l json -d 'Print one JSON document.'
complete -c acache -n '__acache_at why' -l cache-dir -r -f -a '(__fish_complete_directories)' -d 'Location of the cache; instead of LIBROSA_CACHE_DIR.'
complete -c acache -n '__acache_at why' -l env-prefix -r -f -a '' -d 'Read NAME_CACHE_DIR and so on.'
complete -c acache -n '__acache_at why' -l python -r -F -d 'Python whose packages to use.'
complete -c acache -n '__acache_at why' -l version -d 'Show the version and exit.'
complete -c acache -n '__acache_at why' -l help -s h -d 'Show this message and exit.'
complete -c acache -n '__acache_at why' -f -a ''
complete -c acache -n '__acache_at simulate' -l since -r -f -a '' -d 'Only calls of the last: 90s, 12h, 7d, 1d12h.'
complete -c acache -n '__acache_at simulate' -l sizes -r -f -a '' -d 'Sizes to simulate.'
complete -c acache -n '__acache_at simulate' -l policy -r -f -a '' -d 'Policies to simulate.'
complete -c acache -n '__acache_at simulate' -l plot -r -F -d 'Draw the curves: FILE.png, .svg or .pdf; needs acache[plot].'
complete -c acache -n '__acache_at simulate' -l json -d 'Print one JSON document.'
complete -c acache -n '__acache_at simulate' -l cache-dir -r -f -a '(__fish_complete_directories)' -d 'Location of the cache; instead of LIBROSA_CACHE_DIR.'
complete -c acache -n '__acache_at simulate' -l env-prefix -r -f -a '' -d 'Read NAME_CACHE_DIR and so on.'
complete -c acache -n '__acache_at simulate' -l python -r -F -d 'Python whose packages to use.'
complete -c acache -n '__acache_at simulate' -l version -d 'Show the version and exit.'
complete -c acache -n '__acache_at simulate' -l help -s h -d 'Show this message and exit.'
complete -c acache -n '__acache_at doctor' -l json -d 'Print one JSON document.'
complete -c acache -n '__acache_at doctor' -l cache-dir -r -f -a '(__fish_complete_directories)' -d 'Location of the cache; instead of LIBROSA_CACHE_DIR.'
complete -c acache -n '__acache_at doctor' -l env-prefix -r -f -a '' -d 'Read NAME_CACHE_DIR and so on.'
complete -c acache -n '__acache_at doctor' -l python -r -F -d 'Python whose packages to use.'
complete -c acache -n '__acache_at doctor' -l version -d 'Show the version and exit.'
complete -c acache -n '__acache_at doctor' -l help -s h -d 'Show this message and exit.'
complete -c acache -n '__acache_at verify' -l level -r -f -a '(__acache_ask levels)' -d 'Level: 30, \'>=30\', 20-30, or none (unknown).'
complete -c acache -n '__acache_at verify' -l function -r -f -a '(__acache_ask functions)' -d 'Function: stft, \'librosa.core.*\', /whole/id.'
complete -c acache -n '__acache_at verify' -l older-than -r -f -a '' -d 'Written longer ago than AGE: 90s, 12h, 7d, 1d12h.'
complete -c acache -n '__acache_at verify' -l unused-for -r -f -a '' -d 'Last used longer ago than AGE; accurate to a day.'
complete -c acache -n '__acache_at verify' -l larger-than -r -f -a '' -d 'Larger than SIZE: 500, 10k, 5MB, 1.5GiB.'
complete -c acache -n '__acache_at verify' -l smaller-than -r -f -a '' -d 'Smaller than SIZE.'
complete -c acache -n '__acache_at verify' -l arg -r -f -a '' -d 'Called with this argument: n_fft=2048.'
complete -c acache -n '__acache_at verify' -l stale -d 'Only functions whose source has changed or is gone.'
complete -c acache -n '__acache_at verify' -l delete -d 'Remove entries that are damaged or have no result.'
complete -c acache -n '__acache_at verify' -l delete-unsafe -d 'Remove entries that may run code when loaded.'
complete -c acache -n '__acache_at verify' -l allow -r -f -a '' -d 'Trust a class or function that entries name.'
complete -c acache -n '__acache_at verify' -l strict -d 'Names that are not listed as harmless are problems.'
complete -c acache -n '__acache_at verify' -l workers -r -f -a '' -d 'Share the work among N processes on this machine.'
complete -c acache -n '__acache_at verify' -l scheduler -r -f -a '' -d 'Share the work among the workers of a Dask scheduler that see the same cache.'
complete -c acache -n '__acache_at verify' -l dry-run -s n -d 'Show what would be removed; remove nothing.'
complete -c acache -n '__acache_at verify' -l yes -s y -d 'Do not ask.'
complete -c acache -n '__acache_at verify' -l quiet -s q -d 'Print nothing unless something fails.'
complete -c acache -n '__acache_at verify' -l json -d 'Print one JSON document.'
complete -c acache -n '__acache_at verify' -l cache-dir -r -f -a '(__fish_complete_directories)' -d 'Location of the cache; instead of LIBROSA_CACHE_DIR.'
complete -c acache -n '__acache_at verify' -l env-prefix -r -f -a '' -d 'Read NAME_CACHE_DIR and so on.'
complete -c acache -n '__acache_at verify' -l python -r -F -d 'Python whose packages to use.'
complete -c acache -n '__acache_at verify' -l version -d 'Show the version and exit.'
complete -c acache -n '__acache_at verify' -l help -s h -d 'Show this message and exit.'
complete -c acache -n '__acache_at verify' -f -a '(__acache_ask entries)'
complete -c acache -n '__acache_at config' -l json -d 'Print one JSON document.'
complete -c acache -n '__acache_at config' -l cache-dir -r -f -a '(__fish_complete_directories)' -d 'Location of the cache; instead of LIBROSA_CACHE_DIR.'
complete -c acache -n '__acache_at config' -l env-prefix -r -f -a '' -d 'Read NAME_CACHE_DIR and so on.'
complete -c acache -n '__acache_at config' -l python -r -F -d 'Python whose packages to use.'
complete -c acache -n '__acache_at config' -l version -d 'Show the version and exit.'
complete -c acache -n '__acache_at config' -l help -s h -d 'Show this message and exit.'
complete -c acache -n '__acache_at completion' -l cache-dir -r -f -a '(__fish_complete_directories)' -d 'Location of the cache; instead of LIBROSA_CACHE_DIR.'
complete -c acache -n '__acache_at completion' -l env-prefix -r -f -a '' -d 'Read NAME_CACHE_DIR and so on.'
complete -c acache -n '__acache_at completion' -l python -r -F -d 'Python whose packages to use.'
complete -c acache -n '__acache_at completion' -l version -d 'Show the version and exit.'
complete -c acache -n '__acache_at completion' -l help -s h -d 'Show this message and exit.'
complete -c acache -n '__acache_at completion first' -f -a 'bash zsh fish'
complete -c acache -n '__acache_at ""' -a stats -d 'Show what the cache holds, per level and function.'
complete -c acache -n '__acache_at ""' -a ls -d 'List entries: the cached calls, one by one.'
complete -c acache -n '__acache_at ""' -a show -d 'Show one entry, or one function.'
complete -c acache -n '__acache_at ""' -a find -d 'Find all joblib caches below your home, or other folders.'
complete -c acache -n '__acache_at ""' -a browse -d 'Browse the cache on the whole screen.'
complete -c acache -n '__acache_at ""' -a report -d 'Write one HTML page about the cache.'
complete -c acache -n '__acache_at ""' -a clear -d 'Remove every entry of a selection.'
complete -c acache -n '__acache_at ""' -a prune -d 'Evict entries until limits hold.'
complete -c acache -n '__acache_at ""' -a compress -d 'Compress results in place, or uncompress them.'
complete -c acache -n '__acache_at ""' -a copy -d 'Copy entries to another cache or an archive, or from there.'
complete -c acache -n '__acache_at ""' -a bench -d 'Time a script with its cache off, cold and warm.'
complete -c acache -n '__acache_at ""' -a run -d 'Run a script with the cache on; show what each function saves.'
complete -c acache -n '__acache_at ""' -a why -d 'Explain why calls missed the cache, and how to avoid it.'
complete -c acache -n '__acache_at ""' -a simulate -d 'Show what smaller caches would save, and recommend a size.'
complete -c acache -n '__acache_at ""' -a doctor -d 'Check settings, disk and store; show how to fix problems.'
complete -c acache -n '__acache_at ""' -a verify -d 'Check that entries are complete, readable, harmless to load.'
complete -c acache -n '__acache_at ""' -a config -d 'Show every setting, its origin and its effect.'
complete -c acache -n '__acache_at ""' -a completion -d 'Print the completion script of a shell.'
