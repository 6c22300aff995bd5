/** Argument parsing only: every command lives in commands/. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import pc from 'picocolors';
import { EXIT, PtqError } from './errors.js';
import { toolVersion } from './version.js';

const toInteger = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value)) throw new InvalidArgumentError('an integer is expected');
  return value;
};
const toNumber = (text: string): number => {
  const value = Number(text);
  if (!Number.isFinite(value)) throw new InvalidArgumentError('a number is expected');
  return value;
};
const collect = (value: string, previous: string[] | undefined): string[] => [...(previous ?? []), value];

/** Options that shape the integers: shared by the road, quantize and eval. */
function quantizeOptions(command: Command): Command {
  return command
    .option('--calib <data>', 'calibration inputs: .npy, .npz, a folder of .npy or images; NAME=FILE for several inputs (repeatable)', collect)
    .option('--preprocess <json>', "raw data → model input, inline or a file: '{\"scale\":\"1/255\",\"mean\":[0],\"std\":[1],\"layout\":\"nhwc\"}'")
    .option('--diffusion <json>', 'for noise-estimating networks: the process and its sampler, inline or a file (docs/quantization-methods.md); calibration samples then come from the sampler')
    .option('--method <name>', 'quantization method (default nearest)')
    .option('--observer <name>', 'activation ranges: min-max, percentile, mse (default), kl')
    .option('--bias-correction', 'correct means and deviations that quantized weights shift (default below 8 weight bits with methods that do not learn)')
    .option('--no-bias-correction', 'leave them')
    .option('--equalize', 'equalize the weights of consecutive layers channel by channel before anything is quantized')
    .option('--migrate-outliers', 'shift and scale outlier channels into the neighbouring layers first, with any method (os-plus does by itself)')
    .option('--bits <wNaM>', 'bit widths: weights 2 to 8, activations 2 to 16 (default w8a8); auto: chosen layer by layer within --budget, activations of 8 bits; auto-both: weights and input of a layer alike')
    .option('--budget <list>', 'with --bits auto: size=BYTES (weights in flash), ram=BYTES, instructions=N, or a share of 8 bits everywhere: size=60%')
    .addOption(new Option('--sensitivity <kind>', 'with --bits auto, what a width costs: measured on the calibration samples (default) or by the hessian').choices(['measured', 'hessian']))
    .option('--edge-bits <n>', 'least bits of first and last layers (default 8)', toInteger)
    .option('--iterations <n>', 'iterations a unit, for methods that learn', toInteger)
    .option('--resume', 'go on with the units that an interrupted optimisation has finished')
    .option('--arith <profile>', 'dyadic (default), tflite, tflite-single, shift (no multiplication is ever executed); an already quantized .tflite takes tflite by itself')
    .option('--terms <n>', 'powers of two a weight, with --arith shift: 1 (default), 2, 3, 4; auto: two where one costs too much')
    .addOption(new Option('--transformer-functions <form>', 'softmax, GELU and SiLU by tables (lookup, default) or by shifts as in I-ViT (ivit)').choices(['lookup', 'ivit']))
    .option('--samples <n>', 'use only the first n calibration samples; with --diffusion, how many are generated (default 256)', toInteger)
    .option('--no-fold', 'keep dead channels (every tensor of the source file stays observable)')
    .option('--seed <n>', 'every random choice (default 0)', toInteger);
}

function evalOptions(command: Command): Command {
  return command
    .option('--eval <data>', 'evaluation inputs (repeatable)', collect)
    .option('--labels <file>', 'labels of the evaluation inputs')
    .addOption(new Option('--metric <name>', 'accuracy metric (default top1)').choices(['top1', 'mse', 'sqnrDb', 'miou']))
    .option('--output <name>', 'which output counts');
}

function generateOptions(command: Command): Command {
  return command
    .option('-t, --target <names>', 'targets, comma-separated (ptq-gen targets lists them)')
    .option('--kernels <family>', 'kernel family (default auto)')
    .option('--cmsis-nn <dir>', 'your checkout of CMSIS-NN, for --kernels cmsis-nn (default: environment CMSIS_NN_DIR)')
    .addOption(new Option('--optimize <goal>', 'what to optimize (default speed)').choices(['speed', 'ram', 'flash']))
    .option('--weights <layout>', 'flash layout of the weights: int8 (default), int16 (widened) or packed (codes of 4 bits and fewer, several a byte)')
    .option('--winograd', 'allow transformed weights: fewer instructions, 3.6 times the flash of int8')
    .option('--flash-budget <bytes>', 'most bytes of constants, and of code that stands for weights: each layer takes the form that pays most', toInteger)
    .option('--keep-input', 'inputs stay readable after run')
    .option('--wrapper', "also emit <model>_infer, which copies from and to the caller's buffers")
    .option('--out <dir>', 'output folder (default build/<model>-<target>)');
}

function reportOptions(command: Command): Command {
  return command
    .option('--json <file>', "report.json; '-' prints nothing else on stdout")
    .option('--html <file>', 'self-contained page')
    .option('--junit <file>', 'JUnit XML for CI')
    .option('--max-ram <bytes>', 'budget: exit code 5 where it is broken', toInteger)
    .option('--max-flash <bytes>', 'budget', toInteger)
    .option('--max-instructions <n>', 'budget', toInteger)
    .option('--min-accuracy <a>', 'budget', toNumber);
}

export function createProgram(): Command {
  const program = new Command('ptq-gen');
  program
    .description('Integer-only firmware from a trained network, proven to compute the same bits everywhere.')
    .version(toolVersion())
    .enablePositionalOptions()
    .showHelpAfterError("(see 'ptq-gen --help')")
    .argument('[model]', '.onnx, .tflite, model.json or .ptq.json; without it the bundled sample')
    .option('--config <file>', 'options from a JSON file (default ./ptq-gen.config.json)');
  reportOptions(evalOptions(generateOptions(quantizeOptions(program))))
    .option('--vectors <n>', 'inputs the built firmware must reproduce (default 16)', toInteger)
    .option('--dump', 'write every stage as text into the output folder')
    .option('--no-run', 'build but do not run')
    .option('--no-build', 'generate only')
    .addHelpText('after', '\nExample:\n  ptq-gen model.onnx --calib calib.npy --eval test.npy --labels labels.npy --target cortex-m7,rv32imc --html report.html')
    .action(async (model: string | undefined, options: Record<string, unknown>) => {
      const { roadCommand } = await import('./commands/road.js');
      process.exitCode = await roadCommand({ ...options, ...(model !== undefined && { model }) });
    });
  addCommands(program);
  return program;
}

function addCommands(program: Command): void {
  program
    .command('inspect')
    .argument('<model>')
    .option('--graph', 'also the whole graph, one line a node')
    .description('operators, shapes, parameters, MACs, and what is not supported and why')
    .addHelpText('after', '\nExample:\n  ptq-gen inspect model.tflite')
    .action(async (model: string, options: { graph?: boolean }) => {
      const { inspectCommand } = await import('./commands/inspect.js');
      process.stdout.write(`${await inspectCommand(model, options)}\n`);
    });
  quantizeOptions(program.command('quantize').argument('<model>').requiredOption('-o, --out <file>', 'where the integer graph goes (.ptq.json; the weights beside it)'))
    .option('-t, --target <name>', 'with --bits auto: where the cost of the layers is measured')
    .description('stops at the integer graph')
    .addHelpText('after', '\nExample:\n  ptq-gen quantize model.onnx --calib calib.npy -o model.ptq.json')
    .action(async (model: string, options: Record<string, unknown>) => {
      const { quantizeCommand } = await import('./commands/quantize.js');
      await quantizeCommand({ ...options, model });
    });
  program
    .command('simulate')
    .argument('<graph>', 'a .ptq.json')
    .description('runs the reference simulator')
    .requiredOption('--input <file>', '.npy, .npz or .bin codes (repeatable: NAME=FILE)', collect)
    .requiredOption('-o, --out <file>', 'outputs as .npy (one output) or .npz')
    .option('--real', 'real values instead of codes')
    .option('--preprocess <json>', 'raw data → model input')
    .option('--dump-tensors <dir>', 'every tensor of every sample as .npy')
    .addHelpText('after', '\nExample:\n  ptq-gen simulate model.ptq.json --input x.npy -o y.npy')
    .action(async (graph: string, options: Record<string, unknown>) => {
      const { simulateCommand } = await import('./commands/simulate.js');
      await simulateCommand(graph, options as never);
    });
  program
    .command('eval')
    .argument('<graph>', 'a .ptq.json')
    .description('accuracy of the integers')
    .requiredOption('--input <file>', 'evaluation inputs (repeatable: NAME=FILE)', collect)
    .option('--labels <file>', 'labels')
    .addOption(new Option('--metric <name>', 'accuracy metric (default top1)').choices(['top1', 'mse', 'sqnrDb', 'miou']))
    .option('--output <name>', 'which output counts')
    .option('--preprocess <json>', 'raw data → model input')
    .addOption(new Option('--backend <name>', 'what computes').choices(['sim', 'cuda', 'cuda-emulation']).default('sim'))
    .addHelpText('after', '\nExample:\n  ptq-gen eval model.ptq.json --input test.npy --labels labels.npy')
    .action(async (graph: string, options: Record<string, unknown>) => {
      const { evalCommand } = await import('./commands/eval.js');
      await evalCommand(graph, options as never);
    });
  generateOptions(program.command('generate').argument('<graph>', 'a .ptq.json'))
    .description('writes the C project, builds nothing')
    .addHelpText('after', '\nExample:\n  ptq-gen generate model.ptq.json --target cortex-m4 --out firmware/model')
    .action(async (graph: string, options: Record<string, unknown>) => {
      const { generateCommand } = await import('./commands/generate.js');
      await generateCommand({ ...options, model: graph });
    });
  addExport(program);
  addToolCommands(program);
}

function addExport(program: Command): void {
  program
    .command('export')
    .argument('<source>', 'a .ptq.json or a generated project, quantized with --arith shift')
    .description('weights, biases, shifts and vectors of shift layers for hardware')
    .addOption(new Option('--format <name>', "readmemh: hex files for Verilog's $readmemh and a JSON of their shapes").choices(['readmemh']).default('readmemh'))
    .requiredOption('-o, --out <dir>', 'where the files go')
    .option('--input <file>', 'inputs of the vectors, as for simulate (default: those of the project, else made up)', collect)
    .option('--preprocess <json>', 'raw data → model input')
    .option('--vectors <n>', 'how many (default 2)', toInteger)
    .addHelpText('after', '\nExample:\n  ptq-gen export model.ptq.json --input x.npy -o hardware')
    .action(async (source: string, options: Record<string, unknown>) => {
      const { exportCommand } = await import('./commands/export.js');
      await exportCommand(source, options as never);
    });
}

function addToolCommands(program: Command): void {
  program
    .command('verify')
    .argument('<dir>', 'a generated project')
    .description('builds, runs and compares a generated project')
    .option('--runner <command>', "runs the program on a real board instead of the emulator: 'CMD {elf}'")
    .option('--log <file>', 'compares a captured UART log instead of running anything')
    .option('--linker-script <file>', "the board's own, instead of the emulator's")
    .option('--board-source <file>', "the board's start-up and UART source (repeatable)", collect)
    .option('--target <name>', 'another target than the one it was generated for')
    .option('--cmsis-nn <dir>', 'your checkout of CMSIS-NN, where the project calls it (default: environment CMSIS_NN_DIR)')
    .option('--timeout <seconds>', 'how long a run may take', toInteger)
    .option('--json <file>', "result as JSON; '-' prints nothing else on stdout")
    .addHelpText('after', "\nExample:\n  ptq-gen verify build/shapes-cortex-m7 --runner 'pyocd-run {elf}'")
    .action(async (directory: string, options: Record<string, never>) => {
      const { verifyCommand } = await import('./commands/verify.js');
      process.exitCode = await verifyCommand(directory, options);
    });
  quantizeOptions(generateOptions(program.command('bench').argument('<models...>')))
    .description('cost table per layer and in total')
    .option('--vectors <n>', 'inputs the built firmware must reproduce (default 4)', toInteger)
    .option('--pareto', 'what --optimize speed, ram and flash each cost, beside one another')
    .option('--json <file>', "reports with the peers' figures as a JSON array; '-' prints nothing else on stdout")
    .addHelpText('after', '\nEvery layout of the weights that the target knows is measured, unless --weights, --winograd or --flash-budget names one.\n\nExample:\n  ptq-gen bench a.tflite b.tflite --target cortex-m7')
    .action(async (models: string[], options: Record<string, unknown>) => {
      const { benchCommand } = await import('./commands/bench.js');
      process.exitCode = await benchCommand(models, options);
    });
  program
    .command('targets')
    .description('the targets and what each needs')
    .addHelpText('after', '\nExample:\n  ptq-gen targets')
    .action(async () => {
      const { targetsCommand } = await import('./commands/targets.js');
      process.exitCode = targetsCommand();
    });
  program
    .command('doctor')
    .description('which tools were found, their versions, and how to install the missing ones')
    .addHelpText('after', '\nExample:\n  ptq-gen doctor')
    .action(async () => {
      const { doctorCommand } = await import('./commands/doctor.js');
      process.exitCode = await doctorCommand();
    });
}

/** One clear message on stderr; the exit code of the contract. */
function reportError(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.badInput;
  if (!(error instanceof PtqError)) {
    process.stderr.write(`${pc.red('internal error')}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return EXIT.badInput;
  }
  const where = error.origin ? ` [${error.origin.opType} '${error.origin.nodeName}' in ${error.origin.file}]` : '';
  process.stderr.write(`${pc.red(`error ${error.code}`)}: ${error.message}${where}\n`);
  if (error.hint) process.stderr.write(`  → ${error.hint}\n`);
  return error.exitCode;
}

export async function main(argv: readonly string[]): Promise<void> {
  const program = createProgram();
  const quietly = (command: Command): void => {
    command.exitOverride();
    command.commands.forEach(quietly);
  };
  quietly(program);
  try {
    await program.parseAsync(argv as string[]);
  } catch (error) {
    process.exitCode = reportError(error);
  }
}
