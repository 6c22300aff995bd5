/** Names of the user → C identifiers: predictable, unique, never reserved. */

/** Names that would shadow a header of C, or a symbol that generated code uses itself. */
const RESERVED = new Set(['assert', 'complex', 'ctype', 'errno', 'fenv', 'float', 'inttypes', 'iso646', 'limits', 'locale', 'main', 'math', 'ptq', 'ptq_arith', 'setjmp', 'signal', 'stdarg', 'stdbool', 'stddef', 'stdint', 'stdio', 'stdlib', 'string', 'tgmath', 'time', 'wchar', 'wctype']);

/** Prefix of every symbol of a model and stem of its files: lower-case, a letter first. */
export function modelIdentifier(name: string): string {
  const plain = identifierPart(name);
  const started = /^[a-z]/.test(plain) ? plain : plain === '' ? 'model' : `model_${plain}`;
  return RESERVED.has(started) || started.startsWith('ptq_') ? `${started}_model` : started;
}

/** Part of an identifier that stands behind a prefix: letters, digits and single underscores, lower-case. */
export function identifierPart(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
}

/** Hands out names, each once: `stem`, `stem_2`, `stem_3`, … */
export class UniqueNames {
  private readonly taken = new Set<string>();

  claim(stem: string): string {
    let name = stem;
    for (let i = 2; this.taken.has(name); i++) name = `${stem}_${i}`;
    this.taken.add(name);
    return name;
  }
}

/** Text of the user inside a C comment: one line that cannot end the comment. */
export function commentText(text: string): string {
  return text.replace(/[\r\n\t]+/g, ' ').replace(/\*\//g, '* /').replace(/\/\*/g, '/ *');
}
