/** Progress of long work: a live line on a terminal, plain lines elsewhere, nothing where stdout belongs to the result. */
import { Listr } from 'listr2';

export interface Progress {
  /** Runs `work` under a title; `note` says how far it is. Errors pass through. */
  stage<T>(title: string, work: (note: (text: string) => void) => Promise<T>): Promise<T>;
}

export const silentProgress: Progress = { stage: (_title, work) => work(() => {}) };

export function terminalProgress(): Progress {
  return process.stdout.isTTY ? liveProgress : plainProgress;
}

const liveProgress: Progress = {
  async stage(title, work) {
    let result: Awaited<ReturnType<typeof work>> | undefined;
    const task = {
      title,
      task: async (_context: unknown, t: { output: string; title: string }) => {
        result = await work((text) => {
          t.output = text;
        });
      },
      rendererOptions: { persistentOutput: false },
    };
    await new Listr([task as never], { renderer: 'default', exitOnError: true, rendererOptions: { showErrorMessage: false, timer: undefined } }).run();
    return result!;
  },
};

const plainProgress: Progress = {
  async stage(title, work) {
    const started = performance.now();
    const result = await work(() => {});
    process.stdout.write(`${title}  (${((performance.now() - started) / 1000).toFixed(2)} s)\n`);
    return result;
  },
};
