/** The check of what one operand of a product is read as: its quantiser, its form and what is learned of it. */
import { checkAbsent, checkAscending } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import type { Quantizer } from '../quantizers/index.ts';
import { checkCurve } from './curve.ts';
import { settledOptions } from './engine/slot-spec.ts';
import type { LearnBits, LearnScale, OperandForm, OperandSpec } from './linear-slots.ts';
import { checkQuantizerSpec } from './quantizer-spec.ts';

/**
 * @param isOwned - whether the operand is its slot's own, so that scales and forms of it may be learned
 * @throws ArgumentError naming the field
 */
export function checkOperand(
  path: string,
  spec: OperandSpec | 'same' | null | undefined,
  { isOwned }: { readonly isOwned: boolean },
): void {
  if (spec == null || spec === 'same') return;
  const options = settledOptions(spec);
  if (spec.form !== undefined) checkForm(path, spec, spec.form);
  if (options === undefined) return;
  const made = checkQuantizerSpec(path, options, isOwned);
  if (isOwned) checkLearned(path, spec, made);
}

/** A form must have the quantiser that it is for, and its numbers must be trained. */
function checkForm(
  path: string,
  { format, transform: made, scale, learn }: OperandSpec,
  form: OperandForm,
): void {
  const learns = learn?.some(({ of }) => of === 'form') === true;
  checkAbsent(`${path}.transform`, made, 'nothing beside a form');
  if (form.kind === 'complex') checkAbsent(`${path}.format`, format, 'nothing: the form is the quantiser');
  else if (!learns)
    throw new ArgumentError(
      `${path}.learn`,
      learn,
      "[{ of: 'form', learningRate: ... }], as the form has numbers",
    );
  if (form.kind === 'power') {
    checkAscending(`${path}.form.bits`, form.bits, form.bits);
    if (scale?.from !== 'learned' || scale.per !== 'tensor')
      throw new ArgumentError(
        `${path}.scale`,
        scale,
        "{ per: 'tensor', from: 'learned', ... }, where the form is a power",
      );
  }
  if (form.kind !== 'low-rank') return;
  if (form.at === 'after' && format === undefined)
    throw new ArgumentError(`${path}.format`, format, 'a quantiser, after which the branch is added');
  if (form.at === 'before') checkAbsent(`${path}.form.fade`, form.fade, 'nothing but after the quantiser');
  if (form.fade !== undefined) checkCurve(form.fade, `${path}.form.fade`);
}

/** Learned scales must be trained, and what is trained must be learned, by a rule that has a gradient for it. */
function checkLearned(
  path: string,
  spec: OperandSpec,
  { scale, gradient, transform: made }: Quantizer,
): void {
  const { invert } = spec;
  spec.learn?.forEach((one, i) => {
    const { within: range } = one as Partial<LearnScale>;
    if (one.of !== 'scale') checkAbsent(`${path}.learn[${i}].within`, range, 'nothing but for scales');
    else if (range !== undefined) checkAscending(`${path}.learn[${i}].within`, range, range);
    if (one.of === 'bits') {
      checkBits(`${path}.learn[${i}]`, one, spec);
      checkAbsent(
        `${path}.learn[${i}].freeze`,
        (one as { readonly freeze?: unknown }).freeze,
        'nothing for bits',
      );
    } else
      for (const field of ['target', 'range', 'penalty'] as const)
        checkAbsent(
          `${path}.learn[${i}].${field}`,
          (one as { readonly [F in typeof field]?: unknown })[field],
          'nothing but for bits',
        );
  });
  const learn = spec.learn ?? [];
  const isLearned = scale.from === 'learned';
  const wanted = [
    'bits',
    ...(spec.form === undefined || spec.form.kind === 'complex' ? [] : ['form']),
    ...(gradient.name === 'levels' && !isLearned ? ['levels'] : []),
    ...(isLearned ? (scale.hasZeroPoint ? ['scale', 'zeroPoint'] : ['scale']) : []),
  ];
  learn.forEach(({ of }, i) => {
    const isRepeated = learn.findIndex((other) => other.of === of) < i;
    if (wanted.includes(of) && !isRepeated) return;
    const accepted = isRepeated
      ? 'each parameter once'
      : isLearned
        ? 'scale: zero points are learned with scale.initial minmax'
        : "nothing to learn, unless scale.from is 'learned', the rule levels, or there is a form";
    throw new ArgumentError(`${path}.learn[${i}].of`, of, accepted);
  });
  if (!isLearned) return;
  if (!learn.some(({ of }) => of === 'scale'))
    throw new ArgumentError(
      `${path}.learn`,
      spec.learn,
      "[{ of: 'scale', learningRate: ... }], where scales are learned",
    );
  if (gradient.name !== 'lsq')
    throw new ArgumentError(`${path}.gradient`, gradient.name, 'lsq, which has a gradient for scales');
  if (made !== undefined && invert === false)
    throw new ArgumentError(`${path}.invert`, invert, 'true, where scales are learned');
}

/** Bits are learned of noise that stays in, towards a target or within a range. */
function checkBits(path: string, { target, range }: LearnBits, { transform: given }: OperandSpec): void {
  const { name, bits, inverse } = (given ?? {}) as unknown as Readonly<Record<string, unknown>>;
  if (name !== 'noise' || typeof bits !== 'number' || inverse === 'subtract')
    throw new ArgumentError(
      `${path}.of`,
      'bits',
      'something else, unless the transform is noise of one number of bits that stays in (inverse keep)',
    );
  if ((target === undefined) === (range === undefined))
    throw new ArgumentError(`${path}.target`, target, 'a number of bits; or a range in its place');
  if (target !== undefined) {
    if (target === bits)
      throw new ArgumentError(`${path}.target`, target, `another number than the transform's`);
    return;
  }
  const [low, high] = range!;
  if (!(low < bits && bits < high))
    throw new ArgumentError(
      `${path}.range`,
      range,
      `two numbers below and above the transform's bits, ${bits}`,
    );
}
