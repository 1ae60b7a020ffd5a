/**
 * Names of formats as types: what `names.ts` reads when a program runs, read by TypeScript where a name is written out, so that a
 * wrong one does not compile. Names in variables are not known before the program runs and pass, as do names of registered formats
 * with `as string`. Of numbers in names only that they are numbers is looked at: `float(99,1)` compiles and is refused when it runs.
 */
import type { aliases } from './aliases.ts';
import type { BlockFormatName } from './block.ts';
import type { Catalogue, FormatName } from './catalogue.ts';
import type { Format, Specials } from './format.ts';

/** A name of a format of numbers: the catalogue's complete in an editor, and any spelling that `parseFormat` reads will do. */
export type FormatSpelling = FormatName | (string & Record<never, never>);

/** The same of block formats. */
export type BlockFormatSpelling = BlockFormatName | (string & Record<never, never>);

/** The same of quantisers by text. */
export type QuantizerSpelling = FormatName | BlockFormatName | (string & Record<never, never>);

type Digit = '0' | '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9';
type Mark = '-' | '_' | '.' | ' ';
type StartsWithDigit<S extends string> = S extends `${Digit}${string}` ? true : false;

/** A name without the marks that spelling does not distinguish: `-`, `_`, `.` and blanks, except between digits. */
type Unmarked<
  S extends string,
  Before extends string = '',
  Done extends string = '',
> = S extends `${infer C}${infer Rest}`
  ? C extends Mark
    ? [Before extends Digit ? true : false, StartsWithDigit<Rest>] extends [true, true]
      ? Unmarked<Rest, C, `${Done}${C}`>
      : Unmarked<Rest, C, Done>
    : Unmarked<Rest, C, `${Done}${C}`>
  : Done;

type Trimmed<S extends string> = S extends ` ${infer R}` | `${infer R} ` ? Trimmed<R> : S;

type WithoutBlanks<S extends string, Done extends string = ''> = S extends `${infer A} ${infer B}`
  ? WithoutBlanks<B, `${Done}${A}`>
  : `${Done}${S}`;

type Module = 'torch' | 'tf' | 'np' | 'numpy' | 'jnp' | 'ml_dtypes' | 'tensorproto';
type WithoutModule<S extends string> = S extends `${Module}.${infer Name}` ? Name : S;

type OtherNames = typeof aliases;
type Key<Name extends string, Aliased extends string> = Unmarked<
  Lowercase<Name | OtherNames[Aliased & keyof OtherNames][number]>
>;
type FormatKey = Key<FormatName, FormatName>;
type BlockKey = Key<BlockFormatName, BlockFormatName>;

type Digits = Digit | `${Digit}${Digit}`;
/** Names by rule, without marks. */
type FormatByRule =
  | `${'' | 'u'}int${Digits}`
  | `int${Digits}symmetric`
  | `${'i' | 's' | 'u'}${Digits}`
  | `midrise${'1' | '2' | '3' | '4' | '5' | '6' | '7' | '8'}`
  | `binary${number}p${number}${'s' | 'u'}${'e' | 'f'}`;

type FloatPart =
  | Specials
  | 'unsigned'
  | `${'bias' | 'emax' | 'bits'}=${number}`
  | `domain=${'extended' | 'finite'}`
  | 'zero=false'
  | `subnormals=${'false' | 'normal'}`;
type AreFloatParts<S extends string> = S extends `${infer Part},${infer Rest}`
  ? Part extends FloatPart
    ? AreFloatParts<Rest>
    : false
  : S extends FloatPart
    ? true
    : false;

type Numbers = `${number},${number}`;
/** Whether a name in lower case and without blanks is one of a format with parameters in brackets. */
type IsCall<S extends string> = S extends
  | `${'fixed' | 'posit' | 'logarithmic'}(${Numbers})`
  | `fixed(${Numbers},unsigned)`
  | `float(${number | 'infinity'},${number})`
  ? true
  : S extends `float(${number | 'infinity'},${number},${infer Parts})`
    ? AreFloatParts<Parts>
    : false;
type IsBlockCall<S extends string> = S extends `bfp(${Numbers})` | `bfp(${Numbers},${number})` ? true : false;

type IsFormat<S extends string> = S extends FormatName
  ? true
  : S extends `${string}(${string}`
    ? IsCall<WithoutBlanks<Lowercase<S>>>
    : Trimmed<Lowercase<S>> extends 'fp8-e4m3'
      ? false
      : Unmarked<WithoutModule<Trimmed<Lowercase<S>>>> extends FormatKey | FormatByRule
        ? true
        : false;
type IsBlockFormat<S extends string> = S extends BlockFormatName
  ? true
  : S extends `${string}(${string}`
    ? IsBlockCall<WithoutBlanks<Lowercase<S>>>
    : Unmarked<WithoutModule<Trimmed<Lowercase<S>>>> extends BlockKey
      ? true
      : false;

/** Whether a type is that of many texts, `string` or `e${number}m2`, and not one that was written out. */
type IsOpen<S extends string> = Record<never, never> extends Record<S, true> ? true : false;

type IsKnown<S extends string> = IsFormat<S> extends true ? true : IsBlockFormat<S>;

/** A name of a format of numbers as it was written, or the names of the catalogue where there is no such format. */
type NamedFormat<F extends string> = F extends string
  ? IsOpen<F> extends true
    ? F
    : IsFormat<F> extends true
      ? F
      : FormatName
  : never;

/** A name of a format of numbers: one that there is, where it is written out. */
export type FormatNameArgument<F extends string> = FormatName | NamedFormat<F>;

/** A format of numbers, or its name. */
export type FormatArgument<F extends string> = Format | FormatNameArgument<F>;

/** Formats and their names among the types of other arguments, where names that are written out are checked. */
export type CheckedFormat<F> = F extends string ? NamedFormat<F> : F;

/** Any name that `parseFormat` reads, checked in the same way. */
export type AnyFormatName<F extends string> = F extends string
  ? IsOpen<F> extends true
    ? F
    : IsKnown<F> extends true
      ? F
      : Lowercase<Trimmed<F>> extends 'fourthroots'
        ? F
        : keyof Catalogue
  : never;

type GroupingPart = 'tensor' | 'row' | 'column' | `block:${number}` | `tile:${number}x${number}`;
type StatisticPart = 'absmax' | 'absmean' | 'absmedian' | 'rms' | 'std' | 'minmax' | 'mse';
/** Whether each part of the text of a quantiser is one. */
type AreScaleParts<S extends string> = S extends `${infer Part}/${infer Rest}`
  ? AreScaleParts<Part> extends true
    ? AreScaleParts<Rest>
    : false
  : Trimmed<S> extends `scale:${infer Name}`
    ? IsFormat<Name>
    : Trimmed<S> extends GroupingPart | StatisticPart | 'unscaled'
      ? true
      : false;

/** The text of a quantiser as it was written, or texts near it where there is no such quantiser. */
export type QuantizerText<T extends string> = T extends string
  ? IsOpen<T> extends true
    ? T
    : T extends `${infer Name}/${infer Parts}`
      ? IsFormat<Trimmed<Name>> extends true
        ? AreScaleParts<Lowercase<Parts>> extends true
          ? T
          : `${Name}/${'tensor' | 'row' | 'column' | 'block:32' | 'tile:16x16' | 'unscaled'}`
        : FormatName | BlockFormatName
      : IsKnown<T> extends true
        ? T
        : FormatName | BlockFormatName
  : never;
