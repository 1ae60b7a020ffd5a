/**
 * From groups to their scales: the statistics that scales are taken from, the search for the best threshold, and the choice between two
 * scales. The definitions are in `src/quantizers`: `statistics.ts`, `search.ts`, `four-over-six.ts`.
 */
import {
  errorAbsolute,
  errorSquared,
  sumDistances,
  sumMagnitudes,
  sumNumbers,
  sumSquares,
} from '../generated/layout-quantizers.ts';
import type { Members } from './quantizer-members.ts';
import { type Pass, setScales, writeConstants } from './quantizer-pass.ts';
import { pieceOf, wholeLines } from './quantizer-pieces.ts';
import { placeGroups } from './quantizer-place.ts';

const leastPercent = 20;
const mostPercent = 200;

/** The mean of what is summed over each group. */
function findMeans({ kernels, at }: Pass, members: Members, kind: number): void {
  const { walk } = members;
  members.eachPart((source, { groups, size, columns, left }) =>
    kernels.addSums(kind, source, groups, size, columns, left, at.sums, at.means),
  );
  kernels.takeMeans(at.sums, walk.groups, walk.size, walk.columns, walk.left, at.means);
}

function findStatistics(pass: Pass, members: Members): void {
  const { kernels, at } = pass;
  const { from } = pass.plan.form;
  switch (from) {
    case 'absmax':
      members.findMaxima();
      return;
    case 'mse':
      searchThresholds(pass, members);
      return;
    case 'std':
      findMeans(pass, members, sumNumbers);
      findMeans(pass, members, sumDistances);
      break;
    default:
      findMeans(pass, members, from === 'rms' ? sumSquares : sumMagnitudes);
  }
  kernels.meanStatistics(at.means, members.walk.groups, from === 'absmean' ? 0 : 1, at.statistics);
}

/** The thresholds under which groups err least: a few hundred times what quantising them takes. */
function searchThresholds(pass: Pass, members: Members): void {
  const { kernels, at, memory, statistics } = pass;
  const { groups } = members.walk;
  const search = pass.search!;
  members.findMaxima();
  writeConstants(search);
  const maxima = statistics.subarray(0, groups).map((most) => (Number.isFinite(most) ? most : NaN));
  const best = new Float32Array(memory.buffer, at.best, groups);
  best.set(maxima);
  new Float32Array(memory.buffer, at.magnitudes, groups).set(maxima);
  new Float64Array(memory.buffer, at.means, groups).fill(Infinity);
  for (let percent = mostPercent; percent >= leastPercent; percent--) {
    kernels.candidates(at.magnitudes, at.statistics, groups, percent);
    setScales(search, groups);
    members.eachPart((source, walk) => {
      placeGroups(search, pieceOf(walk, 0, 0), source);
      kernels.squaredErrors(source, at.images, walk.groups, walk.size, walk.columns, walk.left, at.sums);
    });
    kernels.keepBetter(at.sums, at.means, at.statistics, at.best, groups);
  }
  statistics.set(best);
  writeConstants(pass);
}

/** The better of two scales for each group, whose largest magnitudes are their statistics. */
function chooseScales(pass: Pass, members: Members, isSquared: boolean): void {
  const { kernels, at } = pass;
  const { lines } = members;
  const whole = wholeLines(pass.layout);
  pass.isBeyond = pass.encode < pass.plan.reach;
  const error = isSquared ? errorSquared : errorAbsolute;
  members.eachPart((source, { groups, size, columns, left }) => {
    const places = [at.statistics, at.into, at.out, at.work, at.parameters] as const;
    kernels.chooseScales(error, source, groups, size, columns, left, lines, whole, ...places);
  });
}

/** The scales of groups. */
export function findScales(pass: Pass, members: Members): void {
  const { group, walk } = members;
  const { scale } = pass.plan.form;
  if (pass.tracked === undefined) findStatistics(pass, members);
  else pass.statistics.set(pass.tracked.subarray(group, group + walk.groups));
  pass.found?.set(pass.statistics.subarray(0, walk.groups), group);
  if (scale.kind === 'two-level' && scale.fourOverSix !== undefined)
    chooseScales(pass, members, scale.fourOverSix.isSquared);
  else setScales(pass, walk.groups);
  pass.outcome?.scales.set(pass.stored.subarray(0, walk.groups), group);
}
