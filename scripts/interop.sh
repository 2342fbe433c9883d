#!/usr/bin/env bash
# Runs topologies/interop-* with FRR in every role in turn beside mcrd.
#
#   scripts/interop.sh [chain3|diamond|lan]...
#
# One line a run, and a grid at the end. The exit status is 1 where a run
# failed, and 0 where all passed or FRR is not installed. Each run's folder,
# with result.json, is in runs/interop/NAME. JOBS runs go on at a time: 2.
set -euo pipefail
cd "$(dirname "$0")/.."
export LAB=${LAB:-${CARGO_TARGET_DIR:-target}/debug/lab}
export RUNS=runs/interop

# The roles that FRR has in each run: `none`, or joined by `+`.
chain3="none fhr rp lhr fhr+rp fhr+lhr rp+lhr fhr+rp+lhr"
diamond="none fhr rp mid lhr rp+mid fhr+rp+mid+lhr"
lan="none up dr near down dr+near up+dr+near+down"

if [ ! -x /usr/lib/frr/pimd ]; then
    echo "SKIP: FRR is not installed, so nothing was run."
    echo "To run it, type:  sudo apt-get install frr"
    exit 0
fi
if [ ! -x "$LAB" ]; then
    echo "$LAB is missing; type:  cargo build --workspace --bins" >&2
    exit 2
fi

# variables SCENARIO ROLES: what the run is given. What FRR may take longer for
# is said in the README of the scenario.
variables() {
    local role
    [ "$2" = none ] && return
    for role in ${2//+/ }; do
        echo "$role=frr"
        case $1-$role in
        chain3-rp) echo pruned=25s gone_for=0s again=8s ;;
        chain3-lhr) echo rejoined=8s ;;
        diamond-rp) echo pruned=25s gone_for=0s ;;
        diamond-fhr) echo lost=1000 gap=3s ;;
        lan-dr | lan-near) echo twice=1000000 settle=6s ;;
        lan-up | lan-down) echo settle=6s ;;
        esac
    done
}

# one SCENARIO ROLES: a run. Its verdict is kept in a file of its folder.
one() {
    local name=$1-$2 start=$SECONDS status=0 verdict
    local folder=$RUNS/$name arguments=()
    rm -rf "$folder"
    mkdir -p "$folder"
    for variable in $(variables "$1" "$2"); do arguments+=(--var "$variable"); done
    "$LAB" test --format plain --run-dir "$folder" "${arguments[@]}" \
        "topologies/interop-$1" >"$folder/output.txt" 2>&1 </dev/null || status=$?
    case $status in
    0 | 3) verdict=PASS ;;
    1) verdict=FAIL ;;
    *) verdict=ERROR ;;
    esac
    echo $verdict >"$folder/verdict"
    printf '%-5s interop-%-8s FRR: %-18s %3ds' $verdict "$1" "$2" $((SECONDS - start))
    if [ $verdict = PASS ]; then echo; else printf '  %s\n' "$folder/output.txt"; fi
}
export -f one variables

scenarios=("$@")
if [ ${#scenarios[@]} -eq 0 ]; then scenarios=(chain3 diamond lan); fi
for scenario in "${scenarios[@]}"; do
    case $scenario in
    chain3 | diamond | lan) ;;
    *)
        echo "no scenario $scenario: chain3, diamond or lan" >&2
        exit 2
        ;;
    esac
done

for scenario in "${scenarios[@]}"; do
    for roles in ${!scenario}; do echo "$scenario $roles"; done
done | xargs -P "${JOBS:-2}" -L 1 bash -c 'one "$0" "$1"'

failed=0
for scenario in "${scenarios[@]}"; do
    echo
    printf '%-15s' "FRR is"
    for roles in ${!scenario}; do
        case $roles in *+*+*) roles=all ;; esac
        printf ' %7s' "$roles"
    done
    printf '\n%-15s' "interop-$scenario"
    for roles in ${!scenario}; do
        verdict=$(cat "$RUNS/$scenario-$roles/verdict" 2>/dev/null || echo ERROR)
        [ "$verdict" = PASS ] || failed=1
        printf ' %7s' "$verdict"
    done
    echo
done
exit $failed
