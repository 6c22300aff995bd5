/** Launches against the bounds that kernels are compiled with: too many threads fail on a GPU, and in no compiler before. */
import { TemplateError } from '../errors.js';

const MOST_THREADS = 1024;

/** @throws TemplateError where a launch of the generated source takes more threads than its kernel allows. */
export function checkLaunchBounds(source: string, file: string): void {
  const bounds = new Map([...source.matchAll(/\bPTQ_KERNEL\((\d+)\)\s+(\w+)\s*\(/g)].map(([, threads, name]) => [name!, Number(threads)] as const));
  for (const launch of source.matchAll(/\bPTQ_LAUNCH\(\s*\(?\s*(\w+)/g)) {
    const name = launch[1]!;
    if (name === 'kernel') continue;
    const block = argumentAt(source, launch.index + 'PTQ_LAUNCH('.length, 2);
    const threads = /^(?:dim3\()?([\d\s,*]+)\)?$/.exec(block)?.[1]?.split(/[,*]/).reduce((product, part) => product * Number(part), 1);
    const bound = bounds.get(name);
    if (bound === undefined) throw new TemplateError(file, `launches ${name}, which is no kernel of it`);
    if (threads === undefined) throw new TemplateError(file, `launches ${name} with ${block} threads, which is no number`);
    if (threads > bound || bound > MOST_THREADS) throw new TemplateError(file, `launches ${name} with ${threads} threads, it is compiled for ${bound}, and a block has at most ${MOST_THREADS}`);
  }
}

/** Argument `index` of a call whose arguments start at `start`. */
function argumentAt(source: string, start: number, index: number): string {
  let depth = 0;
  let begin = start;
  for (let at = start, seen = 0; at < source.length; at++) {
    const letter = source[at]!;
    if (letter === '(') depth++;
    else if (depth === 0 && (letter === ',' || letter === ')')) {
      if (seen === index) return source.slice(begin, at).trim();
      seen++;
      begin = at + 1;
      if (letter === ')') break;
    } else if (letter === ')') depth--;
  }
  return '';
}
