/** The page in a real browser, without network. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codeHistogram } from '../../src/report/charts.js';
import { htmlReport } from '../../src/report/html.js';
import { leftOut } from '../support/bench.js';
import { sampleReport } from './sample-report.js';

const page = suite('html report');
const report = sampleReport();
const histogram = codeHistogram('conv', Int8Array.from({ length: 500 }, (_, i) => Math.round(60 * Math.sin(i))));
const html = await htmlReport([
  {
    report,
    arena: [
      { name: 'a', offset: 0, bytes: 6000, first: -1, last: 1 },
      { name: 'b', offset: 6000, bytes: 6000, first: 0, last: 2 },
    ],
    weights: [histogram],
    activations: [histogram],
  },
]);

function findChromium(): string | null {
  return ['chromium', 'chromium-browser', 'google-chrome'].find((name) => spawnSync(name, ['--version']).status === 0) ?? null;
}

/** Runs the browser on the page with every host name unreachable. */
function browse(browser: string, extra: readonly string[], directory: string): string {
  const file = join(directory, 'report.html');
  writeFileSync(file, html);
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--host-resolver-rules=MAP * ~NOTFOUND', `--user-data-dir=${join(directory, 'profile')}`, '--window-size=1080,1800'];
  const result = spawnSync(browser, [...flags, ...extra, `file://${file}`], { cwd: directory, encoding: 'utf8', timeout: 120_000, maxBuffer: 1 << 26 });
  assert.is(result.status, 0, result.stderr);
  return result.stdout;
}

page('needs nothing from outside: no script, no reference to another file or host', () => {
  assert.not.match(html, /<script|<link|<img|<iframe|@import|src=|url\(/i);
  assert.equal(html.match(/https?:\/\/[^\s"']+/g)?.filter((u) => !u.startsWith('http://www.w3.org/')) ?? [], []);
});

page('escapes the names of the user', () => {
  assert.match(html, /\/features\/conv&lt;0&gt;/);
  assert.match(html, /class &amp; &quot;score&quot;/);
});

page('a browser lays it out: verdict, table, pictures, painted', () => {
  const browser = findChromium();
  if (!browser) {
    assert.is(process.env['CI'], undefined, 'chromium is required where CI is set');
    return leftOut(1, 'no chromium');
  }
  const directory = mkdtempSync(join(tmpdir(), 'ptq-gen-html-'));
  try {
    const dom = browse(browser, ['--dump-dom'], directory);
    assert.match(dom, /<b class="good">bit-exact<\/b>/);
    assert.is((dom.match(/<svg/g) ?? []).length, 3);
    browse(browser, [`--screenshot=${join(directory, 'page.png')}`], directory);
    const shot = PNG.sync.read(readFileSync(join(directory, 'page.png')));
    assert.is(shot.width, 1080);
    // Green verdict, blue bars and the two tensors of the arena are really painted.
    for (const colour of [[0x1a, 0x7f, 0x37], [0x4c, 0x78, 0xa8], [0xf5, 0x96, 0x38]]) assert.ok(paints(shot, colour as [number, number, number]), `no pixel near ${colour}`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

function paints(shot: PNG, [r, g, b]: readonly [number, number, number]): boolean {
  for (let i = 0; i < shot.data.length; i += 4) {
    if (Math.abs(shot.data[i]! - r) < 12 && Math.abs(shot.data[i + 1]! - g) < 12 && Math.abs(shot.data[i + 2]! - b) < 12) return true;
  }
  return false;
}

page.run();
