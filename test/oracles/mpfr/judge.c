/*
 * Elementary functions by GNU MPFR, as the judge of the library's own: reads pairs of binary64 numbers from standard input and writes
 * f(x), or f(x, y), rounded to odd in binary64: the truncated result, its last bit 1 if anything was cut off. It lies on the
 * same side as the exact result of every number of at most 52 bits. Magnitudes beyond 2^1000 become the largest binary64 number, below
 * 2^-1000 the smallest; both are odd. NaN, infinities and zeros are MPFR's, which follows IEEE 754.
 *
 *   cc -O2 -o judge judge.c -lmpfr -lgmp -lm && ./judge exp < arguments > results
 *
 * MPFR rounds its functions correctly. What it lacks, sigmoid, softplus, silu and gelu, is computed with 400 binary digits, 800 and so on,
 * until two agree.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <mpfr.h>

typedef int (*unary)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);
typedef int (*binary)(mpfr_ptr, mpfr_srcptr, mpfr_srcptr, mpfr_rnd_t);
/* A function that MPFR does not have, to about the precision of its result. */
typedef void (*composed)(mpfr_ptr, mpfr_srcptr);

static void sigmoid(mpfr_ptr y, mpfr_srcptr x) {
  mpfr_neg(y, x, MPFR_RNDN);
  mpfr_exp(y, y, MPFR_RNDN);
  mpfr_add_ui(y, y, 1, MPFR_RNDN);
  mpfr_ui_div(y, 1, y, MPFR_RNDN);
}

static void silu(mpfr_ptr y, mpfr_srcptr x) {
  sigmoid(y, x);
  mpfr_mul(y, y, x, MPFR_RNDN);
}

static void softplus(mpfr_ptr y, mpfr_srcptr x) {
  mpfr_exp(y, x, MPFR_RNDN);
  mpfr_log1p(y, y, MPFR_RNDN);
}

/* x Phi(x) = x erfc(-x / sqrt 2) / 2 */
static void gelu(mpfr_ptr y, mpfr_srcptr x) {
  mpfr_t root;
  mpfr_init2(root, mpfr_get_prec(y));
  mpfr_sqrt_ui(root, 2, MPFR_RNDN);
  mpfr_div(y, x, root, MPFR_RNDN);
  mpfr_neg(y, y, MPFR_RNDN);
  mpfr_erfc(y, y, MPFR_RNDN);
  mpfr_mul(y, y, x, MPFR_RNDN);
  mpfr_div_ui(y, y, 2, MPFR_RNDN);
  mpfr_clear(root);
}

static const struct {
  const char *name;
  unary one;
  binary two;
  composed made;
} functions[] = {
    {"exp", mpfr_exp, 0, 0},        {"log", mpfr_log, 0, 0},      {"exp2", mpfr_exp2, 0, 0},
    {"exp10", mpfr_exp10, 0, 0},    {"log2", mpfr_log2, 0, 0},    {"log10", mpfr_log10, 0, 0},
    {"log1p", mpfr_log1p, 0, 0},    {"expm1", mpfr_expm1, 0, 0},  {"sin", mpfr_sin, 0, 0},
    {"cos", mpfr_cos, 0, 0},        {"tan", mpfr_tan, 0, 0},      {"asin", mpfr_asin, 0, 0},
    {"acos", mpfr_acos, 0, 0},      {"atan", mpfr_atan, 0, 0},    {"sinh", mpfr_sinh, 0, 0},
    {"cosh", mpfr_cosh, 0, 0},      {"tanh", mpfr_tanh, 0, 0},    {"asinh", mpfr_asinh, 0, 0},
    {"acosh", mpfr_acosh, 0, 0},    {"atanh", mpfr_atanh, 0, 0},  {"sinPi", mpfr_sinpi, 0, 0},
    {"cosPi", mpfr_cospi, 0, 0},    {"tanPi", mpfr_tanpi, 0, 0},  {"rsqrt", mpfr_rec_sqrt, 0, 0},
    {"cbrt", mpfr_cbrt, 0, 0},      {"erf", mpfr_erf, 0, 0},      {"erfc", mpfr_erfc, 0, 0},
    {"sigmoid", 0, 0, sigmoid},     {"softplus", 0, 0, softplus}, {"silu", 0, 0, silu},
    {"gelu", 0, 0, gelu},           {"pow", 0, mpfr_pow, 0},      {"hypot", 0, mpfr_hypot, 0},
    {"atan2", 0, mpfr_atan2, 0},
};

/* A truncated result of 53 bits and whether something was cut off, rounded to odd. */
static double odd(mpfr_srcptr y, int inexact) {
  if (mpfr_nan_p(y) || mpfr_inf_p(y) || (mpfr_zero_p(y) && !inexact)) return mpfr_get_d(y, MPFR_RNDZ);
  double sign = mpfr_signbit(y) ? -1.0 : 1.0;
  if (mpfr_zero_p(y) || mpfr_get_exp(y) < -1000) return sign * 0x1p-1074;
  if (mpfr_get_exp(y) > 1000) return sign * 0x1.fffffffffffffp+1023;
  double truncated = mpfr_get_d(y, MPFR_RNDZ);
  uint64_t bits;
  memcpy(&bits, &truncated, sizeof bits);
  if (inexact) bits |= 1;
  memcpy(&truncated, &bits, sizeof bits);
  return truncated;
}

/* A number above or below x by less than a unit in its last place, rounded to odd. */
static double beside(double x, int is_above) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  if (!(bits & 1)) x = nextafter(x, is_above ? INFINITY : 0);
  return x;
}

/* The limits of what MPFR does not have; 1 if x is such a case, or the result needs no digits. */
static int limit_of(const char *name, double x, double *result) {
  int is_gate = !strcmp(name, "silu") || !strcmp(name, "gelu");
  if (isnan(x)) *result = x;
  else if (is_gate && x == 0) *result = x;
  else if (isinf(x)) *result = x > 0 ? (strcmp(name, "sigmoid") ? x : 1) : is_gate ? -0.0 : 0;
  else if (!strcmp(name, "sigmoid") && x == 0) *result = 0.5;
  /* Next to 0, 1 or x by less than e^-50 of it: no number of digits is needed, rounding to odd says on which side. */
  else if (x < -1100) *result = is_gate ? -0x1p-1074 : 0x1p-1074;
  else if (x > 60 && !strcmp(name, "sigmoid")) *result = nextafter(1, 0);
  else if (x > 60 || (x > 10 && !strcmp(name, "gelu"))) *result = beside(x, !strcmp(name, "softplus"));
  else return 0;
  return 1;
}

static double compose(const char *name, composed made, double x) {
  double limit;
  if (limit_of(name, x, &limit)) return limit;
  double last = 0;
  for (mpfr_prec_t bits = 400;; bits *= 2) {
    mpfr_t argument, y, cut;
    mpfr_init2(argument, 53);
    mpfr_init2(y, bits);
    mpfr_init2(cut, 53);
    mpfr_set_d(argument, x, MPFR_RNDN);
    made(y, argument);
    int inexact = mpfr_set(cut, y, MPFR_RNDZ);
    double result = odd(cut, inexact);
    mpfr_clears(argument, y, cut, (mpfr_ptr)0);
    if (bits > 400 && memcmp(&result, &last, sizeof result) == 0) return result;
    last = result;
  }
}

int main(int count, char **words) {
  size_t i, n = sizeof functions / sizeof functions[0];
  for (i = 0; i < n && (count < 2 || strcmp(words[1], functions[i].name)); i++) {}
  if (i == n) {
    fprintf(stderr, "usage: judge FUNCTION < pairs of binary64 numbers\n");
    return 2;
  }
  double pair[2];
  mpfr_t x, y, z;
  mpfr_inits2(53, x, y, z, (mpfr_ptr)0);
  while (fread(pair, sizeof pair[0], 2, stdin) == 2) {
    double result;
    if (functions[i].made) result = compose(functions[i].name, functions[i].made, pair[0]);
    else {
      mpfr_set_d(x, pair[0], MPFR_RNDN);
      mpfr_set_d(y, pair[1], MPFR_RNDN);
      int inexact = functions[i].one ? functions[i].one(z, x, MPFR_RNDZ) : functions[i].two(z, x, y, MPFR_RNDZ);
      result = odd(z, inexact);
    }
    fwrite(&result, sizeof result, 1, stdout);
  }
  mpfr_clears(x, y, z, (mpfr_ptr)0);
  return 0;
}
