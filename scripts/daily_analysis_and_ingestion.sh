#!/usr/bin/env bash
# The documented day: VectorBT PRO's analysis, then ingestion of what it wrote.
#
#   daily_analysis_and_ingestion.sh [--skip-conda-check] [option of run_vectorbt_analysis.py]...
#
# It works in the directory where autonama.engine and autonama.ingestion lie side by side: the one that AUTONAMA_HOME
# names, else the current one, else the one that this project lies in, so that cron may start it from anywhere.
# Without further options the analysis is --top-100 --optimize. --skip-conda-check goes on with the python on PATH,
# without VectorBT PRO. Exit code: that of the first step that fails; 0 when both are done.
set -euo pipefail

readonly ENVIRONMENT=autonama_vectorbt

fail() {
    local code=$1
    shift
    printf '❌ %s\n' "$*" >&2
    exit "$code"
}

activate() {
    if [[ ${CONDA_DEFAULT_ENV:-} == "$ENVIRONMENT" ]]; then
        return
    fi
    command -v conda >/dev/null || fail 2 "conda was not found, and the environment $ENVIRONMENT is not active." \
        "Install it, or go on without: --skip-conda-check"
    # A script has no `conda activate` of its own: the hook defines it. What packages run then reads unset variables.
    set +u
    eval "$(conda shell.bash hook)"
    conda activate "$ENVIRONMENT" || fail 2 "The conda environment $ENVIRONMENT cannot be activated." \
        "Make it with: conda env create -f environment.yml"
    set -u
}

home() {
    if [[ -n ${AUTONAMA_HOME:-} ]]; then
        printf '%s\n' "$AUTONAMA_HOME"
    elif [[ -d autonama.engine ]]; then
        pwd
    else
        cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd
    fi
}

# A step in its directory. What it prints is its own, and its exit code becomes the script's.
step() {
    local name=$1 directory=$2 remedy=$3 code=0
    shift 3
    [[ -d $directory ]] || fail 4 "$name: there is no directory $PWD/$directory. Name the one that holds it: AUTONAMA_HOME"
    (cd "$directory" && exec "$@") || code=$?
    ((code == 0)) || fail "$code" "$name ended with exit code $code. $remedy"
}

insist=()
if [[ ${1:-} == --skip-conda-check ]]; then
    insist=(--skip-conda-check)
    shift
else
    activate
fi
(($#)) || set -- --top-100 --optimize

place=$(home)
cd "$place" || fail 4 "$place cannot be entered. Name another directory: AUTONAMA_HOME"
step Analysis autonama.engine "Nothing was ingested; the database is as it was." \
    python run_vectorbt_analysis.py --config config.json "$@"
step Ingestion autonama.ingestion "The result files stay: once the cause is gone, ingest them again." \
    python run_ingestion.py --engine vectorbt --config config.json ${insist[@]+"${insist[@]}"}

echo "Daily VectorBTPro analysis and ingestion complete!"
