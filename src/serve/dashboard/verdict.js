// Whether readers see what they should, in words: what the service says, what stands against it,
// and what a person can do at once. Pure functions.
import * as format from './format.js';

const NAMED = 3; // names in a line

// "03:40" of today, else "22 Nov, 03:40"; with the year when it is another one.
export function sinceOf(text, now = Date.now()) {
  const [at, today] = [new Date(text), new Date(now)];
  const clock = format.clock(text).slice(0, 5);
  if (at.toDateString() === today.toDateString()) return clock;
  const year = at.getFullYear() === today.getFullYear() ? undefined : 'numeric';
  const day = at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year });
  return `${day}, ${clock}`;
}

// Names, the first few: [{text, href}].
const addressOf = (file) => `#/file?path=${encodeURIComponent(file.file_path)}`;
const tableAddress = (name) => `#/table?name=${encodeURIComponent(name)}`;

function namesOf(all, total) {
  const names = all.slice(0, NAMED);
  const more = total - names.length;
  return { names, more: more > 0 ? ` and ${format.count(more)} more` : '' };
}

function brokenLine(said, incidents) {
  const files = incidents.filter((one) => one.cause === 'file');
  const total = Math.max(said.broken_files ?? 0, files.length);
  if (total === 0) return null;
  return {
    text: `${format.plural(total, 'file')} broken: `,
    ...namesOf(
      files.map((one) => ({ text: one.file_path.split('/').at(-1), href: addressOf(one) })),
      total,
    ),
    act:
      total === 1
        ? { kind: 'retry', incident: files[0] }
        : { kind: 'retryAll', incidents: files },
  };
}

// Tables that are stale for another reason than a broken file of theirs, which has its own line.
function staleLine(overview, incidents) {
  const broken = new Set(incidents.map((one) => one.table_name));
  const stale = overview.freshness.filter((one) => one.stale && !broken.has(one.table_name));
  if (stale.length === 0) return null;
  const reason = stale[0].stale_reason ? ` (${stale[0].stale_reason})` : '';
  const named = namesOf(
    stale.map((one) => ({ text: one.table_name, href: tableAddress(one.table_name) })),
    stale.length,
  );
  return {
    text: `${format.plural(stale.length, 'table')} not current: `,
    ...named,
    more: `${named.more}${reason}`,
  };
}

function quietLine(overview) {
  const loading = overview.live.find(
    ({ progress }) => progress && progress.bytes_done < progress.bytes_total,
  );
  if (loading) {
    const left = loading.progress.files_total - loading.progress.files_done;
    return {
      text: `${format.plural(left, 'file')} to go; what was loaded before is there as it was.`,
    };
  }
  if (overview.live.length > 0) return { text: 'A run is under way.' };
  if (!overview.summary?.last_sync_at) return { text: 'No file has been loaded yet.' };
  return { text: 'Last load ', at: overview.summary.last_sync_at };
}

// `lostAt`: since when the page has no contact with the service; null: it has. `now`: the clock.
// Gives {level, title, lines: [{text, names: [{text, href}], more, at, act}]}.
export function verdictOf({ overview }, lostAt = null, now = Date.now()) {
  if (lostAt !== null) {
    return {
      level: 'unknown',
      title: `Unknown since ${sinceOf(lostAt, now)}`,
      lines: [
        { text: 'This page has no contact with the service. What stands below is from then.' },
      ],
    };
  }
  const said = overview.verdict;
  const problems = overview.problems.map((text) => ({ text }));
  if (said.unknown_since) {
    const lines = [{ text: `${said.title}.` }, ...problems];
    const title = `Unknown since ${sinceOf(said.unknown_since, now)}`;
    return { level: 'unknown', title, lines };
  }
  const { incidents } = overview;
  const others = incidents
    .filter((one) => one.cause !== 'file')
    .map((one) => ({
      text: `${one.title}, since ${sinceOf(one.since, now)}`,
      act: one.action === 'run' ? { kind: 'run', incident: one } : undefined,
    }));
  const lines = [
    ...problems,
    ...others,
    brokenLine(said, incidents),
    staleLine(overview, incidents),
  ].filter((line) => line !== null);
  return {
    level: said.level,
    title: said.title,
    lines: lines.length > 0 ? lines : [quietLine(overview)],
  };
}
