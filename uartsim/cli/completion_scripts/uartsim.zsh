#compdef uartsim
# Completion of uartsim for zsh: a file _uartsim in a folder of $fpath, or eval "$(uartsim completion zsh)".
# Each line of the answer is a kind, a value and a description, with tabs between.
_uartsim() {
    local program=${(Q)words[1]} kind value description
    local -a whole begun
    whence -p -- ${program/#\~/$HOME} >/dev/null && program=${program/#\~/$HOME} || program=uartsim
    while IFS=$'\t' read -r kind value description; do
        value=${value//:/\\:}${description:+:$description}
        case $kind in
            whole) whole+=("$value") ;;
            begun) begun+=("$value") ;;
            files) compset -p $value; _files ;;
            folders) compset -p $value; _files -/ ;;
        esac
    done < <(
        _UARTSIM_LINE="${(j: :)words[1,CURRENT-1]} $QIPREFIX$PREFIX" _UARTSIM_COMPLETE=zsh_complete $program 2>/dev/null
    )
    (( $#whole + $#begun )) && _describe -V uartsim whole -- begun -S ''
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _uartsim "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }
    compdef _uartsim uartsim
fi
