/** The function of a step that computes its nodes strip by strip: a loop that calls the kernels on windows of rows. */
import type { KernelArgument } from '../operators/kernel.js';
import type { Schedule, Step } from '../schedule/schedule.js';
import { packingConstants, packingSuffix, type PackedRows } from '../schedule/strips/packed-rows.js';
import { type LineBuffer, needsPadding, type StripPlan, type StripStage } from '../schedule/strips/plan.js';
import { wrapList } from './c-text.js';
import type { KernelFunction, KernelFunctions } from './kernels.js';
import { commentText } from './names.js';
import { renderTemplate } from './render.js';

/** Text of an argument that is no row of a strip: constants. */
export type ConstantText = (caller: Pick<Step, 'index' | 'nodes'>, argument: KernelArgument) => string;

/** Functions of all steps that run in strips. */
export function stripFunctions(schedule: Schedule, kernels: KernelFunctions, constantText: ConstantText): readonly KernelFunction[] {
  return schedule.steps.flatMap((step) => {
    if (!step.strips) return [];
    const view = stripsView(schedule, step, step.strips, kernels, constantText);
    const code = renderTemplate('strips/loop', { ...view, name: kernels.nameOfStep[step.index]! }).trim();
    const layers = step.nodes.length === 1 ? 'One layer' : `${step.nodes.length} layers together`;
    const description = `${layers}, ${step.strips.sink.rows === 1 ? 'a row' : `${step.strips.sink.rows} rows`} of the last one at a time: ${betweenText(step.strips)}.`;
    return [{ name: kernels.nameOfStep[step.index]!, description, code, template: 'c/strips/loop.hbs', steps: [step.index] }];
  });
}

function betweenText({ stages, packed }: StripPlan): string {
  return [...(stages.length > 1 ? ['only windows of rows exist of the tensors between them'] : []), ...(packed.size > 0 ? ['rows are unpacked and packed at their borders'] : [])].join(', ');
}

function stripsView(schedule: Schedule, step: Step, plan: StripPlan, kernels: KernelFunctions, constantText: ConstantText): object {
  const base = schedule.arena.scratchOffsets[step.index]!;
  const at = (id: string) => schedule.arena.offsets.get(id)!;
  const rows = (buffer: LineBuffer) => ({
    to: base + buffer.offset + (buffer.held - buffer.rows) * buffer.rowBytes,
    rows: buffer.rows,
    lead: leadTerm(buffer.lead),
    height: buffer.height,
    rowBytes: buffer.rowBytes,
    pad: buffer.padByte ?? 0,
  });
  const bufferOf = new Map(plan.buffers.map((b) => [b.tensor, b]));
  return {
    first: plan.first,
    end: plan.end,
    fills: plan.buffers.filter((b) => b.padByte !== null).map((b) => ({ at: base + b.offset, pad: b.padByte!, bytes: b.held * b.rowBytes })),
    sources: plan.sources.map((id) => ({ ...rows(bufferOf.get(id)!), from: at(id), ...packedView(plan.packed.get(id)) })),
    stages: plan.stages.map((stage) => {
      const output = bufferOf.get(stage.node.outputs[0]!);
      const condition = conditionOf(stage, plan);
      const args = stage.kernel.arguments.map((argument) => stageArgument(schedule, step, plan, stage, argument, constantText));
      return {
        comment: commentText(`${stage.node.op} '${stage.node.origin.nodeName}'`),
        condition,
        statement: wrapList(kernels.nameOfPart.get(stage.kernel)!, args, condition === '' ? '    ' : '      ', ';'),
        pads: output !== undefined && needsPadding(output, plan),
        puts: putStatement(schedule, step, plan, stage, condition === '' ? '    ' : '      '),
        ...(output ? rows(output) : { to: 0, rows: 0, lead: '', height: 0, rowBytes: 0, pad: 0 }),
      };
    }),
    drops: plan.buffers.filter((b) => b.held > b.rows).map((b) => ({ at: base + b.offset, dropped: b.rows * b.rowBytes, kept: (b.held - b.rows) * b.rowBytes })),
  };
}

function packedView(rows: PackedRows | undefined): object {
  if (!rows) return { packed: false, suffix: '', packedBytes: 0, add: '', flip: '' };
  const [add, flip] = packingConstants(rows);
  return { packed: true, suffix: packingSuffix(rows), packedBytes: rows.rowBytes, add, flip };
}

/** Packs the rows that the last stage has computed; empty where they lie in the arena as they are. */
function putStatement(schedule: Schedule, step: Step, plan: StripPlan, stage: StripStage, indent: string): string {
  const { tensor, rows } = plan.sink;
  const packed = plan.packed.get(tensor);
  if (!packed || stage.node.outputs[0] !== tensor) return '';
  const args = [sinkRows(schedule, plan), lineOf(schedule, step, plan.buffers.find((b) => b.tensor === tensor)!), rows, packed.rowCodes, packed.rowBytes, ...packingConstants(packed)];
  return wrapList(`ptq_put_rows_${packingSuffix(packed)}`, args.map(String), indent, ';');
}

function leadTerm(lead: number): string {
  return lead === 0 ? '' : lead < 0 ? ` - ${-lead}` : ` + ${lead}`;
}

/** When the stage has rows to compute, as a C expression; empty: always. */
function conditionOf({ first, end }: StripStage, plan: StripPlan): string {
  return [...(first > plan.first ? [`pass >= ${first}`] : []), ...(end < plan.end ? [`pass < ${end}`] : [])].join(' && ');
}

function stageArgument(schedule: Schedule, step: Step, plan: StripPlan, stage: StripStage, argument: KernelArgument, constantText: ConstantText): string {
  const base = schedule.arena.scratchOffsets[step.index]!;
  if (argument.kind === 'scratch') return `ptq_at(arena, ${base + plan.lineBytes})`;
  if (argument.kind === 'constant') return constantText({ index: step.index, nodes: [stage.node] }, argument);
  const buffer = plan.buffers.find((b) => b.tensor === argument.tensor);
  if (argument.kind === 'input') return buffer ? `ptq_at(arena, ${base + buffer.offset + stage.windows.get(argument.tensor)!})` : constantText({ index: step.index, nodes: [stage.node] }, argument);
  return buffer ? lineOf(schedule, step, buffer) : sinkRows(schedule, plan);
}

/** Where a pass adds rows to a line buffer. */
function lineOf(schedule: Schedule, step: Step, buffer: LineBuffer): string {
  return `ptq_at(arena, ${schedule.arena.scratchOffsets[step.index]! + buffer.offset + (buffer.held - buffer.rows) * buffer.rowBytes})`;
}

/** Where a pass adds rows to the tensor that the step writes. */
function sinkRows(schedule: Schedule, { sink: { tensor, rows, rowBytes } }: StripPlan): string {
  return `ptq_at(arena, ${schedule.arena.offsets.get(tensor)!} + (size_t)pass * ${rows * rowBytes})`;
}
