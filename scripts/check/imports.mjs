/** One-way imports: cli → pipeline → stages → base; sim apart; one importing place a package. */

const STAGES = ['frontends', 'passes', 'calibration', 'quantization', 'simulation', 'schedule', 'emit', 'toolchains', 'verify', 'report'];
const BASE = ['operators', 'tensor', 'graph', 'targets', 'solver'];

/** Packages that one place alone may import, below src. Tests and scripts are free. */
const PLACES = [
  [/^execa$/, /^src\/toolchains\//],
  [/^node:child_process$/, /^src\/toolchains\//],
  [/^ts-morph$/, /^src\/emit\/scalar/],
  [/^handlebars$/, /^src\/emit\/render\.ts$/],
  [/^highs$/, /^src\/solver\//],
  [/^mathjs$/, /^src\/quantization\//],
  [/^@tensorflow\//, /^src\/tensor\//],
  [/^protobufjs/, /^src\/frontends\//],
  [/^flatbuffers$/, /^src\/frontends\//],
  [/^vega/, /^src\/report\//],
  [/^commander$/, /^src\/(cli\.ts|commands\/|options)/],
];

/** Folders that may import the scalar arithmetic, and those that may run the whole simulator. */
const SCALAR_USERS = ['operators', 'quantization', 'passes', 'verify', 'simulation'];
const SIMULATOR_USERS = ['passes', 'verify', 'simulation', 'calibration'];

export function checkImports(sources) {
  const problems = [];
  const stageEdges = new Map();
  for (const { path, imports } of sources) {
    for (const one of imports) {
      const say = (message) => problems.push(`${path}:${one.line}: ${message}`);
      if (path.startsWith('sim/')) checkSim(one, say);
      if (path.startsWith('src/')) checkPlace(path, one, say);
      if (path.startsWith('src/') && one.file) checkLayer(path, one, say, stageEdges);
    }
  }
  return [...problems, ...cycles(stageEdges)];
}

function checkSim(one, say) {
  if (!one.file) say(`sim imports no package and no node: module, but '${one.from}'`);
  else if (!one.file.startsWith('sim/') && !one.typeOnly) say(`sim imports only types from src, but '${one.from}' as code`);
}

function checkPlace(path, one, say) {
  for (const [name, place] of PLACES) {
    if (!one.file && !one.typeOnly && name.test(one.from) && !place.test(path)) say(`'${one.from}' is imported in ${place.source.replace(/[\\^$]/g, '')} alone`);
  }
}

function checkLayer(path, one, say, stageEdges) {
  if (one.file.startsWith('test/') || one.file.startsWith('scripts/')) return say(`src imports nothing from ${one.file.split('/')[0]}`);
  const from = folderOf(path);
  const to = folderOf(one.file);
  if (one.file.startsWith('sim/')) return checkSimUser(from, one, say);
  if (rank(from) < rank(to)) say(`${from} must not import ${to} (${one.from})`);
  if (STAGES.includes(from) && STAGES.includes(to) && from !== to && !one.typeOnly) {
    const edges = stageEdges.get(from) ?? new Map();
    stageEdges.set(from, edges.set(to, edges.get(to) ?? `${path}:${one.line}`));
  }
  return undefined;
}

function checkSimUser(from, one, say) {
  if (one.typeOnly || rank(from) === 3) return;
  const scalar = /^sim\/(scalar|fast)\/|^sim\/requantize/.test(one.file);
  const users = scalar ? [...SCALAR_USERS, ...SIMULATOR_USERS] : SIMULATOR_USERS;
  if (!users.includes(from)) say(`${from} must not import ${scalar ? 'sim/scalar' : 'the simulator'}`);
}

/** src/emit/x.ts → emit; src/errors.ts → errors.ts. */
function folderOf(path) {
  return path.split('/')[1];
}

/** 0 = files that everybody may use, 1 = base, 2 = stages, 3 = pipeline, commands and what serves them. */
const COMMON = ['errors.ts', 'version.ts', 'files.ts', 'package-root.ts'];

function rank(folder) {
  if (COMMON.includes(folder)) return 0;
  if (BASE.includes(folder)) return 1;
  return STAGES.includes(folder) ? 2 : 3;
}

/** Stages may use one another's code, but never in a circle. */
function cycles(edges) {
  const problems = [];
  const done = new Set();
  const visit = (folder, trail) => {
    if (trail.includes(folder)) {
      const circle = [...trail.slice(trail.indexOf(folder)), folder];
      problems.push(`stages import each other in a circle: ${circle.join(' → ')} (${circle.slice(1).map((to, i) => edges.get(circle[i]).get(to)).join(', ')})`);
      return;
    }
    if (done.has(folder)) return;
    for (const to of edges.get(folder)?.keys() ?? []) visit(to, [...trail, folder]);
    done.add(folder);
  };
  for (const folder of edges.keys()) visit(folder, []);
  return problems;
}
