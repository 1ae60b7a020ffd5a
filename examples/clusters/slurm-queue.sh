#!/bin/bash
# Workers of a queue on Slurm: so many tasks, each with as many runs at a time as it has cores. They end by themselves when
# there has been nothing to do for five minutes; what the time limit cuts off goes on in another worker.
#   sbatch --export=ALL,QUEUE=redis://head-node examples/clusters/slurm-queue.sh
#SBATCH --job-name=halfulp-workers
#SBATCH --ntasks=3
#SBATCH --cpus-per-task=8
#SBATCH --mem-per-cpu=1G
#SBATCH --time=12:00:00
#SBATCH --signal=TERM@60
# HALFULP_QUEUE_PASSWORD comes from the environment of sbatch, not from this file. Steps do not inherit the cores of the job since
# Slurm 22.05.
srun --cpus-per-task="$SLURM_CPUS_PER_TASK" \
  npx halfulp worker --queue "$QUEUE" --concurrency "$SLURM_CPUS_PER_TASK" --idle 300
