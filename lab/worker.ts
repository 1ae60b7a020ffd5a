/** The worker behind a page: runs one task after the other and answers, or says what was refused and of which argument. */
import type { Fault, Reply } from './client.ts';
import { type AnyTask, type TaskName, tasks } from './tasks.ts';

interface Question {
  readonly id: number;
  readonly task: TaskName;
  readonly input: unknown;
}

const scope = globalThis as unknown as {
  postMessage(reply: Reply, transfer?: Transferable[]): void;
  onmessage: (event: MessageEvent<Question | { readonly base: string }>) => void;
};

let base = '';

function faultOf(error: unknown): Fault {
  const { message, argument } = error as { message?: string; argument?: string };
  return { message: message ?? String(error), ...(typeof argument === 'string' ? { argument } : {}) };
}

async function answer({ id, task, input }: Question): Promise<void> {
  try {
    const run = (await tasks[task]()) as AnyTask;
    const environment = {
      base,
      report: (report: unknown, transfer: Transferable[] = []) => scope.postMessage({ id, report }, transfer),
    };
    scope.postMessage({ id, answer: await run(input as never, environment) });
  } catch (error) {
    scope.postMessage({ id, fault: faultOf(error) });
  }
}

scope.onmessage = ({ data }) => {
  if ('base' in data) base = data.base;
  else void answer(data);
};
