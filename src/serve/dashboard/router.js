// The address behind '#' → a view and its parameters: "#/files?status=failed".
import { fileView } from './view_file.js';
import { fieldsView } from './view_fields.js';
import { filesView } from './view_files.js';
import { logView } from './view_log.js';
import { overviewView } from './view_overview.js';
import { runView, runsView } from './view_runs.js';
import { planView, scheduleView } from './view_schedule.js';
import { settingsView } from './view_settings.js';
import { tableView, tablesView } from './view_tables.js';

// A view has title(query, data), load(query, local) → data, draw(data, page) → nodes, the names of the
// events after which it is loaded again, and optionally
//   take(data, event, page)   takes an event in without a request: true when that was enough
//   concerns(data, event)     false: the event is about something else
//   isAgeing                  its data changes with time alone
//   parent                    [address, title] of the list that it belongs to
const VIEWS = {
  '': overviewView,
  runs: runsView,
  run: runView,
  files: filesView,
  fields: fieldsView,
  file: fileView,
  tables: tablesView,
  table: tableView,
  schedule: scheduleView,
  plan: planView,
  settings: settingsView,
  log: logView,
};

export const NAVIGATION = [
  ['', 'Overview'],
  ['runs', 'Runs'],
  ['files', 'Files'],
  ['tables', 'Tables'],
  ['schedule', 'Schedule'],
  ['log', 'Log'],
  ['settings', 'Settings'],
];

const LISTS = { run: 'runs', file: 'files', fields: 'files', table: 'tables', plan: 'schedule' };

// `section`: the entry of the navigation that it belongs to.
export function parse(hash) {
  const [name, query = ''] = hash.replace(/^#?\/?/, '').split(/\?(.*)/s);
  const view = VIEWS[name];
  return {
    name,
    view: view ?? null,
    query: new URLSearchParams(query),
    section: LISTS[name] ?? name,
  };
}

export function address(name, parameters) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    if (value !== '') query.set(key, value);
  }
  return query.size > 0 ? `#/${name}?${query}` : `#/${name}`;
}
