import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Renderer } from '../../src/emit/render.js';
import { TemplateError } from '../../src/errors.js';

const test = suite('emit/render');
const folder = mkdtempSync(join(tmpdir(), 'ptq-gen-render-'));
test.after(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): void {
  mkdirSync(join(folder, 'partials'), { recursive: true });
  writeFileSync(join(folder, `${name}.hbs`), text);
}

const view = { count: 3, zero: 0, flag: false, nothing: null, list: [{ value: 1 }, { value: 2 }], nested: { inner: { value: 7 } } };

test('substitutes, loops, tests, and does not escape', () => {
  write('fine', "{{#each list}}<{{value}}>{{#unless @last}}, {{/unless}}{{/each}}{{#if zero}}no{{/if}}{{#if nothing}}no{{/if}} '{{count}}'\n");
  assert.is(new Renderer(folder).render('fine', view), "<1>, <2> '3'\n");
});

test('standalone partials keep the indentation; arguments and blocks inside them work', () => {
  write('partials/statement', 'int32_t {{result}} = {{count}};\n{{#with nested.inner}}return {{value}};\n{{/with}}');
  write('outer', '{\n  {{> statement result="code"}}\n}\n');
  assert.is(new Renderer(folder).render('outer', view), '{\n  int32_t code = 3;\n  return 7;\n}\n');
});

test('a brace of C behind a field is a brace', () => {
  write('brace', 'if (x) { return {{count}}}\n{{#each list}}{{value}}}{{/each}}\n');
  assert.is(new Renderer(folder).render('brace', view), 'if (x) { return 3}\n1}2}\n');
});

/** Every place where a template can name a field. */
const misspelt: readonly (readonly [string, string])[] = [
  ['{{missing}}', 'missing'],
  ['{{#if missing}}x{{/if}}', 'missing'],
  ['{{#unless missing}}x{{/unless}}', 'missing'],
  ['{{#each missing}}x{{/each}}', 'missing'],
  ['{{#with missing}}x{{/with}}', 'missing'],
  ['{{nested.inner.missing}}', 'nested.inner.missing'],
  ['{{#if nested.inner.missing}}x{{/if}}', 'nested.inner.missing'],
  ['{{#each list}}{{#if missing}}x{{/if}}{{/each}}', 'list[0].missing'],
  ['{{lookup nested "missing"}}', 'nested.missing'],
  ['{{> needs count=missing}}', 'missing'],
  ['{{> tests result="x"}}', 'missing'],
  ['{{#each list}}{{#if ../missing}}x{{/if}}{{/each}}', 'missing'],
];
write('partials/needs', '{{count}}');
write('partials/tests', '{{result}}{{#if missing}}x{{/if}}');

for (const [source, path] of misspelt) {
  test(`unknown field in ${source}`, () => {
    write('misspelt', source);
    try {
      new Renderer(folder).render('misspelt', view);
      assert.unreachable('an unknown field was rendered');
    } catch (error) {
      assert.instance(error, TemplateError);
      assert.match((error as Error).message, `misspelt: unknown field '${path}'`);
    }
  });
}

test('an unknown helper, partial, template or a syntax error names the template', () => {
  for (const source of ['{{shout count}}', '{{> absent}}', '{{#if count}}']) {
    write('broken', source);
    assert.throws(() => new Renderer(folder).render('broken', view), (error: Error) => error instanceof TemplateError && error.message.startsWith('broken: '));
  }
  assert.throws(() => new Renderer(folder).render('no-such', view), /no-such: there is no file/);
});

test('a number that is no integer never reaches the text', () => {
  write('float', '{{scale}}');
  assert.throws(() => new Renderer(folder).render('float', { scale: 0.5 }), /field 'scale' is 0.5, not an integer/);
  assert.throws(() => new Renderer(folder).render('float', { scale: Number.NaN }), /not an integer/);
});

test.run();
