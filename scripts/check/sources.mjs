/** The project's own TypeScript files with their imports, parsed but not type-checked. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import { ts } from 'ts-morph';

/** Every .ts below src, sim, test and scripts: { path, text, imports: [{ from, file, typeOnly, line }] }; `file` is null for packages. */
export function readSources(root) {
  const paths = ['src', 'sim', 'test', 'scripts'].flatMap((folder) => listFiles(join(root, folder)));
  return paths
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .map((path) => parse(relative(root, path), readFileSync(path, 'utf8')))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

export function listFiles(folder) {
  let entries = [];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((e) => (e.isDirectory() ? (e.name === 'node_modules' ? [] : listFiles(join(folder, e.name))) : [join(folder, e.name)]));
}

function parse(path, text) {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, false, ts.ScriptKind.TS);
  const imports = [];
  const visit = (node) => {
    const found = importOf(node);
    if (found) imports.push({ ...found, file: resolve(path, found.from), line: tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1 });
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return { path, text, imports };
}

/** import … from 'x', export … from 'x', import('x'); types that disappear count as type-only. */
function importOf(node) {
  if (ts.isImportDeclaration(node)) return { from: node.moduleSpecifier.text, typeOnly: isTypeOnly(node.importClause) };
  if (ts.isExportDeclaration(node) && node.moduleSpecifier) return { from: node.moduleSpecifier.text, typeOnly: node.isTypeOnly || allTypes(node.exportClause?.elements) };
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword && ts.isStringLiteral(node.arguments[0] ?? node)) return { from: node.arguments[0].text, typeOnly: false };
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return { from: node.argument.literal.text, typeOnly: true };
  return null;
}

function isTypeOnly(clause) {
  if (!clause) return false;
  return clause.isTypeOnly || (!clause.name && clause.namedBindings && ts.isNamedImports(clause.namedBindings) && allTypes(clause.namedBindings.elements));
}

function allTypes(elements) {
  return Array.isArray(elements) && elements.length > 0 && elements.every((e) => e.isTypeOnly);
}

function resolve(importer, from) {
  if (!from.startsWith('.')) return null;
  return posix.join(posix.dirname(importer), from).replace(/\.js$/, '.ts');
}
