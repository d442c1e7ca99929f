#!/usr/bin/env bash
# NOT RUN: an example to start from. sbatch packaging/slurm.sh slice1.tif slice2.tif RUN
#SBATCH --job-name=ddip-tf
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
#SBATCH --time=01:00:00
#SBATCH --signal=B:TERM@120
# for networks on a GPU: --gpus=1, and `apptainer run --nv` below
set -euo pipefail
output=${!#}
files=("${@:1:$#-1}")

# the state is kept at SIGTERM, which Slurm sends two minutes before the time is up; submit again to go on
apptainer run ddip-tf.sif fit "${files[@]}" -o "$output" --threads "$SLURM_CPUS_PER_TASK" --progress none --resume &
fit=$!
trap 'kill -TERM "$fit"; wait "$fit"' TERM
wait "$fit"
