/** Words of a stream of text, in blocks with the lines they stand on, however the stream is cut into pieces. */

/** Words in order. */
interface Words {
  readonly texts: readonly string[];
  /** The number of the line, from 1, on which the word of an index stands. */
  lineOf(index: number): number;
}

function wordsIn(text: string, firstLine: number): Words {
  return {
    texts: text.match(/\S+/g) ?? [],
    lineOf: (index) => {
      let line = firstLine;
      let count = 0;
      for (const part of text.split('\n')) {
        count += part.match(/\S+/g)?.length ?? 0;
        if (count > index) break;
        line++;
      }
      return line;
    },
  };
}

/** Characters of a block, about: little memory, and enough for kernels. */
const blockLength = 1 << 17;

function linesIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

/** The words of a stream, separated by white space, as they come: a block ends where a piece does, or earlier. */
export async function* wordsOf(stream: AsyncIterable<string | Uint8Array>): AsyncGenerator<Words> {
  const decoder = new TextDecoder();
  let rest = '';
  let line = 1;
  for await (const piece of stream) {
    rest += typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true });
    while (true) {
      // A word may go on in the next piece.
      const end = rest.length <= blockLength ? lastBlank(rest, rest.length) : lastBlank(rest, blockLength);
      if (end < 0) break;
      const block = rest.slice(0, end + 1);
      rest = rest.slice(end + 1);
      yield wordsIn(block, line);
      line += linesIn(block);
    }
  }
  yield wordsIn(rest, line);
}

/** Index of the last white space before `end`, -1 if there is none. */
function lastBlank(text: string, end: number): number {
  return Math.max(...['\n', ' ', '\t', '\r'].map((blank) => text.lastIndexOf(blank, end - 1)));
}
