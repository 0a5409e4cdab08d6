# Completion of uartsim for bash 4.4 and later: source this file, or eval "$(uartsim completion bash)".
# Each line of the answer is "=" and a word that ends with a space where it is complete, or "files", or "folders".
_uartsim_completion() {
    local program="${1/#\~/$HOME}" line
    type -P -- "$program" >/dev/null || program=uartsim
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            =*) COMPREPLY+=("${line:1}") ;;
            files) compopt -o default +o nospace ;;
            folders) compopt -o dirnames +o nospace ;;
        esac
    done < <(
        _UARTSIM_LINE="${COMP_LINE:0:COMP_POINT}" _UARTSIM_BREAKS="$COMP_WORDBREAKS" _UARTSIM_COMPLETE=bash_complete \
            "$program" 2>/dev/null
    )
}

complete -o nosort -o nospace -F _uartsim_completion uartsim
