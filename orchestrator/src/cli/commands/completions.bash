# Bash ends a word at `=`, as in `variant=sr3`: orch is asked for whole words, and what follows the last `=` is
# the answer.
_orch_whole_words() {
    local words=() word
    for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        if ((${#words[@]} > 1)) && [[ $word == =* || ${words[-1]} == *= ]]; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
    done
    local COMP_WORDS=("${words[@]}") COMP_CWORD=$((${#words[@]} - 1)) typed="${words[-1]}"
    _clap_complete_orch orch "$typed"
    if [[ $typed == *=* && $COMP_WORDBREAKS == *=* ]]; then
        COMPREPLY=("${COMPREPLY[@]#"${typed%"${typed##*=}"}"}")
    fi
}
complete -o nospace -o bashdefault -o nosort -F _orch_whole_words orch
