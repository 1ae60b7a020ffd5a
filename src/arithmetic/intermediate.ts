/**
 * Results of the operations in binary64, rounded to odd: where the exact result is not a binary64 number, the neighbour whose
 * last bit is 1. A second rounding of such a number to a format of at most 51 bits is as good as the only one: Boldo and
 * Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd", IEEE Transactions on
 * Computers 57(4), 2008. The error of the first is found by error-free transformations: Knuth's two-sum, Dekker's product.
 *
 * Operands are finite. A function gives NaN where a binary64 number might overflow or lie where its error is no longer
 * one; `exact.ts` has the result then.
 */
const float64 = new Float64Array(1);
const words = new Uint32Array(float64.buffer);
const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
const low = isLittleEndian ? 0 : 1;
const high = 1 - low;

// Between these bounds products, their errors (2^-106 as large) and sums of them are normal numbers.
const least = 2 ** -960;
const most = 2 ** 1020;
/** Factors up to here can be cut into halves. */
const mostFactor = 2 ** 990;

function isMiddling(x: number): boolean {
  const magnitude = Math.abs(x);
  return magnitude >= least && magnitude <= most;
}

/** Whether the last bit of a number's binary64 significand is 0; so no inexact result rounded to odd is. Not for NaN. */
export function isEven(x: number): boolean {
  float64[0] = x;
  return (words[low]! & 1) === 0;
}

/** hi + error rounded to odd, where hi is the binary64 number nearest to it. */
function toOdd(hi: number, error: number): number {
  if (error === 0) return hi;
  float64[0] = hi;
  const lowWord = words[low]!;
  if ((lowWord & 1) === 1) return hi;
  if (error > 0 === hi > 0) words[low] = lowWord + 1;
  else {
    words[low] = lowWord - 1;
    if (lowWord === 0) words[high]!--;
  }
  return float64[0]!;
}

/** The error of sum = a + b, exact unless something overflows. Knuth, The Art of Computer Programming 2, section 4.2.2. */
function sumError(a: number, b: number, sum: number): number {
  const other = sum - a;
  return a - (sum - other) + (b - other);
}

function oddSumUnbounded(a: number, b: number): number {
  const sum = a + b;
  return toOdd(sum, sumError(a, b, sum));
}

/** a + b rounded to odd. */
export function oddSum(a: number, b: number): number {
  if (Math.abs(a) > most || Math.abs(b) > most) return NaN;
  return oddSumUnbounded(a, b);
}

const splitter = 2 ** 27 + 1;

/** The error of product = a b. Dekker, "A floating-point technique for extending the available precision", 1971. */
function productError(a: number, b: number, product: number): number {
  const bigA = splitter * a;
  const highA = bigA - (bigA - a);
  const lowA = a - highA;
  const bigB = splitter * b;
  const highB = bigB - (bigB - b);
  const lowB = b - highB;
  return lowA * lowB - (product - highA * highB - lowA * highB - highA * lowB);
}

/** Whether `productError` is exact. */
function isSafeProduct(a: number, b: number, product: number): boolean {
  return isMiddling(product) && Math.abs(a) <= mostFactor && Math.abs(b) <= mostFactor;
}

/** a b rounded to odd, for non-zero numbers. */
export function oddProduct(a: number, b: number): number {
  const product = a * b;
  return isSafeProduct(a, b, product) ? toOdd(product, productError(a, b, product)) : NaN;
}

/** a / b rounded to odd, for non-zero numbers. The remainder a - (a / b) b is a binary64 number. */
export function oddQuotient(a: number, b: number): number {
  const quotient = a / b;
  const product = quotient * b;
  if (!isMiddling(a) || !isMiddling(quotient) || !isSafeProduct(quotient, b, product)) return NaN;
  const remainder = a - product - productError(quotient, b, product);
  return toOdd(quotient, b < 0 ? -remainder : remainder);
}

/** The square root of a positive number rounded to odd. The remainder is a binary64 number, as that of the quotient. */
export function oddRoot(a: number): number {
  if (!isMiddling(a)) return NaN;
  const root = Math.sqrt(a);
  const square = root * root;
  return toOdd(root, a - square - productError(root, root, square));
}

/** a b + c rounded to odd, for non-zero a and b. */
export function oddMultiplyAdd(a: number, b: number, c: number): number {
  const product = a * b;
  if (!isSafeProduct(a, b, product) || Math.abs(c) > most) return NaN;
  const error = productError(a, b, product);
  if (error === 0) return oddSumUnbounded(product, c);
  // The sum of three: what is left of it below its leading part is rounded to odd first.
  const tail = c + error;
  const head = product + tail;
  return oddSumUnbounded(head, oddSumUnbounded(sumError(c, error, tail), sumError(product, tail, head)));
}

/** a b + c rounded to nearest even, for non-zero a and b: the last addition of `oddMultiplyAdd` is an ordinary one. */
export function nearestMultiplyAdd(a: number, b: number, c: number): number {
  const product = a * b;
  if (!isSafeProduct(a, b, product) || Math.abs(c) > most) return NaN;
  const error = productError(a, b, product);
  const tail = c + error;
  const head = product + tail;
  return head + oddSumUnbounded(sumError(c, error, tail), sumError(product, tail, head));
}
