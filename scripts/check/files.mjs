/** Test suites that never run, files that grow too long. */

const LONGEST_FILE = 300;

/** uvu says nothing when a suite is not run: it would pass silently. */
export function checkSuites(sources) {
  const problems = [];
  for (const { path, text } of sources) {
    if (!/^test\/.*\.test\.ts$/.test(path)) continue;
    const suites = [...text.matchAll(/\b(?:const|let) (\w+) = suite\b[^\n]*\(/g)].map((m) => m[1]);
    if (suites.length === 0) problems.push(`${path}: no suite(name) of uvu`);
    for (const name of suites) if (!new RegExp(`\\b${name}\\.run\\(\\)`).test(text)) problems.push(`${path}: suite '${name}' is never run: ${name}.run() is missing`);
  }
  return problems;
}

export function checkLengths(sources) {
  const long = sources.map((s) => ({ path: s.path, lines: s.text.split('\n').length - 1 })).filter((s) => s.lines > LONGEST_FILE && !s.path.startsWith('test/'));
  return long.sort((a, b) => b.lines - a.lines).map((s) => `${s.path} has ${s.lines} lines (aim for ${LONGEST_FILE} at most)`);
}
