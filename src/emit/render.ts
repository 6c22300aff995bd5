/**
 * Handlebars, strictly: the only file that imports it. A template that asks its view for something unknown, anywhere, is
 * a TemplateError naming template and path. Identical calls are answered from a cache.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Handlebars from 'handlebars';
import { TemplateError } from '../errors.js';
import { packageRoot } from '../package-root.js';
import { strictView } from './strict-view.js';

const OPTIONS: CompileOptions = { noEscape: true, strict: true, knownHelpersOnly: true };

type Template = Handlebars.TemplateDelegate;

/** Renders the templates of one folder; its `partials/` are known to all of them by their basenames. */
export class Renderer {
  private readonly handlebars = strictHandlebars();
  private readonly templates = new Map<string, Template>();
  private readonly rendered = new Map<string, string>();
  private partialsLoaded = false;

  constructor(
    private readonly folder: string,
    private readonly partialFolders: readonly string[] = [join(folder, 'partials')],
  ) {}

  /** `template` is a path below the folder without .hbs; `view` is plain data: strings, booleans, integers, lists and objects of them. */
  render(template: string, view: object): string {
    const key = `${template}\n${JSON.stringify(view)}`;
    const known = this.rendered.get(key);
    if (known !== undefined) return known;
    const compiled = this.compiled(template);
    const text = attempt(template, () => compiled(strictView(view)));
    this.rendered.set(key, text);
    return text;
  }

  has(template: string): boolean {
    return existsSync(this.path(template));
  }

  private compiled(template: string): Template {
    this.loadPartials();
    let compiled = this.templates.get(template);
    if (!compiled) {
      if (!this.has(template)) throw new TemplateError(template, `there is no file ${template}.hbs`);
      compiled = this.handlebars.compile(readTemplate(this.path(template)), OPTIONS);
      this.templates.set(template, compiled);
    }
    return compiled;
  }

  private path(template: string): string {
    return join(this.folder, `${template}.hbs`);
  }

  private loadPartials(): void {
    if (this.partialsLoaded) return;
    for (const folder of this.partialFolders) {
      const files = existsSync(folder) ? readdirSync(folder).filter((f) => f.endsWith('.hbs')) : [];
      for (const file of files.sort()) {
        const source = readTemplate(join(folder, file));
        this.handlebars.registerPartial(file.slice(0, -'.hbs'.length), this.handlebars.compile(source, OPTIONS));
      }
    }
    this.partialsLoaded = true;
  }
}

/** A brace of C right behind a field, `{{x}}}`, is what it looks like; Handlebars would take the three for one token. */
function readTemplate(path: string): string {
  return readFileSync(path, 'utf8').replace(/(?<!\{)(\{\{[^{}]+\}\})(?=\}(?!\}))/g, '$1{{!}}');
}

/** Handlebars copies the context of a partial that has arguments into a plain object; this wraps it again. */
function strictHandlebars(): typeof Handlebars {
  const instance = Handlebars.create() as typeof Handlebars & { VM: { invokePartial(this: unknown, partial: unknown, context: unknown, options: unknown): unknown } };
  const invokePartial = instance.VM.invokePartial;
  instance.VM = {
    ...instance.VM,
    invokePartial(partial, context, options) {
      const isView = typeof context === 'object' && context !== null;
      return invokePartial.call(this, partial, isView ? strictView(context) : context, options);
    },
  };
  return instance;
}

function attempt(template: string, render: () => string): string {
  try {
    return render();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new TemplateError(template, message, { cause: error });
  }
}

const renderers = new Map<string, Renderer>();

/** Renders `templates/<language>/<template>.hbs` of this package. */
export function renderTemplate(template: string, view: object, language: 'c' | 'cuda' = 'c'): string {
  return renderer(language).render(template, view);
}

function renderer(language: 'c' | 'cuda'): Renderer {
  let found = renderers.get(language);
  if (!found) {
    const folder = join(packageRoot(), 'templates', language);
    // What rounds is written as in C, by the same partials.
    found = new Renderer(folder, [...new Set([join(packageRoot(), 'templates/c/partials'), join(folder, 'partials')])]);
    renderers.set(language, found);
  }
  return found;
}
