#!/bin/bash
# A sweep in parts on Slurm, on a shared folder and without a queue: sixteen tasks, each with a sixteenth of the runs. The
# same line again goes on where tasks were cut off; with --array=5, before the name of this file, the fifth part alone does.
# Afterwards, on any node: npx halfulp sweep "$SWEEP" --out "$OUT" --report
#   sbatch --export=ALL,SWEEP=bits.json,OUT=/shared/runs examples/clusters/slurm-array.sh
#SBATCH --job-name=halfulp-sweep
#SBATCH --array=1-16
#SBATCH --cpus-per-task=4
#SBATCH --mem-per-cpu=1G
#SBATCH --time=12:00:00
#SBATCH --signal=TERM@60
# Steps do not inherit the cores of the job since Slurm 22.05.
srun --cpus-per-task="$SLURM_CPUS_PER_TASK" \
  npx halfulp sweep "$SWEEP" --shard "$SLURM_ARRAY_TASK_ID/16" --workers "$SLURM_CPUS_PER_TASK" --out "$OUT"
