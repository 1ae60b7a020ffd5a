/** Words of a stream of text, one at a time with the line they stand on, however the stream is cut into pieces. */

/** A word and the number of its line, from 1. */
interface Word {
  readonly text: string;
  readonly line: number;
}

/** The words of a stream, separated by white space. */
export async function* wordsOf(stream: AsyncIterable<string | Uint8Array>): AsyncGenerator<Word> {
  const decoder = new TextDecoder();
  let rest = '';
  let line = 1;
  for await (const piece of stream) {
    rest += typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop()!;
    for (const text of lines) {
      yield* wordsIn(text, line);
      line++;
    }
  }
  yield* wordsIn(rest, line);
}

function* wordsIn(text: string, line: number): Generator<Word> {
  for (const [word] of text.matchAll(/\S+/g)) yield { text: word, line };
}
