/**
 * sim/scalar → ptq_arith.h: the scalar functions that round, clamp or approximate have one source, TypeScript that the
 * simulator runs as it is; here it becomes C99 or CUDA. Only the functions asked for and what they call are translated.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FunctionDeclaration, Node, Project, type VariableDeclaration } from 'ts-morph';
import { ScalarSubsetError } from '../errors.js';
import { packageRoot } from '../package-root.js';
import { DIALECTS, type ScalarDialect } from './scalar-dialects.js';
import { cName, comment, fail, type ScalarSymbol, scalarType, translateFunction } from './scalar-translator.js';

export type ScalarLanguage = keyof typeof DIALECTS;

/** Names of functions that the subset gives a meaning itself; their definitions in int.ts are for the simulator. */
const VOCABULARY_FILE = 'int.ts';

/** A function of this name's end computes the same as the one without, from products of 16-bit halves. */
const HALVES = 'Halves';

interface Declared {
  readonly symbol: ScalarSymbol;
  readonly text: (use: (name: string) => void) => string;
}

/** A folder of scalar definitions, parsed once. */
export class ScalarLibrary {
  private readonly functions = new Map<string, FunctionDeclaration>();
  private readonly constants = new Map<string, VariableDeclaration>();
  private readonly declared = new Map<string, Declared>();
  private readonly order: string[] = [];
  private readonly cache = new Map<string, string>();

  /** `files`: base name → source text. */
  constructor(
    files: ReadonlyMap<string, string>,
    private readonly dialect: ScalarDialect,
  ) {
    const project = new Project({ useInMemoryFileSystem: true, skipLoadingLibFiles: true, compilerOptions: { noLib: true } });
    for (const [name, text] of files) {
      const source = project.createSourceFile(`/${name}`, text);
      for (const f of source.getFunctions()) this.add(f.getName() ?? fail(f, 'a function needs a name'), f);
      for (const d of source.getVariableDeclarations()) this.add(d.getName(), d);
    }
  }

  private add(name: string, declaration: FunctionDeclaration | VariableDeclaration): void {
    if (this.functions.has(name) || this.constants.has(name)) fail(declaration, `'${name}' is declared twice in the folder`);
    if (Node.isFunctionDeclaration(declaration)) this.functions.set(name, declaration);
    else this.constants.set(name, declaration);
    this.order.push(name);
  }

  /** Names of the functions that can be translated: all but the vocabulary. */
  functionNames(): readonly string[] {
    return [...this.functions].filter(([, f]) => f.getSourceFile().getBaseName() !== VOCABULARY_FILE).map(([name]) => name);
  }

  signature(name: string): ScalarSymbol {
    return this.find(name)?.symbol ?? unknown(name);
  }

  /**
   * Text of the named functions, tables and everything they refer to, each after what it needs, in the order of the sources.
   * With `halves`, a function that has a twin for cores without a long multiply gets the twin's body.
   */
  translate(names: readonly string[], halves = false): string {
    const key = `${halves} ${[...new Set(names)].sort().join(' ')}`;
    const known = this.cache.get(key);
    if (known !== undefined) return known;
    const texts = new Map<string, string>();
    const done: string[] = [];
    const visit = (name: string): void => {
      if (done.includes(name)) return;
      if (texts.has(name)) fail(this.functions.get(name)!, `'${name}' calls itself`);
      texts.set(name, '');
      const used: string[] = [];
      const helper = this.dialect.helpers[name];
      const isIntrinsic = this.dialect.intrinsics[name] !== undefined;
      const text = isIntrinsic ? (helper ?? '') : this.textOf(name, halves, (n) => used.push(n));
      for (const other of this.inOrder(used)) visit(other);
      texts.set(name, text);
      done.push(name);
    };
    for (const name of this.inOrder(names)) visit(name);
    const text = done.map((name) => texts.get(name)!).filter((t) => t !== '').join('\n');
    this.cache.set(key, text);
    return text;
  }

  private textOf(name: string, halves: boolean, use: (name: string) => void): string {
    const twin = halves ? this.find(`${name}${HALVES}`) : undefined;
    if (!twin) return (this.find(name) ?? unknown(name)).text(use);
    return twin.text(use).replaceAll(cName(`${name}${HALVES}`), cName(name));
  }

  private inOrder(names: readonly string[]): readonly string[] {
    return [...new Set(names)].sort((a, b) => this.order.indexOf(a) - this.order.indexOf(b));
  }

  private find(name: string): Declared | undefined {
    let found = this.declared.get(name);
    if (!found) {
      const f = this.functions.get(name);
      const d = this.constants.get(name);
      found = f ? this.functionOf(f) : d ? constantOf(d, this.dialect) : undefined;
      if (found) this.declared.set(name, found);
    }
    return found;
  }

  private functionOf(f: FunctionDeclaration): Declared {
    const symbol: ScalarSymbol = {
      kind: 'function',
      parameters: f.getParameters().map((p) => scalarType(p.getTypeNode(), p)),
      type: scalarType(f.getReturnTypeNode(), f),
    };
    const text = (use: (name: string) => void) => translateFunction(f, { dialect: this.dialect, symbol: (n) => this.find(n)?.symbol, use });
    return { symbol, text };
  }
}

/** const NAME: readonly i32[] = […] becomes an array of the narrowest type; const NAME: i32 = … a constant. */
function constantOf(d: VariableDeclaration, dialect: ScalarDialect): Declared {
  const statement = d.getVariableStatementOrThrow();
  if (statement.getDeclarationKind() !== 'const') fail(d, 'only const may stand outside functions');
  const type = d.getTypeNode()?.getText();
  const initializer = d.getInitializer();
  const head = comment(statement, () => false);
  if (type === 'readonly i32[]' && Node.isArrayLiteralExpression(initializer)) {
    const values = initializer.getElements().map((e) => integer(e, 32));
    const magnitude = values.reduce((m, v) => (v < 0n ? -v : v) > m ? (v < 0n ? -v : v) : m, 0n);
    const text = `${head}${dialect.tableQualifier} ${tableType(values)} ${cName(d.getName())}[${values.length}] = {\n${wrapped(values)}\n};\n`;
    return { symbol: { kind: 'table', parameters: [], type: 'i32', magnitude }, text: () => text };
  }
  if ((type === 'i32' || type === 'i64') && initializer) {
    const value = integer(initializer, type === 'i32' ? 32 : 64);
    const text = `${head}${dialect.tableQualifier} ${type === 'i32' ? 'int32_t' : 'int64_t'} ${cName(d.getName())} = ${type === 'i32' ? value : `INT64_C(${value})`};\n`;
    return { symbol: { kind: 'constant', parameters: [], type, magnitude: value < 0n ? -value : value }, text: () => text };
  }
  return fail(d, 'outside functions stand only const NAME: i32, i64 or readonly i32[] of literals');
}

function integer(e: Node, width: number): bigint {
  const text = e.getText().replace(/_/g, '').replace(/n$/, '');
  if (!/^-?(\d+|0x[0-9a-fA-F]+)$/.test(text)) return fail(e, 'not an integer literal');
  const value = text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
  return BigInt.asIntN(width, value) === value ? value : fail(e, `literal outside ${width} bits`);
}

function tableType(values: readonly bigint[]): string {
  const fits = (low: bigint, high: bigint) => values.every((v) => v >= low && v <= high);
  if (fits(-128n, 127n)) return 'int8_t';
  if (fits(0n, 255n)) return 'uint8_t';
  if (fits(-32768n, 32767n)) return 'int16_t';
  return fits(0n, 65535n) ? 'uint16_t' : 'int32_t';
}

function wrapped(values: readonly bigint[]): string {
  const lines: string[] = [];
  for (let i = 0; i < values.length; i += 12) lines.push(`  ${values.slice(i, i + 12).join(', ')}`);
  return lines.join(',\n');
}

function unknown(name: string): never {
  throw new ScalarSubsetError(`sim/scalar: there is no function '${name}'`);
}

const libraries = new Map<ScalarLanguage, ScalarLibrary>();

/** The scalar functions of this package. */
export function scalarLibrary(language: ScalarLanguage = 'c'): ScalarLibrary {
  let library = libraries.get(language);
  if (!library) {
    const folder = join(packageRoot(), 'sim', 'scalar');
    const names = readdirSync(folder).filter((f) => f.endsWith('.ts') && !f.endsWith('.d.ts'));
    const files = new Map(names.sort().map((f) => [f, readFileSync(join(folder, f), 'utf8')]));
    library = new ScalarLibrary(files, DIALECTS[language]);
    libraries.set(language, library);
  }
  return library;
}

/** Body of ptq_arith.h (without include guard) for the given scalar functions; `halves`: for a core without a long multiply. */
export function translateScalars(names: readonly string[], language: ScalarLanguage = 'c', halves = false): string {
  return scalarLibrary(language).translate(names, halves);
}
