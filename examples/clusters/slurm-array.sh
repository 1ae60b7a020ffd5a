#!/bin/bash
# A sweep in parts on Slurm, on a shared folder and without a queue: sixteen tasks, each with a sixteenth of the runs. The
# same line again goes on where tasks were cut off. Afterwards, on any node: npx halfulp sweep "$SWEEP" --out "$OUT" --report
#   sbatch --export=ALL,SWEEP=bits.json,OUT=/shared/runs examples/clusters/slurm-array.sh
#SBATCH --job-name=halfulp-sweep
#SBATCH --array=1-16
#SBATCH --cpus-per-task=4
#SBATCH --time=12:00:00
#SBATCH --signal=TERM@60
srun npx halfulp sweep "$SWEEP" --shard --workers "$SLURM_CPUS_PER_TASK" --out "$OUT"
