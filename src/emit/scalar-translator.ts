/** One function or table of sim/scalar → C. Purely syntactic: types are read from annotations, tsc has checked them. */
import { type Expression, type FunctionDeclaration, Node, type Statement, SyntaxKind, type TypeNode, type VariableDeclaration } from 'ts-morph';
import { ScalarSubsetError } from '../errors.js';
import { asciiOnly, type ScalarDialect, snakeCase } from './scalar-dialects.js';
import * as c from './scalar-expressions.js';
import type { CExpression, ScalarType } from './scalar-expressions.js';

/** What a name of sim/scalar means at a place: found by the caller among declarations and imports. */
export interface ScalarSymbol {
  readonly kind: 'function' | 'table' | 'constant';
  readonly parameters: readonly ScalarType[];
  readonly type: ScalarType;
  /** Largest absolute value of a table's entries. */
  readonly magnitude?: bigint;
}

export interface TranslationContext {
  readonly dialect: ScalarDialect;
  /** Functions, tables and constants of the folder by name. */
  symbol(name: string): ScalarSymbol | undefined;
  /** Called for every symbol that the text refers to. */
  use(name: string): void;
}

export function fail(node: Node, message: string): never {
  const text = node.getText().split('\n')[0]!.slice(0, 60);
  throw new ScalarSubsetError(`${node.getSourceFile().getBaseName()}:${node.getStartLineNumber()}: ${message}: ${text}`);
}

export function scalarType(node: TypeNode | undefined, at: Node): ScalarType {
  const text = node?.getText();
  if (text === 'i32' || text === 'i64' || text === 'bool') return text;
  if (text === undefined) fail(at, 'missing type annotation (i32, i64 or bool)');
  return fail(at, `type '${text}' is outside the subset (i32, i64, bool)`);
}

export function cName(name: string): string {
  return `ptq_${snakeCase(name)}`;
}

/** The doc comment of a declaration as a C comment in ASCII, functions under their names in C; empty where there is none. */
export function comment(declaration: { getJsDocs(): readonly { getText(): string }[] }, isFunction: (name: string) => boolean): string {
  const text = declaration.getJsDocs().at(-1)?.getText();
  if (text === undefined) return '';
  return `${asciiOnly(text).replace(/\b[a-z]\w*[A-Z]\w*\b/g, (word) => (isFunction(word) ? cName(word) : word))}\n`;
}

export function translateFunction(declaration: FunctionDeclaration, context: TranslationContext): string {
  return new FunctionTranslator(declaration, context).text();
}

const VOCABULARY = new Set(['i32', 'i64', 'mul32', 'widen', 'narrow']);
const BITS: Readonly<Record<string, '&' | '|' | '^'>> = { '&': '&', '|': '|', '^': '^' };
const COMPARISONS = new Set(['<', '>', '<=', '>=', '===', '!==']);

class FunctionTranslator {
  private readonly locals = new Map<string, ScalarType>();

  constructor(
    private readonly declaration: FunctionDeclaration,
    private readonly context: TranslationContext,
  ) {}

  text(): string {
    const { declaration, context } = this;
    if (declaration.isAsync() || declaration.isGenerator()) fail(declaration, 'async and generator functions are outside the subset');
    const parameters = declaration.getParameters().map((p) => {
      if (p.getInitializer() || p.isRestParameter() || p.isOptional()) fail(p, 'default, optional and rest parameters are outside the subset');
      return `${this.declare(p.getName(), scalarType(p.getTypeNode(), p))}`;
    });
    const result = scalarType(declaration.getReturnTypeNode(), declaration);
    const body = declaration.getBody();
    if (!Node.isBlock(body)) return fail(declaration, 'a function needs a body');
    const lines = body.getStatements().flatMap((s) => this.statement(s, '  '));
    const head = `${context.dialect.qualifier} ${c.C_TYPE[result]} ${cName(declaration.getName() ?? '')}(${parameters.join(', ') || 'void'})`;
    return `${comment(declaration, (name) => context.symbol(name)?.kind === 'function')}${head} {\n${this.body(lines.join('\n'))}\n}\n`;
  }

  /** The translation, or the instruction that computes the same where the core has it. */
  private body(translated: string): string {
    const instruction = this.context.dialect.instructions[this.declaration.getName() ?? ''];
    return instruction ? `#if ${instruction.when}\n${instruction.body}\n#else\n${translated}\n#endif` : translated;
  }

  private declare(name: string, type: ScalarType): string {
    this.locals.set(name, type);
    return `${c.C_TYPE[type]} ${snakeCase(name)}`;
  }

  private statement(s: Statement, indent: string): readonly string[] {
    if (Node.isVariableStatement(s)) return s.getDeclarations().map((d) => `${indent}${this.local(d, s.getDeclarationKind())};`);
    if (Node.isReturnStatement(s)) return [`${indent}return ${this.typed(s.getExpression() ?? fail(s, 'return needs a value'), this.resultType()).text};`];
    if (Node.isIfStatement(s)) return this.branch(s, indent);
    if (Node.isForStatement(s)) return this.loop(s, indent);
    if (Node.isExpressionStatement(s)) return [`${indent}${this.assignment(s.getExpression())};`];
    if (Node.isBreakStatement(s)) return [`${indent}break;`];
    if (Node.isBlock(s)) return [`${indent}{`, ...this.block(s, indent), `${indent}}`];
    return fail(s, `${s.getKindName()} is outside the subset`);
  }

  private resultType(): ScalarType {
    return scalarType(this.declaration.getReturnTypeNode(), this.declaration);
  }

  private local(d: VariableDeclaration, kind: string): string {
    if (kind === 'var') fail(d, "'var' is outside the subset");
    const type = scalarType(d.getTypeNode(), d);
    const initial = this.typed(d.getInitializer() ?? fail(d, 'a local needs an initial value'), type);
    return `${kind === 'const' ? 'const ' : ''}${this.declare(d.getName(), type)} = ${initial.text}`;
  }

  private block(s: Statement, indent: string): readonly string[] {
    const statements = Node.isBlock(s) ? s.getStatements() : [s];
    return statements.flatMap((inner) => this.statement(inner, `${indent}  `));
  }

  private branch(s: import('ts-morph').IfStatement, indent: string): readonly string[] {
    const lines = [`${indent}if (${this.typed(s.getExpression(), 'bool').text}) {`, ...this.block(s.getThenStatement(), indent)];
    const otherwise = s.getElseStatement();
    if (!otherwise) return [...lines, `${indent}}`];
    if (!Node.isIfStatement(otherwise)) return [...lines, `${indent}} else {`, ...this.block(otherwise, indent), `${indent}}`];
    const [first, ...rest] = this.branch(otherwise, indent);
    return [...lines, `${indent}} else ${first!.trimStart()}`, ...rest];
  }

  /** for (let i: i32 = …; i < limit; i++), the limit a literal, a parameter or a constant that the body leaves alone. */
  private loop(s: import('ts-morph').ForStatement, indent: string): readonly string[] {
    const initializer = s.getInitializer();
    if (!Node.isVariableDeclarationList(initializer) || initializer.getDeclarations().length !== 1) return fail(s, 'a loop declares one variable');
    const variable = initializer.getDeclarations()[0]!;
    const start = this.local(variable, 'let');
    this.checkBounded(s, variable.getName());
    const condition = this.typed(s.getCondition()!, 'bool').text;
    const head = `${indent}for (${start}; ${condition}; ${snakeCase(variable.getName())}${s.getIncrementor()!.getText().slice(-2)}) {`;
    return [head, ...this.block(s.getStatement(), indent), `${indent}}`];
  }

  private checkBounded(s: import('ts-morph').ForStatement, name: string): void {
    const condition = s.getCondition();
    const step = s.getIncrementor()?.getText();
    if (step !== `${name}++` && step !== `${name}--`) fail(s, `unbounded loop: the step must be ${name}++ or ${name}--`);
    if (!Node.isBinaryExpression(condition) || condition.getLeft().getText() !== name) return fail(s, `unbounded loop: the condition must compare ${name}`);
    const operator = condition.getOperatorToken().getText();
    const limit = condition.getRight();
    const isLiteral = /^-?\d+$/.test(limit.getText());
    const allowed = step.endsWith('++') ? (isLiteral ? ['<', '<='] : ['<']) : isLiteral ? ['>', '>='] : ['>'];
    if (!allowed.includes(operator)) fail(s, `unbounded loop: with ${step} the condition must use ${allowed.join(' or ')}`);
    if (!isLiteral && !Node.isIdentifier(limit)) fail(s, 'unbounded loop: the limit must be a literal, a parameter or a constant');
    for (const written of assignedNames(s.getStatement())) {
      if (written === name || written === limit.getText()) fail(s, `unbounded loop: the body changes '${written}'`);
    }
  }

  private assignment(e: Expression): string {
    if (!Node.isBinaryExpression(e) || e.getOperatorToken().getText() !== '=') return fail(e, 'only plain assignments are statements of the subset');
    const left = e.getLeft();
    const type = this.locals.get(left.getText());
    if (!Node.isIdentifier(left) || type === undefined) return fail(e, 'only locals can be assigned');
    return `${snakeCase(left.getText())} = ${this.typed(e.getRight(), type).text}`;
  }

  /** An expression that is no raw arithmetic and has the given type. */
  private typed(e: Expression, type: ScalarType): CExpression {
    const result = this.settled(e);
    if (result.type !== type) fail(e, `expected ${type}, found ${result.type}`);
    return result;
  }

  private settled(e: Expression): CExpression {
    const result = this.expression(e);
    if (result.raw) fail(e, result.type === 'i64' ? 'the result must name its width: i64(…)' : 'the result must name its width: i32(…)');
    return result;
  }

  private expression(e: Expression): CExpression {
    if (Node.isParenthesizedExpression(e)) return this.expression(e.getExpression());
    if (Node.isNumericLiteral(e) || Node.isBigIntLiteral(e)) return this.literal(e, 1n);
    if (Node.isTrueLiteral(e) || Node.isFalseLiteral(e)) return c.value(e.getText() === 'true' ? '1' : '0', 'bool');
    if (Node.isIdentifier(e)) return this.identifier(e);
    if (Node.isPrefixUnaryExpression(e)) return this.unary(e);
    if (Node.isConditionalExpression(e)) return this.conditional(e);
    if (Node.isElementAccessExpression(e)) return this.element(e);
    if (Node.isCallExpression(e)) return this.call(e);
    if (Node.isBinaryExpression(e)) return this.binary(e);
    return fail(e, `${e.getKindName()} is outside the subset`);
  }

  private literal(e: Expression, sign: bigint): CExpression {
    const wide = Node.isBigIntLiteral(e);
    const text = e.getText().replace(/_/g, '');
    if (!wide && !/^(\d+|0x[0-9a-fA-F]+)$/.test(text)) return fail(e, 'not an integer literal');
    const number = sign * BigInt(wide ? text.slice(0, -1) : text);
    const width = wide ? 64 : 32;
    if (BigInt.asIntN(width, number) !== number) return fail(e, `literal outside ${width} bits`);
    return c.literal(number, wide ? 'i64' : 'i32');
  }

  private identifier(e: Expression): CExpression {
    const name = e.getText();
    const type = this.locals.get(name);
    if (type) return c.value(snakeCase(name), type);
    const symbol = this.context.symbol(name);
    if (symbol?.kind !== 'constant') return fail(e, `unknown name '${name}'`);
    this.context.use(name);
    return c.value(cName(name), symbol.type, undefined, symbol.magnitude);
  }

  private unary(e: import('ts-morph').PrefixUnaryExpression): CExpression {
    const inner = e.getOperand();
    switch (e.getOperatorToken()) {
      case SyntaxKind.MinusToken:
        if (Node.isNumericLiteral(inner) || Node.isBigIntLiteral(inner)) return this.literal(inner, -1n);
        return fail(e, 'a negation can overflow: write i32(0 - x)');
      case SyntaxKind.TildeToken: {
        const x = this.settled(inner);
        return c.value(`~${c.operand(x, c.PRECEDENCE.unary)}`, x.type, c.PRECEDENCE.unary);
      }
      case SyntaxKind.ExclamationToken:
        return c.value(`!${c.operand(this.typed(inner, 'bool'), c.PRECEDENCE.unary)}`, 'bool', c.PRECEDENCE.unary);
      default:
        return fail(e, 'operator outside the subset');
    }
  }

  private conditional(e: import('ts-morph').ConditionalExpression): CExpression {
    const yes = this.settled(e.getWhenTrue());
    const no = this.typed(e.getWhenFalse(), yes.type);
    return c.choose(this.typed(e.getCondition(), 'bool'), yes, no);
  }

  private element(e: import('ts-morph').ElementAccessExpression): CExpression {
    const name = e.getExpression().getText();
    const symbol = this.context.symbol(name);
    if (symbol?.kind !== 'table') return fail(e, `'${name}' is no table`);
    this.context.use(name);
    const index = this.typed((e.getArgumentExpression() as Expression | undefined) ?? fail(e, 'an index is missing'), 'i32');
    return c.value(`${cName(name)}[${index.text}]`, symbol.type, undefined, symbol.magnitude);
  }

  private call(e: import('ts-morph').CallExpression): CExpression {
    const name = e.getExpression().getText();
    const args = e.getArguments() as Expression[];
    if (VOCABULARY.has(name)) return this.vocabulary(name, args, e);
    const intrinsic = this.context.dialect.intrinsics[name];
    const symbol = this.context.symbol(name);
    if (symbol?.kind !== 'function') return fail(e, `unknown function '${name}'`);
    if (args.length !== symbol.parameters.length) return fail(e, `'${name}' takes ${symbol.parameters.length} arguments`);
    const texts = args.map((a, i) => this.typed(a, symbol.parameters[i]!).text);
    this.context.use(name);
    return c.value(intrinsic ? intrinsic(texts) : `${cName(name)}(${texts.join(', ')})`, symbol.type);
  }

  private vocabulary(name: string, args: readonly Expression[], e: Expression): CExpression {
    if (args.length !== (name === 'mul32' ? 2 : 1)) return fail(e, `wrong number of arguments of ${name}`);
    const first = args[0]!;
    if (name === 'mul32') return c.multiply32(this.typed(first, 'i32'), this.typed(args[1]!, 'i32'));
    if (name === 'widen') return c.widen(this.typed(first, 'i32'));
    if (name === 'narrow') return c.narrow(this.typed(first, 'i64'));
    const inner = this.expression(first);
    return inner.type === name ? c.wrap(inner) : fail(e, `${name}(…) of an ${inner.type}`);
  }

  private binary(e: import('ts-morph').BinaryExpression): CExpression {
    const operator = e.getOperatorToken().getText();
    if (operator === '&&' || operator === '||') return c.logic(operator, this.typed(e.getLeft(), 'bool'), this.typed(e.getRight(), 'bool'));
    const isSum = operator === '+' || operator === '-';
    const left = isSum ? this.expression(e.getLeft()) : this.settled(e.getLeft());
    const right = isSum ? this.expression(e.getRight()) : this.settled(e.getRight());
    if (left.type !== right.type || left.type === 'bool') return fail(e, `operator ${operator} of ${left.type} and ${right.type}`);
    if (COMPARISONS.has(operator)) return c.compare(operator, left, right);
    if (BITS[operator]) return c.bits(BITS[operator], left, right);
    if (isSum) return c.arithmetic(operator, left, right);
    if (operator === '<<') return c.shiftLeft(left, right);
    if (operator === '>>') return c.shiftRight(left, right);
    if (operator === '/' || operator === '%') return this.quotient(operator, left, right, e);
    if (operator === '*' && left.type === 'i64') return c.arithmetic('*', left, right);
    return fail(e, operator === '*' ? 'a product of i32 is mul32(a, b), or i64(widen(a) * widen(b))' : `operator ${operator} is outside the subset`);
  }

  /** Compilers turn a division by a literal into a product of integers themselves. */
  private quotient(operator: '/' | '%', left: CExpression, right: CExpression, e: Expression): CExpression {
    const name = this.context.dialect.quotient;
    if (name === undefined || right.literal !== undefined) return c.quotient(operator, left, right);
    if (operator === '%' || left.type !== 'i32') return fail(e, 'only i32 / i32 has a translation to CUDA where the divisor is no literal');
    this.context.use(name);
    return { ...c.value(`${cName(name)}(${left.text}, ${right.text})`, 'i32'), raw: 'signed' };
  }
}

function assignedNames(body: Node): readonly string[] {
  const names: string[] = [];
  body.forEachDescendant((n) => {
    if (Node.isBinaryExpression(n) && n.getOperatorToken().getText().endsWith('=')) names.push(n.getLeft().getText());
    if (Node.isPostfixUnaryExpression(n) || Node.isPrefixUnaryExpression(n)) names.push(n.getOperand().getText());
  });
  return names;
}
