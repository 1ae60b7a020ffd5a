/** Which tensors of a model are quantised and how: rules of globs on their names, later ones winning, and a quantiser for all others. */
import { checkAbsent, checkList, oneOf, pathOf, within } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { globMatcher } from '../glob.ts';
import { nearestWords } from '../nearest-words.ts';
import type { Quantizer, QuantizerOptions } from '../quantizers/index.ts';
import { checkSchema, fields, integer, list, maybe, type Schema, value } from '../schema.ts';
import { sizeOf } from '../shape.ts';
import { layoutOf, type TensorDescription, tensorQuantizer } from './layout.ts';
import type { MatrixDescription } from './matrix-layout.ts';
import { isReal, type StoredTensor } from './model-file.ts';

/** What becomes of tensors with certain names. */
export interface ModelRule {
  /** Glob of names: `*` stands for anything within a part of a name, between `.` and `/`, `**` for anything. */
  readonly match: string;
  /** A quantiser: its name, as `quantize` takes it, or its options; or `'keep'`. */
  readonly to: string | QuantizerOptions;
  /** The axis along which blocks lie. Default: the last. */
  readonly axis?: number;
}

const ruleSchema = fields({
  match: value<string>(
    (given) => typeof given === 'string' && given !== '' && given.length <= 1000,
    'a glob of names',
  ),
  to: value(
    (given) => (typeof given === 'string' && given !== '') || (typeof given === 'object' && given !== null),
    "a quantiser's name or options, or keep",
  ),
  axis: maybe(integer(-64, 63)),
}) as unknown as Schema<ModelRule>;
const rulesSchema = list(ruleSchema, 0, 10_000);

/** Rules as a file has them, checked. Throws ArgumentError below `path`. */
export function checkRules(path: string, given: unknown): readonly ModelRule[] {
  return checkSchema(path, checkList(path, given, 'a list of rules { match, to }'), rulesSchema);
}

/** How a tensor is quantised; undefined: it is kept. */
export type Choice = {
  readonly quantizer: Quantizer;
  readonly said: Pick<TensorDescription, 'quantizer' | 'axis'>;
  /** Of methods that take it as a matrix, of which the quantiser is then: what the file says of it, but for names. */
  readonly matrix?: MatrixDescription;
};

/** What is said for all tensors. */
interface ChoiceOptions {
  readonly to?: string | QuantizerOptions | undefined;
  readonly axis?: number | undefined;
  readonly rules?: readonly ModelRule[] | undefined;
  readonly more: Pick<QuantizerOptions, 'rounding' | 'nan' | 'seed'>;
  /** Whether scales are searched for the least squared error, whatever the quantiser takes them from. */
  readonly searches: boolean;
  /** Whether tensors become matrices, whose inputs are the first axis (0) or the last (-1): blocks lie along the inputs. */
  readonly isMatrix: boolean;
}

/** Refuses scales that would be one tensor's and then the next one's, and a search of those that are said. */
function checkScale({ scale }: Quantizer, path: string, searches: boolean): void {
  if (scale.from === 'learned')
    throw new ArgumentError(
      `${path}, scale.from`,
      scale.from,
      'a statistic or constant: nothing is learned here',
    );
  for (const name of ['decay', 'history'] as const)
    checkAbsent(`${path}, scale.${name}`, scale[name], 'nothing, as each tensor is read once');
  if (searches && scale.from === 'constant')
    throw new ArgumentError(
      path,
      'constant scales',
      'a quantiser whose scales can be searched, with after mse',
    );
}

/** A rule, or what is said for all others, as a choice. */
function choiceOf(
  { to, axis }: Pick<ModelRule, 'to' | 'axis'>,
  path: string,
  { more, searches, isMatrix }: Pick<ChoiceOptions, 'more' | 'searches' | 'isMatrix'>,
): Choice | undefined {
  if (to === 'keep') {
    checkAbsent(`${path}, axis`, axis, 'nothing for tensors that are kept');
    return undefined;
  }
  const place = axis === undefined ? {} : { axis };
  if (isMatrix && axis !== undefined) oneOf(`${path}, axis`, axis, [0, -1]);
  const said = { quantizer: to, ...place };
  const first = tensorQuantizer(isMatrix ? { quantizer: to } : said, path, more);
  const options = first.toJSON();
  checkScale(first, path, searches);
  const searched = { ...options, scale: { ...options.scale, from: 'mse' } } as QuantizerOptions;
  const made = searches ? tensorQuantizer({ quantizer: searched }, path) : first;
  // A rounding or a search is not in the name of a quantiser, but in its options.
  const isNamed = typeof to === 'string' && more.rounding === undefined && !searches;
  return { quantizer: made, said: isNamed ? said : { quantizer: made.toJSON(), ...(isMatrix && place) } };
}

/**
 * The choice for each tensor. Without a rule for it, a tensor of floats with two axes or more is quantised as `to` says, any tensor of
 * floats where none has two axes; others are kept.
 *
 * @throws ArgumentError for a rule that is for no tensor, or a quantiser that does not fit.
 */
export function chooseQuantizers(
  tensors: readonly StoredTensor[],
  { to = 'keep', axis, rules = [], more, searches, isMatrix }: ChoiceOptions,
): ReadonlyMap<StoredTensor, Choice> {
  const others = choiceOf({ to, ...(axis !== undefined && { axis }) }, 'to', { more, searches, isMatrix });
  const made = rules.map((rule, i) => ({
    isMeant: globMatcher(rule.match, './'),
    choice: choiceOf(rule, pathOf('rules', i), { more, searches, isMatrix }),
    isUsed: false,
  }));
  const isWanted = (tensor: StoredTensor): boolean => isReal(tensor) && sizeOf(tensor.shape) > 0;
  const hasMatrices = tensors.some((tensor) => isWanted(tensor) && tensor.shape.length > 1);
  const chosen = new Map<StoredTensor, Choice>();
  for (const tensor of tensors) {
    const mine = made.filter(({ isMeant }) => isMeant(tensor.name));
    for (const rule of mine) rule.isUsed = true;
    if (!isWanted(tensor)) continue;
    const isUsual = tensor.shape.length > 1 || !hasMatrices;
    const choice = mine.length > 0 ? mine.at(-1)!.choice : isUsual ? others : undefined;
    if (choice === undefined) continue;
    within(`tensor ${tensor.name}`, () => layoutOf(choice.quantizer, tensor.shape));
    chosen.set(tensor, choice);
  }
  const unused = made.findIndex(({ isUsed }) => !isUsed);
  if (unused >= 0) {
    const { match } = rules[unused]!;
    const names = tensors.map(({ name }) => name).filter((name) => name.length < 100);
    const [near] = nearestWords(match, names.slice(0, 1000));
    const hint = near === undefined ? '' : ` (did you mean ${near}?)`;
    throw new ArgumentError(
      pathOf('rules', unused),
      match,
      `a glob of some tensor's name, ** for what goes across . and /${hint}`,
    );
  }
  return chosen;
}
