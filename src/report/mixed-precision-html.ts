/** The page's section about chosen bit widths. */
import { widthsChart, type WidthPoint } from './charts.js';
import { costText, gapText, paretoTable, sensitivityTable, type MixedTable, type ReportMixedPoint, type ReportMixedPrecision } from './mixed-precision.js';

export async function mixedPrecisionSection(mixed: ReportMixedPrecision, escapeHtml: (text: string) => string): Promise<string> {
  const { budget, gap, objective, swept, measured, sensitivity } = mixed;
  const spent = budget.map(({ resource, limit }) => `${resource} ${costText(resource, measured[resource])} of ${costText(resource, limit)}`).join(', ');
  return [
    `<h2>Bit widths</h2><p class="soft">${spent}; ${sensitivity} divergence ${objective.toPrecision(3)}, ${gapText(gap)}. Measured on ${escapeHtml(mixed.target)}.</p>`,
    await widthsChart(pointsOf(mixed), swept === 'instructions' ? 'instructions' : `${swept} in bytes`),
    `<h3>Front</h3>${htmlTable(paretoTable(mixed), escapeHtml)}`,
    `<h3>Sensitivity of the layers</h3>${htmlTable(sensitivityTable(mixed), escapeHtml)}`,
  ].join('\n');
}

function pointsOf({ pareto, uniform, swept, predicted, objective }: ReportMixedPrecision): readonly WidthPoint[] {
  const point = (kind: WidthPoint['kind'], { objective: divergence, ...costs }: Pick<ReportMixedPoint, 'objective' | 'size' | 'ram' | 'instructions'>, label = ''): WidthPoint => ({ kind, cost: costs[swept] ?? 0, divergence, label });
  return [...pareto.map((p) => point('best widths', p)), ...uniform.map((p) => point('one width', p, p.name)), point('chosen', { ...predicted, objective })];
}

function htmlTable([header, rows]: MixedTable, escapeHtml: (text: string) => string): string {
  const isNumber = (cell: string) => /^(≤ )?[\d.,]+(e[-+]\d+)?( \*)?$/.test(cell);
  const line = (cells: readonly string[], tag: string) => `<tr>${cells.map((cell) => `<${tag}${tag === 'td' && isNumber(cell) ? ' class="n"' : ''}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
  return `<div class="wide"><table><thead>${line(header, 'th')}</thead><tbody>\n${rows.map((row) => line(row, 'td')).join('\n')}\n</tbody></table></div>`;
}
