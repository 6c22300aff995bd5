/** Kernel functions of all steps: equal text is emitted once and shared between layers. */
import { TemplateError } from '../errors.js';
import type { KernelInstance, LaunchVariant } from '../operators/kernel.js';
import type { Step } from '../schedule/schedule.js';
import { wrapList } from './c-text.js';
import { qualifyConstants } from './flash.js';
import type { UniqueNames } from './names.js';
import { renderTemplate } from './render.js';

export interface KernelFunction {
  readonly name: string;
  /** What it does, in the template's words; may be empty. */
  readonly description: string;
  readonly code: string;
  /** Path of its template below templates/. */
  readonly template: string;
  readonly steps: readonly number[];
}

export interface KernelFunctions {
  readonly functions: readonly KernelFunction[];
  /** Function that step i calls. */
  readonly nameOfStep: readonly string[];
  /** Function of each kernel inside a step that runs in strips. */
  readonly nameOfPart: ReadonlyMap<KernelInstance, string>;
  /** Function of each launch variant. */
  readonly nameOfVariant: ReadonlyMap<LaunchVariant, string>;
  /** Scalar functions that they call. */
  readonly scalars: readonly string[];
  /** Texts of the functions that several of them share, in the order of their definition. */
  readonly support: readonly string[];
}

/** Stands for the name while texts are compared; no template can contain it. */
const PLACEHOLDER = 'ptq_kernel_of_no_name';

/** `separateFlash`: constants are qualified (flash.ts). */
export function renderKernels(model: string, steps: readonly Step[], names: UniqueNames, separateFlash = false): KernelFunctions {
  const byText = new Map<string, { name: string; template: string; steps: number[] }>();
  const nameOf = (kernel: KernelInstance | LaunchVariant, step: number): string => {
    const plain = renderKernel(kernel);
    const text = separateFlash && 'arguments' in kernel ? qualifyConstants(plain, kernel) : plain;
    let found = byText.get(text);
    if (!found) {
      found = { name: names.claim(`${model}_${kernel.stem}`), template: `${kernel.launch ? 'cuda' : 'c'}/${kernel.template}.hbs`, steps: [] };
      byText.set(text, found);
    }
    if (!found.steps.includes(step)) found.steps.push(step);
    return found.name;
  };
  const nameOfPart = new Map<KernelInstance, string>();
  const nameOfVariant = new Map<LaunchVariant, string>();
  const nameOfStep = steps.map(({ kernel, index, strips }) => {
    for (const variant of kernel.variants ?? []) nameOfVariant.set(variant, nameOf(variant, index));
    if (!strips) return nameOf(kernel, index);
    for (const stage of strips.stages) nameOfPart.set(stage.kernel, nameOf(stage.kernel, index));
    return names.claim(`${model}_${kernel.stem}`);
  });
  const functions = [...byText].map(([text, f]) => {
    const { description, code } = splitComment(text.replaceAll(PLACEHOLDER, f.name));
    return { ...f, description, code: wrapParameters(asByHand(code)) };
  });
  return { functions, nameOfStep, nameOfPart, nameOfVariant, scalars: [...new Set(steps.flatMap((s) => s.kernel.scalars))], support: renderSupport(steps) };
}

/** Equal text once, where it is first needed. */
function renderSupport(steps: readonly Step[]): readonly string[] {
  const texts = steps.flatMap(({ kernel }) => (kernel.support ?? []).map(({ template, view }) => renderTemplate(template, view, kernel.launch ? 'cuda' : 'c').trim()));
  return [...new Set(texts)];
}

function renderKernel(kernel: KernelInstance | LaunchVariant): string {
  const text = renderTemplate(kernel.template, { ...kernel.view, name: PLACEHOLDER }, kernel.launch ? 'cuda' : 'c').trim();
  const head = kernel.launch ? `PTQ_KERNEL(${kernel.launch.threads})` : 'static PTQ_NOINLINE void';
  if (!text.includes(`${head} ${PLACEHOLDER}(`)) throw new TemplateError(kernel.template, `a kernel must be one function '${head} {{name}}(…)'`);
  return text;
}

/** Shapes are baked in, so that some terms come out as `x * 1`, `x - 0` or `i += 1`, which nobody would write by hand. */
function asByHand(text: string): string {
  return text
    .replace(/(?<=[\w)\]]) \* 1(?=[;,)\]]| [+-] )/g, '')
    .replace(/(?<=[\w)\]]) [+-] 0(?=[;,)\]])/g, '')
    .replace(/\b(\w+) \+= 1(?=[;)])/g, '$1++')
    .replace(/ = \(([^()]*)\);/g, ' = $1;');
}

/** The comment of one sentence with which a template begins. */
function splitComment(text: string): { readonly description: string; readonly code: string } {
  const found = /^\/\* (.*?) \*\/\n/.exec(text);
  return found ? { description: found[1]!, code: text.slice(found[0].length) } : { description: '', code: text };
}

/** A parameter list that is too long for its line goes below it, as arguments of calls do. */
function wrapParameters(text: string): string {
  return text.replace(/^((?:static PTQ_NOINLINE void|PTQ_KERNEL\(\d+\)) \w+)\(([^)]*)\) \{$/m, (_line, head: string, list: string) => wrapList(head, list.split(', '), '', ' {'));
}
