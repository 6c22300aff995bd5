/** A generated .cu file whose kernels do what nvcc's PTX says. */
import { translatePtx, type TranslatedKernel } from './translate.js';

const KERNEL = /^PTQ_KERNEL\(\d+\) (\w+)\(([^)]*)\) \{\n[\s\S]*?^\}$/gm;

/** Host code stays as it is; kernels that nvcc has dropped, because nobody launches them, too. @throws PtxTranslationError. */
export function splicePtx(source: string, ptx: string): string {
  const { support, kernels } = translatePtx(ptx);
  const first = source.search(KERNEL);
  const spliced = source.slice(first).replace(KERNEL, (text, name: string, parameters: string) => {
    const kernel = kernels.get(name);
    return kernel ? kernelText(name, parameters, kernel) : text;
  });
  return `${source.slice(0, first)}#include "ptx_semantics.h"\n\n${support}\n\n${spliced}`;
}

/** The parameters as in the source, under the names that they have in PTX. */
function kernelText(name: string, parameters: string, kernel: TranslatedKernel): string {
  const list = parameters.split(',').map((parameter, i) => parameter.replace('[[maybe_unused]]', '').trim().replace(/\w+$/, kernel.parameters[i]!));
  return `static void ${name}(${list.join(', ')}) {\n${kernel.body}\n}`;
}
