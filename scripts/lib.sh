# What the scripts share; sourced, never run. Steps have a heading and say how long they took.
# shellcheck shell=bash

steps_begun=$SECONDS
step_begun=$SECONDS
step_name=

# step NAME: ends the step before it and begins the next.
step() {
    step_end
    step_name=$1
    step_begun=$SECONDS
    printf '\n== %s\n' "$step_name"
}

# step_end: says how long the open step took, if one is open.
step_end() {
    if [[ -n $step_name ]]; then
        printf -- '-- %s: %d s\n' "$step_name" "$((SECONDS - step_begun))"
    fi
    step_name=
}

# all_done NAME: the last line of a script that succeeded.
all_done() {
    step_end
    printf '\n== %s: ok, %d s in all\n' "$1" "$((SECONDS - steps_begun))"
}

# failed MESSAGE: says what is wrong and ends the script.
failed() {
    printf '\n!! %s: %s\n' "${step_name:-${0##*/}}" "$1" >&2
    exit 1
}

# On any other error, name the step in which it happened.
trap 'printf "\n!! failed in step: %s\n" "${step_name:-start}" >&2' ERR
