/** JUnit XML: one suite a target, one case a claim, for firmware CI that must fail on one wrong bit or a broken budget. */
import { budgetText, type BrokenBudget } from '../errors.js';
import type { Report } from './report.js';

interface Case {
  readonly name: string;
  readonly seconds: number;
  /** Message of the failure, null where it passed. */
  readonly failure: string | null;
  readonly skipped?: string;
}

function escapeXml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 forbids these characters even as entities
  return text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f]/g, '').replace(/[&<>"']/g, (c) => entities[c]!);
}

function bitExactCase(report: Report): Case {
  const { verify } = report;
  const name = `bit-exact over ${verify.vectors} vectors`;
  const seconds = report.seconds.run ?? 0;
  if (!verify.ran) return { name, seconds, failure: null, skipped: 'not run' };
  const m = verify.firstMismatch;
  const where = m ? `${m.unfused ? 'with fusion off: ' : ''}vector ${m.vector}, tensor '${m.tensor}' (node '${m.node}') at [${m.index.join(', ')}]: simulator ${m.expected}, firmware ${m.actual}` : 'outputs differ';
  return { name, seconds, failure: verify.bitExact ? null : where };
}

function proofCases(report: Report): Case[] {
  const claims: [string, boolean | null][] = [
    ['no accumulator overflows', report.proofs.noOverflow],
    ['no floating-point instruction or helper', report.proofs.noFloat],
    ['no heap and no libc beyond memcpy and memset', report.proofs.noHeap],
    ...(report.arith === 'shift' ? [['no multiplication or division', report.proofs.noMultiply] as [string, boolean | null]] : []),
  ];
  return claims.map(([name, value]) => ({
    name,
    seconds: 0,
    failure: value === false ? report.proofs.details.join('; ') || name : null,
    ...(value === null && { skipped: 'not checked' }),
  }));
}

function render(report: Report, cases: readonly Case[]): string {
  const failures = cases.filter((c) => c.failure !== null).length;
  const skipped = cases.filter((c) => c.skipped !== undefined).length;
  const seconds = cases.reduce((sum, c) => sum + c.seconds, 0).toFixed(3);
  const suite = `${report.model.name}.${report.target}`;
  const body = cases.map((c) => {
    const open = `    <testcase classname="${escapeXml(suite)}" name="${escapeXml(c.name)}" time="${c.seconds.toFixed(3)}"`;
    if (c.failure !== null) return `${open}>\n      <failure message="${escapeXml(c.failure)}"/>\n    </testcase>`;
    if (c.skipped !== undefined) return `${open}>\n      <skipped message="${escapeXml(c.skipped)}"/>\n    </testcase>`;
    return `${open}/>`;
  });
  return `  <testsuite name="${escapeXml(suite)}" tests="${cases.length}" failures="${failures}" skipped="${skipped}" time="${seconds}">\n${body.join('\n')}\n  </testsuite>`;
}

/** `budgets` are the limits that the user set, with what was measured; `broken` those that do not hold. */
export function junitReport(reports: readonly Report[], budgets: ReadonlyMap<string, readonly BrokenBudget[]>, broken: ReadonlyMap<string, readonly BrokenBudget[]>): string {
  const suites = reports.map((report) => {
    const brokenHere = broken.get(report.target) ?? [];
    const budgetCases = (budgets.get(report.target) ?? []).map((b) => ({
      name: `budget ${b.name}: limit ${b.limit}`,
      seconds: 0,
      failure: brokenHere.some((x) => x.name === b.name) ? budgetText(b) : null,
    }));
    return render(report, [bitExactCase(report), ...proofCases(report), ...budgetCases]);
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join('\n')}\n</testsuites>\n`;
}
