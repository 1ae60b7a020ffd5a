/** `halfulp lab` on the command line: serves the laboratory on this machine and opens it. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { ArgumentError } from '../../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { listenForStop } from '../interrupt.ts';
import type { Io } from '../io.ts';
import { integer } from '../options.ts';
import { packageFolder } from '../own-package.ts';
import { type Finder, serve } from './serve.ts';
import { packageFinder, siteFinder } from './site.ts';

const help = `
Examples:
  halfulp lab                      serve on a free port of 127.0.0.1 and open a browser
  halfulp lab --port 8080 --no-open
  halfulp lab --site site/dist     serve a site that \`npm run site\` has built`;

interface Given {
  readonly port: number;
  readonly open: boolean;
  readonly site?: string;
}

/** The site that was named, or one that was built here, or the laboratory that the package holds. */
function finderOf(site: string | undefined): Finder {
  const root = packageFolder();
  const built = site ?? join(root, 'site', 'dist');
  if (existsSync(join(built, 'index.html'))) return siteFinder(built);
  if (site !== undefined) throw new ArgumentError('--site', site, 'a folder with a built site');
  const dist = join(root, 'dist');
  if (existsSync(join(dist, 'laboratory'))) return packageFinder(dist);
  throw new ArgumentError(
    '--site',
    'nothing',
    'a built site: npm run site, or npm run build, makes one here',
  );
}

/** Opens an address with whatever the system opens addresses with; where it has nothing, the address has been printed. */
function openAddress(address: string): void {
  const [command, ...words] =
    process.platform === 'darwin'
      ? ['open']
      : process.platform === 'win32'
        ? ['cmd', '/c', 'start', '""']
        : ['xdg-open'];
  const child = spawn(command!, [...words, address], { stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}

/** The command; its action hands the exit code to `done`. */
export function labCommand(io: Io, done: (code: number) => void): Command {
  return new Command('lab')
    .description('Serve the laboratory on 127.0.0.1 and open it in a browser.')
    .option('--port <n>', 'port to serve on; 0: a free one', integer('--port', 0, 65535), 0)
    .option('--no-open', 'open no browser')
    .option('--site <folder>', 'a built site to serve')
    .addHelpText('after', help)
    .action(async ({ port, open, site }: Given) => {
      const find = finderOf(site);
      const served = await serve(find, port).catch((error: NodeJS.ErrnoException) => {
        throw new ArgumentError('--port', port, `a free port (${error.code ?? error.message})`);
      });
      const address = `${served.origin}/laboratory/format`;
      const stop = listenForStop(io, { onStop: () => {}, onQuit: () => {} });
      try {
        io.stdout.write(`${address}\n`);
        io.stderr.write('Ctrl-C ends it.\n');
        if (open) openAddress(address);
        if (!stop.signal.aborted)
          await new Promise<void>((resolve) =>
            stop.signal.addEventListener('abort', () => resolve(), { once: true }),
          );
      } finally {
        stop.close();
        await served.close();
      }
      done(exitCodes.done);
    });
}
