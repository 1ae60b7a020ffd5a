/**
 * A sweep as a page of documentation: Markdown with set-up, tables and pictures, the pictures and the numbers as files
 * beside it. Everything on it is written anew each time but the verdict, which a person writes and the page keeps.
 */
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileNameWords, isFileName } from '../check.ts';
import { grouped } from '../cli/compare/table.ts';
import { dataArguments } from '../cli/data-options.ts';
import { readText } from '../cli/read-file.ts';
import { type RecordedConfig, readConfig } from '../cli/run-files.ts';
import { allSeeds, estimatedHours } from '../cli/sweep/definition.ts';
import { sweepFigures } from '../cli/sweep/figures.ts';
import { isComplete, type SweepResults, statusOf } from '../cli/sweep/results.ts';
import type { SweepArm } from '../cli/sweep/sweep-run.ts';
import {
  contrastTable,
  notesOf,
  type SweepTable,
  stabilityTable,
  sweepCsv,
  sweepJson,
  sweepTable,
} from '../cli/sweep/tables.ts';
import { ArgumentError, printable } from '../errors.ts';
import { largestFile } from '../files/read.ts';
import { prepareFolder, writeWholeFile } from '../files/write.ts';
import { jsonText } from '../json.ts';
import { divergenceInWords, models, parameterCounts } from '../train/index.ts';

const opening = '<!-- verdict: what stands between these lines is kept when the page is written anew -->';
const closing = '<!-- end of the verdict -->';
const noVerdict = 'None yet.';

/**
 * The verdict of a page that was written before, or that there is none.
 *
 * @throws ArgumentError if the page has no place for one: it is no page of a study
 */
function verdictOf(page: string | null, path: string): string {
  if (page === null) return noVerdict;
  const from = page.indexOf(opening);
  const to = page.indexOf(closing);
  if (from < 0 || to < from)
    throw new ArgumentError('--page', path, 'a file that does not exist, or a page of a study');
  return page.slice(from + opening.length, to).trim();
}

/** The verdict of the page that is there, or that there is none. Throws ArgumentError naming `--page`. */
function verdictOfFile(path: string): string {
  return verdictOf(existsSync(path) ? readText(path, '--page', largestFile.settings) : null, path);
}

/** The name of a page's file without its ending: those of the files beside it begin with it. */
function pageName(path: string): string {
  const name = basename(path).replace(/\.md$/, '');
  if (!path.endsWith(`${name}.md`) || !isFileName(name))
    throw new ArgumentError('--page', path, `a file NAME.md, NAME being ${fileNameWords}`);
  return name;
}

/** Throws ArgumentError naming `--page` unless a page may be written there and its verdict, if it has one, be kept. */
export function checkPage(path: string): void {
  pageName(path);
  verdictOfFile(path);
}

/** Makes the folders of a page, and sure that files can be written into them. Throws ArgumentError naming `--page`. */
export function preparePage(path: string): void {
  for (const folder of ['.', 'figures', 'data']) prepareFolder(join(dirname(path), folder), '--page');
}

/** A text in which nothing is Markdown or HTML. */
function markdownText(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
  return printable(text).replace(/[\\`*[\]<>&|]/g, (mark) => entities[mark] ?? `\\${mark}`);
}

/** A text as code, whatever quotes it has. */
function codeSpan(text: string): string {
  const shown = printable(text);
  const fence = '`'.repeat(1 + Math.max(0, ...(shown.match(/`+/g) ?? []).map(({ length }) => length)));
  return fence.length === 1 ? `${fence}${shown}${fence}` : `${fence} ${shown} ${fence}`;
}

function markdownTable({ columns, rows }: SweepTable): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(markdownText).join(' | ')} |`;
  const rule = columns.map(({ align }) => (align === 'left' ? '---' : '---:'));
  return [line(columns.map(({ name }) => name)), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n');
}

/** Sizes of the data in words, and what the model has as inputs and outputs. */
function dataOf({ text, samples }: RecordedConfig, predictions: number) {
  if (samples !== undefined) {
    const { name, features, classes, trainingSamples } = samples;
    return {
      sizes: [features, classes.length] as const,
      words: `${name}, ${grouped(trainingSamples)} samples of ${classes.length} classes to train on; final validation on ${grouped(predictions)} samples`,
    };
  }
  const { name, vocabulary, trainingCharacters } = text!;
  return {
    sizes: [vocabulary, vocabulary] as const,
    words: `${name}, ${grouped(trainingCharacters)} characters to train on; final validation on ${grouped(predictions)} characters`,
  };
}

/** What an arm has in place of the sweep's, in words; undefined: nothing. */
function ownOf({ name, model, steps, data }: SweepArm): string | undefined {
  const own = [model, steps && `${steps} steps`, data && dataArguments(data).join(' ')].filter(Boolean);
  return own.length === 0 ? undefined : `${codeSpan(name)} ${markdownText(own.join(', '))}`;
}

/** The set-up, as the runs themselves recorded it. */
function setUp({ sweep, finished, planned }: SweepResults, folder: string, command: string): string[] {
  // One that diverged was not validated; one with data of its own speaks of these.
  const usual = finished.filter(({ run: { arm } }) => arm.data === undefined);
  const first = usual.find(({ result }) => result.validationPredictions > 0) ?? usual[0];
  const hours = estimatedHours(
    sweep,
    sweep.arms.flatMap((arm) => arm.seeds.map(() => arm)),
    2,
  ).toFixed(1);
  const own = sweep.arms.flatMap((arm) => ownOf(arm) ?? []);
  const lines = [
    `Command: ${codeSpan(command)}; about ${hours} h for all ${planned} runs on two idle cores. Finished runs are not trained again, stopped ones go on.`,
    `${sweep.steps} steps; seeds ${allSeeds(sweep).join(', ')}; every arm of a seed has the same initial weights and data order.`,
    ...(own.length === 0 ? [] : [`Arms of their own: ${own.join('; ')}.`]),
  ];
  if (first === undefined) return [...lines, `Model \`${sweep.model}\`.`];
  const config = readConfig(join(folder, first.run.id));
  const { sizes, words } = dataOf(config, first.result.validationPredictions);
  const { cpu, cores, memoryGiB, node, packages } = config.environment;
  const machine = markdownText(
    `${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node}, TensorFlow.js ${packages['@tensorflow/tfjs'] ?? 'unknown'}`,
  );
  const parameters = parameterCounts(models[sweep.model]!, ...sizes).reduce((sum, { size }) => sum + size, 0);
  const coreHours = finished.reduce((sum, { result }) => sum + result.seconds, 0) / 3600;
  const newest = finished.reduce(
    (latest, { run }) => Math.max(latest, statSync(join(folder, run.id, 'result.json')).mtimeMs),
    0,
  );
  return [
    ...lines,
    `Model \`${sweep.model}\`, ${grouped(parameters)} parameters. Data: ${markdownText(words)}.`,
    `Machine: ${machine} (wasm). ${coreHours.toFixed(1)} core-hours of training steps, on cores that other work shared perhaps; last run finished ${new Date(newest).toISOString().slice(0, 10)}.`,
  ];
}

const stabilityWords =
  'Runs that lost what they had learned, by recipe and learning rate: that diverged, or whose last 20 losses lie half a nat above the least 20 in a row.';

/** What of a study's page is on disk beside it, by path relative to the page. */
interface StudyPage {
  readonly markdown: string;
  readonly files: ReadonlyMap<string, string>;
}

/**
 * Makes the page of a sweep and the files that it shows.
 *
 * @param name of the page without its ending; the files beside it are named after it
 * @param folder of the run folders
 */
export function studyPage(
  results: SweepResults,
  options: {
    readonly name: string;
    readonly folder: string;
    readonly command: string;
    readonly verdict: string;
  },
): StudyPage {
  const { name, folder, command, verdict } = options;
  const { sweep, contrasts, rows } = results;
  const files = new Map([
    [`data/${name}.json`, `${jsonText(sweepJson(results), 1)}\n`],
    [`data/${name}.csv`, sweepCsv(results)],
  ]);
  const figures = sweepFigures(results).map((figure) => {
    const path = `figures/${name}-${figure.name}.svg`;
    files.set(path, figure.svg);
    return `![${figure.title}](${path})`;
  });
  const diverged = rows.flatMap(({ arm, diverged: list }) =>
    list.map(
      ({ seed, ...divergence }) =>
        `- ${arm.name}, seed ${seed}: ${markdownText(divergenceInWords(divergence))}`,
    ),
  );
  const stability = stabilityTable(results);
  const warning = isComplete(results)
    ? []
    : ['Arms without all of their seeds are not settled; what is said below holds for what is there.'];
  const parts = [
    `# ${markdownText(sweep.title)}`,
    `Claim under test: ${markdownText(sweep.claim)}`,
    `**Status: ${statusOf(results)}.** ${warning.join(' ')}`.trim(),
    '## Verdict',
    `${opening}\n${verdict}\n${closing}`,
    '## Set-up',
    setUp(results, folder, command)
      .map((line) => `- ${line}`)
      .join('\n'),
    '## Results',
    markdownTable(sweepTable(results)),
    markdownText(notesOf(results).join(' ')),
    `In full, run by run: [JSON](data/${name}.json), [CSV](data/${name}.csv).`,
    ...(stability === null ? [] : [stabilityWords, markdownTable(stability)]),
    ...(diverged.length > 0 ? ['Diverged:', diverged.join('\n')] : []),
    ...(contrasts.length > 0 ? ['## Contrasts', markdownTable(contrastTable(results))] : []),
    ...(figures.length > 0 ? ['## Figures', ...figures] : []),
  ];
  return { markdown: `${parts.join('\n\n')}\n`, files };
}

/** Writes a study's page and the files beside it; the verdict of the page that was there stays. */
export function writeStudyPage(results: SweepResults, path: string, folder: string, command: string): void {
  const name = pageName(path);
  const verdict = verdictOfFile(path);
  preparePage(path);
  const { markdown, files } = studyPage(results, { name, folder, command, verdict });
  for (const [file, content] of files) {
    writeWholeFile(join(dirname(path), file), content);
  }
  writeWholeFile(path, markdown);
}
