# Completion of uartsim for fish: ~/.config/fish/completions/uartsim.fish, or uartsim completion fish | source.
# Each line of the answer is a kind, a value and a description, with tabs between.
function __uartsim_completion
    set -l program (commandline -po)[1]
    set -q program[1]; and type -fq -- $program; or set program uartsim
    for line in (_UARTSIM_LINE=(commandline -cp | string collect) _UARTSIM_COMPLETE=fish_complete $program 2>/dev/null)
        set -l found (string split -m 2 \t -- $line)
        set -l token (commandline -ct)
        switch $found[1]
            case files folders
                set -l before (string sub -l $found[2] -- $token)
                set -l path (string sub -s (math $found[2] + 1) -- $token)
                if test $found[1] = files
                    string replace -r '^' -- "$before" (__fish_complete_path $path)
                else
                    string replace -r '^' -- "$before" (__fish_complete_directories $path)
                end
            case whole begun
                printf '%s\t%s\n' $found[2] $found[3]
        end
    end
end

complete --command uartsim --no-files --keep-order --arguments '(__uartsim_completion)'
