/**
 * Globs of names: `*` stands for any characters, or for those within a part of a name, `**` for any. Matching takes time
 * proportional to the product of both lengths, whatever the glob is: a set of places in the glob moves along the name.
 */

/** A character that must be there, or a run of any characters; `isFree`: separators too. */
type Token = string | { readonly isFree: boolean };

function tokensOf(glob: string, separators: string): Token[] {
  const parts = glob.split(/(\*+)/);
  return parts.flatMap((part): Token[] =>
    part.startsWith('*') ? [{ isFree: part.length > 1 || separators === '' }] : part.split(''),
  );
}

/**
 * A test of whole names.
 *
 * @param separators characters that `*` stops at and `**` does not
 * @example
 * globMatcher('layers.*.mlp.**', '.')('layers.0.mlp.down.bias'); // true
 */
export function globMatcher(glob: string, separators = ''): (name: string) => boolean {
  const tokens = tokensOf(glob, separators);
  /** Adds a place, and those that are reached from it without a character. */
  const reach = (places: Uint8Array, place: number): void => {
    let at = place;
    while (places[at] === 0) {
      places[at] = 1;
      if (typeof tokens[at] !== 'object') return;
      at++;
    }
  };
  return (name) => {
    let places = new Uint8Array(tokens.length + 1);
    reach(places, 0);
    for (let i = 0; i < name.length; i++) {
      const unit = name[i]!;
      const next = new Uint8Array(tokens.length + 1);
      for (const [at, token] of tokens.entries()) {
        if (places[at] === 0) continue;
        if (token === unit) reach(next, at + 1);
        else if (typeof token === 'object' && (token.isFree || !separators.includes(unit))) reach(next, at);
      }
      places = next;
    }
    return places[tokens.length] === 1;
  };
}
